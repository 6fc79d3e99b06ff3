"""Images as PyTorch lays them, (N, C, H, W), for code that comes from there; or lines (N, C, L), or volumes (N, C, D, H, W).

byhand's own ops and layers have the channels last, which is quicker on a processor: `ops.conv2d`, `nn.Conv2d`. These methods
turn the axes round, call the same ops, and turn them back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from byhand import engine
from byhand.engine.methods.numbers import Numbers
from byhand.errors import EngineError

if TYPE_CHECKING:
    from byhand.engine.tensor import Tensor


class ChannelsFirst(Numbers):
    """Methods on images whose channels are the second axis."""

    __slots__ = ()

    def conv2d(
        self, weight: Any, bias: Any = None, groups: int = 1, stride: Any = 1, dilation: Any = 1, padding: Any = 0
    ) -> Tensor:
        """A convolution by filters (C_out, C_in / groups, kh, kw).

        padding: a number, one for each axis, or one for each side, the last axis first.

        >>> from byhand.engine import ones
        >>> ones(1, 3, 8, 8).conv2d(ones(4, 3, 3, 3), padding=1).shape
        (1, 4, 8, 8)
        """
        x, padding = _padded("conv2d", self, padding, 0.0)
        if x.ndim == 5:
            found = engine.volumes.conv3d(
                _last(x), _filters3(weight), bias, groups=groups, stride=stride, dilation=dilation, padding=padding
            )
            return found.movedim(-1, 1)
        settings = _both(x, stride=(stride, 1), dilation=(dilation, 1), padding=(padding, 0))
        return _back(engine.ops.conv2d(_images("conv2d", x), _filters(weight), *_given(bias), groups=groups, **settings), x)

    def conv_transpose2d(
        self,
        weight: Any,
        bias: Any = None,
        groups: int = 1,
        stride: Any = 1,
        dilation: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
    ) -> Tensor:
        """The transpose of a convolution by filters (C_in, C_out / groups, kh, kw)."""
        if self.ndim == 5:
            settings = {"stride": stride, "dilation": dilation, "padding": padding, "output_padding": output_padding}
            return engine.volumes.conv_transpose3d(_last(self), _filters3(weight), bias, groups=groups, **settings).movedim(-1, 1)
        settings = _both(
            self, stride=(stride, 1), dilation=(dilation, 1), padding=(padding, 0), output_padding=(output_padding, 0)
        )
        images, filters = _images("conv_transpose2d", self), _filters(weight)
        return _back(engine.ops.conv_transpose2d(images, filters, *_given(bias), groups=groups, **settings), self)

    def max_pool2d(
        self,
        kernel_size: Any = 2,
        stride: Any = None,
        dilation: Any = 1,
        padding: Any = 0,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        """The largest of each window; with `return_indices` also where it stands in the flat image."""
        x, padding = _padded("max_pool2d", self, padding, -np.inf)
        if x.ndim == 5 and not return_indices:
            settings = {"stride": stride, "dilation": dilation, "padding": padding}
            return engine.volumes.max_pool3d(_last(x), kernel_size, ceil_mode=ceil_mode, **settings).movedim(-1, 1)
        settings = _both(x, kernel=(kernel_size, 1), stride=(stride, 1), dilation=(dilation, 1), padding=(padding, 0))
        images = _images("max_pool2d", x)
        y = _back(engine.ops.max_pool2d(images, ceil_mode=ceil_mode, **settings), x)
        if not return_indices:
            return y
        _, saved = engine.ops.max_pool2d.forward(np, images.numpy(), ceil_mode=ceil_mode, **settings)
        from byhand.engine.ops.pool import winners

        _, i, j, _ = winners(saved[0], *saved[2:])
        return y, _back(engine.Tensor(i * images.shape[2] + j), x)

    def avg_pool2d(
        self,
        kernel_size: Any = 2,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Tensor:
        """The mean of each window."""
        if self.ndim == 5 and divisor_override is None:
            settings = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
            return engine.volumes.avg_pool3d(_last(self), kernel_size, **settings).movedim(-1, 1)
        settings = _both(self, kernel=(kernel_size, 1), stride=(stride, 1), padding=(padding, 0))
        more = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad, "divisor_override": divisor_override}
        return _back(engine.ops.avg_pool2d(_images("avg_pool2d", self), **settings, **more), self)

    def max_unpool2d(
        self, indices: Any, kernel_size: Any = 2, stride: Any = None, padding: Any = 0, output_size: Any = None
    ) -> Tensor:
        """The largest numbers put back where `max_pool2d` with `return_indices` found them, and zeros elsewhere.

        >>> from byhand.engine import arange
        >>> values, places = arange(4.0).reshape(1, 1, 2, 2).max_pool2d(2, return_indices=True)
        >>> values.max_unpool2d(places, 2).tolist()
        [[[[0.0, 0.0], [0.0, 3.0]]]]
        """
        if self.ndim != 4:
            raise EngineError(f"max_unpool2d: the tensor must be images (N, C, H, W), got {self.shape}")
        if output_size is None:
            steps = kernel_size if stride is None else stride
            (kh, kw), (sh, sw), (ph, pw) = (
                one if isinstance(one, tuple | list) else (one, one) for one in (kernel_size, steps, padding)
            )
            output_size = ((self.shape[2] - 1) * sh - 2 * ph + kh, (self.shape[3] - 1) * sw - 2 * pw + kw)
        n, c, (h, w) = *self.shape[:2], tuple(output_size)[-2:]
        places = np.asarray(getattr(indices, "data", indices))
        if places.size != self.size or (places.size and not 0 <= places.min() <= places.max() < h * w):
            raise EngineError(
                f"max_unpool2d: the indices must be one for each number, from 0 to {h * w - 1}, for images of {h} x {w}"
            )
        places = (places.reshape(n * c, -1) + np.arange(n * c)[:, None] * (h * w)).reshape(-1)
        # Windows that overlap may have found the same number: it stands once.
        _, last = np.unique(places[::-1], return_index=True)
        kept = places.size - 1 - last
        flat = engine.ops.scatter(engine.ops.reshape(self, shape=(-1,))[kept], key=places[kept], shape=(n * c * h * w,))
        return flat.reshape(n, c, h, w)

    def interpolate(self, size: Any, mode: str = "linear", align_corners: bool = False) -> Tensor:
        """Images of another size (H', W'): "nearest", "nearest-exact", or "linear" (in PyTorch's words also "bilinear").

        >>> from byhand.engine import Tensor
        >>> Tensor([[[0.0, 1.0]]]).interpolate(size=(4,)).tolist()
        [[[0.0, 0.25, 0.75, 1.0]]]
        """
        sides = size if isinstance(size, tuple | list) else (size,) * (self.ndim - 2)
        if not 1 <= len(sides) <= self.ndim - 2 or mode not in ("nearest", "nearest-exact", "linear", "bilinear"):
            raise EngineError(
                f"interpolate: the tensor is {self.shape}: give a size for each axis after the second and a mode 'nearest', "
                f"'nearest-exact' or 'linear', got {size} and {mode!r}"
            )
        from byhand.engine.ops.resize import aligned, between

        found: Any = self
        for axis, m in zip(range(self.ndim - len(sides), self.ndim), sides, strict=True):
            n = self.shape[axis]
            if mode in ("linear", "bilinear"):
                mixed = aligned(n, m) if align_corners else between(n, m, n / m)
                found = engine.ops.matmul(found.swapaxes(axis, -1), mixed.T.astype(self.dtype)).swapaxes(axis, -1)
            else:
                place = (np.arange(m) + (0.5 if mode == "nearest-exact" else 0.0)) * n / m
                found = found[(slice(None),) * axis + (place.astype(int),)]
        return found


def _images(name: str, x: Any) -> Any:
    """(N, H, W, C) of (N, C, H, W), or of (N, C, L)."""
    if x.ndim not in (3, 4):
        raise EngineError(
            f"{name}: the tensor must be images (N, C, H, W), lines (N, C, L) or volumes (N, C, D, H, W), got {x.shape}"
        )
    return (x if x.ndim == 4 else x.unsqueeze(2)).permute(0, 2, 3, 1)


def _last(x: Any) -> Any:
    """(N, D, H, W, C) of (N, C, D, H, W)."""
    return x.movedim(1, -1)


def _filters3(weight: Any) -> Any:
    """(kd, kh, kw, C_in, C_out) of (C_out, C_in, kd, kh, kw)."""
    weight = weight if isinstance(weight, engine.Tensor) else engine.Tensor(weight)
    if weight.ndim != 5:
        raise EngineError(f"the filters of volumes must be (C_out, C_in, kd, kh, kw), got {weight.shape}")
    return weight.permute(2, 3, 4, 1, 0)


def _back(images: Any, like: Any) -> Any:
    found = images.permute(0, 3, 1, 2)
    return found if like.ndim == 4 else found.squeeze(2)


def _filters(weight: Any) -> Any:
    """(kh, kw, C_in, C_out) of (C_out, C_in, kh, kw)."""
    weight = weight if isinstance(weight, engine.Tensor) else engine.Tensor(weight)
    if weight.ndim not in (3, 4):
        raise EngineError(f"the filters must be (C_out, C_in, kh, kw), or (C_out, C_in, k) for lines, got {weight.shape}")
    return (weight if weight.ndim == 4 else weight.unsqueeze(2)).permute(2, 3, 1, 0)


def _given(bias: Any) -> tuple[Any, ...]:
    return () if bias is None else (bias,)


def _both(x: Any, **settings: tuple[Any, int]) -> dict[str, Any]:
    """Each setting for two axes; of a line the second has it, and the first what does nothing."""
    if x.ndim == 4:
        return {name: given for name, (given, _) in settings.items()}
    found = {}
    for name, (given, nothing) in settings.items():
        one = given[0] if isinstance(given, tuple | list) and len(given) == 1 else given
        found[name] = None if one is None else (nothing, one)
    return found


def _padded(name: str, x: Any, padding: Any, value: float) -> tuple[Any, Any]:
    """The images with a padding that is given for each side put around them, and what is left of it for the op."""
    if isinstance(padding, tuple | list) and len(padding) == 2 * (x.ndim - 2):
        return x.pad(padding, value=value), 0
    return x, padding
