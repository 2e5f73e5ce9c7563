// What of the wire is shown: search, directions, problems, groups.

import { fill, h, icon, perFrame, plural, visible } from "./dom.js";
import { isBad } from "./wire.js";

const SHOWS = [["", "All"], ["in", "Requests"], ["out", "Callbacks"], ["bad", "Problems"]];

export class Toolbar {
  #filter = "";

  /** `go` changes where one stands: `q`, `show`, `of`, `group`. */
  constructor(wire, timeline, go) {
    this.wire = wire;
    this.timeline = timeline;
    this.search = h("input", {
      type: "search", class: "search", placeholder: "Search, event:session.* status:4xx", "aria-label": "Search the wire", spellcheck: "false", autocomplete: "off",
      oninput: () => go({ q: this.search.value }),
      onkeydown: (event) => { if (event.key === "ArrowDown") { timeline.list.focus(); timeline.step(1); event.preventDefault(); } },
    });
    this.choice = h("div", { class: "segments", role: "group", "aria-label": "What to show" }, SHOWS.map(([value, name]) =>
      h("button", { type: "button", dataset: { value }, onclick: () => go({ show: value }) }, name, value === "bad" && h("span", { class: "count", hidden: true }))));
    this.grouped = h("button", { type: "button", class: "button small toggle", title: "Group by conversation, task or instance (g)", onclick: () => go({ group: this.grouped.getAttribute("aria-pressed") === "true" ? "" : "1" }) }, "Group");
    this.chip = h("button", { type: "button", class: "chip", hidden: true, onclick: () => go({ of: "" }) });
    this.totals = h("span", { class: "quiet totals" });
    this.element = h("div", { class: "wire-head" },
      h("div", { class: "line" }, h("label", { class: "search-box" }, icon("search", 16), this.search), this.chip),
      h("div", { class: "line" }, this.choice, h("span", { class: "grow" }), this.totals, this.grouped));
    this.draw = perFrame(() => this.#draw());
  }

  focus() {
    this.search.focus();
    this.search.select();
  }

  show({ q, show, of, group }) {
    if (this.search.value !== q) this.search.value = q;
    for (const one of this.choice.children) one.setAttribute("aria-pressed", String(one.dataset.value === show));
    this.grouped.setAttribute("aria-pressed", String(!!group));
    this.chip.hidden = !of;
    if (of) fill(this.chip, h("span", { class: "quiet" }, this.wire.groups.get(of)?.what ?? "of"), h("bdi", { class: "mono" }, visible(of, 14)), icon("close", 12), h("span", { class: "offscreen" }, "show everything again"));
    const filter = { q, show, of, grouped: !!group };
    const text = JSON.stringify(filter);
    if (text !== this.#filter) {
      this.#filter = text;
      this.timeline.filter(filter);
    }
    this.draw();
  }

  #draw() {
    const bad = this.wire.rows.reduce((sum, row) => sum + (isBad(row) ? 1 : 0), 0);
    const count = this.choice.querySelector(".count");
    count.textContent = bad;
    count.hidden = bad === 0;
    fill(this.totals, plural(this.timeline.total, "row"), this.wire.dropped > 0 && ", " + this.wire.dropped.toLocaleString("en") + " older ones dropped");
  }
}
