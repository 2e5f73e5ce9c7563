// Examples to copy. No test sleeps, and all may run at once.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { MockError, NotMet, start } from "../index.js";

let mock;
before(async () => {
  mock = await start();
});
after(() => mock.stop());

/** A receiver that remembers callbacks with their signature. */
async function receiving(work) {
  const callbacks = [];
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      callbacks.push({ raw: Buffer.concat(parts), sign: request.headers["x-airudder-sign"] });
      response.end("{}");
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const airudder = await mock.namespace({ callback_url: `http://127.0.0.1:${server.address().port}/hook` });
  try {
    await work(airudder, callbacks);
  } finally {
    await airudder.remove();
    server.closeAllConnections();
    server.close();
  }
}

/** A request to the vendor's endpoints, as your client sends it. */
async function call(airudder, method, path, { fields, token } = {}) {
  const response = await fetch(airudder.baseUrl + path, {
    method,
    headers: { "content-type": "application/json", ...(token && { authorization: `Token ${token}` }) },
    body: fields && JSON.stringify(fields),
  });
  return { status: response.status, answer: await response.json() };
}

async function token(airudder) {
  const fields = { APPKey: airudder.appKey, APPSecret: airudder.appSecret };
  return (await call(airudder, "POST", "/service/cloud/auth", { fields })).answer.data.token;
}

describe("airudder", { concurrency: true }, () => {
  test("the callbacks of a task arrive", () =>
    receiving(async (airudder, callbacks) => {
      const details = [1, 2, 3].map((n) => ({ Mobile: `+628111000900${n}`, LoanAmount: 150000, LoanDate: "2026-01-15" }));
      const fields = { TaskName: "example", RobotID: "Welcome call", Details: details };
      const made = await call(airudder, "POST", "/service/cloud/task", { fields, token: await token(airudder) });
      assert.equal(made.status, 200, JSON.stringify(made.answer));
      await airudder.settle({ advance: true });
      await airudder.waitFor({ callback: "call.completed", times: 3 });
      await airudder.waitFor({ callback: "task.finished" });
      assert.ok(callbacks.some(({ raw }) => raw.toString().includes(made.answer.data.TaskID)));
      await airudder.assertNoMore({ since: await airudder.last() });
    }));

  test("signatures are right", () =>
    receiving(async (airudder, callbacks) => {
      await airudder.emit("session.transfer");
      await airudder.settle();
      const [{ raw, sign }] = callbacks;
      assert.equal(sign, createHmac("sha256", airudder.secret).update(raw).digest("hex"));
    }));

  test("a callback comes twice and edited", () =>
    receiving(async (airudder, callbacks) => {
      const { callback } = await airudder.emit("session.end");
      await airudder.settle();
      await airudder.resend(callback);
      await airudder.settle();
      await airudder.resend(callback, { edited: true });
      await airudder.settle();
      assert.equal(String(callbacks[1].raw), String(callbacks[0].raw));
      assert.equal(String(callbacks[2].raw), '{"edited":true}');
    }));

  test("a conversation is played through as the user", () =>
    receiving(async (airudder) => {
      const conversation = await airudder.chat({ name: "Dinda", write: "hello" });
      await airudder.waitFor({ callback: "message.receive", where: { user: { name: "Dinda" } } });
      await airudder.user(conversation, { ask_for_agent: true });
      await airudder.clock({ by: "1m" });
      await airudder.waitFor({ callback: "session.transfer", where: { transfer: { call_id: conversation } } });
    }));

  test("a token expires after a jump of thirty days", () =>
    receiving(async (airudder) => {
      const own = await token(airudder);
      assert.equal((await call(airudder, "GET", "/service/cloud/robot", { token: own })).status, 200);
      await airudder.clock({ by: "30d" });
      assert.equal((await call(airudder, "GET", "/service/cloud/robot", { token: own })).status, 401);
    }));

  test("a fault comes and goes", () =>
    receiving(async (airudder) => {
      const own = await token(airudder);
      const fault = await airudder.addFault({ call: "robot.list", status: 503 });
      assert.equal((await call(airudder, "GET", "/service/cloud/robot", { token: own })).status, 503);
      await airudder.removeFault(fault);
      assert.equal((await call(airudder, "GET", "/service/cloud/robot", { token: own })).status, 200);
    }));

  test("a callback goes wrong", () =>
    receiving(async (airudder, callbacks) => {
      await airudder.addFault({ callback: "session.end", kind: "duplicate" });
      await airudder.addFault("signature-wrong of session.transfer, first 1");
      for (const event of ["session.end", "session.transfer", "session.transfer"]) await airudder.emit(event);
      await airudder.settle({ advance: true });
      const right = ({ raw, sign }) => sign === createHmac("sha256", airudder.secret).update(raw).digest("hex");
      assert.equal(callbacks.length, 4);
      assert.equal(callbacks.filter((callback) => !right(callback)).length, 1);
    }));

  test("a clock that stands still is named", () =>
    receiving(async (airudder) => {
      const details = [{ Mobile: "+6281110009001", LoanAmount: 150000, LoanDate: "2026-01-15" }];
      const fields = { TaskName: "example", RobotID: "Welcome call", Details: details };
      await call(airudder, "POST", "/service/cloud/task", { fields, token: await token(airudder) });
      const still = (error) => error instanceof NotMet && error.message.includes("the clock stands still at");
      // Nothing would come however long it waited.
      await assert.rejects(airudder.settle({ within: "10m" }), still);
      await assert.rejects(airudder.waitFor({ callback: "task.finished", within: "100ms" }), still);
    }));

  test("what does not come is explained", () =>
    receiving(async (airudder) => {
      await airudder.emit("session.end");
      await airudder.settle();
      const wanted = { callback: "session.end", where: { channel: "SMS" }, within: "100ms" };
      await assert.rejects(airudder.waitFor(wanted), (error) => {
        assert.ok(error instanceof NotMet);
        return error.message.includes("`channel` is");
      });
      await assert.rejects(airudder.waitFor({ callback: "session.ende" }), MockError);
    }));

  test("the state is put back and goes on elsewhere", () =>
    receiving(async (airudder) => {
      const own = await token(airudder);
      const create = (mock) =>
        call(mock, "POST", "/service/cloud/task", {
          token: own,
          fields: { TaskName: "t", RobotID: "Welcome call", Details: [{ Mobile: "+6281110009001", LoanAmount: 150000, LoanDate: "2026-01-15" }] },
        });
      await airudder.snapshot("logged in");
      const first = await create(airudder);
      await airudder.clock({ by: "30d" });
      await airudder.restore("logged in");
      assert.deepEqual(await create(airudder), first);
      const branch = await airudder.mock.namespace({ callback_url: airudder.callbackUrl });
      await branch.importState(await airudder.exportState("logged in"));
      assert.deepEqual(await create(branch), first);
      await branch.remove();
      await airudder.reset();
      assert.equal((await call(airudder, "GET", "/service/cloud/list", { token: own })).status, 401);
    }));
});
