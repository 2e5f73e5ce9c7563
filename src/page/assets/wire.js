// What went over the wire, from the entries of the journal: requests, callbacks with their attempts, and what was noted.

/** So many rows are held at most; older ones are let go. */
const MOST_ROWS = 12_000;

/** So much text is held at most, in characters. */
const MOST_TEXT = 96_000_000;

/** Bodies longer than this are not read for ids and summaries. */
const READ_UP_TO = 200_000;

const NOTES = new Set(["note", "error", "assumed", "failed", "explained", "skipped", "waiting", "story_started", "story_finished"]);

/** Names of ids, the first that is there names the group. */
const OF_CHAT = ["call_id", "callId", "task_id", "taskId"];
const OF_OTHERS = ["workflow_id", "workflowId", "instance_id", "instanceId", "TaskID", "TaskId", "taskID", "taskId", "task_id", "PlanID", "planId", "plan_id", "batch_id", "call_id", "callId", "CallID", "callid"];
const WHAT = [[/^call/i, "conversation"], [/workflow/i, "workflow"], [/task/i, "task"], [/plan/i, "plan"], [/instance/i, "instance"], [/batch/i, "batch"]];

/** A field anywhere in the upper levels of a value. */
function field(value, names, depth = 0) {
  if (value === null || typeof value !== "object" || depth > 4) return undefined;
  if (!Array.isArray(value)) {
    for (const name of names) {
      const found = value[name];
      if ((typeof found === "string" && found !== "") || typeof found === "number") return [name, String(found)];
    }
  }
  let looked = 0;
  for (const inner of Object.values(value)) {
    if (++looked > 40) return undefined;
    const found = field(inner, names, depth + 1);
    if (found) return found;
  }
  return undefined;
}

export function parsed(text) {
  if (typeof text !== "string" || text.length > READ_UP_TO) return undefined;
  try { return JSON.parse(text); } catch { return undefined; }
}

function groupOf(name, ...values) {
  const of = /^(chatbot|session|agent|message|template)\./.test(name ?? "") ? OF_CHAT : OF_OTHERS;
  for (const value of values) {
    const found = field(value, of);
    if (found) return { id: found[1], what: WHAT.find(([pattern]) => pattern.test(found[0]))?.[1] ?? "" };
  }
  return null;
}

/** What a message of a chat says, in a few words. */
export function saying(content) {
  if (!content || typeof content !== "object") return "";
  switch (content.type) {
    case "text": return String(content.text ?? "");
    case "button": return String(content.text ?? "");
    case "interactive": {
      const inner = content.interactive ?? {};
      return String(inner.body?.text ?? inner.button_reply?.title ?? inner.list_reply?.title ?? "");
    }
    case "template": return String(content.template?.content?.body?.text ?? content.template?.content?.body ?? "template");
    default: return String(content.type ?? "");
  }
}

/** What a body tells, in a few words: what became of what, and of whom. */
function telling(body) {
  const text = said(body);
  if (text || body === null || typeof body !== "object") return text;
  const from = (value) => value !== null && typeof value === "object" ? value : {};
  const inner = from(body.body ?? body.business);
  const first = (names) => names.map((name) => body[name] ?? inner[name]).find((value) => (typeof value === "string" && value) || typeof value === "number");
  const how = first(["session_end_reason", "status", "Status", "state", "State", "result", "HangupType", "hangup_type"]);
  const user = from(body.user);
  const who = user.name ?? user.id ?? from(body.to).number ?? field(body, ["callee_number", "case_id"])?.[1] ?? first(["TaskName", "taskName", "PlanName", "CalleeNumber", "phoneNumber", "callee", "to", "agentName", "name"]);
  return [how, who].filter((part) => typeof part === "string" || typeof part === "number").join(" · ");
}

function said(body) {
  const messages = Array.isArray(body?.messages) ? body.messages : [];
  const content = messages[0]?.content ?? messages[0];
  return saying(content);
}

/** Why an answer of either side is no success, if it says so. */
function reasonIn(answer) {
  const value = parsed(answer);
  const text = value?.message ?? value?.msg ?? value?.Message ?? value?.error ?? value?.reason;
  return typeof text === "string" ? text : "";
}

/** Whether an attempt has not delivered its callback. */
export const missed = (attempt) => !!attempt.error || !!attempt.retry_at || attempt.status >= 400;

/** The rows of the wire, oldest first. */
export class Wire {
  rows = [];
  dropped = 0;
  /** Counts with every change, for those who draw. */
  version = 0;
  entries = 0;
  /** How much text the rows hold, in characters. */
  size = 0;
  #callbacks = new Map();
  groups = new Map();

  constructor(most = MOST_ROWS) { this.most = most; }

  clear() {
    this.rows = [];
    this.size = 0;
    this.#callbacks.clear();
    this.groups.clear();
    this.version += 1;
  }

  /** Takes an entry of the journal. */
  add(entry) {
    this.version += 1;
    this.entries += 1;
    switch (entry.kind) {
      case "called": return this.#request(entry);
      case "queued": return void this.#callback(entry, entry);
      case "tried": {
        const row = this.#callback(entry);
        row.attempts.push(entry);
        for (const fault of entry.faults ?? []) if (!row.faults.includes(fault)) row.faults.push(fault);
        this.#weigh(row, entry);
        row.state = entry.retry_at ? "retrying" : "tried";
        row.status = entry.status ?? null;
        row.error = entry.error ?? null;
        row.took = entry.elapsed_us;
        row.reason = entry.message ?? (missed(entry) ? reasonIn(entry.answer) : "");
        return;
      }
      case "delivered":
      case "dropped":
      case "dead": {
        const row = this.#callback(entry);
        row.state = entry.kind === "dead" ? "failed" : entry.kind;
        row.error = entry.error ?? (entry.kind === "delivered" ? null : row.error);
        return;
      }
      default:
        if (NOTES.has(entry.kind)) this.#push({
          key: "n" + entry.seq, kind: "note", what: entry.kind, seq: entry.seq, at: entry.at, entry,
          name: entry.kind.replace("_", " "), story: entry.story,
          summary: entry.kind === "assumed" ? entry.id : entry.text ?? entry.message ?? entry.call ?? entry.steps?.map((step) => step.step).join(", ") ?? entry.story ?? "",
          bad: entry.kind === "failed" || entry.kind === "error" || entry.passed === false,
        });
    }
  }

  #push(row) {
    this.rows.push(row);
    this.#weigh(row, row.entry);
    if (row.group) {
      const known = this.groups.get(row.group.id);
      if (known) { known.count += 1; known.last = row.at; } else this.groups.set(row.group.id, { ...row.group, count: 1, first: row.at, last: row.at });
    }
    let gone = this.rows.length > this.most * 1.1 ? this.rows.length - this.most : 0;
    if (gone === 0 && this.size > MOST_TEXT && this.most < Infinity) gone = Math.ceil(this.rows.length / 4);
    if (gone > 0) {
      for (const old of this.rows.splice(0, gone)) {
        this.dropped += 1;
        this.size -= old.size;
        if (this.#callbacks.get(old.number) === old) this.#callbacks.delete(old.number);
        const group = old.group && this.groups.get(old.group.id);
        if (group && --group.count === 0) this.groups.delete(group.id);
      }
    }
  }

  #weigh(row, entry) {
    const size = (entry?.body?.length ?? 0) + (entry?.answer?.length ?? 0);
    row.size = (row.size ?? 0) + size;
    this.size += size;
  }

  #request(entry) {
    const [body, answer] = [parsed(entry.body), parsed(entry.answer)];
    const bad = entry.status >= 400 || entry.status === 0;
    this.#push({
      key: "r" + entry.seq, kind: "request", seq: entry.seq, at: entry.at, entry, story: entry.story,
      name: entry.call ?? entry.path.split("?")[0], status: entry.status, took: entry.elapsed_us, bad,
      group: groupOf(entry.call, body, answer), faults: entry.faults ?? [],
      summary: bad ? reasonIn(entry.answer) || entry.path : said(body) || entry.path,
    });
  }

  #callback(entry, queued) {
    const before = this.#callbacks.get(entry.callback);
    // A callback is queued once, before all else: after a reset its number is that of another one.
    if (before && !queued) return before;
    const row = {
      key: "c" + entry.callback + (before ? "-" + entry.seq : ""), kind: "callback", number: entry.callback, seq: entry.seq, at: entry.at,
      name: entry.event ?? "callback " + entry.callback, attempts: [], state: "queued", status: null, error: null,
      reason: "", faults: [], story: entry.story, group: null, summary: "", entry: null,
    };
    if (queued) Object.assign(row, this.#queued(queued));
    this.#callbacks.set(entry.callback, row);
    this.#push(row);
    return row;
  }

  #queued(entry) {
    const body = parsed(entry.body);
    return { entry, name: entry.event, faults: [...entry.faults ?? []], copy: entry.copy_of, group: groupOf(entry.event, body), summary: telling(body) || entry.url };
  }

  callback(number) { return this.#callbacks.get(number); }

  find(key) { return this.rows.find((row) => row.key === key); }
}

/** Whether something went wrong with a row. */
export const isBad = (row) =>
  row.bad || (row.kind === "callback" && (row.state === "failed" || row.state === "retrying" || row.attempts.some(missed)));

/** What is looked for: words, and `event:` `status:` `of:` with what has to fit. */
export function matcher({ q = "", show = "", of = "" }) {
  const plain = (text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  const words = [];
  const names = [];
  const statuses = [];
  for (const word of q.match(/"[^"]*"|\S+/g) ?? []) {
    const [, key, value] = /^(event|status|of):(.+)$/.exec(word) ?? [];
    if (key === "event") names.push(new RegExp("^" + plain(value).replaceAll("*", ".*") + "$"));
    else if (key === "status") statuses.push(new RegExp("^" + plain(value).replaceAll("*", ".*").replaceAll("x", "\\d") + "$", "i"));
    else if (key === "of") of = value;
    else words.push(word.replaceAll('"', "").toLowerCase());
  }
  return (row) => {
    if (show === "in" && row.kind !== "request") return false;
    if (show === "out" && row.kind !== "callback") return false;
    if (show === "bad" && !isBad(row)) return false;
    // What is assumed stands in the catalog, too: here it is shown to whoever looks for it.
    if (row.what === "assumed" && names.length + words.length === 0) return false;
    if (of && row.group?.id !== of && !mentions(row, of)) return false;
    if (names.length && !names.some((name) => name.test(row.name))) return false;
    if (statuses.length && !statuses.some((status) => status.test(row.status ?? row.state ?? ""))) return false;
    return words.every((word) => mentions(row, word));
  };
}

function mentions(row, word) {
  const has = (text) => typeof text === "string" && text.length > 0 && text.toLowerCase().includes(word.toLowerCase());
  const entry = row.entry ?? {};
  return has(row.name) || has(row.state) || has(row.error) || has(row.summary) || has(row.group?.id) || has(entry.path) || has(entry.url)
    || has(entry.body) || has(entry.answer) || has(row.story) || String(row.status ?? "") === word
    || (row.faults ?? []).some(has) || (row.attempts ?? []).some((one) => has(one.answer) || has(one.message));
}

/** A text of a shell that stands for this one. */
const quoted = (text) => "'" + String(text).replaceAll("'", "'\\''") + "'";

/** Whether secrets of a request are not shown, so that it can't be made again as it was. */
export function isMasked(row) {
  const entry = (row.kind === "callback" ? row.attempts.at(-1) : row.entry) ?? {};
  const shown = [...(entry.headers ?? []).map(([, value]) => value), row.kind === "request" && entry.path, row.kind === "request" && entry.body];
  return shown.some((text) => typeof text === "string" && text.includes("***"));
}

/** What makes the same request once more, in a shell. */
export function curl(row, origin) {
  const entry = row.entry ?? {};
  const attempt = row.kind === "callback" ? row.attempts.at(-1) : entry;
  // A fault may have sent another body, which the signature is about.
  const sent = [attempt, entry].find((one) => one && (one.body !== undefined || one.body_base64 !== undefined)) ?? {};
  const method = entry.method ?? "POST";
  const hasBody = !!sent.body_base64 || !!sent.body || (sent.body === "" && method === "POST");
  const url = row.kind === "callback" ? entry.url ?? "" : origin + entry.path;
  const parts = ["curl -sS", method === "HEAD" ? "-I" : method !== (hasBody ? "POST" : "GET") && "-X " + method, quoted(url)];
  const headers = attempt?.headers ?? [];
  for (const [name, value] of headers) {
    if (!/^(host|content-length|transfer-encoding|connection|accept-encoding)$/i.test(name)) parts.push("\\\n  -H " + quoted(name + (value === "" ? ";" : ": " + value)));
  }
  if (!hasBody) return parts.filter(Boolean).join(" ");
  // Where there was no content type, curl would add that of a form.
  if (!headers.some(([name]) => /^content-type$/i.test(name))) parts.push("\\\n  -H 'Content-Type:'");
  // What begins with `@` would be a file's name to `--data-binary`.
  parts.push("\\\n  " + (sent.body_base64 ? "--data-binary @-" : "--data-raw " + quoted(sent.body)));
  return (sent.body_base64 ? "printf %s " + quoted(sent.body_base64) + " | base64 -d | " : "") + parts.filter(Boolean).join(" ");
}
