//go:build processes

package main

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-mastodon"
)

// field reads a line of a command's answer.
func field(t *testing.T, text, name string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), "\t"); key == name {
			return value
		}
	}
	t.Fatalf("no %s in %s", name, text)
	return ""
}

// refusedTo runs a command that has to fail, and gives what it says.
func (n *realNode) refusedTo(args ...string) string {
	n.t.Helper()
	cmd := exec.Command(n.binary, args...)
	cmd.Env, cmd.Dir = n.env, n.dir
	out, err := cmd.CombinedOutput()
	if err == nil {
		n.t.Errorf("%s: ruche %s was not refused: %s", n.domain, strings.Join(args, " "), out)
	}
	return string(out)
}

// app is a client with a token that the command line made.
func (n *realNode) app(username string) *mastodon.Client {
	n.t.Helper()
	client := mastodon.NewClient(&mastodon.Config{Server: n.base, AccessToken: strings.TrimSpace(n.run("token", "create", "--account", username))})
	client.Client = *n.http
	return client
}

func (n *realNode) peerState(host string) string {
	n.t.Helper()
	var peers []struct{ Host, State, Reason string }
	check(n.t, json.Unmarshal([]byte(n.run("peer", "list", "--json")), &peers))
	for _, p := range peers {
		if p.Host == host {
			return strings.TrimSpace(p.State + " " + p.Reason)
		}
	}
	return "unknown"
}

// join links two nodes by the command line alone.
func (n *realNode) join(other *realNode, flags ...string) {
	n.t.Helper()
	link := strings.TrimSpace(n.run(append([]string{"peer", "invite"}, flags...)...))
	accepted := other.run(append([]string{"peer", "accept", link}, flags...)...)
	shown := n.run("peer", "code", other.domain)
	if a, b := field(n.t, accepted, "code"), field(n.t, shown, "code"); a != b {
		n.t.Fatalf("the screens show %q and %q", a, b)
	}
	n.run("peer", "confirm", other.domain)
	eventually(n.t, other.domain+" allows "+n.domain, func() bool { return other.peerState(n.domain) == "active" })
	if second := other.refusedTo(append([]string{"peer", "accept", link}, flags...)...); !strings.Contains(second, "used") {
		n.t.Errorf("a second use is refused with %s", second)
	}
}

func TestAFourthProcessJoinsAnOrganisationByOneAct(t *testing.T) {
	w := newWorld(t)
	var nodes []*realNode
	for _, name := range hostNames {
		n := w.node(name, "")
		n.start()
		nodes = append(nodes, n)
	}
	keeper, fourth := nodes[0], nodes[3]
	keeper.run("organisation", "create", "Abeilles")
	keeper.join(nodes[1], "--sibling")
	keeper.join(nodes[2], "--sibling")
	nodes[1].person("luc")
	luc := nodes[1].app("luc")
	fourth.person("eve")
	eve := fourth.app("eve")

	keeper.join(fourth, "--sibling")
	eventually(t, "the fourth knows the second", func() bool { return fourth.peerState(nodes[1].domain) == "active" })
	began := time.Now()
	_, err := eve.PostStatus(context.Background(), &mastodon.Toot{Status: "hello from the fourth", Visibility: "public"})
	check(t, err)
	eventually(t, "the post is on the second's organisation timeline", func() bool {
		posts, err := luc.GetTimelinePublic(context.Background(), false, nil)
		if err != nil {
			return false
		}
		for _, p := range posts {
			if strings.Contains(p.Content, "hello from the fourth") {
				return true
			}
		}
		return false
	})
	t.Logf("it took %s", time.Since(began))
	fourth.run("peer", "test", nodes[1].domain)
	keeper.run("organisation", "remove", fourth.domain)
	eventually(t, "the second hears that the fourth has left", func() bool { return nodes[1].peerState(fourth.domain) == "suspended left" })
}
