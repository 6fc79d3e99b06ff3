"""Your own data, good and bad."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from byhand import data
from byhand.data.own import read_csv, read_npz
from byhand.errors import DataError


def folder_of_bars(folder: Path, each: int = 5) -> Path:
    for name, box in {"lying": (5, 18, 35, 24), "standing": (18, 5, 24, 35)}.items():
        (folder / name).mkdir(parents=True)
        for i in range(each):
            picture = Image.new("L", (40, 40), 255)
            picture.paste(0, tuple(edge + i % 3 for edge in box))
            picture.save(folder / name / f"{i}.png")
    return folder


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
    Image.new("1", (20_000, 20_000)).save(folder / "lying" / "huge.png")
    with pytest.raises(DataError, match="far more than 50,000,000 pixels"):
        data.load(str(folder))


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
    for name, said in [("names.npz", "none called x"), ("shapes.npz", "x must be numbers"), ("cut.npz", "not a whole .npz")]:
        with pytest.raises(DataError, match=said) as caught:
            read_npz(tmp_path / name)
        assert one_line(caught, tmp_path / name)


@pytest.mark.parametrize("text", ["1,2,a\n3,4,b\n", "u,v,label\n1,2,a\n3,4,b\n", "label,u,v\na,1,2\nb,3,4\n"])
def test_a_csv_table_is_read_with_or_without_a_header(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    read = read_csv(tmp_path / "t.csv")
    assert read.inputs.tolist() == [[1, 2], [3, 4]] and read.class_names == ("a", "b")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no table"),
        ("5\n6\n", "holds no table"),
        ("1,2,a\n1,nan,b\n", "row 2, column 2 is 'nan'"),
        ("1,2,a\n1,,b\n", "row 2, column 2 is ''"),
        ("x,y,label\n1,2,a\n1,inf,b\n", "row 3, column 2 is 'inf'"),
        ("1,2,a\n1,two,b\n", "column 2 is 'two'"),
        ("1,2,a\n1,b\n", "row 2 has 2 columns, the first has 3"),
        ("1,2,a\n1,3,a\n", "one class 'a'"),
    ],
)
def test_a_bad_table_is_refused_with_its_row(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        read_csv(tmp_path / "bad.csv")
    assert one_line(caught, tmp_path / "bad.csv")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "own.xlsx").write_bytes(b"x")
    with pytest.raises(DataError, match=r"own\.xlsx is neither"):
        data.load(str(tmp_path / "own.xlsx"))
