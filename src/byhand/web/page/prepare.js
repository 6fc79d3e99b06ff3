// The preparation of images: any picture of one character becomes 28 x 28 pixels as MNIST has them.
//
// White ink on black; crop to the ink; scale the longer side to 20 pixels; put the centre of mass in the middle. This is
// `data/prepare.py` step by step, with Pillow's anti-aliased resize written out, and a test holds the two within one grey level.

import { SCATTERED, characters, cut } from "./characters.js";
import { doubtOf } from "./doubt.js";
import { inkOf, isEven } from "./photograph.js";
import { resize } from "./resize.js";

const FRAME = 28;
const BOX = 20; // pixels: the square that the ink is scaled into
const MIDDLE = 14; // pixels: where MNIST's digits have their centre of mass
const TIE = 1e-6; // pixels: so that two sums that differ in their last digit do not part a tie differently
const FAINTEST = 8; // of 255: an image whose shades differ by less, or whose ink is fainter, is empty
const NOISE = 0.1; // of the brightest pixel: what is darker is paper, not ink

/**
 * An image of grey levels from 0 to 255, { values, width, height }, white ink on black -> { pixels, empty, doubt }.
 * `drawn`: its ink is known, and there is no light to take out of it.
 */
export function prepare(given) {
  return framed(inkLevels(given));
}

/** The same of every character of a picture, in lines from the top, each from the left; [] where there is no ink. */
export function prepareAll(given) {
  const ink = inkLevels(given);
  if (!ink) return [];
  const lines = characters(ink);
  const count = lines.flat().length;
  if (count > 1) return lines.map((line) => line.map((box) => ({ ...framed(cut(ink, box)), doubt: "" })));
  const one = framed(ink);
  return [[{ ...one, doubt: count ? one.doubt : SCATTERED }]];
}

/** How much ink is where, 0 for paper; null for a picture with nothing on it. */
function inkLevels(given) {
  const image = given.drawn || isEven(given) ? given : inkOf(given, "white");
  const { width, height } = image;
  const values = Float32Array.from(withoutPaper(image));
  const contrast = brightestOf(image.values) + brightestOf(image.values.map((value) => -value));
  const brightest = brightestOf(values);
  if (Math.min(contrast, brightest) < FAINTEST) return null;
  for (let i = 0; i < values.length; i += 1) if (values[i] < NOISE * brightest) values[i] = 0;
  return { values, width, height };
}

/** Ink as 28 x 28 pixels: cropped, scaled, and put with its centre of mass in the middle; empty of null. */
function framed(ink) {
  const pixels = new Uint8Array(FRAME * FRAME);
  if (!ink) return { pixels, empty: true, doubt: "" };
  const tight = crop(ink);
  const small = scale(tight);
  let top = 0;
  for (const value of small.values) top = Math.max(top, value);
  for (let i = 0; i < small.values.length; i += 1) small.values[i] *= 255 / top;
  const down = offset(small, small.height, (row, column) => row);
  const right = offset(small, small.width, (row, column) => column);
  for (let row = 0; row < small.height; row += 1) {
    for (let column = 0; column < small.width; column += 1) {
      pixels[(row + down) * FRAME + column + right] = Math.floor(small.values[row * small.width + column] + 0.5);
    }
  }
  return { pixels, empty: false, doubt: doubtOf(tight, ink) };
}

/** Paper is seldom quite white: its level, the border's lower median, is taken off, unless the border itself is mostly ink. */
function withoutPaper({ values, width, height }) {
  const border = [];
  for (let row = 0; row < height; row += 1) {
    const inside = row > 0 && row < height - 1 ? Math.max(1, width - 1) : 1; // of the inner rows only both ends
    for (let column = 0; column < width; column += inside) border.push(values[row * width + column]);
  }
  const paper = border.sort((a, b) => a - b)[(border.length - 1) >> 1];
  const brightest = brightestOf(values);
  if (!(paper > 0 && paper < brightest / 2)) return values;
  return Float32Array.from(values, (value) => Math.max(value - paper, 0));
}

function brightestOf(values) {
  let brightest = -Infinity;
  for (let i = 0; i < values.length; i += 1) if (values[i] > brightest) brightest = values[i];
  return brightest;
}

/** The part of the image with ink. */
function crop({ values, width, height }) {
  const box = { top: height, bottom: 0, left: width, right: 0 };
  for (let row = 0, i = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, i += 1) {
      if (!values[i]) continue;
      if (row < box.top) box.top = row;
      box.bottom = row + 1;
      if (column < box.left) box.left = column;
      if (column >= box.right) box.right = column + 1;
    }
  }
  return cut({ values, width }, box);
}

/** To 20 pixels on the longer side. */
function scale(image) {
  const longer = Math.max(image.width, image.height);
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.floor((side * BOX) / longer + 0.5)));
  return resize(image, width, height);
}

/** Where the first row (column) goes, so that the centre of mass falls nearest the middle of the frame. */
function offset({ values, width }, length, place) {
  let mass = 0;
  let moment = 0;
  values.forEach((value, i) => {
    mass += value;
    moment += value * place(Math.floor(i / width), i % width);
  });
  return Math.min(Math.max(Math.floor(MIDDLE - moment / mass + 0.5 + TIE), 0), FRAME - length);
}

/**
 * Grey levels, white ink on black, of a picture's RGBA bytes on white paper; ink is what the picture's border is not. A photograph
 * is `drawn` then: the light, the paper and its lines are taken out.
 */
export function greyOf(rgba, width, height) {
  const values = new Float32Array(width * height);
  let frame = 0;
  let counted = 0;
  for (let i = 0; i < values.length; i += 1) {
    const alpha = rgba[4 * i + 3] / 255;
    const light = 0.299 * rgba[4 * i] + 0.587 * rgba[4 * i + 1] + 0.114 * rgba[4 * i + 2];
    values[i] = light * alpha + 255 * (1 - alpha);
    const [row, column] = [Math.floor(i / width), i % width];
    if (row === 0 || column === 0 || row === height - 1 || column === width - 1) {
      frame += values[i];
      counted += 1;
    }
  }
  const grey = { values, width, height };
  if (!isEven(grey)) return inkOf(grey, "auto");
  const blackInk = frame / counted > 127.5;
  return { values: blackInk ? values.map((value) => 255 - value) : values, width, height };
}
