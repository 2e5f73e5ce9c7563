// Stories: scenarios to begin, and how far those are that have begun.

import { get, post, remove } from "./api.js";
import { announce, button, fill, h, plural, visible } from "./dom.js";

const LOOK = 1500;

/** So many stories are shown, the newest. */
const SHOWN = 30;

const TAGS = { planned: "", running: "client", passed: "agent", failed: "wrong", stopped: "" };

/** What somebody writes into a field: JSON where it is JSON, else a text. */
const value = (text) => { try { return JSON.parse(text); } catch { return text; } };

/** How far a story is: the step it is at or stopped at, not the number of those behind it. */
const stepOf = ({ state, taken, steps }) => state === "planned" ? plural(steps, "step") : "step " + Math.min(taken + 1, steps) + " of " + steps;

export class Stories {
  #timer = 0;
  #drawn = "";
  #scenarios = null;

  /** `search` shows what belongs to something on the wire. */
  constructor({ search }) {
    this.tell = { search };
    this.begun = h("div", { class: "things", role: "region", "aria-label": "Begun" });
    this.find = h("input", { type: "search", class: "field", placeholder: "Find a scenario", "aria-label": "Find a scenario", oninput: () => this.#list() });
    this.list = h("div", { class: "things" });
    this.element = h("section", { class: "stories pane", "aria-label": "Stories" });
    fill(this.element, h("h2", null, "Stories"), this.begun, h("h2", null, "Scenarios"), this.find, this.list, this.#own());
  }

  set visible(seen) {
    clearInterval(this.#timer);
    if (!seen) return;
    this.#load();
    this.#look();
    this.#timer = setInterval(() => { if (!document.hidden) this.#look(); }, LOOK);
  }

  async #load() {
    try { this.#scenarios = (await get("/scenarios")).scenarios; } catch { return; }
    this.#list();
  }

  async #look() {
    let found;
    try { found = await get("/stories", { limit: SHOWN }); } catch { return; }
    const text = JSON.stringify(found);
    if (text === this.#drawn) return;
    this.#drawn = text;
    const focused = document.activeElement?.closest?.("[data-story]")?.dataset.story;
    fill(this.begun,
      found.stories.length === 0 && h("p", { class: "quiet" }, "None yet. A story plays a conversation or a campaign step by step, and reports where your system does not do what is expected."),
      found.stories.map((one) => this.#story(one)),
      found.total > found.stories.length && h("p", { class: "quiet" }, (found.total - found.stories.length).toLocaleString("en") + " older ones"));
    if (focused) this.begun.querySelector(`[data-story="${CSS.escape(focused)}"] button`)?.focus();
  }

  #story(one) {
    const bar = h("i");
    bar.style.width = (one.steps > 0 ? (one.taken / one.steps) * 100 : 0) + "%";
    const over = !["planned", "running"].includes(one.state);
    return h("article", { class: "thing story", dataset: { story: String(one.story) } },
      h("span", { class: "line" }, h("bdi", { class: "grow name" }, visible(one.name, 80)), h("span", { class: "tag " + (TAGS[one.state] ?? "") }, visible(one.state, 20))),
      h("span", { class: "line" }, h("span", { class: "bar", "aria-hidden": "true" }, bar), h("span", { class: "quiet numbers" }, stepOf(one))),
      one.at.map((at) => h("p", { class: "quiet" }, h("code", null, visible(at.step, 80)), " ", visible(at.place, 120), at.until && ", until " + new Date(at.until).toLocaleTimeString([], { hour12: false }))),
      one.failed.map((failed) => h("div", { class: "failed" }, h("p", { class: "mono quiet" }, visible(failed.place, 160)), h("p", { class: "bad-text" }, visible(failed.message, 2000)))),
      one.failures > one.failed.length && h("p", { class: "bad-text" }, plural(one.failures - one.failed.length, "further failure")),
      h("span", { class: "line" },
        button("Wire", () => this.tell.search('"' + one.name + '"'), { kind: "small", title: "Related entries" }),
        !over && button("Stop", () => this.#stop(one.story), { kind: "small" })));
  }

  #list() {
    if (!this.#scenarios) return;
    const wanted = this.find.value.trim().toLowerCase();
    const fits = (one) => !wanted || [one.scenario, one.name, one.about].some((text) => text.toLowerCase().includes(wanted));
    const found = this.#scenarios.filter(fits);
    fill(this.list, found.length === 0 && h("p", { class: "quiet" }, "No matches."), found.map((one) => this.#scenario(one)));
  }

  #scenario(one) {
    const fields = Object.entries(one.variables).map(([name, usual]) => {
      const shown = typeof usual === "string" ? usual : JSON.stringify(usual);
      const field = h("input", { class: "field mono", placeholder: visible(shown, 80), "aria-label": "Variable " + visible(name, 60), spellcheck: "false" });
      return { name, field };
    });
    const begin = (event) => {
      event.preventDefault();
      const set = Object.fromEntries(fields.filter(({ field }) => field.value !== "").map(({ name, field }) => [name, value(field.value)]));
      this.#begin({ scenario: one.scenario, ...(Object.keys(set).length > 0 && { set }) });
    };
    return h("details", { class: "thing scenario" },
      h("summary", null, h("span", { class: "line" }, h("bdi", { class: "grow name" }, visible(one.name, 80)), one.given && h("span", { class: "tag" }, "yours"),
        one.mistake ? h("span", { class: "tag wrong" }, "wrong") : h("span", { class: "quiet" }, plural(one.steps, "step") + (one.copies > 1 ? ", " + one.copies + " copies" : "")))),
      h("p", { class: "mono quiet address" }, visible(one.scenario, 120)),
      one.about && h("p", null, visible(one.about, 1000)),
      one.mistake ? h("pre", { class: "bad-text" }, visible(one.mistake, 4000))
        : h("form", { class: "stack", onsubmit: begin }, fields.map(({ name, field }) => h("label", null, visible(name, 60), field)),
          h("button", { type: "submit", class: "button primary small" }, "Begin")));
  }

  /** A scenario file of one's own. */
  #own() {
    const file = h("input", { type: "file", accept: ".toml", class: "field", "aria-label": "A scenario file of yours" });
    return h("form", { class: "stack", onsubmit: async (event) => {
      event.preventDefault();
      if (file.files[0] && await this.#begin({ text: await file.files[0].text() })) event.target.reset();
    } }, h("h3", null, "A file of yours"), file, h("button", { type: "submit", class: "button small" }, "Start this one"));
  }

  async #begin(what) {
    try {
      const { stories } = await post("/stories", what);
      announce(stories.length === 1 ? "It has started" : plural(stories.length, "story", "stories") + " have begun");
      this.#look();
      return true;
    } catch (error) {
      announce(error.message, "bad");
      return false;
    }
  }

  async #stop(story) {
    try { await remove("/stories/" + story); } catch (error) { announce(error.message, "bad"); }
    this.#look();
  }
}
