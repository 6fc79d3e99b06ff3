"""The step that is explained is the one that the training would take next."""

from __future__ import annotations

import numpy as np
import pytest

from byhand.errors import ModelError
from byhand.see import chosen_step
from byhand.see.chosen_step import explain_step
from byhand.training.recipes import RECIPES, Recipe
from byhand.training.run import begin, build, load_splits

WILD = Recipe(
    "wild",
    data="iris",
    hidden=(8,),
    dropout=0.3,
    optimizer="adam",
    lr=0.02,
    schedule="one_cycle",
    clip=0.1,
    epochs=3,
    batch_size=9,
)


@pytest.mark.parametrize("step", [0, 1, 14, 20])
def test_the_step_is_the_next_one_of_the_training(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(chosen_step.RECIPES, "wild", WILD)
    found = explain_step("wild", step=step)
    splits = load_splits(WILD)
    network = build(WILD, splits)
    training = begin(WILD, network, splits)
    for _ in range(step + 1):
        taken = next(training)
    assert [sample.index for sample in found.samples] == taken.indices.tolist()
    assert found.step.cost == pytest.approx(taken.cost, rel=1e-5)
    assert found.step.optimizer.learning_rate == taken.learning_rate
    for name, after in network.tensors().items():
        assert np.allclose(found.step.parameter(name, found.step.theta_after), after, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_augmented_images_are_those_of_the_training() -> None:
    splits = load_splits(RECIPES["mnist"])
    training = begin(RECIPES["mnist"], build(RECIPES["mnist"], splits), splits)
    assert explain_step("mnist").step.cost == pytest.approx(next(training).cost, rel=1e-5)


def test_a_chosen_sample_is_explained_alone() -> None:
    found = explain_step("iris", sample=7, weights=["2:1,3"])
    assert [sample.index for sample in found.samples] == [7]
    assert [str(chosen.weight) for chosen in found.weights] == ["2:1,3"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sample": 120}, "sample must be from 0 to 119, as the training data are numbered, got 120"),
        ({"sample": -1}, "sample must be from 0 to 119"),
        ({"step": -1}, "step must be from 0 to 1,199 in this training"),
        ({"step": 10**6}, "step must be from 0 to 1,199 in this training"),
    ],
)
def test_a_step_or_sample_that_there_is_not_is_refused(settings: dict[str, int], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        explain_step("iris", **settings)
