"""Noise schedules: against the papers' formulas, and what they must not be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from byhand.errors import ModelError
from byhand.models import noise_schedules
from byhand.models.noise_schedules import NoiseSchedule, by_name, cosine, linear, short

ALL = [linear(), cosine(), short(), linear(2000), cosine(50), cosine(10), short(100), short(25)]


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_the_image_fades_from_all_of_it_to_nothing(schedule: NoiseSchedule) -> None:
    abar, steps = schedule.alpha_bar, schedule.steps
    assert schedule.betas.shape == (steps,)
    assert abar.shape == schedule.signal.shape == schedule.noise.shape == schedule.snr.shape == (steps + 1,)
    assert abar[0] == schedule.signal[0] == 1
    assert schedule.noise[0] == 0
    assert 0 < abar[-1] < 0.01
    assert schedule.snr[-1] < 0.01
    for falling in (abar, schedule.snr, schedule.half_log_snr, -schedule.noise):
        assert (np.diff(falling) < 0).all()
    assert schedule.noise[1] < 0.2
    assert np.isinf(schedule.snr[0]) and schedule.snr[0] > 0
    assert np.isfinite(schedule.half_log_snr[1:]).all()


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_its_numbers_are_those_of_the_definition(schedule: NoiseSchedule) -> None:
    product = 1.0
    for t in range(1, schedule.steps + 1):
        product *= 1 - schedule.betas[t - 1]
        assert schedule.alpha_bar[t] == pytest.approx(product, rel=1e-10)
        assert schedule.noise[t] ** 2 == pytest.approx(1 - product, rel=1e-10)
        assert schedule.signal[t] ** 2 + schedule.noise[t] ** 2 == pytest.approx(1, rel=1e-14)
        assert schedule.snr[t] == pytest.approx(product / (1 - product), rel=1e-10)
        assert schedule.half_log_snr[t] == pytest.approx(0.5 * math.log(product / (1 - product)), abs=1e-9)


def test_the_linear_one_is_hos() -> None:
    betas = linear().betas
    assert (betas[0], betas[-1], len(betas)) == (1e-4, 0.02, 1000)
    assert np.allclose(np.diff(betas), (0.02 - 1e-4) / 999, rtol=1e-9)
    assert linear().alpha_bar[-1] == pytest.approx(4.036e-5, rel=1e-3)  # as in PyTorch and all that came from it


def test_the_cosine_one_is_nichol_and_dhariwals() -> None:
    found = cosine()
    t = np.arange(1001)
    f = np.cos((t / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2
    assert np.allclose(found.alpha_bar[:-1], (f / f[0])[:-1], rtol=1e-10)  # only the last beta is held
    assert found.betas[-1] == 0.999
    assert (found.betas[:-1] < 0.999).all()
    assert found.alpha_bar[500] == pytest.approx(0.4938, abs=1e-4)


def test_the_short_one_noises_as_the_linear_one_does() -> None:
    few, many = short(), linear()
    assert few.steps == 50
    assert few.betas[0] == pytest.approx(0.002) and few.betas[-1] == pytest.approx(0.4)
    at = np.arange(0, 51)
    assert np.abs(few.alpha_bar[at] - many.alpha_bar[20 * at]).max() < 0.03


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: linear(50), "noise schedule 'linear': alpha_bar must end between 0 and 0.01"),
        (lambda: linear(100_000), "noise schedule 'linear': alpha_bar must end between 0 and 0.01"),
        (lambda: linear(10, 0.5, 0.1), "linear noise: the last beta must be 0.5 or more and below 1"),
        (lambda: linear(10, 0.5, 1.0), "linear noise: the last beta must be 0.5 or more and below 1"),
        (lambda: linear(10, 0.0, 0.5), "linear noise: the first beta must be above 0 and below 1"),
        (lambda: linear(10, 0.5, math.nan), "linear noise: the last beta must be a finite number, 0.5 or more and below 1"),
        (lambda: cosine(0), "noise schedule: steps must be from 1 to 100,000"),
        (lambda: cosine(2.5), "noise schedule: steps must be a whole number from 1 to 100,000"),  # type: ignore[arg-type]
        (lambda: cosine(True), "noise schedule: steps must be a whole number from 1 to 100,000"),
        (lambda: cosine(10**12), "noise schedule: steps must be from 1 to 100,000"),
        (lambda: cosine(10, -0.1), "cosine noise: offset must be from 0 to 1"),
        (lambda: cosine(10, math.nan), "cosine noise: offset must be a finite number from 0 to 1"),
        (lambda: short(24), "24 steps would each bring too much of it"),
        (lambda: NoiseSchedule([0.5, math.nan]), "noise schedule: betas must lie between 0 and 1"),
        (lambda: NoiseSchedule([0.5, 1.0]), "noise schedule: betas must lie between 0 and 1"),
        (lambda: NoiseSchedule([]), "noise schedule: betas must be (T,) with T from 1 to 100,000"),
        (lambda: NoiseSchedule([[0.5]]), "noise schedule: betas must be (T,) with T from 1 to 100,000"),
        (lambda: by_name("sine"), "noise schedule 'sine' is unknown: did you mean 'cosine'? The choice: linear, cos"),
        (lambda: by_name("cosine", last=0.1), "the noise schedule cosine has no setting 'last': choose one of steps, offset"),
    ],
)
def test_absurd_settings_are_told_in_one_line(make: Any, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_schedule_has_its_name() -> None:
    for name in noise_schedules.SCHEDULES:
        assert by_name(name, steps=1200).name == name
