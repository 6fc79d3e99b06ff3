"""Ink thinned to lines one pixel wide, and the lines followed from end to end.

Zhang and Suen's rule takes away, round after round, the pixels at the edge that hold nothing together: of the eight neighbours,
in order around it, two to six are ink, and there is one step from paper to ink. Both halves of a round look from opposite sides,
so that what is left lies in the middle.

Source: Zhang and Suen (1984), "A fast parallel algorithm for thinning digital patterns".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.data.photograph import pieces

Mask: TypeAlias = NDArray[np.bool_]
Pixel = tuple[int, int]
CROSS = ((0, 1), (1, 0), (0, -1), (-1, 0))
DIAGONAL = ((1, 1), (1, -1), (-1, -1), (-1, 1))


def _may_go(around: int, first: bool) -> bool:
    """Whether a pixel may go whose neighbours are the bits of a number: north first, then with the clock."""
    bits = [bool(around >> k & 1) for k in range(8)]
    steps = sum(b and not a for a, b in zip(bits, bits[1:] + bits[:1], strict=True))
    north, east, south, west = bits[::2]
    if first:
        open_side = not (north and east and south) and not (east and south and west)
    else:
        open_side = not (north and east and west) and not (north and south and west)
    return 2 <= sum(bits) <= 6 and steps == 1 and open_side


GOES = [np.array([_may_go(around, first) for around in range(256)]) for first in (True, False)]
AROUND = (
    (0, 1),
    (0, 2),
    (1, 2),
    (2, 2),
    (2, 1),
    (2, 0),
    (1, 0),
    (0, 0),
)  # where each neighbour is, in a frame one wider


def thinned(ink: Mask) -> Mask:
    """The lines in the middle of ink: booleans (H, W) to booleans of the same shape."""
    left = np.pad(np.asarray(ink, np.uint8), 1)
    inner = left[1:-1, 1:-1]
    changed = True
    while changed:
        changed = False
        for goes in GOES:
            around = np.zeros(inner.shape, np.uint8)
            for k, (down, across) in enumerate(AROUND):
                around |= left[down : down + inner.shape[0], across : across + inner.shape[1]] << k
            gone = goes[around] & (inner == 1)
            changed = changed or bool(gone.any())
            inner[gone] = 0
    labels, count = pieces(np.asarray(ink, bool))
    for number in set(range(1, count + 1)) - set(labels[inner == 1].tolist()):  # a small square goes in one round, and whole
        dot = np.argwhere(labels == number)
        middle = dot[((dot - dot.mean(axis=0)) ** 2).sum(axis=1).argmin()]
        inner[tuple(middle)] = 1
    return inner == 1


@dataclass
class Branch:
    """A line between two ends or crossings, or a ring: its pixels in order, and at each end the crossing's number or None."""

    pixels: list[Pixel]
    start: int | None
    end: int | None
    ring: bool = False


def branches(lines: Mask, shortest: Array) -> list[Branch]:
    """The lines of a thinned picture. `shortest`: (H, W), below which length at its place a branch is a spur of the edge's bumps.

    Crossings that lie nearer to each other than that are one.
    """
    pixels = {(int(row), int(column)) for row, column in np.argwhere(lines)}
    near = {pixel: _neighbours(pixel, pixels) for pixel in pixels}
    found = _followed(near)
    crossing = _numbered(found, near, shortest)
    kept = []
    for path in found:
        start, end = crossing.get(path[0]), crossing.get(path[-1])
        kept.append(Branch(path, start, end, ring=len(path) > 1 and path[0] == path[-1] and start is None))
    return [one for one in kept if not _is_spur(one, shortest)]


def _neighbours(pixel: Pixel, pixels: set[Pixel]) -> list[Pixel]:
    """Of a step around a corner only the way along the sides counts, so that a staircase is one line."""
    row, column = pixel
    sides = [(row + a, column + b) for a, b in CROSS if (row + a, column + b) in pixels]
    return sides + [
        (row + a, column + b)
        for a, b in DIAGONAL
        if (row + a, column + b) in pixels and (row + a, column) not in pixels and (row, column + b) not in pixels
    ]


def _followed(near: dict[Pixel, list[Pixel]]) -> list[list[Pixel]]:
    """Every line from one end or crossing to the next; then the rings, which have neither."""
    nodes = {pixel for pixel, others in near.items() if len(others) != 2}
    left, found = set(near), []
    for node in sorted(nodes):
        left.discard(node)
        if not near[node]:
            found.append([node])
        for first in near[node]:
            path = [node, first]
            while path[-1] not in nodes:
                path.append(next(pixel for pixel in near[path[-1]] if pixel != path[-2]))
            left.difference_update(path)
            if path <= path[::-1]:  # each is found from both of its ends
                found.append(path)
    while left:
        start = min(left)
        path = [start, near[start][0]]
        while path[-1] != start:
            path.append(next(pixel for pixel in near[path[-1]] if pixel != path[-2]))
        left.difference_update(path)
        found.append(path)
    return found


def _numbered(found: list[list[Pixel]], near: dict[Pixel, list[Pixel]], shortest: Array) -> dict[Pixel, int]:
    """A number for each crossing; those that a short line joins have one and the same, and the line goes."""
    crossing = {pixel: i for i, pixel in enumerate(sorted(p for p, others in near.items() if len(others) > 2))}
    for path in list(found):
        a, b = path[0], path[-1]
        if a != b and a in crossing and b in crossing and len(path) - 1 <= shortest[a]:
            old, new = crossing[b], crossing[a]
            crossing = {pixel: new if number == old else number for pixel, number in crossing.items()}
            found.remove(path)
    return crossing


def _is_spur(branch: Branch, shortest: Array) -> bool:
    """Whether it is a short way out of a crossing, to an end or back to the crossing."""
    if branch.ring or (branch.start is None) == (branch.end is None):
        return branch.start is not None and branch.start == branch.end and len(branch.pixels) <= 2 * shortest[branch.pixels[0]]
    at = branch.pixels[0] if branch.start is not None else branch.pixels[-1]
    return len(branch.pixels) - 1 < shortest[at]
