// What holds of the page however it is used: accessible, small, quick, and at home.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, load, open, receiver, serve, violations } from "./support.mjs";

let browser, mock, hook;
before(async () => {
  browser = await launch();
  hook = await receiver((callback) => (callback.event === "session.end" ? [401, '{"error":"bad signature"}'] : [200, "{}"]));
  mock = await serve(["--callback-url", hook.url, "--speed", "20"]);
  const { conversation } = await mock.control("POST", "/chats", { write: "hello", name: "Dinda" });
  await mock.control("POST", "/emit", { event: "session.transfer", conversation });
  await mock.control("POST", "/emit", { event: "session.end" });
  const ask = async (path, body, token) => (await (await fetch(mock.url + path, { method: "POST", headers: { "content-type": "application/json", ...(token && { authorization: "Token " + token }) }, body: JSON.stringify(body) })).json()).data;
  const { token } = await ask("/service/cloud/auth", { APPKey: "AIRudderMockKey0000001", APPSecret: "AIRudderMockSecret0001" });
  await ask("/service/cloud/workflow/createinstance", { workflow_template_id: 1001, name: "July", end_time: "2199-01-01 00:00:00+08:00", auto_finish: 1, details: [{ callee: "+6281112345010", case_id: "1", variables: {} }] }, token);
  await mock.control("POST", "/faults", { fault: { call: "task.create", status: 503 } });
  await mock.control("POST", "/clock", { by: "10m" });
});
after(async () => {
  await browser?.close();
  await mock?.close();
  await hook?.close();
});

for (const [name, view] of [["light", {}], ["dark", { dark: true }], ["phone", { width: 390, height: 780 }]]) {
  test(`no serious violation of accessibility, ${name}`, async () => {
    const { page, wrong, close } = await open(browser, mock.page, view);
    const found = [];
    const check = async (where) => found.push(...(await violations(page)).map((one) => where + ": " + one));
    await page.locator(".row.out").last().waitFor();
    await check("timeline");
    await page.getByRole("button", { name: "Group" }).click();
    await check("groups");
    await page.getByRole("button", { name: "Group" }).click();
    await page.locator(".row.out.wrong").first().click();
    for (const tab of [/Body/, /Attempts/, /Signature/]) {
      await page.getByRole("tab", { name: tab }).click();
      if (tab.source === "Signature") await page.getByText("Results of the usual mistakes").waitFor();
      await check("detail " + tab.source);
    }
    await page.getByRole("button", { name: "Edit and resend" }).click();
    await check("edit");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Objects", exact: true }).click();
    await page.locator(".thing", { hasText: "July" }).last().locator("summary").first().click();
    await page.locator(".graph").waitFor();
    await check("workflow");
    for (const pane of ["Objects", "Stories", "Catalog", "Controls", "Phone"]) {
      await page.getByRole("button", { name: pane, exact: true }).click();
      await check(pane);
    }
    await page.locator(".chat").first().click();
    await check("chat");
    await page.getByRole("button", { name: "What the person does" }).click();
    await check("menu");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+`");
    await check("shell");
    assert.deepEqual(found, []);
    assert.deepEqual(wrong, []);
    for (const landmark of ["banner", "main", "navigation"]) assert.ok(await page.getByRole(landmark).count() >= 1, landmark);
    await close();
  });
}

test("no serious violation of accessibility in a load", async () => {
  const running = await load(hook, ["--rate", "20/s", "--duration", "60s"]);
  for (const view of [{}, { dark: true }, { width: 390, height: 780 }]) {
    const { page, wrong, close } = await open(browser, running.page, view);
    await page.locator(".load .stroke").nth(2).waitFor({ state: "attached" });
    assert.deepEqual(await violations(page), []);
    const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= inner, `${wide} wide`);
    assert.deepEqual(wrong, []);
    await close();
  }
  await running.close();
});

test("small, quick, and nothing from elsewhere", async () => {
  await fetch(mock.page, { headers: { accept: "text/html" } });
  const began = performance.now();
  const response = await fetch(mock.page, { headers: { accept: "text/html" } });
  const first = performance.now() - began;
  assert.ok(first < 100, `${first} ms to the first byte`);
  const policy = response.headers.get("content-security-policy");
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  const { page, wrong, sizes, close } = await open(browser, mock.page);
  await page.locator(".row.out").first().waitFor();
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  assert.ok(sizes.size > 10 && total > 20_000 && total < 300 << 10, `${sizes.size} files, ${total} bytes`);
  // What the policy is for: a script of elsewhere is not run.
  const ran = await page.evaluate(() => new Promise((done) => {
    document.addEventListener("securitypolicyviolation", () => done(false));
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    setTimeout(() => done(window.ran === true), 500);
  }));
  assert.equal(ran, false);
  assert.deepEqual(wrong.filter((text) => !text.includes("inline script")), []);
  await close();
});

test("hostile texts are texts", async () => {
  const { page, wrong, close } = await open(browser, mock.page);
  const script = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
  const turned = "safe\u202egpj.exe";
  const huge = "A".repeat((1 << 20) - 100);
  for (const name of [script, turned, huge, "\u001b[31mred", "{{7*7}}"]) {
    const { conversation } = await mock.control("POST", "/chats", { name });
    await mock.control("POST", "/user", { conversation, write: name.slice(0, 500_000) });
    await mock.control("POST", "/emit", { event: "session.transfer", conversation, body: { [script]: name.slice(0, 500_000) } });
  }
  await fetch(mock.url + "/service/cloud/" + encodeURIComponent(script), { method: "POST", body: script, headers: { "content-type": "text/plain", "x-<b>": script } }).catch(() => {});
  await page.locator(".row.out").last().waitFor();
  await page.waitForTimeout(500);
  const chats = await page.locator(".chat").count();
  for (let at = 0; at < Math.min(5, chats); at += 1) {
    await page.locator(".chat").nth(at).click();
    await page.locator(".bubble.me").first().waitFor();
    await page.getByRole("button", { name: "Back to the chats" }).click();
    await page.locator(".chat").first().waitFor();
  }
  for (const key of ["End", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp"]) {
    await page.getByRole("listbox", { name: "Requests and callbacks" }).press(key);
    await page.keyboard.press("Enter");
    await page.waitForTimeout(60);
  }
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.locator("img, script:not([src]), b").count(), 0);
  assert.ok(!(await page.evaluate(() => document.body.innerText)).includes("\u202e"), "what turns text around is written out");
  const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= inner, `${wide} wide`);
  assert.deepEqual(wrong, []);
  await close();
});
