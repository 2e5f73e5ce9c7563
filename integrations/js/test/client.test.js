// What a test that fails shows.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";

import { Mock } from "../index.js";

/** Returns the URL of a server. */
async function listening(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}`;
}

test("an address where no mock answers is named", async () => {
  const other = createServer((_, response) => response.end("<html></html>"));
  const url = await listening(other);
  await assert.rejects(new Mock(url).state(), { message: `no mock answers at ${url}: another program answers` });
  other.closeAllConnections();
  other.close();
  await once(other, "close");
  const before = process.env.AIRUDDER_MOCK_URL;
  process.env.AIRUDDER_MOCK_URL = `${url}/`;
  try {
    await assert.rejects(new Mock(process.env.AIRUDDER_MOCK_URL).state(), (error) =>
      error.message.startsWith(`no mock answers at ${url} (AIRUDDER_MOCK_URL): `),
    );
  } finally {
    if (before === undefined) delete process.env.AIRUDDER_MOCK_URL;
    else process.env.AIRUDDER_MOCK_URL = before;
  }
});
