package migrations

// Where apps want to be woken: one place per token.
const push = `
CREATE TABLE push_subscriptions (
	id {id} PRIMARY KEY,
	token_id {id} NOT NULL UNIQUE,
	account_id {id} NOT NULL REFERENCES accounts (id),
	endpoint TEXT NOT NULL,
	host TEXT NOT NULL,
	p256dh TEXT NOT NULL,
	auth TEXT NOT NULL,
	standard {bool} NOT NULL,
	alerts TEXT,
	policy TEXT NOT NULL,
	created_at {time} NOT NULL
);
CREATE INDEX push_subscriptions_account ON push_subscriptions (account_id);
`
