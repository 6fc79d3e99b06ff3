// The page of a recorded training: a slider over its frames, and everything that is drawn of one.

import { readArray, readFacts } from "./frames.js";
import { confusions, curves, grey, histogram, plane, sheet, short, signed, stepAt } from "./plots.js";
import { themeButton } from "./theme.js";

const FRAME = 90; // milliseconds that a frame is shown

const $ = (name) => document.getElementById(name);
const shown = (name) => ($(name).hidden = false);
const number = (n) => n.toLocaleString("en");

async function begin() {
  const facts = readFacts();
  const arrays = {};
  for (const [name, shape] of Object.entries(facts.shapes)) arrays[name] = await readArray(name, shape);
  const looks = [said, curvesOf, ...Object.keys(LOOKS).filter((name) => arrays[name]).map((name) => LOOKS[name])];
  const draws = looks.map((look) => look(facts, arrays));
  const slider = $("moment");
  const draw = () => draws.forEach((one) => one(Number(slider.value)));
  slider.oninput = () => {
    stop();
    draw();
  };
  for (const canvas of [$("cost"), $("accuracy")]) {
    canvas.onclick = (event) => {
      stop();
      slider.value = nearest(facts.steps, stepAt(event.offsetX, facts.total, canvas.clientWidth));
      draw();
    };
  }
  const { stop } = player(slider, draw);
  themeButton($("theme"));
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  new ResizeObserver(draw).observe(document.body);
  $("play").disabled = slider.disabled = false;
  draw();
  document.documentElement.dataset.ready = "yes";
}

/** The button that runs through the frames; at the end it begins anew. */
function player(slider, draw) {
  const button = $("play");
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = "Play";
  };
  button.onclick = () => {
    if (timer) return stop();
    if (slider.value === slider.max) slider.value = 0;
    button.textContent = "Pause";
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      draw();
      if (slider.value === slider.max) stop();
    }, FRAME);
  };
  return { stop };
}

function nearest(steps, step) {
  return steps.reduce((best, at, k) => (Math.abs(at - step) < Math.abs(steps[best] - step) ? k : best), 0);
}

/** The moment in words, for the eye and for those who hear the slider. */
function said({ steps, total, batches, costs, figures, n }) {
  return (k) => {
    const step = steps[k];
    const epoch = Math.min(Math.ceil(total / batches), Math.floor(step / batches) + 1);
    const cost = costs.length ? costs.reduce((best, one) => (Math.abs(one[0] - step) < Math.abs(best[0] - step) ? one : best))[1] : NaN;
    const about = Number.isFinite(cost) ? `A batch costs about ${short(cost)}.` : "";
    const right = figures.accuracy ? ` ${(100 * figures.accuracy[k]).toFixed(1)} % of ${number(n)} unseen samples are right.` : "";
    const where = step === 0 ? "Before the first step" : step === total ? `After all ${number(total)} steps` : `Before step ${number(step)}`;
    const bold = document.createElement("b");
    bold.textContent = `${where}, epoch ${epoch}.`;
    $("said").replaceChildren(bold, ` ${about}${right}`);
    $("moment").setAttribute("aria-valuetext", `${where}, epoch ${epoch}. ${about}${right}`);
  };
}

function curvesOf({ steps, total, costs, figures, branch }) {
  shown("curves");
  if (branch) parted(branch);
  const valid = steps.map((step, k) => [step, figures.cost[k]]);
  const right = figures.accuracy?.map((accuracy, k) => [steps[k], accuracy]);
  const all = [...costs, ...valid, ...(branch?.costs ?? [])].map(([, cost]) => cost).filter(Number.isFinite);
  const logarithmic = Math.min(...all) > 0 && Math.max(...all) / Math.min(...all) > 4;
  if (right) ["accuracy", "rises"].forEach(shown);
  return (k) => {
    const common = { total, cursor: steps[k] };
    const train = { points: costs, name: "minus" };
    const lines = [train, { points: valid, name: "plus", strong: true }];
    if (branch) lines.push({ points: branch.costs, name: "ink", dashed: true });
    curves($("cost"), { ...common, lines, marks: [{ value: figures.cost[k], name: "plus" }], logarithmic });
    $("cost").setAttribute("aria-label", `Cost over the training; here ${short(figures.cost[k])}`);
    if (!right) return;
    const only = [{ points: right, name: "plus", strong: true }];
    curves($("accuracy"), { ...common, lines: only, marks: [{ value: right[k][1], name: "plus" }], percent: true });
    $("accuracy").setAttribute("aria-label", `Share of right answers; here ${(100 * right[k][1]).toFixed(1)} per cent`);
  };
}

/** The branch in words, under the curves. */
function parted({ start, rate, steps, ends: [branch, run], ended }) {
  shown("branch");
  const known = branch !== null && run !== null;
  const compared = known ? `at its end a batch costs ${short(branch)}, in the run ${short(run)} at the same time` : "it ended at once";
  $("branch-said").textContent =
    `A branch that left before step ${number(start)} with the learning rate ${short(rate)}, for ${number(steps)} steps: ${compared}.` +
    (ended ? ` It ended early: ${ended}` : "");
}

const LOOKS = {
  weights({ largest, kernels }, { weights }) {
    shown("weights-card");
    const [units, height, width] = weights.shape;
    const what = kernels ? `a ${height} × ${width} kernel, slid over the image` : "as many weights as the image has pixels";
    $("weights-said").textContent =
      `Each square is one unit of the first layer: ${what}. Ink on blue speaks for the unit, ink on orange against it, black does not ` +
      `matter to it. The brightest are ${short(largest)} and more. At first it is all noise; what the network learns grows out of it.`;
    return (k) => {
      const wide = $("weights").parentElement.clientWidth;
      sheet($("weights"), weights.frame(k), [units, height, width], Math.min(units, wide > 760 ? 10 : 6), signed);
      $("weights").setAttribute("aria-label", `The weights of ${units} units as pictures`);
    };
  },
  surface(facts, { surface }) {
    shown("surface-card");
    return (k) => {
      plane($("surface"), surface.frame(k), surface.shape[1], facts);
      $("surface").setAttribute("aria-label", `The plane in the colours of ${facts.classes.join(" and ")}`);
    };
  },
  read({ classes, labels, samples }, { read }) {
    shown("read-card");
    const parts = labels.map((label, i) => {
      const canvas = document.createElement("canvas");
      const [, height, width] = samples.shape;
      sheet(canvas, bytes(samples.pixels).subarray(i * height * width), [1, height, width], 1, grey);
      const caption = document.createElement("figcaption");
      const figure = document.createElement("figure");
      canvas.setAttribute("role", "img");
      figure.append(canvas, caption);
      $("read").append(figure);
      return { canvas, caption, label };
    });
    return (k) => {
      const found = read.frame(k);
      parts.forEach(({ canvas, caption, label }, i) => {
        caption.textContent = classes[found[i]];
        canvas.classList.toggle("wrong", found[i] !== label);
        canvas.setAttribute("aria-label", `A ${classes[label]}, read as ${classes[found[i]]}`);
      });
    };
  },
  made({ samples }, { made }) {
    shown("made-card");
    const [n, height, width] = made.shape;
    const above = bytes(samples.pixels).subarray(0, n * height * width);
    return (k) => {
      sheet($("made"), Uint8Array.from([...above, ...made.frame(k)]), [2 * n, height, width], n, grey);
      $("made").setAttribute("aria-label", `${n} images, and what is given back of them`);
    };
  },
  confusion({ classes, figures }, { confusion }) {
    shown("confusion-card");
    return (k) => {
      confusions($("confusion"), confusion.frame(k), classes);
      $("confusion").setAttribute("aria-label", `Confusions; ${(100 * figures.accuracy[k]).toFixed(1)} per cent are on the diagonal`);
    };
  },
  histograms({ tensors }, { histograms }) {
    shown("histograms-card");
    $("histograms").classList.toggle("many", tensors.length > 4);
    const bins = histograms.shape[1];
    const parts = tensors.map(({ name }) => {
      const [part, head, canvas, output] = ["div", "h3", "canvas", "output"].map((kind) => document.createElement(kind));
      head.append(name, output);
      canvas.setAttribute("role", "img");
      part.append(head, canvas);
      $("histograms").append(part);
      return { canvas, output };
    });
    return (k) => {
      parts.forEach(({ canvas, output }, i) => {
        const of = (frame) => histograms.frame(frame).subarray(i * bins, (i + 1) * bins);
        histogram(canvas, of(k), of(0), tensors[i].reach);
        output.textContent = `length ${short(tensors[i].lengths[k])}, at first ${short(tensors[i].lengths[0])}`;
        canvas.setAttribute("aria-label", `Histogram of ${tensors[i].name}`);
      });
    };
  },
};

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

begin().catch((error) => {
  $("problem").textContent = `This page cannot show the training: ${error.message}`;
  shown("problem");
});
