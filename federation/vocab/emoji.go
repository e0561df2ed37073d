package vocab

import (
	"strings"
	"time"

	"ruche/storage"
)

// MaxEmojis is how many custom emojis of one text are kept.
const MaxEmojis = 100

// An Emoji is a small picture that a text calls by :Name:.
type Emoji struct {
	ID, Name, URL, MediaType string // Name without colons
	Updated                  time.Time
}

const emojiType = "Emoji" // toot:Emoji, which go-ap doesn't know

// emojis reads the custom emojis among the tags, each name once. Names that no text could call are left out.
func emojis(d *Document) []Emoji {
	var out []Emoji
	seen := map[string]bool{}
	for _, v := range d.entries("tag") {
		tag, ok := v.(*Document)
		if !ok || tag.Type() != emojiType {
			continue
		}
		e := Emoji{Name: strings.Trim(tag.text("name", MaxName), ":"), URL: tag.link("icon"), Updated: tag.date("updated")}
		if id, err := tag.ID(); err == nil {
			e.ID = id
		}
		if icon, ok := tag.fields["icon"].(*Document); ok {
			e.MediaType = icon.text("mediaType", MaxName)
		}
		if !emojiName(e.Name) || e.URL == "" || seen[e.Name] {
			continue
		}
		seen[e.Name] = true
		if out = append(out, e); len(out) == MaxEmojis {
			break
		}
	}
	return out
}

func emojiName(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

type writtenEmoji struct {
	Type    string         `json:"type"`
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Updated string         `json:"updated"`
	Icon    writtenPicture `json:"icon"`
}

// emoji writes a custom emoji of ours.
func (w Writer) emoji(c *ids, e *storage.Emoji) writtenEmoji {
	return writtenEmoji{
		Type: emojiType, ID: string(c.need("emoji", e.URI)), Name: ":" + e.Name + ":", Updated: e.UpdatedAt.UTC().Format(time.RFC3339),
		Icon: writtenPicture{Type: "Image", MediaType: e.MIME, URL: string(c.need("emoji picture", w.URIs.Media(e.BlobKey)))},
	}
}
