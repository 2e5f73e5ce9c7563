// Bodies: as JSON that is easy to read, as the exact text, or byte by byte.

import { exact, fill, h, plural, visible } from "./dom.js";
import { parsed } from "./wire.js";

const MOST = 40_000;
const encoder = new TextEncoder();

/** JSON on lines of its own, with its parts marked. */
export function lines(value) {
  const out = [];
  const put = (kind, text) => out.push(kind ? h("span", { class: kind }, visible(text)) : visible(text));
  let left = MOST;
  const write = (value, indent) => {
    if (left <= 0) return;
    if (value === null || typeof value !== "object") {
      const text = JSON.stringify(value) ?? "null";
      left -= text.length;
      put(typeof value === "string" ? "j-text" : "j-word", text.length > 4000 ? text.slice(0, 4000) + "…\"" : text);
      return;
    }
    const list = Array.isArray(value);
    const entries = list ? value.map((one) => [null, one]) : Object.entries(value);
    if (entries.length === 0) return put("", list ? "[]" : "{}");
    put("", list ? "[" : "{");
    entries.forEach(([name, one], at) => {
      put("", "\n" + indent + "  ");
      if (!list) { put("j-name", JSON.stringify(name)); put("", ": "); left -= name.length; }
      write(one, indent + "  ");
      if (at < entries.length - 1) put("", ",");
    });
    put("", "\n" + indent + (list ? "]" : "}"));
  };
  write(value, "");
  if (left <= 0) put("quiet", "\n… the rest is left out here; see Exact");
  return out;
}

function hex(bytes) {
  const rows = [];
  for (let at = 0; at < Math.min(bytes.length, 4096); at += 16) {
    const part = bytes.slice(at, at + 16);
    const digits = [...part].map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(48);
    const text = [...part].map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    rows.push(at.toString(16).padStart(6, "0") + "  " + digits + " " + text);
  }
  return rows.join("\n") + (bytes.length > 4096 ? "\n… the first 4096 bytes" : "");
}

let way = "Read";

/** A body with ways to look at it. `base64` stands in for what is no text. */
export function body(text, base64, label = "Body") {
  const bytes = base64 === undefined ? encoder.encode(text ?? "") : Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  if (bytes.length === 0) return h("p", { class: "quiet" }, "Empty.");
  const value = base64 === undefined ? parsed(text) : undefined;
  const ways = [value !== undefined && "Read", base64 === undefined && "Exact", "Hex"].filter(Boolean);
  const shown = h("pre", { class: "code", tabindex: "0", "aria-label": label + " as it is" });
  const choice = h("div", { class: "segments small", role: "group", "aria-label": "How to show it" });
  const show = (wanted) => {
    const now = ways.includes(wanted) ? wanted : ways[0];
    for (const button of choice.children) button.setAttribute("aria-pressed", String(button.textContent === now));
    if (now === "Read") fill(shown, lines(value));
    else if (now === "Hex") fill(shown, hex(bytes));
    else if (text.length > MOST) {
      fill(shown, exact(text.slice(0, MOST)), h("button", { type: "button", class: "button", onclick: () => fill(shown, exact(text)) }, "Show all"));
    } else fill(shown, exact(text));
  };
  fill(choice, ways.map((name) => h("button", { type: "button", onclick: () => show(way = name) }, name)));
  show(way);
  return h("div", { class: "body" }, h("div", { class: "line" }, choice, h("span", { class: "quiet" }, plural(bytes.length, "byte"))), shown);
}

/** What differs between two texts, line by line. */
export function difference(before, after) {
  const [a, b] = [before.split("\n"), after.split("\n")];
  if (a.length * b.length > 4_000_000) return h("p", { class: "quiet" }, "Too long to compare.");
  const longest = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i][j] = a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const out = [];
  let [i, j, changes] = [0, 0, 0];
  const line = (sign, kind, text) => out.push(h("span", { class: "d-line " + kind }, sign + " " + exact(text.slice(0, 2000)) + (text.length > 2000 ? "…" : "") + "\n"));
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { line(" ", "", a[i]); i += 1; j += 1; }
    else if (j >= b.length || (i < a.length && longest[i + 1][j] >= longest[i][j + 1])) { line("−", "d-out", a[i]); i += 1; changes += 1; }
    else { line("+", "d-in", b[j]); j += 1; changes += 1; }
  }
  // Of long stretches that are the same, only what stands beside a change is shown.
  const isChange = (element) => element.className !== "d-line ";
  const near = out.map((_, at) => out.slice(Math.max(0, at - 2), at + 3).some(isChange));
  const shown = out.flatMap((element, at) => (near[at] ? [element] : near[at - 1] ? [h("span", { class: "d-line quiet" }, "⋯\n")] : []));
  if (changes === 0) return h("p", { class: "quiet" }, "No difference yet: the same JSON.");
  return h("pre", { class: "code diff", "aria-label": "Difference", tabindex: "0" }, shown);
}
