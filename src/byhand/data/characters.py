"""Which characters are on a picture: the pieces of ink that belong together, each with its place, in reading order.

Two pieces are one character where one stands over the other, such as the dot of an i, or where they nearly touch, such as the
strokes of a K. What stands beside it at a distance is another character. The drawing page does the same
(`web/page/characters.js`), and a test holds the two together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from byhand.data.photograph import pieces

SPECK = 0.05  # of the largest character's height: what is smaller in both directions is dirt
APART = 0.07  # of a line's height: characters beside one another have such a gap at least
OVER = 0.5  # of the narrower one's width: so much two pieces have in common that stand one over the other
DOT = 0.45  # of a line's height: between a piece and one over it lies no more than this
SIDE = 640  # pixels: a larger picture is looked at so coarsely
MANY = 120  # pieces: more are noise, or a photograph of something else
LARGE = 0.5  # of the tallest one's height: smaller pieces are parts of a character, or commas, and none of their own
SCATTERED = "the ink is scattered over very many pieces"


class Box(NamedTuple):
    """Where something is on a picture, in pixels; bottom and right are the first that no longer belong to it."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def with_(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(*map(min, self[:2], other[:2]), *map(max, self[2:], other[2:]))


def characters(ink: NDArray[np.bool_]) -> list[list[Box]]:
    """The characters of a picture, line by line from the top, each line from the left; ink: (H, W), where there is some.

    Nothing where the ink is scattered over more pieces than a sheet has characters.
    """
    step = -(-max(ink.shape) // SIDE)
    boxes = [
        Box(*(min(step * edge, side) for edge, side in zip(box, (*ink.shape,) * 2, strict=True)))
        for box in _boxes(_coarse(ink, step))
    ]
    tallest = max((box.height for box in boxes), default=0)
    boxes = [box for box in boxes if max(box.height, box.width) > SPECK * tallest]
    if len(boxes) > MANY:
        return []
    while (pair := _alike(boxes)) is not None:
        i, j = pair
        boxes = [box for k, box in enumerate(boxes) if k not in (i, j)] + [boxes[i].with_(boxes[j])]
    tallest = max((box.height for box in boxes), default=0)
    return _lines([box for box in boxes if box.height >= LARGE * tallest])


def _coarse(ink: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """Squares of step x step pixels as one: ink where any of them has some."""
    if step == 1:
        return ink
    rows, columns = (-(-side // step) for side in ink.shape)
    padded = np.pad(ink, ((0, rows * step - ink.shape[0]), (0, columns * step - ink.shape[1])))
    return np.asarray(padded.reshape(rows, step, columns, step).any(axis=(1, 3)))


def cut(levels: NDArray[np.float64], box: Box) -> NDArray[np.float64]:
    """The ink of one character."""
    return levels[box.top : box.bottom, box.left : box.right].copy()


def _boxes(ink: NDArray[np.bool_]) -> list[Box]:
    """One for each piece of touching pixels."""
    labels, count = pieces(ink)
    rows, columns = np.nonzero(labels)
    names = labels[rows, columns] - 1
    edges = np.full((count, 4), [*ink.shape, 0, 0])
    for axis, places in enumerate((rows, columns)):
        np.minimum.at(edges[:, axis], names, places)
        np.maximum.at(edges[:, axis + 2], names, places + 1)
    return [Box(*edge) for edge in edges.tolist()]


def _alike(boxes: list[Box]) -> tuple[int, int] | None:
    """Two boxes of one character, or None."""
    tallest = max(box.height for box in boxes)
    for i, one in enumerate(boxes):
        for j, other in enumerate(boxes[:i]):
            common = min(one.right, other.right) - max(one.left, other.left)
            between = max(one.top, other.top) - min(one.bottom, other.bottom)
            small = min(one.height, other.height) < LARGE * tallest
            over = common >= OVER * min(one.width, other.width) and between <= (DOT if small else APART) * tallest
            touching = common > -APART * tallest and between <= APART * tallest
            if over or touching:
                return i, j
    return None


def _lines(boxes: list[Box]) -> list[list[Box]]:
    """Boxes in lines from the top, each from the left: in a line is what has its middle at the height of the one before."""
    lines: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: box.top + box.bottom):
        middle = (box.top + box.bottom) / 2
        if lines and any(other.top <= middle <= other.bottom for other in lines[-1]):
            lines[-1].append(box)
        else:
            lines.append([box])
    return [sorted(line, key=lambda box: box.left) for line in lines]
