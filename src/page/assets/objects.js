// What there is in the mock's world: what requests made, and what callbacks tell of.

import { get } from "./api.js";
import { button, fill, h, plural, visible } from "./dom.js";

const LOOK = 2000;

export class Objects {
  #timer = 0;
  #drawn = "";

  constructor({ only, chat }) {
    this.tell = { only, chat };
    this.element = h("section", { class: "objects pane", "aria-label": "Objects" });
  }

  set visible(seen) {
    clearInterval(this.#timer);
    if (!seen) return;
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK);
  }

  async #look() {
    if (document.hidden) return;
    let state, chats;
    try { [state, { chats }] = await Promise.all([get("/state"), get("/chats")]); } catch { return; }
    const { now: _, ...rest } = state;
    const text = JSON.stringify([rest, chats]);
    if (text === this.#drawn) return;
    this.#drawn = text;
    this.#draw(state, chats);
  }

  #draw(state, chats) {
    const sums = Object.entries(state.callbacks).filter(([name]) => name !== "attempts");
    fill(this.element,
      h("h2", null, "Callbacks"),
      h("div", { class: "sums" }, sums.map(([name, count]) => h("div", { class: "sum" }, h("strong", null, count.toLocaleString("en")), h("span", { class: "quiet" }, name.replace("_", " "))))),
      state.found.length > 0 && [h("h2", null, "Found wrong with your requests"),
        h("ul", { class: "list" }, state.found.map((found) => h("li", null, visible(found.message ?? JSON.stringify(found), 400))))],
      h("h2", null, "Conversations ", h("span", { class: "quiet" }, chats.length)),
      chats.length === 0 && h("p", { class: "quiet" }, "None yet."),
      h("ul", { class: "list" }, chats.slice(0, 100).map((chat) => h("li", { class: "line" },
        h("button", { type: "button", class: "link grow", onclick: () => this.tell.chat(chat.conversation) }, h("bdi", null, visible(chat.name, 60)), " ", h("span", { class: "quiet" }, visible(chat.channel, 20))),
        h("span", { class: "tag " + chat.phase }, chat.phase),
        button("Wire", () => this.tell.only({ id: chat.conversation, what: "conversation" }), { kind: "small" })))),
      h("p", { class: "quiet" }, plural(state.journal.entries, "entry", "entries") + " of the journal kept, " + state.journal.dropped.toLocaleString("en") + " dropped."));
  }
}
