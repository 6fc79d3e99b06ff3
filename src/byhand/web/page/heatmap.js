// The numbers of an array's slice as a heat map: a cursor that the pointer and the arrow keys move, and a number to choose.

import { number } from "./numbers.js";
import { grey, signedColour } from "./pictures.js";
import { fitted } from "./plots.js";

const WRITTEN = 40; // CSS pixels of a cell in which its number can be written
const LARGEST = 56;
const WRITTEN_HIGH = 34; // of a cell with its number
const MOST_HIGH = 460;

/** The heat map; `moved` hears of the cursor, `chosen` of a number that is clicked, both by its place in the map. */
export class Heatmap {
  constructor(canvas, moved, chosen) {
    Object.assign(this, { canvas, moved, chosen, found: null, cursor: 0 });
    canvas.onpointermove = (event) => this.to(this.under(event));
    canvas.onclick = (event) => {
      this.to(this.under(event));
      this.choose();
    };
    canvas.onkeydown = (event) => this.key(event);
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement); // it has less room once the sample stands beside it
  }

  /** Show numbers; the cursor stays where it is, or goes to a place of them. */
  show(found, cursor) {
    this.found = found;
    this.largest = Math.max(...found.values.map((value) => Math.abs(value ?? 0)));
    this.cursor = Math.min(cursor ?? this.cursor, found.values.length - 1);
    while (this.cursor > 0 && found.values[this.cursor] === null) this.cursor -= 1;
    this.draw();
    this.moved(this.cursor);
  }

  draw() {
    const { canvas, found } = this;
    if (!found) return;
    const { rows, columns, values } = found;
    const room = canvas.parentElement.clientWidth;
    const wide = Math.min(LARGEST, room / columns);
    const written = wide >= WRITTEN && rows * WRITTEN_HIGH < 900;
    const square = Math.min(wide, MOST_HIGH / rows, 18);
    this.cell = written ? { wide, tall: WRITTEN_HIGH } : { wide: square, tall: square };
    canvas.style.width = `${this.cell.wide * columns}px`;
    canvas.style.height = `${this.cell.tall * rows}px`;
    const { context } = fitted(canvas);
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    const gap = this.cell.wide >= 6 ? 1 : 0;
    values.forEach((value, k) => {
      if (value === null) return;
      const [x, y] = [(k % columns) * this.cell.wide, Math.floor(k / columns) * this.cell.tall];
      const colour = found.grey ? grey(Math.round(255 * Math.min(Math.max(value, 0), 1))) : signedColour(this.largest ? value / this.largest : 0);
      context.fillStyle = `rgb(${colour.join(" ")})`;
      context.fillRect(x, y, this.cell.wide - gap, this.cell.tall - gap);
      if (!written) return;
      context.fillStyle = colour[0] + colour[1] + colour[2] > 330 ? "#14161b" : "#f5f2ea";
      context.fillText(short(value), x + this.cell.wide / 2, y + this.cell.tall / 2, this.cell.wide - 4);
    });
    const [x, y] = [(this.cursor % columns) * this.cell.wide, Math.floor(this.cursor / columns) * this.cell.tall];
    context.lineWidth = 2;
    context.strokeStyle = "#14161b";
    context.strokeRect(x, y, this.cell.wide, this.cell.tall);
    context.strokeStyle = "#ffc86b";
    context.strokeRect(x + 1, y + 1, Math.max(1, this.cell.wide - 2), Math.max(1, this.cell.tall - 2));
  }

  under({ offsetX, offsetY }) {
    const { rows, columns } = this.found ?? { rows: 1, columns: 1 };
    const within = (value, most) => Math.min(Math.max(Math.floor(value), 0), most - 1);
    return within(offsetY / this.cell.tall, rows) * columns + within(offsetX / this.cell.wide, columns);
  }

  to(cursor) {
    if (!this.found || cursor === this.cursor || (this.found.values[cursor] ?? null) === null) return;
    this.cursor = cursor;
    this.draw();
    this.moved(cursor);
  }

  choose() {
    if (this.found) this.chosen(this.cursor);
  }

  key(event) {
    if (!this.found) return;
    if (event.key === "Enter" || event.key === " ") this.choose();
    else {
      const { columns } = this.found;
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
      if (by === undefined) return;
      this.to(this.cursor + by);
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

/** A number in the few characters that a cell has room for. */
function short(value) {
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size >= 1000 || size < 0.001) return number(value).replace("·10", "e").replace(/[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]/g, (c) => "-0123456789"["⁻⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c)]);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3).replace("-", "−").replace(/^(−?)0\./, "$1.");
}
