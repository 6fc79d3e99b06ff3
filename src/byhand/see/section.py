"""A section of an explanation: one computation of the step, with its equation, its numbers, its shapes and its source."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from byhand.backend import Array
from byhand.see.numbers import Line
from byhand.see.source import Source, source_of

STAGES = ("forward", "cost", "backward", "update", "pixel")


@dataclass(frozen=True)
class Summary:
    """A whole array in four facts; `symbol` is LaTeX."""

    symbol: str
    shape: tuple[int, ...]
    least: float
    mean: float
    most: float


@dataclass(frozen=True)
class Picture:
    """Numbers as one small image a map. `symbol` is LaTeX, `about` says in words what they are.

    maps: (K, H, W). followed: which of them is framed, or None. box: (top, left, height, width) that is framed on a single map.
    grey: values in [0, 1], white on black, as images are; else values of both signs.
    """

    maps: Array
    symbol: str
    about: str
    followed: int | None = None
    box: tuple[int, int, int, int] | None = None
    grey: bool = False


@dataclass(frozen=True)
class Grid:
    """A few numbers as they stand in rows and columns, such as a filter. `mark` is the one that matters most, or None."""

    symbol: str
    values: Array
    about: str = ""
    mark: tuple[int, int] | None = None


@dataclass(frozen=True)
class Listing:
    """A table of many numbers: a column is words (str) or numbers (float)."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]


@dataclass(frozen=True)
class Section:
    """One computation. `equations` and `numbers` are LaTeX; `shapes` is the docstring's, `sizes` the same with this step's.

    layer is Nielsen's l (the input is 1), 0 where a section is of the whole network; scope is a module's name in a network of
    modules. `grids` are in the order of a product: what is multiplied, by what, and what comes out.
    """

    stage: str
    layer: int
    title: str
    equations: tuple[str, ...]
    numbers: tuple[Line, ...]
    shapes: str
    sizes: str
    summaries: tuple[Summary, ...]
    source: tuple[Source, ...]
    reference: str
    note: str = ""
    scope: str = ""
    pictures: tuple[Picture, ...] = ()
    grids: tuple[tuple[Grid, ...], ...] = ()
    listing: Listing | None = None


def summary(symbol: str, values: Array) -> Summary:
    return Summary(symbol, values.shape, float(values.min()), float(values.mean()), float(values.max()))


def split(latex: str) -> tuple[str, ...]:
    r"""Equations that stand on one line, one by one: parted at a wide space, or at the space in front of a bracket.

    >>> split(r"v = g,\quad w = v \; [x]")
    ('v = g', 'w = v', '[x]')
    """
    return tuple(re.split(r"\s*,?\s*\\(?:q?quad|;)\s*", latex))


def sources(*functions: Callable[..., Any]) -> tuple[Source, ...]:
    return tuple(source_of(function) for function in functions)


def sized(shapes: str, **sizes: int) -> str:
    """A docstring's shapes with this step's numbers in them; n_next stands for n_(l+1).

    >>> sized("z: (m, n_out)", m=10, n_out=30)
    'z: (10, 30)'
    """
    text = shapes.replace("n_(l+1)", "n_next")
    return re.sub(r"\b(" + "|".join(sizes) + r")\b(?=[,)])", lambda found: str(sizes[found.group()]), text)
