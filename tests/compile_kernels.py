"""Compile the kernels before the tests, once: `python -m tests.compile_kernels`.

Several processes of tests would otherwise compile the same ones at the same time, and whoever of them is the first to run a
command would find in what it prints that something is being compiled.
"""

from __future__ import annotations

import numpy as np

from byhand import data
from byhand.training.recipes import RECIPES
from byhand.training.run import begin, build

# Among them they use nearly all: convolutions, norms, pools, attention, Adam, warps of images.
NAMES = ("mnist", "mnist-cnn", "mnist-conv-vae", "mnist-diffusion", "mnist-gan", "attention", "lstm")


def main() -> None:
    for name in NAMES:
        recipe = RECIPES[name].changed(batch_size=20)
        splits = data.load(recipe.data, **recipe.data_options)
        few = data.Splits(splits.train.take(np.arange(100)), None, splits.test.take(np.arange(20)))
        training = begin(recipe, build(recipe, few), few)
        for _ in range(2):
            next(training)
        training.model.evaluate(training.x[:20], training.y[:20])


if __name__ == "__main__":
    main()
