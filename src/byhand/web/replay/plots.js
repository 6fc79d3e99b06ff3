// What the page draws: curves, histograms, sheets of small images, a table of confusions, a plane.

const PLUS = [134, 189, 255]; // on the slate, as in the style sheet
const MINUS = [255, 160, 107];
const SLATE = [25, 26, 31];
export const CLASSES = [
  [134, 189, 255], [255, 160, 107], [120, 210, 150], [230, 140, 215], [245, 210, 90], [120, 215, 225], [190, 150, 110], [175, 170, 255],
  [235, 110, 110], [190, 190, 190], [90, 150, 90], [160, 110, 200], [110, 140, 180], [210, 175, 140], [150, 200, 60], [200, 90, 150],
];

/** A colour of the style sheet as it is in this theme. */
export function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** A canvas's pen, with as many pixels as the screen has, its size in CSS pixels, and nothing drawn yet. */
function pen(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.font = "12px system-ui, sans-serif";
  return { context, width, height };
}

const LEFT = 56;
const RIGHT = 14;
const BELOW = 24;

/** Where a step lies between the left and the right of the curves: time is stretched at the beginning, as the frames are. */
export function across(step, total, width) {
  return LEFT + Math.sqrt(step / total) * (width - LEFT - RIGHT);
}

/** The step that lies there. */
export function stepAt(x, total, width) {
  return total * Math.min(1, Math.max(0, (x - LEFT) / (width - LEFT - RIGHT))) ** 2;
}

/** Curves over the steps: lines are { points: [[step, value]], name of a colour, strong, dashed }; the cursor stands at a step. */
export function curves(canvas, { lines, total, cursor, marks, percent, logarithmic }) {
  const { context, width, height } = pen(canvas);
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
  const bend = logarithmic ? Math.log : (value) => value;
  let [low, high] = percent ? [0, 1] : [Math.min(...values), Math.max(...values)];
  if (low === high) high = low + (Math.abs(low) || 1);
  const up = (value) => 8 + (1 - (bend(value) - bend(low)) / (bend(high) - bend(low))) * (height - 8 - BELOW);
  context.fillStyle = colour("soft");
  context.strokeStyle = colour("rule");
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const value of percent ? [0, 0.5, 1] : apart(ticks(low, high), up, 26)) {
    const y = up(value);
    line(context, [[LEFT, y], [width - RIGHT, y]], 1);
    context.fillText(percent ? `${value * 100} %` : short(value), LEFT - 8, y);
  }
  context.textAlign = "center";
  context.fillText("step", LEFT, height - 8);
  for (const step of apart([0, ...ticks(1, total)], (at) => across(at, total, width), 62).slice(1)) {
    context.fillText(step.toLocaleString("en"), Math.min(across(step, total, width), width - 28), height - 8);
  }
  for (const { points, name, strong, dashed } of lines) {
    context.strokeStyle = colour(name);
    context.setLineDash(dashed ? [6, 4] : []);
    line(context, points.filter(([, value]) => Number.isFinite(value)).map(([step, value]) => [across(step, total, width), up(value)]), strong ? 2.4 : 1.4);
  }
  context.setLineDash([]);
  const x = across(cursor, total, width);
  context.strokeStyle = colour("ink");
  line(context, [[x, 4], [x, height - BELOW]], 1.4);
  for (const { value, name } of marks) {
    if (!Number.isFinite(value)) continue;
    context.fillStyle = colour(name);
    context.beginPath();
    context.arc(x, up(value), 5, 0, 7);
    context.fill();
  }
}

function line(context, points, thick) {
  context.lineWidth = thick;
  context.lineJoin = "round";
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}

/** Round values between two: some, where they are near each other, else 1, 2 and 5 of every size. */
function ticks(low, high) {
  if (low > 0 && high / low > 4) {
    const powers = Array.from({ length: 1 + Math.ceil(Math.log10(high / low)) }, (_, k) => 10 ** (Math.floor(Math.log10(low)) + k));
    return powers.flatMap((power) => [power, 2 * power, 5 * power]).filter((value) => value >= low && value <= high);
  }
  const size = 10 ** Math.floor(Math.log10((high - low) / 2));
  const step = [1, 2, 5, 10].map((digit) => digit * size).find((width) => (high - low) / width <= 4);
  const first = Math.ceil(low / step) * step;
  return [...Array(5).keys()].map((k) => first + k * step).filter((value) => value <= high);
}

/** Those of the values that lie at least so many pixels from the one before. */
function apart(values, place, pixels) {
  const kept = [];
  for (const value of values) if (!kept.length || Math.abs(place(value) - place(kept.at(-1))) >= pixels) kept.push(value);
  return kept;
}

/** A number with three digits. */
export function short(value) {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

/** Images (n, height, width) in rows; paint turns one number into red, green, blue. */
export function sheet(canvas, images, [n, height, width], columns, paint) {
  const rows = Math.ceil(n / columns);
  canvas.width = columns * (width + 1) + 1;
  canvas.height = rows * (height + 1) + 1;
  canvas.style.aspectRatio = `${canvas.width} / ${canvas.height}`;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < width * height; i++) {
      pixels.data.set(paint(images[k * width * height + i]), 4 * i);
      pixels.data[4 * i + 3] = 255;
    }
    context.putImageData(pixels, (k % columns) * (width + 1) + 1, Math.floor(k / columns) * (height + 1) + 1);
  }
}

/** 0 to 255 as grey. */
export const grey = (value) => [value, value, value];

// Blue above 128, orange below, black at it.
const SIGNED = Array.from({ length: 256 }, (_, value) => {
  const share = Math.abs(value - 128) / 127;
  const end = value > 128 ? PLUS : MINUS;
  return [0, 1, 2].map((c) => Math.round(10 + Math.min(1, share) ** 0.7 * (end[c] - 10)));
});

/** 0 to 255, 128 for nothing, as blue above and orange below it. */
export const signed = (value) => SIGNED[value];

/** One tensor's histogram, with its first one as a line. */
export function histogram(canvas, counts, first, reach) {
  const { context, width, height } = pen(canvas);
  const bottom = height - 18;
  const up = (count) => bottom - Math.sqrt(count / 255) * (bottom - 4);
  const step = width / counts.length;
  context.fillStyle = colour("plus");
  counts.forEach((count, k) => context.fillRect(k * step + 0.5, up(count), Math.max(1, step - 1), bottom - up(count)));
  context.strokeStyle = colour("minus");
  line(context, [...first].flatMap((count, k) => [[k * step, up(count)], [(k + 1) * step, up(count)]]), 1.3);
  context.fillStyle = colour("soft");
  for (const [text, x, align] of [[`−${short(reach)}`, 0, "left"], ["0", width / 2, "center"], [`+${short(reach)}`, width, "right"]]) {
    context.textAlign = align;
    context.fillText(text, x, height - 3);
  }
}

/** Counts (K, K): what is right on the diagonal, the mistakes beside it. */
export function confusions(canvas, counts, names) {
  const { context, width } = pen(canvas);
  const k = names.length;
  const margin = Math.max(24, width * 0.07);
  const cell = (width - margin - 10) / k;
  const totals = names.map((_, i) => Math.max(1, counts.subarray(i * k, (i + 1) * k).reduce((sum, n) => sum + n, 0)));
  context.textAlign = "center";
  context.textBaseline = "middle";
  names.forEach((name, i) => {
    context.font = `${Math.min(14, cell * 0.45)}px system-ui, sans-serif`;
    context.fillStyle = "#a9abb4";
    const label = name.slice(0, Math.max(2, Math.floor(cell / 8)));
    context.fillText(label, margin + (i + 0.5) * cell, margin / 2);
    context.save();
    context.translate(margin / 2, margin + (i + 0.5) * cell);
    if (label.length > 3) context.rotate(-Math.PI / 2);
    context.fillText(label, 0, 0);
    context.restore();
    names.forEach((_, j) => {
      const count = counts[i * k + j];
      const share = (count / totals[i]) ** (i === j ? 1 : 0.5);
      const end = i === j ? PLUS : MINUS;
      context.fillStyle = `rgb(${[0, 1, 2].map((c) => Math.round(SLATE[c] + 14 + share * (end[c] - SLATE[c] - 14))).join(" ")})`;
      context.fillRect(margin + j * cell + 1, margin + i * cell + 1, cell - 2, cell - 2);
      if (count && cell > 17) {
        context.fillStyle = share > 0.45 ? "#15161a" : "#f5f2ea";
        context.fillText(count, margin + (j + 0.5) * cell, margin + (i + 0.5) * cell);
      }
    });
  });
}

/** The plane: (2, n, n) numbers, the class at each place and how sure it is, and points on top. */
export function plane(canvas, numbers, n, { plane: [left, right, bottom, top], points, labels }) {
  const { context, width, height } = pen(canvas);
  const small = new OffscreenCanvas(n, n);
  const pixels = new ImageData(n, n);
  for (let i = 0; i < n * n; i++) {
    const end = CLASSES[numbers[i] % CLASSES.length];
    const share = 0.08 + (0.5 * numbers[n * n + i]) / 255;
    pixels.data.set([...[0, 1, 2].map((c) => SLATE[c] + share * (end[c] - SLATE[c])), 255], 4 * i);
  }
  small.getContext("2d").putImageData(pixels, 0, 0);
  context.drawImage(small, 0, 0, width, height);
  points.forEach(([x, y], i) => {
    context.beginPath();
    context.arc(((x - left) / (right - left)) * width, ((top - y) / (top - bottom)) * height, 3.4, 0, 7);
    context.fillStyle = `rgb(${CLASSES[labels[i] % CLASSES.length].join(" ")})`;
    context.fill();
    context.strokeStyle = "#0f1013";
    context.lineWidth = 0.8;
    context.stroke();
  });
}
