"""The lines of source that computed something, as they stand in the file: numbered, without the docstring."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Source:
    """Lines of one function, each with its number in the file; the docstring's lines are left out.

    >>> from byhand.activations import sigmoid
    >>> source_of(sigmoid).lines[0][1]
    'def sigmoid(z: Array, out: Array) -> Array:'
    """

    name: str
    file: str
    lines: tuple[tuple[int, str], ...]

    @property
    def place(self) -> str:
        return f"{self.file}:{self.lines[0][0]}"

    @property
    def code(self) -> str:
        return "\n".join(text for _, text in self.lines)

    def runs(self) -> Iterator[tuple[int, str]]:
        """Stretches of consecutive lines: (number of the first, their text)."""
        stretch: list[str] = []
        start = previous = self.lines[0][0]
        for number, text in self.lines:
            if stretch and number != previous + 1:
                yield start, "\n".join(stretch)
                stretch, start = [], number
            stretch.append(text)
            previous = number
        yield start, "\n".join(stretch)


def source_of(function: Callable[..., Any]) -> Source:
    """The source of a function of this package."""
    raw, first = inspect.getsourcelines(function)
    code = textwrap.dedent("".join(raw))
    left_out = _docstring_lines(code)
    lines = [(first + i, text) for i, text in enumerate(code.splitlines()) if i not in left_out]
    while lines and not lines[-1][1].strip():
        lines.pop()
    return Source(function.__qualname__, f"{function.__module__.replace('.', '/')}.py", tuple(lines))


def _docstring_lines(code: str) -> range:
    body = getattr(ast.parse(code).body[0], "body", [])
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return range(first.lineno - 1, first.end_lineno or first.lineno)
    return range(0)
