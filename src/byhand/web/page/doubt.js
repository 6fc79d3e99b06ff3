// What makes a prepared picture doubtful, told beside the answer: `data/doubt.py` step by step, which says why.

const SMALLEST = 64; // pixels of the shorter side
const STRONG = 0.5; // of the brightest pixel, at the border
const LEAST = 12; // pixels of the ink's longer side
const BAND = 4; // times as wide as high
const PART = 0.2; // of all ink, on both sides of a gap
const GAP = 0.1; // of the ink's height

/** Why the reading is doubtful, "" where nothing speaks against it; `ink` is the part of the picture `whole` that has ink. */
export function doubtOf(ink, whole) {
  if (Math.min(whole.width, whole.height) < SMALLEST) return "";
  const { values, width, height } = ink;
  const [columns, rows] = [new Float64Array(width), new Float64Array(height)];
  let brightest = 0;
  for (let row = 0, i = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, i += 1) {
      brightest = Math.max(brightest, values[i]);
      columns[column] += values[i];
      rows[row] += values[i];
    }
  }
  if (borderOf(whole) >= STRONG * brightest) return "ink touches the border, and a part may be cut off";
  if (Math.max(width, height) < LEAST) return `there is almost no ink: ${width} x ${height} pixels`;
  if (parted(columns, 1) || parted(rows, GAP * height)) return "there are several pieces of ink, and one character is read at a time";
  return width > BAND * height ? `the ink is a band, ${width} x ${height} pixels` : "";
}

/** The largest value of the frame one pixel wide. */
function borderOf({ values, width, height }) {
  let top = 0;
  for (let column = 0; column < width; column += 1) top = Math.max(top, values[column], values[(height - 1) * width + column]);
  for (let row = 0; row < height; row += 1) top = Math.max(top, values[row * width], values[(row + 1) * width - 1]);
  return top;
}

/** Whether lines without ink, so many in a row, have a good part of the ink on both sides. */
function parted(sums, gap) {
  const total = sums.reduce((sum, value) => sum + value, 0);
  let [before, empty] = [0, 0];
  for (const value of sums) {
    if (value === 0) {
      empty += 1;
      continue;
    }
    if (empty >= gap && Math.min(before, total - before) >= PART * total) return true;
    empty = 0;
    before += value;
  }
  return false;
}
