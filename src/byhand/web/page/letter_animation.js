// The writing in motion, as `byhand.writing.frames` has it: letters come one after the other, each from noise to ink.

import { writeGif } from "./gif.js";
import { levels } from "./rasterise.js";

const GREYS = 32;
const SIZE = 46; // pixels of a unit of the page in a gif
const LIVELY = 6; // frames of a gif after which the page may do something else

/** Frames from one letter's beginning to the next one's. */
function wait(count, { later, longest }) {
  return Math.min(later, longest / Math.max(1, count - 1));
}

/** The moments at which every letter is shown in a frame. */
export function lettersAt(frame, letters, animation) {
  return letters.map((letter, k) => {
    const age = frame - Math.round(k * wait(letters.length, animation));
    if (age < 0) return { ...letter, frame: null };
    if (age >= animation.shown - 1) return { ...letter, ...letter.frames.at(-1) };
    const wanted = (age / (animation.shown - 1)) ** 1.3;
    const last = letter.frames.length - 1;
    const far = letter.frames.map(({ share }, i) => Math.abs(0.5 * share + (0.5 * i) / last - wanted));
    return { ...letter, ...letter.frames[far.indexOf(Math.min(...far))] };
  });
}

/** How many frames it takes. */
export function frameCount(letters, animation) {
  return Math.round((letters.length - 1) * wait(letters.length, animation)) + animation.shown;
}

/** The animation as the bytes of a gif, in the colours of a style. */
export async function animatedGif(page, letters, animation, { paper, ink }) {
  const palette = Array.from({ length: GREYS }, (_, i) => paper.map((from, c) => Math.round(from + ((ink[c] - from) * i) / (GREYS - 1))));
  const [width, height] = [Math.round(page.width * SIZE), Math.round(page.height * SIZE)];
  const frames = [];
  for (let k = 0; k < frameCount(letters, animation); k += 1) {
    frames.push(Uint8Array.from(levels(page, lettersAt(k, letters, animation), SIZE, animation, width, height), (grey) => Math.round(grey * (GREYS - 1))));
    if (k % LIVELY === LIVELY - 1) await new Promise((done) => setTimeout(done));
  }
  return writeGif(frames, frames.map((_, i) => (i + 1 < frames.length ? animation.pace : animation.hold)), width, height, palette);
}
