"""`.safetensors` files, which hold arrays and strings and no code: reading them, and writing ours with a checksum.

The checksum is the CRC-32 of everything in the file: of each string its name and value, of each array its name, type, shape and
bytes, in the order of their names. It notices every flipped bit and every damaged stretch of up to 32 of them; of other damage it
misses one case in four thousand million. It finds accidents, not forgery: whoever can write the file can also write its checksum.
"""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from byhand.backend import Array
from byhand.errors import ModelError
from byhand.files import write_atomically
from byhand.safe_reading import reading

OURS = "byhand-"  # how the `format` of our own files begins
CHECKSUM = "checksum"
NUMPY = ("BOOL", "U8", "I8", "U16", "I16", "F16", "U32", "I32", "F32", "U64", "I64", "F64")  # types that NumPy has too
TYPE = re.compile(r"(BF|F|C|I|U)\d+(_E\d+M\d+)?(FN|FNUZ)?")  # how the format writes types, those to come as well


def write_tensors(path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write arrays and strings with their checksum, whole or not at all; raises ByhandError where that cannot be."""
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    write_atomically(path, save(arrays, {**metadata, CHECKSUM: checksum(arrays, metadata)}))


def read_tensors(path: Path, *, small_floats: bool = False) -> tuple[dict[str, Array], dict[str, str]]:
    """All tensors and the metadata of a `.safetensors`.

    With `small_floats`, bfloat16 and float8 become float32, exactly: others write such files, byhand does not.

    Raises ModelError for a missing, cut or hostile file, and one with numbers of another type.
    """
    if not os.path.exists(path):
        raise ModelError(f"{path} is not there: expected a model file (.safetensors)")
    if os.path.isdir(path):
        raise ModelError(f"{path} is a folder, and the file is not there: expected a model file (.safetensors)")
    tensors: dict[str, Array] = {}
    with reading(path, "is not a whole .safetensors file", ModelError, "copy or train it again"):
        _check_types(path, (*NUMPY, *SMALL) if small_floats else NUMPY)
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            for name in file.keys():  # noqa: SIM118 - it has no __iter__
                kind = file.get_slice(name).get_dtype()
                tensors[name] = file.get_tensor(name) if kind in NUMPY else _small(path, name, kind)
    # Files that byhand wrote before it had checksums have none, and other programs may mean another thing by the word.
    ours = metadata.get("format", "").startswith(OURS) and CHECKSUM in metadata
    if ours and metadata[CHECKSUM] != checksum(tensors, metadata):
        raise ModelError(f"{path} is damaged: its content does not have the checksum it was written with; copy or train it again")
    return tensors, metadata


def read_strings(path: Path) -> dict[str, str]:
    """The metadata alone, unchecked and without reading the tensors; empty for a file that is none."""
    try:
        with reading(path, "is not a whole .safetensors file", ModelError, ""), safe_open(path, framework="np") as file:
            return file.metadata() or {}
    except ModelError:
        return {}


def checksum(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> str:
    """Of all arrays and strings but itself, in 8 hexadecimal digits.

    >>> checksum({"w": np.zeros(2, np.float32)}, {"format": "byhand-model"})
    'crc32:488a0e5e'
    """
    crc32 = 0
    for name in sorted(metadata):
        if name != CHECKSUM:
            crc32 = zlib.crc32(f"{name}\0{metadata[name]}\0".encode(), crc32)
    for name in sorted(tensors):
        array = tensors[name]
        shape = ",".join(map(str, array.shape))
        crc32 = zlib.crc32(f"{name}\0{array.dtype.str[1:]}\0{shape}\0".encode(), crc32)
        crc32 = zlib.crc32(np.ascontiguousarray(array).data, crc32)
    return f"crc32:{crc32:08x}"


def _check_types(path: Path, known: tuple[str, ...]) -> None:
    """Say the name of a type that is not read; the library only says of some that the header is damaged."""
    for name, entry in _header(path)[0].items():
        kind = entry.get("dtype") if isinstance(entry, dict) and name != "__metadata__" else None
        if isinstance(kind, str) and kind not in known and TYPE.fullmatch(kind):
            raise ModelError(
                f"{path}: tensor {name[:80]!r} holds numbers of type {kind[:20]}, but {', '.join(known)} are read here: "
                "save it as float32, with .float() in PyTorch"
            )


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """What the file says of its tensors, and where their bytes begin; nothing of a file that is no `.safetensors`."""
    with path.open("rb") as file:
        first = file.read(8)
        length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
        text = file.read(min(length, path.stat().st_size))
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = {}
    return header if isinstance(header, dict) else {}, 8 + length


def _small(path: Path, name: str, kind: str) -> NDArray[np.float32]:
    """A tensor of a type that NumPy has not. The library has checked by now that the header fits the file."""
    header, start = _header(path)
    begin, end = header[name]["data_offsets"]
    with path.open("rb") as file:
        file.seek(start + begin)
        content = file.read(end - begin)
    return SMALL[kind](content).reshape(header[name]["shape"])


def _bfloat16(content: bytes) -> NDArray[np.float32]:
    """The upper half of a float32."""
    return (np.frombuffer(content, "<u2").astype(np.uint32) << 16).view(np.float32)


def _float8_e5m2(content: bytes) -> NDArray[np.float32]:
    """The upper half of a float16."""
    return (np.frombuffer(content, np.uint8).astype(np.uint16) << 8).view(np.float16).astype(np.float32)


def _float8_e4m3(content: bytes) -> NDArray[np.float32]:
    """Sign, 4 bits of exponent (less 7), 3 of mantissa; no infinity, and NaN where all seven bits are set.

    Source: Micikevicius et al. (2022), "FP8 formats for deep learning", arXiv:2209.05433, table 1
    """
    codes = np.arange(256)
    exponent, mantissa = (codes >> 3) & 15, codes & 7
    table = np.where(exponent > 0, np.ldexp(8.0 + mantissa, exponent - 10), np.ldexp(1.0 * mantissa, -9))
    table = np.where(codes & 127 == 127, np.nan, table) * np.where(codes > 127, -1.0, 1.0)
    return table.astype(np.float32)[np.frombuffer(content, np.uint8)]


SMALL = {"BF16": _bfloat16, "F8_E5M2": _float8_e5m2, "F8_E4M3": _float8_e4m3}
