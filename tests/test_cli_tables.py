"""Tables from the command line: trained with no option, told in one line, measured, and predicted row by row."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tables.cases import CASES


def byhand(*words: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "byhand", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def cars(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A table of cars, a run on it, and what the run told."""
    folder = tmp_path_factory.mktemp("cars")
    case = CASES["fuel"](0)
    (folder / case.file).write_bytes(case.content)
    done = byhand("train", folder / case.file, "--out", folder / "run", "--epochs", 60)
    assert done.returncode == 0, done.stderr
    return folder / case.file, folder / "run", " ".join((done.stdout + done.stderr).split())


@pytest.mark.slow
def test_a_number_is_learned_without_any_option_and_measured_in_its_own_unit(cars: tuple[Path, Path, str]) -> None:
    table, run, told = cars
    assert "learning 'mpg' (by its name, the last column), a number from 7.6 to 48.4" in told
    assert "one input per word): 'make' (3)" in told and "R2 0.9" in told and "mpg" in told and "right" not in told
    assert (run / "predicted.png").stat().st_size > 5_000
    measured = json.loads(byhand("eval", run, "--json").stdout)
    assert measured["r2"] > 0.97 and 0.3 < measured["mean_absolute_error"] < 2 and "accuracy" not in measured
    whole = json.loads(byhand("eval", run, "--data", table, "--json").stdout)
    assert whole["n"] == 100  # of the table it learned from, the held out rows
    (table.parent / "copy.csv").write_bytes(table.read_bytes())
    assert json.loads(byhand("eval", run, "--data", table.parent / "copy.csv", "--json").stdout)["n"] == 500


@pytest.mark.slow
def test_predictions_of_a_table_are_written_by_row_in_the_unit_of_the_target(cars: tuple[Path, Path, str]) -> None:
    table, run, _ = cars
    (table.parent / "new.csv").write_text("weight;make;power\n2000;Fiat;90,5\n4000;Volvo;160\n3000;Tesla;120\n")
    done = byhand("predict", run, table.parent / "new.csv", "-o", table.parent / "out.csv")
    assert done.returncode == 0 and "'make' holds 'Tesla' in 1 rows (the first is row 4), unknown to the network" in done.stderr
    rows = list(csv.DictReader((table.parent / "out.csv").read_text().splitlines()))
    assert [row["row"] for row in rows] == ["2", "3", "4"]
    assert float(rows[0]["mpg"]) == pytest.approx(60 - 18 - 3.6 + 4 + 1.4, abs=3)
    assert float(rows[1]["mpg"]) == pytest.approx(60 - 36 - 6.4 + 1.4, abs=3)
    (table.parent / "few.csv").write_text("weight,power\n2000,90\n")
    done = byhand("predict", run, table.parent / "few.csv")
    assert done.returncode == 1 and "lacks the column 'make' that the model reads" in done.stderr
    done = byhand("predict", run, table.parent / "new.csv", "--json")
    assert len(json.loads(done.stdout)["predictions"]) == 3


@pytest.mark.slow
def test_explanations_and_the_doctor_speak_of_numbers_where_numbers_are_learned(cars: tuple[Path, Path, str]) -> None:
    _, run, _ = cars
    told = byhand("explain", run).stdout
    assert "quadratic" in told and "32 samples: " in told and "agrees" in told
    first = told.split("32 samples: ")[1].split("(")[1].split(")")[0]
    assert abs(float(first)) < 5  # a standardised target, and no class
    done = byhand("doctor", run)
    assert done.returncode == 0 and "labels" not in done.stdout


@pytest.mark.slow
def test_classes_are_predicted_with_probabilities(tmp_path: Path) -> None:
    case = CASES["iris_of_kaggle"](0)
    (tmp_path / case.file).write_bytes(case.content)
    done = byhand("train", tmp_path / case.file, "--out", tmp_path / "run", "--json")
    assert json.loads(done.stdout)["accuracy"] > 0.9 and "left out: 'Id' (counts the rows)" in " ".join(done.stderr.split())
    done = byhand("predict", tmp_path / "run", tmp_path / case.file)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert list(rows[0]) == ["row", "Species", "p(lily)", "p(rose)", "p(tulip)"] and len(rows) == 150
    right = np.mean([row["Species"] == name for row, name in zip(rows, case.problem.columns["Species"], strict=True)])
    assert right > 0.95 and "has the right answers" in done.stderr
    assert all(abs(sum(float(row[name]) for name in list(row)[2:]) - 1) < 1e-4 for row in rows)


@pytest.mark.slow
def test_balanced_training_finds_more_of_a_rare_class(tmp_path: Path) -> None:
    case = CASES["uneven_classes"](1)
    (tmp_path / case.file).write_bytes(case.content)
    found = []
    for more in ((), ("--balance",)):
        out = tmp_path / f"run{len(found)}"
        done = byhand("train", tmp_path / case.file, "--out", out, *more)
        assert "always '0' is right in" in " ".join(done.stderr.split())
        confusion = json.loads(byhand("eval", out, "--json").stdout)["confusion"]
        found.append(confusion[1][1])
    assert found[1] > found[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--target", "nothing"), "has no column 'nothing' for target"),
        (("--task", "number"), "task 'number' is unknown: did you mean 'numbers'?"),
        (("--missing", "guess"), "missing 'guess' is unknown"),
        (("--drop", "weight", "--target", "weight"), "must not be both the target and dropped"),
        (("--set", "model=cnn", "--set", "cost=mse"), "has numbers to learn, which a cnn does not"),
        (("--set", "cost=cross_entropy"), "must be sigmoid or softmax"),
        (("--balance",), "no classes that could come equally often"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(
    cars: tuple[Path, Path, str], options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = byhand("train", cars[0], "--out", tmp_path / "run", *options)
    assert done.returncode == 1 and said in done.stderr and done.stderr.strip().count("byhand: ") == 1
    assert not (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.slow
def test_options_of_tables_are_refused_where_there_is_none(tmp_path: Path) -> None:
    done = byhand("train", "iris", "--target", "x", "--out", tmp_path)
    assert done.returncode == 1 and "has no setting 'target'" in done.stderr
