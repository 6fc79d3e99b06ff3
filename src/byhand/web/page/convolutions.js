// A convolutional network up to its last, dense layers: every map that it makes of a drawing, and the features that they end in.
//
// Maps are (h, w, c) with the channels side by side in memory, as in Python. A batch norm behind a convolution is a scale and a
// shift of its channels, so both go into the convolution's own numbers. Source: Ioffe and Szegedy (2015), section 3.1.

import { ACTIVATIONS } from "./functions.js";

const ENDS = { cross_entropy: "softmax", bce: "sigmoid" }; // what the cost brings behind the last layer

/**
 * What a model of kind "network" is made of: `trunk`, the steps up to the features, and the dense `layers` behind, with the names
 * of their activations; `tensors` names where each dense layer's numbers came from. An error where this page cannot run a module.
 */
export function readModules({ architecture, tensors }) {
  const { module, input_shape: shape, cost } = architecture;
  if (module?.kind !== "Sequential" || shape?.join() !== "28,28,1" || !Object.hasOwn(ENDS, cost)) {
    throw new Error("This page runs networks of modules that read 28 x 28 pixels and tell classes apart, one module after another.");
  }
  const steps = [];
  const dense = { layers: [], names: [], tensors: [] };
  let size = { h: 28, w: 28, c: 1 };
  module.layers.forEach((layer, i) => {
    const make = MODULES[layer.kind];
    if (!make) throw new Error(`This page cannot run a ${layer.kind}.`);
    const numbers = (name) => tensors.get(`${i}.${name}`)?.values;
    size = make({ layer, i, numbers, steps, dense, size }) ?? size;
  });
  if (!dense.layers.length) throw new Error("This network does not end in a Linear layer, and this page shows only such ones.");
  dense.names[dense.layers.length - 1] = ENDS[cost];
  return { trunk: { steps, shown: steps.filter(({ kind }) => kind === "conv") }, ...dense };
}

const MODULES = {
  Conv2d({ layer, numbers, steps, size, dense }) {
    onlyBefore(dense, layer);
    const { in_channels: n, out_channels: c, kernel_size: kernel, stride, padding, bias } = layer;
    const w = numbers("weight");
    const plain = layer.groups === 1 && layer.dilation.every((d) => d === 1) && n === size.c && Array.isArray(padding)
      && (layer.padding_mode ?? "zeros") === "zeros";
    if (!plain) throw new Error("This page runs plain convolutions: one group, no dilation, zeros around, as many on each side.");
    const out = { h: places(size.h, kernel[0], stride[0], padding[0]), w: places(size.w, kernel[1], stride[1], padding[1]), c };
    if (w?.length !== kernel[0] * kernel[1] * n * c || !(out.h > 0 && out.w > 0)) throw damaged(layer);
    const b = bias ? numbers("bias") : new Float32Array(c);
    if (b?.length !== c) throw damaged(layer);
    steps.push({ kind: "conv", kernel, stride, padding, n, w: Float64Array.from(w), b: Float64Array.from(b), out, bend: null, from: size });
    return out;
  },
  BatchNorm2d({ layer, numbers, steps, dense }) {
    onlyBefore(dense, layer);
    const conv = steps.at(-1);
    const [scale, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(numbers);
    if (conv?.kind !== "conv" || conv.bend) throw new Error("This page runs batch norm directly behind a convolution only.");
    if ([scale, shift, mean, variance].some((values) => values?.length !== conv.b.length)) throw damaged(layer);
    const c = conv.b.length;
    const factor = Float64Array.from({ length: c }, (_, k) => scale[k] / Math.sqrt(variance[k] + layer.eps));
    for (let i = 0; i < conv.w.length; i += 1) conv.w[i] *= factor[i % c];
    for (let k = 0; k < c; k += 1) conv.b[k] = (conv.b[k] - mean[k]) * factor[k] + shift[k];
    if (layer.activation) bend(conv, layer.activation);
  },
  ReLU: ({ steps, dense }) => bendLast(steps, dense, "relu"),
  SiLU: ({ steps, dense }) => bendLast(steps, dense, "silu"),
  Tanh: ({ steps, dense }) => bendLast(steps, dense, "tanh"),
  MaxPool2d: (given) => pool(given, "max"),
  AvgPool2d: (given) => pool(given, "mean"),
  GlobalAvgPool2d({ layer, steps, size, dense }) {
    onlyBefore(dense, layer);
    steps.push({ kind: "average", out: { h: 1, w: 1, c: size.c } });
    return { h: 1, w: 1, c: size.c };
  },
  Flatten({ steps, size }) {
    steps.push({ kind: "flatten", out: { h: 1, w: 1, c: size.h * size.w * size.c } });
    return { h: 1, w: 1, c: size.h * size.w * size.c };
  },
  Dropout() {}, // only in training
  Linear({ layer, i, numbers, dense, size }) {
    const w = numbers("weight");
    const c = layer.out_features;
    const b = layer.bias ? numbers("bias") : new Float32Array(c);
    if (size.h * size.w !== 1) throw new Error("This page runs Linear layers behind a Flatten or a mean over all places only.");
    if (layer.in_features !== size.c || w?.length !== size.c * c || b?.length !== c) throw damaged(layer);
    dense.layers.push({ w, b });
    dense.names.push("identity");
    dense.tensors.push({ weight: `${i}.weight`, bias: layer.bias ? `${i}.bias` : null });
    return { h: 1, w: 1, c };
  },
};

function damaged({ kind }) {
  return new Error(`The numbers of this model's ${kind} do not fit it: the file is damaged.`);
}

function onlyBefore({ layers }, { kind }) {
  if (layers.length) throw new Error(`This page cannot run a ${kind} behind a Linear layer.`);
}

function bendLast(steps, { layers, names }, name) {
  if (layers.length) names[layers.length - 1] = name;
  else if (steps.at(-1)?.kind === "conv") bend(steps.at(-1), name);
  else throw new Error(`This page runs ${name} behind a convolution or a Linear layer only.`);
}

function bend(conv, name) {
  if (conv.bend || !Object.hasOwn(ACTIVATIONS, name)) throw new Error(`This page cannot run ${name} there.`);
  Object.assign(conv, { bend: ACTIVATIONS[name], bendName: name });
}

function pool({ layer, steps, size, dense }, kind) {
  onlyBefore(dense, layer);
  const { kernel_size: kernel, stride, padding } = layer;
  if (padding.some((p) => p !== 0) || layer.ceil_mode) throw new Error("This page runs pooling without padding and ceil_mode only.");
  const out = { h: places(size.h, kernel[0], stride[0], 0), w: places(size.w, kernel[1], stride[1], 0), c: size.c };
  steps.push({ kind, kernel, stride, out });
  return out;
}

function places(n, kernel, stride, padding) {
  return Math.floor((n + 2 * padding - kernel) / stride) + 1;
}

/** All maps of an input, one of each convolution as { h, w, c, values, z, below }, and the features that the dense layers get. */
export function see(trunk, x) {
  let now = { h: 28, w: 28, c: 1, values: x };
  const maps = [];
  for (const step of trunk.steps) {
    if (step.kind === "conv") {
      now = { ...convolve(step, now), below: now };
      maps.push(now);
    } else if (step.kind === "flatten") now = { ...step.out, values: flatten(now) };
    else if (step.kind === "average") now = { ...step.out, values: average(now) };
    else now = pooled(step, now);
  }
  return { maps, features: Float64Array.from(now.values) };
}

/** z at every place: the filter's numbers times what lies below it, and the shift; then the bend. */
function convolve({ kernel, stride, padding, w, b, out, bend: bent }, { h, w: wide, c: n, values }) {
  const c = out.c;
  const z = new Float64Array(out.h * out.w * c);
  for (let y = 0, at = 0; y < out.h; y += 1) {
    for (let x = 0; x < out.w; x += 1, at += c) {
      for (let k = 0; k < c; k += 1) z[at + k] = b[k];
      for (let i = 0; i < kernel[0]; i += 1) {
        const row = y * stride[0] - padding[0] + i;
        if (row < 0 || row >= h) continue;
        for (let j = 0; j < kernel[1]; j += 1) {
          const column = x * stride[1] - padding[1] + j;
          if (column < 0 || column >= wide) continue;
          const from = (row * wide + column) * n;
          const weight = (i * kernel[1] + j) * n * c;
          for (let m = 0; m < n; m += 1) {
            const a = values[from + m];
            if (a === 0) continue; // most are, behind a relu
            const first = weight + m * c;
            for (let k = 0; k < c; k += 1) z[at + k] += a * w[first + k];
          }
        }
      }
    }
  }
  return { ...out, z, values: bent ? bent.forward(z) : z };
}

function pooled({ kind, kernel, stride, out }, { w: wide, c, values }) {
  const found = new Float64Array(out.h * out.w * c);
  for (let y = 0, at = 0; y < out.h; y += 1) {
    for (let x = 0; x < out.w; x += 1, at += c) {
      for (let k = 0; k < c; k += 1) {
        let most = -Infinity;
        let sum = 0;
        for (let i = 0; i < kernel[0]; i += 1) {
          for (let j = 0; j < kernel[1]; j += 1) {
            const value = values[((y * stride[0] + i) * wide + x * stride[1] + j) * c + k];
            most = Math.max(most, value);
            sum += value;
          }
        }
        found[at + k] = kind === "max" ? most : sum / (kernel[0] * kernel[1]);
      }
    }
  }
  return { ...out, values: found };
}

function average({ h, w, c, values }) {
  const found = new Float64Array(c);
  for (let i = 0; i < values.length; i += 1) found[i % c] += values[i] / (h * w);
  return found;
}

/** Channel by channel, as in PyTorch. */
function flatten({ h, w, c, values }) {
  return Float64Array.from({ length: h * w * c }, (_, i) => values[(i % (h * w)) * c + Math.floor(i / (h * w))]);
}

/** Where map k of these is brightest: its row and column. */
export function brightest({ h, w, c, values }, k) {
  let best = 0;
  for (let i = 1; i < h * w; i += 1) if (values[i * c + k] > values[best * c + k]) best = i;
  return [Math.floor(best / w), best % w];
}

/** What each map below adds to z of map k at one place, the largest first: { m, value }; with the shift they add up to z. */
export function termsAt({ kernel, stride, padding, w, out }, { h, w: wide, c: n, values }, k, [y, x]) {
  const sums = new Float64Array(n);
  for (let i = 0; i < kernel[0]; i += 1) {
    for (let j = 0; j < kernel[1]; j += 1) {
      const [row, column] = [y * stride[0] - padding[0] + i, x * stride[1] - padding[1] + j];
      if (row < 0 || row >= h || column < 0 || column >= wide) continue;
      for (let m = 0; m < n; m += 1) {
        sums[m] += values[(row * wide + column) * n + m] * w[((i * kernel[1] + j) * n + m) * out.c + k];
      }
    }
  }
  const terms = [...sums].map((value, m) => ({ m, value })).filter(({ value }) => value !== 0);
  return terms.sort((one, other) => Math.abs(other.value) - Math.abs(one.value));
}

/** The filter that makes map k of map m below it, row by row. */
export function filterOf({ kernel, n, w, out }, m, k) {
  return Float64Array.from({ length: kernel[0] * kernel[1] }, (_, i) => w[(i * n + m) * out.c + k]);
}
