// The page: wires the drawing area to the network, the diagram and the lessons. It holds the state and decides nothing else.

import { asset, jsonAsset } from "./assets.js";
import { Pad } from "./canvas.js";
import { Diagram } from "./diagram.js";
import { compareOthers, giveLesson, showComparison, showEquations, showOthers } from "./lesson.js";
import { mapName, showMap } from "./maps.js";
import { copyNetwork, featuresOf, largest, makeNetwork, predict, readDrawing } from "./network.js";
import { nameOf, showNeuron } from "./neuron.js";
import { number, percent } from "./numbers.js";
import { element, makeBars, sentence } from "./outputs.js";
import { paintPixels } from "./pictures.js";
import { prepare } from "./prepare.js";
import { inputOf, readSample } from "./sample.js";
import { readModel, writeModel } from "./safetensors.js";
import { themeButton } from "./theme.js";

const QUIET = 700; // ms without a change until the answer is announced
const SLICE = 4; // images that a convolutional network reads at a time
const UNHURRIED = 60; // ms: the numbers of a neuron may follow a moving pen this much later than the outputs
const $ = (id) => document.getElementById(id);

const state = {
  wanted: null, // the promise of the model that was chosen last
  option: null, // the line of the list whose network is in use
  model: null, // what the file says
  network: null, // what is taught
  names: [],
  pixels: new Uint8Array(784),
  trace: null, // all z and a of the drawing; null while nothing is drawn
  pinned: null, // the neuron, [l, j], or map, { sheet, k }, that was picked; null follows the answer
  hovered: null,
  lessons: [], // for undo: the layers before each lesson
  sample: null,
  features: null, // promise of what the layers get of the sample, once a lesson was given
  answers: null, // what the network says to the sample, as far as known
};
let bars, diagram, pad, waiting, announcing, showing;

// ---------------------------------------------------------------- reading the drawing

/** Read soon: once for all changes of one frame. */
function readSoon() {
  waiting ??= requestAnimationFrame(() => {
    waiting = undefined;
    read();
  });
}

function read() {
  const { pixels, empty } = prepare(pad.grey());
  state.pixels = pixels;
  state.trace = empty || !state.network ? null : readDrawing(state.network, inputOf(pixels));
  show();
  clearTimeout(announcing);
  announcing = setTimeout(announce, QUIET);
}

function show() {
  const { trace, names, pixels } = state;
  paintPixels($("seen"), pixels);
  $("seen").setAttribute("aria-label", `The prepared image: ${trace ? "28 by 28 pixels" : "nothing drawn yet"}`);
  $("hint").hidden = pad.marks.length > 0;
  $("undo").disabled = $("clear").disabled = pad.marks.length === 0;
  if (!state.network) return;
  const outputs = trace?.a.at(-1) ?? null;
  const best = outputs ? largest(outputs) : -1;
  bars(outputs, best);
  const [digit, words] = $("verdict").children;
  digit.textContent = outputs ? names[best] : "?";
  words.textContent = outputs ? howSure(outputs, best) : "Nothing drawn yet";
  $("verdict").classList.toggle("sure", outputs !== null);
  $("teach").disabled = !trace || chosen() === null;
  $("lesson-note").textContent = lessonNote();
  diagram.update(state.pixels, trace, lookedAt());
  showing ??= setTimeout(showInNumbers, UNHURRIED);
}

function howSure(outputs, best) {
  const value = Math.min(Math.max(outputs[best], 0), 1);
  if (value > 0.9) return `sure: ${percent(value)}`;
  const second = largest(outputs.map((a, j) => (j === best ? -Infinity : a)));
  return `${percent(value)}, perhaps ${state.names[second]}`;
}

/** The neuron or map that is looked at: the one pointed at, else the one picked, else the answer; null without a drawing. */
function lookedAt() {
  const answer = state.trace ? [state.network.layers.length, largest(state.trace.a.at(-1))] : null;
  return state.hovered ?? state.pinned ?? answer;
}

function showInNumbers() {
  clearTimeout(showing);
  showing = undefined;
  const place = lookedAt() ?? [state.network.layers.length, 0];
  const note = state.trace && !state.hovered && !state.pinned ? "the answer" : "";
  if (Array.isArray(place)) showNeuron($("neuron"), state.network, state.names, state.trace, place, note);
  else showMap($("neuron"), state.network.trunk, state.trace, place, note);
}

function announce() {
  $("status").textContent = state.trace
    ? `It reads ${state.names[largest(state.trace.a.at(-1))]}. ${sentence(state.trace.a.at(-1), state.names)}.`
    : "The drawing area is empty.";
}

function say(text) {
  $("status").textContent = text;
}

// ---------------------------------------------------------------- models

function useModel(model) {
  const network = makeNetwork(model);
  if (!network.trunk && network.sizes[0] !== 784) throw new Error(`This model reads ${network.sizes[0]} numbers, but a drawing has 784 pixels.`);
  state.model = model;
  state.network = copyNetwork(network);
  state.names = Array.from({ length: network.sizes.at(-1) }, (_, j) => model.classNames[j] ?? String(j));
  Object.assign(state, { pinned: null, hovered: null, lessons: [], answers: null, features: null });
  bars = makeBars($("outputs"), state.names);
  diagram?.close();
  diagram = new Diagram($("diagram"), state.network, state.names, {
    looked: look,
    picked: pick,
    left: () => look(null),
  });
  makeChoices();
  $("rate").value = network.trunk ? -1 : network.costName === "cross_entropy" ? -2 : 0;
  showRate();
  forgetLesson();
  read();
}

function look(place) {
  state.hovered = place;
  diagram.update(state.pixels, state.trace, lookedAt());
  showInNumbers();
}

function pick(place) {
  state.pinned = place;
  look(null);
  if (!Array.isArray(place)) return say(mapName(place));
  const a = state.trace?.a[place[0]][place[1]];
  return say(`${nameOf(state.network, state.names, place)}${a === undefined ? "" : `, activation ${number(a)}`}`);
}

/** Use an option's network, unless another is chosen before its file is there; where that fails, the one before stays. */
async function choose(option) {
  const model = (state.wanted = option.load());
  await model.catch(() => {}); // wait only: the failure of a file that is no longer wanted is nobody's concern
  if (model !== state.wanted) return;
  await attempt(async () => {
    useModel(await model);
    state.option = option;
    say(`Network ${option.text}`);
  });
  if (state.option) state.option.selected = true;
}

/** A line in the list of networks; `load` promises its model. */
function modelOption(text, value, load) {
  return Object.assign(new Option(text, value), { load });
}

async function openModelFile(file) {
  const bytes = file.arrayBuffer(); // kept, so that it can be chosen again
  const option = modelOption(file.name, "file", async () => readModel(await bytes));
  await choose(option);
  if (state.option !== option) return;
  $("model").querySelector('option[value="file"]')?.remove();
  $("model").append(option);
}

/** Do it, and show in one line what went wrong. */
async function attempt(action) {
  $("problem").hidden = true;
  try {
    await action();
  } catch (error) {
    $("problem").textContent = error.message;
    $("problem").hidden = false;
  }
}

// ---------------------------------------------------------------- pictures and model files from outside

function openFile(file) {
  if (file.name.endsWith(".safetensors")) return openModelFile(file);
  return attempt(() => pad.showFile(file));
}

function acceptDrops() {
  const slate = $("slate");
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    slate.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) openFile(file);
  });
  slate.addEventListener("dragenter", () => slate.classList.add("over"));
  slate.addEventListener("dragleave", () => slate.classList.remove("over"));
  addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file) openFile(file);
  });
}

function fileButton(button, input, open) {
  $(button).onclick = () => $(input).click();
  $(input).onchange = () => {
    const [file] = $(input).files;
    if (file) open(file);
    $(input).value = "";
  };
}

// ---------------------------------------------------------------- lessons

function makeChoices() {
  $("choices").replaceChildren(
    ...state.names.map((name, j) => {
      const label = element("label", "choice");
      const input = Object.assign(document.createElement("input"), { type: "radio", name: "label", value: j });
      input.onchange = show;
      label.append(input, element("span", "", name));
      return label;
    }),
  );
}

function chosen() {
  const input = document.querySelector('input[name="label"]:checked');
  return input ? Number(input.value) : null;
}

function eta() {
  return Number((10 ** Number($("rate").value)).toPrecision(2));
}

function showRate() {
  $("rate-value").textContent = number(eta());
  $("rate").setAttribute("aria-valuetext", String(eta()));
}

function lessonNote() {
  if (!state.trace) return "Draw something first.";
  if (chosen() === null) return "Choose what it should have been.";
  const count = state.lessons.length;
  const only = state.network.trunk ? "Its convolutions stay as they are: the step changes the layers behind them. " : "";
  if (!count) return only;
  return `${only}${count} lesson${count === 1 ? "" : "s"} so far. Saved networks are .safetensors files for byhand eval.`;
}

function teachNow() {
  if (!state.trace || chosen() === null) return;
  attempt(() => {
    const lesson = giveLesson(state.network, state.trace.a[0], chosen(), eta(), Number($("steps").value));
    state.lessons.push({ lesson, layers: lesson.old.layers, answers: state.answers });
    $("outcome").hidden = $("equations").hidden = $("unteach").disabled = false;
    showComparison($("compare"), lesson, state.names);
    showEquations($("equations"), state.network, lesson, state.names);
    read();
    say(costs(lesson));
    clearTimeout(announcing);
    setTimeout(() => showWhatElse(lesson));
  });
}

function costs({ first, after }) {
  return `Taught. Cost ${number(first.cost)} before, ${number(after.cost)} after.`;
}

/** After the page has shown the lesson itself: half a thousand digits take a moment. */
async function showWhatElse(lesson) {
  const { network, sample } = state;
  const fits = sample && state.names.join() === "0,1,2,3,4,5,6,7,8,9";
  $("others").hidden = !fits;
  if (!fits) return;
  state.features ??= readAll(network, sample.inputs);
  const inputs = await state.features;
  if (state.network !== network || state.lessons.at(-1)?.lesson !== lesson) return; // something else is shown by now
  state.answers ??= predict(lesson.old, inputs);
  const compared = compareOthers(network, { ...sample, inputs }, state.answers);
  state.answers = compared.now;
  showOthers($("others"), compared, state.sample);
  say(`${costs(lesson)} ${compared.rightBefore} of ${compared.of} test digits right before, ${compared.rightNow} after.`);
}

/** What the layers get of each input, read in slices, so that the page stays alive. */
async function readAll(network, inputs) {
  const found = [];
  for (const x of inputs) {
    found.push(featuresOf(network, x));
    if (network.trunk && found.length % SLICE === 0) await new Promise((done) => setTimeout(done));
  }
  return found;
}

function undoLesson() {
  const { layers, answers } = state.lessons.pop();
  state.network.layers = layers;
  state.answers = answers;
  forgetLesson();
  read();
  say("Lesson undone.");
}

function forgetLesson() {
  $("outcome").hidden = $("equations").hidden = true;
  $("unteach").disabled = state.lessons.length === 0;
}

function save() {
  const { metadata } = state.model;
  // What was measured before the lessons is no longer true of it; `byhand eval` measures anew.
  const bytes = writeModel(state.network, {
    ...state.model,
    metadata: state.lessons.length ? { ...metadata, metrics: "{}" } : metadata,
  });
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" })),
    download: "taught.safetensors",
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  say("Saved as taught.safetensors.");
}

// ---------------------------------------------------------------- start

function wire() {
  themeButton($("theme"));
  pad = new Pad($("pad"), $("pen"), { changed: readSoon, say });
  $("undo").onclick = () => pad.undo();
  $("clear").onclick = () => pad.clear();
  $("width").oninput = () => (pad.width = Number($("width").value));
  $("example").onclick = () => {
    const { images } = state.sample;
    const values = Float32Array.from(images[Math.floor(Math.random() * images.length)]);
    pad.show({ values, width: 28, height: 28 });
  };
  $("rate").oninput = showRate;
  $("lesson").onsubmit = (event) => {
    event.preventDefault();
    teachNow();
  };
  $("unteach").onclick = undoLesson;
  $("save").onclick = save;
  fileButton("open-picture", "picture-file", openFile);
  fileButton("open-model", "model-file", openModelFile);
  acceptDrops();
}

async function start() {
  wire();
  await attempt(async () => {
    const entries = await jsonAsset("models.json");
    $("model").replaceChildren(
      ...entries.map(({ name, facts, file }, i) =>
        modelOption(`${name} (${facts})`, i, async () => readModel(await asset(file))),
      ),
    );
    $("model").disabled = false;
    $("model").onchange = () => choose($("model").selectedOptions[0]);
    await choose($("model").options[0]);
    performance.mark("ready");
    document.documentElement.dataset.ready = "yes";
    state.sample = readSample(await asset("sample.bin"));
    $("example").disabled = false;
  });
}

start();
