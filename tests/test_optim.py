"""Optimisers: one and two steps worked out by hand, state, blocks and clipping."""

from __future__ import annotations

import math

import numpy as np
import pytest

from byhand import kernels, optim
from byhand.errors import ModelError
from byhand.optim.optimizer import BLOCK

THETA, G1, G2 = 1.0, 0.5, -2.0
ETA = 0.1


def two_steps(optimizer: optim.Optimizer) -> list[float]:
    """theta after the first and after the second step."""
    theta = np.array([THETA])
    found = []
    for g in (G1, G2):
        optimizer.step(theta, np.array([g]))
        found.append(float(theta[0]))
    return found


def test_sgd_subtracts_the_rate_times_the_gradient() -> None:
    assert two_steps(optim.SGD(ETA)) == pytest.approx([1 - 0.1 * 0.5, 0.95 + 0.1 * 2.0], rel=1e-15)


def test_momentum_keeps_nine_tenths_of_the_velocity() -> None:
    v2 = 0.9 * 0.5 - 2.0
    assert two_steps(optim.SGD(ETA, momentum=0.9)) == pytest.approx([0.95, 0.95 - 0.1 * v2], rel=1e-15)


def test_nesterov_looks_one_velocity_ahead() -> None:
    first = 1 - 0.1 * (0.5 + 0.9 * 0.5)
    v2 = 0.9 * 0.5 - 2.0
    assert two_steps(optim.SGD(ETA, momentum=0.9, nesterov=True)) == pytest.approx(
        [first, first - 0.1 * (-2.0 + 0.9 * v2)], rel=1e-15
    )


def test_rmsprop_divides_by_the_running_root_mean_square() -> None:
    v1 = 0.01 * 0.25
    v2 = 0.99 * v1 + 0.01 * 4
    first = 1 - 0.1 * 0.5 / (math.sqrt(v1) + 1e-8)
    assert two_steps(optim.RMSProp(ETA)) == pytest.approx([first, first + 0.1 * 2 / (math.sqrt(v2) + 1e-8)], rel=1e-14)


def _adam(decay: float = 0.0, epsilon: float = 1e-8) -> list[float]:
    m = v = 0.0
    theta, found = THETA, []
    for t, g in enumerate((G1, G2), start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
        theta -= ETA * (m_hat / (math.sqrt(v_hat) + epsilon) + decay * theta)
        found.append(theta)
    return found


def test_adam_corrects_both_moments_for_their_start_at_zero() -> None:
    assert two_steps(optim.Adam(ETA)) == pytest.approx(_adam(), rel=1e-13)
    assert _adam()[0] == pytest.approx(0.9, abs=1e-8)  # the first step is eta long whatever the gradient is


def test_adams_epsilon_stands_outside_the_corrected_root() -> None:
    assert two_steps(optim.Adam(ETA, epsilon=0.5)) == pytest.approx(_adam(epsilon=0.5), rel=1e-13)


def test_adamw_decays_the_weights_apart_from_the_gradient() -> None:
    assert two_steps(optim.AdamW(ETA, weight_decay=0.3)) == pytest.approx(_adam(decay=0.3), rel=1e-13)


MADE = {
    "sgd": lambda: optim.SGD(0.05),
    "momentum": lambda: optim.SGD(0.05, momentum=0.9),
    "nesterov": lambda: optim.SGD(0.05, momentum=0.9, nesterov=True),
    "rmsprop": lambda: optim.RMSProp(0.05),
    "adam": lambda: optim.Adam(0.05),
    "adamw": lambda: optim.AdamW(0.05),
}


@pytest.mark.parametrize("name", MADE)
def test_the_change_is_left_in_update_to_the_bit(name: str, rng: np.random.Generator) -> None:
    optimizer, theta = MADE[name](), rng.standard_normal(50)
    for _ in range(3):
        before = theta.copy()
        optimizer.step(theta, rng.standard_normal(50))
        assert (before + optimizer.update).tobytes() == theta.tobytes()
        assert np.abs(optimizer.update).min() > 0


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
def test_working_in_blocks_gives_each_coordinate_the_bits_it_has_alone(name: str, size: int, rng: np.random.Generator) -> None:
    theta, gradients = rng.standard_normal(size), rng.standard_normal((2, size))
    picked = np.unique([0, size // 2, size - 1])
    whole, alone = MADE[name](), MADE[name]()
    few = theta[picked]
    for g in gradients:
        whole.step(theta, g)
        alone.step(few, g[picked])
    assert theta[picked].tobytes() == few.tobytes()
    assert whole.steps == alone.steps == 2


@pytest.mark.parametrize("name", MADE)
def test_a_step_works_in_place_keeps_float32_and_leaves_the_gradient_alone(name: str, rng: np.random.Generator) -> None:
    theta = rng.standard_normal(30).astype(np.float32)
    gradient = rng.standard_normal(30).astype(np.float32)
    kept = gradient.copy()
    optimizer = MADE[name]()
    optimizer.step(theta, gradient)
    assert theta.dtype == optimizer.update.dtype == np.float32
    assert all(vector.dtype == np.float32 for vector in optimizer.state.values())
    assert gradient.tobytes() == kept.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_adam_gives_the_bits_of_the_readable_one(
    dtype: type, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kernels.compiled_adam() is None:
        pytest.skip("kernels are not compiled here: Numba is absent or BYHAND_KERNELS=numpy")
    size = 2 * kernels.SMALLEST + 1
    start = rng.standard_normal(size).astype(dtype)
    gradients = (rng.standard_normal((30, size)) * 10.0 ** rng.integers(-12, 6, (30, size))).astype(dtype)
    gradients[:, :50] = 0
    found = []
    for smallest in (1, size + 1):
        monkeypatch.setattr(kernels, "SMALLEST", smallest)
        theta, optimizer = start.copy(), optim.Adam(1e-3)
        for g in gradients:
            optimizer.step(theta, g)
        found.append(
            (theta.tobytes(), optimizer.update.tobytes(), optimizer.state["m"].tobytes(), optimizer.state["v"].tobytes())
        )
    assert found[0] == found[1]


def test_parameters_of_another_size_start_the_state_anew() -> None:
    optimizer = optim.Adam(0.1)
    optimizer.step(np.zeros(3), np.ones(3))
    optimizer.step(np.zeros(5), np.ones(5))
    assert optimizer.steps == 1
    assert optimizer.state["m"].shape == (5,)


def test_clipping_shortens_a_long_gradient_and_says_how_long_it_was() -> None:
    gradient = np.array([3.0, 4.0])
    assert optim.clip(gradient, 1.0) == 5.0
    assert gradient == pytest.approx([0.6, 0.8], rel=1e-15)


def test_clipping_leaves_a_short_gradient_to_the_bit() -> None:
    gradient = np.array([0.3, 0.4])
    assert optim.clip(gradient, 1.0) == 0.5
    assert gradient.tolist() == [0.3, 0.4]


def test_clipping_a_gradient_whose_square_overflows_float32_keeps_its_direction() -> None:
    gradient = np.array([3e25, -4e25], np.float32)
    assert optim.clip(gradient, 1.0) == pytest.approx(5e25, rel=1e-6)
    assert gradient == pytest.approx([0.6, -0.8], rel=1e-6)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_a_learning_rate_that_is_no_positive_number_is_refused(rate: float) -> None:
    with pytest.raises(ModelError, match="the learning rate must be a"):
        optim.SGD(rate)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("sgd", {"momentum": 1.0}, "momentum must be 0 or more and below 1"),
        ("sgd", {"momentum": -0.1}, "momentum must be 0 or more and below 1"),
        ("sgd", {"nesterov": True}, r"nesterov needs a momentum above 0, for example momentum=0\.9"),
        ("rmsprop", {"rho": 1.5}, "rho must be 0 or more and below 1"),
        ("adam", {"beta1": 1.0}, "beta1 must be 0 or more and below 1"),
        ("adam", {"beta2": float("nan")}, "beta2 must be a finite number, 0 or more and below 1"),
        ("adam", {"momentum": 0.9}, "the optimizer adam has no setting 'momentum': choose one of beta1, bet"),
        ("adagrad", {}, "optimizer 'adagrad' is unknown: choose one of sgd, rmsprop, adam, adamw"),
    ],
)
def test_a_setting_that_makes_no_optimiser_is_refused_in_one_line(name: str, settings: dict[str, float], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        optim.by_name(name, 0.1, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", optim.OPTIMIZERS)
def test_an_optimiser_made_by_name_shows_its_settings_and_not_its_state(name: str) -> None:
    optimizer = optim.by_name(name, 0.25)
    theta = np.zeros(2)
    optimizer.locate(theta, {"b": theta})
    optimizer.step(theta, np.ones(2))
    assert optimizer.settings()["learning_rate"] == 0.25
    assert not {"state", "update", "steps"} & set(optimizer.settings())
    assert optim.OPTIMIZERS[name](**optimizer.settings()).settings() == optimizer.settings()


def test_the_settings_of_momentum_are_its_arguments_alone() -> None:
    assert optim.SGD(0.1, momentum=0.9).settings() == {"learning_rate": 0.1, "momentum": 0.9, "nesterov": False}
    assert repr(optim.SGD(0.1, momentum=0.9)) == "SGD(learning_rate=0.1, momentum=0.9, nesterov=False)"
