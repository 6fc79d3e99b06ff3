"""`python -m tests.tables [CASE ...] [--seeds N]`: every case of `cases.py` beside scikit-learn, as a table on standard output.

It needs scikit-learn, and takes about a second per case and seed. Of a table of 150 rows 30 are tested, so a row is worth 3.3
points, and five seeds tell two equal learners apart by 4 points in every twentieth case: small tables get so many seeds that
TESTED rows are tested.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path

import numpy as np
from tests.tables.beside import behind, beside, rows_of
from tests.tables.cases import CASES

TESTED = 600


def main() -> int:
    """Print the table; the status is the number of cases in which ours is too far behind, or silent."""
    parser = argparse.ArgumentParser(prog="python -m tests.tables", description=__doc__)
    parser.add_argument("cases", nargs="*", help="names; all unless given")
    parser.add_argument("--seeds", type=int, default=5, help="at least; 5 unless given")
    asked = parser.parse_args()
    bad = 0
    print(f"{'case':34} {'measure':8} {'byhand':>16} {'scikit-learn':>16}")
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.cases or CASES:
            case = CASES[name](0)
            # A folder trains a convolutional network, which takes a minute or more.
            seeds = asked.seeds if case.files else max(asked.seeds, math.ceil(TESTED / len(rows_of(case)[1])))
            pairs = [beside(name, seed, Path(folder)) for seed in range(seeds)]
            unsaid = sorted({word for pair in pairs for word in pair.unsaid})
            wrong = behind(name, pairs) or bool(unsaid)
            bad += wrong
            ours, theirs = ([getattr(pair, side) for pair in pairs] for side in ("ours", "theirs"))
            shown = [f"{np.mean(side):8.4f} ± {np.std(side):.3f}" for side in (ours, theirs)]
            measure = "R2" if CASES[name](0).problem.numbers else "accuracy"
            print(
                f"{name:34} {measure:8} {shown[0]:>16} {shown[1]:>16}{'   BEHIND' if wrong else ''} {', '.join(unsaid)}",
                flush=True,
            )
    return bad


if __name__ == "__main__":
    sys.exit(main())
