"""Methods that are made of several ops, beside PyTorch's function of that name: value and gradient, number by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor
from byhand.errors import EngineError

Function = Callable[..., Any]
INDEX = np.random.default_rng(1).integers(0, 3, (2, 4, 3))
CLASSES = np.array([0, 3, 1, 2])
PROBABILITIES = np.random.default_rng(3).dirichlet(np.ones(5), 4)
WEIGHTS = np.arange(1.0, 6.0)
MASK = np.random.default_rng(2).random((4, 5)) > 0.5
BOXES = Tensor(np.ones((1, 1, 2, 2, 2)))
MATRIX, LINES, IMAGES = [(4, 5)], [(3, 4, 5)], [(2, 4, 7, 8)]

# name: shapes; ours of tensors; PyTorch's of (torch, functional, tensors)
SAME: dict[str, tuple[list[tuple[int, ...]], Function, Function]] = {
    "celu": (MATRIX, lambda x: x.celu(0.5), lambda t, f, x: f.celu(x, 0.5)),
    "selu": (MATRIX, lambda x: x.selu(), lambda t, f, x: f.selu(x)),
    "relu6": (MATRIX, lambda x: (x * 4).relu6(), lambda t, f, x: f.relu6(x * 4)),
    "hardtanh": (MATRIX, lambda x: x.hardtanh(-0.5, 0.25), lambda t, f, x: f.hardtanh(x, -0.5, 0.25)),
    "softsign": (MATRIX, lambda x: x.softsign(), lambda t, f, x: f.softsign(x)),
    "logsigmoid": (MATRIX, lambda x: x.logsigmoid(), lambda t, f, x: f.logsigmoid(x)),
    "softplus": (MATRIX, lambda x: x.softplus(3.0), lambda t, f, x: f.softplus(x, 3.0)),
    "exp2, log2, log10": (MATRIX, lambda x: x.exp2().log2() + x.exp().log10(), lambda t, f, x: x.exp2().log2() + x.exp().log10()),
    "lerp": (MATRIX * 2, lambda x, y: x.lerp(y, 0.3), lambda t, f, x, y: x.lerp(y, 0.3)),
    "copysign": (MATRIX, lambda x: x.copysign(-2.0), lambda t, f, x: x.copysign(-2.0)),
    "hypot": (MATRIX * 2, lambda x, y: x.hypot(y), lambda t, f, x, y: x.hypot(y)),
    "fmod": (MATRIX, lambda x: x.fmod(0.3), lambda t, f, x: x.fmod(0.3)),
    "clip by arrays": (MATRIX * 2, lambda x, y: x.clip(y, None), lambda t, f, x, y: t.maximum(x, y)),
    "std_mean": (LINES, lambda x: x.std_mean(1, correction=1)[0], lambda t, f, x: t.std_mean(x, 1)[0]),
    "cummax": (LINES, lambda x: x.cummax(1)[0], lambda t, f, x: x.cummax(1)[0]),
    "cummin of one": ([()], lambda x: x.cummin(0)[0], lambda t, f, x: x.cummin(0)[0]),
    "logcumsumexp of one": ([()], lambda x: x.logcumsumexp(0), lambda t, f, x: x.logcumsumexp(0)),
    "sum of one": ([()], lambda x: x.sum(-1) + x.softmax(0), lambda t, f, x: x.sum(-1) + x.softmax(0)),
    "transpose": (MATRIX, lambda x: x.transpose(0, 1), lambda t, f, x: x.transpose(0, 1)),
    "unflatten": ([(2, 12)], lambda x: x.unflatten(1, (3, -1)), lambda t, f, x: x.unflatten(1, (3, -1))),
    "movedim": (LINES, lambda x: x.movedim(0, -1), lambda t, f, x: x.movedim(0, -1)),
    "diagonal": (LINES, lambda x: x.diagonal(-1, 1, 2), lambda t, f, x: x.diagonal(-1, 1, 2)),
    "meshgrid": (
        [(3,), (5,)],
        lambda x, y: x.meshgrid(y, indexing="xy")[0] * x.meshgrid(y, indexing="xy")[1],
        lambda t, f, x, y: t.prod(t.stack(t.meshgrid(x, y, indexing="xy")), 0),
    ),
    "unfold": ([(3, 8)], lambda x: x.unfold(1, 3, 2), lambda t, f, x: x.unfold(1, 3, 2)),
    "flat padding": (LINES, lambda x: x.pad((1, 2, -1, 0)), lambda t, f, x: f.pad(x, (1, 2, -1, 0))),
    "shrink": (MATRIX, lambda x: x.shrink(((1, 3), None)), lambda t, f, x: x[1:3]),
    "cat": (MATRIX * 2, lambda x, y: x.cat(y, dim=1), lambda t, f, x, y: t.cat([x, y], 1)),
    "stack": (MATRIX * 2, lambda x, y: Tensor.stack([x, y], dim=1), lambda t, f, x, y: t.stack([x, y], 1)),
    "einsum": ([(3, 4), (4, 5)], lambda x, y: Tensor.einsum("ij,jk", x, y), lambda t, f, x, y: t.einsum("ij,jk", x, y)),
    "gather": (LINES, lambda x: x.gather(0, INDEX), lambda t, f, x: x.gather(0, t.tensor(INDEX))),
    "index_select": (MATRIX, lambda x: x.index_select(1, [0, 2]), lambda t, f, x: x.index_select(1, t.tensor([0, 2]))),
    "masked_fill": (MATRIX, lambda x: x.masked_fill(MASK, -3.0), lambda t, f, x: x.masked_fill(t.tensor(MASK), -3.0)),
    "masked_select": (MATRIX, lambda x: x.masked_select(MASK), lambda t, f, x: x.masked_select(t.tensor(MASK))),
    "a condition's where": (MATRIX * 2, lambda x, y: (x > 0).where(x, y), lambda t, f, x, y: t.where(x > 0, x, y)),
    "scatter": (
        [(3, 4, 5), (2, 4, 3)],
        lambda x, s: x.scatter(2, INDEX * 0 + np.arange(3), s),
        lambda t, f, x, s: x.scatter(2, t.tensor(INDEX * 0 + np.arange(3)), s),
    ),
    **{
        f"scatter_reduce {reduce} {alone}": (
            [(3, 4, 5), (2, 4, 3)],
            lambda x, s, how=reduce, alone=alone: x.scatter_reduce(1, INDEX, s, how, not alone),
            lambda t, f, x, s, how=reduce, alone=alone: x.scatter_reduce(1, t.tensor(INDEX), s, how, include_self=not alone),
        )
        for reduce in ("sum", "prod", "mean", "amax", "amin")
        for alone in ("", "alone")
    },
    "conv2d": (
        [*IMAGES, (6, 2, 3, 3), (6,)],
        lambda x, w, b: x.conv2d(w, b, groups=2, stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
        lambda t, f, x, w, b: f.conv2d(x, w, b, groups=2, stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
    ),
    "conv2d padded on each side": (
        [*IMAGES, (3, 4, 3, 3)],
        lambda x, w: x.conv2d(w, padding=(1, 0, 2, 1)),
        lambda t, f, x, w: f.conv2d(f.pad(x, (1, 0, 2, 1)), w),
    ),
    "conv2d of lines": (
        [(2, 4, 9), (6, 4, 3)],
        lambda x, w: x.conv2d(w, stride=2, padding=1),
        lambda t, f, x, w: f.conv1d(x, w, stride=2, padding=1),
    ),
    "conv_transpose2d": (
        [*IMAGES, (4, 3, 3, 3)],
        lambda x, w: x.conv_transpose2d(w, stride=2, padding=1, output_padding=1),
        lambda t, f, x, w: f.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1),
    ),
    "max_pool2d": (
        IMAGES,
        lambda x: x.max_pool2d((3, 2), 2, padding=1, ceil_mode=True),
        lambda t, f, x: f.max_pool2d(x, (3, 2), 2, padding=1, ceil_mode=True),
    ),
    "max_pool2d's places": (
        IMAGES,
        lambda x: x.max_pool2d(3, 2, dilation=2, return_indices=True)[1] + 0 * x.sum(),
        lambda t, f, x: f.max_pool2d(x, 3, 2, dilation=2, return_indices=True)[1] + 0 * x.sum(),
    ),
    "max_pool2d of lines": ([(2, 3, 9)], lambda x: x.max_pool2d((2,)), lambda t, f, x: f.max_pool1d(x, 2)),
    "avg_pool2d": (
        IMAGES,
        lambda x: x.avg_pool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        lambda t, f, x: f.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
    ),
    **{
        f"interpolate {mode} {size}": (
            IMAGES,
            lambda x, mode=mode, size=size: x.interpolate(size, mode),
            lambda t, f, x, mode=mode, size=size: f.interpolate(x, size, mode=mode),
        )
        for mode in ("nearest", "nearest-exact", "bilinear")
        for size in ((5, 13), (14, 3))
    },
    "interpolate from corner to corner": (
        IMAGES,
        lambda x: x.interpolate((5, 13), align_corners=True),
        lambda t, f, x: f.interpolate(x, (5, 13), mode="bilinear", align_corners=True),
    ),
    "conv2d of volumes": (
        [(2, 4, 5, 6, 7), (6, 2, 3, 2, 3), (6,)],
        lambda x, w, b: x.conv2d(w, b, groups=2, stride=(1, 2, 1), padding=(1, 0, 2), dilation=(2, 1, 1)),
        lambda t, f, x, w, b: f.conv3d(x, w, b, groups=2, stride=(1, 2, 1), padding=(1, 0, 2), dilation=(2, 1, 1)),
    ),
    "conv_transpose2d of volumes": (
        [(2, 4, 2, 3, 2), (4, 3, 3, 2, 3), (3,)],
        lambda x, w, b: x.conv_transpose2d(w, b, stride=(2, 1, 2), padding=(1, 0, 1), output_padding=(1, 0, 0)),
        lambda t, f, x, w, b: f.conv_transpose3d(x, w, b, stride=(2, 1, 2), padding=(1, 0, 1), output_padding=(1, 0, 0)),
    ),
    "max_pool2d of volumes": (
        [(2, 3, 6, 7, 5)],
        lambda x: x.max_pool2d((2, 3, 2), (2, 1, 2), padding=1, dilation=(2, 1, 1), ceil_mode=True),
        lambda t, f, x: f.max_pool3d(x, (2, 3, 2), (2, 1, 2), padding=1, dilation=(2, 1, 1), ceil_mode=True),
    ),
    "avg_pool2d of volumes": (
        [(2, 3, 6, 7, 5)],
        lambda x: x.avg_pool2d((2, 3, 2), 2, 1, ceil_mode=True, count_include_pad=False),
        lambda t, f, x: f.avg_pool3d(x, (2, 3, 2), 2, 1, ceil_mode=True, count_include_pad=False),
    ),
    "max_unpool2d": (
        IMAGES,
        lambda x: x.max_unpool2d(x.detach().max_pool2d(1, return_indices=True)[1], 1),
        lambda t, f, x: f.max_unpool2d(x, f.max_pool2d(x.detach(), 1, return_indices=True)[1], 1),
    ),
    "max_unpool2d of windows": (
        [(2, 4, 7, 8)],
        lambda x: x.max_pool2d(2).max_unpool2d(x.max_pool2d(2, return_indices=True)[1], 2, output_size=(7, 8)),
        lambda t, f, x: f.max_unpool2d(*f.max_pool2d(x, 2, return_indices=True), 2, output_size=(7, 8)),
    ),
    "rearrange": (
        [(2, 12, 3, 1)],
        lambda x: x.rearrange("n (h w) c 1 -> () c (w n) h", w=4),
        lambda t, f, x: x.reshape(2, 3, 4, 3).permute(3, 2, 0, 1).reshape(1, 3, 8, 3),
    ),
    "rearrange the rest": (
        LINES,
        lambda x: x.rearrange("... c -> c ...") + x.rearrange("n ... -> (...) n").reshape(5, 3, 4) * 0,
        lambda t, f, x: x.permute(2, 0, 1),
    ),
    "names of other libraries": (
        LINES,
        lambda x: (
            x.clip(min=-0.5, max_=0.5).leaky_relu(neg_slope=0.2) * x.repeat_interleave(repeats=2, dim=1)[:, ::2]
            + x.transpose(dim0=0, dim1=1).transpose(0, 1).unflatten(dim=1, sizes=(2, 2)).flatten(1, 2)
        ),
        lambda t, f, x: f.leaky_relu(x.clip(-0.5, 0.5), 0.2) * x + x,
    ),
    "unfold by names": (LINES, lambda x: x.unfold(dim=1, size=2, step=2), lambda t, f, x: x.unfold(1, 2, 2)),
    "the other way round": (
        MATRIX,
        lambda x: x.sub(2.0, reverse=True) + x.exp().div(2.0, reverse=True) + x.pow(2.0, reverse=True) + x.add(1, reverse=True),
        lambda t, f, x: 2 - x + 2 / x.exp() + 2**x + 1 + x,
    ),
    "clip with the lower bound above": (MATRIX, lambda x: x.clip(1.0, -1.0), lambda t, f, x: x.clip(1.0, -1.0)),
    "hardsigmoid of another slope": (
        MATRIX,
        lambda x: x.hardsigmoid(alpha=0.2),
        lambda t, f, x: (0.2 * x + 0.5).clip(0, 1),
    ),
    "cross_entropy of targets to learn": (
        MATRIX * 2,
        lambda x, y: x.cross_entropy(y.softmax(), label_smoothing=0.1),
        lambda t, f, x, y: f.cross_entropy(x, y.softmax(-1), label_smoothing=0.1),
    ),
    "scatter by names": (
        MATRIX,
        lambda x: x.scatter(dim=1, index=[[0, 3]], src=2.0).scatter_reduce(dim=0, index=[[1, 1]], src=1.5, reduce="prod"),
        lambda t, f, x: (
            x.scatter(1, t.tensor([[0, 3]]), 2.0)
            .scatter_reduce(0, t.tensor([[1, 1]]), t.full((1, 2), 1.5, dtype=x.dtype), "prod")
        ),
    ),
    "sizes": (
        MATRIX,
        lambda x: x.shrink_to(3, None).pad_to(None, 7),
        lambda t, f, x: f.pad(x[:3], (0, 2)),
    ),
    "attention with a mask to learn": (
        [(2, 4, 3), (2, 5, 3), (2, 5, 2), (4, 5)],
        lambda q, k, v, m: q.scaled_dot_product_attention(k, v, m),
        lambda t, f, q, k, v, m: f.scaled_dot_product_attention(q, k, v, m),
    ),
    "attention of grouped queries": (
        [(2, 4, 3, 6), (2, 2, 3, 6), (2, 2, 3, 6)],
        lambda q, k, v: q.scaled_dot_product_attention(k, v, is_causal=True, enable_gqa=True),
        lambda t, f, q, k, v: f.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True),
    ),
    **{
        f"cross_entropy {reduction}": (
            MATRIX,
            lambda x, reduction=reduction: x.cross_entropy(CLASSES, reduction, 0.2) + x.cross_entropy(PROBABILITIES, reduction),
            lambda t, f, x, reduction=reduction: (
                f.cross_entropy(x, t.tensor(CLASSES), reduction=reduction, label_smoothing=0.2)
                + f.cross_entropy(x, t.tensor(PROBABILITIES), reduction=reduction)
            ),
        )
        for reduction in ("mean", "sum", "none")
    },
    "cross_entropy of images": (
        [(4, 5, 3)],
        lambda x: x.cross_entropy(np.repeat(CLASSES[:, None], 3, 1)),
        lambda t, f, x: f.cross_entropy(x, t.tensor(np.repeat(CLASSES[:, None], 3, 1))),
    ),
    "sparse_categorical_crossentropy": (
        MATRIX,
        lambda x: x.sparse_categorical_crossentropy(CLASSES, ignore_index=3),
        lambda t, f, x: f.cross_entropy(x, t.tensor(CLASSES), ignore_index=3),
    ),
    "nll_loss": (
        MATRIX,
        lambda x: x.nll_loss(CLASSES, weight=WEIGHTS, ignore_index=3),
        lambda t, f, x: f.nll_loss(x, t.tensor(CLASSES), weight=t.tensor(WEIGHTS), ignore_index=3),
    ),
    "binary_crossentropy": (
        MATRIX,
        lambda x: x.sigmoid().binary_crossentropy(PROBABILITIES),
        lambda t, f, x: f.binary_cross_entropy(x.sigmoid(), t.tensor(PROBABILITIES)),
    ),
    "binary_crossentropy_logits": (
        MATRIX,
        lambda x: x.binary_crossentropy_logits(PROBABILITIES, pos_weight=WEIGHTS),
        lambda t, f, x: f.binary_cross_entropy_with_logits(x, t.tensor(PROBABILITIES), pos_weight=t.tensor(WEIGHTS)),
    ),
    "slogdet": ([(3, 3)], lambda x: x.slogdet()[0] * x.slogdet()[1], lambda t, f, x: t.slogdet(x)[0] * t.slogdet(x)[1]),
    "eigenvalues": ([(3, 3)], lambda x: (x + x.mT).eigh()[0], lambda t, f, x: t.linalg.eigh(x + x.mT)[0]),
}  # fmt: skip


@pytest.mark.torch
@pytest.mark.parametrize("name", SAME)
def test_value_and_gradient_are_those_of_pytorch(name: str, torch: Any) -> None:
    shapes, ours, theirs = SAME[name]
    rng = np.random.default_rng(len(name))
    arrays = [rng.standard_normal(shape) for shape in shapes]
    tensors = [Tensor(array, requires_grad=True) for array in arrays]
    their_tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    out, expected = ours(*tensors), theirs(torch, torch.nn.functional, *their_tensors)
    assert out.shape == tuple(expected.shape) and np.allclose(out.data, expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    v = rng.standard_normal(out.shape)
    (out * v).sum().backward()
    (expected * torch.tensor(v)).sum().backward()
    for tensor, other in zip(tensors, their_tensors, strict=True):
        assert np.allclose(tensor.grad, other.grad.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.torch
def test_whole_numbers_and_truths_are_pytorchs(torch: Any) -> None:
    a, b = np.array([5, -5, 7, -7, 0]), np.array([2, 2, -2, -3, 4])
    x, y, theirs, other = Tensor(a), Tensor(b), torch.tensor(a), torch.tensor(b)
    pairs = [
        (x // y, theirs // other), (x % y, theirs % other), (x << 1, theirs << 1), (x >> 1, theirs >> 1),
        (x.div(y, rounding_mode="trunc"), theirs.div(other, rounding_mode="trunc")), (x.bitwise_xor(3), theirs.bitwise_xor(3)),
        (x.eq(y), theirs.eq(other)), (x.le(0), theirs.le(0)), (x.logical_not(), theirs.logical_not()),
        (x.nonzero(), theirs.nonzero()), ((y + 3).one_hot(9), torch.nn.functional.one_hot(other + 3, 9)),
        ((x / 0.5).isclose(x * 2), (theirs / 0.5).isclose(theirs * 2.0)), (x.cummax()[1], theirs.cummax(0)[1]),
        (2 << y.abs(), 2 << other.abs()), (99 >> y.abs(), 99 >> other.abs()),
        (y.div(14.0, reverse=True).round().int(), (14 / other).round().int()),
        (x.bool(), theirs.bool()), (x.float().int(), theirs.float().int()),
    ]  # fmt: skip
    for ours, expected in pairs:
        assert ours.tolist() == expected.tolist() and ours.dtype.kind == expected.numpy().dtype.kind
    assert Tensor([np.nan, np.inf, 1.0]).nan_to_num(0.5, 9.0).tolist() == [0.5, 9.0, 1.0]
    assert Tensor([np.nan, np.inf]).isnan().tolist() == [True, False] == (~Tensor([np.nan, np.inf]).isinf()).tolist()
    assert Tensor([np.inf, -np.inf, 1.0]).isinf(detect_negative=False).tolist() == [True, False, False]
    assert Tensor.eye(2).tolist() == [[1.0, 0.0], [0.0, 1.0]] and Tensor.zeros(2).ones_like().tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda x: x.clip(lower=1), "clip: the arguments are low, high, min, max, got lower"),
        (lambda x: x.rearrange("a b"), "rearrange: the pattern must have an arrow"),
        (lambda x: x.rearrange("a b -> a"), "rearrange: both sides of 'a b -> a' must name the same axes, each once"),
        (lambda x: x.rearrange("a b c -> c b a"), r"rearrange: 'a b c' must name 2 axes, as the tensor is \(2, 3\), got 3"),
        (lambda x: x.rearrange("a (b c) -> a b c", b=2), r"rearrange: an axis of 3 in \(2, 3\) cannot be \(b c\)"),
        (lambda x: x.rearrange("a b -> b a", d=2), "rearrange: d is no axis of 'a b -> b a'"),
        (lambda x: x.rearrange("a 2 -> 2 a"), "rearrange: '2' in 'a 2 -> 2 a' is no name of an axis"),
        (lambda x: x.pad_to(1, 3), r"pad_to: the tensor is \(2, 3\): give as many axes, none of them shorter, got \(1, 3\)"),
        (lambda x: x.max_unpool2d([0]), r"max_unpool2d: the tensor must be images \(N, C, H, W\), got \(2, 3\)"),
        (lambda x: BOXES[0].max_unpool2d([9]), "max_unpool2d: the indices must be one for each number, from 0 to 15"),
        (BOXES.conv2d, r"the filters of volumes must be \(C_out, C_in, kd,"),
        (lambda x: BOXES.max_pool2d((1, 2)), "max_pool3d: kernel must be whole numbers, 1 or more, for each"),
        (lambda x: BOXES.conv2d(np.ones((1, 1, 3, 1, 1))), "conv3d: x is .* the filter is larger"),
        (lambda x: x.conv2d(x), r"conv2d: the tensor must be images \(N, C, H, W\), lines .* or volumes .*, got \(2, 3\)"),
        (lambda x: x.interpolate(3), r"interpolate: the tensor is \(2, 3\): give a size for each axis after the second"),
        (lambda x: x.scatter_reduce(0, [[0]], [[1.0]], "median"), "must be one of sum, prod, mean, amax, amin, got 'median'"),
        (lambda x: x.scatter(0, [[5]], [[1.0]]), "scatter: the indices must be below 2, got 5 to 5"),
        (lambda x: x.scatter(0, [0], [1.0]), r"scatter: the tensor is \(2, 3\), the source \(1,\) and the indices int64 \(1,\)"),
        (lambda x: x.cross_entropy([0, 9]), r"cross_entropy: the targets must be whole numbers from 0 to 2, got int64 \(2,\)"),
        (lambda x: x.cross_entropy([0, 1], "median"), "reduction must be 'mean', 'sum' or 'none', got 'median'"),
        (lambda x: x.unfold(1, 5, 1), "unfold: size must be from 0 to 3 and step 1 or more, got 5 and 1"),
        (lambda x: x.div(2, "up"), "div: rounding_mode must be None, 'trunc' or 'floor', got 'up'"),
        (lambda x: x.meshgrid(x, indexing="ii"), "meshgrid: indexing must be 'ij' or 'xy', got 'ii'"),
        (lambda x: x.inv(), r"inv: a must be square matrices \(..., n, n\) of floats, got \(2, 3\) float64"),
        (lambda x: (x.T @ x * 0).inv(), "inv: a has none: singular matrix"),
        (lambda x: x.T.solve([1.0]), r"solve: a must be square matrices"),
        (lambda x: Tensor.eye(2).solve([1.0, 2.0, 3.0]), r"solve: a is \(2, 2\) but b is \(3,\): b must be \(2,\) or"),
        (lambda x: (-Tensor.eye(2)).cholesky(), "cholesky: a has none: matrix is not positive definite"),
        (lambda x: x.diagonal(0, 1, 1), r"diagonal: the tensor is \(2, 3\): give two of its axes, got 1 and 1"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_in_one_line(wrong: Any, told: str) -> None:
    with pytest.raises(EngineError, match=told) as caught:
        wrong(Tensor(np.arange(6.0).reshape(2, 3)))
    assert "\n" not in str(caught.value)


def test_the_gradient_of_a_singular_matrix_determinant_is_its_cofactors() -> None:
    x = Tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    x.det().backward()
    assert np.allclose(x.grad, [[4.0, -2.0], [-2.0, 1.0]])
