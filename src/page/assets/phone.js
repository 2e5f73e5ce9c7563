// The phone, where whoever looks at the page is the end user.

import { get, post } from "./api.js";
import { announce, button, copy, fill, h, icon, menu, minuteOf, redraw, visible } from "./dom.js";
import { bubbles, initials, turns } from "./bubbles.js";
import { hue } from "./timeline.js";

const PHASES = { bot: "with the bot", transfer: "waiting for an agent", agent: "agent", closed: "ended" };

/** How often a chat is looked at while it is open, beside every entry of the journal. */
const LOOK = 900;

/** So many chats are listed at first, so many more each time, and so many at most. */
const [CHATS, MORE, MOST] = [20, 80, 1_000];

const face = (name, id) => h("span", { class: "face h" + Math.floor(hue(id) / 30), "aria-hidden": "true" }, visible(initials(name), 4));

const numberOf = (chat) => (/^\d{7,15}$/.test(chat.user_id) ? "+" + chat.user_id : chat.user_id);

export class Phone {
  #chat = null;
  #open = "";
  #drawn = "";
  #timer = 0;
  #sent = new Map();
  #asked = false;
  #most = CHATS;
  /** Whether a chat is being begun. */
  #begins = false;

  /** `go` opens a chat in the address of the page, `only` shows what belongs to it on the wire. */
  constructor({ go, only, clock }) {
    this.tell = { go, only, clock };
    this.element = h("section", { class: "phone", "aria-label": "Phone" });
    this.#begin();
  }

  #begin() {
    this.field = h("textarea", {
      class: "say", rows: "1", placeholder: "Message", "aria-label": "Message", autocomplete: "off",
      onkeydown: (event) => this.#key(event), oninput: () => this.#grow(),
    });
    this.messages = h("div", { class: "messages", role: "log", "aria-label": "Messages", tabindex: "0" });
    this.head = h("header", { class: "chat-head" });
    this.note = h("div", { class: "chat-note", role: "status" });
    this.composer = h("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); this.#say(); } },
      button("", (event) => menu(event.currentTarget, ["image", "video", "audio", "file"].map((kind) => ["Send " + { image: "an image", video: "a video", audio: "a voice note", file: "a file" }[kind], () => this.#act({ send: kind })])),
        { kind: "plain round", picture: "clip", label: "Attach", "aria-haspopup": "menu" }),
      this.field,
      h("button", { type: "submit", class: "button round primary", "aria-label": "Send", title: "Send (Enter)" }, icon("send", 18)));
  }

  /** Shows a chat, or the list of them. */
  open(conversation) {
    this.#open = conversation;
    this.#begins = false;
    this.#chat = null;
    this.#drawn = "";
    this.element.classList.toggle("in-chat", !!conversation);
    if (conversation) fill(this.element, this.head, this.messages, this.note, this.composer);
    else fill(this.element, h("p", { class: "quiet pad" }, "…"));
    this.look();
  }

  set visible(seen) {
    clearInterval(this.#timer);
    if (seen) {
      this.look();
      this.#timer = setInterval(() => this.look(), LOOK);
    }
    this.seen = seen;
  }

  /** Asks for what is new, one request at a time. */
  async look() {
    if (this.#asked || this.#begins || document.hidden) return;
    this.#asked = true;
    const wanted = this.#open;
    try {
      const [found, calls] = wanted ? [await get("/chats/" + encodeURIComponent(wanted))] : await Promise.all([get("/chats", { limit: this.#most }), get("/calls", { limit: 20 })]);
      if (wanted === this.#open && !this.#begins) wanted ? this.#show(found) : this.#list(found, calls);
    } catch (error) {
      if (wanted && wanted === this.#open && error.status === 404) { announce(error.message, "bad"); this.tell.go(""); }
    } finally {
      this.#asked = false;
    }
  }

  /** A phone call: as long as it rings, whoever looks at the page can answer it. */
  #call(call) {
    const rings = call.state === "ringing";
    const answer = (fields) => async () => {
      try { await post("/calls/" + encodeURIComponent(call.call), fields); } catch (error) { announce(error.message, "bad"); }
      this.look();
    };
    const said = h("div", { class: "messages", role: "log", "aria-label": "Conversation with " + visible(call.number, 20), tabindex: "0" }, turns(call.said));
    requestAnimationFrame(() => { said.scrollTop = said.scrollHeight; });
    return h("li", { class: "call " + (rings ? "ringing" : "talking"), dataset: { of: call.call } },
      h("span", { class: "face", "aria-hidden": "true" }, icon("ring", 18)),
      h("span", { class: "chat-text" },
        h("bdi", { class: "chat-name" }, visible(call.number, 20)),
        h("span", { class: "quiet" }, rings ? "rings: " : "on the phone: ", h("bdi", null, visible(call.name || call.robot, 60)))),
      rings && h("span", { class: "line" },
        button("Answer", (event) => menu(event.currentTarget, [["Answer and talk", answer({ outcome: "talked" })],
          ...[["A", "Talk, and agree (A)"], ["F", "Talk, and decline (F)"]].map(([intention, text]) => [text, answer({ outcome: "talked", intention })]),
          ["Hang up at once", answer({ outcome: "hung_up" })], ["Let the machine answer", answer({ outcome: "voicemail" })]]), { kind: "primary small", "aria-haspopup": "menu" }),
        button("Busy", answer({ outcome: "busy" }), { kind: "small" }),
        button("Ignore", answer({ outcome: "no_answer" }), { kind: "small" })),
      button("Wire", () => this.tell.only({ id: call.task, what: "task" }), { kind: "small" }),
      call.said.length > 0 && said);
  }

  #list(found, calls) {
    const state = JSON.stringify([found, calls]);
    if (state === this.#drawn || document.querySelector(".menu")) return;
    this.#drawn = state;
    const at = this.element.querySelector(".chats")?.scrollTop ?? 0;
    redraw(this.element, () => this.#drawList(found, calls));
    this.element.querySelector(".chats")?.scrollTo({ top: at });
  }

  #drawList({ chats, total }, { calls, total: all }) {
    const of = (listed, total) => total > listed && h("span", { class: "quiet" }, " " + listed.toLocaleString("en") + " of " + total.toLocaleString("en"));
    const more = () => { this.#most = Math.min(MOST, this.#most + MORE); this.look(); };
    fill(this.element,
      calls.length > 0 && [h("header", { class: "chat-head" }, h("h2", { class: "grow" }, "Calls", of(calls.length, all))), h("ul", { class: "calls", "aria-live": "polite" }, calls.map((call) => this.#call(call)))],
      h("header", { class: "chat-head", dataset: { of: "chats" } }, h("h2", { class: "grow" }, "Chats", of(chats.length, total)),
        button("New chat", () => this.#new(), { kind: "primary small", picture: "plus" })),
      chats.length === 0
        ? h("div", { class: "empty" }, h("p", { class: "lead" }, "No chats yet"),
          h("p", null, "Be the end user: start a chat, write, press buttons, ask for an agent. The callbacks appear on the wire."),
          button("Start a chat", () => this.#new(), { kind: "primary" }))
        : h("ul", { class: "chats" }, chats.map((chat) => h("li", { dataset: { of: chat.conversation } },
          h("button", { type: "button", class: "chat", onclick: () => this.tell.go(chat.conversation) },
            face(chat.name, chat.user_id),
            h("span", { class: "chat-text" },
              h("span", { class: "chat-top" }, h("bdi", { class: "chat-name" }, visible(chat.name, 60)), h("span", { class: "quiet" }, minuteOf(chat.last_at ?? chat.started))),
              h("span", { class: "chat-last" }, h("bdi", null, visible(chat.last || chat.channel || "no messages", 90)),
                chat.phase !== "bot" && h("span", { class: "tag " + chat.phase }, chat.phase === "transfer" ? "wants an agent" : chat.phase === "agent" ? "agent" : "ended")))))),
        total > chats.length && this.#most < MOST && h("li", { class: "more", dataset: { of: "more" } }, button("Show more", more, { kind: "small" }))));
  }

  #new() {
    const name = h("input", { class: "field", "aria-label": "Name", placeholder: "Name (default: one that fits)" });
    const number = h("input", { class: "field", "aria-label": "Number", placeholder: "Number, +62…, or a new one", inputmode: "tel" });
    const words = h("input", { class: "field", "aria-label": "First message", placeholder: "First message", value: "hello" });
    const wrong = h("p", { class: "bad-text", role: "alert" });
    this.#begins = true;
    const back = () => { this.#begins = false; this.#drawn = ""; this.look(); };
    fill(this.element,
      h("header", { class: "chat-head" }, button("", back, { kind: "plain round", picture: "back", label: "Back to the chats" }), h("h2", { class: "grow" }, "New chat")),
      h("form", { class: "new-chat", onsubmit: async (event) => {
        event.preventDefault();
        try {
          const begun = await post("/chats", Object.fromEntries(Object.entries({ name: name.value.trim(), number: number.value.trim(), write: words.value.trim() }).filter(([, value]) => value)));
          this.#begins = false;
          this.tell.go(begun.conversation);
        } catch (error) { wrong.textContent = visible(error.message, 300); }
      } },
      h("label", null, "Who writes", name), h("label", null, "From which number", number), h("label", null, "What they write", words), wrong,
      h("button", { type: "submit", class: "button primary" }, "Start the chat")));
    words.focus();
    words.select();
  }

  #show(found) {
    const state = JSON.stringify(found);
    const still = this.tell.clock().speed === "0";
    if (state + still === this.#drawn) return;
    const first = this.#chat === null;
    const atEnd = first || this.messages.scrollTop + this.messages.clientHeight >= this.messages.scrollHeight - 40;
    this.#chat = found;
    this.#drawn = state + still;
    const { chat, ended, next, messages } = found;
    const over = chat.phase === "closed";
    const open = found.playable;
    const typing = !!next && Date.parse(next) > this.tell.clock().moment() - 500 && chat.phase === "bot" && chat.played;
    fill(this.head,
      button("", () => this.tell.go(""), { kind: "plain round", picture: "back", label: "Back to the chats" }),
      face(chat.name, chat.user_id),
      h("div", { class: "grow chat-who" }, h("h2", null, h("bdi", null, visible(chat.name, 60))),
        h("p", { class: "quiet" }, h("bdi", null, visible(numberOf(chat), 40)), " · ",
          h("span", { class: "phase " + chat.phase }, (PHASES[chat.phase] ?? chat.phase) + (chat.phase === "agent" && chat.seat_id ? " " + visible(chat.seat_id, 20) : "")))),
      button("", (event) => menu(event.currentTarget, [
        ...(open ? [
          ["Ask for a human agent", () => this.#act({ ask_for_agent: true })],
          ["Fall silent", () => this.#act({ fall_silent: true }).then((done) => done && announce("The person stops writing, until the next action"))],
          ["Opt out", () => this.#act({ opt_out: true })],
        ] : []),
        ["Show on the wire", () => this.tell.only({ id: chat.conversation, what: "conversation" })],
        ["Copy the call_id", () => copy(chat.conversation, "call_id")],
      ]), { kind: "plain round", picture: "more", label: "What the person does", "aria-haspopup": "menu" }));
    const drawn = bubbles(messages, open ? (act) => this.#act(act) : null);
    if (typing) drawn.push(h("div", { class: "bubble bot typing", role: "img", "aria-label": "The bot is typing" }, h("i"), h("i"), h("i")));
    if (chat.phase === "transfer") drawn.push(h("div", { class: "event" }, "An agent was requested: your system responds with ", h("code", null, "/api/v1/session/transfer_result"), "."));
    if (over) drawn.push(h("div", { class: "event" }, "The conversation has ended", ended ? " (" + visible(ended, 40) + ")" : "", "."));
    fill(this.messages, drawn);
    if (atEnd) this.messages.scrollTop = this.messages.scrollHeight;
    const why = !open && !over ? "On a channel of your own, your system sends what users write."
      : found.opted_out && !over ? "This person has opted out of messages."
      : !chat.played && open ? "The mock plays this person until you write something."
      : still && typing ? "The clock is stopped: the bot answers when it moves." : "";
    fill(this.note, why && h("p", null, why, still && typing && button("+1 min", () => this.tell.clock().by("1m"), { kind: "small" })));
    this.composer.hidden = !open;
    if (first && open && matchMedia("(hover: hover)").matches && document.activeElement === document.body) this.field.focus();
  }

  #key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#say();
    } else if (event.key === "ArrowUp" && this.field.value === "") {
      const last = this.#sent.get(this.#open) ?? this.#lastOwn();
      if (last) { this.field.value = last; this.#grow(); event.preventDefault(); }
    }
  }

  #lastOwn() {
    const own = this.#chat?.messages.filter((one) => one.sender_type === "user" && one.content?.type === "text").at(-1);
    return own ? String(own.content.text) : "";
  }

  #grow() {
    this.field.style.height = "auto";
    // The height of the box has the borders, that of what is in it has not.
    const borders = this.field.offsetHeight - this.field.clientHeight;
    this.field.style.height = Math.min(this.field.scrollHeight + borders, 140) + "px";
  }

  #say() {
    const words = this.field.value.trim();
    if (!words) return;
    this.field.value = "";
    this.#grow();
    this.#sent.set(this.#open, words);
    this.messages.scrollTop = this.messages.scrollHeight;
    this.#act({ write: words });
  }

  async #act(act) {
    try {
      await post("/user", { conversation: this.#open, ...act });
      this.messages.scrollTop = this.messages.scrollHeight;
      await this.look();
      return true;
    } catch (error) {
      announce(error.message, "bad");
      return false;
    }
  }
}
