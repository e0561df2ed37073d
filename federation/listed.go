package federation

import (
	"context"
	"fmt"
	"slices"

	"ruche/storage"
)

// Listed is a permission (ClientConfig.Permit) for the hosts of a setting and no others: what isn't a peer is asked for
// nothing else.
func Listed(db *storage.DB, setting string) func(ctx context.Context, host string) error {
	return func(ctx context.Context, host string) error {
		hosts, err := db.HostList(ctx, setting)
		if err == nil && !slices.Contains(hosts, host) {
			err = fmt.Errorf("%s isn't in the setting %s: %w", host, setting, ErrNotPeer)
		}
		return err
	}
}
