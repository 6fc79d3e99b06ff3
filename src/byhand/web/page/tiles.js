// The first layer's weights as pictures: a small one a unit, and the chosen one enlarged, where each pixel names its weight.

import { brief } from "./plots.js";
import { element } from "./outputs.js";
import { walk } from "./roving.js";

const GREY = [52, 54, 62];
const ABOVE = [134, 189, 255];
const BELOW = [255, 160, 107];

/** Bytes of base 64. */
export function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Levels from -127 to 127 as a small canvas. */
function picture(levels, rows, columns) {
  const canvas = new OffscreenCanvas(columns, rows);
  const image = new ImageData(columns, rows);
  levels.forEach((level, k) => {
    const share = (Math.abs(level) / 127) ** 0.7; // weak weights are worth seeing
    const end = level > 0 ? ABOVE : BELOW;
    for (let c = 0; c < 3; c += 1) image.data[4 * k + c] = GREY[c] + share * (end[c] - GREY[c]);
    image.data[4 * k + 3] = 255;
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Grey levels in bytes, painted over the whole of a canvas. */
export function paintGrey(canvas, levels, rows, columns) {
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  levels.forEach((level, k) => image.data.set([level, level, level, 255], 4 * k));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** The pictures; `opened` is called with unit and pixel of a weight that is to be looked at. */
export class Tiles {
  constructor(root, canvas, value, opened) {
    Object.assign(this, { root, canvas, value, opened, found: null, unit: 0, pixel: 0, buttons: [] });
    root.onkeydown = (event) => walk(event, this.buttons, Math.max(1, getComputedStyle(root).gridTemplateColumns.split(" ").length));
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
    this.levels = new Int8Array(bytes(found.levels).buffer);
    if (fresh) this.build();
    const size = found.rows * found.columns;
    this.buttons.forEach((button, unit) => {
      const canvas = button.firstChild;
      const small = picture(this.levels.subarray(unit * size, (unit + 1) * size), found.rows, found.columns);
      canvas.getContext("2d").drawImage(small, 0, 0);
    });
    this.enlarge();
  }

  build() {
    const { units, rows, columns } = this.found;
    [this.unit, this.pixel] = [0, Math.floor(rows / 2) * columns + Math.floor(columns / 2)];
    const shown = this.levels.length / (rows * columns);
    this.buttons = Array.from({ length: shown }, (_, unit) => {
      const button = element("button", "tile");
      button.type = "button";
      button.tabIndex = unit ? -1 : 0;
      button.setAttribute("aria-label", `Unit ${unit}`);
      button.append(Object.assign(document.createElement("canvas"), { width: columns, height: rows }));
      button.onclick = () => {
        this.unit = unit;
        this.enlarge();
      };
      return button;
    });
    const more = units - shown;
    this.root.replaceChildren(...this.buttons);
    if (more > 0) this.root.append(element("p", "small", `and ${more} more units`));
    this.root.classList.toggle("flat", rows === 1);
  }

  enlarge() {
    const { rows, columns, unit: scale } = this.found;
    const size = rows * columns;
    const cell = Math.max(1, Math.floor(336 / Math.max(rows, columns)));
    if (this.canvas.width !== cell * columns || this.canvas.height !== Math.max(cell * rows, 42)) {
      this.canvas.width = cell * columns;
      this.canvas.height = Math.max(cell * rows, 42);
    }
    const context = this.canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    const small = picture(this.levels.subarray(this.unit * size, (this.unit + 1) * size), rows, columns);
    const tall = this.canvas.height / rows;
    context.drawImage(small, 0, 0, this.canvas.width, this.canvas.height);
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
