package vocab

import (
	"encoding/json"
	"fmt"

	ap "github.com/go-ap/activitypub"

	"ruche/storage"
)

// Accept lets a peer's account follow one of ours. The Follow is embedded with its id, actor and object:
// some servers look it up by its id, others by the pair.
func (w Writer) Accept(id string, f *storage.Follow, follower, followee *storage.Account) ([]byte, error) {
	return answer(ap.AcceptType, id, f, follower, followee)
}

// Reject refuses a follow, or ends one that was accepted (removing a follower).
func (w Writer) Reject(id string, f *storage.Follow, follower, followee *storage.Account) ([]byte, error) {
	return answer(ap.RejectType, id, f, follower, followee)
}

func answer(kind ap.ActivityVocabularyType, id string, f *storage.Follow, follower, followee *storage.Account) ([]byte, error) {
	asked, err := follow(f, follower, followee)
	if err != nil {
		return nil, err
	}
	return about(kind, id, followee, asked, []string{follower.URI}, nil)
}

// undo takes back what the actor did; to the same recipients as it was done.
func undo(id string, actor *storage.Account, done *thing, to, cc []string) ([]byte, error) {
	return about(ap.UndoType, id, actor, done, to, cc)
}

// about writes an activity on an activity, which it embeds.
func about(kind ap.ActivityVocabularyType, id string, actor *storage.Account, what *thing, to, cc []string) ([]byte, error) {
	return aboutIn(circleContext(), kind, id, actor, what, nil, to, cc)
}

func aboutIn(context any, kind ap.ActivityVocabularyType, id string, actor *storage.Account, what *thing, extra []field, to, cc []string) ([]byte, error) {
	object, err := what.json(nil)
	if err != nil {
		return nil, err
	}
	var c ids
	act := c.activity(kind, id, actor, nil, to, cc)
	if c.err != nil {
		return nil, fmt.Errorf("write %s %s: %w", kind, id, c.err)
	}
	act.add("object", json.RawMessage(object))
	act.fields = append(act.fields, extra...)
	return act.json(context)
}
