package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ruche/storage"
)

// auditEvery is how soon others are told of a change of the audit log.
const auditEvery = time.Minute

// watchAudit tells where the audit log stands, until ctx ends and a last time then.
func (n *Node) watchAudit(ctx context.Context) {
	tick := time.NewTicker(auditEvery)
	defer tick.Stop()
	tell := func() {
		if err := n.heads.Tell(context.WithoutCancel(ctx)); err != nil {
			n.opt.Log.ErrorContext(ctx, "where the audit log stands could not be told", "err", err)
		}
	}
	defer tell()
	for {
		tell()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// settingConfig is the configuration of the last start, secrets left out.
const settingConfig = "configuration"

// auditConfig writes down, at a start, a configuration or program that isn't that of the last one.
func auditConfig(ctx context.Context, db *storage.DB, cfg Config, version string) error {
	now := map[string]string{"version": version}
	for _, line := range cfg.Lines() {
		name, value, _ := strings.Cut(line, " = ")
		if plain, err := strconv.Unquote(value); err == nil {
			value = plain
		}
		now[name] = value
	}
	text, err := json.Marshal(now)
	if err != nil {
		return fmt.Errorf("write configuration down: %w", err)
	}
	sum := sha256.Sum256(text)
	return db.Update(ctx, func(tx *storage.Tx) error {
		last, err := tx.Setting(ctx, settingConfig)
		if err != nil || last == string(text) {
			return err
		}
		var was map[string]string
		if last != "" {
			if err := json.Unmarshal([]byte(last), &was); err != nil {
				return fmt.Errorf("read the last start's configuration: %w", err)
			}
		}
		if err := tx.SetSetting(ctx, settingConfig, string(text)); err != nil {
			return err
		}
		e := storage.AuditEntry{Action: storage.ActionConfig, Subject: storage.AboutNode(), Facts: "sha256=" + hex.EncodeToString(sum[:])}
		before, after := map[string]string{}, map[string]string{}
		for name, value := range now {
			if old, known := was[name]; !known || old != value {
				after[name] = value
				if known {
					before[name] = old
				}
			}
		}
		if e.After = after; len(before) > 0 {
			e.Before = before
		}
		return tx.Audit(ctx, e)
	})
}
