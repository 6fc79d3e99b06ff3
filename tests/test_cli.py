"""The command line as a person meets it: real processes, real files, honest exit codes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from . import warm

pytestmark = pytest.mark.slow


MAIN = "import sys; from byhand.cli import main; sys.argv[0] = 'byhand'; main()"
IMPORTS = (
    "from byhand import blas; blas.choose_kernels()\n"
    "import byhand.cli, byhand.data, byhand.draw.curves, byhand.draw.progress, byhand.latent, byhand.see.chosen_step\n"
    "import byhand.see.terminal, byhand.shipped, byhand.training.evaluate, byhand.training.run\n"
    "import matplotlib.backends.backend_agg, matplotlib.figure, numba, PIL.Image, rich.progress, rich.table\n"
)


def byhand(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return warm.run(MAIN, [*map(str, arguments)], imports=IMPORTS, cwd=cwd, env=environment, timeout=180)


def succeeded(*arguments: object, cwd: Path | None = None) -> dict:
    done = byhand(*arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(*arguments: object, cwd: Path | None = None) -> str:
    done = byhand(*arguments, cwd=cwd)
    assert done.returncode == 1, done.stdout + done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("byhand: ")
    assert "Traceback" not in done.stderr
    return last


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short real training on the bundled MNIST, from the command line."""
    folder = tmp_path_factory.mktemp("run") / "nielsen"
    result = succeeded("train", "mnist-nielsen-30", "--epochs", 1, "--out", folder)
    assert result["accuracy"] > 0.90
    assert result["run"] == str(folder) and result["n"] == 10_000 and result["seconds"] > 0
    assert Path(result["model"]) == folder / "model.safetensors"
    return folder


def test_a_run_leaves_its_model_history_curves_recipe_and_checkpoint(run: Path) -> None:
    names = {"model.safetensors", "history.jsonl", "curves.png", "recipe.toml", "checkpoint.safetensors"}
    assert names <= {file.name for file in run.iterdir()}
    assert not [file for file in run.iterdir() if file.name.endswith(".part")]
    with Image.open(run / "curves.png") as picture:
        assert picture.width > 500


def test_eval_measures_what_train_reported_and_draws_the_mistakes(run: Path, tmp_path: Path) -> None:
    result = succeeded("eval", run, "--out", tmp_path)
    confusion = result["confusion"]
    assert result["n"] == sum(map(sum, confusion)) == 10_000
    assert sum(confusion[i][i] for i in range(10)) / 10_000 == pytest.approx(result["accuracy"])
    for picture in result["pictures"]:
        with Image.open(picture) as image:
            assert image.height > 100


def test_predict_reads_a_drawn_one(run: Path, tmp_path: Path) -> None:
    drawing = Image.new("L", (200, 200), 255)
    drawing.paste(0, (95, 30, 112, 170))
    drawing.save(tmp_path / "one.png")
    [prediction] = succeeded("predict", run, tmp_path / "one.png")["predictions"]
    assert prediction["class"] == "1"
    assert prediction["output"] == max(prediction["outputs"].values())


def test_explain_proves_the_weight_that_was_asked_for(run: Path, tmp_path: Path) -> None:
    page = tmp_path / "explain.html"
    done = byhand("explain", run, "--sample", 7, "--weight", "2:5,400", "--html", page, "--json")
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)
    text = page.read_text(encoding="utf-8")
    assert "<math" in text and "BP4" in text


def test_explain_prints_to_the_terminal_too() -> None:
    done = byhand("explain", "iris", "--step", 3, "--full")
    assert done.returncode == 0, done.stderr
    for name in ("BP1", "BP2", "BP3", "BP4", "feedforward.py", "Weights: after 3 training steps"):
        assert name in done.stdout


def test_explain_says_in_short_whose_weights_they_are() -> None:
    drawn, trained = (byhand("explain", "mnist-nielsen-30", "--sample", 7, *more).stdout for more in ((), ("--trained",)))
    assert "Weights as drawn, not trained" in drawn and "Weights trained (95.99% right)" in trained
    assert all(len(text.splitlines()) <= 36 and "agrees" in text for text in (drawn, trained))


def test_the_lists_are_json_too() -> None:
    assert {"iris", "moons", "mnist", "mnist-nielsen-30"} <= {row["name"] for row in succeeded("recipes")["recipes"]}
    assert {row["name"] for row in succeeded("data")["data"]} >= {"mnist", "iris", "moons", "emnist"}
    models = {row["name"]: row for row in succeeded("models")["models"]}
    assert models["mnist"]["test_accuracy"] >= 0.986


def test_the_shipped_model_is_as_good_as_it_says(tmp_path: Path) -> None:
    said = {row["name"]: row.get("test_accuracy") for row in succeeded("models")["models"]}
    measured = succeeded("eval", "mnist", "--out", tmp_path)["accuracy"]
    assert measured == pytest.approx(said["mnist"], abs=2e-4)


def test_a_setting_can_be_changed_from_the_command_line(tmp_path: Path) -> None:
    result = succeeded("train", "iris", "--set", "activation=tanh", "--set", "hidden=[6,4]", "--epochs", 3, "--out", tmp_path)
    assert result["epochs"] == 3
    assert 'activation = "tanh"' in (tmp_path / "recipe.toml").read_text(encoding="utf-8")


def test_own_csv_data_train_from_the_command_line(tmp_path: Path) -> None:
    rows = [f"{i % 2 + 0.01 * i},{-(i % 2)},{'yes' if i % 2 else 'no'}" for i in range(60)]
    (tmp_path / "own.csv").write_text("height,width,label\n" + "\n".join(rows), encoding="utf-8")
    result = succeeded("train", tmp_path / "own.csv", "--out", tmp_path / "run", "--epochs", 20)
    assert result["accuracy"] == 1.0


def test_a_run_resumes_only_with_its_own_settings(run: Path) -> None:
    assert "another lr" in refused("train", "mnist-nielsen-30", "--lr", 2, "--out", run, "--resume")


def test_a_run_is_prolonged_and_its_best_epoch_kept_from_the_command_line(tmp_path: Path) -> None:
    first = succeeded("train", "iris", "--epochs", 2, "--keep-best", "--out", tmp_path)
    done = byhand("train", "iris", "--epochs", 5, "--resume", "--out", tmp_path)
    assert "byhand: the run of 2 epochs goes on to 5\n" in done.stderr
    assert "on 24 of the 120 training samples, which are held out" in " ".join(done.stderr.split())
    again = succeeded("train", "iris", "--resume", "--out", tmp_path)  # as long as its folder says
    assert (first["epochs"], again["epochs"]) == (2, 5)
    costs = [json.loads(line)["validation_cost"] for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert again["validation_cost"] == min(costs) == costs[again["kept_epoch"] - 1]
    assert f"the model is that of epoch {again['kept_epoch']} of 5" in done.stdout


def test_patience_ends_a_training_from_the_command_line(tmp_path: Path) -> None:
    result = succeeded("train", "iris", "--lr", 3, "--patience", 2, "--out", tmp_path)
    assert result["epochs"] == result["kept_epoch"] + 2 < 100


def test_a_learning_rate_that_explodes_says_where_and_leaves_no_model(tmp_path: Path) -> None:
    message = refused("train", "iris", "--set", "activation=relu", "--set", "output=identity", "--lr", "1e9", "--out", tmp_path)
    assert "step" in message and "layer" in message and "learning rate" in message
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "mnist-nielson-30"), "did you mean 'mnist-nielsen-30'"),
        (
            ("train", "iris", "--set", "learning=1"),
            "byhand: a recipe has no setting 'learning': choose one of about, activation, aug",
        ),
        (("train", "iris", "--set", "lr"), "key=value"),
        (("train", "iris", "--hidden", "thirty"), "--hidden"),
        (("train", "iris", "--lr", "-1"), "byhand: lr must be above 0"),
        (("train", "iris", "--optimizer", "adm"), "optimizer 'adm' is unknown"),
        (("eval", "nothing-here"), "does not exist"),
        (("eval", "mnist", "--data", "iris"), "has the class 'setosa', which the model does not know"),
        (("predict", "mnist", "absent.png"), "absent.png"),
        (("explain", "iris", "--sample", "500"), "sample must be from 0 to 119"),
        (("explain", "iris", "--weight", "9:0,0"), "9"),
    ],
)
def test_a_mistake_gets_one_line(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    assert said in refused(*arguments, cwd=tmp_path)


def test_a_mistake_is_json_where_json_was_asked_for(tmp_path: Path) -> None:
    done = byhand("eval", "nothing-here", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert "does not exist" in json.loads(done.stdout)["error"]
