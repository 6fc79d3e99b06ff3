"""How good the letters are that the U-Net draws, beside PyTorch's after as many steps on the same batches.

Both take the steps of `emnist-diffusion` with a budget of --epochs (the rate's schedule is fitted to it), keep the same running
mean, and draw with the same sampler from the same noise; `byhand eval` then measures both. It wants EMNIST (BYHAND_DATA). With
--times 1.59 the budget is one of time: a step of byhand's takes 0.63 of one of PyTorch's (benchmarks/diffusion.py).

    python benchmarks/diffusion_quality.py [--epochs 1] [--samples 100] [--guidance 1] [--steps 20] [--only byhand]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from engine_peers import UNet

from byhand import blas, schedules
from byhand.models.samplers import Noise, dpm_solver, spaced_timesteps
from byhand.shipped import open_model
from byhand.training.evaluate_diffusion import SamplesEvaluation, evaluate_samples, even_labels
from byhand.training.recipes import recipe
from byhand.training.run import begin, build, load_splits

CLASSES = 62


def ours(made: Any, splits: Any, names: list[str], labels: Any, options: argparse.Namespace) -> tuple[Any, float]:
    """Images that byhand's network draws, and seconds of its training."""
    network: Any = build(made, splits)
    start = time.perf_counter()
    training = begin(made, network, splits)
    training.total = round(training.total * options.times)
    for step in training:
        if step.index % 100 == 0:
            print(f"  byhand, step {step.index}: {step.cost:.4f}", flush=True)
    seconds = time.perf_counter() - start
    drawn = network.sample(names, labels, sampler="dpm_solver", steps=options.steps, guidance=options.guidance)
    return drawn, seconds


def theirs(made: Any, splits: Any, names: list[str], labels: Any, options: argparse.Namespace) -> tuple[Any, float]:
    """The same by PyTorch."""
    torch.manual_seed(made.seed)
    network: Any = build(made, splits)  # for its diffusion, what it draws, and the order of the samples; it does not learn
    order = begin(made, network, splits)
    diffusion, x = network.diffusion, splits.train.flat
    net = UNet().to(memory_format=torch.channels_last)
    average = [parameter.detach().clone() for parameter in net.parameters()]
    adam = torch.optim.AdamW(net.parameters(), made.lr, weight_decay=0.0, fused=True)
    factor, start = schedules.by_name(made.schedule), time.perf_counter()
    for index in range(order.total):
        some = order.upcoming()
        drawn = network.draw(splits.train.labels[some], order.model.rng, network.label_dropout)
        x0 = network.scaled(x[some]).reshape(-1, 28, 28, 1)
        noisy, wanted = diffusion.noisy(x0, drawn.t, drawn.eps), diffusion.target_of(x0, drawn.eps, drawn.t)
        weight = torch.tensor(diffusion.weights(drawn.t, network.weighting, network.gamma), dtype=torch.float32)
        decay = min(network.decay, (1 + index) / (10 + index))
        torch._foreach_lerp_(average, [p.detach() for p in net.parameters()], 1 - decay)
        answer = net(_laid_out(noisy), torch.tensor(drawn.t), torch.tensor(drawn.labels))
        loss = ((answer - _laid_out(wanted)).square() * weight.view(-1, 1, 1, 1)).mean()
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), made.clip)
        adam.param_groups[0]["lr"] = made.lr * factor(index / order.total)
        adam.step()
        order.index += 1
        if index % 100 == 0:
            print(f"  PyTorch, step {index}: {loss.item():.4f}", flush=True)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        for parameter, mean in zip(net.parameters(), average, strict=True):
            parameter.copy_(mean)

    def answers(x: Any, t: int) -> Any:
        found = []
        with torch.inference_mode():
            for first in range(0, len(x), 124):
                some, known = _laid_out(x[first : first + 124]), torch.tensor(labels[first : first + 124])
                at = torch.full((len(some),), t)
                answer = net(some, at, known)
                if options.guidance != 1:
                    anyway = net(some, at, torch.full_like(known, CLASSES))
                    answer = anyway + options.guidance * (answer - anyway)
                found.append(answer.permute(0, 2, 3, 1).numpy())
        return np.concatenate(found)

    noise = Noise(names, (28, 28, 1), 0, np.float32)
    *_, last = dpm_solver(diffusion, answers, noise, spaced_timesteps(diffusion.steps, options.steps), 1.0)
    return network.unscaled(last.x).reshape(len(labels), -1), seconds


def _laid_out(x: Any) -> Any:
    return torch.from_numpy(np.ascontiguousarray(x, np.float32)).permute(0, 3, 1, 2)


def row(who: str, seconds: float, found: SamplesEvaluation) -> str:
    return (
        f"| {who} | {seconds:.0f} | {found.accuracy:.1%} | {found.merged:.1%} | {found.frechet:.3f} | {found.nearest:.3f} | "
        f"{found.copies:.2%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--held-out", type=float, default=0.1, help="fraction of the data that is not trained on")
    parser.add_argument("--samples", type=int, default=100, help="of each class")
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=20, help="of DPM-Solver++")
    parser.add_argument(
        "--times", type=float, default=1.0, help="byhand takes so many times PyTorch's steps: what fits in its time"
    )
    parser.add_argument("--only", choices=("byhand", "PyTorch"), help="one of the two: the figures do not depend on the other")
    options = parser.parse_args()
    blas.choose_kernels()
    made = recipe("emnist-diffusion").changed(epochs=options.epochs, data_options={"held_out": options.held_out})
    splits, judge = load_splits(made), open_model("emnist-cnn").classifier
    test = splits.test.take(slice(0, 12_000))  # enough to measure with
    labels = even_labels(CLASSES, options.samples)
    names = [f"{i // CLASSES}.{splits.test.class_names[label]}" for i, label in enumerate(labels)]
    rows = []
    for who, train in (("PyTorch", theirs), ("byhand", ours)):
        if options.only not in (None, who):
            continue
        drawn, seconds = train(made, splits, names, labels, options)
        found = evaluate_samples(drawn, labels, splits.train, test, judge)
        rows.append(row(who, seconds, found))
        print(rows[-1], flush=True)
    real = f"| real, held out | | {found.real:.1%} | {found.real_merged:.1%} | {found.halves:.3f} | {found.nearest_real:.3f} | |"
    print(f"\n{vars(options)}\n\n| who | training, s | judge | merged | Fréchet | nearest | copies |\n" + "|---" * 7 + "|")
    print("\n".join([*rows, real]))


if __name__ == "__main__":
    main()
