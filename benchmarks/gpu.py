"""Networks of modules on a GPU (CuPy) beside PyTorch on the same card, and beside our own numbers on the CPU, in one run.

First whether the GPU computes what the CPU does: ops at their hard places, and networks after some steps of training. Then the
training step of a CNN: PyTorch eager, channels-last, in float32 without TF32, as ours is.

    python benchmarks/gpu.py [--rounds 5] [--calls 20]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import cupy
import numpy as np
import torch
from engine_peers import cnn as their_cnn

from byhand import nn, optim
from byhand.engine import Tensor, ops

BATCHES = (128, 1024)


def our_cnn(device: str, dtype: Any = np.float32) -> nn.Network:
    """The CNN of benchmarks/engine.py."""
    layers: list[nn.Module] = []
    for n_in, n in ((1, 32), (32, 64)):
        layers += [nn.Conv2d(n_in, n, 3, padding=1), nn.BatchNorm2d(n, activation="relu")]
        layers += [nn.Conv2d(n, n, 3, padding=1), nn.BatchNorm2d(n, activation="relu"), nn.MaxPool2d(2)]
    head = [nn.Flatten(), nn.Linear(7 * 7 * 64, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10)]
    return nn.Network(nn.Sequential(*layers, *head), (28, 28, 1), seed=1, dtype=dtype, device=device)


def our_transformer(device: str, dtype: Any = np.float32) -> nn.Network:
    block = [nn.LayerNorm(32), nn.MultiheadAttention(32, 4, causal=True)]
    full = [nn.LayerNorm(32), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32)]
    parts = [nn.Embedding(20, 32), nn.Residual(nn.Sequential(*block)), nn.Residual(nn.Sequential(*full)), nn.Linear(32, 20)]
    return nn.Network(nn.Sequential(*parts), (16,), seed=1, dtype=dtype, device=device)


def values() -> None:
    """Ops at their hard places."""
    rng = np.random.default_rng(1)
    many = Tensor(cupy.asarray((293 + rng.standard_normal((1_000_000, 4))).astype(np.float32)))
    print(
        "mean and variance of a million around 293 (293.0, 1.0):",
        ops.mean(many, axis=0).data[0],
        ops.variance(many, axis=0).data[0],
    )
    print("sum of (5e7, 2) ones (5e7):", ops.sum(Tensor(cupy.ones((50_000_000, 2), np.float32)), axis=0).data)
    print(
        "sigmoid(-20) (2.0612e-09):", [float(ops.sigmoid(Tensor(cupy.full(n, -20, np.float32))).data[0]) for n in (8_191, 8_192)]
    )
    z = Tensor(cupy.asarray(np.array([[1, -np.inf, 2]], np.float32)), requires_grad=True)
    print("cross entropy of a masked class (1.3133):", float(ops.cross_entropy(z, target=cupy.zeros(1, int)).data))


def agreement(name: str, make: Callable[..., nn.Network], x: Any, y: Any) -> None:
    """After ten steps of training in float64, how far the GPU's parameters are from the CPU's."""
    found = []
    for device in ("cpu", "gpu"):
        net, adam = make(device, np.float64), optim.Adam(1e-3)
        for _ in range(10):
            net.learn(x, y)
            adam.step(net.parameters, net.gradient)
        found.append(cupy.asnumpy(net.parameters))
    print(
        f"{name}: ten steps in float64, largest difference of a parameter from the CPU's: {np.abs(found[0] - found[1]).max():.1e}"
    )


def our_step(batch: int) -> Callable[[], None]:
    net, adam, rng = our_cnn("gpu"), optim.Adam(1e-3), np.random.default_rng(1)
    x, y = cupy.asarray(rng.standard_normal((batch, 28, 28, 1), np.float32)), cupy.asarray(rng.integers(0, 10, batch))

    def step() -> None:
        net.learn(x, y)
        adam.step(net.parameters, net.gradient)

    return step


def their_step(batch: int) -> Callable[[], None]:
    net = their_cnn().cuda().to(memory_format=torch.channels_last)
    x = torch.randn(batch, 1, 28, 28, device="cuda").to(memory_format=torch.channels_last)
    y, adam = torch.randint(0, 10, (batch,), device="cuda"), torch.optim.Adam(net.parameters(), 1e-3, fused=True)

    def step() -> None:
        adam.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        adam.step()

    return step


def seconds(step: Callable[[], None], calls: int) -> float:
    torch.cuda.synchronize()
    cupy.cuda.Device().synchronize()
    begin = time.perf_counter()
    for _ in range(calls):
        step()
    torch.cuda.synchronize()
    cupy.cuda.Device().synchronize()
    return (time.perf_counter() - begin) / calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20, help="steps a round")
    asked = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    versions = {
        "CuPy": cupy.__version__,
        "PyTorch": torch.__version__,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
    }
    print(torch.cuda.get_device_name(), *(f"{name} {version}" for name, version in versions.items()), sep=", ")
    values()
    rng = np.random.default_rng(1)
    agreement("CNN", our_cnn, rng.standard_normal((16, 28, 28, 1)), rng.integers(0, 10, 16))
    words = rng.integers(0, 20, (16, 16))
    agreement("transformer", our_transformer, words, (words + 1) % 20)
    for batch in BATCHES:
        ours, theirs = our_step(batch), their_step(batch)
        for step in (ours, theirs):
            seconds(step, 5)
        pairs = [(seconds(ours, asked.calls), seconds(theirs, asked.calls)) for _ in range(asked.rounds)]
        mine, other, ratio = (statistics.median(column) for column in zip(*((a, b, a / b) for a, b in pairs), strict=True))
        print(f"CNN, training step, batch {batch}: byhand {1e3 * mine:.2f} ms, PyTorch {1e3 * other:.2f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
