// The page: the world on the left, the wire on the right, and where one stands in the address.

import { BASE, NAMESPACE, get, hear, post } from "./api.js";
import { announce, button, fill, h, icon, menu, perFrame, plural, visible } from "./dom.js";
import { Catalog } from "./catalog.js";
import { Clock, Controls } from "./controls.js";
import { Detail } from "./detail.js";
import { Load } from "./load.js";
import { Objects } from "./objects.js";
import { Phone } from "./phone.js";
import { Shell } from "./shell.js";
import { Stories } from "./stories.js";
import { Timeline } from "./timeline.js";
import { Toolbar } from "./toolbar.js";
import { Wire } from "./wire.js";

const VIEWS = [["load", "Load"], ["phone", "Phone"], ["objects", "Objects"], ["stories", "Stories"], ["catalog", "Catalog"], ["controls", "Controls"]];

// Where one stands: what is in the address, and nowhere else.

const KEYS = ["view", "q", "show", "of", "group", "sel", "tab", "chat", "world"];
const place = {};
const read = () => {
  const given = new URLSearchParams(location.search);
  for (const key of KEYS) place[key] = given.get(key) ?? "";
};
read();

function go(changes, { push = false } = {}) {
  Object.assign(place, changes);
  const query = new URLSearchParams(KEYS.filter((key) => place[key]).map((key) => [key, place[key]])).toString();
  const address = location.pathname + (query ? "?" + query : "");
  if (address !== location.pathname + location.search) history[push ? "pushState" : "replaceState"](null, "", address);
  show();
}

const narrow = matchMedia("(max-width: 760px)");

// The parts.

const wire = new Wire();
const clock = new Clock();
const phone = new Phone({
  go: (chat) => go({ chat }, { push: true }),
  only: (group) => only(group),
  clock: () => clock,
});
const controls = new Controls(clock, {
  badges: () => drawBadges(),
  namespaces: (list) => { namespaces.hidden = !NAMESPACE && list.length === 0; },
  forget: () => forget(),
});
const catalog = new Catalog();
const objects = new Objects({ only: (group) => only(group), chat: (chat) => go({ view: "phone", chat }, { push: true }) });
const stories = new Stories({ search: (q) => go({ q, show: "", of: "", view: narrow.matches ? "wire" : place.view }, { push: true }) });
const load = new Load({ found: () => { worldTabs.querySelector(".view-load").hidden = false; worldTabs.classList.add("has-load"); timeline.quiet = ["A load keeps no journal", "Its events are counted, not kept: Load shows its progress."]; timeline.first = null; timeline.draw(); show(); } });
const resent = new Map();
const detail = new Detail(wire, {
  origin: location.origin + BASE.replace(/\/_mock$/, ""),
  close: () => close(),
  only: (group) => only(group),
  open: (key) => (wire.find(key) ? open(wire.find(key)) : sayGone(key)),
  tab: (tab) => go({ tab }),
  signature: (entry, fields) => post("/journal/" + entry.seq + "/signature", fields),
  resend: async (row, changed) => {
    const sent = await post("/callbacks/" + row.number + "/resend", changed === undefined ? {} : { body: changed });
    resent.set(sent.callback, row.key);
    wanted = "c" + sent.callback;
    drawWanted();
    return sent;
  },
});
const timeline = new Timeline(wire, {
  select: (row) => { if (!detail.element.hidden && row.kind !== "group") open(row, { focus: false }); },
  open: (row) => open(row),
  clear: () => go({ q: "", show: "", of: "" }),
});
const shell = new Shell();

let wanted = "";
/** Whether all that the mock has kept is here. */
let hasAll = false;

/** A row that is about to come is opened when it does. */
function drawWanted() {
  const row = wanted && wire.find(wanted);
  if (!row) return;
  wanted = "";
  row.of = resent.get(row.number);
  open(row, { push: true, tab: "" });
}

function open(row, { push = false, focus = true, tab } = {}) {
  if (!row) return;
  detail.show(row, tab);
  go({ sel: row.key, tab: tab ?? (row.key === place.sel ? place.tab : "") }, { push: push || !place.sel });
  if (focus && narrow.matches) detail.element.querySelector("button")?.focus();
}

function close() {
  const had = detail.element.contains(document.activeElement);
  detail.show(null);
  go({ sel: "", tab: "" });
  if (had) timeline.list.focus();
}

/** What is in an address may be gone. */
function sayGone(key) {
  const what = { c: "Callback", r: "Request", n: "Note" }[key[0]] ?? "Row";
  announce(what + " " + (/\d+/.exec(key)?.[0] ?? visible(key, 20)) + " is no longer kept", "warn");
}

/** Lets go of all rows. */
function forget() {
  wire.clear();
  resent.clear();
  wanted = "";
  close();
  timeline.draw();
  toolbar.draw();
}

function only(group) {
  go({ of: group.id, q: "", show: "", view: narrow.matches ? "wire" : place.view, sel: narrow.matches ? "" : place.sel }, { push: true });
  if (narrow.matches) detail.show(null);
}

// The frame.

if (NAMESPACE) document.title = visible(NAMESPACE, 64) + ": " + document.title;
const toolbar = new Toolbar(wire, timeline, go);
const badges = h("div", { class: "badges" });
let settings = {};

const home = BASE.replace(/\/_ns\/[^/]+/, "");
const namespaces = h("button", { type: "button", class: "button small plain namespaces" + (NAMESPACE ? " inside" : ""), hidden: !NAMESPACE, "aria-haspopup": "menu", title: "Go to another namespace", onclick: async () => {
  let list = [];
  try { list = (await (await fetch(home + "/namespaces", { headers: { accept: "application/json" } })).json()).namespaces; } catch { /* Only the way back is left. */ }
  const to = (address) => () => { location.href = address; };
  menu(namespaces, [["The mock itself", to(home + "/")], ...list.map((one) => [visible(one.name, 40), to("/_ns/" + encodeURIComponent(one.name) + "/_mock/")])]);
} }, h("span", null, NAMESPACE ? visible(NAMESPACE, 40) : "namespaces"), icon("fold", 12));
const state = h("span", { class: "state", role: "status" }, h("span", { class: "light" }), h("span", { class: "state-text" }, "connecting"));
const clockButton = h("button", { type: "button", class: "button plain clock", title: "The mock's clock", onclick: () => go({ view: "controls", world: "" }) }, icon("clock", 16), clock.text, clock.mark);
const theme = button("", () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("airudder-mock-theme", document.documentElement.dataset.theme); } catch { /* It is kept for this visit only. */ }
}, { kind: "plain round", picture: "sun", label: "Light or dark" });
try { if (localStorage.getItem("airudder-mock-theme")) document.documentElement.dataset.theme = localStorage.getItem("airudder-mock-theme"); } catch { /* As the system has it. */ }

const away = h("div", { class: "mistake away", role: "alert", hidden: true });
const mistake = h("div", { class: "mistake", role: "alert", hidden: true });
const world = h("section", { class: "world", "aria-label": "The world", id: "world" });
const worldTabs = h("nav", { class: "views", "aria-label": "Views" }, [["wire", "Wire"], ...VIEWS].map(([view, name]) =>
  h("button", { type: "button", dataset: { view }, class: "view-" + view, hidden: view === "load", onclick: () => go({ view, sel: narrow.matches ? "" : place.sel, world: "" }) }, icon(view, 18), h("span", null, name))));
const wirePane = h("section", { class: "wire", "aria-label": "The wire" },
  toolbar.element,
  h("div", { class: "wire-body" }, timeline.element, detail.element));

document.body.append(
  h("a", { class: "skip", href: "#rows" }, "Skip to the timeline"),
  h("header", { class: "top" },
    button("", () => go({ world: place.world ? "" : "hidden" }), { kind: "plain round side", picture: "side", label: "Show or hide the world" }),
    h("h1", null, h("span", { class: "logo", "aria-hidden": "true" }, icon("in", 12), icon("out", 12)), h("span", null, "AI Rudder mock")),
    namespaces,
    h("span", { class: "grow" }), badges, clockButton, state,
    button("", () => shell.toggle(), { kind: "plain round", picture: "shell", label: "Shell", title: "Shell (Ctrl+`)" }), theme),
  away,
  mistake,
  h("main", { class: "frame" }, worldTabs, world, wirePane),
  shell.element);

const panes = { load: load.element, phone: phone.element, objects: objects.element, stories: stories.element, catalog: catalog.element, controls: controls.element };
let shownView = "";
let shownChat = null;

function show() {
  const first = worldTabs.querySelector(".view-load").hidden ? "" : "load";
  const view = narrow.matches ? place.view || first || "wire" : place.view && place.view !== "wire" ? place.view : first || "phone";
  document.body.dataset.view = view;
  document.body.classList.toggle("no-world", place.world === "hidden" && !narrow.matches);
  for (const tab of worldTabs.children) tab.dataset.view === view ? tab.setAttribute("aria-current", "page") : tab.removeAttribute("aria-current");
  if (view !== shownView) {
    shownView = view;
    fill(world, panes[view] ?? []);
    phone.visible = view === "phone";
    objects.visible = view === "objects";
    stories.visible = view === "stories";
    if (view === "catalog") catalog.load();
    if (view === "controls") controls.refresh();
  }
  if (place.chat !== shownChat) phone.open(shownChat = place.chat);
  toolbar.show(place);
  if (place.sel !== (detail.row?.key ?? "")) {
    const row = place.sel && wire.find(place.sel);
    if (row) detail.show(row, place.tab);
    else if (!place.sel || hasAll) detail.show(null);
    if (!row && place.sel && hasAll) {
      sayGone(place.sel);
      return go({ sel: "", tab: "" });
    }
  }
  document.body.classList.toggle("has-detail", !!detail.row);
  if (timeline.selected !== place.sel) timeline.select(place.sel, { scroll: !!place.sel && !timeline.following });
}

/** Everything that makes this mock behave otherwise than one that was just started. */
function drawBadges() {
  const badge = (view, kind, text, title) => h("button", { type: "button", class: "badge " + kind, title, onclick: () => go({ view, world: "" }) }, text);
  const { strict = "standard", assumed, corrected = [] } = settings;
  const faults = controls.faults.filter((fault) => !fault.spent);
  fill(badges,
    faults.length > 0 && badge("controls", "bad", plural(faults.length, "fault"), faults.map((fault) => visible(fault.kind, 60)).join(", ")),
    corrected.length > 0 && badge("catalog", "extra", plural(corrected.length, "correction"), "From the settings: " + visible(corrected.join(", "), 300)),
    strict !== "standard" && badge("catalog", "extra", visible(strict, 12), "How strict the mock is"),
    assumed === "refuse" && badge("catalog", "extra", "assumed: refused", "Entries that are only assumed about the vendor are refused"));
}

const refreshSettings = () => get("/settings").then((now) => { settings = now; drawBadges(); return sayFirst(); }).catch(() => {});

/** The first request, for those who have made none: as `serve` prints it. */
async function sayFirst() {
  const [account] = (await get("/objects", { limit: 1 })).accounts;
  const address = location.origin + BASE.replace(/\/_mock$/, "");
  // Secrets are shown by nothing but the default, which is in the manual.
  const secret = account?.app_key === "AIRudderMockKey0000001" && !settings.written?.accounts ? "AIRudderMockSecret0001" : "...";
  timeline.first &&= account ? [address, `curl -s ${address}/service/cloud/auth -d APPKey=${account.app_key} -d APPSecret=${secret}`] : [];
  timeline.draw();
}

let taken = null;
let watching = 0;

/** What came of files that changed: a mistake is shown until it is mended. */
function drawFiles(files) {
  if (!files?.watched) return;
  if (!watching) watching = setInterval(() => { if (!document.hidden) get("/state").then((now) => drawFiles(now.files), () => {}); }, 1500);
  mistake.hidden = !files.mistake;
  fill(mistake, files.mistake && [h("strong", null, "A changed file has a mistake. The previous content stays in force."), h("pre", null, visible(files.mistake, 4000))]);
  if (taken !== null && files.taken > taken) announce(files.waiting.length > 0 ? "Taken over, but for " + files.waiting.join(", ") + ", which takes effect at the next start" : "The changed file was taken over");
  if (taken !== null && files.taken > taken) refreshSettings();
  taken = files.taken;
}

window.addEventListener("popstate", () => { read(); show(); });
narrow.addEventListener("change", show);

document.addEventListener("keydown", (event) => {
  if (event.key === "`" && event.ctrlKey) { shell.toggle(); event.preventDefault(); return; }
  if (event.key === "Escape" && !shell.isOpen && !detail.element.hidden && !document.querySelector(".menu")) { close(); return; }
  if (event.target.closest?.("input, textarea, select") || event.metaKey || event.ctrlKey || event.altKey) return;
  const deeds = {
    "/": () => toolbar.focus(),
    j: () => timeline.step(1), k: () => timeline.step(-1),
    r: () => detail.resend(), e: () => detail.edit(),
    c: () => detail.element.hidden || detail.element.querySelector(".actions button")?.click(),
    g: () => go({ group: place.group ? "" : "1" }),
  };
  if (deeds[event.key] && !event.target.closest?.('[role="listbox"]:focus') || ["/", "r", "e", "c", "g"].includes(event.key)) {
    deeds[event.key]?.();
    event.preventDefault();
  }
});

// What comes.

/** Whether the mock answers, and what is to be done if it does not. */
function drawState(there, now, error) {
  state.classList.toggle("there", there);
  const isGone = NAMESPACE && error?.status === 404;
  state.lastChild.textContent = there ? "live" : isGone ? "removed" : "no answer";
  if (now) { clock.set({ now: now.now }); drawFiles(now.files); }
  if (there) clock.refresh().catch(() => {});
  const said = there || !error ? "" : isGone ? "This namespace has been removed. " : error.status ? "The mock refuses to answer: " + visible(error.message, 400)
    : "The mock does not answer. The page shows what it has seen until now, and goes on when the mock is back.";
  // It is asked each second, and said once.
  if (said === away.dataset.said) return;
  away.dataset.said = said;
  away.hidden = !said;
  fill(away, said, isGone && h("a", { href: home + "/" }, "To the main mock"));
}

/** Another life of the mock: its rows have nothing to do with those that are shown. */
function beginAnew(meanwhile) {
  const had = wire.rows.length > 0;
  forget();
  refreshSettings();
  phone.look();
  if (!meanwhile) return void controls.refreshFaults();
  // It may have been started with other settings.
  controls.refresh();
  readCatalog();
  if (had) announce("Meanwhile the mock was started anew or put back: what was shown before is gone", "warn");
}

const readCatalog = () => get("/catalog").then(({ entries }) => { controls.catalog = entries; catalog.entries = entries; shell.names = entries.map((one) => one.id); }, () => {});

const came = perFrame(() => {
  timeline.draw();
  detail.update();
  toolbar.draw();
  if (wanted) drawWanted();
  if (place.sel && !detail.row) show();
});

show();

let soon = 0;
/** A chat is looked at shortly after something happened, however much it is. */
function lookSoon() {
  if (soon) return;
  soon = setTimeout(() => { soon = 0; phone.look(); }, 150);
}

setInterval(() => { if (!document.hidden) { clock.refresh().catch(() => {}); controls.refreshFaults(); } }, 5000);
readCatalog();
refreshSettings();
load.look();
hear({
  heard: (entry) => {
    wire.add(entry);
    came();
    if (phone.seen && entry.kind !== "queued") lookSoon();
  },
  caughtUp: () => { hasAll = true; came(); },
  state: drawState,
  anew: beginAnew,
});
