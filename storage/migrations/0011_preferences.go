package migrations

// What people choose to see and how they sort it: mutes, lists, filters, followed tags, notes about
// others. All of it is theirs alone.
const preferences = `
CREATE TABLE mutes (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	target_id {id} NOT NULL REFERENCES accounts (id),
	notifications {bool} NOT NULL,
	expires_at {time},
	created_at {time} NOT NULL,
	UNIQUE (account_id, target_id)
);
CREATE TABLE thread_mutes (
	account_id {id} NOT NULL REFERENCES accounts (id),
	thread_id {id} NOT NULL,
	created_at {time} NOT NULL,
	PRIMARY KEY (account_id, thread_id)
);
CREATE TABLE hidden_hosts (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	host TEXT NOT NULL,
	created_at {time} NOT NULL,
	UNIQUE (account_id, host)
);
CREATE TABLE notes (
	account_id {id} NOT NULL REFERENCES accounts (id),
	target_id {id} NOT NULL REFERENCES accounts (id),
	text TEXT NOT NULL,
	PRIMARY KEY (account_id, target_id)
);
CREATE TABLE endorsements (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	target_id {id} NOT NULL REFERENCES accounts (id),
	created_at {time} NOT NULL,
	UNIQUE (account_id, target_id)
);
CREATE TABLE tag_follows (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	name TEXT NOT NULL,
	created_at {time} NOT NULL,
	UNIQUE (account_id, name)
);
CREATE INDEX tag_follows_name ON tag_follows (name, account_id);
CREATE TABLE lists (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	title TEXT NOT NULL,
	replies TEXT NOT NULL,
	exclusive {bool} NOT NULL,
	created_at {time} NOT NULL
);
CREATE INDEX lists_account ON lists (account_id, id);
CREATE TABLE list_members (
	id {id} PRIMARY KEY,
	list_id {id} NOT NULL REFERENCES lists (id),
	account_id {id} NOT NULL REFERENCES accounts (id),
	UNIQUE (list_id, account_id)
);
CREATE INDEX list_members_account ON list_members (account_id, list_id);
CREATE TABLE filters (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	title TEXT NOT NULL,
	contexts TEXT,
	action TEXT NOT NULL,
	expires_at {time},
	created_at {time} NOT NULL
);
CREATE INDEX filters_account ON filters (account_id, id);
CREATE TABLE filter_keywords (
	id {id} PRIMARY KEY,
	filter_id {id} NOT NULL REFERENCES filters (id),
	keyword TEXT NOT NULL,
	whole_word {bool} NOT NULL
);
CREATE INDEX filter_keywords_filter ON filter_keywords (filter_id, id);
CREATE TABLE filter_posts (
	id {id} PRIMARY KEY,
	filter_id {id} NOT NULL REFERENCES filters (id),
	post_id {id} NOT NULL REFERENCES posts (id),
	UNIQUE (filter_id, post_id)
);
`
