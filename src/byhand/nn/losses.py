"""Losses of outputs and targets of one shape, under PyTorch's names: distances and divergences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import array_module
from byhand.engine import Tensor, ops
from byhand.errors import EngineError
from byhand.nn.module import Module

REDUCTIONS = ("mean", "sum", "none")


class Loss(Module):
    r"""What a network's outputs cost, given what they should have been.

    Equation:
        C = \frac{1}{n} \sum_i C_i \;\text{(mean)}, \quad \sum_i C_i \;\text{(sum)}, \quad C_i \;\text{(none)}
    """

    settings: tuple[str, ...] = ("reduction",)
    reductions: tuple[str, ...] = REDUCTIONS

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = limits.one_of(f"{type(self).__name__}: reduction", reduction, self.reductions)

    def reduced(self, each: Any, over: Any = None) -> Any:
        """The costs C_i as one number, or as they are; `over`: what a mean divides the sum by, where it is not their number."""
        if self.reduction == "none":
            return each
        if self.reduction == "sum":
            return ops.sum(each)
        return ops.mean(each) if over is None else ops.sum(each) / over

    def checked(self, a: Any, y: Any) -> tuple[Any, Any]:
        """Outputs as a tensor and targets in their type; raises EngineError where the shapes differ."""
        a, y = (one if isinstance(one, Tensor) else Tensor(one) for one in (a, y))
        if a.shape != y.shape:
            raise EngineError(f"{type(self).__name__}: the outputs are {a.shape} but the targets are {y.shape}: they must agree")
        return a, y if y.requires_grad else Tensor(array_module(a.data).asarray(y.data, dtype=a.dtype))


class MSELoss(Loss):
    r"""Mean squared error.

    Equation:
        C_i = (a_i - y_i)^2
    Shapes:
        a, y: any, equal
    Source:
        Nielsen (2015), chapter 1, eq. 6, without the 1/2
    """

    def forward(self, a: Any, y: Any) -> Any:
        a, y = self.checked(a, y)
        if self.reduction == "mean":
            return ops.mse_loss(a, y)
        error = a - y
        return self.reduced(error * error)


class L1Loss(Loss):
    r"""Mean absolute error, whose best single answer is the median; its gradient at 0 is 0.

    Equation:
        C_i = |a_i - y_i|
    Shapes:
        a, y: any, equal
    Source:
        Boyd and Vandenberghe (2004), "Convex optimization", section 6.1.2
    """

    def forward(self, a: Any, y: Any) -> Any:
        a, y = self.checked(a, y)
        return self.reduced(ops.absolute(a - y))


class HuberLoss(Loss):
    r"""Squared near, linear far, so that an outlier pulls no more than the rest.

    Equation:
        C_i = \begin{cases} \frac{1}{2} e^2 & |e| \le \delta \\ \delta (|e| - \frac{1}{2} \delta) & |e| > \delta \end{cases},
        \quad e = a_i - y_i
    Shapes:
        a, y: any, equal; delta: a number above 0
    Source:
        Huber (1964), "Robust estimation of a location parameter"
    """

    settings = ("reduction", "delta")

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = limits.number("HuberLoss: delta", delta, above=0)

    def forward(self, a: Any, y: Any) -> Any:
        a, y = self.checked(a, y)
        if self.reduction == "mean":
            return ops.huber_loss(a, y, d=self.delta)
        return self.reduced(bent(a - y, self.delta))


class SmoothL1Loss(Loss):
    r"""Huber's loss divided by where it bends: with a smaller beta it comes near to the absolute error.

    Equation:
        C_i = \begin{cases} \frac{1}{2} e^2 / \beta & |e| < \beta \\ |e| - \frac{1}{2} \beta & |e| \ge \beta \end{cases},
        \quad e = a_i - y_i
    Shapes:
        a, y: any, equal; beta: a number, 0 or more; with 0 it is the absolute error
    Source:
        Girshick (2015), arXiv:1504.08083, eq. 3
    """

    settings = ("reduction", "beta")

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = limits.number("SmoothL1Loss: beta", beta, least=0)

    def forward(self, a: Any, y: Any) -> Any:
        a, y = self.checked(a, y)
        each = bent(a - y, self.beta) / self.beta if self.beta else ops.absolute(a - y)
        return self.reduced(each)


def bent(error: Any, d: float) -> Any:
    """Half the square where an error is at most d, and from there on straight."""
    size = ops.absolute(error)
    return ops.where(size.data <= d, 0.5 * error * error, d * (size - 0.5 * d))


class KLDivLoss(Loss):
    r"""Kullback and Leibler's divergence of a distribution from the target's, from the logarithms of its probabilities.

    Equation:
        C_i = y_i\,(\ln y_i - a_i), \quad a_i = \ln q_i
    Shapes:
        a: any; y: the same, probabilities, or with `log_target` their logarithms
    Source:
        Kullback and Leibler (1951), "On information and sufficiency", eq. 2.4

    `reduction` "batchmean" sums over a sample's numbers and takes the mean over the samples: the divergence as it is defined.
    "mean" divides by all numbers, as PyTorch does.
    """

    settings = ("reduction", "log_target")
    reductions = (*REDUCTIONS, "batchmean")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = limits.truth("KLDivLoss: log_target", log_target)

    def forward(self, a: Any, y: Any) -> Any:
        a, y = self.checked(a, y)
        if self.log_target:
            each = ops.exp(y) * (y - a)
        else:
            one = ops.where(y.data > 0, y, 1.0)  # 0 ln 0 is 0
            each = y * (ops.log(one) - a)
        return self.reduced(each, over=a.shape[0] if self.reduction == "batchmean" and a.ndim else None)


class HingeEmbeddingLoss(Loss):
    r"""Distances: small where two things are alike (y = 1), and at least a margin where they are not (y = -1).

    Equation:
        C_i = \begin{cases} a_i & y_i = 1 \\ \max(0, \Delta - a_i) & y_i = -1 \end{cases}
    Shapes:
        a, y: any, equal; y: 1 or -1; margin Delta: a number
    Source:
        Hadsell, Chopra and LeCun (2006), "Dimensionality reduction by learning an invariant mapping", eq. 4, without squares
    """

    settings = ("margin", "reduction")

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = limits.number("HingeEmbeddingLoss: margin", margin)

    def forward(self, a: Any, y: Any) -> Any:
        a, y = self.checked(a, y)
        if not (np.abs(y.data) == 1).all():
            raise EngineError("HingeEmbeddingLoss: the targets must be 1 and -1")
        return self.reduced(ops.where(y.data == 1, a, ops.relu(self.margin - a)))


class GaussianNLLLoss(Loss):
    r"""Of a network that says a mean and a variance: the negative logarithm of the target's density.

    Equation:
        C_i = \frac{1}{2} \left(\ln v_i + \frac{(a_i - y_i)^2}{v_i}\right) \left[+ \frac{1}{2} \ln 2 \pi\right], \quad
        v_i = \max(\text{var}_i, \epsilon)
    Shapes:
        a, y, var: any, equal; the term in brackets with `full`
    Source:
        Nix and Weigend (1994), "Estimating the mean and variance of the target probability distribution", eq. 5
    """

    settings = ("full", "eps", "reduction")

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = limits.truth("GaussianNLLLoss: full", full), limits.number("GaussianNLLLoss: eps", eps, above=0)

    def forward(self, a: Any, y: Any, var: Any) -> Any:
        a, y = self.checked(a, y)
        _, var = self.checked(a, var)
        if (var.data < 0).any():
            raise EngineError(f"GaussianNLLLoss: var must be 0 or more, got {var.data.min():.4g}")
        v, error = var + np.maximum(self.eps - var.data, 0), a - y  # the gradient passes there too, as in PyTorch
        each = 0.5 * (ops.log(v) + error * error / v)
        return self.reduced(each + 0.5 * math.log(2 * math.pi) if self.full else each)
