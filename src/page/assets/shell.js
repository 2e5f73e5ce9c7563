// A line for whoever would rather type: every request of the control surface, as `airudder-mock ctl` has them.

import { ask, get } from "./api.js";
import { button, fill, h, visible } from "./dom.js";
import { lines } from "./json.js";

const MOST = 60;

/** `name key=value a.b=1` as what it asks for. Values are JSON where they are JSON. */
export function read(text) {
  const words = text.match(/(?:[^\s"']+|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? [];
  const fields = {};
  for (const word of words.slice(1)) {
    const at = word.indexOf("=");
    if (at < 1) throw new Error("fields are written NAME=VALUE, not `" + word + "`");
    let value = word.slice(at + 1);
    if (/^'.*'$/s.test(value)) value = value.slice(1, -1);
    try { value = JSON.parse(value); } catch { /* It is text. */ }
    const path = word.slice(0, at).split(".");
    let into = fields;
    for (const name of path.slice(0, -1)) into = into[name] ??= {};
    into[path.at(-1)] = value;
  }
  return { name: words[0] ?? "", fields };
}

export class Shell {
  isOpen = false;
  /** The names of endpoints and events. */
  names = [];
  #calls = [];
  #history = [];
  #at = 0;
  #before = null;

  constructor() {
    this.out = h("div", { class: "shell-out", role: "log", "aria-label": "Answers", tabindex: "0" });
    this.options = h("ul", { class: "completions", role: "listbox", id: "completions", "aria-label": "What fits", hidden: true });
    this.field = h("input", {
      class: "mono", "aria-label": "Command", placeholder: "state", spellcheck: "false", autocomplete: "off", role: "combobox", "aria-expanded": "false", "aria-controls": "completions", "aria-autocomplete": "list",
      onkeydown: (event) => this.#key(event), oninput: () => this.#complete(),
    });
    this.element = h("section", { class: "shell", "aria-label": "Shell", hidden: true },
      this.out, this.options,
      h("form", { class: "line", onsubmit: (event) => { event.preventDefault(); this.#run(); } }, h("span", { class: "prompt", "aria-hidden": "true" }, "›"), this.field, button("", () => this.toggle(), { kind: "plain round", picture: "close", label: "Close the shell" })));
  }

  async toggle() {
    this.isOpen = !this.isOpen;
    this.element.hidden = !this.isOpen;
    if (!this.isOpen) {
      this.#before?.focus?.();
      return;
    }
    this.#before = document.activeElement;
    this.field.focus();
    if (this.#calls.length === 0) {
      try {
        const described = await get("/openapi.json");
        this.#calls = Object.entries(described.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, call]) => ({
          name: call.operationId, method: method.toUpperCase(), path: path.replace(/^\/_mock/, "") || "/", what: call.summary ?? call.description ?? "",
          fields: [
            ...(call.parameters ?? []).map((one) => [one.name, one.description ?? ""]),
            ...Object.entries(call.requestBody?.content?.["application/json"]?.schema?.properties ?? {}).map(([name, one]) => [name, one.description ?? ""])],
        })));
      } catch { /* Nothing is completed then. */ }
      this.#complete();
    }
  }

  /** What may come next at the end of the line. */
  #fitting() {
    const text = this.field.value;
    const [, before, word] = /^(.*?)(\S*)$/s.exec(text);
    if (!before.trim()) return this.#calls.filter((call) => call.name.startsWith(word)).map((call) => ({ line: call.name + " ", shown: call.name, what: call.what }));
    const call = this.#calls.find((one) => one.name === before.trim().split(/\s+/)[0]);
    const [, named, begun] = /^(event|endpoint|callback|call)=(.*)$/.exec(word) ?? [];
    if (named) {
      return this.names.filter((id) => id.startsWith(begun) && id !== begun).map((id) => ({ line: before + named + "=" + id + " ", shown: id, what: "" }));
    }
    return (call?.fields ?? []).filter(([name]) => name.startsWith(word) && !before.includes(" " + name + "=")).map(([name, what]) => ({ line: before + name + "=", shown: name + "=", what: what.replace(/\s+/g, " ") }));
  }

  #complete() {
    const fitting = this.#fitting().slice(0, 8);
    this.options.hidden = fitting.length === 0;
    this.field.setAttribute("aria-expanded", String(fitting.length > 0));
    fill(this.options, fitting.map((one, at) => h("li", { role: "option", "aria-selected": String(at === 0), onclick: () => this.#take(one) }, h("code", null, one.shown), " ", h("span", { class: "quiet" }, visible(one.what, 110)))));
  }

  #take(one) {
    this.field.value = one.line;
    this.field.focus();
    this.#complete();
  }

  #key(event) {
    if (event.key === "Tab" && !event.shiftKey) {
      const [first] = this.#fitting();
      if (first) { this.#take(first); event.preventDefault(); }
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      const at = this.#at + (event.key === "ArrowUp" ? -1 : 1);
      if (at >= 0 && at <= this.#history.length) {
        this.#at = at;
        this.field.value = this.#history[at] ?? "";
        this.#complete();
      }
      event.preventDefault();
    } else if (event.key === "Escape") {
      this.toggle();
      event.stopPropagation();
    }
  }

  #say(kind, ...parts) {
    this.out.append(h("pre", { class: "answer " + kind }, parts));
    while (this.out.children.length > MOST) this.out.firstChild.remove();
    this.out.scrollTop = this.out.scrollHeight;
  }

  async #run() {
    const text = this.field.value.trim();
    if (!text) return;
    this.#history.push(text);
    this.#at = this.#history.length;
    this.field.value = "";
    this.#complete();
    this.#say("asked", "› " + visible(text, 500));
    try {
      const { name, fields } = read(text);
      if (name === "help") return void this.#say("", this.#calls.map((call) => call.name.padEnd(18) + visible(call.what, 100)).join("\n"));
      const call = this.#calls.find((one) => one.name === name);
      if (!call) throw new Error("there is no `" + name + "`; `help` lists all commands");
      if (/stream|events/.test(call.name)) throw new Error("`" + name + "` goes on without end: the timeline shows it");
      const path = call.path.replace(/\{(\w+)\}/g, (_, field) => {
        if (fields[field] === undefined) throw new Error("`" + name + "` needs " + field + "=" + field.toUpperCase());
        const value = fields[field];
        delete fields[field];
        return encodeURIComponent(value);
      });
      this.#say("", lines(await ask(call.method, path, fields)));
    } catch (error) {
      this.#say("bad-text", visible(error.message, 2000));
    }
  }
}
