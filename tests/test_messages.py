"""The errors of the whole package speak one English: "X must be Z, got Y", and none of the phrases that readers stumbled over."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import byhand

ROOT = Path(byhand.__file__).parent
# What must not come back, and what to write.
PHRASES = {
    r"\b(is|are) \S+, but\b(?! the central)": "X must be Z, got Y",
    r"\bbut (it|they|both) (is|are|has|have|must|lie|lies|goes|go|ends|fall|falls|rise|cannot)\b": "X must be Z, got Y",
    r"\bwants?\b": "needs, or must be",
    r"\b(is|are) wanted\b": "must be",
    r"\bfrom \S+ up\b": "0 or more",
    r"\bsuch a one\b": "say which",
    r"\bthere (are|is) no (data|model) \S": "X does not exist",
    r"\b(hims?|he) who\b": "you",
}
VALUE = "…"  # what stands in a message for a value


def raised(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every string that stands in a `raise`, values in it as …"""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and node.exc is not None:
            within: set[ast.AST] = set()
            for part in ast.walk(node.exc):
                if isinstance(part, ast.JoinedStr):
                    within |= set(part.values)
                    yield part.lineno, "".join(one.value if isinstance(one, ast.Constant) else VALUE for one in part.values)
                elif isinstance(part, ast.Constant) and isinstance(part.value, str) and part not in within:
                    yield part.lineno, part.value


def faults(source: str) -> list[str]:
    return [
        f"{line}: {text!r}: write {rather!r}"
        for line, text in raised(source)
        for phrase, rather in PHRASES.items()
        if re.search(phrase, text)
    ]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_error_says_it_in_the_old_way(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "message",
    [
        'f"epochs is {n}, but it is a whole number from 1 up"',
        'f"a map wants codes of 2 dimensions"',
        '"choose such a one"',
        'f"momentum is {m}, but it lies in [0, 1)"',
        'f"there are no data {name!r}"',
    ],
)
def test_a_planted_one_is_found(message: str) -> None:
    assert len(faults(f"raise ValueError({message})")) >= 1


def test_the_right_form_is_no_fault() -> None:
    assert faults('raise ValueError(f"epochs must be 1 or more, got {n}")') == []
