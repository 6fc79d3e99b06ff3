"""What benchmarks/engine.py measures: for each part, a dictionary of things to do, once by byhand and once by PyTorch.

A job is called again and again; what it needs is made before. Nothing here is imported by the process that prints the table.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

Job = Callable[[], Any]

OURS = "byhand"
STEPS = {"cnn": "CNN, training step", "unet": "U-Net, training step"}  # of each network, the job that trains it
BATCH, EVALUATED, CHAIN = 128, 12, 1_000
CONV_BATCH = 64
CONVS = [(28, 32, 32), (28, 64, 64), (14, 64, 64), (14, 128, 128), (7, 128, 128), (28, 1, 32)]  # side, channels in and out


def case(side: int, n_in: int, n_out: int) -> str:
    return f"{side}x{side}x{n_in}->{n_out}"


def threads() -> int:
    """How many each of them may use: BYHAND_THREADS, or as many as there are cores."""
    given = os.environ.get("BYHAND_THREADS")
    return int(given) if given else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def clock() -> float:
    """Seconds; of processor time where there is but one thread, which others on the machine cannot lengthen much."""
    return time.process_time() if threads() == 1 else time.perf_counter()


def jobs(part: str, who: str) -> dict[str, Job]:
    """The things to do for this part by "byhand", or by PyTorch "eager", "channels-last" or "compiled"."""
    if who == OURS:
        from byhand import blas

        blas.choose_kernels()
        return BY_HAND[part]()
    import torch

    torch.set_num_threads(threads())
    torch.manual_seed(1)
    return BY_PYTORCH[part](who)


def our_convs() -> dict[str, Job]:
    import numpy as np

    from byhand import kernels

    rng = np.random.default_rng(1)
    found: dict[str, Job] = {}
    for side, n_in, n_out in CONVS:
        x = rng.standard_normal((CONV_BATCH, side, side, n_in), np.float32)
        w = rng.standard_normal((3, 3, n_in, n_out), np.float32)
        b = rng.standard_normal(n_out, np.float32)
        delta = rng.standard_normal((CONV_BATCH, side, side, n_out), np.float32)
        conv, place = kernels.family("conv", x), ((1, 1), (1, 1), (1, 1), 1)  # stride, padding, dilation, groups

        def forward(x: Any = x, w: Any = w, b: Any = b, conv: Any = conv, place: Any = place) -> None:
            conv.forward(x, w, b, *place)

        def both(x: Any = x, w: Any = w, b: Any = b, delta: Any = delta, conv: Any = conv, place: Any = place) -> None:
            conv.forward(x, w, b, *place)
            conv.gradient(x, w, delta, *place, (True, True, True))

        found[f"{case(side, n_in, n_out)}, forward"] = forward
        found[f"{case(side, n_in, n_out)}, with gradients"] = both
    return found


def their_convs(who: str) -> dict[str, Job]:
    import torch

    layout = torch.channels_last if who == "channels-last" else torch.contiguous_format
    found: dict[str, Job] = {}
    for side, n_in, n_out in CONVS:
        x = torch.randn(CONV_BATCH, n_in, side, side).to(memory_format=layout)
        w = torch.randn(n_out, n_in, 3, 3).to(memory_format=layout)
        b = torch.randn(n_out)
        delta = torch.randn(CONV_BATCH, n_out, side, side).to(memory_format=layout)

        def forward(x: Any = x, w: Any = w, b: Any = b) -> None:
            with torch.inference_mode():
                torch.conv2d(x, w, b, padding=1)

        def both(x: Any = x, w: Any = w, b: Any = b, delta: Any = delta) -> None:
            with torch.inference_mode():  # the kernels alone, without a tape, as ours
                torch.conv2d(x, w, b, padding=1)
                torch.ops.aten.convolution_backward(
                    delta, x, w, [len(b)], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, True, True]
                )

        found[f"{case(side, n_in, n_out)}, forward"] = forward
        found[f"{case(side, n_in, n_out)}, with gradients"] = both
    return found


def our_cnn() -> dict[str, Job]:
    import numpy as np

    from byhand import nn, optim

    layers: list[nn.Module] = []
    for n_in, n in ((1, 32), (32, 64)):
        layers += [nn.Conv2d(n_in, n, 3, padding=1), nn.BatchNorm2d(n, activation="relu")]
        layers += [nn.Conv2d(n, n, 3, padding=1), nn.BatchNorm2d(n, activation="relu"), nn.MaxPool2d(2)]
    head = [nn.Flatten(), nn.Linear(7 * 7 * 64, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10)]
    net, adam = nn.Network(nn.Sequential(*layers, *head), (28, 28, 1), seed=1), optim.Adam(1e-3)
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((BATCH, 28, 28, 1), np.float32), rng.integers(0, 10, BATCH)

    def step() -> None:
        net.learn(x, y)
        adam.step(net.parameters, net.gradient)

    return {STEPS["cnn"]: step}


def their_cnn(who: str) -> dict[str, Job]:
    import torch
    from engine_peers import cnn

    net, x = _laid_out(cnn(), who), torch.randn(BATCH, 1, 28, 28)
    x = x.to(memory_format=torch.channels_last) if who != "eager" else x
    y, adam = torch.randint(0, 10, (BATCH,)), torch.optim.Adam(net.parameters(), 1e-3, fused=True)

    def step() -> None:
        adam.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        adam.step()

    return {STEPS["cnn"]: step}


def our_unet() -> dict[str, Job]:
    import numpy as np

    from byhand import nn, optim
    from byhand.engine import Tensor, no_grad, ops
    from byhand.kernels.threads import one_blas_thread
    from byhand.models.unet import UNet

    rng = np.random.default_rng(1)
    x, target = (rng.standard_normal((BATCH, 28, 28, 1), np.float32) for _ in range(2))
    t, labels = rng.integers(1, 1001, BATCH), rng.integers(0, 63, BATCH)

    class Denoiser(nn.Network):
        """A network of which every sample comes with its time and its label."""

        def loss(self, x: Tensor, y: Any) -> Tensor:
            return ops.mse_loss(self.module(x, t, labels), y)

        def _try(self) -> tuple[int, ...]:
            return self.input_shape

    net, adam = Denoiser(UNet(), (28, 28, 1), cost="mse", seed=1), optim.Adam(1e-3)

    def step() -> None:
        net.learn(x, target)
        adam.step(net.parameters, net.gradient)

    def evaluate() -> None:
        net.module.eval()
        with no_grad(), one_blas_thread():
            net.module(Tensor(x[:EVALUATED]), t[:EVALUATED], labels[:EVALUATED])

    return {STEPS["unet"]: step, f"U-Net, {EVALUATED} images": evaluate}


def their_unet(who: str) -> dict[str, Job]:
    import torch
    from engine_peers import UNet

    net, x, target = _laid_out(UNet(), who), torch.randn(BATCH, 1, 28, 28), torch.randn(BATCH, 1, 28, 28)
    if who != "eager":
        x, target = (a.to(memory_format=torch.channels_last) for a in (x, target))
    t, labels = torch.randint(1, 1001, (BATCH,)), torch.randint(0, 63, (BATCH,))
    adam = torch.optim.Adam(net.parameters(), 1e-3, fused=True)

    def step() -> None:
        net.train()
        adam.zero_grad()
        torch.nn.functional.mse_loss(net(x, t, labels), target).backward()
        adam.step()

    def evaluate() -> None:
        net.eval()
        with torch.inference_mode():
            net(x[:EVALUATED], t[:EVALUATED], labels[:EVALUATED])

    return {STEPS["unet"]: step, f"U-Net, {EVALUATED} images": evaluate}


def _laid_out(net: Any, who: str) -> Any:
    import torch

    if who != "eager":
        net = net.to(memory_format=torch.channels_last)
    return torch.compile(net) if who == "compiled" else net


def our_tape() -> dict[str, Job]:
    import numpy as np

    from byhand.engine import Tensor

    return _tape(Tensor(np.ones(1, np.float32), requires_grad=True), Tensor(np.ones(1, np.float32)))


def their_tape(who: str) -> dict[str, Job]:
    import torch

    return _tape(torch.ones(1, requires_grad=True), torch.ones(1))


def _tape(x: Any, one: Any) -> dict[str, Job]:
    """1,000 ops on one number each: what an op costs beside its arithmetic. Milliseconds a thousand are microseconds an op."""

    def forward() -> None:
        for _ in range(CHAIN):
            x * one

    def both() -> None:
        y = x
        for _ in range(CHAIN):
            y = y * one
        y.backward()
        x.grad = None

    return {f"{CHAIN:,} ops, forward": forward, f"{CHAIN:,} ops in a chain, forward and backward": both}


BY_HAND: dict[str, Callable[[], dict[str, Job]]] = {"conv": our_convs, "cnn": our_cnn, "unet": our_unet, "tape": our_tape}
BY_PYTORCH: dict[str, Callable[[str], dict[str, Job]]] = {
    "conv": their_convs,
    "cnn": their_cnn,
    "unet": their_unet,
    "tape": their_tape,
}
