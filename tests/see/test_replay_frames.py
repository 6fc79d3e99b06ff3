"""The frames of a recorded training are what the network was at those steps, in fewer digits."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from byhand.errors import TrainingError
from byhand.see.replay_frames import BINS, GRID, chosen, frames_of, plane
from byhand.training.recipes import RECIPES
from byhand.training.replay import RunReplay, open_recording
from byhand.training.run import run
from byhand.web import replay_page
from byhand.web.replay_page import write_replay_page


@pytest.fixture(scope="module")
def moons(tmp_path_factory: pytest.TempPathFactory) -> RunReplay:
    folder = tmp_path_factory.mktemp("moons")
    run(dataclasses.replace(RECIPES["moons"], epochs=6), folder, record=True)
    return open_recording(folder)


def test_frames_rise_lie_closer_at_the_beginning_and_have_both_ends() -> None:
    found = chosen(range(10_001), 50)
    assert (found[0], found[-1]) == (0, 10_000)
    assert (np.diff(found) > 0).all() and (np.diff(found, 2) >= -1).all()
    assert chosen([7], 50) == [7]


def test_the_figures_of_a_frame_are_those_of_the_network_at_its_step(moons: RunReplay) -> None:
    found = frames_of(moons, 8)
    assert set(found.steps) <= set(moons.snapshots)
    assert moons.splits.validation is not None
    samples = moons.splits.validation.take(np.unique(np.linspace(0, 999, 500).round().astype(int)))
    for frame, step in enumerate(found.steps):
        network = moons.at(step).model
        cost, accuracy = network.evaluate(samples.flat, samples.targets())
        assert found.figures["cost"][frame] == pytest.approx(cost, rel=1e-4)
        assert found.figures["accuracy"][frame] == pytest.approx(accuracy)
        counts = found.arrays["confusion"][frame]
        assert counts.sum() == 500 and np.trace(counts) == pytest.approx(500 * accuracy)


def test_the_plane_is_parted_as_the_network_parts_it(moons: RunReplay) -> None:
    found = frames_of(moons, 4)
    network = moons.at(found.steps[-1]).model
    left, right, bottom, top = found.facts["plane"]
    for row, column in ((0, 0), (10, 50), (GRID - 1, 3), (GRID // 2, GRID // 2)):
        place = [[left + (right - left) * column / (GRID - 1), top - (top - bottom) * row / (GRID - 1)]]
        [[one, other]] = network.forward(np.array(place, np.float32))  # type: ignore[attr-defined]
        kind, lead = found.arrays["surface"][-1, :, row, column]
        assert kind == int(other > one)
        assert lead == pytest.approx(255 * abs(one - other), abs=2)
    assert all(left < x < right and bottom < y < top for x, y in found.facts["points"])
    assert right - left == pytest.approx(top - bottom)
    assert plane(moons.splits.test)[0] < plane(moons.splits.test)[1]


def test_the_histograms_hold_all_weights_within_what_a_byte_can_say(moons: RunReplay) -> None:
    found = frames_of(moons, 4)
    assert found.arrays["histograms"].shape == (4, 3, BINS)
    assert found.arrays["histograms"].max() == 255
    weights = moons.at(found.steps[-1]).model.tensors()["layers.1.weight"]  # type: ignore[attr-defined]
    said = found.facts["tensors"][1]
    assert said["name"] == "weights of layer 3"
    assert said["lengths"][-1] == pytest.approx(np.linalg.norm(weights), rel=1e-4)
    shares = found.arrays["histograms"][-1, 1] / found.arrays["histograms"][-1, 1].sum()
    centres = said["reach"] * ((np.arange(BINS) + 0.5) / BINS * 2 - 1)
    assert shares @ centres == pytest.approx(weights.mean(), abs=0.03)


@pytest.mark.slow
def test_a_page_that_would_be_too_large_has_fewer_frames(
    moons: RunReplay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_replay_page(moons, tmp_path / "whole.html")
    whole = (tmp_path / "whole.html").stat().st_size
    monkeypatch.setattr(replay_page, "LARGEST", whole - 1_000)
    write_replay_page(moons, tmp_path / "small.html")
    assert (tmp_path / "small.html").stat().st_size <= whole - 1_000


def test_fine_frames_fill_up_what_the_snapshots_leave_out(moons: RunReplay) -> None:
    found = frames_of(moons, 60, fine=True)
    assert len(found.steps) > len(frames_of(moons, 60).steps)
    assert not set(found.steps) <= set(moons.snapshots)
    assert moons.differs is None


def test_a_recording_without_a_snapshot_has_no_film(moons: RunReplay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moons, "snapshots", [])
    with pytest.raises(TrainingError, match="has no snapshot yet"):
        frames_of(moons)
