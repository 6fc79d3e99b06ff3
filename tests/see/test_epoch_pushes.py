"""The pushes of an epoch are those of its steps, and the steps are the very ones that were taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand import data
from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.see.epoch_pushes import finished_epoch, pushes_over
from byhand.see.microscope import Microscope
from byhand.see.number_terminal import epoch_of
from byhand.training.epoch_starts import EpochStarts
from byhand.training.recipes import RECIPES
from byhand.training.run import begin, build, run
from byhand.training.steps import Steps

from .test_microscope import few_digits


def training(name: str = "iris", **changes: Any) -> Steps:
    recipe = RECIPES[name].changed(**changes)
    splits = few_digits() if recipe.data == "mnist" else data.load(recipe.data)
    return begin(recipe, build(recipe, splits), splits)


@pytest.mark.parametrize(("letter", "at"), [("w", (1, 2)), ("b", (1,))])
def test_the_pushes_of_an_epoch_are_added_up_sample_by_sample(letter: str, at: tuple[int, ...]) -> None:
    one, two = training(), training()
    found = pushes_over(one, one.batches, f"{letter}2", at)
    by_hand = np.zeros(len(two.x))
    for _ in range(two.batches):
        net, indices = two.model, two.upcoming()
        assert isinstance(net, FeedForward)
        net.learn(two.x[indices], two.y[indices])
        trace = net.trace()
        by_hand[indices] -= trace.delta[0][:, 1] * (trace.a[0][:, 2] if letter == "w" else 1) / len(indices)
        next(two)
    assert found.values == pytest.approx(by_hand, rel=1e-6)
    assert (found.first, found.last) == (0, one.batches - 1)
    assert np.count_nonzero(found.values) == len(two.x)  # every sample, once
    assert np.array_equal(one.model.parameters, two.model.parameters)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes", "parameter", "at"),
    [
        ("mnist-cnn", {"batch_size": 20}, "2.weight", (1, 1, 3, 5)),
        ("mnist-cnn", {"batch_size": 20}, "16.bias", (3,)),
        ("mnist-vae", {"batch_size": 20}, "encoder.2.weight", (9, 5)),
        ("mnist-ae", {"batch_size": 20}, "decoder.1.bias", (3,)),
        (
            "mnist-diffusion",
            {"batch_size": 20, "model_options": {"channels": [8, 16], "embedding": 16, "heads": 2}},
            "down.0.conv1.weight",
            (1, 1, 3, 5),
        ),
    ],
)
def test_networks_of_modules_and_of_two_halves_too(
    name: str, changes: dict[str, Any], parameter: str, at: tuple[int, ...]
) -> None:
    one, two = training(name, **changes), training(name, **changes)
    splits = few_digits()
    found = pushes_over(one, 3, parameter, at)
    for _ in range(3):
        here = Microscope(two, splits.train)
        pushed = here.numbers.pushes(parameter, at)
        scale = float(np.abs(pushed).max())
        assert found.values[here.indices] == pytest.approx(pushed, abs=2e-3 * scale + 1e-12)
        next(two)
    assert np.array_equal(one.model.parameters, two.model.parameters)


@pytest.mark.parametrize("name", ["iris", "moons"])
def test_a_live_training_takes_its_last_epoch_again_with_the_same_bits_though_its_rate_was_changed(name: str) -> None:
    changes = {"dropout": 0.2} if name == "moons" else {}
    live, starts = training(name, **changes), EpochStarts()
    seen, parameters = [], {}
    for index in range(3 * live.batches + 2):
        if index in {live.batches + 1, 2 * live.batches - 1}:
            live.base_rate *= 0.5
            starts.rate_changed(live)
        starts.before_step(live)
        parameters[live.index] = live.model.parameters.copy()
        seen.append(next(live).cost)
    first, end = finished_epoch(live.index, live.batches)
    assert (first, end) == (2 * live.batches, 3 * live.batches)
    for start in (first, end):
        again = starts.again(start, lambda: training(name, **changes))
        while again.index < min(end + 2, start + live.batches):
            assert np.array_equal(again.model.parameters, parameters[again.index])
            assert next(again).cost == seen[again.index - 1]
    assert sorted(starts.states) == [first, end]
    with pytest.raises(ModelError, match="not kept any more"):
        starts.again(0, training)


def test_the_rate_that_was_changed_in_the_midst_of_an_epoch_is_changed_there_again() -> None:
    live, starts = training(), EpochStarts()
    for index in range(live.batches):
        if index == 2:
            live.base_rate = 0.01
            starts.rate_changed(live)
        starts.before_step(live)
        next(live)
    again = starts.again(0, training)
    while again.index < live.batches:
        next(again)
    assert np.array_equal(again.model.parameters, live.model.parameters)
    assert not np.array_equal(run_through(training(), live.batches).model.parameters, live.model.parameters)


def run_through(found: Steps, steps: int) -> Steps:
    while found.index < steps:
        next(found)
    return found


def test_a_recorded_run_is_asked_for_the_epoch_before_a_step(tmp_path: Any) -> None:
    done = run(RECIPES["iris"].changed(epochs=4), tmp_path / "run", record=True)
    batches = training(epochs=4).batches
    found = epoch_of(str(done.folder), "2:1,2", step=2 * batches + 3)
    wanted = training(epochs=4)
    run_through(wanted, batches)
    assert found.found.values == pytest.approx(pushes_over(wanted, 2 * batches, "w2", (1, 2)).values, rel=1e-12)
    assert (found.found.first, found.found.last) == (batches, 2 * batches - 1)
    figures = found.figures()
    assert figures["weight"] == "w2[1, 2]" and figures["samples"] == len(wanted.x)
    assert figures["up"][0]["value"] == pytest.approx(found.found.values.max())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameter", "at", "said"),
    [
        ("iris", "w9", (0, 0), "w9 is not a parameter"),
        ("iris", "w2", (9, 9), "w2 has no number [9, 9]"),
        ("iris", "z2", (0, 0), "z2 is not a parameter"),
        ("mnist-cnn", "nothing", (0,), "nothing is not a parameter"),
        ("mnist-cnn", "1.weight", (0,), "known of one step only"),
        ("mnist-vae", "encoder.9.weight", (0, 0), "encoder.9.weight is not a parameter"),
        ("mnist-vae", "mu", (0, 0), "choose one, as encoder.0.weight"),
        ("mnist-vae", "encoder.0.weight", (0, 784), "encoder.0.weight has no number [0, 784]"),
    ],
)
def test_a_weight_that_there_is_not_is_refused_in_one_line(name: str, parameter: str, at: tuple[int, ...], said: str) -> None:
    with pytest.raises(ModelError) as refused:
        pushes_over(training(name, batch_size=20), 1, parameter, at)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_an_epoch_that_takes_too_long_is_refused_before_it_is_gone_through() -> None:
    found = training("moons")
    with pytest.raises(ModelError, match=r"going through the 320 steps .* would take about .* at most 1e-05 seconds"):
        pushes_over(found, 320, "w2", (0, 0), longest=1e-5)
    assert found.index < 10


def test_before_the_first_step_there_is_no_epoch() -> None:
    with pytest.raises(ModelError, match="no step has been taken yet"):
        finished_epoch(0, 10)
