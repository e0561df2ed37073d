package migrations

// How far a person has read a timeline, as their apps tell it.
const markers = `
CREATE TABLE markers (
	account_id {id} NOT NULL REFERENCES accounts (id),
	timeline TEXT NOT NULL,
	last_read_id {id} NOT NULL,
	version {int} NOT NULL,
	updated_at {time} NOT NULL,
	PRIMARY KEY (account_id, timeline)
);
`
