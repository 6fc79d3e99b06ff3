// Letters as ink on a sheet: the same as `byhand.writing.frames`, with the browser's own scaling of pictures.

import { element } from "./html.js";
import { canvasOf } from "./pictures.js";

const SIDE = 28;

/** The finished or half-finished sentence on a canvas: letters are { frame, share, middle }, places those of `typeset`. */
export function drawSheet(canvas, page, letters, unit, style, animation) {
  const [width, height] = [Math.round(page.width * unit), Math.round(page.height * unit)];
  const sheet = levels(page, letters, unit, animation, width, height);
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let i = 0; i < sheet.length; i += 1) {
    for (let c = 0; c < 3; c += 1) pixels.data[4 * i + c] = style.paper[c] + (style.ink[c] - style.paper[c]) * sheet[i];
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}

/** Grey levels of the sheet, 0 for paper to 1 for ink. */
export function levels(page, letters, unit, animation, width, height) {
  const sheet = new Float32Array(width * height);
  for (const { index, left, top, pixel } of page.placed) {
    const letter = letters[index];
    if (!letter?.frame) continue;
    const side = Math.max(1, Math.round(SIDE * pixel * unit));
    const [ink, x0, y0] = [stamped(letter, side, animation), Math.round(left * unit), Math.round(top * unit)];
    for (let row = Math.max(0, -y0); row < side && row + y0 < height; row += 1) {
      for (let column = Math.max(0, -x0); column < side && column + x0 < width; column += 1) {
        const place = (row + y0) * width + column + x0;
        sheet[place] = Math.max(sheet[place], ink[row * side + column]);
      }
    }
  }
  return sheet;
}

/** A letter's pixels at this size, from noise to ink as its share of the image grows. */
function stamped({ frame, share, middle }, side, animation) {
  const large = scaled(frame, side);
  const settled = share ** 3;
  const held = settled ** 2;
  return large.map((grey, place) => {
    const ink = clip((grey - middle) / animation.edge + 0.5);
    if (share >= 0.999) return ink;
    const away = Math.cbrt(off(Math.floor(place / side), side) ** 3 + off(place % side, side) ** 3);
    const veil = clip((0.97 - away) / 0.45);
    return (settled * ink + (1 - settled) * grey * (0.55 + 0.25 * share)) * (held + (1 - held) * veil);
  });
}

const off = (place, side) => Math.abs((place + 0.5) / side - 0.5) * 2;
const clip = (value) => Math.min(Math.max(value, 0), 1);

/** The grey that parts ink from paper such that strokes are as wide as the other letters', found by halving. */
export function middleGrey(frame, pixel, animation) {
  const large = scaled(frame, 112);
  let [low, high] = [animation.lightest, animation.darkest];
  for (let turn = 0; turn < 6; turn += 1) {
    const middle = (low + high) / 2;
    const dark = large.map((grey) => clip((grey - middle) / animation.edge + 0.5));
    let [area, outline] = [0, 0];
    for (let row = 1; row < 111; row += 1) {
      for (let column = 1; column < 111; column += 1) {
        const place = row * 112 + column;
        area += dark[place];
        outline += Math.hypot(dark[place + 1] - dark[place - 1], dark[place + 112] - dark[place - 112]) / 2;
      }
    }
    if (outline > 0 && ((2 * area) / outline) * (pixel / 4) > animation.stroke) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function scaled(frame, side) {
  const canvas = element("canvas", { width: side, height: side });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(canvasOf(frame), 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  return Float32Array.from({ length: side * side }, (_, i) => data[4 * i] / 255);
}
