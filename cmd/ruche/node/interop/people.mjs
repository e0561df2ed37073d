// Who lives on the peer.
import { generateCryptoKeyPair } from "@fedify/fedify";
import * as vocab from "@fedify/vocab";

export const PUBLIC = new URL("https://www.w3.org/ns/activitystreams#Public");

// newPerson makes somebody with an RSA key, for requests, and an Ed25519 key, for proofs.
export async function newPerson({ name, kind = "Person", answers = "yes", quotes = "yes", proofs = true, ...rest }) {
  return {
    name,
    kind,
    answers, // to follows: yes, no, later
    quotes, // to those who ask to quote: yes, no
    proofs,
    profile: rest,
    keys: await newKeys(proofs),
    followers: new Map(),
    following: new Set(),
    objects: new Map(), // by id: {object, open, hosts}
    outbox: [],
    featured: [],
    aliases: [],
    movedTo: null,
  };
}

// An RSA key takes up to a second to make: people share the first one, until they change theirs.
let common;

async function newKeys(proofs) {
  common ??= generateCryptoKeyPair("RSASSA-PKCS1-v1_5");
  return proofs ? [await common, await generateCryptoKeyPair("Ed25519")] : [await common];
}

// changeKeys gives somebody keys of their own.
export async function changeKeys(person) {
  person.keys = await Promise.all(person.keys.map((pair) => generateCryptoKeyPair(pair.privateKey.algorithm.name)));
}

export async function actorOf(ctx, person) {
  const keys = await ctx.getActorKeyPairs(person.name);
  const { displayName, summary } = person.profile;
  return new vocab[person.kind]({
    id: ctx.getActorUri(person.name),
    preferredUsername: person.name,
    name: displayName ?? person.name,
    summary,
    inbox: ctx.getInboxUri(person.name),
    outbox: ctx.getOutboxUri(person.name),
    followers: ctx.getFollowersUri(person.name),
    following: ctx.getFollowingUri(person.name),
    featured: ctx.getFeaturedUri(person.name),
    endpoints: new vocab.Endpoints({ sharedInbox: ctx.getInboxUri() }),
    url: new URL(`/@${person.name}`, ctx.origin),
    manuallyApprovesFollowers: person.answers === "later",
    publicKey: keys[0].cryptographicKey,
    assertionMethods: keys.map((key) => key.multikey),
    aliases: person.aliases.map((uri) => new URL(uri)),
    successor: person.movedTo ? new URL(person.movedTo) : null,
  });
}

// recipient asks another server, signed as person, where an actor is reached.
export async function recipient(ctx, person, uri) {
  const found = await ctx.lookupObject(uri, { documentLoader: await ctx.getDocumentLoader({ identifier: person.name }) });
  if (!found?.inboxId) throw new Error(`${uri} was not found, or has no inbox`);
  return { id: found.id, inboxId: found.inboxId, endpoints: found.endpoints };
}
