package web

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"ruche/federation"
	"ruche/inbox/mirror"
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
	sendFile(w, r, m.MIME, file)
	return nil
}

// RemoteMedia serves copies of what lives at peers, under storage.CopyPath: the address says which row is meant, and holds a mark that
// only this node makes. It is for readers and not for peers, who ask where the file lives.
func RemoteMedia(m *mirror.Mirror, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := serveCopy(w, r, m); err != nil {
			w.Header().Set("Cache-Control", "no-store")
			auth.WriteError(w, r, err, log)
		}
	})
}

func serveCopy(w http.ResponseWriter, r *http.Request, m *mirror.Mirror) error {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, storage.CopyPath), "/")
	if len(parts) != 3 {
		return auth.NotFound()
	}
	file, err := m.Open(r.Context(), parts[0], storage.ParseID(parts[1]), parts[2])
	if errors.Is(err, mirror.ErrBusy) {
		// What a peer doesn't do isn't an error of this node: no line in its log for each picture.
		w.Header().Set("Retry-After", "60")
		w.Header().Set("Cache-Control", "no-store")
		return auth.JSONStatus(w, http.StatusServiceUnavailable, map[string]string{"error": "The other server can't be asked just now; try again in a minute"})
	}
	if err != nil {
		return err
	}
	defer file.Close()
	sendFile(w, r, file.MIME, file.ReadCloser)
	return nil
}

// sendFile answers with a file as nothing but itself: no page, no script, no other type than we say.
func sendFile(w http.ResponseWriter, r *http.Request, kind string, file io.Reader) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, max-age=3600")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // web clients on other hosts show it
	if seeker, ok := file.(io.ReadSeeker); ok {
		http.ServeContent(w, r, "", time.Time{}, seeker)
		return
	}
	_, _ = io.Copy(w, file) // who hung up needs no answer
}
