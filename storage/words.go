package storage

import (
	"context"
	"strings"
)

// The longer texts of the house may be written once, for everybody, or in a language of their readers: the setting's
// name with the language behind it, such as rules_fr.

// Languages are those that texts of the house are written in.
var Languages = []string{"en", "fr"}

// inLanguage is the name of a setting's text in one language.
func inLanguage(setting, language string) string { return setting + "_" + language }

// Words reads a text of the house for readers of a language: in that, else the one for everybody, else what there is.
// Empty: nobody wrote one.
func (q *Queries) Words(ctx context.Context, setting, language string) (string, error) {
	for _, name := range append([]string{inLanguage(setting, language), setting}, translations(setting)...) {
		if text, err := q.Setting(ctx, name); err != nil || strings.TrimSpace(text) != "" {
			return text, err
		}
	}
	return "", nil
}

func translations(setting string) []string {
	names := make([]string, len(Languages))
	for i, language := range Languages {
		names[i] = inLanguage(setting, language)
	}
	return names
}

// A Rule is a rule of the house, and how it is said in the languages that it was written in.
type Rule struct {
	Text string
	In   map[string]string
}

// Say is the rule for readers of a language.
func (r Rule) Say(language string) string {
	if text := r.In[language]; text != "" {
		return text
	}
	return r.Text
}

// Rules are the rules of the house in their order. The lines of a translation stand in the order of the rules that they
// translate; those beyond the last rule are left out.
func (q *Queries) Rules(ctx context.Context) ([]Rule, error) {
	text, err := q.Words(ctx, SettingRules, "")
	if err != nil {
		return nil, err
	}
	var rules []Rule
	for _, line := range written(text) {
		rules = append(rules, Rule{line, map[string]string{}})
	}
	for _, language := range Languages {
		text, err := q.Setting(ctx, inLanguage(SettingRules, language))
		if err != nil {
			return nil, err
		}
		for i, line := range written(text) {
			if i < len(rules) {
				rules[i].In[language] = line
			}
		}
	}
	return rules, nil
}

// written are the lines that say something.
func written(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
