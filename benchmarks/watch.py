"""What watching costs a loop: the processor time of the same steps, bare, watched by nobody, and watched by a page.

    python benchmarks/watch.py

One thread for the matrix products, rounds in turn, medians over the rounds. The network is that of docs/examples/own_loop.py; a
second one is so small that next to nothing but the calls is left.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import statistics
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from websockets.sync.client import connect

import byhand

ROUNDS, SECONDS = 9, 2.0


def loop(sizes: tuple[int, int, int], batch: int) -> tuple[dict[str, Any], Callable[[Any], None]]:
    """Parameters, and a step of the network that changes them and calls `watcher`."""
    rng = np.random.default_rng(0)
    n_in, n, n_out = sizes
    w1, b1 = (rng.standard_normal((n_in, n)) / n_in**0.5).astype(np.float32), np.zeros(n, np.float32)
    w2, b2 = (rng.standard_normal((n, n_out)) / n**0.5).astype(np.float32), np.zeros(n_out, np.float32)
    x = rng.random((batch, n_in), np.float32)
    y = np.eye(n_out, dtype=np.float32)[rng.integers(0, n_out, batch)]

    def step(watcher: Any) -> None:
        hidden = np.maximum(x @ w1 + b1, 0)
        z = hidden @ w2 + b2
        powers = np.exp(z - z.max(axis=1, keepdims=True))
        output = powers / powers.sum(axis=1, keepdims=True)
        cost = -np.log((output * y).sum(axis=1) + 1e-12).mean()
        delta2 = (output - y) / batch
        delta1 = delta2 @ w2.T * (hidden > 0)
        slopes = {"w1": x.T @ delta1, "b1": delta1.sum(axis=0), "w2": hidden.T @ delta2, "b2": delta2.sum(axis=0)}
        for name, slope in slopes.items():
            np.subtract(parameters[name], 1e-3 * slope, out=parameters[name])
        if watcher is not None:
            watcher(cost, gradients=slopes, activations={"hidden": hidden, "output": output}, learning_rate=1e-3)

    parameters = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    return parameters, step


def per_step(step: Callable[[Any], None], watcher: Any) -> float:
    """Seconds of processor time a step, of the whole process."""
    n, began, until = 0, time.process_time(), time.monotonic() + SECONDS
    while time.monotonic() < until:
        for _ in range(20):
            step(watcher)
        n += 20
    return (time.process_time() - began) / n


def listening(address: str) -> threading.Event:
    """A page that reads all it is told, until the event is set."""
    done, ready, place = threading.Event(), threading.Event(), urlsplit(address)
    line_at, origin = f"ws://{place.netloc}/api/watch?{place.query}", f"http://{place.netloc}"

    def read() -> None:
        with connect(line_at, origin=origin, max_size=None, proxy=None) as line:  # type: ignore[arg-type]
            ready.set()
            while not done.is_set():
                line.recv()

    threading.Thread(target=read, daemon=True).start()
    ready.wait(10)
    return done


def main() -> None:
    for name, sizes, batch in (("784-64-10, batch 32", (784, 64, 10), 32), ("4-5-3, batch 10", (4, 5, 3), 10)):
        parameters, step = loop(sizes, batch)
        taken: dict[str, list[float]] = {"bare": [], "watched, no page": [], "watched, a page open": []}
        per_step(step, None)
        for _ in range(ROUNDS):
            taken["bare"].append(per_step(step, None))
            with byhand.sample_steps(parameters, port=0, open_browser=False) as watcher:
                taken["watched, no page"].append(per_step(step, watcher))
                done = listening(watcher.address)
                taken["watched, a page open"].append(per_step(step, watcher))
                done.set()
        print(f"\n{name}: microseconds a step, median of {ROUNDS}; of the pairs the median ratio to bare")
        for kind, times in taken.items():
            ratios = [one / bare for one, bare in zip(times, taken["bare"], strict=True)]
            print(f"  {kind:22} {1e6 * statistics.median(times):8.1f}   {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
