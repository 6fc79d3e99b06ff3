// The frames that stand in the page: packed text, each frame as its difference from the one before.

import { asset } from "./assets.js";

/** What is said of the training, as JSON. */
export function readFacts() {
  return JSON.parse(document.getElementById("facts").textContent);
}

/** An array of whole numbers from 0 to 255 by its name, as { shape, frame(k) }; an error where it is not the one that the facts tell of. */
export async function readArray(name, shape) {
  const stream = new Blob([await asset(name)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const values = new Uint8Array(await new Response(stream).arrayBuffer());
  const [frames, ...rest] = shape;
  const size = rest.reduce((product, n) => product * n, 1);
  if (values.length !== frames * size) throw new Error(`The ${name} in this page are damaged: write it again.`);
  for (let i = size; i < values.length; i++) values[i] += values[i - size];
  return { shape: rest, frame: (k) => values.subarray(k * size, (k + 1) * size) };
}
