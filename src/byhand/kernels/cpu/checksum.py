"""A checksum of an array's bytes, as quickly as memory gives them."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array, Indices
from byhand.kernels.cpu.compiled import compiled
from byhand.kernels.reference.checksum import HALF, LANES, C, K
from byhand.kernels.threads import parallel

WORTH_A_THREAD = 4_000  # rows: a megabyte


def checksum(words: Indices) -> Any:
    """`byhand.kernels.reference.checksum.checksum`, a share of the rows for each thread."""
    words = words.view()
    words.flags.writeable = False

    def share(begin: int, end: int) -> Any:
        sums = np.zeros(LANES, np.uint32)
        _add(words[begin:end], np.uint32(begin), sums)
        return sums

    return np.sum(parallel(share, len(words), WORTH_A_THREAD), axis=0, dtype=np.uint32)


@compiled(error_model="numpy")
def _add(words: Indices, first: Any, sums: Array) -> None:
    for row in range(len(words)):
        key = np.uint32((first + np.uint32(row)) * K)
        line = words[row]
        for j in range(LANES):
            m = np.uint32(np.uint32(line[j] ^ key) * C)
            sums[j] = np.uint32(sums[j] + np.uint32(m ^ np.uint32(m >> HALF)))
