// How the peer understood what arrived, in plain values that a test can compare.
import { detachSignature, verifyObject } from "@fedify/fedify";
import { Activity, Hashtag, isActor, Mention, Question } from "@fedify/vocab";

// schemeOf tells how a request was signed.
export function schemeOf(headers) {
  if (headers.has("signature-input")) return "RFC 9421";
  return headers.has("signature") ? "cavage" : "";
}

// proofOf tells whether an activity carries an object integrity proof (FEP-8b32), and whether Fedify can verify it.
export async function proofOf(bytes, world) {
  let json;
  try {
    json = JSON.parse(bytes.toString());
  } catch {
    return "";
  }
  if (!json?.proof) return "";
  const ctx = world.federation.createContext(new URL(world.origin), world);
  try {
    // Fedify adds a linked-data signature after the proof, and verifies the proof without it.
    return await verifyObject(Activity, detachSignature(json), ctx) ? "good" : "bad";
  } catch (error) {
    return `bad: ${error}`;
  }
}

const text = (value) => value == null ? "" : value.toString();
const uris = (list) => [...list].map((uri) => uri.href);

async function all(iterable) {
  const out = [];
  for await (const one of iterable) out.push(one);
  return out;
}

// told is an activity in plain values; with a document embedded, that too.
export async function told(ctx, activity) {
  const out = {
    type: activity.constructor.name,
    id: text(activity.id),
    actor: text(activity.actorId),
    to: uris(activity.toIds),
    cc: uris(activity.ccIds),
    objectId: text(activity.objectId),
    objects: uris(activity.objectIds),
    targetId: text(activity.targetId),
    instrumentId: text(activity.instrumentId),
    resultId: text(activity.resultId),
    content: text(activity.content),
  };
  let object = null;
  try {
    object = await activity.getObject({ ...ctx, suppressError: true });
  } catch (error) {
    out.objectError = String(error);
  }
  // To Fedify a Question is an activity.
  if (object) out.object = object instanceof Activity && !(object instanceof Question) ? await told(ctx, object) : await describe(ctx, object);
  return out;
}

// describe is an object as Fedify understands it.
export async function describe(ctx, object) {
  const options = { ...ctx, suppressError: true };
  const tags = await all(object.getTags(options));
  const files = isActor(object) ? [] : await all(object.getAttachments(options));
  const contents = [...object.contents];
  return {
    type: object.constructor.name,
    id: text(object.id),
    author: text(object.attributionId),
    name: text(object.name),
    content: text(object.content),
    languages: contents.filter((one) => one.locale).map((one) => text(one.locale.baseName ?? one.locale)),
    summary: text(object.summary),
    sensitive: object.sensitive ?? false,
    published: text(object.published),
    updated: text(object.updated),
    url: text(object.url?.href ?? object.url),
    to: uris(object.toIds),
    cc: uris(object.ccIds),
    inReplyTo: text(object.replyTargetId),
    audience: text(object.audienceId),
    context: uris(object.contextIds)[0] ?? "",
    mentions: tags.filter((tag) => tag instanceof Mention).map((tag) => ({ name: text(tag.name), href: text(tag.href) })),
    hashtags: tags.filter((tag) => tag instanceof Hashtag).map((tag) => ({ name: text(tag.name), href: text(tag.href) })),
    files: files.map((file) => ({
      type: file.constructor.name,
      mediaType: text(file.mediaType),
      url: text(file.url?.href ?? file.url),
      name: text(file.name),
      width: file.width ?? 0,
      height: file.height ?? 0,
    })),
    quote: text(object.quoteId ?? object.quoteUrl),
    stamp: text(object.quoteAuthorizationId),
    interactingObject: text(object.interactingObjectId),
    interactionTarget: text(object.interactionTargetId),
    mayQuote: object.interactionPolicy?.canQuote ? uris(object.interactionPolicy.canQuote.automaticApprovals) : [],
    ...(object instanceof Question ? await poll(object, options) : {}),
    ...(isActor(object) ? actor(object) : {}),
  };
}

async function poll(question, options) {
  const one = await all(question.getExclusiveOptions(options));
  const many = await all(question.getInclusiveOptions(options));
  const choices = [];
  for (const choice of one.length ? one : many) {
    const replies = await choice.getReplies(options);
    choices.push({ name: text(choice.name), votes: replies?.totalItems ?? -1 });
  }
  return {
    choices,
    multiple: many.length > 0,
    endTime: text(question.endTime),
    closed: question.closed != null,
    voters: question.voters ?? -1,
  };
}

function actor(person) {
  return {
    username: text(person.preferredUsername),
    inbox: text(person.inboxId),
    sharedInbox: text(person.endpoints?.sharedInbox),
    followers: text(person.followersId),
    locked: person.manuallyApprovesFollowers ?? false,
    aliases: uris(person.aliasIds),
    movedTo: text(person.successorId),
    keys: uris(person.publicKeyIds).length + uris(person.assertionMethodIds).length,
  };
}
