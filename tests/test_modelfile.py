"""Model files: what is written is read again, and nothing damaged or hostile gets further than one line."""

from __future__ import annotations

import errno
import json
import os
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

import byhand
from byhand.errors import ByhandError, ModelError
from byhand.feedforward import FeedForward
from byhand.modelfile import Model, load_model, save_model


def make(dtype: Any = np.float32) -> Model:
    net = FeedForward((6, 5, 3), "relu", output="softmax", cost="cross_entropy", l2=0.25, dropout=0.5, seed=1, dtype=dtype)
    return Model(net, ("cat", "dög", "fish"), {"range": [0, 1]}, "pets", {"test_accuracy": 0.5})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(path, make())
    return path


def refused(path: Path, message: str = ".") -> str:
    """Loading fails with one line that names the file or says what is wrong with what it holds."""
    with pytest.raises(ModelError, match=message) as caught:
        load_model(path)
    text = str(caught.value)
    assert text and "\n" not in text and "\r" not in text
    return text


def pieces(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def assemble(path: Path, header: Any, body: bytes, length: int | None = None) -> None:
    """Write a file as somebody would who means what it says: without the checksum, which is of what it said before."""
    if isinstance(header, dict) and isinstance(header.get("__metadata__"), dict):
        header["__metadata__"].pop("checksum", None)
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)


def change_metadata(path: Path, **changes: str | None) -> None:
    header, body = pieces(path)
    for key, value in changes.items():
        if value is None:
            del header["__metadata__"][key]
        else:
            header["__metadata__"][key] = value
    assemble(path, header, body)


def change_architecture(path: Path, **changes: Any) -> None:
    architecture = json.loads(pieces(path)[0]["__metadata__"]["architecture"])
    change_metadata(path, architecture=json.dumps({**architecture, **changes}))


# ---------------------------------------------------------------- round trips


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_model_is_read_as_it_was_written(dtype: type, tmp_path: Path) -> None:
    model = make(dtype)
    save_model(tmp_path / "m.safetensors", model)
    read = load_model(tmp_path / "m.safetensors", dtype)
    assert read.network.parameters.tobytes() == model.network.parameters.tobytes()
    assert read.network.dtype == dtype
    assert read.network.architecture() == model.network.architecture()
    assert (read.class_names, read.preprocessing, read.recipe) == (("cat", "dög", "fish"), {"range": [0, 1]}, "pets")
    assert read.metrics == {"test_accuracy": 0.5}
    x = np.ones((2, 6), dtype)
    assert read.network.forward(x).tobytes() == model.network.forward(x).tobytes()


def test_float16_halves_the_file_and_keeps_three_digits(tmp_path: Path) -> None:
    model = Model(FeedForward((200, 100, 10), seed=1))
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    save_model(whole, model)
    save_model(half, model, np.float16)
    assert half.stat().st_size < 0.52 * whole.stat().st_size
    read = load_model(half).network.parameters
    assert read.dtype == np.float32
    assert np.abs(read - model.network.parameters).max() < 2**-10
    assert read.tobytes() == model.network.parameters.astype(np.float16).astype(np.float32).tobytes()


def test_byhand_load_is_the_way_in(file: Path) -> None:
    assert byhand.load(str(file)).network.sizes == (6, 5, 3)


def test_a_full_disk_leaves_the_model_that_was_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ByhandError, match="No space left on device"):
        save_model(file, Model(FeedForward((3, 2))))
    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


# ---------------------------------------------------------------- damage


def test_a_file_cut_anywhere_is_refused(file: Path) -> None:
    content = file.read_bytes()
    for length in [*range(12), *range(12, len(content), 37), len(content) // 2, len(content) - 4, len(content) - 1]:
        file.write_bytes(content[:length])
        refused(file, "is not a whole .safetensors file")


def test_a_file_with_something_after_its_end_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"more")
    refused(file, "is not a whole .safetensors file")


@pytest.mark.slow
@settings(max_examples=300)
@given(data=st.data())
def test_any_changed_byte_is_refused_in_one_line_or_gives_a_finite_network(data: st.DataObject, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.safetensors"
    save_model(path, make())
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        read = load_model(path)
    except ModelError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both ends are allowed
    else:
        assert np.isfinite(read.network.parameters).all()


@pytest.mark.parametrize("length", [0, 1, 2**24, 2**31, 2**62, 2**63, 2**64 - 1])
def test_a_header_of_any_claimed_length_is_refused_and_takes_no_memory(length: int, file: Path) -> None:
    header, body = pieces(file)
    assemble(file, header, body, length)
    tracemalloc.start()
    try:
        refused(file, "is not a whole .safetensors file")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "header",
    [b"", b"{", b"[]", b"null", b"{}", b'"text"', b"\xff\xfe\x00", b"{" * 10_000, b"[" * 100_000, b'{"a": 1}', b"\x00" * 64],
)
def test_a_header_that_is_no_table_of_tensors_is_refused(header: bytes, file: Path) -> None:
    assemble(file, header, pieces(file)[1])
    refused(file)


@pytest.mark.parametrize(
    "change",
    [
        {"data_offsets": [0, 2**62]},
        {"data_offsets": [40, 20]},
        {"data_offsets": [-1, 20]},
        {"data_offsets": [0, 4]},
        {"data_offsets": "text"},
        {"shape": [3, -1]},
        {"shape": [2**40, 2**40]},
        {"shape": [4]},
        {"dtype": "NONSENSE"},
        {"dtype": 7},
        {"dtype": "F64"},
    ],
)
def test_a_tensor_whose_place_shape_or_type_is_nonsense_is_refused(change: dict[str, Any], file: Path) -> None:
    header, body = pieces(file)
    header["layers.1.bias"].update(change)
    assemble(file, header, body)
    refused(file, "is not a whole .safetensors file")


def test_a_tensors_name_cannot_smuggle_a_second_line_into_the_message(file: Path) -> None:
    header, body = pieces(file)
    header["a\nb"] = {**header.pop("layers.1.bias"), "data_offsets": [4, 2]}
    assemble(file, header, body)
    refused(file, "is not a whole .safetensors file")


def test_tensors_that_overlap_are_refused(file: Path) -> None:
    header, body = pieces(file)
    header["layers.0.bias"]["data_offsets"] = header["layers.1.bias"]["data_offsets"] = [0, 12]
    assemble(file, header, body)
    refused(file, "is not a whole .safetensors file")


@pytest.mark.parametrize("kind", ["F8_E4M3", "BF16", "I64", "U8", "BOOL", "C64"])
def test_a_tensor_that_holds_no_ordinary_floats_is_refused(kind: str, tmp_path: Path) -> None:
    size = {"F8_E4M3": 1, "BF16": 2, "I64": 8, "U8": 1, "BOOL": 1, "C64": 8}[kind]
    save_model(tmp_path / "m", Model(FeedForward((1, 1))))
    header, _ = pieces(tmp_path / "m")
    header["layers.0.weight"].update(dtype=kind, data_offsets=[0, size])
    header["layers.0.bias"]["data_offsets"] = [size, size + 4]
    assemble(tmp_path / "m", header, b"\x01" + b"\x00" * (size + 3))
    refused(tmp_path / "m")


def test_ten_megabytes_of_garbage_are_refused(file: Path, rng: np.random.Generator) -> None:
    file.write_bytes(rng.bytes(10_000_000))
    refused(file, "is not a whole .safetensors file")


def test_a_missing_file_a_folder_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.safetensors", "none.safetensors is not there: expected a model file")
    refused(tmp_path, "is not there: expected a model file")
    (tmp_path / "empty").write_bytes(b"")
    refused(tmp_path / "empty", "is not a whole .safetensors file")


# ---------------------------------------------------------------- contents that do not fit together


def test_a_safetensors_file_of_someone_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(save({"w": np.zeros(3, np.float32)}))
    refused(tmp_path / "m", "is not a byhand model")
    (tmp_path / "m").write_bytes(save({"w": np.zeros(3, np.float32)}, {"format": "pt"}))
    refused(tmp_path / "m", "is not a byhand model")


@pytest.mark.parametrize("version", ["2", "", "1\nthe checks passed", "x" * 100_000])
def test_another_format_version_is_refused_in_one_line(version: str, file: Path) -> None:
    change_metadata(file, format_version=version)
    assert len(refused(file, "upgrade byhand")) < 1000


@pytest.mark.parametrize(
    "architecture",
    [
        "",
        "{",
        "null",
        "5",
        "[]",
        "{}",
        '"feedforward"',
        '{"kind": "feedforward"}',
        "[" * 100_000,
        "{" * 100_000,
        '{"kind": "feedforward", "sizes": [6, 5, 3], "activations": ["relu", "relu"], "cost": "quadratic", "l2": Infinity}',
        '{"kind": "feedforward", "sizes": [Infinity, 3], "activations": ["relu"], "cost": "quadratic"}',
        '{"kind": "feedforward", "sizes": [NaN, 3], "activations": ["relu"], "cost": "quadratic"}',
        '{"kind": "feedforward", "sizes": [6, ' + "9" * 4000 + ', 3], "activations": ["relu"], "cost": "quadratic"}',
        '{"kind": "feedforward", "sizes": ['
        + "9" * 4000
        + ", "
        + "9" * 4000
        + '], "activations": ["relu"], "cost": "quadratic"}',
    ],
)
def test_an_architecture_that_describes_nothing_is_refused(architecture: str, file: Path) -> None:
    change_metadata(file, architecture=architecture)
    refused(file)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "convolutional"}, "holds a network of kind 'convolutional'"),
        ({"kind": "a\nb"}, "holds a network of kind"),
        ({"sizes": [6, 4, 3]}, r"tensor 'layers.0.weight' must be \(4, 6\) by its architecture, got \(5, 6\)"),
        ({"sizes": [6, 5, 5, 3], "activations": ["relu", "relu", "softmax"]}, "tensor 'layers.2.bias' is missing"),
        ({"sizes": [6, 3], "activations": ["softmax"]}, "tensor 'layers.1.bias' is too many"),
        ({"sizes": [6]}, "sizes must be a list of whole numbers, 2 or more of them"),
        ({"sizes": [6, 0, 3]}, "sizes: each must be "),
        ({"sizes": "653"}, "sizes must be a list of whole numbers"),
        ({"sizes": None}, "sizes must be a list of whole numbers"),
        ({"sizes": [6.0, 5.5, 3.0]}, "sizes: each must be "),
        ({"sizes": [[6], [5], [3]]}, "sizes: each must be "),
        ({"activations": ["relu"]}, "1 activations for 2 layers"),
        ({"activations": ["relu", "__import__"]}, "activation '__import__' is unknown"),
        ({"activations": "relu"}, "4 activations for 2 layers|is unknown"),
        ({"activations": ["a\nb", "softmax"]}, "is unknown"),
        ({"cost": "hinge"}, "cost 'hinge' is unknown"),
        ({"cost": None}, "cost must be one of .*, got None"),
        ({"dropout": 1.5}, "dropout must be 0 or more and below 1"),
        ({"dropout": "much"}, "dropout must be a number, 0 or more and below 1, got 'much'"),
        ({"l2": -1}, "l2 must be 0 or more"),
        ({"l1": [1]}, r"l1 must be a number, 0 or more, got \[1\]"),
    ],
)
def test_an_architecture_that_does_not_fit_is_refused(changes: dict[str, Any], message: str, file: Path) -> None:
    change_architecture(file, **changes)
    refused(file, message)


def test_a_described_giant_is_refused_before_it_takes_memory(file: Path) -> None:
    change_architecture(file, sizes=[6, 60_000_000, 3])
    tracemalloc.start()
    try:
        refused(file)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("key", ["class_names", "preprocessing", "metrics"])
@pytest.mark.parametrize("value", ["{", "5", '"text"', "[[1, 2, 3]]", "[" * 100_000, "\n"])
def test_metadata_that_cannot_be_read_is_refused(key: str, value: str, file: Path) -> None:
    if key == "class_names" and value in {'"text"', "[[1, 2, 3]]"}:
        value = "null"  # text and lists of anything are turned into names
    change_metadata(file, **{key: value})
    refused(file, f"metadata that cannot be read|{key} must be ")


def test_missing_metadata_falls_back_to_nothing_but_the_architecture_is_required(file: Path) -> None:
    change_metadata(file, class_names=None, preprocessing=None, metrics=None, recipe=None)
    read = load_model(file)
    assert (read.class_names, read.preprocessing, read.metrics, read.recipe) == ((), {}, {}, "")
    change_metadata(file, architecture=None)
    refused(file, "metadata that cannot be read")


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused_with_their_tensor(number: float, tmp_path: Path) -> None:
    model = make()
    model.network.weights[1][2, 3] = number
    save_model(tmp_path / "m", model)
    refused(tmp_path / "m", "tensor 'layers.1.weight' holds NaN or infinite numbers")


def test_weights_too_large_for_float32_are_refused_and_never_become_infinite(tmp_path: Path) -> None:
    model = make(np.float64)
    model.network.weights[0][0, 0] = 1e300
    save_model(tmp_path / "m", model)
    refused(tmp_path / "m", "tensor 'layers.0.weight'")
    assert load_model(tmp_path / "m", np.float64).network.weights[0][0, 0] == 1e300


def test_a_missing_tensor_and_one_too_many_are_named(tmp_path: Path) -> None:
    model, path = make(), tmp_path / "m"
    save_model(path, model)
    metadata = pieces(path)[0]["__metadata__"]
    del metadata["checksum"]  # of what the file said before
    tensors = {name: array.copy() for name, array in model.network.tensors().items()}
    path.write_bytes(save({**tensors, "extra\nline": np.zeros(1, np.float32)}, metadata))
    refused(path, "is too many")
    del tensors["layers.0.bias"]
    path.write_bytes(save(tensors, metadata))
    refused(path, "tensor 'layers.0.bias' is missing")


def test_a_transposed_tensor_is_refused_with_both_shapes(tmp_path: Path) -> None:
    model, path = make(), tmp_path / "m"
    save_model(path, model)
    metadata = pieces(path)[0]["__metadata__"]
    del metadata["checksum"]  # of what the file said before
    tensors = {name: array.copy() for name, array in model.network.tensors().items()}
    tensors["layers.0.weight"] = np.ascontiguousarray(tensors["layers.0.weight"].T)
    path.write_bytes(save(tensors, metadata))
    refused(path, r"tensor 'layers.0.weight' must be \(5, 6\) by its architecture, got \(6, 5\)")


def test_load_takes_whatever_names_a_model(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    byhand.FeedForward((6, 5, 3), seed=1).save(tmp_path / "run" / "model.safetensors")
    for named in (tmp_path / "run", str(tmp_path / "run"), tmp_path / "run" / "model.safetensors"):
        assert byhand.load(named).network.sizes == (6, 5, 3)
    assert byhand.load("mnist-nielsen-30").network.sizes == (784, 30, 10)
    with pytest.raises(ModelError, match="nowhere"):
        byhand.load("nowhere")
