// The first layer's weights as images: a small one for each unit, and the chosen one enlarged, where each pixel names its weight.

import { bytesOf } from "./assets.js";
import { element, redraw } from "./html.js";
import { paint, signed } from "./pictures.js";
import { brief } from "./plots.js";
import { moveFocus } from "./roving_tabindex.js";

const SIDE = 336; // CSS pixels of the enlarged one
const LEAST_HIGH = 42;

/** The images in `root` and the enlarged one on `canvas`; `opened` is called with unit and pixel of a weight that is to be looked at. */
export class WeightImages {
  constructor(root, canvas, value, opened) {
    Object.assign(this, { root, canvas, value, opened, found: null, unit: 0, pixel: 0, buttons: [] });
    root.onkeydown = (event) => moveFocus(event, this.buttons, Math.max(1, getComputedStyle(root).gridTemplateColumns.split(" ").length));
    canvas.onclick = (event) => {
      this.point(event);
      this.opened(this.unit, this.pixel);
    };
    canvas.onpointermove = (event) => this.point(event);
    canvas.onkeydown = (event) => this.key(event);
  }

  show(found) {
    const fresh = !this.found || this.found.units !== found.units || this.found.rows !== found.rows || this.found.columns !== found.columns;
    this.found = found;
    this.levels = new Int8Array(bytesOf(found.levels).buffer);
    if (fresh) this.build();
    this.buttons.forEach((button, unit) => this.paint(button.firstChild, unit));
    this.enlarge();
  }

  build() {
    const { units, rows, columns } = this.found;
    [this.unit, this.pixel] = [0, Math.floor(rows / 2) * columns + Math.floor(columns / 2)];
    const shown = this.levels.length / (rows * columns);
    this.buttons = Array.from({ length: shown }, (_, unit) => {
      const onclick = () => {
        this.unit = unit;
        this.enlarge();
      };
      const given = { class: "weight-image", type: "button", tabindex: unit ? -1 : 0, "aria-label": `Unit ${unit}`, onclick };
      return element("button", given, element("canvas", { width: columns, height: rows }));
    });
    redraw(this.root, this.buttons, units > shown && element("p", "small", `and ${units - shown} more units`));
    this.root.classList.toggle("flat", rows === 1);
  }

  /** A unit's weights over the whole of a canvas. */
  paint(canvas, unit) {
    const { rows, columns } = this.found;
    const size = rows * columns;
    return paint(canvas, this.levels.subarray(unit * size, (unit + 1) * size), [rows, columns], signed);
  }

  enlarge() {
    const { rows, columns, unit: scale } = this.found;
    const size = rows * columns;
    const cell = Math.max(1, Math.floor(SIDE / Math.max(rows, columns)));
    const [width, height] = [cell * columns, Math.max(cell * rows, LEAST_HIGH)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    const tall = height / rows;
    context.drawImage(this.paint(new OffscreenCanvas(columns, rows), this.unit), 0, 0, width, height);
    const [row, column] = [Math.floor(this.pixel / columns), this.pixel % columns];
    context.strokeStyle = "#f5f2ea";
    context.lineWidth = 2;
    context.strokeRect(column * cell - 1, row * tall - 1, cell + 2, tall + 2);
    const level = this.levels[this.unit * size + this.pixel] * scale;
    this.value.textContent = `${this.name()} ≈ ${brief(level)}`;
    this.buttons.forEach((button, unit) => button.setAttribute("aria-pressed", String(unit === this.unit)));
  }

  /** The name of the chosen weight, as the microscope takes it. */
  name() {
    const { kind, columns, rows } = this.found;
    if (kind === "own") {
      const [row, column] = [Math.floor(this.pixel / columns), this.pixel % columns];
      const place = { rows: [this.unit, this.pixel], columns: [this.pixel, this.unit], matrix: [row, column] };
      return `${this.found.name}[${place[this.found.order].join(", ")}]`;
    }
    if (kind === "weight") return `Weight 2:${this.unit},${this.pixel}`;
    if (kind === "code") return `Weight from pixel ${this.pixel} to unit ${this.unit}`;
    return rows > 1 ? `Filter ${this.unit}, row ${Math.floor(this.pixel / columns)}, column ${this.pixel % columns}` : `Unit ${this.unit}, from ${this.pixel}`;
  }

  point({ offsetX, offsetY }) {
    const { rows, columns } = this.found;
    const column = Math.floor((offsetX / this.canvas.clientWidth) * columns);
    const row = Math.floor((offsetY / this.canvas.clientHeight) * rows);
    this.pixel = Math.min(Math.max(row, 0), rows - 1) * columns + Math.min(Math.max(column, 0), columns - 1);
    this.enlarge();
  }

  key(event) {
    const { rows, columns } = this.found;
    if (event.key === "Enter") {
      this.opened(this.unit, this.pixel);
      event.preventDefault();
      return;
    }
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const to = this.pixel + by;
    if (to >= 0 && to < rows * columns) this.pixel = to;
    this.enlarge();
  }
}
