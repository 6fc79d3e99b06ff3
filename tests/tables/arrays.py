"""Cases that are no text: arrays in an `.npz`, and folders of pictures with one subfolder per class."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from tests.tables import problems
from tests.tables.cases import Case, Seed, case
from tests.tables.problems import Problem


def npz(**arrays: Any) -> bytes:
    written = io.BytesIO()
    np.savez(written, **arrays)
    return written.getvalue()


def of_pixels(images: Any, labels: Any) -> Problem:
    """Images as a problem, each number of one a column."""
    flat = images.reshape(len(images), -1).astype(float)
    columns: dict[str, Any] = {f"p{j}": flat[:, j].tolist() for j in range(flat.shape[1])}
    return Problem({**columns, "y": labels.tolist()}, "y")


@case
def npz_on_any_scale(seed: Seed) -> Case:
    p = problems.rings(seed)
    return Case("npz_on_any_scale", "rings.npz", npz(x=p.x(), y=p.y()), p, ("standardised", "3 classes"))


@case
def npz_of_scikit_learn(seed: Seed) -> Case:
    p = problems.wines(seed)
    return Case("npz_of_scikit_learn", "wine.npz", npz(data=p.x(), target=p.y().astype(int)), p, ("standardised",))


@case
def npz_one_hot(seed: Seed) -> Case:
    p = problems.flowers(seed)
    names, k = np.unique(p.y(), return_inverse=True)
    p.columns["species"] = [str(one) for one in k]
    return Case("npz_one_hot", "flowers.npz", npz(X=p.x().astype("f4"), Y=np.eye(len(names))[k]), p, ("3 classes",))


@case
def npz_of_small_bytes(seed: Seed) -> Case:
    p = problems.letters(seed)
    return Case("npz_of_small_bytes", "letters.npz", npz(x=p.x().astype(np.uint8), y=p.y()), p, ("26 classes",))


@case
def npz_of_truths(seed: Seed) -> Case:
    p = problems.patients(seed)
    truth = p.y() == "M"
    p.columns["diagnosis"] = truth.astype(int).tolist()
    return Case("npz_of_truths", "tumours.npz", npz(features=p.x(), labels=truth), p, ("yes or no",))


@case
def npz_of_numbers(seed: Seed) -> Case:
    p = problems.flats(seed)
    return Case("npz_of_numbers", "flats.npz", npz(x=p.x(), y=p.y()), p, ("a number from",))


@case
def npz_of_numbers_in_a_column(seed: Seed) -> Case:
    p = problems.cars(seed)
    return Case("npz_of_numbers_in_a_column", "cars.npz", npz(x=p.x(), y=p.y()[:, None]), p, ("a number from",))


@case
def npz_with_its_own_test_part(seed: Seed) -> Case:
    p = problems.customers(seed)
    x, y, n = p.x(), p.y(), 600
    content = npz(x_train=x[:n], y_train=y[:n], x_test=x[n:], y_test=y[n:])
    return Case(
        "npz_with_its_own_test_part", "churn.npz", content, p, ("its own parts", "600 to train on"), held=np.arange(n, p.n)
    )


@case
def npz_of_images(seed: Seed) -> Case:
    from byhand import data

    train = data.load("mnist").train
    rows = np.random.default_rng(seed).permutation(len(train))[:1_000]
    images = (train.inputs[rows] * 255).round().astype(np.uint8)
    return Case("npz_of_images", "digits.npz", npz(x=images[..., 0], y=train.labels[rows]), of_pixels(images, train.labels[rows]))


# ---------------------------------------------------------------- folders


def drawn(rng: np.random.Generator, kind: str, side: int = 24) -> Any:
    """A disc or a square on a noisy ground, (side, side, 3)."""
    shape, colour = kind.split(" ")
    ground = rng.integers(90, 160, (side, side, 3)).astype(np.uint8)
    image = Image.fromarray(ground)
    x, y, r = (*rng.uniform(8, side - 8, 2), rng.uniform(4, 7))
    fill = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (50, 60, 220), "white": (250, 250, 250)}[colour]
    (ImageDraw.Draw(image).ellipse if shape == "disc" else ImageDraw.Draw(image).rectangle)(
        (x - r, y - r, x + r, y + r), fill=fill
    )
    return np.asarray(image)


def folder(name: str, images: Any, classes: Any, says: tuple[str, ...], form: str = "png") -> Case:
    """A folder of pictures, in the order in which its files come: class by class."""
    order = np.argsort(classes, kind="stable")
    images, classes, files = images[order], classes[order], {}
    for i, (image, kind) in enumerate(zip(images, classes.tolist(), strict=True)):
        written = io.BytesIO()
        Image.fromarray(image).save(written, form)
        files[f"{kind}/{i:04d}.{form}"] = written.getvalue()
    return Case(name, "pictures", b"", of_pixels(images / 255, classes), says, files=files)


@case
def folder_of_coloured_discs(seed: Seed) -> Case:
    rng = np.random.default_rng(seed)
    kinds = np.array([f"disc {('red', 'green', 'blue')[i % 3]}" for i in range(150)])
    images = np.stack([drawn(rng, kind) for kind in kinds.tolist()])
    return folder("folder_of_coloured_discs", images, kinds, ("150 images", "colour"))


@case
def folder_of_shapes_in_jpeg(seed: Seed) -> Case:
    rng = np.random.default_rng(seed)
    kinds = np.array([f"{('disc', 'square')[i % 2]} white" for i in range(200)])
    images = np.stack([drawn(rng, kind) for kind in kinds.tolist()])
    return folder("folder_of_shapes_in_jpeg", images, kinds, ("200 images",), "jpeg")


@case
def folder_of_digits_on_paper(seed: Seed) -> Case:
    from byhand import data

    train = data.load("mnist").train
    rows = np.random.default_rng(seed).permutation(len(train))[:600]
    images = (255 - train.inputs[rows, ..., 0] * 255).round().astype(np.uint8)
    return folder("folder_of_digits_on_paper", images, train.labels[rows].astype(str), ("600 images",))
