"""ONNX's losses: the negative log-likelihood of classes, from log-probabilities or from what a softmax reads."""

from __future__ import annotations

from typing import Any

from byhand.engine import Tensor, ops
from byhand.onnx.call import Call, operation


def _likelihood(call: Call, log_p: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """The loss of log-probabilities (N, C, ...) for classes (N, ...)."""
    return log_p.nll_loss(target, weight, call.get("ignore_index"), call.get("reduction", "mean"))


@operation("NegativeLogLikelihoodLoss", "ignore_index", "reduction")
def _nll(call: Call, log_p: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    return _likelihood(call, log_p, target, weight)


@operation("SoftmaxCrossEntropyLoss", "ignore_index", "reduction")
def _cross_entropy(call: Call, z: Tensor, target: Tensor, weight: Tensor | None = None) -> Any:
    log_p = ops.log_softmax(z, axis=1)
    loss = _likelihood(call, log_p, target, weight)
    return (loss, log_p) if call.outputs > 1 else loss
