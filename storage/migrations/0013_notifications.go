package migrations

// Which notifications somebody gets at once, and which wait until they say so.
const notifications = `
ALTER TABLE notifications ADD COLUMN held {bool} NOT NULL DEFAULT FALSE;
CREATE TABLE notification_policies (
	account_id {id} PRIMARY KEY REFERENCES accounts (id),
	not_following TEXT NOT NULL,
	not_followers TEXT NOT NULL,
	new_accounts TEXT NOT NULL,
	private_mentions TEXT NOT NULL,
	limited_accounts TEXT NOT NULL
);
CREATE TABLE notification_requests (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	from_id {id} NOT NULL REFERENCES accounts (id),
	created_at {time} NOT NULL,
	UNIQUE (account_id, from_id)
);
CREATE TABLE notification_permits (
	account_id {id} NOT NULL REFERENCES accounts (id),
	from_id {id} NOT NULL REFERENCES accounts (id),
	PRIMARY KEY (account_id, from_id)
);
`
