// The drawing area: pointer events of mouse, finger and pen; a pen for the keyboard; pictures that are dropped on it.
//
// What is drawn is a list of marks, strokes and pictures, so that undo takes the last one away. Strokes are white on nothing:
// the ink is the canvas's alpha channel, whatever colours the page has.

import { element } from "./html.js";
import { greyOf } from "./prepare.js";
import { resize } from "./resize.js";

const STEP = 14; // canvas pixels: how far one arrow key moves the pen
const FINE = 4;
const MARGIN = 56;
const LARGEST_SIDE = 2000; // pixels: larger pictures are halved first until they fit
const LARGEST_FILE = 30_000_000; // bytes
const NOISE = 0.1;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Pad {
  /** `changed()` is called after every change of the drawing, `say(text)` with what the keyboard did. */
  constructor(canvas, penMark, { changed, say }) {
    Object.assign(this, { canvas, penMark, changed, say });
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.context.lineCap = this.context.lineJoin = "round";
    this.context.strokeStyle = this.context.fillStyle = "#fff";
    this.marks = [];
    this.width = 34;
    this.pointer = null;
    this.keys = new Set();
    this.pen = { x: canvas.width / 2, y: MARGIN, down: false };
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.lift(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("keyup", (event) => this.keys.delete(event.key));
    canvas.addEventListener("focus", () => this.showPen(canvas.matches(":focus-visible")));
    canvas.addEventListener("blur", () => this.leave());
  }

  // ---------------------------------------------------------------- strokes

  press(event) {
    if (this.pointer !== null || event.button !== 0) return; // the first finger draws, others do nothing
    this.stop();
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.showPen(false);
    this.begin(...this.place(event));
  }

  move(event) {
    if (event.pointerId !== this.pointer) return;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const each of all.length ? all : [event]) this.extend(...this.place(each));
    this.changed();
  }

  lift(event) {
    if (event.pointerId === this.pointer) this.pointer = null;
  }

  /** End the stroke that is being drawn, by pointer or keyboard: another mark begins, or its own is taken away. */
  stop() {
    this.pointer = null;
    this.pen.down = false;
    this.penMark.classList.remove("down");
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  begin(x, y) {
    this.marks.push({ width: this.width, points: [[x, y]] });
    this.drawDot(x, y, this.width);
    this.changed();
  }

  extend(x, y) {
    const { width, points } = this.marks.at(-1);
    this.drawLine(points.at(-1), [x, y], width);
    points.push([x, y]);
  }

  drawDot(x, y, width) {
    this.context.beginPath();
    this.context.arc(x, y, width / 2, 0, 2 * Math.PI);
    this.context.fill();
  }

  drawLine([fromX, fromY], [x, y], width) {
    this.context.lineWidth = width;
    this.context.beginPath();
    this.context.moveTo(fromX, fromY);
    this.context.lineTo(x, y);
    this.context.stroke();
  }

  // ---------------------------------------------------------------- the keyboard's pen

  key(event) {
    if (event.ctrlKey || event.metaKey) {
      if (event.key === "z") this.did(event, () => this.undo());
    } else if (event.key in ARROWS) {
      this.keys.add(event.key);
      this.did(event, () => this.walk(event.shiftKey ? FINE : STEP));
    } else if (event.key === " ") {
      this.did(event, () => !event.repeat && this.togglePen());
    } else if (event.key === "Backspace") {
      this.did(event, () => this.undo());
    } else if (event.key === "Delete") {
      this.did(event, () => this.clear());
    }
  }

  did(event, action) {
    event.preventDefault();
    action();
  }

  /** One step in the direction of all arrow keys that are held: two of them make a diagonal. */
  walk(length) {
    this.showPen(true);
    const side = this.canvas.width;
    for (const key of this.keys) {
      this.pen.x = Math.min(Math.max(this.pen.x + ARROWS[key][0] * length, 0), side);
      this.pen.y = Math.min(Math.max(this.pen.y + ARROWS[key][1] * length, 0), side);
    }
    if (this.pen.down) {
      this.extend(this.pen.x, this.pen.y);
      this.changed();
    }
    this.showPen(true);
  }

  togglePen() {
    const down = !this.pen.down;
    this.stop();
    this.pen.down = down;
    if (down) this.begin(this.pen.x, this.pen.y);
    this.say(down ? "Pen down" : "Pen up");
    this.showPen(true);
  }

  showPen(shown) {
    this.penMark.hidden = !shown;
    this.penMark.classList.toggle("down", this.pen.down);
    this.penMark.style.left = `${(100 * this.pen.x) / this.canvas.width}%`;
    this.penMark.style.top = `${(100 * this.pen.y) / this.canvas.height}%`;
  }

  leave() {
    this.pen.down = false;
    this.keys.clear();
    this.showPen(false);
  }

  // ---------------------------------------------------------------- pictures

  /** A picture from a file; an error in one line where it is none. */
  async showFile(file) {
    if (file.size > LARGEST_FILE) throw new Error(`The picture ${file.name} has more than 30 MB: make it smaller.`);
    let bitmap;
    try {
      bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
    } catch {
      throw new Error(`The file ${file.name || "pasted"} is not a picture that this browser can read.`);
    }
    const shrink = Math.min(1, LARGEST_SIDE / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * shrink)));
    const context = element("canvas", { width, height }).getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    this.show(greyOf(context.getImageData(0, 0, width, height).data, width, height));
  }

  /** A picture of grey levels, white ink on black, in place of everything drawn so far. */
  show(grey) {
    const side = this.canvas.width;
    const longer = Math.max(grey.width, grey.height);
    const [width, height] = [grey.width, grey.height].map((length) => Math.max(1, Math.round((length * side) / longer)));
    const shown = resize(grey, width, height);
    const noise = NOISE * shown.values.reduce((top, value) => Math.max(top, value), 0);
    const ink = element("canvas", { width, height });
    const image = new ImageData(width, height);
    shown.values.forEach((value, i) => image.data.set([255, 255, 255, value < noise ? 0 : value], 4 * i));
    ink.getContext("2d").putImageData(image, 0, 0);
    this.stop();
    this.marks = [...this.marks, { grey, ink }];
    this.redraw();
    this.changed();
  }

  // ---------------------------------------------------------------- all marks

  undo() {
    if (!this.marks.length) return;
    this.stop();
    this.marks.pop();
    this.redraw();
    this.changed();
  }

  clear() {
    this.stop();
    this.marks = [];
    this.redraw();
    this.changed();
  }

  redraw() {
    const side = this.canvas.width;
    this.context.clearRect(0, 0, side, side);
    for (const { ink, points, width } of this.marks) {
      if (ink) {
        this.context.clearRect(0, 0, side, side);
        this.context.drawImage(ink, Math.round((side - ink.width) / 2), Math.round((side - ink.height) / 2));
      } else {
        this.drawDot(...points[0], width);
        points.forEach((point, i) => i && this.drawLine(points[i - 1], point, width));
      }
    }
  }

  /** The drawing as grey levels, white ink on black: the picture itself where nothing is drawn over it. */
  grey() {
    const last = this.marks.at(-1);
    if (last?.grey) return last.grey;
    const { width, height } = this.canvas;
    const { data } = this.context.getImageData(0, 0, width, height);
    this.values ??= new Float32Array(width * height);
    for (let i = 0; i < this.values.length; i += 1) this.values[i] = data[4 * i + 3];
    return { values: this.values, width, height, drawn: true };
  }
}
