// The trace of a run: opens from disk, shows at once what failed, and is small.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, test } from "node:test";
import { launch, open, PROGRAM, violations } from "./support.mjs";

let browser, folder;
before(async () => {
  browser = await launch();
  folder = mkdtempSync(join(tmpdir(), "airudder-mock-trace-"));
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a story and gives the exit code. */
function run(story, ...flags) {
  writeFileSync(join(folder, "story.toml"), story);
  return new Promise((done) => {
    const args = ["run", "story.toml", "--speed", "max", "--seed", "7", "--quiet", "--trace", "trace.html", ...flags];
    execFile(PROGRAM, args, { cwd: folder }, (error) => done(error?.code ?? 0));
  });
}

const trace = () => join(folder, "trace.html");

test("a failed run says at once what failed", async () => {
  const hostile = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>\\u202e";
  const story = `name = "Agent transfer ${hostile}"
keep_going = true
[[steps]]
send = "session.transfer"
body = { transfer = { company = "${hostile}" } }
expect = { status = 418 }
[[steps]]
send = "session.end"
`;
  assert.equal(await run(story, "--trace-on-failure"), 1);
  const { page, wrong, close } = await open(browser, pathToFileURL(trace()).href);
  await page.getByText("The run has failed.").waitFor();
  const failure = page.locator(".failure");
  assert.match(await failure.innerText(), /418/);
  assert.match(await failure.innerText(), /story\.toml:3/);
  assert.deepEqual(await violations(page), []);
  // It stands open beside the timeline.
  await page.getByRole("region", { name: "Details" }).getByText("418").first().waitFor();
  await page.locator(".row.out", { hasText: "session.transfer" }).click();
  await page.getByRole("tab", { name: "Signature" }).click();
  await page.getByText("The signature is right.").waitFor();
  await page.locator(".told summary").first().click();
  await page.getByLabel("Search the wire").fill("event:session.end");
  await page.locator(".timeline[data-total='1']").waitFor();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.locator("img").count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test("a run that passes leaves no trace, if it is for failures only", async () => {
  rmSync(trace(), { force: true });
  const story = 'name = "Passes"\n[[steps]]\nsend = "session.end"\n';
  assert.equal(await run(story, "--trace-on-failure"), 0);
  assert.ok(!existsSync(trace()));
  assert.equal(await run(story), 0);
  const { page, close } = await open(browser, pathToFileURL(trace()).href);
  await page.getByText("The run has passed.").waitFor();
  await close();
});

test("a thousand events take less than 1 MB, and secrets are masked", async () => {
  const story = 'name = "Many"\n[[steps]]\nsend = "message.receive"\nrepeat = 1000\n';
  assert.equal(await run(story, "--secret", "a secret of ours"), 0);
  const size = statSync(trace()).size;
  assert.ok(size < 1 << 20, `${size} bytes`);
  assert.ok(!readFileSync(trace(), "utf8").includes("a secret of ours"));
  const { page, wrong, close } = await open(browser, pathToFileURL(trace()).href);
  await page.locator(".timeline[data-total]").waitFor();
  assert.ok(Number(await page.locator(".timeline").getAttribute("data-total")) >= 1000);
  assert.deepEqual(wrong, []);
  await close();
});
