package migrations

// The words of posts, folded by the program so that both databases find the same: SQLite's full-text
// table keeps no copy of them, PostgreSQL's row keeps its own form.
const (
	searchSQLite   = `CREATE VIRTUAL TABLE post_words USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0')`
	searchPostgres = `CREATE TABLE post_words (rowid BIGINT PRIMARY KEY, words TSVECTOR NOT NULL);
CREATE INDEX post_words_words ON post_words USING GIN (words)`
)
