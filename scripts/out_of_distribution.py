"""Where the classes of shipped classifiers lie: written into their files, and how well what belongs to none is told from them.

    BYHAND_DATA=... python scripts/out_of_distribution.py [--write] [MODEL ...]

Measured on test samples that were not used: digits, letters of EMNIST, noise and blanks. Letters written like a digit are
counted apart.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from byhand import data
from byhand.data.emnist import load_emnist
from byhand.modelfile import load_model, save_model
from byhand.tensorfile import read_tensors
from byhand.training.out_of_distribution import KEY, fitted, of_model

WEIGHTS = Path("src/byhand/weights")
LIKE_A_DIGIT = set("OoIiLlJjSsZzBbDdGgQqTtCcAaYy")  # with both cases, as many are written alike


def pictures_of_nothing() -> dict[str, Any]:
    """Noise of three kinds, and blanks."""
    rng = np.random.default_rng(0)
    coarse = np.kron(rng.random((1_000, 7, 7)), np.ones((4, 4)))
    return {
        "noise": rng.random((1_000, 28, 28)),
        "specks": (rng.random((1_000, 28, 28)) < 0.15).astype(float),
        "blots": (coarse > 0.6) * coarse,
        "blanks": np.stack([np.full((28, 28), grey) for grey in (0.0, 0.5, 1.0)]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["mnist-cnn", "mnist", "mnist-nielsen-100", "mnist-nielsen-30"])
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    digits = data.load("mnist")
    letters = load_emnist("byclass", held_out=0.1).test
    names = np.array(letters.class_names)[letters.labels]
    alphabetic = np.char.isalpha(names)
    like = np.isin(names, list(LIKE_A_DIGIT))
    sets = {
        "digits": digits.test.inputs,
        "letters": letters.inputs[alphabetic & ~like],
        "letters like digits": letters.inputs[alphabetic & like],
        **{name: found[..., None].astype(np.float32) for name, found in pictures_of_nothing().items()},
    }
    for name in asked.models:
        path = WEIGHTS / f"{name}.safetensors"
        model = load_model(path)
        assert digits.validation is not None
        where = fitted(model.network, digits.train, digits.validation)
        if where is None:
            print(f"{name}: has no features that could be used")
            continue
        known = of_model({KEY: where.facts()}, 10)
        assert known is not None
        told = {what: float((known.distances(model.network.features(x)) > 1).mean()) for what, x in sets.items()}
        shown = ", ".join(f"{what} {share:.1%} of {len(sets[what])}" for what, share in told.items())
        print(f"{name}: told to be unlike: {shown}")
        if asked.write:
            dtype = next(iter(read_tensors(path)[0].values())).dtype
            save_model(path, dataclasses.replace(model, preprocessing=model.preprocessing | {KEY: where.facts()}), dtype)


if __name__ == "__main__":
    main()
