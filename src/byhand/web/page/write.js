// The Write page: a sentence in handwriting, drawn by a diffusion network in this browser, or by a larger one on this computer.

import { asset, jsonAsset } from "./assets.js";
import { readCoder } from "./codes.js";
import { ddimStep, normals, readDenoiser, times, unscaled } from "./denoiser.js";
import { writeGif } from "./gif.js";
import { drawSheet, levels, middleGrey } from "./ink.js";
import { Moons } from "./moons.js";
import { element } from "./outputs.js";
import { themeButton } from "./theme.js";
import { drawMark, typeset, wrapped, writable } from "./typeset.js";

const STEPS = 50;
const WIDTH = 14; // characters a line
const CELL = 0.92; // of a letter that has no size yet
const GREYS = 32;
const $ = (id) => document.getElementById(id);

const state = {
  hand: null, // tables of typesetting
  writers: [], // { name, title, draw(characters, names, seed, guidance, shown, stop) }
  lines: [],
  letters: [], // { character, attempt, frames: [{ frame, share }], middle, share, frame }
  page: null,
  run: 0, // the writing that is under way; a newer one ends an older one
  asked: null, // what the writing was asked for: { text, seed, guidance, model, attempts }
};

// ---------------------------------------------------------------- what draws letters

/** The latent model, in this browser: codes out of noise, a step for all letters at a time. */
function latentWriter(network, coder, title) {
  return {
    name: "latent",
    title,
    names: network.names,
    async draw(characters, names, seed, guidance, shown, going) {
      const labels = characters.map((character) => network.names.indexOf(character));
      let codes = names.map((name) => {
        const normal = normals(seed, name);
        return Float64Array.from({ length: network.d }, normal);
      });
      const moments = [...times(network.steps, STEPS), 0];
      for (let k = 0; k < moments.length; k += 1) {
        shown(codes.map((code) => coder.decode(unscaled(network, code))), network.signal[moments[k]]);
        if (k + 1 < moments.length) {
          codes = codes.map((code, i) => ddimStep(network, code, moments[k], moments[k + 1], labels[i], guidance).x);
        }
        await pause();
        if (!going()) return;
      }
    },
  };
}

/** The U-Net on this computer: the server sends every moment as it comes. */
function servedWriter({ name, title, api, names }) {
  return {
    name,
    title,
    names,
    async draw(characters, given, seed, guidance, shown, going) {
      const query = new URLSearchParams({ characters: characters.join(""), names: given.join(","), seed, guidance, steps: STEPS });
      const stopping = new AbortController();
      const answer = await fetch(`${api}?${query}`, { headers: { "X-Byhand": "1" }, signal: stopping.signal });
      if (!answer.ok) throw new Error((await answer.text()).trim());
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (!going()) {
          stopping.abort();
          return;
        }
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        for (const line of lines) {
          const { share, frames, error } = JSON.parse(line);
          if (error) throw new Error(error);
          const bytes = Uint8Array.from(atob(frames), (letter) => letter.charCodeAt(0));
          shown(characters.map((_, i) => Float32Array.from(bytes.subarray(784 * i, 784 * (i + 1)), (byte) => byte / 255)), share);
        }
      }
      if (rest) throw new Error("The server's answer broke off: press Write again.");
    },
  };
}

const pause = () => new Promise((done) => setTimeout(done));

// ---------------------------------------------------------------- writing

function unit() {
  const room = $("sheet").clientWidth || 600;
  return Math.min(56, room / state.page.width) * Math.min(devicePixelRatio, 2);
}

function paint() {
  if (!state.page) return;
  const style = state.hand.styles[$("style").value];
  drawSheet($("page"), state.page, state.letters, unit(), style, state.hand.film);
  const shown = Math.min(56, ($("sheet").clientWidth || 600) / state.page.width);
  $("page").style.width = `${state.page.width * shown}px`;
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

function settle() {
  state.page = typeset(state.lines, state.letters.map((letter) => letter.frames.at(-1).frame), state.hand);
  for (const { index, pixel } of state.page.placed) {
    const letter = state.letters[index];
    Object.assign(letter, letter.frames.at(-1), { middle: middleGrey(letter.frames.at(-1).frame, pixel, state.hand.film) });
  }
  paint();
  placeButtons();
}

/** Draw these letters (all, or one anew); the sheet shows every moment. */
async function drawLetters(letters, run) {
  const { seed, guidance } = state.asked;
  const writer = state.writers.find(({ name }) => name === state.asked.model);
  const going = () => state.run === run;
  const named = letters.map((letter) => `${state.letters.indexOf(letter)}.${letter.attempt}`);
  const drawn = letters.filter(({ character }) => !Object.hasOwn(state.hand.strokes, character));
  for (const letter of letters) Object.assign(letter, { frames: [], middle: 0.45 });
  let count = 0;
  const show = (frames, share) => {
    drawn.forEach((letter, i) => {
      Object.assign(letter, { frame: frames[i], share });
      letter.frames.push({ frame: frames[i], share });
    });
    letters.forEach((letter, i) => {
      if (drawn.includes(letter)) return;
      const noise = normals(seed, `noise ${named[i]}`);
      const mark = drawMark(letter.character, state.hand, normals(seed, `mark ${named[i]}`));
      const frame = mark.map((x) => Math.min(Math.max((share * (2 * x - 1) + Math.sqrt(1 - share ** 2) * noise()) / 2 + 0.5, 0), 1));
      Object.assign(letter, { frame, share });
      letter.frames.push({ frame, share });
    });
    count += 1;
    if (count % 2 || share > 0.99) paint();
    if (drawn.length) say(`Drawing, step ${Math.min(count, STEPS)} of ${STEPS}.`);
  };
  const at = drawn.map((letter) => named[letters.indexOf(letter)]);
  if (drawn.length) await writer.draw(drawn.map(({ character }) => character), at, seed, guidance, show, going);
  else [0, 0.5, 1].forEach((share) => show([], share));
  return going();
}

async function write(attempts = []) {
  state.run += 1;
  const run = state.run;
  const [text, seed, guidance, model] = [$("text").value, Number($("seed").value), Number($("guidance").value), $("model").value];
  await guarded(run, async () => {
    if (!Number.isInteger(seed) || seed < 0) throw new Error("The seed is a whole number from 0 up.");
    const { characters, note } = writable(text, state.writers.find(({ name }) => name === model).names, state.hand);
    state.lines = wrapped(characters, WIDTH);
    const all = state.lines.flatMap((line) => [...line].filter((character) => character !== " "));
    state.letters = all.map((character, i) => ({ character, attempt: attempts[i] ?? 0, frames: [], frame: null, share: 0, middle: 0.45 }));
    state.asked = { text, seed, guidance, model };
    state.page = cells(state.lines);
    $("letters").replaceChildren();
    if (!(await drawLetters(state.letters, run))) return;
    settle();
    $("page").setAttribute("aria-label", `The writing: ${state.lines.join(" ")}`);
    say(`Written: ${all.length} letters. ${note}`);
    remember();
    document.documentElement.dataset.written = String(Number(document.documentElement.dataset.written ?? 0) + 1);
  });
}

async function redraw(index) {
  state.run += 1;
  const run = state.run;
  const letter = state.letters[index];
  letter.attempt += 1;
  await guarded(run, async () => {
    if (!(await drawLetters([letter], run))) return;
    settle();
    say(`The letter ${letter.character} was drawn anew.`);
    remember();
    $("letters").children[index]?.focus();
    document.documentElement.dataset.written = String(Number(document.documentElement.dataset.written ?? 0) + 1);
  });
}

/** Do it, and say in one line what went wrong; meanwhile what needs a finished writing is off. */
async function guarded(run, work) {
  $("problem").hidden = true;
  for (const id of ["replay", "save", "share"]) $(id).disabled = true;
  try {
    await work();
    if (state.run === run) for (const id of ["replay", "save", "share"]) $(id).disabled = !state.page;
  } catch (error) {
    if (state.run !== run) return;
    say("");
    $("problem").textContent = error.message;
    $("problem").hidden = false;
  }
}

/** A button over each letter, which draws it anew. */
function placeButtons() {
  const shown = Math.min(56, ($("sheet").clientWidth || 600) / state.page.width);
  const buttons = [...state.page.placed].sort((a, b) => a.index - b.index).map(({ index, left, top, pixel }) => {
    const made = element("button", "again");
    Object.assign(made, { type: "button", title: `Draw this ${state.letters[index].character} anew` });
    made.setAttribute("aria-label", `Letter ${index + 1}, ${state.letters[index].character}: draw it anew`);
    Object.assign(made.style, {
      left: `${(left + 3 * pixel) * shown}px`,
      top: `${(top + 2 * pixel) * shown}px`,
      width: `${22 * pixel * shown}px`,
      height: `${24 * pixel * shown}px`,
    });
    made.onclick = () => redraw(index);
    return made;
  });
  $("letters").replaceChildren(...buttons);
  $("letters").style.width = `${state.page.width * shown}px`;
}

// ---------------------------------------------------------------- film, gif, link

/** The moments at which every letter is shown in frame `now`; as `byhand.writing.film`. */
function atFrame(now) {
  const { shown, later, longest } = state.hand.film;
  const wait = Math.min(later, longest / Math.max(1, state.letters.length - 1));
  return state.letters.map((letter, k) => {
    const age = now - Math.round(k * wait);
    if (age < 0) return { ...letter, frame: null };
    if (age >= shown - 1) return { ...letter, ...letter.frames.at(-1) };
    const wanted = (age / (shown - 1)) ** 1.3;
    const last = letter.frames.length - 1;
    const way = letter.frames.map(({ share }, i) => Math.abs(0.5 * share + (0.5 * i) / last - wanted));
    return { ...letter, ...letter.frames[way.indexOf(Math.min(...way))] };
  });
}

function frameCount() {
  const { shown, later, longest } = state.hand.film;
  return Math.round((state.letters.length - 1) * Math.min(later, longest / Math.max(1, state.letters.length - 1))) + shown;
}

function replay() {
  state.run += 1;
  const run = state.run;
  const begun = performance.now();
  const step = (now) => {
    if (state.run !== run) return;
    const frame = Math.min(Math.max(Math.floor((now - begun) / state.hand.film.pace), 0), frameCount() - 1);
    drawSheet($("page"), state.page, atFrame(frame), unit(), state.hand.styles[$("style").value], state.hand.film);
    if (frame < frameCount() - 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

async function save() {
  $("save").disabled = true;
  say("The gif is being made.");
  const { film, styles } = state.hand;
  const { paper, ink } = styles[$("style").value];
  const palette = Array.from({ length: GREYS }, (_, i) => paper.map((from, c) => Math.round(from + ((ink[c] - from) * i) / (GREYS - 1))));
  const size = 46;
  const [width, height] = [Math.round(state.page.width * size), Math.round(state.page.height * size)];
  const frames = [];
  for (let now = 0; now < frameCount(); now += 1) {
    frames.push(Uint8Array.from(levels(state.page, atFrame(now), size, film, width, height), (grey) => Math.round(grey * (GREYS - 1))));
    if (now % 6 === 5) await pause(); // stay alive
  }
  const bytes = writeGif(frames, frames.map((_, i) => (i + 1 < frames.length ? film.pace : film.hold)), width, height, palette);
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(new Blob([bytes], { type: "image/gif" })),
    download: `${state.lines.join(" ").replace(/[^\w]+/g, "-").slice(0, 40) || "writing"}.gif`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  $("save").disabled = false;
  say(`Saved as ${link.download}, ${Math.round(bytes.length / 1024)} KB.`);
}

/** The link that gives this writing again: everything in it stands behind the #, which no server gets to see. */
function remember() {
  const attempts = state.letters.map(({ attempt }) => attempt);
  const { text, seed, guidance, model } = state.asked;
  const said = new URLSearchParams({ text, seed, guidance, model, ...(attempts.some(Boolean) ? { attempts: attempts.join(".") } : {}) });
  history.replaceState(null, "", `#${said}`);
}

async function share() {
  try {
    await navigator.clipboard.writeText(location.href);
    say("The link is copied: it gives the same writing.");
  } catch {
    say(`The link: ${location.href}`);
  }
}

/** What the link asks for; the attempts of its letters. */
function recall() {
  const said = new URLSearchParams(location.hash.slice(1));
  if (said.get("text")) $("text").value = said.get("text").slice(0, 400);
  if (/^\d{1,9}$/.test(said.get("seed") ?? "")) $("seed").value = said.get("seed");
  const guidance = Number(said.get("guidance") ?? 2);
  if (guidance >= 0 && guidance <= 5) $("guidance").value = String(guidance);
  $("guided").textContent = Number($("guidance").value).toFixed(1);
  if (state.writers.some(({ name }) => name === said.get("model"))) $("model").value = said.get("model");
  return (said.get("attempts") ?? "").split(".").map((attempt) => (/^\d{1,4}$/.test(attempt) ? Number(attempt) : 0));
}

function say(text) {
  $("status").textContent = text;
}

// ---------------------------------------------------------------- start

function option(select, value, text) {
  select.append(Object.assign(document.createElement("option"), { value, textContent: text }));
}

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
  $("style").onchange = paint;
  $("replay").onclick = replay;
  $("save").onclick = save;
  $("share").onclick = share;
  addEventListener("resize", () => {
    paint();
    if ($("letters").children.length) placeButtons();
  });
  addEventListener("hashchange", () => write(recall()));
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
      if (entry.api) state.writers.push(servedWriter(entry));
      else state.writers.push(latentWriter(readDenoiser(await asset(entry.file)), readCoder(await asset(entry.coder)), entry.title));
    }
    for (const { name, title } of state.writers) option($("model"), name, title);
    for (const name of Object.keys(state.hand.styles)) option($("style"), name, name);
    wire();
    const attempts = recall();
    for (const id of ["write", "again"]) $(id).disabled = false;
    document.documentElement.dataset.ready = "yes";
    await write(attempts);
    await showPlane();
  } catch (error) {
    $("problem").textContent = error.message;
    $("problem").hidden = false;
  }
}

start();
