// A sum as a table: a row for each term with where it comes from, its factors and its value, blue for and orange against; the sums below.

import { element } from "./html.js";
import { number } from "./numbers.js";

/** `heads` name the columns; a row of `terms` or `totals` is [name, ...factors, value]; `decimals` of the values, so that they line up. */
export function sumTable(heads, terms, totals = [], decimals = 3) {
  const row = (given) => ([name, ...cells]) => {
    const value = cells.pop();
    return element("tr", given,
      element("th", { scope: "row" }, name), cells.map((cell) => element("td", "", cell)),
      element("td", value < 0 ? "minus" : "plus", number(value, decimals)),
    ); // prettier-ignore
  };
  return element("table", "terms",
    element("thead", "", element("tr", "", heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", "", terms.map(row("")), totals.map(row("total"))),
  ); // prettier-ignore
}
