"""A few tables beside scikit-learn; all of them by `python -m tests.tables`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tables.beside import behind, beside
from tests.tables.cases import CASES

QUICK = (
    "iris_of_kaggle",
    "semicolons_and_decimal_commas",
    "customers_with_an_id",
    "price_of_a_flat",
    "fuel",
    "npz_on_any_scale",
    "npz_with_its_own_test_part",
)
OWN_NAMES = ("names_twice", "row_names_of_r")  # of whose columns ours has other names; so have arrays


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_a_table_is_learned_as_well_as_scikit_learn_does(name: str, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pairs = [beside(name, seed, tmp_path) for seed in range(2)]
    assert not behind(name, pairs), pairs
    assert not [word for pair in pairs for word in pair.unsaid]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(name for name in CASES if not name.startswith("folder")))
def test_every_table_is_read_as_what_was_written_into_it(name: str, tmp_path: Path) -> None:
    import numpy as np

    from byhand import data

    case = CASES[name](3)
    splits = data.load(str(case.write(tmp_path)))
    assert len(splits.train) + len(splits.test) == case.problem.n
    assert (splits.train.task == "numbers") == case.problem.numbers
    assert all(word in splits.note for word in case.says)
    encoding = splits.train.encoding
    assert (encoding is None) == (name == "npz_of_images")
    if encoding is not None and case.header and name not in OWN_NAMES and not name.startswith("npz"):
        names = list(case.problem.columns)
        read = [one.name for one in encoding.inputs]
        assert encoding.target == (case.problem.target or "column 1")
        assert set(read) <= set(names) - set(case.problem.ignored)
    # What scikit-learn gets, found again from what ours reads: the numbers of the first column of numbers.
    values = splits.train.values if case.problem.numbers else None
    if values is not None and encoding is not None:
        told = np.sort(
            np.concatenate([splits.train.values, splits.test.values])[:, 0] * encoding.target_std + encoding.target_mean
        )
        assert np.allclose(told, np.sort(case.problem.y()), rtol=1e-4, atol=1e-5 * np.ptp(case.problem.y()))
    else:
        labels = np.concatenate([splits.train.labels, splits.test.labels])
        kinds = np.unique(case.problem.y(), return_counts=True)[1]
        assert sorted(np.bincount(labels).tolist()) == sorted(kinds.tolist())
