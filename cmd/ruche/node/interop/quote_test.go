//go:build interop

package interop

import (
	"slices"
	"testing"

	"ruche/outbox"
	"ruche/storage"
)

func TestQuotes(t *testing.T) {
	const area = "Quotes"
	show(t, area, fromRuche, "A quote is asked for, allowed with a stamp that everybody is told, and ends when the leave is taken back", "FEP-044f", func(f *flow) {
		ana, lena, nora := f.person("ana"), f.guest("lena"), f.guest("nora")
		ana.follows(lena)
		nora.follows(ana)
		id := lena.does("post", args{"content": "<p>quote this</p>", "policy": "everybody"})
		post := ana.posts(outbox.Draft{Text: "as lena says", Quote: ana.sees("quote this").ID, Visibility: storage.Public})
		request := lena.receives("QuoteRequest", ana, about(id))
		if request.InstrumentID != post.URI {
			f.Errorf("asked to quote in %s, want %s", request.InstrumentID, post.URI)
		}
		told := nora.receives("Update", ana, func(a *activity) bool { return a.Object != nil && a.Object.ID == post.URI && a.Object.Stamp != "" })
		if told.Object.Quote != id {
			f.Errorf("the quoting post shows %s, want %s", told.Object.Quote, id)
		}
		eventually(f.T, "the quote is allowed", func() bool { return ana.quote(post).State == storage.QuoteAccepted })
		lena.does("revokeStamp", args{"id": ana.quote(post).ApprovalURI})
		eventually(f.T, "the leave is taken back", func() bool { return ana.quote(post).State == storage.QuoteRevoked })
	})
	show(t, area, fromRuche, "A quote that is refused is not shown", "FEP-044f", func(f *flow) {
		ana, lena := f.person("ana"), f.guestWith("lena", args{"quotes": "no"})
		ana.follows(lena)
		lena.does("post", args{"content": "<p>please do not</p>"})
		post := ana.posts(outbox.Draft{Text: "as lena says", Quote: ana.sees("please do not").ID, Visibility: storage.Public})
		eventually(f.T, "the quote is refused", func() bool { return ana.quote(post).State == storage.QuoteRejected })
	})
	show(t, area, fromFedify, "A quote is asked for, allowed by the post's policy with a stamp, and shown; the leave can be taken back", "FEP-044f", func(f *flow) {
		ana, luc, lena := f.person("ana"), f.person("luc"), f.guest("lena")
		luc.follows(lena)
		quoted := ana.posts(outbox.Draft{Text: "quotable", Visibility: storage.Public, QuotePolicy: storage.QuotePublic})
		if o := lena.reads(quoted.URI); !slices.Equal(o.MayQuote, []string{public}) {
			f.Errorf("who may quote: %v", o.MayQuote)
		}
		id := lena.does("post", args{"content": "<p>as ana says</p>", "quote": quoted.URI, "silent": true})
		request := lena.does("askToQuote", args{"id": id, "author": ana.acct()})
		accept := lena.receives("Accept", ana, about(request))
		stamp := lena.reads(accept.ResultID)
		if stamp == nil || stamp.Type != "QuoteAuthorization" || stamp.Author != ana.me.URI || stamp.InteractingObject != id || stamp.InteractionTarget != quoted.URI {
			f.Fatalf("the stamp %s is %+v", accept.ResultID, stamp)
		}
		lena.does("publish", args{"id": id, "stamp": accept.ResultID})
		post := luc.sees("as ana says")
		eventually(f.T, "the quote is shown", func() bool {
			q := luc.quote(post)
			return q.State == storage.QuoteAccepted && q.QuotedID == quoted.ID
		})
		f.must(f.node.Outbox().RevokeQuote(f.ctx, ana.me, quoted.ID, post.ID))
		lena.receives("Delete", ana, about(accept.ResultID))
		if got := lena.reads(accept.ResultID); got != nil && got.Type == "QuoteAuthorization" {
			f.Errorf("the stamp is still given: %+v", got)
		}
	})
	show(t, area, fromFedify, "A quote is refused where the policy says nobody, and not shown though it is sent", "FEP-044f", func(f *flow) {
		ana, luc, lena := f.person("ana"), f.person("luc"), f.guest("lena")
		luc.follows(lena)
		quoted := ana.posts(outbox.Draft{Text: "not quotable", Visibility: storage.Public, QuotePolicy: storage.QuoteNobody})
		id := lena.does("post", args{"content": "<p>all the same</p>", "quote": quoted.URI, "silent": true})
		request := lena.does("askToQuote", args{"id": id, "author": ana.acct()})
		lena.receives("Reject", ana, about(request))
		lena.does("publish", args{"id": id})
		post := luc.sees("all the same")
		if q := luc.quote(post); q.State == storage.QuoteAccepted {
			f.Errorf("the quote is %s", q.State)
		}
	})
	show(t, area, fromFedify, "A quote between two people of Fedify is shown once its stamp was read on the quoted author's server", "FEP-044f", func(f *flow) {
		luc, lena, nora := f.person("luc"), f.guest("lena"), f.guest("nora")
		luc.follows(lena)
		quoted := nora.does("post", args{"content": "<p>nora said so</p>", "policy": "everybody"})
		id := lena.does("post", args{"content": "<p>as nora says</p>", "quote": quoted, "silent": true})
		lena.does("askToQuote", args{"id": id, "author": nora.acct})
		var stamp string
		eventually(f.T, "nora's server answers", func() bool {
			seen, err := f.fed.seen()
			f.must(err)
			for _, a := range seen {
				if a.Type == "Accept" && a.Actor == nora.uri && a.ResultID != "" {
					stamp = a.ResultID
				}
			}
			return stamp != ""
		})
		lena.does("publish", args{"id": id, "stamp": stamp})
		post := luc.sees("as nora says")
		eventually(f.T, "the quote is shown", func() bool { return luc.quote(post).State == storage.QuoteAccepted })
	})
}

func (p *person) quote(post *storage.Post) *storage.Quote {
	p.Helper()
	q, err := p.node.DB().QuoteOf(p.ctx, post.ID)
	p.must(err)
	return q
}
