package migrations

// copies: what lives at peers and was copied here, to be shown from here; or why it couldn't be.
const copies = `
CREATE TABLE copies (
	of TEXT NOT NULL,
	row_id {id} NOT NULL,
	host TEXT NOT NULL,
	remote_url TEXT NOT NULL,
	mime TEXT NOT NULL,
	small_mime TEXT NOT NULL,
	blob_key TEXT NOT NULL,
	small_key TEXT NOT NULL,
	size {int} NOT NULL,
	failed TEXT NOT NULL,
	tries {int} NOT NULL,
	retry_at {time},
	asked_at {time} NOT NULL,
	created_at {time} NOT NULL,
	PRIMARY KEY (of, row_id)
);
CREATE INDEX copies_host ON copies (host);
CREATE INDEX copies_asked ON copies (asked_at);
`
