// Every endpoint and every event with its fields, and where each is known from.

import { get } from "./api.js";
import { fill, h, plural, visible } from "./dom.js";
import { lines } from "./json.js";

const MEANING = {
  documented: "in the vendor's documentation", example: "from an example of the vendor's", client: "seen in a client of the vendor's",
  assumed: "not known: the mock assumes it; you can correct it in the settings",
};

const provenance = (mark) => mark && h("span", { class: "tag " + visible(mark, 12), title: MEANING[mark] }, visible(mark, 12));

export class Catalog {
  entries = null;

  constructor() {
    this.element = h("section", { class: "catalog pane", "aria-label": "Catalog" });
    this.search = h("input", { type: "search", class: "field", placeholder: "Find an endpoint, an event, a mark", "aria-label": "Find in the catalog", oninput: () => this.#list() });
    this.used = h("div");
    this.list = h("div", { class: "entries" });
    fill(this.element, h("h2", null, "Catalog"), this.search, this.used, this.list);
  }

  async load() {
    if (!this.entries) {
      try { this.entries = (await get("/catalog")).entries; } catch { return; }
    }
    this.#list();
    let assumptions, found, settings;
    try { [{ assumptions }, { found }, settings] = await Promise.all([get("/assumptions"), get("/found", { kind: "unread_field" }), get("/settings")]); } catch { return; }
    const open = new Set([...this.used.querySelectorAll("details[open]")].map((one) => one.dataset.part));
    const part = (name, title, count, ...inside) => h("details", { class: "thing assumptions", dataset: { part: name }, open: open.has(name) },
      h("summary", null, h("span", { class: "line" }, h("span", { class: "grow" }, title), count !== null && h("span", { class: "count" }, count))), inside);
    fill(this.used,
      assumptions.length > 0 && part("assumed", "Assumptions used so far", assumptions.length, h("p", { class: "quiet" }, "Not known about the vendor: verify these first."),
        h("ul", { class: "list" }, assumptions.map((one) => h("li", null, h("code", null, visible(one.id, 80)), one.refused && " refused", " ", h("span", { class: "quiet" }, visible(one.what, 600)))))),
      found.length > 0 && part("unread", "Your fields that nothing reads", found.length,
        h("ul", { class: "list" }, found.map((one) => h("li", { class: "line" }, h("span", { class: "grow" }, h("code", null, visible(one.id, 80)), " ", h("span", null, visible(one.message, 400))), h("span", { class: "count" }, one.count))))),
      part("settings", "Current settings", null, h("p", { class: "quiet" }, settings.file ? visible(settings.file, 200) : "No settings file."),
        h("dl", { class: "facts" }, ["seed", "speed", "callback_url", "signature", "strict", "assumed", "allowed", "corrected"].map((key) => [h("dt", null, h("code", null, key)), h("dd", null, visible([settings[key] ?? "none"].flat().join(", ") || "none", 600))])),
        Object.keys(settings.written).length > 0 && h("div", { class: "json" }, lines(settings.written))));
  }

  #list() {
    if (!this.entries) return;
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.entries.filter((entry) => !wanted || entry.id.includes(wanted) || entry.paths.some((path) => path.toLowerCase().includes(wanted)) || entry.provenance === wanted);
    const part = (direction, title) => {
      const some = found.filter((entry) => entry.direction === direction);
      return some.length > 0 && [h("h3", null, title, " ", h("span", { class: "quiet" }, some.length)), h("div", { class: "things" }, some.map((entry) => this.#entry(entry)))];
    };
    fill(this.list, found.length === 0 ? h("p", { class: "quiet" }, "No matches.") : [h("p", { class: "quiet" }, plural(found.length, "entry", "entries")), part("request", "Requests"), part("callback", "Callbacks")]);
  }

  #entry(entry) {
    const fields = h("div", { class: "fields" });
    const details = h("details", { class: "thing", ontoggle: () => { if (details.open && !fields.firstChild) this.#fields(entry.id, fields); } },
      h("summary", null,
        h("span", { class: "line" }, h("code", { class: "grow" }, visible(entry.id, 80)), entry.corrected && h("span", { class: "tag" }, "corrected"), provenance(entry.provenance)),
        entry.paths.length > 0 && h("span", { class: "mono quiet address" }, visible(entry.paths.join(", "), 300))),
      fields);
    return details;
  }

  async #fields(id, into) {
    fill(into, h("p", { class: "quiet" }, "…"));
    try {
      const { entry, fields } = await get("/catalog/" + encodeURIComponent(id));
      const lists = fields?.endpoint ? [["Request", fields.endpoint.request], ["Response", fields.endpoint.response]] : fields?.callback ? [["Body", fields.callback]] : [];
      fill(into, entry.help && h("p", null, visible(entry.help, 400)),
        lists.length === 0 && h("p", { class: "quiet" }, "Its fields are your own."),
        lists.map(([title, some]) => [h("h3", null, title), some.length === 0 ? h("p", { class: "quiet" }, "No fields.")
          : h("dl", { class: "field-list" }, some.map((field) => [
            h("dt", null, h("code", null, visible(field.path, 120)), " ", h("span", { class: "quiet" }, visible(field.type, 80) + (field.required && title === "Request" ? ", required" : "")), " ", provenance(field.provenance)),
            h("dd", null, visible(field.help, 600), field.allowed.length > 0 && [" One of ", h("code", null, visible(field.allowed.join(", "), 300)), "."], !field.has_effect && title === "Request" && " It has no effect.")]))]));
    } catch (error) {
      fill(into, h("p", { class: "bad-text" }, visible(error.message, 300)));
    }
  }
}
