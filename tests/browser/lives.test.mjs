// A mock that is reset, started anew, removed or gone while its page is open: what the page shows is of the life that is now.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, receiver, serve } from "./support.mjs";

let browser, hook;
before(async () => {
  browser = await launch();
  hook = await receiver();
});
after(async () => {
  await browser?.close();
  await hook?.close();
});

const names = (page) => page.locator(".row .name").allInnerTexts();
const emit = (mock, event) => mock.control("POST", "/emit", { event });
const begin = (settings) => serve(["--callback-url", hook.url], "", settings);

/** Hides the page, or shows it again, as another tab in front of it would. */
const hide = (page, hidden) => page.evaluate((hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}, hidden);

test("after a reset nothing is added to rows of before", async (context) => {
  const mock = await begin();
  const { page, wrong, close } = await open(browser, mock.page);
  context.after(async () => { await close(); await mock.close(); });
  for (let at = 0; at < 3; at += 1) await emit(mock, "session.transfer");
  await page.locator(".row", { hasText: "session.transfer" }).nth(2).click();
  await page.getByRole("region", { name: "Details" }).waitFor();
  await mock.control("POST", "/reset");
  await page.locator(".row", { hasText: "session.transfer" }).first().waitFor({ state: "detached" });
  assert.ok(await page.getByRole("region", { name: "Details" }).isHidden());
  await emit(mock, "agent.transfer");
  await page.locator(".row", { hasText: "agent.transfer" }).click();
  await page.getByRole("heading", { name: /agent\.transfer 200/ }).waitFor();
  await page.getByText("Callback 1", { exact: true }).waitFor();
  assert.deepEqual(await names(page), ["note", "agent.transfer"]);
  // A restore and a cleared journal are taken in just as well.
  await mock.control("POST", "/snapshots", { name: "one" });
  await emit(mock, "session.end");
  await page.locator(".row", { hasText: "session.end" }).waitFor();
  await mock.control("POST", "/snapshots/one/restore");
  await emit(mock, "agent.message");
  await page.locator(".row", { hasText: "agent.message" }).waitFor();
  assert.deepEqual(await names(page), ["note", "agent.message"]);
  await mock.control("DELETE", "/journal");
  await page.getByText("Nothing yet").waitFor();
  assert.equal(await page.locator(".totals").innerText(), "0 rows");
  assert.deepEqual(wrong, []);
});

test("a mock that is away says so everywhere, and one that was started anew begins an empty list", async (context) => {
  let mock = await begin();
  const shown = [await open(browser, mock.page), await open(browser, mock.page + "?view=controls", { width: 390, height: 780 })];
  context.after(async () => { for (const { close } of shown) await close(); await mock.close(); });
  const [{ page }, { page: phone }] = shown;
  for (let at = 0; at < 3; at += 1) await emit(mock, "session.transfer");
  await page.locator(".row", { hasText: "session.transfer" }).nth(2).waitFor();
  const port = Number(new URL(mock.url).port);
  await mock.close();
  for (const { page } of shown) await page.getByRole("alert").getByText("The mock does not answer. The page shows").waitFor();
  await phone.getByRole("button", { name: "+1h" }).click();
  await phone.locator(".toast", { hasText: "The mock does not answer: is it still running?" }).waitFor();
  mock = await begin({ port });
  await page.locator(".toast", { hasText: "what was shown before is gone" }).waitFor();
  await page.getByText("Nothing yet").waitFor();
  assert.equal(await page.locator(".totals").innerText(), "0 rows");
  assert.equal(await page.locator(".row").count(), 0);
  for (const { page } of shown) await page.getByRole("alert").first().waitFor({ state: "hidden" });
  // In a hidden page, more has happened by then than ever before.
  await emit(mock, "session.end");
  await page.locator(".row", { hasText: "session.end" }).waitFor();
  await hide(page, true);
  await mock.close();
  mock = await begin({ port });
  for (let at = 0; at < 9; at += 1) await emit(mock, "agent.transfer");
  await hide(page, false);
  await page.locator(".row", { hasText: "agent.transfer" }).nth(8).waitFor();
  assert.deepEqual(await names(page), Array(9).fill("agent.transfer"));
  for (const { wrong } of shown) assert.deepEqual(wrong, []);
});

test("a namespace that is removed leaves the way back", async (context) => {
  const mock = await begin();
  await mock.control("POST", "/namespaces", { name: "gone" });
  const { page, wrong, close } = await open(browser, mock.url + "/_ns/gone/_mock/", { width: 390, height: 780 });
  context.after(async () => { await close(); await mock.close(); });
  await page.getByText("Nothing yet").waitFor();
  await mock.control("DELETE", "/namespaces/gone");
  await page.getByRole("alert").getByText("This namespace has been removed.").waitFor();
  await page.getByRole("link", { name: "To the main mock" }).click();
  await page.waitForURL(mock.page);
  assert.deepEqual(wrong, []);
});

test("an address whose row is gone says so", async (context) => {
  const mock = await begin();
  context.after(() => mock.close());
  for (const query of ["?sel=c999999", "?sel=c999999&tab=Signature"]) {
    await emit(mock, "session.end");
    const { page, wrong, close } = await open(browser, mock.page + query);
    await page.locator(".toast", { hasText: "Callback 999999 is no longer kept" }).waitFor();
    await page.locator(".row", { hasText: "session.end" }).first().waitFor();
    assert.ok(!new URL(page.url()).search, "it is in the address no more");
    const [list, all] = await Promise.all([page.locator(".timeline").boundingBox(), page.locator(".wire-body").boundingBox()]);
    assert.equal(list.width, all.width, "the list has the whole width");
    assert.deepEqual(wrong, []);
    await close();
  }
});
