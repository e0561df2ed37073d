package storage

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// JobCard fetches what a page says of itself: see federation/preview. Its Args are the page's address as a text.
const JobCard = "card"

// Limits of what is asked for a card, and how long one is believed.
const (
	maxCardURL = 2000
	cardKept   = 14 * 24 * time.Hour
)

// A Card is what a page that posts link to says of itself: words alone. Only hosts on an admin's list have any.
type Card struct {
	bun.BaseModel `bun:"table:cards,alias:cd"`

	URL         string `bun:",pk"`
	Host        string
	Title       string // empty: the page said nothing, or hasn't been asked yet
	Description string
	Provider    string // whose page it is
	Author      string
	Language    string
	FetchedAt   time.Time `bun:",nullzero"`
}

var (
	anchors = regexp.MustCompile(`<a ([^>]*)>`)
	hrefs   = regexp.MustCompile(`(?:^| )href="([^"]*)"`)
	classes = regexp.MustCompile(`(?:^| )class="([^"]*)"`)
)

// firstLink is the first address that a post links to and that is neither a person nor a tag. The HTML is ours or sanitised, so
// that its attributes are quoted and hold no angle brackets.
func firstLink(body string) *url.URL {
	for _, a := range anchors.FindAllStringSubmatch(body, 20) {
		class := classes.FindStringSubmatch(a[1])
		if class != nil && (strings.Contains(class[1], "mention") || strings.Contains(class[1], "hashtag")) {
			continue
		}
		href := hrefs.FindStringSubmatch(a[1])
		if href == nil || len(href[1]) > maxCardURL {
			continue
		}
		u, err := url.Parse(html.UnescapeString(href[1]))
		if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil {
			return CardAddress(u)
		}
	}
	return nil
}

// CardAddress brings a page's address into the one spelling under which its card is kept.
func CardAddress(u *url.URL) *url.URL {
	c := *u
	c.Host, c.Fragment, c.RawFragment = strings.ToLower(c.Host), "", ""
	return &c
}

// linkCard ties a post to the card of its first link, where an admin lists the link's host, and asks for the card where
// nobody has lately.
func (tx *Tx) linkCard(ctx context.Context, p *Post) error {
	if _, err := tx.idb.NewRaw("DELETE FROM post_cards WHERE post_id = ?", p.ID).Exec(ctx); err != nil {
		return fmt.Errorf("link card: %w", err)
	}
	link := firstLink(p.HTML)
	if link == nil || p.ShareOfID != 0 {
		return nil
	}
	hosts, err := tx.HostList(ctx, SettingCardHosts)
	if err != nil || !slices.Contains(hosts, link.Host) {
		return err
	}
	card := &Card{URL: link.String(), Host: link.Host}
	if _, err := tx.idb.NewInsert().Model(card).On("CONFLICT (url) DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("link card: %w", err)
	}
	if _, err := tx.idb.NewRaw("INSERT INTO post_cards (post_id, url) VALUES (?, ?)", p.ID, card.URL).Exec(ctx); err != nil {
		return fmt.Errorf("link card: %w", err)
	}
	known, err := tx.CardByURL(ctx, card.URL)
	if err != nil || known.FetchedAt.After(tx.Now().Add(-cardKept)) {
		return err
	}
	key := "card " + card.URL
	if queued, err := tx.Queued(ctx, key); err != nil || queued {
		return err
	}
	return tx.Enqueue(ctx, NewJob{Kind: JobCard, Key: key, Host: link.Host, Args: card.URL})
}

// CardByURL finds a card, fetched or not.
func (q *Queries) CardByURL(ctx context.Context, address string) (*Card, error) {
	c := new(Card)
	if err := q.idb.NewSelect().Model(c).Where("cd.url = ?", address).Scan(ctx); err != nil {
		return nil, notFound("card", err)
	}
	return c, nil
}

// SaveCard keeps what a page said; nothing is what a page said that can't be read.
func (tx *Tx) SaveCard(ctx context.Context, c *Card) error {
	c.FetchedAt = tx.Now()
	_, err := tx.idb.NewUpdate().Model(c).WherePK().Exec(ctx)
	return wrap("save card", err)
}

// CardsOf gives the cards of posts, keyed by post, of hosts that are on the list now.
func (q *Queries) CardsOf(ctx context.Context, posts []int64) (map[int64]*Card, error) {
	out := map[int64]*Card{}
	hosts, err := q.HostList(ctx, SettingCardHosts)
	if err != nil || len(hosts) == 0 || len(posts) == 0 {
		return out, err
	}
	var rows []struct {
		Card   `bun:",extend"`
		PostID int64
	}
	err = q.idb.NewSelect().Model((*Card)(nil)).ColumnExpr("cd.*").ColumnExpr("pc.post_id").Join("JOIN post_cards AS pc ON pc.url = cd.url").
		Where("pc.post_id IN (?) AND cd.title <> '' AND cd.host IN (?)", bun.List(posts), bun.List(hosts)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read cards: %w", err)
	}
	for i := range rows {
		out[rows[i].PostID] = &rows[i].Card
	}
	return out, nil
}

// LinkTimeline pages through the public posts that link to an address which is being talked about.
func (q *Queries) LinkTimeline(ctx context.Context, viewer int64, address string, page Page) ([]*Post, error) {
	card, err := q.CardByURL(ctx, address)
	if errors.Is(err, ErrNotFound) || err == nil && card.Title == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var rows []*Post
	s := q.idb.NewSelect().Model(&rows).Join("JOIN post_cards AS pc ON pc.post_id = p.id").Where("pc.url = ? AND p.visibility = ?", address, Public)
	err = page.apply(q.wantedBy(visibleTo(s, "p", viewer), "p", viewer), "p.id").Scan(ctx)
	return rows, wrap("read link timeline", err)
}
