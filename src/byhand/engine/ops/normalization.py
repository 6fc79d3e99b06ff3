"""Normalisation: what keeps the numbers of a deep network neither vanishing nor exploding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand import kernels
from byhand.backend import DTYPES, Array, ArrayModule
from byhand.engine.call import Call, constant, unravelled
from byhand.engine.op import Saved, op
from byhand.engine.ops.activation import logistic
from byhand.errors import EngineError
from byhand.formula import Line, number, signed
from byhand.terms import NOTHING, Aside, At, Factor, Sum, indexed, single


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
        xp: ArrayModule,
        x: Array,
        gamma: Array | None = None,
        beta: Array | None = None,
        *,
        running_mean: Array | None = None,
        running_var: Array | None = None,
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
                raise EngineError(f"batch_norm: x is {x.shape}: in training each channel must have 2 numbers or more, got {m}")
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

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        x, gamma, beta, mean, rstd, activation, training = saved
        return kernels.family("norm", x).batch_norm_gradient(x, gamma, beta, mean, rstd, delta, activation, training)[
            : len(wanted)
        ]

    def composition(
        xp: ArrayModule,
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
        if training:
            x_hat = _composed_hat(x, tuple(range(x.ndim - 1)), eps)
        else:
            rstd = 1 / np.sqrt(running_var.astype(np.float64) + eps)
            x_hat = (x - running_mean.astype(x.dtype)) * rstd.astype(x.dtype)
        return _composed(xp, x_hat, gamma, beta, activation)

    def terms(call: Call, at: At) -> list[Sum]:
        return _shifted_and_scaled(call, at)

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return _through_the_norm(call, at) if slot == 0 else _to_scale_or_shift(call, slot, at)

    def aside(call: Call, at: At) -> Aside:
        return _moments(call, at)

    def gradient_aside(call: Call, slot: int, at: At) -> Aside:
        return _mean_errors(call, at) if slot == 0 else NOTHING


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
        xp: ArrayModule,
        x: Array,
        gamma: Array | None = None,
        beta: Array | None = None,
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

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        x, gamma, beta, mean, rstd, activation = saved
        return kernels.family("norm", x).group_norm_gradient(x, gamma, beta, mean, rstd, delta, activation)[: len(wanted)]

    def composition(
        xp: ArrayModule,
        x: Any,
        gamma: Any = None,
        beta: Any = None,
        *,
        groups: int,
        eps: float = 1e-5,
        activation: str | None = None,
    ) -> Any:
        inner = math.prod(x.shape[1:-1])
        apart = x.reshape(len(x), inner, groups, x.shape[-1] // groups)
        return _composed(xp, _composed_hat(apart, (1, 3), eps).reshape(x.shape), gamma, beta, activation)

    def terms(call: Call, at: At) -> list[Sum]:
        return _shifted_and_scaled(call, at)

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return _through_the_norm(call, at) if slot == 0 else _to_scale_or_shift(call, slot, at)

    def aside(call: Call, at: At) -> Aside:
        return _moments(call, at)

    def gradient_aside(call: Call, slot: int, at: At) -> Aside:
        return _mean_errors(call, at) if slot == 0 else NOTHING


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

    def forward(xp: ArrayModule, x: Array, gamma: Array | None = None, beta: Array | None = None, *, eps: float = 1e-5) -> Any:
        _check("layer_norm", x, gamma, beta, None, least=1)
        _not_empty("layer_norm", x)
        y, mean, rstd = kernels.family("norm", x).layer_norm(x, gamma, beta, eps)
        return y, (x, gamma, beta, mean, rstd)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        x, gamma, beta, mean, rstd = saved
        return kernels.family("norm", x).layer_norm_gradient(x, gamma, beta, mean, rstd, delta)[: len(wanted)]

    def composition(xp: ArrayModule, x: Any, gamma: Any = None, beta: Any = None, *, eps: float = 1e-5) -> Any:
        return _composed(xp, _composed_hat(x, (x.ndim - 1,), eps), gamma, beta, None)

    def terms(call: Call, at: At) -> list[Sum]:
        return _shifted_and_scaled(call, at)

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return _through_the_norm(call, at) if slot == 0 else _to_scale_or_shift(call, slot, at)

    def aside(call: Call, at: At) -> Aside:
        return _moments(call, at)

    def gradient_aside(call: Call, slot: int, at: At) -> Aside:
        return _mean_errors(call, at) if slot == 0 else NOTHING


@op
class rms_norm:
    r"""Each row divided by the root of its mean square, then scaled by what is learned.

    Equation:
        y = \gamma \hat x, \quad \hat x = \frac{x}{r}, \quad r = \sqrt{\frac{1}{C} \sum_c x_c^2 + \varepsilon}
    Gradient:
        \partial C/\partial x = \frac{1}{r} \left(\gamma \delta - \hat x\,\overline{\gamma \delta \hat x}\right)
        \partial C/\partial \gamma = \sum \delta \hat x
    Shapes:
        x: (..., C), gamma: (C,) or none, eps: a number, or none for the precision of x's type -> y: as x
    Source:
        Zhang and Sennrich (2019), arXiv:1910.07467, eq. 4
    """

    def forward(xp: ArrayModule, x: Array, gamma: Array | None = None, *, eps: float | None = None) -> Any:
        _check("rms_norm", x, gamma, None, None, least=1)
        _not_empty("rms_norm", x)
        eps = float(np.finfo(x.dtype).eps) if eps is None else eps
        y, rrms = kernels.family("norm", x).rms_norm(x, gamma, eps)
        return y, (x, gamma, rrms)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        x, gamma, rrms = saved
        return kernels.family("norm", x).rms_norm_gradient(x, gamma, rrms, delta)[: len(wanted)]

    def composition(xp: ArrayModule, x: Any, gamma: Any = None, *, eps: float | None = None) -> Any:
        eps = float(np.finfo(x.dtype).eps) if eps is None else eps
        return _composed(xp, x / ((x * x).mean(axis=-1, keepdims=True) + eps).sqrt(), gamma, None, None)


def _composed_hat(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    """x_hat, composed of other ops."""
    apart = x - x.mean(axis=axes, keepdims=True)
    return apart / ((apart * apart).mean(axis=axes, keepdims=True) + eps).sqrt()


def _composed(xp: ArrayModule, x_hat: Any, gamma: Any, beta: Any, activation: str | None) -> Any:
    """f(gamma x_hat + beta), composed of other ops."""
    u = x_hat if gamma is None else x_hat * gamma
    u = u if beta is None else u + beta
    return u if activation is None else getattr(xp, activation)(u)


def _check(name: str, x: Array, gamma: Array | None, beta: Array | None, activation: str | None, least: int) -> None:
    if getattr(x, "ndim", 0) < least or x.dtype not in DTYPES.values():
        raise EngineError(
            f"{name}: x must have {least} axes or more, the channels last, in float32 or float64, "
            f"got {np.shape(x)} {getattr(x, 'dtype', '')}"
        )
    _per_channel(name, x, gamma=gamma, beta=beta)
    if activation not in (None, "relu", "silu"):
        raise EngineError(f'{name}: the activation is {activation!r}: choose "relu", "silu" or None')


def _per_channel(name: str, x: Array, **arrays: Any) -> None:
    for what, array in arrays.items():
        if array is not None and array.shape != x.shape[-1:]:
            raise EngineError(f"{name}: x is {x.shape} but {what} is {array.shape}: it must be {x.shape[-1:]}")


def _not_empty(name: str, x: Array) -> None:
    if math.prod(x.shape[1:] if name == "group_norm" else x.shape[-1:]) == 0:
        raise EngineError(f"{name}: x is {x.shape}, and there is no mean of no numbers")


# ---------------------------------------------------------------- worked out number by number


@dataclass(frozen=True)
class _Normalised:
    """The numbers that share a mean with one of them: x and its error (the same shape), and that one's place in them.

    gamma: of the same shape or plain; hat: x_hat; u: what the activation f gets; slope: f'(u); own: whether the mean is of x.
    """

    x: Any
    delta: Any
    place: At
    gamma: Any
    mean: float
    variance: float
    sigma: float
    hat: Any
    u: Any
    slope: Any
    own: bool
    which: str


def _normalised(call: Call, at: At) -> _Normalised:
    """What the number at this place was normalised with."""
    x, delta = call.operand(0).values, None if call.delta is None else call.delta.values
    gamma, beta = (None if found is None else found.values for found in (call.named("gamma"), call.named("beta")))
    index: tuple[Any, ...]
    channels: Any
    name = call.op.name
    if name == "batch_norm":
        index, channels, place = (..., at[-1]), at[-1], at[:-1]
        which = f"channel {at[-1]} of all samples and places"
    elif name == "group_norm":
        n = x.shape[-1] // call.options["groups"]
        first = at[-1] // n * n
        index, place, channels = (at[0], ..., slice(first, first + n)), (*at[1:-1], at[-1] - first), slice(first, first + n)
        which = f"the channels {first} to {first + n - 1} of this sample"
    else:
        index, place, channels, which = at[:-1], at[-1:], slice(None), "this row"
    values = np.asarray(x[index], np.float64)
    own = call.options.get("training", True)
    if own:
        mean, variance = float(values.mean()), float(values.var())
    else:
        mean, variance = (float(call.options[kept][at[-1]]) for kept in ("running_mean", "running_var"))
    sigma = math.sqrt(variance + call.options.get("eps", 1e-5))
    hat = (values - mean) / sigma
    scale: Any = 1.0 if gamma is None else np.asarray(gamma[channels], np.float64)
    u = scale * hat + (0.0 if beta is None else np.asarray(beta[channels], np.float64))
    errors = None if delta is None else np.asarray(delta[index], np.float64)
    return _Normalised(values, errors, place, scale, mean, variance, sigma, hat, u, _slope(call, u), own, which)


def _slope(call: Call, u: Array) -> Any:
    """f'(u) of the activation that follows; 1 where none does."""
    kind = call.options.get("activation")
    if kind is None:
        return np.ones_like(u)
    if kind == "relu":
        return (u > 0).astype(u.dtype)
    s = np.exp(np.minimum(u, 0)) / (1 + np.exp(-np.abs(u)))
    return s * (1 + u * (1 - s))


def _shifted_and_scaled(call: Call, at: At) -> list[Sum]:
    """y = f(gamma x_hat + beta); f(u) is u times what it lets through: [u > 0] of a ReLU, sigma(u) of a SiLU."""
    found = _normalised(call, at)
    x, gamma, beta = call.operand(0).factor(at), call.named("gamma"), call.named("beta")
    here = float(found.u[found.place])
    kind = call.options.get("activation")
    gate: tuple[Factor, ...] = ()
    if kind is not None:
        through = float(here > 0) if kind == "relu" else logistic(here)
        worked = f"[{number(here)} > 0]" if kind == "relu" else rf"\frac{{1}}{{1 + e^{{{number(-here)}}}}}"
        gate = (Factor("[u > 0]" if kind == "relu" else r"\sigma(u)", through, worked=worked),)
    scale = () if gamma is None else (gamma.factor(at[-1:]),)
    apart = Factor(rf"({x.symbol} - \mu)", x.value - found.mean, x.ref, f"({number(x.value)} {signed(-found.mean)})")
    hat = (apart, _one_over_sigma(found))
    return [single(*scale, *hat, *gate), *([single(beta.factor(at[-1:]), *gate)] if beta is not None else [])]


def _one_over_sigma(found: _Normalised) -> Factor:
    return Factor(r"\frac{1}{\sigma}", 1 / found.sigma, worked=rf"\frac{{1}}{{{number(found.sigma)}}}")


def _moments(call: Call, at: At) -> Aside:
    """The mean and the variance, and of what they are."""
    found = _normalised(call, at)
    if not found.own:
        return Aside(note=f"The mean, {found.mean:.4g}, and the variance, {found.variance:.4g}, are the running ones.")
    n, added = found.x.size, float(found.x.sum())
    eps = call.options.get("eps", 1e-5)
    squares = found.variance * n
    lines = (
        Line((rf"\mu = \frac{{1}}{{n}} \sum x = \frac{{{number(added)}}}{{{n}}}", f"= {number(found.mean)}"), found.mean),
        Line(
            (rf"\sigma^2 = \frac{{1}}{{n}} \sum (x - \mu)^2 + \varepsilon = \frac{{{number(squares)}}}{{{n}}} + {number(eps)}",
             f"= {number(found.sigma**2)}"),
            found.sigma**2,
        ),
    )  # fmt: skip
    return Aside(lines, f"The mean and the variance are of {found.which}: {n:,} numbers.")


def _errors(found: _Normalised) -> Any:
    assert found.delta is not None
    return found.delta * found.gamma * found.slope


def _through_the_norm(call: Call, at: At) -> list[Sum]:
    r"""dC/dx = 1 / sigma (e - mean(e) - x_hat mean(e x_hat)) with e = gamma f'(u) delta."""
    found = _normalised(call, at)
    e, here, below = _errors(found), found.place, _one_over_sigma(found)
    scale = Factor(r"\gamma f'(u)", float(np.broadcast_to(found.gamma * found.slope, e.shape)[here]))
    first = single(scale, below, call.error.factor(at))
    if not found.own:
        return [first]
    hat = Factor(indexed(r"\hat x", at), float(found.hat[here]), call.operand(0).factor(at).ref)
    return [
        first,
        single(constant(-1.0), below, Factor(r"\bar e", float(e.mean()))),
        single(constant(-1.0), below, hat, Factor(r"\overline{e \hat x}", float((e * found.hat).mean()))),
    ]


def _mean_errors(call: Call, at: At) -> Aside:
    found = _normalised(call, at)
    if not found.own:
        return NOTHING
    e, n = _errors(found), found.x.size
    mean, both = float(e.mean()), float((e * found.hat).mean())
    lines = (
        Line((rf"\bar e = \frac{{1}}{{n}} \sum e = {number(mean)}",), mean),
        Line((rf"\overline{{e \hat x}} = \frac{{1}}{{n}} \sum e \hat x = {number(both)}",), both),
    )
    return Aside(lines, f"e = gamma f'(u) delta; the means are over the n = {n:,} numbers of {found.which}.")


def _to_scale_or_shift(call: Call, slot: int, at: At) -> list[Sum]:
    """dC/d gamma = sum of f' delta x_hat, and dC/d beta = sum of f' delta, over all samples and places of the channel."""
    delta, c = call.error, at[0]
    hat, slope = _channel(call, c)
    errors = np.asarray(delta.values[..., c], np.float64)
    scale = call.op.places[slot] == "gamma"

    def factors(k: int) -> tuple[Factor, ...]:
        place = unravelled(k, errors.shape)
        here = (*place, c)
        gate = () if call.options.get("activation") is None else (Factor("f'(u)", float(slope[place])),)
        more = (Factor(indexed(r"\hat x", here), float(hat[place]), call.operand(0).factor(here).ref),) if scale else ()
        return (delta.factor(here), *gate, *more)

    return [Sum(errors * slope * (hat if scale else 1.0), factors, True)]


def _channel(call: Call, c: int) -> tuple[Any, Any]:
    """x_hat and f'(u) of one channel, at all samples and places."""
    x, name = call.operand(0).values, call.op.name
    eps = call.options.get("eps", 1e-5)
    values = np.asarray(x[..., c], np.float64)
    mean: Any
    sigma: Any
    if name == "batch_norm":
        found = _normalised(call, (*(0,) * (x.ndim - 1), c))
        mean, sigma = found.mean, found.sigma
    elif name == "group_norm":
        n = x.shape[-1] // call.options["groups"]
        some = np.asarray(x[..., c // n * n : c // n * n + n], np.float64)
        axes = tuple(range(1, x.ndim))
        mean = some.mean(axis=axes).reshape(-1, *(1,) * (values.ndim - 1))
        sigma = np.sqrt(some.var(axis=axes) + eps).reshape(mean.shape)
    else:
        mean, sigma = x.mean(axis=-1, dtype=np.float64), np.sqrt(x.var(axis=-1, dtype=np.float64) + eps)
    hat = (values - mean) / sigma
    gamma, beta = (call.named(name) for name in ("gamma", "beta"))
    u = hat * (1.0 if gamma is None else float(gamma.values[c])) + (0.0 if beta is None else float(beta.values[c]))
    return hat, _slope(call, u)
