"""Messages name the cause, and public objects of one's own are met with what is known of them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import FeedForward, data, optim
from byhand.activations import ACTIVATIONS, Activation
from byhand.data.dataset import Dataset
from byhand.errors import DataError, TrainingError
from byhand.models.vae import VAE
from byhand.see.explain import explain
from byhand.see.step_numbers import terms_of


def command(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "byhand", *words], capture_output=True, text=True, check=False, env=env)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [2e-3, 2e-9])
def test_an_explosion_before_any_update_speaks_of_the_inputs_and_not_of_the_rate(rate: float) -> None:
    digits = data.load("mnist").train.take(np.arange(64))
    big = replace(digits, inputs=digits.inputs * 255)
    with pytest.raises(TrainingError, match=r"inputs run from 0 to 255; scale them") as caught:
        byhand.fit(VAE(784, (64,), 4, seed=1), big, batch_size=64, optimizer=optim.Adam(rate), seed=1)
    assert "try a learning rate" not in str(caught.value) and "a smaller learning rate cannot help" in str(caught.value)


def test_an_explosion_of_good_inputs_at_the_first_step_speaks_of_the_weights() -> None:
    net = FeedForward((4, 5, 3), seed=1)
    net.parameters[:] = np.inf
    with pytest.raises(TrainingError, match="look at the weights that it begins with"):
        byhand.fit(net, data.load("iris").train)


def test_a_later_explosion_still_speaks_of_the_rate() -> None:
    net = FeedForward((4, 5, 3), "relu", output="identity", seed=1)
    with pytest.raises(TrainingError, match=r"try a learning rate of 1e\+29"):
        byhand.fit(net, data.load("iris").train, epochs=5, optimizer=optim.SGD(1e30))


@pytest.mark.parametrize(
    "cells", [[str(100_000 + 137 * i) for i in range(60)], [f"{i % 30 / 7:.3f}" for i in range(60)], [str(i) for i in range(12)]]
)
def test_a_column_of_prices_is_called_a_number_to_learn(cells: list[str], tmp_path: Path) -> None:
    table = tmp_path / "houses.csv"
    table.write_text("rooms,price\n" + "".join(f"{i % 5},{cell}\n" for i, cell in enumerate(cells)))
    splits = data.load(str(table))
    assert splits.train.task == "numbers" and "learning 'price' (by its name, the last column), a number" in splits.note


def test_numbers_that_are_classes_stay_classes(tmp_path: Path) -> None:
    table = tmp_path / "digits.csv"
    table.write_text("".join(f"{i},{i % 25}\n" for i in range(100)))
    assert data.load(str(table)).train.n_classes == 25


def test_an_own_activation_in_the_table_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def square(z: Any, out: Any) -> Any:
        return np.multiply(z, z, out=out)

    def back(g: Any, z: Any, a: Any, out: Any) -> Any:
        return np.multiply(g, 2 * z, out=out)

    mine = Activation("square", r"\sigma(z) = z^2", r"\sigma'(z) = 2z", square, back, "mine")
    monkeypatch.setitem(ACTIVATIONS, "square", mine)
    net = FeedForward((4, 5, 3), "square", output="sigmoid", seed=1)
    shown = explain(net, np.ones((1, 4)), np.eye(3)[:1])
    latex = " ".join(line.latex for section in shown.stage("forward") for line in section.numbers)
    assert r"\sigma(" in latex


def test_an_own_optimiser_is_named_and_no_terms_are_made_up_for_it() -> None:
    class Signed(optim.Optimizer):
        r"""The sign of the gradient.

        Equation:
            \theta \leftarrow \theta - \eta \operatorname{sign} g
        Source:
            mine
        """

        name, equation = "signed", r"\theta \leftarrow \theta - \eta \operatorname{sign} g"

        def _change(self, block: slice, theta: Any, g: Any, update: Any) -> None:
            np.multiply(np.sign(g), -self.learning_rate, out=update)

    found = explain(FeedForward((4, 5, 3), seed=1), np.ones((1, 4)), np.eye(3)[:1], optimizer=Signed(0.1))
    made = terms_of(found, "w2.change", (0, 0))
    assert abs(made.value) == pytest.approx(0.1) and made.terms == ()
    assert "does not say how this is worked out" in str(made)


@pytest.mark.slow
def test_the_module_runs_and_the_version_is_the_package_s() -> None:
    from importlib.metadata import version

    assert byhand.__version__ == version("byhand")
    assert command("--version").stdout == f"byhand {version('byhand')}\n"
    done = command("train", "iris", "--epochs", "0")
    assert (done.returncode, done.stderr) == (1, "byhand: epochs must be 1 or more, got 0\n")


def test_the_version_costs_nothing_until_it_is_asked_for() -> None:
    code = "import byhand, sys; assert 'importlib.metadata' not in sys.modules; print(byhand.__version__)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("train mnist-n", "mnist-nielsen-30"),
        ("eval mnist-c", "mnist-cnn"),
        ("train iris --set opt", "optimizer="),
        ("rec", "recipes"),
    ],
)
def test_the_shell_completes_names(typed: str, offered: str) -> None:
    import os

    words = f"byhand {typed}"
    asked = {"_BYHAND_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    code = "from byhand.cli import main; import sys; sys.argv = ['byhand']; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **asked})
    assert offered in done.stdout.split()


def test_a_dataset_of_lists_is_refused_in_words() -> None:
    with pytest.raises(DataError, match=r"inputs must be a NumPy array, got \[\[1, 2\]\]"):
        Dataset("x", [[1, 2]], np.array([0]), ("a",))  # type: ignore[arg-type]
