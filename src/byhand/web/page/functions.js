// Activation and cost functions, for one sample: the same as `activations.py` and `costs.py`, formula by formula.
//
// `forward(z)` is a = sigma(z). `backward(g, z, a)` turns g = dC/da into delta = dC/dz; for all but softmax that is the
// elementwise product g * sigma'(z). Vectors are Float64Array; the parameters stay float32.

const LEAK = 0.01;
const sigma = (z) => 1 / (1 + Math.exp(-z)); // where e^-z overflows it is 0

/** An activation that works on each neuron alone, from sigma and sigma'. */
function elementwise(value, slope) {
  return {
    forward: (z) => z.map(value),
    backward: (g, z, a) => g.map((gj, j) => gj * slope(z[j], a[j])),
    slope,
  };
}

export const ACTIVATIONS = {
  sigmoid: elementwise(sigma, (z, a) => a * (1 - a)),
  tanh: elementwise(Math.tanh, (z, a) => 1 - a * a),
  relu: elementwise(
    (z) => Math.max(z, 0),
    (z, a) => (a > 0 ? 1 : 0),
  ),
  leaky_relu: elementwise(
    (z) => Math.max(z, LEAK * z),
    (z) => (z > 0 ? 1 : LEAK),
  ),
  silu: elementwise(
    (z) => z * sigma(z),
    (z) => sigma(z) * (1 + z * (1 - sigma(z))),
  ),
  identity: elementwise(
    (z) => z,
    () => 1,
  ),
  softmax: { forward: softmax, backward: softmaxBackward, slope: null },
};

function softmax(z) {
  const top = Math.max(...z); // shifting z changes nothing in the quotient and keeps e^z finite
  const powers = z.map((zj) => Math.exp(zj - top));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

function softmaxBackward(g, z, a) {
  const inner = g.reduce((total, gj, j) => total + gj * a[j], 0);
  return a.map((aj, j) => aj * (g[j] - inner));
}

export const COSTS = {
  quadratic: {
    value: (z, a, y) => 0.5 * a.reduce((total, aj, j) => total + (aj - y[j]) ** 2, 0),
    outputError: (z, a, y, activation) => activation.backward(a.map((aj, j) => aj - y[j]), z, a),
  },
  cross_entropy: { value: crossEntropy, outputError: (z, a, y) => a.map((aj, j) => aj - y[j]) },
};

function crossEntropy(z, a, y, activation) {
  if (activation === ACTIVATIONS.softmax) {
    const top = Math.max(...z);
    const log = Math.log(z.reduce((total, zj) => total + Math.exp(zj - top), 0));
    return -z.reduce((total, zj, j) => total + y[j] * (zj - top - log), 0);
  }
  // -y ln(sigma) - (1 - y) ln(1 - sigma) = ln(1 + e^z) - y z, written so that nothing overflows
  return z.reduce((total, zj, j) => total + (Math.max(zj, 0) - y[j] * zj + Math.log1p(Math.exp(-Math.abs(zj)))), 0);
}
