// The page of a recorded training: a slider over its frames, which are drawn by replay_views.js.

import { readArray, readFacts } from "./frames.js";
import { stepAt } from "./plots.js";
import { viewsOf } from "./replay_views.js";
import { themeButton } from "./theme.js";

const FRAME = 90; // milliseconds that a frame is shown

const $ = (id) => document.getElementById(id);

async function begin() {
  const facts = readFacts();
  const arrays = {};
  for (const [name, shape] of Object.entries(facts.shapes)) arrays[name] = await readArray(name, shape);
  const views = viewsOf(facts, arrays);
  const slider = $("moment");
  const draw = () => views.forEach((show) => show(Number(slider.value)));
  const { stop } = player(slider, draw);
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
  themeButton($("theme"));
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  new ResizeObserver(draw).observe(document.body);
  $("play").disabled = slider.disabled = false;
  draw();
  document.documentElement.dataset.ready = "yes";
}

/** The button that runs through the frames; at the end it begins again. */
function player(slider, draw) {
  const button = $("play");
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = "Play";
  };
  button.onclick = () => {
    if (timer) {
      stop();
      return;
    }
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

begin().catch((error) => {
  $("problem").textContent = `This page cannot show the training: ${error.message}`;
  $("problem").hidden = false;
});
