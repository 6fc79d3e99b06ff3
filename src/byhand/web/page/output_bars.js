// The outputs of the network as bars, one a class, and two sets of them side by side: before and after a lesson.

import { element } from "./html.js";
import { number, percent } from "./numbers.js";

/** Rows with a name, a bar and a value; returns what updates them. Softmax outputs are shares; others just numbers. */
export function makeBars(root, names) {
  const rows = names.map((name) => {
    const track = element("span", "track", element("span", "fill"));
    return element("div", "bar", element("span", "name", name), track, element("span", "value"));
  });
  root.replaceChildren(...rows);
  root.setAttribute("role", "img");
  return (outputs, best) => {
    rows.forEach((row, j) => {
      const value = outputs ? outputs[j] : 0;
      row.children[1].firstChild.style.transform = `scaleX(${Math.min(Math.max(value, 0), 1)})`;
      row.children[2].textContent = outputs ? number(value, 3) : "–";
      row.classList.toggle("best", outputs !== null && j === best);
    });
    root.setAttribute("aria-label", outputs ? `Outputs: ${sentence(outputs, names)}` : "Outputs: nothing drawn yet");
  };
}

/** The strongest three outputs in words. */
export function sentence(outputs, names) {
  const order = [...outputs.keys()].sort((i, j) => outputs[j] - outputs[i]);
  return order.slice(0, 3).map((j) => `${names[j]} ${percent(Math.min(Math.max(outputs[j], 0), 1))}`).join(", ");
}
