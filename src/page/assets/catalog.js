// Every endpoint and every event, and where each is known from.

import { get } from "./api.js";
import { fill, h, plural, visible } from "./dom.js";

const MEANING = {
  documented: "in the vendor's documentation", example: "from an example of the vendor's", client: "seen in a client of the vendor's",
  assumed: "not known: the mock assumes it, and you can correct it in the settings",
};

export class Catalog {
  entries = null;

  constructor() {
    this.element = h("section", { class: "catalog pane", "aria-label": "Catalog" });
    this.search = h("input", { type: "search", class: "field", placeholder: "Find an endpoint or an event", "aria-label": "Find in the catalog", oninput: () => this.#list() });
    this.list = h("div", { class: "entries" });
    fill(this.element, h("h2", null, "Catalog"), this.search, this.list);
  }

  async load() {
    if (!this.entries) {
      try { this.entries = (await get("/catalog")).entries; } catch { return; }
    }
    this.#list();
  }

  #list() {
    if (!this.entries) return;
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.entries.filter((entry) => !wanted || entry.id.includes(wanted) || entry.paths.some((path) => path.toLowerCase().includes(wanted)) || entry.provenance === wanted);
    const part = (direction, title) => {
      const some = found.filter((entry) => entry.direction === direction);
      return some.length > 0 && [h("h3", null, title, " ", h("span", { class: "quiet" }, some.length)),
        h("ul", { class: "list" }, some.map((entry) => h("li", { class: "entry" },
          h("div", { class: "line" }, h("code", { class: "grow" }, visible(entry.id, 80)),
            entry.corrected && h("span", { class: "tag" }, "corrected"),
            h("span", { class: "tag " + entry.provenance, title: MEANING[entry.provenance] }, entry.provenance)),
          entry.paths.length > 0 && h("p", { class: "mono quiet address" }, visible(entry.paths.join(", "), 300)))))];
    };
    fill(this.list, found.length === 0 ? h("p", { class: "quiet" }, "Nothing fits.") : [h("p", { class: "quiet" }, plural(found.length, "entry", "entries")), part("request", "Requests"), part("callback", "Callbacks")]);
  }
}
