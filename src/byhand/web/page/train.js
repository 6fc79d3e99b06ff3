// The Train page: steers the training on this computer, and shows what it tells.

import { grow } from "./curve.js";
import { drawPlane, drawSamples, showKey } from "./decision.js";
import { Doctor } from "./doctor.js";
import { Form, numeral } from "./form.js";
import { showLayers } from "./layers.js";
import { showConfusion, showDrawn, showSamples } from "./mistakes.js";
import { brief, drawCurves, fillTable } from "./plots.js";
import { Line } from "./socket.js";
import { themeButton } from "./theme.js";
import { Tiles } from "./tiles.js";

const FIRST = "mnist-nielsen-30";
const $ = (id) => document.getElementById(id);

const state = {
  server: "", // the name of the server that was last heard
  begun: null, // what does not change in the course of a training
  moment: { state: "none" }, // the last of each part
  costs: [],
  validated: [],
  form: null,
  line: null,
  tiles: null,
  open: false,
};

// What stands beside the pictures: of a network that tells classes apart, or goes through a code.
const PICTURES = {
  classes: ["Surest mistakes", "Validation samples that are read wrong, the surest mistake first, with what it says instead and how strongly that output answers, in per cent. Late in a good training they should be ones that you would misread too."],
  code: ["Through the code and back", "Validation images, and beside each what the decoder makes of its code. They should come to look alike."],
}; // prettier-ignore
const PLANES = {
  classes: ["Decisions in the plane", "Each place has the colour of the class that wins there, the stronger the surer; dots are training samples. The border should come to run between the colours, and bend no more than the data do."],
  draws: ["What it draws", "Bright: points that the network draws out of noise, of each class in turn. Faint: training samples. The bright ones should come to lie among the faint ones, and cover them."],
}; // prettier-ignore

const SAYS = {
  none: () => "No training yet: choose what to train, and press Start.",
  loading: () => "Reading the data and making the network …",
  running: () => (state.moment.pace ? "The training runs in slow motion." : "The training runs."),
  paused: () => `Paused at step ${state.moment.step?.toLocaleString("en")}: look inside the next one, take it, or go on.`,
  finished: () => `Finished: all ${state.begun?.total.toLocaleString("en")} steps are taken.`,
  exploded: () => "The numbers have exploded, and the training stopped.",
  stopped: () => "Stopped. What it came to stays here until the next start.",
  gone: () => "The training is gone. What it came to stays here until the next start.",
};

// ---------------------------------------------------------------- what the server tells

function hear(message) {
  if (message.hello) meet(message.hello);
  if (message.begun) begin(message.begun, [], []);
  if (message.moment) take(message.moment);
  if (message.own) state.form.setData(message.own.name);
  if (message.doctor) examined(message.doctor);
  if (message.problem) complain(message.problem);
}

/** The server as it is now: for the first time, again, or another one than before. */
function meet({ server, offered, own, training, doctor }) {
  const lost = state.server && state.server !== server && !training.begun && state.begun;
  const first = !state.form;
  state.server = server;
  if (first) {
    state.form = new Form(offered, own);
    state.form.fill(offered.recipes[FIRST].settings);
  } else {
    state.form.setData(own);
  }
  state.moment = { state: "none" };
  if (training.begun) {
    begin(training.begun, training.costs, training.validated);
  } else if (lost) {
    state.moment = { state: "gone", step: 0 };
    complain("The server was started anew, and the training is gone: press Start for a new one, with the settings above.");
  }
  take(lost ? {} : training.moment);
  examined(doctor);
  document.documentElement.dataset.ready = "yes";
}

function begin(begun, costs, validated) {
  Object.assign(state, { begun, costs, validated });
  state.moment = { state: state.moment.state };
  complain("");
  delete document.documentElement.dataset.shown;
  $("live").hidden = false;
  state.form.fill(begun.settings);
  $("note").textContent = `${begun.network}, ${begun.optimizer.replace(/\(.*/, "")}: ${begun.samples.toLocaleString("en")} samples, ${begun.batches.toLocaleString("en")} batches an epoch${begun.augmented ? ", augmented" : ""}; validated on ${begun.validated_on.toLocaleString("en")} that it does not train on. The learning rate may be changed while it runs; everything else counts from the next start.`;
  const does = { feedforward: "classes", cnn: "classes", diffusion: "draws" }[begun.settings.model] ?? "code";
  const classifies = does === "classes";
  $("accuracy-panel").hidden = $("confusion-panel").hidden = !classifies || !begun.validated_on;
  $("mistakes").hidden = does === "draws" || !begun.validated_on;
  $("drawn-panel").hidden = does !== "draws" || Boolean(begun.points);
  $("augmented").hidden = !begun.augmented;
  $("chance").textContent = `${Math.round(100 / begun.classes.length)} %`;
  $("validation-name").textContent = classifies ? "Accuracy on validation data" : "Cost on validation data";
  [$("pictures-title").textContent, $("pictures-about").textContent] = PICTURES[does] ?? ["", ""];
  [$("plane-title").textContent, $("plane-about").textContent] = PLANES[does] ?? ["", ""];
  $("plane-panel").hidden = !begun.points;
  if (begun.points) showKey($("plane-key"), begun.classes);
  $("place-name").textContent = { feedforward: "Weight, as 2:5,3", cnn: "Output, as 0:0,13,14,5", diffusion: "Number of the sample, as 14,9,0" }[begun.settings.model] ?? "Number of the code and pixel, as 3,406";
  state.tiles.found = null;
  for (const id of ["misread", "drawn"]) $(id).replaceChildren();
  $("misread").classList.remove("pairs");
  state.doctor.signs([]);
}

function take(moment) {
  const before = state.moment.state;
  for (const [name, value] of Object.entries(moment)) if (value !== null || name === "pace") state.moment[name] = value;
  for (const curve of ["costs", "validated"]) for (const point of moment[curve] ?? []) grow(state[curve], point);
  if (before !== state.moment.state) {
    $("status").textContent = SAYS[state.moment.state]();
    if (moment.state === "running") complain("");
  } else if (state.moment.state === "paused" && moment.step !== undefined) {
    $("status").textContent = SAYS.paused();
  }
  allow();
  state.fresh = { ...state.fresh, ...moment };
  state.frame ||= requestAnimationFrame(show);
}

function examined(known) {
  state.doctor.show(known);
  allow();
}

function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

// ---------------------------------------------------------------- what the page shows

/** Draw what came since the last frame; hidden tabs get no frames, and draw nothing. */
function show() {
  state.frame = 0;
  const { begun, moment, fresh = {} } = state;
  state.fresh = {};
  if (moment.base_rate && document.activeElement !== $("lr")) $("lr").value = Number(moment.base_rate.toPrecision(6));
  if (!begun) return;
  const step = moment.step ?? 0;
  $("at-step").textContent = `${step.toLocaleString("en")} of ${begun.total.toLocaleString("en")}`;
  $("at-epoch").textContent = `${Math.min(Math.floor(step / begun.batches) + 1, begun.epochs)} of ${begun.epochs}`;
  $("progress").value = step / begun.total;
  $("at-rate").textContent = brief(moment.rate);
  $("at-speed").textContent = moment.pace ? "–" : brief(moment.speed);
  $("at-cost").textContent = brief(state.costs.at(-1)?.[1]);
  const [, cost, accuracy] = state.validated.at(-1) ?? [];
  $("at-accuracy").textContent = typeof accuracy === "number" ? `${(100 * accuracy).toFixed(1)} %` : brief(cost);
  curves();
  if (fresh.layers) showLayers($("layers"), fresh.layers);
  $("weights-section").hidden = !moment.weights;
  if (fresh.weights) state.tiles.show(fresh.weights);
  if (fresh.plane && begun.points) drawPlane($("plane"), fresh.plane, begun.points);
  if (fresh.validation && !$("mistakes").hidden) mistakes(fresh.validation);
  if (fresh.drawn?.points && begun.points) drawSamples($("plane"), begun.ends, begun.points, fresh.drawn.points);
  if (fresh.drawn?.images) showDrawn($("drawn"), fresh.drawn.images);
  if (fresh.signs) state.doctor.signs(fresh.signs);
  document.documentElement.dataset.shown = String(step);
}

function curves() {
  const { costs, validated } = state;
  const series = [
    { name: "training, mean of the batches", colour: "minus", points: costs },
    { name: "validation", colour: "plus", points: validated, width: 2.4 },
  ];
  drawCurves($("cost-curve"), series, { log: $("log").checked, low: $("log").checked ? null : 0 });
  const right = validated.map(([step, , accuracy]) => [step, accuracy === null ? null : 100 * accuracy]);
  if (!$("accuracy-panel").hidden) {
    drawCurves($("accuracy-curve"), [{ name: "validation", colour: "plus", points: right, width: 2.4 }], { high: 100, unit: " %", key: "bottom" });
  }
  if ($("cost-table").closest("details").open) {
    const at = new Map(validated.map(([step, cost]) => [step, cost]));
    const steps = [...new Map([...costs.map(([step, cost]) => [step, cost])]).entries()];
    fillTable($("cost-table"), ["Step", "Training", "Validation"], steps.map(([step, cost]) => [step, brief(cost), at.has(step) ? brief(at.get(step)) : ""]));
  }
  if ($("accuracy-table").closest("details").open) {
    fillTable($("accuracy-table"), ["Step", "Validation"], right.map(([step, share]) => [step, share === null ? "–" : `${share.toFixed(1)} %`]));
  }
}

function mistakes({ confusion, misread, rebuilt, wrong, n }) {
  if (confusion) showConfusion($("confusion"), $("confused"), confusion, state.begun.classes);
  showSamples($("misread"), misread ?? rebuilt ?? []);
  $("misread").classList.toggle("pairs", Boolean(rebuilt));
  if (misread) $("pictures-title").textContent = `Surest mistakes, of ${wrong} in ${n.toLocaleString("en")}`;
}

/** Which buttons do something now. */
function allow() {
  const now = state.moment.state;
  const can = (id, yes) => ($(id).disabled = !(yes && state.open));
  const alive = ["running", "paused", "finished", "exploded"].includes(now);
  can("start", now !== "loading");
  $("start").textContent = alive ? "Start anew" : "Start";
  can("pause", now === "running" || now === "paused");
  $("pause").textContent = now === "paused" ? "Go on" : "Pause";
  for (const id of ["step", "epoch"]) can(id, ["none", "paused", "stopped", "gone"].includes(now));
  can("stop", alive);
  can("look", now === "paused");
  can("look-here", now === "paused");
  can("examine", state.doctor.known.state !== "examining");
  can("cancel", true);
  document.documentElement.dataset.state = now;
}

// ---------------------------------------------------------------- what the reader does

function tell(message) {
  state.line.send(message);
}

/** Run something of which a wrong field may come; it is told in one line. */
function trying(action) {
  try {
    action();
  } catch (error) {
    complain(error.message);
  }
}

const pace = () => ($("slow").checked ? numeral("pace", "Slow motion") : null);

function start(far) {
  trying(() => {
    complain("");
    tell({ do: "start", settings: state.form.read(), pace: pace(), ...(far && { far }) });
  });
}

function advance(far) {
  if (state.moment.state === "paused") tell({ do: "go", far });
  else start(far);
}

/** Open the microscope in a new tab; the training waits for the reader there. */
function look(query, place = "") {
  if (state.moment.state === "running") tell({ do: "pause" });
  window.open(`microscope.html?${new URLSearchParams(query)}${place}`, "_blank", "noopener");
}

function lookAtWeight(unit, pixel) {
  const { kind, rows, columns } = state.tiles.found;
  const [height, width] = state.begun.inputs;
  if (kind === "weight") look({ weight: `2:${unit},${pixel}` });
  else if (kind === "code") look({ at: `0,${pixel}` }, `#k=0&array=encoder.0.weight.gradient&at=${unit},${pixel}`);
  else if (state.begun.settings.model === "diffusion") look({});
  else if (rows > 1 || columns > 1) look({ at: `${state.tiles.found.name}:0,${Math.floor(height / 2)},${Math.floor(width / 2)},${unit}` });
}

function lookAsAsked() {
  const query = {};
  if ($("sample").value.trim()) query.sample = String(numeral("sample", "The sample"));
  const place = $("place").value.trim();
  if (place) query[state.begun.settings.model === "feedforward" ? "weight" : "at"] = place;
  look(query);
}

async function upload(file) {
  complain("");
  $("status").textContent = `Sending ${file.name} …`;
  try {
    const answer = await fetch(`api/train/data?${new URLSearchParams({ name: file.name })}`, { method: "POST", headers: { "X-Byhand": "1" }, body: file });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const { name, samples, inputs, classes } = await answer.json();
    state.form.setData(name);
    $("data").value = "own";
    $("status").textContent = `${name}: ${samples.toLocaleString("en")} samples of ${inputs.join(" × ")} numbers, ${classes} classes. Press Start to train on it.`;
  } catch (error) {
    complain(error.message);
    $("status").textContent = "";
  }
}

function wire() {
  themeButton($("theme"));
  $("form").onsubmit = (event) => {
    event.preventDefault();
    start();
  };
  $("pause").onclick = () => tell({ do: state.moment.state === "paused" ? "go" : "pause" });
  $("step").onclick = () => advance("step");
  $("epoch").onclick = () => advance("epoch");
  $("stop").onclick = () => tell({ do: "stop" });
  $("slow").onchange = $("pace").onchange = () => trying(() => state.begun && ["running", "paused"].includes(state.moment.state) && tell({ do: "pace", pace: pace() }));
  $("lr").onchange = () => trying(() => ["running", "paused"].includes(state.moment.state) && tell({ do: "rate", rate: numeral("lr", "The learning rate") }));
  $("microscope").onsubmit = (event) => {
    event.preventDefault();
    trying(lookAsAsked);
  };
  $("upload").onclick = () => $("own-file").click();
  $("own-file").onchange = () => {
    const [file] = $("own-file").files;
    if (file) upload(file);
    $("own-file").value = "";
  };
  state.tiles = new Tiles($("tiles"), $("weight"), $("weight-value"), lookAtWeight);
  state.doctor = new Doctor($("doctor"), (settings) => state.form.fill(settings));
  $("examine").onclick = () => trying(() => {
    complain("");
    tell({ do: "examine", settings: state.form.read() });
  }); // prettier-ignore
  $("cancel").onclick = () => tell({ do: "cancel" });
  const again = () => {
    state.doctor.draw();
    state.fresh = { ...state.moment, ...state.fresh };
    state.frame ||= requestAnimationFrame(show);
  };
  addEventListener("resize", again);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  for (const id of ["log", "cost-table", "accuracy-table"]) ($(id).closest("details") ?? $(id)).addEventListener(id === "log" ? "change" : "toggle", again);
}

wire();
state.line = new Line("api/train", hear, (open, reason) => {
  state.open = open;
  if (!open) $("status").textContent = reason ? `The server says: ${reason}.` : "The server does not answer. This page goes on trying.";
  else $("status").textContent = SAYS[state.moment.state]();
  allow();
});
