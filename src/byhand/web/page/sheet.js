// Several characters on one picture: each cut out, with its answer, line by line. One of them is looked at in the rest of the page.

import { element, redraw } from "./html.js";
import { percent } from "./numbers.js";
import { paintPixels, picture } from "./pictures.js";

/** Show lines of characters, { pixels, name, output, doubt }; `pick(k)` is called with the place of one that is clicked. */
export function showSheet(root, lines, shown, pick) {
  const count = lines.flat().length;
  root.hidden = count < 2;
  if (root.hidden) return root.replaceChildren();
  let k = 0;
  const rows = lines.map((line) => element("div", "line", line.map((one) => tile(one, k, k++ === shown, pick))));
  return redraw(root, [element("p", "small", `${count} characters, each cut out and read. Choose one to look inside.`), ...rows]);
}

function tile({ pixels, name, output, doubt }, k, chosen, pick) {
  const canvas = picture(28, 28, "");
  paintPixels(canvas, pixels);
  const sure = percent(Math.min(Math.max(output, 0), 1));
  const label = `Character ${k + 1}: ${name}, ${doubt ? `unsure: ${doubt}` : sure}`;
  const given = { type: "button", class: "character", "aria-pressed": String(chosen), "aria-label": label, title: label, onclick: () => pick(k) };
  return element("button", given, canvas, element("b", "", name), element("span", "", doubt ? "unsure" : sure));
}
