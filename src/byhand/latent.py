"""`byhand latent`: which networks, which two images, and what of the walk between them is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from byhand import data
from byhand.backend import Array
from byhand.data.dataset import Dataset
from byhand.data.pictures import prepare_for
from byhand.draw import latent_walk
from byhand.draw.animation import style_named, write_animation, write_picture
from byhand.draw.square import is_square
from byhand.errors import ByhandError, ModelError
from byhand.modelfile import Model
from byhand.models.elbo import Variational
from byhand.shipped import find_model, open_model

MODELS = ("mnist-ae", "mnist-vae")
PRINTED = 11  # pictures of a strip


@dataclass(frozen=True)
class Written:
    """What was walked through, and what was written."""

    walk: latent_walk.Walk
    files: tuple[Path, ...]


def write_walk(
    out: Path,
    *,
    start: str = "2",
    end: str = "7",
    models: Sequence[str] = MODELS,
    steps: int = 40,
    spherical: bool = False,
    style: str = "dark",
    figure: Path | None = None,
    figure_style: str = "light",
) -> Written:
    """Write the walk from one image to another, through each model side by side, as an animation; `figure` a strip for print.

    `start` and `end` are a class (the most typical test image of it), `@N` (the test image of that index), or a picture's path.

    Raises ByhandError (or one of its kinds) for an unknown model, class, style or ending, models of different images, or a
    picture that cannot be read.
    """
    chosen = style_named(style), style_named(figure_style)
    opened = {name: open_model(name) for name in models}
    coders = _titled(opened)
    sizes = {coder.n for coder in coders.values()}
    if len(sizes) > 1 or not is_square(min(sizes)):
        raise ModelError(
            f"a walk needs models of square images of one size, got ones that read {', '.join(map(str, sorted(sizes)))} numbers"
        )
    first = next(iter(opened.values()))
    test = data.load(first.preprocessing.get("data", "mnist"), **first.preprocessing.get("data_options", {})).test
    if any(model.class_names != test.class_names for model in opened.values()):
        raise ModelError(f"the models {', '.join(models)} were trained on different classes: choose models of the same data")
    # One network chooses the images, so that all walk between the same two: the last, by custom the smoothest.
    judge = list(opened.values())[-1].autoencoder
    images = [find_image(spec, test, judge) for spec in (start, end)]
    walked = latent_walk.walk(coders, np.stack(images), latent_walk.eased(steps), spherical)
    write_animation(*latent_walk.frames(walked), out, chosen[0])
    if figure is not None:
        even = latent_walk.walk(coders, np.stack(images), np.linspace(0, 1, PRINTED), spherical)
        write_picture(latent_walk.strip(even), figure, chosen[1])
    return Written(walked, (out,) if figure is None else (out, figure))


def find_image(spec: str, test: Dataset, judge: Any) -> Array:
    """The image (n,) that a word names: a class, `@N`, or a path; raises ByhandError where it names none."""
    if spec in test.class_names:
        return test.flat[latent_walk.typical(judge, test.flat, test.labels, test.class_names.index(spec))]
    if spec.startswith("@") and spec[1:].isdecimal():
        if int(spec[1:]) >= len(test):
            raise ByhandError(f"{test.name} has the test images @0 to @{len(test) - 1:,}, but not {spec}: choose one of them")
        return test.flat[int(spec[1:])]
    path = Path(spec)
    if os.path.exists(path):
        prepared = prepare_for({} if test.pictures is None else {"pictures": test.pictures.to_json()}, path)
        if prepared.empty:
            raise ByhandError(f"{path} shows nothing: give a picture with a character on it")
        return prepared.pixels.reshape(-1).astype(np.float32) / 255
    raise ByhandError(f"there is no image {spec!r}: give a class ({', '.join(test.class_names)}), @N, or the path of a picture")


def _titled(opened: dict[str, Model]) -> dict[str, Any]:
    """The networks by what stands below their pictures: what each is where that tells them from each other, else its name."""
    titles = {name: "VAE" if isinstance(model.autoencoder, Variational) else "autoencoder" for name, model in opened.items()}
    if len(set(titles.values())) == len(titles):
        return {titles[name]: model.autoencoder for name, model in opened.items()}
    names = {name: find_model(name).parent.name if find_model(name).stem == "model" else find_model(name).stem for name in opened}
    return {names[name]: model.autoencoder for name, model in opened.items()}
