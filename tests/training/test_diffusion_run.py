"""A diffusion run: killed and resumed to the same bits, samples as it goes, even classes, a beginning with other weights."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from byhand.data.dataset import Dataset, Splits
from byhand.draw.samples import SampleSheet, sheet
from byhand.errors import ModelError
from byhand.modelfile import load_model
from byhand.training.recipes import RECIPES
from byhand.training.run import begin, build, run
from byhand.training.steps import evenly

SHORT = replace(RECIPES["moons-diffusion"], epochs=3, data_options={"n": 400, "noise": 0.05})
OPTIONS = ["--epochs", "40", "--set", 'data_options={"n": 1000, "noise": 0.05}']


def images(n: int = 40) -> Splits:
    rng = np.random.default_rng(0)
    data = Dataset("some", rng.random((n, 28, 28, 1), np.float32), np.arange(n) % 4, tuple("abcd"))
    return Splits(data, None, data)


SMALL = replace(
    RECIPES["emnist-diffusion"], model_options={"channels": [8, 8], "embedding": 8, "heads": 1}, epochs=2, batch_size=16
)


@pytest.mark.slow
def test_a_run_killed_and_resumed_gives_the_bits_of_the_whole_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "byhand.cli", "train", "moons-diffusion", *OPTIONS, "--out"]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    checkpoint = tmp_path / "killed" / "checkpoint.safetensors"
    with subprocess.Popen([*command, str(tmp_path / "killed")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        end = time.monotonic() + 60
        while not checkpoint.exists() and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.2)
        child.kill()
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    subprocess.run([*command, str(tmp_path / "killed"), "--resume"], check=True, capture_output=True)
    whole, resumed = (load_model(tmp_path / name / "model.safetensors").drawer for name in ("whole", "killed"))
    assert np.array_equal(whole.average, resumed.average)
    assert np.array_equal(whole.sample(4, [0, 1, 0, 1], steps=5), resumed.sample(4, [0, 1, 0, 1], steps=5))


def test_a_model_file_draws_what_the_run_drew(tmp_path: Path) -> None:
    finished = run(SHORT, tmp_path / "run")
    read = load_model(tmp_path / "run" / "model.safetensors")
    assert read.purpose == "generation" and read.class_names == ("upper", "lower")
    assert np.array_equal(read.drawer.sample(3, 1, steps=4), finished.model.drawer.sample(3, 1, steps=4))
    assert read.metrics["test_cost"] == pytest.approx(finished.evaluation.figures()["cost"])
    assert read.drawer.evaluate(*_test_data())[0] == pytest.approx(read.metrics["test_cost"], rel=1e-5)
    with pytest.raises(ModelError, match="tells no classes apart, it draws"):
        _ = read.classifier
    with pytest.raises(ModelError, match="has no codes"):
        _ = read.autoencoder


def _test_data() -> tuple[np.ndarray, np.ndarray]:
    from byhand.training.run import load_splits

    test = load_splits(SHORT).test
    return test.flat, test.targets()


@pytest.mark.slow
def test_a_sheet_of_samples_is_written_after_each_epoch(tmp_path: Path) -> None:
    run(SMALL, tmp_path, splits=images(), callbacks=[SampleSheet(tuple("abcd"), tmp_path, steps=2)])
    written = sorted((tmp_path / "samples").iterdir())
    assert [path.name for path in written] == ["epoch-001.png", "epoch-002.png"]
    first, second = (np.asarray(Image.open(path).convert("L")) for path in written)
    assert first.shape == second.shape and first.std() > 5 and (first != second).any()


def test_a_sheet_shows_each_class_in_its_line() -> None:
    drawn = np.stack([np.full(784, value) for value in (0.2, 0.9, 0.5, 0.7)])
    found = sheet(drawn, [0, 1, 0, 1], ("x", "y"))
    lines = [found[20, 40:], found[50, 40:]]
    assert sorted(set(lines[0].tolist())) == [0, 51, 128] and sorted(set(lines[1].tolist())) == [0, 178, 230]


def test_every_class_comes_equally_often() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [5, 100, 300])
    order = evenly([np.flatnonzero(labels == k) for k in range(3)], 405, rng)
    counts = np.bincount(labels[order])
    assert len(order) == 405 and counts.max() - counts.min() <= 1
    assert np.bincount(order)[:5].min() >= 27  # the small class's samples take turns
    assert np.bincount(order, minlength=405)[5:].max() <= 2


def test_an_even_training_is_another_one_and_can_be_told_by_its_fingerprint() -> None:
    splits = images()
    plain, even = (begin(replace(SMALL, even=even), build(SMALL, splits), splits) for even in (False, True))
    assert plain.fingerprint() != even.fingerprint()
    assert sorted(plain.upcoming()) != sorted(even.upcoming())


@pytest.mark.slow
def test_a_training_can_start_from_a_trained_model(tmp_path: Path) -> None:
    run(SMALL, tmp_path / "first", splits=images())
    again = replace(SMALL, start_from=str(tmp_path / "first"), epochs=1, lr=1e-9)
    second = run(again, tmp_path / "second", splits=images())
    first = load_model(tmp_path / "first" / "model.safetensors").drawer
    np.testing.assert_allclose(second.model.drawer.average, first.average, atol=1e-6)
    with pytest.raises(ModelError, match="start_from must be of the kind that is trained"):
        run(replace(SMALL, start_from="mnist"), tmp_path / "third", splits=images())
    assert not (tmp_path / "third" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"schedule": "none"}, "noise schedule 'none'"),
        ({"target": "u"}, "target 'u'"),
        ({"layers": 3}, "the model diffusion, in its model_options, has no setting 'layers': ch"),
    ],
)
def test_options_that_there_are_not_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        build(replace(SMALL, model_options=SMALL.model_options | options), images())
