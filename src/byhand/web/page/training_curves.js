// The curves of a training that runs: cost and accuracy over the steps, and each as a table for those who do not see a picture.

import { element } from "./html.js";
import { brief, drawCurves } from "./plots.js";

const ROWS = 20; // of a table, at most
const $ = (id) => document.getElementById(id);

/** Draw both: `costs` are [step, cost], `validated` [step, cost, accuracy], a number that is not known null. */
export function showTrainingCurves(costs, validated) {
  const training = { name: "training, mean of the batches", colour: "minus", points: costs };
  const held = { name: "validation", colour: "plus", points: validated.map(([step, cost]) => [step, cost]), width: 2.4 };
  const negative = [...training.points, ...held.points].some(([, cost]) => cost !== null && cost < 0);
  const log = $("log").checked && !negative;
  drawCurves($("cost-curve"), [training, held], { log, low: log || negative ? null : 0 });
  const right = validated.filter(([, , share]) => share !== null).map(([step, , share]) => [step, 100 * share]);
  if (!$("accuracy-panel").hidden) {
    drawCurves($("accuracy-curve"), [{ ...held, points: right }], { high: 100, unit: " %", key: "bottom" });
  }
  fillTable($("cost-table"), ["Step", "Training", "Validation"], () => joined(costs, held.points));
  fillTable($("accuracy-table"), ["Step", "Validation"], () => right.map(([step, share]) => [step, `${share.toFixed(1)} %`]));
}

/** Two curves as rows, in the order of their steps. */
function joined(costs, held) {
  const rows = new Map();
  for (const [column, points] of [[1, costs], [2, held]]) {
    for (const [step, cost] of points) {
      if (!rows.has(step)) rows.set(step, [step, "", ""]);
      rows.get(step)[column] = brief(cost);
    }
  }
  return [...rows.values()].sort(([a], [b]) => a - b);
}

/** Rows evenly apart with the newest first, where the table is unfolded; built anew only where a row has changed. */
function fillTable(table, heads, rowsOf) {
  if (!table.closest("details").open) return;
  const rows = rowsOf();
  const every = Math.max(1, Math.ceil(rows.length / ROWS));
  const shown = rows.filter((_, k) => (rows.length - 1 - k) % every === 0).reverse();
  const key = JSON.stringify(shown);
  if (table.dataset.shown === key) return;
  table.dataset.shown = key;
  table.replaceChildren(
    element("thead", "", element("tr", "", heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", "", shown.map((cells) => element("tr", "", cells.map((cell) => element("td", "", cell))))),
  );
}

/** Call `again` whenever the pictures must be drawn anew: other size, other theme, a table unfolded, another scale. */
export function onChangedLooks(again) {
  addEventListener("resize", again);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  $("log").addEventListener("change", again);
  for (const id of ["cost-table", "accuracy-table"]) $(id).closest("details").addEventListener("toggle", again);
}
