//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A fedify is the other server, a process of its own.
type fedify struct {
	host    string
	control string
	log     *journal
}

// startFedify starts the server under a name that leads to this machine.
func (w *world) startFedify(name string, options map[string]any) (*fedify, error) {
	binary, err := filepath.Abs(filepath.Join("node_modules", ".bin", "node"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("the npm packages are missing: run make test-interop, or npm ci in cmd/ruche/node/interop: %w", err)
	}
	cert, key, err := w.ca.Certificate(name)
	if err != nil {
		return nil, err
	}
	settings, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	f := &fedify{log: new(journal)}
	cmd := exec.Command(binary, "peer.mjs", name, cert, key, string(settings))
	if options == nil {
		cmd.Args = cmd.Args[:len(cmd.Args)-1]
	}
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+w.ca.File)
	cmd.Stderr = f.log
	input, err := cmd.StdinPipe() // while it is open the process lives
	if err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w.ends = append(w.ends, func() {
		_ = input.Close()
		_ = cmd.Wait()
	})
	var where struct{ Host, Control string }
	lines := bufio.NewReader(output)
	first, err := lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(first, &where)
	}
	if err != nil {
		return nil, fmt.Errorf("fedify didn't start: %w\n%s", err, f.log.since(0))
	}
	go func() { _, _ = io.Copy(f.log, lines) }() // ends with the process
	f.host, f.control = where.Host, where.Control
	return f, nil
}

// actError is what an act that failed says.
type actError struct {
	Message string `json:"error"`
	Status  int    `json:"status"` // of the other side's answer, where it gave one
}

func (e *actError) Error() string { return fmt.Sprintf("fedify (%d): %s", e.Status, e.Message) }

// try has the server do something.
func (f *fedify) try(act string, args map[string]any, answer any) error {
	if args == nil {
		args = map[string]any{}
	}
	body, err := json.Marshal(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), waiting)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.control+"/"+act, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		failed := new(actError)
		if err := json.NewDecoder(res.Body).Decode(failed); err != nil {
			return err
		}
		return failed
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(answer)
}

// args are an act's arguments, or a post's parts.
type args = map[string]any

// An activity is what arrived at Fedify, as Fedify understood it, after it verified it.
type activity struct {
	Inbox  string // a name, or "shared"
	Scheme string // "cavage" or "RFC 9421"
	Proof  string // "good" where it carried a proof that holds (FEP-8b32); "": none
	Sync   string // its Collection-Synchronization header
	object
	Actor        string
	ObjectID     string
	Objects      []string // of a Flag, which has several
	TargetID     string
	InstrumentID string
	ResultID     string
	Object       *activityOrObject
}

// activityOrObject is what an activity embeds.
type activityOrObject = activity

// An object is a post, an actor or a stamp as Fedify understood it.
type object struct {
	Type, ID, Author, Name, Content string
	Languages                       []string
	Summary                         string
	Sensitive                       bool
	Published, Updated, URL         string
	To, Cc                          []string
	InReplyTo, Audience, Context    string
	Mentions, Hashtags              []struct{ Name, Href string }
	Files                           []struct {
		Type, MediaType, URL, Name string
		Width, Height              int
	}
	Quote, Stamp                         string
	InteractingObject, InteractionTarget string
	MayQuote                             []string
	Choices                              []struct {
		Name  string
		Votes int
	}
	Multiple, Closed             bool
	EndTime                      string
	Voters                       int
	Username, Inbox, SharedInbox string
	Followers                    string
	Locked                       bool
	Aliases                      []string
	MovedTo                      string
	Keys                         int
}

// A sending is what Fedify asked of another server, with the answer.
type sending struct {
	Method, URL, Scheme string
	Status              int
}

// sent gives what Fedify asked of a host.
func (f *fedify) sent(host string) (to []sending, err error) {
	var answer struct{ Sent []sending }
	if err := f.try("sent", nil, &answer); err != nil {
		return nil, err
	}
	for _, s := range answer.Sent {
		if strings.HasPrefix(s.URL, "https://"+host+"/") {
			to = append(to, s)
		}
	}
	return to, nil
}

// A refusal is a delivery that Fedify didn't take.
type refusal struct {
	Status               int
	Scheme, Answer, Body string
}

// refused gives the deliveries of an actor that were not taken.
func (f *fedify) refused(actor string) (by []refusal, err error) {
	var answer struct{ Refused []refusal }
	if err := f.try("refused", nil, &answer); err != nil {
		return nil, err
	}
	for _, r := range answer.Refused {
		if strings.Contains(r.Body, `"actor":"`+actor+`"`) {
			by = append(by, r)
		}
	}
	return by, nil
}

func (f *fedify) seen() ([]*activity, error) {
	var answer struct{ Seen []*activity }
	err := f.try("seen", nil, &answer)
	return answer.Seen, err
}

// eventually waits until something holds; waiting is an upper bound and no part of the test.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(waiting)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within %s", what, waiting)
		case <-tick.C:
		}
	}
}
