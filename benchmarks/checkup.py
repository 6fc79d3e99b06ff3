"""What `byhand.checkup` costs a PyTorch loop: the same steps alone and listened to, in turn, on one thread.

    python benchmarks/checkup.py

"looking" are the steps 6 to 70, in which samples are collected and ten steps are looked at; "after" are the steps from 101 on.
"""

from __future__ import annotations

import statistics
import time
from contextlib import nullcontext

import torch

import byhand

ROUNDS, STEPS, BATCH = 5, 300, 64


def seconds(width: int, listened: bool) -> list[float]:
    """Of each step of a training of 784-width-10."""
    torch.manual_seed(0)
    x, y = torch.randn(6_400, 784), torch.randint(0, 10, (6_400,))
    net = torch.nn.Sequential(torch.nn.Linear(784, width), torch.nn.ReLU(), torch.nn.Linear(width, 10))
    optimizer, found = torch.optim.Adam(net.parameters()), []
    with byhand.checkup(net) if listened else nullcontext():
        for step in range(STEPS):
            begin = time.perf_counter()
            rows = slice(step % 100 * BATCH, step % 100 * BATCH + BATCH)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
            found.append(time.perf_counter() - begin)
    return found


def main() -> None:
    torch.set_num_threads(1)
    for width in (128, 1_024):
        pairs = [(seconds(width, False), seconds(width, True)) for _ in range(ROUNDS)]
        looking = statistics.median(sum(two[5:70]) / sum(one[5:70]) for one, two in pairs)
        after = statistics.median(statistics.median(two[100:]) / statistics.median(one[100:]) for one, two in pairs)
        print(f"784-{width}-10, batch {BATCH}: a step takes {looking:.2f} times as long while looking, {after:.2f} times after")


if __name__ == "__main__":
    main()
