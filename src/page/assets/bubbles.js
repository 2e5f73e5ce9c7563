// The messages of a chat, as a messaging app shows them.

import { h, icon, minuteOf, visible } from "./dom.js";

const MOST = 8_000;

/** Who says it: `me` is the person at the other end. */
export function side(message) {
  switch (message.sender_type) {
    case "user": return "me";
    case "robot":
    case "chatbot": return "bot";
    case "system": return "system";
    default: return "agent";
  }
}

export const initials = (name) => (String(name || "?").trim().split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "").join("") || "?").toUpperCase();

const TICKS = { send: ["✓", "sent"], delivery: ["✓✓", "delivered"], read: ["✓✓", "read"], failed: ["!", "not delivered"] };

function ticks(message) {
  const [sign, words] = TICKS[message.status] ?? ["", String(message.status ?? "")];
  return sign && h("span", { class: "ticks " + visible(message.status, 10), title: words }, sign, h("span", { class: "offscreen" }, " " + words));
}

/** The turns of a call, as bubbles. */
export function turns(said) {
  const at = (seconds) => (typeof seconds === "number" ? Math.floor(seconds / 60) + ":" + String(Math.floor(seconds % 60)).padStart(2, "0") : "");
  let before = "";
  return said.map((one) => {
    const who = one.Speaker === "user" ? "me" : "bot";
    const again = before === who;
    before = who;
    return h("div", { class: "bubble " + who + (again ? " again" : "") },
      !again && h("span", { class: "who" }, who === "me" ? "Person" : "Robot"), text(one.Text), h("span", { class: "stamp" }, at(one.Offset)));
  });
}

/** What was said in a call, with its recording if it is at hand. */
export function call(body) {
  const link = String(body.RecordLink ?? body.record_link ?? "");
  const path = location.protocol === "file:" ? null : own(link, /^(\/_ns\/[^/]+)?\/(download|recordings?)\//);
  return [
    path && h("audio", { controls: true, preload: "none", src: path, class: "recording", "aria-label": "Recording" }),
    !path && link && h("p", { class: "quiet address" }, "Recording: ", h("code", null, visible(link, 300))),
    h("div", { class: "messages", role: "log", "aria-label": "What was said", tabindex: "0" }, turns(body.Dialog)),
  ];
}

/** The path of a file of this mock, if it is one: nothing is fetched from elsewhere. */
function own(url, under = /^(\/_ns\/[^/]+)?\/media\//) {
  try {
    const parsed = new URL(url, location.href);
    const local = (host) => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);
    const here = parsed.origin === location.origin || (local(parsed.hostname) && local(location.hostname));
    return here && under.test(parsed.pathname) ? parsed.pathname + parsed.search : null;
  } catch {
    return null;
  }
}

function media(kind, file) {
  const url = String(file?.origin_url ?? "");
  const name = visible(file?.name ?? url.split("/").pop() ?? kind, 80);
  const path = location.protocol === "file:" ? null : own(url);
  // The mock's own picture is a dot.
  if (kind === "image" && path && !path.endsWith("/picture.png")) return h("img", { class: "media", src: path, alt: name, loading: "lazy" });
  return h("span", { class: "file" }, icon("file", 20), h("span", null, h("bdi", { class: "file-name" }, name), h("span", { class: "quiet" }, kind)));
}

const MARKS = { marks: true };

const text = (words) => h("p", { class: "words", dir: "auto" }, visible(words, MOST, MARKS));

/** What a message says. `act` presses and chooses; nothing where nobody can. */
function content(said, { act, last }) {
  switch (said?.type) {
    case "text":
    case "button": return [text(said.text)];
    case "image":
    case "video":
    case "audio":
    case "file": return [media(said.type, said.media)];
    case "template": {
      const { header, body, footer, button = [] } = said.template?.content ?? {};
      const elements = said.template?.ins_content?.payload?.elements ?? [];
      return [
        header && (header.type === "text" ? h("p", { class: "words head", dir: "auto" }, visible(header.text, MOST, MARKS)) : media(header.type, header.media)),
        body !== undefined && text(body),
        footer && h("p", { class: "words foot", dir: "auto" }, visible(footer, MOST, MARKS)),
        elements.map((one) => [h("p", { class: "words head", dir: "auto" }, visible(one.title, MOST, MARKS)), text(one.subtitle ?? "")]),
        choices(button.map((one) => [one.text, act && (() => act({ press: one.text }))])),
      ];
    }
    case "interactive": {
      const inner = said.interactive ?? {};
      if (inner.button_reply) return [text(inner.button_reply.title)];
      if (inner.list_reply) return [text(inner.list_reply.title)];
      const choose = act && last ? (option) => () => act({ choose: option.id ?? option.title }) : () => null;
      const buttons = (inner.action?.buttons ?? []).map((one) => one.reply ?? {}).map((one) => [one.title, choose(one)]);
      const rows = (inner.action?.sections ?? []).flatMap((section) => (section.rows ?? []).map((row) => [section.title, row]));
      return [
        text(inner.body?.text ?? ""),
        inner.footer?.text && h("p", { class: "words foot", dir: "auto" }, visible(inner.footer.text, MOST, MARKS)),
        inner.type === "list" ? h("details", { class: "options", open: last }, h("summary", null, icon("wire", 14), visible(inner.action?.button ?? "Options", 60)),
          choices(rows.map(([, row]) => [row.title, choose(row)]))) : choices(buttons),
      ];
    }
    case "system": return [text(said.system?.type ?? "")];
    default: return [h("pre", { class: "words mono" }, visible(JSON.stringify(said), 1000))];
  }
}

function choices(list) {
  return list.length > 0 && h("div", { class: "choices" }, list.map(([label, act]) =>
    h("button", { type: "button", class: "choice", disabled: !act, onclick: act || null, dir: "auto" }, visible(label, 200, MARKS))));
}

/** What another message says, in short, above the one that answers it. */
const quote = (words) => h("blockquote", { class: "quote", dir: "auto" }, visible(words, 120, MARKS));

const WHO = { bot: "Bot", agent: "Agent" };

/** All messages, with the days between them. */
export function bubbles(messages, act) {
  const out = [];
  let day = "";
  let before = "";
  messages.forEach((message, at) => {
    const date = new Date(message.at).toDateString();
    if (date !== day) {
      out.push(h("div", { class: "day" }, h("span", null, date === new Date().toDateString() ? "Today" : date)));
      day = date;
      before = "";
    }
    const who = side(message);
    const name = who === "agent" ? "Agent" + (message.seat_id ? " " + visible(message.seat_id, 30) : "") : WHO[who];
    const last = at === messages.length - 1;
    out.push(h("div", { class: "bubble " + who + (before === who ? " again" : ""), dataset: { id: message.msg_id } },
      name && before !== who && h("span", { class: "who" }, name),
      h("span", { class: "offscreen" }, who === "me" ? "You: " : ""),
      message.reply && quote(message.reply),
      content(message.content, { act, last }),
      who !== "system" && h("span", { class: "stamp" }, minuteOf(message.at), ticks(message))));
    before = who;
  });
  return out;
}
