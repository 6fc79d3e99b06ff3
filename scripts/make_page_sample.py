"""The 500 test digits that the drawing page carries, to show what else a lesson changed: every twentieth of MNIST's 10,000.

    python scripts/make_page_sample.py

One file: 500 labels, one byte each; then the pixels of all images, one byte each, where 0 stands before the length of a run
of zeros. The result is the same, byte for byte, on every run.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np

from byhand import data
from byhand.files import write_atomically

TARGET = Path(__file__).parent.parent / "src/byhand/web/page/sample.bin"
EVERY = 20
LONGEST = 255  # a run's length is one byte


def main() -> None:
    test = data.load("mnist").test
    images = np.rint(test.inputs[::EVERY] * 255).astype(np.uint8)
    labels = test.labels[::EVERY].astype(np.uint8)
    write_atomically(TARGET, labels.tobytes() + pack(images.tobytes()))
    print(f"{TARGET}: {len(labels)} digits, {TARGET.stat().st_size / 1000:.0f} kB")


def pack(pixels: bytes) -> bytes:
    """Runs of zeros as 0 and their length, everything else as it is."""
    packed = bytearray()
    for zero, run in groupby(pixels, lambda pixel: pixel == 0):
        values = bytes(run)
        if not zero:
            packed += values
            continue
        full, rest = divmod(len(values), LONGEST)
        packed += bytes([0, LONGEST]) * full + (bytes([0, rest]) if rest else b"")
    return bytes(packed)


if __name__ == "__main__":
    main()
