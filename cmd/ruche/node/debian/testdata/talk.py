"""What a script with python3-mastodon does on a node: talk.py BASE FRIEND PICTURE.

It says where a person must sign in ("open ADDRESS") and reads the code. Then it says each thing
that it has done, and waits for the answer to what it asks for ("please ...").
"""
import queue
import sys
import time

from mastodon import Mastodon, MastodonAPIError, MastodonNotFoundError, MastodonUnauthorizedError, StreamListener

base, friend, picture = sys.argv[1:]
LIMIT = 60  # seconds, of a machine that does much else


def say(*words):
    print(*words, flush=True)


def please(what):
    say("please", what)
    return sys.stdin.readline().strip()


def until(what, holds):
    end = time.monotonic() + LIMIT
    while not holds():
        if time.monotonic() > end:
            sys.exit(what + ": never")
        time.sleep(0.05)


class Heard(StreamListener):
    def __init__(self):
        self.events = queue.Queue()

    def on_update(self, status):
        self.events.put(("update", status))

    def on_notification(self, notification):
        self.events.put(("notification", notification))

    def on_delete(self, status_id):
        self.events.put(("delete", status_id))

    def wait(self, kind, holds):
        """Gives the first event of a kind for which something holds."""
        while True:
            got, what = self.events.get(timeout=LIMIT)
            if got == kind and holds(what):
                return what


scopes = ["read", "write", "follow", "push"]
client_id, client_secret = Mastodon.create_app("A script", scopes=scopes, api_base_url=base, website="https://script.test")
m = Mastodon(client_id=client_id, client_secret=client_secret, api_base_url=base)
code = please("open " + m.auth_request_url(scopes=scopes))
m.log_in(code=code, scopes=scopes)
me = m.account_verify_credentials()
say("signed in as", me.acct, "on", m.instance().title)

heard = Heard()
stream = m.stream_user(heard, run_async=True)
until("the stream is open", stream.is_receiving)
assert m.stream_healthy()

media = m.media_post(picture, description="An orange field", focus=(0.5, -0.5))
assert media.type == "image" and media.description == "An orange field" and media.meta.focus.x == 0.5, media
first = m.status_post("Swarms like titanium #honey", media_ids=[media], visibility="public", idempotency_key="once")
again = m.status_post("Swarms like titanium #honey", media_ids=[media], visibility="public", idempotency_key="once")
assert first.id == again.id and first.media_attachments[0].id == media.id and first.tags[0].name == "honey", first
assert heard.wait("update", lambda s: s.id == first.id).content == first.content
say("posted with a picture", first.media_attachments[0].description)

for i in range(4):
    m.status_post("post %d" % i, visibility="unlisted")
page = m.timeline_home(limit=2)
older = m.fetch_next(page)
newer = m.fetch_previous(older)
assert [len(page), len(older), len(newer)] == [2, 2, 2] and page[1].id > older[0].id and newer == page, (page, older, newer)
assert len(m.fetch_remaining(m.account_statuses(me, limit=2))) == 5
say("paged")

assert [s.id for s in m.search_v2("titanium", result_type="statuses").statuses] == [first.id]
assert [t.name for t in m.search_v2("#honey").hashtags] == ["honey"]
assert m.timeline_hashtag("honey")[0].id == first.id
say("searched")

found = m.search_v2(friend, resolve=True, result_type="accounts").accounts[0]
assert found.acct == friend, found
m.account_follow(found)
until("the follow is accepted", lambda: m.account_relationships(found)[0].following)
say("follows", friend)
please("let them post")
seen = heard.wait("update", lambda s: s.account.id == found.id)
assert "from the other node" in seen.content, seen
m.status_favourite(seen)
m.status_reblog(seen)
answer = m.status_reply(seen, "an answer from here")
assert answer.in_reply_to_id == seen.id and answer.mentions[0].acct == friend, answer
assert [s.id for s in m.status_context(seen).descendants] == [answer.id]
please("let them answer")
told = heard.wait("notification", lambda n: n.type == "mention")
assert told.account.acct == friend and told.status.in_reply_to_id == answer.id, told
assert told.id in [n.id for n in m.notifications(types=["mention"])]
say("talked across nodes")

m.status_update(first, "Swarms like steel #honey")
assert len(m.status_history(first)) == 2
m.status_delete(first)
assert heard.wait("delete", lambda i: True) == first.id
try:
    m.status(first)
    sys.exit("what was deleted is still there")
except MastodonNotFoundError:
    pass
try:
    m.status_post("x" * 100000)
    sys.exit("a text without end is posted")
except MastodonAPIError as e:
    assert e.args[1] == 422, e.args
say("edited and deleted")

stream.close()
m.revoke_access_token()
try:
    Mastodon(api_base_url=base, access_token=m.access_token or "gone").account_verify_credentials()
    sys.exit("a token that was given back works")
except MastodonUnauthorizedError:
    pass
say("signed out")
