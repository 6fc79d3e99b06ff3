"""The compiled kernels of layers beside their definitions, in float64 to the last digits and in float32 nearly so."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

CLOSE = {"float64": 1e-12, "float32": 2e-6}
some = settings(max_examples=40)
dtypes = pytest.mark.parametrize("dtype", [*CLOSE])


def both(family: str) -> tuple[ModuleType, ModuleType]:
    return import_module(f"byhand.kernels.cpu.{family}"), import_module(f"byhand.kernels.reference.{family}")


def same(family: str, name: str, dtype: str, *given: Any) -> Any:
    """What both compute; the reference computes in float64 always, so that only the compiled one rounds."""
    fast, slow = both(family)
    found = getattr(fast, name)(*given)
    wide = [a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in given]
    expected = getattr(slow, name)(*wide)
    for ours, theirs in zip(*(v if isinstance(v, tuple) else (v,) for v in (found, expected)), strict=True):
        if theirs is None:
            assert ours is None
            continue
        assert ours.shape == theirs.shape
        assert ours.dtype in (dtype, np.float64) if ours.dtype.kind == "f" else ours.dtype == theirs.dtype
        if ours.size:
            assert np.abs(ours - theirs).max() <= CLOSE[dtype] * max(1.0, float(np.abs(theirs).max()))
    return found


def drawn(draw: Any, dtype: str, *shapes: Any) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@dtypes
@pytest.mark.parametrize("name", ["sigmoid", "relu", "silu", "gelu", "gelu_tanh"])
@some
@given(data=st.data())
def test_activations(name: str, dtype: str, data: st.DataObject) -> None:
    z, delta = drawn(data.draw, dtype, *[data.draw(st.lists(st.integers(0, 9), max_size=3))] * 2)
    scale = data.draw(st.sampled_from([0.01, 1, 30, 200]))
    same("elementwise", name, dtype, z * z.dtype.type(scale))
    same("elementwise", f"{name}_gradient", dtype, z * z.dtype.type(scale), delta)


@pytest.mark.slow
@dtypes
@some
@given(data=st.data())
def test_group_norm(dtype: str, data: st.DataObject) -> None:
    # Sides and channels that leave the last strip, and the last block of strips, incomplete.
    groups, each = data.draw(st.integers(1, 4)), data.draw(st.sampled_from([2, 3, 16, 200]))
    shape = (data.draw(st.integers(0, 3)), data.draw(st.sampled_from([2, 3, 7, 60])), data.draw(st.sampled_from([1, 5, 13])))
    x, delta, gamma, beta = drawn(
        data.draw, dtype, (*shape, groups * each), (*shape, groups * each), groups * each, groups * each
    )
    learned = [data.draw(st.sampled_from([gamma, None])), data.draw(st.sampled_from([beta, None]))]
    activation = data.draw(st.sampled_from([None, "silu"]))
    _, mean, rstd = same("norm", "group_norm", dtype, x, *learned, groups, 1e-5, activation)
    same("norm", "group_norm_gradient", dtype, x, *learned, mean, rstd, delta, activation)


@pytest.mark.slow
@dtypes
@some
@given(data=st.data())
def test_batch_norm(dtype: str, data: st.DataObject) -> None:
    shape = (data.draw(st.sampled_from([8, 9, 1000])), data.draw(st.integers(1, 9)), data.draw(st.sampled_from([1, 3, 32, 600])))
    x, delta, gamma, beta = drawn(data.draw, dtype, shape, shape, shape[-1], shape[-1])
    learned = [data.draw(st.sampled_from([gamma, None])), data.draw(st.sampled_from([beta, None]))]
    mean, variance = same("norm", "channel_moments", dtype, x)
    statistics, activation = (mean, 1 / np.sqrt(variance + 1e-5)), data.draw(st.sampled_from([None, "silu"]))
    same("norm", "batch_norm", dtype, x, *learned, *statistics, activation)
    same("norm", "batch_norm_gradient", dtype, x, *learned, *statistics, delta, activation, data.draw(st.booleans()))


@pytest.mark.slow
@dtypes
@some
@given(data=st.data())
def test_layer_norm_and_rms_norm(dtype: str, data: st.DataObject) -> None:
    shape = (*data.draw(st.lists(st.sampled_from([0, 1, 3, 40]), max_size=3)), data.draw(st.sampled_from([5, 17, 128])))
    x, delta, gamma, beta = drawn(data.draw, dtype, shape, shape, shape[-1], shape[-1])
    gamma, beta = data.draw(st.sampled_from([gamma, None])), data.draw(st.sampled_from([beta, None]))
    _, mean, rstd = same("norm", "layer_norm", dtype, x, gamma, beta, 1e-5)
    same("norm", "layer_norm_gradient", dtype, x, gamma, beta, mean, rstd, delta)
    _, rrms = same("norm", "rms_norm", dtype, x, gamma, 1e-5)
    same("norm", "rms_norm_gradient", dtype, x, gamma, rrms, delta)


@pytest.mark.slow
@dtypes
@some
@given(data=st.data())
def test_pooling(dtype: str, data: st.DataObject) -> None:
    kernel, stride = (tuple(data.draw(st.integers(1, 3)) for _ in range(2)) for _ in range(2))
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    shape = (
        data.draw(st.integers(0, 3)),
        *(data.draw(st.integers(3, 8)) for _ in range(2)),
        data.draw(st.sampled_from([0, 1, 33])),
    )
    (x,) = drawn(data.draw, dtype, shape)
    x = np.round(x * 2) / 2  # so that some are equal
    y, which = same("pool", "max_pool2d", dtype, x, kernel, stride, padding)
    (delta,) = drawn(data.draw, dtype, y.shape)
    same("pool", "max_pool2d_gradient", dtype, which, delta, shape, kernel, stride, padding)
    same("pool", "avg_pool2d", dtype, x, kernel, stride, padding)
    same("pool", "avg_pool2d_gradient", dtype, delta, shape, kernel, stride, padding)


@dtypes
@some
@given(data=st.data())
def test_resizing(dtype: str, data: st.DataObject) -> None:
    from byhand.engine.ops.resize import between

    scale = (data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3)))
    n, h, w, c = (data.draw(st.integers(least, most)) for least, most in ((0, 3), (1, 5), (1, 5), (0, 33)))
    x, delta = drawn(data.draw, dtype, (n, h, w, c), (n, h * scale[0], w * scale[1], c))
    same("resize", "upsample_nearest", dtype, x, scale)
    same("resize", "upsample_nearest_gradient", dtype, delta, scale)
    target = [data.draw(st.integers(1, 9)) for _ in range(2)]
    matrices = [between(side, m, side / m).astype(dtype) for side, m in zip((h, w), target, strict=True)]
    (delta,) = drawn(data.draw, dtype, (n, *target, c))
    same("resize", "upsample_bilinear", dtype, x, *matrices)
    same("resize", "upsample_bilinear_gradient", dtype, delta, *matrices)


@dtypes
@some
@given(data=st.data())
def test_softmax(dtype: str, data: st.DataObject) -> None:
    shape = (*data.draw(st.lists(st.integers(0, 4), max_size=2)), data.draw(st.integers(1, 50)))
    a, delta = drawn(data.draw, dtype, shape, shape)
    p = same("softmax", "softmax", dtype, 5 * a)
    same("softmax", "softmax_gradient", dtype, p, delta)
    log_p = same("softmax", "log_softmax", dtype, 5 * a)
    same("softmax", "log_softmax_gradient", dtype, log_p, delta)


@dtypes
@some
@given(data=st.data())
def test_attention(dtype: str, data: st.DataObject) -> None:
    front = data.draw(st.lists(st.integers(0, 3), max_size=2))
    t, s, d, e = (data.draw(st.integers(1, 20)) for _ in range(4))
    q, k, v, delta, mask = drawn(data.draw, dtype, (*front, t, d), (*front, s, d), (*front, s, e), (*front, t, e), (t, s))
    _, p = same("attention", "attention", dtype, q, k, v, 0.5, data.draw(st.sampled_from([mask, None])))
    same("attention", "attention_gradient", dtype, q, k, v, p, 0.5, delta)


@dtypes
@some
@given(data=st.data())
def test_scattered_sum(dtype: str, data: st.DataObject) -> None:
    m, d, rows = data.draw(st.integers(0, 200)), data.draw(st.integers(0, 40)), data.draw(st.integers(1, 9))
    indices = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, rows, m)
    same("embedding", "scattered_sum", dtype, indices, *drawn(data.draw, dtype, (m, d)), rows)


def test_the_exponential_in_vector_registers() -> None:
    """e^x = 1 / sigma(-x) - 1 is reached only through the activations; to the last bits but two wherever float32 has it."""
    fast, _ = both("elementwise")
    z = np.linspace(-86, 86, 200_001).astype(np.float32)
    exact = 1 / (1 + np.exp(-z.astype(np.float64)))
    assert np.abs(fast.sigmoid(z) / exact - 1).max() < 5e-7
    far = np.array([-np.inf, -1e30, -200, 0, 200, 1e30, np.inf, np.nan], np.float32)
    assert np.array_equal(fast.sigmoid(far), [0, 0, 0, 0.5, 1, 1, 1, np.nan], equal_nan=True)
