"""Convolution: the reference against its definition in six loops, and the fast ways against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from byhand.kernels import threads
from byhand.kernels.cpu import conv as fast
from byhand.kernels.cpu import winograd
from byhand.kernels.reference import conv as reference


def defined(x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The equation of the docstring, number by number."""
    kh, kw, c_in, n_out = w.shape
    rows, columns = (reference.output_side(x.shape[i + 1], w.shape[i], stride[i], padding[i], dilation[i]) for i in (0, 1))
    z = np.zeros((len(x), rows, columns, n_out), x.dtype)
    for n, i, j, o in np.ndindex(z.shape):
        first = o // (n_out // groups) * c_in
        for u, v, c in np.ndindex(kh, kw, c_in):
            y, k = i * stride[0] + u * dilation[0] - padding[0], j * stride[1] + v * dilation[1] - padding[1]
            if 0 <= y < x.shape[1] and 0 <= k < x.shape[2]:
                z[n, i, j, o] += w[u, v, c, o] * x[n, y, k, first + c]
    return z + b


@st.composite
def cases(draw: Any, most: int = 3) -> Any:
    """Shapes and settings with at least one place for the filter; the batch may be empty."""
    kernel = draw(st.tuples(*[st.integers(1, 3)] * 2))
    stride, dilation = draw(st.tuples(*[st.integers(1, 3)] * 2)), draw(st.tuples(*[st.integers(1, 2)] * 2))
    padding = draw(st.tuples(*[st.integers(0, 2)] * 2))
    sides = [draw(st.integers(max(1, dilation[i] * (kernel[i] - 1) + 1 - 2 * padding[i]), 8)) for i in (0, 1)]
    groups = draw(st.integers(1, 3))
    c_in, n_out, n = draw(st.integers(1, most)), draw(st.integers(1, most)), draw(st.integers(0, 3))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    x = rng.standard_normal((n, *sides, c_in * groups))
    w = rng.standard_normal((*kernel, c_in, n_out * groups))
    return x, w, rng.standard_normal(n_out * groups), stride, padding, dilation, groups


def close(one: Any, other: Any, tolerance: float) -> None:
    assert one.shape == other.shape
    if other.size:
        assert np.abs(one - other).max() <= tolerance * max(1.0, np.abs(other).max())


@given(cases(most=2))
@settings(max_examples=40)
def test_the_reference_is_the_definition(case: Any) -> None:
    close(reference.forward(*case), defined(*case), 1e-12)


@given(cases())
@settings(max_examples=60)
def test_the_references_gradients_are_the_transposes_of_its_forward(case: Any) -> None:
    # <conv(x), d> is linear in x and in w; so it is <x, gradient_x(d)> as well as <w, gradient_w(d)>.
    x, w, _, *settings_ = case
    z = reference.forward(x, w, None, *settings_)
    delta = np.random.default_rng(1).standard_normal(z.shape)
    dx, dw, db = reference.gradient(x, w, delta, *settings_)
    assert np.vdot(z, delta) == pytest.approx(np.vdot(x, dx), abs=1e-9)
    assert np.vdot(z, delta) == pytest.approx(np.vdot(w, dw), abs=1e-9)
    close(db, delta.sum(axis=(0, 1, 2)), 1e-12)


def compare(case: Any, dtype: str, tolerance: float) -> None:
    x, w, b, *settings_ = case
    x, w, b = (array.astype(dtype) for array in (x, w, b))
    z = reference.forward(x.astype(float), w.astype(float), b.astype(float), *settings_)
    close(fast.forward(x, w, b, *settings_), z, tolerance)
    delta = np.random.default_rng(2).standard_normal(z.shape).astype(dtype)
    expected = reference.gradient(x.astype(float), w.astype(float), delta.astype(float), *settings_)
    for mine, theirs in zip(fast.gradient(x, w, delta, *settings_), expected, strict=True):
        assert mine.dtype == dtype
        close(mine, theirs, tolerance)


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@given(case=cases())
@settings(max_examples=60)
def test_the_fast_kernels_agree_with_the_reference(dtype: str, tolerance: float, case: Any) -> None:
    compare(case, dtype, tolerance)


@given(
    st.tuples(st.integers(1, 5), st.integers(4, 15), st.integers(4, 15), st.integers(16, 40), st.integers(16, 40)),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
)
@example((2, 28, 28, 32, 32), (1, 1))
@example((40, 7, 7, 16, 16), (1, 1))  # more tiles than a thread takes at once
@settings(max_examples=25)
def test_winograds_filters_agree_with_the_reference(shape: Any, padding: Any) -> None:
    n, h, width, c_in, n_out = shape
    rng = np.random.default_rng(sum(shape))
    x, w = rng.standard_normal((n, h, width, c_in)), rng.standard_normal((3, 3, c_in, n_out))
    assert winograd.fits(x.astype(np.float32), w, (1, 1), padding, (1, 1), 1)
    compare((x, w, rng.standard_normal(n_out), (1, 1), padding, (1, 1), 1), "float32", 1e-5)


def test_winograds_matrices_are_a_polynomial_product_at_six_points() -> None:
    # y_i = sum_k g_k d_(i+k), four outputs of three taps, must come out whatever g and d are.
    rng = np.random.default_rng(3)
    g, d = rng.standard_normal(3), rng.standard_normal(6)
    points = [0, 1, -1, 2, -2]
    a = np.array([[*(p**i for p in points), i == 3] for i in range(4)], float)
    b = np.array([  # B^T of Lavin and Gray (2016), section 4.3
        [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
    ])  # fmt: skip
    assert a @ ((winograd.G @ g) * (b @ d)) == pytest.approx(np.correlate(d, g, "valid"))


@pytest.mark.parametrize("padding", [(0, 0), (1, 2), (4, 3)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_few_outputs_go_through_the_mirrored_filters(padding: Any, dilation: Any) -> None:
    rng = np.random.default_rng(9)
    x, w, b = rng.standard_normal((3, 9, 8, 12)), rng.standard_normal((3, 2, 12, 2)), rng.standard_normal(2)
    compare((x, w, b, (1, 1), padding, dilation, 1), "float64", 1e-10)
    compare((x, w, b, (1, 1), padding, dilation, 1), "float32", 1e-5)


@pytest.mark.parametrize("c", [1, 4, 7])
def test_depthwise_convolution_agrees_with_the_reference(c: int) -> None:
    rng = np.random.default_rng(9)
    x, w, b = rng.standard_normal((3, 9, 8, c)), rng.standard_normal((3, 2, 1, c)), rng.standard_normal(c)
    compare((x, w, b, (2, 1), (1, 0), (1, 2), c), "float64", 1e-10)
    compare((x, w, b, (1, 1), (1, 1), (1, 1), c), "float32", 1e-5)


def test_only_what_is_wanted_is_computed() -> None:
    rng = np.random.default_rng(4)
    for c in (3, 16):
        x, w = rng.standard_normal((2, 6, 6, c)).astype(np.float32), rng.standard_normal((3, 3, c, c)).astype(np.float32)
        delta = rng.standard_normal((2, 6, 6, c)).astype(np.float32)
        whole = fast.gradient(x, w, delta, (1, 1), (1, 1))
        for wanted in [(True, False, False), (False, True, False), (False, False, True)]:
            found = fast.gradient(x, w, delta, (1, 1), (1, 1), wanted=wanted)
            assert [part is not None for part in found] == list(wanted)
            for one, other in zip(found, whole, strict=True):
                assert one is None or np.array_equal(one, other)


@pytest.mark.parametrize("c", [1, 5, 32])
def test_the_same_numbers_give_the_same_bits(c: int) -> None:
    rng = np.random.default_rng(5)
    x, w = rng.standard_normal((9, 14, 14, c)).astype(np.float32), rng.standard_normal((3, 3, c, 32)).astype(np.float32)
    delta = rng.standard_normal((9, 14, 14, 32)).astype(np.float32)
    one, other = (fast.gradient(x, w, delta, (1, 1), (1, 1)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert np.array_equal(fast.forward(x, w, None, (1, 1), (1, 1)), fast.forward(x, w, None, (1, 1), (1, 1)))


@pytest.mark.parametrize("c", [1, 5, 32])
def test_the_number_of_threads_changes_no_more_than_the_rounding(c: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    x, w = rng.standard_normal((9, 14, 14, c)).astype(np.float32), rng.standard_normal((3, 3, c, 32)).astype(np.float32)
    delta = rng.standard_normal((9, 14, 14, 32)).astype(np.float32)
    many = (fast.forward(x, w, None, (1, 1), (1, 1)), *fast.gradient(x, w, delta, (1, 1), (1, 1)))
    monkeypatch.setattr(threads, "count", lambda: 1)
    one = (fast.forward(x, w, None, (1, 1), (1, 1)), *fast.gradient(x, w, delta, (1, 1), (1, 1)))
    for a, b in zip(many, one, strict=True):
        close(a, b, 1e-5)
