// What the page says is so: the command that it copies, the numbers that it counts, the texts that it shows.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { launch, setting, sign } from "./support.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

const TOKEN = { APPKey: "AIRudderMockKey0000001", APPSecret: "AIRudderMockSecret0001" };

test("Copy as curl makes the same request, with the bytes that were sent", async (context) => {
  const { page, mock, hook, wrong } = await setting(browser, context, { args: ["--fault", "body-missing-field of session.end", "--fault", "body-empty of session.transfer"] });
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const detail = page.getByRole("region", { name: "Details" });
  const copied = async (name) => {
    await page.locator(".row", { has: page.locator(".name", { hasText: name }) }).last().click();
    await detail.getByRole("heading", { name }).waitFor();
    await page.evaluate(() => navigator.clipboard.writeText(""));
    await detail.getByRole("button", { name: "Copy as curl" }).click();
    await page.waitForFunction(async () => (await navigator.clipboard.readText()) !== "");
    return page.evaluate(() => navigator.clipboard.readText());
  };
  // The receiver lives in this process: it must not wait.
  const run = (command) => promisify(execFile)("bash", ["-c", "set -o pipefail; " + command], { cwd: new URL(".", import.meta.url).pathname, timeout: 10_000 });

  // A fault has changed the body, and the signature is about what was sent.
  for (const event of ["session.end", "session.transfer"]) {
    await mock.control("POST", "/emit", { event });
    await run(await copied(event));
    const [sent, again] = hook.got.splice(0);
    assert.equal(again.body, sent.body);
    assert.equal(again.signature, sent.signature);
    assert.equal(sign(again.body), again.signature);
  }

  // Bytes that are no text, and a body that looks like the name of a file.
  const bodies = [Buffer.from([0, 255, 254, 10, 13, 39, 37, 0]), Buffer.from("@package.json"), Buffer.from("it's\r\n$HOME")];
  for (const [at, body] of bodies.entries()) {
    const path = "/service/cloud/curl-" + at;
    await fetch(mock.url + path, { method: "PUT", body, headers: { "content-type": "application/octet-stream", "x-empty": "" } });
    await run(await copied(path));
    const { entries } = await mock.control("GET", "/journal?kind=called&latest=2");
    const [first, second] = entries.map(({ method, path, body, body_base64, headers }) => ({ method, path, body, body_base64, type: headers.filter(([name]) => /^(content-type|x-empty)$/i.test(name)) }));
    assert.equal(first.path, path);
    assert.deepEqual(second, first);
    assert.deepEqual(Buffer.from(first.body_base64 ?? "", "base64"), at === 0 ? body : Buffer.alloc(0));
  }

  // A secret that is masked can't be sent again: that is said.
  await fetch(mock.url + "/service/cloud/auth", { method: "POST", body: new URLSearchParams(TOKEN) });
  await copied("auth.token");
  await page.locator(".toast", { hasText: "Where it says *** a secret is masked" }).waitFor();
  assert.deepEqual(wrong, []);
});

test("numbers are those of all, and what is not listed can be", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { args: ["--speed", "0"] });
  const post = async (path, body, token) => (await (await fetch(mock.url + path, { method: "POST", headers: { "content-type": "application/json", ...(token && { authorization: "Token " + token }) }, body: JSON.stringify(body) })).json()).data;
  const { token } = await post("/service/cloud/auth", TOKEN);
  for (let at = 0; at < 52; at += 1) await post("/service/cloud/task", { TaskName: "July " + at, RobotID: "Welcome call", Details: [{ Mobile: "+62811123490" + (10 + at) }] }, token);
  for (let at = 0; at < 55; at += 1) await mock.control("POST", "/chats", { name: "Dinda " + at, write: "hello" });
  // The phone: those who call are listed, too.
  const heading = (name) => page.getByRole("heading", { name });
  await heading("Chats 20 of 55").waitFor();
  await page.getByRole("button", { name: "Show more" }).click();
  await page.locator(".chat").nth(54).waitFor();
  await heading(/^Chats$/).waitFor();
  // The objects.
  await page.getByRole("button", { name: "Objects", exact: true }).click();
  await heading("Tasks 50 of 52").waitFor();
  await heading("Conversations 50 of 55").waitFor();
  await page.getByRole("button", { name: "Show more tasks" }).click();
  await heading(/^Tasks 52$/).waitFor();
  await heading(/^Conversations 55$/).waitFor();
  assert.equal(await page.locator(".thing", { hasText: "July" }).count(), 52);
  // Heads of groups are no rows.
  const totals = () => page.locator(".totals").innerText();
  const before = await totals();
  await page.keyboard.press("g");
  await page.locator(".row.group").first().waitFor();
  assert.equal(await totals(), before);
  await page.locator(".row.group").last().click();
  await page.locator(".row.group.closed").waitFor();
  assert.equal(await totals(), before);
  assert.deepEqual(wrong, []);
});

test("letters and emoji stay together, and what hides is written out", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { args: ["--speed", "0"] });
  const whole = "👩‍👩‍👧 ❤️‍🔥 👨🏽‍💻 🏳️‍🌈 می‌خواهم क्‍ष";
  const marked = "\u200fسلام\u200e (1)";
  const { conversation } = await mock.control("POST", "/chats", { name: whole, write: whole + " pass\u200dword \u200b." });
  await mock.control("POST", "/user", { conversation, write: marked });
  await page.locator(".chat-name", { hasText: whole }).waitFor();
  await page.locator(".chat").click();
  const bubbles = page.locator(".bubble.me .words");
  await bubbles.nth(1).waitFor();
  const [first, second] = await bubbles.allTextContents();
  assert.equal(first, whole + " pass⟨U+200D⟩word ⟨U+200B⟩.");
  assert.equal(second, marked);
  await page.locator(".row", { hasText: "message.receive" }).last().click();
  const body = page.getByRole("region", { name: "Details" }).getByLabel("Body as it is");
  await body.getByText("⟨U+200F⟩سلام⟨U+200E⟩").waitFor();
  await page.locator(".row", { hasText: "message.receive" }).first().click();
  await body.getByText(whole).first().waitFor();
  await page.getByRole("button", { name: "Exact" }).click();
  assert.match(await body.innerText(), /👩⟨U\+200D⟩👩⟨U\+200D⟩👧/);
  assert.deepEqual(wrong, []);
});
