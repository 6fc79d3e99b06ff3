"""What can be written, what is made plain, and what is refused by name."""

from __future__ import annotations

import string

import pytest

from byhand.errors import ByhandError
from byhand.writing.characters import BLANK, LONGEST, extent, writable
from byhand.writing.strokes import STROKES, draw_mark

KNOWN = string.digits + string.ascii_letters


def test_a_plain_text_stays_as_it_is() -> None:
    assert writable("I love you, 2!", KNOWN).characters == "I love you, 2!"
    assert writable("I love you", KNOWN).notes == ()


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("Crème brûlée", "Creme brulee"),
        ("Straße", "Strasse"),
        ("Ærø", "AEro"),
        ("“so” – it’s…", '"so" - it\'s...'),
        ("a\u00a0b", "a b"),
    ],
)
def test_accents_and_printers_marks_are_folded_with_a_note(given: str, plain: str) -> None:
    found = writable(given, KNOWN)
    assert found.characters == plain
    assert bool(found.notes) == any(not c.isspace() for c in set(given) - set(plain))


def test_decomposed_accents_are_the_same_as_composed_ones() -> None:
    assert writable("cafe\u0301", KNOWN).characters == writable("caf\u00e9", KNOWN).characters == "cafe"


def test_what_cannot_be_written_is_named_with_the_nearest() -> None:
    with pytest.raises(ByhandError, match=r"'€' \(nearest: 'E'\)") as caught:
        writable("5 € 好", KNOWN)
    assert "'好'" in str(caught.value) and "--skip-unknown" in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(ByhandError, match=r"'А' \(nearest: 'A'\)"):
        writable("А", KNOWN)
    with pytest.raises(ByhandError, match=r"'a'.*it knows digits and"):
        writable("a1", string.digits)


def test_unknown_ones_are_left_blank_on_request() -> None:
    found = writable("5 € 好!", KNOWN, skip_unknown=True)
    assert found.characters == f"5 {BLANK} {BLANK}!"
    assert "€ 好" in found.notes[-1]


@pytest.mark.parametrize("nothing", ["", "  \n ", "\t"])
def test_a_text_of_nothing_is_refused(nothing: str) -> None:
    with pytest.raises(ByhandError, match="nothing to write"):
        writable(nothing, KNOWN)


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(ByhandError, match="shorten it"):
        writable("a" * (LONGEST + 1), KNOWN)


def test_small_letters_are_small_and_some_go_below_the_line() -> None:
    assert extent("o")[1] < extent("O")[1] == extent("7")[1] == 1
    assert {c for c in KNOWN if extent(c)[0] < 0} == set("fgjpqy")
    assert all(bottom < top for bottom, top in map(extent, KNOWN))


@pytest.mark.parametrize("mark", STROKES)
def test_every_mark_leaves_ink_inside_its_frame_and_no_two_hands_are_the_same(mark: str) -> None:
    drawn = draw_mark(mark, 1, "0.0")
    assert drawn.shape == (28, 28) and drawn.min() >= 0 and drawn.max() == 1
    assert drawn[-1].max() == drawn[:, 0].max() == drawn[:, -1].max() == 0
    assert (drawn == draw_mark(mark, 1, "0.0")).all()
    assert (drawn != draw_mark(mark, 2, "0.0")).any() and (drawn != draw_mark(mark, 1, "1.0")).any()
