package api

import (
	"context"
	"slices"
	"strconv"
	"time"

	"ruche/storage"
)

// Tag is a hashtag, as apps read it.
type Tag struct {
	ID        string       `json:"id"`
	Name      string       `json:"name"`
	URL       string       `json:"url"`
	History   []TagHistory `json:"history"`
	Following *bool        `json:"following,omitempty"`
	Featuring *bool        `json:"featuring,omitempty"`
}

// TagHistory is how much a tag was used on one day.
type TagHistory struct {
	Day      string `json:"day"`
	Uses     string `json:"uses"`
	Accounts string `json:"accounts"`
}

// tagDays is how many days the history of a tag tells of.
const tagDays = 7

// tags writes hashtags with their last days.
func (rd reader) tags(ctx context.Context, names []string) ([]Tag, error) {
	today := rd.DB.Now().Truncate(24 * time.Hour)
	uses, err := rd.DB.HashtagDays(ctx, rd.me, names, today.AddDate(0, 0, 1-tagDays))
	if err != nil {
		return nil, err
	}
	featured, err := rd.DB.FeaturedTags(ctx, rd.me)
	if err != nil {
		return nil, err
	}
	followed, err := rd.DB.FollowsTags(ctx, rd.me, names)
	if err != nil {
		return nil, err
	}
	out := make([]Tag, 0, len(names))
	for _, name := range names {
		t := Tag{ID: name, Name: name, URL: rd.tagURL(name)}
		if rd.me != storage.Nobody {
			following, featuring := followed[name], slices.ContainsFunc(featured, func(f *storage.FeaturedTag) bool { return f.Name == name })
			t.Following, t.Featuring = &following, &featuring
		}
		for i := range tagDays {
			day := today.AddDate(0, 0, -i)
			u := uses[name][day.Format(time.DateOnly)]
			t.History = append(t.History, TagHistory{strconv.FormatInt(day.Unix(), 10), strconv.Itoa(u.Uses), strconv.Itoa(u.Accounts)})
		}
		out = append(out, t)
	}
	return out, nil
}
