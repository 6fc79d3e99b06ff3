"""A section of an explanation: one computation of the step, with its equation, its numbers, its shapes and its source."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from byhand.backend import Array
from byhand.equation import read
from byhand.formula import Line
from byhand.see.source import Source, source_of
from byhand.terms import Grid


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
class Listing:
    """A table of many rows: a column is words (str) or numbers (float)."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns are numbers."""
        return tuple(type(cell) is float for cell in self.rows[0]) if self.rows else (False,) * len(self.heads)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One computation. `equations` and `numbers` are LaTeX; `shapes` is the docstring's, `sizes` the same with this step's.

    scope: the layer or the module that it is of, "" for the whole network. `book` is the textbook's form of the equation, where
    it differs. `grids` are in the order of a product: what is multiplied, by what, and what comes out. `why` is the idea behind
    it, in a sentence or two.
    """

    stage: str
    title: str
    scope: str = ""
    why: str = ""
    equations: tuple[str, ...] = ()
    book: str = ""
    numbers: tuple[Line, ...] = ()
    shapes: str = ""
    sizes: str = ""
    summaries: tuple[Summary, ...] = ()
    source: tuple[Source, ...] = ()
    reference: str = ""
    note: str = ""
    pictures: tuple[Picture, ...] = ()
    grids: tuple[tuple[Grid, ...], ...] = ()
    listing: Listing | None = None


def documented(function: Callable[..., Any], *code: Callable[..., Any], **fields: Any) -> Section:
    """A section about a documented function: equation, shapes, source and reference are what its docstring says.

    code: what else ran. fields: as of `Section`; they go before what the docstring says.
    """
    mathematics = read(function)
    said = {
        "equations": split(mathematics.equation),
        "book": mathematics.book,
        "shapes": mathematics.shapes,
        "source": sources(function, *code),
        "reference": mathematics.source,
    }
    return Section(**(said | fields))


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
