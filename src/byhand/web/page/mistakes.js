// What goes wrong on validation data: the table of confusions, and the samples that are misread.

import { element } from "./outputs.js";
import { brief } from "./plots.js";
import { bytes, paintGrey } from "./tiles.js";

const READABLE = 12; // classes whose counts have room for numbers

/** The counts as a table, darker the larger their share of the row. */
export function showConfusion(table, words, counts, classes) {
  const key = classes.join("\n");
  if (table.dataset.classes !== key) build(table, classes);
  table.dataset.classes = key;
  const pairs = [];
  counts.forEach((row, truth) => {
    const all = row.reduce((a, b) => a + b, 0) || 1;
    row.forEach((count, said) => {
      const cell = table.tBodies[0].rows[truth].cells[said + 1];
      if (classes.length <= READABLE) cell.textContent = count || "";
      cell.style.setProperty("--share", String(Math.sqrt(count / all)));
      cell.classList.toggle("dark", count / all > 0.2);
      if (truth !== said && count) pairs.push([count, classes[truth], classes[said]]);
    });
  });
  pairs.sort(([a], [b]) => b - a);
  words.textContent = pairs.length
    ? `Most often: ${pairs.slice(0, 3).map(([count, truth, said]) => `${truth} taken for ${said} (${count})`).join("; ")}.`
    : "No sample is misread.";
}

function build(table, classes) {
  const head = element("tr");
  head.append(element("td"), ...classes.map((name) => heading(name, "col")));
  const body = element("tbody");
  for (const [truth, name] of classes.entries()) {
    const row = element("tr");
    row.append(heading(name, "row"), ...classes.map((_, said) => element("td", said === truth ? "right" : "")));
    body.append(row);
  }
  const top = element("thead");
  top.append(head);
  table.replaceChildren(top, body);
  table.classList.toggle("many", classes.length > READABLE);
}

function heading(name, scope) {
  const cell = element("th", "", name);
  cell.scope = scope;
  return cell;
}

/** Pictures, or numbers, of samples, with what the network says of each. */
export function showSamples(list, samples) {
  list.replaceChildren(...samples.map(entry));
}

/** Images that a diffusion network draws, each with the class that it was asked for. */
export function showDrawn(list, images) {
  list.replaceChildren(
    ...images.map((one, k) => {
      const item = element("li");
      item.append(image(one.image, one, `Drawing ${k}, asked for ${one.label}`), element("span", "", one.label));
      return item;
    }),
  );
}

function entry(sample) {
  const item = element("li");
  if (sample.image) item.append(image(sample.image, sample, `Validation sample ${sample.index}, ${sample.label}`));
  else item.append(element("span", "figures-of", sample.numbers.map(brief).join(", ")));
  if (sample.rebuilt) {
    item.append(image(sample.rebuilt, sample, "What comes back of it"));
    return item;
  }
  const words = element("span");
  words.append(`${sample.label}, says `, element("b", "", sample.answer), ` ${Math.round(100 * sample.output)}\u00a0%`);
  item.append(words);
  return item;
}

function image(text, { rows, columns }, name) {
  const canvas = element("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", name);
  paintGrey(canvas, bytes(text), rows, columns);
  return canvas;
}
