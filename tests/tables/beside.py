"""A table trained from the command line with no option, beside scikit-learn's network in a pipeline that standardises."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tests.tables.cases import CASES, Case

from byhand.data.classes import labelled
from byhand.data.dataset import part_classes, part_numbers

POINTS, SHARE = 0.03, 0.05  # how far ours may be behind: points of accuracy, a share of R2


@dataclass(frozen=True)
class Pair:
    """Accuracy, or R2, of ours and theirs on the same held out rows; and what ours did not say though it should."""

    ours: float
    theirs: float
    unsaid: tuple[str, ...]


def beside(name: str, seed: int, folder: Path) -> Pair:
    """One case of this seed."""
    case = CASES[name](seed)
    place = folder / f"{name}-{seed}"
    result, told = trained(case.write(place), place / "run")
    figure = result["r2"] if case.problem.numbers else result["accuracy"]
    return Pair(figure, theirs(case, seed), tuple(word for word in case.says if word not in told))


def trained(table: Path, out: Path) -> tuple[dict[str, Any], str]:
    """What `byhand train TABLE` says: its figures, and its lines."""
    from byhand.cli import app

    said, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        app(["train", str(table), "--out", str(out), "--json"], standalone_mode=False)
    return json.loads(said.getvalue()), " ".join(told.getvalue().split())


def rows_of(case: Case) -> tuple[Any, Any]:
    """The rows that byhand trains on and tests on, found from what is in the case, and not from how byhand read it."""
    y = case.problem.y()
    if case.held is not None:
        return np.setdiff1d(np.arange(len(y)), case.held), case.held
    if case.problem.numbers:
        return part_numbers(y, 0.2, 0)
    names, labels = labelled(y.tolist())
    return part_classes(labels, len(names), 0.2, 0)


def network_of(seed: int, numbers: bool = False) -> Any:
    """scikit-learn's network as it comes, behind what standardises."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    warnings.filterwarnings("ignore", message="Stochastic Optimizer")  # that it has not converged after its 200 epochs
    return make_pipeline(StandardScaler(), (MLPRegressor if numbers else MLPClassifier)(random_state=seed))


def theirs(case: Case, seed: int) -> float:
    """Accuracy or R2 of scikit-learn's network; of numbers the better one of a target that is scaled too, and one that is not."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler

    x, y = case.problem.x(), case.problem.y()
    rest, held = rows_of(case)
    networks = [network_of(seed, case.problem.numbers)]
    if case.problem.numbers:
        networks.append(TransformedTargetRegressor(network_of(seed, numbers=True), transformer=StandardScaler()))
    return max(float(network.fit(x[rest], y[rest]).score(x[held], y[held])) for network in networks)


def behind(name: str, pairs: list[Pair]) -> bool:
    """Whether ours is too far behind on average."""
    ours, other = (float(np.mean([getattr(pair, side) for pair in pairs])) for side in ("ours", "theirs"))
    return ours < other - (SHARE * abs(other) if CASES[name](0).problem.numbers else POINTS)
