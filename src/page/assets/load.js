// The load that runs beside this mock: what is sent, how fast it is answered, what goes wrong.

import { get } from "./api.js";
import { fill, h, plural, took, visible } from "./dom.js";

const LOOK = 500;

const number = (value) => Math.round(value).toLocaleString("en");
const perSecond = (value) => (value < 10 ? value.toFixed(1) : number(value)) + "/s";
const millis = (value) => took(Math.round(value * 1000));
const seconds = (value) => (value < 120 ? Math.round(value) + " s" : Math.floor(value / 60) + " min " + Math.round(value % 60) + " s");
const percent = (part, whole) => (whole > 0 ? (part / whole) * 100 : 0);

/** What went wrong, each with its name. */
const WRONG = [["wrong_status", "answered otherwise"], ["timed_out", "timed out"], ["failed", "not answered"], ["dropped", "never sent"]];

const [WIDTH, HEIGHT, TOP] = [328, 92, 14];

/** Lines over the time of the run, with the highest value on top. `lines` are pairs of a class and what it shows. */
function chart(run, name, lines, show) {
  const end = Math.max(run.duration_s, run.at_s, 1);
  const most = Math.max(...run.points.flatMap((point) => lines.map(([, of]) => of(point))), 0) || 1;
  const x = (at) => ((at / end) * WIDTH).toFixed(1);
  const y = (value) => (HEIGHT - 2 - (value / most) * (HEIGHT - TOP - 4)).toFixed(1);
  const last = run.points.at(-1);
  const told = lines.map(([kind, of]) => kind + " " + (last ? show(of(last)) : "none")).join(", ");
  return h("figure", { class: "chart" },
    h("figcaption", { class: "line" }, h("span", { class: "grow" }, name), lines.map(([kind]) => h("span", { class: "legend " + kind }, kind))),
    h("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${name}: ${told} at last, ${show(most)} at most` },
      h("path", { class: "grid", d: `M0 ${TOP}H${WIDTH}M0 ${HEIGHT - 2}H${WIDTH}` }),
      lines.map(([kind, of]) => {
        const places = run.points.map((point) => x(point.at_s) + " " + y(of(point)));
        if (places.length === 0) return null;
        return [kind !== "planned" && h("path", { class: "area " + kind, d: `M${x(run.points[0].at_s)} ${HEIGHT - 2}L${places.join("L")}L${x(last.at_s)} ${HEIGHT - 2}Z` }), h("path", { class: "stroke " + kind, d: "M" + places.join("L") })];
      }),
      h("text", { x: 0, y: TOP - 4 }, show(most)), h("text", { x: WIDTH, y: TOP - 4, "text-anchor": "end" }, seconds(end))));
}

export class Load {
  #timer = 0;
  #run = null;

  /** `found` is told once there is a load. */
  constructor({ found }) {
    this.tell = { found };
    this.element = h("section", { class: "load pane", "aria-label": "Load", tabindex: "0" });
    this.#draw(false);
  }

  /** Looks whether this is the mock of a load, and goes on looking if it is. */
  async look() {
    let run;
    try { ({ run } = await get("/load")); } catch {
      if (this.#run) this.#draw(true);
      return;
    }
    if (!run) return;
    if (!this.#run) this.tell.found();
    this.#run = run;
    this.#draw(false);
    if (!this.#timer) this.#timer = setInterval(() => { if (!document.hidden) this.look(); }, LOOK);
  }

  #draw(ended) {
    const run = this.#run;
    if (!run) return void fill(this.element, h("p", { class: "quiet" }, "This mock serves no load."));
    const { counts } = run;
    const bad = WRONG.reduce((sum, [key]) => sum + counts[key], 0);
    const waits = Math.max(0, counts.planned - counts.sent - counts.dropped - counts.withheld);
    const figure = (value, name, kind = "") => h("div", { class: "sum " + kind }, h("strong", null, value), h("span", { class: "quiet" }, name));
    const bar = h("i");
    bar.style.width = Math.min(100, percent(run.at_s, run.duration_s)) + "%";
    fill(this.element,
      h("h2", null, "Load ", h("span", { class: "tag " + (ended ? "" : "client") }, ended ? "over" : "running")),
      h("p", { class: "load-plan" }, h("strong", null, visible(run.rate, 120)), " ", run.unit, " to ", h("code", null, visible(run.target, 200))),
      h("p", { class: "quiet" }, visible(run.stories.join(", "), 300)),
      h("p", { class: "line" }, h("span", { class: "bar", "aria-hidden": "true" }, bar), h("span", { class: "quiet numbers" }, seconds(run.at_s) + " of " + seconds(run.duration_s))),
      ended && h("p", { class: "quiet" }, "The mock has ended with the run: these were its last figures. Its report has the evaluation."),
      h("div", { class: "sums" },
        figure(perSecond(run.per_second), "answered"),
        figure(millis(run.p50_ms), "p50"), figure(millis(run.p99_ms), "p99"),
        figure(number(counts.ok), "ok"), figure(number(bad), "bad", bad > 0 ? "bad" : ""), figure(number(run.in_flight), "in flight")),
      bad > 0 && h("p", { class: "line wrap" }, WRONG.filter(([key]) => counts[key] > 0).map(([key, name]) => h("span", { class: "tag wrong" }, name + " " + number(counts[key]))),
        h("span", { class: "quiet" }, percent(bad, counts.ok + bad).toFixed(1) + " % of those that ended")),
      (counts.late > 0 || waits > 0) && h("p", { class: "quiet" }, [counts.late > 0 && number(counts.late) + " sent late", waits > 0 && plural(waits, "event waits", "events wait") + " to be sent"].filter(Boolean).join(", ") + "."),
      h("div", { class: "charts" },
        chart(run, "Events per second", [["planned", (point) => point.planned], ["ok", (point) => point.ok], ["bad", (point) => point.bad]], perSecond),
        chart(run, "Time from the planned instant", [["p99", (point) => point.p99_ms], ["p50", (point) => point.p50_ms]], millis),
        chart(run, "In flight, of " + number(run.in_flight_limit) + " at most", [["flight", (point) => point.in_flight]], number)),
      h("p", { class: "quiet" }, "The sender uses " + Math.round(run.cpu * 100) + " % of its cores. The events of a load are counted, not kept: the timeline does not show them."));
  }
}
