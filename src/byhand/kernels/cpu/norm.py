"""Normalisation in as few passes over memory as it can be.

The images are walked in strips: some hundred numbers, whole pixels, so that one place in a strip always belongs to one channel.
The sums of a strip's places add side by side in vector registers, each over few numbers, and go on in float64: that is quick
and exact at once. What a loop computes of a strip, the next loop finds in the first-level cache; what is computed of an image
in one pass (its moments, the errors), the next pass finds in the second-level cache. Nothing but x, mean and rstd is kept for
the gradient, which computes the rest again.

The compiled loops make no arrays: Numba compiles them in half the time then.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import memory
from byhand.backend import Array, Indices
from byhand.kernels.cpu.compiled import compiled
from byhand.kernels.cpu.elementwise import flat, logistic, silu_slope
from byhand.kernels.reference import norm as reference
from byhand.kernels.threads import parallel

STRIP = 512  # numbers: the strips that a loop needs at once fill half of the first-level cache
STRIPS = 64  # whose sums are added in the numbers' own type, before they go on in float64
PIECE = 64 * STRIP  # numbers of a batch that are walked at once
WORTH_A_THREAD = 50_000  # numbers
LONG = 4_096  # numbers of a row that may be added in their own type; longer rows go to the reference

CODES = {None: 0, "relu": 1, "silu": 2}
MEAN, RSTD, ERROR, BOTH, GAMMA, BETA = range(
    6
)  # the strips of what is known of each channel; of gamma e, of gamma e x_hat the means


def channel_moments(x: Array) -> tuple[Any, Any]:
    """`byhand.kernels.reference.norm.channel_moments`: of each piece by itself, then joined, so that x is read once.

    Source: Chan, Golub and LeVeque (1983), "Algorithms for computing the sample variance", eq. 2.1
    """
    c, numbers, edges = x.shape[-1], flat(x), _batch_edges(x)
    moments = np.empty((len(edges) - 1, 2, c))
    _shared(lambda a, b: _moments(numbers, edges, a, b, _strips(x, 3), moments), edges)
    sizes, m = np.diff(edges)[:, None] // c, x.size // c
    mean = (sizes * moments[:, 0]).sum(axis=0) / m
    return mean, (moments[:, 1] + sizes * (moments[:, 0] - mean) ** 2).sum(axis=0) / m


def batch_norm(x: Array, gamma: Array, beta: Array, mean: Array, rstd: Array, activation: str | None = None) -> Any:
    """`byhand.kernels.reference.norm.batch_norm`."""
    numbers, edges, known = flat(x), _batch_edges(x), _known(x, gamma, beta, mean, rstd)
    y = memory.empty(x.shape, x.dtype)
    out = y.reshape(-1)
    _shared(lambda a, b: _normalise(numbers, edges[a], edges[b], known, CODES[activation], out), edges)
    return y


def batch_norm_gradient(
    x: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    rstd: Array,
    delta: Array,
    activation: str | None = None,
    training: bool = True,
) -> tuple[Any, Any, Any]:
    """`byhand.kernels.reference.norm.batch_norm_gradient`: a pass for the sums, and a pass for dC/dx."""
    c, code, edges, known = x.shape[-1], CODES[activation], _batch_edges(x), _known(x, gamma, beta, mean, rstd)
    numbers, errors, dx = flat(x), flat(delta), memory.empty(x.shape, x.dtype)
    out, sums = dx.reshape(-1), np.empty((len(edges) - 1, 2, c))
    _shared(lambda a, b: _error_sums(numbers, edges, a, b, known, code, errors, out[:0], _strips(x, 2), sums), edges)
    both = sums.sum(axis=0)
    if training:
        known[ERROR:GAMMA] = _tiled(x, (both if gamma is None else both * gamma) / max(1, x.size // c))
    _shared(lambda a, b: _back(numbers, edges[a], edges[b], known, code, errors, out), edges)
    return dx, *_as_given(both, gamma, beta)


def group_norm(
    x: Array, gamma: Array, beta: Array, groups: int, eps: float, activation: str | None = None
) -> tuple[Any, Any, Any]:
    """`byhand.kernels.reference.norm.group_norm`, image by image."""
    numbers, edges, code = flat(x), _image_edges(x), CODES[activation]
    y, statistics = memory.empty(x.shape, x.dtype), np.empty((2, len(x), groups))
    out, moments = y.reshape(-1), np.empty((len(x), 2, x.shape[-1]))
    _shared(
        lambda a, b: _group_norm(
            numbers, edges, a, b, _known(x, gamma, beta), code, eps, _strips(x, 3), moments, statistics, out
        ),
        edges,
    )
    return y, statistics[MEAN], statistics[RSTD]


def group_norm_gradient(
    x: Array, gamma: Array, beta: Array, mean: Array, rstd: Array, delta: Array, activation: str | None = None
) -> tuple[Any, Any, Any]:
    """`byhand.kernels.reference.norm.group_norm_gradient`, image by image."""
    numbers, errors, edges, code = flat(x), flat(delta), _image_edges(x), CODES[activation]
    dx, sums = memory.empty(x.shape, x.dtype), np.empty((len(x), 2, x.shape[-1]))
    out, statistics = dx.reshape(-1), np.zeros((4, *mean.shape))
    statistics[MEAN], statistics[RSTD] = mean, rstd

    def share(a: int, b: int) -> None:
        known, strips = _known(x, gamma, beta), _strips(x, 2)
        _group_norm_gradient(numbers, edges, a, b, known, code, errors, strips, sums, statistics, out)

    _shared(share, edges)
    return dx, *_as_given(sums.sum(axis=0), gamma, beta)


def layer_norm(x: Array, gamma: Array, beta: Array, eps: float) -> tuple[Any, Any, Any]:
    """`byhand.kernels.reference.norm.layer_norm`, row by row."""
    if x.shape[-1] > LONG:
        return reference.layer_norm(x, gamma, beta, eps)
    return _by_rows(x, gamma, beta, eps, True)


def layer_norm_gradient(x: Array, gamma: Array, beta: Array, mean: Array, rstd: Array, delta: Array) -> tuple[Any, Any, Any]:
    """`byhand.kernels.reference.norm.layer_norm_gradient`, row by row."""
    if x.shape[-1] > LONG:
        return reference.layer_norm_gradient(x, gamma, beta, mean, rstd, delta)
    dx, sums = _by_rows_gradient(x, gamma, mean, rstd, delta, True)
    return dx, *_as_given(sums, gamma, beta)


def rms_norm(x: Array, gamma: Array, eps: float) -> tuple[Any, Any]:
    """`byhand.kernels.reference.norm.rms_norm`, row by row."""
    if x.shape[-1] > LONG:
        return reference.rms_norm(x, gamma, eps)
    y, _, rrms = _by_rows(x, gamma, None, eps, False)
    return y, rrms


def rms_norm_gradient(x: Array, gamma: Array, rrms: Array, delta: Array) -> tuple[Any, Any]:
    """`byhand.kernels.reference.norm.rms_norm_gradient`, row by row."""
    if x.shape[-1] > LONG:
        return reference.rms_norm_gradient(x, gamma, rrms, delta)
    dx, sums = _by_rows_gradient(x, gamma, np.zeros_like(rrms), rrms, delta, False)
    return dx, _as_given(sums, gamma, None)[0]


def _by_rows(x: Array, gamma: Array, beta: Array | None, eps: float, centred: bool) -> tuple[Any, Any, Any]:
    y, mean, rstd = memory.empty(x.shape, x.dtype), np.empty((*x.shape[:-1], 1)), np.empty((*x.shape[:-1], 1))
    numbers, out, values = flat(x), y.reshape(-1), _values(x, gamma, beta)
    means, rstds = mean.reshape(-1), rstd.reshape(-1)
    parallel(
        lambda a, b: _rows(numbers, a, b, values, centred, eps, means, rstds, out),
        mean.size,
        max(1, WORTH_A_THREAD // x.shape[-1]),
    )
    return y, mean, rstd


def _by_rows_gradient(x: Array, gamma: Array, mean: Array, rstd: Array, delta: Array, centred: bool) -> tuple[Any, Any]:
    numbers, errors, edges, values = flat(x), flat(delta), _batch_edges(x), _values(x, gamma, None)
    dx, sums = memory.empty(x.shape, x.dtype), np.empty((len(edges) - 1, 2, x.shape[-1]))
    out, means, rstds = dx.reshape(-1), mean.reshape(-1), rstd.reshape(-1)

    def share(a: int, b: int) -> None:
        _rows_gradient(
            numbers, edges, a, b, values, centred, means, rstds, errors, np.zeros((2, x.shape[-1]), x.dtype), sums, out
        )

    _shared(share, edges)
    return dx, sums.sum(axis=0)


def _batch_edges(x: Array) -> Any:
    """Where the pieces of a batch begin, and where the last one ends."""
    c = x.shape[-1]
    return np.append(np.arange(0, x.size, c * max(1, PIECE // c)), x.size)


def _image_edges(x: Array) -> Any:
    """The same for pieces that are the images."""
    return np.arange(len(x) + 1) * (x.size // max(1, len(x)))


def _shared(function: Any, edges: Indices) -> None:
    """Each thread some of the pieces: `function(first, last)`."""
    if len(edges) > 1:
        parallel(function, len(edges) - 1, max(1, WORTH_A_THREAD // int(edges[1])))


def _strips(x: Array, how_many: int) -> Any:
    c = x.shape[-1]
    return np.zeros((how_many, c * max(1, STRIP // c)), x.dtype)


def _tiled(x: Array, values: Array) -> Any:
    """(k, C) -> (k, strip): the channels' values over and over."""
    return np.tile(values, (1, max(1, STRIP // x.shape[-1])))


def _known(x: Array, gamma: Array, beta: Array, mean: Array | None = None, rstd: Array | None = None) -> Any:
    """The strips of what is known of each channel."""
    return _tiled(x, _values(x, gamma, beta, mean, rstd))


def _values(x: Array, gamma: Array, beta: Array | None, mean: Array | None = None, rstd: Array | None = None) -> Any:
    """(6, C): what is known of each channel, and 0 where it is not; gamma is 1 where there is none."""
    values = np.zeros((6, x.shape[-1]), x.dtype)
    values[GAMMA] = 1
    for row, value in ((MEAN, mean), (RSTD, rstd), (GAMMA, gamma), (BETA, beta)):
        if value is not None:
            values[row] = value
    return values


def _as_given(sums: Array, gamma: Array, beta: Array | None) -> tuple[Any, Any]:
    """dC/d gamma and dC/d beta, of the sums of e and of e x_hat."""
    return None if gamma is None else sums[1].astype(gamma.dtype), None if beta is None else sums[0].astype(beta.dtype)


@compiled(error_model="numpy")
def _fold(strips: Array, which: int, totals: Any, piece: int) -> None:
    """The sums of a strip's places added to their channels', in float64; the strip is empty then."""
    c = totals.shape[2]
    for pixel in range(0, strips.shape[1], c):
        for k in range(c):
            totals[piece, which, k] += strips[which, pixel + k]
            strips[which, pixel + k] = 0


@compiled(error_model="numpy")
def _spread(statistics: Array, n: int, strips: Array, c: int) -> None:
    """An image's groups' values, each for all its channels, over and over through the first strips."""
    width = c // statistics.shape[2]
    for row in range(len(statistics)):
        for g in range(statistics.shape[2]):
            for k in range(g * width, (g + 1) * width):
                strips[row, k] = statistics[row, n, g]
        for pixel in range(c, strips.shape[1], c):
            for k in range(c):
                strips[row, pixel + k] = strips[row, k]


@compiled(error_model="numpy", fastmath={"contract"})
def _moments(x: Array, edges: Indices, first: int, last: int, strips: Array, moments: Array) -> None:
    """Of each channel in each piece the mean, and the sum of the squared distances from it."""
    c, size = moments.shape[2], strips.shape[1]
    for piece in range(first, last):
        begin, end = edges[piece], edges[piece + 1]
        for which in range(2):
            for k in range(c):
                moments[piece, which, k] = 0
            for block in range(begin, end, STRIPS * size):
                for at in range(block, min(block + STRIPS * size, end), size):
                    part = x[at : min(at + size, end)]
                    if which == 0:
                        for i in range(part.size):
                            strips[0, i] += part[i]
                    else:
                        for i in range(part.size):
                            strips[1, i] += (part[i] - strips[2, i]) * (part[i] - strips[2, i])
                _fold(strips, which, moments, piece)
            if which == 0:
                for k in range(c):
                    moments[piece, 0, k] /= (end - begin) // c
                for pixel in range(0, size, c):
                    for k in range(c):
                        strips[2, pixel + k] = moments[piece, 0, k]


@compiled(error_model="numpy", fastmath={"contract"})
def _activated(y: Array, activation: int, one: Any, zero: Any) -> Any:
    """f(y). The compiler makes a loop of each case, because `activation` does not change in it."""
    if activation == 1:
        return zero if y <= zero else y
    return y * logistic(y, one) if activation == 2 else y


@compiled(error_model="numpy", fastmath={"contract"})
def _error(y: Array, delta: Array, activation: int, one: Any, zero: Any) -> Any:
    """e = delta f'(y)."""
    if activation == 1:
        return zero if y <= zero else delta
    return delta * silu_slope(y, one) if activation == 2 else delta


@compiled(error_model="numpy", fastmath={"contract"})
def _normalise(x: Array, begin: int, end: int, known: Array, activation: int, y: Array) -> None:
    """y = f(gamma x_hat + beta)."""
    one, zero = x.dtype.type(1), x.dtype.type(0)
    for at in range(begin, end, known.shape[1]):
        stop = min(at + known.shape[1], end)
        part, out = x[at:stop], y[at:stop]
        for i in range(part.size):
            x_hat = (part[i] - known[MEAN, i]) * known[RSTD, i]
            out[i] = _activated(known[GAMMA, i] * x_hat + known[BETA, i], activation, one, zero)


@compiled(error_model="numpy", fastmath={"contract"})
def _error_sums(
    x: Array,
    edges: Indices,
    first: int,
    last: int,
    known: Array,
    activation: int,
    delta: Array,
    kept: Array,
    strips: Array,
    sums: Array,
) -> None:
    """Of each channel in each piece the sums of e and of e x_hat; e itself goes to `kept`, unless that is empty."""
    c, size, one, zero = sums.shape[2], known.shape[1], x.dtype.type(1), x.dtype.type(0)
    e_sums, both_sums, keep = strips[0], strips[1], kept.size > 0
    for piece in range(first, last):
        begin, end = edges[piece], edges[piece + 1]
        for k in range(c):
            sums[piece, 0, k] = sums[piece, 1, k] = 0
        for block in range(begin, end, STRIPS * size):
            for at in range(block, min(block + STRIPS * size, end), size):
                stop = min(at + size, end)
                part, errors, out = x[at:stop], delta[at:stop], kept[at:stop]
                for i in range(part.size):
                    x_hat = (part[i] - known[MEAN, i]) * known[RSTD, i]
                    e = _error(known[GAMMA, i] * x_hat + known[BETA, i], errors[i], activation, one, zero)
                    e_sums[i] += e
                    both_sums[i] += e * x_hat
                    if keep:
                        out[i] = e
            for which in range(2):
                _fold(strips, which, sums, piece)


@compiled(error_model="numpy", fastmath={"contract"})
def _back(x: Array, begin: int, end: int, known: Array, activation: int, delta: Array, dx: Array) -> None:
    """dC/dx = rstd (gamma e - mean(gamma e) - x_hat mean(gamma e x_hat))."""
    one, zero = x.dtype.type(1), x.dtype.type(0)
    for at in range(begin, end, known.shape[1]):
        stop = min(at + known.shape[1], end)
        part, errors, out = x[at:stop], delta[at:stop], dx[at:stop]
        for i in range(part.size):
            x_hat = (part[i] - known[MEAN, i]) * known[RSTD, i]
            e = _error(known[GAMMA, i] * x_hat + known[BETA, i], errors[i], activation, one, zero)
            out[i] = known[RSTD, i] * (known[GAMMA, i] * e - known[ERROR, i] - x_hat * known[BOTH, i])


@compiled(error_model="numpy", fastmath={"contract"})
def _kept_back(x: Array, begin: int, end: int, known: Array, dx: Array) -> None:
    """The same where dx holds e."""
    for at in range(begin, end, known.shape[1]):
        stop = min(at + known.shape[1], end)
        part, out = x[at:stop], dx[at:stop]
        for i in range(part.size):
            x_hat = (part[i] - known[MEAN, i]) * known[RSTD, i]
            out[i] = known[RSTD, i] * (known[GAMMA, i] * out[i] - known[ERROR, i] - x_hat * known[BOTH, i])


@compiled(error_model="numpy")
def _group_norm(
    x: Array,
    edges: Indices,
    first: int,
    last: int,
    known: Array,
    activation: int,
    eps: float,
    strips: Array,
    moments: Array,
    statistics: Array,
    y: Array,
) -> None:
    """Image by image: the channels' moments, the groups' of them, and y."""
    c, groups = moments.shape[2], statistics.shape[2]
    width = c // groups
    for n in range(first, last):
        rows = (edges[n + 1] - edges[n]) // c
        _moments(x, edges, n, n + 1, strips, moments)
        for g in range(groups):
            middle, squares = 0.0, 0.0
            for k in range(g * width, (g + 1) * width):
                middle += moments[n, 0, k] / width
            for k in range(g * width, (g + 1) * width):
                squares += moments[n, 1, k] + rows * (moments[n, 0, k] - middle) ** 2
            statistics[MEAN, n, g] = middle
            statistics[RSTD, n, g] = 1 / np.sqrt(squares / (rows * width) + eps)
        _spread(statistics, n, known, c)
        _normalise(x, edges[n], edges[n + 1], known, activation, y)


@compiled(error_model="numpy")
def _group_norm_gradient(
    x: Array,
    edges: Indices,
    first: int,
    last: int,
    known: Array,
    activation: int,
    delta: Array,
    strips: Array,
    sums: Array,
    statistics: Array,
    dx: Array,
) -> None:
    """Image by image: the errors and their sums, the groups' means of them, and dC/dx."""
    c, groups = sums.shape[2], statistics.shape[2]
    width = c // groups
    for n in range(first, last):
        rows = (edges[n + 1] - edges[n]) // c
        _spread(statistics, n, known, c)
        _error_sums(x, edges, n, n + 1, known, activation, delta, dx, strips, sums)
        for g in range(groups):
            error, both = 0.0, 0.0
            for k in range(g * width, (g + 1) * width):
                error += known[GAMMA, k] * sums[n, 0, k]
                both += known[GAMMA, k] * sums[n, 1, k]
            statistics[ERROR, n, g], statistics[BOTH, n, g] = error / (rows * width), both / (rows * width)
        _spread(statistics, n, known, c)
        _kept_back(x, edges[n], edges[n + 1], known, dx)


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def _rows(x: Array, first: int, last: int, values: Array, centred: bool, eps: float, mean: Array, rstd: Array, y: Array) -> None:
    """Row by row: its mean (0 where it is not centred), its rstd, and y."""
    c, zero = values.shape[1], x.dtype.type(0)
    for row in range(first, last):
        part, out = x[row * c : (row + 1) * c], y[row * c : (row + 1) * c]
        total, squares = zero, zero
        if centred:
            for i in range(c):
                total += part[i]
        middle = x.dtype.type(total / c)
        for i in range(c):
            squares += (part[i] - middle) * (part[i] - middle)
        mean[row], rstd[row] = middle, 1 / np.sqrt(squares / c + eps)
        scale = x.dtype.type(rstd[row])
        for i in range(c):
            out[i] = values[GAMMA, i] * ((part[i] - middle) * scale) + values[BETA, i]


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def _rows_gradient(
    x: Array,
    edges: Indices,
    first: int,
    last: int,
    values: Array,
    centred: bool,
    mean: Array,
    rstd: Array,
    delta: Array,
    strips: Array,
    sums: Array,
    dx: Array,
) -> None:
    """Row by row dC/dx, and of each column in each piece the sums of delta and of delta x_hat."""
    c, zero = values.shape[1], x.dtype.type(0)
    for piece in range(first, last):
        for k in range(c):
            sums[piece, 0, k] = sums[piece, 1, k] = 0
        for at in range(edges[piece], edges[piece + 1], c):
            part, e, out = x[at : at + c], delta[at : at + c], dx[at : at + c]
            middle, scale = x.dtype.type(mean[at // c]), x.dtype.type(rstd[at // c])
            error, both = zero, zero
            for i in range(c):
                x_hat = (part[i] - middle) * scale
                strips[0, i] += e[i]
                strips[1, i] += e[i] * x_hat
                error += values[GAMMA, i] * e[i]
                both += values[GAMMA, i] * e[i] * x_hat
            error, both = x.dtype.type(error / c if centred else 0), x.dtype.type(both / c)
            for i in range(c):
                out[i] = scale * (values[GAMMA, i] * e[i] - error - (part[i] - middle) * scale * both)
            if at // c % STRIPS == STRIPS - 1:
                for which in range(2):
                    _fold(strips, which, sums, piece)
        for which in range(2):
            _fold(strips, which, sums, piece)
