package migrations

// selfService: what people do about their own sign-in: links by mail, a second factor, their browsers.
const selfService = `
ALTER TABLE users ADD COLUMN pending_email TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN browser TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
CREATE TABLE mail_tokens (
	hash TEXT PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	purpose TEXT NOT NULL,
	email TEXT NOT NULL,
	expires_at {time} NOT NULL
);
CREATE INDEX mail_tokens_account ON mail_tokens (account_id);
CREATE TABLE second_factors (
	account_id {id} PRIMARY KEY REFERENCES accounts (id),
	secret TEXT NOT NULL,
	last_step {int} NOT NULL,
	created_at {time} NOT NULL,
	confirmed_at {time}
);
CREATE TABLE recovery_codes (
	account_id {id} NOT NULL REFERENCES accounts (id),
	hash TEXT NOT NULL,
	PRIMARY KEY (account_id, hash)
);
CREATE TABLE half_sign_ins (
	hash TEXT PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	return_to TEXT NOT NULL,
	failures {int} NOT NULL,
	expires_at {time} NOT NULL
);
CREATE INDEX half_sign_ins_account ON half_sign_ins (account_id);
`
