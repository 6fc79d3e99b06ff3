"""Your own data, good and bad."""

from __future__ import annotations

import contextlib
import errno
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from byhand import data
from byhand.data.own import read_npz
from byhand.errors import DataError


def folder_of_bars(folder: Path, each: int = 5) -> Path:
    for name, box in {"lying": (5, 18, 35, 24), "standing": (18, 5, 24, 35)}.items():
        (folder / name).mkdir(parents=True)
        for i in range(each):
            picture = Image.new("L", (40, 40), 255)
            picture.paste(0, tuple(edge + i % 3 for edge in box))
            picture.save(folder / name / f"{i}.png")
    return folder


def png_header(width: int, height: int) -> bytes:
    chunks = [(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)), (b"IDAT", b"\x78\x9c\x03\x00\x00\x00\x00\x01")]
    packed = [
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def one_line(caught: pytest.ExceptionInfo[DataError], path: Path) -> bool:
    return "\n" not in str(caught.value) and path.name in str(caught.value)


def test_a_folder_with_one_subfolder_a_class_becomes_prepared_images(tmp_path: Path) -> None:
    splits = data.load(str(folder_of_bars(tmp_path / "bars")))
    assert splits.train.class_names == ("lying", "standing")
    assert splits.train.inputs.shape == (8, 28, 28, 1) and len(splits.test) == 2
    assert "held out" in splits.note
    lying = splits.train.inputs[splits.train.labels == 0][0, ..., 0]
    assert lying.any(axis=0).sum() > lying.any(axis=1).sum()


def test_its_own_train_and_test_folders_are_kept(tmp_path: Path) -> None:
    folder_of_bars(tmp_path / "train", 4)
    folder_of_bars(tmp_path / "test", 3)
    splits = data.load(str(tmp_path))
    assert (len(splits.train), len(splits.test)) == (8, 6)


def test_train_and_test_folders_with_different_classes_are_refused(tmp_path: Path) -> None:
    folder_of_bars(tmp_path / "train", 2)
    (folder_of_bars(tmp_path / "test", 2) / "lying").rename(tmp_path / "test" / "leaning")
    with pytest.raises(DataError, match="different classes") as caught:
        data.load(str(tmp_path))
    assert one_line(caught, tmp_path)


def test_what_is_hidden_or_no_picture_is_passed_over(tmp_path: Path) -> None:
    folder = folder_of_bars(tmp_path / "bars")
    (folder / ".cache").mkdir()
    (folder / "notes.txt").write_text("read me")
    (folder / "lying" / ".DS_Store").write_bytes(b"x")
    (folder / "lying" / ".0.png").write_bytes(b"")
    (folder / "lying" / "list.txt").write_text("read me")
    assert len(data.load(str(folder)).train) == 8


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"0 subfolder\(s\)") as caught:
        data.load(str(tmp_path))
    assert one_line(caught, tmp_path)


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of_bars(tmp_path / "bars")
    listing = Path.iterdir

    def denied(path: Path) -> Iterator[Path]:
        if path.name == "standing":  # the tests may run as root, whom nothing is denied
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(DataError, match=r"cannot read .*Permission denied"):
        data.load(str(folder))


def test_a_folder_with_one_class_is_refused(tmp_path: Path) -> None:
    (tmp_path / "only").mkdir()
    with pytest.raises(DataError, match="1 subfolder") as caught:
        data.load(str(tmp_path))
    assert one_line(caught, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("empty.png", b"", "0 bytes"), ("broken.png", b"\x89PNG nonsense", "not a picture")],
)
def test_a_broken_image_among_good_ones_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    folder = folder_of_bars(tmp_path / "bars")
    (folder / "lying" / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        data.load(str(folder))
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_a_20_000_pixel_image_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    folder = folder_of_bars(tmp_path / "bars")
    huge = folder / "lying" / "huge.png"
    for width, height, said in [(20_000, 20_000, "far more than 50,000,000 pixels"), (20_000, 30, "20,000 x 30 pixels")]:
        huge.write_bytes(png_header(width, height))  # there is nothing to decode
        with pytest.raises(DataError, match=said) as caught:
            data.load(str(folder))
        assert one_line(caught, huge) and "make it smaller" in str(caught.value)


def test_a_blank_image_and_an_empty_class_are_refused(tmp_path: Path) -> None:
    folder = folder_of_bars(tmp_path / "bars")
    Image.new("L", (40, 40), 255).save(folder / "lying" / "blank.png")
    with pytest.raises(DataError, match="shows nothing"):
        data.load(str(folder))
    (folder / "lying" / "blank.png").unlink()
    (folder / "third").mkdir()
    with pytest.raises(DataError, match="third holds no images"):
        data.load(str(folder))


def test_npz_arrays_become_a_data_set(tmp_path: Path) -> None:
    x = np.full((4, 28, 28), 51, np.uint8)
    np.savez(tmp_path / "own.npz", x=x, y=np.array(["b", "a", "b", "a"]))
    read = read_npz(tmp_path / "own.npz")
    assert read.class_names == ("a", "b") and read.labels.tolist() == [1, 0, 1, 0]
    assert read.inputs.shape == (4, 28, 28, 1) and np.allclose(read.inputs, 0.2)


def test_labels_of_an_npz_may_be_bytes_and_its_pictures_coloured(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", images=np.zeros((4, 8, 8, 3), np.float32), labels=np.array([b"up", b"down"] * 2))
    read = read_npz(tmp_path / "own.npz")
    assert read.class_names == ("down", "up") and read.inputs.shape == (4, 8, 8, 3)


def test_pickled_arrays_are_never_opened(tmp_path: Path) -> None:
    trap = tmp_path / "opened"

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return open, (str(trap), "w")

    np.savez(tmp_path / "trap.npz", x=np.array([Trap()], dtype=object), y=np.array([0]), allow_pickle=True)
    with pytest.raises(DataError, match=r"trap\.npz"):
        read_npz(tmp_path / "trap.npz")
    assert not trap.exists()


def test_bad_npz_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "names.npz", a=np.zeros(3))
    np.savez(tmp_path / "shapes.npz", x=np.zeros(3), y=np.zeros((3, 2)))
    np.savez(tmp_path / "cut.npz", x=np.zeros((9, 9)), y=np.zeros(9, int))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:200])
    np.savez(tmp_path / "lengths.npz", x=np.zeros((4, 2)), y=np.zeros(3, int))
    np.savez(tmp_path / "alone.npz", x=np.zeros((4, 2)), y=np.zeros(4, int))
    np.savez(tmp_path / "large.npz", x=np.array([[0.0], [1e300]]), y=np.arange(2))
    np.savez(tmp_path / "nan.npz", x=np.array([[0.0], [np.nan]]), y=np.arange(2))
    np.save(tmp_path / "single.npy", np.zeros(3))
    (tmp_path / "single.npy").rename(tmp_path / "single.npz")
    (tmp_path / "empty.npz").touch()
    for name, said in [
        ("names.npz", "none called x"),
        ("shapes.npz", "x must be numbers"),
        ("cut.npz", "not a whole .npz"),
        ("lengths.npz", "inputs|one class"),
        ("alone.npz", "one class '0'"),
        ("single.npz", "not a whole .npz"),
        ("empty.npz", "not a whole .npz"),
        ("absent.npz", "No such file"),
    ]:
        with pytest.raises(DataError, match=said) as caught:
            read_npz(tmp_path / name)
        assert one_line(caught, tmp_path / name)
    for name in ("large", "nan"):
        with pytest.raises(DataError, match=f"{name}: sample 1 holds NaN or infinity"):
            read_npz(tmp_path / f"{name}.npz")


@pytest.mark.slow
@given(st.data())
def test_no_damage_to_an_npz_gets_past_the_reader(tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=np.linspace(0, 1, 100).reshape(20, 5), y=np.arange(20) % 2)
    content = bytearray(buffer.getvalue())
    for _ in range(draw.draw(st.integers(1, 4))):
        content[draw.draw(st.integers(0, len(content) - 1))] = draw.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        read_npz(path)


def test_a_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "OWN.CSV").write_text("1,2,a\n3,4,b\n5,6,a\n7,8,b\n")
    splits = data.load(str(tmp_path / "OWN.CSV"))
    assert (len(splits.train), len(splits.test)) == (2, 2)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "own.xlsx").write_bytes(b"x")
    with pytest.raises(DataError, match=r"own\.xlsx is neither"):
        data.load(str(tmp_path / "own.xlsx"))


def test_npz_images_of_other_sizes_go_through_the_one_preparation(tmp_path: Path) -> None:
    x = np.full((4, 60, 40), 230, np.uint8)
    x[:2, 10:50, 18:22], x[2:, 28:32, 5:35] = 20, 20
    np.savez(tmp_path / "own.npz", x=x, y=[0, 0, 1, 1])
    colour = np.repeat(x[..., None], 3, axis=3)
    np.savez(tmp_path / "colour.npz", x=colour, y=[0, 0, 1, 1])
    grey = read_npz(tmp_path / "own.npz")
    assert grey.inputs.shape == (4, 28, 28, 1) and grey.inputs.max() == 1
    assert np.array_equal(grey.inputs, read_npz(tmp_path / "colour.npz").inputs)
    np.savez(tmp_path / "odd.npz", x=np.zeros((4, 60, 40, 7), np.uint8), y=[0, 0, 1, 1])
    with pytest.raises(DataError, match="images must be"):
        read_npz(tmp_path / "odd.npz")
