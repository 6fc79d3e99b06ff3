"""`.npz` files as other tools write them, and such as promise more than they hold."""

from __future__ import annotations

import io
import pickle
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byhand import data
from byhand.data.own import read_npz
from byhand.errors import DataError

RNG = np.random.default_rng(0)
FLOWERS = RNG.random((20, 4)).astype(np.float32)
KINDS = np.arange(20) % 2


def header_only(dtype: str, shape: tuple[int, ...], content: bytes = b"") -> bytes:
    """An `.npy` that promises an array of this shape, and holds the content alone."""
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def of(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (of(FLOWERS), header_only("<U0", (2_000_000_000,)), "empty strings"),
        (of(FLOWERS), header_only("<U0", (20,)), "empty strings"),
        (header_only("|S0", (2_000_000_000, 4)), of(KINDS), "empty strings"),
        (header_only("|u1", (2_000_000_000, 4)), of(KINDS), "promises"),
        (header_only("<f4", (20, 2**62)), of(KINDS), "promises"),
        (header_only("<f4", (0, 2**62)), of(KINDS[:0]), "no samples|shape"),
        (header_only("<f4", (20, -4)), of(KINDS), "shape"),
        (of(FLOWERS), header_only("<i8", (10**15,)), "promises"),
        (of(FLOWERS), of(np.arange(30) % 2), "one label per input"),
        (of(FLOWERS), header_only("<U1", (20,), b"\xff\xff\x11\x00" * 20), "no character of Unicode"),
        (of(FLOWERS), header_only(">U2", (20,), b"\x00\x00\xd8\x00" * 40), "no character of Unicode"),
    ],
)
def test_an_array_that_promises_more_than_it_holds_is_refused_before_it_is_made(
    tmp_path: Path, x: bytes, y: bytes, said: str
) -> None:
    path = zipped(tmp_path / "liar.npz", x=x, y=y)
    tracemalloc.start()
    began = time.perf_counter()
    try:
        with pytest.raises(DataError, match=said) as caught:
            read_npz(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - began < 10
    assert "\n" not in str(caught.value) and "liar.npz" in str(caught.value)


@pytest.mark.slow
def test_a_decompression_bomb_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros((100_000, 28, 28), np.uint8), y=np.arange(100_000) % 2)
    assert path.stat().st_size < 1e6
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="decompression bomb"):
            read_npz(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("x_name", "y_name"),
    [("X", "Y"), ("x", "y"), ("images", "labels"), ("X_train", "y_train"), ("train_images", "train_labels"), ("data", "target"),
     ("Xtrain", "ytrain"), ("features", "targets")],
)  # fmt: skip
def test_arrays_are_found_under_the_names_that_people_give_them(tmp_path: Path, x_name: str, y_name: str) -> None:
    np.savez(tmp_path / "own.npz", **{x_name: FLOWERS, y_name: KINDS})
    read = read_npz(tmp_path / "own.npz")
    assert np.array_equal(read.inputs, FLOWERS) and read.labels.tolist() == KINDS.tolist()


def test_keras_mnist_keeps_its_own_test_part(tmp_path: Path) -> None:
    x = RNG.integers(0, 256, (30, 28, 28), np.uint8)
    y = np.arange(30, dtype=np.uint8) % 10
    np.savez(tmp_path / "mnist.npz", x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:])
    splits = data.load(str(tmp_path / "mnist.npz"))
    assert (len(splits.train), len(splits.test), splits.validation) == (20, 10, None)
    assert splits.train.class_names == splits.test.class_names == tuple("0123456789")
    assert np.array_equal(np.round(splits.test.inputs[..., 0] * 255), x[20:])
    assert splits.test.labels.tolist() == y[20:].tolist()
    assert "its own" in splits.note


def test_three_parts_are_kept_apart_and_classes_go_by_name(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "medical.npz",
        train_images=FLOWERS, train_labels=np.array(["a", "b"] * 10)[:, None],
        val_images=FLOWERS[:6], val_labels=np.array(["b"] * 6)[:, None],
        test_images=FLOWERS[:4], test_labels=np.array(["b", "a", "b", "a"])[:, None],
    )  # fmt: skip
    splits = data.load(str(tmp_path / "medical.npz"))
    assert splits.validation is not None and splits.validation.labels.tolist() == [1] * 6
    assert splits.test.labels.tolist() == [1, 0, 1, 0]
    np.savez(tmp_path / "other.npz", x_train=FLOWERS, y_train=KINDS, x_test=FLOWERS[:4], y_test=[0, 1, 2, 0])
    with pytest.raises(DataError, match=r"test .*'2'"):
        data.load(str(tmp_path / "other.npz"))


@pytest.mark.parametrize(
    "labels",
    [KINDS[:, None], np.eye(2)[KINDS], np.eye(2, dtype=np.uint8)[KINDS], np.eye(2, dtype=bool)[KINDS], KINDS.astype(float)],
    ids=["column", "one-hot float", "one-hot bytes", "one-hot bool", "whole floats"],
)
def test_labels_may_be_a_column_one_hot_or_whole_floats(tmp_path: Path, labels: Any) -> None:
    np.savez(tmp_path / "own.npz", x=FLOWERS, y=labels)
    read = read_npz(tmp_path / "own.npz")
    assert read.class_names == ("0", "1") and read.labels.tolist() == KINDS.tolist()


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (RNG.integers(0, 2, (20, 3)) | 1, "row 0 .*3 ones|one-hot"),
        (np.zeros((20, 3)), "one-hot"),
        (RNG.random(20), "fraction"),
        (np.full(20, np.nan), "fraction|NaN"),
        (np.zeros((20, 2, 2), int), "labels"),
        (KINDS.astype(complex), "labels"),
    ],
)
def test_labels_that_are_no_classes_are_refused_in_words(tmp_path: Path, labels: Any, said: str) -> None:
    np.savez(tmp_path / "own.npz", x=FLOWERS, y=labels)
    with pytest.raises(DataError, match=said):
        read_npz(tmp_path / "own.npz")


def test_images_with_their_channels_first_are_turned(tmp_path: Path) -> None:
    x = RNG.integers(0, 256, (20, 28, 28), np.uint8)
    np.savez(tmp_path / "last.npz", x=x, y=KINDS)
    np.savez(tmp_path / "first.npz", x=x[:, None], y=KINDS)
    assert np.array_equal(read_npz(tmp_path / "first.npz").inputs, read_npz(tmp_path / "last.npz").inputs)
    colour = RNG.random((20, 3, 16, 12)).astype(np.float32)
    np.savez(tmp_path / "colour.npz", x=colour, y=KINDS)
    assert np.array_equal(read_npz(tmp_path / "colour.npz").inputs, colour.transpose(0, 2, 3, 1))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "labels",
    [
        ["rose", "lily"] * 10,
        [np.str_("rose"), np.str_("lily")] * 10,
        [3, 7] * 10,
        [np.int64(3), np.uint8(7)] * 10,
        [2.0, np.float32(5)] * 10,
        [[0, 1], [1, 0]] * 10,
    ],
    ids=str,
)
def test_labels_of_objects_are_read_without_unpickling(labels: list[Any], protocol: int, tmp_path: Path) -> None:
    plain, objects = np.array(labels), np.empty(np.shape(labels), object)
    objects[...] = np.array(labels, object)
    np.savez(tmp_path / "plain.npz", x=FLOWERS, y=plain)
    np.savez(tmp_path / "objects.npz", x=FLOWERS, y=objects)
    repickle(tmp_path / "objects.npz", objects, protocol)
    right, found = (read_npz(tmp_path / f"{name}.npz") for name in ("plain", "objects"))
    assert found.class_names == right.class_names
    assert np.array_equal(found.labels, right.labels)


def repickle(path: Path, objects: Any, protocol: int) -> None:
    """Write y again with another protocol than NumPy's."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(objects))
    with zipfile.ZipFile(path) as archive:
        inputs = archive.read("x.npy")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", inputs)
        archive.writestr("y.npy", header.getvalue() + pickle.dumps(objects, protocol))


class Evil:
    """What a pickle can do."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("it was carried out"),)


@pytest.mark.parametrize(
    "odd",
    [Evil(), {"a": 1}, None, np.array([1.0]), 10**400, "x" * 20_000_000, ("rose",), float("nan"), b"rose"],
    ids=lambda odd: str(odd)[:20],
)
def test_labels_of_other_objects_are_refused_with_the_command_that_converts_them(
    odd: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    objects = np.empty(20, object)
    objects[:] = ["rose", "lily"] * 10
    objects[3] = odd
    np.savez("objects.npz", x=FLOWERS, y=objects)
    with pytest.raises(DataError, match="never unpickles") as caught:
        read_npz(tmp_path / "objects.npz")
    told = str(caught.value)
    assert "\n" not in told and "python -c" in told and len(told) < 700
    assert [path.name for path in tmp_path.iterdir()] == ["objects.npz"]


def test_the_command_converts_what_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "objects.npz"
    np.savez(path, x=FLOWERS, y=np.array([b"rose", b"lily"] * 10, dtype=object))
    with pytest.raises(DataError) as caught:
        read_npz(path)
    told = str(caught.value)
    command = told[told.index('python -c "') + len('python -c "') : told.rindex('"')]
    subprocess.run([sys.executable, "-c", command], check=True, cwd=tmp_path)
    found = next(file for file in tmp_path.glob("*.npz") if file != path)
    assert len(read_npz(found).class_names) == 2


def test_labels_are_words_in_utf_8_and_nothing_else(tmp_path: Path) -> None:
    x, names = np.eye(4, dtype=np.float32), ["ä", "日本", "ä", "日本"]
    np.savez(tmp_path / "utf8.npz", x=x, y=np.array([name.encode() for name in names]))
    assert read_npz(tmp_path / "utf8.npz").class_names == ("ä", "日本")
    np.savez(tmp_path / "latin.npz", x=x, y=np.array([b"\xe4", b"b", b"\xe4", b"b"]))
    with pytest.raises(DataError, match=r"y must be words in UTF-8, got .*: save it again, or label by number"):
        read_npz(tmp_path / "latin.npz")
    beyond = np.array([0x110000, 0x62, 0x110000, 0x62], np.uint32).view("<U1")
    np.savez(tmp_path / "beyond.npz", x=x, y=beyond)
    with pytest.raises(DataError, match=r"y holds the code 1114112, which is no character of Unicode: save it again"):
        read_npz(tmp_path / "beyond.npz")
