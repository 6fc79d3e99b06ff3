"""What splitting a batch in shards costs on one thread: `BYHAND_THREADS=1 python benchmarks/shards.py mnist-cnn 40`.

The steps of all trainings are interleaved, so that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

os.environ.setdefault("BYHAND_THREADS", "1")
from byhand import blas

blas.choose_kernels()
from byhand.training.recipes import recipe  # noqa: E402 - NumPy comes after the choice of kernels
from byhand.training.run import begin, build, load_splits  # noqa: E402


def main(name: str, steps: int) -> None:
    """Print the median step of each, and the median of its ratio to the unsharded step beside it."""
    what = recipe(name)
    splits = load_splits(what)
    trainings = {count: begin(what.changed(shards=count), build(what, splits), splits) for count in (None, 1, 2, 4, 8)}
    took: dict[int | None, list[float]] = {count: [] for count in trainings}
    for step in range(steps + 2):
        for count, training in trainings.items():
            begun = time.perf_counter()
            next(training)
            if step >= 2:  # the first ones fill buffers
                took[count].append(time.perf_counter() - begun)
    for count, seconds in took.items():
        ratio = statistics.median(mine / whole for mine, whole in zip(seconds, took[None], strict=True))
        print(f"{name}, {count or 'no'} shards: {statistics.median(seconds) * 1e3:.2f} ms, {(ratio - 1) * 100:+.1f} %")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
