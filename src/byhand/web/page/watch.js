// The page of a watched loop: shows what somebody's own program tells of its training, and holds it where the reader wants.

import { Connection } from "./connection.js";
import { element, enable, option, redraw } from "./html.js";
import { showLayers } from "./layer_table.js";
import { LiveTraining } from "./live_training.js";
import { brief } from "./plots.js";
import { themeButton } from "./theme.js";
import { onChangedLooks, showTrainingCurves } from "./training_curves.js";
import { WeightImages } from "./weight_images.js";

const $ = (id) => document.getElementById(id);
const count = (n) => n.toLocaleString("en");

const loop = new LiveTraining(draw);
const state = { run: "", connected: false };
let connection, weightImages;

const SAYS = {
  none: () => "Waiting for the loop’s first step …",
  running: ({ pace }) => (pace ? "The loop runs in slow motion." : "The loop runs."),
  paused: ({ step }) => `Paused after step ${count(step)}: the program waits. Take one step, or resume. If every page is closed, it goes on by itself.`,
  ended: () => "The loop is over. Its last state stays here.",
};
const says = () => SAYS[loop.moment.step ? loop.moment.state : "none"](loop.moment);

// ---------------------------------------------------------------- what the program tells

function hear({ hello, moment, problem }) {
  if (hello) meet(hello);
  if (moment) take(moment);
  if (problem) complain(problem);
}

/** The program as it is now: for the first time, again, or another run than before. */
function meet({ run, about, moment, costs, validated }) {
  if (state.run && state.run !== run) complain("");
  state.run = run;
  loop.begin(costs, validated);
  delete document.documentElement.dataset.shown;
  document.title = `${about.title} – byhand.watch`;
  $("title").textContent = about.title;
  $("at-size").textContent = brief(about.parameters);
  take(moment);
  document.documentElement.dataset.ready = "yes";
}

function take(moment) {
  loop.take(moment);
  $("status").textContent = says();
  allow();
}

function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

// ---------------------------------------------------------------- what the page shows

function draw(fresh) {
  const { moment, costs, validated } = loop;
  if (!moment.step) return;
  $("live").hidden = false;
  $("at-step").textContent = count(moment.step);
  $("at-cost").textContent = brief(costs.at(-1)?.[1]);
  $("at-rate").textContent = brief(moment.rate);
  $("at-speed").textContent = moment.pace ? "–" : brief(moment.speed);
  const [, cost, accuracy] = validated.at(-1) ?? [];
  const share = typeof accuracy === "number";
  $("validation-name").textContent = share || cost === undefined ? "Accuracy on validation data" : "Cost on validation data";
  $("at-accuracy").textContent = share ? `${(100 * accuracy).toFixed(1)} %` : brief(cost);
  $("accuracy-panel").hidden = !validated.some(([, , known]) => known !== null);
  showTrainingCurves(costs, validated);
  if (fresh.notes) showNotes(fresh.notes);
  if (fresh.parameters) showParameters(fresh.parameters);
  if (fresh.activations) showActivations(fresh.activations);
  $("weights-section").hidden = !moment.pictures?.length;
  if (fresh.pictures?.length) showPictures(fresh.pictures);
  document.documentElement.dataset.shown = String(moment.step);
}

/** What is certainly not meant, in sentences. */
function showNotes(notes) {
  const key = notes.join("\n");
  $("notes").hidden = !notes.length;
  if (key === $("notes").dataset.shown) return; // a screen reader would read it out again
  $("notes").dataset.shown = key;
  redraw($("notes"), notes.map((text) => element("li", "", text)));
}

function showParameters(rows) {
  const own = ({ name, shape }) => [name, shape.length ? shape.join(" × ") : "one number"];
  own.head = "Parameter";
  const given = rows.some(({ gradients }) => gradients);
  showLayers($("parameters"), rows, given ? ["values", "gradients", "ratio"] : ["values", "ratio"], own);
  $("no-gradients").hidden = given;
}

function showActivations(rows) {
  const own = ({ name, shape, activation }) => [name, `${shape.join(" × ")}${activation ? `, looks like ${activation}` : ""}`];
  own.head = "Layer";
  $("no-activations").hidden = rows.length > 0;
  $("activations-about").hidden = $("activations").parentElement.hidden = !rows.length;
  if (rows.length) showLayers($("activations"), rows, ["activations", "stuck"], own);
}

function showPictures(arrays) {
  const names = arrays.map(({ name }) => name);
  const chosen = names.includes($("which").value) ? $("which").value : names[0];
  if ([...$("which").options].map(({ value }) => value).join("\n") !== names.join("\n")) {
    redraw($("which"), names.map((name) => option(name)));
    $("which").value = chosen;
  }
  const shown = arrays.find(({ name }) => name === chosen);
  $("weight-images").hidden = shown.order === "matrix"; // one picture needs no choice
  weightImages.show(shown);
}

/** Which buttons do something now. */
function allow() {
  const now = loop.moment.state;
  const alive = state.connected && (now === "running" || now === "paused");
  for (const id of ["pause", "step", "slow", "pace"]) enable($(id), alive);
  $("pause").textContent = now === "paused" ? "Resume" : "Pause";
  document.documentElement.dataset.state = now;
}

// ---------------------------------------------------------------- what the reader does

function wire() {
  themeButton($("theme"));
  $("pause").onclick = () => connection.send({ do: loop.moment.state === "paused" ? "go" : "pause" });
  $("step").onclick = () => connection.send({ do: "go", far: "step" });
  $("slow").onchange = $("pace").onchange = () => {
    complain("");
    connection.send({ do: "pace", pace: $("slow").checked ? $("pace").value : null });
  };
  $("which").onchange = () => showPictures(loop.moment.pictures);
  weightImages = new WeightImages($("weight-images"), $("weight"), $("weight-value"), () => {});
  onChangedLooks(() => loop.drawAnew());
}

wire();
connection = new Connection("api/watch", hear, (connected, reason) => {
  state.connected = connected;
  const over = loop.moment.state === "ended" ? SAYS.ended() : "The program does not answer: it has ended, or was killed. Its last state stays here.";
  $("status").textContent = connected ? says() : reason ? `The program says: ${reason}.` : over;
  allow();
});
