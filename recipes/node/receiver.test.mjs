// Tests of the receiver: `node --test`. The second one needs `airudder-mock` on the PATH, or AIRUDDER_MOCK_BIN.

import assert from "node:assert";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const events = mkdtempSync(join(tmpdir(), "events-")); // the tests' events stay apart from yours
process.on("exit", () => rmSync(events, { recursive: true, force: true }));
process.env.EVENTS = events;
const { isGenuine, isNotice, sign, SECRET } = await import("./receiver.mjs");

test("a signature is over the raw bytes", () => {
  const raw = Buffer.from('{"event": "session.end"}');
  const given = sign(raw, SECRET);
  assert.ok(isGenuine(raw, given));
  for (const wrong of ["", given.slice(0, 10), `${given}, ${given}`, sign(raw, "another"), "\u00e9"]) {
    assert.ok(!isGenuine(raw, wrong), wrong);
  }
  assert.ok(!isGenuine(Buffer.from('{"event":"session.end"}'), given));
});

test("notices are those that the vendor does not sign", () => {
  assert.ok(isNotice({ TaskID: "1", Status: "finished" }));
  for (const signed of [{ event: "session.end" }, { session_end_reason: "robot" }, [], null]) {
    assert.ok(!isNotice(signed), JSON.stringify(signed));
  }
});

test("a user who asks for a person is accepted", async () => {
  const program = process.env.AIRUDDER_MOCK_BIN ?? "airudder-mock";
  const command = ["run", "story.toml", "--speed", "max", "--", process.execPath, "receiver.mjs"];
  await promisify(execFile)(program, command, { cwd: fileURLToPath(new URL(".", import.meta.url)) });
});
