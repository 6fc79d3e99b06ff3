"""`python -m tests.tables.fresh [TABLE ...] [--seeds N]`: small tables, measured on 3,000 rows that come from where theirs came.

A fifth of 150 rows are 30, of which each is worth 3.3 points, so defaults for small tables cannot be chosen by their own test
rows. Here ours and scikit-learn's network train on the same rows, as `byhand train TABLE` does it, and meet the same fresh ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tests.tables import problems
from tests.tables.beside import network_of, rows_of
from tests.tables.cases import Case, text
from tests.tables.problems import Problem

from byhand.data.tables.splits import encoded_dataset
from byhand.data.tables.table import read_table
from byhand.training.evaluate import measure
from byhand.training.fit import fit
from byhand.training.own_data import recipe_for
from byhand.training.run import begin, build

FRESH = 3_000
Make = Callable[[int, int], Problem]  # by seed and number of rows


def _two(seed: int, n: int) -> Problem:
    return problems.flowers(seed, n, words=("-1", "1"))


TABLES: dict[str, tuple[int, Make]] = {
    "two flowers": (150, _two),
    "two flowers, few": (50, _two),
    "flowers": (150, problems.flowers),
    "wines": (178, problems.wines),
    "wide": (120, problems.wide),
    "rings, few": (150, problems.rings),
    "rings": (600, problems.rings),
    "salaries": (150, problems.salaries),
    "customers": (800, problems.customers),
    "customers, few": (200, problems.customers),
    "mushrooms, few": (250, problems.mushrooms),
    "patients": (569, problems.patients),
    "uneven": (1_500, problems.uneven),
    "letters": (2_600, problems.letters),
}


def fresh(name: str, seed: int, folder: Path) -> tuple[float, float]:
    """Accuracy on fresh rows, of ours and of scikit-learn's."""
    n, make = TABLES[name]
    both = make(seed, n + FRESH)
    order = np.random.default_rng(seed).permutation(n + FRESH)  # some problems come sorted
    path, rest = folder / f"table-{seed}.csv", folder / f"fresh-{seed}.csv"
    ours, others = both.rows(order[:n]), both.rows(order[n:])
    path.write_text(text(ours))
    rest.write_text(text(others))
    recipe, splits = recipe_for(str(path), {"target": both.target, "drop": list(both.ignored)}, {"seed": seed})
    assert splits is not None and splits.train.encoding is not None
    network = build(recipe, splits)
    fit(network, splits.train, training=begin(recipe, network, splits))
    told, _ = encoded_dataset(read_table(rest), splits.train.encoding, "classes")
    rows, _ = rows_of(Case(name, path.name, b"", ours))
    x, y, at = both.x(), both.y(), order[:n][rows]
    theirs = network_of(seed).fit(x[at], y[at]).score(x[order[n:]], y[order[n:]])
    return measure(network, told).accuracy, float(theirs)


def main() -> int:
    """Print each table: mean accuracy of both, and the mean difference with its standard error."""
    parser = argparse.ArgumentParser(prog="python -m tests.tables.fresh", description=__doc__)
    parser.add_argument("tables", nargs="*", help="names; all unless given")
    parser.add_argument("--seeds", type=int, default=20)
    asked = parser.parse_args()
    print(f"{'table':18} {'byhand':>8} {'sklearn':>8} {'difference':>20}")
    for name in asked.tables or TABLES:
        with tempfile.TemporaryDirectory() as folder:
            pairs = np.array([fresh(name, seed, Path(folder)) for seed in range(asked.seeds)])
        ahead = pairs[:, 0] - pairs[:, 1]
        error = ahead.std() / len(ahead) ** 0.5
        print(f"{name:18} {pairs[:, 0].mean():8.4f} {pairs[:, 1].mean():8.4f} {ahead.mean():+12.4f} ± {error:.4f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
