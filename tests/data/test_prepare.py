"""The one preparation of images."""

from __future__ import annotations

import contextlib
import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.photographs import own_strokes, photographs

from byhand import data
from byhand.data.prepare import prepare, prepare_file
from byhand.errors import DataError
from byhand.shipped import open_model


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return data.load("mnist").test.inputs[:100, ..., 0].astype(np.float64) * 255


@pytest.mark.slow
def test_mnists_own_digits_come_back_nearly_unchanged(digits: np.ndarray) -> None:
    apart = np.mean([np.abs(prepare(digit, "white").pixels - digit).mean() for digit in digits])
    assert apart < 1


def test_black_on_white_gives_the_same_as_white_on_black(digits: np.ndarray) -> None:
    for digit in digits[:20]:
        assert np.array_equal(prepare(digit).pixels, prepare(255 - digit).pixels)


def test_it_does_not_matter_where_on_the_paper_one_wrote(digits: np.ndarray) -> None:
    for digit in digits[:20]:
        paper = np.zeros((150, 90))
        paper[100:128, 40:68] = digit
        assert np.array_equal(prepare(paper, "white").pixels, prepare(digit, "white").pixels)


def test_the_ink_fits_a_box_of_20_and_its_mass_is_in_the_middle(digits: np.ndarray) -> None:
    big = np.kron(digits[0], np.ones((11, 11)))
    pixels = prepare(big, "white").pixels.astype(float)
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    for axis in (0, 1):
        mass = pixels.sum(axis=1 - axis)
        assert abs((mass * np.arange(28)).sum() / mass.sum() - 14) <= 0.5
    assert pixels.max() == 255


def test_what_is_transparent_is_paper() -> None:
    drawing = Image.new("RGBA", (60, 60), (0, 0, 0, 0))
    drawing.paste((0, 0, 0, 255), (25, 10, 35, 50))
    opaque = Image.new("L", (60, 60), 255)
    opaque.paste(0, (25, 10, 35, 50))
    assert np.array_equal(prepare(drawing).pixels, prepare(opaque).pixels)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "I;16", "F"])
def test_every_kind_of_picture_gives_the_same(mode: str) -> None:
    levels = np.zeros((40, 40), np.uint8)
    levels[8:32, 18:23] = 255
    picture = Image.fromarray(levels)
    converted = Image.fromarray(levels.astype(np.uint16) * 257) if mode == "I;16" else picture.convert(mode)
    assert np.array_equal(prepare(converted, "white").pixels, prepare(picture, "white").pixels)


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (3, 2)])
def test_even_the_smallest_ink_is_kept(shape: tuple[int, int]) -> None:
    paper = np.zeros((500, 500))
    paper[50 : 50 + shape[0], 60 : 60 + shape[1]] = 255
    prepared = prepare(paper, "white")
    assert not prepared.empty and prepared.pixels.max() == 255


@pytest.mark.parametrize("level", [0, 3, 90, 127, 200, 255])
def test_empty_paper_is_said_to_be_empty(level: int) -> None:
    grain = np.random.default_rng(0).uniform(-3, 3, (50, 50))
    for ink in ("auto", "white", "black"):
        for paper in (np.full((50, 50), float(level)), np.clip(level + grain, 0, 255)):
            prepared = prepare(paper, ink)
            assert prepared.empty and not prepared.pixels.any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.zeros((3, 3, 3)), r"shape \(3, 3, 3\): expected"),
        (np.zeros((0, 5)), r"shape \(0, 5\): expected"),
        (np.where(np.eye(4), np.nan, 1), "from nan to nan: expected finite ones"),
        (np.full((4, 4), np.inf), "from inf to inf: expected finite ones"),
        (np.full((4, 4), 256.0), "from 256 to 256"),
        (-np.ones((4, 4)), "from -1 to -1"),
        (np.zeros((2, 20_000)), "20,000 x 2 pixels.*make it smaller"),
        (np.zeros((8_000, 8_000), np.uint8), "8,000 x 8,000 pixels.*make it smaller"),
        (Image.fromarray(np.full((9, 9), np.nan, np.float32)), "from nan to nan"),
    ],
)
def test_an_array_that_is_no_grey_image_is_refused(bad: np.ndarray | Image.Image, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        prepare(bad)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [2, 3, 7])
def test_a_bigger_copy_of_a_drawing_gives_nearly_the_same(digits: np.ndarray, factor: int) -> None:
    for digit in digits[:20]:
        first, second = (np.kron(digit, np.ones((k, k))) for k in (6, 6 * factor))
        once, again = (prepare(paper, "white").pixels.astype(float) for paper in (first, second))
        assert np.abs(once - again).mean() < 1


def test_a_photo_that_lies_on_its_side_is_set_up(tmp_path: Path) -> None:
    upright = Image.new("L", (60, 90), 255)
    upright.paste(0, (10, 10, 20, 80))
    upright.paste(0, (10, 70, 50, 80))
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    tag = Image.Exif()
    tag[0x0112] = 6  # orientation: turn right by 90 degrees to view
    upright.save(tmp_path / "upright.png")
    lying.save(tmp_path / "lying.png", exif=tag)
    assert np.array_equal(prepare_file(tmp_path / "lying.png").pixels, prepare_file(tmp_path / "upright.png").pixels)


def test_a_grey_level_may_be_the_transparent_one(tmp_path: Path) -> None:
    levels = np.zeros((40, 40), np.uint8)
    levels[8:32, 18:23] = 90
    Image.fromarray(levels).save(tmp_path / "drawing.png", transparency=0)
    opaque = np.where(levels, 90.0, 255.0)
    assert np.array_equal(prepare_file(tmp_path / "drawing.png").pixels, prepare(opaque).pixels)


@given(st.data())
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_no_damage_to_a_picture_gets_past_the_reader(
    tmp_path_factory: pytest.TempPathFactory, kind: str, draw: st.DataObject
) -> None:
    picture = Image.new("L", (40, 40))
    picture.paste(255, (18, 8, 23, 32))
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    content = bytearray(buffer.getvalue()[: draw.draw(st.integers(1, len(buffer.getvalue())))])
    for _ in range(draw.draw(st.integers(0, 4))):
        content[draw.draw(st.integers(0, min(len(content), 120) - 1))] = draw.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"damaged.{kind}"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        assert prepare_file(path).pixels.shape == (28, 28)


def test_an_unknown_ink_is_refused() -> None:
    with pytest.raises(DataError, match="auto, white, black"):
        prepare(np.zeros((4, 4)), "blue")


def test_files_that_are_no_pictures_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture")
    Image.new("L", (30, 30)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:50])
    (tmp_path / "drawing.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    Image.new("1", (20_000, 1)).save(tmp_path / "wide.png")
    for name, said in [
        ("empty.png", "0 bytes"),
        ("text.png", "not a picture"),
        ("cut.png", "read whole"),
        ("drawing.eps", "not a picture"),
        ("wide.png", "20,000 x 1"),
    ]:
        with pytest.raises(DataError, match=said) as caught:
            prepare_file(tmp_path / name)
        assert "\n" not in str(caught.value) and name in str(caught.value)
    with pytest.raises(DataError, match="absent"):
        prepare_file(tmp_path / "absent.png")


@pytest.mark.parametrize("paper", [254, 225, 190, 150])
def test_grey_paper_is_paper_all_the_same(digits: np.ndarray, paper: int) -> None:
    for digit in digits[:20]:
        photo = np.pad(paper * (1 - digit / 255), 10, constant_values=paper)
        apart = np.abs(prepare(photo).pixels.astype(float) - prepare(digit, "white").pixels)
        assert apart.max() <= 1


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_a_large_picture_takes_sixteen_bytes_for_each_pixel_and_no_more(tmp_path: Path, mode: str) -> None:
    picture = Image.new(mode, (2_000, 1_000), {"RGB": (255,) * 3, "RGBA": (255,) * 4}.get(mode, 255))
    picture.paste({"RGB": (9, 9, 9), "RGBA": (9, 9, 9, 255)}.get(mode, 9), (900, 100, 1_100, 900))
    picture.save(tmp_path / "large.png", compress_level=1)
    tracemalloc.start()
    try:
        assert not prepare_file(tmp_path / "large.png").empty
        assert tracemalloc.get_traced_memory()[1] < 16 * 2_000_000  # so that 50 million pixels stay below a gigabyte
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("condition", ["light falls off by 40 %", "a hand's shadow", "squared paper", "lined paper", "pencil"])
def test_photographs_with_shadows_and_lines_are_read(condition: str) -> None:
    model = open_model("mnist-cnn")
    found = list(photographs(own_strokes(), condition, 10))
    read = model.read(np.stack([prepare(picture).pixels for _, picture in found])).argmax(axis=1)
    assert (read == [digit for digit, _ in found]).sum() >= 9


def test_chalk_in_uneven_light_is_the_same_as_ink() -> None:
    for _, picture in photographs(own_strokes(), "light falls off by 10 %", 2):
        chalk = Image.fromarray(255 - np.asarray(picture))
        assert np.array_equal(prepare(chalk).pixels, prepare(picture).pixels)
        assert np.array_equal(prepare(chalk, "white").pixels, prepare(picture, "black").pixels)


def test_paper_without_ink_in_uneven_light_is_said_to_be_empty() -> None:
    rng = np.random.default_rng(0)
    light = np.linspace(230, 120, 320) + rng.normal(0, 2, (240, 320))
    assert prepare(light).empty and prepare(light.T).empty
