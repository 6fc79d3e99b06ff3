// Several labels at once: how well each is told, beside always the more frequent answer.

import { element } from "./html.js";

/** Rows of words, the first of them the header. */
export function showLabels(table, [header, ...rows]) {
  table.replaceChildren(
    element("thead", "", element("tr", "", header.map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", "", rows.map(([name, ...cells]) => element("tr", "", element("th", { scope: "row" }, name), cells.map((cell) => element("td", "", cell))))),
  );
}
