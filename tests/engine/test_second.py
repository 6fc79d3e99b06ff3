"""Derivatives of derivatives: of every op, beside central differences of its gradient and beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand.engine import Tensor, grad, no_grad, ops, vjp
from byhand.engine.check import check_gradient
from byhand.engine.op import Op, op
from byhand.errors import EngineError

from .strategies import OPS, Call, assert_close
from .test_in_place import CALLS

few = settings(max_examples=max(5, settings().max_examples // 10))
# Ops that are in no table of random calls: one call each, from the table of changes in place.
OTHERS = sorted(set(CALLS) - set(OPS))


def once_more(name: str, options: dict[str, Any], n: int) -> Any:
    """A function of an op's inputs and of the error that comes back to it: its gradients, weighted with fixed numbers."""

    def function(*given: Any) -> Any:
        inputs, v = given[:n], given[n]
        _, pull_back = vjp(lambda *x: getattr(ops, name)(*x, **fresh(options)), *inputs)
        total: Any = 0.0
        for k, part in enumerate(pull_back(v)):
            total = ops.add(total, ops.sum(ops.multiply(part, weights(k, part.shape, part.dtype))))
        return total

    return function


def fresh(options: dict[str, Any]) -> dict[str, Any]:
    """A generator in its first state, as long as the call is repeated."""
    return {**options, "rng": np.random.default_rng(0)} if "rate" in options else options


def weights(k: int, shape: tuple[int, ...], dtype: Any) -> Any:
    return np.random.default_rng([7, k]).standard_normal(shape).astype(dtype)


def error_of(name: str, call: Call) -> Any:
    out = getattr(ops, name)(*call.inputs, **fresh(call.options))
    return np.random.default_rng(5).standard_normal(out.shape)


@pytest.mark.parametrize("name", OPS)
@few
@given(data=st.data())
def test_the_second_derivative_is_the_central_difference_of_the_gradient(name: str, data: st.DataObject) -> None:
    call = data.draw(OPS[name].calls)
    check_gradient(once_more(name, call.options, len(call.inputs)), *call.inputs, error_of(name, call), tolerance=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_the_second_derivative_of_the_other_ops_is_the_central_difference_of_the_gradient(name: str) -> None:
    call = Call(*CALLS[name])
    if name == "cast":
        call.options["dtype"] = np.float64
    check_gradient(once_more(name, call.options, len(call.inputs)), *call.inputs, error_of(name, call), tolerance=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("conv2d", {"stride": 2, "padding": 1}),
        ("conv2d", {"stride": (1, 2), "dilation": (2, 1), "padding": (1, 0)}),
        ("conv2d", {"groups": 2}),
        ("conv_transpose2d", {"stride": 2, "padding": 1, "output_padding": 1}),
        ("conv_transpose2d", {"groups": 2}),
        ("max_pool2d", {"kernel": 3, "stride": 1, "padding": 1}),
        ("avg_pool2d", {"kernel": (3, 2), "stride": 2, "padding": 1}),
        ("batch_norm", {}),
        ("batch_norm", {"activation": "silu"}),
        ("group_norm", {"groups": 2, "activation": "silu"}),
        ("attention", {"causal": True, "scale": 0.3}),
        ("avg_pool2d", {"kernel": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}),
        ("avg_pool2d", {"kernel": 2, "divisor_override": 3}),
        ("upsample_bilinear", {"size": (5, 7), "align_corners": True}),
        ("upsample_nearest", {"size": (3, 7)}),
        ("softmax", {"axis": 0}),
        ("gelu", {"approximate": "tanh"}),
    ],
    ids=str,
)
def test_options_do_not_disturb_the_second_derivative(name: str, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    drawn = rng.standard_normal
    inputs = {
        "conv2d": [drawn((2, 5, 6, 2)), drawn((3, 3, 2 // options.get("groups", 1), 4)), drawn(4)],
        "conv_transpose2d": [drawn((2, 3, 4, 4)), drawn((3, 3, 2 // options.get("groups", 1), 4)), drawn(2)],
        "attention": [drawn((2, 4, 3)), drawn((2, 4, 3)), drawn((2, 4, 2))],
        "batch_norm": [drawn((5, 3)), drawn(3), drawn(3)],
        "group_norm": [drawn((3, 2, 4)), drawn(4), drawn(4)],
        "softmax": [drawn((3, 4))],
        "gelu": [drawn((3, 4))],
    }.get(name, [drawn((2, 4, 5, 2))])
    check_gradient(once_more(name, options, len(inputs)), *inputs, error_of(name, Call(inputs, options)), tolerance=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", OPS)
@few
@given(data=st.data())
def test_the_second_derivative_is_pytorchs(name: str, dtype: str, torch: Any, data: st.DataObject) -> None:
    call = data.draw(OPS[name].calls)
    inputs = [array.astype(dtype) for array in call.inputs]
    v = error_of(name, call).astype(dtype)
    _, pull_back = vjp(once_more(name, call.options, len(inputs)), *inputs, v)
    theirs, their_v = [torch.tensor(array, requires_grad=True) for array in inputs], torch.tensor(v, requires_grad=True)
    out = OPS[name].theirs(torch, theirs, call.options)
    parts = torch.autograd.grad(out, theirs, their_v, create_graph=True, allow_unused=True)
    total = sum(
        (part * torch.tensor(weights(k, tuple(part.shape), dtype))).sum() for k, part in enumerate(parts) if part is not None
    )
    found = pull_back(np.ones((), dtype))
    if not torch.is_tensor(total) or not total.requires_grad:
        assert all(not one.any() for one in found)
        return
    expected = torch.autograd.grad(total, [*theirs, their_v], allow_unused=True)
    for ours, one in zip(found, expected, strict=True):
        assert_close(ours, np.zeros_like(ours) if one is None else one.numpy(force=True), dtype)


def test_the_third_and_fourth_derivative_are_those_of_the_book() -> None:
    f: Any = lambda x: x.sin() * x.exp()  # noqa: E731
    once = grad(f)
    twice, thrice, four = grad(once), grad(grad(once)), grad(grad(grad(once)))
    x = 0.7
    assert once(x) == pytest.approx(np.exp(x) * (np.sin(x) + np.cos(x)), rel=1e-14)
    assert twice(x) == pytest.approx(2 * np.exp(x) * np.cos(x), rel=1e-14)
    assert thrice(x) == pytest.approx(2 * np.exp(x) * (np.cos(x) - np.sin(x)), rel=1e-14)
    assert four(x) == pytest.approx(-4 * np.exp(x) * np.sin(x), rel=1e-14)


# ---------------------------------------------------------------- backward(create_graph=True)


def test_a_gradient_on_the_tape_is_differentiated_again() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    assert isinstance(first, Tensor) and first.tolist() == [3.0, 12.0]
    x.grad = None
    (first * first).sum().backward()
    assert x.grad.tolist() == [36.0, 288.0]  # of 9 x^4


def test_a_penalty_on_the_gradient_reaches_the_weights() -> None:
    rng = np.random.default_rng(0)
    w, v = (Tensor(rng.standard_normal(shape), requires_grad=True) for shape in [(3, 4), (4, 1)])
    x = rng.standard_normal((5, 3))

    def penalty(w: Any, v: Any) -> Any:
        slopes = grad(lambda x: ((x @ w).tanh() @ v).sum())(Tensor(x))
        return ((slopes.norm(axis=1) - 1) ** 2).mean()

    penalty(w, v).backward()
    assert w.grad is not None and v.grad is not None
    check_gradient(penalty, w.data, v.data, tolerance=1e-6)
    assert np.allclose(w.grad, grad(penalty)(w.data, v.data), rtol=1e-12)


def test_large_arrays_keep_their_past() -> None:
    # Above 64 kB the tape lets go of the numbers of an input that the gradient does not need.
    rng = np.random.default_rng(0)
    x = rng.standard_normal(20_000) * 0.1

    def f(x: Any) -> Any:
        y = (x * 2).exp()
        return (y / (1 + y) * y.sqrt() + (y + 1) ** 1.5).log().sum()

    u = rng.standard_normal(20_000)
    ours = grad(lambda x: (grad(f)(x) * u).sum())(x)
    h = 1e-5
    expected = (grad(f)(x + h) - grad(f)(x - h)) / (2 * h) * u  # the Hessian is diagonal
    assert np.abs(ours - expected).max() < 1e-7


def test_the_tape_of_a_gradient_stays_for_a_second_walk_and_no_grad_around_it_does_no_harm() -> None:
    x = Tensor([2.0], requires_grad=True)
    y = x**3
    for _ in range(2):
        x.grad = None
        with no_grad():
            y.backward(create_graph=True)
        assert x.grad.requires_grad and x.grad.tolist() == [12.0]
    x.grad = None
    y.backward()
    assert isinstance(x.grad, np.ndarray)
    with pytest.raises(EngineError, match="the tape was walked already"):
        y.backward(create_graph=True)


def test_gradients_on_the_tape_add_up_and_a_tensor_within_keeps_its_own() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = (x * 3).retain_grad()
    for times in (1, 2):
        (y * y).sum().backward(create_graph=True)
        assert x.grad.tolist() == [18.0 * times, 36.0 * times]
    assert y.grad.tolist() == [12.0, 24.0]


def test_what_was_changed_in_place_is_told_on_the_second_tape_too() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    with no_grad():
        x += 1.0
    with pytest.raises(EngineError, match="multiply computed with was changed in place"):
        y.backward(create_graph=True)


# ---------------------------------------------------------------- what has no second derivative says so


def made(gradient: Any, forward: Any = None) -> Op:
    class doubtful:
        """c = f(a)"""

    doubtful.forward = staticmethod(forward or (lambda xp, a: (a * a, (a,)))).__func__  # type: ignore[attr-defined]
    doubtful.gradient = gradient  # type: ignore[attr-defined]
    return op(doubtful)


def test_an_op_of_ones_own_has_its_second_derivative_by_its_gradient() -> None:
    cube = made(lambda xp, saved, delta: 3 * saved[0] ** 2 * delta, lambda xp, a: (a**3, (a,)))
    assert grad(grad(cube))(2.0) == 12.0 and grad(grad(grad(cube)))(2.0) == 6.0
    with_numpy = made(lambda xp, saved, delta: np.multiply(3 * np.square(saved[0]), delta), lambda xp, a: (a**3, (a,)))
    assert grad(grad(with_numpy))(2.0) == 12.0


@pytest.mark.parametrize(
    ("doubtful", "why"),
    [
        (made(lambda xp, saved, delta: 2 * xp.positive(saved[0]) * delta), "its gradient does not run on tensors"),
        (
            made(lambda xp, saved, delta: saved[0] * delta, lambda xp, a: (a * a, (2 * a,))),
            "its gradient needs numbers that it computed on the way",
        ),
    ],
)
def test_an_op_without_a_second_derivative_says_so_by_name(doubtful: Op, why: str) -> None:
    x = np.array([1.0, 2.0])
    assert np.abs(grad(lambda x: doubtful(x).sum())(x)).all()
    with pytest.raises(EngineError, match=f"doubtful has no second derivative: {why}"):
        grad(lambda x: grad(lambda y: doubtful(y).sum())(x).sum())(x)


def test_numpys_functions_cannot_cut_a_gradient_off_unseen() -> None:
    cutting = made(lambda xp, saved, delta: Tensor(np.asarray(saved[0])) * 0 + 2 * saved[0] * delta)
    with pytest.raises(EngineError, match="an array made of it would cut it off"):
        grad(lambda x: grad(lambda y: cutting(y).sum())(x).sum())(np.array([1.0, 2.0]))
