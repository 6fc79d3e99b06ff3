"""How good the digits are that the GAN draws, beside PyTorch's after as many turns on the same batches with the same noise.

Both begin with the same weights of `mnist-gan`, take the same turns with Adam, keep the same running mean, and draw from the same
noise. `mnist-cnn` reads what they draw: how much with p >= 0.9, which classes, and the Frechet distance in its features.

    python benchmarks/gan_quality.py [--epochs 1] [--samples 1000] [--only byhand]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from byhand import blas, schedules
from byhand.models.samplers import Noise
from byhand.nn.exchange import to_pytorch
from byhand.shipped import open_model
from byhand.training.evaluate_diffusion import even_labels, features, frechet_distance, weights
from byhand.training.recipes import recipe
from byhand.training.run import begin, build, load_splits

CLASSES = 10


class Generator(torch.nn.Module):
    """byhand's, layer by layer."""

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        nn, half = torch.nn, width // 2
        self.label = nn.Embedding(CLASSES, latent)
        self.layers = nn.Sequential(
            nn.Linear(2 * latent, 49 * width),
            nn.Unflatten(1, (width, 7, 7)),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, half, 3, padding=1),
            nn.BatchNorm2d(half),
            nn.ReLU(),
            nn.Conv2d(half, half, 3, padding=1),
            nn.BatchNorm2d(half),
            nn.ReLU(),
            nn.Conv2d(half, 4, 3, padding=1),
            nn.PixelShuffle(2),
            nn.Sigmoid(),
        )

    def forward(self, z: Any, labels: Any) -> Any:
        return self.layers(torch.cat([z, self.label(labels)], dim=1))


class Discriminator(torch.nn.Module):
    """byhand's, layer by layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        nn = torch.nn
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )
        self.out = nn.Linear(16 * 4 * width, 1 + CLASSES)

    def forward(self, x: Any, labels: Any) -> Any:
        logits = self.out(self.layers(x))
        return logits[:, :1] + logits.gather(1, 1 + labels[:, None])


def ours(made: Any, splits: Any, labels: Any) -> tuple[Any, float]:
    """Images that byhand's network draws, and seconds of its training."""
    network: Any = build(made, splits)
    start = time.perf_counter()
    for step in begin(made, network, splits):
        if step.index % 200 == 0:
            print(f"  byhand, step {step.index}: {step.cost:.4f}", flush=True)
    return network.sample(len(labels), labels), time.perf_counter() - start


def theirs(made: Any, splits: Any, labels: Any) -> tuple[Any, float]:
    """The same by PyTorch."""
    network: Any = build(made, splits)  # for its first weights, the order of the samples and the noise; it does not learn
    order, x, y = begin(made, network, splits), splits.train.flat, splits.train.labels
    players = network.module
    generator, critic = Generator(players.latent, players.width), Discriminator(players.critic_width)
    for module, own in ((generator, players.generator), (critic, players.discriminator)):
        state = {name: torch.from_numpy(array.copy()) for name, array in to_pytorch(own).items()}
        assert not module.load_state_dict(state, strict=False).unexpected_keys
    beta1 = made.optimizer_settings["beta1"]
    adams = [torch.optim.Adam(one.parameters(), made.lr, (beta1, 0.999), fused=True) for one in (generator, critic)]
    average = [parameter.detach().clone() for parameter in generator.parameters()]
    factor, start = schedules.by_name(made.schedule), time.perf_counter()
    for index in range(order.total):
        some = order.upcoming()
        drawn, known = network.draw(len(some), order.model.rng), torch.from_numpy(y[some])
        z, mine = torch.from_numpy(drawn.z), index % 2 == 0
        for adam in adams:
            adam.param_groups[0]["lr"] = made.lr * factor(index / order.total)
        if mine:
            decay = min(network.ema_decay, (1 + index / 2) / (10 + index / 2))
            torch._foreach_lerp_(average, [p.detach() for p in generator.parameters()], 1 - decay)
            with torch.no_grad():
                made_up = generator(z, known)
            real = torch.from_numpy(x[some].reshape(-1, 1, 28, 28)).requires_grad_()
            rated = critic(real, known)
            (slopes,) = torch.autograd.grad(rated.sum(), real, create_graph=True)
            loss = F.softplus(-rated).mean() + F.softplus(critic(made_up, known)).mean()
            loss = loss + network.penalty_weight * 0.5 * slopes.square().sum(dim=(1, 2, 3)).mean()
        else:
            loss = F.softplus(-critic(generator(z, known), known)).mean()
        adams[mine].zero_grad()
        loss.backward()
        adams[mine].step()
        order.index += 1
        if index % 200 == 0:
            print(f"  PyTorch, step {index}: {loss.item():.4f}", flush=True)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        for parameter, mean in zip(generator.parameters(), average, strict=True):
            parameter.copy_(mean)
        generator.eval()
        z = torch.from_numpy(Noise(len(labels), (players.latent,), 0, np.float32)() * np.float32(network.temperature))
        parts = [generator(z[i : i + 256], torch.from_numpy(labels[i : i + 256])) for i in range(0, len(z), 256)]
    return torch.cat(parts).reshape(len(labels), -1).numpy(), seconds


def row(who: str, seconds: float | None, drawn: Any, labels: Any, judge: Any, real: Any) -> str:
    """What the judge says of the drawn images, as a line of a table."""
    p = np.concatenate([judge.forward(drawn[i : i + 256]) for i in range(0, len(drawn), 256)])
    share = np.bincount(p.argmax(axis=1), minlength=CLASSES) / len(p)
    distance = frechet_distance(features(judge, drawn), real[0], weights(labels), real[1])
    return (
        f"| {who} | {'' if seconds is None else f'{seconds:.0f}'} | {(p.max(axis=1) >= 0.9).mean():.1%} | "
        f"{(p.argmax(axis=1) == labels).mean():.1%} | {share.min():.1%} to {share.max():.1%} | {distance:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, help="the recipe's unless given")
    parser.add_argument("--samples", type=int, default=1_000, help="of each class")
    parser.add_argument("--only", choices=("byhand", "PyTorch", "shipped"), help="one of them")
    options = parser.parse_args()
    blas.choose_kernels()
    made = recipe("mnist-gan")
    made = made.changed(epochs=options.epochs) if options.epochs else made
    splits, judge = load_splits(made), open_model("mnist-cnn").classifier
    test, labels = splits.test, even_labels(CLASSES, options.samples)
    real = features(judge, test.flat), weights(test.labels)
    rows = [row("real, held out", None, test.flat, test.labels, judge, real)]
    for who, train in (("PyTorch", theirs), ("byhand", ours)):
        if options.only in (None, who):
            drawn, seconds = train(made, splits, labels)
            rows.append(row(who, seconds, drawn, labels, judge, real))
    if options.only in (None, "shipped"):
        drawn = open_model("mnist-gan").drawer.sample(len(labels), labels)
        rows.append(row("the model that ships", None, drawn, labels, judge, real))
    print(f"\n{vars(options)}\n")
    print("| who | training, s | p >= 0.9 | as asked | least and most of a class | Fréchet |\n" + "|---" * 6 + "|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
