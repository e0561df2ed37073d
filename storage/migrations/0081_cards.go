package migrations

// cards: what pages that posts link to say of themselves, from hosts on an admin's list.
const cards = `
CREATE TABLE cards (
	url TEXT PRIMARY KEY,
	host TEXT NOT NULL,
	title TEXT NOT NULL,
	description TEXT NOT NULL,
	provider TEXT NOT NULL,
	author TEXT NOT NULL,
	language TEXT NOT NULL,
	fetched_at {time}
);
CREATE TABLE post_cards (
	post_id {id} PRIMARY KEY REFERENCES posts (id),
	url TEXT NOT NULL REFERENCES cards (url)
);
CREATE INDEX post_cards_url ON post_cards (url, post_id);
`
