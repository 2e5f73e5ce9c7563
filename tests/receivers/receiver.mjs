// A receiver of callbacks as it should be, and the same with one planted flaw each.
//
//     node receiver.mjs --port 3000 --state events.ndjson      the right one
//     node receiver.mjs --port 3000 --flaw accepts-prefix      with a flaw
//     node receiver.mjs --list                                 the flaws, and the check of `audit` that finds each
//     node receiver.mjs --all                                  the right one and every flaw, each on a port of its own
//     node receiver.mjs --standard-webhooks FOLDER             verifies with the library of that project (npm), installed there
//
// The secret is AIRUDDER_MOCK_SECRET; AIRUDDER_MOCK_NEXT_SECRET is the one it will be rotated to, accepted as well.
// `GET /probe` says how many events were worked off. `POST /restart` forgets all that is not in the state file, as a crash
// and a new start do. With AIRUDDER_MOCK_URL, or after `POST /mock` with that URL, it accepts each transfer by a call of
// its own. Nothing but Node.js is needed.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { appendFileSync, existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const SECRET = process.env.AIRUDDER_MOCK_SECRET ?? "airudder-mock-secret";
const NEXT_SECRET = process.env.AIRUDDER_MOCK_NEXT_SECRET;
const SIGN_KEY = process.env.AIRUDDER_MOCK_SIGN_KEY ?? "a17d0de2a17d0de2a17d0de2a17d0de2";

// The flaws, each with the check of `airudder-mock audit` that finds it.
const FLAWS = {
  "accepts-prefix": "signature-truncated",
  "throws-on-length": "refusal-length",
  "knows-one-secret": "signature-rotation",
  "stringifies-body": "bytes-white-space",
  "concatenates-strings": "bytes-split-character",
  "unescapes-slashes": "bytes-escapes",
  "answers-text": "answer-body",
  "answers-html": "answer-content-type",
  "counts-twice": "duplicate-effect",
  "checks-then-awaits": "duplicate-concurrent",
  "one-per-conversation": "distinct-messages",
  "expects-order": "order-statuses",
  "requires-call-id": "empty-call-id",
  "throws-on-unknown-event": "unknown-event",
  "assumes-object": "body-not-object",
  "limits-to-100kb": "large-body",
  "dies-of-abort": "broken-request",
  "exact-content-type": "content-type-charset",
  "loses-updates": "concurrent-effect",
  "forgets-on-restart": "crash-duplicates",
  "asks-then-acts": "calls-once-at-once",
};

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Names an event: whatever the order of its keys and the space between them.
function keyOf(body) {
  const sorted = (_, value) =>
    value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value;
  return createHash("sha256").update(JSON.stringify(body, sorted)).digest("hex");
}

// The events: what came is in the file before it is answered, and what was worked off is counted once.
class Store {
  constructor(path) {
    this.path = path;
    this.seen = new Set(existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : []);
    this.worked = this.seen.size;
  }

  // Check and note are one step, with no `await` between them: two of the same may come at once.
  take(key) {
    if (this.seen.has(key)) return;
    this.note(key);
    this.worked += 1;
  }

  note(key) {
    this.seen.add(key);
    appendFileSync(this.path, key + "\n");
  }
}

// Whether the library of Standard Webhooks takes a request. It reads the body as well, which is not its business here.
function passes(webhook, raw, headers) {
  try {
    webhook.verify(raw, headers);
    return true;
  } catch (error) {
    return error instanceof SyntaxError; // Verified, and no JSON.
  }
}

class Receiver {
  constructor(flaw, state, webhooks) {
    Object.assign(this, { flaw, state, webhooks, mock: process.env.AIRUDDER_MOCK_URL, accepting: new Map() });
    this.start();
    this.server = createServer((request, response) => this.handle(request, response));
  }

  start() {
    const before = this.store;
    this.store = new Store(this.state);
    // What was worked off is in a database, whatever is wrong with the way there.
    if (before) this.store.worked = before.worked;
    this.statuses = new Map();
    if (this.has("forgets-on-restart")) this.store.seen = new Set(); // What was seen, in memory only.
  }

  has(flaw) {
    return this.flaw === flaw;
  }

  async handle(request, response) {
    const answer = (status, body = "{}", type = "application/json") => {
      response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
      response.end(body);
    };
    let raw;
    try {
      raw = await this.read(request);
    } catch {
      // `for await (const chunk of request)` throws when the client goes away. In an async handler without a catch, that is
      // an unhandled rejection, which ends the process.
      if (this.has("dies-of-abort")) this.server.close(), this.server.closeAllConnections();
      return;
    }
    if (request.method === "GET") return answer(200, JSON.stringify({ worked: this.store.worked }));
    if (request.url === "/restart") return this.start(), answer(200);
    if (request.url === "/mock") return (this.mock = raw.toString()), answer(200);
    try {
      await this.receive(request, raw, answer);
    } catch {
      answer(500, '{"error":"internal"}'); // What a framework does with an exception that nobody catches.
    }
  }

  async read(request) {
    if (this.has("concatenates-strings")) {
      // Each piece becomes a text of its own: a character that lies across two pieces is lost.
      let text = "";
      for await (const chunk of request) text += chunk;
      return Buffer.from(text);
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  isGenuine(request, raw) {
    if (this.webhooks) return this.webhooks.some((webhook) => passes(webhook, raw, request.headers));
    const given = request.headers["x-airudder-sign"];
    if (given === undefined) return false;
    let text = raw;
    if (this.has("stringifies-body")) {
      // Express: express.json(), then JSON.stringify(req.body).
      try {
        text = JSON.stringify(JSON.parse(raw));
      } catch {}
    }
    if (this.has("unescapes-slashes")) text = raw.toString().replaceAll("\\/", "/"); // Writers of JSON may escape them.
    const secrets = NEXT_SECRET && !this.has("knows-one-secret") ? [SECRET, NEXT_SECRET] : [SECRET];
    return secrets.some((secret) => {
      const expected = createHmac("sha256", secret).update(text).digest("hex");
      if (this.has("accepts-prefix")) return expected.startsWith(given.trim());
      const [one, other] = [Buffer.from(given), Buffer.from(expected)];
      // timingSafeEqual throws if the lengths differ.
      return (this.has("throws-on-length") || one.length === other.length) && timingSafeEqual(one, other);
    });
  }

  async receive(request, raw, answer) {
    if (this.has("limits-to-100kb") && raw.length > 100 * 1024) return answer(413); // express.json() without a `limit`.
    if (this.has("exact-content-type") && request.headers["content-type"] !== "application/json") return answer(415);
    if (!this.isGenuine(request, raw)) return answer(401, '{"error":"wrong signature"}');
    let body;
    try {
      body = JSON.parse(raw);
    } catch {
      return answer(400, '{"error":"not JSON"}');
    }
    if (!this.has("assumes-object") && (body === null || typeof body !== "object" || Array.isArray(body))) {
      return answer(400, '{"error":"not an event"}');
    }
    const event = body.event.toString(); // Of null and [] it throws.
    switch (event) {
      case "session.transfer":
        if (this.has("requires-call-id") && !body.transfer.call_id) return answer(400);
        break;
      case "message.status": {
        // Statuses overtake each other. One that comes late is taken, and changes nothing.
        const order = ["send", "delivery", "read"];
        const [before, now] = [this.statuses.get(body.msg_id) ?? -1, order.indexOf(body.status)];
        if (this.has("expects-order") && now <= before) return answer(409);
        this.statuses.set(body.msg_id, Math.max(before, now));
        break;
      }
      case "message.receive":
      case "template.reply":
      case "template.result":
      case "session.end":
      case "session.report":
        break;
      default:
        if (this.has("throws-on-unknown-event")) throw new Error(`unknown event ${event}`);
    }
    if (event === "session.transfer" && !(await this.acceptOnce(keyOf(body), body.transfer?.call_id))) return answer(503);
    await this.work(event, body);
    if (this.has("answers-text")) return answer(200, "OK", "application/json");
    if (this.has("answers-html")) return answer(200, "{}", "text/html; charset=utf-8"); // res.send("{}")
    return answer(200);
  }

  // Accepts a transfer by a call of its own. False if that is to be tried again.
  async accept(call_id) {
    if (!this.mock || !call_id) return true;
    const body = JSON.stringify({ call_id, result: "accepted" });
    const sign = createHmac("sha256", SECRET).update(body).digest("hex");
    const headers = { "Content-Type": "application/json", "X-AIRudder-Sign-Key": SIGN_KEY, "X-AIRudder-Sign": sign };
    try {
      const response = await fetch(this.mock + "/api/v1/session/transfer_result", { method: "POST", headers, body });
      return response.status < 500; // What is refused for good gets no better.
    } catch {
      return false;
    }
  }

  // Whoever comes meanwhile waits for the same call; it is forgotten if it failed.
  async acceptOnce(key, call_id) {
    if (this.store.seen.has(key)) return true;
    if (this.has("asks-then-acts")) {
      await sleep(500); // The question goes to a database; meanwhile the others ask, too.
      return this.accept(call_id);
    }
    if (!this.accepting.has(key)) this.accepting.set(key, this.accept(call_id));
    const done = await this.accepting.get(key);
    if (!done) this.accepting.delete(key);
    return done;
  }

  async work(event, body) {
    const store = this.store;
    const key = this.has("one-per-conversation") ? body.call_id ?? keyOf(body) : keyOf(body);
    if (this.has("counts-twice")) {
      store.worked += 1; // At least once means: now and then twice.
      return;
    }
    if (this.has("checks-then-awaits") && event === "template.reply") {
      // Between the question and the note, another request has its turn.
      if (store.seen.has(key)) return;
      await sleep(500);
      store.note(key);
      store.worked += 1;
      return;
    }
    if (this.has("loses-updates") && event === "message.receive") {
      // Read, change, write, with other requests in between: what they wrote is overwritten.
      if (store.seen.has(key)) return;
      store.note(key);
      const worked = store.worked;
      await sleep(50);
      store.worked = worked + 1;
      return;
    }
    store.take(key);
  }

  listen(port) {
    return new Promise((done) => this.server.listen({ port, host: "127.0.0.1", backlog: 128 }, () => done(this.server.address().port)));
  }
}

const { values: given } = parseArgs({
  options: {
    port: { type: "string", default: process.env.PORT ?? "3000" },
    flaw: { type: "string" },
    state: { type: "string", default: "events.ndjson" },
    list: { type: "boolean" },
    all: { type: "boolean" },
    "standard-webhooks": { type: "string" },
  },
});
if (given.flaw !== undefined && !(given.flaw in FLAWS)) throw new Error(`there is no flaw ${given.flaw}, see --list`);
if (given.list) {
  for (const [flaw, check] of Object.entries(FLAWS)) console.log(`${flaw}\t${check}`);
} else if (given.all) {
  const folder = mkdtempSync(join(tmpdir(), "receivers-"));
  const rows = [];
  for (const flaw of ["", ...Object.keys(FLAWS)]) {
    rows.push([flaw, FLAWS[flaw] ?? "", await new Receiver(flaw, join(folder, `state-${flaw}`)).listen(0)]);
  }
  console.log(JSON.stringify(rows));
  process.stdin.on("end", () => process.exit()).resume(); // Until whoever started it is gone.
} else {
  let webhooks;
  if (given["standard-webhooks"]) {
    const { Webhook } = createRequire(join(resolve(given["standard-webhooks"]), "any.js"))("standardwebhooks");
    webhooks = [SECRET, NEXT_SECRET].filter(Boolean).map((secret) => new Webhook(secret));
  }
  await new Receiver(given.flaw, given.state, webhooks).listen(Number(given.port));
}
