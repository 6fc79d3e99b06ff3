"""Recipes: named, seeded set-ups, each with a figure that running it gives. All defaults of the project live here.

What each setting may be stands beside it, once: the command line, recipe files, the Train page and Python all ask `Recipe`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Annotated, Any, get_type_hints

from byhand import activations, costs, initialisers, limits, optim, schedules
from byhand.data.augment import Augment
from byhand.errors import ModelError
from byhand.models import kinds
from byhand.nn import network

Check = Callable[[str, Any], Any]  # takes the name of a setting and what was given, returns it checked or raises ModelError

TEXT: Check = limits.text
NAME: Check = partial(limits.text, empty=False)
SETTINGS: Check = limits.settings
TRUTH: Check = limits.truth
COUNT: Check = partial(limits.whole, least=1)
POSITIVE: Check = partial(limits.number, above=0)
WEIGHT: Check = partial(limits.number, least=0)
SHARE: Check = partial(limits.number, least=0, below=1)


def among(table: Any) -> Check:
    """One of the names in a table, as it stands when it is asked: whoever adds to the table may use what is added."""
    return lambda name, given: limits.one_of(name, given, table)


def a_kind(name: str, given: Any) -> str:
    """The name of a kind of network that recipes know, a stranger's own among them."""
    return limits.one_of(name, given, kinds.in_recipes())


def or_none(check: Check) -> Check:
    """The same, or None for doing without."""
    return lambda name, given: None if given is None else check(name, given)


def or_empty(check: Check) -> Check:
    """The same, or "" for leaving it to what fits."""
    return lambda name, given: "" if given == "" else check(name, given)


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a training: run it twice, and the same bits come out.

    Attributes:
        data: what `byhand.data.load` takes, a name or a path; data_options: its further arguments.
        model: "feedforward"; or one of `byhand.models` with its model_options: "cnn", "transformer", "lstm", "autoencoder",
            "vae", "iwae", "conv_autoencoder", "conv_vae", "diffusion".
        hidden: units of the hidden layers; input and output are the data's.
        initialiser: one of `byhand.initialisers`; where none is named, the one that fits the activation.
        regularisation: Nielsen's lambda; the network's l2 is regularisation / number of training samples.
        augment: settings of `byhand.data.augment.Augment`, or None. binarise: draw images black and white, anew each time.
        even: every class equally often, whatever its samples; latents_of: a shipped coder, whose codes of the data are learned.
        drop_last: leave out the last batch of an epoch where it is smaller than the others.
        shards: split each batch in so many, so that any number of processes computes the same bits, or None.
        keep_best: the model is that of the epoch with the lowest validation cost; patience: so too, and the training ends once so
            many epochs have brought none lower, or None. Without validation data a fifth of the training data is held out.
        start_from: a model whose weights the training begins with, by name or path, in place of random ones.
        reports: what the source reports for it, in words.

    Raises ModelError for a setting of the wrong type, out of its range, or one that does not go with another.

    >>> Recipe("mine", epochs=0)
    Traceback (most recent call last):
    byhand.errors.ModelError: epochs must be 1 or more, got 0
    """

    name: Annotated[str, NAME]
    about: Annotated[str, TEXT] = ""
    data: Annotated[str, NAME] = "mnist"
    data_options: Annotated[dict[str, Any], SETTINGS] = field(default_factory=dict)
    model: Annotated[str, a_kind] = "feedforward"
    model_options: Annotated[dict[str, Any], SETTINGS] = field(default_factory=dict)
    hidden: Annotated[tuple[int, ...], limits.whole_numbers] = (30,)
    activation: Annotated[str, among(activations.ACTIVATIONS)] = "sigmoid"
    output: Annotated[str, among(activations.ACTIVATIONS)] = "sigmoid"
    cost: Annotated[str, TEXT] = "quadratic"  # which ones there are depends on the model
    initialiser: Annotated[str, or_empty(among(initialisers.INITIALISERS))] = ""
    regularisation: Annotated[float, WEIGHT] = 0.0
    l1: Annotated[float, WEIGHT] = 0.0
    dropout: Annotated[float, SHARE] = 0.0
    label_smoothing: Annotated[float, SHARE] = 0.0
    optimizer: Annotated[str, among(optim.OPTIMIZERS)] = "sgd"
    optimizer_settings: Annotated[dict[str, Any], SETTINGS] = field(default_factory=dict)
    lr: Annotated[float, POSITIVE] = 3.0
    schedule: Annotated[str, among(schedules.SCHEDULES)] = "constant"
    clip: Annotated[float | None, or_none(POSITIVE)] = None
    epochs: Annotated[int, COUNT] = 30
    batch_size: Annotated[int, COUNT] = 10
    augment: Annotated[dict[str, float] | None, or_none(SETTINGS)] = None
    binarise: Annotated[bool, TRUTH] = False
    even: Annotated[bool, TRUTH] = False
    drop_last: Annotated[bool, TRUTH] = False
    shards: Annotated[int | None, or_none(COUNT)] = None
    keep_best: Annotated[bool, TRUTH] = False
    patience: Annotated[int | None, or_none(COUNT)] = None
    latents_of: Annotated[str, TEXT] = ""
    start_from: Annotated[str, TEXT] = ""
    seed: Annotated[int, partial(limits.whole, least=0)] = 1
    reports: Annotated[str, TEXT] = ""

    def __post_init__(self) -> None:
        for name, check in checks().items():
            object.__setattr__(self, name, check(name, getattr(self, name)))  # how a frozen class keeps what was checked
        self._check_together()

    def _check_together(self) -> None:
        """What each setting alone does not say; raises ModelError where two do not go together."""
        if self.model == "feedforward":
            costs.by_name(self.cost, activations.by_name(self.output))
        elif "cost" in kinds.of_recipe(self.model).settings:
            limits.one_of("cost", self.cost, network.COSTS)
        optim.check_settings(self.optimizer, self.optimizer_settings)
        optim.by_name(self.optimizer, self.lr, **self.optimizer_settings)
        if self.augment is not None:
            if self.binarise:
                raise ModelError("augment and binarise must not both be set: each changes the images anew, choose one")
            limits.known_settings("augment", self.augment, limits.parameters(Augment))
            Augment(**self.augment)

    @property
    def stops_early(self) -> bool:
        """Whether the best epoch is given back, which takes validation data."""
        return self.keep_best or self.patience is not None

    def changed(self, /, **settings: Any) -> Recipe:
        """This recipe with other settings; raises ModelError for a setting that no recipe has, or that its model does not read.

        >>> recipe("iris").changed(lr=0.5).lr
        0.5
        """
        limits.known_settings("a recipe", settings, sorted(checks()))
        changed = dataclasses.replace(self, **settings)
        for name in settings:
            if name in shaping() and name not in kinds.of_recipe(changed.model).settings:
                reads = ", ".join(kinds.of_recipe(changed.model).settings)
                raise ModelError(f"a {changed.model} does not read {name}: leave it out (it reads {reads})")
        return changed


def shaping() -> set[str]:
    """The settings that shape a network, of which each kind reads some; all others are of the training, and of any kind."""
    return {name for model in kinds.in_recipes() for name in kinds.of_recipe(model).settings}


@cache
def checks() -> dict[str, Check]:
    """For every setting of a recipe, what checks it; raises ModelError for a setting that somebody added without a check."""
    hints = get_type_hints(Recipe, include_extras=True)
    try:
        return {one.name: hints[one.name].__metadata__[0] for one in dataclasses.fields(Recipe)}
    except AttributeError as error:
        raise ModelError("a setting of Recipe has no check: write its type as Annotated[type, check]") from error


def read(written: dict[str, Any]) -> Recipe:
    """The recipe that a file's settings describe; raises ModelError where they describe none."""
    limits.known_settings("a recipe", written, sorted(checks()))
    if "name" not in written:
        raise ModelError("a recipe must have a name, got none")
    return Recipe(**written)


def parse_setting(text: str) -> tuple[str, Any]:
    """`key=value` as the command line gives it; the value is JSON where it can be read as that, else a string.

    >>> parse_setting("hidden=[100,50]")
    ('hidden', [100, 50])
    >>> parse_setting("cost=cross_entropy")
    ('cost', 'cross_entropy')
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ModelError(f"--set must be key=value, for example --set lr=0.5, got {limits.told(text)}")
    try:
        return key, json.loads(value)
    except (ValueError, RecursionError):
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
        "circles",
        about="one circle around another: what a single hidden layer bends",
        data="circles",
        hidden=(16,),
        activation="tanh",
        output="softmax",
        cost="cross_entropy",
        optimizer="adam",
        lr=0.01,
        epochs=40,
        batch_size=32,
    ),
    Recipe(
        "spiral",
        about="two arms that wind around each other: it takes more units, and longer",
        data="spiral",
        hidden=(32, 32),
        activation="tanh",
        output="softmax",
        cost="cross_entropy",
        optimizer="adam",
        lr=0.01,
        epochs=150,
        batch_size=32,
    ),
    Recipe(
        "xor",
        about="exclusive or, the question that one layer cannot answer",
        data="xor",
        hidden=(8,),
        activation="tanh",
        output="softmax",
        cost="cross_entropy",
        optimizer="adam",
        lr=0.01,
        epochs=30,
        batch_size=32,
    ),
    Recipe(
        "under-a-function",
        about="points under a curve and over it: the border that is learned can be held beside the true one",
        data="under-a-function",
        hidden=(16,),
        activation="tanh",
        output="softmax",
        cost="cross_entropy",
        optimizer="adam",
        lr=0.01,
        epochs=40,
        batch_size=32,
    ),
    Recipe(
        "wine",
        about="178 wines by 13 measurements, three growers; the data are scikit-learn's",
        data="wine",
        hidden=(16,),
        activation="relu",
        output="softmax",
        cost="cross_entropy",
        optimizer="adam",
        lr=0.01,
        epochs=40,
        batch_size=16,
    ),
    Recipe(
        "digits",
        about="1,797 digits of 8 x 8 pixels, scikit-learn's: a network of images that trains in a second",
        data="digits",
        hidden=(64,),
        activation="relu",
        output="softmax",
        cost="cross_entropy",
        optimizer="adam",
        lr=0.005,
        epochs=40,
        batch_size=32,
    ),
    Recipe(
        "regression-sine",
        about="a number instead of a class: the sine of x, with known noise",
        data="regression-sine",
        hidden=(32, 32),
        activation="tanh",
        output="identity",
        cost="quadratic",
        optimizer="adamw",
        optimizer_settings={"weight_decay": 0.02},
        lr=0.01,
        schedule="one_cycle",
        epochs=120,
        batch_size=32,
    ),
    Recipe(
        "california-like",
        about="the price of a house by five columns, made by a known rule",
        data="california-like",
        hidden=(64, 32),
        activation="relu",
        output="identity",
        cost="quadratic",
        optimizer="adamw",
        optimizer_settings={"weight_decay": 0.02},
        lr=0.01,
        schedule="one_cycle",
        epochs=40,
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
        "mnist-iwae",
        about="the same network with five codes per image: the importance-weighted bound, which is closer to log p(x)",
        data_options={"validation": 0},
        model="iwae",
        model_options={"latent": 50, "samples": 5},
        hidden=(200, 200),
        activation="tanh",
        optimizer="adam",
        lr=0.001,
        schedule="cosine",
        epochs=500,
        batch_size=100,
        binarise=True,
        start_from="mnist-vae-burda",
        reports="log-likelihood -85.54 nats (Burda et al. 2016, table 1: one stochastic layer, k = 5)",
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
        "moons-gan",
        about="two networks play in the plane: one makes points out of noise, one tells them from the two half circles",
        data="moons",
        data_options={"n": 4000, "noise": 0.05},
        model="gan",
        model_options={"latent": 4, "width": 64, "conditional": False, "standardise": True},
        initialiser="he",
        optimizer="adam",
        optimizer_settings={"beta1": 0.5},
        lr=0.001,
        epochs=300,
        batch_size=128,
    ),
    Recipe(
        "mnist-gan",
        about="digits out of noise in one pass: a generator that a discriminator has taught; it ships",
        data_options={"validation": 0},
        model="gan",
        model_options={"latent": 32, "width": 64, "critic_width": 32, "penalty": 0.2, "temperature": 0.9},
        initialiser="he",
        optimizer="adam",
        optimizer_settings={"beta1": 0.5},
        lr=0.001,
        schedule="cosine",
        epochs=10,
        batch_size=64,
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
        latents_of="emnist-vae",
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
    Recipe(
        "lstm",
        about="a recurrent network that learns to write from the same texts as `attention`, to compare the two",
        data="docs",
        data_options={"window": 96},
        model="lstm",
        model_options={"width": 192},
        cost="cross_entropy",
        dropout=0.1,
        initialiser="glorot",
        optimizer="adamw",
        optimizer_settings={"weight_decay": 0.01},
        lr=0.004,
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
    return RECIPES[limits.one_of("recipe", name, RECIPES)]
