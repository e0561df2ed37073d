package web

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"ruche/federation"
	"ruche/storage"
	"ruche/storage/blob"
	"ruche/web/auth"
)

// MediaRoute serves uploaded files. Whoever holds an address may read it: peers fetch attachments
// without a signature, and an <img> sends no token. The address ends with its row, at once.
func MediaRoute(db *storage.DB, blobs blob.Store, log *slog.Logger) federation.Route {
	return federation.Route{Method: "GET", Path: "/media/{key}", Handler: func(w http.ResponseWriter, r *http.Request) {
		if err := serveMedia(w, r, db, blobs); err != nil {
			auth.WriteError(w, r, err, log)
		}
	}}
}

func serveMedia(w http.ResponseWriter, r *http.Request, db *storage.DB, blobs blob.Store) error {
	key := r.PathValue("key")
	m, err := db.MediaByKey(r.Context(), key)
	if err != nil {
		return err
	}
	file, _, err := blobs.Open(r.Context(), key)
	if errors.Is(err, blob.ErrNotFound) {
		return auth.NotFound()
	}
	if err != nil {
		return err
	}
	defer file.Close()
	h := w.Header()
	h.Set("Content-Type", m.MIME)
	h.Set("Cache-Control", "private, max-age=3600")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // web clients on other hosts show it
	if seeker, ok := file.(io.ReadSeeker); ok {
		http.ServeContent(w, r, "", time.Time{}, seeker)
		return nil
	}
	_, _ = io.Copy(w, file) // who hung up needs no answer
	return nil
}
