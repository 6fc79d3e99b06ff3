"""Ops called otherwise than they are meant: it works, or one line says what to write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, ops
from byhand.errors import EngineError

X, W = np.ones((1, 6, 6, 2), np.float32), np.ones((3, 3, 2, 4), np.float32)
TURNED = np.ones((3, 3, 4, 2), np.float32)


@pytest.mark.parametrize("times", [1, 2, 3, 5])
def test_a_single_number_may_be_used_often(times: int) -> None:
    # A third use looked for a GPU: "No module named 'cupy'".
    x = Tensor(3.0, requires_grad=True)
    z = x * 2
    total = z
    for _ in range(times - 1):
        total = total + z
    total.backward()
    assert x.grad.shape == () and x.grad.item() == 2 * times


def test_a_mean_used_three_times_has_its_gradient() -> None:
    a = Tensor([[1.0, 2.0]], requires_grad=True)
    n = (a * a).mean()
    (n * n + n).backward()
    assert a.grad.tolist() == [[6.0, 12.0]]


LISTS: dict[str, tuple[Any, Any]] = {
    "relu": (lambda: ops.relu([1.0, -2.0]), [1.0, 0.0]),
    "linear": (lambda: ops.linear([[1.0, 2.0]], Tensor([[1.0, 2.0]])), [[5.0]]),
    "maximum": (lambda: ops.maximum([1.0, 2.0], Tensor([0.0, 3.0])), [1.0, 3.0]),
    "minus": (lambda: Tensor([1.0, 2.0]) - [1.0, 1.0], [0.0, 1.0]),
    "list first": (lambda: [1.0, 1.0] * Tensor([1.0, 2.0]), [1.0, 2.0]),
    "where": (lambda: ops.where([True, False], Tensor([1.0, 2.0]), [0.0, 5.0]), [1.0, 5.0]),
    "loss": (lambda: ops.mse_loss(Tensor([1.0, 2.0]), [3.0, 2.0]), 2.0),
    "a number": (lambda: ops.exp(0.0), 1.0),
    "two numbers": (lambda: ops.maximum(2, 3), 3),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_and_numbers_are_arrays(name: str) -> None:
    call, expected = LISTS[name]
    assert np.allclose(call().data, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_list_beside_an_array_takes_its_type_and_gives_its_gradient(dtype: Any) -> None:
    a = Tensor(np.array([1.0, 2.0], dtype), requires_grad=True)
    for out, expected in ((a * [3.0, 4.0], [3, 4]), (ops.maximum(a, [3.0, 0.0]), [0, 1]), (a - [1, 1], [1, 1])):
        assert out.dtype == dtype
        a.grad = None
        out.sum().backward()
        assert a.grad.tolist() == expected


def test_costs_of_whole_numbers_do_not_wrap_round() -> None:
    a, y = np.array([0, 20], np.uint8), np.array([20, 0], np.uint8)
    assert ops.mse_loss(a, y).item() == 400
    assert ops.huber_loss(a, y).item() == 19.5
    z = Tensor(np.array([0.5, 1.0], np.float32), requires_grad=True)
    ops.bce_with_logits(z, np.array([0, 1])).backward()
    assert z.grad.dtype == np.float32


LEAF = Tensor(1.0, requires_grad=True)
WRONG: dict[str, Any] = {
    "add: each input must hold numbers, got 'a'": lambda: Tensor([1.0, 2.0]) + "a",
    "multiply: each input must hold numbers, got array": lambda: ops.multiply(Tensor([1.0]), np.array(["a"])),
    r"where: 4 inputs do not fit: write where\(condition, a, b\)": lambda: ops.where([True, False], Tensor([1.0, 2.0]), 0.0, 1.0),
    r"relu: 0 inputs do not fit|relu: missing .*: write relu\(z\)": ops.relu,
    r"gelu: .*'form'.*: write gelu\(z, approximate='none'\)": lambda: ops.gelu(Tensor([1.0]), form="tanh"),
    r"concat: give it one array or more": ops.concat,
    r"exp: a list must have rows of one length": lambda: ops.exp([[1.0], [2.0, 3.0]]),
    r"pad: a is \(1,\) but the widths are 1": lambda: ops.pad(Tensor([1.0]), widths=1),
    r"pad: a is \(1,\) but the widths are \(\(1, 0.5\),\)": lambda: ops.pad(Tensor([1.0]), widths=((1, 0.5),)),
    r"power: whole numbers have no power of -1": lambda: Tensor(np.array([2, 3])) ** -1,
    r"Tensor: list .* must be numbers in rows of one length": lambda: Tensor([[1.0], [2.0, 3.0]]),
    r"Tensor: NoneType must hold numbers, got None": lambda: Tensor(None),
    r"Tensor: a new tensor has no past, .*: join tensors by ops.stack or ops.concat": lambda: Tensor([LEAF, Tensor(2.0)]),
    r"conv2d: x must be float32 or float64, got float16": lambda: ops.conv2d(X.astype(np.float16), W.astype(np.float16)),
    r"conv2d: w must have a place and channels of both kinds": lambda: ops.conv2d(X, W[..., :0]),
    r"conv2d: groups must be a whole number, 1 or more, got 0": lambda: ops.conv2d(X, W, groups=0),
    r"conv2d: groups must be a whole number, 1 or more, got 1.0": lambda: ops.conv2d(X, W, groups=1.0),
}


@pytest.mark.parametrize("said", WRONG)
def test_what_is_wrong_is_said_in_one_line(said: str) -> None:
    with pytest.raises(EngineError, match=f"^({said})") as raised:
        WRONG[said]()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("option", ["stride", "padding", "dilation"])
@pytest.mark.parametrize("value", [-1, -2, (1, 2, 3), (2,), 1.0, "same", None])
def test_settings_of_convolutions_that_make_none_are_refused(option: str, value: Any) -> None:
    for op, w in ((ops.conv2d, W), (ops.conv_transpose2d, TURNED)):
        with pytest.raises(EngineError, match=rf"conv.*2d: the {option} must be a whole number, [01] or more, or two.*, got"):
            op(X, w, **{option: value})


@pytest.mark.parametrize("option", ["stride", "dilation"])
def test_a_stride_and_a_dilation_of_0_are_refused(option: str) -> None:
    for op, w in ((ops.conv2d, W), (ops.conv_transpose2d, TURNED)):
        with pytest.raises(EngineError, match=f"the {option} must be a whole number, 1 or more"):
            op(X, w, **{option: 0})


def test_numpys_whole_numbers_are_numbers() -> None:
    assert ops.conv2d(X, W, stride=np.int64(2)).shape == (1, 2, 2, 4)
    assert ops.conv_transpose2d(X, TURNED, stride=np.int64(2), output_padding=np.int64(1)).shape == (1, 14, 14, 4)
    with pytest.raises(EngineError, match="the output_padding must be a whole number, 0 or more"):
        ops.conv_transpose2d(X, TURNED, stride=2, output_padding=-1)


@pytest.mark.torch
def test_an_array_of_another_library_is_taken(torch: Any) -> None:
    assert (Tensor(torch.ones(3)) * 2).data.tolist() == [2.0, 2.0, 2.0]
