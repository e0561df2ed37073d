package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ruche/federation"
	"ruche/federation/peering"
	"ruche/storage"
	"ruche/web/auth"
	"ruche/web/view"
)

// shownWeeks is how many weeks of a peer's figures its page shows.
const shownWeeks = 12

func peerPath(host string) string { return "/admin/peers/" + url.PathEscape(host) }

// peers is GET /admin/peers.
func (a *Admin) peers(w http.ResponseWriter, r *http.Request) error {
	return a.showPeers(w, r, nil, "")
}

func (a *Admin) showPeers(w http.ResponseWriter, r *http.Request, cause error, typed string) error {
	rows, err := a.DB.Peers(r.Context())
	if err != nil {
		return err
	}
	measures, err := a.DB.PeerMeasures(r.Context(), "")
	if err != nil {
		return err
	}
	page := view.AdminPeers{Outcome: outcome(r, cause), May: a.may(r, storage.ActPeers), Host: typed}
	for _, p := range rows {
		page.Peers = append(page.Peers, a.line(p, measures[p.Host]))
	}
	return a.show(w, r, "adminpeers", page.Outcome, page)
}

// line says how the link with a peer is.
func (a *Admin) line(p *storage.Peer, m *storage.PeerMeasure) view.PeerLine {
	if m == nil {
		m = &storage.PeerMeasure{}
	}
	l := view.PeerLine{Peer: p, Measure: m, Recent: m.Recent(a.DB.Now()), ErrorRate: -1, RoundTrip: -1, Trouble: trouble(m)}
	if tries := l.Recent.Sent + l.Recent.Failed; tries > 0 {
		l.ErrorRate = (100*l.Recent.Failed + tries/2) / tries
	}
	if l.Recent.Sent > 0 {
		l.RoundTrip = l.Recent.TookMS / l.Recent.Sent
	}
	return l
}

// trouble is the message for a host's last error, where it hasn't answered since.
func trouble(m *storage.PeerMeasure) string {
	if m.Failures == 0 || m.LastError == "" {
		return ""
	}
	if m.Refusing {
		return "trouble.refuses"
	}
	for _, t := range []struct{ word, key string }{
		{"no such host", "trouble.name"}, {"server misbehaving", "trouble.name"}, {"certificate", "trouble.certificate"}, {"tls", "trouble.certificate"}, {"connection refused", "trouble.closed"},
		{"deadline exceeded", "trouble.slow"}, {"timeout", "trouble.slow"}, {"answered 429", "trouble.busy"}, {"answered 5", "trouble.broken"}, {"reset by peer", "trouble.closed"}, {"EOF", "trouble.closed"},
	} {
		if strings.Contains(m.LastError, t.word) {
			return t.key
		}
	}
	return "trouble.other"
}

// addPeer is POST /admin/peers: a server without the handshake is allowed by hand.
func (a *Admin) addPeer(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	host, err := peering.ParseHost(form.Str("host"))
	if err == nil {
		if _, known := a.DB.PeerByHost(r.Context(), host); known == nil {
			return done(w, r, peerPath(host), "added")
		}
		err = a.Peering.Save(r.Context(), &storage.Peer{Host: host, Tier: storage.Partner, State: storage.PeerActive, Note: form.Str("note")})
	}
	if err != nil {
		return a.showPeers(w, r, err, form.Str("host"))
	}
	return done(w, r, peerPath(host), "added")
}

// peer is GET /admin/peers/{host}.
func (a *Admin) peer(w http.ResponseWriter, r *http.Request) error {
	return a.showPeer(w, r, r.PathValue("host"), nil, nil)
}

func (a *Admin) showPeer(w http.ResponseWriter, r *http.Request, host string, tried []view.TriedLine, cause error) error {
	ctx := r.Context()
	p, err := a.DB.PeerByHost(ctx, host)
	if err != nil {
		return err
	}
	measures, err := a.DB.PeerMeasures(ctx, host)
	if err != nil {
		return err
	}
	events, err := a.DB.PeerEvents(ctx, host, storage.Page{Limit: 20})
	if err != nil {
		return err
	}
	ended, err := a.DB.EndedJobs(ctx, host, storage.Page{Limit: 5})
	if err != nil {
		return err
	}
	c, err := a.DB.Comparison(ctx, host)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	page := view.AdminPeer{Outcome: outcome(r, cause), PeerLine: a.line(p, measures[host]), May: a.may(r, storage.ActPeers), Events: events, Ended: ended, Tried: tried,
		AccountDomains: strings.Join(p.AccountDomains, "\n"), MediaHosts: strings.Join(p.MediaHosts, "\n"),
		Compare: p.HeldFingerprint != "" || c != nil && c.Ended == "" && a.DB.Now().Before(c.ExpiresAt)}
	if !p.EndsAt.IsZero() {
		page.EndsOn = p.EndsAt.Add(-time.Nanosecond).Format(time.DateOnly)
	}
	if p.PurgeTotal > 0 {
		page.PurgePercent = 100 * p.PurgeDone / p.PurgeTotal
	}
	if p.Fingerprint != "" {
		page.Key = peering.ShowFingerprint(p.Fingerprint)
	}
	page.Total = page.Measure.Total()
	page.Weeks = page.Measure.Weeks[:min(len(page.Measure.Weeks), shownWeeks)]
	in, out := names(p.In), names(p.Out)
	for _, name := range storage.AllRights.Names() {
		page.Rights = append(page.Rights, view.RightLine{Name: name, In: in[name], Out: out[name]})
	}
	return a.show(w, r, "adminpeer", page.Outcome, page)
}

func names(rights storage.Rights) map[string]bool {
	set := map[string]bool{}
	for _, name := range rights.Names() {
		set[name] = true
	}
	return set
}

// savePolicy is POST /admin/peers/{host}/policy: everything that may be chosen of a peer.
func (a *Admin) savePolicy(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	host := r.PathValue("host")
	p, err := a.DB.PeerByHost(r.Context(), host)
	if err != nil {
		return err
	}
	p.Via = ""
	if err = policyOf(form, p); err == nil {
		err = a.Peering.Save(reasoned(r.Context(), form), p)
	}
	if err != nil {
		return a.showPeer(w, r, host, nil, err)
	}
	return done(w, r, peerPath(host), "saved")
}

// policyOf reads the form of a policy onto a peer.
func policyOf(form *auth.Values, p *storage.Peer) error {
	if err := rightsOf(form, &p.In, &p.Out); err != nil {
		return err
	}
	if tier := form.Str("tier"); tier == storage.Partner || tier == storage.Sibling {
		p.Tier = tier
	}
	p.ApproveFollows, p.Subscribe, p.PublicWeb = form.Bool("approve_follows", false), form.Bool("subscribe", false), form.Bool("public_web", false)
	p.Contact, p.Note = clip(form.Str("contact"), 500), clip(form.Str("note"), 2000)
	rate := form.Int("rate", 0)
	if err := form.Err(); err != nil || rate < 0 || rate > 1_000_000 {
		return fmt.Errorf("the rate is %q: give requests a minute, 0 for no limit: %w", form.Str("rate"), errForm)
	}
	p.Rate = int(rate)
	var err error
	if p.EndsAt, err = endOf(form.Str("ends")); err != nil {
		return err
	}
	for _, list := range []struct {
		text string
		into *[]string
	}{{form.Str("account_domains"), &p.AccountDomains}, {form.Str("media_hosts"), &p.MediaHosts}} {
		*list.into = nil
		for _, name := range strings.FieldsFunc(list.text, func(c rune) bool { return strings.ContainsRune(" ,;\r\n\t", c) }) {
			host, err := federation.NormalizeHost(name)
			if err != nil {
				return fmt.Errorf("%q: %w", name, err)
			}
			*list.into = append(*list.into, host)
		}
	}
	return nil
}

// rightsOf reads the table of rights; none at all would be a suspension that doesn't look like one.
func rightsOf(form *auth.Values, in, out *storage.Rights) error {
	var err error
	if *in, err = storage.RightsOf(form.List("in")); err != nil {
		return fmt.Errorf("%w: %w", err, errForm)
	}
	if *out, err = storage.RightsOf(form.List("out")); err != nil {
		return fmt.Errorf("%w: %w", err, errForm)
	}
	if none := (storage.Rights{}); *in == none && *out == none {
		return fmt.Errorf("that leaves no right at all: suspend the node instead: %w", errForm)
	}
	return nil
}

// endOf reads the last day of a contract; it ends when that day does, in UTC.
func endOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no day: write it as 2027-12-31: %w", text, errForm)
	}
	return day.AddDate(0, 0, 1), nil
}

func clip(s string, n int) string {
	s = strings.TrimSpace(s)
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}

// reasoned adds the reason that a form gives to what is written down.
func reasoned(ctx context.Context, form *auth.Values) context.Context {
	if why := clip(form.Str("why"), 1000); why != "" {
		return storage.Because(ctx, why)
	}
	return ctx
}

// actOnPeer is POST /admin/peers/{host}/{act}.
func (a *Admin) actOnPeer(w http.ResponseWriter, r *http.Request) error {
	form, err := auth.Params(r)
	if err != nil {
		return err
	}
	host := r.PathValue("host")
	acts := map[string]struct {
		do   func(ctx context.Context, host string) error
		done string
	}{
		"suspend": {a.Peering.Suspend, "suspended"},
		"resume":  {a.Peering.Resume, "resumed"},
		"block":   {a.Peering.Block, "blocked"},
		"purge":   {a.Peering.PurgeNow, "purging"},
		"remove":  {a.Peering.Remove, "removed"},
		"confirm": {func(ctx context.Context, host string) error { _, err := a.Peering.Confirm(ctx, host); return err }, "confirmed"},
		"refuse":  {a.Peering.Refuse, "refused"},
	}
	name := r.PathValue("act")
	act, known := acts[name]
	if !known {
		return auth.NotFound()
	}
	if err := act.do(reasoned(r.Context(), form), host); err != nil {
		if name == "confirm" || name == "refuse" {
			return a.showCode(w, r, host, err)
		}
		return a.showPeer(w, r, host, nil, err)
	}
	if _, err := a.DB.PeerByHost(r.Context(), host); errors.Is(err, storage.ErrNotFound) {
		return done(w, r, "/admin/peers", act.done)
	}
	return done(w, r, peerPath(host), act.done)
}

// testPeer is POST /admin/peers/{host}/test: the link is walked, step by step.
func (a *Admin) testPeer(w http.ResponseWriter, r *http.Request) error {
	host := r.PathValue("host")
	if _, err := a.DB.PeerByHost(r.Context(), host); err != nil {
		return err
	}
	steps, err := a.Peering.Test(r.Context(), host)
	if err != nil {
		return a.showPeer(w, r, host, nil, err)
	}
	var tried []view.TriedLine
	for _, s := range steps {
		tried = append(tried, view.TriedLine{Step: s.Step, Code: s.Code, Said: s.Said, OK: s.OK})
	}
	return a.showPeer(w, r, host, tried, nil)
}
