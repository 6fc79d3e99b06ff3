"""Normalisation: what keeps the numbers of a deep network neither vanishing nor exploding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand import kernels
from byhand.backend import DTYPES
from byhand.engine.op import op
from byhand.errors import EngineError


@op
class batch_norm:
    r"""Each channel normalised over the whole batch, then scaled and shifted by what is learned; an activation may follow.

    Equation:
        y = f(\gamma \hat x + \beta), \quad \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}
    Gradient:
        \partial C/\partial x = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}} \left(e - \bar e
        - \hat x\,\overline{e \hat x}\right), \quad e = \delta \odot f'(\gamma \hat x + \beta)
        \partial C/\partial \gamma = \sum e \hat x
        \partial C/\partial \beta = \sum e
    Shapes:
        x: (..., C), gamma, beta: (C,) or none; running mean and variance: (C,), changed in place when training -> y: as x
    Source:
        Ioffe and Szegedy (2015), arXiv:1502.03167, algorithms 1 and 2
    """

    def forward(
        xp: Any,
        x: Any,
        gamma: Any = None,
        beta: Any = None,
        *,
        running_mean: Any = None,
        running_var: Any = None,
        training: bool = True,
        momentum: float = 0.1,
        eps: float = 1e-5,
        activation: str | None = None,
    ) -> Any:
        _check("batch_norm", x, gamma, beta, activation, least=2)
        _per_channel("batch_norm", x, **{"the running mean": running_mean, "the running variance": running_var})
        kernel, m = kernels.family("norm", x), x.size // x.shape[-1] if x.shape[-1] else 0
        if training:
            if m < 2:
                raise EngineError(f"batch_norm: x is {x.shape}: training wants 2 numbers or more of each channel, got {m}")
            mean, variance = kernel.channel_moments(x)
            if running_mean is not None:
                running_mean += momentum * (mean - running_mean)
            if running_var is not None:
                running_var += momentum * (variance * (m / (m - 1)) - running_var)
        elif running_mean is None or running_var is None:
            raise EngineError("batch_norm: without training it needs the running mean and the running variance: give both")
        else:
            mean, variance = running_mean.astype(np.float64), running_var.astype(np.float64)
        rstd = 1 / xp.sqrt(variance + eps)
        y = kernel.batch_norm(x, gamma, beta, mean, rstd, activation)
        return y, (x, gamma, beta, mean, rstd, activation, training)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        x, gamma, beta, mean, rstd, activation, training = saved
        return kernels.family("norm", x).batch_norm_gradient(x, gamma, beta, mean, rstd, delta, activation, training)[
            : len(wanted)
        ]


@op
class group_norm:
    r"""Each group of channels normalised in each image, then scaled and shifted by what is learned; an activation may follow.

    Equation:
        y = f(\gamma \hat x + \beta), \quad \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}
    Gradient:
        \partial C/\partial x = \frac{1}{\sqrt{\sigma^2 + \varepsilon}} \left(\gamma e - \overline{\gamma e}
        - \hat x\,\overline{\gamma e \hat x}\right), \quad e = \delta \odot f'(\gamma \hat x + \beta)
        \partial C/\partial \gamma = \sum e \hat x
        \partial C/\partial \beta = \sum e
    Shapes:
        x: (N, ..., C), gamma, beta: (C,) or none; groups divide C -> y: as x
    Source:
        Wu and He (2018), arXiv:1803.08494, eqs. 1, 2, 6 and 7
    """

    def forward(
        xp: Any,
        x: Any,
        gamma: Any = None,
        beta: Any = None,
        *,
        groups: int,
        eps: float = 1e-5,
        activation: str | None = None,
    ) -> Any:
        _check("group_norm", x, gamma, beta, activation, least=2)
        if groups < 1 or x.shape[-1] % groups:
            raise EngineError(f"group_norm: x is {x.shape} and the groups are {groups}: they must divide its last axis")
        _not_empty("group_norm", x)
        y, mean, rstd = kernels.family("norm", x).group_norm(x, gamma, beta, groups, eps, activation)
        return y, (x, gamma, beta, mean, rstd, activation)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        x, gamma, beta, mean, rstd, activation = saved
        return kernels.family("norm", x).group_norm_gradient(x, gamma, beta, mean, rstd, delta, activation)[: len(wanted)]


@op
class layer_norm:
    r"""Each row normalised over its last axis, then scaled and shifted by what is learned.

    Equation:
        y = \gamma \hat x + \beta, \quad \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}
    Gradient:
        \partial C/\partial x = \frac{1}{\sqrt{\sigma^2 + \varepsilon}} \left(\gamma \delta - \overline{\gamma \delta}
        - \hat x\,\overline{\gamma \delta \hat x}\right)
        \partial C/\partial \gamma = \sum \delta \hat x
        \partial C/\partial \beta = \sum \delta
    Shapes:
        x: (..., C), gamma, beta: (C,) or none -> y: as x
    Source:
        Ba et al. (2016), arXiv:1607.06450, eqs. 3 and 4
    """

    def forward(xp: Any, x: Any, gamma: Any = None, beta: Any = None, *, eps: float = 1e-5) -> Any:
        _check("layer_norm", x, gamma, beta, None, least=1)
        _not_empty("layer_norm", x)
        y, mean, rstd = kernels.family("norm", x).layer_norm(x, gamma, beta, eps)
        return y, (x, gamma, beta, mean, rstd)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        x, gamma, beta, mean, rstd = saved
        return kernels.family("norm", x).layer_norm_gradient(x, gamma, beta, mean, rstd, delta)[: len(wanted)]


@op
class rms_norm:
    r"""Each row divided by the root of its mean square, then scaled by what is learned.

    Equation:
        y = \gamma \hat x, \quad \hat x = \frac{x}{r}, \quad r = \sqrt{\frac{1}{C} \sum_c x_c^2 + \varepsilon}
    Gradient:
        \partial C/\partial x = \frac{1}{r} \left(\gamma \delta - \hat x\,\overline{\gamma \delta \hat x}\right)
        \partial C/\partial \gamma = \sum \delta \hat x
    Shapes:
        x: (..., C), gamma: (C,) or none -> y: as x
    Source:
        Zhang and Sennrich (2019), arXiv:1910.07467, eq. 4
    """

    def forward(xp: Any, x: Any, gamma: Any = None, *, eps: float = 1e-6) -> Any:
        _check("rms_norm", x, gamma, None, None, least=1)
        _not_empty("rms_norm", x)
        y, rrms = kernels.family("norm", x).rms_norm(x, gamma, eps)
        return y, (x, gamma, rrms)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        x, gamma, rrms = saved
        return kernels.family("norm", x).rms_norm_gradient(x, gamma, rrms, delta)[: len(wanted)]


def _check(name: str, x: Any, gamma: Any, beta: Any, activation: str | None, least: int) -> None:
    if getattr(x, "ndim", 0) < least or x.dtype not in DTYPES.values():
        raise EngineError(
            f"{name}: x is {np.shape(x)} {getattr(x, 'dtype', '')}: "
            f"{least} axes or more are wanted, the channels last, in float32 or float64"
        )
    _per_channel(name, x, gamma=gamma, beta=beta)
    if activation not in (None, "relu", "silu"):
        raise EngineError(f'{name}: the activation is {activation!r}: choose "relu", "silu" or None')


def _per_channel(name: str, x: Any, **arrays: Any) -> None:
    for what, array in arrays.items():
        if array is not None and array.shape != x.shape[-1:]:
            raise EngineError(f"{name}: x is {x.shape} but {what} is {array.shape}: it must be {x.shape[-1:]}")


def _not_empty(name: str, x: Any) -> None:
    if math.prod(x.shape[1:] if name == "group_norm" else x.shape[-1:]) == 0:
        raise EngineError(f"{name}: x is {x.shape}, and there is no mean of no numbers")
