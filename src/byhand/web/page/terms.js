// What a number was made of, as a table of its terms, and the samples that pushed a weight.

import { element } from "./outputs.js";
import { bytes, paintGrey } from "./tiles.js";

/** A number with the digits that tell it from its neighbours. */
export function exact(value, digits = 6) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  const text = size && (size < 1e-4 || size >= 1e7) ? value.toExponential(digits - 2) : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

/** Mathematics that the server has set. */
export function formula(mathml, className = "") {
  const made = element("span", className);
  made.innerHTML = mathml;
  return made;
}

/** The terms, largest first; `follow` is called with the number behind a factor that is chosen; named: say of which array it is. */
export function showTerms(table, made, follow, named) {
  const head = element("tr");
  for (const name of ["", "Term, as a product of", "Value"]) head.append(Object.assign(element("th", "", name), { scope: "col" }));
  const most = Math.max(...made.terms.map((term) => term.share), 1e-12);
  const rows = made.terms.map((term) => {
    const row = element("tr");
    const share = element("td", "share");
    const fill = element("span", term.value < 0 ? "fill below" : "fill");
    fill.style.width = `${(100 * term.share) / most}%`;
    share.append(fill);
    share.title = `${(100 * term.share).toFixed(1)} % of all terms’ sizes`;
    const product = element("td", "product");
    term.factors.forEach((factor, k) => {
      if (k) product.append(element("span", "times", "·"));
      product.append(factorOf(factor, follow, named));
    });
    row.append(share, product, element("td", "amount", exact(term.value)));
    return row;
  });
  if (made.others) {
    const row = element("tr", "rest");
    row.append(element("td"), element("td", "", `and ${made.others.toLocaleString("en")} further terms, added up`), element("td", "amount", exact(made.rest)));
    rows.push(row);
  }
  const thead = element("thead");
  thead.append(head);
  const tbody = element("tbody");
  tbody.append(...rows);
  table.replaceChildren(thead, tbody);
}

/** A button where one can go on asking, else plain. */
function factorOf({ symbol, value, ref }, follow, named) {
  const made = element(ref ? "button" : "span", "factor");
  made.append(formula(symbol), element("span", "is", exact(value)));
  if (ref && named) made.append(element("span", "of", ref.name));
  if (ref) {
    made.type = "button";
    made.title = `${ref.name}${ref.at.length ? ` [${ref.at.join(", ")}]` : ""}: see what it was made of`;
    made.onclick = () => follow(ref);
  }
  return made;
}

/** Samples that pushed, as pictures with their push; `choose` is called with the place in the batch of one that is in it. */
export function showPushers(list, pushes, choose) {
  const items = pushes.map(({ index, label, value, share, image, place }) => {
    const item = element("li");
    const inside = element(place === null ? "span" : "button", "pusher");
    if (place !== null) {
      inside.type = "button";
      inside.onclick = () => choose(place);
      inside.title = "Follow this sample";
    }
    if (image) {
      const canvas = document.createElement("canvas");
      paintGrey(canvas, bytes(image.levels), image.rows, image.columns);
      inside.append(canvas);
    }
    inside.append(element("b", "", label || `sample ${index}`), element("span", "", `no. ${index.toLocaleString("en")}`));
    inside.append(element("span", "amount", `${value > 0 ? "+" : ""}${exact(value, 3)}`), element("span", "", `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`));
    item.append(inside);
    return item;
  });
  list.replaceChildren(...(items.length ? items : [element("li", "small", "none")]));
}
