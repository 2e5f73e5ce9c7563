// A receiver of AI Rudder's callbacks, with nothing but Node.js 18: `node receiver.mjs`
//
// It verifies signatures over the raw bytes, takes each event once, answers, and then works: a user who asks for a
// person is accepted. Try it with `airudder-mock run story.toml -- node receiver.mjs`.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { mkdirSync, readdirSync, realpathSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const PORT = Number(process.env.PORT ?? 3000);
const AIRUDDER = process.env.AIRUDDER_MOCK_URL ?? "http://127.0.0.1:2478";
const KEY = process.env.AIRUDDER_SIGN_KEY ?? "a17d0de2a17d0de2a17d0de2a17d0de2"; // names the secret
export const SECRET = process.env.AIRUDDER_MOCK_SECRET ?? "airudder-mock-secret";
const SECRETS = [SECRET, process.env.AIRUDDER_MOCK_NEXT_SECRET ?? SECRET]; // both count while the secret is rotated
const EVENTS = process.env.EVENTS ?? "events"; // in your code: a table with a unique key
mkdirSync(EVENTS, { recursive: true });

export const sign = (raw, secret) => createHmac("sha256", secret).update(raw).digest("hex");

export function isGenuine(raw, given) {
  const bytes = Buffer.from(given);
  return SECRETS.some((secret) => {
    const right = Buffer.from(sign(raw, secret));
    return bytes.length === right.length && timingSafeEqual(bytes, right); // which throws where the lengths differ
  });
}

const isEvent = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function parsed(raw) {
  try {
    return JSON.parse(raw);
  } catch {
    return null;
  }
}

// Notices of calls, tasks, workflows, the dialer and SMS carry no signature at the vendor's, so that anybody can send
// one. Chatbot callbacks are signed, and name their event; so is the end of a chat in a workflow.
export function isNotice(event) {
  return isEvent(event) && !("event" in event) && !("session_end_reason" in event);
}

// Keeps an event, and says whether it is a new one: the vendor sends again what was not answered in time.
function take(event) {
  const sorted = (_, value) =>
    value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value;
  const key = createHash("sha256").update(JSON.stringify(event, sorted)).digest("hex");
  try {
    writeFileSync(join(EVENTS, key), JSON.stringify(event), { flag: "wx" }); // check and note in one step
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

// Behind the answer, which does not wait for it.
async function work({ event, transfer }) {
  if (event !== "session.transfer" || !transfer?.call_id) return;
  const body = JSON.stringify({ call_id: transfer.call_id, result: "accepted" });
  const headers = { "Content-Type": "application/json", "X-AIRudder-Sign-Key": KEY, "X-AIRudder-Sign": sign(body, SECRET) };
  for (const pause of [500, 1000, 0]) { // the vendor may be down for a moment; what it refuses stays refused
    try {
      const response = await fetch(AIRUDDER + "/api/v1/session/transfer_result", { method: "POST", headers, body });
      console.log(response.ok ? "accepted" : "not accepted", transfer.call_id, response.status);
      if (response.status < 500) return;
    } catch (error) {
      console.log("not accepted", transfer.call_id, error.cause?.code ?? error.message);
    }
    await sleep(pause);
  }
}

// What to answer to a callback.
function receive(raw, given) {
  const event = parsed(raw);
  if (!isGenuine(raw, given) && (given || !isNotice(event))) return [401, { error: "wrong signature" }];
  if (!isEvent(event)) return [400, { error: "not an event" }];
  if (take(event)) setImmediate(work, event);
  return [200, {}];
}

export const server = createServer(async (request, response) => {
  const answer = (status, fields) => {
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(fields));
  };
  try {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    // How many events were taken, for `airudder-mock audit --probe`.
    if (request.method === "GET") return answer(200, { worked: readdirSync(EVENTS).length });
    answer(...receive(Buffer.concat(chunks), request.headers["x-airudder-sign"] ?? ""));
  } catch (error) {
    if (!request.destroyed && !response.headersSent) answer(500, { error: "internal" });
    console.log("failed", error.message); // such as a client that went away in the middle of its request
  }
});

// Not where a test imports it.
if (import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) server.listen(PORT, "127.0.0.1");
