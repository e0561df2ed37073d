package storage

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A Choice is a setting that admins make while the node runs.
type Choice struct {
	Name string
	Doc  string
	list bool // of hosts
}

// Choices lists them, in the order in which they are shown.
var Choices = []Choice{
	{SettingName, "What the pages call this entity; empty: the name of the configuration.", false},
	{SettingColour, "Colour of the pages, such as #1d4ed8; empty: honey.", false},
	{SettingWelcomeEN, "What the front door says, in English; empty: a text of the node's.", false},
	{SettingWelcomeFR, "The same in French.", false},
	{SettingCharterEN, "Charter that everybody accepts before anything else, in English; empty in both languages: none. A changed one is accepted anew.", false},
	{SettingCharterFR, "The same in French.", false},
	{SettingJoin, "Who may have an account: invitation (who has a link; the default) or approval (anybody may ask and waits).", false},
	{SettingRules, "Rules of the house, a line each, for readers of every language.", false},
	{inLanguage(SettingRules, "en"), "The same rules in English, in the same order.", false},
	{inLanguage(SettingRules, "fr"), "The same rules in French, in the same order.", false},
	{SettingAbout, "What this node is, in a few paragraphs, for readers of every language.", false},
	{inLanguage(SettingAbout, "en"), "The same in English.", false},
	{inLanguage(SettingAbout, "fr"), "The same in French.", false},
	{SettingPrivacy, "Privacy policy, for readers of every language; empty: a text that says what a node does.", false},
	{inLanguage(SettingPrivacy, "en"), "The same in English.", false},
	{inLanguage(SettingPrivacy, "fr"), "The same in French.", false},
	{SettingTerms, "Terms of service, for readers of every language; empty: none.", false},
	{inLanguage(SettingTerms, "en"), "The same in English.", false},
	{inLanguage(SettingTerms, "fr"), "The same in French.", false},
	{SettingContact, "Username of whom people turn to.", false},
	{SettingContactMail, "E-mail address of whom people turn to.", false},
	{SettingPushHosts, "Hosts of push services that may be told that there is news; none: push is off.", true},
	{SettingRedirectHosts, "Hosts of web clients that may be given tokens; none: any. Apps on people's own machines always may.", true},
	{SettingCardHosts, "Hosts whose pages links are shown with a title for; none: no page is ever asked.", true},
}

// maxChoice bounds a setting, in characters; maxListed the hosts of one.
const (
	maxChoice = 50_000
	maxListed = 200
)

var hostOrPort = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?$`)

// ErrChoice says that a setting can't be made. Its text says why.
var ErrChoice = errors.New("this setting can't be made")

// Choose makes a setting of Choices, and writes down who did. The same value again changes nothing.
func (tx *Tx) Choose(ctx context.Context, name, value string) error {
	value = strings.TrimSpace(value)
	if err := choosable(name, value); err != nil {
		return err
	}
	before, err := tx.Setting(ctx, name)
	if err != nil || before == value {
		return err
	}
	if err := tx.SetSetting(ctx, name, value); err != nil {
		return err
	}
	return tx.Audit(ctx, AuditEntry{Action: ActionSetting, Subject: AboutNode(), Before: map[string]string{name: before}, After: map[string]string{name: value}})
}

func choosable(name, value string) error {
	var names []string
	for _, c := range Choices {
		if names = append(names, c.Name); c.Name != name {
			continue
		}
		if n := utf8.RuneCountInString(value); n > maxChoice {
			return fmt.Errorf("%w: %s has %d characters, and at most %d are possible", ErrChoice, name, n, maxChoice)
		}
		if !c.list {
			return checkHouse(name, value)
		}
		hosts := hostsIn(value)
		if len(hosts) > maxListed {
			return fmt.Errorf("%w: %s lists %d hosts, and at most %d are possible", ErrChoice, name, len(hosts), maxListed)
		}
		for _, host := range hosts {
			if !hostOrPort.MatchString(host) {
				return fmt.Errorf("%w: %q is no host: write host or host:port, separated by commas", ErrChoice, host)
			}
		}
		return nil
	}
	return fmt.Errorf("%w: there is none called %q, but %s", ErrChoice, name, strings.Join(names, ", "))
}
