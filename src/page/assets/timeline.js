// The list of what went over the wire. Only the rows in sight are in the document, however many there are.

import { h, fill, icon, perFrame, plural, timeOf, took, visible } from "./dom.js";
import { isBad, matcher } from "./wire.js";

const MORE = 8;

/** A colour for a group, the same each time. */
export function hue(id) {
  let sum = 7;
  for (let at = 0; at < id.length; at += 1) sum = (sum * 31 + id.charCodeAt(at)) % 3600;
  return sum % 360;
}

/** What became of a row: a word and how it is to be taken. */
export function outcome(row) {
  if (row.kind === "note") return row.what === "story_finished" ? [row.bad ? "failed" : "passed", row.bad ? "bad" : "good"] : ["", "quiet"];
  if (row.kind === "request") return [String(row.status || "no answer"), row.bad ? "bad" : "good"];
  const tries = row.attempts.length > 1 ? " ×" + row.attempts.length : "";
  if (row.state === "queued" || row.state === "dropped") return [row.state, "quiet"];
  if (row.state === "delivered") return [(row.status ?? "delivered") + tries, "good"];
  const word = (row.status ?? (row.error ?? "failed").replaceAll("_", " ")) + tries;
  return [word, row.state === "failed" ? "bad" : "warn"];
}

/** The key of the row at which something happened. */
const keyAt = (event) => event.target.closest?.("[data-key]")?.dataset.key ?? null;

export class Timeline {
  /** The rows that are shown: of the wire, or heads of groups. */
  shown = [];
  selected = null;
  following = true;
  /** What is said where there is nothing. */
  quiet = ["Nothing yet", "Point your client at this mock, or start a chat: everything on the wire appears here as it happens."];
  /** Where the mock is, and a first request to it; `null` where requests are not shown. */
  first = [];
  #from = 0;
  #version = -1;
  #filter = {};
  #matches = () => true;
  #closed = new Set();
  /** What is in the document, by the keys of the rows: an element stays as long as its row is in sight, so that who presses on
   * it lets go on the same one. */
  #drawn = new Map();
  #total = 0;
  #pressed = null;

  constructor(wire, { select, open, clear }) {
    this.wire = wire;
    this.tell = { select, open };
    this.space = h("div", { class: "space" });
    this.drawn = h("div", { class: "drawn" });
    this.empty = h("div", { class: "empty" });
    this.list = h("div", {
      class: "rows", role: "listbox", tabindex: "0", "aria-label": "Requests and callbacks", id: "rows",
      onscroll: () => this.#scrolled(), onkeydown: (event) => this.#key(event), onclick: (event) => this.#click(event),
      onpointerdown: (event) => { this.#pressed = { key: keyAt(event), x: event.clientX, y: event.clientY }; },
    }, this.space, this.drawn);
    this.latest = h("button", { type: "button", class: "latest", hidden: true, onclick: () => this.follow() }, icon("down", 14), h("span", null, "Latest"));
    this.element = h("div", { class: "timeline" }, this.list, this.empty, this.latest);
    this.clear = clear;
    this.draw = perFrame(() => this.#draw());
    new ResizeObserver(() => this.draw()).observe(this.list);
  }

  /** How many rows fit, those in closed groups included. */
  get total() {
    this.#arrange();
    return this.#total;
  }

  get height() { return innerWidth <= 760 ? 52 : 36; }

  filter(filter) {
    this.#filter = filter;
    this.#matches = matcher(filter);
    this.#version = -1;
    this.draw();
  }

  select(key, { scroll = true } = {}) {
    this.selected = key;
    if (scroll) this.#show(key);
    this.draw();
  }

  follow() {
    this.following = true;
    this.draw();
  }

  /** The row that stands so many further than the selected one. */
  step(by) {
    // The filter may have changed since the last drawing.
    this.#arrange();
    const places = this.shown;
    if (places.length === 0) return;
    let at = places.findIndex((row) => row.key === this.selected);
    at = at < 0 ? (by > 0 ? 0 : places.length - 1) : Math.max(0, Math.min(places.length - 1, at + by));
    this.following = false;
    this.selected = places[at].key;
    this.#scrollTo(at);
    this.tell.select(places[at]);
    this.draw();
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.list.clientHeight / this.height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key in steps) {
      const by = steps[event.key];
      this.step(Number.isFinite(by) ? by : by > 0 ? this.shown.length : -this.shown.length);
      if (event.key === "End") this.follow();
    } else if (event.key === "Enter" || event.key === " ") {
      const row = this.shown.find((one) => one.key === this.selected);
      if (row?.kind === "group") this.#fold(row);
      else if (row) this.tell.open(row);
    } else return;
    event.preventDefault();
  }

  #click(event) {
    const pressed = this.#pressed;
    this.#pressed = null;
    // While rows come they move: the one that was pressed is meant, not the one that is under the pointer by now.
    const isStill = pressed && event.detail > 0 && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < 8;
    const key = isStill ? pressed.key : keyAt(event);
    const row = key && this.shown.find((one) => one.key === key);
    if (!row) return;
    this.selected = row.key;
    if (row.kind === "group") this.#fold(row);
    else this.tell.open(row);
    this.draw();
  }

  #fold(row) {
    if (!this.#closed.delete(row.id)) this.#closed.add(row.id);
    this.#version = -1;
    this.draw();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    this.following = scrollTop + clientHeight >= scrollHeight - this.height;
    this.draw();
  }

  #show(key) {
    this.#arrange();
    const at = this.shown.findIndex((row) => row.key === key);
    if (at >= 0) this.#scrollTo(at);
  }

  #scrollTo(at) {
    const [top, height] = [at * this.height, this.list.clientHeight];
    this.space.style.height = this.shown.length * this.height + "px";
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    else if (top + this.height > this.list.scrollTop + height) this.list.scrollTop = top + this.height - height;
  }

  /** Which rows are shown, in which order. */
  #arrange() {
    if (this.#version === this.wire.version) return;
    this.#version = this.wire.version;
    const rows = this.wire.rows.filter(this.#matches);
    this.#total = rows.length;
    if (!this.#filter.grouped) {
      this.shown = rows;
      return;
    }
    const groups = new Map();
    for (const row of rows) {
      const id = row.group?.id ?? "";
      if (!groups.has(id)) groups.set(id, []);
      groups.get(id).push(row);
    }
    this.shown = [];
    for (const [id, members] of groups) {
      this.shown.push({
        key: "g" + id, kind: "group", id, what: members[0].group?.what ?? "", count: members.length, at: members[0].at,
        bad: members.filter(isBad).length, closed: this.#closed.has(id),
      });
      if (!this.#closed.has(id)) this.shown.push(...members);
    }
  }

  #draw() {
    this.#arrange();
    const { height, list } = this;
    const total = this.shown.length;
    this.space.style.height = total * height + "px";
    if (this.following) list.scrollTop = total * height;
    const first = Math.max(0, Math.floor(list.scrollTop / height) - MORE);
    const last = Math.min(total, Math.ceil((list.scrollTop + list.clientHeight) / height) + MORE);
    this.#from = first;
    this.drawn.style.transform = "translateY(" + first * height + "px)";
    const focused = this.shown.findIndex((row) => row.key === this.selected);
    const rows = new Map();
    for (let at = first; at < last; at += 1) rows.set(this.shown[at].key, this.#row(this.shown[at], at, total));
    for (const [key, { element }] of this.#drawn) if (!rows.has(key)) element.remove();
    let next = this.drawn.firstChild;
    for (const { element } of rows.values()) {
      if (element === next) next = next.nextSibling;
      else this.drawn.insertBefore(element, next);
    }
    this.#drawn = rows;
    if (focused >= first && focused < last) list.setAttribute("aria-activedescendant", "row-" + this.selected);
    else list.removeAttribute("aria-activedescendant");
    this.latest.hidden = this.following || total * height <= list.clientHeight;
    this.empty.hidden = total > 0;
    if (total === 0) this.#drawEmpty();
    this.element.dataset.total = this.#total;
  }

  #drawEmpty() {
    const nothing = this.wire.rows.length === 0;
    fill(this.empty,
      h("p", { class: "lead" }, nothing ? this.quiet[0] : "No matches"),
      h("p", null, nothing
        ? this.quiet[1]
        : plural(this.wire.rows.length, "row is", "rows are") + " hidden by the filters."),
      nothing && this.first?.map((text) => h("code", { class: "first" }, visible(text, 300))),
      !nothing && this.clear && h("button", { type: "button", class: "button", onclick: () => this.clear() }, "Clear filters"));
  }

  /** The element of a row with what it shows: the one that is there, if there is one. */
  #row(row, at, total) {
    const drawn = this.#drawn.get(row.key) ?? { element: h("div", { id: "row-" + row.key, role: "option", dataset: { key: row.key } }), look: "" };
    const { element } = drawn;
    const chosen = row.key === this.selected;
    const { kind, parts, draw } = row.kind === "group" ? this.#group(row) : this.#line(row);
    const look = JSON.stringify(parts);
    if (look !== drawn.look) {
      drawn.look = look;
      fill(element, draw());
    }
    const attributes = { class: "row " + kind + (chosen ? " chosen" : ""), "aria-selected": chosen, "aria-setsize": total, "aria-posinset": at + 1 };
    for (const [name, value] of Object.entries(attributes)) if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
    return drawn;
  }

  /** The head of a group: its class, what it shows, and the elements that show it. */
  #group({ id, what, bad, count, closed }) {
    return { kind: "group" + (closed ? " closed" : ""), parts: [id, what, bad, count, closed], draw: () => [
      h("span", { class: "fold" }, closed ? "▸" : "▾"),
      id && h("span", { class: "dot h" + Math.floor(hue(id) / 30) }),
      h("span", { class: "name" }, id ? (what || "id") + " " : "everything else"),
      id && h("bdi", { class: "mono id" }, visible(id, 40)),
      h("span", { class: "grow" }),
      bad > 0 && h("span", { class: "mark bad" }, plural(bad, "problem")),
      h("span", { class: "count" }, count)] };
  }

  /** The same of a row. */
  #line(row) {
    const [word, kind] = outcome(row);
    const wrong = isBad(row);
    const direction = row.kind === "request" ? "in" : row.kind === "callback" ? "out" : "note";
    const spoken = { in: "request", out: "callback", note: "note" }[direction];
    const picture = direction === "note" && !wrong ? "dot" : direction;
    const summary = row.kind === "callback" && wrong && row.reason ? row.reason : row.summary;
    const of = this.#filter.grouped ? null : row.group;
    const fault = row.faults?.[0];
    return { kind: direction + (wrong ? " wrong" : "") + (this.#filter.grouped ? " within" : ""), parts: [row.at, picture, row.name, summary, of, fault, row.took, word, kind], draw: () => [
      h("span", { class: "time" }, timeOf(row.at)),
      h("span", { class: "direction " + direction, title: spoken }, icon(picture, 14), h("span", { class: "offscreen" }, spoken)),
      h("bdi", { class: "name" }, visible(row.name, 80)),
      h("bdi", { class: "summary" }, visible(summary, 160)),
      of && h("span", { class: "of", title: of.what + " " + visible(of.id, 80) },
        h("span", { class: "dot h" + Math.floor(hue(of.id) / 30) }), h("bdi", { class: "mono" }, visible(of.id.slice(0, 6)))),
      fault && h("span", { class: "tag transfer", title: "on purpose" }, visible(fault, 28)),
      h("span", { class: "took" }, took(row.took)),
      h("span", { class: "mark " + kind }, visible(word, 24))] };
  }
}
