// Curves and histograms on a canvas, in the colours of the page, sharp on every screen.

const ROOM = { left: 52, right: 12, top: 10, bottom: 26 };

/** A canvas of the size that it has on the screen, cleared; all further numbers are CSS pixels. */
function ready(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** A colour of the style sheet by its name, as a canvas takes it. */
export function colour(name, element = document.body) {
  probe ??= element.appendChild(Object.assign(document.createElement("i"), { hidden: true }));
  probe.className = `colour-${name}`;
  return getComputedStyle(probe).color;
}
let probe;

/** Round numbers that divide a range, about so many. */
export function ticks(low, high, about) {
  const raw = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const size = [1, 2, 5, 10].find((factor) => factor * power >= raw) * power;
  const found = [];
  for (let k = Math.ceil(low / size - 1e-9); k * size <= high + 1e-9 * size; k += 1) found.push(k * size);
  return found;
}

/** Logarithms of round numbers between two logarithms: powers of ten, 2 and 5 times those where there is room, or closer ones. */
function powers(low, high) {
  const found = [];
  for (let power = Math.floor(low); power <= high; power += 1) {
    for (const factor of high - low < 2.5 ? [1, 2, 5] : [1]) found.push(power + Math.log10(factor));
  }
  const seen = found.filter((y) => y >= low && y <= high);
  return seen.length > 1 ? seen : ticks(10 ** low, 10 ** high, 4).map(Math.log10);
}

/** A number in few characters. */
export function brief(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  if (size !== 0 && size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** Lines over a common x; series: [{ name, colour, points: [[x, y]] }]; log: powers of ten up the side; steps: x counts them. */
export function drawCurves(canvas, series, { log = false, low = null, high = null, unit = "", key = "top", steps = true } = {}) {
  const { context, width, height } = ready(canvas);
  const shown = series
    .map((one) => ({ ...one, points: one.points.filter(([, y]) => y !== null && Number.isFinite(y) && (!log || y > 0)) }))
    .filter(({ points }) => points.length);
  if (!shown.length) return;
  const up = log ? Math.log10 : (y) => y;
  const xs = shown.flatMap(({ points }) => [points[0][0], points.at(-1)[0]]);
  const ys = shown.flatMap(({ points }) => points.map(([, y]) => up(y)));
  const [x0, x1] = [0, Math.max(...xs, steps ? 1 : 0)];
  let [y0, y1] = [low ?? Math.min(...ys), high ?? ys.reduce((a, b) => Math.max(a, b), -Infinity)];
  if (y1 - y0 < 1e-9) [y0, y1] = [y0 - 0.5, y1 + 0.5];
  if (!steps) y1 += 0.22 * shown.length * (y1 - y0); // a small plot, in which the names would hide the curves
  const px = (x) => ROOM.left + ((x - x0) / (x1 - x0)) * (width - ROOM.left - ROOM.right);
  const py = (y) => height - ROOM.bottom - ((y - y0) / (y1 - y0)) * (height - ROOM.top - ROOM.bottom);
  context.font = "12px system-ui, sans-serif";
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const y of log ? powers(y0, y1) : ticks(y0, y1, height / 50)) {
    context.strokeStyle = colour("rule");
    context.beginPath();
    context.moveTo(ROOM.left, py(y));
    context.lineTo(width - ROOM.right, py(y));
    context.stroke();
    context.fillStyle = colour("soft");
    context.fillText(brief(log ? 10 ** y : y) + unit, ROOM.left - 8, py(y));
  }
  context.textBaseline = "alphabetic";
  context.textAlign = "center";
  for (const x of steps ? ticks(x0, x1, width / 110) : []) {
    context.fillText(x === 0 ? "step 0" : brief(x), Math.min(px(x), width - 18), height - 8);
  }
  for (const { points, colour: name, width: line = 1.6 } of shown) {
    context.strokeStyle = colour(name);
    context.lineWidth = line;
    context.lineJoin = "round";
    context.beginPath();
    for (const [x, y] of points) context.lineTo(px(x), py(up(y)));
    context.stroke();
    const [x, y] = points.at(-1);
    context.fillStyle = colour(name);
    context.beginPath();
    context.arc(px(x), py(up(y)), 2.6, 0, 7);
    context.fill();
  }
  drawKey(context, shown, width, key === "top" ? ROOM.top + 10 : height - ROOM.bottom - 18 * shown.length);
}

function drawKey(context, shown, width, top) {
  context.textAlign = "right";
  context.textBaseline = "middle";
  shown.forEach(({ name, colour: own }, k) => {
    const y = top + 18 * k;
    const wide = context.measureText(name).width;
    context.fillStyle = colour("card");
    context.globalAlpha = 0.85;
    context.fillRect(width - ROOM.right - wide - 34, y - 9, wide + 34, 18);
    context.globalAlpha = 1;
    context.fillStyle = colour("ink");
    context.fillText(name, width - ROOM.right - 4, y);
    context.strokeStyle = colour(own);
    context.lineWidth = 3;
    context.beginPath();
    context.moveTo(width - ROOM.right - wide - 28, y);
    context.lineTo(width - ROOM.right - wide - 12, y);
    context.stroke();
  });
}

/** Bars of counts between two ends; a thin line marks 0. */
export function drawHistogram(canvas, { counts, low, high }, own) {
  const { context, width, height } = ready(canvas);
  const bar = width / counts.length;
  context.fillStyle = colour(own);
  counts.forEach((count, k) => {
    const tall = count ? Math.max(1.5, (count / 100) * (height - 2)) : 0;
    context.fillRect(k * bar + 0.5, height - tall, Math.max(1, bar - 1), tall);
  });
  if (low < 0 && high > 0) {
    context.fillStyle = colour("soft");
    context.fillRect(Math.round((-low / (high - low)) * width), 0, 1, height);
  }
}

/** A curve's last rows as a table, the newest first, at most so many and evenly apart. */
export function fillTable(table, heads, rows, most = 20) {
  const apart = Math.max(1, Math.ceil(rows.length / most));
  const shown = rows.filter((_, k) => (rows.length - 1 - k) % apart === 0).reverse();
  const cells = (tag, values) => {
    const row = document.createElement("tr");
    for (const value of values) row.append(Object.assign(document.createElement(tag), { textContent: value }));
    return row;
  };
  const head = cells("th", heads);
  for (const cell of head.children) cell.scope = "col";
  table.replaceChildren(head, ...shown.map((row) => cells("td", row)));
}
