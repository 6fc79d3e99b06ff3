// The network as a picture that lights up: circles for small layers, a grid of cells for large ones, lines for strong terms.
//
// Neurons are buttons, so that pointing, tapping and the keyboard come for free; in each layer one of them takes the tab key, and
// arrow keys walk from there. The lines lie on one canvas behind them.

import { Sheet } from "./feature_maps.js";
import { largest } from "./network.js";
import { element } from "./html.js";
import { ABOVE, BELOW, columnsFor, paintPixels, picture } from "./pictures.js";
import { moveFocus } from "./roving_tabindex.js";

const LARGE = 128; // units: from here on a layer is a grid of cells
const LINES = 48; // at most, between two layers
const TERMS = 24; // lines into the neuron that is looked at
const SIDE = 28;

/**
 * The diagram of a network. A place in it is a neuron, [l, j], or a map, { sheet, k }: `looked(place)` on pointing, `picked(place)`
 * on a click or with the keyboard, `left()` when the pointer goes.
 */
export class Diagram {
  constructor(root, network, names, { looked, picked, left }) {
    Object.assign(this, { root, network, looked, picked });
    this.lines = element("canvas", { class: "lines", "aria-hidden": "true" });
    this.input = picture(SIDE, SIDE, "Input layer: the 784 pixels");
    paintPixels(this.input, new Uint8Array(SIDE * SIDE));
    const input = element("div", "layer input", this.input, element("p", "caption", "784 pixels"));
    this.layers = network.sizes.slice(1).map((size, i) => this.makeLayer(size, i + 1, names));
    this.sheets = (network.trunk?.shown ?? []).map(
      (conv, sheet) => new Sheet(conv, sheet + 1, { looked: (k) => looked({ sheet, k }), picked: (k) => picked({ sheet, k }) }),
    );
    this.features = network.trunk ? makeFeatures(network.sizes[0]) : null;
    const trunk = this.features ? [...columnsOf(this.sheets), this.features.box] : [];
    root.classList.toggle("wide", trunk.length > 0);
    root.replaceChildren(this.lines, input, ...trunk, ...this.layers.map(({ box }) => box));
    root.onpointerleave = left;
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(root);
  }

  /** Before another diagram takes its place. */
  close() {
    this.observer.disconnect();
  }

  makeLayer(size, l, names) {
    const last = l === this.network.layers.length;
    const columns = last ? 1 : columnsFor(size);
    const title = last ? `${size} outputs` : `${size} neurons`;
    const activation = this.network.names[l - 1];
    const neurons = Array.from({ length: size }, (_, j) => {
      const neuron = element("button", {
        class: "unit",
        type: "button",
        tabindex: j === 0 ? 0 : -1,
        "aria-label": last ? `Output ${names[j]}` : `Layer ${l}, neuron ${j + 1}`,
        onpointerenter: (event) => event.pointerType === "mouse" && this.looked([l, j]),
        onfocus: () => neuron.matches(":focus-visible") && this.picked([l, j]),
        onclick: () => this.picked([l, j]),
      }, last && names[j]); // prettier-ignore
      return neuron;
    });
    const named = { class: "cells", role: "group", "aria-label": `Layer ${l}: ${title}, ${activation}` };
    const cells = element("div", { ...named, onkeydown: (event) => moveFocus(event, neurons, columns) }, neurons);
    cells.style.setProperty("--columns", columns);
    const kind = last ? "out" : size >= LARGE ? "grid" : "circles";
    const box = element("div", `layer ${kind}`, cells, element("p", "caption", `${title}, ${activation.replace("_", " ")}`));
    return { box, neurons, levels: new Int16Array(size).fill(-1) };
  }

  /** Light up: the pixels that go in, all maps, and all z and a; `shown` is the place that is looked at, or null. */
  update(pixels, trace, shown) {
    const neuron = Array.isArray(shown) ? shown : null;
    Object.assign(this, { trace, shown: neuron });
    paintPixels(this.input, pixels);
    this.sheets.forEach((sheet, i) => {
      sheet.paint(trace?.maps[i] ?? null);
      sheet.mark(shown?.sheet === i ? shown.k : null);
    });
    const lighting = this.features ? [this.features, ...this.layers] : this.layers;
    lighting.forEach(({ neurons, levels }, i) => {
      const a = trace ? trace.a[this.features ? i : i + 1] : null;
      const top = a ? Math.max(1, ...a) : 1; // relu has no upper end: the strongest neuron of its layer is the measure
      neurons.forEach((neuron, j) => {
        const level = a ? Math.round((32 * Math.max(a[j], 0)) / top) : 0;
        if (level === levels[j]) return;
        levels[j] = level;
        neuron.style.setProperty("--lit", level / 32);
      });
    });
    if (this.marked) this.marked.classList.remove("shown");
    this.marked = neuron ? this.layers[neuron[0] - 1].neurons[neuron[1]] : null;
    this.marked?.classList.add("shown");
    this.drawLines();
  }

  /** Where everything stands; asked for only when the size has changed. */
  measure() {
    const box = this.root.getBoundingClientRect();
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    Object.assign(this.lines, { width: box.width * ratio, height: box.height * ratio });
    this.lines.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    const middle = (item) => {
      const { left, top, width, height } = item.getBoundingClientRect();
      return [left - box.left + width / 2, top - box.top + height / 2];
    };
    const image = this.input.getBoundingClientRect();
    const cell = image.width / SIDE;
    const [left, top] = [image.left - box.left, image.top - box.top];
    const pixel = (_, k) => [left + ((k % SIDE) + 0.5) * cell, top + (Math.floor(k / SIDE) + 0.5) * cell];
    const first = this.features ? this.features.neurons.map(middle) : Array.from({ length: SIDE * SIDE }, pixel);
    this.places = [first, ...this.layers.map(({ neurons }) => neurons.map(middle))];
    this.drawLines();
  }

  drawLines() {
    if (!this.places) return;
    const context = this.lines.getContext("2d");
    context.clearRect(0, 0, this.lines.width, this.lines.height);
    if (!this.trace) return;
    const answer = largest(this.trace.a.at(-1));
    this.network.layers.forEach(({ w }, i) => {
      const last = i === this.network.layers.length - 1;
      const looked = this.shown?.[0] === i + 1 ? this.shown[1] : null;
      const followed = looked ?? (last ? answer : null); // of the outputs, the answer's terms are always shown
      const terms = followed === null ? strongest(w, this.trace, i + 1) : termsOf(w, this.trace.a[i], followed).slice(0, TERMS);
      this.drawTerms(context, i, terms, looked === null ? 0.42 : 0.95);
    });
  }

  drawTerms(context, i, terms, strength) {
    const top = Math.max(1e-12, ...terms.map(({ value }) => Math.abs(value)));
    context.lineWidth = 1.1;
    for (const { j, k, value } of terms) {
      const [[x, y], [toX, toY]] = [this.places[i][k], this.places[i + 1][j]];
      const opacity = strength * (0.15 + (0.85 * Math.abs(value)) / top);
      context.strokeStyle = `rgba(${(value > 0 ? ABOVE : BELOW).join(",")},${opacity})`;
      context.beginPath();
      context.moveTo(x, y);
      const [bendX, bendY] = Math.abs(toX - x) > Math.abs(toY - y) ? [(toX - x) / 2, 0] : [0, (toY - y) / 2];
      context.bezierCurveTo(x + bendX, y + bendY, toX - bendX, toY - bendY, toX, toY);
      context.stroke();
    }
  }
}

/** The sheets of maps in columns: those of one size below each other. */
function columnsOf(sheets) {
  const columns = [];
  for (const sheet of sheets) {
    const size = sheet.size;
    if (columns.at(-1)?.size !== size) columns.push({ size, box: element("div", "layer maps") });
    columns.at(-1).box.append(sheet.box);
  }
  return columns.map(({ box }) => box);
}

/** What the trunk ends in, as cells that only light up: what they are made of, the maps show. */
function makeFeatures(size) {
  const neurons = Array.from({ length: size }, () => element("span", "unit"));
  const cells = element("div", "cells", neurons);
  cells.style.setProperty("--columns", Math.min(columnsFor(size), 8));
  const box = element("div", "layer features", cells, element("p", "caption", `${size} features`));
  return { box, neurons, levels: new Int16Array(size).fill(-1) };
}

/** The terms w_jk a_k of neuron j, the largest first; those that are 0 left out. */
export function termsOf(w, a, j) {
  const terms = [];
  for (let k = 0; k < a.length; k += 1) {
    const value = w[j * a.length + k] * a[k];
    if (value !== 0) terms.push({ j, k, value });
  }
  return terms.sort((one, other) => Math.abs(other.value) - Math.abs(one.value));
}

/** The strongest term of every lit neuron in layer l; of those the strongest. */
function strongest(w, { a }, l) {
  const below = a[l - 1];
  const lit = [];
  for (let k = 0; k < below.length; k += 1) if (below[k] !== 0) lit.push(k);
  const found = [];
  for (let j = 0; j < a[l].length; j += 1) {
    if (a[l][j] < 0.02) continue;
    let [best, from] = [0, 0];
    for (let i = 0; i < lit.length; i += 1) {
      const value = w[j * below.length + lit[i]] * below[lit[i]];
      if (Math.abs(value) > Math.abs(best)) [best, from] = [value, lit[i]];
    }
    if (best !== 0) found.push({ j, k: from, value: best });
  }
  return found.sort((one, other) => Math.abs(other.value) - Math.abs(one.value)).slice(0, LINES);
}
