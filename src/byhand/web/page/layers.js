// The table of layers: spread of activations and gradients, and how large the last change was.

import { brief, drawHistogram } from "./plots.js";
import { element } from "./outputs.js";

const HEADS = ["Layer", "Activations", "Gradients", "Update / weight", "Stuck"];
const ROLES = [["thead, tbody", "rowgroup"], ["tr", "row"], ["thead th", "columnheader"], ["tbody th", "rowheader"], ["td", "cell"]];
const [LEAST, MOST] = [-6, 0]; // powers of ten of the ratio's scale

/** Show the rows; the table is built anew only where the layers are others. */
export function showLayers(table, layers) {
  const names = layers.map(({ name, shape }) => `${name} ${shape}`).join();
  if (table.dataset.names !== names) build(table, layers);
  table.dataset.names = names;
  layers.forEach((layer, k) => fill(table.tBodies[0].rows[k], layer));
}

function build(table, layers) {
  const head = element("thead");
  const row = element("tr");
  for (const text of HEADS) {
    const cell = element("th", "", text);
    cell.scope = "col";
    row.append(cell);
  }
  head.append(row);
  const body = element("tbody");
  for (const { name, shape, activation } of layers) {
    const made = element("tr");
    const title = element("th");
    title.scope = "row";
    title.append(element("b", "", title_of(name)), element("span", "small", `${shape.join(" × ")} weights${activation ? `, ${activation.replace("_", " ")}` : ""}`));
    made.append(title, spread("Activations"), spread("Gradients"), scale(), element("td", "stuck"));
    body.append(made);
  }
  table.replaceChildren(head, body);
  // On a phone the rows become cards, and browsers then no longer take them for a table's unless told.
  for (const [selector, role] of ROLES) for (const part of table.querySelectorAll(selector)) part.setAttribute("role", role);
  for (const made of body.rows) HEADS.forEach((name, k) => k && (made.cells[k].dataset.name = name));
}

/** `layers.0` is layer 2 in the book, where the input is layer 1. */
function title_of(name) {
  const found = name.match(/^(layers|encoder|decoder)\.(\d+)$/);
  if (!found) return `Module ${name}`;
  return `${found[1] === "layers" ? "Layer" : found[1][0].toUpperCase() + found[1].slice(1)} ${Number(found[2]) + 2}`;
}

function spread(what) {
  const cell = element("td");
  const canvas = element("canvas");
  canvas.setAttribute("role", "img");
  canvas.dataset.what = what;
  const ends = element("span", "ends");
  ends.append(element("span"), element("span"));
  cell.append(canvas, ends, element("span", "small"));
  return cell;
}

function scale() {
  const cell = element("td");
  const track = element("div", "ratio");
  track.append(element("i", "healthy"), element("i", "mark"));
  cell.append(element("b"), track);
  return cell;
}

function fill(row, layer) {
  const [, activations, gradients, ratio, stuck] = row.cells;
  fillSpread(activations, layer.activations, "plus");
  fillSpread(gradients, layer.gradients, "minus");
  ratio.firstChild.textContent = layer.ratio === null ? "–" : layer.ratio.toExponential(1);
  const power = layer.ratio ? Math.log10(layer.ratio) : LEAST;
  const place = (Math.min(Math.max(power, LEAST), MOST) - LEAST) / (MOST - LEAST);
  ratio.querySelector(".mark").style.left = `${100 * place}%`;
  stuck.textContent = layer.stuck === null ? "–" : `${Math.round(100 * layer.stuck)} % ${layer.why}`;
}

function fillSpread(cell, found, own) {
  const [canvas, ends, words] = cell.children;
  drawHistogram(canvas, found, own);
  ends.children[0].textContent = brief(found.low);
  ends.children[1].textContent = brief(found.high);
  words.textContent = `mean ${brief(found.mean)}, spread ${brief(found.std)}`;
  canvas.setAttribute("aria-label", `${canvas.dataset.what} from ${brief(found.low)} to ${brief(found.high)}, ${words.textContent}`);
}
