"""Diffusion beside PyTorch, in one run: a training step as the recipe takes it, and letters drawn, with the same U-Net.

Measured as benchmarks/engine.py measures: a process for each, asked in turn, the median of the rounds' ratios.

    python benchmarks/diffusion.py [--rounds 5] [--seconds 0.6] [--threads 1] [--no-compile]
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

import engine_jobs
from engine_jobs import BATCH, Job

import engine

LETTERS, STEPS, GUIDANCE = 12, 50, 2.0
STEP, DRAWING = f"training step, batch {BATCH}", f"{LETTERS} letters, {STEPS} DDIM steps with guidance"


def ours() -> dict[str, Job]:
    import numpy as np

    from byhand import optim
    from byhand.models.denoiser import DiffusionNetwork
    from byhand.models.unet import UNet

    rng = np.random.default_rng(1)
    x = rng.random((BATCH, 784), np.float32)
    y = np.eye(62, dtype=np.float32)[rng.integers(0, 62, BATCH)]
    net = DiffusionNetwork(UNet(), (28, 28, 1), weighting="min_snr", seed=1)
    adam = optim.AdamW(1e-3, weight_decay=0.0)

    def step() -> None:
        net.learn(x, y)
        optim.clip(net.gradient, 1.0)
        adam.step(net.parameters, net.gradient)

    def draw() -> None:
        net.sample(LETTERS, np.arange(LETTERS), steps=STEPS, guidance=GUIDANCE)

    return {STEP: step, DRAWING: draw}


def theirs(who: str) -> dict[str, Job]:
    import numpy as np
    import torch
    from engine_peers import UNet

    from byhand.models.noise_schedules import cosine

    alpha_bar = torch.tensor(cosine().alpha_bar, dtype=torch.float32)
    signal, noise = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    weight = (alpha_bar / (1 - alpha_bar)).clamp(max=5) * (1 - alpha_bar)
    layout = torch.contiguous_format if who == "eager" else torch.channels_last
    plain = UNet().to(memory_format=layout)
    net = torch.compile(plain) if who == "compiled" else plain
    average = [parameter.detach().clone() for parameter in plain.parameters()]
    adam = torch.optim.AdamW(plain.parameters(), 1e-3, weight_decay=0.0, fused=True)
    x = (2 * torch.rand(BATCH, 1, 28, 28) - 1).to(memory_format=layout)
    y = torch.randint(0, 62, (BATCH,))

    def step() -> None:
        net.train()
        t = torch.randint(1, 1001, (BATCH,))
        eps = torch.randn_like(x)
        a, s = signal[t].view(-1, 1, 1, 1), noise[t].view(-1, 1, 1, 1)
        labels = torch.where(torch.rand(BATCH) < 0.1, 62, y)
        adam.zero_grad()
        error = (net(a * x + s * eps, t, labels) - (a * eps - s * x)).square()
        (error * weight[t].view(-1, 1, 1, 1)).mean().backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        adam.step()
        torch._foreach_lerp_(average, list(plain.parameters()), 0.001)

    def draw() -> None:
        net.eval()
        labels = torch.cat([torch.arange(LETTERS), torch.full((LETTERS,), 62)])
        times = [round(1000 * (1 - k / STEPS)) for k in range(STEPS)]
        with torch.inference_mode():
            z = torch.randn(LETTERS, 1, 28, 28).to(memory_format=layout)
            for t, s in zip(times, [*times[1:], 0], strict=True):
                v = net(torch.cat([z, z]), torch.full((2 * LETTERS,), t), labels)
                v = v[LETTERS:] + GUIDANCE * (v[:LETTERS] - v[LETTERS:])
                x0 = (signal[t] * z - noise[t] * v).clamp(-1, 1)
                z = signal[s] * x0 + noise[s] * (z - signal[t] * x0) / noise[t]
        assert np.isfinite(z.numpy()).all()

    return {STEP: step, DRAWING: draw}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.6, help="of a competitor in a round, at least")
    parser.add_argument("--threads", type=int, help="of each (all cores); with 1, processor time is measured")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    options = parser.parse_args()
    if options.threads:
        os.environ |= dict.fromkeys(("BYHAND_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(options.threads))
    print(f"`python benchmarks/diffusion.py {' '.join(sys.argv[1:])}`, {engine.machine()}.\n", flush=True)
    engine.paired("diffusion", options)


# The competitors are new processes, which find their jobs by importing this file.
found: dict[str, Any] = {"diffusion": ours}
engine_jobs.BY_HAND |= found
engine_jobs.BY_PYTORCH |= {"diffusion": theirs}

if __name__ == "__main__":
    main()
