// The walk as frames for a GIF: the networks' pictures side by side, their names, and how far along the way each frame is.

import { element } from "./html.js";
import { canvasOf } from "./pictures.js";

const SCALE = 7;
const SIDE = 28;
const [MARGIN, GAP] = [28, 36];
const SMALL = 56;
const LEVELS = 32;
const PAPER = [25, 26, 31];
const INK = [250, 246, 236];

/** The ramp from the paper to the ink. */
export const PALETTE = Array.from({ length: LEVELS }, (_, i) =>
  PAPER.map((paper, c) => Math.round(paper + ((INK[c] - paper) * i) / (LEVELS - 1))),
);

/** A frame, { width, height, places }: `pictures` are [name, image] pairs, `ends` two images, all of 784 numbers from 0 to 1. */
export function drawFrame(pictures, ends, share) {
  const size = SIDE * SCALE;
  const width = 2 * MARGIN + pictures.length * size + (pictures.length - 1) * GAP;
  const height = MARGIN + size + 54 + SMALL + 20;
  const canvas = element("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillRect(0, 0, width, height);
  context.textAlign = "center";
  context.textBaseline = "middle";
  pictures.forEach(([name, image], i) => {
    const left = MARGIN + i * (size + GAP);
    context.drawImage(canvasOf(image), left, MARGIN, size, size);
    context.fillStyle = "rgb(225 225 225)";
    context.font = "19px system-ui, sans-serif";
    context.fillText(name, left + size / 2, MARGIN + size + 24);
  });
  const [top, middle] = [height - SMALL - 14, height - 14 - SMALL / 2];
  context.drawImage(canvasOf(ends[0]), MARGIN, top, SMALL, SMALL);
  context.drawImage(canvasOf(ends[1]), width - MARGIN - SMALL, top, SMALL, SMALL);
  const [first, last] = [MARGIN + SMALL + 20, width - MARGIN - SMALL - 20];
  const here = first + (last - first) * share;
  line(context, first, last, middle, 80);
  line(context, first, here, middle, 170);
  context.fillStyle = "#fff";
  context.beginPath();
  context.arc(here, middle, 6, 0, 2 * Math.PI);
  context.fill();
  const { data } = context.getImageData(0, 0, width, height);
  const places = new Uint8Array(width * height);
  for (let i = 0; i < places.length; i += 1) places[i] = Math.round((data[4 * i] * (LEVELS - 1)) / 255);
  return { width, height, places };
}

function line(context, from, to, y, grey) {
  context.strokeStyle = `rgb(${grey} ${grey} ${grey})`;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(from, y);
  context.lineTo(to, y);
  context.stroke();
}
