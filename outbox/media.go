package outbox

import (
	"bytes"
	"context"
	"errors"
	"io"

	"ruche/outbox/picture"
	"ruche/storage"
	"ruche/storage/blob"
)

// MaxDescription is the longest alt text, in characters.
const MaxDescription = 1500

// An Upload is a picture that somebody adds.
type Upload struct {
	Reader         io.Reader
	Description    string
	FocusX, FocusY float64
}

// Upload stores a picture: made anew from its pixels, so that nothing else of the file is kept.
// The bytes are durable before the row is, and nobody is shown them before they hang on a post
// or a profile.
func (o *Outbox) Upload(ctx context.Context, me *storage.Account, u Upload) (*storage.Media, error) {
	if err := active(me); err != nil {
		return nil, err
	}
	if err := checkDescription(u.Description); err != nil {
		return nil, err
	}
	p, err := o.Pictures.Read(ctx, u.Reader)
	switch {
	case errors.Is(err, picture.ErrTooLarge):
		return nil, invalid("Validation failed: the picture is too large")
	case errors.Is(err, picture.ErrUnsupported):
		return nil, invalid("Validation failed: this kind of file can't be attached; JPEG, PNG, GIF and WebP can")
	case err != nil:
		return nil, invalid("Validation failed: the picture is damaged")
	}
	m := &storage.Media{
		AccountID: me.ID, Kind: "image", MIME: p.MIME, BlobKey: blob.NewKey(), SmallKey: blob.NewKey(),
		Width: p.Width, Height: p.Height, SmallWidth: p.SmallWidth, SmallHeight: p.SmallHeight,
		Blurhash: p.Blurhash, Description: u.Description, FocusX: u.FocusX, FocusY: u.FocusY, Size: int64(len(p.Original)),
	}
	for key, data := range map[string][]byte{m.BlobKey: p.Original, m.SmallKey: p.Small} {
		if err := o.Blobs.Put(ctx, key, bytes.NewReader(data)); err != nil {
			return nil, err
		}
	}
	return m, o.DB.Update(ctx, func(tx *storage.Tx) error { return tx.AddMedia(ctx, m) })
}

// Describe changes one's own file's alt text and focus; nil leaves them as they are.
func (o *Outbox) Describe(ctx context.Context, me *storage.Account, id int64, description *string, focus *[2]float64) (*storage.Media, error) {
	m, err := o.DB.MediaByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if m.AccountID != me.ID {
		return nil, storage.ErrNotFound
	}
	if description != nil {
		if err := checkDescription(*description); err != nil {
			return nil, err
		}
		m.Description = *description
	}
	if focus != nil {
		m.FocusX, m.FocusY = focus[0], focus[1]
	}
	return m, o.DB.Update(ctx, func(tx *storage.Tx) error { return tx.DescribeMedia(ctx, m) })
}

func checkDescription(s string) error {
	if len([]rune(s)) > MaxDescription {
		return invalid("Validation failed: Description is longer than %d characters", MaxDescription)
	}
	return nil
}

// RemoveUpload removes one's own file, unless it hangs on a post or a profile.
func (o *Outbox) RemoveUpload(ctx context.Context, m *storage.Media) error {
	return o.DB.Update(ctx, func(tx *storage.Tx) error {
		removed, err := tx.RemoveMedia(ctx, m.ID)
		if err != nil {
			return err
		}
		if !removed {
			return invalid("The file is in use.")
		}
		return ForgetMedia(ctx, tx, []string{m.BlobKey, m.SmallKey})
	})
}
