package migrations

// Counts that everybody sees are counted anew: until now they moved with posts that not everybody may
// see, and so told of them. The index answers how much of an account's posts a circle sees.
const openCounts = `
UPDATE accounts SET posts_count = (SELECT COUNT(*) FROM posts AS p WHERE p.author_id = accounts.id AND p.deleted_at IS NULL AND p.visibility IN ('public', 'unlisted'));
UPDATE posts SET replies_count = (SELECT COUNT(*) FROM posts AS r WHERE r.in_reply_to_id = posts.id AND r.deleted_at IS NULL AND r.visibility IN ('public', 'unlisted'));
UPDATE posts SET shares_count = (SELECT COUNT(*) FROM posts AS s WHERE s.share_of_id = posts.id AND s.deleted_at IS NULL AND s.visibility IN ('public', 'unlisted'))
	WHERE visibility IN ('public', 'unlisted');
UPDATE posts SET quotes_count = (SELECT COUNT(*) FROM quotes AS q JOIN posts AS r ON r.id = q.post_id WHERE q.quoted_id = posts.id AND q.state = 'accepted' AND r.deleted_at IS NULL AND r.visibility IN ('public', 'unlisted'))
	WHERE quotes_count > 0;
CREATE INDEX posts_open ON posts (author_id, circle) WHERE visibility IN ('public', 'unlisted') AND deleted_at IS NULL;
`
