"""Far from 0 nothing is lost: the sigmoid family, and costs of classes that a mask rules out, beside PyTorch in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand import activations
from byhand.engine import Tensor, ops, vjp
from byhand.kernels.cpu import conv as compiled_conv
from byhand.kernels.reference import conv as reference_conv

INF = np.inf
SIZES = [2001, 20_001]  # below and above the size from which compiled kernels serve


def sigma(z: Any) -> Any:
    """In float64, from the side where nothing is lost."""
    z = np.asarray(z, np.float64)
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


SLOPES: dict[str, Any] = {
    "sigmoid": lambda z: sigma(z) * sigma(-z),
    "tanh": lambda z: 4 * sigma(2 * z) * sigma(-2 * z),
    "softplus": sigma,
    "silu": lambda z: sigma(z) * (1 + z * sigma(-z)),
}
VALUES: dict[str, Any] = {
    "sigmoid": sigma,
    "tanh": np.tanh,
    "softplus": lambda z: np.logaddexp(0, z),
    "silu": lambda z: z * sigma(z),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", VALUES)
def test_values_and_slopes_keep_their_digits_up_to_80(name: str, size: int) -> None:
    z = np.linspace(-40, 40, size).astype(np.float32) if name == "tanh" else np.linspace(-80, 80, size).astype(np.float32)
    value, pull_back = vjp(getattr(ops, name), z)
    (slope,) = pull_back(np.ones_like(z))
    wide = z.astype(np.float64)
    assert np.allclose(value, VALUES[name](wide), rtol=1e-6, atol=1e-37)
    away = np.abs(slope) > 1e-2 if name == "silu" else slice(None)  # the slope of SiLU goes through 0 at -1.28
    far = z < -3
    assert np.allclose(slope[away], SLOPES[name](wide)[away], rtol=1e-6, atol=1e-37)
    assert np.allclose(slope[far], SLOPES[name](wide)[far], rtol=1e-6, atol=1e-37)


@pytest.mark.parametrize("name", VALUES)
def test_in_float64_they_keep_them_up_to_700(name: str) -> None:
    z = np.linspace(-350, 350, 999) if name == "tanh" else np.linspace(-700, 700, 999)
    value, pull_back = vjp(getattr(ops, name), z)
    assert np.allclose(value, VALUES[name](z), rtol=1e-12, atol=1e-306)
    assert np.allclose(pull_back(np.ones_like(z))[0], SLOPES[name](z), rtol=1e-12, atol=1e-306)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("z", [-80, -30, -20, -17.5, -1, 0, 3, 20, 50])
def test_a_sigmoid_is_one_number_whatever_stands_beside_it(z: float, dtype: Any) -> None:
    # 0.0 came out in an array of 8,191 numbers, and 2.06e-9 in one of 8,192.
    found = {ops.sigmoid(Tensor(np.full(n, z, dtype))).data[-1] for n in (1, 7, 100, 8_191, 8_192, 100_001)}
    (one,) = found
    assert one == pytest.approx(sigma(z), rel=1e-6 if dtype is np.float32 else 1e-14)


def test_the_network_by_hand_has_the_same_sigmoid() -> None:
    z = np.linspace(-80, 80, 1001).astype(np.float32)
    for name in ("sigmoid", "silu"):
        a = activations.by_name(name).forward(z, np.empty_like(z))
        assert np.allclose(a, VALUES[name](z.astype(np.float64)), rtol=1e-6, atol=1e-37)
        assert np.array_equal(a, getattr(ops, name)(Tensor(z)).data)
    below = z[z <= 0]
    a = activations.by_name("sigmoid").forward(below, np.empty_like(below))
    slope = activations.by_name("sigmoid").backward(np.ones_like(below), below, a, np.empty_like(below))
    assert np.allclose(slope, SLOPES["sigmoid"](below.astype(np.float64)), rtol=1e-6, atol=1e-37)
    assert activations.by_name("sigmoid").forward(np.array([-1e4, 1e4]), np.empty(2)) == pytest.approx([0, 1], abs=1e-307)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("y", [0, 1, 0.25])
def test_the_gradient_of_bce_keeps_its_digits(y: float, size: int) -> None:
    # At z = -15 and y = 0 it was 2e-3 off, and 0 from -20 on.
    z = np.linspace(-80, 80, size).astype(np.float32)
    value, pull_back = vjp(lambda z: ops.bce_with_logits(z, np.full(size, y, np.float32)), z)
    wide = z.astype(np.float64)
    exact = np.where(wide < 0, sigma(wide) - y, (1 - y) - sigma(-wide))
    away = np.abs(exact) > 0.05 if y == 0.25 else slice(None)
    assert np.allclose(pull_back(np.float32(size))[0][away], exact[away], rtol=1e-6, atol=1e-37)
    assert value == pytest.approx((np.logaddexp(0, wide) - wide * y).mean(), rel=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_is_pytorchs_in_float64(approximate: str, size: int, torch: Any) -> None:
    z = np.linspace(-9, 80, size).astype(np.float32)
    theirs = torch.tensor(z.astype(np.float64), requires_grad=True)
    expected = torch.nn.functional.gelu(theirs, approximate=approximate)
    expected.sum().backward()
    for dtype, close in ((np.float32, 2e-7), (np.float64, 1e-14)):
        value, pull_back = vjp(lambda z: ops.gelu(z, approximate=approximate), z.astype(dtype))
        assert np.allclose(value, expected.detach().numpy(), rtol=5 * close, atol=close)
        assert np.allclose(pull_back(np.ones_like(value))[0], theirs.grad.numpy(), rtol=5 * close, atol=5 * close)
    # Where 1 + erf(z / sqrt 2) is 0 already: Mills' ratio, Abramowitz and Stegun (1964), 26.2.14.
    ratio = -37.0
    for k in range(60, 0, -1):
        ratio = -37.0 - k / ratio if k > 1 else -37.0 - 1 / ratio
    tail = np.exp(-(37.0**2) / 2) / np.sqrt(2 * np.pi) / -ratio
    assert ops.gelu(Tensor(np.array([-37.0]))).item() == pytest.approx(-37.0 * tail, rel=1e-12)


# ---------------------------------------------------------------- classes that a mask rules out


def test_a_masked_class_costs_nothing_and_gets_no_gradient() -> None:
    for z in (np.array([[1.0, -INF, 2.0]]), np.array([[1.0, -INF, 2.0]], np.float32)):
        for target in (np.array([0]), np.array([[1.0, 0.0, 0.0]])):
            value, pull_back = vjp(lambda z, target=target: ops.cross_entropy(z, target=target), z)
            assert value == pytest.approx(1.3132616875182228, rel=1e-6)
            p = sigma(-1.0)
            assert pull_back(np.asarray(1, z.dtype))[0].tolist() == [pytest.approx([p - 1, 0, 1 - p], rel=1e-6)]


@pytest.mark.torch
@pytest.mark.parametrize("target", [[1], [0, 0.5, 0.5], [0.2, 0, 0.8]])
def test_a_masked_class_that_is_wanted_costs_infinity_as_in_pytorch(target: Any, torch: Any) -> None:
    z = np.array([[1.0, -INF, 2.0]])
    wanted = np.array(target) if len(target) == 1 else np.array([target])
    value, pull_back = vjp(lambda z: ops.cross_entropy(z, target=wanted), z)
    p = np.array([sigma(-1.0), 0, sigma(1.0)])
    q = np.eye(3)[wanted[0]] if wanted.ndim == 1 else wanted[0]
    assert (value == INF) == bool(q[1])
    assert np.allclose(pull_back(1.0)[0], p - q)
    if wanted.ndim == 1:
        theirs = torch.tensor(z, requires_grad=True)
        torch.nn.functional.cross_entropy(theirs, torch.tensor(wanted)).backward()
        assert np.allclose(pull_back(1.0)[0], theirs.grad.numpy())


@pytest.mark.torch
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 3000])
def test_of_nothing_but_minus_infinity_there_are_no_probabilities_as_in_pytorch(rows: int, dtype: Any, torch: Any) -> None:
    z = np.tile(np.array([[-INF, -INF, -INF], [0, -INF, 1]], dtype), (rows, 1))
    for name in ("softmax", "log_softmax"):
        theirs = getattr(torch, name)(torch.tensor(z), -1).numpy()
        assert np.allclose(getattr(ops, name)(Tensor(z)).data, theirs, equal_nan=True)


@pytest.mark.torch
def test_who_may_look_at_nothing_sees_zeros_as_in_pytorch(torch: Any) -> None:
    q = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    mask = np.array([[True, False, True], [False, False, False], [True, True, True]])
    leaves = [Tensor(q.copy(), requires_grad=True) for _ in range(3)]
    theirs = [torch.tensor(q, requires_grad=True) for _ in range(3)]
    out = ops.attention(*leaves, mask=mask)
    expected = torch.nn.functional.scaled_dot_product_attention(*theirs, attn_mask=torch.tensor(mask))
    assert np.allclose(out.data, expected.detach().numpy(), atol=1e-6)
    out.sum().backward()
    expected.sum().backward()
    for ours, tensor in zip(leaves, theirs, strict=True):
        assert np.allclose(ours.grad, tensor.grad.numpy(), atol=1e-6)


@pytest.mark.parametrize("bad", [INF, -INF, np.nan])
def test_a_pixel_that_is_not_finite_spoils_only_the_outputs_that_see_it(bad: float) -> None:
    # Winograd's tiles of 6 x 6 pixels handed it to all 16 outputs of up to four tiles.
    rng = np.random.default_rng(0)
    x, w, delta = (rng.standard_normal(shape, np.float32) for shape in ((4, 14, 14, 16), (3, 3, 16, 16), (4, 14, 14, 16)))
    spoiled, error = x.copy(), delta.copy()
    spoiled[1, 5, 5, 3] = error[2, 6, 7, 1] = bad
    found: list[list[Any]] = []
    for conv in (compiled_conv, reference_conv):
        with np.errstate(all="ignore"):
            z = conv.forward(spoiled, w, None, (1, 1), (1, 1), (1, 1), 1)
            found.append([z, conv.gradient(x, w, error, (1, 1), (1, 1), (1, 1), 1)[0]])
    for ours, exact in zip(*found, strict=True):
        finite = np.isfinite(exact)
        assert np.array_equal(np.isfinite(ours), finite) and (~finite).sum() == 9 * 16
        assert np.abs(ours[finite] - exact[finite]).max() < 1e-3  # of numbers around 30
