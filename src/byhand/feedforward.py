r"""A feed-forward network, with its gradients written out by hand: Nielsen's four equations, and nothing hidden.

A batch is a matrix with one sample a row. Layer l = 1..L has weights w^l of shape (n_l, n_(l-1)) and biases b^l of shape
(n_l,). Forward, z^l = a^(l-1) (w^l)^T + b^l and a^l = sigma(z^l), with a^0 = x. Backward, the error delta^l = dC/dz^l runs
from the last layer to the first (BP1, BP2), and gives the gradients on its way (BP3, BP4), averaged over the batch.

All parameters live in one flat vector, all gradients in another; weights and biases are views into them. The buffers of a
batch size are made once, so a training step allocates nothing large. The code below is the fast path and the only path.

Source: Nielsen (2015), "Neural Networks and Deep Learning", chapters 1 to 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from byhand import activations, costs, initialisers
from byhand.activations import Activation
from byhand.backend import Array, float_type, generator
from byhand.errors import ModelError

LARGEST = 500_000_000  # parameters: 2 GB in float32
ROWS = 2_048  # samples that `forward` takes at a time, so that reading 60,000 images stays small in memory


# ---------------------------------------------------------------- the equations, one function each


def weighted_input(a: Array, w: Array, b: Array, out: Array) -> Array:
    r"""Weighted input of a layer.

    Equation:
        z^l = a^{l-1} (w^l)^\top + b^l
    Shapes:
        a: (m, n_in), w: (n_out, n_in), b: (n_out,) -> z: (m, n_out)
    Source:
        Nielsen (2015), chapter 2, eq. 25
    """
    np.matmul(a, w.T, out=out)
    out += b
    return out


def activate(z: Array, activation: Activation, out: Array) -> Array:
    r"""Activation of a layer.

    Equation:
        a^l = \sigma(z^l)
    Shapes:
        z: (m, n) -> a: (m, n)
    Source:
        Nielsen (2015), chapter 2, eq. 25
    """
    return activation.forward(z, out)


def output_error(z: Array, a: Array, y: Array, cost: costs.Cost, activation: Activation, out: Array) -> Array:
    r"""BP1: the error of the output layer, one row a sample.

    Equation:
        \delta^L = \nabla_a C \odot \sigma'(z^L)
    Shapes:
        z, a, y: (m, n_L) -> delta: (m, n_L)
    Source:
        Nielsen (2015), chapter 2, BP1
    """
    return cost.output_error(z, a, y, activation, out)


def backpropagated_error(
    delta: Array, w: Array, z: Array, a: Array, kept: Array | None, activation: Activation, out: Array
) -> Array:
    r"""BP2: the error of a layer from the error of the layer after it.

    Equation:
        \delta^l = \delta^{l+1} w^{l+1} \odot \sigma'(z^l)
    Shapes:
        delta: (m, n_(l+1)), w: (n_(l+1), n_l), z: (m, n_l) -> delta: (m, n_l)
    Source:
        Nielsen (2015), chapter 2, BP2
    """
    np.matmul(delta, w, out=out)
    if kept is not None:
        out *= kept  # dropout let only these units through, so only these carry blame back
    return activation.backward(out, z, a, out)


def bias_gradient(share: Array, ones: Array, out: Array) -> Array:
    r"""BP3: the gradient of the biases, a mean over the batch.

    Equation:
        \frac{\partial C}{\partial b^l} = \frac{1}{m} \sum_{i=1}^{m} \delta^l_i
    Shapes:
        share = delta / m: (m, n_out), ones: (m,) -> (n_out,)
    Source:
        Nielsen (2015), chapter 2, BP3
    """
    return np.matmul(ones, share, out=out)  # a sum over the rows; BLAS does it in a third of np.sum's time


def weight_gradient(share: Array, a: Array, out: Array) -> Array:
    r"""BP4: the gradient of the weights, a mean over the batch.

    Equation:
        \frac{\partial C}{\partial w^l} = \frac{1}{m} (\delta^l)^\top a^{l-1}
    Shapes:
        share = delta / m: (m, n_out), a: (m, n_in) -> (n_out, n_in)
    Source:
        Nielsen (2015), chapter 2, BP4
    """
    return np.matmul(share.T, a, out=out)


# ---------------------------------------------------------------- the network


@dataclass
class Buffers:
    """What one batch size needs, layer by layer: made once, written over by every batch of that size."""

    z: list[Array]
    a: list[Array]
    delta: list[Array]
    share: list[Array]
    kept: list[Array]
    dropped: list[Array]
    ones: Array


@dataclass(frozen=True)
class Trace:
    """Copies of what one step computed. Lists run over the layers 1..L; `a` begins with the input a^0."""

    y: Array
    z: list[Array]
    a: list[Array]
    delta: list[Array]
    weight_gradients: list[Array]
    bias_gradients: list[Array]

    def contributions(self, layer: int, j: int, k: int) -> Array:
        r"""What each sample gave to one weight's gradient: a_k^(l-1) delta_j^l / m, (m,); their sum is the gradient.

        The cost's part only: weight decay belongs to no sample.
        """
        return self.delta[layer - 1][:, j] * self.a[layer - 1][:, k] / len(self.y)


class FeedForward:
    r"""Nielsen's network of any depth.

    Arguments:
        sizes: units a layer, input first, for example (784, 30, 10).
        activation: of the hidden layers, or a list with one name a layer (output last); see `byhand.activations`.
        output: activation of the last layer; None takes the hidden one's.
        cost: "quadratic" or "cross_entropy"; see `byhand.costs`.
        initialiser: "nielsen", "he" or "glorot".
        l2, l1: weight decay; the cost gains l2/2 sum w^2 + l1 sum |w| (biases excepted). Nielsen's lambda is l2 * n.
        dropout: probability in [0, 1) that a hidden unit is left out of a training step.
        seed: of the initial parameters and of dropout.
        dtype: float32, or float64 for checks.

    Raises ModelError for settings that make no network.

    >>> net = FeedForward((4, 5, 3), seed=1)
    >>> net
    FeedForward(4-5-3, sigmoid/sigmoid, quadratic: 43 parameters)
    >>> net.forward(np.zeros((2, 4))).shape
    (2, 3)
    """

    kind = "feedforward"
    buffers: ClassVar[dict[str, Array]] = {}  # nothing but its parameters belongs to its state

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Sequence[str] = "sigmoid",
        *,
        output: str | None = None,
        cost: str = "quadratic",
        initialiser: str = "nielsen",
        l2: float = 0.0,
        l1: float = 0.0,
        dropout: float = 0.0,
        seed: int = 0,
        dtype: Any = np.float32,
    ) -> None:
        self.sizes = _checked_sizes(sizes)
        names = [activation] * (len(self.sizes) - 1) if isinstance(activation, str) else list(activation)
        if output is not None:
            names[-1:] = [output]
        if len(names) != len(self.sizes) - 1:
            raise ModelError(f"{len(names)} activations for {len(self.sizes) - 1} layers: give one name, or one a layer")
        self.activations = [activations.named(name) for name in names]
        self.cost = costs.named(cost, self.activations[-1])
        if not 0 <= dropout < 1:
            raise ModelError(f"dropout is {dropout}, but it is a probability: choose 0 <= dropout < 1")
        if not (0 <= l2 < float("inf") and 0 <= l1 < float("inf")):
            raise ModelError(f"weight decay is l2 = {l2}, l1 = {l1}, but it cannot be negative or infinite")
        self.l2, self.l1, self.dropout = float(l2), float(l1), float(dropout)
        self.dtype = float_type(dtype)

        self.parameters, self.weights, self.biases = self._flat()
        self.gradient, self.weight_gradients, self.bias_gradients = self._flat()
        fill = initialisers.named(initialiser)
        rng = generator(seed, "weights")
        for w, b in zip(self.weights, self.biases, strict=True):
            fill(w, b, rng)
        self.rng = generator(seed, "dropout")
        self._buffers: dict[int, Buffers] = {}
        self._batch: tuple[Array, Array] | None = None

    def _flat(self) -> tuple[Array, list[Array], list[Array]]:
        """A flat vector of zeros, and views into it: all weights first, then all biases (weight decay is then one slice)."""
        shapes = list(zip(self.sizes[1:], self.sizes[:-1], strict=True))
        self.n_weights = sum(n_out * n_in for n_out, n_in in shapes)
        flat = np.zeros(self.n_weights + sum(self.sizes[1:]), self.dtype)
        weights, biases, start = [], [], 0
        for n_out, n_in in shapes:
            # Stored by columns: OpenBLAS then computes BP4 in 0.6 of the time, and nothing else is slower for it.
            weights.append(flat[start : start + n_out * n_in].reshape(n_in, n_out).T)
            start += n_out * n_in
        for n_out in self.sizes[1:]:
            biases.append(flat[start : start + n_out])
            start += n_out
        return flat, weights, biases

    def _buffers_for(self, m: int) -> Buffers:
        if m not in self._buffers:
            if len(self._buffers) >= 4:  # a few batch sizes alternate at most: the full one, the last one of an epoch
                self._buffers.clear()

            def empty() -> list[Array]:
                return [np.empty((m, n), self.dtype) for n in self.sizes[1:]]

            kept, dropped = (empty(), empty()) if self.dropout else ([], [])
            self._buffers[m] = Buffers(empty(), empty(), empty(), empty(), kept, dropped, np.ones(m, self.dtype))
        return self._buffers[m]

    def forward(self, x: Array) -> Array:
        """The outputs a^L, (N, n_L), for inputs (N, ...) with n_0 numbers a sample. Dropout is off.

        Raises ModelError where the inputs do not fit.
        """
        x = self._rows(x)
        return np.concatenate([self._last_layer(x[start : start + ROWS])[1] for start in range(0, len(x), ROWS)])

    def predict(self, x: Array) -> np.ndarray[Any, np.dtype[np.intp]]:
        """The class of each sample, (N,): the output unit that answers most strongly."""
        classes: np.ndarray[Any, np.dtype[np.intp]] = np.argmax(self.forward(x), axis=1)
        return classes

    def evaluate(self, x: Array, y: Array) -> tuple[float, float]:
        """Mean cost without weight decay, and accuracy in [0, 1], for inputs (N, ...) and targets (N, n_L)."""
        x, total, right = self._rows(x), 0.0, 0
        self._check_targets(y, len(x))
        for start in range(0, len(x), ROWS):
            z, a = self._last_layer(x[start : start + ROWS])
            targets = y[start : start + ROWS]
            total += float(self.cost.per_sample(z, a, targets, self.activations[-1]).sum(dtype=np.float64))
            right += int((a.argmax(axis=1) == targets.argmax(axis=1)).sum())
        return total / len(x), right / len(x)

    def _last_layer(self, x: Array) -> tuple[Array, Array]:
        z = a = x
        for w, b, activation in zip(self.weights, self.biases, self.activations, strict=True):
            z = weighted_input(a, w, b, np.empty((len(a), len(b)), self.dtype))
            a = activate(z, activation, np.empty_like(z))
        return z, a

    def learn(self, x: Array, y: Array) -> float:
        """One forward and one backward pass: fills `gradient`, returns the batch's cost (weight decay included).

        x: (m, ...) inputs, y: (m, n_L) targets.
        """
        x = self._rows(x)
        self._check_targets(y, len(x))
        cost = self._forward(x, y)
        self._backward(x, y)
        self._batch = x, y
        return cost + self._decay()

    def _forward(self, x: Array, y: Array) -> float:
        buffers, last = self._buffers_for(len(x)), len(self.weights) - 1
        a = x
        for layer, activation in enumerate(self.activations):
            z = weighted_input(a, self.weights[layer], self.biases[layer], buffers.z[layer])
            a = activate(z, activation, buffers.a[layer])
            if self.dropout and layer < last:
                a = self._drop(a, buffers.kept[layer], buffers.dropped[layer])
        return self.cost.value(buffers.z[last], a, y, self.activations[last])

    def _drop(self, a: Array, kept: Array, out: Array) -> Array:
        """Inverted dropout: survivors are scaled by 1/(1-p), so nothing changes when it is off (Srivastava et al. 2014)."""
        np.greater_equal(self.rng.random(a.shape, np.float32), self.dropout, out=kept)
        kept /= 1 - self.dropout
        return np.multiply(a, kept, out=out)

    def _backward(self, x: Array, y: Array) -> None:
        buffers, last, m = self._buffers_for(len(x)), len(self.weights) - 1, len(x)
        a_out = buffers.dropped if self.dropout else buffers.a
        for layer in range(last, -1, -1):
            z, a, activation = buffers.z[layer], buffers.a[layer], self.activations[layer]
            if layer == last:
                delta = output_error(z, a, y, self.cost, activation, buffers.delta[layer])
            else:
                kept = buffers.kept[layer] if self.dropout else None
                w = self.weights[layer + 1]
                delta = backpropagated_error(delta, w, z, a, kept, activation, buffers.delta[layer])
            share = np.multiply(delta, 1 / m, out=buffers.share[layer])
            bias_gradient(share, buffers.ones, self.bias_gradients[layer])
            weight_gradient(share, x if layer == 0 else a_out[layer - 1], self.weight_gradients[layer])

    def _decay(self) -> float:
        """Add the weight decay's gradient, l2 w + l1 sign(w), and return its cost. Source: Nielsen (2015), chapter 3, eq. 87."""
        cost = 0.0
        w, gradient = self.parameters[: self.n_weights], self.gradient[: self.n_weights]
        if self.l2:
            gradient += self.l2 * w
            cost += 0.5 * self.l2 * float(w @ w)
        if self.l1:
            gradient += self.l1 * np.sign(w)
            cost += self.l1 * float(np.abs(w).sum())
        return cost

    @property
    def n_inputs(self) -> int:
        """How many numbers a sample has."""
        return self.sizes[0]

    @property
    def n_outputs(self) -> int:
        """How many numbers come out for a sample."""
        return self.sizes[-1]

    def fit(self, data: Any, **settings: Any) -> Any:
        """Train on a `Dataset`: the short loop around `byhand.steps`; see `byhand.fit` for its settings."""
        from byhand.training.fit import fit  # upward, and only for the comfort of writing net.fit(...)

        return fit(self, data, **settings)

    def trace(self) -> Trace:
        """Copies of everything that the last `learn` computed; raises ModelError before the first."""
        if self._batch is None:
            raise ModelError("nothing to trace yet: run a training step first")
        x, y = self._batch
        buffers = self._buffers_for(len(x))
        inputs = buffers.dropped[:-1] if self.dropout else buffers.a[:-1]
        return Trace(
            y=y.copy(),
            z=[z.copy() for z in buffers.z],
            a=[x.copy(), *(a.copy() for a in inputs), buffers.a[-1].copy()],
            delta=[delta.copy() for delta in buffers.delta],
            weight_gradients=[g.copy() for g in self.weight_gradients],
            bias_gradients=[g.copy() for g in self.bias_gradients],
        )

    def first_non_finite(self) -> str:
        """The first thing in the order of computation that is NaN or infinite, in words; "" where all is finite."""
        if self._batch is not None:
            buffers = self._buffers_for(len(self._batch[0]))
            for layer in range(len(self.weights)):
                found = (("weights w", self.weights), ("weighted input z", buffers.z), ("activation a", buffers.a))
                for what, arrays in found:
                    if not np.isfinite(arrays[layer]).all():
                        return f"the {what} of layer {layer + 2}"  # as in the book, the input is layer 1
        return "" if np.isfinite(self.parameters).all() else "the parameters"

    def _rows(self, x: Array) -> Array:
        x = np.asarray(x, self.dtype)
        if x.ndim < 2 or x.size != len(x) * self.sizes[0] or len(x) == 0:
            raise ModelError(
                f"the input is {x.shape}, but this network wants (m, {self.sizes[0]}): "
                f"one row of {self.sizes[0]} numbers a sample"
            )
        return x.reshape(len(x), self.sizes[0])

    def _check_targets(self, y: Array, m: int) -> None:
        # NumPy would stretch one column or one row to the outputs' shape, and a wrong network would train in silence.
        if np.shape(y) != (m, self.sizes[-1]):
            raise ModelError(
                f"the targets are {np.shape(y)}, but this network wants {(m, self.sizes[-1])}: one number an output unit a sample"
            )

    def architecture(self) -> dict[str, Any]:
        """What a model file says of the network, and what `from_architecture` reads."""
        return {
            "kind": self.kind,
            "sizes": list(self.sizes),
            "activations": [activation.name for activation in self.activations],
            "cost": self.cost.name,
            "l2": self.l2,
            "l1": self.l1,
            "dropout": self.dropout,
        }

    def tensors(self) -> dict[str, Array]:
        """The parameters by their names in a model file: views, not copies."""
        named: dict[str, Array] = {}
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            named[f"layers.{layer}.weight"] = w
            named[f"layers.{layer}.bias"] = b
        return named

    def __repr__(self) -> str:
        shape = "-".join(map(str, self.sizes))
        names = "/".join(activation.name for activation in self.activations)
        return f"FeedForward({shape}, {names}, {self.cost.name}: {self.parameters.size:,} parameters)"


def from_architecture(architecture: dict[str, Any], dtype: Any = np.float32) -> FeedForward:
    """The untrained network that `FeedForward.architecture` described; raises ModelError where it describes none."""
    try:
        sizes = architecture["sizes"]
        names = [str(name) for name in architecture["activations"]]
        cost = str(architecture["cost"])
        l2, l1, dropout = (float(architecture.get(key, 0)) for key in ("l2", "l1", "dropout"))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(
            f"the architecture is not a feed-forward network's ({error!r}): expected sizes, activations, cost"
        ) from error
    return FeedForward(sizes, names, cost=cost, l2=l2, l1=l1, dropout=dropout, dtype=dtype)


def tensor_shapes(sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors in a model file of these sizes; raises ModelError where they make no network."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (n_in, n_out) in enumerate(pairwise(_checked_sizes(sizes))):
        shapes[f"layers.{layer}.weight"], shapes[f"layers.{layer}.bias"] = (n_out, n_in), (n_out,)
    return shapes


def _checked_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    try:
        found = tuple(sizes)
    except TypeError:
        found = ()
    whole = all(isinstance(size, int | np.integer) and size >= 1 for size in found)
    if len(found) < 2 or not whole:
        raise ModelError(f"sizes is {sizes!r}, but a network has at least 2 layers of at least 1 unit, as in (784, 30, 10)")
    if sum((n_in + 1) * n_out for n_in, n_out in pairwise(found)) > LARGEST:
        raise ModelError(f"sizes {found} make more parameters than {LARGEST:,}, the most there may be: choose smaller layers")
    return tuple(int(size) for size in found)
