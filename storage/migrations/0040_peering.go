package migrations

// peering: what a peer may do, until when, and how it was linked. Peers of before keep every right.
const peering = `
ALTER TABLE peers ADD COLUMN contact TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN ends_at {time};
ALTER TABLE peers ADD COLUMN warned {int} NOT NULL DEFAULT 0;
ALTER TABLE peers ADD COLUMN media_hosts TEXT;
ALTER TABLE peers ADD COLUMN in_follows {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN in_posts {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN in_shares {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN in_direct {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN in_media {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN in_communities {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN in_directory {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN out_follows {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN out_posts {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN out_shares {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN out_direct {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN out_media {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN out_communities {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN out_directory {bool} NOT NULL DEFAULT TRUE;
ALTER TABLE peers ADD COLUMN approve_follows {bool} NOT NULL DEFAULT FALSE;
ALTER TABLE peers ADD COLUMN subscribe {bool} NOT NULL DEFAULT FALSE;
ALTER TABLE peers ADD COLUMN rate {int} NOT NULL DEFAULT 0;
ALTER TABLE peers ADD COLUMN via TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN organisation TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN service_actor TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN held_fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN their_state TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN their_terms TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN told_at {time};
ALTER TABLE peers ADD COLUMN software TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN checked_at {time};
ALTER TABLE peers ADD COLUMN purge_at {time};
ALTER TABLE peers ADD COLUMN purge_began_at {time};
ALTER TABLE peers ADD COLUMN purge_total {int} NOT NULL DEFAULT 0;
ALTER TABLE peers ADD COLUMN purge_done {int} NOT NULL DEFAULT 0;
ALTER TABLE peers ADD COLUMN purged_at {time};
UPDATE peers SET subscribe = TRUE WHERE tier = 'sibling';
CREATE INDEX posts_origin ON posts (origin, id) WHERE origin <> '';
CREATE TABLE peer_events (
	id {id} PRIMARY KEY,
	host TEXT NOT NULL,
	kind TEXT NOT NULL,
	detail TEXT NOT NULL,
	at {time} NOT NULL
);
CREATE INDEX peer_events_host ON peer_events (host, id);
CREATE TABLE invitations (
	id TEXT PRIMARY KEY,
	proof_key TEXT NOT NULL,
	terms TEXT NOT NULL,
	note TEXT NOT NULL,
	created_at {time} NOT NULL,
	expires_at {time} NOT NULL,
	used_at {time},
	used_by TEXT NOT NULL,
	revoked_at {time},
	failures {int} NOT NULL
);
CREATE TABLE comparisons (
	host TEXT PRIMARY KEY,
	id TEXT NOT NULL,
	role TEXT NOT NULL,
	invitation TEXT NOT NULL,
	service_actor TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	theirs TEXT NOT NULL,
	commitment TEXT NOT NULL,
	nonce TEXT NOT NULL,
	code TEXT NOT NULL,
	terms TEXT NOT NULL,
	opened_at {time} NOT NULL,
	expires_at {time} NOT NULL,
	ended TEXT NOT NULL
);
CREATE TABLE organisations (
	uri TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	keeper TEXT NOT NULL,
	public_key TEXT NOT NULL,
	private_key TEXT NOT NULL,
	version {int} NOT NULL,
	document TEXT NOT NULL,
	terms TEXT NOT NULL,
	fetched_at {time} NOT NULL,
	error TEXT NOT NULL
);
`
