// One neuron in numbers: its weighted input with the largest terms, its weights as an image, and what the pixels said.

import { termsOf } from "./diagram.js";
import { boxed, WEIGHTED_INPUT } from "./equations.js";
import { spoken } from "./network.js";
import { number } from "./numbers.js";
import { element } from "./outputs.js";
import { columnsFor, paintSigned, picture } from "./pictures.js";

const SHOWN = 6;
const SIDE = 28;

/** A neuron's name in words. */
export function nameOf(network, names, [l, j]) {
  return l === network.layers.length ? `output ${names[j]}` : `neuron ${j + 1} of layer ${l}`;
}

/** Fill the panel for neuron [l, j]; without a drawing (`trace` is null) only its weights can be shown. */
export function showNeuron(root, network, names, trace, [l, j], note) {
  const { w, b } = network.layers[l - 1];
  const n = network.sizes[l - 1];
  const title = element("h3", "", nameOf(network, names, [l, j]));
  title.append(element("span", "note", note));
  const pictures = element("div", "pictures");
  pictures.append(weightsPicture(w.subarray(j * n, (j + 1) * n), l === 1 && !network.trunk));
  const sums = element("div", "sums");
  sums.append(boxed(WEIGHTED_INPUT));
  if (trace) {
    sums.append(sumOf(network, trace, w, b, [l, j]));
    if (!network.trunk) pictures.append(votesPicture(network, trace, [l, j], l === network.layers.length ? `“${names[j]}”` : "it"));
  } else {
    sums.append(element("p", "small", "Draw something, and its numbers stand here."));
  }
  root.replaceChildren(title, sums, pictures);
}

function sumOf(network, trace, w, b, [l, j]) {
  const terms = termsOf(w, trace.a[l - 1], j);
  const table = element("table", "terms");
  table.innerHTML = "<thead><tr><th>from</th><th>w</th><th>a</th><th>w·a</th></tr></thead>";
  const body = table.createTBody();
  const below = l === 1 && network.trunk ? "feature" : "neuron";
  const from = (k) => (l === 1 && !network.trunk ? `row ${Math.floor(k / SIDE) + 1}, column ${(k % SIDE) + 1}` : `${below} ${k + 1}`);
  const n = trace.a[l - 1].length;
  for (const { k, value } of terms.slice(0, SHOWN)) {
    line(body, from(k), [number(w[j * n + k], 3), number(trace.a[l - 1][k], 3)], value);
  }
  const rest = terms.slice(SHOWN).reduce((sum, { value }) => sum + value, 0);
  if (terms.length > SHOWN) line(body, `${terms.length - SHOWN} smaller terms`, ["", ""], rest);
  line(body, "bias b", ["", ""], b[j]);
  const activation = network.names[l - 1];
  const total = line(body, "z, the sum", ["", ""], trace.z[l][j]);
  total.className = "total";
  line(body, `a = ${activation.replace("_", " ")}(z)`, ["", ""], trace.a[l][j]).className = "total";
  return table;
}

function line(body, name, cells, value) {
  const row = body.insertRow();
  row.append(Object.assign(element("th", "", name), { scope: "row" }), ...cells.map((cell) => element("td", "", cell)));
  row.append(element("td", value < 0 ? "minus" : "plus", number(value, 3)));
  return row;
}

function weightsPicture(weights, ofPixels) {
  const columns = ofPixels ? SIDE : columnsFor(weights.length);
  const canvas = picture(columns, Math.ceil(weights.length / columns), "Its incoming weights: blue positive, orange negative");
  paintSigned(canvas, weights);
  return figure(canvas, ofPixels ? "Its weights, one a pixel" : "Its weights, one a number before it");
}

function votesPicture(network, trace, place, whom) {
  const canvas = picture(SIDE, SIDE, "Which pixels spoke for it, blue, and against it, orange");
  paintSigned(canvas, spoken(network, trace, ...place));
  return figure(canvas, `Pixels that spoke for ${whom}, and against`);
}

function figure(canvas, caption) {
  const made = element("figure");
  made.append(canvas, element("figcaption", "", caption));
  return made;
}
