"""Healthy networks, odd but fine ones among them: no finding is wanted. `harm.py` prints what each is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from broken_feedforward import initialised
from faults_cnn import bent_twin, plain
from subjects import coder, conv, digits, flowers, mlp, moons, points, pooled, relu, vae

from byhand.data.augment import Augment
from byhand.models.cnn import cnn
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.nn import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Sequential, SiLU, Tanh
from byhand.optim import Adam
from byhand.see.doctor import Patient


@dataclass(frozen=True)
class Control:
    name: str
    make: Callable[[int], Patient]


def of(name: str, subject: Any, *data: Any, **given: Any) -> Control:
    return Control(name, lambda seed: subject(seed, *(part() for part in data), **given))


def _sparse(w: Any, b: Any) -> None:
    b -= 0.3


def _shifted_bias(w: Any, b: Any) -> None:
    b += 0.1


CONTROLS: list[Control] = [
    of("mlp", mlp),
    of("mlp: quadratic cost, rate 3", mlp, cost="quadratic", lr=3.0, epochs=20),
    of("mlp: long after convergence", mlp, epochs=40),
    of("mlp: 100 units", mlp, hidden=(100,), epochs=15),
    of("mlp: momentum", mlp, lr=0.05, momentum=0.9),
    of("mlp: Nesterov", mlp, lr=0.05, momentum=0.9, nesterov=True),
    of("mlp: batches of 1", mlp, lr=0.1, batch_size=1, epochs=8),
    of("mlp: batches of 4", mlp, lr=0.2, batch_size=4, epochs=10),
    of("mlp: batches of 100", mlp, lr=3.0, batch_size=100, epochs=40),
    of("mlp: cosine", mlp, schedule="cosine", lr=1.0),
    of("mlp: slow sigmoid start", mlp, hidden=(30, 30), lr=0.5, epochs=25),
    of("mlp: weight decay", mlp, l2=0.001, epochs=15),
    of("mlp: L1", mlp, l1=0.0001, epochs=15),
    of("mlp: tanh", mlp, activation="tanh", output="softmax", lr=0.1, initialiser="glorot"),
    of("mlp: softmax", mlp, output="softmax", lr=0.2),
    of("mlp: large inputs' weights", mlp, initialiser="glorot"),
    of("relu", relu),
    of("relu: sparse on purpose", relu, cls=initialised(_sparse), epochs=12),
    of("relu: positive biases", relu, cls=initialised(_shifted_bias)),
    of("relu: SGD", relu, optimizer="sgd", lr=0.05, epochs=15),
    of("relu: RMSProp", relu, optimizer="rmsprop", lr=0.001, epochs=12),
    of("relu: AdamW", relu, optimizer="adamw", lr=0.002, weight_decay=0.05),
    of("relu: one cycle", relu, schedule="one_cycle", lr=0.005),
    of("relu: dropout 0.3", relu, dropout=0.3, hidden=(128,), epochs=20),
    of("relu: clipped to 1", relu, clip=1.0),
    of("relu: leaky", relu, activation="leaky_relu"),
    of("relu: SiLU", relu, activation="silu"),
    of("relu: three layers", relu, hidden=(64, 64, 32)),
    of("relu: shifted images", relu, augment=Augment(shift=1.0), epochs=25, hidden=(128,)),
    of("relu: no hidden layer's worth of bottleneck", relu, hidden=(64,), epochs=12),
    of("iris", mlp, flowers, hidden=(8,), epochs=60),
    of("iris: Adam", relu, flowers, hidden=(16,), epochs=60, lr=0.01),
    of("iris: tanh", mlp, flowers, hidden=(8,), epochs=60, activation="tanh", output="softmax", lr=0.1),
    of("moons", relu, moons, hidden=(16, 16), lr=0.01, epochs=20),
    of("moons: tanh", relu, moons, hidden=(16, 16), lr=0.01, epochs=20, activation="tanh", initialiser="glorot"),
    of("moons: sigmoid", mlp, moons, hidden=(16,), lr=1.0, epochs=80),
    of("moons: tiny network that is enough", relu, moons, hidden=(8,), lr=0.02, epochs=30, activation="tanh"),
    of("digits: 500 samples", relu, lambda: digits(500), epochs=20, hidden=(64,)),
    of("digits: 4,000 samples", relu, lambda: digits(4_000), epochs=8),
    of("cnn", conv),
    of(
        "cnn: four convolutions, mean of places",
        conv,
        module=lambda: cnn(1, 10, channels=(8, 16), dropout=0.0),
        epochs=12,
        lr=0.01,
    ),
    of("cnn: without batch norm", conv, module=plain, epochs=6),
    of("cnn: SGD with momentum", conv, optimizer="sgd", lr=0.05, momentum=0.9),
    of("cnn: AdamW, one cycle", conv, optimizer="adamw", weight_decay=0.01, schedule="one_cycle", lr=0.008),
    of("cnn: batches of 64", conv, batch_size=64, lr=0.006, epochs=6),
    of("cnn: batches of 8", conv, batch_size=8, lr=0.002, epochs=3),
    of("cnn: dropout 0.3", conv, module=lambda: pooled(dropout=0.3), epochs=5),
    of("cnn: label smoothing", conv, label_smoothing=0.1, epochs=5),
    of(
        "cnn: tanh",
        conv,
        module=lambda: Sequential(
            Conv2d(1, 8, 3, padding="same"),
            Tanh(),
            AvgPool2d(2),
            Conv2d(8, 16, 3, padding="same"),
            Tanh(),
            AvgPool2d(2),
            Flatten(),
            Linear(784, 10),
        ),
        epochs=6,
    ),
    of(
        "cnn: SiLU",
        conv,
        module=lambda: Sequential(
            Conv2d(1, 8, 3, padding="same"),
            SiLU(),
            MaxPool2d(2),
            Conv2d(8, 16, 3, padding="same"),
            SiLU(),
            MaxPool2d(2),
            Flatten(),
            Linear(784, 10),
        ),
        epochs=6,
    ),
    of(
        "cnn: stride in place of pooling",
        conv,
        module=lambda: Sequential(
            Conv2d(1, 8, 3, stride=2), SiLU(), Conv2d(8, 16, 3, stride=2), SiLU(), Flatten(), Linear(16 * 36, 10)
        ),
        epochs=6,
    ),
    of(
        "cnn: global mean",
        conv,
        module=lambda: Sequential(
            Conv2d(1, 16, 3, padding="same"),
            SiLU(),
            MaxPool2d(2),
            Conv2d(16, 32, 3, padding="same"),
            SiLU(),
            MaxPool2d(2),
            Conv2d(32, 32, 3, padding="same"),
            SiLU(),
            GlobalAvgPool2d(),
            Linear(32, 10),
        ),
        epochs=12,
        lr=0.01,
    ),
    of("ae", coder),
    of("ae: squared error", coder, reconstruction="gaussian", epochs=20),
    of("ae: 16 numbers", coder, latent=16, epochs=20),
    of("ae: two layers", coder, hidden=(128, 64)),
    of("ae: tanh", coder, activation="tanh"),
    of("ae: noise on the code", coder, noise=0.3),
    of("ae: one cycle", coder, schedule="one_cycle", lr=0.006),
    of("ae: long", coder, epochs=30),
    of("vae", vae),
    of("vae: 2 numbers", vae, latent=2),
    of("vae: 16 numbers", vae, latent=16),
    of("vae: tanh", vae, activation="tanh"),
    of("vae: beta 2", vae, beta=2.0),
    of("vae: warm-up", vae, warm_up=200),
    of("vae: two layers", vae, hidden=(128, 64)),
    of("vae: one cycle", vae, schedule="one_cycle", lr=0.005),
    of("vae: batches of 100", vae, batch_size=100, lr=0.006, epochs=25),
    of("vae: squared error", vae, reconstruction="gaussian"),
    of("diffusion", points),
    of("diffusion: x0", points, target="x0"),
    of("diffusion: min-SNR", points, weighting="min_snr"),
    of("diffusion: linear schedule", points, schedule="linear", steps=1_000),
    of("diffusion: cosine, 1,000 steps", points, steps=1_000),
    of("diffusion: constant rate, flat cost", points, lr=0.001, epochs=100),
    of("diffusion: wider", points, module=lambda: MLPDenoiser(2, width=64, depth=3, classes=2), epochs=50),
    of("diffusion: without classes", points, module=lambda: MLPDenoiser(2, width=48, depth=2)),
    of("diffusion: label forgotten in a third", points, label_dropout=0.33),
    of("diffusion: clipped to 1", points, clip=1.0),
    of("diffusion: AdamW 0.004", points, lr=0.004),
    of("mlp: rate 0.2, 20 epochs", mlp, lr=0.2, epochs=20),
    of("mlp: rate 1", mlp, lr=1.0, epochs=10),
    of("relu: Adam 0.001", relu, lr=0.001, epochs=15),
    of("relu: Adam 0.005", relu, lr=0.005, epochs=8),
    of("relu: batches of 16", relu, batch_size=16, lr=0.001),
    of("relu: batches of 64", relu, batch_size=64, lr=0.003, epochs=15),
    of("relu: 256 units", relu, hidden=(256,), lr=0.001),
    of("cnn: Adam 0.002", conv, lr=0.002, epochs=6),
    of("ae: Adam 0.002", coder, lr=0.002, epochs=25),
    of("vae: Adam 0.002", vae, lr=0.002, epochs=20),
    of("diffusion: batches of 64", points, batch_size=64, lr=0.002, epochs=40),
    of("diffusion: 120 epochs", points, epochs=120),
    of("relu: RMSProp 0.002", relu, optimizer="rmsprop", lr=0.002),
    of("cnn: RMSProp", conv, optimizer="rmsprop", lr=0.002, epochs=5),
    of("ae: leaky", coder, activation="leaky_relu"),
    of("mlp: 60 units, quadratic, rate 2", mlp, hidden=(60,), cost="quadratic", lr=2.0, epochs=25),
    of("moons: Adam 0.02", relu, moons, hidden=(32,), lr=0.02, epochs=25),
    of("moons: SGD", relu, moons, hidden=(32,), optimizer="sgd", lr=0.3, epochs=50, initialiser="he"),
    of("diffusion: linear betas", points, schedule="linear", steps=1_000, epochs=80),
    of("mlp: no hidden layer", mlp, hidden=(), epochs=15, lr=0.2),
    of("iris: no hidden layer", mlp, flowers, hidden=(), epochs=80, lr=0.3),
    of("mlp: mild L1 and L2", mlp, l1=0.00003, l2=0.0003, epochs=15),
    of("mlp: step schedule", mlp, schedule="step", lr=0.7, epochs=15),
    of("mlp: linear schedule", mlp, schedule="linear", lr=0.8, epochs=15),
    of("mlp: 3 layers of sigmoid, glorot", mlp, hidden=(60, 30), lr=0.6, epochs=20),
    of("mlp: quadratic, tanh", mlp, activation="tanh", output="sigmoid", cost="quadratic", lr=1.0, epochs=25),
    of("mlp: dropout 0.1", mlp, hidden=(100,), dropout=0.1, epochs=20),
    of("mlp: 4,000 digits", mlp, lambda: digits(4_000), epochs=10),
    of("relu: shifted and turned images", relu, augment=Augment(shift=1.0, rotate=5.0), epochs=30, hidden=(128,)),
    of("relu: momentum 0.9", relu, optimizer="sgd", lr=0.02, momentum=0.9, epochs=12),
    of("relu: Nesterov", relu, optimizer="sgd", lr=0.02, momentum=0.9, nesterov=True, epochs=12),
    of("relu: batches of 1", relu, optimizer="sgd", lr=0.005, batch_size=1, epochs=5),
    of("relu: cosine", relu, schedule="cosine", lr=0.003, epochs=12),
    of("relu: dropout 0.5, wide", relu, dropout=0.5, hidden=(256,), epochs=25),
    of("relu: four layers", relu, hidden=(64, 64, 64, 32), epochs=12),
    of("relu: glorot", relu, initialiser="glorot"),
    of("moons: 500 points", relu, lambda: moons(500), hidden=(32,), lr=0.01, epochs=60),
    of("moons: noisy", relu, lambda: moons(1_500, 0.25), hidden=(16,), lr=0.01, epochs=20),
    of("cnn: 3,000 digits", conv, lambda: digits(3_000), epochs=3),
    of("cnn: shifted images", conv, augment=Augment(shift=1.0), epochs=8),
    of("cnn: cosine", conv, schedule="cosine", lr=0.006, epochs=5),
    of("cnn: ReLU, mean pooling", conv, module=bent_twin, epochs=6),
    of("cnn: slow statistics", conv, module=lambda: pooled(momentum=0.05), epochs=6),
    of("cnn: without dropout", conv, module=lambda: pooled(dropout=0.0)),
    of("cnn: batches of 16", conv, batch_size=16, lr=0.003, epochs=3),
    of("cnn: clipped to 2", conv, clip=2.0),
    of("ae: 2 numbers", coder, latent=2, epochs=40),
    of("ae: RMSProp", coder, optimizer="rmsprop", lr=0.001, epochs=20),
    of("ae: AdamW", coder, optimizer="adamw", weight_decay=0.01),
    of("ae: batches of 64", coder, batch_size=64, lr=0.004, epochs=25),
    of("ae: 4,000 digits", coder, lambda: digits(4_000), epochs=10),
    of("ae: cosine", coder, schedule="cosine", lr=0.005),
    of("ae: 128 units", coder, hidden=(128,)),
    of("vae: with classes", vae, classes=10),
    of("vae: beta 0.5", vae, beta=0.5),
    of("vae: 4,000 digits", vae, lambda: digits(4_000), epochs=10),
    of("vae: 64 units", vae, hidden=(64,)),
    of("vae: AdamW", vae, optimizer="adamw", weight_decay=0.01),
    of("vae: cosine", vae, schedule="cosine", lr=0.005),
    of("diffusion: 20 steps", points, steps=20),
    of("diffusion: 50 steps", points, steps=50),
    of("diffusion: weight decay 0.01", points, weight_decay=0.01),
    of("diffusion: Adam", points, optimizer=Adam),
    of("diffusion: other moons", points, lambda: moons(2_000, 0.1)),
    of("diffusion: decay 0.999", points, ema_decay=0.999, epochs=100),
    of("diffusion: width 96", points, module=lambda: MLPDenoiser(2, width=96, depth=2, classes=2), epochs=40),
    of("diffusion: cosine", points, schedule="cosine"),
]
