"""Folders of pictures that are no characters: of any size, colour and kind of file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.pictures import discs, shape, shapes

from byhand import data
from byhand.data.augment import Augment
from byhand.data.pictures import open_picture, prepare_for, scaled
from byhand.data.preparation import preparation
from byhand.errors import DataError


def test_coloured_pictures_of_any_size_stay_coloured_and_whole(tmp_path: Path) -> None:
    splits = data.load(discs(tmp_path / "discs", each=5))
    assert splits.train.inputs.shape == (12, 32, 32, 3)
    assert "15 images, 38 to 61 pixels a side, colour -> 32 x 32 colour, scaled, not cropped" in splits.note
    assert preparation(splits.train)["pictures"] == {"side": 32, "colour": True} and "ink" not in preparation(splits.train)


def test_size_colour_and_preparation_are_as_asked(tmp_path: Path) -> None:
    folder = shapes(tmp_path / "shapes", each=2)
    grey = data.load(folder, size=24, colour=False)
    assert grey.train.inputs.shape == (4, 24, 24, 1) and "-> 24 x 24 grey, scaled" in grey.note
    assert data.load(folder, preparation="mnist").train.inputs.shape == (4, 28, 28, 1)
    for options, said in [
        ({"size": 5}, "size must be"),
        ({"preparation": "cropped"}, "choose one of auto, scaled, mnist"),
        ({"preparation": "mnist", "colour": True}, "leave size and colour out"),
    ]:
        with pytest.raises(DataError, match=said):
            data.load(folder, **options)


def test_what_looks_like_ink_is_centred_as_mnists_unless_it_is_not_to_be(tmp_path: Path) -> None:
    for name, box in {"lying": (5, 18, 35, 24), "standing": (18, 5, 24, 35)}.items():
        (tmp_path / name).mkdir()
        for i in range(4):
            picture = Image.new("L", (40, 40), 255)
            picture.paste(0, tuple(edge + i for edge in box))
            picture.save(tmp_path / name / f"{i}.png")
    auto = data.load(tmp_path)
    assert auto.train.inputs.shape[1:] == (28, 28, 1) and "look like ink on paper" in auto.note
    kept = data.load(tmp_path, preparation="scaled")
    assert kept.train.inputs.shape[1:] == (32, 32, 1) and kept.train.inputs.mean() > 0.5  # the paper stays white


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "L", "LA", "1", "I;16", "I", "F"])
def test_every_kind_of_picture_is_read_as_what_it_shows(tmp_path: Path, mode: str) -> None:
    half = np.zeros((12, 12), np.uint8)
    half[:, 6:] = 255
    picture = Image.fromarray(half)
    if mode in ("I;16", "I"):
        made = Image.fromarray(half.astype(np.uint16 if mode == "I;16" else np.int32) * 257)
    else:
        made = picture.convert("RGB").convert(mode) if mode != "LA" else picture.convert("LA")
    path = tmp_path / ("half.tif" if mode in ("CMYK", "F", "I") else "half.png")
    made.save(path)
    read = np.asarray(open_picture(path))
    assert read.shape == (12, 12, 3) and read[:, :6].max() <= 2 and read[:, 6:].min() >= 253


def test_what_is_transparent_is_white_and_a_phones_photo_stands_upright(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (10, 10), (255, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    assert np.asarray(open_picture(tmp_path / "clear.png")).min() == 255
    photo, exif = Image.new("RGB", (20, 10)), Image.Exif()
    exif[0x0112] = 6  # lying on its side
    photo.save(tmp_path / "photo.jpg", exif=exif)
    assert open_picture(tmp_path / "photo.jpg").size == (10, 20)


def test_a_picture_that_is_not_square_keeps_its_proportions() -> None:
    wide = Image.new("RGB", (80, 40), (10, 200, 30))
    wide.paste((255, 255, 255), (30, 10, 50, 30))
    white = (scaled(wide, 32) > 250).all(axis=2)
    assert abs(int(white.any(axis=0).sum()) - int(white.any(axis=1).sum())) <= 1
    assert scaled(wide, 32)[0, 0].tolist() == [10, 200, 30]


def test_a_model_reads_a_new_picture_as_it_was_trained_to(tmp_path: Path) -> None:
    shape("star", np.random.default_rng(0)).save(tmp_path / "star.png")
    assert prepare_for({"pictures": {"side": 16, "colour": True}}, tmp_path / "star.png").pixels.shape == (16, 16, 3)
    assert prepare_for({"pictures": {"side": 16, "colour": False}}, tmp_path / "star.png").pixels.shape == (16, 16, 1)
    with pytest.raises(DataError, match="size must be"):
        prepare_for({"pictures": {"side": "wide"}}, tmp_path / "star.png")


def test_pictures_may_lie_beside_each_other_with_their_class_in_the_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(3):
        shape("star", rng).save(tmp_path / f"star_{i:03}.png")
        shape("circle", rng).save(tmp_path / f"circle ({i}).png")
    splits = data.load(tmp_path)
    assert splits.train.class_names == ("circle", "star") and len(splits.train) + len(splits.test) == 6


def test_parts_by_their_usual_names_uneven_classes_and_duplicates_are_told(tmp_path: Path) -> None:
    shapes(tmp_path / "training", each=4)
    shapes(tmp_path / "val", each=2, seed=1)
    for i in range(2):
        (tmp_path / "val" / "star" / f"{i}.png").write_bytes((tmp_path / "training" / "star" / f"{i}.png").read_bytes())
    for i in range(3):
        (tmp_path / "training" / "circle" / f"{i}.png").unlink()
    splits = data.load(tmp_path)
    assert "its own training and val folders" in splits.note and (len(splits.train), len(splits.test)) == (13, 8)
    assert "2 of the 8 test images equal a training image" in splits.note
    assert "uneven classes: 4 of" in splits.note and "1 of circle" in splits.note and "--balance" in splits.note


def test_reading_tells_how_far_it_is(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    data.load(shapes(tmp_path / "shapes", each=2), progress=lambda done, total: heard.append((done, total)))
    assert heard == [(i, 8) for i in range(1, 9)]


def test_colours_are_warped_alike_and_what_comes_in_has_the_borders_colour() -> None:
    images = np.empty((4, 16, 16, 3), np.float32)
    images[:] = (0.2, 0.5, 0.9)
    images[:, 5:9, 5:9] = 1
    warped = Augment(shift=3, rotate=10)(images, np.random.default_rng(0))
    assert np.allclose(warped[:, 0, 0], (0.2, 0.5, 0.9), atol=1e-6)
    moved = [(warped[..., c] - warped[:, :1, :1, c]) / (1 - images[0, 0, 0, c]) for c in range(3)]
    assert np.allclose(moved[0], moved[1], atol=1e-5) and np.allclose(moved[0], moved[2], atol=1e-5)
    rows = Augment(shift=3, rotate=10)(images.reshape(4, -1), np.random.default_rng(0))
    assert (rows == warped.reshape(4, -1)).all()
