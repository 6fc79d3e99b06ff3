"""PyTorch's own samples of its operators, given to ours: who takes them, and whose value and gradient agree.

`OPERATORS` says how each of PyTorch's operators is written with ours. A sample is

- "agrees": value and gradients are PyTorch's to the precision of the type;
- "differs": they are not;
- "refused": an option or a shape is not there, and ours says so in one line (an EngineError, or `Unlike` from the table below);
- "crashes": anything else was raised.

    python -m tests.against_torch.operator_samples     # the table, all samples in float32 and float64
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from byhand.engine import Tensor, ops
from byhand.errors import EngineError

CLOSE = {"float64": 1e-7, "float32": 2e-4}
OUTCOMES = ("agrees", "differs", "refused", "crashes")
Call = Callable[..., Any]


class Unlike(Exception):
    """What this sample asks for is no option of ours."""


# ---------------------------------------------------------------- how PyTorch's operators are written with ours


def linear_equations(a: Tensor, b: Any, left: bool = True) -> Any:
    if not left:
        raise Unlike("from the right")
    return a.solve(b[..., None])[..., 0] if 1 < b.ndim == a.ndim - 1 else a.solve(b)  # a stack of vectors


def orthogonal(a: Tensor, mode: str = "reduced") -> Any:
    if mode != "reduced":
        raise Unlike(mode)
    return a.qr()


def method(name: str) -> Call:
    return lambda x, *args, **options: getattr(x, name)(*args, **options)


def alone(name: str) -> Call:
    def call(x: Any, **options: Any) -> Any:
        if options:
            raise Unlike(f"{name} with {', '.join(options)}")
        return getattr(ops, name)(x)

    return call


def two(name: str) -> Call:
    def call(a: Any, b: Any, **options: Any) -> Any:
        if options:
            raise Unlike(f"{name} with {', '.join(options)}")
        return getattr(ops, name)(a, b)

    return call


def operator(function: Call) -> Call:
    def call(a: Any, b: Any, **options: Any) -> Any:
        alpha = options.pop("alpha", 1)
        if options:
            raise Unlike(", ".join(options))
        return function(a, b if alpha == 1 else b * alpha)

    return call


def reduced(name: str, **fixed: Any) -> Call:
    def call(x: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, **options: Any) -> Any:
        if dtype is not None:
            raise Unlike("dtype")
        if isinstance(dim, bool):  # std(x, unbiased)
            options, dim = {"correction": int(dim)}, None
        options = {**fixed, **options}
        if "unbiased" in options:
            options["correction"] = int(options.pop("unbiased"))
        if options.get("correction", 0) is None:
            options["correction"] = 1
        dim = None if isinstance(dim, list | tuple) and not dim else dim
        if x.ndim == 0:
            return getattr(ops, name)(x.reshape(1), **options).reshape(())
        return getattr(ops, name)(x, axis=dim, keepdims=keepdim, **options)

    return call


def with_mean(name: str) -> Call:
    def call(x: Any, *args: Any, **options: Any) -> Any:
        places = () if args and isinstance(args[0], bool) else args
        of_mean = {key: value for key, value in options.items() if key in ("dim", "keepdim")}
        return [reduced(name, correction=1)(x, *args, **options), reduced("mean")(x, *places, **of_mean)]

    return call


def narrowed(x: Any, dim: int, start: Any, length: int) -> Any:
    places = np.arange(int(start), int(start) + length) % max(1, x.shape[dim])
    return indexed(x, dim, Tensor(places))


def along(name: str) -> Call:
    def call(x: Any, dim: int | None = None, *, dtype: Any = None, **options: Any) -> Any:
        if dtype is not None or options or dim is None:
            raise Unlike("dtype")
        return getattr(ops, name)(x.reshape(1), axis=0).reshape(()) if x.ndim == 0 else getattr(ops, name)(x, axis=dim)

    return call


def extreme(name: str) -> Call:
    def call(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if dim is None:
            return getattr(ops, name)(x)
        places = getattr(x, f"arg{name}")(axis=dim, keepdims=True)
        values = x if x.ndim == 0 else ops.gather(x, indices=places, axis=dim)
        return values if keepdim or x.ndim == 0 else values.squeeze(dim)

    return call


def clamped(x: Any, min: Any = None, max: Any = None) -> Any:
    for bound, function in ((min, ops.maximum), (max, ops.minimum)):
        if bound is not None:
            x = function(x, bound)
    return x


def first(x: Any, *_: Any, **__: Any) -> Any:
    return x


def last_axis(x: Any) -> Any:
    """Channels from PyTorch's second axis to our last."""
    return x.permute(0, *range(2, x.ndim), 1)


def second_axis(x: Any) -> Any:
    return x.permute(0, x.ndim - 1, *range(1, x.ndim - 1))


def images(function: Call, axes: int) -> Call:
    """A function of images (N, H, W, C) for PyTorch's (N, C, H, W), or (C, H, W); of lines, where there is one axis."""

    def call(x: Any, *args: Any, **options: Any) -> Any:
        single = x.ndim == axes + 1
        x = x.unsqueeze(0) if single else x
        if x.ndim != axes + 2 or axes > 2:
            raise Unlike(f"{axes} axes")
        x = x.unsqueeze(2) if axes == 1 else x
        y = second_axis(function(last_axis(x), *args, **options))
        y = y.squeeze(2) if axes == 1 else y
        return y.squeeze(0) if single else y

    return call


def both(value: Any, axes: int, other: int) -> Any:
    """A setting of PyTorch's for two axes; of a line it is for the second."""
    if isinstance(value, list | tuple):
        value = tuple(value) if len(value) == axes else (tuple(value) * axes)[:axes]
        return (other, *value) if axes == 1 else value
    return (other, value) if axes == 1 else value


def convolution(axes: int, transposed: bool = False) -> Call:
    def call(x: Any, w: Any, b: Any = None, **options: Any) -> Any:
        if w.ndim != axes + 2 or axes > 2 or isinstance(options.get("padding"), str):
            raise Unlike("three axes, or padding by a word")
        w = w.unsqueeze(2) if axes == 1 else w
        w = w.permute(
            2, 3, 1, 0
        )  # ours is (kh, kw, C_in / groups, C_out), and of the transposed one (kh, kw, C_out / groups, C_in)
        groups = options.pop("groups", 1)
        standard = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}
        given = {name: both(value, axes, standard[name]) for name, value in options.items()}
        op = ops.conv_transpose2d if transposed else ops.conv2d
        return images(lambda x: op(x, w, b, groups=groups, **given), axes)(x)

    return call


def max_pooled(axes: int) -> Call:
    def call(
        x: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        options = {
            "kernel": both(kernel_size, axes, 1),
            "stride": None if stride is None or stride == () else both(stride, axes, 1),
            "padding": both(padding, axes, 0),
            "dilation": both(dilation, axes, 1),
            "ceil_mode": ceil_mode,
        }
        return images(lambda x: ops.max_pool2d(x, **options), axes)(x)

    return call


def mean_pooled(axes: int) -> Call:
    def call(
        x: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: Any = None,
    ) -> Any:
        if ceil_mode or divisor_override or (not count_include_pad and np.any(padding)):
            raise Unlike("ceil_mode, count_include_pad or divisor_override")
        kernel = both(kernel_size, axes, 1)
        stride = None if stride is None or stride == () else both(stride, axes, 1)
        return images(lambda x: ops.avg_pool2d(x, kernel=kernel, stride=stride, padding=both(padding, axes, 0)), axes)(x)

    return call


def resized(mode: str) -> Call:
    def call(
        x: Any, size: Any = None, scale_factor: Any = None, mode: str = mode, align_corners: Any = None, **options: Any
    ) -> Any:
        if x.ndim not in (3, 4) or options.get("recompute_scale_factor") or options.get("antialias"):
            raise Unlike("three axes")
        axes = x.ndim - 2
        given = both(size, axes, 1) if size is not None else None
        scale = both(scale_factor, axes, 1) if scale_factor is not None else None
        if mode == "nearest":
            if scale is not None:
                factors = scale if isinstance(scale, tuple) else (scale, scale)
                if any(f != int(f) for f in factors):
                    raise Unlike("nearest by a broken scale")
                scale = tuple(int(f) for f in factors)
            return images(lambda x: ops.upsample_nearest(x, scale=scale, size=given), axes)(x)
        aligned = bool(align_corners)
        return images(lambda x: ops.upsample_bilinear(x, scale=scale, size=given, align_corners=aligned), axes)(x)

    return call


def padded(mode: str) -> Call:
    def call(x: Any, pad: Any, mode: str = mode, value: Any = None) -> Any:
        pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
        widths = [(0, 0)] * (x.ndim - len(pairs)) + pairs
        return ops.pad(x, widths=tuple(widths), mode=mode, value=0.0 if value is None else value)

    return call


def normalised(op: str) -> Call:
    def call(x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: Any = None) -> Any:
        n = len(shape)
        flat = x.reshape((*x.shape[: x.ndim - n], int(np.prod(shape))))
        given = [None if one is None else one.reshape(-1) for one in (weight, bias)]
        if op == "layer_norm":
            return ops.layer_norm(flat, *given, eps=1e-5 if eps is None else eps).reshape(x.shape)
        return ops.rms_norm(flat, given[0], eps=eps).reshape(x.shape)

    return call


def group_norm(x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    return second_axis(ops.group_norm(last_axis(x), weight, bias, groups=groups, eps=eps))


def batch_norm(
    x: Any,
    mean: Any,
    var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    means = {"running_mean": plain(mean), "running_var": plain(var)}
    y = ops.batch_norm(last_axis(x), weight, bias, **means, training=training, momentum=momentum, eps=eps)
    return second_axis(y)


def plain(x: Any) -> Any:
    return None if x is None else np.array(x.data)


def costed(name: str, **fixed: Any) -> Call:
    def call(a: Any, y: Any, *args: Any, reduction: str = "mean", delta: float | None = None, **options: Any) -> Any:
        if reduction != "mean" or args or any(value is not None for value in options.values()):
            raise Unlike("reduction, weight")
        return getattr(ops, name)(a, y, **({} if delta is None else {"d": delta}))

    return call


def cross_entropy(
    z: Any, y: Any, reduction: str = "mean", weight: Any = None, ignore_index: int = -100, label_smoothing: float = 0.0
) -> Any:
    if reduction != "mean" or weight is not None or ignore_index != -100:
        raise Unlike("reduction, weight, ignore_index")
    return ops.cross_entropy(z, target=y, label_smoothing=label_smoothing)


def attention(
    q: Any, k: Any, v: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False, **options: Any
) -> Any:
    if dropout_p or any(options.values()):
        raise Unlike("dropout, scale")
    return ops.attention(q, k, v, mask=attn_mask, causal=is_causal)


def normed(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    if dtype is not None or not isinstance(ord, int | float):
        raise Unlike("dtype")
    return reduced("norm", p=ord)(x, dim, keepdim)


def summed_to(x: Any, *shape: Any) -> Any:
    wanted = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    ahead = x.ndim - len(wanted)
    axes = tuple(range(ahead)) + tuple(ahead + i for i, n in enumerate(wanted) if n == 1)
    return x.sum(axis=axes).reshape(wanted)


def pieces(name: str) -> Call:
    return lambda x, size, dim=0: getattr(x, name)(size, dim)


def indexed(x: Any, dim: int, places: Any) -> Any:
    if x.ndim == 0:
        return x.reshape(1)[places].reshape(())
    return x[(slice(None),) * (dim % x.ndim) + (places.reshape(-1),)]


def added(x: Any, dim: int, places: Any, b: Any, alpha: float = 1) -> Any:
    flat = x.ndim == 0
    x = x.reshape(1) if flat else x
    y = ops.index_add(x, (b * alpha).reshape((-1,) if flat else b.shape), indices=places.data.reshape(-1), axis=dim)
    return y.reshape(()) if flat else y


def scattered(x: Any, dim: int, places: Any, b: Any) -> Any:
    if x.ndim == 0:
        return ops.scatter_add(x.reshape(1), b.reshape(-1), indices=places.data.reshape(-1), axis=0).reshape(())
    if places.size == 0:
        return x * 1
    return ops.scatter_add(x, b[tuple(slice(n) for n in places.shape)], indices=places.data, axis=dim)


def gathered(x: Any, dim: int, places: Any, **_: Any) -> Any:
    if x.ndim == 0:
        return x.reshape(1)[places.reshape(-1)].reshape(places.shape)
    if places.size == 0:
        return x.flatten()[places]
    x = x[tuple(slice(None) if i == dim % x.ndim else slice(n) for i, n in enumerate(places.shape))]
    return ops.gather(x, indices=places.data, axis=dim)


def sorted_values(x: Any, dim: int = -1, descending: bool = False, stable: Any = None) -> Any:
    return list(x.sort(dim, descending=descending))


def largest(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    return list(x.topk(k, dim, largest=largest))


def rolled(x: Any, shifts: Any, dims: Any = None) -> Any:
    if x.ndim == 0:
        return x * 1
    dims = None if isinstance(dims, tuple | list) and not dims else dims
    return ops.roll(x, shifts=shifts if not isinstance(shifts, tuple | list) or dims is not None else shifts[0], axis=dims)


def triangle(name: str) -> Call:
    return lambda x, k=0: getattr(ops, name)(x, diagonal=k)


def rounded(x: Any, decimals: int = 0) -> Any:
    return ops.round(x, decimals=decimals)


def divided(a: Any, b: Any, rounding_mode: Any = None) -> Any:
    q = ops.divide(a, b)
    return q if rounding_mode is None else ops.floor(q) if rounding_mode == "floor" else ops.trunc(q)


def embedded(places: Any, w: Any, padding_idx: Any = None, scale_grad_by_freq: bool = False, **options: Any) -> Any:
    if padding_idx is not None or scale_grad_by_freq or any(options.values()):
        raise Unlike("padding_idx")
    return ops.embedding(w, indices=places.data)


def softmaxed(name: str) -> Call:
    def call(x: Any, dim: Any = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
        x = x if dtype is None else x.astype(str(dtype).removeprefix("torch."))
        return getattr(ops, name)(x.reshape(1), axis=0).reshape(()) if x.ndim == 0 else getattr(ops, name)(x, axis=dim)

    return call


def times_added(b: Any, x: Any, y: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    return (b if beta == 1 else b * beta) + (x @ y if alpha == 1 else (x @ y) * alpha)


F = "nn.functional."
ELEMENTWISE = (
    "acos acosh asin asinh atan atanh ceil cos cosh erf exp expm1 floor log log1p sigmoid sign sin sinh sqrt tan tanh trunc"
)
OPERATORS: dict[str, Call] = {
    **{name: alone(name) for name in ELEMENTWISE.split()},
    "abs": alone("absolute"),
    "neg": alone("negative"),
    "positive": lambda x: +x,
    "sgn": alone("sign"),
    "square": method("square"),
    "reciprocal": method("reciprocal"),
    "rsqrt": method("rsqrt"),
    "exp2": lambda x: 2**x,
    "log2": lambda x: ops.log(x) / np.log(2).item(),
    "log10": lambda x: ops.log(x) / np.log(10).item(),
    "erfc": lambda x: 1 - ops.erf(x),
    "frac": lambda x: x - ops.trunc(x),
    "round": rounded,
    "round.decimals_0": rounded,
    "round.decimals_3": rounded,
    "round.decimals_neg_3": rounded,
    "add": operator(lambda a, b: a + b),
    "sub": operator(lambda a, b: a - b),
    "rsub": lambda a, b, alpha=1: b - alpha * a,
    "mul": two("multiply"),
    "div.no_rounding_mode": divided,
    "div.trunc_rounding": divided,
    "div.floor_rounding": divided,
    "true_divide": two("divide"),
    "floor_divide": lambda a, b: a // b,
    "remainder": two("remainder"),
    "pow": two("power"),
    "float_power": lambda a, b: a.double() ** (b.double() if isinstance(b, Tensor) else b),
    **{f"__{name}__": operator(function) for name, function in {
        "radd": lambda a, b: b + a, "rdiv": lambda a, b: b / a, "rmul": lambda a, b: b * a, "rmatmul": lambda a, b: b @ a,
        "rmod": lambda a, b: b % a, "rpow": lambda a, b: b**a, "rsub": lambda a, b: b - a,
    }.items()},
    **{name: operator(function) for name, function in {
        "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
        "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
    }.items()},
    "maximum": two("maximum"),
    "minimum": two("minimum"),
    "max.binary": two("maximum"),
    "min.binary": two("minimum"),
    "clamp": clamped,
    "clamp_min": clamped,
    "clamp_max": lambda x, bound: clamped(x, None, bound),
    "where": lambda a, condition, b: ops.where(condition, a, b),
    "lerp": lambda a, b, w: a + w * (b - a),
    "addcmul": lambda a, b, c, value=1: a + value * b * c,
    "addcdiv": lambda a, b, c, value=1: a + value * b / c,
    "matmul": two("matmul"),
    "mm": two("matmul"),
    "mv": two("matmul"),
    "bmm": two("matmul"),
    "dot": method("dot"),
    "vdot": method("dot"),
    "outer": method("outer"),
    "addmm": times_added,
    "addmv": times_added,
    "baddbmm": times_added,
    "addr": lambda b, x, y, beta=1, alpha=1: b * beta + x.outer(y) * alpha,
    "inner": lambda a, b: a * b if 0 in (a.ndim, b.ndim) else a @ (b.mT if b.ndim > 1 else b),
    "einsum": lambda arrays, equation: ops.einsum(*arrays, equation=equation),
    F + "linear": lambda x, w, b=None: ops.linear(x, w, b),
    "sum": reduced("sum"),
    "mean": reduced("mean"),
    "prod": reduced("prod"),
    "amax": reduced("max"),
    "amin": reduced("min"),
    "var": reduced("variance", correction=1),
    "std": reduced("std", correction=1),
    "var.unbiased": reduced("variance", correction=1),
    "std.unbiased": reduced("std", correction=1),
    "var_mean": with_mean("variance"),
    "std_mean": with_mean("std"),
    "logsumexp": reduced("logsumexp"),
    "linalg.vector_norm": normed,
    "linalg.inv": method("inv"),
    "linalg.det": method("det"),
    "linalg.slogdet": method("slogdet"),
    "linalg.solve": linear_equations,
    "linalg.pinv": method("pinv"),
    "linalg.qr": orthogonal,
    "linalg.svdvals": lambda a: a.svd()[1],
    "max.reduction_no_dim": extreme("max"),
    "min.reduction_no_dim": extreme("min"),
    "max.reduction_with_dim": extreme("max"),
    "min.reduction_with_dim": extreme("min"),
    "all": lambda x, dim=None, keepdim=False: x.all(axis=dim or None if isinstance(dim, list | tuple) else dim, keepdims=keepdim),
    "any": lambda x, dim=None, keepdim=False: x.any(axis=dim or None if isinstance(dim, list | tuple) else dim, keepdims=keepdim),
    "argmax": lambda x, dim=None, keepdim=False: x.argmax(dim, keepdim),
    "argmin": lambda x, dim=None, keepdim=False: x.argmin(dim, keepdim),
    "cumsum": along("cumsum"),
    "cumprod": along("cumprod"),
    "softmax": softmaxed("softmax"),
    "softmax.with_dtype": softmaxed("softmax"),
    "log_softmax": softmaxed("log_softmax"),
    "log_softmax.with_dtype": softmaxed("log_softmax"),
    "sort": sorted_values,
    "argsort": lambda x, dim=-1, descending=False, stable=False: x.argsort(dim, descending) if stable else Unlike,
    "msort": lambda x: x.sort(0)[0],
    "topk": largest,
    "reshape": method("reshape"),
    "reshape_as": lambda x, other: x.reshape(other.shape),
    "view": method("view"),
    "view_as": lambda x, other: x.view(other.shape),
    "ravel": method("flatten"),
    "flatten": lambda x, start_dim=0, end_dim=-1: x.flatten(start_dim, end_dim),
    "squeeze": method("squeeze"),
    "squeeze.multiple": method("squeeze"),
    "unsqueeze": method("unsqueeze"),
    "transpose": lambda x, a, b: x.swapaxes(a, b),
    "permute": method("permute"),
    "t": method("transpose"),
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "broadcast_to": method("expand"),
    "expand": method("expand"),
    "expand_as": lambda x, other: x.expand(other.shape),
    "sum_to_size": summed_to,
    "split": pieces("split"),
    "split.list_args": pieces("split"),
    "split_with_sizes": pieces("split"),
    "chunk": lambda x, parts, dim=0: x.chunk(parts, dim),
    "unbind": lambda x, dim=0: x.unbind(dim),
    "narrow": narrowed,
    "select": lambda x, dim, k: x[(slice(None),) * (dim % x.ndim) + (k,)],
    "index_select": indexed,
    "index_add": added,
    "scatter_add": scattered,
    "gather": gathered,
    "take_along_dim": lambda x, places, dim=None: (
        ops.gather(x.flatten(), indices=places.data.reshape(-1)) if dim is None else ops.gather(x, indices=places.data, axis=dim)
    ),
    "take": lambda x, places: x.flatten()[places],
    "__getitem__": lambda x, key: x[key],
    "flip": lambda x, dims: ops.flip(x, axis=dims) if dims != () else x * 1,
    "fliplr": lambda x: x.flip(1),
    "flipud": lambda x: x.flip(0),
    "roll": rolled,
    "tile": lambda x, times: ops.tile(x, times=times),
    "repeat": lambda x, *times: x.repeat(*times),
    "repeat_interleave": lambda x, times, dim=None, **_: (
        x.repeat_interleave(times, dim) if isinstance(times, int) else Unlike
    ),
    "stack": lambda arrays, dim=0: ops.stack(*arrays, axis=dim),
    "cat": lambda arrays, dim=0: ops.concat(*arrays, axis=dim),
    "vstack": lambda arrays: ops.concat(*(a if a.ndim > 1 else a.reshape(1, -1) for a in arrays), axis=0),
    "diag": lambda x, k=0: ops.diag(x, diagonal=k),
    "trace": alone("trace"),
    "tril": triangle("tril"),
    "triu": triangle("triu"),
    "nn.functional.pad.constant": padded("constant"),
    "constant_pad_nd": padded("constant"),
    "nn.functional.pad.reflect": padded("reflect"),
    "nn.functional.pad.replicate": padded("replicate"),
    "nn.functional.pad.replicate_negative": padded("replicate"),
    "nn.functional.pad.circular": padded("circular"),
    F + "relu": alone("relu"),
    F + "leaky_relu": lambda x, negative_slope=0.01: ops.leaky_relu(x, slope=negative_slope),
    F + "gelu": lambda x, approximate="none": ops.gelu(x, approximate=approximate),
    F + "silu": alone("silu"),
    F + "softplus": lambda x, beta=1, threshold=20: ops.softplus(x * beta) / beta if threshold == 20 else Unlike,
    F + "logsigmoid": lambda x: -ops.softplus(-x),
    F + "mish": lambda x: x * ops.tanh(ops.softplus(x)),
    F + "hardtanh": lambda x, min_val=-1.0, max_val=1.0: x.clip(min_val, max_val),
    F + "relu6": lambda x: x.clip(0.0, 6.0),
    F + "tanhshrink": lambda x: x - x.tanh(),
    F + "softsign": lambda x: x / (1 + abs(x)),
    F + "embedding": embedded,
    F + "mse_loss": costed("mse_loss"),
    F + "huber_loss": costed("huber_loss"),
    F + "binary_cross_entropy_with_logits": costed("bce_with_logits"),
    F + "cross_entropy": cross_entropy,
    F + "scaled_dot_product_attention": attention,
    F + "layer_norm": normalised("layer_norm"),
    F + "rms_norm": normalised("rms_norm"),
    F + "group_norm": group_norm,
    F + "batch_norm": batch_norm,
    F + "conv1d": convolution(1),
    F + "conv2d": convolution(2),
    F + "conv_transpose1d": convolution(1, transposed=True),
    F + "conv_transpose2d": convolution(2, transposed=True),
    F + "max_pool1d": max_pooled(1),
    F + "max_pool2d": max_pooled(2),
    F + "avg_pool1d": mean_pooled(1),
    F + "avg_pool2d": mean_pooled(2),
    F + "interpolate.nearest": resized("nearest"),
    F + "interpolate.bilinear": resized("bilinear"),
    F + "interpolate.linear": resized("bilinear"),
    F + "upsample_nearest": resized("nearest"),
    F + "upsample_bilinear": lambda x, size=None, scale_factor=None: resized("bilinear")(
        x, size, scale_factor, align_corners=True
    ),
}  # fmt: skip
# Of these the values are compared: at a bound or a tie, the gradient is shared by ours and given whole to one by PyTorch.
VALUES_ONLY = {"clamp", "clamp_min", "clamp_max", "max.reduction_no_dim", "min.reduction_no_dim"}


# ---------------------------------------------------------------- one sample


def translated(torch: Any, given: Any, leaves: list[tuple[Any, Tensor]]) -> Any:
    """PyTorch's tensors as ours, and the pairs of those that want a gradient."""
    if isinstance(given, torch.Tensor):
        array = given.detach().numpy()
        ours = Tensor(array, requires_grad=given.requires_grad)
        if given.requires_grad:
            leaves.append((given, ours))
        return ours
    if isinstance(given, torch.Size):
        return tuple(given)
    if isinstance(given, tuple | list):
        return type(given)(translated(torch, one, leaves) for one in given)
    return given


def outcome(torch: Any, name: str, operator: Any, sample: Any, dtype: str) -> tuple[str, str]:
    """How ours takes one sample, and what was said."""
    leaves: list[tuple[Any, Tensor]] = []
    try:
        x = translated(torch, sample.input, leaves)
        args = translated(torch, sample.args, leaves)
        options = {key: translated(torch, value, leaves) for key, value in sample.kwargs.items()}
        ours = OPERATORS[name](x, *args, **options)
    except (EngineError, Unlike) as error:
        return "refused", str(error)
    except TypeError as error:
        return ("refused" if "argument" in str(error) else "crashes"), f"TypeError: {error}"
    except Exception as error:
        return "crashes", f"{type(error).__name__}: {error}"
    if ours is Unlike:
        return "refused", "no option of ours"
    theirs = operator(sample.input, *sample.args, **sample.kwargs)
    try:
        return compared(torch, name, ours, theirs, leaves, dtype)
    except EngineError as error:
        return "differs", str(error)
    except Exception as error:
        return "crashes", f"{type(error).__name__}: {error}"


def compared(torch: Any, name: str, ours: Any, theirs: Any, leaves: Any, dtype: str) -> tuple[str, str]:
    our_parts = list(ours) if isinstance(ours, list | tuple) else [ours]
    their_parts = list(theirs) if isinstance(theirs, list | tuple) else [theirs]
    their_parts = their_parts[: len(our_parts)]
    their_parts = [part if isinstance(part, torch.Tensor) else torch.tensor(part) for part in their_parts]
    if len(our_parts) != len(their_parts):
        return "differs", f"{len(our_parts)} parts for {len(their_parts)}"
    our_cost: Any = None
    their_cost: Any = None
    for k, (one, other) in enumerate(zip(our_parts, their_parts, strict=True)):
        told = apart(one.data, other.detach().numpy(), dtype)
        if told:
            return "differs", f"value: {told}"
        if one.requires_grad and other.requires_grad and other.dtype.is_floating_point and name not in VALUES_ONLY:
            v = np.random.default_rng(k).standard_normal(one.shape)
            our_cost = (one * v.astype(one.dtype)).sum() + (0 if our_cost is None else our_cost)
            their_cost = (other * torch.tensor(v, dtype=other.dtype)).sum() + (0 if their_cost is None else their_cost)
    if our_cost is None:
        return "agrees", ""
    our_cost.backward()
    their_grads = torch.autograd.grad(their_cost, [one for one, _ in leaves], allow_unused=True)
    for (_, leaf), expected in zip(leaves, their_grads, strict=True):
        found = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad
        told = apart(found, np.zeros(leaf.shape) if expected is None else expected.detach().numpy(force=True), dtype)
        if told:
            return "differs", f"gradient: {told}"
    return "agrees", ""


def apart(ours: Any, theirs: Any, dtype: str) -> str:
    """What is not the same; "" where nothing is."""
    if ours.shape != theirs.shape:
        return f"{ours.shape} for {theirs.shape}"
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    finite = np.abs(b[np.isfinite(b)])
    scale = max(1.0, float(finite.max()) if finite.size else 0.0)
    same = np.isclose(a, b, rtol=CLOSE[dtype], atol=CLOSE[dtype] * scale, equal_nan=True)
    return "" if same.all() else f"{a[~same][0]:.9g} for {b[~same][0]:.9g}"


# ---------------------------------------------------------------- all samples


def samples(torch: Any, dtype: str, most: int | None = None) -> Iterator[tuple[str, Any, Any]]:
    """The name of an operator, the operator, and a sample of it, at most so many of each."""
    from torch.testing._internal import common_utils
    from torch.testing._internal.common_methods_invocations import op_db

    # For messages of its own test runner it looks through the whole stack at each operator: half of the time that this took.
    common_utils.extract_test_fn = lambda: None
    kind = getattr(torch, dtype)
    for info in op_db:
        name = f"{info.name}.{info.variant_test_name}" if info.variant_test_name else info.name
        if name in OPERATORS and kind in info.dtypes:
            torch.manual_seed(0)
            wants = info.supports_autograd and kind in info.supported_backward_dtypes("cpu")
            for k, sample in enumerate(info.sample_inputs("cpu", kind, requires_grad=wants)):
                if most is not None and k >= most:
                    break
                yield name, info.op, sample


def with_nan(torch: Any, sample: Any) -> Any:
    """The same sample with a NaN in its input's first place; None where its input is no array of numbers."""
    x = sample.input
    if not isinstance(x, torch.Tensor) or x.numel() == 0 or not x.dtype.is_floating_point:
        return None
    changed = x.detach().clone()
    changed.reshape(-1)[0] = float("nan")
    return type(sample)(changed.requires_grad_(x.requires_grad), args=sample.args, kwargs=sample.kwargs)


def counted(
    torch: Any, most: int | None = None, variants: bool = True, dtypes: tuple[str, ...] = ("float64", "float32")
) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]], list[str]]:
    """Outcomes by operator: of the samples, and of the same not contiguous and with NaN; and what was said where they differ."""
    plainly: dict[str, Counter[str]] = {}
    varied: dict[str, Counter[str]] = {}
    said: list[str] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for dtype in dtypes:
            for name, operator, sample in samples(torch, dtype, most):
                found, why = outcome(torch, name, operator, sample, dtype)
                plainly.setdefault(name, Counter())[found] += 1
                if found in ("differs", "crashes"):
                    said.append(f"{found:8} {name:40} {dtype} {why[:150]}")
                if not variants or found != "agrees":
                    continue
                strided = sample.noncontiguous() if isinstance(sample.input, torch.Tensor) and sample.input.ndim else None
                for kind, other in (("strided", strided), ("NaN", with_nan(torch, sample))):
                    if other is not None:
                        found, why = outcome(torch, name, operator, other, dtype)
                        varied.setdefault(name, Counter())[found] += 1
                        if found in ("differs", "crashes"):
                            said.append(f"{found:8} {name:40} {dtype} {kind}: {why[:150]}")
    return plainly, varied, said


def main() -> None:
    import torch

    plainly, varied, said = counted(torch)
    print("\n".join(said))
    print(f"\n{'operator':40}" + "".join(f"{one:>9}" for one in OUTCOMES) + "   strided and NaN")
    for name in sorted(plainly):
        rest = varied.get(name, Counter())
        print(
            f"{name:40}"
            + "".join(f"{plainly[name][one]:9}" for one in OUTCOMES)
            + "   "
            + "".join(f"{rest[one]:7}" for one in OUTCOMES)
        )
    for label, table in (("samples", plainly), ("strided and NaN", varied)):
        whole = sum(table.values(), Counter())
        print(f"{label}: " + ", ".join(f"{whole[one]:,} {one}" for one in OUTCOMES))


if __name__ == "__main__":
    main()
