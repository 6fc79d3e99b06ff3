"""What is chosen for a table that no recipe was written for, measured on rows that neither side has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.tables.fresh import fresh


@pytest.mark.slow
@pytest.mark.parametrize("name", ["patients", "wines", "rings"])
def test_small_tables_are_learned_as_well_as_scikit_learn_does_with_many_columns_and_with_few(name: str, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pairs = np.array([fresh(name, seed, tmp_path) for seed in range(4)])
    assert pairs[:, 0].mean() > pairs[:, 1].mean() - 0.005
