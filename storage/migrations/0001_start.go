package migrations

const start = `
CREATE TABLE settings (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL
);
CREATE TABLE accounts (
	id {id} PRIMARY KEY,
	username TEXT NOT NULL,
	domain TEXT NOT NULL,
	peer TEXT NOT NULL,
	kind TEXT NOT NULL,
	uri TEXT NOT NULL UNIQUE,
	url TEXT NOT NULL,
	inbox_uri TEXT NOT NULL,
	shared_inbox_uri TEXT NOT NULL,
	outbox_uri TEXT NOT NULL,
	followers_uri TEXT NOT NULL,
	following_uri TEXT NOT NULL,
	display_name TEXT NOT NULL,
	note_text TEXT NOT NULL,
	note_html TEXT NOT NULL,
	fields TEXT,
	avatar_id {id},
	header_id {id},
	avatar_url TEXT NOT NULL,
	header_url TEXT NOT NULL,
	locked {bool} NOT NULL,
	discoverable {bool} NOT NULL,
	indexable {bool} NOT NULL,
	bot {bool} NOT NULL,
	official {bool} NOT NULL,
	department TEXT NOT NULL,
	circles {bool} NOT NULL,
	key_id TEXT NOT NULL,
	public_key TEXT NOT NULL,
	private_key TEXT NOT NULL,
	posts_count {int} NOT NULL,
	followers_count {int} NOT NULL,
	following_count {int} NOT NULL,
	last_post_on TEXT NOT NULL,
	created_at {time} NOT NULL,
	updated_at {time} NOT NULL,
	fetched_at {time},
	suspended_at {time},
	deleted_at {time},
	moved_to TEXT NOT NULL,
	raw TEXT NOT NULL,
	revision {int} NOT NULL
);
CREATE UNIQUE INDEX accounts_name ON accounts (lower(username), domain);
CREATE INDEX accounts_key ON accounts (key_id);
CREATE INDEX accounts_peer ON accounts (peer, kind);
CREATE TABLE users (
	account_id {id} PRIMARY KEY REFERENCES accounts (id),
	email TEXT NOT NULL UNIQUE,
	password_hash TEXT NOT NULL,
	role TEXT NOT NULL,
	locale TEXT NOT NULL,
	default_visibility TEXT NOT NULL,
	default_circle TEXT NOT NULL,
	default_sensitive {bool} NOT NULL,
	default_language TEXT NOT NULL,
	created_at {time} NOT NULL,
	password_set_at {time} NOT NULL
);
CREATE TABLE peers (
	host TEXT PRIMARY KEY,
	tier TEXT NOT NULL,
	state TEXT NOT NULL,
	public_web {bool} NOT NULL,
	note TEXT NOT NULL,
	account_domains TEXT,
	shared_inbox TEXT NOT NULL,
	circles {bool} NOT NULL,
	created_at {time} NOT NULL,
	updated_at {time} NOT NULL
);
CREATE TABLE follows (
	id {id} PRIMARY KEY,
	follower_id {id} NOT NULL REFERENCES accounts (id),
	followee_id {id} NOT NULL REFERENCES accounts (id),
	follower_local {bool} NOT NULL,
	uri TEXT NOT NULL,
	state TEXT NOT NULL,
	show_shares {bool} NOT NULL,
	notify {bool} NOT NULL,
	created_at {time} NOT NULL,
	UNIQUE (follower_id, followee_id)
);
CREATE INDEX follows_followee ON follows (followee_id, state, follower_local, follower_id);
CREATE INDEX follows_follower ON follows (follower_id, state, id);
CREATE INDEX follows_uri ON follows (uri);
CREATE TABLE ended_activities (
	uri TEXT PRIMARY KEY,
	at {time} NOT NULL,
	signed_at {time} NOT NULL
);
CREATE INDEX ended_activities_at ON ended_activities (at);
CREATE TABLE posts (
	id {id} PRIMARY KEY,
	author_id {id} NOT NULL REFERENCES accounts (id),
	origin TEXT NOT NULL,
	uri TEXT NOT NULL UNIQUE,
	url TEXT NOT NULL,
	activity_uri TEXT NOT NULL,
	share_of_id {id} REFERENCES posts (id),
	in_reply_to_id {id} REFERENCES posts (id),
	in_reply_to_uri TEXT NOT NULL,
	in_reply_to_user {id},
	thread_id {id} NOT NULL,
	context TEXT NOT NULL,
	text TEXT NOT NULL,
	html TEXT NOT NULL,
	content_warning TEXT NOT NULL,
	sensitive {bool} NOT NULL,
	language TEXT NOT NULL,
	visibility TEXT NOT NULL,
	circle TEXT NOT NULL,
	published_at {time} NOT NULL,
	edited_at {time},
	deleted_at {time},
	arrived_at {time} NOT NULL,
	backfilled {bool} NOT NULL,
	replies_count {int} NOT NULL,
	shares_count {int} NOT NULL,
	likes_count {int} NOT NULL,
	revision {int} NOT NULL,
	raw TEXT NOT NULL,
	client TEXT NOT NULL
);
CREATE INDEX posts_author ON posts (author_id, id);
CREATE INDEX posts_reply ON posts (in_reply_to_id);
CREATE INDEX posts_reply_uri ON posts (in_reply_to_uri) WHERE in_reply_to_uri <> '' AND in_reply_to_id IS NULL;
CREATE UNIQUE INDEX posts_one_share ON posts (share_of_id, author_id) WHERE share_of_id IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX posts_public ON posts (id) WHERE visibility = 'public' AND share_of_id IS NULL AND deleted_at IS NULL;
CREATE TABLE post_edits (
	id {id} PRIMARY KEY,
	post_id {id} NOT NULL REFERENCES posts (id),
	html TEXT NOT NULL,
	text TEXT NOT NULL,
	content_warning TEXT NOT NULL,
	sensitive {bool} NOT NULL,
	written_at {time} NOT NULL
);
CREATE INDEX post_edits_post ON post_edits (post_id, id);
CREATE TABLE mentions (
	post_id {id} NOT NULL REFERENCES posts (id),
	account_id {id} NOT NULL REFERENCES accounts (id),
	PRIMARY KEY (post_id, account_id)
);
CREATE INDEX mentions_account ON mentions (account_id, post_id);
CREATE TABLE hashtags (
	post_id {id} NOT NULL REFERENCES posts (id),
	name TEXT NOT NULL,
	PRIMARY KEY (post_id, name)
);
CREATE INDEX hashtags_name ON hashtags (name, post_id);
CREATE TABLE home (
	account_id {id} NOT NULL,
	post_id {id} NOT NULL,
	author_id {id} NOT NULL,
	subject_id {id} NOT NULL,
	PRIMARY KEY (account_id, post_id)
) {norowid};
CREATE INDEX home_author ON home (account_id, author_id);
CREATE INDEX home_subject ON home (account_id, subject_id, post_id);
CREATE INDEX home_post ON home (post_id);
CREATE TABLE reach (
	post_id {id} NOT NULL,
	host TEXT NOT NULL,
	first_at {time} NOT NULL,
	PRIMARY KEY (post_id, host)
) {norowid};
CREATE TABLE media (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	post_id {id},
	position {int} NOT NULL,
	kind TEXT NOT NULL,
	mime TEXT NOT NULL,
	blob_key TEXT NOT NULL,
	small_key TEXT NOT NULL,
	remote_url TEXT NOT NULL,
	width {int} NOT NULL,
	height {int} NOT NULL,
	small_width {int} NOT NULL,
	small_height {int} NOT NULL,
	blurhash TEXT NOT NULL,
	description TEXT NOT NULL,
	focus_x {float} NOT NULL,
	focus_y {float} NOT NULL,
	size {int} NOT NULL,
	created_at {time} NOT NULL
);
CREATE INDEX media_post ON media (post_id);
CREATE INDEX media_blob ON media (blob_key);
CREATE INDEX media_small ON media (small_key);
CREATE TABLE likes (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	post_id {id} NOT NULL REFERENCES posts (id),
	uri TEXT NOT NULL,
	created_at {time} NOT NULL,
	UNIQUE (account_id, post_id)
);
CREATE INDEX likes_post ON likes (post_id, id);
CREATE INDEX likes_uri ON likes (uri);
CREATE INDEX likes_account ON likes (account_id, id);
CREATE TABLE bookmarks (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	post_id {id} NOT NULL REFERENCES posts (id),
	created_at {time} NOT NULL,
	UNIQUE (account_id, post_id)
);
CREATE INDEX bookmarks_account ON bookmarks (account_id, id);
CREATE INDEX bookmarks_post ON bookmarks (post_id);
CREATE TABLE notifications (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	kind TEXT NOT NULL,
	from_id {id} NOT NULL REFERENCES accounts (id),
	post_id {id} NOT NULL,
	created_at {time} NOT NULL,
	UNIQUE (account_id, kind, from_id, post_id)
);
CREATE INDEX notifications_account ON notifications (account_id, id);
CREATE INDEX notifications_post ON notifications (post_id);
CREATE TABLE job_bodies (
	id {id} PRIMARY KEY,
	body {bytes} NOT NULL
);
CREATE TABLE jobs (
	id {id} PRIMARY KEY,
	kind TEXT NOT NULL,
	order_key TEXT NOT NULL,
	host TEXT NOT NULL,
	args TEXT NOT NULL,
	body_id {id},
	state TEXT NOT NULL,
	run_at {time} NOT NULL,
	attempts {int} NOT NULL,
	lease_by TEXT NOT NULL,
	lease_to {time},
	error TEXT NOT NULL,
	created_at {time} NOT NULL,
	expires_at {time} NOT NULL
);
CREATE INDEX jobs_due ON jobs (run_at, id) WHERE state = 'ready';
CREATE INDEX jobs_key ON jobs (order_key, id) WHERE order_key <> '';
CREATE INDEX jobs_running ON jobs (lease_to) WHERE state = 'running';
CREATE INDEX jobs_host ON jobs (host, state);
CREATE INDEX jobs_body ON jobs (body_id);
CREATE TABLE hosts (
	host TEXT PRIMARY KEY,
	failures {int} NOT NULL,
	retry_at {time},
	last_ok {time},
	last_error TEXT NOT NULL,
	refusing {bool} NOT NULL
);
CREATE TABLE changes (
	id {id} PRIMARY KEY,
	process TEXT NOT NULL,
	event TEXT NOT NULL,
	at {time} NOT NULL
);
CREATE INDEX changes_at ON changes (at);
CREATE TABLE apps (
	id {id} PRIMARY KEY,
	client_id TEXT NOT NULL UNIQUE,
	secret_hash TEXT NOT NULL,
	name TEXT NOT NULL,
	website TEXT NOT NULL,
	redirect_uris TEXT,
	scopes TEXT NOT NULL,
	created_at {time} NOT NULL
);
CREATE TABLE tokens (
	id {id} PRIMARY KEY,
	hash TEXT NOT NULL UNIQUE,
	app_id {id} NOT NULL,
	account_id {id},
	scopes TEXT NOT NULL,
	created_at {time} NOT NULL
);
CREATE INDEX tokens_account ON tokens (account_id);
CREATE TABLE codes (
	hash TEXT PRIMARY KEY,
	app_id {id} NOT NULL,
	account_id {id} NOT NULL,
	redirect_uri TEXT NOT NULL,
	scopes TEXT NOT NULL,
	challenge TEXT NOT NULL,
	expires_at {time} NOT NULL
);
CREATE TABLE sessions (
	hash TEXT PRIMARY KEY,
	account_id {id} NOT NULL,
	csrf TEXT NOT NULL,
	created_at {time} NOT NULL,
	expires_at {time} NOT NULL
);
CREATE TABLE idempotency (
	account_id {id} NOT NULL,
	key TEXT NOT NULL,
	post_id {id} NOT NULL,
	created_at {time} NOT NULL,
	PRIMARY KEY (account_id, key)
);
`
