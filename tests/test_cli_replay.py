"""`byhand train --record` and `byhand replay` as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from .test_cli import byhand, refused, succeeded

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded run on the moons."""
    folder = tmp_path_factory.mktemp("recorded") / "moons"
    succeeded("train", "moons", "--epochs", 6, "--record", "--out", folder)
    return folder


def test_a_recorded_run_tells_what_there_is_to_go_back_to(run: Path) -> None:
    result = succeeded("replay", run)
    assert (result["steps"], result["recorded"]) == (192, 192)
    assert result["snapshots"] > 10 and result["farthest"] <= 32 and result["megabytes"] < 1
    history = [json.loads(line)["cost"] for line in (run / "history.jsonl").read_text().splitlines()]
    assert result["epochs"] == pytest.approx(history, rel=0.05)  # its last batch is smaller, and counts less there
    shown = byhand("replay", run)
    assert "all of 192 steps" in shown.stdout and "█" in shown.stdout


def test_a_step_is_shown_with_the_bits_of_the_run(run: Path) -> None:
    result = succeeded("replay", run, "--at", 101)
    costs = np.fromfile(run / "recording" / "costs.f32", "<f4")
    assert np.float32(result["cost"]) == costs[101]
    assert result["same_bits"] is True
    assert (result["epoch"], result["batch"], len(result["samples"])) == (3, 5, 32)
    assert {tensor["name"] for tensor in result["tensors"]} == {
        f"layers.{k}.{part}" for k in range(3) for part in ("weight", "bias")
    }
    assert all(tensor["gradient"] > 0 and tensor["update"] > 0 for tensor in result["tensors"])
    shown = byhand("replay", run, "--at", 101)
    assert "Step 101 (epoch 4, batch 6)" in shown.stdout
    assert "These are the same bits as in the run." in shown.stdout


def test_a_branch_is_shown_beside_the_run(run: Path) -> None:
    costs = np.fromfile(run / "recording" / "costs.f32", "<f4").tolist()
    same = succeeded("replay", run, "--at", 40, "--branch-lr", 0.01, "--steps", 50)
    assert same["costs"] == same["recorded"] == pytest.approx(costs[40:90], rel=1e-7)
    other = succeeded("replay", run, "--at", 40, "--branch-lr", 0.0001, "--steps", 50)
    assert other["learning_rate"] == 0.0001
    assert other["costs"][0] == other["recorded"][0]
    assert np.mean(other["costs"]) > np.mean(other["recorded"])
    shown = byhand("replay", run, "--at", 40, "--branch-lr", 0.0001)
    assert "for 152 steps" in shown.stdout and "branch" in shown.stdout


def test_the_page_is_one_file_that_asks_for_nothing(run: Path, tmp_path: Path) -> None:
    result = succeeded("replay", run, "--html", tmp_path / "moons.html")
    assert result["page"] == str(tmp_path / "moons.html")
    text = (tmp_path / "moons.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text and "unsafe" not in text
    assert "http://" not in text.replace("http://www.w3.org/", "") and "https://" not in text
    assert len(text) < 3_000_000
    done = byhand("replay", run, "--html", tmp_path / "again.html")
    assert done.stdout.startswith("wrote ")


def test_explain_opens_a_recorded_step_and_not_the_trained_model(run: Path) -> None:
    costs = np.fromfile(run / "recording" / "costs.f32", "<f4")
    for step in (0, 1, 180):
        assert succeeded("explain", run, "--step", step)["cost"] == pytest.approx(costs[step], rel=1e-6)
    assert "step must be from 0 to 191" in refused("explain", run, "--step", 192)


def test_mistakes_get_one_line(run: Path, tmp_path: Path) -> None:
    assert "is not the folder of a run" in refused("replay", tmp_path)
    assert "step must be one of the recording's, 0 to 192" in refused("replay", run, "--at", 500)
    assert "is where the recording ends" in refused("replay", run, "--at", 192)
    assert "give its --branch-lr too" in refused("replay", run, "--steps", 5)
    assert "the learning rate must be above 0" in refused("replay", run, "--at", 5, "--branch-lr", -1)
    assert "1 to 92 are left" in refused("replay", run, "--at", 100, "--branch-lr", 1, "--steps", 1000)
    assert "allow more with --record-mb" in refused("train", "moons", "--record-mb", 0.001, "--out", tmp_path / "run")
    assert "megabytes above 0" in refused("train", "moons", "--record-mb", 0, "--out", tmp_path / "run")
    plain = tmp_path / "plain"
    succeeded("train", "iris", "--epochs", 1, "--out", plain)
    assert "train with --record" in refused("replay", plain)


def test_a_recording_with_a_flipped_bit_says_which_snapshot_to_distrust(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (copy / "recording").mkdir(parents=True)
    for path in [run / "recipe.toml", *(run / "recording").iterdir()]:
        (copy / path.relative_to(run)).write_bytes(path.read_bytes())
    states = copy / "recording" / "states.bin"
    content = bytearray(states.read_bytes())
    content[40] ^= 4
    states.write_bytes(content)
    assert "the snapshot before step 0 is damaged" in refused("replay", copy, "--at", 0)
    assert succeeded("replay", copy, "--at", 100)["same_bits"] is True
