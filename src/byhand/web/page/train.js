// The Train page: hears of the training on this computer, steers it, and opens the microscope. What it shows is in training_view.js.

import { Connection } from "./connection.js";
import { DoctorPanel } from "./doctor_panel.js";
import { onChosenFile } from "./file_input.js";
import { enable } from "./html.js";
import { LiveTraining } from "./live_training.js";
import { SettingsForm } from "./settings_form.js";
import { themeButton } from "./theme.js";
import { onChangedLooks } from "./training_curves.js";
import { showBeginning, showTraining } from "./training_view.js";
import { WeightImages } from "./weight_images.js";

const FIRST = "mnist-nielsen-30";
const $ = (id) => document.getElementById(id);

const training = new LiveTraining(draw);
const state = { server: "", begun: null, connected: false }; // the server heard last; what does not change in the course of a training
let form, connection, weightImages, doctor;

const SAYS = {
  none: () => "No training yet: choose what to train, and press Start.",
  loading: () => "Reading the data and making the network …",
  running: ({ pace }) => (pace ? "The training runs in slow motion." : "The training runs."),
  paused: ({ step }) => `Paused at step ${step?.toLocaleString("en")}: look inside the next one, take it, or resume.`,
  finished: () => `Finished: all ${state.begun?.total.toLocaleString("en")} steps are taken.`,
  exploded: () => "The numbers have exploded, and the training stopped.",
  stopped: () => "Stopped. Its last state stays here until the next start.",
  gone: () => "The training is gone. Its last state stays here until the next start.",
};

// ---------------------------------------------------------------- what the server tells

function hear(message) {
  if (message.hello) meet(message.hello);
  if (message.begun) begin(message.begun, [], []);
  if (message.moment) take(message.moment);
  if (message.own) form.setOwn(message.own);
  if (message.doctor) examined(message.doctor);
  if (message.problem) complain(message.problem);
}

/** The server as it is now: for the first time, again, or another one than before. */
function meet({ server, offered, own, training: known, doctor: examination }) {
  const lost = state.server && state.server !== server && !known.begun && state.begun;
  state.server = server;
  if (form) form.setOwn(own);
  else {
    form = new SettingsForm(offered, own);
    form.fill(offered.recipes[FIRST].settings);
  }
  training.begin(training.costs, training.validated);
  if (known.begun) {
    begin(known.begun, known.costs, known.validated);
  } else if (lost) {
    training.begin(training.costs, training.validated, "gone");
    complain("The server was started again, and the training is gone: press Start for a new one, with the settings above.");
  }
  take(lost ? { step: 0 } : known.moment);
  sayState();
  examined(examination);
  document.documentElement.dataset.ready = "yes";
}

function begin(begun, costs, validated) {
  state.begun = begun;
  training.begin(costs, validated, training.moment.state);
  complain("");
  delete document.documentElement.dataset.shown;
  form.fill(begun.settings);
  showBeginning(begun);
  weightImages.found = null;
  doctor.signs([]);
}

function take(moment) {
  const before = training.moment.state;
  training.take(moment);
  const now = training.moment.state;
  if (before !== now || (now === "paused" && moment.step !== undefined)) sayState();
  if (before !== now && now === "running") complain("");
  allow();
}

function examined(known) {
  doctor.show(known);
  allow();
}

function sayState() {
  $("status").textContent = SAYS[training.moment.state](training.moment);
}

function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

function draw(fresh) {
  const { base_rate: rate, step } = training.moment;
  if (rate && document.activeElement !== $("lr")) $("lr").value = Number(rate.toPrecision(6));
  if (!state.begun) return;
  showTraining(state.begun, training, fresh, weightImages);
  if (fresh.signs) doctor.signs(fresh.signs);
  document.documentElement.dataset.shown = String(step ?? 0);
}

/** Which buttons do something now. */
function allow() {
  const now = training.moment.state;
  const alive = ["running", "paused", "finished", "exploded"].includes(now);
  const can = {
    start: now !== "loading",
    pause: now === "running" || now === "paused",
    step: ["none", "paused", "stopped", "gone"].includes(now),
    epoch: ["none", "paused", "stopped", "gone"].includes(now),
    stop: alive,
    look: now === "paused",
    "look-here": now === "paused",
    examine: doctor.known.state !== "examining",
    cancel: true,
  };
  $("start").textContent = alive ? "Restart" : "Start";
  $("pause").textContent = now === "paused" ? "Resume" : "Pause";
  for (const [id, yes] of Object.entries(can)) enable($(id), yes && state.connected);
  document.documentElement.dataset.state = now;
}

// ---------------------------------------------------------------- what the reader does

const tell = (message) => connection.send(message);
const pace = () => ($("slow").checked ? $("pace").value : null);

function start(far) {
  complain("");
  tell({ do: "start", settings: form.read(), pace: pace(), ...(far && { far }) });
}

/** Tell what counts for the training under way; without one it counts from the next start. */
function whileUnderWay(message) {
  if (!["running", "paused"].includes(training.moment.state)) return;
  complain("");
  tell(message);
}

function advance(far) {
  if (training.moment.state === "paused") tell({ do: "go", far });
  else start(far);
}

/** Open the microscope in a new tab; the training waits for the reader there. */
function look(query, place = "") {
  if (training.moment.state === "running") tell({ do: "pause" });
  window.open(`microscope.html?${new URLSearchParams(query)}${place}`, "_blank", "noopener");
}

function lookAtWeight(unit, pixel) {
  const { kind, rows, columns, name } = weightImages.found;
  const [height, width] = state.begun.inputs;
  if (kind === "weight") look({ weight: `2:${unit},${pixel}` });
  else if (kind === "code") look({ at: `0,${pixel}` }, `#k=0&array=encoder.0.weight.gradient&at=${unit},${pixel}`);
  else if (["diffusion", "gan"].includes(state.begun.settings.model)) look({});
  else if (rows > 1 || columns > 1) look({ at: `${name}:0,${Math.floor(height / 2)},${Math.floor(width / 2)},${unit}` });
}

function lookWhereAsked() {
  const place = $("place").value.trim();
  const sample = $("sample").value.trim();
  const name = state.begun.settings.model === "feedforward" ? "weight" : "at";
  look({ ...(sample && { sample }), ...(place && { [name]: place }) });
}

// What is learned, by the task.
const LEARNED = {
  classes: ({ classes }) => `${classes} classes`,
  yes_no: ({ classes }) => `${classes} classes`,
  labels: ({ outputs }) => `${outputs} labels at once`,
  numbers: () => "a number to learn",
};

function upload(file) {
  return examineData({ name: file.name }, file, `Sending ${file.name} …`);
}

/** Read the table that is there with the target and the missing values that are asked for; what was known stays where that fails. */
async function readAgain() {
  const { name } = form.own;
  const asked = { again: 1, target: $("target").value.trim(), missing: $("missing").value };
  if (!(await examineData(asked, null, `Reading ${name} again …`))) form.offerColumns();
}

/** Let the server look at one's own data; whether it can use them. */
async function examineData(asked, body, meanwhile) {
  complain("");
  $("status").textContent = meanwhile;
  try {
    const answer = await fetch(`api/train/data?${new URLSearchParams(asked)}`, { method: "POST", headers: { "X-Byhand": "1" }, body });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const own = await answer.json();
    form.setOwn(own);
    const recipe = $("recipe").value;
    const fits = own.recipes.includes(recipe);
    if (fits) form.useOwn();
    $("told").textContent = own.told;
    $("told").hidden = !own.told;
    const next = fits ? "Press Start to train on it." : `${recipe} cannot be trained on such samples: choose another recipe, such as ${own.recipes[0]}.`;
    $("status").textContent = `${own.name}: ${own.samples.toLocaleString("en")} samples of ${own.inputs.join(" × ")} numbers, ${LEARNED[own.task](own)}. ${next}`;
    return true;
  } catch (error) {
    complain(error.message);
    $("status").textContent = "";
    return false;
  }
}

/** Let a form call `action` in place of being sent. */
function onSubmit(id, action) {
  $(id).onsubmit = (event) => {
    event.preventDefault();
    action();
  };
}

function wire() {
  themeButton($("theme"));
  onSubmit("form", () => start());
  onSubmit("microscope", lookWhereAsked);
  $("pause").onclick = () => tell({ do: training.moment.state === "paused" ? "go" : "pause" });
  $("step").onclick = () => advance("step");
  $("epoch").onclick = () => advance("epoch");
  $("stop").onclick = () => tell({ do: "stop" });
  $("slow").onchange = $("pace").onchange = () => whileUnderWay({ do: "pace", pace: pace() });
  $("lr").onchange = () => whileUnderWay({ do: "rate", rate: $("lr").value });
  onChosenFile("upload", "own-file", upload);
  $("target").onchange = $("missing").onchange = readAgain;
  weightImages = new WeightImages($("weight-images"), $("weight"), $("weight-value"), lookAtWeight);
  doctor = new DoctorPanel($("doctor"), { apply: (settings) => form.fill(settings), nameOf: (field) => form.nameOf(field) });
  $("examine").onclick = () => {
    complain("");
    tell({ do: "examine", settings: form.read() });
  };
  $("cancel").onclick = () => tell({ do: "cancel" });
  onChangedLooks(() => {
    doctor.draw();
    training.drawAnew();
  });
}

wire();
connection = new Connection("api/train", hear, (connected, reason) => {
  state.connected = connected;
  if (connected) sayState();
  else $("status").textContent = reason ? `The server says: ${reason}.` : "The server does not answer. This page goes on trying.";
  allow();
});
