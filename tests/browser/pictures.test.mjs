// The pictures of the README: made here, so that they show what is there. `UPDATE_PICTURES=1` writes them anew.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, load, open, receiver, serve } from "./support.mjs";

const wanted = !!process.env.UPDATE_PICTURES;

test("pictures, light, dark and on a phone", async (context) => {
  const folder = wanted ? fileURLToPath(new URL("../../docs/images/", import.meta.url)) : mkdtempSync(join(tmpdir(), "airudder-mock-pictures-"));
  const browser = await launch();
  const hook = await receiver((callback) => (callback.event === "session.end" ? [401, '{"error":"bad signature"}'] : [200, "{}"]));
  const mock = await serve(["--callback-url", hook.url, "--speed", "0", "--epoch", "2030-01-07T09:30:00Z"]);
  context.after(async () => {
    await browser.close();
    await mock.close();
    await hook.close();
    if (!wanted) rmSync(folder, { recursive: true, force: true });
  });
  const pass = (by) => mock.control("POST", "/clock", { by });
  const say = async (act) => { await mock.control("POST", "/user", { conversation, ...act }); await pass("20s"); };
  const { conversation } = await mock.control("POST", "/chats", { name: "Dinda Larasati", number: "+6281234567890", write: "Hi, where is my parcel?" });
  await pass("20s");
  await say({ write: "order status" });
  await mock.chatbot("/template/send", { template_id: 35, language: "id", to: ["+6281112349060", "+6281112349063", "+6281112349065"] });
  await pass("40s");
  await say({ ask_for_agent: true });
  await mock.chatbot("/session/transfer_result", { call_id: conversation, result: "accepted", seat_id: "1001" });
  await pass("5s");
  await mock.chatbot("/message/send", { call_id: conversation, seat_id: "1001", messages: [{ type: "text", text: "Hello Dinda, this is Sari. Your parcel arrives tomorrow before noon." }] });
  await pass("5s");
  await say({ write: "Perfect, thank you!" });
  await mock.control("POST", "/emit", { event: "session.end" });
  await pass("1s");
  const shoot = async (name, view, prepare) => {
    const { page, wrong, close } = await open(browser, `${mock.page}?chat=${conversation}${view.query ?? ""}`, view);
    await page.locator(view.width < 500 ? ".bubble" : ".row.out").first().waitFor();
    await prepare?.(page);
    await page.waitForTimeout(400);
    const path = join(folder, name + ".png");
    await page.screenshot({ path });
    assert.ok(statSync(path).size > 10_000 && statSync(path).size < 200_000, `${name}: ${statSync(path).size} bytes`);
    assert.deepEqual(wrong, []);
    await close();
  };
  await shoot("page-light", { width: 1240, height: 740 });
  await shoot("page-dark", { width: 1240, height: 740, dark: true, query: "&show=bad" }, async (page) => {
    await page.locator(".row.out.wrong").last().click();
    await page.getByRole("button", { name: "Why is the signature wrong?" }).click();
    await page.getByText("The signature is right.").waitFor();
  });
  await shoot("page-phone", { width: 390, height: 720, query: "&view=phone" });
  // The views of the manual.
  const ask = async (path, body, token) => (await (await fetch(mock.url + path, { method: "POST", headers: { "content-type": "application/json", ...(token && { authorization: "Token " + token }) }, body: JSON.stringify(body) })).json()).data;
  const { token } = await ask("/service/cloud/auth", { APPKey: "AIRudderMockKey0000001", APPSecret: "AIRudderMockSecret0001" });
  await ask("/service/cloud/workflow/createinstance", {
    workflow_template_id: 1001, name: "July reminders", end_time: "2199-01-01 00:00:00+08:00", auto_finish: 1,
    details: Array.from({ length: 40 }, (_, at) => ({ callee: "+62811123450" + (10 + at), case_id: "case " + at, variables: at % 3 ? {} : { mock_outcome: "no_answer" } })),
  }, token);
  await pass("45s");
  await shoot("page-workflow", { width: 1240, height: 740, query: "&view=objects&q=event:workflow.*" }, async (page) => {
    const flow = page.locator(".thing", { hasText: "July reminders" }).last();
    await flow.locator("summary").first().click();
    await flow.evaluate((element) => element.scrollIntoView());
  });
  await mock.control("POST", "/snapshots", { name: "before the campaign" });
  await mock.control("POST", "/snapshots", { name: "everything paid" });
  await mock.control("POST", "/namespaces", { name: "ci-7" });
  await mock.control("POST", "/faults", { fault: "signature-wrong of session.*, first 1" });
  await shoot("page-snapshots", { width: 1240, height: 740, query: "&view=controls", dark: true }, async (page) => {
    await page.getByRole("heading", { name: "Snapshots" }).evaluate((element) => element.scrollIntoView());
  });
  for (const text of [
    'name = "Agent answers in time"\n[[steps]]\nsend = "session.transfer"\n[[steps]]\nawait = "chatbot.send_message"\nwithin = "30s"\n',
    'name = "Refused"\nkeep_going = true\n[[steps]]\nsend = "session.transfer"\nexpect = { status = 204 }\n',
  ]) await mock.control("POST", "/stories", { text });
  await pass("1s");
  await shoot("page-stories", { width: 1240, height: 740, query: "&view=stories" });
});

test("a picture of a load", async (context) => {
  const folder = wanted ? fileURLToPath(new URL("../../docs/images/", import.meta.url)) : mkdtempSync(join(tmpdir(), "airudder-mock-pictures-"));
  const browser = await launch();
  const hook = await receiver((_, number) => (number % 60 === 0 ? [503, "{}"] : [200, "{}"]));
  const running = await load(hook, ["--rate", "20/s..120/s", "--duration", wanted ? "20s" : "6s"]);
  context.after(async () => {
    await browser.close();
    await running.close();
    await hook.close();
    if (!wanted) rmSync(folder, { recursive: true, force: true });
  });
  const { page, wrong, close } = await open(browser, running.page, { width: 1240, height: 740 });
  await page.waitForFunction((seconds) => Number.parseInt(document.querySelector(".load .numbers")?.textContent ?? "0") >= seconds, wanted ? 16 : 3, { timeout: 30_000 });
  await page.screenshot({ path: join(folder, "page-load.png") });
  assert.deepEqual(wrong, []);
  await close();
});
