"""Muon: a matrix of weights moves along all its directions alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from byhand import limits
from byhand.backend import Array
from byhand.errors import ModelError
from byhand.neural_network import Turn
from byhand.optim.optimizer import Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # the polynomial that brings singular values near to 1 in the fewest products


class Muon(Optimizer):
    r"""Momentum, made orthogonal: each matrix moves by one whose singular values are all near 1. Vectors move as Adam moves them.

    Equation:
        m \leftarrow \mu m + (1 - \mu) g, \quad u = (1 - \mu) g + \mu m = U S V^\top, \quad
        \theta \leftarrow \theta - \eta \left(\sqrt{\max(1, n_{out}/n_{in})}\; U V^\top + \lambda \theta\right)
    Source:
        Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks"

    Filters of convolutions count as matrices, (C_out, k k C_in). Of vectors, such as biases and the scales of norms, Adam takes
    steps of `vector_learning_rate`, without decay.
    """

    name = "muon"
    equation = (
        r"m \leftarrow \mu m + (1 - \mu) g,\quad u = (1 - \mu) g + \mu m = U S V^\top,\quad "
        r"\theta \leftarrow \theta - \eta \left(\sqrt{\max(1, n_{out}/n_{in})}\, U V^\top + \lambda \theta\right)"
    )
    slots = ("m", "v")
    reads_shapes = True

    def __init__(
        self,
        learning_rate: float = 1e-3,
        momentum: float = 0.95,
        nesterov: bool = True,
        weight_decay: float = 0.1,
        iterations: int = 5,
        vector_learning_rate: float = 1e-3,
    ) -> None:
        super().__init__(learning_rate)
        self.momentum = limits.number("momentum", momentum, least=0, below=1)
        self.nesterov = limits.truth("nesterov", nesterov)
        self.weight_decay = limits.number("weight_decay", weight_decay, least=0)
        self.iterations = limits.whole("iterations", iterations, most=100)
        self.vector_learning_rate = limits.number("vector_learning_rate", vector_learning_rate, above=0)

    def step(self, parameters: Array, gradient: Array, turn: Turn | None = None) -> None:
        """As every optimiser's, matrix by matrix."""
        if not self._locations:
            raise ModelError("muon must be told the shapes of the parameters: train with byhand.steps or fit, or call locate")
        self.prepare(parameters)
        self.steps += 1
        if turn is not None:
            self.update.fill(0)
        for name, location in self._locations.items():
            if turn is not None and not turn.part.start <= location.place.start < turn.part.stop:
                continue
            rule = self.rule_of(name)
            if len(location.shape) < 2:
                rule._change(location.place, parameters[location.place], gradient[location.place], self.update[location.place])
            else:
                theta, g, m, update = (location.view(flat) for flat in (parameters, gradient, self.state["m"], self.update))
                rule._turn(*(one.reshape(-1, one.shape[-1]).T if one.ndim > 2 else one for one in (theta, g, m, update)))
            parameters[location.place] += self.update[location.place]

    def _turn(self, theta: Array, g: Array, m: Array, update: Array) -> None:
        """The update of a matrix (n_out, n_in), into `update`."""
        m *= self.momentum
        m += (1 - self.momentum) * g
        u = (1 - self.momentum) * g + self.momentum * m if self.nesterov else m
        update[...] = orthogonal(u, self.iterations)
        update *= math.sqrt(max(1.0, len(u) / u.shape[1]))
        update += self.weight_decay * theta
        update *= -self.learning_rate

    def _change(self, block: slice, theta: Array, g: Array, update: Array) -> None:
        """The update of a vector: Adam's, at its own rate, which the schedule moves along with the other."""
        m, v = self.state["m"][block], self.state["v"][block]
        beta1, beta2 = 0.9, 0.999
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * g * g
        rate = self.vector_learning_rate * self.learning_rate / self._given_rate
        root = np.sqrt(v / (1 - beta2**self.steps)) + 1e-8
        np.divide(m, root, out=update)
        update *= -rate / (1 - beta1**self.steps)

    meanings: ClassVar[Mapping[str, str]] = {"m": "running mean of the gradient", "v": "of vectors: running mean of its square"}


def orthogonal(u: Array, iterations: int = 5) -> Array:
    r"""Nearly U V^T of u = U S V^T, without its singular values, by products of matrices alone.

    Equation:
        x \leftarrow a x + (b\,x x^\top + c\,(x x^\top)^2)\,x, \quad x_0 = u / \lVert u \rVert
    Source:
        Jordan et al. (2024); Bernstein and Newhouse (2024), arXiv:2409.20325, for the iteration of Newton and Schulz

    >>> np.linalg.svd(orthogonal(np.diag([5.0, 1.0, 0.2])), compute_uv=False).round(1)
    array([1. , 0.8, 0.7])
    """
    a, b, c = COEFFICIENTS
    tall = len(u) > u.shape[1]
    x = u.T if tall else u
    x = x / max(float(np.sqrt((x * x).sum())), 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x
