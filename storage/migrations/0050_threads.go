package migrations

// Threads that are fetched from peers: what of them is missing and why, and what a fetch may still
// spend. Beside it, when an account's followers were last compared with its own node's.
const threads = `
CREATE TABLE thread_gaps (
	post_id {id} NOT NULL REFERENCES posts (id),
	part TEXT NOT NULL,
	above {bool} NOT NULL,
	reason TEXT NOT NULL,
	noted_at {time} NOT NULL,
	PRIMARY KEY (post_id, part)
);
CREATE INDEX thread_gaps_part ON thread_gaps (part);
CREATE TABLE thread_fetches (
	post_id {id} PRIMARY KEY,
	run {id} NOT NULL,
	origin TEXT NOT NULL,
	started_at {time} NOT NULL,
	requests {int} NOT NULL,
	posts {int} NOT NULL,
	bytes {int} NOT NULL,
	hosts TEXT NOT NULL
);
CREATE INDEX thread_fetches_origin ON thread_fetches (origin, started_at);
CREATE INDEX thread_fetches_at ON thread_fetches (started_at);
CREATE TABLE follower_syncs (
	account_id {id} PRIMARY KEY REFERENCES accounts (id),
	at {time} NOT NULL
);
`
