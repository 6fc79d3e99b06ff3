// The confusion matrix: of each class, how many samples are read as which.

import { element } from "./html.js";

const READABLE = 12; // classes whose counts have room for numbers

/** The counts, a row for each true class, as a table: darker the larger their share of the row. Returns the errors, [count, true, read], most first. */
export function showConfusion(table, counts, classes) {
  const key = classes.join("\n");
  if (table.dataset.classes !== key) build(table, classes);
  table.dataset.classes = key;
  const errors = [];
  counts.forEach((row, truth) => {
    const all = row.reduce((a, b) => a + b, 0) || 1;
    row.forEach((count, read) => {
      const cell = table.tBodies[0].rows[truth].cells[read + 1];
      if (classes.length <= READABLE) cell.textContent = count || "";
      cell.style.setProperty("--share", String(Math.sqrt(count / all)));
      if (truth !== read && count) errors.push([count, classes[truth], classes[read]]);
    });
  });
  return errors.sort(([a], [b]) => b - a);
}

/** The most frequent errors in words. */
export function errorsInWords(errors) {
  const pairs = errors.slice(0, 3).map(([count, truth, read]) => `${truth} read as ${read} (${count})`);
  return pairs.length ? `Most often: ${pairs.join("; ")}.` : "No sample is misread.";
}

function build(table, classes) {
  const heading = (name, scope) => element("th", { scope }, name);
  const cells = (truth) => classes.map((_, read) => element("td", read === truth ? "right" : ""));
  table.replaceChildren(
    element("thead", "", element("tr", "", element("td"), classes.map((name) => heading(name, "col")))),
    element("tbody", "", classes.map((name, truth) => element("tr", "", heading(name, "row"), cells(truth)))),
  );
  table.classList.toggle("many", classes.length > READABLE);
}
