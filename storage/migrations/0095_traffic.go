package migrations

// traffic: how much crosses to and from each peer, a row a week; nothing about any person.
const traffic = `
CREATE TABLE peer_traffic (
	host TEXT NOT NULL,
	week TEXT NOT NULL,
	sent BIGINT NOT NULL DEFAULT 0,
	failed BIGINT NOT NULL DEFAULT 0,
	received BIGINT NOT NULL DEFAULT 0,
	took_ms BIGINT NOT NULL DEFAULT 0,
	last_sent {time},
	last_received {time},
	PRIMARY KEY (host, week)
);
`
