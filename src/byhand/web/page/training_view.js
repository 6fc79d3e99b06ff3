// What the Train page shows of a training: the figures, the curves, and the pictures of its kind of network.

import { bytesOf } from "./assets.js";
import { errorsInWords, showConfusion } from "./confusion_matrix.js";
import { drawRegions, drawSamples, showKey } from "./decision_regions.js";
import { showLabels } from "./label_table.js";
import { showLayers } from "./layer_table.js";
import { brief } from "./plots.js";
import { drawPredicted } from "./predicted_plot.js";
import { emptyGallery, showDrawn, showSamples } from "./sample_gallery.js";
import { showTrainingCurves } from "./training_curves.js";

const $ = (id) => document.getElementById(id);
const count = (n) => n.toLocaleString("en");

// What a kind of network does, and the words that stand beside its pictures.
const DOES = { feedforward: "classifies", cnn: "classifies", diffusion: "draws", gan: "draws" };
const PICTURES = {
  classifies: ["Surest mistakes", "Validation samples that are misread, the surest mistake first, with what it says instead and how strongly that output answers, in per cent. Late in a good training they should be ones that you would misread too."],
  codes: ["Through the code and back", "Validation images, and beside each what the decoder makes of its code. They should come to look alike."],
}; // prettier-ignore
const PLANES = {
  classifies: ["Decisions in the plane", "Each place has the colour of the class that wins there, the stronger the surer; dots are training samples. The border should come to run between the colours, and bend no more than the data do."],
  draws: ["What it draws", "Bright: points that the network draws out of noise, of each class in turn. Faint: training samples. The bright ones should come to lie among the faint ones, and cover them."],
  gan: ["The game", "Bright points: what the generator makes out of noise. Faint points: training samples. The lighter the ground, the more real a point there looks to the discriminator. The bright points run after the light; at the end the ground should be about as light everywhere that points lie."],
}; // prettier-ignore
const PLACES = { feedforward: "Weight, for example 2:5,3", cnn: "Output, for example 0:0,13,14,5", diffusion: "Number of the sample, for example 14,9,0", gan: "Number of the sample, for example 14,9,0" };
const CODE_PLACE = "Number of the code and pixel, for example 3,406";

/** A training has begun: put the page's sections and words in order for its kind of network. */
export function showBeginning(begun) {
  const { model } = begun.settings;
  const does = DOES[model] ?? "codes";
  const labels = begun.task === "labels";
  const classifies = does === "classifies" && !labels && begun.task !== "numbers";
  $("live").hidden = false;
  $("note").textContent = `${begun.network}, ${begun.optimizer.replace(/\(.*/, "")}: ${count(begun.samples)} samples, ${count(begun.batches)} batches per epoch${begun.augmented ? ", augmented" : ""}; validated on ${count(begun.validated_on)} that it does not train on. The learning rate may be changed while it runs; everything else counts from the next start.`;
  $("accuracy-panel").hidden = !(classifies || labels) || !begun.validated_on;
  $("confusion-panel").hidden = !classifies || !begun.validated_on;
  $("mistakes").hidden = does === "draws" || !begun.validated_on || (does === "classifies" && !classifies);
  $("predicted-panel").hidden = begun.task !== "numbers" || !begun.validated_on;
  $("labels-panel").hidden = !labels || !begun.validated_on;
  $("told").textContent = begun.told;
  $("told").hidden = !begun.told;
  $("drawn-panel").hidden = does !== "draws" || Boolean(begun.points);
  $("augmented").hidden = !begun.augmented;
  $("guessing").hidden = labels;
  $("chance").textContent = `${Math.round(100 / begun.classes.length)} %`;
  $("validation-name").textContent = classifies || labels ? "Accuracy on validation data" : "Cost on validation data";
  [$("pictures-title").textContent, $("pictures-about").textContent] = PICTURES[does] ?? ["", ""];
  [$("plane-title").textContent, $("plane-about").textContent] = PLANES[model] ?? PLANES[does] ?? ["", ""];
  $("plane-panel").hidden = !begun.points;
  if (begun.points) showKey($("plane-key"), begun.classes);
  $("place-name").textContent = PLACES[model] ?? CODE_PLACE;
  for (const id of ["misread", "drawn"]) emptyGallery($(id));
  $("misread").classList.remove("pairs");
}

/** Draw the training as it is now; `fresh` is what is new in its moment. */
export function showTraining(begun, { moment, costs, validated }, fresh, weightImages) {
  const step = moment.step ?? 0;
  $("at-step").textContent = `${count(step)} of ${count(begun.total)}`;
  $("at-epoch").textContent = `${Math.min(Math.floor(step / begun.batches) + 1, begun.epochs)} of ${begun.epochs}`;
  $("progress").value = step / begun.total;
  $("at-rate").textContent = brief(moment.rate);
  $("at-speed").textContent = moment.pace ? "–" : brief(moment.speed);
  $("at-cost").textContent = brief(costs.at(-1)?.[1]);
  const [, cost, accuracy] = validated.at(-1) ?? [];
  $("at-accuracy").textContent = typeof accuracy === "number" ? `${(100 * accuracy).toFixed(1)} %` : brief(cost);
  showTrainingCurves(costs, validated);
  if (fresh.layers) showLayers($("layers"), fresh.layers);
  $("weights-section").hidden = !moment.weights;
  if (fresh.weights) weightImages.show(fresh.weights);
  if (fresh.plane && begun.points) drawRegions($("plane"), unpacked(fresh.plane), begun.points);
  if (fresh.validation?.predicted) drawPredicted($("predicted"), fresh.validation.predicted, $("predicted-name"), $("predicted-worth"));
  if (fresh.validation?.labels) showLabels($("labels"), fresh.validation.labels);
  if (fresh.validation && !$("mistakes").hidden) showValidation(fresh.validation, begun.classes);
  if (fresh.drawn?.points && begun.points) drawSamples($("plane"), begun.ends, begun.points, fresh.drawn.points, fieldOf(fresh.drawn));
  if (fresh.drawn?.images) showDrawn($("drawn"), fresh.drawn.images);
}

const fieldOf = ({ field }) => field && { ...field, real: bytesOf(field.real) };

const unpacked = ({ winner, lead, ...plane }) => ({ ...plane, winners: bytesOf(winner), leads: bytesOf(lead) });

function showValidation({ confusion, misread, rebuilt, wrong, n }, classes) {
  if (confusion) $("confused").textContent = errorsInWords(showConfusion($("confusion"), confusion, classes));
  showSamples($("misread"), misread ?? rebuilt ?? []);
  $("misread").classList.toggle("pairs", Boolean(rebuilt));
  if (misread) $("pictures-title").textContent = `Surest mistakes, of ${wrong} in ${count(n)}`;
}
