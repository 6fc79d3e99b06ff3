"""The mathematics of diffusion: every closed form beside what it is the closed form of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from byhand.errors import ModelError
from byhand.models.diffusion import TARGETS, Diffusion, drop_labels, guide
from byhand.models.noise_schedules import NoiseSchedule, cosine, linear, short

SCHEDULES = [short(), cosine(50), cosine(), linear()]


def samples(n: int = 6, seed: int = 0, dtype: Any = np.float64) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (n, 3, 2)).astype(dtype), rng.standard_normal((n, 3, 2)).astype(dtype)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_all_steps_at_once_are_the_steps_one_by_one_in_mean_and_variance(schedule: NoiseSchedule) -> None:
    diffusion = Diffusion(schedule)
    mean, variance = 1.0, 0.0
    one, zero = np.ones((1, 1)), np.zeros((1, 1))
    for t, beta in enumerate(schedule.betas, 1):
        mean, variance = math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
        assert diffusion.noisy(one, t, zero)[0, 0] == pytest.approx(mean, rel=1e-10)
        assert diffusion.noisy(zero, t, one)[0, 0] ** 2 == pytest.approx(variance, rel=1e-10)


def test_all_steps_at_once_are_the_steps_one_by_one_in_distribution(rng: np.random.Generator) -> None:
    diffusion, n = Diffusion(short()), 200_000
    x = np.full(n, 0.7)
    for t, beta in enumerate(diffusion.schedule.betas, 1):
        x = math.sqrt(1 - beta) * x + math.sqrt(beta) * rng.standard_normal(n)
        if t in (1, 10, 50):
            at_once = diffusion.noisy(np.full((n, 1), 0.7), np.full(n, t), rng.standard_normal((n, 1)))[:, 0]
            sigma = float(diffusion.schedule.noise[t])
            assert abs(x.mean() - at_once.mean()) < 5 * sigma * math.sqrt(2 / n)
            assert abs(x.std() / at_once.std() - 1) < 5 / math.sqrt(n)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_the_posterior_is_bayes_at_every_step(schedule: NoiseSchedule) -> None:
    diffusion = Diffusion(schedule)
    x0, x = np.array([[0.3]]), np.array([[-1.1]])
    abar = np.concatenate([[1.0], np.cumprod(1 - schedule.betas)])
    for t in range(2, schedule.steps + 1):
        beta = schedule.betas[t - 1]
        # N(x_t; sqrt(1 - beta) x_s, beta) N(x_s; sqrt(abar_s) x_0, 1 - abar_s), as a function of x_s
        precision = (1 - beta) / beta + 1 / (1 - abar[t - 1])
        mean = (math.sqrt(1 - beta) / beta * x + math.sqrt(abar[t - 1]) / (1 - abar[t - 1]) * x0) / precision
        found, sigma = diffusion.posterior(x0, x, t)
        assert np.allclose(found, mean, rtol=1e-8, atol=1e-9)
        assert sigma == pytest.approx(precision**-0.5, rel=1e-8)
        assert sigma == diffusion.deviation(t, t - 1)
    found, sigma = diffusion.posterior(x0, x, 1)
    assert sigma == 0
    assert np.allclose(found, x0, rtol=1e-12)


def test_the_posterior_of_a_long_step_is_bayes_on_a_grid() -> None:
    diffusion, t, s, x0, x = Diffusion(short()), 20, 5, 0.4, -0.2
    variance = 0.0
    factor = 1.0
    for beta in diffusion.schedule.betas[s:t]:  # what the steps from s to t do
        factor, variance = factor * math.sqrt(1 - beta), (1 - beta) * variance + beta
    grid = np.linspace(-4, 4, 40_001)
    signal, noise = float(diffusion.schedule.signal[s]), float(diffusion.schedule.noise[s])
    p = np.exp(-((x - factor * grid) ** 2) / (2 * variance) - (grid - signal * x0) ** 2 / (2 * noise**2))
    p /= p.sum()
    mean, sigma = diffusion.posterior(np.array([[x0]]), np.array([[x]]), t, s)
    assert mean[0, 0] == pytest.approx((p * grid).sum(), abs=1e-8)
    assert sigma == pytest.approx(math.sqrt((p * grid**2).sum() - (p * grid).sum() ** 2), abs=1e-8)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_who_answers_right_is_understood_in_one_step(schedule: NoiseSchedule, target: str) -> None:
    diffusion = Diffusion(schedule, target)
    x0, eps = samples()
    for t in (1, 2, schedule.steps // 2, schedule.steps - 1, schedule.steps):
        for at in (t, np.full(len(x0), t)):
            x = diffusion.noisy(x0, at, eps)
            found = diffusion.x0_and_eps(diffusion.target_of(x0, eps, at), x, at)
            assert np.allclose(found[0], x0, atol=1e-10)
            assert np.allclose(found[1], eps, atol=1e-9)


def test_every_answer_can_be_said_in_the_words_of_every_other() -> None:
    diffusion, t = Diffusion(short()), np.array([1, 7, 20, 35, 49, 50])
    x0, eps = samples()
    x = diffusion.noisy(x0, t, eps)
    said = {"x0": x0, "epsilon": eps, "v": diffusion.velocity(x0, eps, t)}
    for source in TARGETS:
        for target in TARGETS:
            assert np.allclose(diffusion.convert(said[source], x, t, source, target), said[target], atol=1e-9)
    signal, noise = diffusion.signal_and_noise_rates(t, x0)
    assert np.allclose(said["v"], signal * eps - noise * x0)
    assert Diffusion(short(), "x0").target_of(x0, eps, t) is x0
    assert Diffusion(short(), "epsilon").target_of(x0, eps, t) is eps


def test_min_snr_weights_are_one_weight_of_the_error_in_the_image() -> None:
    schedule, gamma = cosine(), 5.0
    t = np.arange(1, schedule.steps + 1)
    snr = schedule.snr[t]
    by_hand = {
        "x0": [min(r, gamma) for r in snr],
        "epsilon": [min(r, gamma) / r for r in snr],
        "v": [min(r, gamma) / (r + 1) for r in snr],
    }
    x0, eps = samples(len(t))
    x = Diffusion(schedule).noisy(x0, t, eps)
    wrong = x0 + 1e-3 * samples(len(t), 3)[1]
    costs = {}
    for target in TARGETS:
        diffusion = Diffusion(schedule, target)
        weights = diffusion.weights(t, "min_snr", gamma)
        assert np.allclose(weights, by_hand[target], rtol=1e-12)
        assert np.array_equal(diffusion.weights(t), np.ones(len(t)))
        error = diffusion.convert(wrong, x, t, "x0", target) - diffusion.target_of(x0, eps, t)
        costs[target] = weights * (error**2).sum(axis=(1, 2))
    assert np.allclose(costs["x0"], costs["epsilon"], rtol=1e-6)
    assert np.allclose(costs["x0"], costs["v"], rtol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_guidance_is_the_same_whatever_the_network_answers(target: str) -> None:
    diffusion, t, g = Diffusion(short(), target), 20, 3.0
    x, (a, b) = samples(seed=1)[1], (samples(seed=2)[1], samples(seed=3)[1])
    expected = b + g * (a - b)  # in epsilon
    one, other = (diffusion.convert(answer, x, t, "epsilon", target) for answer in (a, b))
    assert np.allclose(diffusion.x0_and_eps(guide(one, other, g), x, t)[1], expected)
    assert np.allclose(guide(one, other, 1), one)
    assert np.array_equal(guide(one, other, 0), other)


def test_as_many_labels_are_forgotten_as_were_asked_for() -> None:
    labels = np.arange(100_000) % 7
    found = drop_labels(labels, 7, 0.1, np.random.default_rng(0))
    gone = found == 7
    assert abs(gone.mean() - 0.1) < 0.005
    assert np.array_equal(found[~gone], labels[~gone])
    assert np.array_equal(drop_labels(labels, 7, 0.0, np.random.default_rng(0)), labels)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_keep_their_type(dtype: Any) -> None:
    x0, eps = samples(4, dtype=dtype)
    for at in (3, np.array([1, 2, 3, 50])):
        diffusion = Diffusion(short())
        x = diffusion.noisy(x0, at, eps)
        assert x.dtype == diffusion.velocity(x0, eps, at).dtype == diffusion.x0_and_eps(eps, x, at)[0].dtype == dtype
    assert diffusion.posterior(x0, x, 3)[0].dtype == dtype


X = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Diffusion(short(), "noise"), "target 'noise' is unknown: choose one of epsilon, x0, v"),
        (lambda: Diffusion(short()).x0_and_eps(X, X, 3, "u"), "target 'u' is unknown"),
        (lambda: Diffusion(short()).weights(3, "snr"), "weighting 'snr' is unknown: did you mean 'min_snr'"),
        (lambda: Diffusion(short()).weights(3, "min_snr", 0), "gamma must be above 0"),
        (lambda: Diffusion(short()).weights(3, "min_snr", math.inf), "gamma must be a finite number above 0"),
        (lambda: Diffusion(short()).noisy(X, 51, X), "diffusion: t must be a whole number from 0 to 50, or one per sample"),
        (lambda: Diffusion(short()).noisy(X, -1, X), "diffusion: t must be a whole number from 0 to 50, or one per sample"),
        (lambda: Diffusion(short()).noisy(X, 0.5, X), "diffusion: t must be a whole number from 0 to 50, or one per sample"),
        (
            lambda: Diffusion(short()).noisy(X, np.array([1, 2, 3]), X),
            "diffusion: t must be a whole number from 0 to 50, or one per sample",
        ),
        (lambda: Diffusion(short()).posterior(X, X, 0), "diffusion: a step must go down, between 50 and 0"),
        (lambda: Diffusion(short()).posterior(X, X, 3, 3), "diffusion: a step must go down, between 50 and 0"),
        (lambda: Diffusion(short()).posterior(X, X, 51), "diffusion: a step must go down, between 50 and 0"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(call: Any, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
