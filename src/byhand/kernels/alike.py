"""Whether a row of a matrix product has the same bits wherever in the matrix it stands, and what to do where it has not.

BLAS works through a matrix in tiles. With OpenBLAS's kernels for AVX-512 a row's sum is the same in every tile; with those for
AVX2 rows 0 to 5 and 6 to 11 add up in another order. Whoever needs a sample's bits to be its own, whatever stands beside it, asks
for `sample_by_sample`: products and convolutions then take one sample at a time. It costs some speed, so only where it must be.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import numpy as np

from byhand.kernels.threads import one_blas_thread

_apart: ContextVar[bool] = ContextVar("apart", default=False)
SHAPES = ((2, 16), (16, 16), (16, 2), (64, 64), (144, 16), (192, 192), (288, 32))  # (k, n) of matrices, as networks have


@cache
def rows_alike() -> bool:
    """Whether BLAS here gives the same row times the same matrix the same bits, wherever it stands among other rows."""
    rng = np.random.default_rng(0)
    with one_blas_thread():
        for rows in (36, 64):
            for k, n in SHAPES:
                same = np.repeat(rng.standard_normal((1, k)).astype(np.float32), rows, axis=0)
                found = same @ rng.standard_normal((k, n)).astype(np.float32)
                if (found != found[0]).any():
                    return False
    return True


def apart() -> bool:
    """Whether samples are to be taken one at a time just now."""
    return _apart.get()


@contextmanager
def sample_by_sample() -> Iterator[None]:
    """While this is open, a sample's bits do not depend on the others of its batch, whatever BLAS does."""
    token = _apart.set(not rows_alike())
    try:
        yield
    finally:
        _apart.reset(token)
