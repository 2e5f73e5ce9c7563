// What there is in the mock's world: what requests made, and what callbacks tell of.

import { get, post } from "./api.js";
import { announce, button, fill, h, plural, redraw, visible } from "./dom.js";
import { graph } from "./graph.js";

const LOOK = 2000;

/** So many of each kind are listed at first, so many more each time, and so many conversations at most. */
const [FIRST, MORE, MOST_CHATS] = [50, 200, 1_000];

const KINDS = { plan: "Plans", task: "Tasks", dialer_task: "Dialer tasks", workflow: "Workflows", campaign: "Campaigns" };

const AGENT = { free: "free", break: "on a break", ringing: "a call rings", talking: "on a call", result: "writes the result" };

export class Objects {
  #timer = 0;
  #drawn = "";
  #open = new Set();
  /** How many of each kind are listed. */
  #most = FIRST;

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
    if (document.hidden || this.element.contains(document.activeElement) && document.activeElement.matches(":active")) return;
    let state, chats, world;
    const limit = this.#most;
    try { [state, chats, world] = await Promise.all([get("/state"), get("/chats", { limit: Math.min(limit, MOST_CHATS) }), get("/objects", { limit })]); } catch { return; }
    const { now: _, ...rest } = state;
    const text = JSON.stringify([rest, chats, world]);
    if (text === this.#drawn) return;
    this.#drawn = text;
    redraw(this.element, () => this.#draw(state, chats, world));
  }

  /** How many there are, and how many of them are listed. */
  #count(listed, total) {
    return h("span", { class: "quiet" }, (listed < total ? listed.toLocaleString("en") + " of " : "") + total.toLocaleString("en"));
  }

  #more(name, listed, total, most = Infinity) {
    const more = () => { this.#most += MORE; this.#look(); };
    return listed < total && listed < most && h("p", { class: "more", dataset: { of: "more " + name } }, button("Show more", more, { kind: "small", label: "Show more " + name.toLowerCase() }));
  }

  #draw(state, { chats, total }, { objects, totals, agents, accounts }) {
    const { queued, delivered, ...others } = state.callbacks;
    const sums = Object.entries(others).filter(([name, count]) => name !== "attempts" && count > 0);
    const kinds = Object.entries(KINDS).map(([kind, title]) => [title, objects.filter((one) => one.kind === kind), totals[kind]]).filter(([, some]) => some.length > 0);
    fill(this.element,
      h("h2", null, "Callbacks"),
      h("p", { class: "line" }, this.#bar(delivered, queued), h("span", { class: "quiet numbers" }, delivered.toLocaleString("en") + " of " + queued.toLocaleString("en") + " delivered")),
      sums.length > 0 && h("p", { class: "line wrap sum-tags" }, sums.map(([name, count]) => h("span", { class: "tag " + (name === "failed" ? "wrong" : "") }, name.replace("_", " ") + " " + count.toLocaleString("en")))),
      state.found.length > 0 && h("details", { class: "thing found", dataset: { of: "found" }, open: this.#open.has("found"), ontoggle: (event) => this.#open[event.target.open ? "add" : "delete"]("found") },
        h("summary", null, h("span", { class: "line" }, h("span", { class: "grow" }, "Findings about your requests"), h("span", { class: "count" }, state.found.length))),
        h("ul", { class: "list" }, state.found.map((found) => h("li", null, visible(found.message ?? JSON.stringify(found), 400))))),
      kinds.length === 0 && chats.length === 0 && h("p", { class: "quiet empty-note" }, "Tasks, plans, workflows and campaigns that your requests create are listed here with their progress."),
      kinds.map(([title, some, all]) => [h("h2", null, title, " ", this.#count(some.length, all)), h("div", { class: "things" }, some.map((one) => this.#thing(one))), this.#more(title, some.length, all)]),
      h("h2", null, "Conversations ", this.#count(chats.length, total)),
      chats.length === 0 && h("p", { class: "quiet" }, "None yet."),
      h("ul", { class: "list" }, chats.map((chat) => h("li", { class: "line", dataset: { of: chat.conversation } },
        h("button", { type: "button", class: "link grow", onclick: () => this.tell.chat(chat.conversation) }, h("bdi", null, visible(chat.name, 60)), " ", h("span", { class: "quiet" }, visible(chat.channel, 20))),
        h("span", { class: "tag " + visible(chat.phase, 10) }, visible(chat.phase, 10)), this.#wire(chat.conversation, "conversation")))),
      this.#more("Conversations", chats.length, total, MOST_CHATS),
      agents.length > 0 && [h("h2", null, "Dialer agents"), h("ul", { class: "list" }, agents.map((agent) => h("li", { class: "line", dataset: { of: "agent " + agent.name } },
        h("span", { class: "grow" }, visible(agent.name, 40), agent.number && h("span", { class: "quiet mono" }, " " + visible(agent.number, 20))),
        this.#agentDeeds(agent).map(([text, act]) => button(text, () => this.#agent(agent.name, act), { kind: "small" })),
        h("span", { class: "quiet" }, plural(agent.calls, "call") + " today"), h("span", { class: "tag " + (agent.busy ? "transfer" : agent.on_break ? "" : "agent") }, AGENT[agent.doing] ?? visible(agent.doing, 12)))))],
      h("h2", null, "Accounts"),
      h("ul", { class: "list" }, accounts.map((account) => h("li", null,
        h("div", { class: "line" }, h("code", { class: "grow" }, visible(account.app_key, 60)), h("span", { class: "quiet" }, visible(account.name, 40))),
        account.tokens.length === 0 ? h("p", { class: "quiet" }, "No valid tokens.")
          : account.tokens.map((token) => h("p", { class: "quiet" }, visible(token.kind, 20) + " tokens are valid until " + new Date(token.expires).toLocaleString([], { hour12: false })))))),
      h("p", { class: "quiet" }, plural(state.journal.entries, "entry", "entries") + " of the journal kept, " + state.journal.dropped.toLocaleString("en") + " dropped."));
  }

  /** What an agent can do now: whoever looks at the page may be the agent. */
  #agentDeeds(agent) {
    const pause = agent.on_break ? ["End the break", { break: false }] : ["Break", { break: true }];
    if (agent.doing === "ringing") return [["Take", { take: true }], ["Reject", { reject: true }]];
    if (agent.doing === "talking") return [["Hang up", { hang_up: true }]];
    if (agent.doing === "result") return [["Promise to pay", { save: "Promise to pay" }], ["Call back later", { save: "Call back later" }]];
    return [pause];
  }

  async #agent(agent, act) {
    try { await post("/agents", { agent, ...act }); } catch (error) { announce(error.message, "bad"); }
    this.#drawn = "";
    setTimeout(() => this.#look(), 60);
  }

  /** What leads to the requests that made something, and to the callbacks it caused. */
  #wire(id, what) {
    return h("button", { type: "button", class: "button small", title: "The request that created it, and its callbacks", onclick: () => this.tell.only({ id, what }) }, "Wire");
  }

  #bar(done, total) {
    const bar = h("i");
    bar.style.width = (total > 0 ? (done / total) * 100 : 0) + "%";
    return h("span", { class: "bar", "aria-hidden": "true" }, bar);
  }

  #thing(one) {
    const over = one.total > 0 && one.done === one.total;
    const details = h("details", { class: "thing", dataset: { of: one.id }, open: this.#open.has(one.id), ontoggle: () => this.#open[details.open ? "add" : "delete"](one.id) },
      h("summary", null,
        h("span", { class: "line" }, h("bdi", { class: "grow name" }, visible(one.name, 60)), h("span", { class: "tag " + (over ? "agent" : "") }, visible(one.status, 24))),
        h("span", { class: "line" }, this.#bar(one.done, one.total), h("span", { class: "quiet numbers" }, one.done.toLocaleString("en") + " / " + one.total.toLocaleString("en")))),
      h("p", { class: "mono quiet address" }, visible(one.id, 64)),
      one.created && h("p", { class: "quiet" }, "since " + new Date(one.created).toLocaleString([], { hour12: false })),
      one.sums.length > 0 && h("p", { class: "line wrap" }, one.sums.map((sum) => h("span", { class: "tag" }, visible(sum.name, 30) + " " + sum.count.toLocaleString("en")))),
      one.parts.some((part) => part.next) ? [graph(one.parts), h("details", { class: "told in-words", dataset: { of: one.id + " nodes" }, open: this.#open.has(one.id + " nodes"), ontoggle: (event) => this.#open[event.target.open ? "add" : "delete"](one.id + " nodes") },
        h("summary", null, "Node by node"), this.#parts(one))] : one.parts.length > 0 && this.#parts(one),
      this.#wire(one.id, one.kind.replace("_", " ")));
    return details;
  }

  #parts(one) {
    return h("ol", { class: "parts" }, one.parts.map((part) => h("li", { class: part.total > 0 ? "reached" : "" },
        h("span", { class: "line" }, h("span", { class: "grow" }, visible(part.name, 60), " ", h("span", { class: "quiet" }, visible(part.kind, 30))), h("span", { class: "quiet" }, visible(part.status, 20))),
        h("span", { class: "line" }, this.#bar(part.done, part.total), h("span", { class: "quiet numbers" }, part.done.toLocaleString("en") + " / " + part.total.toLocaleString("en"))),
      part.rows?.length > 0 && h("span", { class: "quiet mono rows-here" }, "here: " + visible(part.rows.join(", "), 200) + (part.total - part.done > part.rows.length ? ", …" : "")))));
  }
}
