"""Pooling: images made smaller, each window by one number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand import kernels
from byhand.backend import DTYPES, Array, ArrayModule, Shape, array_module
from byhand.engine.call import Call, constant, share
from byhand.engine.op import Saved, op
from byhand.engine.ops.reduce import terms_along
from byhand.errors import EngineError
from byhand.formula import Line, number
from byhand.kernels.reference.sums import scattered, total
from byhand.terms import Aside, At, Grid, Sum, indexed, single

Pair = tuple[int, int]


@op
class max_pool2d:
    r"""The largest of each window; of several that are equal, the first takes the gradient.

    Equation:
        y_{ijc} = \max_{u, v} x_{i s + u - p,\; j s + v - p,\; c}
    Gradient:
        \partial C/\partial x_{i s + u - p,\; j s + v - p,\; c} \mathrel{+}= \delta_{ijc}\,[(u, v) = \operatorname{argmax}]
    Shapes:
        x: (N, H, W, C), kernel k, stride s (k, unless given), padding p and dilation d: numbers or pairs; ceil_mode: whether the
        last windows may hang over the edge -> y: (N, H', W', C)
    Source:
        Ranzato et al. (2007), "Unsupervised learning of invariant feature hierarchies", section 2
    """

    def forward(
        xp: ArrayModule,
        x: Array,
        *,
        kernel: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        ceil_mode: bool = False,
    ) -> Any:
        apart = pair("max_pool2d", "the dilation", dilation, 1)
        window = _window("max_pool2d", x, kernel, stride, padding, apart)
        sides = _sides(x.shape, window, apart, ceil_mode)
        if apart == (1, 1) and sides == _sides(x.shape, window, apart, ceil_mode=False):
            y, which = kernels.family("pool", x).max_pool2d(x, *window)
        else:
            y, which = _largest(xp, x, window, apart, sides)
        return y, (which, x.shape, apart, window)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        which, shape, apart, window = saved
        if apart == (1, 1) and which.shape[1:3] == _sides(shape, window, apart, ceil_mode=False):
            return kernels.family("pool", delta).max_pool2d_gradient(which, delta, shape, *window)
        return scattered(shape, winners(which, apart, window), delta)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        which, shape, apart, window = saved
        return xp.scatter(delta, key=winners(which, apart, window), shape=shape)

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(call.operand(0).factor(_winner(call, at)))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        """The errors of the windows that this pixel won; none, and 0, where it won none."""
        won = [place for place in _windows_of(call, at) if _winner(call, place) == at]
        return [single(call.error.factor(place)) for place in won] or [single(constant(0.0))]

    def aside(call: Call, at: At) -> Aside:
        window, (top, left) = _window_at(call, at)
        _, row, column, _ = _winner(call, at)
        inside = [number(value) for value in window.reshape(-1) if not math.isnan(value)]
        listed = ", ".join(inside) if len(inside) <= 9 else rf"{', '.join(inside[:6])}, \ldots"
        equal = int((window == np.nanmax(window)).sum())
        first = f"the first of {equal} that are equal" if equal > 1 else "it alone gets the error on the way back"
        return Aside(
            (Line((rf"{indexed(call.output.symbol, at)} = \max({listed})",)),),
            f"The input at row {row}, column {column} won: {first}.",
            (Grid("x", window, "the window", ((row - top) // _dilation(call)[0], (column - left) // _dilation(call)[1])),),
        )


@op
class avg_pool2d:
    r"""The mean of each window; the zeros around the image count, unless asked not to.

    Equation:
        y_{ijc} = \frac{1}{n_{ij}} \sum_{u, v} x_{i s + u - p,\; j s + v - p,\; c}
    Gradient:
        \partial C/\partial x_{i s + u - p,\; j s + v - p,\; c} \mathrel{+}= \delta_{ijc} / n_{ij}
    Shapes:
        x: (N, H, W, C), kernel k, stride s (k, unless given) and padding p: numbers or pairs; ceil_mode: whether the last windows
        may hang over the edge -> y: (N, H', W', C)
    Source:
        LeCun et al. (1998), "Gradient-based learning applied to document recognition", section II

    n counts a window's places: those in the padding too, unless `count_include_pad` is False, but none that hang over it. Or n is
    `divisor_override`.
    """

    def forward(
        xp: ArrayModule,
        x: Array,
        *,
        kernel: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        window = _window("avg_pool2d", x, kernel, stride, padding)
        sides = _sides(x.shape, window, (1, 1), ceil_mode)
        counts = _counts(x.shape, window, sides, count_include_pad, divisor_override)
        around = _overhang(x.shape, window, sides)
        wide = xp.pad(x, ((0, 0), *((0, n) for n in around), (0, 0))) if any(around) else x
        y = kernels.family("pool", x).avg_pool2d(wide, *window)
        if counts is not None:  # the kernel divides by the size of the window
            y = y * xp.asarray(math.prod(window[0]) / counts[:, :, None], dtype=x.dtype)
        return y, (x.shape, around, counts, window)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (n, h, w, c), around, counts, window = saved
        if counts is not None:
            delta = delta * xp.asarray(math.prod(window[0]) / counts[:, :, None], dtype=delta.dtype)
        found = kernels.family("pool", delta).avg_pool2d_gradient(delta, (n, h + around[0], w + around[1], c), *window)
        return found[:, :h, :w] if any(around) else found

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        """A convolution of each channel by a filter of equal weights, transposed."""
        (_, h, w, c), around, counts, (kernel, stride, padding) = saved
        like = array_module(delta.data)
        over = like.asarray(math.prod(kernel) if counts is None else counts[:, :, None], dtype=delta.dtype)
        ones = like.ones((*kernel, 1, c), delta.dtype)
        sides = (h + around[0], w + around[1])
        left = tuple((m + 2 * p - k) % s for m, k, s, p in zip(sides, kernel, stride, padding, strict=True))
        found = xp.conv_transpose2d(delta / over, ones, stride=stride, padding=padding, output_padding=left, groups=c)
        return found[:, :h, :w] if any(around) else found

    def terms(call: Call, at: At) -> list[Sum]:
        """The mean of a window, whose zeros around the image count."""
        x, (window, (top, left)) = call.operand(0), _window_at(call, at)
        n, inside = _divisor(call, at), np.argwhere(~np.isnan(window)).tolist()
        values = np.array([window[u, v] for u, v in inside]) / n
        return [Sum(values, lambda k: (share(n), x.factor((at[0], top + inside[k][0], left + inside[k][1], at[3]))))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        met = _windows_of(call, at)
        return [single(share(_divisor(call, place)), call.error.factor(place)) for place in met] or [single(constant(0.0))]

    def aside(call: Call, at: At) -> Aside:
        return Aside(grids=(Grid("x", _window_at(call, at)[0], "the window"),))


@op
class global_avg_pool:
    r"""The mean of each channel of each image.

    Equation:
        y_c = \frac{1}{H W} \sum_{i, j} x_{ijc}
    Gradient:
        \partial C/\partial x_{ijc} = \delta_c / (H W)
    Shapes:
        x: (N, H, W, C) -> y: (N, C)
    Source:
        Lin et al. (2014), arXiv:1312.4400, section 3.2
    """

    def forward(xp: ArrayModule, x: Array) -> Any:
        images("global_avg_pool", x)
        if 0 in x.shape[1:3]:
            raise EngineError(f"global_avg_pool: x is {x.shape}, and there is no mean of no pixels")
        return total(x, (1, 2), over=x.shape[1] * x.shape[2]), x.shape

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        _, h, w, _ = saved
        return xp.broadcast_to((delta / (h * w))[:, None, None, :], saved)

    def terms(call: Call, at: At) -> list[Sum]:
        x = call.operand(0)
        return terms_along(x, (1, 2), at, share(math.prod(x.values.shape[1:3])))

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return [single(share(math.prod(call.operand(0).values.shape[1:3])), call.error.factor((at[0], at[3])))]


def _sides(shape: Shape, window: tuple[Pair, Pair, Pair], apart: Pair, ceil_mode: bool) -> tuple[int, ...]:
    """H' and W'. With ceil_mode a window may hang over the edge, as long as it begins before the end."""
    found = []
    for n, k, s, p, d in zip(shape[1:3], *window, apart, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        side = (-(-room // s) if ceil_mode else room // s) + 1
        found.append(side - 1 if ceil_mode and (side - 1) * s >= n + p else side)
    return tuple(found)


def _overhang(shape: Shape, window: tuple[Pair, Pair, Pair], sides: tuple[int, ...]) -> Pair:
    """How far the last windows reach beyond the padded image, below and to the right."""
    below, right = (max(0, (m - 1) * s + k - n - 2 * p) for m, n, k, s, p in zip(sides, shape[1:3], *window, strict=True))
    return below, right


def _counts(shape: Shape, window: tuple[Pair, Pair, Pair], sides: tuple[int, ...], padded: bool, divisor: Any) -> Any:
    """What each window's sum is divided by, (H', W'); None where that is the window's size everywhere."""
    if divisor is not None:
        if isinstance(divisor, bool) or not isinstance(divisor, int | np.integer) or divisor == 0:
            raise EngineError(f"avg_pool2d: divisor_override must be a whole number other than 0, got {divisor!r}")
        return np.full(sides, float(divisor))
    if not any(_overhang(shape, window, sides)) and (padded or not any(window[2])):
        return None
    along = []
    for m, n, k, s, p in zip(sides, shape[1:3], *window, strict=True):
        start, (first, last) = np.arange(m) * s - p, (-p, n + p) if padded else (0, n)
        along.append(np.minimum(start + k, last) - np.maximum(start, first))
    return np.outer(*along).astype(float)


def _divisor(call: Call, at: At) -> int:
    counts, window = call.saved[2:]
    return math.prod(window[0]) if counts is None else int(counts[at[1:3]])


def _largest(xp: ArrayModule, x: Array, window: tuple[Pair, Pair, Pair], apart: Pair, sides: tuple[int, ...]) -> tuple[Any, Any]:
    """The largest of each window, and which of its places it was, the first of equal ones, with places d apart."""
    kernel, stride, padding = window
    ends = [(m - 1) * s + d * (k - 1) + 1 for m, k, s, d in zip(sides, kernel, stride, apart, strict=True)]
    around = [(p, max(0, end - n - p)) for n, p, end in zip(x.shape[1:3], padding, ends, strict=True)]
    padded = xp.pad(x, ((0, 0), *around, (0, 0)), constant_values=-np.inf)
    y = xp.full((len(x), *sides, x.shape[3]), -np.inf, x.dtype)
    which = xp.full(y.shape, -1)
    for tap, (u, v) in enumerate(np.ndindex(*kernel)):
        top, left = u * apart[0], v * apart[1]
        rows = slice(top, top + stride[0] * (sides[0] - 1) + 1, stride[0])
        seen = padded[:, rows, left : left + stride[1] * (sides[1] - 1) + 1 : stride[1]]
        inside = [
            (np.arange(m) * s - p + at >= 0) & (np.arange(m) * s - p + at < n)
            for m, s, p, at, n in zip(sides, stride, padding, (top, left), x.shape[1:3], strict=True)
        ]
        here = (inside[0][:, None] & inside[1])[None, :, :, None]
        larger = here & ((which < 0) | (seen > y) | xp.isnan(seen))
        y, which = xp.where(larger, seen, y), xp.where(larger, tap, which)
    return y, which


def winners(which: Any, apart: Pair, window: tuple[Pair, Pair, Pair]) -> tuple[Any, ...]:
    """The key of the pixels that won their windows."""
    kernel, stride, padding = window
    n, i, j, c = np.ogrid[tuple(slice(length) for length in which.shape)]
    u, v = np.divmod(which.astype(int), kernel[1])
    return n, i * stride[0] - padding[0] + u * apart[0], j * stride[1] - padding[1] + v * apart[1], c


# ---------------------------------------------------------------- which pixel is in which window, for the terms


def _dilation(call: Call) -> Pair:
    return call.saved[2] if call.op.name == "max_pool2d" else (1, 1)


def _window_at(call: Call, at: At) -> tuple[Any, tuple[int, int]]:
    """What a window sees, (kh, kw), with NaN outside of the image; and where its upper left corner stands."""
    x, (kernel, stride, padding), apart = call.operand(0).values, call.saved[-1], _dilation(call)
    n, i, j, c = at
    top, left = i * stride[0] - padding[0], j * stride[1] - padding[1]
    window = np.full(kernel, np.nan)
    for u, v in np.ndindex(*kernel):
        row, column = top + u * apart[0], left + v * apart[1]
        if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
            window[u, v] = x[n, row, column, c]
    return window, (top, left)


def _winner(call: Call, at: At) -> At:
    """Where the input stands that won a window."""
    window, (top, left) = _window_at(call, at)
    u, v = divmod(int(np.nanargmax(window)), window.shape[1])
    apart = _dilation(call)
    return (at[0], top + u * apart[0], left + v * apart[1], at[3])


def _windows_of(call: Call, at: At) -> list[At]:
    """The outputs whose windows hold this pixel."""
    (kernel, stride, padding), apart = call.saved[-1], _dilation(call)
    ranges = []
    for k, n in enumerate(call.error.values.shape[1:3]):
        begins = sorted(at[k + 1] + padding[k] - u * apart[k] for u in range(kernel[k]))
        ranges.append([begin // stride[k] for begin in begins if begin % stride[k] == 0 and 0 <= begin // stride[k] < n])
    return [(at[0], i, j, at[3]) for i in ranges[0] for j in ranges[1]]


def images(name: str, x: Array) -> None:
    """Raise EngineError for what are no images."""
    if getattr(x, "ndim", 0) != 4 or x.dtype not in DTYPES.values():
        raise EngineError(
            f"{name}: x must be images (N, H, W, C) in float32 or float64, got {np.shape(x)} {getattr(x, 'dtype', '')}"
        )


def pair(name: str, what: str, value: int | Pair, least: int) -> Pair:
    """A number for both directions, or one for each.

    >>> pair("max_pool2d", "kernel", 2, least=1)
    (2, 2)
    """
    found = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(found) != 2 or any(not isinstance(one, int | np.integer) or one < least for one in found):
        raise EngineError(f"{name}: {what} must be a whole number, {least} or more, or two of them (down, across), got {value!r}")
    return int(found[0]), int(found[1])


def _window(
    name: str, x: Array, kernel: int | Pair, stride: int | Pair | None, padding: int | Pair, apart: Pair = (1, 1)
) -> tuple[Pair, Pair, Pair]:
    images(name, x)
    k = pair(name, "the kernel", kernel, 1)
    s = k if stride is None else pair(name, "the stride", stride, 1)
    p = pair(name, "the padding", padding, 0)
    if any(2 * around > along for around, along in zip(p, k, strict=True)):
        raise EngineError(f"{name}: the kernel is {k} but the padding {p}: at most half of the kernel, or windows see nothing")
    if any(n + 2 * around < d * (along - 1) + 1 for n, around, along, d in zip(x.shape[1:3], p, k, apart, strict=True)):
        raise EngineError(f"{name}: x is {x.shape}, with padding {p} smaller than the kernel {k}")
    return k, s, p
