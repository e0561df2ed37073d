package storage

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
)

// CopyPath is where the addresses of copies begin.
const CopyPath = "/media/remote/"

// A Seal makes the addresses of copies of what lives at peers. An address names one of our rows, never a host; its last part can't be
// made by anybody else, and ends when the file moves. So nobody looks through ids, and nobody has this node fetch what it
// didn't show.
type Seal struct{ key string }

type sealed struct {
	mu sync.Mutex
	Seal
}

// Seal reads the node's seal, and makes it the first time.
func (db *DB) Seal(ctx context.Context) (Seal, error) {
	db.seal.mu.Lock()
	defer db.seal.mu.Unlock()
	if db.seal.key != "" {
		return db.seal.Seal, nil
	}
	key, err := db.Setting(ctx, SettingMediaKey)
	if err == nil && key == "" {
		err = db.Update(ctx, func(tx *Tx) error {
			if key, err = tx.Setting(ctx, SettingMediaKey); err != nil || key != "" {
				return err
			}
			key = NewSecret()
			return tx.SetSetting(ctx, SettingMediaKey, key)
		})
	}
	if err != nil {
		return Seal{}, fmt.Errorf("seal addresses: %w", err)
	}
	db.seal.key = key
	return db.seal.Seal, nil
}

// Path is the address of the copy of a file, on whichever host the reader is.
func (s Seal) Path(of string, id int64, address string) string {
	return CopyPath + of + "/" + FormatID(id) + "/" + s.mark(of, id, address)
}

// SmallPath is the address of the preview of an attached picture.
func (s Seal) SmallPath(id int64, address string) string {
	return CopyPath + OfPreview + "/" + FormatID(id) + "/" + s.mark(OfAttachment, id, address)
}

// OfPreview stands in addresses for the small form of an attachment.
const OfPreview = "preview"

// Fits says whether the last part of an address is one that we made for the file.
func (s Seal) Fits(f *RemoteFile, mark string) bool {
	return hmac.Equal([]byte(s.mark(f.Of, f.ID, f.URL)), []byte(mark))
}

func (s Seal) mark(of string, id int64, address string) string {
	h := hmac.New(sha256.New, []byte(s.key))
	fmt.Fprintf(h, "%s %d %s", of, id, address)
	return hex.EncodeToString(h.Sum(nil)[:20])
}
