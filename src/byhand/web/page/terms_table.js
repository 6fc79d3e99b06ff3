// How a number was computed, as a table of its terms, and the samples that pushed a weight.

import { element, parseFormula, redraw } from "./html.js";
import { image } from "./sample_gallery.js";

/** A number with the digits that tell it from its neighbours. */
export function exact(value, digits = 6) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  const text = size && (size < 1e-4 || size >= 1e7) ? value.toExponential(digits - 2) : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

/** The terms, largest first; `follow` is called with the number behind a factor that is chosen; named: say of which array it is. */
export function showTerms(table, { terms, others, rest }, follow, named) {
  const most = Math.max(...terms.map((term) => term.share), 1e-12);
  const heads = ["", "Term, as a product of", "Value"].map((name) => element("th", { scope: "col" }, name));
  const rows = terms.map((term) => {
    const fill = element("span", term.value < 0 ? "fill below" : "fill");
    fill.style.width = `${(100 * term.share) / most}%`;
    const share = element("td", { class: "share", title: `${(100 * term.share).toFixed(1)} % of all terms’ sizes` }, fill);
    const product = term.factors.flatMap((factor, k) => [k > 0 && element("span", "times", "·"), factorOf(factor, follow, named)]);
    return element("tr", "", share, element("td", "product", product), element("td", "amount", exact(term.value)));
  });
  if (others) {
    const words = `and ${others.toLocaleString("en")} further terms, added up`;
    rows.push(element("tr", "rest", element("td"), element("td", "", words), element("td", "amount", exact(rest))));
  }
  redraw(table, element("thead", "", element("tr", "", heads)), element("tbody", "", rows));
}

/** A button where its own terms can be shown, else plain. */
function factorOf({ symbol, value, ref }, follow, named) {
  const parts = [element("span", "", parseFormula(symbol)), element("span", "is", exact(value))];
  if (!ref) return element("span", "factor", parts);
  const title = `${ref.name}${ref.at.length ? ` [${ref.at.join(", ")}]` : ""}: see how it was computed`;
  return element("button", { class: "factor", type: "button", title, onclick: () => follow(ref) }, parts, named && element("span", "of", ref.name));
}

/** Samples that pushed, as pictures with their push; `choose` is called with the place in the batch of one that is in it. */
export function showPushes(list, pushes, choose) {
  const items = pushes.map(({ index, label, value, share, image: levels, place }) => {
    const parts = [
      levels && image(levels.levels, levels, `Sample ${index}`),
      element("b", "", label || `sample ${index}`),
      element("span", "", `no. ${index.toLocaleString("en")}`),
      element("span", "amount", `${value > 0 ? "+" : ""}${exact(value, 3)}`),
      element("span", "", `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`),
    ];
    const given = { class: "pusher", type: "button", title: "Follow this sample", onclick: () => choose(place) };
    return element("li", "", place === null ? element("span", "pusher", parts) : element("button", given, parts));
  });
  redraw(list, items.length ? items : element("li", "small", "none"));
}
