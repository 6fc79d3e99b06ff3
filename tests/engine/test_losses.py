"""Costs as the textbook has them: means over the batch, saturation, targets of both kinds. (Gradients: `test_every_op`.)"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, grad, ops, value_and_grad, vjp
from byhand.engine.check import check_gradient
from byhand.errors import EngineError

RNG = np.random.default_rng(0)
Z, Y = RNG.standard_normal((6, 4)), RNG.random((6, 4))
CLASSES = RNG.integers(0, 4, 6)

# Each as a function of the outputs of a batch, and what it compares them with.
COSTS: dict[str, Any] = {
    "mse_loss": lambda z, n: ops.mse_loss(z, np.tile(Y, (n, 1))),
    "huber_loss": lambda z, n: ops.huber_loss(z, np.tile(Y, (n, 1)), d=0.7),
    "bce_with_logits": lambda z, n: ops.bce_with_logits(z, np.tile(Y, (n, 1))),
    "cross_entropy of classes": lambda z, n: ops.cross_entropy(z, target=np.tile(CLASSES, n)),
    "cross_entropy of probabilities": lambda z, n: ops.cross_entropy(z, target=np.tile(Y, (n, 1)), label_smoothing=0.2),
    "gaussian_kl": lambda z, n: ops.gaussian_kl(z, np.tile(Y, (n, 1))),
}


@pytest.mark.parametrize("cost", COSTS)
def test_doubling_the_batch_changes_no_cost_and_halves_each_samples_gradient(cost: str) -> None:
    once, gradient = value_and_grad(lambda z: COSTS[cost](z, 1))(Z)
    twice, halves = value_and_grad(lambda z: COSTS[cost](z, 2))(np.tile(Z, (2, 1)))
    assert twice == pytest.approx(once, rel=1e-14)
    assert np.allclose(halves, np.tile(gradient, (2, 1)) / 2, rtol=1e-13)


def test_the_mean_square_is_over_all_numbers() -> None:
    value, to_both = value_and_grad(ops.mse_loss, argnums=(0, 1))(np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]]))
    assert value == 2.5
    assert to_both[0].tolist() == [[1.0, -2.0]] and to_both[1].tolist() == [[-1.0, 2.0]]


def test_hubers_loss_is_square_near_and_straight_far() -> None:
    value, found = value_and_grad(lambda a, y: ops.huber_loss(a, y, d=2.0))(np.array([1.0, 5.0, -5.0]), np.zeros(3))
    assert value == pytest.approx((0.5 + 8.0 + 8.0) / 3, rel=1e-15)
    assert found == pytest.approx([1 / 3, 2 / 3, -2 / 3], rel=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary_cross_entropy_is_exact_at_any_saturation(dtype: Any) -> None:
    z, y = np.array([1e4, -1e4, 40.0, 0.0], dtype), np.array([1, 1, 1, 0.5], dtype)
    value, pull_back = vjp(ops.bce_with_logits, z, y)
    assert value == pytest.approx((0 + 1e4 + math.exp(-40) + math.log(2)) / 4, rel=1e-6)
    assert pull_back(np.asarray(1, dtype))[0].tolist() == pytest.approx([0, -0.25, 0, 0], abs=1e-7)


def test_a_small_binary_cross_entropy_is_not_rounded_away() -> None:
    assert ops.bce_with_logits(Tensor([40.0]), np.array([1.0])).item() == pytest.approx(math.exp(-40), rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_is_exact_at_any_saturation(dtype: Any) -> None:
    z = np.array([[1e4, 0, -1e4], [1e4, 0, -1e4]], dtype)
    value, pull_back = vjp(lambda z: ops.cross_entropy(z, target=np.array([0, 1])), z)
    assert value == pytest.approx(0.5e4, rel=1e-6)
    assert pull_back(np.asarray(1, dtype))[0].tolist() == [[0, 0, 0], [0.5, -0.5, 0]]


def test_classes_are_probabilities_of_one() -> None:
    of_classes, one = value_and_grad(lambda z: ops.cross_entropy(z, target=CLASSES))(Z)
    of_rows, other = value_and_grad(lambda z: ops.cross_entropy(z, target=np.eye(4)[CLASSES]))(Z)
    assert of_classes == pytest.approx(of_rows, rel=1e-15) and np.allclose(one, other, rtol=1e-14)
    log_p = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))
    assert of_classes == pytest.approx(-log_p[range(6), CLASSES].mean(), rel=1e-14)


@pytest.mark.parametrize("target", [CLASSES, np.eye(4)[CLASSES]])
def test_smoothing_moves_its_share_from_the_right_class_to_all(target: Any) -> None:
    q = 0.9 * np.eye(4)[CLASSES] + 0.1 / 4
    log_p = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))
    value, found = value_and_grad(lambda z: ops.cross_entropy(z, target=target, label_smoothing=0.1))(Z)
    assert value == pytest.approx(-(q * log_p).sum() / 6, rel=1e-14)
    assert np.allclose(found, (np.exp(log_p) - q) / 6, rtol=1e-12)


def test_targets_may_be_tensors_lists_and_small_integers() -> None:
    z = Tensor(Z)
    expected = ops.cross_entropy(z, target=CLASSES).item()
    for target in (Tensor(CLASSES), CLASSES.tolist(), CLASSES.astype(np.uint8), CLASSES.astype(np.int32)):
        assert ops.cross_entropy(z, target=target).item() == expected
    assert ops.mse_loss(z, Y.tolist()).item() == ops.mse_loss(z, Y).item()


def test_a_target_whose_gradient_is_wanted_gets_it_where_it_has_one_and_is_refused_elsewhere() -> None:
    for cost in (ops.mse_loss, ops.huber_loss, ops.bce_with_logits):
        check_gradient(cost, Z, Y)
    with pytest.raises(EngineError, match="cross_entropy: target is a tensor that needs a gradient and can have n"):
        ops.cross_entropy(Tensor(Z), target=Tensor(Y, requires_grad=True))


def test_the_divergence_is_zero_for_the_standard_gaussian_and_positive_for_others() -> None:
    value, gradients = value_and_grad(ops.gaussian_kl, argnums=(0, 1))(np.zeros((3, 2)), np.zeros((3, 2)))
    assert value == 0.0 and not np.any(gradients)
    # One dimension, mean 1 and deviation e: (1 + e^2 - 1 - 2) / 2.
    assert ops.gaussian_kl(Tensor([[1.0]]), Tensor([[1.0]])).item() == pytest.approx((math.e**2 - 2) / 2, rel=1e-15)


def test_the_divergence_sums_over_dimensions() -> None:
    one = ops.gaussian_kl(Tensor(np.ones((5, 1))), np.ones((5, 1))).item()
    assert ops.gaussian_kl(Tensor(np.ones((5, 8))), np.ones((5, 8))).item() == pytest.approx(8 * one, rel=1e-14)


def test_a_cost_in_float32_has_gradients_in_float32() -> None:
    z, y = Z.astype(np.float32), Y.astype(np.float32)
    for cost in (ops.mse_loss, ops.huber_loss, ops.bce_with_logits, ops.gaussian_kl):
        value, pull_back = vjp(cost, z, y)
        assert value.dtype == np.float32
        assert all(found.dtype == np.float32 for found in pull_back(np.float32(1)))
    found = grad(lambda z: ops.cross_entropy(z, target=Y))(z)  # targets of another type lift nothing
    assert found.dtype == np.float32


WRONG: list[tuple[Any, str]] = [
    *(
        (
            lambda cost=cost: cost(Tensor(Z), np.ones((6, 1))),
            f"{cost.name}: the outputs are (6, 4) but the targets are (6, 1): they must agree",
        )
        for cost in (ops.mse_loss, ops.huber_loss, ops.bce_with_logits, ops.gaussian_kl)
    ),
    (lambda: ops.mse_loss(Tensor(Z), 1.0), "mse_loss: the outputs are (6, 4) but the targets are (): they must agree"),
    (
        lambda: ops.mse_loss(Tensor(np.ones((0, 4))), np.ones((0, 4))),
        "mse_loss: the outputs are (0, 4), which holds no numbers: there is no mean of none",
    ),
    (lambda: ops.huber_loss(Tensor(Z), Y, d=0.0), "huber_loss: d must be above 0, got 0.0"),
    (
        lambda: ops.cross_entropy(Tensor(Z), target=np.ones((6, 3))),
        "cross_entropy: z is (6, 4) but the targets are (6, 3): z is (m, K), they are (m,) or (m, K)",
    ),
    (
        lambda: ops.cross_entropy(Tensor(Z[0]), target=np.ones(4)),
        "cross_entropy: z is (4,) but the targets are (4,): z is (m, K), they are (m,) or (m, K)",
    ),
    (
        lambda: ops.cross_entropy(Tensor(np.ones((0, 4))), target=np.ones(0, int)),
        "cross_entropy: z is (0, 4) but the targets are (0,): z is (m, K), they are (m,) or (m, K)",
    ),
    (
        lambda: ops.cross_entropy(Tensor(Z), target=CLASSES, label_smoothing=1.0),
        "cross_entropy: label_smoothing must be 0 or more and below 1, got 1.0",
    ),
    (
        lambda: ops.cross_entropy(Tensor(Z), target=np.array([0, 1, 2, 3, 4, 0])),
        "cross_entropy: the targets are int64 from 0 to 4, but z is (6, 4): classes are whole numbers from 0 to 3",
    ),
    (
        lambda: ops.cross_entropy(Tensor(Z), target=np.array([0, 1, 2, 3, -1, 0])),
        "cross_entropy: the targets are int64 from -1 to 3, but z is (6, 4): classes are whole numbers from 0 to 3",
    ),
    (
        lambda: ops.cross_entropy(Tensor(Z), target=CLASSES.astype(float)),
        f"cross_entropy: the targets are float64 from {CLASSES.min():.1f} to {CLASSES.max():.1f}, but z is (6, 4): "
        "classes are whole numbers from 0 to 3",
    ),
]


@pytest.mark.parametrize(("use", "message"), WRONG, ids=[message[:50] for _, message in WRONG])
def test_what_does_not_fit_is_told_in_one_line_with_op_and_shapes(use: Any, message: str) -> None:
    with pytest.raises(EngineError) as caught:
        use()
    assert str(caught.value) == message
