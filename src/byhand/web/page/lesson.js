// Teaching: a step of gradient descent on the drawing, its numbers, what it did to the answer, and to other digits.

import { boxed } from "./equation_box.js";
import { BP, cancelledBP1, gradientStep } from "./equations.js";
import { element } from "./html.js";
import { copyNetwork, eachClass, largest, learn, predict, teach } from "./network.js";
import { number } from "./numbers.js";
import { makeBars } from "./output_bars.js";
import { paintPixels, picture } from "./pictures.js";
import { sumTable } from "./sum_table.js";

const SHOWN_DIGITS = 10;

/** The target for a class: 1 in its place, 0 elsewhere; of a single output, the class itself, 0 for no and 1 for yes. */
export function target(outputs, label) {
  if (outputs === 1) return Float64Array.of(label);
  return Float64Array.from({ length: outputs }, (_, j) => (j === label ? 1 : 0));
}

/** Teach `steps` times and tell what happened: outputs and costs before and after, and the numbers of the first step. */
export function giveLesson(network, x, label, eta, steps) {
  const y = target(network.sizes.at(-1), label);
  const old = copyNetwork(network);
  const first = teach(network, x, y, eta);
  for (let step = 1; step < steps; step += 1) teach(network, x, y, eta);
  const after = learn(network, x, y);
  if (!Number.isFinite(after.cost)) {
    network.layers = old.layers;
    throw new Error("This step made the numbers explode: take a smaller learning rate.");
  }
  return { old, first, after, y, eta, steps, label };
}

/** Before and after, side by side. */
export function showComparison(root, lesson, names) {
  const sides = [
    ["Before", lesson.first],
    [lesson.steps === 1 ? "After 1 step" : `After ${lesson.steps} steps`, lesson.after],
  ].map(([title, seen]) => {
    const bars = element("div", "bars");
    const outputs = eachClass(seen.a.at(-1));
    makeBars(bars, names)(outputs, largest(outputs));
    bars.children[lesson.label].classList.add("wanted");
    return element("div", "side", element("h3", "", title), element("p", "cost", `cost C = ${number(seen.cost)}`), bars);
  });
  root.replaceChildren(...sides);
}

/** The four equations with the numbers of the lesson's first step, each for the place where its number is largest. */
export function showEquations(root, network, lesson, names) {
  const { first, old, eta, y } = lesson;
  const last = network.layers.length;
  const bits = { network, first, old, eta, y, last, names };
  const cards = [card("BP1", "The error of the outputs", cancels(network) ? cancelledBP1() : BP[1](), outputErrors(bits))];
  if (last > 1) cards.push(card("BP2", "Blame goes backward", BP[2](), hiddenErrors(bits)));
  cards.push(card("BP3", "What a bias should do", BP[3](), biasStep(bits)));
  cards.push(card("BP4", "What a weight should do", BP[4](), weightStep(bits)));
  root.classList.toggle("three", cards.length === 3);
  root.replaceChildren(...cards);
}

function cancels(network) {
  return network.costName === "cross_entropy";
}

function card(name, title, formula, lines) {
  const below = lines.map((line) => (typeof line === "string" ? element("p", "sum", line) : line));
  return element("article", "card", element("h3", "", title), element("span", "tag", name), boxed(formula), below);
}

function outputErrors({ network, first, y, last, names }) {
  const delta = first.delta[last];
  const largestErrors = [...delta.keys()].sort((p, q) => Math.abs(delta[q]) - Math.abs(delta[p])).slice(0, 4);
  const rows = largestErrors.map((j) => [names[j], number(first.a[last][j], 3), y[j], delta[j]]);
  const table = sumTable(["output", "a", "y", "δ"], rows, [], undefined);
  const why = cancels(network) ? "Cross-entropy cancels σ′: the error is what was said minus what was right." : "";
  return why ? [table, element("p", "small", why)] : [table];
}

function hiddenErrors({ network, first, last }) {
  const l = last - 1;
  const j = strongestAt(first.delta[l]);
  const activation = network.activations[l - 1];
  const slope = activation.slope ? activation.slope(first.z[l][j], first.a[l][j]) : 1;
  const blame = slope ? first.delta[l][j] / slope : 0;
  return [
    element("p", "small", `Most to blame in layer ${l}: neuron ${j + 1}`),
    `δ = ${number(blame)} · ${number(slope)} = ${number(first.delta[l][j])}`,
  ];
}

function biasStep({ first, old, eta, last, names }) {
  const gradient = first.gradient[last - 1].b;
  const j = strongestAt(gradient);
  const b = old.layers[last - 1].b[j];
  return [
    element("p", "small", `The bias of output ${names[j]}, b − η · ∂C/∂b`),
    descent(b, eta, gradient[j]),
  ];
}

function weightStep({ first, old, eta, last, names, network }) {
  const gradient = first.gradient[last - 1].w;
  const i = strongestAt(gradient);
  const n = network.sizes[last - 1];
  const [j, k] = [Math.floor(i / n), i % n];
  const w = old.layers[last - 1].w[i];
  const below = last > 1 ? "neuron" : network.trunk ? "feature" : "pixel";
  return [
    element("p", "small", `From ${below} ${k + 1} to output ${names[j]}, a · δ`),
    `${number(first.a[last - 1][k])} · ${bracketed(first.delta[last][j])} = ${number(gradient[i])}`,
    boxed(gradientStep(), "formula step"),
    descent(w, eta, gradient[i]),
  ];
}

/** A step in numbers, with as many decimals as it takes to see it. */
function descent(value, eta, gradient) {
  const decimals = Math.min(Math.max(Math.ceil(-Math.log10(Math.abs(eta * gradient) || 1)) + 1, 3), 9);
  return `${number(value, decimals)} − ${number(eta)} · ${bracketed(gradient)} = ${number(value - eta * gradient, decimals)}`;
}

function strongestAt(values) {
  let best = 0;
  for (let i = 1; i < values.length; i += 1) if (Math.abs(values[i]) > Math.abs(values[best])) best = i;
  return best;
}

function bracketed(value) {
  return value < 0 ? `(${number(value)})` : number(value);
}

/** How a lesson changed the answers to the test digits that the page carries. `before` are the answers until now. */
export function compareOthers(network, sample, before) {
  const now = predict(network, sample.inputs);
  const right = (answers) => answers.filter((answer, i) => answer === sample.labels[i]).length;
  const changed = now.map((_, i) => i).filter((i) => now[i] !== before[i]);
  return { now, before, changed, rightBefore: right(before), rightNow: right(now), of: now.length };
}

/** That comparison in words and pictures. */
export function showOthers(root, { now, before, changed, rightBefore, rightNow, of }, sample) {
  const counts = element("p", "counts", element("b", "", rightBefore), " → ", element("b", "", rightNow), ` of ${of} test digits right`);
  const items = changed.slice(0, SHOWN_DIGITS).map((i) => {
    const canvas = picture(28, 28, `A ${sample.labels[i]} of the test digits`);
    paintPixels(canvas, sample.images[i]);
    return element("li", now[i] === sample.labels[i] ? "gained" : "lost", canvas, element("span", "", `${before[i]} → ${now[i]}`));
  });
  const more = changed.length - SHOWN_DIGITS;
  const which = changed.length === 1 ? "this one" : `these ${changed.length}`;
  const shown = more > 0 ? ` (${SHOWN_DIGITS} shown)` : "";
  const words = changed.length ? `It now reads ${which} differently${shown}:` : "No other answer changed.";
  root.replaceChildren(element("h3", "", "What else changed?"), counts, element("p", "small", words), element("ul", "gallery", items));
}
