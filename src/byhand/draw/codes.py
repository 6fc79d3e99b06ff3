"""What an autoencoder or a VAE makes of images, as pictures: reconstructions, samples, and a map of a plane of codes."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand.backend import Array
from byhand.colours import FAINT, INK
from byhand.draw.animation import Frame, write_picture
from byhand.draw.curves import figure_of, save_figure
from byhand.draw.square import levels, square
from byhand.errors import ModelError
from byhand.models.elbo import Variational

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset

SCALE = 2  # pixels of a picture a pixel of an image
GAP = 4


def draw_all(network: Any, data: Dataset, folder: Path) -> list[Path]:
    """Every picture below that this network has, into a folder; returns their paths."""
    paths = [folder / "reconstructions.png", folder / "codes.png"]
    draw_reconstructions(network, data, paths[0])
    draw_codes(network, data, paths[1])
    if isinstance(network, Variational):
        paths.append(folder / "samples.png")
        draw_samples(network, paths[-1])
    if network.latent == 2:
        paths.append(folder / "map.png")
        draw_map(network, paths[-1])
    return paths


def draw_reconstructions(network: Any, data: Dataset, path: Path, n: int = 16) -> None:
    """The first n images, and below each what comes back through its code."""
    x = data.flat[:n]
    back = network.reconstruct(x, data.take(slice(n)).targets(network.dtype) if network.classes else None)
    write_picture(_sheet(np.concatenate([x, back]), n, network.n), path)


def draw_samples(network: Any, path: Path, rows: int = 8, columns: int = 16, seed: int = 0) -> None:
    """What the decoder makes of codes drawn from N(0, 1); of a conditional one, a class a row."""
    y = None
    if network.classes:
        rows = network.classes
        y = np.repeat(np.eye(rows), columns, axis=0)
    write_picture(_sheet(network.sample(rows * columns, seed, y), columns, network.n), path)


def draw_map(network: Any, path: Path, side: int = 21, bounds: tuple[float, float] | None = None) -> None:
    """The images of a plane of codes: of a VAE at the quantiles of N(0, 1), so that every place is as likely as any other.

    Raises ModelError for codes of another number of dimensions than 2.
    """
    write_picture(_sheet(map_images(network, side, bounds), side, network.n), path)


def map_images(network: Any, side: int = 21, bounds: tuple[float, float] | None = None) -> Array:
    """(side * side, n) images, row by row from the top: the second number of the code falls, the first grows to the right."""
    if network.latent != 2:
        raise ModelError(f"a map needs codes of 2 dimensions, got a network whose codes have {network.latent}")
    places = np.array([NormalDist().inv_cdf((i + 0.5) / side) for i in range(side)])
    if bounds is not None:
        places = np.linspace(*bounds, side)
    codes = np.stack([np.tile(places, side), np.repeat(places[::-1], side)], axis=1)
    return network.decode(codes, np.eye(network.classes)[[0] * len(codes)] if network.classes else None)


def draw_codes(network: Any, data: Dataset, path: Path, n: int = 5_000) -> None:
    """Where the codes of n images lie, in a colour a class; of more than two dimensions, the two that vary most."""
    part = data.take(slice(n))
    codes = network.code(part.flat, part.targets(network.dtype) if network.classes else None)
    first, second = np.sort(np.argsort(codes.var(axis=0))[-2:]) if network.latent > 1 else (0, 0)
    figure = figure_of(6.4, 5.6)
    axes = figure.subplots()
    for k, name in enumerate(data.class_names):
        own = codes[part.labels == k]
        axes.scatter(own[:, first], own[:, second], s=4, alpha=0.5, lw=0, color=_colour(k, data.n_classes), label=name)
        if len(own):
            middle = np.median(own[:, [first, second]], axis=0)
            axes.text(middle[0], middle[1], name, fontsize=13, fontweight="bold", color=INK, ha="center", va="center")
    axes.set_xlabel(f"code, dimension {first}")
    axes.set_ylabel(f"code, dimension {second}")
    axes.set_title(f"The codes of {len(part):,} test images", loc="left", fontsize=11, color=INK, fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.2, color=FAINT)
    save_figure(figure, path)


def _colour(k: int, n: int) -> Any:
    from matplotlib import colormaps

    return colormaps["tab10"](k) if n <= 10 else colormaps["hsv"](k / n)


def _sheet(images: Array, columns: int, n: int) -> Frame:
    """Square images (N, n) in [0, 1] in rows of so many, grey or in colour."""
    side = square(n)[0]
    large = levels(images).repeat(SCALE, 1).repeat(SCALE, 2)
    rows = -(-len(large) // columns)
    step = side * SCALE + GAP
    sheet = np.zeros((rows * step + GAP, columns * step + GAP, *large.shape[3:]), np.uint8)
    for at, image in enumerate(large):
        top, left = at // columns * step + GAP, at % columns * step + GAP
        sheet[top : top + side * SCALE, left : left + side * SCALE] = image
    return sheet
