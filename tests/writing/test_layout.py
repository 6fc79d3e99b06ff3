"""Letters on their lines."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from byhand.errors import ByhandError
from byhand.writing.characters import BLANK, extent
from byhand.writing.layout import LINE, MARGIN, typeset, wrapped
from byhand.writing.strokes import draw_mark


def box(height: int, width: int, top: int = 2, left: int = 2) -> Any:
    ink = np.zeros((28, 28), np.float32)
    ink[top : top + height, left : left + width] = 1
    return ink


def edges(ink: Any, placed: Any) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of a letter's ink on the page."""
    down, across = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return (
        placed.left + across[0] * placed.pixel,
        placed.left + (across[-1] + 1) * placed.pixel,
        placed.top + down[0] * placed.pixel,
        placed.top + (down[-1] + 1) * placed.pixel,
    )


def test_words_are_wrapped_whole() -> None:
    assert wrapped("Image generation from scratch", 12) == ["Image", "generation", "from scratch"]
    assert wrapped("one  two\n\nthree", 20) == ["one two", "", "three"]
    assert wrapped("incomprehensibility is", 5) == ["incomprehensibility", "is"]
    assert wrapped("a b c", 1) == ["a", "b", "c"]


@pytest.mark.parametrize("width", [0, -1, 10_000])
def test_a_line_of_no_width_is_refused(width: int) -> None:
    with pytest.raises(ByhandError, match="width must be"):
        wrapped("a", width)


@pytest.mark.parametrize("character", "Oogt7h")
def test_a_letter_that_fills_its_frame_gets_its_size_back(character: str) -> None:
    ink = box(24, 16)
    page = typeset([character], [ink])
    _, _, top, bottom = edges(ink, page.placed[0])
    low, high = extent(character)
    baseline = MARGIN + 1.0
    assert bottom == pytest.approx(baseline - low) and top == pytest.approx(baseline - high)


def test_a_wide_letter_is_held_back_and_still_stands_on_the_line() -> None:
    ink = box(4, 24, top=12)
    page = typeset(["m"], [ink])
    left, right, _, bottom = edges(ink, page.placed[0])
    assert right - left <= 1.26 and bottom == pytest.approx(MARGIN + 1.0)


def test_letters_do_not_overlap_and_words_stand_apart() -> None:
    inks = [box(24, 10), box(24, 20), box(20, 14), box(24, 3)]
    page = typeset(["ab cd"], inks)
    spans = [edges(ink, placed)[:2] for ink, placed in zip(inks, page.placed, strict=True)]
    gaps = [after[0] - before[1] for before, after in pairwise(spans)]
    assert all(gap > 0 for gap in gaps) and gaps[1] > 2 * max(gaps[0], gaps[2])


def test_a_blank_leaves_room_for_a_letter() -> None:
    inks = [box(24, 10), box(24, 10)]
    assert typeset([f"a{BLANK}b"], inks).width > typeset(["ab"], inks).width + 0.3
    assert wrapped(f"a {BLANK} b", 9) == [f"a {BLANK} b"]


def test_letters_that_leave_room_move_together() -> None:
    slope, back = np.zeros((2, 28, 28), np.float32)
    for row in range(24):  # as / \ and as \ /
        slope[2 + row, 2 + (23 - row) // 2 : 5 + (23 - row) // 2] = 1
        back[2 + row, 2 + row // 2 : 5 + row // 2] = 1
    together, apart = typeset(["VA"], [back, slope]), typeset(["HH"], [box(24, 15), box(24, 15)])
    assert together.width < apart.width


def test_lines_are_centred_and_stand_below_each_other() -> None:
    wide, narrow = box(24, 20), box(24, 4)
    page = typeset(["A", "B"], [wide, narrow])
    (left_a, right_a, _, bottom_a), (left_b, right_b, _, bottom_b) = (
        edges(ink, placed) for ink, placed in zip((wide, narrow), page.placed, strict=True)
    )
    assert left_a + right_a == pytest.approx(left_b + right_b) == pytest.approx(page.width)
    assert bottom_b - bottom_a == pytest.approx(LINE)
    assert bottom_b < page.height


def test_marks_keep_their_own_size_and_place() -> None:
    stop, dash = draw_mark("."), draw_mark("-")
    page = typeset([".-"], [stop, dash])
    (*_, top, bottom), (*_, dash_top, dash_bottom) = (
        edges(ink > 0.3, placed) for ink, placed in zip((stop, dash), page.placed, strict=True)
    )
    baseline = MARGIN + 1.0
    assert top > baseline - 0.25 and bottom < baseline + 0.15
    assert baseline - 0.6 < dash_top < dash_bottom < baseline - 0.15


def test_a_letter_that_never_came_out_of_the_noise_still_has_a_place() -> None:
    page = typeset(["a"], [np.zeros((28, 28), np.float32)])
    assert np.isfinite([page.width, page.height, page.placed[0].left, page.placed[0].top]).all()
