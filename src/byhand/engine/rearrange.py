"""Axes by name, as in einops: "n (h w) c -> n c h w" says how a shape is taken apart, reordered and put together.

Source: Rogozhnikov (2022), "Einops: clear and reliable tensor manipulations with Einstein-like notation", ICLR.
"""

from __future__ import annotations

import math
import re
from typing import Any

from byhand.engine import ops
from byhand.errors import EngineError

Group = list[str]  # the names in one pair of brackets, or the one outside of any; none for an axis of 1
BARE = ["..."]  # the dots outside of brackets: axes of their own
PART = re.compile(r"\(([^()]*)\)|(\.\.\.|\w+)|(\S)")


def rearrange(x: Any, pattern: str, **sizes: int) -> Any:
    """A tensor with its axes in another order, some of them joined or split; sizes: of names that brackets split off.

    Raises EngineError where the pattern does not fit the tensor.

    >>> from byhand.engine import zeros
    >>> rearrange(zeros(2, 12, 3), "n (h w) c -> n c h w", w=4).shape
    (2, 3, 3, 4)
    """
    left, arrow, right = str(pattern).partition("->")
    if not arrow:
        raise EngineError(f"rearrange: the pattern must have an arrow, such as 'h w c -> c h w', got {pattern!r}")
    before, after = _groups(left, pattern), _groups(right, pattern)
    written = [name for group in before for name in group]
    if "..." in written:
        n = x.ndim - len(before) + 1
        if n < 0:
            raise EngineError(f"rearrange: the tensor is {x.shape}, which has fewer axes than {left.strip()!r}")
        before, after = _spelled(before, n), _spelled(after, n)
    names = [name for group in before for name in group]
    others = [name for group in after for name in group]
    if sorted(names) != sorted(others) or len(set(names)) != len(names):
        raise EngineError(f"rearrange: both sides of {pattern!r} must name the same axes, each once")
    if not set(sizes) <= set(names):
        raise EngineError(f"rearrange: {min(set(sizes) - set(names))} is no axis of {pattern!r}")
    if len(before) != x.ndim:
        raise EngineError(f"rearrange: {left.strip()!r} must name {x.ndim} axes, as the tensor is {x.shape}, got {len(before)}")
    known: dict[str, int] = dict(sizes)
    for group, n in zip(before, x.shape, strict=True):
        _solve(group, n, known, x.shape)
    apart = ops.reshape(x, shape=tuple(known[name] for name in names))
    turned = ops.transpose(apart, axes=tuple(names.index(name) for name in others))
    return ops.reshape(turned, shape=tuple(math.prod(known[name] for name in group) for group in after))


def _groups(side: str, pattern: str) -> list[Group]:
    """The axes of one side, each as the names that it is made of."""
    found: list[Group] = []
    for match in PART.finditer(side):
        inside, name, wrong = match.groups()
        if wrong or ((name or "").isdigit() and name != "1"):
            raise EngineError(f"rearrange: {(wrong or name)!r} in {pattern!r} is no name of an axis, nor 1, (...) or '...'")
        if name == "...":
            found.append(BARE)
        else:
            found.append([one for one in (inside or name or "").split() if one != "1"])
    return found


def _spelled(groups: list[Group], n: int) -> list[Group]:
    """With n names in the place of "..."; as axes of their own, unless brackets hold them together."""
    names = [f"...{i}" for i in range(n)]
    found: list[Group] = []
    for group in groups:
        if group is BARE:
            found += [[name] for name in names]
        else:
            found.append([one for name in group for one in (names if name == "..." else [name])])
    return found


def _solve(group: Group, n: int, known: dict[str, int], shape: tuple[int, ...]) -> None:
    """The one size of a group that nobody gave: what is left of the axis."""
    rest = math.prod(known[name] for name in group if name in known)
    open_names = [name for name in group if name not in known]
    if len(open_names) == 1 and rest and n % rest == 0:
        known[open_names[0]] = n // rest
    elif open_names or rest != n:
        raise EngineError(f"rearrange: an axis of {n} in {shape} cannot be ({' '.join(group)}): give sizes whose product it is")
