// The control surface: everything that the page knows and does goes through here.

/** `/_mock` or `/_ns/NAME/_mock`: what stands before the name of a request. */
export const BASE = location.pathname.replace(/\/_mock(\/.*)?$/, "/_mock");

/** The namespace that this page shows; empty for the mock itself. */
export const NAMESPACE = decodeURIComponent(/\/_ns\/([^/]+)\//.exec(location.pathname)?.[1] ?? "");

/** Makes a request. What is refused is thrown, with the reason as its message. */
export async function ask(method, path, fields) {
  const init = { method, headers: { accept: "application/json" } };
  if (method === "POST") {
    init.headers["content-type"] = "application/json";
    // A text is JSON already.
    init.body = typeof fields === "string" ? fields : JSON.stringify(fields ?? {});
  } else if (fields) {
    const query = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ""));
    path += "?" + query;
  }
  let response;
  try { response = await fetch(BASE + path, init); } catch { throw new Error("The mock does not answer: is it still running?"); }
  const text = await response.text();
  let answer;
  try { answer = JSON.parse(text); } catch { answer = { message: text }; }
  if (!response.ok) throw Object.assign(new Error(answer.message || response.status), { status: response.status, answer });
  return answer;
}

export const get = (path, fields) => ask("GET", path, fields);
export const post = (path, fields) => ask("POST", path, fields);
export const remove = (path) => ask("DELETE", path);

const RETRY = 1000;

/** So many of the latest entries are fetched at the start. */
const FIRST = 10_000;

/** Hears the journal: what is kept of it, and then what comes. It goes on after interruptions, and rests while nobody looks at
 * the page. `heard` gets each entry, and `caughtUp` is called when all that was kept has come. `state` gets whether the mock is
 * there, with its state or with what is wrong. `anew` is called where numbers begin to mean something else: the mock was
 * started anew or put back, or its journal was cleared; it gets whether that was while nobody listened. */
export function hear({ heard, caughtUp, state, anew }) {
  let id = null;
  let last = 0;
  let source = null;
  let again = 0;
  let turn = 0;
  const open = async () => {
    const own = turn += 1;
    clearTimeout(again);
    source?.close();
    source = null;
    if (document.hidden) return;
    let now;
    try { now = await get("/state"); } catch (error) {
      if (own !== turn) return;
      state(false, null, error);
      again = setTimeout(open, RETRY);
      return;
    }
    if (own !== turn || document.hidden) return;
    const { journal } = now;
    if (journal.id !== id) {
      last = Math.max(0, journal.last - FIRST);
      if (id !== null) anew(true);
      id = journal.id;
    }
    state(true, now);
    let isLate = journal.entries > 0 && last < journal.last;
    if (!isLate) caughtUp();
    source = new EventSource(BASE + "/journal/events?since=" + last);
    let isFirst = true;
    source.addEventListener("journal", (event) => {
      const said = JSON.parse(event.data).id;
      const wasFirst = isFirst;
      isFirst = false;
      if (said === id) return;
      // Another mock took the place of the one whose state was asked for.
      if (wasFirst) return void open();
      id = said;
      anew(false);
    });
    source.onmessage = (event) => {
      const seq = Number(event.lastEventId);
      if (seq <= last) return;
      last = seq;
      heard(JSON.parse(event.data));
      if (isLate && seq >= journal.last) { isLate = false; caughtUp(); }
    };
    source.onerror = () => {
      source?.close();
      source = null;
      state(false);
      again = setTimeout(open, RETRY);
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { turn += 1; source?.close(); source = null; clearTimeout(again); } else if (!source) open();
  });
  open();
}
