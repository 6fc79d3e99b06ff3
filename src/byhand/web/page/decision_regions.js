// The plane of data with two numbers a sample: which class wins where, and the samples in it.

import { element } from "./html.js";
import { BACKGROUND, mixed, paint } from "./pictures.js";
import { brief, fitted } from "./plots.js";

// Okabe and Ito's colours, which those can tell apart too who see few, and some more for data with many classes.
const CLASSES = [
  [86, 180, 233], [230, 159, 0], [0, 158, 115], [204, 121, 167], [240, 228, 66], [213, 94, 0], [160, 160, 170],
  [134, 189, 255], [120, 210, 150], [190, 150, 110], [175, 170, 255], [235, 110, 110], [90, 150, 90], [160, 110, 200],
]; // prettier-ignore

const REAL = [205, 205, 215]; // the ground where a discriminator takes points for real

const colourOf = (k) => CLASSES[k % CLASSES.length];

/**
 * Paint the regions and the points [[x, y, class]] over them. `winners` is the class that wins at each of `side` x `side` places, from
 * the top left, `leads` by how much, 0 to 255; low and high are the ends of the plane, [x, y].
 */
export function drawRegions(canvas, { side, low, high, winners, leads }, points) {
  const { context, width, height } = fitted(canvas);
  const places = Array.from(winners, (_, at) => at);
  const colour = (at) => mixed(BACKGROUND, colourOf(winners[at]), 0.12 + 0.5 * (leads[at] / 255));
  context.imageSmoothingQuality = "high";
  context.drawImage(paint(new OffscreenCanvas(side, side), places, [side, side], colour), 0, 0, width, height);
  drawPoints(context, width, height, { low, high }, points);
  canvas.setAttribute("aria-label", `Which class wins at each place, from ${low.map(brief)} to ${high.map(brief)}`);
}

/**
 * Paint what a network draws, over the samples that it learns from, which are faint; under both a GAN's `field`, which says how real
 * each of `side` x `side` places looks to its discriminator, 0 to 255.
 */
export function drawSamples(canvas, ends, learned, drawn, field) {
  const { context, width, height } = fitted(canvas);
  context.fillStyle = `rgb(${BACKGROUND})`;
  context.fillRect(0, 0, width, height);
  if (field) {
    const places = Array.from(field.real, (_, at) => at);
    const colour = (at) => mixed(BACKGROUND, REAL, 0.55 * (field.real[at] / 255));
    context.imageSmoothingQuality = "high";
    context.drawImage(paint(new OffscreenCanvas(field.side, field.side), places, [field.side, field.side], colour), 0, 0, width, height);
  }
  context.globalAlpha = field ? 0.4 : 0.22;
  drawPoints(context, width, height, ends, learned);
  context.globalAlpha = 1;
  drawPoints(context, width, height, ends, drawn);
  canvas.setAttribute("aria-label", `${drawn.length} points that the network draws, over the samples that it learns from`);
}

function drawPoints(context, width, height, { low, high }, points) {
  context.strokeStyle = "rgb(25 26 31 / 0.7)";
  context.lineWidth = 0.8;
  for (const [x, y, k] of points) {
    context.beginPath();
    context.arc(((x - low[0]) / (high[0] - low[0])) * width, (1 - (y - low[1]) / (high[1] - low[1])) * height, 3.4, 0, 7);
    context.fillStyle = `rgb(${colourOf(k)})`;
    context.fill();
    context.stroke();
  }
}

/** The colours' names. */
export function showKey(root, classes) {
  root.replaceChildren(
    ...classes.slice(0, 7).map((name, k) => {
      const one = element("span", "", name);
      one.style.setProperty("--colour", `rgb(${colourOf(k)})`);
      return one;
    }),
  );
}
