// The Draw page: wires the drawing area to the network, its diagram and the lessons. It holds the state and decides nothing else.

import { asset, jsonAsset } from "./assets.js";
import { Diagram } from "./diagram.js";
import { Pad } from "./drawing_pad.js";
import { mapName, showMap } from "./feature_maps.js";
import { onChosenFile, onGivenFile } from "./file_input.js";
import { enable, option, redraw } from "./html.js";
import { LessonForm } from "./lesson_form.js";
import { copyNetwork, eachClass, largest, makeNetwork, namesOf, readDrawing } from "./network.js";
import { nameOf, showNeuron } from "./neuron.js";
import { number, percent } from "./numbers.js";
import { UNLIKE, distanceOf } from "./out_of_distribution.js";
import { makeBars, sentence } from "./output_bars.js";
import { paintPixels } from "./pictures.js";
import { prepareAll } from "./prepare.js";
import { inputOf, readSample } from "./sample.js";
import { readModel } from "./safetensors.js";
import { showSheet } from "./sheet.js";
import { themeButton } from "./theme.js";

const QUIET = 700; // ms without a change until the answer is announced
const UNHURRIED = 60; // ms: the numbers of a neuron may follow a moving pen this much later than the outputs
const $ = (id) => document.getElementById(id);

const state = {
  wanted: null, // the promise of the model that was chosen last
  option: null, // the line of the list whose network is in use
  model: null, // what the file says
  network: null, // what is taught
  names: [], // of the classes
  units: [], // of the output units: the same, but of a single output only the class that it speaks for
  lines: [], // of characters that were found: their pixels, trace and doubt
  shown: 0, // the place of the one that is looked at, in reading order
  pixels: new Uint8Array(784), // its
  doubt: "", // why the reading of the drawing is doubtful
  trace: null, // all z and a of the drawing; null while nothing is drawn
  pinned: null, // the neuron, [l, j], or map, { sheet, k }, that was picked; null follows the answer
  hovered: null,
};
let bars, diagram, lessons, pad, waiting, announcing, showing;

// ---------------------------------------------------------------- reading the drawing

/** Read soon: once for all changes of one frame. */
function readSoon() {
  waiting ??= requestAnimationFrame(() => {
    waiting = undefined;
    read();
  });
}

/** Read the drawing; announced: whether the answer is told to those who hear the page, once nothing has changed for a while. */
function read(announced = true) {
  state.lines = prepareAll(pad.grey()).map((line) => line.map(readOne));
  if (state.shown >= state.lines.flat().length) state.shown = 0;
  turnTo(state.shown);
  clearTimeout(announcing);
  if (announced) announcing = setTimeout(announce, QUIET);
}

/** A prepared character with all that the network makes of it. */
function readOne({ pixels, doubt }) {
  if (!state.network) return { pixels, doubt, trace: null };
  const trace = readDrawing(state.network, inputOf(pixels, state.model.preprocessing));
  const unlike = !doubt && distanceOf(state.model.preprocessing.out_of_distribution, trace.a.at(-2)) > 1;
  return { pixels, doubt: unlike ? UNLIKE : doubt, trace };
}

/** Look at this one of the characters. */
function turnTo(k) {
  const one = state.lines.flat()[k] ?? { pixels: new Uint8Array(784), doubt: "", trace: null };
  Object.assign(state, one, { shown: k });
  show();
}

/** The answer for a character, and how large its output is. */
function answerOf(trace) {
  const outputs = eachClass(trace.a.at(-1));
  const best = largest(outputs);
  return { name: state.names[best], output: outputs[best] };
}

function show() {
  const { trace, names, pixels } = state;
  paintPixels($("seen"), pixels);
  $("seen").setAttribute("aria-label", `The prepared image: ${trace ? "28 by 28 pixels" : "nothing drawn yet"}`);
  $("hint").hidden = pad.marks.length > 0;
  for (const id of ["undo", "clear"]) enable($(id), pad.marks.length > 0);
  if (!state.network) return;
  const outputs = trace ? eachClass(trace.a.at(-1)) : null;
  const best = outputs ? largest(outputs) : -1;
  bars(outputs, best);
  showSheet($("characters"), state.lines.map((line) => line.map((one) => ({ ...one, ...answerOf(one.trace) }))), state.shown, turnTo);
  const [digit, words] = $("verdict").children;
  digit.textContent = outputs ? names[best] : "?";
  words.textContent = outputs ? howSure(outputs, best) : "Nothing drawn yet";
  $("verdict").classList.toggle("sure", outputs !== null && !state.doubt);
  lessons.show();
  diagram.update(state.pixels, trace, lookedAt());
  showing ??= setTimeout(showInNumbers, UNHURRIED);
}

function howSure(outputs, best) {
  if (state.doubt) return `unsure: ${state.doubt}`;
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
  if (Array.isArray(place)) showNeuron($("neuron"), state.network, state.units, state.trace, place, note);
  else showMap($("neuron"), state.network.trunk, state.trace, place, note);
}

function announce() {
  const outputs = state.trace ? eachClass(state.trace.a.at(-1)) : null;
  const unsure = state.doubt ? ` Unsure: ${state.doubt}.` : "";
  const all = state.lines.flat();
  if (all.length > 1) return say(`It reads ${all.length} characters: ${all.map(({ trace }) => answerOf(trace).name).join(" ")}.`);
  return say(outputs ? `It reads ${state.names[largest(outputs)]}.${unsure} ${sentence(outputs, state.names)}.` : "The drawing area is empty.");
}

/** Tell it to those who hear the page. */
function say(text) {
  $("status").textContent = text;
}

// ---------------------------------------------------------------- looking inside

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
  return say(`${nameOf(state.network, state.units, place)}${a === undefined ? "" : `, activation ${number(a)}`}`);
}

// ---------------------------------------------------------------- models

function useModel(model) {
  const network = makeNetwork(model);
  if (!network.trunk && network.sizes[0] !== 784) throw new Error(`This model reads ${network.sizes[0]} numbers, but a drawing has 784 pixels.`);
  const names = namesOf(model.classNames, network.sizes.at(-1));
  const units = network.sizes.at(-1) === 1 ? names.slice(1) : names;
  Object.assign(state, { model, network: copyNetwork(network), names, units, pinned: null, hovered: null });
  bars = makeBars($("outputs"), names);
  diagram?.close();
  diagram = new Diagram($("diagram"), state.network, units, { looked: look, picked: pick, left: () => look(null) });
  lessons.use(model, state.network, names, units);
  read();
}

/** Use an option's network, unless another is chosen before its file is there; where that fails, the one before stays. */
async function choose(chosen) {
  const model = (state.wanted = chosen.load());
  await model.catch(() => {}); // wait only: the failure of a file that is no longer wanted is nobody's concern
  if (model !== state.wanted) return;
  await attempt(async () => {
    useModel(await model);
    state.option = chosen;
    say(`Network ${chosen.text}`);
  });
  if (state.option) state.option.selected = true;
}

/** A line in the list of networks; `load` promises its model. */
function modelOption(text, value, load) {
  return Object.assign(option(value, text), { load });
}

async function openModelFile(file) {
  const bytes = file.arrayBuffer(); // kept, so that it can be chosen again
  const own = modelOption(file.name, "file", async () => readModel(await bytes));
  await choose(own);
  if (state.option !== own) return;
  $("model").querySelector('option[value="file"]')?.remove();
  $("model").append(own);
}

function openFile(file) {
  if (file.name.endsWith(".safetensors")) return openModelFile(file);
  return attempt(() => pad.showFile(file));
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

// ---------------------------------------------------------------- start

function wire() {
  themeButton($("theme"));
  pad = new Pad($("pad"), $("pen"), { changed: readSoon, say });
  lessons = new LessonForm({ drawn: () => state.trace, changed: read, say, attempt });
  $("undo").onclick = () => pad.undo();
  $("clear").onclick = () => pad.clear();
  $("width").oninput = () => (pad.width = Number($("width").value));
  onChosenFile("open-picture", "picture-file", openFile);
  onChosenFile("open-model", "model-file", openModelFile);
  onGivenFile($("drawing-area"), openFile);
}

/** Show one of the page's own digits. */
function showExample({ images }) {
  const values = Float32Array.from(images[Math.floor(Math.random() * images.length)]);
  pad.show({ values, width: 28, height: 28 });
}

async function start() {
  wire();
  await attempt(async () => {
    const entries = await jsonAsset("models.json");
    const load = (file) => async () => readModel(await asset(file));
    redraw($("model"), entries.map(({ name, facts, file }, i) => modelOption(`${name} (${facts})`, i, load(file))));
    $("model").disabled = false;
    $("model").onchange = () => choose($("model").selectedOptions[0]);
    await choose($("model").options[0]);
    performance.mark("ready");
    document.documentElement.dataset.ready = "yes";
    const sample = readSample(await asset("sample.bin"));
    lessons.compareWith(sample);
    $("example").onclick = () => showExample(sample);
    $("example").disabled = false;
  });
}

start();
