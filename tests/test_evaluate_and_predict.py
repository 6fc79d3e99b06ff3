"""What the command line tells of a model, Python tells in one call: the same figures for every purpose."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import byhand
from byhand import cli
from byhand.cli import app
from byhand.errors import ByhandError, ModelError
from byhand.shipped import open_model


def told(*arguments: str) -> Any:
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_classifier_of_which_the_name_is_given(tmp_path: Path) -> None:
    measured = byhand.evaluate("mnist-nielsen-30")
    assert measured.accuracy == pytest.approx(0.9599)
    said = told("eval", "mnist-nielsen-30", "--out", str(tmp_path))
    assert said["accuracy"] == measured.accuracy and said["confusion"] == measured.confusion.tolist()
    assert sorted(Path(picture).name for picture in said["pictures"]) == ["confusion.png", "mistakes.png"]
    assert all(Path(picture).is_file() for picture in said["pictures"])


def test_a_bare_network_on_a_data_set() -> None:
    iris = byhand.data.load("iris")
    net = byhand.FeedForward((4, 5, 3), seed=1)
    net.fit(iris.train, epochs=20, seed=1)
    measured = byhand.evaluate(net, iris.test)
    assert measured.accuracy == net.evaluate(iris.test.flat, iris.test.targets())[1]
    assert byhand.evaluate(net, iris).accuracy == byhand.evaluate(net, "iris").accuracy == measured.accuracy
    with pytest.raises(ModelError, match="does not say what data it learned from"):
        byhand.evaluate(net)


@pytest.mark.slow
def test_an_autoencoder_and_the_likelihood_of_a_vae() -> None:
    images = byhand.data.load("mnist").test.take(np.arange(200))
    measured = byhand.evaluate("mnist-vae", images, likelihood=20, images=50)
    vae = open_model("mnist-vae").autoencoder
    expected = vae.log_likelihood(images.flat[:: 200 // 50][:50], 20)
    assert measured.likelihood.mean == pytest.approx(float(expected.mean()), rel=1e-6)
    assert measured.cost == pytest.approx(-vae.measure(images.flat).elbo, rel=1e-6)
    assert [row[0] for row in measured.rows()] == ["dimension", *map(str, range(8))]
    for model in ("mnist-ae", "mnist-nielsen-30"):
        with pytest.raises(ModelError, match="needs a VAE"):
            byhand.evaluate(model, images, likelihood=20)
    with pytest.raises(ModelError, match="images must be from 1 to 200"):
        byhand.evaluate("mnist-vae", images, likelihood=2, images=500)


def test_what_draws_no_characters_has_no_judge_but_a_cost() -> None:
    moons = byhand.data.load("moons", n=400)
    with pytest.raises(ModelError, match="there is no judge"):
        byhand.evaluate("moons-diffusion", moons)
    measured = byhand.evaluate("moons-diffusion", moons.test)
    network = open_model("moons-diffusion").drawer
    assert measured.cost == network.evaluate(moons.test.flat, moons.test.targets())[0]


@pytest.mark.slow
def test_pictures_are_read_as_the_command_reads_them(tmp_path: Path) -> None:
    test = byhand.data.load("mnist").test
    paths = []
    for index in (0, 1):
        image = np.pad((255 - 255 * test.inputs[index, ..., 0]).astype(np.uint8), 8, constant_values=255)
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(image).resize((88, 88)).save(paths[-1])
    Image.new("L", (60, 60), 255).save(tmp_path / "blank.png")
    paths.append(tmp_path / "blank.png")
    found = byhand.predict("mnist", paths)
    assert [one.class_name for one in found] == [test.class_names[k] for k in test.labels[:2]] + [None]
    assert found[2].blank and sum(found[0].outputs.values()) == pytest.approx(1, abs=1e-5)
    assert told("predict", "mnist", *map(str, paths))["predictions"] == [one.figures() for one in found]
    with pytest.raises(ByhandError, match="continues text"):
        byhand.predict("attention", paths)


def test_a_model_of_something_else_than_pictures_says_what_it_reads(tmp_path: Path) -> None:
    net = byhand.FeedForward((4, 3), seed=1)
    net.save(tmp_path / "flowers.safetensors", class_names=["a", "b", "c"])
    Image.new("L", (40, 40), 255).save(tmp_path / "flower.png")
    for file in ("flower.png", "rows.csv"):
        with pytest.raises(ByhandError, match=r"reads 4 numbers per sample.*byhand\.load"):
            byhand.predict(tmp_path / "flowers.safetensors", [tmp_path / file])


def test_a_command_imports_no_class_of_network_and_computes_nothing() -> None:
    for path in Path(cli.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        for name in imported:
            assert name != "numpy" and not name.startswith(("byhand.nn", "byhand.engine", "byhand.feedforward")), (
                path.name,
                name,
            )
        assert len(path.read_text(encoding="utf-8").splitlines()) < 300, path.name
