// What a convolutional network sees: the maps of each convolution as a sheet that lights up, and one map worked out at a place.

import { brightest, filterOf, termsAt } from "./convolutions.js";
import { element, redraw } from "./html.js";
import { captioned, columnsFor, paintGlow, paintSigned, picture } from "./pictures.js";
import { moveFocus } from "./roving_tabindex.js";
import { sumTable } from "./sum_table.js";

const SHOWN = 6;

/** The maps of one convolution, side by side: one canvas, and on it a button for each map. */
export class Sheet {
  constructor(conv, number, { looked, picked }) {
    const { h, w, c } = conv.out;
    Object.assign(this, { size: `${h} x ${w}`, columns: columnsFor(c) });
    const rows = Math.ceil(c / this.columns);
    this.canvas = picture(this.columns * (w + 1) - 1, rows * (h + 1) - 1, "");
    this.canvas.removeAttribute("role");
    this.canvas.setAttribute("aria-hidden", "true");
    this.buttons = Array.from({ length: c }, (_, k) => {
      const button = element("button", {
        class: "map",
        type: "button",
        tabindex: k === 0 ? 0 : -1,
        "aria-label": `Convolution ${number}, map ${k + 1}`,
        onpointerenter: (event) => event.pointerType === "mouse" && looked(k),
        onfocus: () => button.matches(":focus-visible") && picked(k),
        onclick: () => picked(k),
      });
      return button;
    });
    const named = { class: "places", role: "group", "aria-label": `Convolution ${number}: ${c} maps of ${h} by ${w}` };
    const cells = element("div", { ...named, onkeydown: (event) => moveFocus(event, this.buttons, this.columns) }, this.buttons);
    cells.style.setProperty("--columns", this.columns);
    const frame = element("div", "frame", this.canvas, cells);
    this.box = element("div", "sheet", frame, element("p", "caption", `convolution ${number}: ${c} maps`));
    this.paint(null);
  }

  /** Light up with the maps { h, w, c, values } of a drawing; null without one. */
  paint(maps) {
    const { width, height } = this.canvas;
    const levels = new Float32Array(width * height);
    if (maps) {
      const { h, w, c, values } = maps;
      const top = Math.max(1e-12, ...Array.from({ length: c }, (_, k) => highest(maps, k)));
      for (let k = 0; k < c; k += 1) {
        const left = (k % this.columns) * (w + 1);
        const upper = Math.floor(k / this.columns) * (h + 1);
        for (let i = 0; i < h * w; i += 1) {
          levels[(upper + Math.floor(i / w)) * width + left + (i % w)] = Math.max(values[i * c + k], 0) / top;
        }
      }
    }
    paintGlow(this.canvas, levels);
  }

  /** Frame one of the maps, or none. */
  mark(k) {
    this.marked?.classList.remove("shown");
    this.marked = k === null ? null : this.buttons[k];
    this.marked?.classList.add("shown");
  }
}

function highest({ h, w, c, values }, k) {
  let top = 0;
  for (let i = 0; i < h * w; i += 1) top = Math.max(top, values[i * c + k]);
  return top;
}

/** A map's name in words. */
export function mapName({ sheet, k }) {
  return `map ${k + 1} of convolution ${sheet + 1}`;
}

/** Fill the panel for one map; without a drawing (`trace` is null) only what it is can be told. */
export function showMap(root, trunk, trace, place, note) {
  const { sheet, k } = place;
  const conv = trunk.shown[sheet];
  const title = element("h3", "", mapName(place), element("span", "note", note));
  if (!trace) {
    redraw(root, title, element("p", "small", "Draw something, and its numbers stand here."));
    return;
  }
  const maps = trace.maps[sheet];
  const at = brightest(maps, k);
  const terms = termsAt(conv, maps.below, k, at);
  redraw(root, title, sumAt(conv, maps, k, at, terms), pictures(conv, maps, k, at, terms));
}

function sumAt(conv, maps, k, [y, x], terms) {
  const input = conv.n === 1;
  const where = `Where it is brightest, row ${y + 1}, column ${x + 1}: the filter laid over ${input ? "the pixels" : "each map"} there, number by number, and summed.`;
  const rows = terms.slice(0, SHOWN).map(({ m, value }) => [input ? "the 3 × 3 pixels" : `map ${m + 1} before it`, value]);
  const rest = terms.slice(SHOWN);
  if (rest.length) rows.push([`${rest.length} smaller sums`, rest.reduce((sum, { value }) => sum + value, 0)]);
  rows.push(["shift b", conv.b[k]]);
  const i = (y * maps.w + x) * maps.c + k;
  const totals = [["z, the sum", maps.z[i]]];
  if (conv.bend) totals.push([`a = ${conv.bendName}(z)`, maps.values[i]]);
  return element("div", "sums", element("p", "small", where), sumTable(["from", "sum of w·a"], rows, totals));
}

function pictures(conv, maps, k, at, terms) {
  const whole = picture(maps.w, maps.h, "The map: bright where its pattern was found");
  const own = Float32Array.from({ length: maps.w * maps.h }, (_, i) => Math.max(maps.values[i * maps.c + k], 0));
  const top = Math.max(1e-12, ...own);
  paintGlow(whole, own.map((value) => value / top));
  const m = terms[0]?.m ?? 0;
  const filter = picture(conv.kernel[1], conv.kernel[0], "Its filter: blue positive, orange negative");
  paintSigned(filter, filterOf(conv, m, k));
  const which = conv.n === 1 ? "Its filter, w" : `Its filter for map ${m + 1} before it, the strongest here`;
  return element("div", "pictures", captioned(whole, "The map: bright where it found what it looks for"), captioned(filter, which));
}
