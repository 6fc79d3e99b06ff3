// Whether a drawing is unlike all that the network was trained on: `training/out_of_distribution.py`, which says why.

export const UNLIKE = "it is unlike all that the network was trained on";

/** The distance of features to the nearest class over the limit, above 1 it is unlike; 0 where the model says nothing of it. */
export function distanceOf(facts, features) {
  if (!facts || features.length !== facts.whitening.length) return 0;
  const whitened = facts.whitening.map((row) => row.reduce((sum, w, i) => sum + w * features[i], 0));
  const squared = facts.centres.map((centre) => centre.reduce((sum, value, i) => sum + (whitened[i] - value) ** 2, 0));
  return Math.sqrt(Math.min(...squared)) / facts.limit;
}
