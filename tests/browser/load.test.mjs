// The timeline under load: it keeps up, and does not grow.

import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { test } from "node:test";
import { launch, open, receiver, serve } from "./support.mjs";

const RATE = 200;
const SECONDS = Number(process.env.AIRUDDER_MOCK_SECONDS ?? 10);

test(`${RATE} events a second for ${SECONDS} s, then ten thousand rows are scrolled`, async (context) => {
  const browser = await launch();
  const hook = await receiver();
  const mock = await serve(["--callback-url", hook.url]);
  context.after(async () => {
    await browser.close();
    await mock.close();
    await hook.close();
  });
  const { page, wrong } = await open(browser, mock.page);
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const { hostname, port } = new URL(mock.url);
  const body = JSON.stringify({ event: "message.status" });
  const emit = () => new Promise((done, failed) => {
    const call = request({ agent, hostname, port, path: "/_mock/emit", method: "POST", headers: { "content-type": "application/json", "content-length": body.length } }, (response) => response.resume().on("end", done));
    call.on("error", failed).end(body);
  });
  await emit();
  await page.locator(".row.out").first().waitFor();
  await page.evaluate(() => {
    window.gaps = [];
    let last = performance.now();
    const frame = (now) => { window.gaps.push(now - last); last = now; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
  });
  const heap = () => page.evaluate(() => { window.gc?.(); return performance.memory.usedJSHeapSize; });
  const before = await heap();
  const began = performance.now();
  let sent = 1;
  let lag = 0;
  const underWay = new Set();
  while (performance.now() - began < SECONDS * 1000) {
    const due = Math.floor(((performance.now() - began) / 1000) * RATE);
    while (sent < due && underWay.size < 64) {
      const one = emit().finally(() => underWay.delete(one));
      underWay.add(one);
      sent += 1;
    }
    if (sent % 100 === 0) {
      const shown = await page.evaluate(() => Number(document.querySelector(".timeline").dataset.total));
      lag = Math.max(lag, hook.got.length - shown);
    }
    await new Promise((soon) => setTimeout(soon, 10));
  }
  await Promise.all(underWay);
  await page.waitForFunction((sent) => Number(document.querySelector(".timeline").dataset.total) >= sent, sent);
  const gaps = (await page.evaluate(() => window.gaps)).sort((a, b) => a - b);
  const late = gaps[Math.floor(gaps.length * 0.95)];
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  const grown = (await heap()) - before;
  context.diagnostic(`${sent} sent, most rows behind ${lag}, 95 % of frames within ${Math.round(late)} ms, ${nodes} elements, ${Math.round(grown / sent)} bytes a row`);
  assert.ok(sent > RATE * SECONDS * 0.5, `${sent} sent`);
  assert.ok(nodes < 1500, `${nodes} elements`);
  // How fast exactly is the machine's business; that it does not stand still is the page's.
  assert.ok(late < 500, `frames take ${late} ms`);
  assert.ok(grown / sent < 20_000, `${grown} bytes for ${sent} rows`);
  // Up to ten thousand by the quickest way.
  const ask = () => new Promise((done, failed) => {
    request({ agent, hostname, port, path: "/service/cloud/robot" }, (response) => response.resume().on("end", done)).on("error", failed).end();
  });
  while (sent < 10_000) {
    await Promise.all(Array.from({ length: 100 }, ask));
    sent += 100;
  }
  const list = page.getByRole("listbox", { name: "Requests and callbacks" });
  await page.waitForFunction(() => Number(document.querySelector(".timeline").dataset.total) >= 9_000, null, { timeout: 30_000 });
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    const at = await list.evaluate((element, part) => {
      element.scrollTop = (element.scrollHeight - element.clientHeight) * part;
      return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
        const box = element.getBoundingClientRect();
        const row = document.elementFromPoint(box.left + 60, box.top + box.height / 2)?.closest("[data-key]");
        done(Number(row?.getAttribute("aria-posinset") ?? 0));
      })));
    }, part);
    assert.ok(at > 0, `rows are drawn at ${part}`);
  }
  assert.ok(await page.evaluate(() => document.querySelectorAll("*").length) < 1500);
  assert.deepEqual(wrong, []);
});
