package migrations

// moderation: what moderators do about reports and people, what these were told, and what they answer.
const moderation = `
ALTER TABLE accounts ADD COLUMN limited_at {time};
ALTER TABLE accounts ADD COLUMN frozen_at {time};
ALTER TABLE accounts ADD COLUMN sensitive_at {time};
ALTER TABLE reports ADD COLUMN rules TEXT;
ALTER TABLE reports ADD COLUMN assigned_to {id} NOT NULL DEFAULT 0;
ALTER TABLE reports ADD COLUMN closed_by {id} NOT NULL DEFAULT 0;
CREATE INDEX reports_account ON reports (account_id, id);
CREATE TABLE report_notes (
	id {id} PRIMARY KEY,
	report_id {id} NOT NULL REFERENCES reports (id),
	by_id {id} NOT NULL,
	text TEXT NOT NULL,
	created_at {time} NOT NULL
);
CREATE INDEX report_notes_report ON report_notes (report_id, id);
CREATE TABLE strikes (
	id {id} PRIMARY KEY,
	account_id {id} NOT NULL REFERENCES accounts (id),
	by_id {id} NOT NULL,
	measure TEXT NOT NULL,
	text TEXT NOT NULL,
	posts TEXT,
	report_id {id} NOT NULL,
	created_at {time} NOT NULL,
	appeal TEXT NOT NULL,
	appealed_at {time},
	decided_at {time},
	decided_by {id} NOT NULL,
	granted {bool} NOT NULL
);
CREATE INDEX strikes_account ON strikes (account_id, id);
CREATE INDEX strikes_appealed ON strikes (appealed_at);
`
