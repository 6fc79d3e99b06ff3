// The doctor's panel: an examination as it goes on, and what was found, the finding to mend first at the top.

import { element } from "./outputs.js";
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
const FIELDS = { lr: "learning rate", epochs: "epochs", batch_size: "batch size", hidden: "hidden layers" };
const COLOURS = ["minus", "plus", "ink"];

/** The panel below `root`; `apply` puts settings into the form. */
export class Doctor {
  constructor(root, apply) {
    Object.assign(this, { root, apply, plots: [], known: { state: "none" } });
    this.part = (name) => root.querySelector(`#${name}`);
  }

  /** What the server knows of the examination. */
  show(known) {
    const before = this.known;
    this.known = known;
    const { state, probes = [], report, problem, settings } = known;
    this.root.dataset.state = state;
    this.part("cancel").hidden = state !== "examining";
    if (state === "none" && before.state === "examining") this.say("Cancelled.");
    if (state === "examining") {
      if (!probes.length) this.part("diagnosis").replaceChildren();
      const [name] = probes.at(-1) ?? [];
      this.say(name ? `Looking at ${PROBES[name] ?? name} …` : `Reading the data of ${settings.recipe} …`);
    }
    if (state === "failed") this.say(problem);
    this.part("probes").replaceChildren(...(state === "examining" ? probes.map((one, k) => probe(one, probes[k + 1])) : []));
    if (state === "done" && before.report !== report) this.diagnose(report, settings);
  }

  say(text) {
    this.part("examining").textContent = text;
  }

  diagnose({ findings, checks, seconds, name }, settings) {
    const n = findings.length;
    const of = `${name}, ${settings.optimizer}, learning rate ${brief(settings.lr)}, batches of ${settings.batch_size}, ${settings.epochs} epochs`;
    const many = n === 1 ? "One finding" : `${n} findings; begin with the first, it may be the cause of the others`;
    this.say(`${n ? many : "Healthy: nothing was found, and this was looked at"} (${of}; ${seconds.toFixed(1)} s).`);
    this.plots = [];
    const list = element("ol", "findings");
    list.append(...findings.map((finding) => this.finding(finding, settings)));
    const made = checked(checks, !n);
    this.part("diagnosis").replaceChildren(...(n ? [list] : []), ...(checks.length ? [made] : []));
    this.draw();
  }

  /** What the running training's own curves say, without any probe. */
  signs(findings) {
    const list = this.part("signs");
    const key = JSON.stringify(findings);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(...findings.map(({ title, evidence, fix }) => {
      const item = element("li");
      item.append(element("b", "", `${title[0].toUpperCase()}${title.slice(1)}`), ` – ${evidence}. Change: ${fix}.`);
      return item;
    })); // prettier-ignore
    list.hidden = list.previousElementSibling.hidden = !findings.length;
  }

  finding(finding, settings) {
    const { title, where, confidence, evidence, fix, confirm, curves, setting } = finding;
    const item = element("li", "panel");
    const facts = element("dl");
    for (const [name, text] of [["Where", where], ["How sure", `${Math.round(100 * confidence)} %`], ["Evidence", evidence], ["Change", fix], ["Then", confirm.replace("run `byhand doctor` again", "examine it again")]]) {
      const row = element("div");
      row.append(element("dt", "", name), element("dd", "", text));
      facts.append(row);
    }
    item.append(element("h3", "", `${title[0].toUpperCase()}${title.slice(1)}`), facts);
    const shown = Object.entries(curves).filter(([, values]) => values.length > 2);
    if (shown.length) item.append(this.plot(shown));
    if (setting) {
      const [field, value] = Object.entries(setting)[0];
      const said = `${FIELDS[field]} ${Array.isArray(value) ? value.join(", ") : value}`;
      const button = element("button", "", `Put it into the form: ${said}`);
      button.type = "button";
      button.onclick = () => {
        this.apply({ ...settings, ...setting });
        this.say(`The form has ${said} now. Press Start to train with it, or examine again.`);
      };
      item.append(button);
    }
    return item;
  }

  plot(curves) {
    const canvas = element("canvas");
    canvas.setAttribute("role", "img");
    const words = curves.map(([name, values]) => `${name} from ${brief(values[0])} to ${brief(values.at(-1))}`);
    canvas.setAttribute("aria-label", words.join("; "));
    const series = curves.map(([name, values], k) => ({ name, colour: COLOURS[k % COLOURS.length], points: values.map((y, x) => [x / (values.length - 1), y]) }));
    this.plots.push([canvas, series]);
    const figure = element("figure");
    figure.append(canvas, element("figcaption", "small", `${words.join("; ")}.`));
    return figure;
  }

  /** Draw the plots: anew where their size or the theme has changed. */
  draw() {
    for (const [canvas, series] of this.plots) {
      const high = series.flatMap(({ points }) => points.map(([, y]) => y)).filter((y) => y > 0);
      const log = high.length > 0 && Math.max(...high) / Math.min(...high) > 30;
      drawCurves(canvas, series, { log, low: log || series.some(({ points }) => points.some(([, y]) => y < 0)) ? null : 0, steps: false });
    }
  }
}

function probe([name, began], next) {
  const item = element("li", "", PROBES[name] ?? name);
  if (next) item.append(` – ${(next[1] - began).toFixed(1)} s`);
  return item;
}

/** Everything that was measured and found in order. */
function checked(checks, open) {
  const details = element("details");
  details.open = open;
  const list = element("dl", "checks");
  for (const { name, measured } of checks) {
    const row = element("div");
    row.append(element("dt", "", name), element("dd", "", measured));
    list.append(row);
  }
  details.append(element("summary", "", `What was looked at: ${checks.length} measurements`), list);
  return details;
}
