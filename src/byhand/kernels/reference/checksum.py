r"""A checksum of an array's bytes, to find out later whether a number was changed.

The bytes are rows of LANES words w, whose sums run side by side. What is added changes with the row r, so that numbers that trade
places are found as well, and has a different value for every w, so that a single changed word always shows:

    s_j = \sum_r m \oplus \lfloor m / 2^{16} \rfloor \bmod 2^{32}, \quad m = C\,(w_{rj} \oplus K r) \bmod 2^{32}

Source: Knuth (1998), "The Art of Computer Programming", volume 3, section 6.4, for hashing by multiplication.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Indices

LANES = 64
K, C = np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B)
HALF = np.uint32(16)
AT_ONCE = 4096  # rows


def checksum(words: Indices) -> Any:
    """Of words (rows, LANES) of type uint32, the sums (LANES,)."""
    total = np.zeros(LANES, np.uint32)
    for first in range(0, len(words), AT_ONCE):
        some = words[first : first + AT_ONCE]
        m = (some ^ (np.arange(first, first + len(some), dtype=np.uint32) * K)[:, None]) * C
        total += (m ^ (m >> HALF)).sum(axis=0, dtype=np.uint32)
    return total
