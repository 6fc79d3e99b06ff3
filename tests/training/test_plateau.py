"""A rate that falls where nothing improves, beside PyTorch's; a schedule of one's own; batches in parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn, optim
from byhand.data import load
from byhand.errors import ModelError
from byhand.training.history import Epoch, History
from byhand.training.plateau import ReduceLROnPlateau

IRIS = load("iris")


def training(**settings: Any) -> Any:
    net = nn.Network(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)), (4,), seed=1, dtype=np.float64)
    return byhand.steps(net, IRIS.train, **{"optimizer": optim.SGD(0.4), "epochs": 2, "batch_size": 25} | settings)


@pytest.mark.torch
@pytest.mark.parametrize(
    "settings",
    [{"patience": 2}, {"patience": 0, "factor": 0.5, "cooldown": 3}, {"patience": 1, "min_lr": 0.03, "threshold": 0.05}],
)
def test_the_rates_are_those_of_pytorch(settings: dict[str, Any], torch: Any) -> None:
    rng = np.random.default_rng(3)
    costs = np.concatenate([np.linspace(1, 0.5, 8), 0.5 + 0.02 * rng.standard_normal(40)])
    begun, callback = training(), ReduceLROnPlateau(**settings)
    other = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(other, **settings)
    callback.before(begun, History())
    for number, cost in enumerate(costs):
        callback.after_epoch(Epoch(number, number, 0.0, 9.0, float(cost), None, 0.4), begun)
        theirs.step(float(cost))
        assert begun.base_rate == pytest.approx(other.param_groups[0]["lr"], rel=1e-12), f"epoch {number}"
        if number == 20:  # it was written into a checkpoint, and goes on from there
            kept, callback = callback.state(), ReduceLROnPlateau(**settings)
            callback.restore(kept, begun)
    assert begun.base_rate < 0.4


def test_fit_takes_it_and_later_steps_are_smaller() -> None:
    begun = training(epochs=6)
    history = byhand.fit(begun.model, IRIS.train, training=begun, callbacks=[ReduceLROnPlateau(patience=0, threshold=0.9)])
    assert history.epochs[0].learning_rate == 0.4 and history.epochs[-1].learning_rate < 0.05


def test_a_schedule_may_be_a_function_of_ones_own() -> None:
    def halved(p: float) -> float:
        return 0.5 if p >= 0.5 else 1.0

    rates = [step.learning_rate for step in training(schedule=halved)]
    assert rates == [0.4] * (len(rates) // 2) + [0.2] * (len(rates) // 2)
    assert "halved schedule" in training(schedule=halved).fingerprint()


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        (lambda p: -1, "the schedule function <lambda> at 0 must be 0 or more, got -1"),
        (lambda p: "fast", "the schedule function <lambda> at 0 must be a number, 0 or more, got 'fast'"),
        (lambda: 1, "the schedule function <lambda> must be a function of the progress in [0, 1)"),
        ("cosin", "schedule 'cosin' is unknown: did you mean 'cosine'?"),
    ],
)
def test_a_schedule_that_is_none_is_told_in_one_line(schedule: Any, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        training(schedule=schedule)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("parts", [2, 3, 25, 100])
def test_a_batch_in_parts_makes_the_same_step(parts: int) -> None:
    whole, divided = training(), training(accumulate=parts)
    for one, other in zip(whole, divided, strict=True):
        assert other.cost == pytest.approx(one.cost, rel=1e-12)
        assert np.allclose(divided.model.gradient, whole.model.gradient, atol=1e-14)
    assert np.allclose(divided.model.parameters, whole.model.parameters, atol=1e-13)
    assert f"in {parts} parts" in divided.fingerprint() and "parts" not in whole.fingerprint()
