// The test digits that the page carries: labels first, then pixels with their runs of zeros packed (see make_page_sample.py).

const DIGITS = 500;
const PIXELS = 28 * 28;

/** Labels, images (Uint8Array, 0 to 255) and inputs (Float32Array, 0 to 1) from the file's bytes. */
export function readSample(buffer) {
  const bytes = new Uint8Array(buffer);
  const labels = [...bytes.subarray(0, DIGITS)];
  const pixels = new Uint8Array(DIGITS * PIXELS);
  for (let from = DIGITS, to = 0; from < bytes.length; from += 1) {
    if (bytes[from] === 0) to += bytes[(from += 1)];
    else pixels[to++] = bytes[from];
  }
  const images = labels.map((_, i) => pixels.subarray(i * PIXELS, (i + 1) * PIXELS));
  return { labels, images, inputs: images.map((pixels) => inputOf(pixels)) };
}

/** A network's input from pixels: 0 to 255 becomes the range that its training data had, 0 to 1 unless its file says another. */
export function inputOf(pixels, { range, ink } = {}) {
  const told = Array.isArray(range) && range.every(Number.isFinite) && range[0] < range[1];
  const [low, high] = told ? range : [0, 1];
  return Float32Array.from(pixels, (pixel) => low + (high - low) * (ink === "black" ? 1 - pixel / 255 : pixel / 255));
}
