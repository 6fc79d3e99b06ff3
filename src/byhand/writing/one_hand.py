"""A sentence in one hand: its letters lean alike, are about as broad as each other, and are written with one pen.

A network that draws each letter from noise of its own draws each as another person would. What is then done to them, without
changing what they are: the lean and the breadth that are usual for the character stay, the letter's own are taken back, and the
hand's are put in their place. A little of a letter's own stays, as no hand is a machine's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from byhand import limits
from byhand.backend import generator
from byhand.errors import ByhandError
from byhand.writing.letter_style import SIDE, breadths, leaning, upright_shear, usual
from byhand.writing.letters import Letter
from byhand.writing.strokes import STROKES

OWN = 0.2  # of a letter's own lean and breadth that stays
STEEPEST = 35.0  # degrees that a hand may lean
PENS = (0.4, 2.5)
MOST_BROADER = 1.3  # a letter is made broader or narrower by no more than this factor
ROOM = SIDE - 2  # columns of the frame that ink may fill


@dataclass(frozen=True)
class HandStyle:
    """How a hand writes.

    Attributes:
        slant: degrees by which its stems lean to the right of the vertical, beside what is usual.
        breadth: how much broader its letters are than usual, as a logarithm.
        pen: the width of its strokes, as a factor; 1 is 0.1 heights of a capital.
    """

    slant: float = 0.0
    breadth: float = 0.0
    pen: float = 1.0


def style_of(seed: int, slant: float | None = None, pen: float | None = None) -> HandStyle:
    """A hand for each seed; slant and pen where they are asked for.

    Raises ByhandError for a slant beyond 35 degrees and for a pen that is not from 0.4 to 2.5.

    >>> style_of(7) == style_of(7), style_of(7) == style_of(8), style_of(7, slant=10.0).slant
    (True, False, 10.0)
    """
    rng = generator(seed, "hand")
    return asked(HandStyle(float(rng.normal(0, 5)), float(rng.normal(0, 0.1)), float(np.exp(rng.normal(0, 0.15)))), slant, pen)


def asked(drawn: HandStyle, slant: float | None = None, pen: float | None = None) -> HandStyle:
    """A hand with another slant or pen, where they are asked for; raises ByhandError as `style_of`."""
    if slant is not None:
        limits.number("slant", slant, -STEEPEST, STEEPEST, error=ByhandError)
        drawn = replace(drawn, slant=float(slant))
    if pen is not None:
        limits.number("pen", pen, *PENS, error=ByhandError)
        drawn = replace(drawn, pen=float(pen))
    return drawn


def in_one_hand(letters: Sequence[Letter], style: HandStyle, own: str = "") -> list[Letter]:
    """The same letters in this hand, with all pictures of their ways out of the noise; a hand's marks lean as its letters do.

    own: characters that are in this hand already, and stay as they are.
    """
    return [letter if letter.character in own else _turned(letter, *_change(letter, style)) for letter in letters]


def _change(letter: Letter, style: HandStyle) -> tuple[float, float]:
    """By how many columns a row, and by what factor across, a letter is changed."""
    shear = math.tan(math.radians(style.slant))
    if letter.character in STROKES or letter.character not in usual():
        return shear, 1.0
    slant, breadth = usual()[letter.character]
    upright = upright_shear(letter.ink, slant)
    plain = leaning(letter.ink[None], (1 - OWN) * upright)
    own = float(breadths(plain)[0]) - breadth
    factor = math.exp(style.breadth - (1 - OWN) * own)
    columns = np.flatnonzero((plain[0] > 0.4).any(axis=0))
    room = ROOM / (columns[-1] - columns[0] + 1) if len(columns) else 1.0
    return shear + (1 - OWN) * upright, float(np.clip(factor, 1 / MOST_BROADER, max(1.0, min(MOST_BROADER, room))))


def _turned(letter: Letter, shear: float, stretch: float) -> Letter:
    return replace(letter, frames=leaning(letter.frames, shear, stretch).astype(np.float32))
