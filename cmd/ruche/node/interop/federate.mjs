// What the peer serves and hears: Fedify's dispatchers and inbox listeners over the people of world.
import { createFederation, MemoryKvStore } from "@fedify/fedify";
import * as vocab from "@fedify/vocab";
import { actorOf, recipient } from "./people.mjs";
import { told } from "./seen.mjs";

const { Activity, Accept, Reject, Follow, Undo } = vocab;

// Kinds of object that have an address here, and where.
export const places = { Note: "notes", Article: "articles", Question: "questions", QuoteAuthorization: "stamps" };

export function federate(world) {
  const federation = createFederation({
    kv: new MemoryKvStore(),
    origin: world.origin,
    allowPrivateAddress: true, // the test's network is this machine
    firstKnock: world.options.firstKnock, // undefined: RFC 9421
  });
  federation
    .setActorDispatcher("/users/{identifier}", (ctx, name) => world.people.has(name) ? actorOf(ctx, world.people.get(name)) : null)
    .setKeyPairsDispatcher((_, name) => world.people.get(name)?.keys ?? []);

  for (const [kind, place] of Object.entries(places)) {
    federation
      .setObjectDispatcher(vocab[kind], `/users/{identifier}/${place}/{id}`, (ctx, { identifier, id }) =>
        world.people.get(identifier)?.objects.get(ctx.getObjectUri(vocab[kind], { identifier, id }).href)?.object ?? null)
      .authorize(async (ctx, { identifier, id }) => {
        const kept = world.people.get(identifier)?.objects.get(ctx.getObjectUri(vocab[kind], { identifier, id }).href);
        if (!kept || kept.open) return true;
        const asker = await ctx.getSignedKeyOwner();
        return asker != null && kept.hosts.includes(asker.id.host);
      });
  }
  federation.setFollowersDispatcher("/users/{identifier}/followers", (_ctx, name, _cursor, filter) => {
    let items = [...(world.people.get(name)?.followers.values() ?? [])];
    if (filter) items = items.filter((one) => one.id.href.startsWith(filter.href));
    return { items };
  });
  federation.setFollowingDispatcher("/users/{identifier}/following", (_ctx, name) => ({
    items: [...(world.people.get(name)?.following ?? [])].map((uri) => new URL(uri)),
  }));
  federation.setOutboxDispatcher("/users/{identifier}/outbox", (_ctx, name) => ({
    items: [...(world.people.get(name)?.outbox ?? [])],
  }));
  federation.setFeaturedDispatcher("/users/{identifier}/featured", (_ctx, name) => ({
    items: [...(world.people.get(name)?.featured ?? [])],
  }));

  federation
    .setInboxListeners("/users/{identifier}/inbox", "/inbox")
    .on(Follow, async (ctx, follow) => {
      await keep(world, ctx, follow);
      const target = ctx.parseUri(follow.objectId);
      const person = target?.type === "actor" ? world.people.get(target.identifier) : null;
      if (!person || person.answers === "later") return;
      await answerFollow(ctx, person, follow, person.answers !== "no");
    })
    .on(Undo, async (ctx, undo) => {
      await keep(world, ctx, undo);
      const ended = await undo.getObject(ctx);
      if (!(ended instanceof Follow)) return;
      const target = ctx.parseUri(ended.objectId);
      if (target?.type === "actor") world.people.get(target.identifier)?.followers.delete(undo.actorId.href);
    })
    .on(Activity, (ctx, activity) => keep(world, ctx, activity))
    .onError((_ctx, error) => console.error("inbox:", error));
  return federation;
}

async function keep(world, ctx, activity) {
  const how = world.arriving.getStore() ?? {};
  world.seen.push({ inbox: ctx.recipient ?? "shared", ...how, ...(await told(ctx, activity)) });
}

// answerFollow says yes or no to a follow, as the person who was asked.
export async function answerFollow(ctx, person, follow, yes) {
  const Answer = yes ? Accept : Reject;
  const follower = await recipient(ctx, person, follow.actorId);
  if (yes) person.followers.set(follower.id.href, follower);
  else person.followers.delete(follower.id.href);
  await ctx.sendActivity({ identifier: person.name }, follower, new Answer({
    id: new URL(`#answers/${crypto.randomUUID()}`, ctx.getActorUri(person.name)),
    actor: ctx.getActorUri(person.name),
    object: follow,
    to: follow.actorId,
  }));
}
