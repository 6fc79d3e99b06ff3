// The Write page: a sentence in handwriting, drawn by a diffusion network in this browser, or by a larger one on this computer.

import { asset, jsonAsset } from "./assets.js";
import { readCoder } from "./autoencoders.js";
import { normals, readDenoiser } from "./denoiser.js";
import { download } from "./download.js";
import { element, enable, option, redraw } from "./html.js";
import { animatedGif, frameCount, lettersAt } from "./letter_animation.js";
import { latentWriter, servedWriter } from "./letter_writers.js";
import { Moons } from "./moons.js";
import { drawSheet, middleGrey } from "./rasterise.js";
import { themeButton } from "./theme.js";
import { drawMark, typeset, wrapped, writable } from "./layout.js";
import { recallWriting, rememberWriting } from "./writing_link.js";

const WIDTH = 14; // characters in a line
const CELL = 0.92; // of a letter that has no size yet
const LARGEST = 56; // CSS pixels of a unit of the page
const FINISHED = ["replay", "save", "share"]; // what needs a finished writing
const $ = (id) => document.getElementById(id);

const state = {
  hand: null, // tables of typesetting
  writers: [], // see letter_writers.js
  lines: [],
  letters: [], // { character, attempt, frames: [{ frame, share }], middle, share, frame }
  page: null, // where each letter stands
  run: 0, // the writing that is under way; a newer one ends an older one
  asked: null, // what the writing was asked for: { text, seed, guidance, model }
};

// ---------------------------------------------------------------- the page that is written on

/** CSS pixels of a unit of the page: as large as fits. */
function unit() {
  return Math.min(LARGEST, ($("sheet").clientWidth || 600) / state.page.width);
}

function paint(letters = state.letters) {
  if (!state.page) return;
  const style = state.hand.styles[$("style").value];
  drawSheet($("page"), state.page, letters, unit() * Math.min(devicePixelRatio, 2), style, state.hand.animation);
  $("page").style.width = `${state.page.width * unit()}px`;
  $("sheet").style.background = `rgb(${style.paper.join(" ")})`;
}

/** Letters that have no size yet, in cells of one width. */
function cells(lines) {
  const { margin, line: step } = state.hand.typeset;
  const most = Math.max(...lines.map((line) => [...line].length));
  let index = 0;
  const placed = lines.flatMap((line, row) => {
    const begin = margin + ((most - [...line].length) * CELL) / 2;
    return [...line].flatMap((character, column) => {
      if (character === " ") return [];
      index += 1;
      return [{ index: index - 1, left: begin + column * CELL, top: margin + row * step, pixel: 1 / 28 }];
    });
  });
  return { width: 2 * margin + most * CELL, height: 2 * margin + 1.28 + (lines.length - 1) * step, placed };
}

/** Set the finished letters in their sizes. */
function settle() {
  state.page = typeset(state.lines, state.letters.map((letter) => letter.frames.at(-1).frame), state.hand);
  for (const { index, pixel } of state.page.placed) {
    const letter = state.letters[index];
    Object.assign(letter, letter.frames.at(-1), { middle: middleGrey(letter.frames.at(-1).frame, pixel, state.hand.animation) });
  }
  paint();
  placeButtons();
}

/** A button over each letter, which draws it again. */
function placeButtons() {
  const shown = unit();
  const buttons = [...state.page.placed].sort((a, b) => a.index - b.index).map(({ index, left, top, pixel }) => {
    const { character } = state.letters[index];
    const given = { class: "again", type: "button", title: `Draw this ${character} again`, onclick: () => drawAgain(index) };
    const button = element("button", { ...given, "aria-label": `Letter ${index + 1}, ${character}: draw it again` });
    Object.assign(button.style, {
      left: `${(left + 3 * pixel) * shown}px`,
      top: `${(top + 2 * pixel) * shown}px`,
      width: `${22 * pixel * shown}px`,
      height: `${24 * pixel * shown}px`,
    });
    return button;
  });
  redraw($("letters"), buttons);
  $("letters").style.width = `${state.page.width * shown}px`;
}

// ---------------------------------------------------------------- writing

/** Draw these letters (all, or one again); the sheet shows every moment. Returns whether somebody still waits for it. */
async function drawLetters(letters, run) {
  const { seed, model } = state.asked;
  const writer = state.writers.find(({ name }) => name === model);
  const going = () => state.run === run;
  const named = letters.map((letter) => `${state.letters.indexOf(letter)}.${letter.attempt}`);
  const isMark = ({ character }) => Object.hasOwn(state.hand.strokes, character); // a full stop is drawn with a pen
  const drawn = letters.filter((letter) => !isMark(letter));
  for (const letter of letters) Object.assign(letter, { frames: [], middle: 0.45 });
  const keep = (letter, frame, share) => {
    Object.assign(letter, { frame, share });
    letter.frames.push({ frame, share });
  };
  let count = 0;
  const show = (frames, share) => {
    drawn.forEach((letter, i) => keep(letter, frames[i], share));
    letters.forEach((letter, i) => isMark(letter) && keep(letter, markInNoise(letter.character, seed, named[i], share), share));
    count += 1;
    if (count % 2 || share > 0.99) paint();
    if (drawn.length) say(count > 1 ? `Drawing, step ${Math.min(count - 1, writer.moments)} of ${writer.moments}.` : "Drawing, from pure noise.");
  };
  const drawings = drawn.map((letter) => named[letters.indexOf(letter)]);
  if (drawn.length) await writer.draw(drawn.map(({ character }) => character), drawings, state.asked, show, going);
  else [0, 0.5, 1].forEach((share) => show([], share));
  return going();
}

/** A mark under as much noise as the letters beside it have, so that it appears with them. */
function markInNoise(character, seed, name, share) {
  const noise = normals(seed, `noise ${name}`);
  const mark = drawMark(character, state.hand, normals(seed, `mark ${name}`));
  return mark.map((x) => Math.min(Math.max((share * (2 * x - 1) + Math.sqrt(1 - share ** 2) * noise()) / 2 + 0.5, 0), 1));
}

async function write(attempts = []) {
  const run = begin();
  const [text, seed, guidance, model] = [$("text").value, Number($("seed").value), Number($("guidance").value), $("model").value];
  await guarded(run, async () => {
    if (!Number.isInteger(seed) || seed < 0) throw new Error("The seed must be a whole number, 0 or more.");
    const { characters, note } = writable(text, state.writers.find(({ name }) => name === model).names, state.hand);
    state.lines = wrapped(characters, WIDTH);
    const all = state.lines.flatMap((line) => [...line].filter((character) => character !== " "));
    state.letters = all.map((character, i) => ({ character, attempt: attempts[i] ?? 0, frames: [], frame: null, share: 0, middle: 0.45 }));
    state.asked = { text, seed, guidance, model };
    state.page = cells(state.lines);
    redraw($("letters"));
    if (!(await drawLetters(state.letters, run))) return;
    $("page").setAttribute("aria-label", `The writing: ${state.lines.join(" ")}`);
    finish(`Written: ${all.length} letters. ${note}`);
  });
}

async function drawAgain(index) {
  const run = begin();
  const letter = state.letters[index];
  letter.attempt += 1;
  await guarded(run, async () => {
    if (await drawLetters([letter], run)) finish(`The letter ${letter.character} was drawn again.`);
  });
}

/** A new writing begins, and ends the one that was under way. */
function begin() {
  for (const { stop } of state.writers) stop?.();
  return (state.run += 1);
}

function finish(text) {
  settle();
  say(text);
  rememberWriting(state.asked, state.letters.map(({ attempt }) => attempt));
  document.documentElement.dataset.written = String(Number(document.documentElement.dataset.written ?? 0) + 1);
}

/** Do it, and say in one line what went wrong; meanwhile what needs a finished writing is off. */
async function guarded(run, work) {
  $("problem").hidden = true;
  for (const id of FINISHED) enable($(id), false);
  try {
    await work();
    if (state.run === run) for (const id of FINISHED) enable($(id), Boolean(state.page));
  } catch (error) {
    if (state.run !== run) return;
    say("");
    complain(error);
  }
}

// ---------------------------------------------------------------- what is done with it

function replay() {
  const run = begin();
  const begun = performance.now();
  const { animation } = state.hand;
  const last = frameCount(state.letters, animation) - 1;
  const step = (now) => {
    if (state.run !== run) return;
    const frame = Math.min(Math.max(Math.floor((now - begun) / animation.pace), 0), last);
    paint(lettersAt(frame, state.letters, animation));
    if (frame < last) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

async function save() {
  enable($("save"), false);
  say("The gif is being made.");
  const bytes = await animatedGif(state.page, state.letters, state.hand.animation, state.hand.styles[$("style").value]);
  const name = `${state.lines.join(" ").replace(/[^\w]+/g, "-").slice(0, 40) || "writing"}.gif`;
  download(bytes, name, "image/gif");
  enable($("save"), true);
  say(`Saved as ${name}, ${Math.round(bytes.length / 1024)} KB.`);
}

async function share() {
  try {
    await navigator.clipboard.writeText(location.href);
    say("The link is copied: it gives the same writing.");
  } catch {
    say(`The link: ${location.href}`);
  }
}

function say(text) {
  $("status").textContent = text;
}

function complain(error) {
  $("problem").textContent = error.message;
  $("problem").hidden = false;
}

// ---------------------------------------------------------------- start

function wire() {
  $("form").onsubmit = (event) => {
    event.preventDefault();
    write();
  };
  $("text").onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      write();
    }
  };
  $("again").onclick = () => {
    $("seed").value = String(Math.floor(Math.random() * 1_000_000));
    write();
  };
  $("guidance").oninput = () => ($("guided").textContent = Number($("guidance").value).toFixed(1));
  $("style").onchange = () => paint();
  $("replay").onclick = replay;
  $("save").onclick = save;
  $("share").onclick = share;
  addEventListener("resize", () => {
    paint();
    if ($("letters").children.length) placeButtons();
  });
  addEventListener("hashchange", () => write(recallWriting(state.writers)));
}

/** The section with diffusion in the plane, where its network is there. */
async function showPlane() {
  const { plane } = state.hand;
  if (!plane) return;
  const network = readDenoiser(await asset(plane));
  const controls = { canvas: $("plane"), along: $("along"), play: $("play"), arrows: $("arrows"), again: $("noise"), told: $("told") };
  $("plane-section").hidden = false;
  const shown = new Moons(network, controls);
  addEventListener("resize", () => shown.draw());
  await shown.compute();
}

async function start() {
  themeButton($("theme"));
  try {
    state.hand = await jsonAsset("hand.json");
    for (const entry of await jsonAsset("writers.json")) {
      if (entry.api) state.writers.push(servedWriter(entry, () => say("Waiting for the network …")));
      else state.writers.push(latentWriter(readDenoiser(await asset(entry.file)), readCoder(await asset(entry.coder)), entry.title));
    }
    redraw($("model"), state.writers.map(({ name, title }) => option(name, title)));
    redraw($("style"), Object.keys(state.hand.styles).map((name) => option(name)));
    wire();
    const attempts = recallWriting(state.writers);
    for (const id of ["write", "again"]) $(id).disabled = false;
    document.documentElement.dataset.ready = "yes";
    await write(attempts);
    await showPlane();
  } catch (error) {
    complain(error);
  }
}

start();
