// The control API of a running airudder-mock, one method for each request.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { program } from "./program.js";

/** The mock refused a request; the message says why. */
export class MockError extends Error {
  constructor(status, message) {
    super(`${status}: ${message}`);
    this.name = "MockError";
    this.status = status;
  }
}

/** A wait ended without success. `answer` is the whole response, with the nearest miss. */
export class NotMet extends Error {
  constructor(answer) {
    const lines = [answer.why, ...(answer.differences ?? [])];
    lines.push(...(answer.open ?? []).map((callback) => `open: ${JSON.stringify(callback)}`));
    if (answer.nearest) lines.push(`nearest: ${JSON.stringify(answer.nearest)}`);
    super(lines.join("\n"));
    this.name = "NotMet";
    this.answer = answer;
  }
}

/** The error of an address where no mock answers. */
function noMock(baseUrl, why) {
  const url = process.env.AIRUDDER_MOCK_URL?.replace(/\/+$/, "");
  const source = url && baseUrl.startsWith(url) ? " (AIRUDDER_MOCK_URL)" : "";
  return new Error(`no mock answers at ${baseUrl}${source}: ${why}`);
}

class Control {
  /** `token` is for a control API that requires one; `exec --control-token` passes it to its command. */
  constructor(baseUrl, controlToken = process.env.AIRUDDER_MOCK_CONTROL_TOKEN) {
    this.baseUrl = baseUrl.replace(/\/+$/, "");
    this.controlToken = controlToken;
  }

  /** Sends a request below `/_mock`. */
  async request(method, path, fields = {}) {
    let url = `${this.baseUrl}/_mock${path}`;
    const headers = { "content-type": "application/json" };
    if (this.controlToken) headers.authorization = `Bearer ${this.controlToken}`;
    const options = { method, headers };
    if (method === "GET") {
      const query = new URLSearchParams(fields).toString();
      if (query) url += `?${query}`;
    } else {
      options.body = JSON.stringify(fields);
    }
    const response = await fetch(url, options).catch((error) => {
      throw noMock(this.baseUrl, error.cause?.message || error.cause?.code || error.message);
    });
    const answer = await response.json().catch(() => {
      throw noMock(this.baseUrl, "another program answers");
    });
    if (response.status === 417) throw new NotMet(answer);
    if (!response.ok) throw new MockError(response.status, answer.message);
    return answer;
  }

  /** Waits for a callback or request to occur `times` times; returns the journal entries or throws `NotMet`. */
  async waitFor(wanted) {
    return (await this.request("POST", "/wait", wanted)).entries;
  }

  /** Throws if something of this kind occurred after an entry, once all is settled. */
  async assertNoMore({ since, callback, request }) {
    await this.settle();
    const entries = await this.journal({ since, limit: 1000 });
    const isIt = (entry) =>
      callback ? entry.event === callback : request ? entry.call === request : ["called", "queued"].includes(entry.kind);
    const more = entries.find(isIt);
    if (more) throw new Error(`one more than wanted: ${JSON.stringify(more)}`);
  }

  /** Returns when everything that was caused is done; throws `NotMet` with what is open. */
  settle(how = {}) {
    return this.request("POST", "/settle", how);
  }

  /** Sends a callback. */
  emit(event, { body, conversation } = {}) {
    return this.request("POST", "/emit", { event, body, conversation });
  }

  /** Sends a callback again, with the same body or another one. */
  resend(callback, body) {
    return this.request("POST", `/callbacks/${callback}/resend`, { body });
  }

  /** Begins a chat as the end user: `chat({ name: "Dinda", write: "hello" })`. Returns the `call_id` of the conversation. */
  async chat(wanted = {}) {
    return (await this.request("POST", "/chats", wanted)).conversation;
  }

  /** Does one thing as the end user: `user(conversation, { write: "hello" })`, `{ press: "Yes" }`, `{ ask_for_agent: true }`, ... */
  user(conversation, act) {
    return this.request("POST", "/user", { conversation, ...act });
  }

  /** Returns what happened: `journal({ endpoint: "task.*", status: 500 })`. */
  async journal(filters = {}) {
    return (await this.request("GET", "/journal", filters)).entries;
  }

  /** Returns the number of the latest entry of the journal. */
  async last() {
    return (await this.state()).journal.last;
  }

  /** Returns the state of the mock. */
  state() {
    return this.request("GET", "/state");
  }

  /** Moves the clock or changes its speed; without arguments, returns it. */
  clock(move) {
    return move ? this.request("POST", "/clock", move) : this.request("GET", "/clock");
  }

  /**
   * Makes requests or callbacks go wrong from now on: `addFault({ call: "task.create", status: 503, times: 2 })`,
   * `addFault({ callback: "session.end", kind: "duplicate" })`, or as a text,
   * `addFault("signature-wrong of session.end, first 1")`. Returns the number for `removeFault`.
   */
  async addFault(fault) {
    return (await this.request("POST", "/faults", { fault })).fault;
  }

  /** Ends a fault. */
  removeFault(fault) {
    return this.request("DELETE", `/faults/${fault}`);
  }

  /** Takes a snapshot of the present state under a name. */
  snapshot(name) {
    return this.request("POST", "/snapshots", { name });
  }

  /** Restores a snapshot, including its time. */
  restore(name) {
    return this.request("POST", `/snapshots/${encodeURIComponent(name)}/restore`);
  }

  /** Resets the mock to its initial state. */
  reset() {
    return this.request("POST", "/reset");
  }

  /** Exports the present state, or that of a snapshot, to be imported elsewhere. */
  exportState(snapshot) {
    return this.request("GET", "/export", snapshot === undefined ? {} : { snapshot });
  }

  /** Imports a state that was exported. */
  importState(state) {
    return this.request("POST", "/import", state);
  }
}

/** A separate mock behind the address of another: `baseUrl` is for clients. */
export class Namespace extends Control {
  constructor(made, mock) {
    super(made.base_url, mock.controlToken);
    this.name = made.name;
    this.appKey = made.app_key;
    this.appSecret = made.app_secret;
    this.signKey = made.sign_key;
    this.secret = made.secret;
    this.callbackUrl = made.callback_url;
    this.mock = mock;
  }

  /** Ends the namespace and frees its resources. */
  remove() {
    return this.mock.request("DELETE", `/namespaces/${encodeURIComponent(this.name)}`);
  }
}

/** A running mock. */
export class Mock extends Control {
  /** Creates a separate mock; its clock stands still unless `speed` says otherwise. */
  async namespace(wanted = {}) {
    return new Namespace(await this.request("POST", "/namespaces", { speed: "0", ...wanted }), this);
  }

  /** Stops the mock, if it was started here. */
  async stop() {
    if (!this.process) return;
    const ended = once(this.process, "exit");
    this.process.kill();
    await ended;
  }
}

/**
 * Returns the mock at AIRUDDER_MOCK_URL, or starts one, which ends with this process, even if that is killed:
 * AIRUDDER_MOCK_BIN, the program of this package, or `airudder-mock` on the PATH.
 */
export async function start(flags = ["--speed", "0"]) {
  if (process.env.AIRUDDER_MOCK_URL) return new Mock(process.env.AIRUDDER_MOCK_URL);
  const binary = program();
  const child = spawn(binary, ["serve", "--listen", "127.0.0.1:0", "--quiet", "--until-stdin-closes", ...flags], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const failed = once(child, "error").then(([error]) => {
    throw new Error(`${binary} can't be started: ${error.message}; install it, or set AIRUDDER_MOCK_BIN`);
  });
  const lines = createInterface({ input: child.stdout });
  // Its first line is its address.
  const [line] = await Promise.race([once(lines, "line"), once(lines, "close").then(() => [""]), failed]);
  if (!line.startsWith("http://")) throw new Error(`${binary} did not start; see its message above`);
  const mock = new Mock(line);
  mock.process = child;
  return mock;
}
