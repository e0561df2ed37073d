// What the peer serves and hears: Fedify's dispatchers and inbox listeners over the people of world.
import { createFederation, MemoryKvStore } from "@fedify/fedify";
import * as vocab from "@fedify/vocab";
import { actorOf, PUBLIC, recipient } from "./people.mjs";
import { told } from "./seen.mjs";

const { Activity, Accept, Announce, Create, Reject, Follow, QuoteRequest, Undo } = vocab;

// Kinds of object that have an address here, and where.
export const places = { Note: "notes", Article: "articles", Question: "questions", QuoteAuthorization: "stamps" };

export function federate(world) {
  const federation = createFederation({
    kv: new MemoryKvStore(),
    origin: world.origin,
    allowPrivateAddress: true, // the test's network is this machine
    firstKnock: world.options.firstKnock, // undefined: RFC 9421
    inboxChallengePolicy: world.options.asks ? { enabled: true } : undefined, // Accept-Signature
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
    .on(QuoteRequest, async (ctx, request) => {
      await keep(world, ctx, request);
      const quoted = ctx.parseUri(request.objectId);
      const person = quoted?.type === "object" ? world.people.get(quoted.values.identifier) : null;
      if (person) await answerQuote(ctx, person, request);
    })
    .on(Activity, async (ctx, activity) => {
      await keep(world, ctx, activity);
      if (activity instanceof Create) await passOn(world, ctx, activity);
    })
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

// answerQuote gives leave to show a post, with a stamp that this server serves, or refuses it (FEP-044f).
async function answerQuote(ctx, person, request) {
  const asker = await recipient(ctx, person, request.actorId);
  const answer = {
    id: new URL(`#answers/${crypto.randomUUID()}`, ctx.getActorUri(person.name)),
    actor: ctx.getActorUri(person.name),
    object: request,
    to: request.actorId,
  };
  if (person.quotes === "no") {
    await ctx.sendActivity({ identifier: person.name }, asker, new Reject(answer));
    return;
  }
  const id = ctx.getObjectUri(vocab.QuoteAuthorization, { identifier: person.name, id: crypto.randomUUID() });
  const object = new vocab.QuoteAuthorization({
    id, attribution: ctx.getActorUri(person.name), interactingObject: request.instrumentId, interactionTarget: request.objectId,
  });
  person.objects.set(id.href, { object, open: true, hosts: [], recipients: [asker] });
  await ctx.sendActivity({ identifier: person.name }, asker, new Accept({ ...answer, result: id }));
}

// passOn does what a community does with what its members write for it (FEP-1b12), and what a server does with an
// answer to a post of somebody who forwards them to followers (ActivityPub 7.1.2).
async function passOn(world, ctx, create) {
  const addressed = [...create.toIds, ...create.ccIds].map((uri) => ctx.parseUri(uri));
  for (const place of addressed) {
    const group = place?.type === "actor" ? world.people.get(place.identifier) : null;
    if (group?.kind === "Group" && group.followers.has(create.actorId.href)) await announce(ctx, group, create);
  }
  const object = await create.getObject({ ...ctx, suppressError: true });
  const answered = ctx.parseUri(object?.replyTargetId ?? null);
  const person = answered?.type === "object" ? world.people.get(answered.values.identifier) : null;
  if (person?.forwards) {
    await ctx.forwardActivity({ identifier: person.name }, [...person.followers.values()], { skipIfUnsigned: false, preferSharedInbox: true });
  }
}

// announce passes an activity on to a group's members, and the post by itself for those who don't know activities in it.
export async function announce(ctx, group, create) {
  for (const object of [create, create.objectId]) {
    await ctx.sendActivity({ identifier: group.name }, [...group.followers.values()], new Announce({
      id: new URL(`#announces/${crypto.randomUUID()}`, ctx.getActorUri(group.name)),
      actor: ctx.getActorUri(group.name),
      object,
      to: PUBLIC,
      cc: ctx.getFollowersUri(group.name),
    }), { preferSharedInbox: true });
  }
}
