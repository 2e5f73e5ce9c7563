// A receiver of AI Rudder's callbacks with Express: `npm install`, then `node receiver.mjs`
//
// It verifies signatures over the raw bytes, processes each event once, and responds before it works. When a user asks
// for a person, it accepts the conversation.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import express from "express";

const PORT = Number(process.env.PORT ?? 3000);
const AIRUDDER = process.env.AIRUDDER_MOCK_URL ?? "http://127.0.0.1:2478";
const KEY = process.env.AIRUDDER_MOCK_SIGN_KEY ?? "a17d0de2a17d0de2a17d0de2a17d0de2"; // names the secret
const SECRET = process.env.AIRUDDER_MOCK_SECRET ?? "airudder-mock-secret";
const SECRETS = [SECRET, process.env.AIRUDDER_MOCK_NEXT_SECRET ?? SECRET]; // both valid while the secret is rotated
const EVENTS = process.env.EVENTS ?? "events"; // in your code: a table with a unique key
mkdirSync(EVENTS, { recursive: true });

const sign = (raw, secret) => createHmac("sha256", secret).update(raw).digest("hex");

function isGenuine(raw, given) {
  const bytes = Buffer.from(given);
  return SECRETS.some((secret) => {
    const right = Buffer.from(sign(raw, secret));
    return bytes.length === right.length && timingSafeEqual(bytes, right); // which throws if the lengths differ
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

// The vendor does not sign callbacks of calls, tasks, workflows, the dialer and SMS, so anyone can send one. Chatbot
// callbacks are signed, and name their event; so is the end of a chat in a workflow.
function isNotice(event) {
  return isEvent(event) && !("event" in event) && !("session_end_reason" in event);
}

// Stores an event, and says whether it is new: the vendor repeats a callback without a timely response.
function take(event) {
  const sorted = (_, value) =>
    value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value;
  const key = createHash("sha256").update(JSON.stringify(event, sorted)).digest("hex");
  try {
    writeFileSync(join(EVENTS, key), JSON.stringify(event), { flag: "wx" }); // check and record in one step
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

// Runs after the response, which does not wait for it.
async function work({ event, transfer }) {
  if (event !== "session.transfer" || !transfer?.call_id) return;
  const body = JSON.stringify({ call_id: transfer.call_id, result: "accepted" });
  const headers = { "Content-Type": "application/json", "X-AIRudder-Sign-Key": KEY, "X-AIRudder-Sign": sign(body, SECRET) };
  for (const pause of [500, 1000, 0]) { // the vendor may be down for a moment; a refusal is final
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

const app = express();

// The raw bytes, whatever their type, before any parser: not express.json(). Its limit would be 100 KB.
app.post("/callbacks", express.raw({ type: () => true, limit: "10mb" }), (request, response) => {
  const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const [given, event] = [request.get("X-AIRudder-Sign") ?? "", parsed(raw)];
  if (!isGenuine(raw, given) && (given || !isNotice(event))) return response.status(401).json({ error: "wrong signature" });
  if (!isEvent(event)) return response.status(400).json({ error: "not an event" });
  if (take(event)) setImmediate(work, event);
  response.json({});
});

// How many events were accepted, for `airudder-mock audit --probe`.
app.get("/probe", (_, response) => response.json({ worked: readdirSync(EVENTS).length }));

app.listen(PORT, "127.0.0.1");
