"""Losses of classes, under PyTorch's names. The classes are the last axis: (N, K), or (N, H, W, K) of images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import Array, array_module
from byhand.engine import Tensor, ops
from byhand.errors import EngineError, ModelError
from byhand.nn.losses import Loss

IGNORED = -100  # PyTorch's number for a place whose class nobody knows


class BCEWithLogitsLoss(Loss):
    r"""Binary cross-entropy of sigmoid outputs, from their weighted inputs.

    Equation:
        C_i = w_i \left((1 - y_i)\,z_i + (1 + (p_i - 1)\,y_i) \ln(1 + e^{-z_i})\right)
    Shapes:
        z, y: any, equal; y in [0, 1]; weight w, pos_weight p: numbers that broadcast to them, 1 where they are left out
    Source:
        Nielsen (2015), chapter 3, eqs. 57 and 60

    `pos_weight` above 1 makes a missed yes dearer than a false one, for classes of unequal size.
    """

    settings = ("weight", "reduction", "pos_weight")

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        self.weight = _numbers("BCEWithLogitsLoss: weight", weight)
        self.pos_weight = _numbers("BCEWithLogitsLoss: pos_weight", pos_weight)

    def forward(self, z: Any, y: Any) -> Any:
        z, y = self.checked(z, y)
        if self.reduction == "mean" and self.weight is None and self.pos_weight is None:
            return ops.bce_with_logits(z, y)
        log = ops.softplus(-z)
        if self.pos_weight is not None:
            log = log * (1 + (_like("BCEWithLogitsLoss: pos_weight", self.pos_weight, z) - 1) * y)
        each = (1 - y) * z + log
        if self.weight is not None:
            each = each * _like("BCEWithLogitsLoss: weight", self.weight, z)
        return self.reduced(each)


class _OfClasses(Loss):
    """What losses of whole-number classes share: weights of the classes, and a class that is ignored."""

    settings: tuple[str, ...] = ("weight", "ignore_index", "reduction")

    def __init__(self, weight: Any = None, ignore_index: int = IGNORED, reduction: str = "mean") -> None:
        super().__init__(reduction)
        name = type(self).__name__
        self.weight = _numbers(f"{name}: weight", weight)
        self.ignore_index = limits.whole(f"{name}: ignore_index", ignore_index, -limits.LARGEST)

    def rows(self, z: Any) -> Any:
        """Outputs as rows of K, one for each place that has a class."""
        if z.ndim < 1 or z.size == 0:
            raise EngineError(f"{type(self).__name__}: the outputs must be (N, ..., K), K classes last, got {z.shape}")
        if self.weight is not None and np.shape(self.weight) != z.shape[-1:]:
            raise EngineError(f"{type(self).__name__}: weight must have one number for each of {z.shape[-1]} classes")
        return z if z.ndim == 2 else ops.reshape(z, shape=(-1, z.shape[-1]))

    def classes(self, z: Any, target: Array) -> tuple[Array, Array]:
        """Of each row its class, 0 where it is ignored, and whether it counts; raises EngineError for what are none."""
        name, k = type(self).__name__, z.shape[-1]
        if target.shape != z.shape[:-1] or target.dtype.kind not in "iu":
            raise EngineError(
                f"{name}: the outputs are {z.shape}, so the targets must be whole numbers {z.shape[:-1]}, "
                f"got {target.dtype} {target.shape}"
            )
        target = target.reshape(-1)
        counts = target != self.ignore_index
        known = target[counts]
        if known.size and not (int(known.min()) >= 0 and int(known.max()) < k):
            raise EngineError(f"{name}: classes must be from 0 to {k - 1}, got {known.min()} to {known.max()}")
        return target * counts, counts

    def weights(self, z: Any, classes: Array, counts: Array) -> Array:
        """What each row counts: its class's weight, 1 where there are none, 0 where it is ignored."""
        xp = array_module(z.data)
        weight = xp.ones(z.shape[-1], z.dtype) if self.weight is None else xp.asarray(self.weight, dtype=z.dtype)
        found = weight[classes] * counts
        if self.reduction == "mean" and not found.any():
            raise EngineError(f"{type(self).__name__}: every target is ignored or weighs 0, and there is no mean of none")
        return found

    def of_classes(self, log_p: Any, classes: Array, counts: Array) -> Any:
        """-ln p of each row's class; 0, whatever stands there, where the row is ignored."""
        lost = -ops.gather(log_p, indices=classes[:, None], axis=1)[:, 0]
        return lost if counts.all() else ops.where(counts, lost, 0.0)

    def in_shape(self, each: Any, z: Any) -> Any:
        return ops.reshape(each, shape=z.shape[:-1]) if self.reduction == "none" and z.ndim != 2 else each


class NLLLoss(_OfClasses):
    r"""Negative log-likelihood: minus what `LogSoftmax` says of the right class.

    Equation:
        C_i = -w_{y_i}\,a_{i y_i}, \quad C = \frac{\sum_i C_i}{\sum_i w_{y_i}}
    Shapes:
        a: (N, ..., K) logarithms of probabilities; y: (N, ...) whole numbers of classes; weight w: (K,), or none
    Source:
        Nielsen (2015), chapter 3, eq. 80

    Places of the class `ignore_index` cost nothing, and are not counted.
    """

    def forward(self, a: Any, y: Any) -> Any:
        a = _tensor(a)
        rows, target = self.rows(a), _array(y)
        classes, counts = self.classes(a, target)
        w = self.weights(rows, classes, counts)
        return self.in_shape(self.reduced(self.of_classes(rows, classes, counts) * w, over=w.sum()), a)


class CrossEntropyLoss(_OfClasses):
    r"""Cross-entropy of softmax outputs, from their weighted inputs.

    Equation:
        C_i = -\sum_k w_k\,q_{ik} \ln p_{ik}, \quad p = \operatorname{softmax}(z),
        \quad q = (1 - \varepsilon)\,y + \varepsilon / K, \quad C = \frac{\sum_i C_i}{\sum_i w_{y_i}}
    Shapes:
        z: (N, ..., K); y: (N, ...) whole numbers of classes, or (N, ..., K) probabilities, whose mean is over their number;
        weight w: (K,), or none; label_smoothing epsilon: in [0, 1]
    Source:
        Nielsen (2015), chapter 3, eq. 80; smoothing: Szegedy et al. (2016), arXiv:1512.00567, section 7

    Places of the class `ignore_index` cost nothing, and are not counted.

    >>> from byhand.engine import Tensor
    >>> CrossEntropyLoss(ignore_index=255)(Tensor(np.zeros((2, 4, 4, 10))), np.full((2, 4, 4), 3)).item()  # ln 10
    2.302585092994046
    """

    settings = ("weight", "ignore_index", "reduction", "label_smoothing")

    def __init__(
        self, weight: Any = None, ignore_index: int = IGNORED, reduction: str = "mean", label_smoothing: float = 0.0
    ) -> None:
        super().__init__(weight, ignore_index, reduction)
        self.label_smoothing = limits.number("CrossEntropyLoss: label_smoothing", label_smoothing, 0, 1)

    def forward(self, z: Any, y: Any) -> Any:
        z = _tensor(z)
        rows, target = self.rows(z), _array(y)
        if target.shape == z.shape and target.dtype.kind == "f":
            return self.in_shape(self._of_probabilities(rows, target.reshape(rows.shape)), z)
        classes, counts = self.classes(z, target)
        plain = self.reduction == "mean" and self.weight is None and self.label_smoothing < 1
        if plain and counts.all():
            return ops.cross_entropy(rows, target=classes, label_smoothing=self.label_smoothing)
        log_p, w = ops.log_softmax(rows, axis=1), self.weights(rows, classes, counts)
        each, epsilon = self.of_classes(log_p, classes, counts) * w, self.label_smoothing
        if epsilon:
            k = rows.shape[1]
            shares = counts[:, None] * self.weights(rows, np.arange(k), np.ones(k, bool))
            each = each * (1 - epsilon) + ops.sum(-log_p * shares, axis=1) * (epsilon / k)
        return self.in_shape(self.reduced(each, over=w.sum()), z)

    def _of_probabilities(self, rows: Any, y: Array) -> Any:
        k = rows.shape[1]
        q = (1 - self.label_smoothing) * y + self.label_smoothing / k
        q = (q if self.weight is None else q * np.asarray(self.weight)).astype(rows.dtype)
        return self.reduced(ops.sum(-ops.log_softmax(rows, axis=1) * q, axis=1))


class MultiMarginLoss(Loss):
    r"""The hinge loss of a support vector machine of many classes: the right output must lead each other by a margin.

    Equation:
        C_i = \frac{w_{y_i}}{K} \sum_{k \ne y_i} \max(0, \Delta - z_{i y_i} + z_{ik})^p
    Shapes:
        z: (N, K); y: (N,) whole numbers of classes; p: 1 or 2; margin Delta: a number; weight w: (K,), or none
    Source:
        Weston and Watkins (1999), "Support vector machines for multi-class pattern recognition", eq. 4
    """

    settings = ("p", "margin", "weight", "reduction")

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.p = limits.whole("MultiMarginLoss: p", p, 1, 2)
        self.margin = limits.number("MultiMarginLoss: margin", margin)
        self.weight = _numbers("MultiMarginLoss: weight", weight)

    def forward(self, z: Any, y: Any) -> Any:
        z = _tensor(z)
        if z.ndim != 2:
            raise EngineError(f"MultiMarginLoss: the outputs must be (N, K), got {z.shape}")
        of = _OfClasses(weight=self.weight)
        classes, counts = of.classes(z, _array(y))
        right = ops.gather(z, indices=classes[:, None], axis=1)
        others = np.arange(z.shape[1]) != classes[:, None]
        short = ops.where(others, ops.relu(self.margin - right + z), 0.0)
        each = ops.sum(short if self.p == 1 else short * short, axis=1) / z.shape[1]
        return self.reduced(each if self.weight is None else each * of.weights(z, classes, counts))


def _tensor(given: Any) -> Tensor:
    return given if isinstance(given, Tensor) else Tensor(given)


def _array(given: Any) -> Array:
    return given.data if isinstance(given, Tensor) else np.asarray(given) if not hasattr(given, "dtype") else given


def _numbers(name: str, given: Any) -> Any:
    """Weights as a list of floats, as a model file holds them; None where there are none."""
    if given is None:
        return None
    try:
        found = np.asarray(_array(given), np.float64)
    except (TypeError, ValueError, OverflowError):
        found = np.empty(0)
    if not found.size or not np.isfinite(found).all() or (found < 0).any() or found.ndim > 1:
        raise ModelError(f"{name} must be a list of numbers, 0 or more, got {limits.told(given)}")
    return found.tolist()


def _like(name: str, given: Any, z: Any) -> Array:
    """Weights that are to broadcast to the outputs, in their type."""
    found = array_module(z.data).asarray(given, dtype=z.dtype)
    if found.ndim and (z.ndim == 0 or found.shape[-1] not in (1, z.shape[-1])):
        raise EngineError(f"{name} must be one number or {z.shape[-1] if z.ndim else 1}, got {math.prod(found.shape)}")
    return found
