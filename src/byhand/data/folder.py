"""A folder of pictures as a data set: which picture is of which class, what is done to all, and what is odd about them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from byhand import limits
from byhand.data.classes import ordered
from byhand.data.dataset import Dataset, Splits
from byhand.data.picture_file import FORMATS, opened
from byhand.data.pictures import (
    PREPARATIONS,
    USUAL_SIDE,
    PicturePreparation,
    grey,
    is_coloured,
    looks_like_ink,
    open_picture,
    scaled,
    size_checked,
)
from byhand.data.prepare import FRAME, prepare_file
from byhand.errors import DataError

Progress = Callable[[int, int], None] | None
ALIKE = 0.9  # of the pictures: so many that look like ink make a folder of ink
UNEVEN = 3  # times as many pictures in the largest class as in the smallest: that is told
PARTS = {"train": ("train", "training"), "validation": ("validation", "valid", "val"), "test": ("test", "testing")}
# cat_001.png, cat.1.jpg, cat (3).png: what stands before the number is the class.
NUMBERED = re.compile(r"(.*?[^\W\d_].*?)[ ._-]*\(?\d+\)?")


@dataclass(frozen=True)
class Found:
    """The pictures of a folder: their files, the class of each, and the names of the classes."""

    folder: Path
    files: tuple[Path, ...]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """What was asked to be done to pictures; side None and colour None leave it to the pictures."""

    preparation: str = "auto"
    side: int | None = None
    colour: bool | None = None
    ink: str = "auto"


def asked(preparation: str, size: int | None, colour: bool | None, ink: str) -> Asked:
    """The same, checked; raises DataError for what does not go together."""
    preparation = limits.one_of("preparation", preparation or "auto", PREPARATIONS, DataError)
    side = None if size is None else size_checked(size)
    colour = None if colour is None else limits.truth("colour", colour, DataError)
    if preparation == "mnist" and (side not in (None, FRAME) or colour):
        raise DataError(f"preparation mnist makes {FRAME} x {FRAME} grey images: leave size and colour out, or choose scaled")
    if preparation == "auto" and (side is not None or colour is not None):
        preparation = "scaled"
    return Asked(preparation, side, colour, ink)


def parts_of(folder: Path) -> dict[str, Path]:
    """The folders inside for training, validation and testing, by these names; {} where the folder has no such parts."""
    try:
        inside = {entry.name.lower(): entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")}
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror or error}") from error
    found = {part: inside[name] for part, names in PARTS.items() for name in names if name in inside}
    return found if "train" in found and len(found) > 1 else {}


def find(folder: Path) -> Found:
    """The pictures of a folder with a subfolder for each class, or with names such as cat_001.png.

    Files and folders that begin with a dot are passed over. Raises DataError where there are fewer than two classes.
    """
    try:
        inside = {entry.name: entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")}
        classes = [inside[name] for name in ordered(inside)]
        contents = [sorted(file for file in one.iterdir() if not file.name.startswith(".")) for one in classes]
        beside = [] if classes else sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror or error}") from error
    known = {extension for extension, kind in Image.registered_extensions().items() if kind in FORMATS}
    by_name: dict[str, list[Path]] = {}
    for file in beside:
        told = NUMBERED.fullmatch(file.stem) if file.suffix.lower() in known else None
        if told is not None:
            by_name.setdefault(told[1].rstrip(" ._-("), []).append(file)
    if not classes and len(by_name) > 1:
        names = ordered(by_name)
        files = tuple(file for name in names for file in by_name[name])
        counts = [len(by_name[name]) for name in names]
        return Found(folder, files, np.repeat(np.arange(len(names)), counts).astype(np.int64), tuple(names))
    if len(classes) < 2:
        raise DataError(
            f"{folder} has {len(classes)} subfolder(s), but there must be one per class, at least two: sort the images into them"
        )
    pictures = [[file for file in content if file.suffix.lower() in known] for content in contents]
    for one, files_of in zip(classes, pictures, strict=True):
        if not files_of:
            raise DataError(f"{one} holds no images: expected at least one, as .png or .jpg")
    labels = np.repeat(np.arange(len(classes)), [len(files_of) for files_of in pictures]).astype(np.int64)
    return Found(folder, tuple(file for files_of in pictures for file in files_of), labels, tuple(one.name for one in classes))


def read(founds: list[Found], wanted: Asked, progress: Progress = None) -> tuple[list[Dataset], str]:
    """The data sets of folders that belong together, all prepared alike, and a line on what was done to the pictures."""
    files = [file for found in founds for file in found.files]
    if wanted.preparation == "mnist":
        return _datasets(founds, _ink(files, wanted.ink, progress), None), f"{len(files):,} images, ink on paper -> {_MNIST}"
    sizes = [_size(file) for file in files]
    side = wanted.side or min(USUAL_SIDE, max(8, _typical(sizes) + 3 & ~3))
    pixels, coloured, inked = np.empty((len(files), side, side, 3), np.uint8), 0, 0
    for i, file in enumerate(files):
        picture = open_picture(file)
        pixels[i], whole = scaled(picture, side), np.asarray(picture)
        coloured += is_coloured(whole if whole.size < 200_000 else pixels[i])
        if wanted.preparation == "auto" and inked >= ALIKE * i - 10:  # as long as all may still be ink
            inked += looks_like_ink(whole if whole.size < 3_000_000 else pixels[i])
        if progress is not None:
            progress(i + 1, len(files))
    what = f"{len(files):,} images, {_sizes(sizes)} {'colour' if coloured else 'grey'}"
    if wanted.preparation == "auto" and inked >= ALIKE * len(files):
        told = f"{what}, look like ink on paper -> {_MNIST}; --preparation scaled keeps them as they are"
        return _datasets(founds, _ink(files, wanted.ink, progress), None), told
    how = PicturePreparation(side, bool(coloured) if wanted.colour is None else wanted.colour)
    same = set(sizes) == {(side, side)} and how.colour == bool(coloured)
    told = f"{what}, taken as they are" if same else f"{what} -> {how}, scaled, not cropped"
    return _datasets(founds, pixels if how.colour else grey(pixels), how), told


_MNIST = f"{FRAME} x {FRAME} grey, centred as MNIST's"


def _ink(files: list[Path], ink: str, progress: Progress) -> NDArray[np.uint8]:
    pixels = np.empty((len(files), FRAME, FRAME, 1), np.uint8)
    for i, file in enumerate(files):
        prepared = prepare_file(file, ink)
        if prepared.empty:
            raise DataError(f"{file} shows nothing, all of it is one shade: remove it")
        pixels[i, ..., 0] = prepared.pixels
        if progress is not None:
            progress(i + 1, len(files))
    return pixels


def _datasets(founds: list[Found], pixels: NDArray[np.uint8], how: PicturePreparation | None) -> list[Dataset]:
    made, start = [], 0
    for found in founds:
        rows = pixels[start : start + len(found.files)]
        inputs = rows.astype(np.float32)
        inputs *= np.float32(1 / 255)
        made.append(Dataset(found.folder.name, inputs, found.labels, found.class_names, str(found.folder), pictures=how))
        start += len(rows)
    return made


def _size(file: Path) -> tuple[int, int]:
    """Width and height of a picture, as its file's header tells them."""
    with opened(file) as image:
        return image.size


def _typical(sizes: list[tuple[int, int]]) -> int:
    """The longer side of the middle picture."""
    return int(np.median([max(size) for size in sizes]))


def _sizes(sizes: list[tuple[int, int]]) -> str:
    """The sizes of pictures in words."""
    if len(set(sizes)) == 1:
        return "{} x {}".format(*sizes[0])
    sides = [side for size in sizes for side in size]
    return f"{min(sides)} to {max(sides)} pixels a side,"


def oddities(splits: Splits) -> list[str]:
    """What whoever trains on these pictures should know: classes of uneven size, and the same picture on both sides."""
    told, counts = [], Counter(splits.train.labels.tolist())
    (most, n_most), *_, (least, n_least) = counts.most_common()
    if n_most >= UNEVEN * n_least:
        names = splits.train.class_names
        told.append(
            f"uneven classes: {n_most:,} of {names[most]}, {n_least:,} of {names[least]} to train on; --balance trains every "
            "class equally often"
        )
    known = {_digest(image) for image in splits.train.inputs}
    twice = sum(_digest(image) in known for image in splits.test.inputs)
    if twice:
        told.append(
            f"{twice:,} of the {len(splits.test):,} test images {'equals' if twice == 1 else 'equal'} a training image once they "
            "are prepared, so the result on them says little"
        )
    return told


def _digest(image: Any) -> bytes:
    return blake2b(image.tobytes(), digest_size=16).digest()


def told(splits: Splits, what: str) -> Splits:
    """The same with a note that says what was done to the pictures first, and what is odd about them last."""
    return replace(splits, note="; ".join([what, splits.note, *oddities(splits)]))


def options_of(train: Dataset) -> dict[str, Any]:
    """The options of `data.load` that prepare pictures as these were, whatever else stands in the folder then."""
    if train.pictures is None:
        return {"preparation": "mnist"}
    return {"preparation": "scaled", "size": train.pictures.side, "colour": train.pictures.colour}
