"""Recipes: named, seeded set-ups, each with a figure that running it gives. All defaults of the project live here."""

from __future__ import annotations

import dataclasses
import difflib
import json
from dataclasses import dataclass, field
from typing import Any

from byhand.errors import ModelError


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a training: run it twice, and the same bits come out.

    Attributes:
        data: what `byhand.data.load` takes, a name or a path; data_options: its further arguments.
        model: "feedforward"; or one of `byhand.models` with its model_options: "cnn", "transformer", "autoencoder", "vae",
            "conv_autoencoder", "conv_vae", "diffusion".
        hidden: units of the hidden layers; input and output are the data's.
        regularisation: Nielsen's lambda; the network's l2 is regularisation / number of training samples.
        augment: settings of `byhand.data.augment.Augment`, or None. binarise: draw images black and white, anew each time.
        even: every class equally often, whatever its samples; codes_of: a shipped coder, whose codes of the data are learned.
        start_from: a model whose weights the training begins with, by name or path, in place of random ones.
        reports: what the source reports for it, in words.
    """

    name: str
    about: str = ""
    data: str = "mnist"
    data_options: dict[str, Any] = field(default_factory=dict)
    model: str = "feedforward"
    model_options: dict[str, Any] = field(default_factory=dict)
    hidden: tuple[int, ...] = (30,)
    activation: str = "sigmoid"
    output: str = "sigmoid"
    cost: str = "quadratic"
    initialiser: str = "nielsen"
    regularisation: float = 0.0
    l1: float = 0.0
    dropout: float = 0.0
    label_smoothing: float = 0.0
    optimizer: str = "sgd"
    optimizer_settings: dict[str, Any] = field(default_factory=dict)
    lr: float = 3.0
    schedule: str = "constant"
    clip: float | None = None
    epochs: int = 30
    batch_size: int = 10
    augment: dict[str, float] | None = None
    binarise: bool = False
    even: bool = False
    codes_of: str = ""
    start_from: str = ""
    seed: int = 1
    reports: str = ""

    def changed(self, **settings: Any) -> Recipe:
        """This recipe with other settings; raises ModelError for a setting that no recipe has.

        >>> recipe("iris").changed(lr=0.5).lr
        0.5
        """
        known = {f.name for f in dataclasses.fields(self)}
        for name in settings:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f": did you mean {near[0]!r}?" if near else f": choose one of {', '.join(sorted(known))}"
                raise ModelError(f"no recipe has a setting {name!r}{hint}")
        if "hidden" in settings:
            settings["hidden"] = tuple(settings["hidden"])
        return dataclasses.replace(self, **settings)


def parse_setting(text: str) -> tuple[str, Any]:
    """`key=value` as the command line gives it; the value is JSON where it can be read as that, else a string.

    >>> parse_setting("hidden=[100,50]")
    ('hidden', [100, 50])
    >>> parse_setting("cost=cross_entropy")
    ('cost', 'cross_entropy')
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ModelError(f"--set {text!r} is not key=value, as in --set lr=0.5")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


_ALL = (
    Recipe(
        "iris",
        about="150 flowers, 4 measurements, 3 species: small enough to follow every number",
        data="iris",
        hidden=(5,),
        lr=1.0,
        epochs=100,
    ),
    Recipe(
        "moons",
        about="two interleaved half circles: the smallest data that no straight line parts",
        data="moons",
        hidden=(16, 16),
        activation="tanh",
        output="softmax",
        cost="cross_entropy",
        initialiser="glorot",
        optimizer="adam",
        lr=0.01,
        epochs=60,
        batch_size=32,
    ),
    Recipe(
        "mnist-nielsen-30",
        about="the network of chapter 1: 784-30-10, sigmoid, quadratic cost",
        reports="95.42 % (Nielsen 2015, chapter 1)",
    ),
    Recipe(
        "mnist-nielsen-100",
        about="the same with 100 hidden units",
        hidden=(100,),
        reports="96.59 % (Nielsen 2015, chapter 1)",
    ),
    Recipe(
        "mnist-nielsen-regularised",
        about="100 hidden units, cross-entropy, L2 weight decay, the rate falling along a cosine: chapter 3",
        hidden=(100,),
        cost="cross_entropy",
        regularisation=3.0,
        lr=0.2,
        schedule="cosine",
        epochs=40,
        reports="97.92 to 98.04 % (Nielsen 2015, chapter 3)",
    ),
    Recipe(
        "mnist",
        about="the best plain feed-forward network here: 784-256-128-10 with augmentation; it ships",
        data_options={"validation": 0},
        hidden=(256, 128),
        activation="relu",
        output="softmax",
        cost="cross_entropy",
        initialiser="he",
        optimizer="adam",
        lr=0.002,
        schedule="one_cycle",
        epochs=30,
        batch_size=128,
        augment={"shift": 2.0, "rotate": 12.0, "scale": 0.12, "shear": 0.12, "elastic": 1.2},
    ),
    Recipe(
        "mnist-cnn",
        about="a convolutional network: 6 convolutions, 16 to 64 channels; it ships",
        data_options={"validation": 0},
        model="cnn",
        model_options={"channels": [16, 32, 64]},
        cost="cross_entropy",
        dropout=0.1,
        label_smoothing=0.05,
        initialiser="he",
        optimizer="adamw",
        optimizer_settings={"weight_decay": 0.01},
        lr=0.006,
        schedule="one_cycle",
        epochs=16,
        batch_size=128,
        augment={"shift": 2.0, "rotate": 12.0, "scale": 0.12, "shear": 0.12, "elastic": 1.2},
    ),
    Recipe(
        "emnist-cnn",
        about="letters and digits, 62 classes: 6 convolutions, 32 to 128 channels; it judges generated letters, and ships",
        data="emnist",
        data_options={"held_out": 0.1},
        model="cnn",
        model_options={"channels": [32, 64, 128]},
        cost="cross_entropy",
        dropout=0.3,
        label_smoothing=0.05,
        initialiser="he",
        optimizer="adamw",
        optimizer_settings={"weight_decay": 0.02},
        lr=0.005,
        schedule="one_cycle",
        epochs=10,
        batch_size=128,
        augment={"shift": 1.0, "rotate": 3.0},
    ),
    Recipe(
        "mnist-ae",
        about="an autoencoder: every digit through 16 numbers and back",
        data_options={"validation": 0},
        model="autoencoder",
        model_options={"latent": 16},
        hidden=(128, 128),
        activation="relu",
        optimizer="adam",
        lr=0.002,
        schedule="one_cycle",
        epochs=30,
        batch_size=128,
    ),
    Recipe(
        "mnist-vae",
        about="a variational autoencoder of 8 dimensions: near codes are near digits, and any code is one",
        data_options={"validation": 0},
        model="vae",
        model_options={"latent": 8},
        hidden=(256, 128),
        activation="relu",
        optimizer="adam",
        lr=0.002,
        schedule="one_cycle",
        epochs=60,
        batch_size=128,
    ),
    Recipe(
        "mnist-vae-2d",
        about="the same with 2 dimensions: all digits on one map",
        data_options={"validation": 0},
        model="vae",
        model_options={"latent": 2},
        hidden=(256, 128),
        activation="relu",
        optimizer="adam",
        lr=0.002,
        schedule="one_cycle",
        epochs=60,
        batch_size=128,
    ),
    Recipe(
        "mnist-vae-burda",
        about="784-200-200-50 on black and white digits, to be measured beside a published likelihood",
        data_options={"validation": 0},
        model="vae",
        model_options={"latent": 50},
        hidden=(200, 200),
        activation="tanh",
        optimizer="adam",
        lr=0.001,
        schedule="cosine",
        epochs=1200,
        batch_size=100,
        binarise=True,
        reports="log-likelihood -86.76 nats (Burda et al. 2016, table 1: one stochastic layer, k = 1)",
    ),
    Recipe(
        "mnist-conv-vae",
        about="the VAE of 8 dimensions with convolutions, its gradients by the tape",
        data_options={"validation": 0},
        model="conv_vae",
        model_options={"latent": 8, "channels": [32, 64]},
        optimizer="adam",
        lr=0.002,
        schedule="one_cycle",
        epochs=15,
        batch_size=128,
    ),
    Recipe(
        "emnist-vae",
        about="digits and letters through 16 numbers: the space in which latent diffusion draws",
        data="emnist",
        data_options={"held_out": 0.1},
        model="vae",
        model_options={"latent": 16},
        hidden=(512, 256),
        activation="relu",
        optimizer="adam",
        lr=0.002,
        schedule="one_cycle",
        epochs=40,
        batch_size=128,
    ),
    Recipe(
        "moons-diffusion",
        about="diffusion in the plane, where one sees all of it: noise becomes two half circles",
        data="moons",
        data_options={"n": 4000, "noise": 0.05},
        model="diffusion",
        model_options={"width": 64, "standardise": True},
        initialiser="he",
        optimizer="adamw",
        optimizer_settings={"weight_decay": 0.0},
        lr=0.003,
        schedule="one_cycle",
        epochs=100,
        batch_size=128,
    ),
    Recipe(
        "mnist-diffusion",
        about="digits out of noise: a U-Net, trained on the bundled images",
        data_options={"validation": 0},
        model="diffusion",
        model_options={"channels": [16, 32, 64], "embedding": 96, "weighting": "min_snr"},
        initialiser="he",
        optimizer="adamw",
        optimizer_settings={"weight_decay": 0.0},
        lr=0.002,
        schedule="one_cycle",
        clip=1.0,
        epochs=4,
        batch_size=128,
    ),
    Recipe(
        "emnist-diffusion",
        about="digits and letters out of noise: the U-Net that writes",
        data="emnist",
        data_options={"held_out": 0.1},
        model="diffusion",
        model_options={"channels": [32, 64, 128], "weighting": "min_snr"},
        initialiser="uniform",
        optimizer="adamw",
        optimizer_settings={"weight_decay": 0.0},
        lr=0.002,
        schedule="one_cycle",
        clip=1.0,
        epochs=5,
        batch_size=128,
        even=True,
    ),
    Recipe(
        "emnist-latent-diffusion",
        about="the same in the 16 numbers of emnist-vae: coarser, and a hundred times faster",
        data="emnist",
        data_options={"held_out": 0.1},
        codes_of="emnist-vae",
        model="diffusion",
        model_options={"width": 192, "depth": 4, "schedule": "short", "steps": 50, "standardise": True},
        initialiser="he",
        optimizer="adamw",
        optimizer_settings={"weight_decay": 0.0},
        lr=0.002,
        schedule="one_cycle",
        clip=1.0,
        epochs=40,
        batch_size=256,
        even=True,
    ),
    Recipe(
        "attention",
        about="a transformer that learned to write from this project's own texts, character by character; it ships",
        data="docs",
        data_options={"window": 96},
        model="transformer",
        model_options={"width": 128, "depth": 2, "heads": 4},
        cost="cross_entropy",
        dropout=0.1,
        initialiser="glorot",
        optimizer="adamw",
        optimizer_settings={"weight_decay": 0.1},
        lr=0.003,
        schedule="one_cycle",
        clip=1.0,
        epochs=10,
        batch_size=32,
    ),
)
RECIPES = {made.name: made for made in _ALL}


def recipe(name: str) -> Recipe:
    """The recipe of this name; raises ModelError for an unknown one, with the nearest.

    >>> recipe("mnist-nielsen-30").hidden
    (30,)
    """
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, 1)
        raise ModelError(
            f"recipe {name!r} is unknown{f', did you mean {near[0]!r}' if near else ''}: choose one of {', '.join(RECIPES)}"
        )
    return RECIPES[name]
