// The page of a watched loop: shows what somebody's own program tells of its training, and holds it where the reader wants.

import { grow } from "./curve.js";
import { showLayers } from "./layers.js";
import { brief, drawCurves, fillTable } from "./plots.js";
import { Line } from "./socket.js";
import { themeButton } from "./theme.js";
import { Tiles } from "./tiles.js";

const $ = (id) => document.getElementById(id);
const count = (n) => n.toLocaleString("en");

const state = { run: "", about: null, moment: { state: "none" }, costs: [], validated: [], tiles: null, open: false, fresh: {} };

const SAYS = {
  none: () => "Waiting for the loop’s first step …",
  running: () => (state.moment.pace ? "The loop runs in slow motion." : "The loop runs."),
  paused: () => `Paused after step ${count(state.moment.step ?? 0)}: the program waits. Take one step, or go on. If every page is closed, it goes on by itself.`,
  ended: () => "The loop is over. What it came to stays here.",
};

// ---------------------------------------------------------------- what the program tells

function hear({ hello, moment, problem }) {
  if (hello) meet(hello);
  if (moment) take(moment);
  if (problem) complain(problem);
}

/** The program as it is now: for the first time, again, or another run than before. */
function meet({ run, about, moment, costs, validated }) {
  if (state.run && state.run !== run) complain("");
  Object.assign(state, { run, about, costs, validated, moment: { state: "none" } });
  delete document.documentElement.dataset.shown;
  document.title = `${about.title} – byhand.watch`;
  $("title").textContent = about.title;
  $("at-size").textContent = brief(about.parameters);
  take(moment);
  document.documentElement.dataset.ready = "yes";
}

function take(moment) {
  for (const [name, value] of Object.entries(moment)) if (value !== null || name === "pace") state.moment[name] = value;
  for (const curve of ["costs", "validated"]) for (const point of moment[curve] ?? []) grow(state[curve], point);
  $("status").textContent = SAYS[state.moment.step ? state.moment.state : "none"]();
  allow();
  state.fresh = { ...state.fresh, ...moment };
  state.frame ||= requestAnimationFrame(show);
}

function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

// ---------------------------------------------------------------- what the page shows

/** Draw what came since the last frame; hidden tabs get no frames, and draw nothing. */
function show() {
  state.frame = 0;
  const { moment, fresh } = state;
  state.fresh = {};
  if (!moment.step) return;
  $("live").hidden = false;
  $("at-step").textContent = count(moment.step);
  $("at-cost").textContent = brief(state.costs.at(-1)?.[1]);
  $("at-rate").textContent = brief(moment.rate);
  $("at-speed").textContent = moment.pace ? "–" : brief(moment.speed);
  const [, cost, accuracy] = state.validated.at(-1) ?? [];
  const share = typeof accuracy === "number";
  $("validation-name").textContent = share || cost === undefined ? "Accuracy on validation data" : "Cost on validation data";
  $("at-accuracy").textContent = share ? `${(100 * accuracy).toFixed(1)} %` : brief(cost);
  curves();
  if (fresh.notes) stand(fresh.notes);
  if (fresh.parameters) parameters(fresh.parameters);
  if (fresh.activations) activations(fresh.activations);
  $("weights-section").hidden = !moment.pictures?.length;
  if (fresh.pictures?.length) pictures(fresh.pictures);
  document.documentElement.dataset.shown = String(moment.step);
}

function curves() {
  const { costs, validated } = state;
  const held = validated.map(([step, cost]) => [step, cost]);
  const series = [
    { name: "training, mean of the batches", colour: "minus", points: costs },
    { name: "validation", colour: "plus", points: held, width: 2.4 },
  ];
  const log = $("log").checked && ![...costs, ...held].some(([, cost]) => cost !== null && cost <= 0);
  drawCurves($("cost-curve"), series, { log, low: log || costs.some(([, cost]) => cost < 0) ? null : 0 });
  const right = validated.filter(([, , share]) => share !== null).map(([step, , share]) => [step, 100 * share]);
  $("accuracy-panel").hidden = !right.length;
  if (right.length) drawCurves($("accuracy-curve"), [{ name: "validation", colour: "plus", points: right, width: 2.4 }], { high: 100, unit: " %", key: "bottom" });
  if ($("cost-table").closest("details").open) {
    const rows = [...costs.map(([step, cost]) => [step, brief(cost), ""]), ...held.map(([step, cost]) => [step, "", brief(cost)])];
    fillTable($("cost-table"), ["Step", "Training", "Validation"], rows.sort(([a], [b]) => a - b));
  }
  if ($("accuracy-table").closest("details").open) fillTable($("accuracy-table"), ["Step", "Validation"], right.map(([step, share]) => [step, `${share.toFixed(1)} %`]));
}

/** What is certainly not meant, in sentences. */
function stand(notes) {
  const same = notes.join("\n") === $("notes").dataset.said;
  $("notes").hidden = !notes.length;
  if (same) return;
  $("notes").dataset.said = notes.join("\n");
  $("notes").replaceChildren(...notes.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

function parameters(rows) {
  const own = ({ name, shape }) => [name, shape.length ? shape.join(" × ") : "one number"];
  own.head = "Parameter";
  const given = rows.some(({ gradients }) => gradients);
  showLayers($("parameters"), rows, given ? ["values", "gradients", "ratio"] : ["values", "ratio"], own);
  $("no-gradients").hidden = given;
}

function activations(rows) {
  const own = ({ name, shape, activation }) => [name, `${shape.join(" × ")}${activation ? `, looks like ${activation}` : ""}`];
  own.head = "Layer";
  $("no-activations").hidden = rows.length > 0;
  $("activations-about").hidden = $("activations").parentElement.hidden = !rows.length;
  if (rows.length) showLayers($("activations"), rows, ["activations", "stuck"], own);
}

function pictures(found) {
  const names = found.map(({ name }) => name);
  const chosen = names.includes($("which").value) ? $("which").value : names[0];
  if ([...$("which").options].map(({ value }) => value).join("\n") !== names.join("\n")) {
    $("which").replaceChildren(...names.map((name) => new Option(name, name)));
    $("which").value = chosen;
  }
  const shown = found.find(({ name }) => name === chosen);
  $("tiles").hidden = shown.order === "matrix"; // one picture needs no choice
  state.tiles.show(shown);
}

/** Which buttons do something now. */
function allow() {
  const now = state.moment.state;
  const alive = state.open && (now === "running" || now === "paused");
  for (const id of ["pause", "step", "slow", "pace"]) $(id).disabled = !alive;
  $("pause").textContent = now === "paused" ? "Go on" : "Pause";
  document.documentElement.dataset.state = now;
}

// ---------------------------------------------------------------- what the reader does

function pace() {
  const asked = Number($("pace").value);
  if ($("slow").checked && !(asked > 0)) complain("Slow motion takes a number of steps a second above 0.");
  else state.line.send({ do: "pace", pace: $("slow").checked ? asked : null });
}

function wire() {
  themeButton($("theme"));
  $("pause").onclick = () => state.line.send({ do: state.moment.state === "paused" ? "go" : "pause" });
  $("step").onclick = () => state.line.send({ do: "go", far: "step" });
  $("slow").onchange = $("pace").onchange = pace;
  $("which").onchange = () => pictures(state.moment.pictures);
  state.tiles = new Tiles($("tiles"), $("weight"), $("weight-value"), () => {});
  const again = () => {
    state.fresh = { ...state.moment, ...state.fresh };
    state.frame ||= requestAnimationFrame(show);
  };
  addEventListener("resize", again);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  for (const id of ["log", "cost-table", "accuracy-table"]) ($(id).closest("details") ?? $(id)).addEventListener(id === "log" ? "change" : "toggle", again);
}

wire();
state.line = new Line("api/watch", hear, (open, reason) => {
  state.open = open;
  const over = state.moment.state === "ended" ? SAYS.ended() : "The program does not answer: it has ended, or was killed. What it came to stays here.";
  $("status").textContent = open ? SAYS[state.moment.step ? state.moment.state : "none"]() : reason ? `The program says: ${reason}.` : over;
  allow();
});
