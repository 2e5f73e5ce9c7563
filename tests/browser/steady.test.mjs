// What somebody is doing stays while callbacks come: a press, a text being written, a form, the focus.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, setting } from "./support.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** Sends callbacks at a rate, until it is told to stop. */
function stream(mock, perSecond) {
  const timer = setInterval(() => mock.control("POST", "/emit", { event: "message.status" }).catch(() => {}), 1000 / perSecond);
  return () => clearInterval(timer);
}

const queued = async (mock) => (await mock.control("GET", "/state")).callbacks.queued;

test("a row is opened by a press while others come", async (context) => {
  const { page, mock, wrong } = await setting(browser, context);
  context.after(stream(mock, 20));
  await page.locator(".row.out").nth(24).waitFor();
  await page.evaluate(() => document.addEventListener("pointerdown", (event) => { window.pressed = event.target.closest("[data-key]")?.dataset.key; }, true));
  const list = await page.getByRole("listbox", { name: "Requests and callbacks" }).boundingBox();
  const opened = [];
  for (let at = 0; at < 10; at += 1) {
    // The rows go by under the pointer, which stays down for longer than one of them takes.
    await page.mouse.move(list.x + 200, list.y + list.height - 120 - at);
    await page.mouse.down();
    await page.waitForTimeout(120);
    await page.mouse.up();
    const key = await page.evaluate(() => window.pressed);
    await page.waitForFunction((key) => new URLSearchParams(location.search).get("sel") === key, key, { timeout: 1000 }).catch(() => {});
    if (key && new URL(page.url()).searchParams.get("sel") === key) opened.push(key);
    await page.keyboard.press("Escape");
  }
  assert.equal(new Set(opened).size, 10, opened.join(" "));
  assert.deepEqual(wrong, []);
});

test("what is drawn of a row stays the same element until the row is another", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { args: ["--speed", "0"] });
  await mock.control("POST", "/emit", { event: "session.transfer" });
  const first = page.locator(".row.out", { hasText: "session.transfer" });
  await first.locator(".mark", { hasText: "200" }).waitFor();
  const same = await first.elementHandle();
  const inner = await first.locator(".name").elementHandle();
  for (let at = 0; at < 5; at += 1) await mock.control("POST", "/emit", { event: "session.end" });
  await page.locator(".row.out", { hasText: "session.end" }).nth(4).waitFor();
  await page.keyboard.press("g");
  await page.locator(".row.group").first().waitFor();
  assert.ok(await same.evaluate((one) => one.isConnected && one.classList.contains("within")));
  assert.ok(await page.locator(".row").count() === 6 + await page.locator(".row.group").count());
  await page.keyboard.press("g");
  await page.locator(".row.group").first().waitFor({ state: "detached" });
  assert.ok(await same.evaluate((one) => one.isConnected) && !(await inner.evaluate((one) => one.isConnected)), "only what it shows is drawn anew");
  assert.deepEqual(wrong, []);
});

test("a body that is being changed stays while the callback goes on", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { answer: () => [500, "{}"], args: ["--speed", "0"] });
  await mock.control("POST", "/emit", { event: "session.transfer" });
  await page.locator(".row.out", { hasText: "session.transfer" }).click();
  const detail = page.getByRole("region", { name: "Details" });
  await detail.getByRole("tab", { name: "Attempts 1" }).waitFor();
  const before = await queued(mock);
  await page.keyboard.press("e");
  const text = detail.getByLabel("The body to send");
  await text.waitFor();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("r", { delay: 5 });
  await page.keyboard.press("Backspace");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.type('"mine": 1,');
  await mock.control("POST", "/clock", { by: "2m" });
  await detail.getByRole("tab", { name: /Attempts [2-9]/ }).waitFor();
  await page.keyboard.type('"yours": 2,');
  assert.match(await text.inputValue(), /^\{"mine": 1,"yours": 2,/);
  assert.equal(await queued(mock), before, "what is typed is no command");
  // It is there after a look at the others, and is given up where that is asked for.
  await detail.getByRole("tab", { name: /Attempts/ }).click();
  await detail.getByText("Sent headers").first().waitFor();
  await detail.getByRole("button", { name: "Edit and resend" }).click();
  assert.match(await text.inputValue(), /"yours": 2/);
  await detail.getByRole("button", { name: "Cancel" }).click();
  await detail.getByRole("button", { name: "Edit and resend" }).click();
  assert.ok(!(await text.inputValue()).includes("yours"));
  assert.ok(await text.evaluate((one) => one === document.activeElement));
  assert.deepEqual(wrong, []);
});

test("the focus stays on a button of a callback that goes on", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { answer: () => [500, "{}"], args: ["--speed", "0"] });
  await mock.control("POST", "/emit", { event: "session.transfer" });
  await page.locator(".row.out", { hasText: "session.transfer" }).click();
  const detail = page.getByRole("region", { name: "Details" });
  const resend = detail.getByRole("button", { name: "Resend", exact: true });
  await resend.focus();
  await mock.control("POST", "/clock", { by: "2m" });
  await detail.getByRole("tab", { name: /Attempts [2-9]/ }).waitFor();
  assert.ok(await resend.evaluate((one) => one === document.activeElement));
  assert.deepEqual(wrong, []);
});

test("a chat that is being begun stays, and so does the focus in the list of chats", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { args: ["--speed", "0"] });
  await page.getByRole("button", { name: "Start a chat" }).click();
  await page.getByLabel("Name").fill("Budi");
  for (let at = 0; at < 3; at += 1) await mock.control("POST", "/chats", { name: "Dinda " + at, write: "hello" });
  await page.locator(".row.out").nth(2).waitFor();
  // Longer than the page waits to look at the chats.
  await page.waitForTimeout(1500);
  await page.keyboard.type(" Santoso");
  assert.equal(await page.getByLabel("Name").inputValue(), "Budi Santoso");
  await page.getByRole("button", { name: "Objects", exact: true }).click();
  await page.getByRole("button", { name: "Phone", exact: true }).click();
  assert.equal(await page.getByLabel("Name").inputValue(), "Budi Santoso");
  await page.getByRole("button", { name: "Back to the chats" }).click();
  const chat = page.locator(".chat", { hasText: "Dinda 1" });
  await chat.focus();
  await mock.control("POST", "/chats", { name: "Sari", write: "hello" });
  await page.locator(".chat", { hasText: "Sari" }).waitFor();
  assert.ok(await chat.evaluate((one) => one === document.activeElement), "the focus is where it was");
  await page.getByRole("button", { name: "New chat" }).click();
  await page.getByLabel("Name").fill("Budi Santoso");
  await page.getByRole("button", { name: "Start the chat" }).click();
  await page.locator(".chat-who", { hasText: "Budi Santoso" }).waitFor();
  assert.deepEqual(wrong, []);
});
