// The lessons of the Draw page: what the drawing should have been, steps of gradient descent on it, their undoing, and the taught network.

import { download } from "./download.js";
import { element, enable, redraw } from "./html.js";
import { compareOthers, giveLesson, showComparison, showEquations, showOthers } from "./lesson.js";
import { featuresOf, predict } from "./network.js";
import { number } from "./numbers.js";
import { inputOf } from "./sample.js";
import { writeModel } from "./safetensors.js";

const SLICE = 4; // images that a convolutional network reads at a time
const $ = (id) => document.getElementById(id);

/**
 * The form. `drawn()` gives all z and a of the drawing, or null; `changed(announced)` is called after each change of the network, and may
 * announce the answer; `say(text)` tells what was done, `attempt(action)` does what may fail.
 */
export class LessonForm {
  constructor({ drawn, changed, say, attempt }) {
    Object.assign(this, { drawn, changed, say, attempt, sample: null, lessons: [] });
    $("rate").oninput = () => this.showRate();
    $("lesson").onsubmit = (event) => {
      event.preventDefault();
      this.teach();
    };
    $("unteach").onclick = () => this.undo();
    $("save").onclick = () => this.save();
  }

  /** Teach this network from now on. `names` are those of the classes, `units` of the outputs. */
  use(model, network, names, units) {
    Object.assign(this, { model, network, names, units, lessons: [], answers: null, features: null });
    const choice = (name, j) => {
      const input = element("input", { type: "radio", name: "label", value: j, onchange: () => this.show() });
      return element("label", "choice", input, element("span", "", name));
    };
    redraw($("choices"), names.map(choice));
    $("rate").value = network.trunk ? -1 : network.costName === "cross_entropy" ? -2 : 0;
    this.showRate();
    this.forget();
  }

  /** The digits of the page, by which it is measured what else a lesson changed. */
  compareWith(sample) {
    this.sample = sample;
  }

  /** Whether it can be taught now, and what is missing. */
  show() {
    enable($("teach"), this.drawn() && this.label() !== null);
    $("lesson-note").textContent = this.note();
  }

  label() {
    const input = document.querySelector('input[name="label"]:checked');
    return input ? Number(input.value) : null;
  }

  learningRate() {
    return Number((10 ** Number($("rate").value)).toPrecision(2));
  }

  showRate() {
    $("rate-value").textContent = number(this.learningRate());
    $("rate").setAttribute("aria-valuetext", String(this.learningRate()));
  }

  note() {
    if (!this.drawn()) return "Draw something first.";
    if (this.label() === null) return "Choose what it should have been.";
    const count = this.lessons.length;
    const only = this.network.trunk ? "Its convolutions stay as they are: the step changes the layers behind them. " : "";
    if (!count) return only;
    return `${only}${count} lesson${count === 1 ? "" : "s"} so far. Saved networks are .safetensors files for byhand eval.`;
  }

  teach() {
    const trace = this.drawn();
    if (!trace || this.label() === null) return;
    this.attempt(() => {
      const lesson = giveLesson(this.network, trace.a[0], this.label(), this.learningRate(), Number($("steps").value));
      this.lessons.push({ lesson, layers: lesson.old.layers, answers: this.answers });
      $("outcome").hidden = $("equations").hidden = false;
      enable($("unteach"), true);
      showComparison($("compare"), lesson, this.names);
      showEquations($("equations"), this.network, lesson, this.units);
      this.changed(false); // or the answer would talk over what the lesson came to
      this.say(costs(lesson));
      setTimeout(() => this.showWhatElse(lesson));
    });
  }

  /** After the page has shown the lesson itself: half a thousand digits take a moment. */
  async showWhatElse(lesson) {
    const { network, sample } = this;
    const fits = sample && this.names.join() === "0,1,2,3,4,5,6,7,8,9";
    $("others").hidden = !fits;
    if (!fits) return;
    this.features ??= featuresOfAll(network, sample.images.map((pixels) => inputOf(pixels, this.model.preprocessing)));
    const inputs = await this.features;
    if (this.network !== network || this.lessons.at(-1)?.lesson !== lesson) return; // something else is shown by now
    this.answers ??= predict(lesson.old, inputs);
    const compared = compareOthers(network, { ...sample, inputs }, this.answers);
    this.answers = compared.now;
    showOthers($("others"), compared, sample);
    this.say(`${costs(lesson)} ${compared.rightBefore} of ${compared.of} test digits right before, ${compared.rightNow} after.`);
  }

  undo() {
    const { layers, answers } = this.lessons.pop();
    this.network.layers = layers;
    this.answers = answers;
    this.forget();
    this.changed(true);
    this.say("Lesson undone.");
  }

  /** No lesson is shown any more. */
  forget() {
    $("outcome").hidden = $("equations").hidden = true;
    enable($("unteach"), this.lessons.length > 0);
  }

  save() {
    const { metadata } = this.model;
    // What was measured before the lessons is no longer true of it; `byhand eval` measures anew.
    const told = this.lessons.length ? { ...metadata, metrics: "{}" } : metadata;
    download(writeModel(this.network, { ...this.model, metadata: told }), "taught.safetensors", "application/octet-stream");
    this.say("Saved as taught.safetensors.");
  }
}

function costs({ first, after }) {
  return `Taught. Cost ${number(first.cost)} before, ${number(after.cost)} after.`;
}

/** What the layers get of each input, read in slices, so that the page stays alive. */
async function featuresOfAll(network, inputs) {
  const found = [];
  for (const x of inputs) {
    found.push(featuresOf(network, x));
    if (network.trunk && found.length % SLICE === 0) await new Promise((done) => setTimeout(done));
  }
  return found;
}
