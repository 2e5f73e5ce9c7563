// What steers the mock: its clock, what goes wrong on purpose, callbacks by hand, mocks side by side.

import { BASE, NAMESPACE, get, post, remove } from "./api.js";
import { announce, button, fill, h, visible } from "./dom.js";

const attempt = async (work, done) => {
  try {
    await work();
    if (done) announce(done);
    return true;
  } catch (error) {
    announce(error.message, "bad");
    return false;
  }
};

/** A button for what can't be undone: it wants to be pressed twice. */
function sure(text, deed) {
  let timer = 0;
  const own = button(text, () => {
    clearTimeout(timer);
    const asked = own.classList.toggle("asks");
    own.lastChild.textContent = asked ? "Really?" : text;
    if (asked) timer = setTimeout(() => { own.classList.remove("asks"); own.lastChild.textContent = text; }, 4000);
    else deed();
  }, { kind: "small" });
  return own;
}

/** The mock's clock. */
export class Clock {
  now = "";
  speed = "1";
  #at = 0;

  constructor() {
    this.day = h("span", { class: "clock-day" });
    this.time = h("span", null, "--:--");
    this.text = h("span", { class: "mono clock-text" }, this.day, this.time);
    this.mark = h("span", { class: "mark quiet", hidden: true });
    this.changed = () => {};
    setInterval(() => this.#tick(), 250);
  }

  set({ now, speed }) {
    const other = speed !== undefined && speed !== this.speed;
    [this.now, this.#at] = [now, Date.now()];
    if (speed !== undefined) this.speed = speed;
    this.mark.hidden = this.speed === "1";
    this.mark.textContent = this.speed === "0" ? "stands still" : this.speed === "max" ? "jumping" : "×" + this.speed;
    this.mark.className = "mark " + (this.speed === "0" ? "warn" : "quiet");
    this.#tick();
    if (other) this.changed();
  }

  /** The mock's time at this moment. */
  moment() {
    const factor = Number(this.speed);
    return new Date(Date.parse(this.now) + (Number.isFinite(factor) ? (Date.now() - this.#at) * factor : 0));
  }

  #tick() {
    if (!this.now) return;
    const moment = this.moment();
    const day = moment.toDateString() === new Date().toDateString() ? "" : moment.toLocaleDateString([], { day: "numeric", month: "short", year: moment.getFullYear() === new Date().getFullYear() ? undefined : "numeric" }) + " ";
    const time = moment.toLocaleTimeString([], { hour12: false });
    if (day !== this.day.textContent) this.day.textContent = day;
    if (time !== this.time.textContent) this.time.textContent = time;
  }

  async refresh() { this.set(await get("/clock")); }

  by(by) { return attempt(async () => this.set(await post("/clock", { by })), "The clock has moved by " + by); }
  to(to) { return attempt(async () => this.set(await post("/clock", { to })), "The clock has moved"); }
  run(speed) { return attempt(async () => this.set(await post("/clock", { speed }))); }
}

/** A field with its name above it; the field has a name of its own for those who hear the page. */
const label = (text, field) => h("div", { class: "labelled" }, h("span", { class: "quiet", "aria-hidden": "true" }, text), field);

const SPEEDS = [["0", "Still"], ["1", "Real"], ["10", "×10"], ["60", "×60"], ["max", "Jump"]];

/** The faults that are offered; every other one can be written, too. */
const FAULTS = [
  ["signature-wrong", "a wrong signature"], ["signature-missing", "no signature"], ["signature-other-secret", "signed with another secret"],
  ["signature-reserialised", "signed before its JSON was rewritten"], ["duplicate", "the same callback twice"], ["signed-anew", "the same event again, with a new signature"],
  ["reorder", "overtaken by the next ones"], ["delay after=30s", "later"], ["drop", "never"], ["replay", "again much later"], ["answer-lost", "your response gets lost"],
  ["at-once", "twice at the same time"], ["body-missing-field", "a field is missing"], ["body-wrong-type", "a field of another type"], ["body-unknown-fields", "unknown fields"],
  ["body-null", "a field is null"], ["body-truncated", "half of the body"], ["body-empty", "no body"], ["body-huge", "a very long text"], ["body-trickle", "a few bytes at a time"],
  ["connection-reset-before", "reset before the request"], ["connection-reset-during", "reset in the middle"], ["connection-no-keep-alive", "a connection each time"],
  ["503", "your request: 503"], ["429", "your request: too many"], ["500", "your request: 500"], ["late", "your request: a late response"], ["never", "your request: no answer"], ["reset", "your request: reset"],
  ["half", "your request: half a response"], ["garbage", "your request: no JSON"], ["expired-token", "your request: the token has expired"], ["refused-though-done", "your request: 503, although it takes effect"],
];

const WHEN = [["", "each time"], [", first 1", "the first time"], [", first 3", "three times"], [", every 2nd", "every second time"], [" 10%", "one in ten"]];

export class Controls {
  faults = [];
  #events = [];
  #calls = [];

  /** `badges` is told what is in force. */
  constructor(clock, { badges, forget, namespaces }) {
    this.clock = clock;
    this.tell = { badges, forget, namespaces };
    this.element = h("section", { class: "controls pane", "aria-label": "Controls" });
    clock.changed = () => { this.#drawClock(); badges(); };
    this.#draw();
    this.refresh();
  }

  set catalog(entries) {
    this.#events = entries.filter((one) => one.direction === "callback").map((one) => one.id);
    this.#calls = entries.filter((one) => one.direction === "request").map((one) => one.id);
    fill(this.eventNames, this.#events.map((id) => h("option", { value: id })));
    fill(this.names, [...this.#events, ...this.#calls].map((id) => h("option", { value: id })));
  }

  async refresh() {
    await Promise.all([this.clock.refresh().catch(() => {}), this.refreshFaults(), this.#drawSnapshots(), this.#drawNamespaces()]);
  }

  async refreshFaults() {
    try { this.faults = (await get("/faults")).faults; } catch { return; }
    this.#drawFaults();
    this.tell.badges();
  }

  #draw() {
    this.clockBox = h("div");
    this.faultBox = h("div");
    this.snapshotBox = h("div", { class: "stack" });
    this.namespaceBox = h("div");
    this.eventNames = h("datalist", { id: "event-names" });
    this.names = h("datalist", { id: "names" });
    const faultNames = h("datalist", { id: "fault-names" }, FAULTS.map(([value, label]) => h("option", { value, label })));
    fill(this.element, this.eventNames, this.names, faultNames,
      h("h2", null, "Clock"), this.clockBox,
      h("h2", null, "Faults"), this.faultBox, this.#faultForm(),
      h("h2", null, "A callback by hand"), this.#emitForm(),
      h("h2", null, "Snapshots"), this.snapshotBox, this.#snapshotForm(), this.#stateForm(),
      h("h2", null, "Namespaces"), this.namespaceBox, !NAMESPACE && this.#namespaceForm(),
      h("h2", null, "Clean up"),
      h("div", { class: "line wrap" },
        button("Clear the journal", () => attempt(async () => { await remove("/journal"); this.tell.forget(); }, "The journal is empty"), { kind: "small" }),
        button("Expire all tokens", () => attempt(() => post("/tokens/expire"), "All tokens have expired"), { kind: "small" })));
    this.#drawClock();
    this.#drawFaults();
  }

  #drawClock() {
    const to = h("input", { type: "datetime-local", class: "field", step: "1", "aria-label": "Forward to" });
    fill(this.clockBox,
      h("div", { class: "segments", role: "group", "aria-label": "Speed of the clock" }, SPEEDS.map(([speed, name]) =>
        h("button", { type: "button", "aria-pressed": String(this.clock.speed === speed), onclick: () => this.clock.run(speed) }, name))),
      h("div", { class: "line wrap" }, ["10s", "1m", "1h", "24h"].map((by) => button("+" + by, () => this.clock.by(by), { kind: "small" }))),
      h("form", { class: "line", onsubmit: (event) => {
        event.preventDefault();
        if (to.value) this.clock.to(new Date(to.value).toISOString());
      } }, to, h("button", { type: "submit", class: "button small" }, "Jump there")));
  }

  #drawFaults() {
    fill(this.faultBox, this.faults.length === 0 ? h("p", { class: "quiet" }, "No faults are in force.")
      : h("ul", { class: "list" }, this.faults.map((fault) => {
        const name = visible(fault.line, 200);
        return h("li", { class: "line" },
          h("span", { class: "grow" }, h("code", null, name), " ", h("span", { class: "quiet" }, "hit " + fault.hit + " of " + fault.matched)),
          fault.fault
            ? h("button", { type: "button", role: "switch", "aria-checked": "true", class: "switch", "aria-label": name, title: "Remove it",
              onclick: () => attempt(() => remove("/faults/" + fault.fault)).then(() => this.refreshFaults()) })
            : h("span", { class: "tag" }, "in the settings"));
      })));
  }

  #faultForm() {
    const what = h("input", { class: "field", list: "fault-names", required: true, "aria-label": "What goes wrong", placeholder: "signature-wrong, duplicate, 503" });
    const of = h("input", { class: "field", list: "names", "aria-label": "For which callbacks or requests", placeholder: "of all, or session.*" });
    const when = h("select", { class: "field", "aria-label": "When" }, WHEN.map(([value, name]) => h("option", { value }, name)));
    return h("form", { class: "stack", onsubmit: async (event) => {
      event.preventDefault();
      const fault = what.value.trim() + " of " + (of.value.trim() || "*") + when.value;
      if (await attempt(() => post("/faults", { fault }), "The fault is in force")) event.target.reset();
      this.refreshFaults();
    } }, label("What goes wrong", what), h("div", { class: "line" }, label("Of what", of), label("When", when)), h("button", { type: "submit", class: "button small" }, "Add the fault"));
  }

  #emitForm() {
    const event = h("input", { class: "field", list: "event-names", required: true, "aria-label": "Event", placeholder: "session.transfer" });
    const conversation = h("input", { class: "field mono", "aria-label": "Conversation", placeholder: "call_id, or a new conversation" });
    const body = h("textarea", { class: "field mono", rows: "2", "aria-label": "Fields over the generated body", placeholder: '{ "company": "Indonesia" }', spellcheck: "false" });
    return h("form", { class: "stack", onsubmit: (submitted) => {
      submitted.preventDefault();
      attempt(async () => {
        const fields = { event: event.value.trim() };
        if (conversation.value.trim()) fields.conversation = conversation.value.trim();
        if (body.value.trim()) fields.body = JSON.parse(body.value);
        const sent = await post("/emit", fields);
        const doubts = sent.warnings ?? [];
        announce("Callback " + sent.callback + " is on its way" + doubts.map((doubt) => "; " + visible(doubt, 300)).join(""), doubts.length > 0 ? "warn" : "");
      });
    } }, label("Event", event), label("Conversation", conversation), label("Fields over the generated body", body), h("button", { type: "submit", class: "button small" }, "Send it"));
  }

  /** Does what leads the mock elsewhere: what the page shows is not so any more. */
  async #lead(work, done) {
    if (await attempt(work, done)) this.tell.forget();
    await this.refresh();
  }

  async #drawSnapshots() {
    let list = [];
    try { list = (await get("/snapshots")).snapshots; } catch { return; }
    const path = (one) => "/snapshots/" + encodeURIComponent(one.name);
    fill(this.snapshotBox, list.length === 0 ? h("p", { class: "quiet" }, "None yet. A snapshot saves the present state, so that you can restore it.")
      : h("ul", { class: "list" }, list.map((one) => h("li", { class: "stack" },
        h("span", { class: "line" }, h("bdi", { class: "grow" }, visible(one.name, 80)), h("span", { class: "quiet" }, new Date(one.at).toLocaleString([], { hour12: false }))),
        h("span", { class: "line wrap" },
          button("Restore", () => this.#lead(() => post(path(one) + "/restore"), "Restored from the snapshot"), { kind: "small" }),
          !NAMESPACE && button("Branch", () => attempt(async () => {
            const made = await post("/branch", { snapshot: one.name });
            announce("The namespace " + made.name + " continues from there");
          }).then(() => this.#drawNamespaces()), { kind: "small", title: "A namespace that continues from there" }),
          h("a", { class: "button small", href: BASE + "/export?" + new URLSearchParams({ snapshot: one.name }), download: "" }, "Export"),
          button("Remove", () => attempt(() => remove(path(one))).then(() => this.#drawSnapshots()), { kind: "small" }))))));
  }

  #snapshotForm() {
    const name = h("input", { class: "field", required: true, "aria-label": "Name of a snapshot", placeholder: "before the campaign" });
    return h("form", { class: "line", onsubmit: async (event) => {
      event.preventDefault();
      if (await attempt(() => post("/snapshots", { name: name.value.trim() }))) event.target.reset();
      this.#drawSnapshots();
    } }, name, h("button", { type: "submit", class: "button small" }, "Take one"));
  }

  /** The state as a file, out and in, and back to the beginning. */
  #stateForm() {
    const file = h("input", { type: "file", accept: ".json,application/json", class: "field", "aria-label": "An exported state" });
    return h("div", { class: "stack later" },
      h("div", { class: "line wrap" },
        h("a", { class: "button small", href: BASE + "/export", download: "" }, "Export the present state"),
        sure("Reset to the beginning", () => this.#lead(() => post("/reset"), "It was reset"))),
      h("form", { class: "line", onsubmit: (event) => {
        event.preventDefault();
        if (file.files[0]) this.#lead(async () => { await post("/import", await file.files[0].text()); event.target.reset(); }, "It has the state of the file");
      } }, file, h("button", { type: "submit", class: "button small" }, "Import")));
  }

  async #drawNamespaces() {
    const root = BASE.replace(/\/_ns\/[^/]+/, "");
    if (NAMESPACE) {
      fill(this.namespaceBox, h("p", null, "This is the namespace ", h("code", null, visible(NAMESPACE, 64)), ". ", h("a", { href: root + "/" }, "Back to the main mock")));
      return;
    }
    let list = [];
    try { list = (await get("/namespaces")).namespaces; } catch { return; }
    this.tell.namespaces(list);
    const again = () => this.#drawNamespaces();
    fill(this.namespaceBox, list.length === 0 ? h("p", { class: "quiet" }, "None yet. A namespace is a separate mock at the same address, for tests that run in parallel.") : h("ul", { class: "list" }, list.map((one) => h("li", { class: "line" },
      h("a", { class: "grow", href: "/_ns/" + encodeURIComponent(one.name) + "/_mock/" }, visible(one.name, 64)),
      button("Reset", () => attempt(() => post("/namespaces/" + encodeURIComponent(one.name) + "/reset"), "It was reset").then(again), { kind: "small" }),
      button("Remove", () => attempt(() => remove("/namespaces/" + encodeURIComponent(one.name))).then(again), { kind: "small" })))));
  }

  #namespaceForm() {
    const name = h("input", { class: "field", "aria-label": "Name of a namespace", placeholder: "name, or a free one" });
    return h("form", { class: "line", onsubmit: async (event) => {
      event.preventDefault();
      if (await attempt(() => post("/namespaces", name.value.trim() ? { name: name.value.trim() } : {}))) event.target.reset();
      this.#drawNamespaces();
    } }, name, h("button", { type: "submit", class: "button small" }, "Add one"));
  }
}
