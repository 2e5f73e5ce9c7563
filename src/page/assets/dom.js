// Elements are made here and nowhere else. Text is always a text node: nothing that comes from outside is read as HTML.

const SVG = new Set(["svg", "g", "path", "circle", "rect", "text", "title"]);

/** An element with properties (`on…` are listeners, `class`, `dataset`, the rest attributes) and children. */
export function h(tag, properties, ...children) {
  const element = SVG.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "hidden") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) add(element, child);
    else element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Puts these children in place of those that are there. */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

// Control characters, and those that turn the direction of text around: whoever reads has to see that they are there.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

// What joins and parts the letters of Persian or Hindi and the pieces of an emoji belongs to the text. Between letters that do
// not join it would do nothing but hide.
const JOINING = /(?<=[\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f])(?<![\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}])[\u200c\u200d](?=[\p{L}\p{M}\p{Extended_Pictographic}])/gu;

const written = (c) => "⟨U+" + c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0") + "⟩";

/** A text with every invisible character in it written out. */
export const exact = (text) => String(text ?? "").replace(HIDDEN, written);

/** A text as it may be shown: what is invisible or turns text around is written out, but for joiners where they belong, and a
 * long one is cut. `marks` leaves the marks of direction that people write. */
export function visible(text, most = Infinity, { marks = false } = {}) {
  let shown = String(text ?? "");
  if (shown.length > most) shown = shown.slice(0, most).replace(/[\ud800-\udbff]$/, "") + "…";
  // Seldom is anything hidden: most texts are looked at once.
  if (shown.search(HIDDEN) < 0) return shown;
  const joins = new Set(Array.from(shown.matchAll(JOINING), (found) => found.index));
  return shown.replace(HIDDEN, (c, at) => (joins.has(at) || (marks && /[\u200e\u200f]/.test(c)) ? c : written(c)));
}

const PATHS = {
  in: "M20 12H5m6-6-6 6 6 6",
  out: "M4 12h15m-6-6 6 6-6 6",
  note: "M12 5v9m0 4.5v.1",
  dot: "M12 10.6a1.4 1.4 0 1 1 0 2.8 1.4 1.4 0 0 1 0-2.8Z",
  fold: "m7 10 5 5 5-5",
  phone: "M8 3h8a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2Zm3 15h2",
  wire: "M4 7h16M4 12h10M4 17h13",
  objects: "M12 3 4 7v10l8 4 8-4V7l-8-4Zm0 9 8-5m-8 5L4 7m8 5v9",
  catalog: "M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3V4Zm0 13a3 3 0 0 1 3-3h11",
  ring: "M6.5 4h3l1.5 4-2 1.5a11 11 0 0 0 5.5 5.5L16 13l4 1.5v3a2 2 0 0 1-2.2 2A15.5 15.5 0 0 1 4.5 6.2 2 2 0 0 1 6.5 4Z",
  stories: "M6 4h9a3 3 0 0 1 3 3v13H9a3 3 0 0 1-3-3V4Zm4 6 4 2.5-4 2.5V10",
  load: "M4 19V13m5 6V9m5 10v-7m5 7V5",
  controls: "M5 7h8m4 0h2M5 17h2m4 0h8M15 5v4M9 15v4",
  search: "m20 20-4.5-4.5M17 10.5a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0Z",
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  send: "M4 12 20 4l-5 16-3-7-8-1Z",
  clip: "M20 11.5 12 19.5a5 5 0 0 1-7-7l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7L10 17a1.7 1.7 0 0 1-2.4-2.4l7.4-7.3",
  more: "M12 5v.9M12 11.5v.9M12 18v.9",
  plus: "M12 5v14M5 12h14",
  clock: "M12 7v5l3 2m6-2a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  sun: "M12 4V2m0 20v-2m8-8h2M2 12h2m13.7-5.7 1.4-1.4M4.9 19.1l1.4-1.4m0-11.4L4.9 4.9m14.2 14.2-1.4-1.4M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0Z",
  side: "M4 5h16v14H4V5Zm6 0v14",
  shell: "m5 8 4 4-4 4m7 0h7",
  down: "M12 5v14m-6-6 6 6 6-6",
  check: "m5 12.5 4.5 4.5L19 7.5",
  file: "M7 3h7l4 4v14H7V3Zm7 0v4h4",
};

/** A line drawing beside a text that says the same. */
export function icon(name, size = 16) {
  return h("svg", { viewBox: "0 0 24 24", width: size, height: size, class: "icon", "aria-hidden": "true" },
    h("path", { d: PATHS[name] }));
}

/** A button with a text, a drawing or both. `label` is read where there is no text. */
export function button(text, onclick, { kind = "", picture, label, title, ...rest } = {}) {
  return h("button", { type: "button", class: ("button " + kind).trim(), onclick, "aria-label": label, title: title ?? label, ...rest },
    picture && icon(picture), text && h("span", null, text));
}

let announcer;

/** Says something to whoever hears the page, and shows it for a while. */
export function announce(text, kind = "") {
  if (!announcer) document.body.append(announcer = h("div", { class: "toasts", role: "status", "aria-live": "polite" }));
  const toast = h("div", { class: "toast " + kind }, visible(text, 400));
  announcer.append(toast);
  setTimeout(() => toast.remove(), kind ? 8000 : 3000);
}

/** Copies a text and says so, with what else is to be known of it. */
export async function copy(text, what, note = "") {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the permission, or where the page is a file.
    const area = h("textarea", { value: text, class: "offscreen" });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  announce(what + " copied" + note, note && "warn");
}

/** A menu that opens below a button. `items` gives pairs of text and deed. */
export function menu(opener, items) {
  const close = () => {
    list.remove();
    document.removeEventListener("pointerdown", outside, true);
    opener.setAttribute("aria-expanded", "false");
  };
  const outside = (event) => { if (!list.contains(event.target) && !opener.contains(event.target)) close(); };
  const list = h("div", { class: "menu", role: "menu", onkeydown: (event) => {
    const all = [...list.querySelectorAll("button")];
    const at = all.indexOf(document.activeElement);
    if (event.key === "Escape") { close(); opener.focus(); event.stopPropagation(); }
    else if (event.key === "ArrowDown") { all[(at + 1) % all.length].focus(); event.preventDefault(); }
    else if (event.key === "ArrowUp") { all[(at + all.length - 1) % all.length].focus(); event.preventDefault(); }
    else if (event.key === "Tab") close();
  } }, items.map(([text, act]) =>
    h("button", { type: "button", role: "menuitem", onclick: () => { close(); opener.focus(); act(); } }, text)));
  const place = opener.getBoundingClientRect();
  (document.querySelector("main") ?? document.body).append(list);
  const size = list.getBoundingClientRect();
  list.style.left = Math.max(8, Math.min(place.left, innerWidth - size.width - 8)) + "px";
  list.style.top = (place.bottom + size.height + 8 > innerHeight ? place.top - size.height - 4 : place.bottom + 4) + "px";
  opener.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  list.querySelector("button")?.focus();
}

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

/** Draws anew what is in an element, and gives the focus back to what had it: the same one within the same `data-of`. */
export function redraw(element, draw) {
  const had = element.contains(document.activeElement) ? document.activeElement : null;
  const of = had?.closest("[data-of]");
  const at = of ? [...of.querySelectorAll(FOCUSABLE)].indexOf(had) : -1;
  draw();
  const now = of && element.querySelector(`[data-of="${CSS.escape(of.dataset.of)}"]`);
  const all = now ? [...now.querySelectorAll(FOCUSABLE)] : [];
  (all[at] ?? all[0])?.focus({ preventScroll: true });
}

/** Calls at most once for each frame. */
export function perFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; work(); });
  };
}

export const pad = (number, length = 2) => String(number).padStart(length, "0");

/** A moment as a time of day of this place, with milliseconds if wanted. */
export function timeOf(at, millis = true) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  const text = pad(date.getHours()) + ":" + pad(date.getMinutes()) + ":" + pad(date.getSeconds());
  return millis ? text + "." + pad(date.getMilliseconds(), 3) : text;
}

/** The same without seconds. */
export function minuteOf(at) {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "" : pad(date.getHours()) + ":" + pad(date.getMinutes());
}

/** Microseconds as people read them. */
export function took(micros) {
  if (micros === undefined || micros === null) return "";
  if (micros < 1000) return micros + " µs";
  if (micros < 10_000) return (micros / 1000).toFixed(1) + " ms";
  if (micros < 1_000_000) return Math.round(micros / 1000) + " ms";
  return (micros / 1_000_000).toFixed(1) + " s";
}

export const plural = (count, one, more = one + "s") => count.toLocaleString("en") + " " + (count === 1 ? one : more);
