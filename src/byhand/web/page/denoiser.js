// A denoiser of codes and points, and a sampler: the same numbers as `models/mlp_denoiser.py` and `models/samplers.py`.
//
// The network is told how noisy a code is (t) and what it is to become (a label), and predicts v; from that, what it takes the
// clean code for, and the noise. A step puts the two together again with less noise (DDIM: Song et al. 2021, eq. 12).

import { weightedInput } from "./network.js";
import { readTensors } from "./safetensors.js";

const PERIOD = 10_000;
const EPSILON = 1e-5; // of the layer norm
const silu = (z) => z.map((value) => value / (1 + Math.exp(-value)));

/** A model file's bytes as { d, classes, names, steps, signal, noise, mean, std, prediction }; an error where this page cannot run it. */
export function readDenoiser(buffer) {
  const { tensors, metadata } = readTensors(buffer);
  let architecture, names;
  try {
    architecture = JSON.parse(metadata.architecture);
    names = JSON.parse(metadata.class_names ?? "[]");
  } catch {
    throw new Error("This is no byhand model, or its metadata are damaged.");
  }
  const { kind, target, steps, schedule, standardised, module } = architecture ?? {};
  if (kind !== "diffusion" || module?.kind !== "MLPDenoiser" || target !== "v" || !standardised) {
    throw new Error(`This page draws with denoisers of codes that predict v, but this is a ${kind} of ${module?.kind}.`);
  }
  const of = (name) => {
    const found = tensors.get(name)?.values;
    if (!found) throw new Error(`The model has no ${name}: it is damaged.`);
    return found;
  };
  const linear = (name, bias = true) => {
    const w = of(`${name}.weight`);
    const b = bias ? of(`${name}.bias`) : new Float32Array(tensors.get(`${name}.weight`).shape[0]);
    return (x) => weightedInput(x, w, b);
  };
  const { features: d, width, depth, classes } = module;
  const [time1, time2, start, out] = ["time1", "time2", "start", "out"].map((name) => linear(name));
  const [labels, norm] = [of("label.weight"), normalised(of("norm.weight"), of("norm.bias"))];
  const blocks = Array.from({ length: depth }, (_, l) => ({
    norm: normalised(of(`blocks.${l}.norm.weight`), of(`blocks.${l}.norm.bias`)),
    first: linear(`blocks.${l}.first`),
    condition: linear(`blocks.${l}.condition`, false),
    second: linear(`blocks.${l}.second`),
  }));
  const waved = tensors.get("time1.weight").shape[1];
  const told = new Map(); // what the blocks are told of a time and a label: it is asked for again and again

  function condition(t, label) {
    const key = t * (classes + 1) + label;
    if (!told.has(key)) {
      const e = time2(silu(time1(waves(t, waved))));
      for (let i = 0; i < width; i += 1) e[i] += labels[label * width + i];
      const given = silu(e);
      told.set(key, blocks.map((block) => block.condition(given)));
    }
    return told.get(key);
  }

  /** v for one noisy code; `label` `classes` means any. */
  function prediction(x, t, label) {
    const given = condition(t, label);
    let h = start(x);
    blocks.forEach((block, l) => {
      const inner = block.first(block.norm(h)).map((value, i) => value + given[l][i]);
      const added = block.second(silu(inner));
      h = h.map((value, i) => value + added[i]);
    });
    return out(norm(h));
  }

  return { d, classes, names, steps, ...scheduled(schedule, steps), mean: of("data.mean"), std: of("data.std"), prediction };
}

/** Signal and noise at t = 0 to T, as `models/noise_schedules.py` has them. */
export function scheduled(name, steps) {
  const bar = [1];
  const cosine = (t) => Math.cos((((t / steps + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  for (let t = 1; t <= steps; t += 1) {
    let beta;
    if (name === "cosine") beta = Math.min(1 - cosine(t) / cosine(t - 1), 0.999);
    else {
      const [first, last] = name === "short" ? [0.1 / steps, 20 / steps] : [1e-4, 0.02];
      beta = first + ((last - first) * (t - 1)) / (steps - 1);
    }
    bar.push(bar.at(-1) * (1 - beta));
  }
  return { signal: bar.map(Math.sqrt), noise: bar.map((a) => Math.sqrt(1 - a)) };
}

/** T = t_1 > ... > t_S > 0, evenly spread; rounded to even at a half, as Python does. */
export function spacedTimesteps(last, steps) {
  return Array.from({ length: steps }, (_, k) => {
    const exact = last * (1 - k / steps);
    const down = Math.floor(exact);
    if (exact - down !== 0.5) return Math.round(exact);
    return down % 2 ? down + 1 : down;
  });
}

/** One DDIM step of a code from t to s with guidance: { x, x0 }, the next code and what the network takes the clean one for. */
export function ddimStep(network, x, t, s, label, guidance) {
  const { signal, noise, classes } = network;
  let v = network.prediction(x, t, label);
  if (guidance !== 1 && label !== classes) {
    const anyway = network.prediction(x, t, classes);
    v = v.map((value, i) => anyway[i] + guidance * (value - anyway[i]));
  }
  const x0 = v.map((value, i) => signal[t] * x[i] - noise[t] * value);
  const eps = v.map((value, i) => noise[t] * x[i] + signal[t] * value);
  return { x: x0.map((value, i) => signal[s] * value + noise[s] * eps[i]), x0 };
}

/** A code in the data's units. */
export function unscaled(network, x) {
  return x.map((value, i) => network.mean[i] + network.std[i] * value);
}

function normalised(weight, bias) {
  return (x) => {
    const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
    const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
    const scale = 1 / Math.sqrt(variance + EPSILON);
    return x.map((value, i) => weight[i] * (value - mean) * scale + bias[i]);
  };
}

function waves(t, size) {
  const half = size / 2;
  const angle = (k) => t * Math.exp((-Math.log(PERIOD) / (half - 1)) * k);
  return Float64Array.from({ length: size }, (_, k) => (k < half ? Math.sin(angle(k)) : Math.cos(angle(k - half))));
}

/** Numbers of the normal distribution, from a seed and a name: the same two, the same numbers. */
export function normals(seed, name) {
  let state = 2166136261 ^ seed; // FNV-1a over the name, then mulberry32
  for (const character of `${seed}/${name}`) state = Math.imul(state ^ character.codePointAt(0), 16777619);
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), 1 | state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()); // Box and Muller (1958)
}
