package migrations

// trends: what community managers picked for everybody to see; and who keeps their followers to themselves.
const trends = `
CREATE TABLE trend_picks (
	kind TEXT NOT NULL,
	target TEXT NOT NULL,
	picked_at {time} NOT NULL,
	PRIMARY KEY (kind, target)
);
ALTER TABLE accounts ADD COLUMN hide_collections {bool} NOT NULL DEFAULT FALSE;
`
