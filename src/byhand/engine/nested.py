"""Arrays within lists, tuples and dicts, as people keep their parameters: taken out in order, and put back into the same form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def leaves_of(tree: Any) -> Iterator[Any]:
    """What lies in a nest of lists, tuples and dicts, from left to right; anything else is a leaf by itself.

    >>> list(leaves_of({"w": [1.0, 2.0], "b": (3.0,)}))
    [1.0, 2.0, 3.0]
    """
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list | tuple):
        for one in tree:
            yield from leaves_of(one)
    else:
        yield tree


def rebuilt(tree: Any, leaves: Iterable[Any]) -> Any:
    """The same nest with other leaves.

    >>> rebuilt({"w": [1.0, 2.0], "b": (3.0,)}, "xyz")
    {'w': ['x', 'y'], 'b': ('z',)}
    """
    return _rebuilt(tree, iter(leaves))


def _rebuilt(tree: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(tree, dict):
        return type(tree)((name, _rebuilt(one, leaves)) for name, one in tree.items())
    if isinstance(tree, list | tuple):
        found = [_rebuilt(one, leaves) for one in tree]
        return type(tree)(*found) if hasattr(tree, "_fields") else type(tree)(found)
    return next(leaves)
