package api

import (
	"net/http"

	"ruche/storage"
	"ruche/web/auth"
)

// Card is what a page that a post links to says of itself. Only its words are shown: an app that showed a picture would fetch it from
// there.
type Card struct {
	URL              string       `json:"url"`
	Title            string       `json:"title"`
	Description      string       `json:"description"`
	Language         *string      `json:"language"`
	Type             string       `json:"type"`
	AuthorName       string       `json:"author_name"`
	AuthorURL        string       `json:"author_url"`
	ProviderName     string       `json:"provider_name"`
	ProviderURL      string       `json:"provider_url"`
	HTML             string       `json:"html"`
	Width            int          `json:"width"`
	Height           int          `json:"height"`
	Image            *string      `json:"image"`
	ImageDescription string       `json:"image_description"`
	EmbedURL         string       `json:"embed_url"`
	Blurhash         *string      `json:"blurhash"`
	PublishedAt      *string      `json:"published_at"`
	Authors          []CardAuthor `json:"authors"`
}

// CardAuthor is who wrote a page.
type CardAuthor struct {
	Name    string   `json:"name"`
	URL     string   `json:"url"`
	Account *Account `json:"account"`
}

// TrendingLink is a card of which many speak.
type TrendingLink struct {
	Card
	History []TagHistory `json:"history"`
}

func cardOf(c *storage.Card) *Card {
	if c == nil {
		return nil
	}
	e := &Card{URL: c.URL, Title: c.Title, Description: c.Description, Language: opt(c.Language), Type: "link", AuthorName: c.Author, ProviderName: c.Provider, Authors: []CardAuthor{}}
	if e.ProviderName == "" {
		e.ProviderName = c.Host
	}
	if c.Author != "" {
		e.Authors = append(e.Authors, CardAuthor{Name: c.Author})
	}
	return e
}

// showCard is GET /api/v1/statuses/:id/card, which older apps ask for: an empty object where a post has no card.
func (a *API) showCard(w http.ResponseWriter, r *http.Request) error {
	s, err := a.reader(r).statusByID(r.Context(), pathID(r))
	if err != nil {
		return err
	}
	if s.Card == nil {
		return empty(w)
	}
	return auth.JSON(w, s.Card)
}
