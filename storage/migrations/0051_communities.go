package migrations

// Communities: how one joins, who looks after them, who is kept out, and which posts are in them.
const communities = `
CREATE TABLE communities (
	account_id {id} PRIMARY KEY REFERENCES accounts (id),
	admission TEXT NOT NULL,
	created_by {id} NOT NULL REFERENCES accounts (id),
	created_at {time} NOT NULL
);
CREATE TABLE community_people (
	community_id {id} NOT NULL REFERENCES accounts (id),
	account_id {id} NOT NULL REFERENCES accounts (id),
	standing TEXT NOT NULL,
	by_id {id} NOT NULL,
	at {time} NOT NULL,
	PRIMARY KEY (community_id, account_id, standing)
);
CREATE TABLE community_posts (
	post_id {id} PRIMARY KEY REFERENCES posts (id),
	community_id {id} NOT NULL REFERENCES accounts (id),
	state TEXT NOT NULL,
	at {time} NOT NULL
);
CREATE INDEX community_posts_of ON community_posts (community_id, post_id);
`
