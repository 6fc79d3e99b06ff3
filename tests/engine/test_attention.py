"""Attention beside central differences and PyTorch; masks, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from byhand.engine import Tensor, ops
from byhand.engine.check import check_gradient
from byhand.errors import EngineError

from .strategies import LAYOUTS, Call, assert_as_pytorch, assert_layout_is_nothing, assert_numbers_survive, numbers

some = settings(max_examples=40)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """Axes in front that broadcast, and masks of numbers or booleans that broadcast too."""
    fronts = draw(mutually_broadcastable_shapes(num_shapes=3, min_side=0, max_side=3, max_dims=2))
    t, s, d, e = (draw(st.integers(1, 4)) for _ in range(4))
    sides = [(t, d), (s, d), (s, e)]
    inputs = [
        draw(numbers((*front, *side), which=i)) for i, (front, side) in enumerate(zip(fronts.input_shapes, sides, strict=True))
    ]
    options: dict[str, Any] = {"causal": draw(st.booleans()), "scale": draw(st.sampled_from([None, 0.3, 2]))}
    kind = draw(st.sampled_from(["none", "numbers", "booleans"]))
    if kind != "none":
        ahead = fronts.result_shape[len(fronts.result_shape) - draw(st.integers(0, len(fronts.result_shape))) :]
        mask = draw(numbers((*(draw(st.sampled_from([n, 1])) for n in (*ahead, t)), s), which=3))
        if kind == "booleans":
            mask = mask > -0.7
            mask[..., 0] = True  # what no query may see at all is a case by itself, below
        options["mask"] = mask
    return Call(inputs, options)


def theirs(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    q, k, v = tensors
    shape = (q.shape[-2], k.shape[-2])
    mask = torch.zeros(shape, dtype=q.dtype)
    if "mask" in options:
        given = torch.tensor(options["mask"])
        mask = mask + (torch.where(given, 0.0, -torch.inf) if given.dtype == torch.bool else given).to(q)
    if options["causal"]:
        mask = mask.masked_fill(~torch.ones(shape, dtype=torch.bool).tril(), -torch.inf)
    scale = q.shape[-1] ** -0.5 if options["scale"] is None else options["scale"]
    scores = q @ k.transpose(-1, -2) * scale + mask
    return torch.softmax(scores, -1) @ v


@pytest.mark.slow
@some
@given(call=calls())
def test_the_gradient_is_that_of_central_differences(call: Call) -> None:
    check_gradient(lambda *inputs: ops.attention(*inputs, **call.options), *call.inputs)


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@some
@given(call=calls())
def test_value_and_gradient_are_those_of_pytorch(dtype: str, torch: Any, call: Call) -> None:
    assert_as_pytorch("attention", call, torch, dtype, theirs)


@pytest.mark.slow
@some
@given(call=calls(), layout=st.sampled_from([*LAYOUTS]))
def test_how_the_numbers_lie_in_memory_changes_nothing(call: Call, layout: str) -> None:
    assert_layout_is_nothing("attention", call, layout)
    assert_numbers_survive("attention", call)


@pytest.mark.torch
@pytest.mark.parametrize("causal", [False, True])
def test_many_heads_of_many_places_are_those_of_pytorchs_own(causal: bool, torch: Any, rng: np.random.Generator) -> None:
    given = [rng.standard_normal((8, 4, 60, 16)).astype(np.float32) for _ in range(4)]
    leaves = [Tensor(array, requires_grad=True) for array in given[:3]]
    tensors = [torch.tensor(array, requires_grad=True) for array in given[:3]]
    y = ops.attention(*leaves, causal=causal)
    expected = torch.nn.functional.scaled_dot_product_attention(*tensors, is_causal=causal)
    y.backward(given[3])
    expected.backward(torch.tensor(given[3]))
    assert np.abs(y.data - expected.detach().numpy()).max() < 1e-5
    for leaf, tensor in zip(leaves, tensors, strict=True):
        assert np.abs(leaf.grad - tensor.grad.numpy()).max() < 1e-5 * max(1, float(tensor.grad.abs().max()))


def test_who_may_see_nothing_takes_nothing(rng: np.random.Generator) -> None:
    leaves = [Tensor(rng.standard_normal((3, 2)), requires_grad=True) for _ in range(3)]
    y = ops.attention(*leaves, mask=np.array([[True, True, False], [False, False, False], [True, False, True]]))
    y.sum().backward()
    assert y.data[1].tolist() == [0, 0] and leaves[0].grad[1].tolist() == [0, 0]
    assert all(np.isfinite(leaf.grad).all() for leaf in leaves)


def test_nobody_sees_what_comes_later(rng: np.random.Generator) -> None:
    q, k, v = (rng.standard_normal((5, 4)) for _ in range(3))
    before = ops.attention(q, k, v, causal=True).data
    k[3:], v[3:] = 9, 9
    assert np.array_equal(ops.attention(q, k, v, causal=True).data[:3], before[:3])


@pytest.mark.parametrize(
    ("shapes", "options", "said"),
    [
        (((4, 2), (5, 3), (5, 2)), {}, r"attention: q, k and v must be \(\.\.\., T, d\), \(\.\.\., S, d\) and \(\.\.\., S, e\)"),
        (((4, 2), (5, 2), (4, 2)), {}, r"attention: q, k and v must be \(\.\.\., T, d\), \(\.\.\., S, d\) and \(\.\.\., S, e\)"),
        (((2, 4, 2), (3, 5, 2), (5, 2)), {}, "the axes before the last two must broadcast"),
        (((4, 2), (0, 2), (0, 2)), {}, "there is nothing to look at"),
        (
            ((4, 2), (5, 2), (5, 2)),
            {"mask": np.ones((5, 4))},
            r"attention: the mask must broadcast to \(4, 5\)",
        ),
        (((4, 2), (5, 2), (5, 2)), {"mask": np.ones((2, 4, 5))}, r"attention: the mask must broadcast to \(4, 5\)"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(shapes: Any, options: Any, said: str) -> None:
    with pytest.raises(EngineError, match=said) as raised:
        ops.attention(*(np.ones(shape) for shape in shapes), **options)
    assert "\n" not in str(raised.value)
