"""Two small data sets that scikit-learn carries: wines, by what a laboratory measured in them, and digits of 8 x 8 pixels.

Sources: Aeberhard and Forina (1991), "Wine", UCI Machine Learning Repository; Alpaydin and Kaynak (1998), "Optical recognition
of handwritten digits", UCI Machine Learning Repository (scikit-learn carries its test part).
"""

from __future__ import annotations

import numpy as np
from sklearn import datasets

from byhand.data.dataset import Dataset, Splits, stratified_split
from byhand.data.tables.splits import table_splits
from byhand.data.tables.table import of_arrays

GREYS = 16  # the largest level of a pixel: so many of 4 x 4 points of the scan were ink


def load_wine(seed: int = 0) -> Splits:
    """142 wines to train on and 36 to test on, (N, 13), standardised; the classes are three growers."""
    known = datasets.load_wine()
    columns = dict(zip(known.feature_names, known.data.T, strict=True))
    return table_splits(of_arrays("wine", {**columns, "grower": known.target_names[known.target]}), seed, "grower")


def load_digits(seed: int = 0) -> Splits:
    """1,797 digits, a fifth of each held out to test on, (N, 8, 8, 1), white on black from 0 to 1."""
    known = datasets.load_digits()
    inputs = (known.images[..., None] / GREYS).astype(np.float32)
    names = tuple(str(name) for name in known.target_names)
    whole = Dataset("digits", inputs, known.target.astype(np.int64), names, "Alpaydin and Kaynak (1998), by scikit-learn")
    train, test = stratified_split(whole, 0.2, seed)
    return Splits(
        train, None, test, note=f"digits: {len(train):,} to train on, {len(test)} to test on, evenly of each digit (seed {seed})"
    )
