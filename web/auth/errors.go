package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"ruche/federation"
	"ruche/outbox"
	"ruche/storage"
)

// An Error is an answer with a status and words for the person or app that asked.
type Error struct {
	Status int
	Text   string
}

func (e *Error) Error() string { return fmt.Sprintf("%d: %s", e.Status, e.Text) }

// Fail makes an Error.
func Fail(status int, text string) error { return &Error{Status: status, Text: text} }

// Invalid is a 422 in the words that Mastodon's apps know.
func Invalid(format string, args ...any) error {
	return &Error{Status: http.StatusUnprocessableEntity, Text: "Validation failed: " + fmt.Sprintf(format, args...)}
}

// NotFound is the answer for what doesn't exist, and for what the asker may not know of.
func NotFound() error { return &Error{Status: http.StatusNotFound, Text: "Record not found"} }

// JSON answers 200 with a value.
func JSON(w http.ResponseWriter, v any) error { return JSONStatus(w, http.StatusOK, v) }

// JSONStatus answers with a status and a value.
func JSONStatus(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who hung up needs no answer
	return nil
}

// StatusOf chooses the status and the words for an error, in this one place. The words of an
// error that nobody foresaw stay in the log.
func StatusOf(err error) (status int, text string) {
	var ours *Error
	var invalid *outbox.Invalid
	var denied *storage.Denied
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &ours):
		return ours.Status, ours.Text
	case errors.As(err, &invalid):
		return http.StatusUnprocessableEntity, "Validation failed: " + strings.TrimPrefix(invalid.Text, "Validation failed: ")
	case errors.As(err, &denied):
		return http.StatusForbidden, denied.Text
	case errors.Is(err, outbox.ErrInvalid):
		return http.StatusUnprocessableEntity, "Validation failed"
	case errors.Is(err, storage.ErrNotFound):
		return http.StatusNotFound, "Record not found"
	case errors.Is(err, outbox.ErrForbidden):
		return http.StatusForbidden, "This action is not allowed"
	case errors.Is(err, federation.ErrNotPeer):
		return http.StatusForbidden, "This entity is not linked with that one: an admin has to allow it first"
	case errors.Is(err, storage.ErrExists):
		return http.StatusConflict, "This exists already"
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, "This is too large"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, "This took too long: try again"
	default:
		return http.StatusInternalServerError, "Something went wrong here; the log of this node says what"
	}
}

// WriteError answers with an error as JSON, and logs what somebody should look into.
func WriteError(w http.ResponseWriter, r *http.Request, err error, log *slog.Logger) {
	status, text := StatusOf(err)
	LogError(r, status, err, log)
	_ = JSONStatus(w, status, map[string]string{"error": text})
}

// LogError notes an error that was answered: a fault of ours loudly, one of theirs for who debugs.
func LogError(r *http.Request, status int, err error, log *slog.Logger) {
	level := slog.LevelDebug
	if status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		level = slog.LevelError
	}
	log.Log(r.Context(), level, "request failed", "method", r.Method, "path", r.URL.Path, "status", status, "err", err)
}
