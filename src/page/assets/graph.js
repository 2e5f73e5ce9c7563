// A workflow as it is drawn: its nodes from the first down to the ends, the ways between them, and the rows that are at each.

import { fill, h, visible } from "./dom.js";

const WIDTH = 226;
/** Of a node: its head, the line of its rows, each of its cases; and between two nodes. */
const [HEAD, ROWS, CASE, GAP] = [38, 19, 17, 26];
/** Ways that do not lead to the next node run beside them, so far apart. */
const LANE = 12;

/** So many rows are drawn as dots; more are a number. */
const DOTS = 18;

/** The nodes from the first on, each after all that lead to it; what nothing leads to comes last. */
function ordered(parts) {
  const depth = parts.map(() => Infinity);
  const walk = (at, far, passed) => {
    if (passed.has(at) || (depth[at] !== Infinity && depth[at] >= far)) return;
    depth[at] = far;
    for (const { to } of parts[at].next ?? []) if (parts[to]) walk(to, far + 1, new Set(passed).add(at));
  };
  walk(0, 0, new Set());
  return parts.map((_, at) => at).sort((one, other) => depth[one] - depth[other] || one - other);
}

const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

const words = (when) => (when.length > 0 ? when.map((one) => one.replaceAll("_", " ")).join(", ") : "otherwise");

/** The drawing. What it shows is also told in words, for those who do not see it. */
export function graph(parts) {
  const order = ordered(parts);
  const rank = parts.map((_, at) => order.indexOf(at));
  const boxes = [];
  let below = 1;
  for (const at of order) {
    const part = parts[at];
    const here = part.total - part.done;
    const ways = (part.next ?? []).filter(({ to }) => parts[to]);
    const cases = ways.length > 1 || ways.some(({ when }) => when) ? ways : [];
    const height = HEAD + (here > 0 ? ROWS : 0) + cases.length * CASE + (cases.length > 0 ? 4 : 0);
    boxes[at] = { part, here, ways, cases, top: below, height };
    below += height + GAP;
  }
  // Whatever leads to a node from afar shares its lane; short ways run inside.
  const far = new Map();
  const drawn = [];
  for (const at of order) {
    const { part, ways, cases, top, height, here } = boxes[at];
    ways.forEach(({ to }, which) => {
      const gone = part.done > 0 && parts[to].total > 0;
      const next = rank[to] === rank[at] + 1;
      if (next && (cases.length === 0 || which === cases.length - 1)) return void drawn.push({ at, to, gone });
      const y = cases.length > 0 ? top + HEAD + (here > 0 ? ROWS : 0) + which * CASE + CASE / 2 : top + height - 10;
      if (!far.has(to)) far.set(to, []);
      far.get(to).push({ y, gone });
    });
  }
  const lanes = [...far].map(([to, from]) => {
    const end = boxes[to].top + 14;
    const ys = [...from.map(({ y }) => y), end];
    return { to, from, end, top: Math.min(...ys), bottom: Math.max(...ys) };
  }).sort((one, other) => one.bottom - one.top - (other.bottom - other.top));
  const taken = [];
  for (const lane of lanes) {
    let place = taken.findIndex((others) => others.every((other) => other.bottom < lane.top || other.top > lane.bottom));
    if (place < 0) place = taken.push([]) - 1;
    taken[place].push(lane);
    lane.x = WIDTH + 16 + place * LANE;
  }
  const tip = (x, y, gone, down) => h("path", { class: "tip" + (gone ? " gone" : ""), d: down ? `M${x - 4} ${y - 6}h8l-4 6Z` : `M${x + 6} ${y - 4}v8l-6-4Z` });
  const ways = [
    lanes.map(({ from, end, x, to }) => [...from].sort((one, other) => one.gone - other.gone).map(({ y, gone }) => {
      const turn = end > y ? 5 : -5;
      return h("path", { class: "way" + (gone ? " gone" : ""), d: `M${WIDTH} ${y}H${x - 5}Q${x} ${y} ${x} ${y + turn}V${end - turn}Q${x} ${end} ${x - 5} ${end}H${WIDTH + 5}` });
    }).concat(tip(WIDTH + 1, end, from.some((one) => one.gone) && parts[to].total > 0, false))),
    drawn.map(({ at, to, gone }) => [
      h("path", { class: "way" + (gone ? " gone" : ""), d: `M${WIDTH / 2} ${boxes[at].top + boxes[at].height}V${boxes[to].top - 5}` }),
      tip(WIDTH / 2, boxes[to].top - 1, gone, true)]),
  ];
  const node = (at) => {
    const { part, here, cases, top, height } = boxes[at];
    const first = HEAD + (here > 0 ? ROWS : 0);
    return h("g", { class: "node" + (part.total > 0 ? " reached" : "") + (here > 0 ? " busy" : ""), transform: `translate(1 ${top})` },
      h("title", null, visible(`${part.name}: ${here} here, ${part.done} went on` + (part.rows?.length ? "\n" + part.rows.join("\n") : ""), 400)),
      h("rect", { width: WIDTH - 1, height, rx: 8 }),
      h("text", { class: "node-name", x: 11, y: 17 }, visible(cut(part.name, 30), 60)),
      h("text", { x: 11, y: 31 }, visible(cut(part.kind, 16), 30)),
      h("text", { x: WIDTH - 12, y: 31, "text-anchor": "end" }, part.done > 0 ? part.done.toLocaleString("en") + " passed" : part.total > 0 ? "" : "nobody yet"),
      Array.from({ length: Math.min(here, DOTS) }, (_, dot) => h("circle", { cx: 14 + dot * 9, cy: HEAD + 8, r: 3 })),
      here > 0 && h("text", { class: "here", x: WIDTH - 12, y: HEAD + 12, "text-anchor": "end" }, here.toLocaleString("en")),
      cases.map(({ when = [] }, which) => h("text", { class: "when", x: WIDTH - 10, y: first + which * CASE + CASE / 2 + 4, "text-anchor": "end" }, h("title", null, visible(words(when), 200)), visible(cut(words(when), 34), 60))));
  };
  const width = WIDTH + 10 + taken.length * LANE + (taken.length > 0 ? 8 : 0);
  const told = order.map((at) => `${parts[at].name}: ${boxes[at].here} here, ${parts[at].done} went on`).join("; ");
  const svg = h("svg", { class: "graph", viewBox: `0 0 ${width} ${below - GAP + 2}`, width, height: below - GAP + 2, role: "img", "aria-label": visible("The flow. " + told, 2000) }, ways, order.map(node));
  return fill(h("div", { class: "flow" }), svg);
}
