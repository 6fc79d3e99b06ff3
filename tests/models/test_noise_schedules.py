"""Noise schedules: against the papers' formulas, and what they must not be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from byhand.errors import ModelError
from byhand.models import noise_schedules
from byhand.models.noise_schedules import NoiseSchedule, cosine, linear, named, short

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
        (lambda: linear(50), "alpha_bar ends at 0.603 after 50 steps, but it ends between 0 and 0.01: choose larger betas"),
        (lambda: linear(100_000), "alpha_bar ends at 0 after 100000 steps, but it ends between 0 and 0.01: choose smaller betas"),
        (lambda: linear(10, 0.5, 0.1), "betas go from 0.5 to 0.1, but they rise, between 0 and 1"),
        (lambda: linear(10, 0.5, 1.0), "betas go from 0.5 to 1.0"),
        (lambda: linear(10, 0.0, 0.5), "betas go from 0.0 to 0.5"),
        (lambda: linear(10, 0.5, math.nan), "betas go from 0.5 to nan"),
        (lambda: cosine(0), "steps is 0, but it is a whole number from 1 to 100,000"),
        (lambda: cosine(2.5), "steps is 2.5"),  # type: ignore[arg-type]
        (lambda: cosine(True), "steps is True"),
        (lambda: cosine(10**12), "steps is 1000000000000"),
        (lambda: cosine(10, -0.1), "offset is -0.1, but it is a small number from 0 to 1"),
        (lambda: cosine(10, math.nan), "offset is nan"),
        (lambda: short(24), "24 steps would each bring too much of it"),
        (lambda: NoiseSchedule([0.5, math.nan]), "betas run from nan to nan, but each lies between 0 and 1"),
        (lambda: NoiseSchedule([0.5, 1.0]), "betas run from 0.5 to 1, but each lies between 0 and 1"),
        (lambda: NoiseSchedule([]), "betas are (0,), but they are (T,)"),
        (lambda: NoiseSchedule([[0.5]]), "betas are (1, 1), but they are (T,)"),
        (lambda: named("sine"), "noise schedule 'sine' is unknown: choose one of linear, cosine, short"),
        (lambda: named("cosine", last=0.1), "noise schedule 'cosine' does not take {'last': 0.1}"),
    ],
)
def test_absurd_settings_are_told_in_one_line(make: Any, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_schedule_has_its_name() -> None:
    for name in noise_schedules.SCHEDULES:
        assert named(name, steps=1200).name == name
