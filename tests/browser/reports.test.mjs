// The reports of `load` and `audit` as files in a browser: readable in both schemes of colours, and in order at every width.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, test } from "node:test";
import { launch, open, PROGRAM, receiver, violations } from "./support.mjs";

let browser, folder;
before(async () => {
  browser = await launch();
  folder = mkdtempSync(join(tmpdir(), "airudder-mock-reports-"));
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const story = new URL("../../scenarios/load-transfer.toml", import.meta.url).pathname;

/** Runs a command that writes a report, and gives the address of it. */
function report(name, ...args) {
  const file = join(folder, name);
  return new Promise((done) => execFile(PROGRAM, [...args, file], { cwd: folder }, () => done(pathToFileURL(file).href)));
}

test("reports of loads and audits can be read", async () => {
  const good = await receiver();
  // It accepts whatever comes, which an audit finds; and one that answers late and wrong, which a load finds.
  const bad = await receiver((callback, number) => [number % 3 === 0 ? 503 : 200, "{}"]);
  const load = (hook, name) => report(name, "load", story, "--callback-url", hook.url, "--rate", "50/s", "--duration", "2s", "--quiet", "--report");
  const audit = (hook, name) => report(name, "audit", "--callback-url", hook.url, "--html");
  const urls = [await load(good, "held.html"), await load(bad, "failed.html"), await audit(good, "audit.html")];
  await good.close();
  await bad.close();
  for (const url of urls) {
    for (const view of [{ width: 1024, height: 768 }, { width: 1024, height: 768, dark: true }, { width: 390, height: 780 }]) {
      const { page, wrong, close } = await open(browser, url, view);
      const where = url.split("/").pop() + JSON.stringify(view);
      assert.deepEqual(await violations(page), [], where);
      assert.deepEqual(await page.locator("th").evaluateAll((all) => all.filter((one) => !one.textContent.trim()).length), 0, where);
      const over = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth ? [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML.slice(0, 120)) : []);
      assert.deepEqual(over, [], where);
      // A figure and its unit belong together.
      await page.evaluate(() => { for (const value of document.querySelectorAll(".figure .value")) value.textContent = "44.35 ms"; });
      const broken = await page.locator(".figure .value").evaluateAll((all) => all.filter((one) => one.offsetHeight > 40 || one.scrollWidth > one.offsetWidth + 12).map((one) => one.offsetHeight + " " + one.scrollWidth + " " + one.offsetWidth));
      assert.deepEqual(broken, [], where);
      assert.deepEqual(wrong, [], where);
      await close();
    }
  }
});
