"""`train` says where its result is worth nothing, and is silent where it is worth something."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from byhand.cli import app
from byhand.training.evaluate_numbers import NumbersEvaluation
from byhand.training.history import Epoch, History
from byhand.training.worth import _near_chance, doubt


def costs(*values: float) -> History:
    return History([Epoch(i, i + 1, 0.1, value, None, None, 0.1) for i, value in enumerate(values)])


def numbers(r2: float) -> NumbersEvaluation:
    return NumbersEvaluation(10, r2, 1.0, 1.0, 1.0, np.zeros(10), np.zeros(10))


@pytest.mark.parametrize(
    ("history", "evaluation", "said"),
    [
        (costs(1.0, float("nan")), None, "not finite"),
        (costs(1.0, 30.0), None, "rose from 1 to 30"),
        (costs(1.0, 0.5), numbers(-0.1), "always answering the mean"),
        (costs(1.0, 0.5), numbers(float("nan")), "always answering the mean"),
        (costs(1.0, 0.5), numbers(0.7), ""),
        (costs(-1.0, -5.0), None, ""),
    ],
)
def test_an_explosion_and_a_result_below_the_mean_are_told(history: History, evaluation: NumbersEvaluation, said: str) -> None:
    found = doubt(history, evaluation)
    assert said in found if said else not found


@pytest.mark.parametrize(
    ("confusion", "told"),
    [
        ([[50, 0, 0], [48, 2, 0], [50, 0, 0]], True),  # one answer to everything
        ([[40, 5, 5], [5, 40, 5], [5, 5, 40]], False),
        ([[98, 1], [0, 1]], False),  # a rare class that is found: the accuracy alone would be called chance
        ([[5, 0], [0, 0]], False),  # one class only
    ],
)
def test_chance_is_told_by_accuracy_and_by_class(confusion: list[list[int]], told: bool) -> None:
    assert bool(_near_chance(np.array(confusion))) is told


def test_train_names_the_doctor_where_there_is_nothing_to_learn(tmp_path: Path) -> None:
    r = np.random.default_rng(0)
    rows = [f"{r.normal():.3f},{r.normal():.3f},{r.choice(['x', 'y', 'z'])}" for _ in range(300)]
    (tmp_path / "t.csv").write_text("a,b,kind\n" + "\n".join(rows) + "\n")
    run = tmp_path / "run"
    made = CliRunner().invoke(app, ["train", str(tmp_path / "t.csv"), "--epochs", "2", "--out", str(run)])
    assert made.exit_code == 0, made.output
    assert "byhand doctor" in made.stdout
    made = CliRunner().invoke(app, ["train", "iris", "--out", str(tmp_path / "iris")])
    assert "byhand doctor" not in made.stdout
