r"""A feed-forward network, with its gradients written out by hand: Nielsen's four equations, and nothing hidden.

A batch is a matrix with one sample a row. Layer l = 1..L has weights w^l of shape (n_l, n_(l-1)) and biases b^l of shape
(n_l,). Forward, z^l = a^(l-1) (w^l)^T + b^l and a^l = sigma(z^l), with a^0 = x. Backward, the error delta^l = dC/dz^l runs
from the last layer to the first (BP1, BP2), and gives the gradients on its way (BP3, BP4), averaged over the batch.

All parameters live in one flat vector, all gradients in another; weights and biases are views into them. The buffers of a
batch size are made once, so a training step allocates nothing large. The code below is the fast path and the only path.

Source: Nielsen (2015), "Neural Networks and Deep Learning", chapters 1 to 3.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np

from byhand import activations, costs, initialisers, limits
from byhand.activations import Activation
from byhand.backend import Array, float_type, generator, numbers
from byhand.errors import ModelError
from byhand.network_kinds import NetworkKind, register
from byhand.neural_network import LABELLING, REGRESSION, Enlargement, LayerOutput, NeuralNetwork
from byhand.predictions import HALF, chosen, fitting_targets

LARGEST = 500_000_000  # parameters: 2 GB in float32
ROWS = 2_048  # samples that `forward` takes at a time, so that reading 60,000 images stays small in memory, and that BLAS adds up


# ---------------------------------------------------------------- the equations, one function each


def weighted_input(a: Array, w: Array, b: Array, out: Array) -> Array:
    r"""Weighted input of a layer.

    Equation:
        z^l = a^{l-1} (w^l)^\top + b^l
    Book:
        z^l = w^l a^{l-1} + b^l
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
    Book:
        \delta^l = \left((w^{l+1})^\top \delta^{l+1}\right) \odot \sigma'(z^l)
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
    Book:
        \frac{\partial C}{\partial b^l_j} = \delta^l_j
    Shapes:
        share = delta / m: (m, n_out), ones: (m,) -> (n_out,)
    Source:
        Nielsen (2015), chapter 2, BP3
    """
    if len(share) <= ROWS:
        return np.matmul(ones, share, out=out)  # a sum over the rows; BLAS does it in a third of np.sum's time
    blocks = [ones[start : start + ROWS] @ share[start : start + ROWS] for start in range(0, len(share), ROWS)]
    out[...] = np.sum(blocks, axis=0, dtype=np.float64)  # in float32 a long sum would lose digits
    return out


def weight_gradient(share: Array, a: Array, out: Array) -> Array:
    r"""BP4: the gradient of the weights, a mean over the batch.

    Equation:
        \frac{\partial C}{\partial w^l} = \frac{1}{m} (\delta^l)^\top a^{l-1}
    Book:
        \frac{\partial C}{\partial w^l_{jk}} = a^{l-1}_k\, \delta^l_j
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
    """Copies of what one step computed. Lists run over the layers 1..L; `a` begins with the input a^0.

    `a` is what the next layer read, dropout included; `full` is before dropout; `kept`: of dropout, 0 or 1/(1-p) for each hidden
    unit, empty where there is none.
    """

    y: Array
    z: list[Array]
    a: list[Array]
    delta: list[Array]
    weight_gradients: list[Array]
    bias_gradients: list[Array]
    full: list[Array]
    kept: list[Array]

    def contributions(self, layer: int, j: int, k: int) -> Array:
        r"""What each sample gave to one weight's gradient: a_k^(l-1) delta_j^l / m, (m,); their sum is the gradient.

        The cost's part only: weight decay belongs to no sample.
        """
        return self.delta[layer - 1][:, j] * self.a[layer - 1][:, k] / len(self.y)


class FeedForward(NeuralNetwork):
    r"""Nielsen's network of any depth.

    Arguments:
        sizes: units per layer, input first, for example (784, 30, 10).
        activation: of the hidden layers, or a list with one name a layer (output last); see `byhand.activations`.
        output: activation of the last layer; None takes the hidden one's.
        cost: "quadratic", "cross_entropy" or "huber"; see `byhand.costs`. For numbers to learn, output="identity" and
            "quadratic", the squared error, or "huber", which far-off samples move less.
        initialiser: one of `byhand.initialisers`; None takes the one that fits each layer's activation: Nielsen's for sigmoid and
            tanh, he's for relu, leaky_relu and silu, and glorot's for the output behind these.
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
    by_hand = True
    tunable = ("dropout", "l2", "l1")

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Sequence[str] = "sigmoid",
        *,
        output: str | None = None,
        cost: str = "quadratic",
        initialiser: str | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
        dropout: float = 0.0,
        seed: int = 0,
        dtype: Any = np.float32,
    ) -> None:
        self.sizes = _checked_sizes(sizes)
        names: list[Any] = list(activation) if isinstance(activation, list | tuple) else [activation] * (len(self.sizes) - 1)
        if output is not None:
            names[-1:] = [output]
        if len(names) != len(self.sizes) - 1:
            raise ModelError(f"{len(names)} activations for {len(self.sizes) - 1} layers: give one name, or one a layer")
        self.activations = [activations.by_name(name) for name in names]
        self.cost = costs.by_name(cost, self.activations[-1])
        if self.sizes[-1] == 1 and names[-1] == "softmax":
            raise ModelError("softmax of a single output is 1 whatever comes in: use sigmoid for a yes or no, or 2 outputs")
        self.l2, self.l1 = limits.number("l2", l2, least=0), limits.number("l1", l1, least=0)
        self.dropout = limits.number("dropout", dropout, least=0, below=1)
        self.dtype = float_type(dtype)

        self.parameters, self.weights, self.biases = self._flat()
        self.gradient, self.weight_gradients, self.bias_gradients = self._flat()
        wanted = [activation.initialiser for activation in self.activations]
        self.initialisers = initialisers.fitting(wanted) if initialiser is None else [initialiser] * len(wanted)
        rng = generator(seed, "weights")
        for w, b, name in zip(self.weights, self.biases, self.initialisers, strict=True):
            initialisers.by_name(name)(w, b, rng)
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

    def features(self, x: Array) -> Array | None:
        """What the last layer reads, (N, n_{L-1}); of a network of one layer nothing."""
        if len(self.weights) < 2:
            return None
        x = self._rows(x)
        return np.concatenate([self._hidden(x[start : start + ROWS]) for start in range(0, len(x), ROWS)])

    def _hidden(self, x: Array) -> Array:
        a = x
        for w, b, activation in zip(self.weights[:-1], self.biases[:-1], self.activations[:-1], strict=True):
            z = weighted_input(a, w, b, np.empty((len(a), len(b)), self.dtype))
            a = activate(z, activation, np.empty_like(z))
        return a

    def predict(self, x: Array) -> np.ndarray[Any, Any]:
        """The class of each sample, (N,): the output unit that answers most strongly, or whether a single one is above 0.5.

        Where numbers were learned, these: (N,) of a single output, or (N, n_L). Where several labels, whether each applies,
        (N, n_L).
        """
        outputs = self.forward(x)
        if self.purpose == LABELLING:
            return outputs > HALF
        if self.purpose == REGRESSION:
            return outputs[:, 0] if self.n_outputs == 1 else outputs
        return chosen(outputs)

    def evaluate(self, x: Array, y: Array) -> tuple[float, float | None]:
        """Mean cost without weight decay, and accuracy in [0, 1], for inputs (N, ...) and targets (N, n_L).

        The accuracy is None where the targets are numbers to learn; of several labels it is the mean over them. For a single
        output, targets of 0 and 1 may also be (N,), or one-hot (N, 2).
        """
        x, total, right = self._rows(x), 0.0, 0.0
        y = self._targets(y, len(x))
        for start in range(0, len(x), ROWS):
            z, a = self._last_layer(x[start : start + ROWS])
            targets = y[start : start + ROWS]
            total += float(self.cost.per_sample(z, a, targets, self.activations[-1]).sum(dtype=np.float64))
            if self.purpose == LABELLING:
                right += float(((a > HALF) == (targets > HALF)).mean(axis=1).sum())
            else:
                right += int((chosen(a) == chosen(targets)).sum())
        return total / len(x), None if self.purpose == REGRESSION else right / len(x)

    def _last_layer(self, x: Array) -> tuple[Array, Array]:
        a = self._hidden(x)
        z = weighted_input(a, self.weights[-1], self.biases[-1], np.empty((len(a), len(self.biases[-1])), self.dtype))
        return z, activate(z, self.activations[-1], np.empty_like(z))

    def learn(self, x: Array, y: Array) -> float:
        """One forward and one backward pass: fills `gradient`, returns the batch's cost (weight decay included).

        x: (m, ...) inputs, y: (m, n_L) targets; for a single output also (m,), or one-hot (m, 2).
        """
        x, y = self.as_batch(x, y)
        cost = self._forward(x, y)
        self._backward(x, y)
        self._batch = x, y
        return cost + self._decay()

    def as_batch(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Inputs (m, n_0) and targets (m, n_L) as `learn` reads them; raises ModelError for what does not fit."""
        x = self._rows(x)
        return x, self._targets(y, len(x))

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
        w, gradient = self.parameters[: self.n_weights], self.gradient[: self.n_weights]
        if self.l2:
            gradient += self.l2 * w
        if self.l1:
            gradient += self.l1 * np.sign(w)
        return self.penalty()

    def penalty(self) -> float:
        """The cost of weight decay, l2/2 sum w^2 + l1 sum |w|."""
        w, cost = self.parameters[: self.n_weights], 0.0
        if self.l2:
            cost += 0.5 * self.l2 * float(w @ w)
        if self.l1:
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
            full=[x.copy(), *(a.copy() for a in buffers.a)],
            kept=[kept.copy() for kept in buffers.kept[:-1]],
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
        x = numbers("the input", x, self.dtype, f"(m, {self.sizes[0]})")
        if x.ndim < 2 or x.size != len(x) * self.sizes[0] or len(x) == 0:
            raise ModelError(
                f"the input must be (m, {self.sizes[0]}), one row of {self.sizes[0]} numbers per sample, got {x.shape}"
            )
        return x.reshape(len(x), self.sizes[0])

    def _targets(self, y: Array, m: int) -> Array:
        if not isinstance(y, np.ndarray) or y.dtype.kind not in "fiub":
            y = numbers("the targets", y, self.dtype, f"({m}, {self.sizes[-1]})")
        # NumPy would stretch one column or one row to the outputs' shape, and a wrong network would train in silence.
        wanted = (m, self.sizes[-1])
        if np.shape(y) != wanted:
            y = fitting_targets(np.asarray(y), wanted)
        if np.shape(y) != wanted:
            raise ModelError(f"the targets must be {wanted}, one number per output unit and sample, got {np.shape(y)}")
        return y

    def twin(self, dtype: Any = None) -> Self:
        """The same network, in this float type, sharing nothing with the first; dropout goes on as its own would."""
        other = copy.copy(self)
        other.dtype = self.dtype if dtype is None else float_type(dtype)
        other.parameters, other.weights, other.biases = other._flat()
        other.gradient, other.weight_gradients, other.bias_gradients = other._flat()
        other.parameters[...] = self.parameters
        other.rng, other._buffers, other._batch = copy.deepcopy(self.rng), {}, None
        return other

    def layer_outputs(self) -> list[LayerOutput]:
        """The activations of the last `learn`, before dropout, layer by layer."""
        if self._batch is None:
            return []
        a, last = self._buffers_for(len(self._batch[0])).a, len(self.weights) - 1
        return [
            LayerOutput(f"layers.{layer}", activation.name, a[layer], layer < last)
            for layer, activation in enumerate(self.activations)
        ]

    @property
    def cost_name(self) -> str:
        """The cost by name."""
        return self.cost.name

    @property
    def output_activation(self) -> str:
        """The function that the outputs come out of."""
        return self.activations[-1].name

    def weighted_outputs(self, x: Array) -> Array:
        """z^L, (N, n_L)."""
        return self._last_layer(self._rows(x))[0]

    def without_dropout(self) -> Self | None:
        """The same network, sharing its parameters, that drops nothing; None where nothing is dropped."""
        if not self.dropout:
            return None
        other = copy.copy(self)
        other.dropout, other._buffers = 0.0, {}
        return other

    def with_cost(self, name: str) -> Self | None:
        """The same network, sharing its parameters, with another cost; None where its outputs do not go with that."""
        if self.activations[-1].name not in costs.COSTS[name].outputs:
            return None
        other = copy.copy(self)
        other.cost = costs.by_name(name, self.activations[-1])
        return other

    def enlarged(self, times: int) -> Enlargement | None:
        """So many times the hidden units, of the same class; None where there are none."""
        if len(self.sizes) < 3:
            return None
        hidden = [times * n for n in self.sizes[1:-1]]
        names = [activation.name for activation in self.activations]
        settings: dict[str, Any] = {"cost": self.cost.name, "l2": self.l2, "l1": self.l1, "dropout": self.dropout}
        wide = type(self)((self.sizes[0], *hidden, self.sizes[-1]), names, seed=1, **settings)
        wide.redraw()
        wide.rng = generator(0, "dropout")
        return Enlargement(wide, f"with {_counted(times)} times as many hidden units", {"hidden": hidden}, 3.0)

    def redraw(self) -> bool:
        """Draw the weights anew, in place: he's for rectified units, else Nielsen's; biases at 0 before."""
        self.parameters.fill(0)
        rectified = self.activations[0].name in ("relu", "leaky_relu", "silu")
        for w, b in zip(self.weights, self.biases, strict=True):
            initialisers.by_name("he" if rectified else "nielsen")(w, b, generator(len(b), "redraw"))
        return True

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
        began = initialisers.in_words(self.initialisers) if self.initialisers else ""  # Nielsen's are this network's own
        said = f", initialised by {began}" if began not in ("", "nielsen") else ""
        return f"FeedForward({shape}, {names}, {self.cost.name}: {self.parameters.size:,} parameters{said})"


def from_architecture(architecture: dict[str, Any], dtype: Any = np.float32) -> FeedForward:
    """The untrained network that `FeedForward.architecture` described; raises ModelError where it describes none."""
    try:
        sizes = architecture["sizes"]
        names, cost = list(architecture["activations"]), architecture["cost"]
        l2, l1, dropout = (architecture.get(key, 0) for key in ("l2", "l1", "dropout"))
    except (KeyError, TypeError) as error:
        raise ModelError(
            f"the architecture is not a feed-forward network's ({error!r}): expected sizes, activations, cost"
        ) from error
    network = FeedForward(sizes, names, cost=cost, l2=l2, l1=l1, dropout=dropout, dtype=dtype)
    network.initialisers = []  # its weights come from elsewhere
    return network


def from_recipe(recipe: Any, train: Any, dtype: Any, device: str) -> FeedForward:
    """The untrained network of a recipe, for data that `train` is the training part of."""
    return FeedForward(
        (train.flat.shape[1], *recipe.hidden, train.n_outputs),
        recipe.activation,
        output=recipe.output,
        cost=recipe.cost,
        initialiser=recipe.initialiser or None,
        l2=recipe.regularisation / len(train),
        l1=recipe.l1,
        dropout=recipe.dropout,
        seed=recipe.seed,
        dtype=dtype,
    )


register(
    NetworkKind(
        FeedForward.kind,
        read=from_architecture,
        build=from_recipe,
        settings=("hidden", "activation", "output", "cost", "initialiser", "regularisation", "l1", "dropout"),
        by_hand=True,
    )
)


def _counted(times: int) -> str:
    """A small number in words.

    >>> _counted(8)
    'eight'
    """
    return {2: "two", 4: "four", 8: "eight"}.get(times, str(times))


def _checked_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    found = limits.whole_numbers("sizes", sizes, fewest=2)
    if sum((n_in + 1) * n_out for n_in, n_out in pairwise(found)) > LARGEST:
        raise ModelError(f"sizes {found} make more parameters than {LARGEST:,}, the most there may be: choose smaller layers")
    if any(n_in * n_out > limits.largest_array() for n_in, n_out in pairwise(found)):
        raise ModelError(f"sizes {found} make more than {limits.largest_array():,} weights in a layer: choose smaller layers")
    return found
