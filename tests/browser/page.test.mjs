// The page as people use it: by clicking and typing, by keyboard alone, on a phone.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, load, open, receiver, serve, setting, sign } from "./support.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

const row = (page, name) => page.locator(".row", { has: page.locator(".name", { hasText: new RegExp("^" + name.replaceAll(".", "\\.") + "$") }) });

test("a conversation from hello to the end of the agent", async (context) => {
  const { page, mock, hook, wrong } = await setting(browser, context, { args: ["--speed", "20"] });
  await page.getByRole("button", { name: "Start a chat" }).click();
  await page.getByLabel("Name").fill("Dinda");
  await page.getByLabel("First message").fill("hello");
  await page.getByRole("button", { name: "Start the chat" }).click();
  const messages = page.getByRole("log", { name: "Messages" });
  await messages.locator(".bubble.me", { hasText: "hello" }).waitFor();
  await messages.locator(".bubble.bot .choice", { hasText: "Order status" }).click();
  await messages.locator(".bubble.me", { hasText: "Order status" }).waitFor();
  await messages.locator(".bubble.bot").nth(1).waitFor();
  // The arrow brings back what was said last.
  const field = page.getByLabel("Message", { exact: true });
  await field.fill("is anybody there");
  assert.ok(await field.evaluate((box) => box.scrollHeight <= box.clientHeight), "it needs no scroll bar");
  await page.keyboard.press("Enter");
  await messages.locator(".bubble.me", { hasText: "is anybody there" }).waitFor();
  await field.press("ArrowUp");
  assert.equal(await field.inputValue(), "is anybody there");
  await field.fill("");
  await page.getByRole("button", { name: "Attach" }).click();
  await page.getByRole("menuitem", { name: "Send an image" }).click();
  await messages.locator(".bubble.me .file", { hasText: "image" }).waitFor();
  await page.getByRole("button", { name: "What the person does" }).click();
  await page.getByRole("menuitem", { name: "Ask for a human agent" }).click();
  await page.locator(".phase.transfer").waitFor();
  // The integrator's system takes the conversation, answers and ends it.
  const call_id = new URL(page.url()).searchParams.get("chat");
  await row(page, "session.transfer").waitFor();
  await mock.chatbot("/session/transfer_result", { call_id, result: "accepted", seat_id: "1001" });
  await page.locator(".phase.agent").waitFor();
  await mock.chatbot("/message/send", { call_id, seat_id: "1001", messages: [{ type: "text", text: "Hello, this is Sari." }] });
  const agent = messages.locator(".bubble.agent", { hasText: "Hello, this is Sari." });
  await agent.waitFor();
  assert.match(await agent.innerText(), /Agent 1001/);
  await field.fill("thank you");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await row(page, "agent.message").waitFor();
  await mock.chatbot("/session/end", { call_id, reason: "seat" });
  await messages.getByText("The conversation has ended").waitFor();
  await row(page, "session.end").waitFor();
  assert.ok(await field.isHidden());
  assert.ok(hook.got.every((callback) => callback.signature === sign(callback.body)));
  assert.deepEqual(wrong, []);
});

test("a row in full, sent again as it was and changed", async (context) => {
  const { page, mock, hook, wrong } = await setting(browser, context);
  await mock.control("POST", "/emit", { event: "session.transfer" });
  await row(page, "session.transfer").click();
  const detail = page.getByRole("region", { name: "Details" });
  await detail.getByRole("button", { name: "Exact" }).click();
  assert.equal(await detail.getByLabel("Body as it is").innerText(), hook.got[0].body);
  await detail.getByRole("tab", { name: /Attempts/ }).click();
  await detail.getByText("X-AIRudder-Sign").waitFor();
  await detail.getByRole("button", { name: "Resend", exact: true }).click();
  await detail.getByText("resent from 1").waitFor();
  assert.equal(hook.got[1].body, hook.got[0].body);
  await detail.getByRole("button", { name: "Edit and resend" }).click();
  const text = detail.getByLabel("The body to send");
  const changed = JSON.parse(await text.inputValue());
  changed.transfer.company = "Another Company";
  await text.fill("{ no JSON");
  assert.ok(await detail.getByRole("button", { name: "Sign and send" }).isDisabled());
  await text.fill(JSON.stringify(changed, null, 2));
  assert.match(await detail.locator(".d-in").innerText(), /Another Company/);
  await detail.getByRole("button", { name: "Sign and send" }).click();
  await detail.getByText("resent from 2").waitFor();
  const sent = hook.got[2];
  assert.equal(JSON.parse(sent.body).transfer.company, "Another Company");
  assert.equal(sent.signature, sign(sent.body), "it is signed anew");
  // The address opens the same view.
  const again = await open(browser, page.url());
  await again.page.getByText("Another Company").waitFor();
  await again.close();
  assert.deepEqual(wrong, []);
});

test("the walk of the manual: why a signature is wrong", async (context) => {
  // A receiver that parses the body and writes it anew before it verifies.
  const spaced = (body) => JSON.stringify(JSON.parse(body), null, 2);
  const answer = (callback) => (sign(spaced(callback.body)) === callback.signature ? [200, "{}"] : [401, '{"error":"bad signature"}']);
  const { page, mock, hook, wrong } = await setting(browser, context, { answer, args: ["--speed", "0"] });
  await mock.control("POST", "/emit", { event: "session.transfer" });
  const steps = readFileSync(new URL("../../docs/page.md", import.meta.url), "utf8").split("<!-- walk -->")[1].match(/^\d\. .*/gm);
  assert.equal(steps.length, 5, "the manual has a walk of five clicks");
  await page.getByRole("button", { name: "Problems" }).click();
  await row(page, "session.transfer").click();
  await page.getByRole("button", { name: "Why is the signature wrong?" }).click();
  await page.getByText("The signature is right.").waitFor();
  await page.getByLabel("The signature that your receiver computes").click();
  await page.getByLabel("The signature that your receiver computes").fill(sign(spaced(hook.got[0].body)));
  await page.getByRole("button", { name: "Explain" }).click();
  const why = page.locator(".result .verdict");
  await why.waitFor();
  assert.match(await why.innerText(), /made over the body .*JSON|JSON .*not over the bytes received/);
  assert.equal(await page.locator(".others .hit").count(), 1, "the table shows which mistake it is");
  await page.getByLabel("The signature that your receiver computes").fill(hook.got[0].signature);
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByText("That is the right signature.").waitFor();
  assert.deepEqual(wrong, []);
});

test("a callback that the vendor does not sign has no signature to look at", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { answer: () => [401, "{}"], args: ["--speed", "0"] });
  await mock.control("POST", "/emit", { event: "call.completed" });
  await page.getByRole("button", { name: "Problems" }).click();
  await row(page, "call.completed").click();
  await page.getByText("The vendor does not sign it").waitFor();
  await page.getByText("not signed", { exact: true }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Why is the signature wrong?" }).count(), 0);
  assert.equal(await page.getByRole("tab", { name: "Signature" }).count(), 0);
  assert.deepEqual(wrong, []);
});

test("the clock jumps, a fault is switched on and off, a callback is sent by hand", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { args: ["--speed", "0", "--epoch", "2030-01-01T00:00:00Z"] });
  await page.getByText("stands still").waitFor();
  await page.getByRole("button", { name: "Controls" }).click();
  await page.getByRole("button", { name: "+24h" }).click();
  await page.locator(".clock-text", { hasText: "2 Jan 2030" }).waitFor();
  assert.match((await mock.control("GET", "/clock")).now, /^2030-01-02/);
  await page.getByRole("button", { name: "×60" }).click();
  await page.locator(".top .mark", { hasText: "×60" }).waitFor();
  await page.getByLabel("What goes wrong").fill("503");
  await page.getByLabel("For which callbacks or requests").fill("auth.token");
  await page.getByRole("button", { name: "Add the fault" }).click();
  await page.locator(".badge", { hasText: "1 fault" }).waitFor();
  const token = () => fetch(mock.url + "/service/cloud/auth", { method: "POST", body: new URLSearchParams({ APPKey: "AIRudderMockKey0000001", APPSecret: "AIRudderMockSecret0001" }) });
  assert.equal((await token()).status, 503);
  await page.getByRole("switch").click();
  await page.locator(".badge").waitFor({ state: "detached" });
  assert.equal((await token()).status, 200);
  // What the page offers, the mock knows.
  for (const fault of await page.locator("#fault-names option").evaluateAll((all) => all.map((one) => one.value))) {
    const added = await mock.control("POST", "/faults", { fault: fault + " of *" });
    await mock.control("DELETE", "/faults/" + added.fault);
  }
  await page.getByLabel("What goes wrong").fill("signature-wrong attempts=5");
  await page.getByLabel("For which callbacks or requests").fill("session.*");
  await page.getByRole("button", { name: "Add the fault" }).click();
  await page.locator(".badge", { hasText: "1 fault" }).waitFor();
  await page.getByText("signature-wrong attempts=5 of session.*", { exact: true }).waitFor();
  await page.getByLabel("Event", { exact: true }).fill("session.end");
  await page.getByRole("button", { name: "Send it" }).click();
  await row(page, "session.end").click();
  await page.getByText("on purpose: signature-wrong").waitFor();
  await page.getByRole("tab", { name: "Signature" }).click();
  await page.getByText("The signature is wrong.").waitFor();
  assert.deepEqual(wrong, []);
});

test("a broken settings file is shown until it is mended", async (context) => {
  const mock = await serve(["--watch"], "secret = \"one\"\n");
  const { page, wrong, close } = await open(browser, mock.page);
  context.after(async () => { await close(); await mock.close(); });
  await page.getByText("live").waitFor();
  mock.change("secrte = \"two\"\n");
  await page.getByRole("alert").getByText("secrte").waitFor();
  mock.change("secret = \"one\"\n[[faults]]\ncall = \"auth.token\"\nstatus = 503\n");
  await page.getByRole("alert").waitFor({ state: "hidden" });
  await page.locator(".badge", { hasText: "1 fault" }).waitFor();
  assert.deepEqual(wrong, []);
});

test("by keyboard alone", async (context) => {
  const { page, mock, wrong } = await setting(browser, context);
  for (const event of ["session.transfer", "session.end", "agent.message"]) await mock.control("POST", "/emit", { event });
  await row(page, "agent.message").waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the timeline");
  await page.keyboard.press("Enter");
  await page.keyboard.press("/");
  await page.keyboard.type("event:session.*");
  // The arrows are for the list that was asked for.
  await row(page, "agent.message").waitFor({ state: "detached" });
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  const detail = page.getByRole("region", { name: "Details" });
  await detail.getByRole("heading", { name: /session\.end/ }).waitFor();
  await detail.getByRole("tab", { name: "Body" }).focus();
  await page.keyboard.press("ArrowLeft");
  await page.getByText("The signature is right.").waitFor();
  await page.keyboard.press("r");
  await detail.getByText("resent from 2").waitFor();
  await page.keyboard.press("Escape");
  assert.ok(await detail.isHidden());
  await page.keyboard.press("Control+`");
  await page.keyboard.type("mo");
  await page.getByRole("option", { name: /^move/ }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.type("b");
  await page.keyboard.press("Tab");
  await page.keyboard.type("1h");
  await page.keyboard.press("Enter");
  await page.getByRole("log", { name: "Answers" }).getByText('"arrived"').waitFor();
  await page.keyboard.press("Escape");
  assert.ok(await page.getByRole("log", { name: "Answers" }).isHidden());
  assert.deepEqual(wrong, []);
});

test("on a phone", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { width: 390, height: 780 });
  await mock.control("POST", "/chats", { write: "hello", name: "A name that is rather long for the width of a phone" });
  await row(page, "message.receive").click();
  await page.getByRole("tab", { name: "Signature" }).click();
  await page.getByText("The signature is right.").waitFor();
  const fits = async (where) => {
    const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= inner, `${where} is ${wide} wide`);
  };
  await fits("the signature");
  assert.ok((await page.getByRole("region", { name: "Details" }).boundingBox()).width > 380, "details take the whole width");
  await page.getByRole("button", { name: "Back to the list" }).click();
  for (const view of ["Phone", "Objects", "Stories", "Catalog", "Controls"]) {
    await page.getByRole("button", { name: view, exact: true }).click();
    await page.getByRole("region", { name: view }).waitFor();
    await fits(view);
  }
  await page.getByRole("button", { name: "Phone", exact: true }).click();
  await page.locator(".chat").first().click();
  await page.getByLabel("Message", { exact: true }).fill("on my way");
  await page.keyboard.press("Enter");
  await page.locator(".bubble.me", { hasText: "on my way" }).waitFor();
  await fits("a chat");
  assert.deepEqual(wrong, []);
});

test("a namespace has a page of its own", async (context) => {
  const { page, mock, wrong } = await setting(browser, context);
  await page.getByRole("button", { name: "Controls" }).click();
  await page.getByLabel("Name of a namespace").fill("mine");
  await page.getByRole("button", { name: "Add one" }).click();
  await mock.control("POST", "/emit", { event: "session.end" });
  await row(page, "session.end").waitFor();
  await page.getByRole("link", { name: "mine" }).click();
  await page.getByText("Nothing yet").waitFor();
  assert.match(await page.title(), /^mine/);
  await page.getByRole("button", { name: "Controls" }).click();
  await page.getByRole("button", { name: "mine" }).click();
  await page.getByRole("menuitem", { name: "The mock itself" }).click();
  await row(page, "session.end").waitFor();
  await page.getByRole("button", { name: "namespaces" }).click();
  await page.getByRole("menuitem", { name: "mine" }).click();
  await page.getByText("Nothing yet").waitFor();
  assert.deepEqual(wrong, []);
});

test("a story is begun with a variable, fails with its reason, and another is stopped", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { answer: () => [500, "{}"], args: ["--speed", "0"] });
  await page.getByRole("button", { name: "Stories" }).click();
  await page.getByText("None yet.").waitFor();
  await page.getByLabel("Find a scenario").fill("load-transfer");
  await page.locator(".scenario summary").click();
  await page.locator(".scenario").getByRole("button", { name: "Begin" }).click();
  const stories = page.getByRole("region", { name: "Begun" });
  await stories.locator(".story").waitFor();
  const text = 'name = "Mine"\nvars = { company = "Indonesia" }\n[[steps]]\nsend = "session.transfer"\nbody = { transfer = { company = "{{ company }}" } }\nexpect = { status = 204 }\n[delivery]\nattempts = 1\n';
  const file = { name: "mine.toml", mimeType: "application/toml", buffer: Buffer.from(text) };
  await page.getByLabel("A scenario file of yours").setInputFiles(file);
  await page.getByRole("button", { name: "Start this one" }).click();
  const mine = stories.locator(".story", { hasText: "Mine" });
  await mine.locator(".tag", { hasText: "failed" }).waitFor();
  await mine.locator(".failed", { hasText: "posted.toml:" }).waitFor();
  await mine.getByText("step 1 of 1").waitFor();
  await page.getByLabel("A scenario file of yours").setInputFiles({ ...file, buffer: Buffer.from('name = "Waits"\n[[steps]]\nawait = "chatbot.send_message"\n') });
  await page.getByRole("button", { name: "Start this one" }).click();
  const waits = stories.locator(".story", { hasText: "Waits" });
  await waits.getByText("await chatbot.send_message").waitFor();
  await waits.getByText("step 1 of 1").waitFor();
  await waits.getByRole("button", { name: "Stop" }).click();
  await waits.locator(".tag", { hasText: "stopped" }).waitFor();
  assert.equal((await mock.control("GET", "/stories")).stories[0].state, "stopped");
  await mine.getByRole("button", { name: "Wire" }).click();
  await row(page, "session.transfer").first().waitFor();
  assert.deepEqual(wrong, []);
});

test("a snapshot is taken, come back to, branched off from and taken elsewhere", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { args: ["--speed", "0"] });
  await page.getByRole("button", { name: "Controls" }).click();
  await page.getByLabel("Name of a snapshot").fill("empty");
  await page.getByRole("button", { name: "Take one" }).click();
  await mock.control("POST", "/emit", { event: "session.transfer" });
  await row(page, "session.transfer").waitFor();
  const one = page.locator("li", { hasText: "empty" });
  await one.getByRole("button", { name: "Restore" }).click();
  await row(page, "session.transfer").waitFor({ state: "detached" });
  assert.equal((await mock.control("GET", "/state")).callbacks.queued, 0);
  await one.getByRole("button", { name: "Branch" }).click();
  await page.getByRole("link", { name: "ns-1" }).waitFor();
  await mock.control("POST", "/emit", { event: "session.end" });
  await row(page, "session.end").waitFor();
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Export the present state" }).click();
  const path = await (await download).path();
  await page.getByRole("button", { name: "Reset to the beginning" }).click();
  await page.getByRole("button", { name: "Really?" }).click();
  await row(page, "session.end").waitFor({ state: "detached" });
  await page.getByLabel("An exported state").setInputFiles({ name: "state.json", mimeType: "application/json", buffer: readFileSync(path) });
  await page.getByRole("button", { name: "Import" }).click();
  await page.getByText("It has the state of the file").waitFor();
  assert.equal((await mock.control("GET", "/state")).callbacks.queued, 1);
  assert.deepEqual(wrong, []);
});

test("a call rings and is answered; an agent takes a break; what was relied on is shown", async (context) => {
  const { page, mock, hook, wrong } = await setting(browser, context, { args: ["--speed", "0"] });
  const post = async (path, body, token) => {
    const response = await fetch(mock.url + path, { method: "POST", headers: { "content-type": "application/json", ...(token && { authorization: "Token " + token }) }, body: JSON.stringify(body) });
    return response.json();
  };
  const credentials = { APPKey: "AIRudderMockKey0000001", APPSecret: "AIRudderMockSecret0001" };
  const { token } = (await post("/service/cloud/auth", credentials)).data;
  await post("/service/cloud/task", { TaskName: "July", RobotID: "Welcome call", Nonsense: 1, Details: [{ Mobile: "+6281112340001" }] }, token);
  const call = page.locator(".call", { hasText: "+6281112340001" });
  await call.getByRole("button", { name: "Answer" }).click();
  await page.getByRole("menuitem", { name: "Talk, and decline (F)" }).click();
  await call.getByText("on the phone").waitFor();
  await mock.control("POST", "/clock", { by: "8s" });
  await call.getByRole("log", { name: /Conversation with/ }).locator(".bubble").nth(1).waitFor();
  await mock.control("POST", "/clock", { by: "1h" });
  const [told] = (await mock.control("GET", "/journal?kind=queued&event=call.completed")).entries;
  assert.equal(JSON.parse(told.body).Intention, "F");
  const dialer = (await post("/service/callcenter/call/predict/auth", credentials)).body.token;
  await post("/service/callcenter/call/predict/createtask", { taskName: "evening", startTime: "", groupName: "Customer care", callback: Buffer.from(hook.url).toString("base64"), customizeContacts: [{ PhoneNumber: "+6281112300001", name: "Budi", mock_outcome: "no_answer" }] }, dialer);
  await mock.control("POST", "/clock", { by: "1s" });
  await page.getByRole("button", { name: "Objects" }).click();
  await page.getByRole("button", { name: "Break" }).first().click();
  await page.locator(".tag", { hasText: "on a break" }).waitFor();
  await page.getByRole("button", { name: "Catalog" }).click();
  await page.getByText("Your fields that nothing reads").click();
  await page.getByText("Nonsense").first().waitFor();
  await page.getByText("Current settings").click();
  await page.getByText("hmac-sha256").waitFor();
  assert.deepEqual(wrong, []);
});

test("objects with how far they are, calls with what was said, the catalog with its fields", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { args: ["--speed", "0"] });
  const post = async (path, body, token) => {
    const response = await fetch(mock.url + path, { method: "POST", headers: { "content-type": "application/json", ...(token && { authorization: "Token " + token }) }, body: JSON.stringify(body) });
    return (await response.json()).data;
  };
  const { token } = await post("/service/cloud/auth", { APPKey: "AIRudderMockKey0000001", APPSecret: "AIRudderMockSecret0001" });
  const { TaskID } = await post("/service/cloud/task", { TaskName: "July", RobotID: "Welcome call", Details: [{ Mobile: "+6281112349011" }] }, token);
  await page.getByRole("button", { name: "Objects" }).click();
  const task = page.locator(".thing", { hasText: "July" });
  await task.getByText("0 / 1").waitFor();
  await mock.control("POST", "/clock", { by: "1h" });
  await task.getByText("1 / 1").waitFor();
  await task.locator("summary").click();
  await task.getByText("connected 1").waitFor();
  await task.getByRole("button", { name: "Wire" }).click();
  assert.equal(new URL(page.url()).searchParams.get("of"), TaskID);
  await row(page, "task.create").waitFor();
  await row(page, "task.finished").waitFor();
  // It has nothing to do with the task, and stands there until the list is a new one.
  await row(page, "auth.token").waitFor({ state: "detached" });
  await row(page, "call.completed").click();
  await page.getByRole("log", { name: "What was said" }).locator(".bubble").nth(1).waitFor();
  await page.getByLabel("Recording").waitFor();
  await page.getByRole("button", { name: "Catalog" }).click();
  await page.getByLabel("Find in the catalog").fill("task.create");
  await page.locator(".thing summary", { hasText: "task.create" }).click();
  await page.locator(".field-list").first().getByText("TaskName", { exact: true }).waitFor();
  assert.deepEqual(wrong, []);
});

test("a workflow is drawn with its ways and the rows at each node", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { args: ["--speed", "0"] });
  const post = async (path, body, token) => {
    const response = await fetch(mock.url + path, { method: "POST", headers: { "content-type": "application/json", ...(token && { authorization: "Token " + token }) }, body: JSON.stringify(body) });
    return (await response.json()).data;
  };
  const { token } = await post("/service/cloud/auth", { APPKey: "AIRudderMockKey0000001", APPSecret: "AIRudderMockSecret0001" });
  const details = Array.from({ length: 30 }, (_, at) => ({ callee: "+62811123450" + (10 + at), case_id: "case " + at, variables: at % 2 ? { mock_outcome: "no_answer" } : {} }));
  const { workflow_id } = await post("/service/cloud/workflow/createinstance", { workflow_template_id: 1001, name: "July", end_time: "2199-01-01 00:00:00+08:00", auto_finish: 1, details }, token);
  await page.getByRole("button", { name: "Objects" }).click();
  const flow = page.locator(".thing", { hasText: workflow_id });
  await flow.locator("summary").first().click();
  const drawing = flow.getByRole("img", { name: /^The flow\. Voice call: 30 here, 0 went on; / });
  await drawing.waitFor();
  assert.equal(await drawing.locator(".node").count(), 5);
  assert.equal(await drawing.locator(".when").allInnerTexts().then((all) => all.length), 3);
  await flow.getByText("Node by node").click();
  await flow.locator(".rows-here", { hasText: "+6281112345010" }).waitFor();
  await mock.control("POST", "/clock", { by: "2h" });
  await flow.getByRole("img", { name: /Voice call: 0 here, 30 went on/ }).waitFor();
  assert.ok(await flow.locator(".way.gone").count() >= 2);
  await flow.getByRole("button", { name: "Wire" }).click();
  // What made it is the first of many rows, of which only those in sight are there.
  await page.getByRole("listbox", { name: "Requests and callbacks" }).evaluate((list) => { list.scrollTop = 0; });
  await row(page, "workflow.create").waitFor();
  await row(page, "workflow.call_completed").first().waitFor();
  assert.deepEqual(wrong, []);
});

test("an empty wire says how to begin", async (context) => {
  const mock = await serve();
  const { page, wrong, close } = await open(browser, mock.page);
  context.after(async () => { await close(); await mock.close(); });
  await page.locator(".empty .first").last().waitFor();
  const [address, request] = await page.locator(".empty .first").allInnerTexts();
  assert.equal(address, mock.url);
  const [, url, ...fields] = /^curl -s (\S+) -d (\S+) -d (\S+)$/.exec(request);
  const token = await (await fetch(url, { method: "POST", body: new URLSearchParams(fields.map((field) => field.split("="))) })).json();
  assert.ok(token.data.token, JSON.stringify(token));
  await row(page, "auth.token").waitFor();
  assert.equal(await page.locator(".empty .first:visible").count(), 0);
  assert.deepEqual(wrong, []);
});

test("a fault that is used up is no longer in force", async (context) => {
  const { page, mock, wrong } = await setting(browser, context);
  await mock.control("POST", "/faults", { fault: "signature-wrong of session.end, first 1" });
  await page.reload();
  await page.locator(".badge", { hasText: "1 fault" }).waitFor();
  await mock.control("POST", "/emit", { event: "session.end" });
  await row(page, "session.end").waitFor();
  await page.locator(".badge").waitFor({ state: "detached" });
  assert.deepEqual(wrong, []);
});

test("a small phone shows all of the wire's head", async (context) => {
  const { page, mock, wrong } = await setting(browser, context, { width: 360, height: 740, answer: () => [401, "{}"] });
  for (let times = 0; times < 3; times += 1) await mock.control("POST", "/emit", { event: "session.end" });
  await page.locator(".segments .count").last().waitFor();
  const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= inner, `${wide} wide`);
  assert.deepEqual(wrong, []);
});

test("what is in force stands in the header", async (context) => {
  const mock = await serve([], "strict = \"strict\"\n[[faults]]\ncall = \"auth.token\"\nstatus = 503\n[catalog.\"session.end\"]\nevent = \"over\"\n");
  const { page, wrong, close } = await open(browser, mock.page);
  context.after(async () => { await close(); await mock.close(); });
  for (const badge of ["1 fault", "1 correction", "strict"]) await page.locator(".badge", { hasText: badge }).waitFor();
  await page.locator(".badge", { hasText: "1 correction" }).click();
  await page.getByRole("region", { name: "Catalog" }).waitFor();
  assert.deepEqual(wrong, []);
});

test("a load is seen as it goes, and its last figures when it is over", async (context) => {
  const hook = await receiver((callback, number) => (number % 4 === 0 ? [503, "{}"] : [200, "{}"]));
  const running = await load(hook, ["--rate", "40/s", "--duration", "60s"]);
  const { page, wrong, close } = await open(browser, running.page);
  context.after(async () => { await close(); await running.close(); await hook.close(); });
  const pane = page.getByRole("region", { name: "Load", exact: true });
  await pane.getByText("answered otherwise").waitFor();
  await pane.getByText("40/s").first().waitFor();
  await pane.getByRole("img", { name: /^Events per second: planned / }).locator(".stroke").nth(2).waitFor({ state: "attached" });
  const ok = async () => Number((await pane.locator(".sum", { hasText: /ok$/ }).locator("strong").innerText()).replace(",", ""));
  const before = await ok();
  await page.waitForFunction((before) => Number([...document.querySelectorAll(".load .sum")].find((one) => one.textContent.endsWith("ok")).querySelector("strong").textContent.replace(",", "")) > before, before);
  await page.getByText("A load keeps no journal").waitFor();
  await running.close();
  await pane.getByText("these were its last figures").waitFor();
  assert.ok(await ok() > before);
  assert.deepEqual(wrong, []);
});

test("a mock of its own says nothing of a load", async (context) => {
  const { page, wrong } = await setting(browser, context);
  await page.getByText("live").waitFor();
  assert.ok(await page.locator(".view-load").isHidden());
  assert.deepEqual(wrong, []);
});

test("what is searched for may have any sign, also after a reload", async (context) => {
  const { page, mock, wrong } = await setting(browser, context);
  await mock.control("POST", "/emit", { event: "session.transfer" });
  await row(page, "session.transfer").waitFor();
  const search = page.getByLabel("Search the wire");
  for (const text of ["status:(", "status:[4", "event:(", "status:2xx"]) {
    await search.fill(text);
    await row(page, "session.transfer").waitFor({ state: text === "status:2xx" ? "visible" : "detached" });
  }
  await search.fill("status:(");
  await row(page, "session.transfer").waitFor({ state: "detached" });
  await page.reload();
  await page.getByLabel("Search the wire").fill("");
  await row(page, "session.transfer").waitFor();
  assert.deepEqual(wrong, []);
});
