// Small pictures of numbers, one canvas pixel a number: grey for images, two colours for numbers with a sign, light for activations.

import { element } from "./html.js";

export const ABOVE = [134, 189, 255]; // blue
export const BELOW = [255, 160, 107]; // orange
export const BACKGROUND = [25, 26, 31]; // --dark-panel of the style sheet
const ZERO = [52, 54, 62]; // grey: neither, and yet a number
const GLOW = [255, 200, 107]; // --glow of the style sheet

/** A colour at this share of the way between two. */
export function mixed(from, to, share) {
  return from.map((start, c) => Math.round(start + share * (to[c] - start)));
}

// Tables, since a moving pen has each pixel painted anew.
const INK = Array.from({ length: 256 }, (_, level) => mixed(BACKGROUND, [255, 255, 255], level / 255));
const LIGHT = Array.from({ length: 256 }, (_, level) => mixed(BACKGROUND, GLOW, level / 255));
const GREY = Array.from({ length: 256 }, (_, level) => [level, level, level]);
const signedFrom = (zero) =>
  Array.from({ length: 255 }, (_, k) => {
    const strength = (Math.abs(k - 127) / 127) ** 0.7; // weak ones are worth seeing
    return mixed(zero, k > 127 ? ABOVE : BELOW, strength);
  });
const SIGNED = signedFrom(ZERO);
const SIGNED_IN_THE_DARK = signedFrom(BACKGROUND);

/** 0 to 255 as grey. */
export const grey = (level) => GREY[level];

/** Bytes from -127 to 127 as blue above 0 and orange below. */
export const signed = (level) => SIGNED[level + 127];

/** The same where 0 is as dark as the background. */
export const signedInTheDark = (level) => SIGNED_IN_THE_DARK[level + 127];

/** The colour of a number with a sign: `share` is what it is of the largest, from -1 to 1. */
export const signedColour = (share) => signed(Math.round(127 * Math.min(Math.max(share, -1), 1)));

/** Paint a colour for each number over the whole of a canvas, which gets as many pixels; `colourOf` gives red, green, blue. */
export function paint(canvas, numbers, [rows, columns], colourOf) {
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
  const image = new ImageData(columns, rows);
  const rgba = image.data;
  for (let i = 0; i < numbers.length; i += 1) {
    const colour = colourOf(numbers[i]);
    for (let c = 0; c < 3; c += 1) rgba[4 * i + c] = colour[c];
    rgba[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** An image of grey levels from 0 to 255, its 0 the background of the page's dark areas, on a canvas of its size. */
export function paintPixels(canvas, pixels) {
  paint(canvas, pixels, sizeOf(canvas), (level) => INK[level]);
}

/** Numbers with a sign, the largest of them in the full colour and 0 dark, on a canvas of their size. */
export function paintSigned(canvas, values) {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
  paint(canvas, values, sizeOf(canvas), (value) => signedInTheDark(Math.round((127 * value) / largest)));
}

/** Numbers from 0 to 1 as light in the dark, on a canvas of their size. */
export function paintGlow(canvas, values) {
  paint(canvas, values, sizeOf(canvas), (value) => LIGHT[Math.round(255 * Math.min(value, 1))]);
}

/** Images (n, height, width) side by side in rows of `columns`, a pixel apart. */
export function paintSheet(canvas, images, [n, height, width], columns, colourOf) {
  Object.assign(canvas, { width: columns * (width + 1) + 1, height: Math.ceil(n / columns) * (height + 1) + 1 });
  canvas.style.aspectRatio = `${canvas.width} / ${canvas.height}`;
  const context = canvas.getContext("2d");
  const one = new OffscreenCanvas(width, height);
  for (let k = 0; k < n; k += 1) {
    paint(one, images.subarray(k * width * height, (k + 1) * width * height), [height, width], colourOf);
    context.drawImage(one, (k % columns) * (width + 1) + 1, Math.floor(k / columns) * (height + 1) + 1);
  }
}

const sizeOf = ({ width, height }) => [height, width];

/** A new canvas with a name for those who cannot see it. */
export function picture(width, height, label) {
  return element("canvas", { width, height, role: "img", "aria-label": label });
}

/** An image of 28 x 28 numbers from 0 to 1 as a canvas of its own. */
export function canvasOf(image) {
  return paint(element("canvas", { width: 28, height: 28 }), image, [28, 28], (share) => GREY[Math.round(255 * Math.min(Math.max(share, 0), 1))]);
}

/** A picture with words below it. */
export function captioned(canvas, caption) {
  return element("figure", "", canvas, element("figcaption", "", caption));
}

/** Columns of the tidiest rectangle that holds so many cells, about as wide as high. */
export function columnsFor(count) {
  for (let columns = Math.ceil(Math.sqrt(count)); columns <= 2 * Math.sqrt(count); columns += 1) {
    if (count % columns === 0) return columns;
  }
  return Math.ceil(Math.sqrt(count));
}
