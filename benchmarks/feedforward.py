"""Seconds an epoch of two feed-forward networks: byhand beside PyTorch, JAX and scikit-learn, in one run.

Every competitor is measured in a process of its own (its threads and its memory are then its own), in turn, round after round,
so that a machine whose speed drifts treats all alike. 48,000 real MNIST images, sigmoid, batches of 128, Adam at 0.001, quadratic
cost (scikit-learn offers only cross-entropy). The best epoch of each process counts; then the median over the rounds.

    python benchmarks/feedforward.py [--rounds 5] [--markdown]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

NETWORKS = {"small": (784, 30, 10), "large": (784, 512, 256, 10)}
SAMPLES, BATCH, RATE = 48_000, 128, 1e-3
EPOCHS = {"small": 6, "large": 4}


def mnist() -> tuple[Any, Any]:
    from byhand import data

    train = data.load("mnist").train
    return train.flat[:SAMPLES].copy(), train.targets()[:SAMPLES].copy()


def epochs_of(step_epoch: Callable[[], None], n: int) -> list[float]:
    """Seconds of each of n epochs, after one to warm up (compilers compile, caches fill)."""
    step_epoch()
    seconds = []
    for _ in range(n):
        begin = time.perf_counter()
        step_epoch()
        seconds.append(time.perf_counter() - begin)
    return seconds


def byhand_(sizes: tuple[int, ...], n: int) -> list[float]:
    from byhand import FeedForward, data, optim, steps
    from byhand.data.dataset import Dataset

    train = data.load("mnist").train
    subset = Dataset(train.name, train.inputs[:SAMPLES], train.labels[:SAMPLES], train.class_names, train.source)
    training = steps(FeedForward(sizes, seed=1), subset, epochs=n + 1, batch_size=BATCH, optimizer=optim.Adam(RATE))

    def epoch() -> None:
        for step in training:
            if step.last:
                return

    return epochs_of(epoch, n)


def torch_(sizes: tuple[int, ...], n: int, fused: bool) -> list[float]:
    import torch

    x, y = map(torch.from_numpy, mnist())
    layers: list[Any] = []
    for n_in, n_out in pairwise(sizes):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.Sigmoid()]
    net = torch.nn.Sequential(*layers)
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE, fused=fused)

    def epoch() -> None:
        for indices in torch.randperm(SAMPLES).split(BATCH):
            optimizer.zero_grad()
            loss = ((net(x[indices]) - y[indices]) ** 2).sum(1).mean() / 2
            loss.backward()
            optimizer.step()

    return epochs_of(epoch, n)


def jax_(sizes: tuple[int, ...], n: int, scan: bool) -> list[float]:
    import jax
    import jax.numpy as jnp
    import numpy as np

    x, y = map(jnp.asarray, mnist())
    rng = np.random.default_rng(1)
    shapes = pairwise(sizes)
    theta = [(jnp.asarray(rng.normal(size=(i, o)) / i**0.5, jnp.float32), jnp.zeros(o)) for i, o in shapes]
    zeros = jax.tree.map(jnp.zeros_like, theta)

    def loss(theta: Any, x: Any, y: Any) -> Any:
        for w, b in theta:
            x = jax.nn.sigmoid(x @ w + b)
        return ((x - y) ** 2).sum(1).mean() / 2

    def update(state: Any, indices: Any) -> Any:
        theta, m, v, t = state
        g = jax.grad(loss)(theta, x[indices], y[indices])
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        rate = RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        theta = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), theta, m, v)
        return (theta, m, v, t), None

    one = jax.jit(update, donate_argnums=0)
    whole = jax.jit(lambda state, order: jax.lax.scan(update, state, order)[0], donate_argnums=0)
    state = (theta, zeros, jax.tree.map(jnp.zeros_like, theta), jnp.float32(0))
    shuffle = np.random.default_rng(2)

    def epoch() -> None:
        nonlocal state
        order = shuffle.permutation(SAMPLES).reshape(-1, BATCH)
        if scan:
            state = whole(state, order)
        else:
            for indices in order:
                state, _ = one(state, indices)
        jax.block_until_ready(state)

    return epochs_of(epoch, n)


def sklearn_(sizes: tuple[int, ...], n: int) -> list[float]:
    import warnings

    from sklearn.neural_network import MLPClassifier

    x, y = mnist()
    warnings.simplefilter("ignore")  # "not converged": one epoch at a time is meant
    net = MLPClassifier(sizes[1:-1], activation="logistic", solver="adam", batch_size=BATCH, max_iter=1, warm_start=True)
    net.n_iter_no_change = 10**9
    labels = y.argmax(1)
    return epochs_of(lambda: net.fit(x, labels), n)


COMPETITORS: dict[str, Callable[[tuple[int, ...], int], list[float]]] = {
    "byhand": byhand_,
    "PyTorch, fused Adam": lambda sizes, n: torch_(sizes, n, True),
    "PyTorch, eager": lambda sizes, n: torch_(sizes, n, False),
    "JAX, jit per step": lambda sizes, n: jax_(sizes, n, False),
    "JAX, scan per epoch": lambda sizes, n: jax_(sizes, n, True),
    "scikit-learn": sklearn_,
}


def measure(name: str, network: str) -> dict[str, float]:
    """One competitor, here and now."""
    if name == "byhand":
        from byhand import blas

        blas.choose_kernels()
    seconds = COMPETITORS[name](NETWORKS[network], EPOCHS[network])
    return {"seconds": min(seconds), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown, as benchmarks/RESULTS.md has them")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "NETWORK"), help="measure one competitor in this process")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*options.one)))
        return
    for network, sizes in NETWORKS.items():
        found: dict[str, list[dict[str, float]]] = {name: [] for name in COMPETITORS}
        for _ in range(options.rounds):
            for name in COMPETITORS:
                command = [sys.executable, str(Path(__file__)), "--one", name, network]
                done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
                if done.returncode:
                    sys.exit(f"{name}: {done.stderr.strip().splitlines()[-1]}")
                found[name].append(json.loads(done.stdout))
        print(f"\n{sizes}, {SAMPLES:,} images, batch {BATCH}, {options.rounds} rounds\n")
        ours = [row["seconds"] for row in found["byhand"]]
        table = [("", "seconds an epoch, median", "min - max", "times byhand's, median of the pairs", "peak memory, MB")]
        for name, rows in found.items():
            seconds = [row["seconds"] for row in rows]
            ratio = statistics.median(theirs / our for theirs, our in zip(seconds, ours, strict=True))
            peak = max(row["peak_mb"] for row in rows)
            spread = f"{min(seconds):.3f} - {max(seconds):.3f}"
            table.append((name, f"{statistics.median(seconds):.3f}", spread, f"{ratio:.2f}", f"{peak:.0f}"))
        print(markdown(table) if options.markdown else aligned(table), flush=True)


def markdown(table: list[tuple[str, ...]]) -> str:
    """A table, its first row the heading, as Markdown."""
    lines = [f"| {' | '.join(row)} |" for row in table]
    return "\n".join([lines[0], "|---" * len(table[0]) + "|", *lines[1:]])


def aligned(table: list[tuple[str, ...]]) -> str:
    """The same for a terminal."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table)


if __name__ == "__main__":
    main()
