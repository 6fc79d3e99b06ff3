"""The command line on networks with codes, and on text: trained, measured, walked through, gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .test_cli import byhand, refused, succeeded

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An autoencoder and a VAE on the bundled MNIST, one epoch each."""
    folder = tmp_path_factory.mktemp("codes")
    for name in ("mnist-ae", "mnist-vae"):
        result = succeeded("train", name, "--epochs", 1, "--hidden", "64", "--out", folder / name)
        assert result["cost"] < 200
        assert (folder / name / "curves.png").exists()
    return {"ae": folder / "mnist-ae", "vae": folder / "mnist-vae"}


def test_eval_of_a_vae_tells_its_bound_and_draws_its_pictures(runs: dict[str, Path], tmp_path: Path) -> None:
    result = succeeded("eval", runs["vae"], "--out", tmp_path, "--likelihood", 50, "--images", 20)
    assert result["elbo"] == pytest.approx(-result["reconstruction"] - result["kl"])
    assert len(result["kl_of"]) == 8
    assert result["log_likelihood"] > result["elbo"] - 15  # of other images, but it is the tighter bound
    assert (result["likelihood_n"], result["likelihood_samples"]) == (20, 50)
    assert {Path(path).name for path in result["pictures"]} == {"reconstructions.png", "codes.png", "samples.png"}
    for path in result["pictures"]:
        with Image.open(path) as picture:
            assert np.asarray(picture.convert("L")).std() > 5
    shown = byhand("eval", runs["vae"], "--out", tmp_path)
    assert "ELBO" in shown.stdout
    assert "KL, nats" in shown.stdout
    ae = succeeded("eval", runs["ae"], "--out", tmp_path)
    assert "elbo" not in ae
    assert ae["error"] < 0.06


def test_a_walk_from_the_command_line(runs: dict[str, Path], tmp_path: Path) -> None:
    drawing = Image.new("L", (120, 120), 255)
    drawing.paste(0, (55, 15, 66, 105))
    drawing.save(tmp_path / "one.png")
    both = ("--model", runs["ae"], "--model", runs["vae"], "--steps", 6)
    result = succeeded(
        "latent",
        *both,
        "--to",
        "one.png",
        "--spherical",
        "--figure",
        "strip.png",
        "-o",
        "w.webp",
        "--style",
        "paper",
        cwd=tmp_path,
    )
    assert result == {"files": ["w.webp", "strip.png"], "models": ["autoencoder", "VAE"], "steps": 6}
    with Image.open(tmp_path / "w.webp") as film:
        assert film.n_frames == 10
    with Image.open(tmp_path / "strip.png") as strip:
        assert strip.width > 1_000
    done = byhand("latent", *both, "--from", "@3", cwd=tmp_path)
    assert done.stdout.startswith("wrote walk.gif (")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "strip.png", "w.webp", "walk.gif"]


def test_mistakes_in_a_walk_get_one_line_and_leave_nothing(runs: dict[str, Path], tmp_path: Path) -> None:
    Image.new("L", (50, 50), 255).save(tmp_path / "white.png")
    before = sorted(tmp_path.iterdir())
    cases = {
        ("--from", "11"): "there is no image '11': give a class (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), @N, or the path of a picture",
        ("--to", "@10000"): "has the test images @0 to @9,999, but not @10000",
        ("--to", "white.png"): "white.png shows nothing: give a picture with a character on it",
        ("--steps", "1"): "a walk of 1 steps cannot be drawn: choose 2 to 1,000",
        ("-o", "walk.bmp"): "walk.bmp ends in .bmp: an animation is one of .gif",
        ("--style", "loud"): "style 'loud' is unknown: choose one of dark, light, paper",
        ("--model", "mnist"): "mnist has no codes: choose an autoencoder or a VAE, such as mnist-ae or mnist-vae",
    }
    for given, said in cases.items():
        arguments = ("latent", "--model", str(runs["vae"]), *given)
        assert said in refused(*arguments, cwd=tmp_path), given
    assert sorted(tmp_path.iterdir()) == before


def test_what_a_network_cannot_do_is_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    Image.new("L", (50, 50), 0).save(tmp_path / "a.png")
    assert "tells no classes apart" in refused("predict", runs["vae"], tmp_path / "a.png")
    assert "byhand: images must be from 1 to 10,000, how many mnist-test has, got 0" in refused(
        "eval", runs["vae"], "--likelihood", 5, "--images", 0, "--out", tmp_path
    )
    assert "a likelihood needs a VAE" in refused("eval", runs["ae"], "--likelihood", 5, "--out", tmp_path)
    assert "a likelihood needs a VAE" in refused("eval", "mnist-nielsen-30", "--likelihood", 5, "--out", tmp_path)
    assert "tells no classes apart" in refused("complete", runs["vae"], "a")
    assert "continues no text" in refused("complete", "mnist-nielsen-30", "a")


def test_text_is_gone_on_with() -> None:
    first = succeeded("complete", "attention", "A gradient ", "--length", 40, "--seed", 3)
    again = byhand("complete", "attention", "A gradient ", "--length", 40, "--seed", 3)
    assert len(first["text"]) == 40
    assert again.stdout == first["prompt"] + first["text"] + "\n"
    assert "which this model never saw" in refused("complete", "attention", "é")
    assert "reads no pictures, it continues text" in refused("predict", "attention", "x.png")


def test_own_text_trains_and_is_measured(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("the cat sat on the mat. " * 120)
    small = ("--set", 'model_options={"width":16,"depth":1,"heads":2}', "--set", 'data_options={"window":16}', "--epochs", 2)
    result = succeeded("train", "mine.txt", *small, "--out", "run", cwd=tmp_path)
    assert 0 < result["bits_per_character"] < 4
    measured = succeeded("eval", "run", cwd=tmp_path)
    assert measured["bits_per_character"] == pytest.approx(result["bits_per_character"], rel=1e-5)
    assert len(json.loads(byhand("complete", "run", "the", "--length", 5, "--json", cwd=tmp_path).stdout)["text"]) == 5
