// One row in full: what was sent and answered, byte by byte, each attempt, its signature; and what can be done with it.

import { announce, button, copy, fill, h, icon, perFrame, plural, timeOf, took, visible } from "./dom.js";
import { call } from "./bubbles.js";
import { body, difference } from "./json.js";
import { signature } from "./signature.js";
import { outcome } from "./timeline.js";
import { curl, isBad, isMasked, missed, parsed } from "./wire.js";

const WHY = {
  refused: "nothing listens there", timeout: "no complete response in time", reset: "the connection ended before the response",
  unresolved: "the host's name has no address", tls: "the TLS handshake failed", bad_answer: "the response is not HTTP",
  rejected: "the response does not count as success", not_allowed: "the host is not allowed", unsendable: "it can't be sent",
};

function headers(list) {
  if (!list?.length) return h("p", { class: "quiet" }, "None.");
  return h("dl", { class: "headers" }, list.map(([name, value]) => [
    h("dt", null, visible(name, 120)), h("dd", { class: "mono" }, visible(value, 2000))]));
}

export class Detail {
  row = null;
  #tab = "";
  #version = -1;
  #drawn = "";
  /** The body that is being changed, with the key of its row: what is typed stays until it is sent or given up. */
  #edited = { key: "", form: null };

  /** `doing` has what can be done in a live page; a trace has nothing of it. */
  constructor(wire, doing) {
    this.wire = wire;
    this.doing = doing;
    this.panel = h("div", { class: "panel", role: "tabpanel", id: "tabpanel", tabindex: "0" });
    this.element = h("section", { class: "detail", "aria-label": "Details", id: "detail", hidden: true }, this.panel);
    this.update = perFrame(() => this.#update());
  }

  show(row, tab) {
    const other = row?.key !== this.row?.key;
    this.row = row;
    if (tab !== undefined) this.#tab = tab;
    else if (other) this.#tab = "";
    this.element.hidden = !row;
    this.#drawn = "";
    if (row) this.#draw();
  }

  /** Draws anew if the row has changed. */
  #update() {
    if (!this.row || this.#version === this.wire.version) return;
    this.#version = this.wire.version;
    if (this.#state() !== this.#drawn) this.#draw();
  }

  #state() {
    const { row } = this;
    return row.key + row.state + row.attempts?.length + (row.entry ? "+" : "");
  }

  #tabs() {
    const { row } = this;
    if (row.kind === "note") return ["Note"];
    if (row.kind === "request") return ["Request", "Response", "Headers", row.name.startsWith("chatbot.") && "Signature"].filter(Boolean);
    return [this.#call() && "Call", "Body", "Attempts", !row.entry?.unsigned && "Signature"].filter(Boolean);
  }

  /** What a callback about a call tells, if somebody spoke in it. */
  #call() {
    const told = /call/.test(this.row.name) && parsed(this.row.entry?.body);
    return Array.isArray(told?.Dialog) && told.Dialog.length > 0 ? told : null;
  }

  #draw() {
    const { row, doing } = this;
    this.#drawn = this.#state();
    const tabs = this.#tabs();
    if (this.#tab === "Edit") tabs.push("Edit");
    const tab = tabs.includes(this.#tab) ? this.#tab : tabs[0];
    const [word, kind] = outcome(row);
    const entry = row.entry ?? {};
    const list = h("div", { class: "tabs", role: "tablist", "aria-label": "What to show", onkeydown: (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length];
      this.#open(next);
      this.element.querySelector('[role="tab"][aria-selected="true"]').focus();
      event.preventDefault();
    } }, tabs.map((name) => h("button", {
      type: "button", role: "tab", id: "tab-" + name, "aria-selected": String(name === tab), "aria-controls": "tabpanel", tabindex: name === tab ? "0" : "-1",
      onclick: () => this.#open(name),
    }, name, name === "Attempts" && row.attempts.length > 0 && h("span", { class: "count" }, row.attempts.length))));
    const nameOf = (one) => one.id || one.getAttribute("aria-label") || one.textContent;
    const had = this.element.contains(document.activeElement) && !this.panel.contains(document.activeElement) && nameOf(document.activeElement);
    for (const child of [...this.element.children]) if (child !== this.panel) child.remove();
    // The panel stays, so that who types in it goes on.
    this.panel.before(...[
      h("header", { class: "detail-head" },
        doing.close && button("", () => doing.close(), { kind: "plain back", picture: "back", label: "Back to the list" }),
        h("div", { class: "grow" },
          h("h2", null, h("bdi", null, visible(row.name, 120)), " ", word && h("span", { class: "mark " + kind }, visible(word, 24))),
          h("p", { class: "mono address" }, row.kind === "note" ? "" : visible((entry.method ?? "") + " " + (entry.url ?? (entry.host ?? "") + (entry.path ?? "")), 300))),
        doing.close && button("", () => doing.close(), { kind: "plain close", picture: "close", label: "Close", title: "Close (Esc)" })),
      h("div", { class: "facts-line" },
        h("span", null, { request: "Request", callback: "Callback " + row.number, note: "Note" }[row.kind]),
        h("span", null, new Date(row.at).toLocaleDateString() + " " + timeOf(row.at)),
        row.took !== undefined && h("span", null, took(row.took)),
        row.entry?.unsigned && h("span", null, "not signed"),
        row.faults?.length > 0 && h("span", { class: "tag transfer" }, "on purpose: " + visible(row.faults.join(", "), 120)),
        row.story && h("span", null, "story ", h("bdi", null, visible(row.story, 60))),
        row.group && h("button", { type: "button", class: "link", title: "Show only related entries", onclick: () => doing.only(row.group) },
          (row.group.what || "id") + " ", h("bdi", { class: "mono" }, visible(row.group.id, 40))),
        row.copy && h("button", { type: "button", class: "link", onclick: () => doing.open("c" + row.copy) }, "a copy of " + row.copy),
        row.of && h("button", { type: "button", class: "link", onclick: () => doing.open(row.of) }, "resent from " + /\d+/.exec(row.of)[0])),
      row.kind !== "note" && h("div", { class: "actions" },
        button("Copy as curl", () => copy(curl(row, doing.origin), "curl command", isMasked(row) ? ". Where it says *** a secret is masked: put yours there" : ""), { kind: "small", title: "Copy as curl (c)" }),
        doing.resend && row.kind === "callback" && [
          button("Resend", () => this.resend(), { kind: "small", title: "Resend the same bytes (r)" }),
          button("Edit and resend", () => this.edit(), { kind: "small", title: "Edit and resend (e)" })]),
      this.#banner(tab),
      list].filter(Boolean));
    if (had) [...this.element.querySelectorAll("button")].find((one) => nameOf(one) === had)?.focus();
    this.panel.setAttribute("aria-labelledby", "tab-" + tab);
    if (tab !== "Edit") return void fill(this.panel, this.#panel(tab));
    if (this.#edited.key !== row.key) this.#edited = { key: row.key, form: this.#edit() };
    if (this.#edited.form.parentElement !== this.panel) fill(this.panel, this.#edited.form);
  }

  #open(tab) {
    this.#tab = tab;
    this.doing.tab?.(tab);
    this.#draw();
  }

  /** What went wrong, in a sentence. */
  #banner(tab) {
    const { row } = this;
    if (row.kind !== "callback" || !isBad(row)) return null;
    const last = row.attempts.at(-1);
    if (!last) return null;
    const code = last.status;
    const answered = code ? "Your receiver answered " + code : WHY[last.error] ?? visible(last.error);
    const said = row.reason && code ? ": " + visible(row.reason, 200) : !code && last.message ? ": " + visible(last.message, 300) : "";
    const next = row.state === "retrying" && last.retry_at ? " The next attempt is due at " + timeOf(last.retry_at, false) + "." : row.state === "failed" ? " It was given up." : "";
    return h("div", { class: "banner " + (row.state === "delivered" ? "warn" : "bad") },
      h("span", { class: "grow" }, (answered + said).replace(/[.]?$/, ".") + next),
      (code === 401 || code === 403) && row.entry?.unsigned && h("span", null, "As far as is known, the vendor does not sign it, but your receiver seems to require a signature."),
      (code === 401 || code === 403) && !row.entry?.unsigned && tab !== "Signature" && button("Why is the signature wrong?", () => this.#open("Signature"), { kind: "small" }));
  }

  #panel(tab) {
    const { row, doing } = this;
    const entry = row.entry ?? {};
    switch (tab) {
      case "Note": return [
        h("pre", { class: "code wrap", tabindex: "0", "aria-label": "Note" }, visible(entry.text ?? entry.message ?? row.summary, 20_000)),
        entry.place && h("p", { class: "quiet" }, "at ", h("code", null, visible(entry.place))),
        entry.steps && h("ul", null, entry.steps.map((step) => h("li", null, h("code", null, visible(step.place)), " ", visible(step.step)))),
      ];
      case "Call": return call(this.#call());
      case "Request":
      case "Body": return row.entry ? body(entry.body, entry.body_base64) : h("p", { class: "quiet" }, "No longer kept.");
      case "Response": return body(entry.answer, entry.answer_base64, "Response");
      case "Headers": return headers(entry.headers);
      case "Attempts": return row.attempts.length === 0 ? h("p", { class: "quiet" }, "None yet.") : row.attempts.map((one) => this.#attempt(one));
      case "Signature": {
        const last = row.kind === "callback" ? row.attempts.at(-1) : entry;
        if (!last) return h("p", { class: "quiet" }, "It is signed when it is sent.");
        return signature((fields) => doing.signature(last, fields), { body: last.body ?? entry.body, live: !!doing.resend });
      }
      default: return null;
    }
  }

  #attempt(one) {
    return h("details", { class: "attempt", open: true },
      h("summary", null, h("span", { class: "mark " + (missed(one) ? "bad" : "good") }, visible(one.status ?? (one.error ?? "").replaceAll("_", " "))),
        h("span", null, "Attempt " + one.try), h("span", { class: "quiet" }, timeOf(one.at)), h("span", { class: "quiet" }, took(one.elapsed_us)),
        one.retry_at && h("span", { class: "quiet" }, "next at " + timeOf(one.retry_at, false))),
      one.message && h("p", null, visible(one.message, 2000)),
      h("h3", null, "Sent headers"), headers(one.headers),
      (one.body !== undefined || one.body_base64 !== undefined) && [h("h3", null, "Sent instead of its body, on purpose"), body(one.body, one.body_base64)],
      (one.answer !== undefined || one.answer_base64 !== undefined) && [h("h3", null, "Your receiver answered"), body(one.answer, one.answer_base64, "Answer"),
        one.truncated && h("p", { class: "quiet" }, "It was longer; the rest was not read.")]);
  }

  async resend(changed) {
    const { row, doing } = this;
    if (!doing.resend || row?.kind !== "callback") return;
    try {
      const sent = await doing.resend(row, changed);
      if (changed !== undefined) this.#edited = { key: "", form: null };
      announce("Sent again as callback " + sent.callback);
    } catch (error) {
      announce(error.message, "bad");
    }
  }

  edit() {
    if (!this.doing.resend || this.row?.kind !== "callback") return;
    this.#open("Edit");
    this.panel.querySelector("textarea")?.focus();
  }

  /** Gives up what was typed. */
  #forget(tab) {
    this.#edited = { key: "", form: null };
    this.#open(tab);
  }

  /** The body to change, beside what differs. */
  #edit() {
    const { row } = this;
    const value = parsed(row.entry?.body);
    if (value === undefined) return h("p", { class: "quiet" }, "Its body is not JSON: it can only be sent unchanged.");
    const before = JSON.stringify(value, null, 2);
    const shown = h("div", { class: "change" });
    const wrong = h("p", { class: "bad-text", role: "status" });
    const send = h("button", { type: "submit", class: "button primary" }, "Sign and send");
    const compare = () => {
      try {
        const after = JSON.stringify(JSON.parse(text.value), null, 2);
        wrong.textContent = "";
        send.disabled = false;
        fill(shown, difference(before, after));
      } catch (error) {
        wrong.textContent = error.message;
        send.disabled = true;
      }
    };
    const text = h("textarea", { class: "code edit", spellcheck: "false", "aria-label": "The body to send", value: before, oninput: compare });
    text.setSelectionRange(0, 0);
    text.rows = Math.min(14, before.split("\n").length + 1);
    compare();
    return h("form", { class: "editing", onsubmit: (event) => {
      event.preventDefault();
      this.resend(JSON.parse(text.value));
    } },
    h("p", { class: "quiet" }, "Another body is another callback: it is written without white space and gets a new signature."),
    text, wrong,
    h("div", { class: "line" }, send, button("Cancel", () => this.#forget("Body"))),
    h("h3", null, "What differs"), shown);
  }
}

export const countOf = (rows) => plural(rows, "row");
