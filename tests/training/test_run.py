"""A run into a folder: what it leaves, that it goes on to the same bits, and where it refuses to go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

import byhand
from byhand.errors import ByhandError, ModelError, TrainingError
from byhand.training.recipes import RECIPES
from byhand.training.replay import open_recording
from byhand.training.run import continued, load_splits, read_recipe, run

from .cutting import Cutting, PowerCut

SHORT = replace(RECIPES["iris"], epochs=4)


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
    with pytest.raises(TrainingError, match="holds a run with another seed"):
        run(replace(SHORT, epochs=5, seed=SHORT.seed + 1), tmp_path, resume=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


# ---------------------------------------------------------------- the best epoch, and another length


def bits(folder: Path) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in load_file(folder / "model.safetensors").items()}


@pytest.mark.parametrize("settings", [{"keep_best": True}, {"patience": 2}, {"patience": 1, "lr": 60.0, "epochs": 9}], ids=str)
def test_a_run_keeps_its_best_epoch_measured_on_samples_that_it_does_not_train_on(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    recipe = SHORT.changed(**{"epochs": 6, "lr": 20.0, **settings})
    splits = load_splits(recipe)
    assert splits.validation is not None
    assert (len(splits.train), len(splits.validation)) == (96, 24)
    assert "24 of the 120 training samples, which are held out" in splits.note
    rows = {row.tobytes() for row in splits.train.flat} & {row.tobytes() for row in splits.validation.flat}
    assert len(rows) <= 1  # Iris has a flower twice
    done = run(recipe, tmp_path)
    found = [epoch.validation_cost for epoch in done.history.epochs]
    assert done.kept is not None and done.kept.validation_cost == min(found)
    read = byhand.load(tmp_path / "model.safetensors").network
    assert read.evaluate(splits.validation.flat, splits.validation.targets())[0] == min(found)
    again = run(recipe, tmp_path, resume=True)
    assert again.kept == done.kept and len(again.history.epochs) == len(found)


def test_a_run_without_its_best_epoch_is_as_it_was(tmp_path: Path) -> None:
    assert run(SHORT, tmp_path).kept is None
    assert len(load_splits(SHORT).train) == 120


def test_data_with_validation_samples_of_their_own_are_validated_on_them() -> None:
    splits = load_splits(RECIPES["moons"].changed(keep_best=True))
    assert (len(splits.train), len(splits.validation or ())) == (len(load_splits(RECIPES["moons"]).train), 1_000)
    assert splits.note.endswith("the lowest cost on 1,000 validation samples")


def test_a_run_with_patience_that_is_cut_off_goes_on_to_the_bits_of_the_whole_one(tmp_path: Path) -> None:
    recipe = SHORT.changed(epochs=8, patience=3, lr=30.0)
    whole = run(recipe, tmp_path / "whole")
    with pytest.raises(PowerCut):
        run(recipe, tmp_path / "cut", callbacks=[Cutting(whole.history.epochs[-2].step + 1)])
    resumed = run(recipe, tmp_path / "cut", resume=True)
    assert bits(tmp_path / "cut") == bits(tmp_path / "whole")
    assert resumed.kept is not None and whole.kept is not None
    assert (resumed.kept.epoch, resumed.kept.cost) == (whole.kept.epoch, whole.kept.cost)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"optimizer": "adam", "lr": 0.02}, {"patience": 3, "lr": 0.3}], ids=str)
def test_a_finished_run_is_prolonged_with_its_optimiser(settings: dict[str, Any], tmp_path: Path) -> None:
    recipe = SHORT.changed(**settings)
    whole = run(recipe.changed(epochs=7), tmp_path / "whole", record=True)
    run(recipe, tmp_path / "parts", record=True)
    done = run(recipe.changed(epochs=7), tmp_path / "parts", resume=True)
    assert bits(tmp_path / "parts") == bits(tmp_path / "whole")
    assert [epoch.cost for epoch in done.history.epochs] == [epoch.cost for epoch in whole.history.epochs]
    assert read_recipe(tmp_path / "parts") == recipe.changed(epochs=7)
    one, other = (open_recording(tmp_path / name) for name in ("whole", "parts"))
    assert one.costs.tobytes() == other.costs.tobytes()
    assert other.at(other.recorded - 3).model.parameters.tobytes() == one.at(one.recorded - 3).model.parameters.tobytes()
    with pytest.raises(TrainingError, match="epochs must be 7 or more, got 5: so many are begun already"):
        run(recipe.changed(epochs=5), tmp_path / "parts", resume=True)


def test_prolonging_a_run_under_a_schedule_records_it_from_there(tmp_path: Path) -> None:
    recipe = SHORT.changed(schedule="cosine")
    before = run(recipe, tmp_path, record=True)
    longer, said = continued(recipe.changed(epochs=6), tmp_path, {"epochs"})
    assert said == (
        "the run of 4 epochs goes on to 6; its cosine schedule is stretched to the new end, so the learning rate jumps, and its "
        "recording begins anew from there"
    )
    done = run(longer, tmp_path, resume=True)
    assert [epoch.cost for epoch in done.history.epochs[:4]] == [epoch.cost for epoch in before.history.epochs]
    assert done.history.epochs[4].learning_rate > before.history.epochs[3].learning_rate
    replay = open_recording(tmp_path)
    assert replay.snapshots[0] == before.history.epochs[-1].step
    assert replay.at(replay.recorded).model.parameters.tobytes() == done.model.network.parameters.tobytes()
    with pytest.raises(ModelError, match="step must be 48 or more, where the recording begins, got 47"):
        replay.at(47)


def test_how_long_a_run_is_its_folder_says_unless_it_is_asked_for(tmp_path: Path) -> None:
    run(SHORT.changed(patience=2), tmp_path)
    assert continued(RECIPES["iris"], tmp_path, {}) == (SHORT.changed(patience=2), "")
    assert continued(RECIPES["iris"].changed(epochs=9), tmp_path, {"epochs"}) == (
        SHORT.changed(patience=2, epochs=9),
        "the run of 4 epochs goes on to 9",
    )
    assert continued(SHORT, tmp_path / "none", {}) == (SHORT, "")


def test_a_run_into_a_place_that_cannot_be_written_is_refused_before_it_trains(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    unwritable = r"cannot write .*; nothing was changed"
    told = {tmp_path / "file": "is a file: choose a folder", tmp_path / "file" / "run": unwritable, Path("/proc/run"): unwritable}
    for place, words in told.items():
        with pytest.raises(ByhandError, match=words) as caught:
            run(SHORT, place, callbacks=[Cutting(0)])
        assert "\n" not in str(caught.value)


def test_a_run_that_explodes_keeps_its_folder_without_a_model(tmp_path: Path) -> None:
    wild = replace(SHORT, activation="relu", output="identity", lr=1e6)
    with pytest.raises(TrainingError, match="the training exploded at step"):
        run(wild, tmp_path)
    assert not (tmp_path / "model.safetensors").exists()
