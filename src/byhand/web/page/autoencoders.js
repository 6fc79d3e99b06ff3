// Autoencoders and VAEs: an image to its code, a code to its image; the same numbers as `models/autoencoder.py` and `models/vae.py`.
//
// Of a VAE the code of an image is the mean that its encoder gives; the log standard deviations behind it are not needed here.

import { ACTIVATIONS } from "./functions.js";
import { weightedInput } from "./network.js";
import { readTensors } from "./safetensors.js";

const OUTPUTS = { bernoulli: "sigmoid", gaussian: "sigmoid" };

/** A model file's bytes as { kind, latent, kl, code(x), decode(z) }; an error where this page cannot run it. */
export function readCoder(buffer) {
  const { tensors, metadata } = readTensors(buffer);
  let architecture, metrics;
  try {
    architecture = JSON.parse(metadata.architecture);
    metrics = JSON.parse(metadata.metrics ?? "{}");
  } catch {
    throw new Error("This is no byhand model, or its metadata are damaged.");
  }
  const { kind, n, hidden, latent, activation, reconstruction, classes } = architecture ?? {};
  if (!["vae", "autoencoder"].includes(kind) || classes || n !== 784) {
    throw new Error(`This page walks through plain autoencoders and VAEs of 28 x 28 images, but this is a ${kind}.`);
  }
  if (!Object.hasOwn(ACTIVATIONS, activation) || !Object.hasOwn(OUTPUTS, reconstruction)) {
    throw new Error(`This model's ${activation} or ${reconstruction} is unknown to this page.`);
  }
  const given = kind === "vae" ? 2 * latent : latent;
  const encoder = stack(tensors, "encoder", [n, ...hidden, given], activation, "identity");
  const decoder = stack(tensors, "decoder", [latent, ...hidden.toReversed(), n], activation, OUTPUTS[reconstruction]);
  return {
    kind,
    latent,
    kl: metrics.test_kl_of ?? null,
    code: (x) => encoder(x).slice(0, latent),
    decode: decoder,
  };
}

/** Layers by their names in the file, as one function. */
function stack(tensors, half, sizes, inner, last) {
  const layers = sizes.slice(1).map((size, l) => {
    const w = tensors.get(`${half}.${l}.weight`)?.values;
    const b = tensors.get(`${half}.${l}.bias`)?.values;
    if (w?.length !== sizes[l] * size || b?.length !== size) throw new Error(`Layer ${l + 1} of the ${half} is damaged.`);
    const name = l + 2 === sizes.length ? last : inner;
    return { w, b, activate: name === "identity" ? (z) => z : ACTIVATIONS[name].forward };
  });
  return (x) => layers.reduce((a, { w, b, activate }) => activate(weightedInput(a, w, b)), Float64Array.from(x));
}
