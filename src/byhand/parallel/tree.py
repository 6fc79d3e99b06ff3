"""Sums in a fixed tree, so that they have the same bits whoever adds which part of them.

Floating-point sums depend on their order: (a + b) + c is not a + (b + c). So the vectors of S shards are always added in pairs:

    ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7))

A process adds the pairs that it holds both of; what remains are the roots of subtrees. Whoever gets all roots finishes the tree.
As a + b = b + a, and the tree does not know where one process ends and the next begins, the bits depend on S alone.
"""

from __future__ import annotations

from byhand.backend import Array


def add_pairs(nodes: dict[int, Array], shards: int, first: int = 0, last: int | None = None) -> None:
    """Add, in place, all pairs of the tree over `shards` whose leaves all lie in [first, last); absorbed ones leave `nodes`.

    nodes: the vectors by the number of the first shard that is summed in them.

    >>> import numpy as np
    >>> mine = {3: np.array([3.0]), 4: np.array([4.0]), 5: np.array([5.0])}
    >>> add_pairs(mine, 8, 3, 6)
    >>> mine  # 3 waits for 2, which another process holds
    {3: array([3.]), 4: array([9.])}
    """
    last, gap = shards if last is None else last, 1
    while gap < shards:
        for left in range(0, shards - gap, 2 * gap):
            if left >= first and min(left + 2 * gap, shards) <= last and left + gap in nodes:
                nodes[left] += nodes.pop(left + gap)
        gap *= 2


def share_of(rank: int, size: int, shards: int) -> range:
    """The shards that a rank learns from: as many as the others, to one.

    >>> [list(share_of(rank, 3, 8)) for rank in range(3)]
    [[0, 1], [2, 3, 4], [5, 6, 7]]
    """
    return range(shards * rank // size, shards * (rank + 1) // size)
