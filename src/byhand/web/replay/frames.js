// The film that stands in the page: text in base 64, packed, each frame as its difference from the one before.

/** What is said of the film, as JSON. */
export function readFacts() {
  return JSON.parse(document.getElementById("facts").textContent);
}

/** An array of whole numbers from 0 to 255 by its name, as { shape, frame(k) }; null where the page has none. */
export async function readArray(name, shape) {
  const inside = document.querySelector(`script[data-file="${name}"]`);
  if (!inside) return null;
  const packed = Uint8Array.from(atob(inside.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const values = new Uint8Array(await new Response(stream).arrayBuffer());
  const [frames, ...rest] = shape;
  const size = rest.reduce((product, n) => product * n, 1);
  if (values.length !== frames * size) throw new Error(`The ${name} in this page are damaged: write it again.`);
  for (let i = size; i < values.length; i++) values[i] += values[i - size];
  return { shape: rest, frame: (k) => values.subarray(k * size, (k + 1) * size) };
}
