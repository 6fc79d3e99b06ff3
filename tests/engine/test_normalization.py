"""Normalisation beside central differences and PyTorch, in any layout; running means; and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand.engine import Tensor, ops
from byhand.engine.check import check_gradient
from byhand.errors import EngineError

from .strategies import LAYOUTS, Call, Checked, assert_as_pytorch, assert_layout_is_nothing, assert_numbers_survive, numbers

some = settings(max_examples=40)


@st.composite
def _affine(draw: st.DrawFn, x: np.ndarray[Any, Any], most: int = 2) -> list[np.ndarray[Any, Any]]:
    """x, and gamma and beta, or gamma alone, or none."""
    c = x.shape[-1]
    return [3 * x + 1, *[draw(numbers((c,), which=i)) for i in range(1, 1 + draw(st.integers(0, most)))]]


@st.composite
def _batch(draw: st.DrawFn) -> Call:
    shape = (draw(st.integers(4, 6)), *draw(st.lists(st.integers(1, 3), max_size=2)), draw(st.integers(1, 5)))
    options: dict[str, Any] = {"activation": draw(st.sampled_from([None, "silu"])), "eps": draw(st.sampled_from([1e-5, 0.1]))}
    if draw(st.booleans()):
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        running = {"running_mean": rng.standard_normal(shape[-1]), "running_var": 0.5 + rng.random(shape[-1])}
        options |= {"training": False, **running}
    return Call(draw(_affine(draw(numbers(shape)))), options)


@st.composite
def _groups(draw: st.DrawFn) -> Call:
    groups, each = draw(st.integers(1, 3)), draw(st.integers(4, 5))  # of two nearly equal ones PyTorch's float32 loses 1e-3
    shape = (draw(st.integers(0, 3)), *draw(st.lists(st.integers(2, 3), max_size=2)), groups * each)
    options = {"groups": groups, "activation": draw(st.sampled_from([None, "silu"])), "eps": draw(st.sampled_from([1e-5, 0.1]))}
    return Call(draw(_affine(draw(numbers(shape)))), options)


@st.composite
def _rows(draw: st.DrawFn, most: int) -> Call:
    shape = (*draw(st.lists(st.integers(0, 3), max_size=3)), draw(st.integers(4, 9)))
    return Call(draw(_affine(draw(numbers(shape)), most)), {"eps": draw(st.sampled_from([1e-5, 0.1]))})


def _activated(torch: Any, y: Any, options: dict[str, Any]) -> Any:
    name = options.get("activation")
    return y if name is None else getattr(torch.nn.functional, name)(y)


def _channels_second(x: Any) -> Any:
    return x.movedim(-1, 1) if x.ndim > 2 else x


def _their_batch(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    x, gamma, beta = [*tensors, None, None][:3]
    running = [torch.tensor(options[name]).to(x) if name in options else None for name in ("running_mean", "running_var")]
    training = options.get("training", True)
    y = torch.nn.functional.batch_norm(_channels_second(x), *running, gamma, beta, training, 0.1, options["eps"])
    return _activated(torch, y.movedim(1, -1) if x.ndim > 2 else y, options)


def _their_groups(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    x, gamma, beta = [*tensors, None, None][:3]
    if len(x) == 0:  # PyTorch refuses
        return x * sum([t.sum() for t in tensors[1:]], x.sum())
    y = torch.nn.functional.group_norm(_channels_second(x), options["groups"], gamma, beta, options["eps"])
    return _activated(torch, y.movedim(1, -1) if x.ndim > 2 else y, options)


CALLS: dict[str, Checked] = {
    "batch_norm": Checked(_batch(), _their_batch),
    "group_norm": Checked(_groups(), _their_groups),
    "layer_norm": Checked(
        _rows(2), lambda torch, x, options: torch.nn.functional.layer_norm(x[0], x[0].shape[-1:], *x[1:], eps=options["eps"])
    ),
    "rms_norm": Checked(
        _rows(1), lambda torch, x, options: torch.nn.functional.rms_norm(x[0], x[0].shape[-1:], *x[1:], eps=options["eps"])
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
@some
@given(data=st.data())
def test_the_gradient_is_that_of_central_differences(name: str, data: st.DataObject) -> None:
    call = data.draw(CALLS[name].calls)
    check_gradient(lambda *inputs: getattr(ops, name)(*inputs, **call.options), *call.inputs)


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CALLS)
@some
@given(data=st.data())
def test_value_and_gradient_are_those_of_pytorch(name: str, dtype: str, torch: Any, data: st.DataObject) -> None:
    assert_as_pytorch(name, data.draw(CALLS[name].calls), torch, dtype, CALLS[name].theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
@some
@given(data=st.data(), layout=st.sampled_from([*LAYOUTS]))
def test_how_the_numbers_lie_in_memory_changes_nothing(name: str, data: st.DataObject, layout: str) -> None:
    call = data.draw(CALLS[name].calls)
    assert_layout_is_nothing(name, call, layout)
    assert_numbers_survive(name, call)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", [None, "relu", "silu"])
@pytest.mark.parametrize("name", ["batch_norm", "group_norm"])
def test_large_images_far_from_zero_are_exact(
    name: str, activation: str, dtype: str, torch: Any, rng: np.random.Generator
) -> None:
    """Beside PyTorch in float64: its own float32 is 3e-5 away here, because the squares of the means swallow the variances."""
    options = {"activation": activation, "eps": 1e-5} | ({"groups": 8} if name == "group_norm" else {})
    given = [array.astype(dtype) for array in (10 + rng.standard_normal((6, 28, 28, 40)), rng.standard_normal(40), np.ones(40))]
    v = rng.standard_normal(given[0].shape).astype(dtype)
    leaves = [Tensor(array, requires_grad=True) for array in given]
    tensors = [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in given]
    y, theirs = getattr(ops, name)(*leaves, **options), CALLS[name].theirs(torch, tensors, options)
    y.backward(v)
    theirs.backward(torch.tensor(v).double())
    pairs = [(y.data, theirs.detach()), *((leaf.grad, tensor.grad) for leaf, tensor in zip(leaves, tensors, strict=True))]
    for ours, exact in pairs:
        assert ours.dtype == dtype
        # One of the 190,000 outputs may fall to the other side of ReLU's kink, and its gradient with it.
        error = np.sort(np.abs(ours - exact.numpy()), axis=None)[-1 if activation != "relu" else -min(4, ours.size)]
        assert error <= (1e-11 if dtype == "float64" else 2e-6) * max(1.0, float(exact.abs().max()))


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_running_mean_and_variance_are_those_of_pytorch(torch: Any, dtype: str, rng: np.random.Generator) -> None:
    ours = torch.nn.BatchNorm2d(5).to(getattr(torch, dtype))
    mean, variance = np.zeros(5, dtype), np.ones(5, dtype)
    for _ in range(5):
        x = (2 + 3 * rng.standard_normal((4, 3, 2, 5))).astype(dtype)
        ops.batch_norm(x, running_mean=mean, running_var=variance, training=True)
        ours(torch.tensor(x).movedim(-1, 1))
    close = 1e-12 if dtype == "float64" else 1e-5
    assert np.allclose(mean, ours.running_mean.numpy(), rtol=close)
    assert np.allclose(variance, ours.running_var.numpy(), rtol=close)
    assert mean.dtype == dtype


def test_without_training_the_running_mean_stays_and_may_change_before_the_gradient(rng: np.random.Generator) -> None:
    mean, variance = rng.standard_normal(3), 1 + rng.random(3)
    kept = mean.copy()
    x, v = Tensor(rng.standard_normal((4, 3)), requires_grad=True), rng.standard_normal((4, 3))
    y = ops.batch_norm(x, running_mean=mean, running_var=variance, training=False)
    assert np.array_equal(mean, kept)
    rstd = 1 / np.sqrt(variance + 1e-5)
    variance += 100
    y.backward(v)
    assert np.allclose(x.grad, v * rstd)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_stay_in_their_group(bad: float, rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 3, 3, 8)).astype(np.float32)
    x[0, 1, 1, 1] = bad
    with np.errstate(invalid="ignore"):
        for activation in (None, "relu", "silu"):
            y = ops.group_norm(x, groups=2, activation=activation).data
            assert np.isnan(y[0, 1, 1, 1]) and np.isfinite(y[1]).all() and np.isfinite(y[0, ..., 4:]).all()
        y = ops.batch_norm(x).data
        assert np.isnan(y[0, 1, 1, 1]) and np.isfinite(y[..., 2:]).all()
        assert np.isnan(ops.layer_norm(x).data[0, 1, 1, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_bits_every_time(dtype: Any, rng: np.random.Generator) -> None:
    x, gamma = rng.standard_normal((16, 14, 14, 64)).astype(dtype), rng.standard_normal(64).astype(dtype)
    found = set()
    for _ in range(3):
        for name, options in (("group_norm", {"groups": 8, "activation": "silu"}), ("batch_norm", {"activation": "relu"})):
            leaves = [Tensor(x, requires_grad=True), Tensor(gamma, requires_grad=True)]
            y = getattr(ops, name)(*leaves, **options)
            y.backward(x)
            found.add((name, y.data.tobytes(), *(leaf.grad.tobytes() for leaf in leaves)))
    assert len(found) == 2


def test_an_image_is_normalised_alike_in_any_batch(rng: np.random.Generator) -> None:
    x = rng.standard_normal((9, 14, 14, 64)).astype(np.float32)
    whole = ops.group_norm(x, groups=8, activation="silu").data
    assert ops.group_norm(x[4:5], groups=8, activation="silu").data.tobytes() == whole[4:5].tobytes()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ops.batch_norm(np.ones((1, 3))), r"batch_norm: x is \(1, 3\): in training each channel must have 2 numbers "),
        (lambda: ops.batch_norm(np.ones((2, 3)), training=False), "batch_norm: without training it needs the running mean"),
        (
            lambda: ops.batch_norm(np.ones((2, 3)), np.ones(4)),
            r"batch_norm: x is \(2, 3\) but gamma is \(4,\): it must be \(3,\)",
        ),
        (lambda: ops.batch_norm(np.ones((2, 3)), running_mean=np.ones(2)), r"but the running mean is \(2,\)"),
        (lambda: ops.batch_norm(np.ones(3)), "batch_norm: x must have 2 axes or more, the channels last, in float32 "),
        (lambda: ops.layer_norm(np.ones((2, 3), int)), "layer_norm: x must have 1 axes or more, the channels last, in float32 "),
        (lambda: ops.group_norm(np.ones((2, 6)), groups=4), r"group_norm: x is \(2, 6\) and the groups are 4: they must divide"),
        (lambda: ops.group_norm(np.ones((2, 0, 6)), groups=2), r"group_norm: x is \(2, 0, 6\), and there is no mean of no"),
        (lambda: ops.group_norm(np.ones((2, 6)), groups=2, activation="elu"), "the activation is 'elu': choose"),
        (lambda: ops.rms_norm(np.ones((2, 0))), r"rms_norm: x is \(2, 0\), and there is no mean of no"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(call: Any, said: str) -> None:
    with pytest.raises(EngineError, match=said) as raised:
        call()
    assert "\n" not in str(raised.value)
