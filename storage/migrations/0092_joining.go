package migrations

// joining: how people come to have an account: links that invite them, and what they ask where anybody may.
const joining = `
CREATE TABLE person_invitations (
	id {id} PRIMARY KEY,
	hash TEXT NOT NULL UNIQUE,
	role TEXT NOT NULL,
	communities TEXT NOT NULL,
	note TEXT NOT NULL,
	max_uses {int} NOT NULL,
	uses {int} NOT NULL,
	created_by {id} NOT NULL,
	created_at {time} NOT NULL,
	expires_at {time} NOT NULL,
	revoked_at {time}
);
CREATE TABLE sign_ups (
	id {id} PRIMARY KEY,
	username TEXT NOT NULL,
	email TEXT NOT NULL,
	display_name TEXT NOT NULL,
	password_hash TEXT NOT NULL,
	locale TEXT NOT NULL,
	reason TEXT NOT NULL,
	created_at {time} NOT NULL
);
CREATE UNIQUE INDEX sign_ups_username ON sign_ups (lower(username));
CREATE UNIQUE INDEX sign_ups_email ON sign_ups (email);
`
