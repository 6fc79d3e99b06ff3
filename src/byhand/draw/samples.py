"""Contact sheets: what a network draws, a line a class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from byhand.backend import Array
from byhand.draw.animation import STYLES, Frame, write_picture
from byhand.models.latent_diffusion import LatentDiffusion
from byhand.training.fit import Callback
from byhand.training.history import Epoch
from byhand.training.steps import Steps

SIDE, GAP, LABEL = 28, 2, 24
BLOCKS = 4  # columns of classes, where there are many


def sheet(images: Array, labels: Sequence[int], class_names: Sequence[str]) -> Frame:
    """Images (n, 784) in [0, 1] as one picture: the samples of a class beside each other, its name before them."""
    classes = sorted(set(map(int, labels)))
    of = {label: [image for image, own in zip(images, labels, strict=True) if own == label] for label in classes}
    most = max(map(len, of.values()))
    blocks = BLOCKS if len(classes) > 20 else 1
    lines = math.ceil(len(classes) / blocks)
    width = LABEL + most * (SIDE + GAP) + 10
    picture = Image.new("L", (blocks * width + 6, lines * (SIDE + GAP) + 12), 0)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(17)
    for place, label in enumerate(classes):
        left, top = 6 + place // lines * width, 6 + place % lines * (SIDE + GAP)
        draw.text((left + LABEL // 2, top + SIDE // 2), class_names[label], fill=150, font=font, anchor="mm")
        for column, image in enumerate(of[label]):
            levels = np.round(255 * np.clip(image, 0, 1)).reshape(SIDE, SIDE).astype(np.uint8)
            picture.paste(Image.fromarray(levels, "L"), (left + LABEL + column * (SIDE + GAP), top))
    return np.asarray(picture)


def draw_samples(images: Array, labels: Sequence[int], class_names: Sequence[str], path: Path) -> None:
    """Write a contact sheet as PNG."""
    write_picture(sheet(images, labels, class_names), path, STYLES["dark"])


class SampleSheet(Callback):
    """Writes `samples/epoch-N.png` into a run's folder after each epoch: always the same noise, seen through better and better.

    Arguments:
        class_names: what it learns to draw. folder: of the run. coder: where it draws codes, what makes images of them.
        steps: how often the network is asked for each image.
    """

    def __init__(self, class_names: Sequence[str], folder: Path, coder: Any = None, steps: int = 12) -> None:
        self.class_names, self.folder, self.coder, self.steps = tuple(class_names), folder, coder, steps

    def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
        labels = np.arange(len(self.class_names))
        if len(labels) <= 20:
            labels = np.repeat(labels, 8)
        network: Any = training.model
        if self.coder is not None:
            network = LatentDiffusion(network, self.coder)
        drawn = network.sample(len(labels), labels, sampler="dpm_solver", steps=self.steps, guidance=2.0)
        draw_samples(drawn, labels.tolist(), self.class_names, self.folder / "samples" / f"epoch-{epoch.epoch + 1:03d}.png")
        return False
