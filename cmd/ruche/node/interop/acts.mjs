// What a test can tell the peer to do. Each act takes the world and a JSON object, and answers with one.
import { buildCollectionSynchronizationHeader, signRequest } from "@fedify/fedify";
import * as vocab from "@fedify/vocab";
import { LanguageString } from "@fedify/vocab-runtime";
import { Temporal } from "@js-temporal/polyfill";
import { answerFollow } from "./federate.mjs";
import { actorOf, changeKeys, newPerson, PUBLIC } from "./people.mjs";
import { describe } from "./seen.mjs";

const context = (world) => world.federation.createContext(new URL(world.origin), world);

function who(world, name) {
  const person = world.people.get(name);
  if (!person) throw new Error(`nobody here is called ${name}`);
  return person;
}

// find looks an actor up, by acct or id, signed as person.
async function find(ctx, person, acct) {
  const loader = await ctx.getDocumentLoader({ identifier: person.name });
  const found = await ctx.lookupObject(acct, { documentLoader: loader });
  if (!found) throw new Error(`${acct} was not found`);
  return found;
}

function fresh(ctx, person, what) {
  return new URL(`#${what}/${crypto.randomUUID()}`, ctx.getActorUri(person.name));
}

async function send(ctx, person, recipients, activity, options = {}) {
  person.outbox.push(activity);
  if (person.profile.plain) return sendPlainly(ctx, person, [recipients].flat(), activity);
  await ctx.sendActivity({ identifier: person.name }, recipients, activity, { preferSharedInbox: true, ...options });
  return { id: activity.id.href };
}

// sendPlainly sends as servers do that sign requests and nothing else: without a proof or a linked-data signature.
async function sendPlainly(ctx, person, recipients, activity) {
  const [key] = await ctx.getActorKeyPairs(person.name);
  const body = JSON.stringify(await activity.toJsonLd({ ...ctx, contextLoader: ctx.contextLoader }));
  for (const { inboxId } of recipients) {
    const request = new Request(inboxId, { method: "POST", headers: { "Content-Type": "application/activity+json" }, body });
    const answer = await fetch(await signRequest(request, key.privateKey, key.keyId));
    if (!answer.ok) throw Object.assign(new Error(`${inboxId} answered ${answer.status}`), { statusCode: answer.status });
  }
  return { id: activity.id.href };
}

// addressing says to whom a post of this visibility goes, in the fields and by delivery.
async function addressing(ctx, person, { visibility = "public", mentions = [], inReplyToAuthor, group, recipients: chosen }) {
  const followers = ctx.getFollowersUri(person.name);
  const named = await Promise.all(mentions.map((acct) => find(ctx, person, acct)));
  const uris = named.map((one) => one.id);
  const lists = {
    public: [[PUBLIC], [followers, ...uris]],
    unlisted: [[followers], [PUBLIC, ...uris]],
    followers: [[followers], uris],
    direct: [uris, []],
  };
  const [tos, ccs] = lists[visibility];
  const recipients = [...named];
  if (visibility !== "direct") recipients.push(...person.followers.values());
  for (const other of [inReplyToAuthor, group]) {
    if (!other) continue;
    const found = await find(ctx, person, other);
    recipients.push(found);
    if (!uris.some((uri) => uri.href === found.id.href)) ccs.push(found.id);
  }
  if (chosen) return { tos, ccs, named, recipients: chosen.map(({ id, inbox }) => ({ id: new URL(id), inboxId: new URL(inbox) })) };
  return { tos, ccs, named, recipients };
}

function tagsOf(world, { hashtags = [] }, named) {
  return [
    ...named.map((one) => new vocab.Mention({ href: one.id, name: `@${one.preferredUsername}@${one.id.host}` })),
    ...hashtags.map((tag) => new vocab.Hashtag({ href: new URL(`/tags/${tag}`, world.origin), name: `#${tag}` })),
  ];
}

function wordsOf({ content, language, summary, sensitive, title, source }) {
  return {
    ...(language ? { contents: [content, new LanguageString(content, language)] } : { content }),
    ...(title ? { name: title } : {}),
    ...(summary ? { summary } : {}),
    ...(sensitive ? { sensitive: true } : {}),
    ...(source ? { source: new vocab.Source({ content: source, mediaType: "text/plain" }) } : {}),
  };
}

function choicesOf({ choices = [], multiple = false, endsIn = 3600, closed = false }, counts = {}, voters = 0) {
  const options = choices.map((name) =>
    new vocab.Note({ name, replies: new vocab.Collection({ totalItems: counts[name] ?? 0 }) }));
  return {
    [multiple ? "inclusiveOptions" : "exclusiveOptions"]: options,
    endTime: Temporal.Now.instant().add({ seconds: endsIn }),
    voters,
    ...(closed ? { closed: Temporal.Now.instant() } : {}),
  };
}

export const acts = {
  async person(world, wanted) {
    const person = await newPerson(wanted);
    world.people.set(person.name, person);
    return { uri: context(world).getActorUri(person.name).href, acct: `${person.name}@${world.host}` };
  },

  // set changes what the server knows of somebody, and tells nobody.
  set(world, { by, ...values }) {
    Object.assign(who(world, by), values);
  },

  async follow(world, { by, target }) {
    const ctx = context(world);
    const person = who(world, by);
    const them = await find(ctx, person, target);
    person.following.add(them.id.href);
    const follow = new vocab.Follow({ id: fresh(ctx, person, "follows"), actor: ctx.getActorUri(by), object: them.id, to: them.id });
    person.lastFollow = follow;
    return send(ctx, person, them, follow);
  },

  async unfollow(world, { by, target }) {
    const ctx = context(world);
    const person = who(world, by);
    const them = await find(ctx, person, target);
    person.following.delete(them.id.href);
    return send(ctx, person, them, new vocab.Undo({ id: fresh(ctx, person, "undos"), actor: ctx.getActorUri(by), object: person.lastFollow, to: them.id }));
  },

  // answer says yes or no to the last follow of an actor, also after another answer.
  async answer(world, { by, follower, yes }) {
    const ctx = context(world);
    const asked = world.seen.findLast((one) => one.type === "Follow" && one.actor === follower && one.objectId === ctx.getActorUri(by).href);
    if (!asked) throw new Error(`${follower} did not ask ${by}`);
    const follow = new vocab.Follow({ id: new URL(asked.id), actor: new URL(asked.actor), object: new URL(asked.objectId) });
    await answerFollow(ctx, who(world, by), follow, yes);
  },

  // post publishes a Note, an Article or a Question.
  async post(world, wanted) {
    const ctx = context(world);
    const { by, kind = "Note", image, inReplyTo, visibility = "public", policy } = wanted;
    const person = who(world, by);
    const { tos, ccs, named, recipients } = await addressing(ctx, person, wanted);
    ccs.push(...(wanted.alsoTo ?? []).map((uri) => new URL(uri)));
    const id = ctx.getObjectUri(vocab[kind], { identifier: by, id: crypto.randomUUID() });
    const group = wanted.group ? (await find(ctx, person, wanted.group)).id : null;
    const object = new vocab[kind]({
      id,
      attribution: ctx.getActorUri(by),
      ...wordsOf(wanted),
      published: Temporal.Now.instant(),
      url: new URL(`/@${by}/${id.pathname.split("/").pop()}`, world.origin),
      tags: tagsOf(world, wanted, named),
      attachments: image
        ? [new vocab.Image({ mediaType: "image/png", url: new URL(`/media/${image}.png`, world.origin), name: image, width: 1, height: 1 })]
        : [],
      replyTarget: inReplyTo ? new URL(inReplyTo) : null,
      audience: group,
      tos,
      ccs,
      ...(kind === "Question" ? choicesOf(wanted) : {}),
      ...(policy ? { interactionPolicy: quotePolicy(ctx, by, policy) } : {}),
      ...(wanted.quote ? { quote: new URL(wanted.quote) } : {}),
    });
    keepObject(person, object, visibility, recipients);
    person.objects.get(id.href).wanted = wanted;
    const made = { id: id.href };
    return wanted.silent ? made : { ...(await publish(ctx, person, id.href, wanted.sync)), ...made };
  },

  // publish sends the Create of a post that was made silently, with the stamp of the quote that it got meanwhile.
  async publish(world, { by, id, stamp }) {
    const ctx = context(world);
    const person = who(world, by);
    if (stamp) {
      const kept = person.objects.get(id);
      kept.object = kept.object.clone({ quoteAuthorization: new URL(stamp) });
    }
    return publish(ctx, person, id);
  },

  // edit changes a post's words, or the counts of its poll, and tells whom its Create told.
  async edit(world, { by, id, counts, voters, ...words }) {
    const ctx = context(world);
    const person = who(world, by);
    const kept = person.objects.get(id);
    const { wanted } = kept;
    kept.object = kept.object.clone({
      ...wordsOf({ ...wanted, ...words }),
      ...(wanted.kind === "Question" ? choicesOf({ ...wanted, ...words }, counts, voters) : {}),
      updated: Temporal.Now.instant(),
    });
    const { object } = kept;
    return send(ctx, person, kept.recipients, new vocab.Update({
      id: fresh(ctx, person, "updates"), actor: ctx.getActorUri(by), object, tos: [...object.toIds], ccs: [...object.ccIds],
    }));
  },

  async remove(world, { by, id }) {
    const ctx = context(world);
    const person = who(world, by);
    const { recipients } = person.objects.get(id);
    person.objects.delete(id);
    return send(ctx, person, recipients, new vocab.Delete({
      id: fresh(ctx, person, "deletes"), actor: ctx.getActorUri(by), object: new vocab.Tombstone({ id: new URL(id) }), to: PUBLIC,
    }));
  },

  // react sends a Like, an Announce or an EmojiReact of somebody's post.
  async react(world, { by, kind, id, author, emoji }) {
    const ctx = context(world);
    const person = who(world, by);
    const them = await find(ctx, person, author);
    const public_ = kind === "Announce";
    const activity = new vocab[kind]({
      id: fresh(ctx, person, "reactions"),
      actor: ctx.getActorUri(by),
      object: new URL(id),
      published: Temporal.Now.instant(),
      tos: public_ ? [PUBLIC] : [them.id],
      ccs: public_ ? [ctx.getFollowersUri(by), them.id] : [],
      ...(emoji ? { content: emoji } : {}),
    });
    person.reactions = { ...person.reactions, [`${kind} ${id}`]: activity };
    return send(ctx, person, public_ ? [them, ...person.followers.values()] : them, activity);
  },

  async unreact(world, { by, kind, id, author }) {
    const ctx = context(world);
    const person = who(world, by);
    const them = await find(ctx, person, author);
    const object = person.reactions[`${kind} ${id}`];
    return send(ctx, person, [them, ...(kind === "Announce" ? person.followers.values() : [])], new vocab.Undo({
      id: fresh(ctx, person, "undos"), actor: ctx.getActorUri(by), object, tos: [...object.toIds], ccs: [...object.ccIds],
    }));
  },

  // vote chooses an answer of a poll.
  async vote(world, { by, id, author, choice }) {
    const ctx = context(world);
    const person = who(world, by);
    const them = await find(ctx, person, author);
    const note = new vocab.Note({
      id: fresh(ctx, person, "votes"), attribution: ctx.getActorUri(by), name: choice, replyTarget: new URL(id), to: them.id,
    });
    return send(ctx, person, them, new vocab.Create({ id: new URL(`${note.id.href}/create`), actor: ctx.getActorUri(by), object: note, to: them.id }));
  },

  // askToQuote asks a post's author for leave to show it in one's own, which is sent along.
  async askToQuote(world, { by, id, author }) {
    const ctx = context(world);
    const person = who(world, by);
    const them = await find(ctx, person, author);
    const { object } = person.objects.get(id);
    return send(ctx, person, them, new vocab.QuoteRequest({
      id: fresh(ctx, person, "requests"), actor: ctx.getActorUri(by), object: object.quoteId, instrument: object, to: them.id,
    }));
  },

  // revokeStamp takes the leave for a quote back.
  async revokeStamp(world, { by, id }) {
    const ctx = context(world);
    const person = who(world, by);
    const { recipients } = person.objects.get(id);
    person.objects.delete(id);
    return send(ctx, person, recipients, new vocab.Delete({ id: fresh(ctx, person, "deletes"), actor: ctx.getActorUri(by), object: new URL(id), to: PUBLIC }));
  },

  // move says that somebody is another account from now on.
  async move(world, { by, target }) {
    const ctx = context(world);
    const person = who(world, by);
    const them = await find(ctx, person, target);
    person.movedTo = them.id.href;
    return send(ctx, person, [...person.followers.values()], new vocab.Move({
      id: fresh(ctx, person, "moves"), actor: ctx.getActorUri(by), object: ctx.getActorUri(by), target: them.id, to: ctx.getFollowersUri(by),
    }));
  },

  async block(world, { by, target }) {
    const ctx = context(world);
    const person = who(world, by);
    const them = await find(ctx, person, target);
    person.block = new vocab.Block({ id: fresh(ctx, person, "blocks"), actor: ctx.getActorUri(by), object: them.id, to: them.id });
    return send(ctx, person, them, person.block);
  },

  async unblock(world, { by, target }) {
    const ctx = context(world);
    const person = who(world, by);
    const them = await find(ctx, person, target);
    return send(ctx, person, them, new vocab.Undo({ id: fresh(ctx, person, "undos"), actor: ctx.getActorUri(by), object: person.block, to: them.id }));
  },

  // flag complains of somebody and of posts of theirs.
  async flag(world, { by, target, posts = [], comment }) {
    const ctx = context(world);
    const person = who(world, by);
    const them = await find(ctx, person, target);
    return send(ctx, person, them, new vocab.Flag({
      id: fresh(ctx, person, "flags"), actor: ctx.getActorUri(by), objects: [them.id, ...posts.map((uri) => new URL(uri))], content: comment, to: them.id,
    }));
  },

  // pin puts a post on top of its author's profile, or takes it away.
  async pin(world, { by, id, off = false }) {
    const ctx = context(world);
    const person = who(world, by);
    const { object } = person.objects.get(id);
    person.featured = person.featured.filter((one) => one.id.href !== id);
    if (!off) person.featured.push(object);
    const Change = off ? vocab.Remove : vocab.Add;
    return send(ctx, person, [...person.followers.values()], new Change({
      id: fresh(ctx, person, "pins"), actor: ctx.getActorUri(by), object: object.id, target: ctx.getFeaturedUri(by), to: PUBLIC,
    }));
  },

  // drift changes a list of followers behind everybody's back: lost ones are no longer in it, made-up ones are.
  async drift(world, { by, lost = [], added = [] }) {
    const ctx = context(world);
    const person = who(world, by);
    for (const uri of lost) person.followers.delete(uri);
    for (const uri of added) {
      const them = await find(ctx, person, uri);
      person.followers.set(uri, { id: them.id, inboxId: them.inboxId, endpoints: them.endpoints });
    }
  },

  // synchronization is the header by which Fedify would tell of these followers (FEP-8fcf).
  async synchronization(_world, { collection, followers }) {
    return { header: await buildCollectionSynchronizationHeader(collection, followers) };
  },

  // get reads an object as somebody of this server, or as nobody.
  async get(world, { by, uri }) {
    const ctx = context(world);
    const documentLoader = by ? await ctx.getDocumentLoader({ identifier: by }) : ctx.documentLoader;
    const found = await ctx.lookupObject(uri, { documentLoader });
    if (!found) return { found: false };
    return { found: true, object: await describe({ ...ctx, documentLoader, contextLoader: ctx.contextLoader }, found) };
  },

  // list reads a collection to its end, and gives the ids of what it holds.
  async list(world, { by, uri }) {
    const ctx = context(world);
    const documentLoader = await ctx.getDocumentLoader({ identifier: by });
    const found = await ctx.lookupObject(uri, { documentLoader });
    if (!(found instanceof vocab.Collection)) return { found: false, items: [] };
    const items = [];
    for await (const one of ctx.traverseCollection(found, { documentLoader })) items.push(one.id?.href ?? one.href?.href);
    return { found: true, total: found.totalItems ?? -1, items };
  },

  // profile changes somebody's profile and tells their followers, or those who are named.
  async profile(world, { by, tellTo = [], ...changes }) {
    const ctx = context(world);
    const person = who(world, by);
    Object.assign(person.profile, changes);
    return tellProfile(ctx, person, tellTo);
  },

  // rotate gives somebody new keys under the old key ids, and tells nobody.
  async rotate(world, { by }) {
    await changeKeys(who(world, by));
  },

  // trouble makes every delivery fail with 503 for a while, and says how many did.
  trouble(world, { on }) {
    if (on !== undefined) Object.assign(world, { trouble: on, turned: 0 });
    return { turned: world.turned ?? 0 };
  },

  seen: (world, { since = 0 }) => ({ seen: world.seen.slice(since) }),
  sent: (world) => ({ sent: world.sent }),
  refused: (world) => ({ refused: world.refused }),
  fetched: (world) => ({ fetched: world.fetched }),
};

async function publish(ctx, person, id, sync) {
  const { object, recipients } = person.objects.get(id);
  const create = new vocab.Create({
    id: new URL(`${id}#create`), actor: ctx.getActorUri(person.name), object, published: object.published,
    audience: object.audienceId, tos: [...object.toIds], ccs: [...object.ccIds],
  });
  if (sync) return send(ctx, person, "followers", create, { syncCollection: true });
  return send(ctx, person, recipients, create);
}

async function tellProfile(ctx, person, tellTo) {
  const others = await Promise.all(tellTo.map((uri) => find(ctx, person, uri)));
  return send(ctx, person, [...person.followers.values(), ...others], new vocab.Update({
    id: fresh(ctx, person, "updates"), actor: ctx.getActorUri(person.name), object: await actorOf(ctx, person), tos: [PUBLIC],
  }));
}

// keepObject remembers a post, whom it was sent to, and who may fetch it.
function keepObject(person, object, visibility, recipients) {
  person.objects.set(object.id.href, {
    object,
    open: visibility === "public" || visibility === "unlisted",
    hosts: recipients.map((one) => one.id.host),
    recipients,
  });
}

function quotePolicy(ctx, by, policy) {
  const allowed = { everybody: PUBLIC, followers: ctx.getFollowersUri(by), nobody: ctx.getActorUri(by) }[policy];
  return new vocab.InteractionPolicy({ canQuote: new vocab.InteractionRule({ automaticApproval: allowed }) });
}
