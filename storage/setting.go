package storage

import (
	"context"
	"fmt"
	"strings"
	"unicode"
)

// Names of settings.
const (
	// SettingDomain and SettingBaseURL are fixed once accounts exist: every id rests on them.
	SettingDomain  = "domain"
	SettingBaseURL = "base_url"

	// Texts that admins write about the node, shown by apps.
	SettingRules       = "rules" // a line each
	SettingAbout       = "about"
	SettingPrivacy     = "privacy_policy"
	SettingTerms       = "terms_of_service"
	SettingContact     = "contact_account" // a local username
	SettingContactMail = "contact_email"

	// SettingPushHosts are the hosts of push services that may be told something; none: push is off.
	SettingPushHosts   = "push_hosts"
	SettingPushPublic  = "push_public_key"
	SettingPushPrivate = "push_private_key"

	// SettingMediaKey seals the addresses of copies: see Seal.
	SettingMediaKey = "media_key"

	// SettingRedirectHosts are the hosts of web clients that may be given tokens, since a hosted client holds those of everybody
	// who uses it. None: apps of any host may. Apps of the person's own machine are always allowed.
	SettingRedirectHosts = "redirect_hosts"
	// SettingCardHosts are the hosts whose pages posts may be shown with; none: no previews are fetched.
	SettingCardHosts = "card_hosts"
)

// Setting reads what the node remembers under a name; empty where nothing is.
func (q *Queries) Setting(ctx context.Context, name string) (string, error) {
	var value string
	err := q.idb.NewRaw("SELECT value FROM settings WHERE name = ?", name).Scan(ctx, &value)
	if err != nil {
		if err = notFound("setting "+name, err); !isNotFound(err) {
			return "", err
		}
	}
	return value, nil
}

// HostList reads a setting that lists hosts, separated by commas, spaces or lines, in lower case.
func (q *Queries) HostList(ctx context.Context, name string) ([]string, error) {
	list, err := q.Setting(ctx, name)
	return hostsIn(list), err
}

func hostsIn(list string) []string {
	return strings.FieldsFunc(strings.ToLower(list), func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// SetSetting remembers a value under a name.
func (tx *Tx) SetSetting(ctx context.Context, name, value string) error {
	_, err := tx.idb.NewRaw("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value", name, value).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remember %s: %w", name, err)
	}
	return nil
}
