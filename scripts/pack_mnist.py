"""Pack MNIST's four IDX files into the one file that byhand carries, without loss, and check every byte on the way.

    BYHAND_DATA=../shared/data python scripts/pack_mnist.py

LZMA would spare another 15 %, but takes a second to open. The result is the same file, byte for byte, on
every run.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import zipfile
from pathlib import Path

import numpy as np

from byhand.data.idx import _content, read_images, read_labels
from byhand.files import write_atomically

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
TARGET = Path(__file__).parent.parent / "src/byhand/data/bundled/mnist.npz"


def main() -> None:
    folder = Path(os.environ.get("BYHAND_DATA", "")) / "mnist"
    arrays = {}
    for name, wanted in SHA256.items():
        path = folder / f"{name}.gz"
        found = hashlib.sha256(_content(path)).hexdigest()
        if found != wanted:
            sys.exit(f"{path}: its content has the SHA-256 {found}, expected {wanted}: this is not the original file")
        part, kind, *_ = name.split("-")
        arrays[f"{part}_{kind}"] = read_images(path) if kind == "images" else read_labels(path)
    write_atomically(TARGET, pack(arrays))
    with np.load(TARGET, allow_pickle=False) as packed:
        for name, array in arrays.items():
            if not np.array_equal(packed[name], array):
                sys.exit(f"{TARGET}: {name} did not come back as it went in")
    print(f"{TARGET}: {TARGET.stat().st_size / 1e6:.1f} MB, all four arrays verified")


def pack(arrays: dict[str, np.ndarray]) -> bytes:
    """An .npz as NumPy reads it, deflated as well as it goes, with fixed dates."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.save(entry, array, allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", (1998, 11, 1, 0, 0, 0))
            archive.writestr(info, entry.getvalue(), zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
