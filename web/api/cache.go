package api

import (
	"sync"

	"ruche/storage"
)

// What is written of an account or a post for everybody is kept under its revision, which grows with every change that a reader can
// see: an entry is never wrong, only asked for no more. What depends on who reads (marks, filters, relations, counts) is never in here.
const (
	keptAccounts = 10_000 // about 1 KiB each
	keptPosts    = 20_000 // a few ids and words each
	// maxKeptParts is the most that a post in the cache names, so that memory has a bound.
	maxKeptParts = 50
)

// caches are what an API remembers of what it wrote.
type caches struct {
	accounts *cache[accountKey, Account]
	posts    *cache[postKey, postParts]
}

func newCaches() caches {
	return caches{newCache[accountKey, Account](keptAccounts), newCache[postKey, postParts](keptPosts)}
}

// accountKey is all that an account's entity is made from. Counts are in it since strangers are told others.
type accountKey struct {
	id, revision                int64
	base                        string // addresses of pictures begin with how the reader came
	role                        string
	avatar, header              string // keys of files, or addresses of copies
	avatarWords, headerWords    string
	followers, following, posts int64
	lastPost                    string
}

func (p *people) keyOf(a *storage.Account) accountKey {
	k := accountKey{
		id: a.ID, revision: a.Revision, base: p.base, role: p.roles[a.ID],
		followers: a.FollowersCount, following: a.FollowingCount, posts: a.PostsCount, lastPost: a.LastPostOn,
	}
	if !a.Local() {
		k.avatar, k.header = p.remote(storage.OfAvatar, a.ID, a.Peer, a.AvatarURL), p.remote(storage.OfHeader, a.ID, a.Peer, a.HeaderURL)
	}
	if m := p.files[a.AvatarID]; m != nil {
		k.avatar, k.avatarWords = m.BlobKey, m.Description
	}
	if m := p.files[a.HeaderID]; m != nil {
		k.header, k.headerWords = m.BlobKey, m.Description
	}
	return k
}

type postKey struct{ id, revision int64 }

// postParts are what a post names; they change with its revision alone.
type postParts struct {
	mentions []int64
	hashtags []string
}

// A cache keeps values, at most so many. What hasn't been asked for longest goes, by halves.
type cache[K comparable, V any] struct {
	mu         sync.Mutex
	half       int
	young, old map[K]V
}

func newCache[K comparable, V any](most int) *cache[K, V] {
	return &cache[K, V]{half: most / 2, young: map[K]V{}}
}

func (c *cache[K, V]) get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.young[key]
	if !ok {
		if v, ok = c.old[key]; ok {
			c.put(key, v)
		}
	}
	return v, ok
}

func (c *cache[K, V]) add(key K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(key, v)
}

func (c *cache[K, V]) put(key K, v V) {
	if len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[K]V, c.half)
	}
	c.young[key] = v
}
