// Everything that is drawn of a frame of a recorded training. Each view is made once and returns what shows its frame k.

import { bytesOf } from "./assets.js";
import { errorsInWords, showConfusion } from "./confusion_matrix.js";
import { drawRegions } from "./decision_regions.js";
import { element, redraw } from "./html.js";
import { grey, paintSheet, picture, signedInTheDark } from "./pictures.js";
import { brief, drawCurves, drawHistogram } from "./plots.js";

const $ = (id) => document.getElementById(id);
const unhide = (name) => ($(name).hidden = false);
const count = (n) => n.toLocaleString("en");

/** The views of all that this recording has. */
export function viewsOf(facts, arrays) {
  const present = Object.keys(VIEWS).filter((name) => arrays[name]);
  return [words, curves, ...present.map((name) => VIEWS[name])].map((view) => view(facts, arrays));
}

/** The moment in words, for the eye and for those who hear the slider. */
function words({ steps, total, batches, costs, figures, n }) {
  return (k) => {
    const step = steps[k];
    const epoch = Math.min(Math.ceil(total / batches), Math.floor(step / batches) + 1);
    const cost = costs.length ? costs.reduce((best, one) => (Math.abs(one[0] - step) < Math.abs(best[0] - step) ? one : best))[1] : NaN;
    const about = Number.isFinite(cost) ? `A batch costs about ${brief(cost)}.` : "";
    const right = figures.accuracy ? ` ${(100 * figures.accuracy[k]).toFixed(1)} % of ${count(n)} unseen samples are right.` : "";
    const where = step === 0 ? "Before the first step" : step === total ? `After all ${count(total)} steps` : `Before step ${count(step)}`;
    redraw($("said"), element("b", "", `${where}, epoch ${epoch}.`), ` ${about}${right}`);
    $("moment").setAttribute("aria-valuetext", `${where}, epoch ${epoch}. ${about}${right}`);
  };
}

function curves({ steps, total, costs, figures, branch }) {
  unhide("curves");
  if (branch) describeBranch(branch);
  const held = { name: "unseen samples", colour: "plus", width: 2.4, marked: true, points: steps.map((step, k) => [step, figures.cost[k]]) };
  const lines = [{ name: "training batches", colour: "minus", width: 1.4, points: costs }, held];
  if (branch) lines.push({ name: "another rate", colour: "ink", width: 1.4, points: branch.costs, dashed: true });
  const right = figures.accuracy && { ...held, points: figures.accuracy.map((accuracy, k) => [steps[k], 100 * accuracy]) };
  if (right) ["accuracy", "rises"].forEach(unhide);
  const all = lines.flatMap(({ points }) => points.map(([, cost]) => cost)).filter(Number.isFinite);
  const log = Math.min(...all) > 0 && Math.max(...all) / Math.min(...all) > 4;
  return (k) => {
    const common = { total, stretched: true, cursor: steps[k], key: null };
    drawCurves($("cost"), lines, { ...common, log });
    $("cost").setAttribute("aria-label", `Cost over the training; here ${brief(figures.cost[k])}`);
    if (!right) return;
    drawCurves($("accuracy"), [right], { ...common, low: 0, high: 100, unit: " %" });
    $("accuracy").setAttribute("aria-label", `Share of right answers; here ${right.points[k][1].toFixed(1)} per cent`);
  };
}

/** The branch in words, under the curves. */
function describeBranch({ start, rate, steps, ends: [branch, run], ended }) {
  unhide("branch");
  const known = branch !== null && run !== null;
  const compared = known ? `at its end a batch costs ${brief(branch)}, in the run ${brief(run)} at the same time` : "it ended at once";
  $("branch-said").textContent =
    `A branch that left before step ${count(start)} with the learning rate ${brief(rate)}, for ${count(steps)} steps: ${compared}.` +
    (ended ? ` It ended early: ${ended}` : "");
}

// By the name of the array that each shows.
const VIEWS = {
  weights({ largest, kernels }, { weights }) {
    unhide("weights-card");
    const [units, height, width] = weights.shape;
    const what = kernels ? `a ${height} × ${width} kernel, slid over the image` : "as many weights as the image has pixels";
    $("weights-said").textContent =
      `Each square is one unit of the first layer: ${what}. Ink on blue speaks for the unit, ink on orange against it, black does not ` +
      `matter to it. The brightest are ${brief(largest)} and more. At first it is all noise; what the network learns grows out of it.`;
    return (k) => {
      const wide = $("weights").parentElement.clientWidth;
      paintSheet($("weights"), weights.frame(k), [units, height, width], Math.min(units, wide > 760 ? 10 : 6), (byte) => signedInTheDark(Math.max(byte - 128, -127)));
      $("weights").setAttribute("aria-label", `The weights of ${units} units as pictures`);
    };
  },
  surface({ plane: [left, right, bottom, top], points, labels, classes }, { surface }) {
    unhide("surface-card");
    const [, side] = surface.shape;
    const labelled = points.map(([x, y], i) => [x, y, labels[i]]);
    return (k) => {
      const numbers = surface.frame(k);
      const [winners, leads] = [numbers.subarray(0, side * side), numbers.subarray(side * side)];
      drawRegions($("surface"), { side, low: [left, bottom], high: [right, top], winners, leads }, labelled);
      $("surface").setAttribute("aria-label", `The plane in the colours of ${classes.join(" and ")}`);
    };
  },
  read({ classes, labels, samples }, { read }) {
    unhide("read-card");
    const [, height, width] = samples.shape;
    const pixels = bytesOf(samples.pixels);
    const parts = labels.map((label, i) => {
      const canvas = picture(width, height, "");
      paintSheet(canvas, pixels.subarray(i * height * width), [1, height, width], 1, grey);
      return { canvas, caption: element("figcaption"), label };
    });
    $("read").append(...parts.map(({ canvas, caption }) => element("figure", "", canvas, caption)));
    return (k) => {
      const answers = read.frame(k);
      parts.forEach(({ canvas, caption, label }, i) => {
        caption.textContent = classes[answers[i]];
        canvas.classList.toggle("wrong", answers[i] !== label);
        canvas.setAttribute("aria-label", `A ${classes[label]}, read as ${classes[answers[i]]}`);
      });
    };
  },
  made({ samples }, { made }) {
    unhide("made-card");
    const [n, height, width] = made.shape;
    const above = bytesOf(samples.pixels).subarray(0, n * height * width);
    return (k) => {
      paintSheet($("made"), Uint8Array.from([...above, ...made.frame(k)]), [2 * n, height, width], n, grey);
      $("made").setAttribute("aria-label", `${n} images, and what is given back of them`);
    };
  },
  confusion({ classes }, { confusion }) {
    unhide("confusion-card");
    const n = classes.length;
    return (k) => {
      const counts = confusion.frame(k);
      const rows = classes.map((_, truth) => [...counts.subarray(truth * n, (truth + 1) * n)]);
      $("confused").textContent = errorsInWords(showConfusion($("confusion"), rows, classes));
    };
  },
  histograms({ tensors }, { histograms }) {
    unhide("histograms-card");
    $("histograms").classList.toggle("many", tensors.length > 4);
    const [, bins] = histograms.shape;
    const parts = tensors.map(({ name }) => ({ name, canvas: element("canvas", { role: "img", "aria-label": `Histogram of ${name}` }), length: element("output") }));
    $("histograms").append(...parts.map(({ name, canvas, length }) => element("div", "", element("h3", "", name, length), canvas)));
    return (k) => {
      parts.forEach(({ canvas, length }, i) => {
        const { reach, lengths } = tensors[i];
        const of = (frame) => histograms.frame(frame).subarray(i * bins, (i + 1) * bins);
        drawHistogram(canvas, { counts: of(k), low: -reach, high: reach }, "plus", { most: 255, root: true, before: of(0), ends: true });
        length.textContent = `length ${brief(lengths[k])}, at first ${brief(lengths[0])}`;
      });
    };
  },
};
