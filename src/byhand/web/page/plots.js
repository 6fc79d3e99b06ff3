// The one plotter of all pages: curves over the steps of a training, and histograms, in the colours of the page, sharp on every screen.

import { element } from "./html.js";

const ROOM = { left: 54, right: 13, top: 10, bottom: 26 }; // CSS pixels around the curves
const [LINE_APART, LABEL_APART] = [26, 62]; // CSS pixels from one line, or label, of an axis to the next, at least

/** A canvas's context and its size on the screen, cleared; all that is drawn is measured in CSS pixels. */
export function fitted(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  return { context, width, height };
}

/** A colour of the style sheet by its name, as a canvas takes it: that of the theme which is shown. */
export function colour(name) {
  if (!probe) document.body.append((probe = element("i", { hidden: true })));
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}
let probe;

/** A number in few characters. */
export function brief(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  if (size !== 0 && size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** Round numbers that divide a range, about so many. */
export function ticks(low, high, about) {
  const raw = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const size = [1, 2, 5, 10].find((factor) => factor * power >= raw) * power;
  const found = [];
  for (let k = Math.ceil(low / size - 1e-9); k * size <= high + 1e-9 * size; k += 1) found.push(k * size);
  return found;
}

/** Round numbers of every size between two: powers of ten, and 2 and 5 times those. */
function roundNumbers(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1) {
    for (const factor of [1, 2, 5]) found.push(factor * 10 ** power);
  }
  return found.filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
}

/** What stands up the side of a logarithmic plot: powers of ten where there are some, or closer ones. */
function powers(low, high) {
  const all = roundNumbers(low, high);
  const tens = all.filter((value) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9);
  if (tens.length > 2) return tens;
  return all.length > 1 ? all : ticks(low, high, 4);
}

/** Those of the values that lie at least so many pixels from the one before. */
function apart(values, place, pixels) {
  const kept = [];
  for (const value of values) if (!kept.length || Math.abs(place(value) - place(kept.at(-1))) >= pixels) kept.push(value);
  return kept;
}

/**
 * Where a step lies between the left and the right of a plot of `total` steps. `stretched`: time is stretched at the beginning, where
 * most happens, as the square root does.
 */
function across(step, total, width, stretched) {
  const share = stretched ? Math.sqrt(step / total) : step / total;
  return ROOM.left + share * (width - ROOM.left - ROOM.right);
}

/** The step that lies at `x` of a stretched plot. */
export function stepAt(x, total, width) {
  return total * Math.min(1, Math.max(0, (x - ROOM.left) / (width - ROOM.left - ROOM.right))) ** 2;
}

/**
 * Curves over a common x. `curves` are { name, colour, points: [[x, y]], width, dashed }; a y that is no finite number is left out.
 *
 * - low, high: the ends of y where they are not those of the points; log: powers of ten up the side; unit: behind its numbers
 * - key: whether the names stand at the "top", at the "bottom", or nowhere
 * - steps: whether x counts steps, or has no numbers; total: the last of them, where it is not that of the points
 * - stretched: whether time is stretched at the beginning; cursor: a step at which a line stands, with a dot on each curve of `marked`
 */
export function drawCurves(canvas, curves, options = {}) {
  const { log = false, low = null, high = null, unit = "", key = "top", steps = true, total = null, stretched = false, cursor = null } = options;
  const { context, width, height } = fitted(canvas);
  const shown = curves
    .map((curve) => ({ ...curve, points: curve.points.filter(([, y]) => y !== null && Number.isFinite(y) && (!log || y > 0)) }))
    .filter(({ points }) => points.length);
  if (!shown.length) return;
  const bend = log ? Math.log10 : (y) => y;
  const ys = shown.flatMap(({ points }) => points.map(([, y]) => bend(y)));
  let [y0, y1] = [low === null ? least(ys) : bend(low), high === null ? -least(ys.map((y) => -y)) : bend(high)];
  if (y1 - y0 < 1e-9) [y0, y1] = [y0 - 0.5, y1 + 0.5];
  if (!steps) y1 += 0.22 * shown.length * (y1 - y0); // a small plot, in which the names would hide the curves
  const last = total ?? Math.max(...shown.map(({ points }) => points.at(-1)[0]), steps ? 1 : 0);
  const px = (x) => across(x, last, width, stretched);
  const py = (y) => height - ROOM.bottom - ((bend(y) - y0) / (y1 - y0)) * (height - ROOM.top - ROOM.bottom);
  const levels = log ? powers(10 ** y0, 10 ** y1) : ticks(y0, y1, height / 50);
  drawLevels(context, width, apart(levels, py, LINE_APART), py, (y) => brief(y) + unit);
  if (steps) drawSteps(context, width, height, stretched ? [0, ...roundNumbers(1, last)] : ticks(0, last, width / 110), px);
  for (const curve of shown) drawLine(context, curve, px, py);
  if (cursor === null) for (const { points, colour: own } of shown) drawDot(context, px(points.at(-1)[0]), py(points.at(-1)[1]), 2.6, own);
  else drawCursor(context, height, shown, cursor, px, py);
  if (key) drawKey(context, shown, width, key === "top" ? ROOM.top + 10 : height - ROOM.bottom - 18 * shown.length);
}

/** The least of many numbers, of which there may be more than a call takes arguments. */
const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);

function drawLevels(context, width, levels, py, said) {
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  context.strokeStyle = colour("rule");
  context.fillStyle = colour("soft");
  for (const y of levels) {
    context.beginPath();
    context.moveTo(ROOM.left, py(y));
    context.lineTo(width - ROOM.right, py(y));
    context.stroke();
    context.fillText(said(y), ROOM.left - 8, py(y));
  }
}

function drawSteps(context, width, height, steps, px) {
  context.textBaseline = "alphabetic";
  context.textAlign = "center";
  for (const step of apart(steps, px, LABEL_APART)) {
    context.fillText(step === 0 ? "step 0" : brief(step), Math.min(px(step), width - 18), height - 8);
  }
}

function drawLine(context, { points, colour: name, width = 1.6, dashed = false }, px, py) {
  context.strokeStyle = colour(name);
  context.lineWidth = width;
  context.lineJoin = "round";
  context.setLineDash(dashed ? [6, 4] : []);
  context.beginPath();
  for (const [x, y] of points) context.lineTo(px(x), py(y));
  context.stroke();
  context.setLineDash([]);
}

function drawDot(context, x, y, radius, name) {
  context.fillStyle = colour(name);
  context.beginPath();
  context.arc(x, y, radius, 0, 7);
  context.fill();
}

function drawCursor(context, height, curves, cursor, px, py) {
  context.strokeStyle = colour("ink");
  context.lineWidth = 1.4;
  context.beginPath();
  context.moveTo(px(cursor), 4);
  context.lineTo(px(cursor), height - ROOM.bottom);
  context.stroke();
  for (const { points, colour: own, marked } of curves) {
    const here = marked && points.find(([x]) => x === cursor);
    if (here) drawDot(context, px(cursor), py(here[1]), 5, own);
  }
}

function drawKey(context, curves, width, top) {
  context.textAlign = "right";
  context.textBaseline = "middle";
  curves.forEach(({ name, colour: own, dashed }, k) => {
    const y = top + 18 * k;
    const wide = context.measureText(name).width;
    context.fillStyle = colour("card");
    context.globalAlpha = 0.85;
    context.fillRect(width - ROOM.right - wide - 34, y - 9, wide + 34, 18);
    context.globalAlpha = 1;
    context.fillStyle = colour("ink");
    context.fillText(name, width - ROOM.right - 4, y);
    context.strokeStyle = colour(own);
    context.lineWidth = 3;
    context.setLineDash(dashed ? [4, 3] : []);
    context.beginPath();
    context.moveTo(width - ROOM.right - wide - 28, y);
    context.lineTo(width - ROOM.right - wide - 12, y);
    context.stroke();
    context.setLineDash([]);
  });
}

/**
 * Bars of counts between two ends; a thin line marks 0. `most` is the count of a bar of full height.
 *
 * - root: whether heights are square roots, so that the few show beside the many
 * - before: counts that are drawn as a line over the bars; ends: whether the numbers of the ends stand below
 */
export function drawHistogram(canvas, { counts, low, high }, own, { most = 100, root = false, before = null, ends = false } = {}) {
  const { context, width, height } = fitted(canvas);
  const bottom = ends ? height - 18 : height;
  const bar = width / counts.length;
  const tall = (count) => (root ? Math.sqrt(count / most) : count / most) * (bottom - 2);
  context.fillStyle = colour(own);
  counts.forEach((count, k) => {
    const up = count ? Math.max(1.5, tall(count)) : 0;
    context.fillRect(k * bar + 0.5, bottom - up, Math.max(1, bar - 1), up);
  });
  context.fillStyle = colour("soft");
  if (low < 0 && high > 0) context.fillRect(Math.round((-low / (high - low)) * width), 0, 1, bottom);
  if (before) {
    const outline = [...before].flatMap((count, k) => [[k * bar, count], [(k + 1) * bar, count]]);
    drawLine(context, { points: outline, colour: "minus", width: 1.3 }, (x) => x, (count) => bottom - tall(count));
  }
  if (!ends) return;
  context.fillStyle = colour("soft");
  for (const [value, x, align] of [[low, 0, "left"], [0, (-low / (high - low)) * width, "center"], [high, width, "right"]]) {
    context.textAlign = align;
    context.fillText(brief(value).replace("-", "−"), x, height - 3);
  }
}
