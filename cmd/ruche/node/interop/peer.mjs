// A server of the fediverse that shares no code with Ruche: Fedify, with its own signatures,
// verification, vocabulary and WebFinger. It has the people that a test makes, does what the test
// says, and keeps what arrived.
//
// It serves HTTPS under its name (NODE_EXTRA_CA_CERTS names whom it trusts) and a control API
// over plain HTTP on loopback: POST /ACT with a JSON object. The control address is the first
// line that it prints.
//
//   node peer.mjs NAME CERTIFICATE KEY [OPTIONS-AS-JSON]
import { AsyncLocalStorage } from "node:async_hooks";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { acts } from "./acts.mjs";
import { federate } from "./federate.mjs";
import { proofOf, schemeOf } from "./seen.mjs";

const [name, certificate, key, options = "{}"] = process.argv.slice(2);

const world = {
  options: JSON.parse(options),
  people: new Map(), // by name
  seen: [], // activities that Fedify verified and understood, in order
  refused: [], // deliveries that it did not take
  fetched: [], // paths that were asked for
  arriving: new AsyncLocalStorage(), // how the activity that is being handled came
  sent: [], // what this server asked of others: {method, url, scheme, status}
  trouble: false, // answers every delivery with 503
};

function body(request) {
  return new Promise((resolve, reject) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => resolve(Buffer.concat(parts)));
    request.on("error", reject);
  });
}

async function serve(request, response) {
  const bytes = await body(request);
  const url = new URL(request.url, world.origin);
  if (request.method === "POST" && world.trouble) {
    world.turned++;
    response.writeHead(503).end();
    return;
  }
  const { only } = world.options; // the one scheme of signature that deliveries may have
  const scheme = schemeOf(new Headers(request.headers));
  if (only && scheme !== only && request.method === "POST") {
    world.refused.push({ status: 401, scheme, answer: `only ${only} here`, body: bytes.toString() });
    response.writeHead(401).end(`only ${only} here`);
    return;
  }
  if (url.pathname.startsWith("/media/")) {
    response.writeHead(200, { "Content-Type": "image/png" }).end(Buffer.from(picture, "base64"));
    return;
  }
  const headers = new Headers();
  for (const [field, value] of Object.entries(request.headers)) {
    for (const one of [value].flat()) if (!field.startsWith(":")) headers.append(field, one);
  }
  const asked = new Request(url, {
    method: request.method,
    headers,
    body: request.method === "POST" ? bytes : undefined,
  });
  const how = { scheme: schemeOf(headers), sync: headers.get("collection-synchronization") ?? "" };
  if (request.method === "POST") how.proof = await proofOf(bytes, world);
  else world.fetched.push({ path: url.pathname + url.search, scheme: how.scheme });
  const answer = await world.arriving.run(how, () => world.federation.fetch(asked, { contextData: world }));
  const text = Buffer.from(await answer.arrayBuffer());
  if (request.method === "POST" && !answer.ok) {
    world.refused.push({ status: answer.status, scheme: how.scheme, answer: text.toString(), body: bytes.toString() });
  }
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(text);
}

// One red pixel.
const picture =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

async function control(request, response) {
  const act = acts[request.url.slice(1)];
  let status = 200;
  let answer;
  try {
    if (!act) throw new Error(`there is no act ${request.url}`);
    answer = await act(world, JSON.parse((await body(request)).toString() || "{}"));
  } catch (error) {
    status = 500;
    answer = { error: String(error?.stack ?? error), status: error?.statusCode ?? 0 };
  }
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(answer ?? {}));
}

function answering(handler) {
  return (request, response) =>
    handler(request, response).catch((error) => {
      console.error(error);
      response.writeHead(500).end(String(error));
    });
}

// What Fedify sends is watched, and left as it is.
const plainFetch = globalThis.fetch;
globalThis.fetch = async (asked, options = {}) => {
  const { url, method, headers } = asked instanceof Request ? asked : { url: String(asked), method: "GET" };
  const answer = await plainFetch(asked, options);
  world.sent.push({ url, method: options.method ?? method, scheme: schemeOf(new Headers(options.headers ?? headers)), status: answer.status });
  return answer;
};

const front = https.createServer(
  { cert: readFileSync(certificate), key: readFileSync(key) },
  answering(serve),
);
front.listen(world.options.port ?? 0, "127.0.0.1", () => {
  world.host = `${name}:${front.address().port}`;
  world.origin = `https://${world.host}`;
  world.federation = federate(world);
  const back = http.createServer(answering(control));
  back.listen(0, "127.0.0.1", () => {
    console.log(JSON.stringify({ host: world.host, control: `http://127.0.0.1:${back.address().port}` }));
  });
});
// Whoever started this process holds its input open; it ends with them.
process.stdin.on("end", () => process.exit(0)).resume();
