// What makes a prepared picture doubtful, told beside the answer: `data/doubt.py` step by step, which says why.

const SMALLEST = 64; // pixels of the shorter side
const STRONG = 0.5; // of the brightest pixel, at the border
const LEAST = 12; // pixels of the ink's longer side
const BAND = 4; // times as wide as high

/** Why the reading is doubtful, "" where nothing speaks against it; `ink` is the part of the picture `whole` that has ink. */
export function doubtOf(ink, whole) {
  if (Math.min(whole.width, whole.height) < SMALLEST) return "";
  const { values, width, height } = ink;
  const brightest = values.reduce((most, value) => Math.max(most, value), 0);
  if (borderOf(whole) >= STRONG * brightest) return "ink touches the border, and a part may be cut off";
  if (Math.max(width, height) < LEAST) return `there is almost no ink: ${width} x ${height} pixels`;
  return width > BAND * height ? `the ink is a band, ${width} x ${height} pixels` : "";
}

/** The largest value of the frame one pixel wide. */
function borderOf({ values, width, height }) {
  let top = 0;
  for (let column = 0; column < width; column += 1) top = Math.max(top, values[column], values[(height - 1) * width + column]);
  for (let row = 0; row < height; row += 1) top = Math.max(top, values[row * width], values[(row + 1) * width - 1]);
  return top;
}
