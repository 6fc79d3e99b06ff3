// Which characters are on a picture, in reading order: `data/characters.py` step by step, which says why; a test holds the two together.

import { pieces } from "./photograph.js";

const SPECK = 0.05; // of the largest character's height: what is smaller in both directions is dirt
const APART = 0.07; // of a line's height: the gap between characters at least
const OVER = 0.5; // of the narrower one's width, that two pieces have in common of which one stands over the other
const DOT = 0.45; // of a line's height: between a piece and one over it lies no more
const SIDE = 640; // pixels: a larger picture is looked at so coarsely
const MANY = 120; // pieces: more are noise
const LARGE = 0.5; // of the tallest one's height: smaller pieces are no characters of their own

export const SCATTERED = "the ink is scattered over very many pieces";

/** Lines from the top, each of boxes { top, left, bottom, right } from the left; [] where the ink is scattered. */
export function characters({ values, width, height }) {
  const step = Math.ceil(Math.max(width, height) / SIDE);
  let boxes = boxesOf(coarse(values, width, height, step)).map(({ top, left, bottom, right }) => ({
    top: Math.min(step * top, height), left: Math.min(step * left, width),
    bottom: Math.min(step * bottom, height), right: Math.min(step * right, width),
  }));
  const tallest = () => boxes.reduce((most, box) => Math.max(most, heightOf(box)), 0);
  const dirt = SPECK * tallest();
  boxes = boxes.filter((box) => Math.max(heightOf(box), widthOf(box)) > dirt);
  if (boxes.length > MANY) return [];
  for (let pair = alike(boxes); pair; pair = alike(boxes)) {
    const [i, j] = pair;
    boxes = [...boxes.filter((_, k) => k !== i && k !== j), together(boxes[i], boxes[j])];
  }
  const least = LARGE * tallest();
  return linesOf(boxes.filter((box) => heightOf(box) >= least));
}

/** The ink of one character. */
export function cut({ values, width }, { top, left, bottom, right }) {
  const part = { width: right - left, height: bottom - top };
  part.values = new Float32Array(part.width * part.height);
  for (let row = top; row < bottom; row += 1) part.values.set(values.subarray(row * width + left, row * width + right), (row - top) * part.width);
  return part;
}

/** Squares of step x step pixels as one: 1 where any of them has ink. */
function coarse(values, width, height, step) {
  const [columns, rows] = [width, height].map((side) => Math.ceil(side / step));
  const ink = new Uint8Array(rows * columns);
  for (let row = 0, i = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, i += 1) {
      if (values[i] > 0) ink[Math.floor(row / step) * columns + Math.floor(column / step)] = 1;
    }
  }
  return { ink, columns, rows };
}

/** One for each piece of touching pixels. */
function boxesOf({ ink, columns, rows }) {
  return pieces(ink, 1, columns, rows).map(({ places }) => {
    const box = { top: rows, left: columns, bottom: 0, right: 0 };
    for (const place of places) {
      const [row, column] = [Math.floor(place / columns), place % columns];
      box.top = Math.min(box.top, row);
      box.left = Math.min(box.left, column);
      box.bottom = Math.max(box.bottom, row + 1);
      box.right = Math.max(box.right, column + 1);
    }
    return box;
  });
}

/** The places of two boxes of one character, or null. */
function alike(boxes) {
  const tallest = boxes.reduce((most, box) => Math.max(most, heightOf(box)), 0);
  for (let i = 0; i < boxes.length; i += 1) {
    for (let j = 0; j < i; j += 1) {
      const [one, other] = [boxes[i], boxes[j]];
      const common = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const between = Math.max(one.top, other.top) - Math.min(one.bottom, other.bottom);
      const small = Math.min(heightOf(one), heightOf(other)) < LARGE * tallest;
      const over = common >= OVER * Math.min(widthOf(one), widthOf(other)) && between <= (small ? DOT : APART) * tallest;
      const touching = common > -APART * tallest && between <= APART * tallest;
      if (over || touching) return [i, j];
    }
  }
  return null;
}

/** In a line is what has its middle at the height of one before. */
function linesOf(boxes) {
  const lines = [];
  for (const box of [...boxes].sort((a, b) => a.top + a.bottom - b.top - b.bottom)) {
    const middle = (box.top + box.bottom) / 2;
    if (lines.at(-1)?.some(({ top, bottom }) => top <= middle && middle <= bottom)) lines.at(-1).push(box);
    else lines.push([box]);
  }
  return lines.map((line) => line.sort((a, b) => a.left - b.left));
}

/** The smallest box that holds both. */
function together(one, other) {
  return {
    top: Math.min(one.top, other.top), left: Math.min(one.left, other.left),
    bottom: Math.max(one.bottom, other.bottom), right: Math.max(one.right, other.right),
  };
}

const heightOf = ({ top, bottom }) => bottom - top;
const widthOf = ({ left, right }) => right - left;
