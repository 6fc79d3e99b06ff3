// What is written of an operation: its equations, and the source that computes it with its line numbers.

import { boxed } from "./equation_box.js";
import { element, parseFormula, parseSource, redraw } from "./html.js";

const $ = (id) => document.getElementById(id);

/** Show the texts of an operation as the server tells it. */
export function showTexts({ title, equations, shapes, reference, note, source }) {
  $("bench-title").textContent = title;
  redraw($("equations"), equations.map((equation) => boxed(parseFormula(equation))));
  $("shapes").textContent = shapes.replace("->", "→");
  $("reference").textContent = [reference, note].filter(Boolean).join(". ");
  redraw($("source"), source.map(({ place, lines }) => [element("p", "where", place), listing(place, lines)]).flat());
}

/** Lines [number, source]; where some are left out between two, dots stand there. */
function listing(place, lines) {
  const rows = lines.flatMap(([number, text], k) => [
    k > 0 && number !== lines[k - 1][0] + 1 && element("span", "line skipped", "⋮"),
    element("span", "line", element("span", "at", number), element("code", "", parseSource(text))),
  ]);
  return element("pre", { tabindex: 0, role: "region", "aria-label": `Source, ${place}` }, rows);
}
