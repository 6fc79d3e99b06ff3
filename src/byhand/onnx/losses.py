"""ONNX's losses: the negative log-likelihood of classes, from log-probabilities or from what a softmax reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.engine import Tensor, ops
from byhand.onnx.call import Call, constant, operation


def _likelihood(call: Call, log_p: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """The loss of log-probabilities (N, C, ...) for classes (N, ...); a class that is to be ignored weighs nothing."""
    classes, ignored = target.data.astype(np.int64), call.get("ignore_index")
    counted = np.ones(classes.shape, bool) if ignored is None else classes != ignored
    chosen = np.where(counted, classes, 0)
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < log_p.shape[1]:
        raise call.refuse(f"must get classes from 0 to {log_p.shape[1] - 1}, got {chosen.min()} to {chosen.max()}")
    scale = counted.astype(log_p.dtype)
    if weight is not None:
        scale = scale * weight.data[chosen]
    picked = ops.gather(log_p, indices=chosen[:, None], axis=1)
    loss = ops.multiply(ops.reshape(picked, shape=chosen.shape), constant(-scale, log_p))
    reduction = call.get("reduction", "mean")
    if reduction == "none":
        return loss
    if reduction not in ("sum", "mean"):
        raise call.refuse(f"with reduction {reduction!r} is not read, only none, sum, mean")
    return ops.sum(loss) if reduction == "sum" else ops.divide(ops.sum(loss), constant(scale.sum(), log_p))


@operation("NegativeLogLikelihoodLoss", "ignore_index", "reduction")
def _nll(call: Call, log_p: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return _likelihood(call, log_p, target, weight)


@operation("SoftmaxCrossEntropyLoss", "ignore_index", "reduction")
def _cross_entropy(call: Call, z: Tensor, target: Tensor, weight: Tensor | None = None) -> Any:
    log_p = ops.log_softmax(z, axis=1)
    loss = _likelihood(call, log_p, target, weight)
    return (loss, log_p) if call.outputs > 1 else loss
