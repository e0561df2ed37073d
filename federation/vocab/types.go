package vocab

import ap "github.com/go-ap/activitypub"

// knownType says whether a type means something to us: an array of types is read as the first
// that does.
func knownType(t string) bool {
	return IsActivity(t) || IsPost(t) || IsActor(t) || isCollection(t) || t == string(ap.TombstoneType)
}

// IsActivity says whether a type is one that an inbox acts on.
func IsActivity(t string) bool {
	switch ap.ActivityVocabularyType(t) {
	case ap.AcceptType, ap.AddType, ap.AnnounceType, ap.BlockType, ap.CreateType, ap.DeleteType, ap.FlagType, ap.FollowType,
		ap.LikeType, ap.MoveType, ap.RejectType, ap.RemoveType, ap.UndoType, ap.UpdateType:
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
