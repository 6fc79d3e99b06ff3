"""The training process: it goes on, whatever a command or the drawing of its numbers raises."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byhand.errors import ByhandError
from byhand.training.recipes import RECIPES, recipe
from byhand.web.encoding import as_json, histogram, levels_of
from byhand.web.train_process import Commands, Session, Worker
from byhand.web.train_settings import SHAPES, as_settings, chosen, fitting, is_watched, offered
from byhand.web.upload_check import inspected


class Page:
    """A worker, with what it tells."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.worker = Worker(lambda message: self.told.append(json.loads(as_json(message))))
        self.starts = 0

    def start(self, name: str, far: str | None = "step", **changes: Any) -> None:
        settings = as_settings(recipe(name))
        fields = {field: getattr(recipe(name), field) for field in recipe(name).__dataclass_fields__} | changes
        self.starts += 1
        self.worker.obey({"do": "start", "recipe": fields, "settings": settings, "far": far, "start": self.starts})

    def train(self, bursts: int = 1) -> None:
        for _ in range(bursts):
            assert self.worker.session
            self.worker.train(self.worker.session)

    def take(self) -> list[dict[str, Any]]:
        told, self.told = self.told, []
        return told

    def problems(self) -> list[str]:
        return [message["problem"] for message in self.take() if "problem" in message]


@pytest.fixture
def page() -> Page:
    found = Page()
    found.start("moons", epochs=10_000)
    found.take()
    return found


def broken(*_: Any, **__: Any) -> Any:
    raise ValueError("too many values\nto draw")


@pytest.mark.slow
@pytest.mark.parametrize("part", ["layers", "weights", "signs", "plane", "validation", "check", "epochs", "moment"])
def test_whatever_cannot_be_drawn_is_told_once_and_the_training_goes_on(page: Page, part: str) -> None:
    session: Any = page.worker.session
    if part == "check":
        session.check.measure = broken
    elif part == "epochs":
        session.epochs.before_step = broken
    elif part == "moment":
        session.moment = broken
    else:
        session.parts[part].measure = broken
    for _ in range(4):
        page.worker.obey({"do": "go"})
        page.train(2)
        page.worker.obey({"do": "pause"})
    told = page.problems()
    assert len(told) == 1 and told[0].startswith("The training goes on") and "too many values to draw" in told[0]
    assert session.state == "paused" and session.training.index > 10


@pytest.mark.parametrize("error", [ValueError("odd"), MemoryError(), IndexError(3)])
def test_a_step_that_cannot_be_taken_pauses_the_training(page: Page, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    session: Any = page.worker.session

    def fails(_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(type(session.training), "__next__", fails)
        page.worker.obey({"do": "go"})
        page.train()
        assert session.state == "paused" and len(page.problems()) == 1
    before = session.training.index
    page.worker.obey({"do": "go"})
    page.train()
    assert session.training.index > before


def test_a_start_that_cannot_be_leaves_the_training_that_is_under_way(page: Page, tmp_path: Path) -> None:
    session: Any = page.worker.session
    (tmp_path / "damaged.npz").write_bytes(b"PK damaged")
    for name, changes in (
        ("moons", {"data": str(tmp_path / "damaged.npz")}),
        ("moons", {"data": str(tmp_path / "absent.csv")}),
        ("moons-diffusion", {"data": "iris"}),
        ("mnist-cnn", {"data": "iris", "data_options": {}}),
        ("moons", {"hidden": (20_000, 20_000)}),
        ("moons", {"activation": "nonsense"}),
        ("moons", {"nonsense": 3}),
    ):
        page.start(name, **changes)
        told = page.take()
        assert [message["start"] for message in told if "problem" in message] == [page.starts]
        assert [message["start"] for message in told if "begun" in message] == [1] and told[0]["kept"]
        assert page.worker.session is session
    for command in ({"do": "dance"}, {"do": "rate"}, {"do": "look", "id": 3}, {"do": "microscope", "ask": "number", "id": 4}):
        page.worker.obey(command)
    problems = page.problems()
    assert len(problems) == 4 and all("\n" not in problem for problem in problems)
    page.worker.obey({"do": "go"})
    page.train()
    assert page.worker.session is session and session.state == "running"


@pytest.mark.slow
def test_a_game_in_the_plane_tells_what_is_made_and_how_real_each_place_looks() -> None:
    session = Session(recipe("moons-gan"))
    session.go(2)
    while session.state == "running":
        session.burst()
    drawn = session.moment(whole=True)["drawn"]
    assert session.faults == {} and len(drawn["points"]) == 300 and drawn["steps"] == 1
    assert len(base64.b64decode(drawn["field"]["real"])) == drawn["field"]["side"] ** 2
    assert session.describe()["points"]


def test_the_last_start_wins_and_questions_keep_their_answers() -> None:
    commands, look = Commands(), {"do": "look", "id": 7}
    for command in ({"do": "start", "start": 1}, {"do": "go"}, look, {"do": "start", "start": 2}, {"do": "pause"}):
        commands.put(command)
    assert [commands.get(0) for _ in range(4)] == [look, {"do": "start", "start": 2}, {"do": "pause"}, None]


# ---------------------------------------------------------------- pairs of recipe and data


@pytest.mark.slow
@pytest.mark.parametrize("data", ["moons", "iris"])
def test_a_pair_that_is_offered_can_take_a_step_and_another_is_refused_in_a_line(data: str) -> None:
    for name in (name for name, one in RECIPES.items() if is_watched(one)):
        settings = {"recipe": name, "data": data, "batch_size": 16}
        if name in offered()["data"][data]:
            session = Session(chosen(settings))
            session.go(1)
            session.burst()
            with np.errstate(all="ignore"):
                json.loads(as_json(session.moment(whole=True)))
            assert session.faults == {} and session.training.index == 1
        else:
            with pytest.raises(ByhandError, match=rf"{name} trains on .*, but {data} has samples of") as refused:
                chosen(settings)
            assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_the_shapes_that_pairs_are_judged_by_are_those_of_the_data() -> None:
    from byhand import data

    assert offered()["data"].keys() <= SHAPES.keys()
    for name in ("mnist", "moons", "iris"):
        assert data.load(name).train.inputs.shape[1:] == SHAPES[name]


@pytest.mark.slow
def test_odd_data_of_ones_own_end_no_training(tmp_path: Path) -> None:
    page, path = Page(), tmp_path / "own.npz"
    for inputs in (np.ones((20, 1)), np.zeros((20, 2)), np.full((20, 2), 1e30), np.ones((20, 3, 3, 1))):
        np.savez(path, inputs=inputs.astype(np.float32), labels=np.arange(20) % 2)
        for name in fitting(inputs.shape[1:]):
            page.start(name, data=str(path), data_options={}, augment=None, epochs=2)
            if page.worker.session:
                page.worker.obey({"do": "go"})
                page.train()
            assert all("please report" not in problem for problem in page.problems()), name


# ---------------------------------------------------------------- numbers that nobody thought of

TINY = np.finfo(np.float32).tiny
ODD = {
    "a few ulps apart": np.nextafter(np.float32(0.1), np.float32([0.1, 1, 1, 0])),
    "a few ulps of float64 apart": np.array([0.1, np.nextafter(0.1, 1), np.nextafter(0.1, 0)]),
    "large and constant": np.full(5, 1e30),
    "the largest": np.array([-1.7e308, 1.7e308]),
    "the smallest": np.array([5e-324, 0.0]),
    "tiny": np.array([TINY, -TINY, TINY / 4], np.float32),
    "empty": np.empty((0, 3)),
    "not a number": np.full(4, np.nan),
    "infinite": np.array([np.inf, -np.inf, 1.0]),
    "one": np.array([3.0]),
    "whole": np.arange(5),
    "float16": np.array([65504, -65504], np.float16),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("symmetric", [False, True])
def test_a_histogram_is_drawn_of_whatever_numbers(name: str, symmetric: bool) -> None:
    for ends in (None, (0.0, 1.0)):
        found = json.loads(as_json(histogram(ODD[name], ends, symmetric=symmetric)))
        assert len(found["counts"]) == 32 and max(found["counts"]) == (100 if np.isfinite(ODD[name]).any() else 0)
        assert found["low"] <= found["high"]
    unit, levels = levels_of(ODD[name])
    assert np.isfinite(unit) and isinstance(levels, str)


def test_a_histogram_counts_as_numpys_does(rng: np.random.Generator) -> None:
    x = rng.standard_normal(1_000)
    counts, edges = np.histogram(x, 32)
    found = histogram(x)
    assert found["counts"] == np.rint(100 * counts / counts.max()).astype(int).tolist()
    assert (found["low"], found["high"]) == (edges[0], edges[-1])
    assert found["mean"] == pytest.approx(x.mean()) and found["std"] == pytest.approx(x.std())


def test_eight_layers_of_two_in_huge_batches_are_drawn(page: Page) -> None:
    """Their activations differ by a few units in the last place, of which NumPy's histogram makes no bins."""
    page.start("moons", far=None, hidden=(2,) * 8, batch_size=4_096, epochs=100)
    page.train(4)
    assert page.problems() == [] and page.worker.session and page.worker.session.training.index > 10


# ---------------------------------------------------------------- uploads are looked at elsewhere


def refused(path: Path) -> str:
    with pytest.raises(ByhandError) as found:
        asyncio.run(inspected(path))
    return str(found.value)


@pytest.mark.slow
def test_a_file_that_takes_too_long_or_ends_its_reader_is_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1,2,a\n3,4,b\n" * 9)
    assert asyncio.run(inspected(path))["samples"] == 18
    monkeypatch.setattr("byhand.web.upload_check.SECONDS", 0.05)
    assert "takes longer than" in refused(path)
    monkeypatch.setattr("byhand.web.upload_check.SECONDS", 20)
    monkeypatch.setattr("sys.executable", "/bin/false")
    assert "ended with status 1" in refused(path)
