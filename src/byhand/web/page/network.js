// The network: forward, and one step of learning from one drawing, with Nielsen's four equations by their names.
//
// Layers count from 1 to L as in the book; `layers[l - 1]` holds w^l, row j the weights into neuron j, and b^l. The same numbers
// as `feedforward.py` gives for a batch of one. Source: Nielsen (2015), "Neural Networks and Deep Learning", chapters 1 to 3.

import { readModules, see } from "./convolutions.js";
import { ACTIVATIONS, COSTS } from "./functions.js";

/** A network from what `readModel` read; an error where it names functions that this page does not know. */
export function makeNetwork(model) {
  const network = model.architecture.kind === "network" ? withTrunk(model) : plain(model);
  if (network.sizes.at(-1) === 1 && network.names.at(-1) === "softmax") {
    throw new Error("This model has one output behind a softmax, which is 1 whatever comes in: train it with a sigmoid.");
  }
  return network;
}

/** A convolutional network: its `trunk` sees the drawing, and what is behind it is a plain network that reads the features. */
function withTrunk(model) {
  const { trunk, layers, names, tensors } = readModules(model);
  const sizes = [layers[0].w.length / layers[0].b.length, ...layers.map(({ b }) => b.length)];
  return { ...plain({ architecture: { sizes, activations: names, cost: "cross_entropy" }, layers }), trunk, tensors };
}

function plain({ architecture, layers }) {
  const activations = architecture.activations.map((name) => ACTIVATIONS[name]);
  const unknown = architecture.activations.findIndex((name) => !Object.hasOwn(ACTIVATIONS, name));
  if (unknown >= 0) throw new Error(`This model's activation ${architecture.activations[unknown]} is unknown to this page.`);
  if (!Object.hasOwn(COSTS, architecture.cost)) throw new Error(`This model's cost ${architecture.cost} is unknown to this page.`);
  const { sizes, l2 = 0, l1 = 0 } = architecture;
  const [names, costName] = [architecture.activations, architecture.cost];
  return { sizes, layers, activations, names, costName, cost: COSTS[costName], l2, l1 };
}

/** A copy that can be taught without touching the original. */
export function copyNetwork(network) {
  return { ...network, layers: network.layers.map(({ w, b }) => ({ w: w.slice(), b: b.slice() })) };
}

/** z^l = w^l a^(l-1) + b^l */
export function weightedInput(a, w, b) {
  const n = a.length;
  const lit = []; // most pixels are 0 and add nothing
  for (let k = 0; k < n; k += 1) if (a[k] !== 0) lit.push(k);
  const z = new Float64Array(b.length);
  for (let j = 0; j < z.length; j += 1) {
    const row = j * n;
    let sum = 0;
    for (let i = 0; i < lit.length; i += 1) sum += w[row + lit[i]] * a[lit[i]];
    z[j] = sum + b[j];
  }
  return z;
}

/** Forward: all z^l and a^l for an input x, with a[0] = x; z[0] is empty, so that indices are the book's. */
export function forward(network, x) {
  const z = [new Float64Array(0)];
  const a = [Float64Array.from(x)];
  network.layers.forEach(({ w, b }, l) => {
    z.push(weightedInput(a[l], w, b));
    a.push(network.activations[l].forward(z[l + 1]));
  });
  return { z, a };
}

/** What the layers get of a drawing: its pixels themselves, or the features that the trunk makes of them. */
export function featuresOf(network, x) {
  return network.trunk ? see(network.trunk, x).features : x;
}

/** All numbers of a drawing: z and a of every layer, and before them, where there is a trunk, its maps. */
export function readDrawing(network, x) {
  if (!network.trunk) return forward(network, x);
  const { maps, features } = see(network.trunk, x);
  return { ...forward(network, features), maps };
}

/** Outputs with one number for each class: a single output p is a yes or no and becomes 1 - p and p; several stay. */
export function eachClass(outputs) {
  return outputs.length === 1 ? Float64Array.of(1 - outputs[0], outputs[0]) : outputs;
}

/** The names of the classes of a network with so many outputs: those of its file, else numbers. */
export function namesOf(classNames, outputs) {
  if (outputs === 1) return classNames.length === 2 ? classNames : ["no", "yes"];
  return Array.from({ length: outputs }, (_, j) => classNames[j] ?? String(j));
}

/** The place of the largest number. */
export function largest(numbers) {
  let best = 0;
  for (let j = 1; j < numbers.length; j += 1) if (numbers[j] > numbers[best]) best = j;
  return best;
}

/** BP1: the error of the output layer, delta^L = dC/da * sigma'(z^L). */
export function BP1(network, z, a, y) {
  return network.cost.outputError(z, a, y, network.activations.at(-1));
}

/** The blame that the next layer sends back, (w^(l+1))^T delta^(l+1). */
export function sentBack(w, delta, n) {
  const g = new Float64Array(n);
  for (let j = 0; j < delta.length; j += 1) {
    if (delta[j] === 0) continue;
    const row = j * n;
    for (let k = 0; k < n; k += 1) g[k] += w[row + k] * delta[j];
  }
  return g;
}

/** BP2: the error of a layer from the error of the layer after it, delta^l = ((w^(l+1))^T delta^(l+1)) * sigma'(z^l). */
export function BP2(w, delta, z, a, activation) {
  return activation.backward(sentBack(w, delta, z.length), z, a);
}

/** BP3: the gradient of the biases, dC/db_j = delta_j. */
export function BP3(delta) {
  return delta.slice();
}

/** BP4: the gradient of the weights, dC/dw_jk = a_k delta_j, row by row. */
export function BP4(a, delta) {
  const gradient = new Float64Array(a.length * delta.length);
  for (let j = 0; j < delta.length; j += 1) {
    if (delta[j] === 0) continue;
    for (let k = 0; k < a.length; k += 1) gradient[j * a.length + k] = a[k] * delta[j];
  }
  return gradient;
}

/** Cost and gradient for one sample: the four equations in their order, weight decay added last as in chapter 3, eq. 87. */
export function learn(network, x, y) {
  const { z, a } = forward(network, x);
  const last = network.layers.length;
  const delta = new Array(last + 1);
  delta[last] = BP1(network, z[last], a[last], y);
  for (let l = last - 1; l >= 1; l -= 1) {
    delta[l] = BP2(network.layers[l].w, delta[l + 1], z[l], a[l], network.activations[l - 1]);
  }
  const gradient = network.layers.map((_, l) => ({ w: BP4(a[l], delta[l + 1]), b: BP3(delta[l + 1]) }));
  const cost = network.cost.value(z[last], a[last], y, network.activations[last - 1]) + decay(network, gradient);
  return { z, a, delta, gradient, cost };
}

function decay({ layers, l2, l1 }, gradient) {
  if (!l2 && !l1) return 0;
  let cost = 0;
  layers.forEach(({ w }, l) => {
    for (let i = 0; i < w.length; i += 1) {
      gradient[l].w[i] += l2 * w[i] + l1 * Math.sign(w[i]);
      cost += 0.5 * l2 * w[i] * w[i] + l1 * Math.abs(w[i]);
    }
  });
  return cost;
}

/** One step of stochastic gradient descent, in place: w <- w - eta dC/dw, b <- b - eta dC/db. Returns what `learn` saw before. */
export function teach(network, x, y, eta) {
  const seen = learn(network, x, y);
  network.layers.forEach(({ w, b }, l) => {
    for (let i = 0; i < w.length; i += 1) w[i] -= eta * seen.gradient[l].w[i];
    for (let j = 0; j < b.length; j += 1) b[j] -= eta * seen.gradient[l].b[j];
  });
  return seen;
}

/** How much each pixel spoke for (or, negative, against) neuron j of layer l: x_k dz_j/dx_k; for l = 1 that is exactly w x. */
export function spoken(network, { z, a }, l, j) {
  let delta = Float64Array.from({ length: z[l].length }, (_, i) => (i === j ? 1 : 0));
  for (let below = l - 1; below >= 1; below -= 1) {
    delta = BP2(network.layers[below].w, delta, z[below], a[below], network.activations[below - 1]);
  }
  return sentBack(network.layers[0].w, delta, a[0].length).map((g, k) => g * a[0][k]);
}

/** The answers of a network to many inputs: the class of each. */
export function predict(network, inputs) {
  return inputs.map((x) => largest(eachClass(forward(network, x).a.at(-1))));
}
