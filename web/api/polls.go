package api

import (
	"net/http"
	"strconv"
	"time"

	"ruche/outbox"
	"ruche/storage"
	"ruche/web/auth"
)

// A poll's id is that of its post.

func (a *API) answerPoll(w http.ResponseWriter, r *http.Request, post *storage.Post) error {
	rd := a.reader(r)
	polls, err := a.DB.PollsOf(r.Context(), rd.me, []int64{post.ID})
	if err != nil {
		return err
	}
	if polls[post.ID] == nil {
		return auth.NotFound()
	}
	return auth.JSON(w, rd.poll(polls[post.ID], post.AuthorID))
}

// showPoll is GET /api/v1/polls/:id.
func (a *API) showPoll(w http.ResponseWriter, r *http.Request) error {
	p, err := a.visible(r)
	if err != nil {
		return err
	}
	return a.answerPoll(w, r, p)
}

// vote is POST /api/v1/polls/:id/votes.
func (a *API) vote(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	p, err := a.visible(r)
	if err != nil {
		return err
	}
	v, err := auth.Params(r)
	if err != nil {
		return err
	}
	var positions []int
	for _, s := range v.List("choices") {
		n, err := strconv.Atoi(s)
		if err != nil {
			return auth.Invalid("choices must be numbers of options")
		}
		positions = append(positions, n)
	}
	if _, err := a.Outbox.Vote(ctx, auth.Account(ctx), p.ID, positions); err != nil {
		return err
	}
	return a.answerPoll(w, r, p)
}

// readPoll reads the poll of a new or edited post; nil where there is none.
func readPoll(v *auth.Values) *outbox.PollDraft {
	if !v.Given("poll") {
		return nil
	}
	seconds := max(0, min(v.Int("poll[expires_in]", 24*60*60), int64((366*24*time.Hour).Seconds())))
	return &outbox.PollDraft{
		Options: v.List("poll[options]"), Multiple: v.Bool("poll[multiple]", false), HideTotals: v.Bool("poll[hide_totals]", false),
		ExpiresIn: time.Duration(seconds) * time.Second,
	}
}
