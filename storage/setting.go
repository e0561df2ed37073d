package storage

import (
	"context"
	"fmt"
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

// SetSetting remembers a value under a name.
func (tx *Tx) SetSetting(ctx context.Context, name, value string) error {
	_, err := tx.idb.NewRaw("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value", name, value).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remember %s: %w", name, err)
	}
	return nil
}
