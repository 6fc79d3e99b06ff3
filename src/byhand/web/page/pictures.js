// Small pictures of numbers, one canvas pixel a number: grey for images, two colours for numbers with a sign.

export const FOR = [110, 178, 255]; // blue, on the slate
export const AGAINST = [255, 138, 76]; // orange
const SLATE = [25, 26, 31];
const GLOW = [255, 200, 107]; // --glow of the style sheet

/** Grey levels from 0 to 255 on a canvas of as many pixels. */
export function paintPixels(canvas, pixels) {
  paint(canvas, pixels.length, (i, rgba, at) => {
    const light = pixels[i] / 255;
    for (let c = 0; c < 3; c += 1) rgba[at + c] = SLATE[c] + (255 - SLATE[c]) * light;
  });
}

/** Numbers with a sign: the stronger the colour, the larger; zero is the slate itself. */
export function paintSigned(canvas, values) {
  let top = 1e-12;
  for (const value of values) top = Math.max(top, Math.abs(value));
  paint(canvas, values.length, (i, rgba, at) => {
    const strength = Math.sqrt(Math.abs(values[i]) / top); // the root shows small ones too
    const colour = values[i] > 0 ? FOR : AGAINST;
    for (let c = 0; c < 3; c += 1) rgba[at + c] = SLATE[c] + (colour[c] - SLATE[c]) * strength;
  });
}

/** Numbers from 0 to 1 as light on the slate. */
export function paintGlow(canvas, values) {
  paint(canvas, values.length, (i, rgba, at) => {
    for (let c = 0; c < 3; c += 1) rgba[at + c] = SLATE[c] + (GLOW[c] - SLATE[c]) * Math.min(values[i], 1);
  });
}

function paint(canvas, count, colour) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < count; i += 1) {
    colour(i, image.data, 4 * i);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** A new canvas with a name for those who cannot see it. */
export function picture(width, height, label) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  return canvas;
}

/** Columns of the tidiest rectangle that holds so many cells, about as wide as high. */
export function columnsFor(count) {
  for (let columns = Math.ceil(Math.sqrt(count)); columns <= 2 * Math.sqrt(count); columns += 1) {
    if (count % columns === 0) return columns;
  }
  return Math.ceil(Math.sqrt(count));
}
