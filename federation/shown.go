package federation

import (
	"context"
	"slices"

	"ruche/storage"
)

// ShowsMedia says whether a peer's picture or attachment at an address is fetched and shown here.
func ShowsMedia(peer *storage.Peer, uri string) bool {
	host, _ := HostOf(uri) // no host for what is no address, and nothing is shown from there
	return peer.ShowsMedia(host)
}

// Shown tells which files at peers are shown here, and where their copies are served: no reader's browser is sent elsewhere for a
// picture.
type Shown struct {
	Seal  storage.Seal
	peers map[string]*storage.Peer
}

// ShownOf reads what it takes to show the files of some hosts; ours, the empty one, may be among them, and any may stand twice.
func ShownOf(ctx context.Context, db *storage.DB, hosts []string) (Shown, error) {
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	if len(hosts) > 0 && hosts[0] == "" {
		hosts = hosts[1:]
	}
	if len(hosts) == 0 {
		return Shown{}, nil
	}
	seal, err := db.Seal(ctx)
	if err != nil {
		return Shown{}, err
	}
	peers, err := db.PeersByHost(ctx, hosts)
	return Shown{seal, peers}, err
}

// Path is the address of the copy of a host's file, from our own root on; empty where the file isn't shown.
func (s Shown) Path(of string, id int64, host, address string) string {
	if address == "" || !ShowsMedia(s.peers[host], address) {
		return ""
	}
	return s.Seal.Path(of, id, address)
}
