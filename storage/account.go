package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Kinds of account, as ActivityStreams 2.0 §3 names actors.
const (
	Person       = "Person"
	Group        = "Group"
	Service      = "Service"
	Application  = "Application"
	Organization = "Organization"
)

// An Account is who acts: a person, a community or a node itself, ours
// (Peer is empty) or a peer's.
type Account struct {
	bun.BaseModel `bun:"table:accounts,alias:a"`

	ID       int64  `bun:",pk"`
	Username string // as its owner writes it; compared without case
	// Domain stands after the @; empty for a local account.
	Domain string
	// Peer is the host of the ids and keys; empty for a local account.
	Peer string
	Kind string

	URI            string // the id on the wire; never holds the username
	URL            string // the page for people
	InboxURI       string
	SharedInboxURI string
	OutboxURI      string
	FollowersURI   string
	FollowingURI   string

	DisplayName string
	NoteText    string // what its owner typed; local only
	NoteHTML    string // sanitised
	Fields      Fields
	AvatarID    int64  `bun:",nullzero"` // local media
	HeaderID    int64  `bun:",nullzero"`
	AvatarURL   string // a peer's picture, where it lives
	HeaderURL   string

	Locked       bool // follows wait for approval
	Discoverable bool
	Indexable    bool
	Bot          bool
	// HideCollections: whom they follow and who follows them is for themselves alone; local.
	HideCollections bool
	Official        bool // speaks for the company, not a person
	Department      string
	// Circles: its server says it keeps our circles (FEP-844e); remote only.
	Circles bool

	// KeyID, PublicKey and PrivateKey are its first key; the table of keys has the others.
	KeyID      string
	PublicKey  string // PKIX PEM
	PrivateKey string // PKCS#8 PEM; local only
	// Keys are all keys of a remote account, when its document was just read; nil: not read.
	Keys []*Key `bun:"-"`

	PostsCount     int64
	FollowersCount int64
	FollowingCount int64
	LastPostOn     string // a day, YYYY-MM-DD, or empty

	CreatedAt   time.Time
	UpdatedAt   time.Time
	FetchedAt   time.Time `bun:",nullzero"` // remote: when its document was read
	SuspendedAt time.Time `bun:",nullzero"`
	LimitedAt   time.Time `bun:",nullzero"` // only followers see what it posts
	FrozenAt    time.Time `bun:",nullzero"` // it may not act; what it wrote stays
	SensitiveAt time.Time `bun:",nullzero"` // whatever it posts is shown as sensitive
	DeletedAt   time.Time `bun:",nullzero"` // the row stays: a username is never given again
	MovedTo     string    // the id of the account that it moved to
	Aliases     Names     // ids of accounts that are the same person (alsoKnownAs)
	FeaturedURI string    // the collection of its pinned posts
	// FeaturedTagsURI is the collection of the tags that it features.
	FeaturedTagsURI string
	Emojis          Names    // names of the custom emojis in its name and biography
	Customs         []*Emoji `bun:"-"` // what its host says of them, when it was just read
	Raw             string   // the received document
	Revision        int64    // grows with every change that a reader can see
}

// A Field is a line of a profile.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"` // sanitised HTML for remote accounts, typed text for local ones
}

// Local says whether the account is one of this node's.
func (a *Account) Local() bool { return a.Peer == "" }

// Acct is what stands for the account in a text: user, or user@domain.
func (a *Account) Acct() string {
	if a.Local() {
		return a.Username
	}
	return a.Username + "@" + a.Domain
}

// Active says whether the account may be seen.
func (a *Account) Active() bool { return a.SuspendedAt.IsZero() && a.DeletedAt.IsZero() }

// MayAct says whether the account may act: a frozen one is seen and does nothing.
func (a *Account) MayAct() bool { return a.Active() && a.FrozenAt.IsZero() }

// AccountByID finds an account, local or remote.
func (q *Queries) AccountByID(ctx context.Context, id int64) (*Account, error) {
	return q.account(ctx, "account", func(s *bun.SelectQuery) *bun.SelectQuery { return s.Where("a.id = ?", id) })
}

// AccountByURI finds an account by its id on the wire.
func (q *Queries) AccountByURI(ctx context.Context, uri string) (*Account, error) {
	return q.account(ctx, "account "+uri, func(s *bun.SelectQuery) *bun.SelectQuery { return s.Where("a.uri = ?", uri) })
}

// AccountByName finds user (domain empty: local) or user@domain, without case.
func (q *Queries) AccountByName(ctx context.Context, username, domain string) (*Account, error) {
	return q.account(ctx, "account "+username+"@"+domain, func(s *bun.SelectQuery) *bun.SelectQuery {
		return s.Where("lower(a.username) = ?", strings.ToLower(username)).Where("a.domain = ?", strings.ToLower(domain))
	})
}

// AccountsByID finds many at once, keyed by id; unknown ids are absent.
func (q *Queries) AccountsByID(ctx context.Context, ids []int64) (map[int64]*Account, error) {
	found := make(map[int64]*Account, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []*Account
	err := q.idb.NewSelect().Model(&rows).Where("a.id IN (?)", bun.List(ids)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	for _, a := range rows {
		found[a.ID] = a
	}
	return found, nil
}

// LocalAccounts lists this node's accounts, oldest first, the service actor excepted.
func (q *Queries) LocalAccounts(ctx context.Context) ([]*Account, error) {
	var rows []*Account
	err := q.idb.NewSelect().Model(&rows).Where("a.peer = ''").Where("a.kind <> ?", Application).Order("a.id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return rows, nil
}

// SearchAccounts finds active accounts whose name or handle begins with or holds
// the text, local ones first, at most limit.
func (q *Queries) SearchAccounts(ctx context.Context, text string, limit, offset int) ([]*Account, error) {
	text = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(text), "@"))
	if text == "" {
		return nil, nil
	}
	name, domain, _ := strings.Cut(text, "@")
	var rows []*Account
	s := q.idb.NewSelect().Model(&rows).
		Where("a.suspended_at IS NULL AND a.deleted_at IS NULL AND a.kind <> ?", Application).
		OrderExpr("CASE WHEN a.peer = '' THEN 0 ELSE 1 END, a.username").Limit(int64(limit)).Offset(int64(offset))
	if domain != "" {
		// Who is asked for by name is found, listed or not.
		s = s.Where(originActive("a.peer")).Where("lower(a.username) = ?", name).Where("a.domain LIKE ? ESCAPE '\\'", likePrefix(domain))
	} else {
		s = s.Where(originListed("a.peer")).Where("(a.limited_at IS NULL OR lower(a.username) = ?)", name).Where("(lower(a.username) LIKE ? ESCAPE '\\' OR lower(a.display_name) LIKE ? ESCAPE '\\')", likePrefix(name), "%"+likePrefix(name))
	}
	if err := s.Scan(ctx); err != nil {
		return nil, fmt.Errorf("search accounts: %w", err)
	}
	return rows, nil
}

// Directory lists this node's people who agree to be found, those who posted last first.
func (q *Queries) Directory(ctx context.Context, limit int) ([]*Account, error) {
	var rows []*Account
	err := q.idb.NewSelect().Model(&rows).
		Where("a.peer = '' AND a.kind <> ? AND a.discoverable = ? AND a.suspended_at IS NULL AND a.limited_at IS NULL AND a.deleted_at IS NULL", Application, true).
		Order("a.last_post_on DESC", "a.id DESC").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list directory: %w", err)
	}
	return rows, nil
}

// DirectoryPage pages through people who agree to be found: the newest first, or those who posted
// last. localOnly leaves peers' people out.
func (q *Queries) DirectoryPage(ctx context.Context, newest, localOnly bool, limit, offset int) ([]*Account, error) {
	var rows []*Account
	s := q.idb.NewSelect().Model(&rows).
		Where("a.kind <> ? AND a.discoverable = ? AND a.suspended_at IS NULL AND a.limited_at IS NULL AND a.deleted_at IS NULL", Application, true).Where(originActive("a.peer")).
		Limit(int64(limit)).Offset(int64(offset))
	if localOnly {
		s = s.Where("a.peer = ''")
	}
	if !newest {
		s = s.Order("a.last_post_on DESC")
	}
	if err := s.Order("a.id DESC").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list directory: %w", err)
	}
	return rows, nil
}

// A Suggestion is somebody whom an account may want to follow.
type Suggestion struct {
	Account *Account
	Mutual  int // how many of those whom the account follows follow them
}

// Suggestions lists whom an account may want to follow: whom its own people follow, then people of
// other departments, then of its own. Nobody is suggested who doesn't agree to be found, is muted or was waved away.
func (q *Queries) Suggestions(ctx context.Context, account *Account, limit int) ([]Suggestion, error) {
	var rows []struct {
		ID     int64
		Mutual int
	}
	err := q.idb.NewRaw(`SELECT a.id AS id, (SELECT COUNT(*) FROM follows AS theirs JOIN follows AS mine ON mine.followee_id = theirs.follower_id
			WHERE theirs.followee_id = a.id AND theirs.state = ? AND mine.follower_id = ? AND mine.state = ?) AS mutual
		FROM accounts AS a WHERE a.id <> ? AND a.kind = ? AND a.discoverable = ? AND a.suspended_at IS NULL AND a.limited_at IS NULL AND a.deleted_at IS NULL AND `+originActive("a.peer")+`
		AND (a.peer = '' OR EXISTS (SELECT 1 FROM follows AS known WHERE known.followee_id = a.id AND known.state = ?))
		AND NOT EXISTS (SELECT 1 FROM follows AS f WHERE f.follower_id = ? AND f.followee_id = a.id)
		AND NOT EXISTS (SELECT 1 FROM mutes AS m WHERE m.account_id = ? AND m.target_id = a.id)
		AND NOT EXISTS (SELECT 1 FROM waved_away AS w WHERE w.account_id = ? AND w.target_id = a.id)
		ORDER BY mutual DESC, CASE WHEN a.department <> ? THEN 0 ELSE 1 END, a.last_post_on DESC, a.id LIMIT ?`,
		Accepted, account.ID, Accepted, account.ID, Person, true, Accepted, account.ID, account.ID, account.ID, account.Department, limit).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("find suggestions: %w", err)
	}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	byID, err := q.AccountsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	var out []Suggestion
	for _, r := range rows {
		if a := byID[r.ID]; a != nil {
			out = append(out, Suggestion{a, r.Mutual})
		}
	}
	return out, nil
}

// WaveAway keeps somebody from being suggested to an account again.
func (tx *Tx) WaveAway(ctx context.Context, account, target int64) error {
	_, err := tx.idb.NewRaw("INSERT INTO waved_away (account_id, target_id) VALUES (?, ?) ON CONFLICT DO NOTHING", account, target).Exec(ctx)
	return wrap("wave suggestion away", err)
}

// CountLocalAccounts counts the people of this node.
func (q *Queries) CountLocalAccounts(ctx context.Context) (int, error) {
	n, err := q.idb.NewSelect().Model((*Account)(nil)).Where("a.peer = '' AND a.kind NOT IN (?, ?) AND a.deleted_at IS NULL", Application, Group).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count accounts: %w", err)
	}
	return int(n), nil
}

// ServiceActor is the node's own account.
func (q *Queries) ServiceActor(ctx context.Context) (*Account, error) {
	return q.account(ctx, "service actor", func(s *bun.SelectQuery) *bun.SelectQuery {
		return s.Where("a.peer = '' AND a.kind = ?", Application).Order("a.id").Limit(1)
	})
}

func (q *Queries) account(ctx context.Context, what string, where func(*bun.SelectQuery) *bun.SelectQuery) (*Account, error) {
	a := new(Account)
	if err := where(q.idb.NewSelect().Model(a)).Scan(ctx); err != nil {
		return nil, notFound(what, err)
	}
	return a, nil
}

// AddAccount stores a new account. The id is given when it is 0. A name or URI
// that exists gives ErrExists.
func (tx *Tx) AddAccount(ctx context.Context, a *Account) error {
	if a.ID == 0 {
		a.ID = tx.NewID(tx.Now())
	}
	if a.CreatedAt.IsZero() {
		a.CreatedAt = tx.Now()
	}
	a.UpdatedAt = tx.Now()
	a.Domain = strings.ToLower(a.Domain)
	if a.Local() {
		tx.uris.fill(a)
	}
	_, err := tx.AccountByName(ctx, a.Username, a.Domain)
	if err == nil {
		return fmt.Errorf("account %s: %w", a.Acct(), ErrExists)
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	if _, err := tx.idb.NewInsert().Model(a).Exec(ctx); err != nil {
		return duplicate("account "+a.Acct(), err)
	}
	if err := tx.addKeys(ctx, a); err != nil {
		return err
	}
	tx.Publish(Event{Kind: AccountChanged, AccountID: a.ID})
	return nil
}

// SaveAccount stores a changed profile. Counters, keys' owner and name stay as they are.
func (tx *Tx) SaveAccount(ctx context.Context, a *Account) error {
	a.UpdatedAt = tx.Now()
	_, err := tx.idb.NewUpdate().Model(a).
		ExcludeColumn("id", "username", "domain", "peer", "uri", "created_at", "posts_count", "followers_count", "following_count", "last_post_on", "revision", "suspended_at", "limited_at", "frozen_at", "sensitive_at", "deleted_at").
		WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("save account %s: %w", a.Acct(), err)
	}
	if err := tx.idb.NewRaw("UPDATE accounts SET revision = revision + 1 WHERE id = ? RETURNING revision", a.ID).Scan(ctx, &a.Revision); err != nil {
		return fmt.Errorf("save account %s: %w", a.Acct(), err)
	}
	if err := tx.replaceKeys(ctx, a); err != nil {
		return err
	}
	tx.Publish(Event{Kind: AccountChanged, AccountID: a.ID})
	return nil
}

// SuspendAccount takes an account out of sight and ends its sign-ins; UnsuspendAccount undoes
// the first. Both say whether anything changed.
func (tx *Tx) SuspendAccount(ctx context.Context, id int64) (bool, error) {
	res, err := tx.idb.NewRaw("UPDATE accounts SET suspended_at = ?, revision = revision + 1 WHERE id = ? AND suspended_at IS NULL", tx.Now(), id).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("suspend account: %w", err)
	}
	if err := tx.EndSignIns(ctx, id); err != nil {
		return false, err
	}
	tx.Publish(Event{Kind: AccountChanged, AccountID: id})
	if !changed(res) {
		return false, nil
	}
	return true, tx.auditAccount(ctx, id, ActionAccountSuspend, nil, nil)
}

// UnsuspendAccount lets a suspended account act and be seen again.
func (tx *Tx) UnsuspendAccount(ctx context.Context, id int64) (bool, error) {
	res, err := tx.idb.NewRaw("UPDATE accounts SET suspended_at = NULL, revision = revision + 1 WHERE id = ? AND suspended_at IS NOT NULL", id).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("unsuspend account: %w", err)
	}
	tx.Publish(Event{Kind: AccountChanged, AccountID: id})
	if !changed(res) {
		return false, nil
	}
	return true, tx.auditAccount(ctx, id, ActionAccountRestore, nil, nil)
}

// EndAccount notes that a remote account deleted itself: its follows end, nothing of it is
// shown any more, and what it wrote is removed by JobErase. The row stays.
func (tx *Tx) EndAccount(ctx context.Context, id int64) error {
	if news, err := tx.markDeleted(ctx, id); err != nil || !news {
		return err
	}
	var follows []*Follow
	if err := tx.idb.NewSelect().Model(&follows).Where("f.follower_id = ? OR f.followee_id = ?", id, id).Scan(ctx); err != nil {
		return fmt.Errorf("end account: %w", err)
	}
	for _, f := range follows {
		if _, err := tx.RemoveFollow(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) addToCount(ctx context.Context, account int64, column string, by int) error {
	_, err := tx.idb.NewRaw("UPDATE accounts SET ? = CASE WHEN ? + ? < 0 THEN 0 ELSE ? + ? END, revision = revision + 1 WHERE id = ?",
		bun.Ident(column), bun.Ident(column), by, bun.Ident(column), by, account).Exec(ctx)
	if err != nil {
		return fmt.Errorf("count %s: %w", column, err)
	}
	return nil
}

// RemoveServiceActor takes the node's own account away, so that it can be made anew under another
// address. It has no posts, follows or name that anybody could miss.
func (tx *Tx) RemoveServiceActor(ctx context.Context, id int64) error {
	if _, err := tx.idb.NewRaw("DELETE FROM keys WHERE account_id IN (SELECT id FROM accounts WHERE id = ? AND kind = ? AND peer = '')", id, Application).Exec(ctx); err != nil {
		return fmt.Errorf("remove service actor: %w", err)
	}
	if _, err := tx.idb.NewDelete().Model((*Account)(nil)).Where("id = ? AND kind = ? AND peer = ''", id, Application).Exec(ctx); err != nil {
		return fmt.Errorf("remove service actor: %w", err)
	}
	return nil
}
