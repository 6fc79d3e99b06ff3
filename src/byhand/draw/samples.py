"""Contact sheets: what a network draws, a line a class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from byhand import limits
from byhand.backend import Array
from byhand.draw.animation import STYLES, Frame, write_picture
from byhand.draw.game import GameFilm
from byhand.draw.square import is_square, levels
from byhand.errors import ModelError
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.gan import GAN
from byhand.models.latent_diffusion import LatentDiffusion
from byhand.shipped import open_model
from byhand.training.encoded_data import imaging
from byhand.training.fit import Callback
from byhand.training.history import Epoch
from byhand.training.run_folder import SHEETS, sheet_of
from byhand.training.steps import Steps

if TYPE_CHECKING:
    from byhand.data.dataset import Splits
    from byhand.training.recipes import Recipe

GAP, LABEL = 2, 24
MOST, SMALLEST = 10_000, 6  # samples in one picture; pixels on a side
SHEETS_MADE = 20  # in a training
BLOCKS = 4  # columns of classes, where there are many


def sheet(images: Array, labels: Sequence[int], class_names: Sequence[str]) -> Frame:
    """Square images (n, ...) in [0, 1] as one picture: the samples of a class beside each other, its name before them."""
    pictures = levels(images)
    side, colour = pictures.shape[1], pictures.ndim == 4
    classes = sorted(set(map(int, labels)))
    of = {label: [image for image, own in zip(pictures, labels, strict=True) if own == label] for label in classes}
    most = max(map(len, of.values()))
    blocks = BLOCKS if len(classes) > 20 else 1
    lines = math.ceil(len(classes) / blocks)
    font = ImageFont.load_default(17)
    label_width = max(LABEL, *(math.ceil(font.getlength(class_names[label])) + 10 for label in classes))
    width = label_width + most * (side + GAP) + 10
    picture = Image.new("RGB" if colour else "L", (blocks * width + 6, lines * (side + GAP) + 12), 0)
    draw, faint = ImageDraw.Draw(picture), (150, 150, 150) if colour else 150
    for place, label in enumerate(classes):
        left, top = 6 + place // lines * width, 6 + place % lines * (side + GAP)
        draw.text((left + label_width // 2, top + side // 2), class_names[label], fill=faint, font=font, anchor="mm")
        for column, image in enumerate(of[label]):
            picture.paste(Image.fromarray(image), (left + label_width + column * (side + GAP), top))
    return np.asarray(picture)


def draw_samples(images: Array, labels: Sequence[int], class_names: Sequence[str], path: Path) -> None:
    """Write a contact sheet as PNG."""
    write_picture(sheet(images, labels, class_names), path, STYLES["dark"])


class SampleSheet(Callback):
    """Writes `samples/epoch-N.png` into a run's folder after each epoch: always the same noise, seen through better and better.

    Of a training of many short epochs, only after some 20 of them.

    Arguments:
        class_names: what it learns to draw. folder: of the run. autoencoder: where it draws codes, what makes images of them.
        steps: how often the network is asked for each image.
    """

    def __init__(self, class_names: Sequence[str], folder: Path, autoencoder: Any = None, steps: int = 12) -> None:
        self.class_names, self.folder, self.autoencoder, self.steps = tuple(class_names), folder, autoencoder, steps

    def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
        if (epoch.epoch + 1) % max(1, training.epochs // SHEETS_MADE) and epoch.epoch + 1 < training.epochs:
            return False
        labels = np.arange(len(self.class_names))
        if len(labels) <= 20:
            labels = np.repeat(labels, 8)
        network: Any = training.model
        if self.autoencoder is not None:
            network = LatentDiffusion(network, self.autoencoder)
        drawn = network.sample(len(labels), labels, sampler="dpm_solver", steps=self.steps, guidance=2.0)
        draw_samples(drawn, labels.tolist(), self.class_names, self.folder / SHEETS / sheet_of(epoch.epoch))
        return False


DRAWERS = (DiffusionNetwork.kind, GAN.kind)


def sample_sheets(recipe: Recipe, splits: Splits, folder: Path) -> list[Callback]:
    """What draws samples as a recipe's network learns to draw; nothing for other networks, and for data without a picture."""
    autoencoder = open_model(recipe.latents_of).autoencoder if recipe.latents_of else None
    shape = splits.train.inputs.shape[1:]
    if recipe.model == GAN.kind and shape == (2,):
        return [GameFilm(folder)]
    if recipe.model not in DRAWERS or not (autoencoder is not None or _is_picture(shape)):
        return []
    return [SampleSheet(splits.train.class_names, folder, autoencoder)]


def _is_picture(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[0] == shape[1] and shape[2] in (1, 3)


def draw_model(spec: str, out: Path, *, count: int = 64, seed: int = 0, of_class: str | None = None) -> int:
    """Write samples of a model that draws, each of its own noise, as one PNG; returns how many.

    Arguments:
        spec: a diffusion model, a GAN or a VAE of images. count: how many, 1 or more. of_class: only of this class, where it
            knows classes; else they take turns.

    Raises ModelError for a model that draws no images, and a class that it does not know.
    """
    opened = open_model(spec)
    count = limits.whole("samples", count, most=MOST)
    network: Any = imaging(opened) if opened.draws else opened.network
    if not hasattr(network, "sample"):
        raise ModelError(f"{spec} draws nothing: choose a diffusion model, a GAN or a VAE, such as mnist-gan")
    if not network.classes and of_class is not None:
        raise ModelError(f"{spec} was told no classes: leave --class out")
    if of_class is not None and of_class not in opened.class_names:
        raise ModelError(f"{spec} knows no class {of_class!r}: choose one of {', '.join(opened.class_names)}")
    labels = np.arange(count) % max(1, network.classes) if of_class is None else [opened.class_names.index(of_class)] * count
    wanted = np.asarray(labels, np.int64)
    if opened.draws:
        images = network.sample(count, wanted, seed=seed)
    else:
        images = network.sample(count, seed, np.eye(network.classes)[wanted] if network.classes else None)
    if images.shape[1] < SMALLEST**2 or not is_square(images.shape[1]):
        raise ModelError(
            f"{spec} draws {images.shape[1]} numbers, which are no square image: choose a model of images, such as mnist-gan"
        )
    write_picture(tiles(levels(images)), out, STYLES["dark"])
    return count


def tiles(images: Frame) -> Frame:
    """Images (n, H, W), or in colour (n, H, W, 3), as bytes, beside each other in a nearly square picture."""
    n, height, width = images.shape[:3]
    columns = math.ceil(math.sqrt(n))
    sheet = np.zeros((math.ceil(n / columns) * (height + GAP) + GAP, columns * (width + GAP) + GAP, *images.shape[3:]), np.uint8)
    for i, image in enumerate(images):
        top, left = GAP + i // columns * (height + GAP), GAP + i % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = image
    return sheet
