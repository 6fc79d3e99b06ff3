r"""A GAN's game in the plane, as a film: the data, the points that the generator makes, and how real each place looks.

The brighter the ground, the more the discriminator takes a point there for real. At the end it should be as bright where points
are made as where data are.

Source: Goodfellow et al. (2014), arXiv:1406.2661, figure 1, in two dimensions.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from byhand.backend import Array
from byhand.draw.animation import ACCENTS, STYLES, Frame, write_animation
from byhand.training.fit import Callback
from byhand.training.history import History
from byhand.training.steps import Step, Steps

FILM = "game.gif"
WIDTH, HEIGHT, FOOT = 560, 420, 56  # pixels; the foot says how far the game is
GRAIN = 5  # pixels from place to place at which the discriminator is asked
FAR = 2.6  # how far the picture shows, in deviations of the data
SHOWN, FRAMES = 500, 60  # points of each kind; pictures, closer together at the beginning
GROUND, DATA, MADE = 70, 118, 255  # levels: the brightest ground, the data, the points that are made (of the second colour)
PACE, HOLD = 90, 2_500  # ms


class GameFilm(Callback):
    """Writes `game.gif` into a run's folder when the training ends: of a GAN of points in the plane."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.frames: list[Frame] = []
        self.wanted: set[int] = set()

    def before(self, training: Steps, history: History) -> None:
        del history
        share = np.linspace(0, 1, FRAMES) ** 2
        self.wanted = {int(step) for step in np.round(share * (training.total - 1))}

    def after_step(self, step: Step) -> None:
        training = step.training
        if step.index in self.wanted:
            self.frames.append(frame(training.model, training.x, f"step {step.index + 1:,} of {training.total:,}"))
        if training.index == training.total and self.frames:
            times = [PACE] * (len(self.frames) - 1) + [HOLD]
            style = dataclasses.replace(STYLES["dark"], accent=ACCENTS["dark"])
            write_animation(self.frames, times, self.folder / FILM, style)


def frame(network: Any, data: Array, words: str) -> Frame:
    """One state of a game as a picture (H, W); data: (N, 2) real points."""
    tall = FAR * HEIGHT / WIDTH
    x, y = np.meshgrid(np.linspace(-FAR, FAR, WIDTH // GRAIN), np.linspace(tall, -tall, HEIGHT // GRAIN))
    places = network.unscaled(np.stack([x.ravel(), y.ravel()], axis=1).astype(network.dtype))
    labels = np.zeros(len(places), np.int64) if network.classes else None
    real = network.looks_real(places, labels)
    ground = Image.fromarray((GROUND * real).astype(np.float32).reshape(x.shape), "F")
    sheet = np.round(np.asarray(ground.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR))).astype(np.uint8)
    some = np.random.default_rng(0).permutation(len(data))[:SHOWN]  # data may lie class after class, or in turns
    sheet = _with_points(sheet, network.scaled(data[some]), DATA)
    made = _with_points(np.zeros_like(sheet), network.scaled(network.sample(SHOWN, seed=1)), 127)
    foot = Image.new("L", (WIDTH, FOOT), 0)
    font = ImageFont.load_default(17)
    pen = ImageDraw.Draw(foot)
    pen.text((20, FOOT // 2), words, fill=115, font=font, anchor="lm")
    pen.text((WIDTH - 20, FOOT // 2), "bright ground: taken for real", fill=90, font=font, anchor="rm")
    levels = np.where(made > 0, (MADE - 127) + made, sheet).astype(np.uint8)
    return np.concatenate([levels, np.asarray(foot)])


def _with_points(sheet: Frame, points: Array, level: int) -> Frame:
    picture = Image.fromarray(sheet, "L")
    pen, unit = ImageDraw.Draw(picture), WIDTH / (2 * FAR)
    for x, y in points:
        if np.isfinite((x, y)).all() and max(abs(x), abs(y)) < 10 * FAR:
            left, top = WIDTH / 2 + unit * float(x), HEIGHT / 2 - unit * float(y)
            pen.ellipse([left - 2, top - 2, left + 2, top + 2], fill=level)
    return np.asarray(picture)
