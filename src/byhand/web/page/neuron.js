// One neuron in numbers: its weighted input with the largest terms, its weights as an image, and what the pixels said.

import { termsOf } from "./diagram.js";
import { boxed } from "./equation_box.js";
import { weightedInput } from "./equations.js";
import { element, redraw } from "./html.js";
import { spoken } from "./network.js";
import { number } from "./numbers.js";
import { captioned, columnsFor, paintSigned, picture } from "./pictures.js";
import { sumTable } from "./sum_table.js";

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
  const title = element("h3", "", nameOf(network, names, [l, j]), element("span", "note", note));
  const weights = weightsPicture(w.subarray(j * n, (j + 1) * n), l === 1 && !network.trunk);
  const whom = l === network.layers.length ? `“${names[j]}”` : "it";
  const votes = trace && !network.trunk && votesPicture(network, trace, [l, j], whom);
  const sum = trace ? sumOf(network, trace, w, b, [l, j]) : element("p", "small", "Draw something, and its numbers stand here.");
  redraw(root, title, element("div", "sums", boxed(weightedInput()), sum), element("div", "pictures", weights, votes));
}

function sumOf(network, trace, w, b, [l, j]) {
  const terms = termsOf(w, trace.a[l - 1], j);
  const below = l === 1 && network.trunk ? "feature" : "neuron";
  const from = (k) => (l === 1 && !network.trunk ? `row ${Math.floor(k / SIDE) + 1}, column ${(k % SIDE) + 1}` : `${below} ${k + 1}`);
  const n = trace.a[l - 1].length;
  const rows = terms.slice(0, SHOWN).map(({ k, value }) => [from(k), number(w[j * n + k], 3), number(trace.a[l - 1][k], 3), value]);
  const rest = terms.slice(SHOWN).reduce((sum, { value }) => sum + value, 0);
  if (terms.length > SHOWN) rows.push([`${terms.length - SHOWN} smaller terms`, "", "", rest]);
  rows.push(["bias b", "", "", b[j]]);
  const activation = network.names[l - 1].replace("_", " ");
  return sumTable(["from", "w", "a", "w·a"], rows, [["z, the sum", "", "", trace.z[l][j]], [`a = ${activation}(z)`, "", "", trace.a[l][j]]]);
}

function weightsPicture(weights, ofPixels) {
  const columns = ofPixels ? SIDE : columnsFor(weights.length);
  const canvas = picture(columns, Math.ceil(weights.length / columns), "Its incoming weights: blue positive, orange negative");
  paintSigned(canvas, weights);
  return captioned(canvas, ofPixels ? "Its weights, one a pixel" : "Its weights, one a number before it");
}

function votesPicture(network, trace, place, whom) {
  const canvas = picture(SIDE, SIDE, "Which pixels spoke for it, blue, and against it, orange");
  paintSigned(canvas, spoken(network, trace, ...place));
  return captioned(canvas, `Pixels that spoke for ${whom}, and against`);
}
