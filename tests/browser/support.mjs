// A mock, a receiver and a browser for the tests.

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const PROGRAM = process.env.AIRUDDER_MOCK_BIN ?? new URL("../../target/debug/airudder-mock", import.meta.url).pathname;
const BROWSERS = [process.env.AIRUDDER_MOCK_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const SECRET = "airudder-mock-secret";
const SIGN_KEY = "a17d0de2a17d0de2a17d0de2a17d0de2";

export const sign = (body, secret = SECRET) => createHmac("sha256", secret).update(body).digest("hex");

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--enable-precise-memory-info",
];

/** A browser with a profile of its own. */
export async function launch() {
  const executablePath = BROWSERS.find((path) => path && existsSync(path));
  if (!executablePath) throw new Error("no Chromium is here: install it, or name it in AIRUDDER_MOCK_CHROMIUM");
  return chromium.launch({ executablePath, args: FLAGS });
}

/** Whoever gets the callbacks: keeps them, and answers as it is told. */
export async function receiver(answer = () => [200, "{}"]) {
  const got = [];
  const server = createServer(async (request, response) => {
    const parts = [];
    // Some requests are cut off on purpose.
    try { for await (const part of request) parts.push(part); } catch { return; }
    const body = Buffer.concat(parts);
    const callback = { body: body.toString(), signature: request.headers["x-airudder-sign"], event: undefined };
    try { callback.event = JSON.parse(callback.body).event; } catch { /* It has none. */ }
    got.push(callback);
    const [status, text] = answer(callback, got.length);
    response.writeHead(status, { "content-type": "application/json" }).end(text);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    got,
    url: `http://127.0.0.1:${server.address().port}/hook`,
    close: () => new Promise((closed) => { server.close(closed); server.closeAllConnections(); }),
  };
}

/** A running mock, at a free port or at the one of an earlier mock. */
export async function serve(args = [], settings = "", { port = 0 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "airudder-mock-page-"));
  const file = join(folder, "url");
  const settingsFile = join(folder, "airudder-mock.toml");
  if (settings) writeFileSync(settingsFile, settings);
  const process_ = spawn(PROGRAM, ["serve", "--listen", `127.0.0.1:${port}`, "--url-file", file, "--seed", "3", ...args], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  for (let tries = 0; !existsSync(file); tries += 1) {
    if (tries > 400 || process_.exitCode !== null) throw new Error("the mock did not start");
    await new Promise((soon) => setTimeout(soon, 25));
  }
  const url = readFileSync(file, "utf8").trim();
  const control = async (method, path, fields) => {
    const response = await fetch(url + "/_mock" + path, {
      method, headers: { "content-type": "application/json" }, body: method === "POST" ? JSON.stringify(fields ?? {}) : undefined,
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.message);
    return answer;
  };
  return {
    url,
    page: url + "/_mock/",
    /** Changes its settings file. */
    change: (text) => writeFileSync(settingsFile, text),
    control,
    /** A request to the chatbot, as the integrator's system signs it. */
    chatbot: async (path, fields) => {
      const body = JSON.stringify(fields);
      const response = await fetch(url + "/api/v1" + path, {
        method: "POST", body, headers: { "content-type": "application/json", "X-AIRudder-Sign-Key": SIGN_KEY, "X-AIRudder-Sign": sign(body) },
      });
      return response.json();
    },
    close: async () => {
      const ended = new Promise((end) => process_.once("exit", end));
      if (process_.exitCode === null) { process_.kill("SIGINT"); await ended; }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A load that runs, with a mock beside it. */
export async function load(hook, args = []) {
  const folder = mkdtempSync(join(tmpdir(), "airudder-mock-load-"));
  const file = join(folder, "url");
  const story = new URL("../../scenarios/load-transfer.toml", import.meta.url).pathname;
  const process_ = spawn(PROGRAM, ["load", story, "--callback-url", hook.url, "--listen", "127.0.0.1:0", "--url-file", file, "--quiet", ...args], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  for (let tries = 0; !existsSync(file); tries += 1) {
    if (tries > 400 || process_.exitCode !== null) throw new Error("the load did not start");
    await new Promise((soon) => setTimeout(soon, 25));
  }
  return {
    page: readFileSync(file, "utf8").trim() + "/_mock/",
    close: async () => {
      const ended = new Promise((end) => process_.once("exit", end));
      if (process_.exitCode === null) { process_.kill("SIGINT"); await ended; }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A page that notes what must never happen: errors, violations of the policy, requests to elsewhere, dialogs. */
export async function open(browser, url, { width = 1440, height = 900, dark = false, scale = 1 } = {}) {
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: dark ? "dark" : "light", deviceScaleFactor: scale, locale: "en-GB", timezoneId: "UTC",
  });
  const page = await context.newPage();
  // During work on the page its files come from a folder, so that the program need not be built for each change.
  const folder = process.env.AIRUDDER_MOCK_ASSETS;
  if (folder) await page.route("**/_mock/assets/*", (route) => route.fulfill({ path: join(folder, new URL(route.request().url()).pathname.split("/").pop()) }));
  const wrong = [];
  const sizes = new Map();
  page.on("pageerror", (error) => wrong.push(error.stack));
  page.on("console", (message) => { if (["error", "warning"].includes(message.type()) && !/status of 4\d\d|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED/.test(message.text())) wrong.push(message.text()); });
  page.on("dialog", (dialog) => { wrong.push("a dialog: " + dialog.message()); dialog.dismiss(); });
  page.on("request", (request) => {
    if (!/^(data|file):/.test(request.url()) && new URL(request.url()).origin !== new URL(url).origin) wrong.push("a request to " + request.url());
  });
  page.on("response", async (response) => {
    if (/\/assets\/|\/_mock\/(\?|$)/.test(response.url())) sizes.set(response.url(), (await response.body().catch(() => Buffer.alloc(0))).length);
  });
  await page.goto(url);
  page.setDefaultTimeout(10_000);
  return { page, wrong, sizes, close: () => context.close() };
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The serious violations of accessibility that there are on a page now. */
export async function violations(page) {
  await page.waitForTimeout(250);
  // In the page's own world its policy would refuse the checker.
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId: contextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
  await session.send("Runtime.evaluate", { expression: axe, contextId });
  const expression = "axe.run(document).then((r) => JSON.stringify([r.passes.length, r.violations.map((v) => [v.id, v.impact, v.nodes.map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? ''))])]))";
  const { result } = await session.send("Runtime.evaluate", { expression, contextId, awaitPromise: true });
  const [passes, found] = JSON.parse(result.value);
  if (passes < 10) throw new Error(`only ${passes} rules were looked at`);
  return found.filter(([, impact]) => ["serious", "critical"].includes(impact)).map(([id, , nodes]) => id + " " + nodes.slice(0, 3).join(" | "));
}

/** A mock with a receiver, and its page, all closed after the test. */
export async function setting(browser, context, { args = [], answer, path = "", ...view } = {}) {
  const hook = await receiver(answer);
  const mock = await serve(["--callback-url", hook.url, ...args]);
  const shown = await open(browser, mock.page + path, view);
  context.after(async () => {
    await shown.close();
    await mock.close();
    await hook.close();
  });
  return { ...shown, mock, hook };
}
