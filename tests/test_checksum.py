"""Every flipped bit of a file that byhand wrote is noticed, and files without a checksum are read as ever."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import byhand
from byhand.errors import ByhandError, ModelError
from byhand.feedforward import FeedForward
from byhand.modelfile import Model, load_model, save_model
from byhand.shipped import shipped
from byhand.tensorfile import checksum, read_strings, read_tensors, write_tensors
from byhand.training.checkpoint import read_checkpoint, write_checkpoint

STRIDE = 41  # every so manieth bit: all of them take half a minute


def flipped(whole: bytes, bit: int) -> bytes:
    content = bytearray(whole)
    content[bit // 8] ^= 1 << (bit % 8)
    return bytes(content)


def refused(path: Path, read: Callable[[], Any]) -> tuple[int, int]:
    """How many of how many flipped bits of a file are refused; where one is not, what is read must be the same."""
    whole, wanted, count = path.read_bytes(), read(), 0
    bits = range(0, len(whole) * 8, STRIDE)
    for bit in bits:
        path.write_bytes(flipped(whole, bit))
        try:
            assert read() == wanted
        except ByhandError as error:
            count += 1
            if "\n" in str(error):
                raise AssertionError(f"bit {bit} is told in several lines") from error
    return count, len(bits)


def test_a_flipped_bit_anywhere_in_a_model_is_refused_in_one_line_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, Model(FeedForward((4, 5, 3), seed=1), ("a", "ö", "c"), {"range": [0, 1]}, "iris", {"test_accuracy": 0.9}))

    def read() -> Any:
        model = load_model(path)
        known = (model.class_names, model.preprocessing, model.recipe, model.metrics)
        return model.network.architecture(), model.network.parameters.tobytes(), known

    count, of = refused(path, read)
    assert count >= of - 6  # some of the 56 bits of the word "checksum", without which a file is an older one


def test_a_flipped_bit_anywhere_in_a_checkpoint_is_refused_in_one_line_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    training = byhand.steps(FeedForward((4, 5, 3), seed=1), byhand.data.load("iris").train, seed=2)
    next(training)
    write_checkpoint(path, training)

    def read() -> Any:
        read_checkpoint(path, training)
        return training.position(), training.model.parameters.tobytes()

    count, of = refused(path, read)
    assert count >= of - 20  # the words "checksum", "format" and "byhand-": a file that is not ours is held to the rest only


def test_a_zeroed_block_and_two_tensors_that_changed_places_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    write_tensors(path, {"a": np.arange(500.0), "b": np.arange(500.0)[::-1]}, {"format": "byhand-model"})
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000] + bytes(1000))
    with pytest.raises(ModelError, match="is damaged: its content does not have the checksum it was written with"):
        read_tensors(path)
    path.write_bytes(whole[:-8000] + whole[-4000:] + whole[-8000:-4000])
    with pytest.raises(ModelError, match="is damaged"):
        read_tensors(path)


def test_the_checksum_is_of_names_types_shapes_bytes_and_strings_in_any_order() -> None:
    a, b = np.arange(6, dtype=np.float32), np.ones(2)
    of = checksum({"a": a, "b": b}, {"x": "1", "y": "2"})
    assert of == checksum({"b": b, "a": a}, {"y": "2", "x": "1", "checksum": "whatever"})
    others = [
        checksum({"a": a.reshape(2, 3), "b": b}, {"x": "1", "y": "2"}),
        checksum({"a": a.view(np.int32), "b": b}, {"x": "1", "y": "2"}),
        checksum({"b": a, "a": b}, {"x": "1", "y": "2"}),
        checksum({"a": a, "b": b}, {"x": "2", "y": "1"}),
        checksum({"a": a, "b": b}, {"x1": "", "y": "2"}),
    ]
    assert of not in others and len(set(others)) == len(others)


def test_models_of_before_there_were_checksums_are_read_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("mnist-nielsen-30", "mnist-vae"):
        assert "checksum" not in read_strings(shipped()[name])
        load_model(shipped()[name])
    assert capfd.readouterr() == ("", "")


def test_another_programs_checksum_is_not_ours_to_check(tmp_path: Path) -> None:
    save_file({"w": np.ones(3, np.float32)}, tmp_path / "t.safetensors", {"format": "pt", "checksum": "sha256:00"})
    assert read_tensors(tmp_path / "t.safetensors")[0]["w"].tolist() == [1, 1, 1]


def test_what_the_page_reads_is_still_plain_safetensors(tmp_path: Path) -> None:
    write_tensors(tmp_path / "t", {"w": np.ones(3, np.float32)}, {"format": "byhand-model"})
    content = (tmp_path / "t").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert header["w"]["dtype"] == "F32"
    assert header["__metadata__"]["checksum"] == checksum({"w": np.ones(3, np.float32)}, {"format": "byhand-model"})
