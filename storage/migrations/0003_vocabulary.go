package migrations

// What posts of the fediverse carry besides words: polls, quotes, emojis; what accounts say of
// each other: pins, featured tags, blocks, reports, moves.
const vocabulary = `
CREATE TABLE polls (
	post_id {id} PRIMARY KEY REFERENCES posts (id),
	multiple {bool} NOT NULL,
	hide_totals {bool} NOT NULL,
	expires_at {time},
	closed_at {time},
	voters_count {int} NOT NULL,
	counted_at {time},
	telling {bool} NOT NULL
);
CREATE TABLE poll_options (
	post_id {id} NOT NULL REFERENCES posts (id),
	position {int} NOT NULL,
	title TEXT NOT NULL,
	votes {int} NOT NULL,
	PRIMARY KEY (post_id, position)
);
CREATE TABLE poll_votes (
	id {id} PRIMARY KEY,
	post_id {id} NOT NULL REFERENCES posts (id),
	account_id {id} NOT NULL REFERENCES accounts (id),
	position {int} NOT NULL,
	uri TEXT NOT NULL,
	created_at {time} NOT NULL,
	UNIQUE (post_id, account_id, position)
);
CREATE INDEX poll_votes_account ON poll_votes (account_id);
CREATE TABLE quotes (
	id {id} PRIMARY KEY,
	post_id {id} UNIQUE REFERENCES posts (id),
	post_uri TEXT NOT NULL,
	account_id {id} NOT NULL REFERENCES accounts (id),
	quoted_id {id} REFERENCES posts (id),
	quoted_uri TEXT NOT NULL,
	state TEXT NOT NULL,
	request_uri TEXT NOT NULL,
	approval_uri TEXT NOT NULL,
	said_at {time},
	created_at {time} NOT NULL,
	updated_at {time} NOT NULL,
	UNIQUE (post_uri, quoted_uri)
);
CREATE INDEX quotes_quoted ON quotes (quoted_id, state, post_id);
CREATE INDEX quotes_quoted_uri ON quotes (quoted_uri);
CREATE INDEX quotes_request ON quotes (request_uri) WHERE request_uri <> '';
CREATE INDEX quotes_approval ON quotes (approval_uri) WHERE approval_uri <> '';
CREATE TABLE emojis (
	id {id} PRIMARY KEY,
	host TEXT NOT NULL,
	name TEXT NOT NULL,
	uri TEXT NOT NULL,
	remote_url TEXT NOT NULL,
	mime TEXT NOT NULL,
	blob_key TEXT NOT NULL,
	updated_at {time} NOT NULL,
	UNIQUE (host, name)
);
CREATE TABLE pins (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	post_id {id} NOT NULL REFERENCES posts (id),
	created_at {time} NOT NULL,
	UNIQUE (account_id, post_id)
);
CREATE INDEX pins_post ON pins (post_id);
CREATE TABLE featured_tags (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	name TEXT NOT NULL,
	created_at {time} NOT NULL,
	UNIQUE (account_id, name)
);
CREATE TABLE blocks (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	target_id {id} NOT NULL REFERENCES accounts (id),
	uri TEXT NOT NULL,
	created_at {time} NOT NULL,
	UNIQUE (account_id, target_id)
);
CREATE INDEX blocks_target ON blocks (target_id, account_id);
CREATE INDEX blocks_uri ON blocks (uri);
CREATE TABLE reports (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	target_id {id} NOT NULL REFERENCES accounts (id),
	uri TEXT NOT NULL UNIQUE,
	category TEXT NOT NULL,
	comment TEXT NOT NULL,
	posts TEXT,
	forwarded {bool} NOT NULL,
	created_at {time} NOT NULL,
	closed_at {time}
);
CREATE INDEX reports_target ON reports (target_id, id);
ALTER TABLE posts ADD COLUMN kind TEXT NOT NULL DEFAULT 'Note';
ALTER TABLE posts ADD COLUMN quote_policy TEXT NOT NULL DEFAULT '';
ALTER TABLE posts ADD COLUMN quotes_count {int} NOT NULL DEFAULT 0;
ALTER TABLE posts ADD COLUMN emojis TEXT;
ALTER TABLE accounts ADD COLUMN emojis TEXT;
ALTER TABLE accounts ADD COLUMN aliases TEXT;
ALTER TABLE accounts ADD COLUMN featured_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN featured_tags_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN default_quote_policy TEXT NOT NULL DEFAULT '';
`
