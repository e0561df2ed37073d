package inbox

import (
	"context"
	"errors"
	"net/http"
	"time"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/storage"
)

// mayBePassedOn are the activities that others pass on (ActivityPub §7.1.2, FEP-1b12). The rest is between two
// actors, who reach each other themselves: one of those in another's hands is a forgery or a replay.
var mayBePassedOn = map[string]bool{"Create": true, "Update": true, "Delete": true, "Undo": true, "Announce": true, "Like": true}

// forwarded deals with what one actor passes on of another's. With the other's own proof (FEP-8b32) it counts as if
// it had come from there, at the time of the proof. Without, its body is not believed: what it is about is
// read from its own host, if that is a peer. The answer is 202 then as well: whom we are linked with is nobody's
// business. Between actors of one host nothing needs passing on, so that without a proof it is another's key: 401.
func (in *Inbox) forwarded(ctx context.Context, doc *vocab.Document, a *vocab.Activity, signer *federation.Signer) error {
	notActor := refuse(http.StatusUnauthorized, "signer_is_not_actor", "%s signed for %s", signer.Owner, a.Actor)
	if !mayBePassedOn[a.Type] || a.Type == "Undo" && a.Object.Document != nil && !mayBePassedOn[a.Object.Document.Type()] {
		return notActor
	}
	host, err := federation.HostOf(a.Actor)
	if err != nil {
		return refuse(http.StatusBadRequest, "malformed", "%w", err)
	}
	if err := in.Node.Permit(ctx, host); err != nil {
		in.Refused("forwarded_from_stranger")
		return nil
	}
	if a.Type == "Update" && a.Object.ID == a.Actor {
		return in.readActorAgain(ctx, a.Actor)
	}
	signedAt, err := in.Node.Gate.VerifyProof(ctx, doc, a.Actor)
	// An Undo that only names what it undoes may be that of a follow, whose id some servers use again.
	if err == nil && (a.Type != "Undo" || a.Object.Document != nil) {
		err = in.keep(ctx, a, doc.Raw, envelope{SignedAt: signedAt}, nil)
		if late := (*refusal)(nil); errors.As(err, &late) {
			in.Refused(late.reason)
			return nil
		}
		return err
	}
	if host == signer.Host {
		return notActor
	}
	in.Log.InfoContext(ctx, "passed on without a valid proof", "activity", a.ID, "by", signer.Owner, "err", err)
	objectHost, err := federation.HostOf(a.Object.ID)
	if a.Type != "Create" && a.Type != "Update" && a.Type != "Delete" || err != nil || objectHost != host {
		in.Refused("forwarded_unproven")
		return nil
	}
	return in.DB.Update(ctx, func(tx *storage.Tx) error {
		return tx.Enqueue(ctx, storage.NewJob{Kind: JobFetch, Host: host, Args: fetch{URI: a.Object.ID, Again: a.Type != "Create"}})
	})
}

// readActorAgain queues the reading of a known actor from its own host: a profile that is passed on may be one from before
// its keys were changed.
func (in *Inbox) readActorAgain(ctx context.Context, uri string) error {
	actor, err := in.DB.AccountByURI(ctx, uri)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return in.DB.Update(ctx, func(tx *storage.Tx) error {
		return in.lookFor(ctx, tx, actor, gone{Actor: uri}, time.Time{})
	})
}
