"""Every type of number that a `.safetensors` may hold is read exactly, or refused by its name."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from byhand.errors import ModelError
from byhand.tensorfile import read_tensors


def written(path: Path, kind: str, shape: list[int], content: bytes) -> Path:
    header = json.dumps({"it": {"dtype": kind, "shape": shape, "data_offsets": [0, len(content)]}}).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + content)
    return path


def test_bfloat16_is_the_upper_half_of_float32(tmp_path: Path) -> None:
    halves = np.arange(1 << 16, dtype="<u2")
    read = read_tensors(written(tmp_path / "it.safetensors", "BF16", [256, 256], halves.tobytes()), small_floats=True)[0]["it"]
    assert read.dtype == np.float32 and read.shape == (256, 256)
    assert np.array_equal(read.ravel().view("<u4"), halves.astype("<u4") << 16)


@pytest.mark.parametrize("kind", ["BF16", "F8_E4M3", "F8_E5M2"])
def test_every_number_of_the_small_types_is_what_pytorch_says(tmp_path: Path, kind: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is for comparisons only")
    name = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}[kind]
    codes = np.arange(1 << (16 if kind == "BF16" else 8), dtype=np.uint16 if kind == "BF16" else np.uint8)
    expected = torch.from_numpy(codes.view(np.int16 if kind == "BF16" else np.uint8)).view(getattr(torch, name)).float().numpy()
    read = read_tensors(written(tmp_path / "it.safetensors", kind, [len(codes)], codes.tobytes()), small_floats=True)[0]["it"]
    assert np.array_equal(read, expected, equal_nan=True)


def test_known_numbers_in_float8(tmp_path: Path) -> None:
    codes = bytes([0x00, 0x01, 0x38, 0x3C, 0x7E, 0x80, 0xB8, 0x7F])
    read = read_tensors(written(tmp_path / "it.safetensors", "F8_E4M3", [8], codes), small_floats=True)[0]["it"]
    assert read[:7].tolist() == [0, 2**-9, 1, 1.5, 448, 0, -1] and np.isnan(read[7]) and np.signbit(read[5])
    read = read_tensors(written(tmp_path / "it.safetensors", "F8_E5M2", [4], bytes([0x3C, 0x01, 0x7C, 0xBC])), small_floats=True)[
        0
    ]["it"]
    assert read.tolist() == [1, 2**-16, np.inf, -1]


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("kind", ["F8_E8M0", "C64", "F4", "F128", "F8_E4M3FNUZ"])
def test_other_types_are_called_by_their_name(tmp_path: Path, kind: str, small: bool) -> None:
    with pytest.raises(ModelError, match=f"type {kind}") as caught:
        read_tensors(written(tmp_path / "it.safetensors", kind, [2], bytes(16 if kind == "C64" else 2)), small_floats=small)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["BF16", "F8_E4M3", "F8_E5M2"])
def test_a_file_of_our_own_never_holds_small_floats(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ModelError, match=f"type {kind}"):
        read_tensors(written(tmp_path / "it.safetensors", kind, [2], bytes(4 if kind == "BF16" else 2)))
