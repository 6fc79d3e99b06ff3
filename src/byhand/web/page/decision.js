// The plane of data with two numbers a sample: which class wins where, and the samples in it.

import { element } from "./outputs.js";
import { brief } from "./plots.js";
import { bytes } from "./tiles.js";

const CLASSES = [
  [86, 180, 233], [230, 159, 0], [0, 158, 115], [204, 121, 167], [240, 228, 66], [213, 94, 0], [160, 160, 170],
]; // prettier-ignore
const SLATE = [25, 26, 31];

const of = (k) => CLASSES[k % CLASSES.length];

/** Paint winners and leads, and the points [[x, y, class]] over them. */
export function drawPlane(canvas, { side, low, high, winner, lead }, points) {
  const winners = bytes(winner);
  const leads = bytes(lead);
  const image = new ImageData(side, side);
  winners.forEach((k, at) => {
    const share = 0.12 + 0.5 * (leads[at] / 255);
    for (let c = 0; c < 3; c += 1) image.data[4 * at + c] = SLATE[c] + share * (of(k)[c] - SLATE[c]);
    image.data[4 * at + 3] = 255;
  });
  const small = new OffscreenCanvas(side, side);
  small.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  dots(canvas, { low, high }, points);
  canvas.setAttribute("aria-label", `Which class wins at each place, from ${low.map(brief)} to ${high.map(brief)}`);
}

/** Paint what a diffusion network draws, over the samples that it learns from, which are faint. */
export function drawSamples(canvas, ends, learned, drawn) {
  const context = canvas.getContext("2d");
  context.fillStyle = `rgb(${SLATE})`;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.globalAlpha = 0.22;
  dots(canvas, ends, learned);
  context.globalAlpha = 1;
  dots(canvas, ends, drawn);
  canvas.setAttribute("aria-label", `${drawn.length} points that the network draws, over the samples that it learns from`);
}

function dots(canvas, { low, high }, points) {
  const context = canvas.getContext("2d");
  for (const [x, y, k] of points) {
    context.beginPath();
    context.arc(
      ((x - low[0]) / (high[0] - low[0])) * canvas.width,
      (1 - (y - low[1]) / (high[1] - low[1])) * canvas.height,
      4.2, 0, 7,
    ); // prettier-ignore
    context.fillStyle = `rgb(${of(k)})`;
    context.fill();
    context.strokeStyle = "rgb(25 26 31 / 0.7)";
    context.stroke();
  }
}

/** The colours' names. */
export function showKey(root, classes) {
  root.replaceChildren(
    ...classes.slice(0, 7).map((name, k) => {
      const one = element("span", "", name);
      one.style.setProperty("--colour", `rgb(${of(k)})`);
      return one;
    }),
  );
}
