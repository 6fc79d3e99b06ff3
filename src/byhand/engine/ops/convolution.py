"""Convolution of images (N, H, W, C), and its transpose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from byhand import kernels
from byhand.backend import DTYPES, Array, ArrayModule
from byhand.engine.call import Call, constant, sum_of_errors, unravelled
from byhand.engine.op import Saved, op
from byhand.engine.ops.pool import Pair, pair
from byhand.errors import EngineError
from byhand.kernels.reference.conv import output_side
from byhand.kernels.reference.sums import total
from byhand.terms import At, Factor, Sum, single

Settings = tuple[Pair, Pair, Pair, int]  # stride, padding, dilation, groups


@op
class conv2d:
    r"""Two-dimensional convolution: a filter slid over the image, the same weights at every place.

    Equation:
        z_{ijo} = b_o + \sum_{u, v, c} w_{uvco}\, x_{i s + u d - p,\; j s + v d - p,\; c}
    Gradient:
        \partial C/\partial x_{i s + u d - p,\; j s + v d - p,\; c} \mathrel{+}= \sum_o w_{uvco}\, \delta_{ijo}
        \quad \partial C/\partial w_{uvco} = \sum_{n, i, j} x_{n,\; i s + u d - p,\; j s + v d - p,\; c}\, \delta_{nijo}
        \quad \partial C/\partial b_o = \sum_{n, i, j} \delta_{nijo}
    Shapes:
        x: (N, H, W, C_in), w: (kh, kw, C_in / groups, C_out), b: (C_out,) or none -> z: (N, H', W', C_out)
    Source:
        Dumoulin and Visin (2016), arXiv:1603.07285, relationship 6 and section 5.1
    """

    def forward(
        xp: ArrayModule,
        x: Array,
        w: Array,
        b: Array | None = None,
        *,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        _whole("conv2d", groups)
        _images("conv2d", x, w, w.shape[2] * groups if w.ndim == 4 else 0, "w (kh, kw, C_in / groups, C_out)", groups)
        _bias("conv2d", b, w.shape[3])
        stride, padding, dilation = _settings("conv2d", stride, padding, dilation)
        for i, name in ((0, "rows"), (1, "columns")):
            if output_side(x.shape[i + 1], w.shape[i], stride[i], padding[i], dilation[i]) < 1:
                raise EngineError(
                    f"conv2d: x is {x.shape} but w is {w.shape}: with padding {padding[i]} and dilation {dilation[i]} "
                    f"the filter is larger than the {name}"
                )
        settings = (stride, padding, dilation, groups)
        value = kernels.family("conv", x).forward(xp.ascontiguousarray(x), xp.ascontiguousarray(w), b, *settings)
        return value, (x, w, settings)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        x, w, settings = saved
        wanted3 = (*wanted, False)[:3]
        x, w, delta = xp.ascontiguousarray(x), xp.ascontiguousarray(w), xp.ascontiguousarray(delta)
        found = kernels.family("conv", x).gradient(x, w, delta, *settings, wanted3)
        return found[: len(wanted)]

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        x, w, settings = saved
        return (
            _transposed(xp, delta, w, x.shape, settings) if wanted[0] else None,
            xp.filter_gradient(x, delta, shape=w.shape, **_named(settings)) if wanted[1] else None,
            *((delta.sum(axis=(0, 1, 2)) if wanted[2] else None,) if len(wanted) == 3 else ()),
        )

    def terms(call: Call, at: At) -> list[Sum]:
        """z = sum of w x, plus b; the zeros around an image are left out."""
        x, w, b = call.operand(0), call.operand(1), call.named("b")
        n, o = at[0], at[3]
        many = w.values.shape[2]
        first = o // (w.values.shape[3] // call.saved[2][3]) * many  # of the channels that this output's group reads
        met = list(pixels_of_output(at, x.values.shape, w.values.shape, call.saved[2]))
        products = [w.values[u, v, :, o] * x.values[n, i, j, first : first + many] for u, v, i, j in met]

        def factors(k: int) -> tuple[Factor, ...]:
            which, c = divmod(k, many)
            u, v, i, j = met[which]
            return w.factor((u, v, c, o)), x.factor((n, i, j, first + c))

        return [Sum(np.array(products, np.float64).reshape(-1), factors), *([single(b.factor((o,)))] if b is not None else [])]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        """Back to a pixel: every output whose filter lay over it. To a weight: every place at which it met a pixel."""
        x, w, delta, settings = call.operand(0), call.operand(1), call.error, call.saved[2]
        if slot == 2:
            return sum_of_errors(delta, at[0])
        if slot == 1:
            pixels, errors = met_by_weight(x.values, w.values, delta.values, settings, at)

            def of_weight(k: int) -> tuple[Factor, ...]:
                place = unravelled(k, pixels.shape)
                there = pixel_under_weight(at, place, w.values.shape, settings)
                inside = all(0 <= index < n for index, n in zip(there, x.values.shape, strict=True))
                return delta.factor((*place, at[3])), x.factor(there) if inside else constant(0.0)

            return [Sum(np.asarray(pixels, np.float64) * errors, of_weight, True)]
        n, _, _, channel = at
        _, _, c_in, c_out = w.values.shape
        group, many = channel // c_in, c_out // settings[3]
        first, c = group * many, channel - group * c_in
        met = list(outputs_of_pixel(at, w.values.shape, delta.values.shape, settings))
        products = [w.values[u, v, c, first : first + many] * delta.values[n, i, j, first : first + many] for u, v, i, j in met]

        def of_pixel(k: int) -> tuple[Factor, ...]:
            which, o = divmod(k, many)
            u, v, i, j = met[which]
            return w.factor((u, v, c, first + o)), delta.factor((n, i, j, first + o))

        return [Sum(np.array(products, np.float64).reshape(-1), of_pixel)]


@op
class conv_transpose2d:
    r"""The transpose of a convolution: every pixel adds its multiple of the filter to the output.

    Equation:
        z_{i s + u d - p,\; j s + v d - p,\; o} \mathrel{+}= w_{uvoc}\, x_{ijc}, \quad z_{ijo} \mathrel{+}= b_o
    Gradient:
        \partial C/\partial x_{ijc} = \sum_{u, v, o} w_{uvoc}\, \delta_{i s + u d - p,\; j s + v d - p,\; o}
        \quad \partial C/\partial w_{uvoc} = \sum_{n, i, j} \delta_{n,\; i s + u d - p,\; j s + v d - p,\; o}\, x_{nijc}
    Shapes:
        x: (N, H, W, C_in), w: (kh, kw, C_out / groups, C_in), b: (C_out,) or none
        -> z: (N, (H - 1) s - 2 p + d (kh - 1) + output_padding + 1, ..., C_out)
    Source:
        Dumoulin and Visin (2016), arXiv:1603.07285, chapter 4
    """

    def forward(
        xp: ArrayModule,
        x: Array,
        w: Array,
        b: Array | None = None,
        *,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        _whole("conv_transpose2d", groups)
        _images("conv_transpose2d", x, w, w.shape[3] if w.ndim == 4 else 0, "w (kh, kw, C_out / groups, C_in)", groups)
        n_out = w.shape[2] * groups
        _bias("conv_transpose2d", b, n_out)
        stride, padding, dilation = _settings("conv_transpose2d", stride, padding, dilation)
        more = pair("conv_transpose2d", "the output_padding", output_padding, 0)
        sides = [(x.shape[i + 1] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (w.shape[i] - 1) + more[i] + 1 for i in (0, 1)]
        if min(sides) < 1 or any(more[i] >= stride[i] for i in (0, 1)):
            raise EngineError(
                f"conv_transpose2d: x is {x.shape} and w {w.shape}: with padding {padding} and output_padding {more} the output "
                f"is {sides[0]} x {sides[1]}; it needs a pixel or more, and an output_padding below the stride"
            )
        settings = (stride, padding, dilation, groups)
        lying = xp.ascontiguousarray(x), xp.ascontiguousarray(w)
        z = kernels.family("conv", x).gradient_x(*lying, (len(x), *sides, n_out), *settings)
        return (z if b is None else z + b), (x, w, settings)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        x, w, settings = saved
        conv = kernels.family("conv", x)
        x, w, delta = xp.ascontiguousarray(x), xp.ascontiguousarray(w), xp.ascontiguousarray(delta)
        return (
            conv.forward(delta, w, None, *settings) if wanted[0] else None,
            conv.gradient_w(delta, x, w.shape, *settings) if wanted[1] else None,
            *((total(delta, (0, 1, 2)) if wanted[2] else None,) if len(wanted) == 3 else ()),
        )

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        x, w, settings = saved
        return (
            xp.conv2d(delta, w, **_named(settings)) if wanted[0] else None,
            xp.filter_gradient(delta, x, shape=w.shape, **_named(settings)) if wanted[1] else None,
            *((delta.sum(axis=(0, 1, 2)) if wanted[2] else None,) if len(wanted) == 3 else ()),
        )

    def terms(call: Call, at: At) -> list[Sum]:
        """z = sum of w x over the pixels that reach this place, plus b."""
        x, w, b = call.operand(0), call.operand(1), call.named("b")
        n, o = at[0], at[3]
        many, own = x.values.shape[3] // call.saved[2][3], w.values.shape[2]
        first = o // own * many
        met = list(outputs_of_pixel(at, w.values.shape, x.values.shape, call.saved[2]))
        products = [w.values[u, v, o % own, first : first + many] * x.values[n, i, j, first : first + many] for u, v, i, j in met]

        def factors(k: int) -> tuple[Factor, ...]:
            which, c = divmod(k, many)
            u, v, i, j = met[which]
            return w.factor((u, v, o % own, first + c)), x.factor((n, i, j, first + c))

        return [Sum(np.array(products, np.float64).reshape(-1), factors), *([single(b.factor((o,)))] if b is not None else [])]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        """Back to a pixel: the places that it reached. To a number of the filter: the pixels that it carried there."""
        x, w, delta, settings = call.operand(0), call.operand(1), call.error, call.saved[2]
        if slot == 2:
            return sum_of_errors(delta, at[0])
        own, many = w.values.shape[2], x.values.shape[3] // settings[3]
        if slot == 1:
            u, v, o, c = at
            channel = c // many * own + o
            places = {}
            products = np.zeros(x.values.shape[:3])
            for i, j in np.ndindex(*x.values.shape[1:3]):
                for u_, v_, row, column in pixels_of_output((0, i, j, 0), delta.values.shape, w.values.shape, settings):
                    if (u_, v_) == (u, v):
                        places[i, j] = (row, column)
                        products[:, i, j] = x.values[:, i, j, c] * delta.values[:, row, column, channel]

            def of_weight(k: int) -> tuple[Factor, ...]:
                n, i, j = unravelled(k, products.shape)
                if (i, j) not in places:
                    return (constant(0.0),)
                return delta.factor((n, *places[i, j], channel)), x.factor((n, i, j, c))

            return [Sum(products, of_weight, True)]
        n, _, _, c = at
        first = c // many * own
        met = list(pixels_of_output(at, delta.values.shape, w.values.shape, settings))
        reached = [w.values[u, v, :, c] * delta.values[n, i, j, first : first + own] for u, v, i, j in met]

        def of_pixel(k: int) -> tuple[Factor, ...]:
            which, o = divmod(k, own)
            u, v, i, j = met[which]
            return w.factor((u, v, o, c)), delta.factor((n, i, j, first + o))

        return [Sum(np.array(reached, np.float64).reshape(-1), of_pixel)]


@op
class filter_gradient:
    r"""What the filter of a convolution gets back, as an op of its own: the images, correlated with the errors.

    Equation:
        g_{uvco} = \sum_{n, i, j} x_{n,\; i s + u d - p,\; j s + v d - p,\; c}\, e_{nijo}
    Gradient:
        \partial C/\partial x_{n,\; i s + u d - p,\; j s + v d - p,\; c} \mathrel{+}= \sum_o \delta_{uvco}\, e_{nijo}
        \quad \partial C/\partial e_{nijo} = \sum_{u, v, c} \delta_{uvco}\, x_{n,\; i s + u d - p,\; j s + v d - p,\; c}
    Shapes:
        x: (N, H, W, C_in), e: (N, H', W', C_out), shape: that of the filter, (kh, kw, C_in / groups, C_out) -> g: that shape
    Source:
        Dumoulin and Visin (2016), arXiv:1603.07285, section 5.1
    """

    def forward(
        xp: ArrayModule, x: Array, e: Array, *, shape: At, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        _whole("filter_gradient", groups)
        settings = (*_settings("filter_gradient", stride, padding, dilation), groups)
        if np.ndim(x) != 4 or np.ndim(e) != 4 or len(shape) != 4 or x.shape[3] != shape[2] * groups or e.shape[3] != shape[3]:
            raise EngineError(
                "filter_gradient: x must be (N, H, W, C_in), e (N, H', W', C_out) and the filter (kh, kw, C_in / groups, C_out), "
                f"got {np.shape(x)}, {np.shape(e)} and {shape} in {groups} groups"
            )
        sides = [output_side(x.shape[i + 1], shape[i], settings[0][i], settings[1][i], settings[2][i]) for i in (0, 1)]
        if e.shape[:3] != (len(x), *sides):
            raise EngineError(
                f"filter_gradient: e must be {(len(x), *sides, shape[3])}, as this convolution makes, got {e.shape}"
            )
        lying = xp.ascontiguousarray(x), xp.ascontiguousarray(e)
        return kernels.family("conv", x).gradient_w(*lying, tuple(shape), *settings), (x, e, settings)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        x, e, settings = saved
        conv = kernels.family("conv", x)
        x, e, delta = xp.ascontiguousarray(x), xp.ascontiguousarray(e), xp.ascontiguousarray(delta)
        return (
            conv.gradient_x(e, delta, x.shape, *settings) if wanted[0] else None,
            conv.forward(x, delta, None, *settings) if wanted[1] else None,
        )

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        x, e, settings = saved
        return (
            _transposed(xp, e, delta, x.shape, settings) if wanted[0] else None,
            xp.conv2d(x, delta, **_named(settings)) if wanted[1] else None,
        )


def _named(settings: Settings) -> dict[str, Any]:
    return dict(zip(("stride", "padding", "dilation", "groups"), settings, strict=True))


def _transposed(xp: ArrayModule, errors: Any, w: Array, shape: At, settings: Settings) -> Any:
    """The errors carried back to images of a shape: a transposed convolution, with what the stride left over at the end."""
    stride, padding, dilation, _ = settings
    left = tuple(
        shape[i + 1] - ((errors.shape[i + 1] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (w.shape[i] - 1) + 1)
        for i in (0, 1)
    )
    return xp.conv_transpose2d(errors, w, output_padding=left, **_named(settings))


# ---------------------------------------------------------------- which pixel meets which weight, for the terms


def pixels_of_output(at: At, x_shape: At, w_shape: At, settings: Settings) -> Iterator[tuple[int, int, int, int]]:
    """(u, v, i, j) for every place (u, v) of the filter: the pixel (i, j) that it meets for the output at (n, row, column, o)."""
    (s0, s1), (p0, p1), (d0, d1), _ = settings
    for u, v in np.ndindex(*w_shape[:2]):
        i, j = at[1] * s0 + u * d0 - p0, at[2] * s1 + v * d1 - p1
        if 0 <= i < x_shape[1] and 0 <= j < x_shape[2]:
            yield u, v, i, j


def outputs_of_pixel(at: At, w_shape: At, z_shape: At, settings: Settings) -> Iterator[tuple[int, int, int, int]]:
    """(u, v, i, j) for every output (i, j) whose filter lies over the pixel at (n, row, column, c), with (u, v) upon it."""
    (s0, s1), (p0, p1), (d0, d1), _ = settings
    for u, v in np.ndindex(*w_shape[:2]):
        i, left_i = divmod(at[1] + p0 - u * d0, s0)
        j, left_j = divmod(at[2] + p1 - v * d1, s1)
        if not left_i and not left_j and 0 <= i < z_shape[1] and 0 <= j < z_shape[2]:
            yield u, v, i, j


def met_by_weight(x: Array, w: Array, delta: Array, settings: Settings, at: At) -> tuple[Any, Any]:
    """What the weight (u, v, c, o) meets at every output: its pixel, and the output's error; both are (N, H', W')."""
    stride, padding, dilation, _ = settings
    u, v, _, o = at
    channel = pixel_under_weight(at, (0, 0, 0), w.shape, settings)[3]
    image = np.pad(x[..., channel], ((0, 0), (padding[0],) * 2, (padding[1],) * 2))
    rows, columns = delta.shape[1:3]
    top, left = u * dilation[0], v * dilation[1]
    met = image[:, top : top + stride[0] * (rows - 1) + 1 : stride[0], left : left + stride[1] * (columns - 1) + 1 : stride[1]]
    return met, delta[..., o]


def pixel_under_weight(at: At, place: At, w_shape: At, settings: Settings) -> At:
    """The pixel (n, row, column, channel) that a weight multiplies for the output at (n, i, j); outside it may be < 0."""
    stride, padding, dilation, groups = settings
    u, v, c, o = at
    return (
        place[0],
        place[1] * stride[0] + u * dilation[0] - padding[0],
        place[2] * stride[1] + v * dilation[1] - padding[1],
        o // (w_shape[3] // groups) * w_shape[2] + c,
    )


def _settings(name: str, stride: Any, padding: Any, dilation: Any) -> tuple[Pair, Pair, Pair]:
    return pair(name, "the stride", stride, 1), pair(name, "the padding", padding, 0), pair(name, "the dilation", dilation, 1)


def _whole(name: str, groups: Any) -> None:
    if not isinstance(groups, int) or groups < 1:
        raise EngineError(f"{name}: groups must be a whole number, 1 or more, got {groups!r}")


def _images(name: str, x: Array, w: Array, c_in: int, w_shape: str, groups: int) -> None:
    """Raise EngineError where images and filters do not fit."""
    if x.ndim != 4 or w.ndim != 4 or x.shape[3] != c_in:
        raise EngineError(
            f"{name}: x is {x.shape} but w is {w.shape} in {groups} groups: "
            f"x must be (N, H, W, C_in), {w_shape}, and the channels agree"
        )
    if w.shape[3] % groups:
        raise EngineError(f"{name}: w is {w.shape}, whose {w.shape[3]} channels do not part into {groups} groups")
    if x.dtype != w.dtype:
        raise EngineError(f"{name}: x is {x.dtype} but w is {w.dtype}: convert one of them")
    if x.dtype.kind == "f" and x.dtype not in DTYPES.values():
        raise EngineError(f"{name}: x must be float32 or float64, got {x.dtype}: convert it and the filters")
    if 0 in w.shape:
        raise EngineError(f"{name}: w must have a place and channels of both kinds, got {w.shape}")


def _bias(name: str, b: Array | None, n_out: int) -> None:
    if b is not None and b.shape != (n_out,):
        raise EngineError(f"{name}: b must be ({n_out},), one number per channel, got {b.shape}")
