// The operations of a step as cards, each with a small picture of what it computes, in the order in which they run.

import { bytesOf } from "./assets.js";
import { element, redraw } from "./html.js";
import { address } from "./microscope_address.js";
import { paint, signed } from "./pictures.js";

const MOST = 100; // operations; of more, the whole step shows a card for each layer

export const STAGES = [["forward", "Forward"], ["cost", "Cost"], ["backward", "Backward"], ["update", "Update"]];

/** Fill `root` with the operations of the whole step, or of one `layer`; the links follow `sample`. */
export function showCards(root, operations, layer, sample) {
  const sections = STAGES.map(([stage, title]) => {
    const inside = operations.map((one, k) => ({ ...one, k })).filter((one) => one.stage === stage && (!layer || one.group === layer));
    if (!inside.length) return null;
    const cards = layer || operations.length <= MOST ? inside.map((one) => operationCard(one, layer, sample)) : layerCards(inside, sample);
    return element("section", "stage-part", element("h3", "", title), element("ol", "cards", cards));
  });
  redraw(root, sections);
}

/** The card of one operation; within its layer the layer is not named again. */
function operationCard({ k, title, short, about, shape, thumb, group }, layer, sample) {
  const within = layer && (short.startsWith(`${group}.`) || short.startsWith(`${group}/`));
  const name = within ? short.slice(group.length + 1) : short;
  return card({ k, sample }, title, thumb, name, about === name ? "" : about, shape.join(" × ") || "one number");
}

/** Of a large network a card for each layer: the last of its operations, and how many there are. */
function layerCards(operations, sample) {
  return [...Map.groupBy(operations, ({ group }) => group)].map(([group, inside]) => {
    const { thumb, shape } = inside.at(-1);
    const many = inside.length === 1 ? "1 operation" : `${inside.length} operations`;
    return card({ group, sample }, group, thumb, group, many, shape.join(" × ") || "one number");
  });
}

function card(where, title, { levels, rows, columns }, name, about, shape) {
  const small = paint(element("canvas", rows * 3 < columns ? "flat" : ""), new Int8Array(bytesOf(levels).buffer), [rows, columns], signed);
  const parts = name.replaceAll("_", " ").split(/(?<=\.)/).flatMap((part) => [part, element("wbr")]); // it may break behind a point
  const link = element("a", { class: "one", href: address(where), title }, small, element("b", "", parts), element("span", "", about), element("span", "", shape));
  return element("li", "", link);
}
