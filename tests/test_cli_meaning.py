"""What the commands make of other people's data and models: classes by name, numbers by scale, one output as a yes or no."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from typer.testing import CliRunner

from byhand.cli import app
from byhand.data import load
from byhand.errors import ByhandError
from byhand.import_weights import open_foreign
from byhand.modelfile import Model, load_model, save_model
from byhand.training.recipes import Recipe
from byhand.training.run import run

MNIST = load("mnist").test.take(slice(0, 1_000))


def told(*arguments: Any) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    if result.exception is not None:
        raise result.exception
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def refused(*arguments: Any) -> str:
    with pytest.raises(ByhandError) as caught:
        told(*arguments)
    return str(caught.value)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of 3 and 7, trained on numbers from 0 to 255, dark ink on light."""
    folder = tmp_path_factory.mktemp("own")
    few = MNIST.take(np.isin(MNIST.labels, (3, 7)))
    np.savez(folder / "own.npz", x=255 - few.inputs[..., 0] * 255, y=few.labels)
    run(
        Recipe(
            "own",
            data=str(folder / "own.npz"),
            output="softmax",
            cost="cross_entropy",
            activation="relu",
            optimizer="adam",
            lr=1e-4,
            epochs=20,
        ),
        folder / "run",
    )
    return folder


def pictures(folder: Path, names: dict[int, str]) -> Path:
    for k, name in names.items():
        (folder / name).mkdir(parents=True)
        for i in np.flatnonzero(MNIST.labels == k)[:8]:
            image = np.round(255 - MNIST.inputs[i, ..., 0] * 255).astype("u1")
            Image.fromarray(image).resize((56, 56)).save(folder / name / f"{i}.png")
    return folder


@pytest.mark.slow
def test_eval_matches_folders_by_name_in_any_order_and_refuses_others(trained: Path, tmp_path: Path) -> None:
    right = told("eval", trained / "run", "--data", pictures(tmp_path / "a", {3: "3", 7: "7"}), "--out", tmp_path)
    turned = told("eval", trained / "run", "--data", pictures(tmp_path / "b", {3: "7", 7: "3"}), "--out", tmp_path)
    assert right["accuracy"] == pytest.approx(1 - turned["accuracy"])
    assert right["accuracy"] > 0.8  # though these are light ink from 0 to 1, and the network learned dark ink from 0 to 255
    for names in ({3: "a seven", 7: "three"}, {1: "1", 7: "7"}):
        said = refused("eval", trained / "run", "--data", pictures(tmp_path / names[7] / "c", names), "--out", tmp_path)
        assert "tells '3', '7', and the data have" in said


def test_predict_reads_pictures_as_the_network_was_trained(trained: Path, tmp_path: Path) -> None:
    model = load_model(trained / "run" / "model.safetensors")
    assert {name: model.preprocessing[name] for name in ("range", "ink")} == {"range": [0, 255], "ink": "black"}
    i = int(np.flatnonzero(MNIST.labels == 7)[0])
    Image.fromarray(np.round(MNIST.inputs[i, ..., 0] * 255).astype("u1")).save(tmp_path / "7.png")
    row = told("predict", trained / "run", tmp_path / "7.png", "--ink", "white")["predictions"][0]
    assert row["class"] == "7"
    answers = model.classifier.forward(255 - MNIST.flat[[i]] * 255)[0]
    assert list(row["outputs"].values()) == pytest.approx(answers.tolist(), abs=0.1)


def test_predict_names_both_answers_of_one_output(tmp_path: Path) -> None:
    import byhand

    net = byhand.FeedForward((784, 4, 1), cost="cross_entropy", seed=1)
    save_model(tmp_path / "m.safetensors", Model(net, ("cat", "dog"), {"input": [28, 28, 1], "range": [0, 1]}))
    Image.fromarray(np.round(MNIST.inputs[0, ..., 0] * 255).astype("u1")).save(tmp_path / "7.png")
    row = told("predict", tmp_path / "m.safetensors", tmp_path / "7.png")["predictions"][0]
    assert list(row["outputs"]) == ["cat", "dog"]
    assert sum(row["outputs"].values()) == pytest.approx(1)
    assert row["class"] == max(row["outputs"], key=row["outputs"].get)  # type: ignore[arg-type]


@pytest.mark.slow
def test_an_imported_file_of_one_output_answers_by_its_sigmoid(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    w, b = (0.1 * rng.standard_normal((1, 784))).astype("f4"), np.array([0.1], "f4")
    save_file({"fc.weight": w, "fc.bias": b}, tmp_path / "net.safetensors")
    assert told("import", tmp_path / "net.safetensors", "-o", tmp_path / "out.safetensors")["classes"] == ["no", "yes"]
    sigmoid = 1 / (1 + np.exp(-(MNIST.flat @ w.T + b)))
    for model in (load_model(tmp_path / "out.safetensors"), open_foreign(tmp_path / "net.safetensors", (784,), "fc sigmoid")):
        np.testing.assert_allclose(model.classifier.forward(MNIST.flat), sigmoid, atol=1e-5)
        assert model.classifier.predict(MNIST.flat).tolist() == (sigmoid[:, 0] > 0.5).astype(int).tolist()
    with pytest.raises(ByhandError, match="softmax of one is 1 whatever comes in"):
        open_foreign(tmp_path / "net.safetensors", (784,), "fc softmax")


def test_import_refuses_data_of_other_classes_and_takes_the_scale_of_its_data(trained: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for n in (2, 5):
        arrays = {"fc.weight": rng.standard_normal((n, 784)).astype("f4"), "fc.bias": np.zeros(n, "f4")}
        save_file(arrays, tmp_path / f"{n}.safetensors")
    out, data = tmp_path / "out.safetensors", trained / "own.npz"
    assert "tells 5 classes apart" in refused("import", tmp_path / "5.safetensors", "-o", out, "--data", data)
    assert told("import", tmp_path / "2.safetensors", "-o", out, "--data", data)["classes"] == ["3", "7"]
    assert load_model(out).preprocessing["range"] == [0, 255]


def test_a_training_that_starts_from_a_model_keeps_the_order_of_its_classes(trained: Path, tmp_path: Path) -> None:
    model = load_model(trained / "run" / "model.safetensors")
    for layer in (model.network.weights[-1], model.network.biases[-1]):  # type: ignore[union-attr]
        layer[...] = layer[::-1].copy()
    save_model(tmp_path / "turned.safetensors", Model(model.network, ("7", "3"), model.preprocessing))
    recipe = Recipe(
        "own", data=str(trained / "own.npz"), output="softmax", cost="cross_entropy", activation="relu", lr=1e-9, epochs=1
    )
    done = run(recipe.changed(start_from=str(tmp_path / "turned.safetensors")), tmp_path / "run")
    assert done.model.class_names == ("7", "3")
    assert done.evaluation.accuracy > 0.8  # type: ignore[union-attr]
