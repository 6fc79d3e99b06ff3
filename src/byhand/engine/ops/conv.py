"""Convolution of images (N, H, W, C), and its transpose."""

from __future__ import annotations

from typing import Any

from byhand import kernels
from byhand.engine.op import op
from byhand.errors import EngineError
from byhand.kernels.reference.conv import output_side


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
        xp: Any, x: Any, w: Any, b: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        _images("conv2d", x, w, w.shape[2] * groups if w.ndim == 4 else 0, "w (kh, kw, C_in / groups, C_out)", groups)
        _bias("conv2d", b, w.shape[3])
        stride, padding, dilation = _pair(stride), _pair(padding), _pair(dilation)
        for i, name in ((0, "rows"), (1, "columns")):
            if output_side(x.shape[i + 1], w.shape[i], stride[i], padding[i], dilation[i]) < 1:
                raise EngineError(
                    f"conv2d: x is {x.shape} but w is {w.shape}: with padding {padding[i]} and dilation {dilation[i]} "
                    f"the filter is larger than the {name}"
                )
        x, w = xp.ascontiguousarray(x), xp.ascontiguousarray(w)
        settings = (stride, padding, dilation, groups)
        return kernels.family("conv", x).forward(x, w, b, *settings), (x, w, settings)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        x, w, settings = saved
        wanted3 = (*wanted, False)[:3]
        found = kernels.family("conv", x).gradient(x, w, xp.ascontiguousarray(delta), *settings, wanted3)
        return found[: len(wanted)]


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
        xp: Any,
        x: Any,
        w: Any,
        b: Any = None,
        *,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        _images("conv_transpose2d", x, w, w.shape[3] if w.ndim == 4 else 0, "w (kh, kw, C_out / groups, C_in)", groups)
        n_out = w.shape[2] * groups
        _bias("conv_transpose2d", b, n_out)
        stride, padding, dilation, more = _pair(stride), _pair(padding), _pair(dilation), _pair(output_padding)
        sides = [(x.shape[i + 1] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (w.shape[i] - 1) + more[i] + 1 for i in (0, 1)]
        if min(sides) < 1 or any(more[i] >= stride[i] for i in (0, 1)):
            raise EngineError(
                f"conv_transpose2d: x is {x.shape} and w {w.shape}: with padding {padding} and output_padding {more} the output "
                f"is {sides[0]} x {sides[1]}; it needs a pixel or more, and an output_padding below the stride"
            )
        x, w = xp.ascontiguousarray(x), xp.ascontiguousarray(w)
        settings = (stride, padding, dilation, groups)
        z = kernels.family("conv", x).gradient_x(x, w, (len(x), *sides, n_out), *settings)
        return (z if b is None else z + b), (x, w, settings)

    def gradient(xp: Any, saved: Any, delta: Any, wanted: Any) -> Any:
        x, w, settings = saved
        conv = kernels.family("conv", x)
        delta = xp.ascontiguousarray(delta)
        return (
            conv.forward(delta, w, None, *settings) if wanted[0] else None,
            conv.gradient_w(delta, x, w.shape, *settings) if wanted[1] else None,
            *((delta.sum(axis=(0, 1, 2)) if wanted[2] else None,) if len(wanted) == 3 else ()),
        )


def _pair(given: Any) -> tuple[int, int]:
    return (given, given) if isinstance(given, int) else (given[0], given[1])


def _images(name: str, x: Any, w: Any, c_in: int, w_shape: str, groups: int) -> None:
    """Raise EngineError where images and filters do not fit."""
    if x.ndim != 4 or w.ndim != 4 or x.shape[3] != c_in:
        raise EngineError(
            f"{name}: x is {x.shape} but w is {w.shape} in {groups} groups: "
            f"x must be (N, H, W, C_in), {w_shape}, and the channels agree"
        )
    if groups < 1 or w.shape[3] % groups:
        raise EngineError(f"{name}: w is {w.shape}, whose {w.shape[3]} channels do not part into {groups} groups")
    if x.dtype != w.dtype:
        raise EngineError(f"{name}: x is {x.dtype} but w is {w.dtype}: convert one of them")


def _bias(name: str, b: Any, n_out: int) -> None:
    if b is not None and b.shape != (n_out,):
        raise EngineError(f"{name}: b is {b.shape}, but there are {n_out} channels: b must be ({n_out},)")
