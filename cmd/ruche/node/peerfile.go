package node

import (
	"errors"
	"fmt"
	"io"

	"github.com/pelletier/go-toml/v2"

	"ruche/federation/peering"
)

// A PeerFile is what `ruche peer apply` reads: the peers as they shall be.
type PeerFile struct {
	// Prune: who isn't named is removed, save those whom an organisation's list brought.
	Prune bool            `toml:"prune"`
	Peers []peering.Entry `toml:"peer"`
}

// maxPeerFile bounds what is read of a file that somebody names by mistake.
const maxPeerFile = 16 << 20

// ReadPeerFile reads TOML: prune = true, and [[peer]] tables. A key that doesn't exist is an error, since
// it would be a choice that isn't made.
func ReadPeerFile(r io.Reader) (*PeerFile, error) {
	f := new(PeerFile)
	d := toml.NewDecoder(io.LimitReader(r, maxPeerFile))
	d.DisallowUnknownFields()
	err := d.Decode(f)
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		line, _ := strict.Errors[0].Position()
		return nil, fmt.Errorf("line %d: there is no key %v", line, strict.Errors[0].Key())
	}
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		line, _ := wrong.Position()
		return nil, fmt.Errorf("line %d: %w", line, wrong)
	}
	return f, err
}
