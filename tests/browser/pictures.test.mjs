// The pictures of the README: made here, so that they show what is there. `UPDATE_PICTURES=1` writes them anew.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, open, receiver, serve } from "./support.mjs";

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
});
