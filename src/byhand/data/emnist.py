"""EMNIST: handwritten digits and letters, in its official files, wherever they are at hand.

They are looked for in `$BYHAND_DATA/emnist` and in byhand's cache; `download` fetches them. The official files store each image
transposed; that is undone here.

Source: Cohen, Afshar, Tapson and van Schaik (2017), "EMNIST: an extension of MNIST to handwritten letters", arXiv:1702.05373.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from byhand import limits
from byhand.data.dataset import Dataset, Splits, stratified_split
from byhand.data.idx import read_pair
from byhand.errors import DataError
from byhand.safe_reading import reading

SPLITS = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
MERGED = "cijklmopsuvwxyz"  # lower-case letters that EMNIST's ByMerge scheme folds into their capitals
SOURCE = "Cohen et al. (2017), EMNIST"
MIRRORS = ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",)
# Known hashes of members of the archive; the others are checked by the archive's own CRCs.
SHA256 = {
    "emnist-byclass-test-images-idx3-ubyte.gz": "5ec835bd5d5b1a66378a132e727fef20fe994b3cc666899befcca5ac766f50cd",
    "emnist-byclass-test-labels-idx1-ubyte.gz": "501e305eeeacb093b162592d80e8a2632040872360fa6d85cfcb2200d91ca92a",
}
NAME = re.compile(rf"emnist-({'|'.join(SPLITS)})-(mapping\.txt|(train|test)-(images-idx3|labels-idx1)-ubyte\.gz)")
CHUNK, LARGEST = 1 << 20, 1 << 31  # bytes: read at once; all files together, at most


def folders() -> list[Path]:
    """Where the files are looked for, in this order."""
    given = os.environ.get("BYHAND_DATA")
    return [*([Path(given) / "emnist"] if given else []), Path(platformdirs.user_cache_dir("byhand")) / "emnist"]


def where() -> str:
    """The first folder that holds files of EMNIST, or what to do to get one."""
    for folder in folders():
        if any(_file(folder, split, "test", "images").exists() for split in SPLITS):
            return str(folder)
    return "not here: set BYHAND_DATA, or python -c 'from byhand.data.emnist import download; download()'"


def load_emnist(split: str = "byclass", *, merge: bool = False, held_out: float | None = None, seed: int = 0) -> Splits:
    """EMNIST, inputs (N, 28, 28, 1) float32 in [0, 1], upright.

    Arguments:
        split: one of the official ones: byclass (62 classes), bymerge, balanced, letters, digits, mnist.
        merge: fold the lower-case letters that look like their capitals into them: 62 classes become 47.
        held_out: where only a test file is at hand, the fraction of it to test on; the rest is trained on. It must be asked for.
        seed: of that split, which takes the same fraction of every class.

    Raises DataError where the files are not at hand or damaged, or the split is unknown.
    """
    limits.one_of("the split of EMNIST", split, SPLITS, DataError)
    limits.truth("merge", merge, DataError)
    if held_out is not None:
        limits.number("held_out", held_out, above=0, below=1, error=DataError)
    holding = [folder for folder in folders() if _file(folder, split, "test", "images").exists()]
    # A folder with both files goes before one with a test file alone, wherever it stands.
    holding.sort(key=lambda folder: not _file(folder, split, "train", "images").exists())
    if holding:
        found = _from_folder(holding[0], split, held_out, seed)
        return replace(found, train=merged(found.train), test=merged(found.test)) if merge else found
    raise DataError(
        f"EMNIST's {split} files are in none of {', '.join(map(str, folders()))}: set BYHAND_DATA to the folder that holds "
        "emnist/, or download them with byhand.data.emnist.download()"
    )


def _from_folder(folder: Path, split: str, held_out: float | None, seed: int) -> Splits:
    names = _class_names(folder / f"emnist-{split}-mapping.txt")
    test = _read(folder, split, "test", names)
    if _file(folder, split, "train", "images").exists():
        return Splits(_read(folder, split, "train", names), None, test, note=f"EMNIST {split}: the official split")
    if held_out is None:
        raise DataError(
            f"{folder} holds only the test file of {split}: say held_out=0.1 (on the command line "
            "--set 'data_options={\"held_out\": 0.1}') to train on nine tenths of it and test on the rest, not the official split"
        )
    train, rest = stratified_split(test, held_out, seed)
    note = (
        f"EMNIST {split}: only the official test file is at hand, so {len(train):,} of its images are trained on and "
        f"{len(rest):,} held out, evenly of each class (seed {seed}); this is not the official split"
    )
    return Splits(train, None, rest, note=note)


def _file(folder: Path, split: str, part: str, kind: str) -> Path:
    """One of the official files, under any of its names: unzipped, or with a dot, as some tools unpack it."""
    axes = 3 if kind == "images" else 1
    names = [f"emnist-{split}-{part}-{kind}{dot}idx{axes}-ubyte{zipped}" for zipped in (".gz", "") for dot in "-."]
    return next((folder / name for name in names if (folder / name).exists()), folder / names[0])


def _class_names(path: Path) -> dict[int, str]:
    """Label to character, from lines of `label code [code]`; where there are two codes the first, the capital, counts."""
    with reading(path, "is not EMNIST's mapping of labels to characters", DataError, "download it again"):
        rows = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
        names = {int(row[0]): bytes([int(row[1])]).decode("ascii") for row in rows}
        if not names or min(names) < 0 or max(names) > 255:
            raise ValueError("labels must be bytes, and there must be some")
        return names


def _read(folder: Path, split: str, part: str, names: dict[int, str]) -> Dataset:
    images, raw = read_pair(*(_file(folder, split, part, kind) for kind in ("images", "labels")))
    unknown = set(np.unique(raw).tolist()) - set(names)
    if unknown:
        raise DataError(f"{folder}: label {min(unknown)} of {split} stands in no line of its mapping file: download both again")
    table = np.zeros(max(names) + 1, np.int64)
    table[sorted(names)] = np.arange(len(names))  # the letters split counts from 1
    # order="C" lays the upright images out at once: byclass holds 700,000, and a second copy of them would be 2 GB.
    inputs = np.multiply(images.transpose(0, 2, 1)[..., None], np.float32(1 / 255), dtype=np.float32, order="C")
    class_names = tuple(names[label] for label in sorted(names))
    return Dataset(f"emnist-{split}-{part}", inputs, table[raw], class_names, SOURCE)


def merged(data: Dataset) -> Dataset:
    """The same samples with 47 classes instead of 62: lower-case letters that look like their capitals are folded into them."""
    kept, table = merging(data.class_names)
    return replace(data, labels=table[data.labels], class_names=kept)


def merging(class_names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The classes that are left after merging, and for each class there was the number of the one it goes to.

    >>> merging(("C", "b", "c"))
    (('C', 'b'), array([0, 1, 0]))
    """
    kept = [name for name in class_names if name not in MERGED or name.upper() not in class_names]
    return tuple(kept), np.array([kept.index(name if name in kept else name.upper()) for name in class_names], np.int64)


def download(
    mirrors: Sequence[str] = MIRRORS,
    folder: Path | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    sha256: str | None = None,
) -> Path:
    """Fetch the official archive (560 MB) and unpack it into byhand's cache; an interrupted download is continued.

    `progress` hears (bytes so far, bytes in all). `sha256` is the archive's, where one knows it; none is published. Without
    it the two files of byclass's test part are held to their known hashes, and all others to the CRCs in the archive.

    Raises DataError where no mirror gives the whole archive, or what came is not what it should be.
    """
    folder = folder if folder is not None else folders()[-1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder {folder}: {error.strerror}: choose another one, as folder=") from error
    archive, failures = folder / "gzip.zip", []
    for mirror in mirrors if not archive.exists() else ():  # it does where unpacking was interrupted
        try:
            _fetch(mirror, archive, progress)
            break
        except (OSError, ValueError, http.client.HTTPException, DataError) as error:
            failures.append(f"{mirror}: {error}")
    if not archive.exists():
        raise DataError(f"EMNIST could not be downloaded ({'; '.join(failures)}): try again, it goes on where it stopped")
    if sha256 is not None and _hash(archive) != sha256:
        archive.unlink()
        raise DataError(f"{archive} has another SHA-256 than expected, it was deleted: download it again")
    _unpack(archive, folder)
    archive.unlink()
    return folder


def _fetch(url: str, target: Path, progress: Callable[[int, int | None], None] | None) -> None:
    part = target.with_name(target.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answering = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        error.close()
        if have and error.code == 416:  # there is nothing after what is here: it is whole, or of another file
            if error.headers.get("Content-Range") == f"bytes */{have}":
                os.replace(part, target)
                return
            part.unlink()
            _fetch(url, target, progress)
            return
        raise
    with answering as answer:
        if have and answer.status != 206:  # the server sends all of it again
            have = 0
        elif have and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink()
            raise DataError("it sent another part than was asked for")
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length is not None else None
        with part.open("ab" if have else "wb") as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                have += len(chunk)
                if progress is not None:
                    progress(have, total)
    if total is not None and have != total:
        raise DataError(f"it broke off after {have:,} of {total:,} bytes")
    os.replace(part, target)


def _unpack(archive: Path, folder: Path) -> None:
    """The members that byhand reads, by their bare names (a path in an archive is never followed), whole or not at all."""
    try:
        with zipfile.ZipFile(archive) as packed:
            members = {Path(member.filename).name: member for member in packed.infolist()}
            wanted = {name: member for name, member in members.items() if NAME.fullmatch(name)}
            if not wanted or sum(member.file_size for member in wanted.values()) > LARGEST:
                raise zipfile.BadZipFile("it does not hold EMNIST's files")
            for name, member in wanted.items():
                _extract(packed, member, folder / name)
    except OSError as error:
        raise DataError(f"cannot unpack {archive}: {error.strerror or error}: free space and call download() again") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        archive.unlink()
        raise DataError(f"{archive} is no whole zip archive ({error}), it was deleted: download it again") from error


def _extract(packed: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    try:
        with packed.open(member) as source, part.open("wb") as file:
            while chunk := source.read(CHUNK):
                file.write(chunk)
        if target.name in SHA256 and _hash(part) != SHA256[target.name]:
            raise zipfile.BadZipFile(f"its {target.name} is not the original file, the SHA-256 differs")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
