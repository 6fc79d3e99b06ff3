"""How much a sentence looks written by one hand, with one pen: figures of forty sentences.

    python benchmarks/hand.py [--sentences 40] [--seed 0] [--best-of 4]

For each figure the letters as they came out of the noise stand beside the letters as they are written. The share of a style's
variance that belongs to the sentence is the intraclass correlation: of two letters of one sentence, beside two of any. Slant and
breadth are measured on pictures of single letters, less what is usual for the character; the pen's width on the page itself.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.writing.centre_lines import drawing, half_widths
from byhand.writing.frames import CAPITAL, inked_letters, middle_grey
from byhand.writing.layout import typeset, wrapped
from byhand.writing.letter_style import breadths, slants, usual
from byhand.writing.letters import PIECES, Letter, judged, letters, open_hand, pieces_of
from byhand.writing.one_hand import in_one_hand, style_of
from byhand.writing.outline import curves
from byhand.writing.thinning import thinned

TEXT = (
    "the quick brown fox jumps over a lazy dog while every wizard makes toxic brew for an evil queen and jack ACTS very big "
    "Hello World From Scratch Image Generation Zebra Quiz Pick Judge My Vow 2026 3 14 159 Six Dozen Liquor Jugs Pack Box"
)


def sentences(count: int) -> list[str]:
    """Two or three words each, of up to twelve letters."""
    rng, words = np.random.default_rng(0), TEXT.split()
    found: list[str] = []
    while len(found) < count:
        text = " ".join(rng.choice(words, size=3))
        if len(text.replace(" ", "")) <= 14:
            found.append(text)
    return found


def shared(rows: Sequence[Any]) -> float:
    """The intraclass correlation, from the mean squares between and within groups of unequal sizes, not below 0."""
    sizes = np.array([len(row) for row in rows])
    whole = np.concatenate(rows)
    within = sum(((row - row.mean()) ** 2).sum() for row in rows) / (sizes.sum() - len(rows))
    between = sum(n * (row.mean() - whole.mean()) ** 2 for n, row in zip(sizes, rows, strict=True)) / (len(rows) - 1)
    size = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(rows) - 1)
    among = max((between - within) / size, 0.0)
    return float(among / (among + within))


def unlike_usual(found: Sequence[Letter]) -> tuple[Any, Any]:
    """Slant and breadth of each letter, less what is usual."""
    inks = np.stack([letter.ink for letter in found])
    return (
        slants(inks) - [usual()[letter.character][0] for letter in found],
        breadths(inks) - [usual()[letter.character][1] for letter in found],
    )


def widths(lines: list[str], found: Sequence[Letter], pen: float) -> Any:
    """How wide the ink of each letter is on the page, in pixels at scale 4: twice the median distance to paper."""
    measured = []
    for one in inked_letters(typeset(lines, [letter.ink for letter in found]), found, 4 * CAPITAL, pen):
        dark = one.pen > 0.5
        if dark.any():
            measured.append(2 * np.median(half_widths(dark)[thinned(dark)]))
    return np.array(measured)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--best-of", type=int, default=4)
    asked = parser.parse_args()
    hand = open_hand("pixels")
    before: dict[str, list[Any]] = {"slant": [], "breadth": []}
    after: dict[str, list[Any]] = {"slant": [], "breadth": []}
    read, drawn, variation, curve_count, seconds, strokes = [], [], [], [], 0.0, []
    for k, text in enumerate(sentences(asked.sentences)):
        seed, lines = asked.seed + k, wrapped(text, 12)
        found = letters(hand, [c for line in lines for c in line if c != " "], best_of=asked.best_of, seed=seed)
        begun, style = time.perf_counter(), style_of(seed)
        written = in_one_hand(found, style)
        page = typeset(lines, [letter.ink for letter in written])
        inked_letters(page, written, 2 * CAPITAL, style.pen)
        seconds += time.perf_counter() - begun
        for where, these in ((before, found), (after, written)):
            slant, breadth = unlike_usual(these)
            where["slant"].append(slant)
            where["breadth"].append(breadth)
        read.append([[letter.read for letter in judged(these)] for these in (list(found), written)])
        drawn += found
        measured = widths(lines, written, style.pen)
        variation.append(measured.std() / measured.mean())
        for placed in page.placed:
            letter = written[placed.index]
            one = drawing(letter.ink, middle_grey(letter.ink, placed.pixel, style.pen))
            strokes.append(bool(one.strokes))
            lines_of = [curves(s.points, s.closed) for s in one.strokes] + [curves(edge, True) for edge in one.outlines]
            curve_count.append("".join(lines_of).count("C"))
    count = len(drawn)
    print(f"{asked.sentences} sentences, {count} letters, seeds from {asked.seed}, best of {asked.best_of}")
    for name in ("slant", "breadth"):
        spread = [np.sqrt(np.mean([row.var() for row in rows[name]])) for rows in (before, after)]
        print(
            f"{name}: share of the sentence {shared(before[name]):.2f} -> {shared(after[name]):.2f}, "
            f"spread within a sentence {spread[0]:.2f} -> {spread[1]:.2f}"
        )
    means = [np.mean([one for pair in read for one in pair[side]]) for side in (0, 1)]
    print(f"probability of the asked character, by emnist-cnn: {means[0]:.3f} -> {means[1]:.3f}")
    broken = sum(pieces_of(one) > PIECES.get(one.character, 1) for one in drawn) / count
    print(f"in more pieces than they have: {broken:.1%}; written with a pen: {np.mean(strokes):.1%}")
    print(f"variation of the ink's width along a sentence: {np.mean(variation):.1%}")
    print(f"Bezier curves a letter: {np.mean(curve_count):.1f}")
    print(f"one hand and its pen: {1000 * seconds / count:.0f} ms a letter")


if __name__ == "__main__":
    main()
