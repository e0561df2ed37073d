package migrations

// charter: which charter of the house somebody accepted.
const charter = `
ALTER TABLE users ADD COLUMN charter TEXT NOT NULL DEFAULT '';
`
