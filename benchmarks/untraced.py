"""What it costs that any step can be looked into, where nobody looks: `steps` beside the same arithmetic in a bare loop.

The bare loop gathers the batch, calls `learn` and the optimiser and adds up the cost; it is no iterator and makes no `Step`. Both
take a block of steps in turn, from the same weights and in the same order, so near to each other that both have the same
machine; the first round is not counted. It is processor time, to be taken with one thread, so that others at work disturb it
little. The bits are compared at the end.

    OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/untraced.py [--rounds 100]
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
from itertools import islice
from typing import Any

import numpy as np

from byhand import blas
from byhand.training.recipes import recipe
from byhand.training.run import begin, build, load_splits
from byhand.training.steps import Steps

SECONDS = 0.15  # of a block


def bare(training: Steps, count: int) -> None:
    """The next steps of a training, by nothing but its arithmetic."""
    model: Any = training.model
    optimizer, order, size = training.optimizer, training.order, training.batch_size
    for index in range(training.index, training.index + count):
        epoch, batch = divmod(index, training.batches)
        if batch == 0 and epoch:
            training._begin_epoch(epoch)
            order = training.order
        indices = order[batch * size : (batch + 1) * size]
        x = np.take(training.x, indices, axis=0, out=training._x[: len(indices)], mode="clip")
        y = np.take(training.y, indices, axis=0, out=training._y[: len(indices)], mode="clip")
        with np.errstate(over="ignore", invalid="ignore"):
            cost = model.learn(x, y)
            if not math.isfinite(cost):
                raise SystemExit(f"step {index}: the cost is {cost}")
            optimizer.learning_rate = training.base_rate * training.factor(index / training.total)
            optimizer.step(model.parameters, model.gradient)
        training.index += 1
        before = (0.0, 0) if batch == 0 else (training.cost_sum, training.samples)
        training.cost_sum, training.samples = before[0] + cost * len(indices), before[1] + len(indices)


def seen(training: Steps, count: int) -> None:
    """The next steps, each a `Step` that could be looked into."""
    for _ in islice(training, count):
        pass


def compare(name: str, rounds: int, **changes: Any) -> str:
    made = recipe(name).changed(epochs=10_000, augment=None, clip=None, **changes)
    splits = load_splits(made)
    sides = [(take, begin(made, build(made, splits), splits)) for take in (bare, seen)]
    began = time.process_time()
    for take, training in sides:
        take(training, 50)
    count = max(10, round(SECONDS / ((time.process_time() - began) / 100)))
    pairs = []
    for turn in range(rounds + 1):
        spent = [0.0, 0.0]
        for side in (0, 1) if turn % 2 else (1, 0):
            start = time.process_time()
            sides[side][0](sides[side][1], count)
            spent[side] = time.process_time() - start
        pairs.append(spent)
    if not np.array_equal(*(training.model.parameters for _, training in sides)):
        raise SystemExit(f"{name}: the two loops came to different weights")
    ratios = [after / before for before, after in pairs[1:]]
    low, middle, high = statistics.quantiles(ratios, n=4)
    each = statistics.median(before for before, _ in pairs[1:]) / count
    return f"| {name}, batch {made.batch_size} | {1e6 * each:,.0f} | {middle - 1:+.2%} | {low - 1:+.2%} to {high - 1:+.2%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
    blas.choose_kernels()
    print(f"{rounds} pairs of blocks, load of the machine before: {os.getloadavg()[0]:.2f}\n")
    print("| | bare loop, us a step | with `Step`, median of the pairs | half of them |\n|---|---|---|---|")
    for name, changes in (("mnist-nielsen-30", {}), ("mnist-nielsen-30", {"batch_size": 128}), ("mnist", {}), ("mnist-cnn", {})):
        print(compare(name, rounds, **changes), flush=True)


if __name__ == "__main__":
    main()
