"""`.npz` files, read strictly: the headers first, then only the arrays that are wanted, and nothing is ever unpickled.

An `.npz` is a zip of `.npy` members. A member's header says type and shape; it is believed only where the member holds as many
bytes, so a file of a few hundred bytes cannot ask for gigabytes.
"""

from __future__ import annotations

import math
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.data.pickled import plain_objects
from byhand.errors import DataError
from byhand.safe_reading import check_unpacked, reading

LARGEST = 1 << 32  # bytes of one array, once it is float32
ADVICE = "save it again with np.savez"
INPUTS = ("x", "images", "inputs", "data", "features")
LABELS = ("y", "labels", "targets", "label", "target")
PARTS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}

Pair = tuple[Any, Any]


@dataclass(frozen=True)
class _Header:
    """What a member says of its array: shape, order of the axes, type, and where its bytes begin."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int


def read_arrays(path: Path) -> dict[str, Pair]:
    """The parts of the data, each with its x and y: "whole" alone; or "train", with "validation" and "test" if they are there.

    Names go without regard to case: x and y, images and labels, inputs and targets, data and target, features and label; and with
    a part: x_train and y_train, train_images and train_labels.

    Raises DataError for a file that is no such archive, has no such names, holds Python objects, or less than it promises.
    """
    with reading(path, "is not a whole .npz of plain arrays", DataError, ADVICE), zipfile.ZipFile(path) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        found = _parts(list(members))
        if not found:
            held = ", ".join(members) or "(none)"
            raise DataError(
                f"{path} has the arrays {held[:200]}, but none called x or images with y or labels beside it: name them so"
            )
        headers = {name: _header(path, archive, members[name], name) for names in found.values() for name in names}
        for x, y in found.values():
            _check_together(path, {x: headers[x], y: headers[y]})
        arrays = {name: _array(path, archive, members[name], name, header) for name, header in headers.items()}
    return {part: (arrays[x], arrays[y]) for part, (x, y) in found.items()}


def read_named(path: Path, names: tuple[str, ...], wrong: str, advice: str) -> dict[str, Any]:
    """The arrays of these names; `wrong` and `advice` say of a file what it is when it cannot be read whole, and what to do then.

    Raises DataError for such a file, and for one that lacks a name.
    """
    with reading(path, wrong, DataError, advice), zipfile.ZipFile(path) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if lacking := [name for name in names if name not in members]:
            raise DataError(f"{path} {wrong}: it lacks {', '.join(lacking)}: {advice}")
        headers = {name: _header(path, archive, members[name], name) for name in names}
        return {name: _array(path, archive, members[name], name, header) for name, header in headers.items()}


def _parts(names: list[str]) -> dict[str, tuple[str, str]]:
    """Which names are x and y of which part."""
    found: dict[str, tuple[str, str]] = {}
    for part, words in {"whole": ("",), **PARTS}.items():
        x, y = (_called(names, roles, words) for roles in (INPUTS, LABELS))
        if x is not None and y is not None:
            found[part] = (x, y)
    if "whole" in found:
        return {"whole": found["whole"]}
    return found if "train" in found else {}


def _called(names: list[str], roles: tuple[str, ...], parts: tuple[str, ...]) -> str | None:
    """The name that is of one of these roles and parts, as X, x_train, trainX or Train-Images are; the first role goes first."""
    for role in roles:
        for part in parts:
            form = re.compile(rf"{role}[_ .-]?{part}|{part}[_ .-]?{role}" if part else role, re.IGNORECASE)
            for name in names:
                if form.fullmatch(name):
                    return name
    return None


def _header(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> _Header:
    """A member's header; raises DataError where it cannot be an array of numbers or words that the file really holds."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        start = file.tell()
    if dtype.itemsize == 0:
        raise DataError(f"{path}: {name} is an array of empty strings: fill it in")
    promised, held = math.prod(shape) * dtype.itemsize, member.file_size - start
    if any(axis < 0 for axis in shape) or math.prod(max(axis, 1) for axis in shape) > sys.maxsize // dtype.itemsize:
        raise DataError(f"{path}: {name} has the impossible shape {shape}: {ADVICE}")
    if dtype.char == "O":
        promised = held  # of a pickle, which takes two bytes or more for each of its objects
        if 2 * math.prod(shape) > held:
            raise DataError(f"{path}: {name} promises {math.prod(shape):,} objects, but it holds {held:,} bytes: {ADVICE}")
    elif dtype.hasobject:
        raise DataError(_pickled(path, name, "fields"))
    if promised != held:
        raise DataError(f"{path}: {name} promises {dtype} {shape}, {promised:,} bytes, but it holds {held:,}: {ADVICE}")
    check_unpacked(path, min(member.compress_size, path.stat().st_size), member.file_size, DataError)
    if dtype.kind in "biuf" and 4 * math.prod(shape) > LARGEST:
        raise DataError(f"{path}: {name} is {dtype} {shape}, more than {LARGEST:,} bytes as float32: take fewer samples")
    return _Header(shape, fortran, dtype, start)


def _check_together(path: Path, pair: dict[str, _Header]) -> None:
    """Raise DataError unless there is a label for each sample, before either is read."""
    (x, of_x), (y, of_y) = pair.items()
    if not of_x.shape or not of_y.shape or of_x.shape[0] != of_y.shape[0]:
        raise DataError(
            f"{path}: the inputs {x} are {of_x.shape}, the labels {y} {of_y.shape}: there must be one label per input"
        )


def _array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, header: _Header) -> Any:
    with archive.open(member) as file:
        file.read(header.start)
        content = file.read(member.file_size - header.start)
        file.read(1)  # at the end of a member, its checksum is compared
    order: Any = "F" if header.fortran else "C"
    if header.dtype.char != "O":
        if header.dtype.char == "U":
            _check_text(path, name, np.frombuffer(content, np.dtype(np.uint32).newbyteorder(header.dtype.byteorder)))
        return np.frombuffer(content, header.dtype).reshape(header.shape, order=order)
    try:
        return np.array(plain_objects(content, math.prod(header.shape))).reshape(header.shape, order=order)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(_pickled(path, name, str(error) or type(error).__name__)) from error


def _check_text(path: Path, name: str, codes: Array) -> None:
    """Raise DataError for numbers that are no characters: Python cannot make a string of them, and only says so when it must."""
    wrong = codes[(codes > sys.maxunicode) | ((codes >= 0xD800) & (codes <= 0xDFFF))]  # the second range: halves of UTF-16 pairs
    if wrong.size:
        raise DataError(f"{path}: {name} holds the code {int(wrong[0])}, which is no character of Unicode: {ADVICE}")


def _pickled(path: Path, name: str, why: str) -> str:
    convert = (
        f"import numpy as np; f = np.load({path.name!r}, allow_pickle=True); "
        f"np.savez({path.stem + '-plain.npz'!r}, **{{k: np.array(f[k].tolist()) for k in f}})"
    )
    return (
        f"{path}: {name} is a pickle of more than words or numbers ({why[:100]}), and byhand never unpickles: a pickle can run "
        f'any program. If you trust the file, convert it: python -c "{convert}"'
    )
