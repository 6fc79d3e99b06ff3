// Samples of a training as pictures, or numbers, with what the network makes of each.

import { bytesOf } from "./assets.js";
import { element } from "./html.js";
import { grey, paint, picture } from "./pictures.js";
import { brief } from "./plots.js";

/** Show them in a list, which is built anew only where they are others than before. */
function fill(list, samples, itemOf) {
  const key = JSON.stringify(samples);
  if (list.dataset.shown === key) return;
  list.dataset.shown = key;
  list.replaceChildren(...samples.map(itemOf));
}

/** Validation samples that are misread, or that went through a code and back. */
export function showSamples(list, samples) {
  fill(list, samples, (sample) => {
    const given = sample.image
      ? image(sample.image, sample, `Validation sample ${sample.index}, ${sample.label}`)
      : element("span", "figures-of", sample.cells?.join(", ") ?? sample.numbers.map(brief).join(", "));
    if (sample.rebuilt) return element("li", "", given, image(sample.rebuilt, sample, "What comes back of it"));
    const share = ` ${Math.round(100 * sample.output)}\u00a0%`;
    return element("li", "", given, element("span", "", `${sample.label}, read as `, element("b", "", sample.answer), share));
  });
}

/** Images that a diffusion network draws, each with the class that it was asked for. */
export function showDrawn(list, images) {
  fill(list, images, (one, k) => element("li", "", image(one.image, one, `Drawing ${k}, asked for ${one.label}`), element("span", "", one.label)));
}

/** Forget what was shown. */
export function emptyGallery(list) {
  list.replaceChildren();
  delete list.dataset.shown;
}

/** A canvas with an image of grey levels, bytes in base 64. */
export function image(levels, { rows, columns }, label) {
  return paint(picture(columns, rows, label), bytesOf(levels), [rows, columns], grey);
}
