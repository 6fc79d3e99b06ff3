// Predicted numbers over true ones: on the line they agree.

import { brief, colour, fitted } from "./plots.js";

const ROOM = { left: 54, right: 14, top: 14, bottom: 38 }; // CSS pixels around the square
const TICKS = 4;

/** Draw pairs [[true, predicted]] of the target `name`, say which it is in `label`, and in `worth` how well they agree. */
export function drawPredicted(canvas, { pairs, r2, off, name }, label, worth) {
  const { context, width, height } = fitted(canvas);
  const values = pairs.flat();
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const margin = 0.05 * (most - least || 1);
  const [low, high] = [least - margin, most + margin];
  const x = (value) => ROOM.left + ((value - low) / (high - low)) * (width - ROOM.left - ROOM.right);
  const y = (value) => height - ROOM.bottom - ((value - low) / (high - low)) * (height - ROOM.top - ROOM.bottom);
  drawAxes(context, { low, high, x, y, height });
  context.strokeStyle = colour("minus");
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x(low), y(low));
  context.lineTo(x(high), y(high));
  context.stroke();
  context.fillStyle = colour("plus");
  context.globalAlpha = 0.65;
  for (const [truth, told] of pairs) {
    context.beginPath();
    context.arc(x(truth), y(told), 3, 0, 7);
    context.fill();
  }
  context.globalAlpha = 1;
  label.textContent = name || "number";
  worth.textContent = `R² ${r2.toFixed(4)}: 1 is perfect, 0 as good as always saying the mean. On average ${brief(off)} off.`;
  canvas.setAttribute("aria-label", `${pairs.length} predicted numbers over the true ones, from ${brief(least)} to ${brief(most)}; R² ${r2.toFixed(4)}`);
}

function drawAxes(context, { low, high, x, y, height }) {
  context.fillStyle = colour("soft");
  context.strokeStyle = colour("rule");
  context.lineWidth = 1;
  for (let i = 0; i <= TICKS; i += 1) {
    const value = low + ((high - low) * (i + 0.5)) / (TICKS + 1);
    context.textAlign = "right";
    context.fillText(brief(value), ROOM.left - 8, y(value) + 4);
    context.textAlign = "center";
    context.fillText(brief(value), x(value), height - ROOM.bottom + 18);
    context.beginPath();
    context.moveTo(x(low), y(value));
    context.lineTo(x(high), y(value));
    context.moveTo(x(value), y(low));
    context.lineTo(x(value), y(high));
    context.stroke();
  }
  context.textAlign = "left";
}
