// The Latent page: the way between two digits through an autoencoder and a VAE side by side, their codes, and a map of one of two.

import { asset, jsonAsset } from "./assets.js";
import { Pad } from "./drawing_pad.js";
import { readCoder } from "./autoencoders.js";
import { download } from "./download.js";
import { writeGif } from "./gif.js";
import { drawFrame, PALETTE } from "./gif_frames.js";
import { element, enable } from "./html.js";
import { eased, typical, interpolate } from "./interpolation.js";
import { placeOf, Plane } from "./latent_plane.js";
import { number } from "./numbers.js";
import { canvasOf, picture } from "./pictures.js";
import { prepare } from "./prepare.js";
import { inputOf, readSample } from "./sample.js";
import { themeButton } from "./theme.js";

const LAP = 2400; // ms from one end to the other
const REST = 700; // ms at each end
const FRAMES = 36; // of a saved GIF, from one end to the other
const NAMES = { autoencoder: "autoencoder", vae: "VAE" };
const $ = (id) => document.getElementById(id);

const state = {
  coders: [], // the networks side by side: { name, coder, canvas, sliders, code, ends }
  ends: [null, null], // the two images, 784 numbers each
  chosen: ["2", "7"], // which button of each end is pressed: a digit, or "own"
  sample: null,
  order: [], // of each class the test digits, the most typical first
  seen: [0, 0], // how many times "Another" was pressed for each end
  plane: null,
  playing: 0, // the animation frame that is waited for
};
let pad;

// ---------------------------------------------------------------- the way

function share() {
  return Number($("along").value) / 1000;
}

/** Show what the networks draw at this place of the way. */
function walkTo(t) {
  $("along").value = String(Math.round(1000 * t));
  $("along").setAttribute("aria-valuetext", `${Math.round(100 * t)} per cent of the way`);
  for (const one of state.coders) {
    if (one.ends) one.code = interpolate(one.ends[0], one.ends[1], t, $("spherical").checked);
  }
  $("left-line").hidden = true;
  showCodes();
}

function showCodes() {
  for (const { coder, canvas, sliders, code } of state.coders) {
    if (!code) continue;
    paint(canvas, coder.decode(code));
    sliders.forEach((slider, d) => {
      slider.value = String(code[d]);
      slider.nextElementSibling.textContent = number(code[d], 1);
    });
  }
}

function paint(canvas, image) {
  canvas.getContext("2d").drawImage(canvasOf(image), 0, 0);
}

function setEnd(which, image, name) {
  state.ends[which] = image;
  state.chosen[which] = name;
  paint($(which ? "end" : "start"), image);
  for (const button of $(which ? "to" : "from").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.name === name));
  }
  for (const one of state.coders) {
    if (state.ends.every(Boolean)) one.ends = state.ends.map((end) => [...one.coder.code(end)]);
  }
  walkTo(share());
}

function setDigit(which, digit, turn = 0) {
  state.seen[which] = turn;
  const members = state.order[digit];
  setEnd(which, state.sample.inputs[members[turn % members.length]], String(digit));
}

function makeEnds() {
  for (const which of [0, 1]) {
    const root = $(which ? "to" : "from");
    const digits = Array.from({ length: 10 }, (_, digit) => button(String(digit), () => setDigit(which, digit)));
    const another = button("Another", () => {
      const digit = Number(state.chosen[which]);
      setDigit(which, Number.isNaN(digit) ? 0 : digit, state.seen[which] + 1);
    });
    const own = button("My drawing", () => useDrawing(which), "own");
    root.append(...digits, another, own);
  }
}

function button(text, pressed, name = text) {
  return element("button", { type: "button", data: { name }, onclick: pressed }, text);
}

function useDrawing(which) {
  const { pixels, empty } = prepare(pad.grey());
  if (empty) {
    $("own").open = true;
    $("pad").focus();
    say("Draw something first, then press My drawing again.");
    return;
  }
  setEnd(which, inputOf(pixels), "own");
  say(`Your drawing is the ${which ? "end" : "start"} of the way.`);
}

// ---------------------------------------------------------------- play and save

/** The place at a moment of the animation, ms: there, rest, back, rest. */
function placeAt(time) {
  const lap = time % (2 * (LAP + REST));
  if (lap < LAP) return eased(lap / LAP);
  if (lap < LAP + REST) return 1;
  if (lap < 2 * LAP + REST) return 1 - eased((lap - LAP - REST) / LAP);
  return 0;
}

function play() {
  const t = share();
  const begun = performance.now() - (LAP * Math.acos(1 - 2 * t)) / Math.PI;
  const step = (now) => {
    walkTo(placeAt(Math.max(now - begun, 0)));
    state.playing = requestAnimationFrame(step);
  };
  state.playing = requestAnimationFrame(step);
  $("play").textContent = "Pause";
}

function pause() {
  cancelAnimationFrame(state.playing);
  state.playing = 0;
  $("play").textContent = "Play";
}

async function save() {
  pause();
  enable($("save"), false);
  say("The gif is being made.");
  await new Promise((done) => setTimeout(done, 30)); // let that be shown
  const there = [];
  for (let i = 0; i < FRAMES; i += 1) {
    const t = eased(i / (FRAMES - 1));
    const pictures = state.coders.map(({ name, coder, ends }) => [name, coder.decode(interpolate(...ends, t, $("spherical").checked))]);
    there.push(drawFrame(pictures, state.ends, t));
    if (i % 6 === 5) await new Promise((done) => setTimeout(done)); // stay alive
  }
  const frames = [...there, ...there.slice(1, -1).reverse()];
  const times = frames.map((_, i) => (i === 0 || i === FRAMES - 1 ? 900 : 50));
  const { width, height } = there[0];
  const bytes = writeGif(frames.map(({ places }) => places), times, width, height, PALETTE);
  const name = `walk-${state.chosen.join("-")}.gif`;
  download(bytes, name, "image/gif");
  enable($("save"), true);
  say(`Saved as ${name}, ${Math.round(bytes.length / 1024)} KB.`);
}

function say(text) {
  $("status").textContent = text;
}

// ---------------------------------------------------------------- the networks

/** A network beside the others: its picture, and sliders for each number of its code. */
function addCoder(coder, entry) {
  const name = NAMES[coder.kind];
  const canvas = picture(28, 28, `What the ${name} draws at this place of the way`);
  $("pictures").append(element("figure", "drawn", canvas, element("figcaption", "", name)));
  const one = { name, coder, canvas, entry, code: null, ends: null, sliders: [] };
  const far = coder.kind === "vae" ? 4 : 12;
  one.sliders = Array.from({ length: coder.latent }, (_, d) => {
    const oninput = ({ target }) => {
      pause();
      one.code[d] = Number(target.value);
      $("left-line").hidden = false;
      showCodes();
    };
    const label = `Number ${d + 1} of the ${name}’s code`;
    return element("input", { type: "range", min: -far, max: far, step: 0.05, value: 0, "aria-label": label, oninput });
  });
  const rows = one.sliders.map((slider, d) => {
    const nats = coder.kl?.[d];
    const given = { class: nats < 0.1 ? "number unused" : "number", title: nats !== undefined && `It carries ${number(nats, 2)} nats` };
    return element("label", given, element("span", "", d + 1), slider, element("output", "", 0));
  });
  $("codes").append(element("fieldset", "code", element("legend", "", `The ${name}’s code, ${coder.latent} numbers`), rows));
  state.coders.push(one);
}

function makePlane(coder) {
  $("plane-section").hidden = false;
  state.plane = new Plane($("plane"), $("here"), coder, (code) => {
    paint($("there"), coder.decode(code));
    $("code").textContent = `code (${code.map((value) => number(value, 2)).join(", ")})`;
    $("plane").setAttribute("aria-label", `The map; the point is at ${code.map((value) => number(value, 1)).join(", ")}`);
  });
  state.plane.go([0.62, 0.4]);
  $("find").onclick = () => {
    const { pixels, empty } = prepare(pad.grey());
    if (empty) say("Draw something above first.");
    else state.plane.go(placeOf(coder.code(inputOf(pixels))));
  };
}

// ---------------------------------------------------------------- start

function wire() {
  themeButton($("theme"));
  pad = new Pad($("pad"), $("pen"), { changed: () => ($("clear").disabled = pad.marks.length === 0), say });
  $("clear").onclick = () => pad.clear();
  $("along").oninput = () => {
    pause();
    walkTo(share());
  };
  $("spherical").onchange = () => walkTo(share());
  $("play").onclick = () => (state.playing ? pause() : play());
  $("save").onclick = save;
  $("back").onclick = () => walkTo(share());
}

async function start() {
  wire();
  try {
    const entries = await jsonAsset("coders.json");
    const coders = [];
    for (const entry of entries) coders.push([readCoder(await asset(entry.file)), entry]);
    state.sample = readSample(await asset("sample.bin"));
    const walked = coders.filter(([coder]) => coder.latent > 2);
    for (const [coder, entry] of walked.length ? walked : coders) addCoder(coder, entry);
    const judge = state.coders.at(-1).coder;
    const { inputs, labels } = state.sample;
    const codes = inputs.map((x) => [...judge.code(x)]);
    const first = typical(codes, labels, 10);
    state.order = first.map((i, k) => [i, ...[...labels.keys()].filter((j) => labels[j] === k && j !== i)]);
    makeEnds();
    setDigit(0, 2);
    setDigit(1, 7);
    walkTo(0);
    const flat = coders.find(([coder]) => coder.latent === 2);
    if (flat) makePlane(flat[0]);
    for (const name of ["along", "play", "save", "spherical"]) $(name).disabled = false;
    document.documentElement.dataset.ready = "yes";
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play();
  } catch (error) {
    $("problem").textContent = error.message;
    $("problem").hidden = false;
  }
}

start();
