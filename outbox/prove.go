package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"ruche/federation"
	"ruche/storage"
)

// prove adds the author's proof to what one of ours says (FEP-8b32), so that it counts wherever it is passed on. What
// is passed on of another's goes as it came.
func prove(ctx context.Context, tx *storage.Tx, actor *storage.Account, body []byte) ([]byte, error) {
	var fields map[string]json.RawMessage
	var said string
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	if json.Unmarshal(fields["actor"], &said) != nil || said != actor.URI || !actor.Local() {
		return body, nil
	}
	key, err := tx.ProofKey(ctx, actor.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return body, nil // our signature under the request is enough for those whom we send it to
	}
	if err != nil {
		return nil, err
	}
	return federation.Prove(body, key, tx.Now())
}
