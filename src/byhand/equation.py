"""The mathematics that stands in a docstring, read from there by the explanations, the docs and the tests.

A function that computes an equation says so in its docstring under fixed headings: `Equation:`, `Gradient:`, `Shapes:`,
`Source:`, and `Book:` where a textbook writes the same in another form. The code and its mathematics stay in one place, and
nothing copies either.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from byhand.errors import ModelError

DOCSTRING = re.compile(r'^[ \t]*r?""".*?"""\n', re.MULTILINE | re.DOTALL)
HEADINGS = ("Equation", "Book", "Gradient", "Shapes", "Source")


@dataclass(frozen=True)
class Documented:
    """One function with what its docstring says of it, and its own lines of source."""

    title: str
    equation: str
    gradient: str
    shapes: str
    source: str
    file: str
    line: int
    code: str
    book: str = ""


def read(function: Callable[..., Any]) -> Documented:
    """The mathematics, place and code of a documented function.

    Raises ModelError where a docstring has no `Equation:`.
    """
    return _read(function)


@cache  # finding the lines of a method parses its whole file, and one explanation asks for the same a hundred times
def _read(function: Callable[..., Any]) -> Documented:
    text = inspect.getdoc(function) or ""
    sections: dict[str, list[str]] = {"title": []}
    current = "title"
    for line in text.splitlines():
        heading = line.rstrip().removesuffix(":")
        if line.endswith(":") and heading in HEADINGS:
            current = heading
            sections[current] = []
        else:
            sections[current].append(line.strip())
    if "Equation" not in sections:
        raise ModelError(f"{function.__name__} has no 'Equation:' in its docstring: add one")
    joined = {name: " ".join(part for part in lines if part) for name, lines in sections.items()}
    lines, start = inspect.getsourcelines(function)
    return Documented(
        title=joined["title"],
        equation=joined["Equation"],
        gradient=joined.get("Gradient", ""),
        shapes=joined.get("Shapes", ""),
        source=joined.get("Source", ""),
        file=f"{function.__module__.replace('.', '/')}.py",
        line=start,
        code=_without_docstring(lines),
        book=joined.get("Book", ""),
    )


def equations_of(latex: str) -> tuple[str, ...]:
    r"""The equations of a docstring one by one: parted at wide spaces, and where the next gradient begins.

    >>> equations_of(r"\partial C/\partial a = \delta \partial C/\partial b = -\delta, \quad c = 1")
    ('\\partial C/\\partial a = \\delta', '\\partial C/\\partial b = -\\delta', 'c = 1')
    """
    parts = re.split(r"\s*,?\s*\\q?quad\s*|\s+(?=\\partial C/\\partial)", latex)
    return tuple(part.strip().rstrip(",") for part in parts if part.strip())


def _without_docstring(lines: list[str]) -> str:
    """The code alone, without the docstrings: what they say is shown beside it already."""
    return DOCSTRING.sub("", textwrap.dedent("".join(lines))).rstrip()
