package peering

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/queue"
)

// addMember puts a node that has just been confirmed on the list that this node keeps.
func (p *Peering) addMember(ctx context.Context, tx *storage.Tx, me *self, c *storage.Comparison) error {
	var theirs message
	if err := json.Unmarshal([]byte(c.Theirs), &theirs); err != nil {
		return fmt.Errorf("read what %s said: %w", c.Host, err)
	}
	return p.publish(ctx, tx, me, func(l *List) error {
		l.Members = slices.DeleteFunc(l.Members, func(m Member) bool { return m.Host == c.Host })
		if len(l.Members) >= maxMembers {
			return fmt.Errorf("an organisation has at most %d nodes", maxMembers)
		}
		l.Members = append(l.Members, Member{Host: c.Host, Actor: c.ServiceActor, Inbox: theirs.Inbox, Domain: theirs.Domain, Name: theirs.Name, Fingerprint: c.Fingerprint})
		return nil
	})
}

// RemoveMember takes a node off the list that this node keeps: it and the others cease to be siblings.
func (p *Peering) RemoveMember(ctx context.Context, host string) error {
	me, err := p.self(ctx)
	if err != nil {
		return err
	}
	return p.DB.Update(ctx, func(tx *storage.Tx) error { return p.removeMember(ctx, tx, me, host) })
}

func (p *Peering) removeMember(ctx context.Context, tx *storage.Tx, me *self, host string) error {
	if host == p.Node.Host {
		return fmt.Errorf("this node keeps the list: it can't leave it")
	}
	return p.publish(ctx, tx, me, func(l *List) error {
		if !l.has(host) {
			return fmt.Errorf("%s isn't on the list: %w", host, storage.ErrNotFound)
		}
		l.Members = slices.DeleteFunc(l.Members, func(m Member) bool { return m.Host == host })
		return nil
	})
}

// leaving is a member that takes itself off the list that this node keeps.
func (p *Peering) leaving(ctx context.Context, tx *storage.Tx, m *message) error {
	me, err := p.self(ctx)
	if err != nil {
		return err
	}
	if err := p.removeMember(ctx, tx, me, m.From); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return nil
}

// memberKey publishes a member's new key, if we keep a list that names it.
func (p *Peering) memberKey(ctx context.Context, tx *storage.Tx, host, print string) error {
	org, err := keptBy(ctx, &tx.Queries)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	list, _, err := ReadList([]byte(org.Document), org.URI, org.PublicKey)
	if err != nil || !list.has(host) {
		return err
	}
	me, err := selfOf(ctx, &tx.Queries)
	if err != nil {
		return err
	}
	return p.publish(ctx, tx, me, func(l *List) error {
		for i := range l.Members {
			if l.Members[i].Host == host {
				l.Members[i].Fingerprint = print
			}
		}
		return nil
	})
}

// joined is the answering side of an invitation to an organisation, once it is confirmed: the list is read next.
func (p *Peering) joined(ctx context.Context, tx *storage.Tx, c *storage.Comparison) error {
	var terms Terms
	if err := json.Unmarshal([]byte(c.Terms), &terms); err != nil {
		return fmt.Errorf("read what was agreed: %w", err)
	}
	return p.follow(ctx, tx, terms.Organisation, terms.OrganisationKey, storage.OrgMember, AllTerms(storage.Sibling))
}

// follow begins to follow a list.
func (p *Peering) follow(ctx context.Context, tx *storage.Tx, uri, key, role string, terms Terms) error {
	keeper, err := federation.HostOf(uri)
	if err != nil || uri != p.address(keeper, organisationPath) {
		return fmt.Errorf("%q isn't where a list is served: %w", clipText(uri), ErrList)
	}
	orgs, err := tx.Organisations(ctx)
	if err != nil {
		return err
	}
	org := &storage.Organisation{URI: uri, Name: keeper, Keeper: keeper, Role: role, PublicKey: key}
	for _, o := range orgs {
		if o.URI == uri && o.PublicKey == key {
			org.Version, org.Document, org.Name = o.Version, o.Document, o.Name // never older than what we know
		}
		if o.URI != uri && role == storage.OrgMember && o.Role != storage.OrgAccepted {
			return fmt.Errorf("this node belongs to %s already: leave it first", o.Name)
		}
	}
	text, err := json.Marshal(terms)
	if err != nil {
		return fmt.Errorf("keep terms: %w", err)
	}
	org.Terms = string(text)
	if err := tx.SaveOrganisation(ctx, org); err != nil {
		return err
	}
	if err := tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionFollowList, Subject: storage.Subject{Kind: "organisation", ID: uri}, After: org}); err != nil {
		return err
	}
	return tx.Enqueue(ctx, storage.NewJob{Kind: JobOrganisation, Key: "organisation " + uri, Args: uri})
}

// Offered reads what an organisation says of itself, before an admin accepts it: the list, and the key to compare
// with what its keeper tells them by another way.
func (p *Peering) Offered(ctx context.Context, host string) (*List, string, error) {
	uri := p.address(host, organisationPath)
	document, err := p.fetchList(ctx, host, uri)
	if err != nil {
		return nil, "", err
	}
	var s signedList
	if err := json.Unmarshal(document, &s); err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrList, err)
	}
	return ReadList(document, uri, s.Key)
}

// AcceptOrganisation makes every node of an organisation a partner, now and as its list changes, with these
// terms. key is the one that the admin compared.
func (p *Peering) AcceptOrganisation(ctx context.Context, host, key string, terms Terms) error {
	terms.Tier, terms.Subscribe = storage.Partner, false
	uri := p.address(host, organisationPath)
	if err := p.DB.Update(ctx, func(tx *storage.Tx) error { return p.follow(ctx, tx, uri, key, storage.OrgAccepted, terms) }); err != nil {
		return err
	}
	return p.Refresh(ctx, uri)
}

// LeaveOrganisation ends this node's membership or acceptance. Its nodes are suspended here; the keeper takes us
// off the list and tells the others.
func (p *Peering) LeaveOrganisation(ctx context.Context, uri string) error {
	return p.DB.Update(ctx, func(tx *storage.Tx) error {
		org, err := tx.Organisation(ctx, uri)
		if err != nil {
			return err
		}
		if org.Role == storage.OrgKeeper {
			return fmt.Errorf("this node keeps the list of %s: remove the others first", org.Name)
		}
		if keeper, err := tx.PeerByHost(ctx, org.Keeper); err == nil && org.Role == storage.OrgMember {
			if err := p.tellLinked(ctx, tx, keeper, &message{Type: typeLeave}); err != nil {
				return err
			}
		}
		if err := p.reconcile(ctx, tx, org, &List{}, nil); err != nil {
			return err
		}
		if err := tx.Audit(ctx, storage.AuditEntry{Action: storage.ActionLeaveList, Subject: storage.Subject{Kind: "organisation", ID: uri}}); err != nil {
			return err
		}
		return tx.RemoveOrganisation(ctx, uri)
	})
}

// listChanged is the keeper's word that the list has a new version. What it says is read from the keeper, and believed by
// the organisation's key alone.
func (p *Peering) listChanged(ctx context.Context, tx *storage.Tx, m *message) error {
	if _, err := tx.Organisation(ctx, m.Organisation); errors.Is(err, storage.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return tx.Enqueue(ctx, storage.NewJob{Kind: JobOrganisation, Key: "organisation " + m.Organisation, Args: m.Organisation})
}

func (p *Peering) refreshJob(ctx context.Context, job *storage.Job) error {
	var uri string
	if err := json.Unmarshal([]byte(job.Args), &uri); err != nil {
		return queue.Permanent(err)
	}
	err := p.Refresh(ctx, uri)
	if errors.Is(err, ErrList) || errors.Is(err, storage.ErrNotFound) {
		return queue.Permanent(err)
	}
	return err
}

// Refresh reads a list again and takes its nodes over.
func (p *Peering) Refresh(ctx context.Context, uri string) error {
	org, err := p.DB.Organisation(ctx, uri)
	if err != nil || org.Role == storage.OrgKeeper {
		return err
	}
	document, err := p.fetchList(ctx, org.Keeper, uri)
	if err == nil {
		err = p.DB.Update(ctx, func(tx *storage.Tx) error { return p.takeOver(ctx, tx, uri, document) })
	}
	if err != nil {
		return errors.Join(fmt.Errorf("list of %s: %w", org.Name, err), p.DB.Update(ctx, func(tx *storage.Tx) error { return tx.OrganisationFailed(ctx, uri, err.Error()) }))
	}
	return nil
}

func (p *Peering) fetchList(ctx context.Context, host, uri string) ([]byte, error) {
	res, err := p.Node.Client.GetFrom(ctx, host, uri, "application/json", maxList)
	if err != nil {
		return nil, err
	}
	if res.Status != http.StatusOK {
		return nil, fmt.Errorf("get %s: %w", uri, &federation.StatusError{Status: res.Status})
	}
	return res.Body, nil
}

// takeOver believes a document if the organisation's key signed it and it isn't older than the one that we know.
func (p *Peering) takeOver(ctx context.Context, tx *storage.Tx, uri string, document []byte) error {
	org, err := tx.Organisation(ctx, uri)
	if err != nil {
		return err
	}
	list, key, err := ReadList(document, uri, org.PublicKey)
	if err != nil {
		return err
	}
	if list.Version < org.Version {
		return ErrOldList
	}
	before := &List{}
	if org.Document != "" {
		if before, _, err = ReadList([]byte(org.Document), uri, org.PublicKey); err != nil {
			return fmt.Errorf("read the list that is known: %w", err)
		}
		if list.Version == org.Version && !slices.Equal(before.Members, list.Members) {
			return fmt.Errorf("two lists have the version %d: %w", list.Version, ErrList)
		}
	}
	org.Name, org.Version, org.Document, org.PublicKey, org.Error = list.Name, list.Version, string(document), key, ""
	if err := tx.SaveOrganisation(ctx, org); err != nil {
		return err
	}
	if org.Role == storage.OrgMember && !list.has(p.Node.Host) {
		// Somebody took us off: we are no longer anybody's sibling.
		if err := p.reconcile(ctx, tx, org, &List{}, nil); err != nil {
			return err
		}
		return tx.RemoveOrganisation(ctx, uri)
	}
	return p.reconcile(ctx, tx, org, list, before)
}

// reconcile fits our rows to a list: who is on it is a sibling (or, of an organisation that we accept, a partner), and who
// no longer is, is suspended. What an admin here suspended or blocked stays so. before is the list that was known: a key
// that changed since is the keeper's word for it.
func (p *Peering) reconcile(ctx context.Context, tx *storage.Tx, org *storage.Organisation, list, before *List) error {
	terms := AllTerms(storage.Sibling)
	if org.Role == storage.OrgAccepted {
		terms = Terms{}
		if err := json.Unmarshal([]byte(org.Terms), &terms); err != nil {
			return fmt.Errorf("read terms: %w", err)
		}
	}
	for _, m := range list.Members {
		if m.Host != p.Node.Host {
			if err := p.takeIn(ctx, tx, org, m, terms, before); err != nil {
				return err
			}
		}
	}
	rows, err := tx.PeersOf(ctx, org.URI)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if list.has(row.Host) {
			continue
		}
		row.Organisation, row.Tier, row.Subscribe = "", storage.Partner, false
		if row.State == storage.PeerActive {
			row.State, row.Reason = storage.PeerSuspended, "left"
		}
		if err := tx.SavePeer(ctx, row); err != nil {
			return err
		}
		if err := tx.AddPeerEvent(ctx, row.Host, storage.EventLeft, org.Name); err != nil {
			return err
		}
	}
	return nil
}

// takeIn gives a member its row.
func (p *Peering) takeIn(ctx context.Context, tx *storage.Tx, org *storage.Organisation, m Member, terms Terms, before *List) error {
	row, err := tx.PeerByHost(ctx, m.Host)
	fresh := errors.Is(err, storage.ErrNotFound) || err == nil && row.Via != ""
	switch {
	case fresh:
		row = &storage.Peer{Host: m.Host, State: storage.PeerActive, Note: m.Name}
		terms.onto(row)
	case err != nil:
		return err
	}
	known := !fresh && row.Organisation == org.URI
	switch {
	case org.Role == storage.OrgAccepted && !fresh && !known:
		return nil // an admin or our own organisation brought it here already
	case row.State == storage.PeerInvited, row.State == storage.PeerAwaiting, row.Reason == "left":
		row.State = storage.PeerActive
	}
	if !known && !fresh && org.Role != storage.OrgAccepted {
		row.Tier, row.Subscribe = storage.Sibling, true
	}
	row.Organisation, row.Tier = org.URI, terms.Tier
	if m.Domain != "" && m.Domain != m.Host && !slices.Contains(row.AccountDomains, m.Domain) {
		row.AccountDomains = append(row.AccountDomains, m.Domain)
	}
	vouched := row.Fingerprint == "" || row.Fingerprint != m.Fingerprint && before != nil && !slices.ContainsFunc(before.Members, func(b Member) bool { return b.Host == m.Host && b.Fingerprint == m.Fingerprint })
	if !fresh && vouched {
		// The keeper compared this key, or was told by the old one.
		if row.Reason == "key_changed" && row.HeldFingerprint == m.Fingerprint {
			row.State = storage.PeerActive
		}
		if err := tx.PinPeer(ctx, m.Host, m.Actor, m.Fingerprint); err != nil {
			return err
		}
	}
	if err := tx.SavePeer(ctx, row); err != nil {
		if errors.Is(err, storage.ErrDomainTaken) {
			return fmt.Errorf("%w: %w", ErrList, err)
		}
		return err
	}
	if err := tx.LearnPeer(ctx, m.Host, m.Inbox, true); err != nil {
		return err
	}
	if fresh {
		if err := tx.PinPeer(ctx, m.Host, m.Actor, m.Fingerprint); err != nil {
			return err
		}
	}
	if known {
		return nil
	}
	return tx.AddPeerEvent(ctx, m.Host, storage.EventJoined, org.Name)
}
