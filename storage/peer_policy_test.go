package storage_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"ruche/storage"
	"ruche/storage/storagetest"
)

func TestWhatAPolicyRefuses(t *testing.T) {
	only := func(names ...string) storage.Policy {
		r, err := storage.RightsOf(names)
		must(t, err)
		return storage.Policy{In: r, Out: r}
	}
	every := []storage.Crossing{storage.CrossFollows, storage.CrossPosts, storage.CrossShares, storage.CrossDirect, storage.CrossMedia, storage.CrossCommunities, storage.CrossDirectory}
	for _, way := range []storage.Way{storage.In, storage.Out} {
		for _, right := range every {
			p := &storage.Peer{State: storage.PeerActive, Policy: only(string(right))}
			for _, what := range every {
				want := "policy_" + string(what) + "_" + string(way)
				if what == right {
					want = ""
				}
				if got := p.Refuses(way, what); got != want {
					t.Errorf("with the right to %s, %s %s is refused as %q, want %q", right, what, way, got, want)
				}
			}
			// One way says nothing of the other.
			oneWay := &storage.Peer{State: storage.PeerActive}
			if way == storage.In {
				oneWay.Out = storage.AllRights
			} else {
				oneWay.In = storage.AllRights
			}
			if oneWay.Refuses(way, right) == "" {
				t.Errorf("%s %s is allowed by the right of the other way", right, way)
			}
		}
	}
	all := storage.DefaultPolicy(storage.Partner)
	for name, tc := range map[string]struct {
		peer *storage.Peer
		way  storage.Way
		what storage.Crossing
		want string
	}{
		"nobody listed it":                    {nil, storage.In, storage.CrossPosts, "not_a_peer"},
		"nobody listed it, for a deletion":    {nil, storage.Out, storage.CrossTakeback, "not_a_peer"},
		"invited isn't allowed yet":           {&storage.Peer{State: storage.PeerInvited, Policy: all}, storage.In, storage.CrossPosts, "peer_invited"},
		"awaiting isn't allowed yet":          {&storage.Peer{State: storage.PeerAwaiting, Policy: all}, storage.Out, storage.CrossAlways, "peer_awaiting"},
		"suspended":                           {&storage.Peer{State: storage.PeerSuspended, Policy: all}, storage.Out, storage.CrossPosts, "peer_suspended"},
		"suspended: likes wait for nothing":   {&storage.Peer{State: storage.PeerSuspended, Policy: all}, storage.Out, storage.CrossAlways, "peer_suspended"},
		"suspended: a deletion is queued":     {&storage.Peer{State: storage.PeerSuspended, Policy: all}, storage.Out, storage.CrossTakeback, ""},
		"suspended: a deletion isn't heard":   {&storage.Peer{State: storage.PeerSuspended, Policy: all}, storage.In, storage.CrossTakeback, "peer_suspended"},
		"expired":                             {&storage.Peer{State: storage.PeerExpired, Policy: all}, storage.In, storage.CrossFollows, "peer_expired"},
		"blocked gets not even a deletion":    {&storage.Peer{State: storage.PeerBlocked, Policy: all}, storage.Out, storage.CrossTakeback, "peer_blocked"},
		"a state that nobody knows":           {&storage.Peer{State: "", Policy: all}, storage.In, storage.CrossPosts, "peer_"},
		"answers cross whatever the policy":   {&storage.Peer{State: storage.PeerActive}, storage.In, storage.CrossAlways, ""},
		"deletions cross whatever the policy": {&storage.Peer{State: storage.PeerActive}, storage.In, storage.CrossTakeback, ""},
		"a kind that nobody knows":            {&storage.Peer{State: storage.PeerActive, Policy: all}, storage.In, "polls", "policy_polls_in"},
	} {
		if got := tc.peer.Refuses(tc.way, tc.what); got != tc.want {
			t.Errorf("%s: refused as %q, want %q", name, got, tc.want)
		}
	}
}

func TestRightsAreWrittenByTheirNames(t *testing.T) {
	text, err := json.Marshal(storage.Rights{Posts: true, Media: true})
	must(t, err)
	if string(text) != `["posts","media"]` {
		t.Errorf("rights are written %s", text)
	}
	var r storage.Rights
	must(t, json.Unmarshal([]byte(`["all"]`), &r))
	if r != storage.AllRights {
		t.Errorf("all is %v", r)
	}
	if _, err := storage.RightsOf([]string{"posts", "everything"}); err == nil {
		t.Error("a right that there isn't is read")
	}
}

func save(t *testing.T, db *storage.DB, p *storage.Peer) {
	t.Helper()
	must(t, db.Update(context.Background(), func(tx *storage.Tx) error { return tx.SavePeer(context.Background(), p) }))
}

func TestAPeersRowKeepsEveryChoice(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		in, _ := storage.RightsOf([]string{"posts", "direct"})
		out, _ := storage.RightsOf([]string{"follows", "communities"})
		p := &storage.Peer{Host: "a.test", Tier: storage.Partner, State: storage.PeerActive, PublicWeb: true, Contact: "it@a.test", Note: "n", EndsAt: db.Now().AddDate(1, 0, 0),
			AccountDomains: []string{"b.test"}, MediaHosts: []string{"files.test"}, Policy: storage.Policy{In: in, Out: out, ApproveFollows: true, Subscribe: true, Rate: 7}}
		save(t, db, p)
		got, err := db.PeerByHost(ctx, "a.test")
		must(t, err)
		if got.Policy != p.Policy || !got.EndsAt.Equal(p.EndsAt) || got.Contact != p.Contact || !got.ServesMedia("files.test") || !got.ServesMedia("b.test") || got.ServesMedia("c.test") || !got.PublicWeb {
			t.Errorf("the row is %+v", got)
		}
		// Who says nothing of rights leaves them, or gets the tier's.
		save(t, db, &storage.Peer{Host: "a.test", Tier: storage.Partner, State: storage.PeerActive})
		if got, _ = db.PeerByHost(ctx, "a.test"); got.Policy != p.Policy {
			t.Errorf("the policy became %+v", got.Policy)
		}
		save(t, db, &storage.Peer{Host: "s.test", Tier: storage.Sibling, State: storage.PeerActive})
		if got, _ = db.PeerByHost(ctx, "s.test"); got.Policy != storage.DefaultPolicy(storage.Sibling) {
			t.Errorf("a sibling's policy is %+v", got.Policy)
		}
		err = db.Update(ctx, func(tx *storage.Tx) error {
			return tx.SavePeer(ctx, &storage.Peer{Host: "thief.test", Tier: storage.Partner, State: storage.PeerActive, AccountDomains: []string{"s.test"}})
		})
		if !errors.Is(err, storage.ErrDomainTaken) {
			t.Errorf("claiming another's account domain gives %v", err)
		}
	})
}

func TestTheMostSpecificPatternWins(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		remote := func(host string) {
			t.Helper()
			must(t, db.Update(ctx, func(tx *storage.Tx) error {
				a := &storage.Account{Username: "luc", Domain: host, Peer: host, Kind: storage.Person, URI: "https://" + host + "/luc", InboxURI: "https://" + host + "/luc/inbox"}
				if err := tx.AddAccount(ctx, a); err != nil {
					return err
				}
				return tx.LearnPeer(ctx, host, "https://"+host+"/inbox", true)
			}))
		}
		// found says which hosts' people a search shows: what SQL makes of the rows.
		found := func() string {
			t.Helper()
			list, err := db.SearchAccounts(ctx, "luc", 10, 0)
			must(t, err)
			hosts := ""
			for _, a := range list {
				hosts += a.Peer + " "
			}
			return hosts
		}
		state := func(host, want string) {
			t.Helper()
			got := "unknown"
			if p, err := db.PeerByHost(ctx, host); err == nil {
				got = p.State + " " + p.Via
			}
			if got != want {
				t.Errorf("%s is %q, want %q", host, got, want)
			}
		}
		save(t, db, &storage.Peer{Host: "*.example.com", Tier: storage.Partner, State: storage.PeerActive})
		save(t, db, &storage.Peer{Host: "*.lab.example.com", Tier: storage.Partner, State: storage.PeerSuspended})
		save(t, db, &storage.Peer{Host: "good.lab.example.com", Tier: storage.Partner, State: storage.PeerActive})
		state("a.example.com", "active *.example.com")
		state("deep.a.example.com", "active *.example.com")
		state("x.lab.example.com", "suspended *.lab.example.com")
		state("good.lab.example.com", "active ")
		state("example.com", "unknown") // subdomains only
		state("badexample.com", "unknown")
		state("a.example.com:8443", "unknown")
		state("example.com.evil.test", "unknown")
		remote("a.example.com")
		remote("good.lab.example.com")
		if got := found(); got != "a.example.com good.lab.example.com " && got != "good.lab.example.com a.example.com " {
			t.Errorf("people are found at %s", got)
		}
		byHost, err := db.PeersByHost(ctx, []string{"a.example.com", "b.example.com", "other.test"})
		must(t, err)
		if len(byHost) != 2 || !byHost["b.example.com"].Active() {
			t.Errorf("many at once: %v", byHost)
		}
		// Hosts follow their pattern at once, and a narrower one takes over.
		save(t, db, &storage.Peer{Host: "*.example.com", Tier: storage.Partner, State: storage.PeerSuspended})
		if got := found(); got != "good.lab.example.com " {
			t.Errorf("after suspending the pattern people are found at %s", got)
		}
		save(t, db, &storage.Peer{Host: "a.example.com", Tier: storage.Partner, State: storage.PeerActive})
		state("a.example.com", "active ")
		must(t, db.Update(ctx, func(tx *storage.Tx) error { _, err := tx.RemovePeer(ctx, "a.example.com"); return err }))
		state("a.example.com", "suspended *.example.com")
		must(t, db.Update(ctx, func(tx *storage.Tx) error { _, err := tx.RemovePeer(ctx, "*.example.com"); return err }))
		state("a.example.com", "unknown")
		if got := found(); got != "good.lab.example.com " {
			t.Errorf("after removing the pattern people are found at %s", got)
		}
	})
}

func TestARightOfOneWayIsAPolicy(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		ctx := context.Background()
		for host, policy := range map[string]storage.Policy{
			"in.test":  {In: storage.Rights{Posts: true}},
			"out.test": {Out: storage.Rights{Posts: true}},
		} {
			save(t, db, &storage.Peer{Host: host, Tier: storage.Partner, State: storage.PeerActive, Policy: policy})
			p, err := db.PeerByHost(ctx, host)
			if err != nil || p.In != policy.In || p.Out != policy.Out {
				t.Errorf("%s: %+v (%v), want %+v", host, p, err, policy)
			}
		}
	})
}
