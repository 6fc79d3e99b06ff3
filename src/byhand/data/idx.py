"""The IDX format of MNIST and EMNIST, read strictly: a file that is not exactly what its header says is refused.

A header of big-endian 32-bit numbers, the magic 2051 (images: count, rows, columns) or 2049 (labels: count), then one
byte a pixel or label. Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from byhand.errors import DataError

IMAGES, LABELS = 2051, 2049
LARGEST = 1 << 30  # bytes: EMNIST's largest file holds 548 MB


def read_images(path: Path) -> NDArray[np.uint8]:
    """Images, (N, H, W) bytes, from an IDX file, gzipped or not; raises DataError for any other content."""
    return _read(path, IMAGES, "images", 3)


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Labels, (N,) bytes, from an IDX file, gzipped or not; raises DataError for any other content."""
    return _read(path, LABELS, "labels", 1)


def read_pair(images: Path, labels: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images and their labels; raises DataError where their numbers differ."""
    x, y = read_images(images), read_labels(labels)
    if len(x) != len(y):
        raise DataError(f"{images.name} holds {len(x)} images but {labels.name} {len(y)} labels: they do not belong together")
    return x, y


def _read(path: Path, magic: int, what: str, dimensions: int) -> NDArray[np.uint8]:
    content = _content(path)
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise DataError(f"{path} has {len(content)} bytes, too few for an IDX header of {header}: download it again")
    found, *shape = struct.unpack(f">{1 + dimensions}I", content[:header])
    if found != magic:
        raise DataError(f"{path} begins with {found}, but IDX {what} begin with {magic}: is it the right file?")
    expected = math.prod(shape)
    if expected != len(content) - header:
        raise DataError(
            f"{path} holds {len(content) - header:,} bytes of {what}, but its header promises {expected:,} "
            f"({' x '.join(map(str, shape))}): it is truncated or damaged, download it again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is a broken gzip file ({error}): download it again") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) > LARGEST:
        raise DataError(f"{path} holds more than {LARGEST:,} bytes: that is no data set that byhand reads")
    return content
