package migrations

// What administrators did, chained and never changed; what siblings told us of theirs; and people's
// own sign-ins. What an entry says of persons stands apart, so that it can be erased.
const audit = `
CREATE TABLE audit_entries (
	id {id} PRIMARY KEY,
	at {time} NOT NULL,
	actor TEXT NOT NULL,
	action TEXT NOT NULL,
	subject TEXT NOT NULL,
	facts TEXT NOT NULL,
	by_digest TEXT NOT NULL,
	about_digest TEXT NOT NULL,
	hash TEXT NOT NULL
);
CREATE INDEX audit_entries_hash ON audit_entries (hash);
CREATE INDEX audit_entries_action ON audit_entries (action, id);
CREATE INDEX audit_entries_subject ON audit_entries (subject, id);
CREATE INDEX audit_entries_at ON audit_entries (at);
CREATE TABLE audit_parts (
	entry_id {id} NOT NULL,
	part TEXT NOT NULL,
	account_id {id} NOT NULL,
	salt TEXT NOT NULL,
	body TEXT NOT NULL,
	erasure {id} NOT NULL,
	PRIMARY KEY (entry_id, part)
);
CREATE INDEX audit_parts_account ON audit_parts (account_id, entry_id);
CREATE INDEX audit_parts_erasure ON audit_parts (erasure, entry_id) WHERE erasure <> 0;
CREATE TABLE audit_heads (
	host TEXT NOT NULL,
	day TEXT NOT NULL,
	count {int} NOT NULL,
	head TEXT NOT NULL,
	at {time} NOT NULL,
	signature TEXT NOT NULL,
	public_key TEXT NOT NULL,
	received_at {time} NOT NULL,
	PRIMARY KEY (host, day)
);
CREATE TABLE security_log (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL,
	kind TEXT NOT NULL,
	address TEXT NOT NULL,
	app TEXT NOT NULL,
	reader TEXT NOT NULL,
	why TEXT NOT NULL,
	at {time} NOT NULL
);
CREATE INDEX security_log_account ON security_log (account_id, id);
CREATE INDEX security_log_at ON security_log (at);
`
