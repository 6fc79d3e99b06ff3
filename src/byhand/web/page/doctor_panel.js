// The doctor's panel: an examination as it goes on, and what was found, the finding to mend first at the top.

import { element, redraw } from "./html.js";
import { brief, drawCurves } from "./plots.js";

const PROBES = {
  data: "the data: ranges, labels, copies between training and test",
  batches: "the batches: what the network is really fed",
  gradient: "the gradient, against central differences in double precision",
  units: "the units: first weights, copies, dead and saturated ones",
  outputs: "the outputs: their range, and whether evaluation is what was trained",
  codes: "the code: what of it is used",
  diffusion: "the noise: its schedule, times and labels",
  training: "the training itself, on trial: and what other settings would make of it",
};
const COLOURS = ["minus", "plus", "ink"];

/** The panel below `root`; `apply` puts settings into the form, `nameOf` tells a setting's name in words. */
export class DoctorPanel {
  constructor(root, { apply, nameOf }) {
    Object.assign(this, { root, apply, nameOf, plots: [], known: { state: "none" }, shown: "" });
    this.part = (name) => root.querySelector(`#${name}`);
  }

  /** What the server knows of the examination. What is shown already stays as it is: focus and unfolded parts with it. */
  show(known) {
    const before = this.known;
    this.known = known;
    const { state, probes = [], report, problem, settings } = known;
    this.root.dataset.state = state;
    this.showCancel(state === "examining");
    if (state === "none" && before.state === "examining") this.say("Cancelled.");
    if (state === "examining") {
      if (!probes.length) this.empty();
      const [name] = probes.at(-1) ?? [];
      this.say(name ? `Looking at ${PROBES[name] ?? name} …` : `Reading the data of ${settings.recipe} …`);
    }
    if (state === "failed") this.say(problem);
    redraw(this.part("probes"), state === "examining" && probes.map((one, k) => probe(one, probes[k + 1])));
    if (state === "done") this.diagnose(report, settings);
  }

  /** Cancel is there while there is something to cancel; who has pressed it goes on at the button that begins the next one. */
  showCancel(yes) {
    const focused = document.activeElement === this.part("cancel");
    this.part("cancel").hidden = !yes;
    if (focused && !yes) this.part("examine").focus();
  }

  say(text) {
    if (this.part("examining").textContent !== text) this.part("examining").textContent = text;
  }

  empty() {
    this.shown = "";
    this.plots = [];
    redraw(this.part("diagnosis"));
  }

  diagnose(report, settings) {
    const key = JSON.stringify([report, settings]);
    if (key === this.shown) return;
    this.shown = key;
    const { findings, checks, seconds, name } = report;
    const n = findings.length;
    const of = `${name}, ${settings.optimizer}, learning rate ${brief(settings.lr)}, batches of ${settings.batch_size}, ${settings.epochs} epochs`;
    const many = n === 1 ? "One finding" : `${n} findings; begin with the first, it may be the cause of the others`;
    this.say(`${n ? many : "Healthy: nothing was found, and this was looked at"} (${of}; ${seconds.toFixed(1)} s).`);
    this.plots = [];
    const list = n > 0 && element("ol", "findings", findings.map((finding) => this.finding(finding, settings)));
    redraw(this.part("diagnosis"), list, checks.length > 0 && checked(checks, !n));
    this.draw();
  }

  /** What the running training's own curves say, without any probe. */
  signs(findings) {
    const list = this.part("signs");
    const key = JSON.stringify(findings);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    redraw(list, findings.map(({ title, evidence, fix }) => element("li", "", element("b", "", capital(title)), ` – ${evidence}. Change: ${fix}.`)));
    list.hidden = list.previousElementSibling.hidden = !findings.length;
  }

  finding(finding, settings) {
    const { title, where, confidence, evidence, fix, confirm, curves, setting } = finding;
    const then = confirm.replace("run `byhand doctor` again", "examine it again");
    const facts = described([["Where", where], ["How sure", `${Math.round(100 * confidence)} %`], ["Evidence", evidence], ["Change", fix], ["Then", then]]);
    const shown = Object.entries(curves).filter(([, values]) => values.length > 2);
    return element("li", "panel", element("h3", "", capital(title)), facts, shown.length > 0 && this.plot(shown), setting && this.remedy(setting, settings));
  }

  /** A button that puts the change into the form. */
  remedy(setting, settings) {
    const [field, value] = Object.entries(setting)[0];
    const said = `${this.nameOf(field)} ${Array.isArray(value) ? value.join(", ") : value}`;
    const onclick = () => {
      this.apply({ ...settings, ...setting });
      this.say(`The form has ${said} now. Press Start to train with it, or examine again.`);
    };
    return element("button", { type: "button", onclick }, `Put it into the form: ${said}`);
  }

  plot(curves) {
    const words = curves.map(([name, values]) => `${name} from ${brief(values[0])} to ${brief(values.at(-1))}`).join("; ");
    const canvas = element("canvas", { role: "img", "aria-label": words });
    const series = curves.map(([name, values], k) => ({ name, colour: COLOURS[k % COLOURS.length], points: values.map((y, x) => [x / (values.length - 1), y]) }));
    this.plots.push([canvas, series]);
    return element("figure", "", canvas, element("figcaption", "small", `${words}.`));
  }

  /** Draw the plots: anew where their size or the theme has changed. */
  draw() {
    for (const [canvas, series] of this.plots) {
      const ys = series.flatMap(({ points }) => points.map(([, y]) => y));
      const above = ys.filter((y) => y > 0);
      const log = above.length > 0 && Math.max(...above) / Math.min(...above) > 30;
      drawCurves(canvas, series, { log, low: log || ys.some((y) => y < 0) ? null : 0, steps: false });
    }
  }
}

const capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;

function probe([name, began], next) {
  return element("li", "", PROBES[name] ?? name, next && ` – ${(next[1] - began).toFixed(1)} s`);
}

/** Pairs of a name and what is said of it. */
function described(pairs, given = "") {
  return element("dl", given, pairs.map(([name, text]) => element("div", "", element("dt", "", name), element("dd", "", text))));
}

/** Everything that was measured and found in order. */
function checked(checks, open) {
  const summary = element("summary", "", `What was looked at: ${checks.length} measurements`);
  return element("details", { open }, summary, described(checks.map(({ name, measured }) => [name, measured]), "checks"));
}
