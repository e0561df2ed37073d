package peering

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/queue"
)

// checkEvery is how often a peer's key and software are looked at.
const checkEvery = 24 * time.Hour

// Begin makes sure that what runs by itself does, where there is anybody to look after; a node that starts calls
// it, since it may have slept longer than a job lives.
func (p *Peering) Begin(ctx context.Context) error {
	return p.DB.Update(ctx, func(tx *storage.Tx) error {
		peers, err := tx.Peers(ctx)
		if err != nil || len(peers) == 0 {
			return err
		}
		return tx.EnsureJob(ctx, storage.JobPeers, tx.Now().Add(storage.PeersEvery))
	})
}

// keep is the periodic job: contracts end, lists are read again, peers are looked at.
func (p *Peering) keep(ctx context.Context, job *storage.Job) error {
	err := p.DB.Update(ctx, func(tx *storage.Tx) error {
		next, err := tx.EndContracts(ctx)
		if err != nil {
			return err
		}
		if err := tx.ForgetUnlinked(ctx); err != nil {
			return err
		}
		if err := tx.ForgetTraffic(ctx); err != nil {
			return err
		}
		orgs, err := tx.Organisations(ctx)
		if err != nil {
			return err
		}
		var jobs []storage.NewJob
		for _, o := range orgs {
			if o.Role != storage.OrgKeeper {
				jobs = append(jobs, storage.NewJob{Kind: JobOrganisation, Key: "organisation " + o.URI, Args: o.URI})
			}
		}
		peers, err := tx.Peers(ctx)
		if err != nil {
			return err
		}
		for _, peer := range peers {
			if peer.Active() && !peer.Wildcard() && tx.Now().Sub(peer.CheckedAt) >= checkEvery {
				jobs = append(jobs, storage.NewJob{Kind: JobCheck, Key: "check " + peer.Host, Host: peer.Host, Args: peer.Host})
			}
		}
		if len(jobs) > 0 {
			if err := tx.Enqueue(ctx, jobs...); err != nil {
				return err
			}
		}
		at := tx.Now().Add(storage.PeersEvery)
		if !next.IsZero() && next.Before(at) {
			at = next
		}
		if err := tx.FinishJob(ctx, job); err != nil {
			return err
		}
		return tx.EnsureJob(ctx, storage.JobPeers, at)
	})
	if err != nil {
		return err
	}
	return queue.ErrFinished
}

// check looks at one peer: its key, if we are linked, and its software.
func (p *Peering) check(ctx context.Context, job *storage.Job) error {
	peer, err := p.DB.PeerByHost(ctx, job.Host)
	if err != nil || !peer.Active() {
		return nil
	}
	prove := p.Node.CheckService
	if peer.Linked() {
		prove = p.Prove
	}
	if err := prove(ctx, peer); err != nil && !errors.Is(err, federation.ErrUntrusted) {
		return &queue.HostError{Err: err}
	}
	software, err := p.software(ctx, peer.Host)
	if err != nil {
		software = peer.Software // it needn't say
	}
	return p.DB.Update(ctx, func(tx *storage.Tx) error { return tx.PeerChecked(ctx, peer.Host, software) })
}

// software reads NodeInfo.
func (p *Peering) software(ctx context.Context, host string) (string, error) {
	var index struct {
		Links []struct{ Rel, Href string }
	}
	if err := p.getJSON(ctx, host, p.address(host, "/.well-known/nodeinfo"), &index); err != nil {
		return "", err
	}
	for _, l := range index.Links {
		if l.Rel != "http://nodeinfo.diaspora.software/ns/schema/2.0" && l.Rel != "http://nodeinfo.diaspora.software/ns/schema/2.1" {
			continue
		}
		var info struct {
			Software struct{ Name, Version string }
		}
		if err := p.getJSON(ctx, host, l.Href, &info); err != nil {
			return "", err
		}
		return info.Software.Name + " " + info.Software.Version, nil
	}
	return "", storage.ErrNotFound
}

func (p *Peering) getJSON(ctx context.Context, host, uri string, v any) error {
	if on, err := federation.HostOf(uri); err != nil || on != host {
		return fmt.Errorf("%q isn't on %s: %w", uri, host, federation.ErrUntrusted)
	}
	res, err := p.Node.Client.GetFrom(ctx, host, uri, "application/json", 64<<10)
	if err != nil {
		return err
	}
	if res.Status != http.StatusOK {
		return &federation.StatusError{Status: res.Status}
	}
	return json.Unmarshal(res.Body, v)
}

// purge removes what came from a blocked peer, a part at a time.
func (p *Peering) purge(ctx context.Context, job *storage.Job) error {
	var host string
	if err := json.Unmarshal([]byte(job.Args), &host); err != nil {
		return queue.Permanent(err)
	}
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return err // it goes on where it was
		}
		err := p.DB.Update(ctx, func(tx *storage.Tx) error {
			var blobs []string
			var err error
			if done, blobs, err = tx.PurgePeer(ctx, host); err != nil {
				return err
			}
			return p.ForgetMedia(ctx, tx, blobs)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
