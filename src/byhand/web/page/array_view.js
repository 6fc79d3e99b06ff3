// An array of an operation as the page shows it: a slice of two axes as a heat map, and selects for the indices along the others.

import { bytesOf } from "./assets.js";
import { Heatmap } from "./heatmap.js";
import { element, option, parseFormula, redraw } from "./html.js";
import { grey, paint } from "./pictures.js";
import { exact } from "./terms_table.js";

const MOST_CHOICES = 2048; // options of a select

const $ = (id) => document.getElementById(id);

/** The view; `chosen` is called with the indices of a number that is clicked, `go` with a place (see microscope_address.js). */
export class ArrayView {
  constructor({ go, chosen }) {
    Object.assign(this, { go, array: null, slice: null, fixed: new Map() });
    this.heatmap = new Heatmap($("map"), (cell) => this.tell(cell), (cell) => chosen(this.indicesOf(cell)));
  }

  /** Show a slice of an array: `fixed` are the indices along the other axes. */
  show(here, step, arrays, array, fixed, slice) {
    Object.assign(this, { array, fixed, slice });
    redraw($("arrays"), arrays.map((one) => this.button(one, here)));
    $("about").textContent = `${array.about}; ${array.shape.join(" × ") || "one number"}`;
    redraw($("choosers"), array.choosers.map((axis) => this.chooser(here, step, axis)), this.partChooser(here));
    const cursor = here.at && (here.array ?? array.name) === array.name ? this.cellOf(here.at) : undefined;
    this.heatmap.show(slice, cursor);
    $("map").setAttribute("aria-label", `${array.about}, ${slice.rows} rows and ${slice.columns} columns of numbers`);
    $("scale").hidden = !array.shape.length;
    $("scale").textContent = `Of the whole array: from ${exact(slice.least)} to ${exact(slice.most)}, ${exact(slice.mean)} on average.${slice.grey ? "" : " Blue is above 0, orange below."}`;
    this.showSample(here, step);
  }

  draw() {
    this.heatmap.draw();
  }

  /** The button of an array, among those of its operation. */
  button({ name, symbol }, here) {
    const onclick = () => this.go({ ...here, array: name, at: null, maps: null, part: 0 });
    const given = { class: "array", type: "button", "aria-pressed": String(name === this.array.name), onclick };
    return element("button", given, element("span", "", parseFormula(symbol)), element("span", "", name));
  }

  /** The index along an axis that the heat map does not show: the sample, a channel, ... */
  chooser(here, step, { axis, name, n }) {
    const { array } = this;
    const samples = axis === 0 && step.batch.includes(array.name);
    const options = Array.from({ length: Math.min(n, MOST_CHOICES) }, (_, k) => option(k, samples && step.samples[k] ? `${k}: ${step.samples[k].name}` : String(k)));
    if (axis === 0 && array.mean) options.unshift(option("mean", "mean of the batch"));
    const onchange = ({ target: { value } }) => {
      const maps = new Map(here.maps);
      maps.delete(axis);
      if (!samples) maps.set(axis, Number(value));
      this.go({ ...here, array: array.name, maps, at: null, sample: samples ? value : here.sample }, true);
    };
    const select = element("select", { value: String(this.fixed.get(axis)), onchange }, options);
    return element("label", "", `${name[0].toUpperCase()}${name.slice(1)} `, select);
  }

  /** Which part of a slice with too many numbers. */
  partChooser(here) {
    const { parts, first, values } = this.slice;
    if (parts < 2) return null;
    const onchange = ({ target: { value } }) => this.go({ ...here, part: Number(value), at: null }, true);
    const options = Array.from({ length: parts }, (_, k) => option(k, `${k + 1} of ${parts}`));
    const span = ` numbers ${first.toLocaleString("en")} to ${(first + values.length - 1).toLocaleString("en")}`;
    return element("label", "", "Part ", element("select", { value: String(here.part), onchange }, options), element("span", "small", span));
  }

  /** The sample that is followed, as a picture with its answer. */
  showSample(here, { samples }) {
    const { image } = this.slice;
    const sample = samples[Number(here.at?.[0] ?? here.sample)];
    $("sample").hidden = !image;
    if (!image) return;
    paint($("sample").querySelector("canvas"), bytesOf(image.levels), [image.rows, image.columns], grey);
    const answer = sample?.answer ? `; read as ${sample.answer}, after the step as ${sample.after}` : "";
    $("sample").querySelector("figcaption").textContent = sample ? `sample ${sample.name}${answer}` : "";
  }

  /** A cell of the heat map as indices of the array. */
  indicesOf(cell) {
    const { array, fixed, slice } = this;
    const at = array.shape.map((_, axis) => fixed.get(axis) ?? 0);
    const whole = slice.first + cell;
    if (slice.axes.length === 2) [at[slice.axes[0]], at[slice.axes[1]]] = [Math.floor(whole / slice.columns), whole % slice.columns];
    else if (slice.axes.length === 1) at[slice.axes[0]] = whole;
    return at;
  }

  cellOf(at) {
    const { axes, columns, first } = this.slice;
    const whole = axes.length === 2 ? at[axes[0]] * columns + at[axes[1]] : axes.length === 1 ? at[axes[0]] : 0;
    return Math.max(0, whole - first);
  }

  /** The number under the cursor, in full. */
  tell(cell) {
    const at = this.indicesOf(cell);
    $("value").textContent = `${this.array.name}${at.length ? ` [${at.join(", ")}]` : ""} = ${exact(this.slice.values[cell])}`;
  }
}
