"""What networks are made of, as methods: attention and the costs of classes, with the classes on the second axis, as in PyTorch.

byhand's layers and losses are in `byhand.nn`, with the classes last.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand import engine
from byhand.engine.methods.numbers import Numbers
from byhand.errors import EngineError

if TYPE_CHECKING:
    from byhand.engine.tensor import Tensor


class Networks(Numbers):
    """Methods that are layers or costs elsewhere."""

    __slots__ = ()

    def scaled_dot_product_attention(
        self,
        key: Any,
        value: Any,
        attn_mask: Any = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        enable_gqa: bool = False,
    ) -> Tensor:
        """What queries (..., T, d) find among keys (..., S, d), of values (..., S, e).

        attn_mask: True where a query may look, or numbers to add. enable_gqa: there are fewer heads of keys and values, each for
        several heads of queries.
        """
        if enable_gqa:
            key, value = (one.repeat_interleave(self.shape[-3] // one.shape[-3], -3) for one in (key, value))
        if isinstance(attn_mask, engine.Tensor) and attn_mask.requires_grad:  # of which the op would know no gradient
            scores = engine.ops.matmul(self, key.swapaxes(-1, -2)) / math.sqrt(self.shape[-1]) + attn_mask
            found = engine.ops.matmul(engine.ops.softmax(scores), value)
        else:
            found = engine.ops.attention(self, key, value, mask=attn_mask, causal=is_causal)
        return engine.ops.dropout(found, rate=dropout_p) if dropout_p else found

    def cross_entropy(self, target: Any, reduction: str = "mean", label_smoothing: float = 0.0) -> Tensor:
        """The cost of outputs (N, K, ...) before the softmax; target: whole numbers (N, ...), or probabilities like the outputs.

        >>> from byhand.engine import Tensor
        >>> float(Tensor([[0.0, 0.0]]).cross_entropy([1]).exp())
        2.0
        """
        k = self.shape[1]
        wanted: Any = target if isinstance(target, engine.Tensor) else np.asarray(target)
        if wanted.shape != self.shape:
            wanted = np.moveaxis(_rows("cross_entropy", np.asarray(getattr(target, "data", target)), k), -1, 1)
        if not isinstance(wanted, engine.Tensor):  # a tensor's own gradient is wanted too
            wanted = wanted.astype(self.dtype)
        wanted = wanted * (1 - label_smoothing) + label_smoothing / k
        each = -engine.ops.sum(engine.ops.log_softmax(self, axis=1) * wanted, axis=1)
        return _reduced(each, reduction, each.size)

    def sparse_categorical_crossentropy(
        self, target: Any, ignore_index: int = -1, label_smoothing: float = 0.0, reduction: str = "mean"
    ) -> Tensor:
        """The cost of outputs (..., K) before the softmax; target: whole numbers (...), of which one may stand for "unknown"."""
        target = np.asarray(getattr(target, "data", target))
        counts, k = target != ignore_index, self.shape[-1]
        wanted = (1 - label_smoothing) * _rows("sparse_categorical_crossentropy", target * counts, k) + label_smoothing / k
        wanted = (wanted * counts[..., None]).astype(self.dtype)
        return _reduced(-engine.ops.sum(engine.ops.log_softmax(self) * wanted, axis=-1), reduction, counts.sum())

    def nll_loss(self, target: Any, weight: Any = None, ignore_index: int | None = None, reduction: str = "mean") -> Tensor:
        """Minus the logarithm of the right class's probability; of logarithms (N, K, ...), target: whole numbers (N, ...)."""
        target = np.asarray(getattr(target, "data", target))
        k = self.shape[1]
        known = np.ones(target.shape, bool) if ignore_index is None else target != ignore_index
        weights = np.ones(k) if weight is None else np.asarray(getattr(weight, "data", weight))
        each_weight = weights[target * known] * known
        wanted = np.moveaxis(_rows("nll_loss", target * known, k), -1, 1) * np.expand_dims(each_weight, 1)
        return _reduced(-engine.ops.sum(self * wanted.astype(self.dtype), axis=1), reduction, each_weight.sum())

    def binary_crossentropy(self, target: Any, reduction: str = "mean") -> Tensor:
        """The cost of probabilities, where 1 or 0 was right; a probability of 0 costs as much as e^-100 would."""
        y = target if isinstance(target, engine.Tensor) else engine.Tensor(target, dtype=self.dtype)
        log, rest = (engine.ops.maximum(engine.ops.log(p), -100.0) for p in (self, engine.ops.subtract(1, self)))
        each = -(y * log + (1 - y) * rest)
        return _reduced(each, reduction, each.size)

    def binary_crossentropy_logits(self, target: Any, reduction: str = "mean", pos_weight: Any = None) -> Tensor:
        """The same of outputs before the sigmoid, so that no logarithm of 0 can occur."""
        y = target if isinstance(target, engine.Tensor) else engine.Tensor(target, dtype=self.dtype)
        log = engine.ops.softplus(engine.ops.negative(self))
        each = (1 - y) * self + (log if pos_weight is None else log * (1 + (pos_weight - 1) * y))
        return _reduced(each, reduction, each.size)


def _rows(name: str, target: Any, k: int) -> Any:
    """A 1 at each class's place, along a new last axis."""
    if target.dtype.kind not in "iu" or (target.size and not (target.min() >= 0 and target.max() < k)):
        raise EngineError(f"{name}: the targets must be whole numbers from 0 to {k - 1}, got {target.dtype} {target.shape}")
    return target[..., None] == np.arange(k)


def _reduced(each: Tensor, reduction: str, n: Any) -> Tensor:
    if reduction not in ("mean", "sum", "none"):
        raise EngineError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    if reduction == "none":
        return each
    return engine.ops.sum(each) / (float(n) if reduction == "mean" else 1.0)
