"""Samplers with an oracle: of Gaussian data one knows what a perfect network would answer, and where a sampler has to arrive.

Such an oracle's answer is a straight line in x_t, and so is every sampler's step in x_t and its noise. So mean and variance are
found exactly, by the real sampler: one sample with no noise at all, and one for each draw, with a 1 there and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from byhand.errors import ModelError
from byhand.models import samplers
from byhand.models.diffusion import TARGETS, Diffusion
from byhand.models.noise_schedules import cosine, linear, short
from byhand.models.samplers import Noise, SamplerStep, between, ddim, ddpm, dpm_solver, in_blocks, spaced_timesteps

MEAN, SIGMA = 0.6, 0.3  # of the data


def oracle(diffusion: Diffusion, mean: float = MEAN, sigma: float = SIGMA) -> Callable[[Any, int], Any]:
    """The best answer for data N(mean, sigma^2): E[x_0 | x_t], in the diffusion's target."""

    def answers(x: Any, t: int) -> Any:
        signal, noise = float(diffusion.schedule.signal[t]), float(diffusion.schedule.noise[t])
        x0 = mean + signal * sigma**2 / (signal**2 * sigma**2 + noise**2) * (x - signal * mean)
        return diffusion.convert(x0, x, t, "x0", diffusion.target)

    return answers


def exact(sampler: Any, diffusion: Diffusion, timesteps: list[int], **settings: Any) -> dict[int, tuple[float, float]]:
    """Mean and variance of x_t at each time, when each draw is N(0, 1)."""
    draws = len(timesteps)
    drawn = iter(np.eye(draws)[:, :, None].tolist())

    def noise() -> Any:
        return np.concatenate([np.asarray(next(drawn)), [[0.0]]])

    found = {}
    for t, x, _ in sampler(diffusion, oracle(diffusion), noise, timesteps, **settings):
        mean = float(x[-1, 0])
        found[t] = mean, float(((x[:-1, 0] - mean) ** 2).sum())
    return found


def whole(diffusion: Diffusion) -> list[int]:
    return list(range(diffusion.steps, 0, -1))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("steps", [50, 13, 1])
def test_ddim_with_eta_1_is_ddpm_at_every_step(target: str, steps: int) -> None:
    diffusion = Diffusion(short(), target)
    one = exact(ddpm, diffusion, spaced_timesteps(50, steps))
    other = exact(ddim, diffusion, spaced_timesteps(50, steps), eta=1.0)
    assert set(one) == set(other) == {*spaced_timesteps(50, steps), 0}
    for t, both in one.items():
        assert both == pytest.approx(other[t], rel=1e-9, abs=1e-12)
    paths = [
        list(sampler(diffusion, oracle(diffusion), Noise(4, (3,), seed=2), spaced_timesteps(50, steps), **settings))
        for sampler, settings in ((ddpm, {}), (ddim, {"eta": 1.0}))
    ]
    for a, b in zip(*paths, strict=True):  # not in distribution only: with the same noise it is the same path
        assert np.allclose(a.x, b.x, rtol=1e-9, atol=1e-10)
        assert np.allclose(a.x0, b.x0, rtol=1e-9, atol=1e-10)


def test_ddpm_has_the_mean_and_variance_of_the_recursion_written_down() -> None:
    diffusion = Diffusion(short(), "epsilon")
    abar = np.concatenate([[1.0], np.cumprod(1 - diffusion.schedule.betas)])
    mean, variance = 0.0, 1.0
    found = exact(ddpm, diffusion, whole(diffusion))
    for t in range(50, 0, -1):
        assert found[t] == pytest.approx((mean, variance), rel=1e-9, abs=1e-12)
        beta, pull = diffusion.schedule.betas[t - 1], math.sqrt(abar[t]) * SIGMA**2 / (abar[t] * SIGMA**2 + 1 - abar[t])
        from_x0 = math.sqrt(abar[t - 1]) * beta / (1 - abar[t])
        from_x = math.sqrt(1 - beta) * (1 - abar[t - 1]) / (1 - abar[t])
        mean = from_x0 * (MEAN + pull * (mean - math.sqrt(abar[t]) * MEAN)) + from_x * mean
        variance = (from_x0 * pull + from_x) ** 2 * variance + (1 - abar[t - 1]) / (1 - abar[t]) * beta
    assert found[0] == pytest.approx((mean, variance), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("schedule", [linear(), cosine()], ids=repr)
@pytest.mark.parametrize(("sampler", "settings"), [(ddim, {}), (ddim, {"eta": 0.5}), (ddpm, {}), (dpm_solver, {})])
def test_every_sampler_arrives_at_the_data(sampler: Any, settings: dict[str, Any], schedule: Any) -> None:
    diffusion = Diffusion(schedule)
    errors = []
    for steps in (20, 200, 1000):
        mean, variance = exact(sampler, diffusion, spaced_timesteps(1000, steps), **settings)[0]
        errors.append(abs(math.sqrt(variance) - SIGMA) / SIGMA)
        assert mean == pytest.approx(MEAN, abs=0.01)
    assert errors[1] < 0.06
    assert errors[2] < 0.013
    assert errors[0] > 2 * errors[1] and errors[0] > 5 * errors[2]


@pytest.mark.parametrize(("sampler", "order"), [(ddim, 1), (dpm_solver, 2)])
def test_the_error_falls_with_the_order_of_the_method(sampler: Any, order: int) -> None:
    diffusion = Diffusion(cosine(20_000))
    signal, noise = diffusion.schedule.signal, diffusion.schedule.noise

    def spread(t: int) -> float:
        return math.sqrt(float(signal[t]) ** 2 * SIGMA**2 + float(noise[t]) ** 2)

    begin, end, z = 18_000, 2_000, 1.3  # what flows, stays as many deviations from the mean as it was
    x, target = (float(signal[t]) * MEAN + spread(t) * z for t in (begin, end))
    errors = []
    for steps in (20, 80, 160, 320, 640):
        timesteps = [begin - k * (begin - end) // steps for k in range(steps + 1)]
        walk = sampler(diffusion, oracle(diffusion), lambda: np.full((1, 1), x), timesteps)
        errors.append(abs(float(next(step.x[0, 0] for step in walk if step.t == end)) - target))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (np.abs(orders[-2:] - order) < 0.06).all(), (errors, orders)
    if order == 2:
        assert errors[0] < 1e-3


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("sampler", "settings"), [(ddim, {}), (ddim, {"eta": 1.0}), (ddpm, {}), (dpm_solver, {})])
@pytest.mark.parametrize("steps", [1, 2, 50])
def test_who_knows_the_image_arrives_at_it(sampler: Any, settings: dict[str, Any], steps: int, target: str) -> None:
    diffusion, image = Diffusion(short(), target), np.linspace(-1, 1, 6).reshape(2, 3)
    knowing = oracle(diffusion, mean=image, sigma=0.0)  # type: ignore[arg-type]
    *_, last = sampler(diffusion, knowing, Noise(2, (3,)), spaced_timesteps(50, steps), **settings)
    assert np.allclose(last.x, image, atol=1e-9)


@pytest.mark.parametrize(
    ("sampler", "settings", "draws"), [(ddpm, {}, 7), (ddim, {"eta": 1.0}, 7), (ddim, {}, 1), (dpm_solver, {}, 1)]
)
@pytest.mark.parametrize("clip", [None, 0.5])
def test_no_noise_is_added_at_the_last_step(sampler: Any, settings: dict[str, Any], draws: int, clip: float | None) -> None:
    diffusion, noise, drawn = Diffusion(short()), Noise(3, (2,), seed=1), []

    def counted() -> Any:
        drawn.append(noise())
        return drawn[-1]

    walk: list[SamplerStep] = list(sampler(diffusion, oracle(diffusion), counted, spaced_timesteps(50, 7), clip, **settings))
    assert len(drawn) == draws
    assert [step.t for step in walk] == [*spaced_timesteps(50, 7), 0]
    assert np.array_equal(walk[0].x, drawn[0])
    assert np.allclose(walk[-1].x, walk[-2].x0, rtol=1e-12)  # the sample is the image that the last answer means
    assert np.array_equal(walk[-1].x, walk[-1].x0)
    if clip is not None:
        assert all(np.abs(step.x0).max() <= clip * (1 + 1e-12) for step in walk)
        assert max(np.abs(step.x0).max() for step in walk) == clip


def test_a_clipped_image_comes_with_the_noise_that_goes_with_it() -> None:
    diffusion = Diffusion(short(), "epsilon")
    first, second, *_ = ddim(diffusion, lambda x, t: -x, Noise(5, (2,), seed=3), [40, 20], clip=0.1)
    eps = (first.x - diffusion.signal_and_noise_rates(40, first.x)[0] * first.x0) / diffusion.signal_and_noise_rates(40, first.x)[
        1
    ]
    assert np.allclose(second.x, diffusion.noisy(first.x0, 20, eps))


def test_noise_is_each_samples_own_and_standard_normal() -> None:
    three, five = Noise(3, (4,), seed=7), Noise(5, (4,), seed=7)
    for _ in range(3):
        assert np.array_equal(three(), five()[:3])
    drawn = Noise(500, (40,), seed=1)()
    assert abs(drawn.mean()) < 5 / math.sqrt(drawn.size)
    assert abs(drawn.std() - 1) < 5 / math.sqrt(2 * drawn.size)
    assert np.abs(np.corrcoef(drawn[:20])[np.triu_indices(20, 1)]).max() < 0.7
    names: list[Any] = ["a", "b", "ba", "1", 1, ord("1"), 0]
    several = Noise(names, (4,), seed=7)()
    assert len({row.tobytes() for row in several}) == len(names)
    assert np.array_equal(Noise(["1", "a"], (4,), seed=7)(), several[[3, 0]])
    assert not np.array_equal(Noise(["a"], (4,), seed=8)()[0], several[0])
    assert np.array_equal(Noise(3, (4,), 7, np.float32)(), Noise(3, (4,), 7)().astype(np.float32))


@pytest.mark.parametrize("last", [1, 7, 50, 1000])
def test_times_fall_evenly_from_the_last_one(last: int) -> None:
    for steps in {1, 2, 3, last // 3, last - 1, last} & set(range(1, last + 1)):
        found = spaced_timesteps(last, steps)
        assert len(found) == len(set(found)) == steps
        assert found[0] == last
        gaps = -np.diff([*found, 0])
        assert gaps.min() >= 1 and gaps.max() - gaps.min() <= 2
    assert spaced_timesteps(last, last) == list(range(last, 0, -1))


def test_blocks_are_all_of_one_size() -> None:
    sizes = []

    def answer(x: Any, y: Any) -> Any:
        sizes.append((len(x), len(y)))
        return x + y

    for n in (1, 7, 8, 9, 24):
        assert np.array_equal(in_blocks(answer, 8, np.arange(n), 10 * np.arange(n)), 11 * np.arange(n))
    assert set(sizes) == {(8, 8)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: spaced_timesteps(50, 0), "sampling: steps must be from 1 to 50"),
        (lambda d: spaced_timesteps(50, 51), "sampling: steps must be from 1 to 50"),
        (lambda d: spaced_timesteps(50, 2.0), "sampling: steps must be a whole number from 1 to 50"),  # type: ignore[arg-type]
        (lambda d: list(ddim(d, oracle(d), Noise(1, (1,)), [50], eta=1.5)), "ddim: eta must be from 0 to 1"),
        (
            lambda d: list(ddim(d, oracle(d), Noise(1, (1,)), [50], eta=math.nan)),
            "ddim: eta must be a finite number from 0 to 1",
        ),
        (lambda d: list(ddpm(d, oracle(d), Noise(1, (1,)), [])), "sampling: the times must fall, from 50 at most to 1 at least"),
        (
            lambda d: list(ddpm(d, oracle(d), Noise(1, (1,)), [51])),
            "sampling: the times must fall, from 50 at most to 1 at least",
        ),
        (
            lambda d: list(dpm_solver(d, oracle(d), Noise(1, (1,)), [5, 5])),
            "sampling: the times must fall, from 50 at most to 1 at least",
        ),
        (
            lambda d: list(dpm_solver(d, oracle(d), Noise(1, (1,)), [5, 0])),
            "sampling: the times must fall, from 50 at most to 1 at least",
        ),
        (lambda d: Noise(0, (1,)), "there are no samples to draw: ask for one at least"),
        (lambda d: Noise([-1], (1,)), "a sample's name must be a whole number, 0 or more, or a string"),
        (lambda d: Noise([0.5], (1,)), "a sample's name must be a whole number, 0 or more, or a string"),  # type: ignore[list-item]
        (lambda d: Noise(1, (1,), seed=-1), "seed must be 0 or more"),
        (lambda d: samplers.by_name("euler"), "sampler 'euler' is unknown: choose one of ddpm, ddim, dpm_solver"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_one_line(call: Any, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        call(Diffusion(short()))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_between_two_steps_stands_what_the_sampler_would_have_passed_through() -> None:
    diffusion, image = Diffusion(short()), np.linspace(-1, 1, 6).reshape(2, 3)
    knowing = oracle(diffusion, mean=image, sigma=0.0)  # type: ignore[arg-type]
    every = {step.t: step for step in ddim(diffusion, knowing, Noise(2, (3,)), spaced_timesteps(50, 50))}
    for one, other in ((50, 20), (20, 0), (1, 0)):
        for t in range(other, one + 1):
            x = between(diffusion.schedule, every[one], every[other], t)
            assert np.allclose(x, every[t].x, atol=1e-12), (one, other, t)


def test_between_two_steps_lies_at_each_end_what_stands_there() -> None:
    diffusion, rng = Diffusion(short()), np.random.default_rng(0)
    one, other = (SamplerStep(t, *rng.standard_normal((2, 4, 3))) for t in (30, 10))
    assert np.allclose(between(diffusion.schedule, one, other, 30), one.x)
    assert np.allclose(between(diffusion.schedule, one, other, 10), other.x)
