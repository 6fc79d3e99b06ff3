r"""A hand of one's own: the network that draws characters is trained on for a moment with those of one person.

All weights are trained, at a small rate and for a short time; longer, and it copies. Whether it does is measured while it
trains: with d the distance between blurred pictures, the drawn letter's d to the nearest given one of its class is set against
the d of the given two from each other,

    r = \frac{\mathrm{median}_c \min_k d(\hat x_c, x_{c,k})}{\mathrm{median}_c\, d(x_{c,1}, x_{c,2})},

and training stops where r falls to 1: a drawn letter is then as unlike the given ones as these are unlike each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from byhand.backend import Array, generator
from byhand.data.augment import Augment
from byhand.data.npz import read_named
from byhand.errors import DataError, ModelError
from byhand.hand.read import CHARACTERS_FILE, ENOUGH
from byhand.hand.sheet import CHARACTERS
from byhand.modelfile import Model, load_model, save_model
from byhand.models.denoiser import DiffusionNetwork
from byhand.optim import AdamW
from byhand.shipped import open_model
from byhand.writing.characters import extent
from byhand.writing.letter_style import breadths, leaning, slants, usual
from byhand.writing.letters import Hand
from byhand.writing.one_hand import PENS, STEEPEST, HandStyle

BASE, HAND_FILE = "emnist-diffusion", "hand.safetensors"
RATE, BATCH, DECAY = 4e-4, 32, 0.99  # of the running mean: a training of 300 steps has no time for a longer one
STEPS, LIMIT = 400, 105.0  # steps and seconds at most
WARM = 20  # steps in which the rate rises
LOOK, LOOKED_AT = 40, 24  # steps between two looks at copying, and characters drawn for each
COPIES = 1.0  # the ratio at which copying would begin
KEPT = 4  # of a batch is taken from the network's own letters, for each of the person's 32 where characters are missing
WARP = Augment(shift=0.7, rotate=4.0, scale=0.06, shear=0.06, elastic=0.6)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Given:
    """What one person wrote: pictures (N, 28, 28) in [0, 1], their characters, and the ink's edges in millimetres (N, 4)."""

    pictures: Array
    characters: tuple[str, ...]
    extents: Array


@dataclass(frozen=True)
class Trained:
    """What came of a training: its steps, its seconds, the distance ratio at the end, None where no character was given twice."""

    steps: int
    seconds: float
    ratio: float | None
    style: HandStyle


@dataclass(frozen=True)
class OwnHand:
    """A trained hand: what draws, how it leans and with what pen, and the characters that the person has given."""

    hand: Hand
    style: HandStyle
    given: str


def load_given(folder: Path | str) -> Given:
    """The characters in a folder of `byhand hand read`; raises DataError where there are none, or fewer than ten."""
    folder = Path(folder)
    path = folder / CHARACTERS_FILE
    if not path.is_file():
        raise DataError(f"{folder} holds no characters: type `byhand hand read PHOTO -o {folder}` first")
    held = read_named(path, ("pictures", "characters", "extents"), "is damaged", "read the photographs again")
    pictures, names, extents = held["pictures"], held["characters"].tolist(), held["extents"]
    if pictures.shape != (len(names), 28, 28) or extents.shape != (len(names), 4) or not set(names) <= set(CHARACTERS):
        raise DataError(f"{path} does not hold the characters of a sheet: read the photographs again")
    if len(names) < ENOUGH:
        raise DataError(f"{folder} must hold {ENOUGH} usable characters or more, got {len(names)}: fill in more boxes")
    return Given(pictures.astype(np.float32) / 255, tuple(names), extents.astype(np.float64))


def style_of_given(given: Given) -> HandStyle:
    """How the person writes: slant and breadth beside what is usual, and the pen beside a tenth of a capital's height."""
    common = np.array([usual()[name] for name in given.characters])
    lean = float(np.median(slants(given.pictures) - common[:, 0])) * 2  # an edge's mean angle is half the true slant
    broad = float(np.median(breadths(given.pictures) - common[:, 1]))
    side = np.maximum(given.extents[:, 2] - given.extents[:, 0], given.extents[:, 3] - given.extents[:, 1])
    width = float(np.median(_widths(given.pictures) * side / 24))
    heights = given.extents[:, 3] - given.extents[:, 1]
    capital = float(np.median(heights / [np.subtract(*extent(name)[::-1]) for name in given.characters]))
    pen = float(np.clip(10 * width / max(capital, 0.1), *PENS))
    return HandStyle(float(np.clip(lean, -STEEPEST, STEEPEST)), broad, pen)


def _widths(pictures: Array) -> Array:
    """Of the strokes, in pixels: twice the area over the outline's length."""
    ink = np.clip((pictures - 0.4) / 0.34 + 0.5, 0, 1)
    down, across = np.gradient(ink, axis=(1, 2))
    return 2 * ink.sum(axis=(1, 2)) / np.maximum(np.hypot(down, across).sum(axis=(1, 2)), 1e-6)


def train_hand(
    folder: Path | str, *, seed: int = 0, steps: int = STEPS, limit: float = LIMIT, progress: Progress | None = None
) -> Trained:
    """Train on a folder's characters and write the hand into it; the file appears whole or not at all.

    steps, limit: how many steps and seconds it may take; it stops earlier where copying would begin.

    Raises DataError for a folder without enough characters.
    """
    given = load_given(folder)
    style, rng = style_of_given(given), generator(seed, "own hand")
    model = open_model(BASE)
    network, names = model.drawer, model.class_names
    network.ema_decay = DECAY
    labels = np.array([names.index(name) for name in given.characters])
    pairs = _pairs(given.pictures, labels)
    others, other_labels = _others(network, sorted(set(range(len(names))) - set(labels.tolist())), style, seed)
    optimizer, begin, ratio, done = AdamW(RATE, weight_decay=0.0), time.perf_counter(), None, 0
    before: tuple[Array, float] | None = None
    while done < steps and time.perf_counter() - begin < limit:
        optimizer.learning_rate = RATE * min(1.0, (done + 1) / WARM) * (1 - 0.9 * done / steps)
        own = BATCH - (BATCH // KEPT if len(others) else 0)
        chosen = rng.integers(len(labels), size=own)
        x, y = WARP(given.pictures[chosen], rng), labels[chosen]
        if len(others):
            more = rng.integers(len(others), size=BATCH - own)
            x, y = np.concatenate([x, others[more]]), np.concatenate([y, other_labels[more]])
        network.learn(x[..., None], y)
        network.gradient *= min(1.0, 1 / (float(np.linalg.norm(network.gradient)) + 1e-9))
        optimizer.step(network.parameters, network.gradient)
        done += 1
        if progress is not None:
            progress(done, steps)
        if pairs and done % LOOK == 0:
            ratio = copying(network, given.pictures, labels, pairs, seed)
            if ratio < COPIES:
                break
            before = network.average.copy(), ratio
    if ratio is not None and ratio < COPIES and before is not None:  # as it was at the look before: nearest, and no copy
        network.average[...], ratio = before
    _save(Path(folder), model, given, Trained(done, time.perf_counter() - begin, ratio, style))
    return Trained(done, time.perf_counter() - begin, ratio, style)


def _save(folder: Path, model: Model, given: Given, trained: Trained) -> None:
    style = trained.style
    metrics = {
        "private": True,
        "base": BASE,
        "given": "".join(sorted(set(given.characters))),
        "slant": style.slant,
        "breadth": style.breadth,
        "pen": style.pen,
        "training_steps": trained.steps,
        **({} if trained.ratio is None else {"copying_ratio": trained.ratio}),
    }
    save_model(folder / HAND_FILE, Model(model.network, model.class_names, model.preprocessing, "hand", metrics), np.float16)


def open_own_hand(folder: Path | str) -> OwnHand:
    """The hand that was trained in a folder; raises ModelError where there is none, or a file of another kind."""
    folder = Path(folder)
    path = folder / HAND_FILE if folder.is_dir() else folder
    if not path.is_file():
        raise ModelError(f"{folder} holds no trained hand: type `byhand hand train {folder}` first")
    model = load_model(path)
    facts = model.metrics
    numbers = [facts.get(key) for key in ("slant", "breadth", "pen")]
    right = model.recipe == "hand" and isinstance(facts.get("given"), str)
    if not right or not all(isinstance(one, float) for one in numbers) or not isinstance(model.network, DiffusionNetwork):
        raise ModelError(f"{path} must be a hand that `byhand hand train` wrote, got another model: type --model {path}")
    slant, breadth, pen = (float(facts[key]) for key in ("slant", "breadth", "pen"))
    return OwnHand(Hand(model.network, model.class_names), HandStyle(slant, breadth, pen), str(facts["given"]))


def _pairs(pictures: Array, labels: Array) -> dict[int, Array]:
    """For each class that was given twice: its blurred pictures."""
    return {int(one): blurred(pictures[labels == one]) for one in np.unique(labels) if (labels == one).sum() >= 2}


def copying(network: DiffusionNetwork, pictures: Array, labels: Array, pairs: dict[int, Array], seed: int) -> float:
    """The ratio r of the text above, on up to 24 of the classes that were given twice."""
    classes = np.array(sorted(pairs))[:: max(1, -(-len(pairs) // LOOKED_AT))]
    drawn = _drawn(network, classes, "copying", seed)
    rows = zip(classes.tolist(), blurred(drawn), strict=True)
    nearest = [min(np.linalg.norm(pairs[one] - row, axis=1)) for one, row in rows]
    apart = [np.linalg.norm(two[0] - two[1]) for two in pairs.values()]
    return float(np.median(nearest) / max(float(np.median(apart)), 1e-6))


def _drawn(network: DiffusionNetwork, labels: Array, name: str, seed: int) -> Array:
    names = [f"{name} {i}" for i in range(len(labels))]
    found = network.sample(names, labels, sampler="dpm_solver", steps=8, guidance=2.0, seed=seed)
    return np.clip(np.asarray(found, np.float32).reshape(-1, 28, 28), 0, 1)


def _others(network: DiffusionNetwork, missing: list[int], style: HandStyle, seed: int) -> tuple[Array, Array]:
    """The network's own letters of classes that were not given, leaning as the person's: so that it does not forget them."""
    labels: Array = np.repeat(np.array(missing, np.int64), 3)
    if not len(labels):
        return np.zeros((0, 28, 28), np.float32), labels
    drawn = _drawn(network, labels, "kept", seed)
    return leaning(drawn, float(np.tan(np.radians(style.slant)))).astype(np.float32), labels


def blurred(pictures: Array) -> Array:
    """Pictures as rows, blurred by 1.2 pixels: strokes that nearly meet are near."""
    levels = [Image.fromarray(np.round(one * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.2)) for one in pictures]
    return np.stack([np.asarray(one, np.float32).ravel() / 255 for one in levels])
