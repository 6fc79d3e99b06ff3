"""Learning-rate schedules at their corners."""

from __future__ import annotations

import pytest

from byhand import schedules
from byhand.errors import ModelError


@pytest.mark.parametrize(
    ("name", "at", "factor"),
    [
        ("constant", 0.0, 1.0),
        ("constant", 0.999, 1.0),
        ("linear", 0.0, 1.0),
        ("linear", 0.75, 0.25),
        ("cosine", 0.0, 1.0),
        ("cosine", 0.5, 0.5),
        ("cosine", 1 / 3, 0.75),
        ("step", 0.49, 1.0),
        ("step", 0.5, 0.1),
        ("step", 0.75, 0.01),
        ("one_cycle", 0.0, 0.04),
        ("one_cycle", 0.05, 0.52),
        ("one_cycle", 0.1, 1.0),
        ("one_cycle", 0.55, 0.5),
    ],
)
def test_the_factor_at_a_point_of_the_training(name: str, at: float, factor: float) -> None:
    assert schedules.by_name(name)(at) == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize("name", schedules.SCHEDULES)
def test_the_factor_stays_positive_and_at_most_one_to_the_last_step(name: str) -> None:
    factors = [schedules.by_name(name)(i / 1000) for i in range(1000)]
    assert min(factors) > 0 and max(factors) <= 1
    assert factors[0] in {1.0, 0.04}


def test_one_cycle_rises_and_then_falls() -> None:
    factors = [schedules.one_cycle(i / 200) for i in range(200)]
    top = factors.index(max(factors))
    assert top == 20
    assert factors[: top + 1] == sorted(factors[: top + 1])
    assert factors[top:] == sorted(factors[top:], reverse=True)


def test_an_unknown_schedule_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match="schedule 'warm' is unknown: choose one of constant, linear, cosine, step, one_cycle"):
        schedules.by_name("warm")
