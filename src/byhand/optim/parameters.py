"""Which parameters lie where in the flat vector, and which of them a rule is for."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from typing import NamedTuple

from byhand.backend import Array, address

Which = str | Callable[[str, tuple[int, ...]], bool]


class Location(NamedTuple):
    """Where a parameter lies in the flat vector, its shape, and whether it lies there by columns."""

    place: slice
    shape: tuple[int, ...]
    by_columns: bool

    def view(self, flat: Array) -> Array:
        """The parameter's part of a flat vector, in its shape."""
        part = flat[self.place]
        return part.reshape(self.shape[::-1]).T if self.by_columns else part.reshape(self.shape)


def locations(flat: Array, named: Mapping[str, Array]) -> dict[str, Location]:
    """Where views of a flat vector lie in it, by name, in the vector's order.

    >>> import numpy as np
    >>> flat = np.zeros(5)
    >>> locations(flat, {"b": flat[4:], "w": flat[:4].reshape(2, 2)})["w"]
    Location(place=slice(0, 4, None), shape=(2, 2), by_columns=False)
    """
    found = {}
    for name, array in named.items():
        start = (address(array) - address(flat)) // flat.itemsize
        by_columns = array.ndim > 1 and not array.flags.c_contiguous
        found[name] = Location(slice(start, start + array.size), tuple(array.shape), by_columns)
    return dict(sorted(found.items(), key=lambda item: item[1].place.start))


def vectors(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a parameter is a single number or a row of them, as biases and the scales of norms are, and no matrix."""
    return len(shape) < 2


def chosen(which: Which, name: str, location: Location) -> bool:
    """Whether a rule is for the parameter of this name: "encoder.*" by its name, a function by name and shape."""
    return fnmatch.fnmatchcase(name, which) if isinstance(which, str) else bool(which(name, location.shape))
