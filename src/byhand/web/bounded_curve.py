"""A curve that grows without end in a bounded number of points: where there are too many, every two become one."""

from __future__ import annotations

from typing import Any

MOST_POINTS = 1_500


def thinned(points: list[list[Any]]) -> list[list[Any]]:
    """A curve with every two points made one where there are too many; the step is the later one's, the rest their mean.

    >>> thinned([[1, 4.0], [2, 2.0]])
    [[1, 4.0], [2, 2.0]]
    """
    if len(points) <= MOST_POINTS:
        return points
    pairs = zip(points[::2], points[1::2], strict=False)
    return [
        [later[0], *(None if a is None or b is None else (a + b) / 2 for a, b in zip(one[1:], later[1:], strict=True))]
        for one, later in pairs
    ]
