"""A run into a folder: what it leaves, that it goes on to the same bits, and where it refuses to go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import byhand
from byhand.errors import ByhandError, TrainingError
from byhand.training.fit import Callback
from byhand.training.recipes import RECIPES
from byhand.training.run import run

SHORT = replace(RECIPES["iris"], epochs=4)


class PowerCut(Exception):
    """What ends a run in the middle of an epoch here."""


class Cutting(Callback):
    def __init__(self, at: int) -> None:
        self.at = at

    def after_step(self, step: Any) -> None:
        if step.index == self.at:
            raise PowerCut


def test_a_run_leaves_a_model_that_is_worth_what_it_says(tmp_path: Path) -> None:
    finished = run(SHORT, tmp_path / "run")
    read = byhand.load(tmp_path / "run" / "model.safetensors")
    test = byhand.data.load("iris").test
    assert read.network.parameters.tobytes() == finished.model.network.parameters.tobytes()
    assert read.network.evaluate(test.flat, test.targets())[1] == pytest.approx(read.metrics["test_accuracy"])
    assert read.metrics["test_accuracy"] == finished.evaluation.accuracy
    assert (read.recipe, read.class_names) == ("iris", test.class_names)
    assert len(finished.history.epochs) == 4


def test_a_run_cut_off_goes_on_to_the_bits_of_the_whole_one(tmp_path: Path) -> None:
    whole = run(SHORT, tmp_path / "whole")
    with pytest.raises(PowerCut):
        run(SHORT, tmp_path / "cut", callbacks=[Cutting(whole.history.epochs[1].step + 2)])
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    resumed = run(SHORT, tmp_path / "cut", resume=True)
    assert resumed.model.network.parameters.tobytes() == whole.model.network.parameters.tobytes()
    assert [epoch.cost for epoch in resumed.history.epochs] == [epoch.cost for epoch in whole.history.epochs]


def test_resuming_a_finished_run_or_one_that_never_began_ends_the_same(tmp_path: Path) -> None:
    whole = run(SHORT, tmp_path / "run")
    for folder in ("run", "new"):
        again = run(SHORT, tmp_path / folder, resume=True)
        assert again.model.network.parameters.tobytes() == whole.model.network.parameters.tobytes()
        assert len(again.history.epochs) == 4


def test_resuming_with_another_recipe_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    run(SHORT, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(TrainingError, match="holds a run with another epochs, seed"):
        run(replace(SHORT, epochs=5, seed=SHORT.seed + 1), tmp_path, resume=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_run_into_a_place_that_cannot_be_written_is_refused_before_it_trains(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for place in (tmp_path / "file", tmp_path / "file" / "run", Path("/proc/run")):
        with pytest.raises(ByhandError, match=r"cannot write .*; nothing was changed") as caught:
            run(SHORT, place, callbacks=[Cutting(0)])
        assert "\n" not in str(caught.value)


def test_a_run_that_explodes_keeps_its_folder_without_a_model(tmp_path: Path) -> None:
    wild = replace(SHORT, activation="relu", output="identity", lr=1e6)
    with pytest.raises(TrainingError, match="the training exploded at step"):
        run(wild, tmp_path)
    assert not (tmp_path / "model.safetensors").exists()
