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
  const response = await fetch(BASE + path, init);
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

/** Hears the journal: everything after `since`, and then what comes. It goes on after interruptions, and rests while nobody
 * looks at the page. `heard` gets each entry, `state` whether the mock is there. */
export function hear(since, heard, state) {
  let last = since;
  let source = null;
  let again = 0;
  const open = async () => {
    clearTimeout(again);
    source?.close();
    source = null;
    if (document.hidden) return;
    try {
      // A mock that was started anew counts from one again.
      const now = await get("/state");
      if (now.journal.last < last) { last = 0; heard(null); }
      state(true, now);
    } catch {
      state(false);
      again = setTimeout(open, RETRY);
      return;
    }
    source = new EventSource(BASE + "/journal/events?since=" + last);
    source.onmessage = (event) => {
      const seq = Number(event.lastEventId);
      if (seq <= last) return;
      last = seq;
      heard(JSON.parse(event.data));
    };
    source.onerror = () => {
      source?.close();
      source = null;
      state(false);
      again = setTimeout(open, RETRY);
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { source?.close(); source = null; clearTimeout(again); } else if (!source) open();
  });
  open();
}
