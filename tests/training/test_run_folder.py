"""A run's folder: what is in it is lost to nobody unasked, and a new training never stands beside an old one's files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from byhand.draw.curves import draw_curves
from byhand.errors import ByhandError, TrainingError
from byhand.files import write_atomically
from byhand.lock import NAME
from byhand.modelfile import load_model
from byhand.tensorfile import read_strings
from byhand.training import run_folder as rules
from byhand.training.fit import Callback
from byhand.training.recipes import RECIPES
from byhand.training.recording_files import computed_here, has_recording
from byhand.training.run import read_recipe, run

from .cutting import Cutting, PowerCut

SHORT = replace(RECIPES["iris"], epochs=3)
OTHER = replace(SHORT, lr=0.5)


def cut_off(folder: Path, recipe: Any = SHORT, at: int = 20, **settings: Any) -> None:
    with pytest.raises(PowerCut):
        run(recipe, folder, callbacks=[Cutting(at)], **settings)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(recipe: Any, folder: Path, **settings: Any) -> str:
    before = content(folder)
    with pytest.raises(TrainingError) as caught:
        run(recipe, folder, **settings)
    assert content(folder) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---------------------------------------------------------------- what would be lost


def test_an_unfinished_training_is_not_begun_anew_unasked(tmp_path: Path) -> None:
    cut_off(tmp_path)
    for recipe in (SHORT, OTHER, RECIPES["moons"]):
        said = refused(recipe, tmp_path)
        assert "holds an unfinished training that has taken 12 steps" in said
        assert "--resume" in said and "--overwrite" in said and "--out" in said
    assert "with another lr" in refused(OTHER, tmp_path) and "of 'iris'" in refused(RECIPES["moons"], tmp_path)


def test_another_recipes_finished_model_is_not_replaced_unasked(tmp_path: Path) -> None:
    run(SHORT, tmp_path)
    for recipe in (OTHER, RECIPES["moons"]):
        said = refused(recipe, tmp_path)
        assert "holds a finished training" in said and "--resume" in said and "--overwrite" in said


def test_a_training_that_is_finished_is_not_computed_again(tmp_path: Path) -> None:
    first, said = run(SHORT, tmp_path), []
    again = run(SHORT, tmp_path, callbacks=[Cutting(0)], tell=said.append)
    assert again.model.network.parameters.tobytes() == first.model.network.parameters.tobytes()
    assert len(again.history.epochs) == 3
    assert len(said) == 1 and "finished: nothing is computed again; --overwrite trains it anew" in said[0]
    renamed = replace(SHORT, about="told in other words", reports="99 %")
    run(renamed, tmp_path, callbacks=[Cutting(0)], tell=said.append)  # the same training all the same


def test_a_finished_training_does_not_get_a_recording_that_it_never_had(tmp_path: Path) -> None:
    run(SHORT, tmp_path)
    said = refused(SHORT, tmp_path, record=True)
    assert "finished training without a recording" in said and "--overwrite" in said
    run(SHORT, tmp_path, record=True, overwrite=True)
    assert has_recording(tmp_path)
    run(SHORT, tmp_path, record=True, callbacks=[Cutting(0)])


def test_a_model_without_its_checkpoint_or_its_recipe_is_kept(tmp_path: Path) -> None:
    run(SHORT, tmp_path)
    (tmp_path / "recipe.toml").unlink()
    said = refused(SHORT, tmp_path)
    assert "holds model.safetensors, but no recipe.toml" in said and "--overwrite" in said
    run(SHORT, tmp_path, overwrite=True)
    (tmp_path / "checkpoint.safetensors").unlink()
    for resume in (False, True):
        assert "finished model without its checkpoint" in refused(SHORT, tmp_path, resume=resume)


def test_a_folder_with_other_peoples_files_or_a_run_that_never_got_anywhere_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    cut_off(tmp_path, OTHER, at=3)
    assert sorted(content(tmp_path)) == ["notes.txt", "recipe.toml"]
    run(SHORT, tmp_path)
    assert read_recipe(tmp_path) == SHORT
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_resuming_and_overwriting_at_once_is_refused(tmp_path: Path) -> None:
    run(SHORT, tmp_path)
    assert "give one of them" in refused(SHORT, tmp_path, resume=True, overwrite=True)


# ---------------------------------------------------------------- overwriting


class Looking(Callback):
    """Remembers what is in the folder when the first step is taken."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.found = folder, set[str]()

    def after_step(self, step: Any) -> None:
        if step.index == 0:
            self.found = set(content(self.folder))


def test_a_new_training_never_stands_beside_the_old_ones_files(tmp_path: Path) -> None:
    run(SHORT, tmp_path, record=True)
    for name in (*rules.PICTURES, "samples/epoch-001.png", "notes.txt"):
        write_atomically(tmp_path / name, b"old")
    looking = Looking(tmp_path)
    run(OTHER, tmp_path, overwrite=True, callbacks=[looking])
    assert looking.found == {NAME, "recipe.toml", "notes.txt"}
    assert set(content(tmp_path)) == {
        "recipe.toml", "notes.txt", "checkpoint.safetensors", "model.safetensors", "history.jsonl",
    }  # fmt: skip
    assert read_recipe(tmp_path) == OTHER


@pytest.mark.parametrize(
    "settings",
    [
        {"record": 0.0001},
        {"device": "moon"},
        {"recipe": replace(OTHER, data="nowhere.csv")},
        {"recipe": replace(OTHER, start_from="nowhere.safetensors")},
    ],
    ids=str,
)
def test_a_training_that_cannot_begin_removes_nothing(settings: dict[str, Any], tmp_path: Path) -> None:
    run(SHORT, tmp_path, record=True)
    before = content(tmp_path)
    with pytest.raises(ByhandError):
        run(settings.pop("recipe", OTHER), tmp_path, overwrite=True, **settings)
    assert content(tmp_path) == before


def test_a_full_disk_at_the_beginning_removes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(SHORT, tmp_path)
    before = content(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ByhandError, match=r"cannot write .*recipe.toml: No space left on device; nothing was changed"):
        run(OTHER, tmp_path, overwrite=True)
    assert content(tmp_path) == before


@pytest.mark.slow
def test_a_kill_at_any_moment_of_overwriting_leaves_nothing_that_is_taken_for_the_new_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removals = 0
    real: Callable[..., None] = Path.unlink

    def dying(path: Path, missing_ok: bool = False) -> None:
        nonlocal removals
        removals += path.exists()
        if removals == at and path.exists():
            raise PowerCut
        real(path, missing_ok=missing_ok)

    for at in range(1, 5):  # model, curves, checkpoint, history
        removals, folder = 0, tmp_path / str(at)
        run(SHORT, folder)
        write_atomically(folder / "curves.png", b"old")
        monkeypatch.setattr(Path, "unlink", dying)
        with pytest.raises(PowerCut):
            run(OTHER, folder, overwrite=True)
        monkeypatch.undo()
        assert read_recipe(folder) == SHORT  # what is left says what it is of
        assert at == 1 or not (folder / "model.safetensors").exists()
        run(OTHER, folder, overwrite=True)
        assert load_model(folder / "model.safetensors").recipe == "iris" and read_recipe(folder) == OTHER


def test_a_training_started_from_a_model_that_is_gone_can_be_resumed(tmp_path: Path) -> None:
    run(SHORT, tmp_path / "first")
    second = replace(OTHER, start_from=str(tmp_path / "first"))
    whole = run(second, tmp_path / "whole")
    cut_off(tmp_path / "cut", second)
    (tmp_path / "first" / "model.safetensors").unlink()
    again = run(second, tmp_path / "cut", resume=True)
    assert again.model.network.parameters.tobytes() == whole.model.network.parameters.tobytes()


@pytest.mark.slow
def test_a_training_whose_history_is_damaged_goes_on_without_it_and_says_so(tmp_path: Path) -> None:
    whole, said = run(SHORT, tmp_path / "whole"), list[str]()
    cut_off(tmp_path / "cut", at=30)
    (tmp_path / "cut" / "history.jsonl").write_text('{"epoch": 0')
    again = run(SHORT, tmp_path / "cut", resume=True, tell=said.append)
    assert again.model.network.parameters.tobytes() == whole.model.network.parameters.tobytes()
    assert [epoch.epoch for epoch in again.history.epochs] == [2]
    assert len(said) == 1 and "resumes with 0 rows of its history; the others are lost" in said[0]
    (tmp_path / "whole" / "history.jsonl").write_text("")
    run(SHORT, tmp_path / "whole", resume=True, finish=lambda done: draw_curves(done.history, None, "", tmp_path / "c.png"))


# ---------------------------------------------------------------- locks, leftovers, threads


class Intruding(Callback):
    """Starts another training in the same folder, in the middle of this one."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.settings, self.said = folder, settings, ""

    def after_step(self, step: Any) -> None:
        if step.index == 20:
            with pytest.raises(ByhandError) as caught:
                run(OTHER, self.folder, **self.settings)
            self.said = str(caught.value)


@pytest.mark.parametrize("settings", [{}, {"resume": True}, {"overwrite": True}], ids=str)
def test_two_trainings_in_one_folder_do_not_mix(settings: dict[str, Any], tmp_path: Path) -> None:
    whole, intruding = run(SHORT, tmp_path / "alone"), Intruding(tmp_path / "run", **settings)
    both = run(SHORT, tmp_path / "run", callbacks=[intruding])
    assert f"is in use, process {os.getpid()}" in intruding.said
    assert both.model.network.parameters.tobytes() == whole.model.network.parameters.tobytes()
    assert set(content(tmp_path / "run")) == set(content(tmp_path / "alone"))


def test_the_folder_is_still_ours_while_the_curves_are_drawn(tmp_path: Path) -> None:
    seen = []
    run(SHORT, tmp_path, finish=lambda done: seen.append((tmp_path / NAME).exists()))
    assert seen == [True]
    assert not (tmp_path / NAME).exists()


def test_what_killed_writes_left_is_cleared_away_at_the_next_start(tmp_path: Path) -> None:
    run(SHORT, tmp_path, record=True)
    names = set(content(tmp_path))
    for name in ("model.safetensors", "curves.png", "recording/costs.f32", "samples/epoch-002.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.with_name(f".{path.name}.abc12345.part").write_bytes(b"half")
    run(SHORT, tmp_path, resume=True)
    assert set(content(tmp_path)) == names


def test_resuming_with_another_number_of_threads_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_off(tmp_path)
    said: list[str] = []
    monkeypatch.setattr(
        "byhand.training.checkpoint.computed_here", lambda: "NumPy 9.9 on openblas 1.2 (Zen, 64 threads), byhand on 2 threads"
    )
    run(SHORT, tmp_path, resume=True, tell=said.append)
    assert len(said) == 1 and "\n" not in said[0]
    assert (
        "this training began with NumPy" in said[0] and "(Zen, 64 threads)" in said[0] and "may differ in their last" in said[0]
    )
    said.clear()
    run(SHORT, tmp_path, resume=True, tell=said.append)
    assert len(said) == 1 and "nothing is computed again" in said[0]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lines"), [("iris", 0), ("moons-diffusion", 1)])
def test_byhands_own_threads_count_only_where_they_compute(
    name: str, lines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(RECIPES[name], epochs=2, **({} if name == "iris" else {"data_options": {"n": 400, "noise": 0.05}}))
    steps, said = [], list[str]()
    monkeypatch.setattr("byhand.training.checkpoint.computed_here", lambda: "BLAS, byhand on 2 threads")
    run(recipe, tmp_path / "whole", finish=lambda done: steps.append(done.history.epochs[0].step))
    cut_off(tmp_path / "cut", recipe, at=steps[0])
    monkeypatch.setattr("byhand.training.checkpoint.computed_here", lambda: "BLAS, byhand on 8 threads")
    run(recipe, tmp_path / "cut", resume=True, tell=said.append)
    assert len(said) == lines


def test_the_checkpoint_keeps_by_what_it_was_computed(tmp_path: Path) -> None:
    cut_off(tmp_path)
    assert read_strings(tmp_path / "checkpoint.safetensors")["computed"] == computed_here()
    assert "threads" in computed_here()


def test_of_a_history_with_a_torn_end_the_whole_rows_are_kept(tmp_path: Path) -> None:
    whole, said = run(SHORT, tmp_path / "whole"), list[str]()
    cut_off(tmp_path / "cut", at=30)
    path = tmp_path / "cut" / "history.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    again = run(SHORT, tmp_path / "cut", resume=True, tell=said.append)
    assert [epoch.epoch for epoch in again.history.epochs] == [0, 2]
    assert again.history.epochs[0].cost == whole.history.epochs[0].cost
    assert len(said) == 1 and "resumes with 1 rows of its history" in said[0] and "line 2" in said[0]
