"""The IDX format of MNIST and EMNIST, written, and read strictly: a file that is not exactly what its header says is refused.

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
from byhand.files import write_atomically

IMAGES, LABELS = 2051, 2049
LARGEST = 1 << 30  # bytes: EMNIST's largest file holds 548 MB
DENSEST = 1032  # bytes that one byte of a gzip file can stand for, at most


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


def write(path: Path, array: NDArray[np.uint8]) -> None:
    """Write images (N, H, W) or labels (N,) as an IDX file, gzipped where its name ends in .gz; the same bytes every time.

    Raises DataError for any other array, ByhandError where the file cannot be written.
    """
    magics = {3: IMAGES, 1: LABELS}
    if array.dtype != np.uint8 or array.ndim not in magics:
        raise DataError(f"{path}: the array is {array.dtype} {array.shape}: expected uint8, images (N, H, W) or labels (N,)")
    content = struct.pack(f">{1 + array.ndim}I", magics[array.ndim], *array.shape) + array.tobytes()
    write_atomically(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _read(path: Path, magic: int, what: str, dimensions: int) -> NDArray[np.uint8]:
    header = 4 + 4 * dimensions
    head = _content(path, header)
    if len(head) < header:
        raise DataError(f"{path} has {len(head)} bytes, too few for an IDX header of {header}: download it again")
    found, *shape = struct.unpack(f">{1 + dimensions}I", head)
    if found != magic:
        raise DataError(f"{path} begins with {found}, but IDX {what} begin with {magic}: is it the right file?")
    expected = math.prod(shape)
    possible = min(expected, DENSEST * path.stat().st_size)
    if possible > LARGEST:
        raise DataError(
            f"{path} promises {expected:,} bytes of {what}, more than {LARGEST:,}: that is no data set that byhand reads"
        )
    # One byte more than promised, to see whether there is any: of a gzip file that inflates without end, no more is read.
    content = _content(path, header + possible + 1)
    held = len(content) - header
    if held != expected:
        raise DataError(
            f"{path} holds {f'more than {expected:,}' if held > expected else f'{held:,}'} bytes of {what}, but its header "
            f"promises {expected:,} ({' x '.join(map(str, shape))}): it is truncated or damaged, download it again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _content(path: Path, most: int = LARGEST) -> bytes:
    """The first `most` bytes of a file, unzipped."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            return file.read(most)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is a broken gzip file ({error}): download it again") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
