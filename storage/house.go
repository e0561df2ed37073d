package storage

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"
)

// Settings of how the house looks and what it asks of its people.
const (
	SettingName      = "site_name"
	SettingColour    = "site_colour"
	SettingWelcomeEN = "welcome_en"
	SettingWelcomeFR = "welcome_fr"
	SettingCharterEN = "charter_en"
	SettingCharterFR = "charter_fr"
)

// maxSiteName bounds the name of the house, in characters: it stands in every page's head.
const maxSiteName = 60

var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// A House is how the entity appears to its people. What isn't set is empty.
type House struct {
	Name    string
	Colour  string            // #rrggbb
	Welcome map[string]string // by language: what the front door says
	Charter map[string]string // by language: what is accepted before anything else
	Version string            // of the charter: another text is another version; empty: there is none
}

// House reads how the entity appears.
func (q *Queries) House(ctx context.Context) (*House, error) {
	names := []string{SettingName, SettingColour, SettingWelcomeEN, SettingWelcomeFR, SettingCharterEN, SettingCharterFR}
	var rows []struct{ Name, Value string }
	if err := q.idb.NewRaw("SELECT name, value FROM settings WHERE name IN (?)", bun.List(names)).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read how the house appears: %w", err)
	}
	set := map[string]string{}
	for _, row := range rows {
		set[row.Name] = row.Value
	}
	h := &House{Name: set[SettingName], Colour: set[SettingColour],
		Welcome: map[string]string{"en": set[SettingWelcomeEN], "fr": set[SettingWelcomeFR]}, Charter: map[string]string{"en": set[SettingCharterEN], "fr": set[SettingCharterFR]}}
	if h.Charter["en"]+h.Charter["fr"] != "" {
		h.Version = hashFields("ruche charter 1", h.Charter["en"], h.Charter["fr"])
	}
	return h, nil
}

// In gives a text in a language, or in the other one where that is all there is.
func (h *House) In(texts map[string]string, locale string) string {
	if text := texts[locale]; text != "" {
		return text
	}
	for _, other := range []string{"en", "fr"} {
		if texts[other] != "" {
			return texts[other]
		}
	}
	return ""
}

// Asks says whether somebody still has to accept the charter.
func (h *House) Asks(u *User) bool {
	return h != nil && u != nil && h.Version != "" && u.Charter != h.Version
}

// AcceptCharter keeps that somebody accepted the charter of a version. One that isn't the present one
// changes nothing, and they are asked again.
func (tx *Tx) AcceptCharter(ctx context.Context, account int64, version string) error {
	h, err := tx.House(ctx)
	if err != nil || h.Version != version {
		return err
	}
	if _, err := tx.idb.NewRaw("UPDATE users SET charter = ? WHERE account_id = ?", version, account).Exec(ctx); err != nil {
		return fmt.Errorf("keep that the charter is accepted: %w", err)
	}
	tx.Publish(Event{Kind: AccountChanged, AccountID: account})
	return nil
}

// checkHouse refuses a name or colour that pages can't show, and a way to join that there isn't.
func checkHouse(name, value string) error {
	switch {
	case value == "":
	case name == SettingName && utf8.RuneCountInString(value) > maxSiteName:
		return fmt.Errorf("%w: a name has at most %d characters", ErrChoice, maxSiteName)
	case name == SettingJoin && value != JoinInvitation && value != JoinApproval:
		return fmt.Errorf("%w: %s is %s or %s, not %q", ErrChoice, SettingJoin, JoinInvitation, JoinApproval, value)
	case name == SettingColour && !colour.MatchString(value):
		return fmt.Errorf("%w: %q is no colour: write it as #1d4ed8", ErrChoice, value)
	}
	return nil
}

// PeopleHere pages through this node's accounts, the latest first; text, where not empty, narrows to names that begin with it.
func (q *Queries) PeopleHere(ctx context.Context, text string, page Page) ([]*Account, error) {
	var rows []*Account
	s := q.idb.NewSelect().Model(&rows).Where("a.peer = '' AND a.kind NOT IN (?, ?)", Application, Group)
	if text != "" {
		s = s.Where("(lower(a.username) LIKE ? ESCAPE '\\' OR lower(a.display_name) LIKE ? ESCAPE '\\')", likePrefix(strings.ToLower(text)), likePrefix(strings.ToLower(text)))
	}
	return rows, wrap("list accounts", page.apply(s, "a.id").Scan(ctx))
}
