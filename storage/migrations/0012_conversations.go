package migrations

// Direct posts as conversations, for each person of this node who takes part.
const conversations = `
CREATE TABLE conversations (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	thread_id {id} NOT NULL,
	last_post_id {id} NOT NULL REFERENCES posts (id),
	unread {bool} NOT NULL,
	UNIQUE (account_id, thread_id)
);
CREATE INDEX conversations_last ON conversations (account_id, last_post_id);
CREATE INDEX conversations_post ON conversations (last_post_id);
`
