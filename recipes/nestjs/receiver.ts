// A receiver of AI Rudder's callbacks with NestJS: `npm install`, then `npx tsx receiver.ts`
//
// It verifies signatures over the raw bytes, processes each event once, and responds before it works. When a user asks
// for a person, it accepts the conversation.

import "reflect-metadata";
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Body, Controller, Get, Headers, HttpCode, HttpException, Module, Post } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";

type Event = { event?: string; transfer?: { call_id?: string } };

const PORT = Number(process.env.PORT ?? 3000);
const AIRUDDER = process.env.AIRUDDER_MOCK_URL ?? "http://127.0.0.1:2478";
const KEY = process.env.AIRUDDER_MOCK_SIGN_KEY ?? "a17d0de2a17d0de2a17d0de2a17d0de2"; // names the secret
const SECRET = process.env.AIRUDDER_MOCK_SECRET ?? "airudder-mock-secret";
const SECRETS = [SECRET, process.env.AIRUDDER_MOCK_NEXT_SECRET ?? SECRET]; // both valid while the secret is rotated
const EVENTS = process.env.EVENTS ?? "events"; // in your code: a table with a unique key
mkdirSync(EVENTS, { recursive: true });

const sign = (raw: Buffer | string, secret: string) => createHmac("sha256", secret).update(raw).digest("hex");

function isGenuine(raw: Buffer, given: string): boolean {
  const bytes = Buffer.from(given);
  return SECRETS.some((secret) => {
    const right = Buffer.from(sign(raw, secret));
    return bytes.length === right.length && timingSafeEqual(bytes, right); // which throws if the lengths differ
  });
}

const isEvent = (value: any): value is Event => value !== null && typeof value === "object" && !Array.isArray(value);

function parsed(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString());
  } catch {
    return null;
  }
}

// The vendor does not sign callbacks of calls, tasks, workflows, the dialer and SMS, so anyone can send one. Chatbot
// callbacks are signed, and name their event; so is the end of a chat in a workflow.
function isNotice(event: unknown): boolean {
  return isEvent(event) && !("event" in event) && !("session_end_reason" in event);
}

// Stores an event, and says whether it is new: the vendor repeats a callback without a timely response.
function take(event: Event): boolean {
  const sorted = (_: string, value: any) =>
    value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value;
  const key = createHash("sha256").update(JSON.stringify(event, sorted)).digest("hex");
  try {
    writeFileSync(join(EVENTS, key), JSON.stringify(event), { flag: "wx" }); // check and record in one step
    return true;
  } catch (error: any) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

// Runs after the response, which does not wait for it.
async function work({ event, transfer }: Event) {
  if (event !== "session.transfer" || !transfer?.call_id) return;
  const body = JSON.stringify({ call_id: transfer.call_id, result: "accepted" });
  const headers = { "Content-Type": "application/json", "X-AIRudder-Sign-Key": KEY, "X-AIRudder-Sign": sign(body, SECRET) };
  for (const pause of [500, 1000, 0]) { // the vendor may be down for a moment; a refusal is final
    try {
      const response = await fetch(AIRUDDER + "/api/v1/session/transfer_result", { method: "POST", headers, body });
      console.log(response.ok ? "accepted" : "not accepted", transfer.call_id, response.status);
      if (response.status < 500) return;
    } catch (error: any) {
      console.log("not accepted", transfer.call_id, error.cause?.code ?? error.message);
    }
    await sleep(pause);
  }
}

@Controller()
class Hook {
  @Post("callbacks")
  @HttpCode(200) // Nest's own is 201
  receive(@Body() body: unknown, @Headers("x-airudder-sign") given = "") {
    const raw = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
    const event = parsed(raw);
    if (!isGenuine(raw, given) && (given || !isNotice(event))) throw new HttpException({ error: "wrong signature" }, 401);
    if (!isEvent(event)) throw new HttpException({ error: "not an event" }, 400);
    if (take(event)) setImmediate(work, event);
    return {};
  }

  // How many events were accepted, for `airudder-mock audit --probe`.
  @Get("probe")
  probe() {
    return { worked: readdirSync(EVENTS).length };
  }
}

@Module({ controllers: [Hook] })
class App {}

const app = await NestFactory.create<NestExpressApplication>(App, { bodyParser: false, logger: ["error", "warn"] });
// The raw bytes, whatever their type, in place of Nest's own parser of JSON with its limit of 100 KB.
app.useBodyParser("raw", { type: () => true, limit: "10mb" });
await app.listen(PORT, "127.0.0.1");
