"""The healthy networks of the benchmark: small enough to be trained hundreds of times, real enough to go wrong like large ones.

Each function makes a `Patient` from a seed; its keywords change one thing, and that is how faults and odd controls are made.
`worth` trains a patient by its own loop and measures what it is good for, by means of its own: higher is better.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from byhand import data as datasets
from byhand import optim
from byhand.data.dataset import Dataset, Splits
from byhand.errors import ByhandError
from byhand.feedforward import FeedForward
from byhand.models.autoencoder import Autoencoder
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.vae import VAE
from byhand.nn import BatchNorm2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, Network, ReLU, Sequential
from byhand.see.doctor import Patient
from byhand.training.steps import Steps


@cache
def digits(n: int = 2_000) -> Splits:
    """MNIST, of which so many are trained on, 500 validate and 1,000 test."""
    whole = datasets.load("mnist")
    assert whole.validation is not None
    return Splits(
        whole.train.take(np.arange(n)), whole.validation.take(np.arange(500)), whole.test.take(np.arange(0, 10_000, 10))
    )


@cache
def flowers() -> Splits:
    """Iris, with a fifth of the training data to validate on."""
    whole = datasets.load("iris")
    order = np.random.default_rng(0).permutation(len(whole.train))
    return Splits(whole.train.take(order[24:]), whole.train.take(order[:24]), whole.test)


@cache
def moons(n: int = 1_500, noise: float = 0.1) -> Splits:
    return datasets.load("moons", n=n, noise=noise)


def training(
    model: Any,
    train: Dataset,
    *,
    lr: float,
    epochs: int,
    batch_size: int,
    optimizer: Any = "sgd",
    schedule: str = "constant",
    clip: float | None = None,
    augment: Any = None,
    seed: int = 0,
    loop: type[Steps] = Steps,
    **settings: Any,
) -> Steps:
    return loop(
        model,
        train,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optim.by_name(optimizer, lr, **settings) if isinstance(optimizer, str) else optimizer(lr),
        schedule=schedule,
        clip_length=clip,
        augment=augment,
        seed=seed,
    )


TRAINING = {
    "lr",
    "epochs",
    "batch_size",
    "optimizer",
    "schedule",
    "clip",
    "augment",
    "loop",
    "momentum",
    "nesterov",
    "weight_decay",
}


def _parted(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {k: v for k, v in given.items() if k in TRAINING}, {k: v for k, v in given.items() if k not in TRAINING}


def mlp(
    seed: int, splits: Splits | None = None, cls: Any = FeedForward, hidden: tuple[int, ...] = (30,), **given: Any
) -> Patient:
    """784-30-10, sigmoid, cross-entropy, SGD: Nielsen's network of chapter 3 on fewer digits."""
    splits = splits or digits()
    how, net = _parted(given)
    how = {"lr": 0.5, "epochs": 12, "batch_size": 10} | how
    net = {"activation": "sigmoid", "cost": "cross_entropy"} | net
    model = cls((splits.train.flat.shape[1], *hidden, splits.train.n_classes), seed=seed, **net)
    return Patient(training(model, splits.train, seed=seed, **how), splits.validation, splits.test)


def relu(seed: int, splits: Splits | None = None, hidden: tuple[int, ...] = (64, 32), **given: Any) -> Patient:
    """784-64-32-10, ReLU, softmax, Adam."""
    base = {
        "activation": "relu",
        "output": "softmax",
        "initialiser": "he",
        "optimizer": "adam",
        "lr": 0.002,
        "batch_size": 32,
        "epochs": 10,
    }
    return mlp(seed, splits, hidden=hidden, **base | given)


def pooled(*last: Any, momentum: float = 0.1, dropout: float = 0.1) -> Sequential:
    layers: list[Any] = []
    for before, n in ((1, 8), (8, 16)):
        layers += [Conv2d(before, n, 3, padding="same"), BatchNorm2d(n, momentum=momentum), ReLU(), MaxPool2d(2)]
    return Sequential(*layers, Flatten(), Dropout(dropout), Linear(16 * 49, 10), *last)


def conv(seed: int, splits: Splits | None = None, module: Any = None, cls: Any = Network, **given: Any) -> Patient:
    """Two convolutions with batch norm, 8 and 16 channels, each pooled, and a full layer; Adam."""
    splits = splits or digits(1_500)
    how, net = _parted(given)
    how = {"lr": 0.004, "epochs": 4, "batch_size": 32, "optimizer": "adam"} | how
    module = module() if module is not None else pooled()
    model = cls(module, splits.train.inputs.shape[1:], seed=seed, **net)
    return Patient(training(model, splits.train, seed=seed, **how), splits.validation, splits.test)


def coder(seed: int, splits: Splits | None = None, cls: Any = Autoencoder, **given: Any) -> Patient:
    """784-64-8-64-784, Adam."""
    splits = splits or digits()
    how, net = _parted(given)
    how = {"lr": 0.003, "epochs": 15, "batch_size": 32, "optimizer": "adam"} | how
    net = {"hidden": (64,), "latent": 8} | net
    hidden, latent = net.pop("hidden"), net.pop("latent")
    model = cls(784, hidden, latent, seed=seed, **net)
    return Patient(training(model, splits.train, seed=seed, **how), splits.validation, splits.test)


def vae(seed: int, splits: Splits | None = None, cls: Any = VAE, **given: Any) -> Patient:
    """784-128-8-128-784, Adam."""
    return coder(seed, splits, cls, **{"hidden": (128,)} | given)


def points(seed: int, splits: Splits | None = None, cls: Any = DiffusionNetwork, module: Any = None, **given: Any) -> Patient:
    """Diffusion in the plane: 200 steps of noise, two classes, AdamW."""
    splits = splits or moons(2_000, 0.06)
    how, net = _parted(given)
    how = {"lr": 0.003, "epochs": 60, "batch_size": 128, "optimizer": "adamw", "weight_decay": 0.0, "schedule": "one_cycle"} | how
    x = splits.train.inputs
    net = {"mean": x.mean(axis=0), "std": x.std(axis=0), "steps": 200, "ema_decay": 0.99} | net
    module = module() if module is not None else MLPDenoiser(2, width=48, depth=2, classes=2)
    model = cls(module, (2,), seed=seed, **net)
    return Patient(training(model, splits.train, seed=seed, **how), splits.validation, splits.test)


# ---------------------------------------------------------------- what a patient is worth


def worth(patient: Patient) -> float:
    """Train it to its end and measure it: accuracy, minus a cost, or minus the distance of its samples from the data."""
    run = patient.training
    with np.errstate(all="ignore"):
        try:
            for _ in run:
                pass
        except ByhandError:
            pass
        model = run.model
        if not np.isfinite(model.parameters).all():
            model.parameters[...] = np.nan_to_num(model.parameters, posinf=0, neginf=0)
        if model.kind == "diffusion":
            return -energy_distance(patient)
        if model.kind in ("autoencoder", "vae"):
            return _images(patient)
        test = patient.test
        assert test is not None
        alone = np.concatenate([np.asarray(model.forward(test.flat[i : i + 1])) for i in range(min(400, len(test)))])
        return float((alone.argmax(axis=1) == test.labels[:400]).mean())


def _images(patient: Patient) -> float:
    """Of an autoencoder, minus the cross-entropy of the reconstruction; of a VAE, its bound in nats (one drawn code an image)."""
    from byhand.models.elbo import measure

    x = digits().test.flat[:500]
    model = patient.model
    if model.kind == "vae":
        plain = VAE(784, model.hidden, model.latent, activation=model.activation, classes=model.classes)
        plain.parameters[...] = np.clip(model.parameters, -1e3, 1e3)
        found = float(measure(plain, x, digits().test.targets()[:500] if model.classes else None).elbo)
    else:
        found = -float(model.evaluate(x, np.zeros((len(x), 10), np.float32))[0])
    return max(found, -5_000.0) if np.isfinite(found) else -5_000.0


def energy_distance(patient: Patient, n: int = 300) -> float:
    """Between drawn and real points, class by class, in deviations of the data. Source: Székely and Rizzo (2013), eq. 5."""
    clean = moons(2_000, 0.06).test
    spread, model, total = clean.flat.std(axis=0), patient.model, 0.0
    for k in range(2):
        real = clean.flat[clean.labels == k][:n] / spread
        sampler = getattr(model, "sampler", None)
        drawn = (
            sampler_of(model, sampler, n, k)
            if sampler
            else model.sample(n, k, sampler="ddpm", steps=min(50, model.diffusion.steps), seed=1)
        )
        drawn = np.clip(np.nan_to_num(drawn), -50, 50) / spread
        total += float(2 * _apart(real, drawn) - _apart(real, real) - _apart(drawn, drawn))
    return total / 2


def sampler_of(model: Any, sampler: Any, n: int, label: int) -> Any:
    """Draw by a sampler of the patient's own."""
    from byhand.models.samplers import Noise, spaced_timesteps

    labels = np.full(n, label)
    *_, last = sampler(
        model.diffusion,
        lambda x, t: model.prediction(x, t, labels),
        Noise(n, (2,), 1, np.float32),
        spaced_timesteps(model.diffusion.steps, min(50, model.diffusion.steps)),
        None,
    )
    return model.unscaled(last.x)


def _apart(a: Any, b: Any) -> Any:
    return np.sqrt(np.maximum(0, np.square(a[:, None] - b[None]).sum(axis=2))).mean()
