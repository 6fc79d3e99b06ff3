"""What a sharded training asks of the processes that share it: who each is, and the sum over the shards of all."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from byhand.backend import Array
from byhand.parallel.tree import add_pairs


class Reducer(Protocol):
    """Ranks that learn from the shards of one batch, and have the same sum afterwards.

    Attributes:
        rank: which of them this process is, from 0. size: how many they are.
    """

    rank: int
    size: int

    def vectors(self, shards: int, n: int, dtype: Any) -> list[Array]:
        """Memory for the vectors (n,) of this rank's shards, in their order: see `byhand.parallel.tree.share_of`."""
        ...

    def sum(self) -> Array:
        """The sum (n,) of the vectors of all shards, in the fixed tree: the same bits at every rank. It uses the vectors up."""
        ...


class Alone:
    """One process that learns from all shards, one after the other.

    >>> one = Alone()
    >>> for vector, value in zip(one.vectors(3, 2, "float64"), (1.0, 2.0, 4.0)):
    ...     vector[:] = value
    >>> one.sum()
    array([7., 7.])
    """

    rank, size = 0, 1

    def __init__(self) -> None:
        self._vectors: list[Array] = []

    def vectors(self, shards: int, n: int, dtype: Any) -> list[Array]:
        self._vectors = list(np.zeros((shards, n), dtype))
        return self._vectors

    def sum(self) -> Array:
        nodes = dict(enumerate(self._vectors))
        add_pairs(nodes, len(nodes))
        return nodes[0]
