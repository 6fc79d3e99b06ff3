"""MNIST: 70,000 handwritten digits, carried whole.

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (CC BY-SA 3.0); packed by `scripts/pack_mnist.py`.
"""

from __future__ import annotations

import zipfile
import zlib
from importlib.resources import files
from pathlib import Path

import numpy as np

from byhand import limits
from byhand.data.dataset import Dataset, Splits
from byhand.errors import DataError

FILE = Path(str(files("byhand.data") / "bundled" / "mnist.npz"))
SOURCE = "LeCun, Cortes and Burges, the MNIST database of handwritten digits"


def load_mnist(validation: int = 10_000) -> Splits:
    """Training, validation and test digits: inputs (N, 28, 28, 1) float32 in [0, 1], labels 0 to 9.

    `validation` images are the last of the 60,000 training images, as in Nielsen's book; 0 trains on all.

    Raises DataError for an impossible `validation`, or a damaged installation.
    """
    # It is taken from the 60,000 training images.
    validation = limits.whole("validation", validation, least=0, most=59_999, error=DataError)
    try:
        arrays = packed()
        train = _dataset("mnist-train", arrays["train_images"], arrays["train_labels"])
        test = _dataset("mnist-test", arrays["t10k_images"], arrays["t10k_labels"])
    except (OSError, KeyError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{FILE} is damaged or missing ({error}): install byhand again") from error
    if not validation:
        return Splits(train, None, test)
    split = len(train) - validation
    return Splits(train.take(slice(split)), train.take(slice(split, None)), test)


def packed() -> dict[str, np.ndarray]:
    """The arrays of the file that is carried, one byte a pixel."""
    with np.load(FILE, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def _dataset(name: str, images: np.ndarray, labels: np.ndarray) -> Dataset:
    inputs = np.multiply(images[..., None], np.float32(1 / 255), dtype=np.float32)
    return Dataset(name, inputs, labels.astype(np.int64), tuple("0123456789"), SOURCE)
