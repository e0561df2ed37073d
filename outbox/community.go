package outbox

import (
	"context"
	"errors"

	"ruche/federation"
	"ruche/federation/vocab"
	"ruche/outbox/text"
	"ruche/storage"
)

// A CommunityDraft is a community that somebody wants to start.
type CommunityDraft struct {
	Username    string
	DisplayName string
	Note        string
	Admission   string // storage.OpenCommunity, ByApproval or ByInvitation
}

// CreateCommunity starts a community: an account of kind Group that people follow to be members. Who
// starts it is its first moderator and member.
func (o *Outbox) CreateCommunity(ctx context.Context, founder *storage.Account, d CommunityDraft) (*storage.Account, error) {
	if err := active(founder); err != nil {
		return nil, err
	}
	if !has([]string{storage.OpenCommunity, storage.ByApproval, storage.ByInvitation}, d.Admission) {
		return nil, invalid("%q is no way to join; choose open, approval or closed.", d.Admission)
	}
	if !communityName(d.Username) {
		return nil, invalid("A community's name has 1 to 30 letters, digits and underscores.")
	}
	if err := (&Profile{DisplayName: &d.DisplayName, Note: &d.Note}).check(); err != nil {
		return nil, err
	}
	about, err := o.write(ctx, d.Note)
	if err != nil {
		return nil, err
	}
	private, public, err := federation.GenerateKey()
	if err != nil {
		return nil, err
	}
	var group *storage.Account
	err = o.DB.Update(ctx, func(tx *storage.Tx) error {
		group = &storage.Account{
			Username: d.Username, Kind: storage.Group, DisplayName: d.DisplayName, NoteText: d.Note, NoteHTML: about.html,
			Locked: d.Admission != storage.OpenCommunity, Discoverable: true, PublicKey: public, PrivateKey: private,
		}
		if err := tx.AddAccount(ctx, group); err != nil {
			return err
		}
		if err := tx.AddCommunity(ctx, &storage.Community{AccountID: group.ID, Admission: d.Admission, CreatedBy: founder.ID}); err != nil {
			return err
		}
		if err := tx.SetStanding(ctx, group.ID, founder.ID, storage.Moderator, founder.ID); err != nil {
			return err
		}
		f := &storage.Follow{ID: tx.NewID(tx.Now()), FollowerID: founder.ID, FolloweeID: group.ID, FollowerLocal: true, State: storage.Accepted, ShowShares: true}
		f.URI = tx.URIs().Follow(f.ID)
		_, _, err := tx.AddFollow(ctx, f)
		return err
	})
	if errors.Is(err, storage.ErrExists) {
		return nil, invalid("The name %q is taken, or was: a name is never given twice.", d.Username)
	}
	return group, err
}

func communityName(s string) bool {
	if s == "" || len(s) > 30 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return true
}

// membersOnly says whether what is written for a group is for its members alone. A group whose server
// doesn't keep circles can't promise that, so it gets what is public and nothing else.
func membersOnly(group *storage.Account) bool {
	return group.Locked && (group.Local() || group.Circles)
}

// chooseCommunity finds the community that a new post is written for: that of what it answers, or the
// first that it names and that its author is a member of. In one that isn't open the post becomes its
// members' alone.
func (o *Outbox) chooseCommunity(ctx context.Context, author *storage.Account, post *storage.NewPost) error {
	if post.Visibility == storage.Direct {
		return nil
	}
	candidates, answer := post.Mentions, false
	if post.InReplyToID != 0 {
		in, err := o.DB.CommunityOf(ctx, post.InReplyToID)
		if err == nil && in.State != storage.Removed {
			candidates, answer = []int64{in.CommunityID}, true
		} else if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
	}
	accounts, err := o.DB.AccountsByID(ctx, candidates)
	if err != nil {
		return err
	}
	for _, id := range candidates {
		group := accounts[id]
		if group == nil || group.Kind != storage.Group || !group.Active() {
			continue
		}
		if member, err := o.DB.IsMember(ctx, id, author.ID); err != nil {
			return err
		} else if !member {
			continue
		}
		// "For my followers" isn't for a community, unless it answers something there: apps narrow an
		// answer by themselves.
		if post.Visibility == storage.Followers && !(answer && membersOnly(group)) {
			continue
		}
		post.Community = id
		if membersOnly(group) {
			post.Visibility = storage.Members
		}
		return nil
	}
	return nil
}

// TakeIn lets a community of ours take in a post that was written for it, and pass it on to its members:
// the activity, as Lemmy understands it, and the post, as everybody does. A post by somebody who isn't a
// member, or that isn't for those for whom the community's posts are, is not taken in. activity writes the
// activity for a class of peers; nil where it isn't for them.
func (o *Outbox) TakeIn(ctx context.Context, tx *storage.Tx, community int64, author *storage.Account, p *storage.Post, activity func(variant) ([]byte, error)) error {
	if _, err := tx.CommunityByID(ctx, community); err != nil {
		return absent(err) // a peer's: its own node does this
	}
	group, err := tx.AccountByID(ctx, community)
	if err != nil || !group.Active() {
		return err
	}
	open := p.Visibility == storage.Public || p.Visibility == storage.Unlisted
	if group.Locked == open || !open && p.Visibility != storage.Members {
		return nil
	}
	if member, err := tx.IsMember(ctx, community, author.ID); err != nil || !member {
		return err
	}
	if news, err := tx.PutInCommunity(ctx, p.ID, community, storage.InCommunity); err != nil || !news {
		return err
	}
	share := &storage.NewPost{Post: storage.Post{AuthorID: group.ID, ShareOfID: p.ID, Visibility: p.Visibility, Circle: p.Circle}}
	if !open {
		share.Visibility = storage.Followers
	}
	share.ID = tx.PostID(tx.Now(), false)
	share.URI = tx.URIs().Share(share.ID)
	share.URL = tx.URIs().PostPage(group.Username, share.ID)
	share.ActivityURI = share.URI
	if _, err := tx.AddPost(ctx, share); err != nil {
		return err
	}
	if err := o.announceActivity(ctx, tx, group, author, p, share.URI+"/activity", activity); err != nil || !open {
		return err
	}
	targets, err := o.shareTargets(ctx, tx, group, author)
	if err != nil {
		return err
	}
	return o.sendWritten(ctx, tx, storage.CrossCommunities, group, &share.Post, targets, func(v variant) ([]byte, error) {
		return o.Writer.Announce(&share.Post, group, p.URI, author.URI, v.how)
	})
}

// announceActivity passes on to a group's members what somebody did about a post.
func (o *Outbox) announceActivity(ctx context.Context, tx *storage.Tx, group, by *storage.Account, p *storage.Post, id string, activity func(variant) ([]byte, error)) error {
	targets, err := tx.FollowerInboxes(ctx, group.ID)
	if err != nil {
		return err
	}
	return o.sendWritten(ctx, tx, storage.CrossCommunities, group, p, targets, func(v variant) ([]byte, error) {
		inner, err := activity(v)
		if err != nil || inner == nil {
			return nil, err
		}
		// Where it is passed on its author's proof alone counts.
		if inner, err = prove(ctx, tx, by, inner); err != nil {
			return nil, err
		}
		return o.Writer.AnnounceActivity(id, group, inner, v.how == storage.Openly && p.Visibility != storage.Members)
	})
}

// AsItCame is what somebody on a peer did, for passing on as it is: what says that it is public goes to peers
// with the right to what is public, and what has files to those that may have them.
func AsItCame(body []byte, to []string) func(variant) ([]byte, error) {
	files := hasFiles(body)
	return func(v variant) ([]byte, error) {
		if v.how != storage.Openly && has(to, vocab.Public) || v.bare && files {
			return nil, nil
		}
		return body, nil
	}
}

func hasFiles(body []byte) bool {
	doc, err := vocab.Decode(body)
	if err != nil {
		return true
	}
	a, err := vocab.ParseActivity(doc)
	if err != nil || a.Object.Document == nil {
		return err != nil
	}
	o, err := vocab.ParseObject(a.Object.Document)
	return err != nil || len(o.Attachments) > 0
}

// PassOnChange lets the community of ours that a post is in tell its members what becomes of it.
func (o *Outbox) PassOnChange(ctx context.Context, tx *storage.Tx, p *storage.Post, activity func(variant) ([]byte, error)) error {
	in, err := tx.CommunityOf(ctx, p.ID)
	if err != nil || in.State != storage.InCommunity {
		return absent(err)
	}
	if _, err := tx.CommunityByID(ctx, in.CommunityID); err != nil {
		return absent(err)
	}
	group, err := tx.AccountByID(ctx, in.CommunityID)
	if err != nil {
		return err
	}
	author, err := tx.AccountByID(ctx, p.AuthorID)
	if err != nil {
		return err
	}
	return o.announceActivity(ctx, tx, group, author, p, tx.URIs().Activity(tx.NewID(tx.Now())), activity)
}

// say writes a short direct post by a community to one account.
func (o *Outbox) say(ctx context.Context, tx *storage.Tx, group, to *storage.Account, sentence string) error {
	typed := "@" + to.Username + "@" + to.Domain + " " + sentence
	page := to.URL
	if page == "" {
		page = to.URI
	}
	n := &storage.NewPost{Post: storage.Post{
		AuthorID: group.ID, Text: typed, Visibility: storage.Direct, Circle: storage.CircleNetwork,
		HTML: text.HTML(typed, func(m text.Mention) (text.Link, bool) {
			return text.Link{URL: page, Acct: to.Acct(), Username: to.Username}, m.Username == to.Username
		}, func(tag string) string { return "" }),
	}, Mentions: []int64{to.ID}}
	n.ID = tx.PostID(tx.Now(), false)
	n.URL = tx.URIs().PostPage(group.Username, n.ID)
	if _, err := tx.AddPost(ctx, n); err != nil {
		return err
	}
	// Once a day, however often they ask.
	if err := tx.Remember(ctx, group.ID, "said to "+to.URI, n.ID); err != nil {
		return err
	}
	return o.announcePost(ctx, tx, group, &n.Post)
}
