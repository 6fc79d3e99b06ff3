// The table of layers: spread of activations and gradients, and how large the last change was.

import { element } from "./html.js";
import { brief, drawHistogram } from "./plots.js";

const [LEAST, MOST] = [-6, 0]; // powers of ten of the ratio's scale

const spreadOf = (key, head, own) => ({ head, make: () => spread(head), fill: (cell, row) => fillSpread(cell, row[key], own) });
const COLUMNS = {
  activations: spreadOf("activations", "Activations", "plus"),
  values: spreadOf("values", "Values", "plus"),
  gradients: spreadOf("gradients", "Gradients", "minus"),
  ratio: { head: "Update / weight", make: scale, fill: fillScale },
  stuck: {
    head: "Stuck",
    make: () => element("td", { class: "stuck", role: "cell" }),
    fill: (cell, { stuck, why }) => (cell.textContent = stuck === null ? "–" : `${Math.round(100 * stuck)} % ${why}`),
  },
};

/** Show the rows, with these columns; the table is built anew only where the rows or columns are others. */
export function showLayers(table, layers, columns = ["activations", "gradients", "ratio", "stuck"], describe = layer) {
  const names = [columns, ...layers.map(({ name, shape }) => `${name} ${shape}`)].join("; ");
  if (table.dataset.names !== names) build(table, layers, columns, describe);
  table.dataset.names = names;
  layers.forEach((row, k) => {
    const cells = table.tBodies[0].rows[k].cells;
    columns.forEach((column, c) => COLUMNS[column].fill(cells[c + 1], row));
  });
}

function build(table, layers, columns, describe) {
  const heads = [describe.head, ...columns.map((column) => COLUMNS[column].head)];
  const rows = layers.map((layer) => {
    const [name, about] = describe(layer);
    const title = element("th", { scope: "row", role: "rowheader" }, element("b", "", name), element("span", "small", about));
    const cells = columns.map((column) => COLUMNS[column].make());
    cells.forEach((cell, k) => Object.assign(cell.dataset, { name: heads[k + 1] }));
    return element("tr", { role: "row" }, title, cells);
  });
  // On a phone the rows become cards, and browsers then no longer take them for a table's unless told by the roles.
  const headings = heads.map((text) => element("th", { scope: "col", role: "columnheader" }, text));
  const head = element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, headings));
  table.replaceChildren(head, element("tbody", { role: "rowgroup" }, rows));
}

/** Name and size of a layer with weights. */
function layer({ name, shape, activation }) {
  return [title_of(name), `${shape.join(" × ")} weights${activation ? `, ${activation.replace("_", " ")}` : ""}`];
}
layer.head = "Layer";

/** `layers.0` is layer 2 in the book, where the input is layer 1. */
function title_of(name) {
  const found = name.match(/^(layers|encoder|decoder)\.(\d+)$/);
  if (!found) return `Module ${name}`;
  return `${found[1] === "layers" ? "Layer" : found[1][0].toUpperCase() + found[1].slice(1)} ${Number(found[2]) + 2}`;
}

function spread(what) {
  const canvas = element("canvas", { role: "img", data: { what } });
  const ends = element("span", "ends", element("span"), element("span"));
  return element("td", { role: "cell" }, canvas, ends, element("span", "small"));
}

function scale() {
  const track = element("div", "ratio", element("i", "healthy"), element("i", "mark"));
  return element("td", { role: "cell" }, element("b"), track);
}

function fillScale(cell, { ratio }) {
  cell.firstChild.textContent = ratio === null ? "–" : ratio.toExponential(1);
  const power = ratio ? Math.log10(ratio) : LEAST;
  const place = (Math.min(Math.max(power, LEAST), MOST) - LEAST) / (MOST - LEAST);
  cell.querySelector(".mark").style.left = `${100 * place}%`;
}

function fillSpread(cell, found, own) {
  const [canvas, ends, words] = cell.children;
  canvas.hidden = ends.hidden = !found;
  if (!found) {
    words.textContent = "–";
    return;
  }
  drawHistogram(canvas, found, own);
  ends.children[0].textContent = brief(found.low);
  ends.children[1].textContent = brief(found.high);
  words.textContent = `mean ${brief(found.mean)}, spread ${brief(found.std)}`;
  canvas.setAttribute("aria-label", `${canvas.dataset.what} from ${brief(found.low)} to ${brief(found.high)}, ${words.textContent}`);
}
