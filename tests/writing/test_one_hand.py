"""Letters of one sentence lean alike and are about as broad as each other; what is done to one is a shear and a stretch alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from byhand.errors import ByhandError
from byhand.writing.letter_style import breadths, leaning, slants, upright_shear, usual
from byhand.writing.letters import Letter
from byhand.writing.one_hand import HandStyle, in_one_hand, style_of


def stems(angle: float) -> np.ndarray:
    """An H whose stems lean by so many degrees, (28, 28)."""
    shift = math.tan(math.radians(angle))
    image = Image.new("L", (280, 280))
    pen = ImageDraw.Draw(image)

    def at(x: float, y: float) -> tuple[float, float]:
        return 140 + 100 * x + shift * 100 * y, 140 - 100 * y

    for ends in (((-0.5, -0.9), (-0.5, 0.9)), ((0.5, -0.9), (0.5, 0.9)), ((-0.5, 0.0), (0.5, 0.0))):
        pen.line([at(*end) for end in ends], fill=255, width=24)
    return np.asarray(image.resize((28, 28), Image.Resampling.BOX), np.float32) / 255


def letter(character: str, ink: np.ndarray) -> Letter:
    return Letter(character, np.stack([np.zeros_like(ink), ink]).astype(np.float32), np.array([0.0, 1.0]))


@pytest.mark.parametrize("angle", [-20.0, -8.0, 0.0, 8.0, 20.0])
def test_the_slant_of_stems_is_their_angle(angle: float) -> None:
    assert slants(stems(angle)[None])[0] == pytest.approx(angle, abs=2.0)


@pytest.mark.parametrize("angle", [-15.0, 0.0, 15.0])
def test_a_shear_leans_stems_by_its_angle_and_is_found_again(angle: float) -> None:
    leant = leaning(stems(0)[None], math.tan(math.radians(angle)))
    assert slants(leant)[0] == pytest.approx(angle, abs=1.5)
    assert math.degrees(math.atan(upright_shear(leant[0], 0.0))) == pytest.approx(-angle, abs=2.0)


def test_a_stretch_makes_a_letter_broader_by_its_factor() -> None:
    before, after = breadths(stems(0)[None])[0], breadths(leaning(stems(0)[None], 0.0, 1.2))[0]
    assert after - before == pytest.approx(math.log(1.2), abs=0.05)


def test_what_is_usual_is_known_of_all_that_a_network_writes() -> None:
    assert set(usual()) == set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    assert usual()["7"][0] > usual()["5"][0]  # a 7's stem leans where a 5's does not
    assert usual()["m"][1] > usual()["l"][1]


@pytest.mark.parametrize("slant", [-10.0, 0.0, 10.0])
def test_letters_that_lean_otherwise_come_to_lean_alike(slant: float) -> None:
    given = [letter("H", stems(angle)) for angle in (-15, -5, 5, 15, 20)]
    turned = in_one_hand(given, HandStyle(slant=slant))
    found = slants(np.stack([one.ink for one in turned]))
    assert found.std() < 0.3 * slants(np.stack([one.ink for one in given])).std()
    assert found.mean() == pytest.approx(usual()["H"][0] + slant, abs=3)
    assert [len(one.frames) for one in turned] == [2] * 5
    assert all(one.frames.dtype == np.float32 and one.frames.min() >= 0 and one.frames.max() <= 1 for one in turned)


def test_a_letter_of_nothing_and_a_mark_are_no_error() -> None:
    empty = in_one_hand([letter("H", np.zeros((28, 28))), letter("!", stems(0))], HandStyle(slant=10.0))
    assert not empty[0].ink.any()
    assert slants(empty[1].ink[None])[0] == pytest.approx(10.0, abs=1.5)  # a mark leans as the hand does


def test_a_seed_is_a_hand_and_what_is_asked_for_is_kept() -> None:
    hands = [style_of(seed) for seed in range(40)]
    assert len(set(hands)) == 40
    assert 3 < np.std([hand.slant for hand in hands]) < 8
    assert style_of(3, slant=-12.0, pen=2.0) == HandStyle(-12.0, style_of(3).breadth, 2.0)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"slant": 60.0}, "slant must be from -35 to 35"),
        ({"pen": 9.0}, "pen must be from 0.4 to 2.5"),
        ({"pen": float("nan")}, "pen"),
    ],
)
def test_a_hand_that_cannot_be_is_refused(asked: dict[str, float], told: str) -> None:
    with pytest.raises(ByhandError, match=told):
        style_of(1, **asked)
