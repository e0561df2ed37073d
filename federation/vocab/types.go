package vocab

import (
	"strings"

	ap "github.com/go-ap/activitypub"
)

// EmojiReactType is a like with a face (litepub).
const EmojiReactType = "EmojiReact"

// knownType says whether a type means something to us: an array of types is read as the first
// that does.
func knownType(t string) bool {
	switch t {
	case string(ap.TombstoneType), string(ap.LinkType), QuoteAuthorizationType, hashtagType, emojiType:
		return true
	}
	return IsActivity(t) || IsPost(t) || IsActor(t) || isCollection(t)
}

// typePrefixes are the spellings of namespaces in which fediverse servers have types of their own.
var typePrefixes = []string{"toot:", "http://joinmastodon.org/ns#", "schema:", "http://schema.org#", "http://schema.org/", "litepub:", "http://litepub.social/ns#", "https://w3id.org/fep/044f#"}

// plainType gives the short name of a type.
func plainType(name string) string {
	for _, prefix := range typePrefixes {
		if short, ok := strings.CutPrefix(name, prefix); ok {
			return short
		}
	}
	return plainName(name)
}

// IsActivity says whether a type is one that an inbox acts on.
func IsActivity(t string) bool {
	switch ap.ActivityVocabularyType(t) {
	case ap.AcceptType, ap.AddType, ap.AnnounceType, ap.BlockType, ap.CreateType, ap.DeleteType, ap.FlagType, ap.FollowType,
		ap.LikeType, ap.MoveType, ap.RejectType, ap.RemoveType, ap.UndoType, ap.UpdateType, EmojiReactType, QuoteRequestType:
		return true
	}
	return false
}

// IsPost says whether a type reads as a post.
func IsPost(t string) bool {
	switch ap.ActivityVocabularyType(t) {
	case ap.NoteType, ap.ArticleType, ap.PageType, ap.QuestionType, ap.ImageType, ap.VideoType, ap.AudioType, ap.EventType, ap.DocumentType:
		return true
	}
	return false
}

// IsActor says whether a type is one that acts.
func IsActor(t string) bool {
	switch ap.ActivityVocabularyType(t) {
	case ap.PersonType, ap.GroupType, ap.ServiceType, ap.ApplicationType, ap.OrganizationType:
		return true
	}
	return false
}

// IsTombstone says whether a type marks what is gone.
func IsTombstone(t string) bool { return t == string(ap.TombstoneType) }

func isCollection(t string) bool {
	switch ap.ActivityVocabularyType(t) {
	case ap.CollectionType, ap.OrderedCollectionType, ap.CollectionPageType, ap.OrderedCollectionPageType:
		return true
	}
	return false
}
