// A run in one file: what failed first, and the same timeline as the page.

import { announce, fill, h, icon, perFrame, plural, visible } from "./dom.js";
import { bubbles } from "./bubbles.js";
import { Detail } from "./detail.js";
import { Timeline } from "./timeline.js";
import { Toolbar } from "./toolbar.js";
import { Wire } from "./wire.js";

/** What is the same in many entries stands in the trace once. */
const SHARED = ["at", "due", "story", "kind", "event", "url", "method", "answer"];

/** The entries as the journal has them. */
function* entries({ lines, shapes, texts }) {
  const shared = (value) => (typeof value === "number" ? texts[value] : value);
  for (const [shape, ...values] of lines) {
    const entry = Object.fromEntries(shapes[shape].map((key, at) => [key, values[at]]));
    for (const name of SHARED) if (name in entry) entry[name] = shared(entry[name]);
    if (entry.headers) entry.headers = entry.headers.map(([name, value]) => [shared(name), shared(value)]);
    yield entry;
  }
}

const header = (entry, name) => entry.headers?.find(([one]) => one.toLowerCase() === name.toLowerCase())?.[1];

/** A right signature over the body alone needs no more than its scheme: all else stands in the entry. */
function apart(trace, wire, entry) {
  const whole = trace.apart[entry.seq];
  if (whole) return whole;
  const scheme = trace.schemes[entry.scheme];
  if (!scheme) throw new Error("It is not signed.");
  const text = entry.body ?? wire.callback(entry.callback)?.entry?.body ?? "";
  const sent = header(entry, scheme.header) ?? "";
  const bytes = new TextEncoder().encode(text).length;
  return { ...scheme, parts: [{ part: "body", bytes }], length: bytes, sent, expected: sent, right: true, others: [] };
}

function start() {
  const trace = JSON.parse(document.getElementById("trace").textContent);
  const place = { q: "", show: "", of: "", group: "", sel: "", ...Object.fromEntries(new URLSearchParams(location.hash.slice(1))) };
  const wire = new Wire(Infinity);
  for (const entry of entries(trace)) wire.add(entry);
  const world = h("section", { class: "world", "aria-label": "The run", id: "world" });

  const go = (changes) => {
    Object.assign(place, changes);
    if (place.sel && !wire.find(place.sel)) {
      announce("The row " + visible(place.sel, 20) + " is not in this trace", "warn");
      place.sel = "";
    }
    const kept = Object.entries(place).filter(([, value]) => value);
    history.replaceState(null, "", "#" + new URLSearchParams(kept));
    document.body.classList.toggle("has-detail", !!place.sel);
    toolbar.show(place);
    const row = place.sel && wire.find(place.sel);
    if (row?.key !== detail.row?.key) detail.show(row || null);
    if (timeline.selected !== place.sel) timeline.select(place.sel);
  };
  const only = (group) => go({ of: group.id, q: "", show: "" });
  const open = (row) => { if (row) { timeline.following = false; go({ sel: row.key }); } };
  const detail = new Detail(wire, {
    origin: trace.url ?? "", close: () => { go({ sel: "" }); timeline.list.focus(); }, only, open: (key) => open(wire.find(key)),
    signature: async (entry) => apart(trace, wire, entry),
  });
  const timeline = new Timeline(wire, {
    select: (row) => { if (!detail.element.hidden && row.kind !== "group") open(row); }, open, clear: () => go({ q: "", show: "", of: "" }),
  });
  timeline.following = false;
  const toolbar = new Toolbar(wire, timeline, go);

  const failures = wire.rows.filter((row) => row.kind === "note" && ["failed", "error"].includes(row.what));
  const unmet = wire.rows.filter((row) => row.kind === "callback" && row.state === "failed");
  const assumed = wire.rows.filter((row) => row.what === "assumed");
  const began = wire.rows[0]?.at;
  const failure = (row) => h("li", null, h("button", { type: "button", class: "failure", onclick: () => open(row) },
    h("strong", null, visible(row.story ?? "Failed", 120)), h("span", { class: "wrap" }, visible(row.entry.message ?? row.entry.text, 1500)),
    row.entry.place && h("code", { class: "quiet" }, visible(row.entry.place, 200))));

  fill(world, h("div", { class: "pane" },
    h("div", { class: "verdict " + (trace.passed ? "good" : "bad") }, icon(trace.passed ? "check" : "close", 18),
      h("div", null, h("strong", null, trace.passed ? "The run has passed." : "The run has failed."),
        h("p", null, [plural(failures.length, "failed expectation"), unmet.length > 0 && plural(unmet.length, "callback") + " not delivered"].filter(Boolean).join(", ") + "."))),
    failures.length > 0 && [h("h2", null, "Failed expectations"), h("ul", { class: "failures" }, failures.map(failure))],
    unmet.length > 0 && [h("h2", null, "Not delivered"), h("ul", { class: "list" }, unmet.map((row) => h("li", null, h("button", { type: "button", class: "link", onclick: () => open(row) }, visible(row.name, 80), " ", h("span", { class: "quiet" }, visible(row.reason || row.error, 120))))))],
    h("h2", null, "The run"),
    h("dl", { class: "facts" }, Object.entries(trace.facts).map(([name, value]) => [h("dt", null, visible(name, 60)), h("dd", null, visible(value, 300))]),
      began && [h("dt", null, "began"), h("dd", null, visible(began))]),
    assumed.length > 0 && h("details", { class: "told" }, h("summary", null, "Assumptions used ", h("span", { class: "count" }, assumed.length)),
      h("ul", { class: "list pad" }, assumed.map((row) => h("li", null, visible(row.entry.text, 600))))),
    trace.left_out > 0 && h("p", { class: "quiet" }, plural(trace.left_out, "older entry", "older entries") + " did not fit."),
    trace.chats.length > 0 && [h("h2", null, "Conversations"), trace.chats.map((found) => h("details", { class: "told" },
      h("summary", null, h("bdi", null, visible(found.chat.name, 60)), " ", h("span", { class: "tag " + visible(found.chat.phase, 12) }, visible(found.chat.phase, 12)), " ",
        h("span", { class: "quiet" }, plural(found.messages.length, "message"))),
      h("button", { type: "button", class: "link", onclick: () => only({ id: found.chat.conversation }) }, "Show on the wire"),
      h("div", { class: "messages", role: "log", "aria-label": "Messages" }, bubbles(found.messages, null))))]));

  document.body.append(
    h("header", { class: "top" },
      h("h1", null, h("span", { class: "logo", "aria-hidden": "true" }, icon("in", 12), icon("out", 12)), h("span", null, "Trace")),
      h("bdi", { class: "quiet grow command" }, visible(trace.command, 200)),
      h("span", { class: "mark " + (trace.passed ? "good" : "bad") }, trace.passed ? "passed" : "failed")),
    h("main", { class: "frame trace" }, world, h("section", { class: "wire", "aria-label": "The wire" }, toolbar.element, h("div", { class: "wire-body" }, timeline.element, detail.element))));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !detail.element.hidden) detail.doing.close();
    if (event.target.closest?.("input") || event.metaKey || event.ctrlKey || event.altKey) return;
    const deeds = { "/": () => toolbar.focus(), g: () => go({ group: place.group ? "" : "1" }), c: () => detail.element.querySelector(".actions button")?.click() };
    if (deeds[event.key]) { deeds[event.key](); event.preventDefault(); }
  });
  addEventListener("resize", perFrame(() => timeline.draw()));
  go({ sel: place.sel || failures[0]?.key || "" });
}

start();
