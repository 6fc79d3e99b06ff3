"""What recording costs: `mnist-nielsen-30` with and without it, a thousand steps of the one, a thousand of the other, to the end.

So near to each other, both have the same machine, however its speed drifts. The loop is that of `fit`, without the validation.

    python benchmarks/recording.py [--epochs 30]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path

from byhand.training.fit import Callback
from byhand.training.history import History
from byhand.training.recipes import recipe
from byhand.training.recorder import Recorder
from byhand.training.recording_files import read_recording
from byhand.training.run import begin, build, load_splits
from byhand.training.steps import Steps

RECIPE, STEPS = "mnist-nielsen-30", 1_000


def train(training: Steps, callbacks: list[Callback]) -> float:
    """Seconds of the next thousand steps."""
    began = time.perf_counter()
    for step in islice(training, STEPS):
        for callback in callbacks:
            callback.after_step(step)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    made = recipe(RECIPE).changed(epochs=parser.parse_args().epochs)
    splits = load_splits(made)
    plain, recorded = (begin(made, build(made, splits), splits) for _ in range(2))
    print(f"{RECIPE}, {plain.total:,} steps; load of the machine at the beginning: {os.getloadavg()[0]:.2f}")
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder))
        recorder.before(recorded, History())
        # Both have a callback that is called, as every real run has its checkpoints.
        sides = [(plain, [Callback()]), (recorded, [Callback(), recorder])]
        pairs = []
        while plain.index < plain.total:
            seconds = {side: train(*sides[side]) for side in ((0, 1) if len(pairs) % 2 else (1, 0))}
            pairs.append((seconds[0], seconds[1]))
        recording = read_recording(Path(folder))
        size, snapshots = recording.taken / 1e6, len(recording.snapshots)
    sums = [sum(side) for side in zip(*pairs, strict=True)]
    ratios = [after / before for before, after in pairs]
    spread = "{:.3f} to {:.3f}".format(*(statistics.quantiles(ratios, n=4)[at] for at in (0, 2)))
    print(f"plain {sums[0]:.2f} s, recorded {sums[1]:.2f} s, {size:.1f} MB, {snapshots} snapshots")
    print(
        f"ratio of neighbours: median {statistics.median(ratios):.3f}, half of them {spread}; of the sums {sums[1] / sums[0]:.3f}"
    )


if __name__ == "__main__":
    main()
