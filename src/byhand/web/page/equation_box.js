// An equation in its box: one that is wider is set smaller, and what still is can be scrolled, by keys too.

import { element } from "./html.js";

const SMALLEST = 0.7; // of its size

const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const [equation] = target.children;
    equation.style.fontSize = "";
    const fits = target.clientWidth / equation.getBoundingClientRect().width;
    if (fits < 1) equation.style.fontSize = `${Math.max(SMALLEST, fits)}em`;
    if (target.scrollWidth > target.clientWidth + 1) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

/** The box of an equation in MathML. */
export function boxed(equation, given = "formula") {
  const box = element("div", given, equation);
  widths.observe(box);
  return box;
}
