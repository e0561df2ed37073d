package migrations

// What a node says to its people, and what they put off: announcements with reactions, posts for
// later, suggestions that somebody waved away.
const house = `
CREATE TABLE announcements (
	id {id} PRIMARY KEY,
	text TEXT NOT NULL,
	html TEXT NOT NULL,
	starts_at {time},
	ends_at {time},
	all_day {bool} NOT NULL,
	published_at {time} NOT NULL,
	updated_at {time} NOT NULL
);
CREATE TABLE announcement_reads (
	announcement_id {id} NOT NULL REFERENCES announcements (id),
	account_id {id} NOT NULL REFERENCES accounts (id),
	PRIMARY KEY (announcement_id, account_id)
);
CREATE TABLE announcement_reactions (
	announcement_id {id} NOT NULL REFERENCES announcements (id),
	account_id {id} NOT NULL REFERENCES accounts (id),
	name TEXT NOT NULL,
	created_at {time} NOT NULL,
	PRIMARY KEY (announcement_id, name, account_id)
);
CREATE TABLE scheduled_posts (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	at {time} NOT NULL,
	draft TEXT NOT NULL,
	media TEXT,
	error TEXT NOT NULL,
	created_at {time} NOT NULL
);
CREATE INDEX scheduled_posts_account ON scheduled_posts (account_id, id);
CREATE TABLE waved_away (
	account_id {id} NOT NULL REFERENCES accounts (id),
	target_id {id} NOT NULL REFERENCES accounts (id),
	PRIMARY KEY (account_id, target_id)
);
`
