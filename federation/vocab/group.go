package vocab

import (
	"encoding/json"
	"fmt"
	"slices"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// Communities on the wire are Groups (FEP-1b12): members write to them by audience, and a group
// announces whole activities, which Lemmy and its kin understand, beside the posts, which all do.

// Moderators is the id of the list of a local group's moderators, its attributedTo.
func Moderators(group *storage.Account) string { return group.URI + "/moderators" }

// addGroup writes what a Group has beyond other actors.
func addGroup(t *thing, c *ids, a *storage.Account) {
	t.add("attributedTo", string(c.need("moderators", Moderators(a))))
	t.add("postingRestrictedToMods", false)
}

func groupContext() any {
	terms := actorContext().([]any)
	own := terms[len(terms)-1].(map[string]any)
	own["lemmy"] = "https://join-lemmy.org/ns#"
	own["postingRestrictedToMods"] = "lemmy:postingRestrictedToMods"
	return terms
}

// AnnounceActivity writes that a group passes on what one of its members did: the whole activity, as
// its author's server wrote it. open is whether everybody may read it, or the members alone.
func (w Writer) AnnounceActivity(id string, group *storage.Account, activity []byte, open bool) ([]byte, error) {
	if !json.Valid(activity) {
		return nil, fmt.Errorf("announce %s: not JSON: %w", id, ErrInvalid)
	}
	to, cc := []string{group.FollowersURI}, []string(nil)
	if open {
		to, cc = []string{Public}, to
	}
	var c ids
	act := c.activity(ap.AnnounceType, id, group, nil, to, cc)
	if c.err != nil {
		return nil, fmt.Errorf("announce %s: %w", id, c.err)
	}
	act.add("object", json.RawMessage(activity))
	return act.json(plainContext())
}

// audience is what a post written for a group says beside its recipients; for members alone it is
// addressed to them instead of the author's followers.
func audience(p *storage.Post, group *storage.Account, mentioned []string) []string {
	if group == nil {
		return mentioned
	}
	mentioned = append(mentioned, group.URI)
	if p.Visibility == storage.Members {
		mentioned = append([]string{group.FollowersURI}, mentioned...)
	}
	return mentioned
}

func addAudience(t *thing, group *storage.Account) {
	if group != nil {
		t.add("audience", group.URI)
	}
}

// For says whether a post was written for a group: it names it as its audience, a recipient, or in its
// text.
func (o *Object) For(group string) bool {
	return slices.Contains(o.Audience, group) || slices.Contains(o.To, group) || slices.Contains(o.Cc, group) ||
		slices.ContainsFunc(o.Mentions, func(m Mention) bool { return m.Href == group })
}
