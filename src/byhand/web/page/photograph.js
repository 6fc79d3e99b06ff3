// Ink on paper as a camera sees it: the light taken out, printed lines and specks told from the strokes.
//
// This is `data/photograph.py` step by step, which says why; a test holds the two within one grey level.

import { resize } from "./resize.js";

const SIDE = 640; // pixels: what a photograph is reduced to
const SMALLEST = 64; // pixels of the shorter side: what is smaller is no photograph
const [FLAT, SAME] = [2, 0.98]; // paper is even where so large a share of the border is within so many levels of its median
const CELLS = 40; // of the coarse grid, along the longer side
const WINDOW = 4; // cells to each side that a closing fills up
const PAPER = 0.8; // quantile of a cell that is paper
const WEAK = 0.45; // of the ink's darkness: what is fainter is no part of a stroke
const SPECK = 0.08; // of the largest piece's ink: what has less is a speck
const FAINTEST = 0.08; // of the light: ink must take away so much

/** Whether the paper has one level all along the border: there is no light to take out. */
export function isEven({ values, width, height }) {
  if (Math.min(width, height) < SMALLEST) return true;
  const border = [];
  for (let row = 0; row < height; row += 1) {
    const inside = row > 0 && row < height - 1 ? width - 1 : 1;
    for (let column = 0; column < width; column += inside) border.push(values[row * width + column]);
  }
  border.sort((a, b) => a - b);
  const middle = border[(border.length - 1) >> 1];
  return border.filter((value) => Math.abs(value - middle) <= FLAT).length >= SAME * border.length;
}

/** How dark the ink is, from 0 to 255, white on black, at most SIDE pixels; `ink` is "auto", "white" or "black". */
export function inkOf(image, ink) {
  const grey = reduced(image);
  const { width, height } = grey;
  const other = () => darkness({ ...grey, values: grey.values.map((value) => 255 - value) });
  let dark = ink === "white" ? other() : darkness(grey);
  if (ink === "auto") {
    const light = other();
    if (spread(light) < 0.5 * spread(dark)) dark = light;
  }
  dark = smooth(dark.map((value) => Math.max(value, 0)), width, height);
  const strokes = strokesOf(dark, width, height);
  const inside = dark.filter((_, i) => strokes[i]).sort();
  const values = new Float32Array(width * height);
  if (!inside.length) return { values, width, height, drawn: true };
  const level = inside[Math.trunc(0.7 * inside.length)];
  const grown = nearby(strokes, width, height);
  for (let i = 0; i < values.length; i += 1) if (grown[i]) values[i] = 255 * Math.min(dark[i] / level, 1);
  return { values, width, height, drawn: true };
}

/** Strokes are few and strong: their mean is small beside their largest. */
function spread(values) {
  let [sum, top] = [0, -Infinity];
  for (const value of values) {
    sum += Math.max(value, 0);
    top = Math.max(top, value);
  }
  return sum / values.length / (top + 0.1);
}

function reduced(image) {
  const longer = Math.max(image.width, image.height);
  const grey = longer <= SIDE ? image : resize(image, ...[image.width, image.height].map((side) => Math.max(1, Math.floor((side * SIDE) / longer + 0.5))));
  return { ...grey, values: Float64Array.from(grey.values) };
}

/** 1 - grey / light, where the light is what the paper around gives back. */
function darkness({ values, width, height }) {
  const cell = Math.max(1, Math.ceil(Math.max(width, height) / CELLS));
  const [columns, rows] = [width, height].map((side) => Math.ceil(side / cell));
  const paper = new Float64Array(rows * columns);
  const pixels = new Float64Array(cell * cell);
  for (let i = 0; i < paper.length; i += 1) {
    const [top, left] = [Math.floor(i / columns) * cell, (i % columns) * cell];
    for (let k = 0; k < pixels.length; k += 1) {
      const row = Math.min(top + Math.floor(k / cell), height - 1);
      pixels[k] = values[row * width + Math.min(left + (k % cell), width - 1)];
    }
    paper[i] = pixels.sort()[Math.trunc(PAPER * (pixels.length - 1))];
  }
  const closed = closing(paper, columns, rows);
  const light = enlarged(closed, columns, rows, cell, width, height);
  return values.map((value, i) => 1 - value / Math.max(light[i], 8));
}

/** What is darker and narrower than the window filled up: of the extended grid the largest values, and of those the smallest. */
function closing(paper, columns, rows) {
  const lines = Array.from({ length: rows }, (_, row) => Array.from(paper.subarray(row * columns, (row + 1) * columns)));
  const bothWays = (grid, change) => turned(turned(grid).map(change)).map(change);
  const wide = bothWays(lines, extended);
  const top = bothWays(wide, (line) => within(line, Math.max));
  return bothWays(top, (line) => within(line, Math.min)).flat();
}

function turned(grid) {
  return grid[0].map((_, column) => grid.map((line) => line[column]));
}

/** Two windows more on both ends, mirrored in place and value: light that falls towards the border falls on behind it. */
function extended(line) {
  const n = line.length;
  const steps = Array.from({ length: 2 * WINDOW }, (_, k) => Math.min(k + 1, n - 1));
  const before = steps.map((k) => 2 * line[0] - line[k]).reverse();
  return [...before, ...line, ...steps.map((k) => 2 * line[n - 1] - line[n - 1 - k])];
}

/** The largest or smallest of each window that lies whole on the line. */
function within(line, choose) {
  return line.slice(2 * WINDOW).map((_, i) => choose(...line.slice(i, i + 2 * WINDOW + 1)));
}

/** One value for each pixel, on straight lines between the cells' middles. */
function enlarged(cells, columns, rows, cell, width, height) {
  const places = (length, count) => Array.from({ length }, (_, i) => {
    const at = Math.min(Math.max((i + 0.5) / cell - 0.5, 0), count - 1);
    const low = Math.trunc(at);
    return { low, high: Math.min(low + 1, count - 1), share: at - low };
  });
  const [down, across] = [places(height, rows), places(width, columns)];
  const found = new Float64Array(width * height);
  let i = 0;
  for (const { low, high, share } of down) {
    const line = Array.from({ length: columns }, (_, k) => cells[low * columns + k] * (1 - share) + cells[high * columns + k] * share);
    for (const { low: left, high: right, share: part } of across) found[i++] = line[left] * (1 - part) + line[right] * part;
  }
  return found;
}

/** The mean of 3 x 3 pixels; the picture goes on beyond its border as it is there. */
function smooth(values, width, height) {
  const mean = new Float64Array(values.length);
  for (let row = 0, i = 0; row < height; row += 1) {
    const lines = [Math.max(row - 1, 0), row, Math.min(row + 1, height - 1)];
    for (let column = 0; column < width; column += 1, i += 1) {
      let sum = 0;
      for (const k of [Math.max(column - 1, 0), column, Math.min(column + 1, width - 1)]) for (const line of lines) sum += values[line * width + k];
      mean[i] = sum / 9;
    }
  }
  return mean;
}

/** 1 where ink is: dark enough, in pieces that are no specks, and not a part of what lies around the paper. */
function strokesOf(dark, width, height) {
  const strokes = new Uint8Array(dark.length);
  const top = dark.slice().sort()[Math.trunc((1 - 0.004) * (dark.length - 1))];
  if (top < FAINTEST) return strokes;
  const found = pieces(dark, WEAK * top, width, height);
  const most = (all) => all.reduce((best, { ink }) => Math.max(best, ink), 0);
  const inside = found.filter(({ edge }) => !edge);
  const whole = most(inside) > 0.1 * most(found) ? inside : found;
  for (const { ink, places } of whole) if (ink >= SPECK * most(whole)) for (const i of places) strokes[i] = 1;
  return strokes;
}

/** The pieces of touching pixels (8 neighbours) that are as dark as `least`: where, how much ink, whether at the picture's edge. */
export function pieces(dark, least, width, height) {
  const met = new Uint8Array(dark.length);
  const found = [];
  for (let start = 0; start < dark.length; start += 1) {
    if (met[start] || dark[start] < least) continue;
    const places = [start];
    met[start] = 1;
    let [ink, edge] = [0, false];
    for (let k = 0; k < places.length; k += 1) {
      const [row, column] = [Math.floor(places[k] / width), places[k] % width];
      ink += dark[places[k]];
      edge ||= row === 0 || column === 0 || row === height - 1 || column === width - 1;
      for (let r = Math.max(row - 1, 0); r <= Math.min(row + 1, height - 1); r += 1) {
        for (let c = Math.max(column - 1, 0); c <= Math.min(column + 1, width - 1); c += 1) {
          const next = r * width + c;
          if (met[next] || dark[next] < least) continue;
          met[next] = 1;
          places.push(next);
        }
      }
    }
    found.push({ places, ink, edge });
  }
  return found;
}

/** And the pixels around: a stroke's soft edge. */
function nearby(mask, width, height) {
  const grown = new Uint8Array(mask.length);
  for (let i = 0; i < mask.length; i += 1) {
    if (!mask[i]) continue;
    const [row, column] = [Math.floor(i / width), i % width];
    for (let r = Math.max(row - 1, 0); r <= Math.min(row + 1, height - 1); r += 1) {
      for (let c = Math.max(column - 1, 0); c <= Math.min(column + 1, width - 1); c += 1) grown[r * width + c] = 1;
    }
  }
  return grown;
}
