"""The one door through which a file with a picture is opened: what is no picture, or no file at all, is said in a line."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from byhand.errors import DataError
from byhand.safe_reading import check_is_file

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")  # not EPS, which Pillow gives to another program to run
MAX_SIDE, MAX_PIXELS = 10_000, 50_000_000
MAX_BYTES = 4 * MAX_PIXELS  # of a file: such an image, not compressed


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The picture in a file, whose pixels are read when they are asked for, within the block.

    Raises DataError, there or here, for what is no file, no picture, damaged, or absurdly large.
    """
    check_is_file(path, DataError)
    try:
        size = path.stat().st_size
        if size == 0:
            raise DataError(f"{path} is empty (0 bytes): expected a picture")
        if size > MAX_BYTES:
            raise DataError(f"{path} has {size:,} bytes, more than {MAX_BYTES:,}: make it smaller")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow: what it can still read is good enough, and our own limit is stricter
            # Out of memory, where there is no more to read than the file holds, whatever lengths are written in it.
            with Image.open(io.BytesIO(path.read_bytes()), formats=FORMATS) as image:
                check_size(image.width, image.height, str(path))
                yield image
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{path} has far more than {MAX_PIXELS:,} pixels: make it smaller") from error
    except OSError as error:
        if error.errno is not None:
            raise DataError(f"cannot read {path}: {error.strerror}: check its name and its permissions") from error
        raise _no_picture(path, error) from error
    except Exception as error:  # Pillow's readers raise whatever a damaged file makes them stumble over
        raise _no_picture(path, error) from error


def check_size(width: int, height: int, what: str) -> None:
    """Raises DataError for a picture of absurd size."""
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise DataError(
            f"{what} is {width:,} x {height:,} pixels, more than {MAX_SIDE:,} a side or {MAX_PIXELS:,} in all: make it smaller"
        )


def _no_picture(path: Path, error: Exception) -> DataError:
    kind = type(error).__name__
    return DataError(f"{path} is not a picture that can be read whole ({kind}): save it again as PNG or JPEG, or remove it")
