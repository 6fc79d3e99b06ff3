"""Numbers in formulas: a value as LaTeX, and a long sum with its largest terms first.

A line of a formula is a tuple of pieces, broken where a reader would break it, so that a page can wrap it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DIGITS = 4
SHOWN = 4  # terms of a long sum; the others are added up


@dataclass(frozen=True)
class Line:
    """One line of a formula with this step's numbers in it, and the value it ends with (None where it ends with none)."""

    pieces: tuple[str, ...]
    value: float | None = None

    @property
    def latex(self) -> str:
        return " ".join(self.pieces)


@dataclass(frozen=True)
class Term:
    """One term of a sum: in symbols, in numbers, and its value."""

    symbols: str
    numbers: str
    value: float


def number(value: Any, digits: int = DIGITS) -> str:
    r"""A value as LaTeX, with this many significant digits.

    >>> number(0.123456), number(-3.2e-7), number(0.0), number(1234567.0)
    ('0.1235', '-3.200 \\times 10^{-7}', '0', '1.235 \\times 10^{6}')
    """
    value = float(value)
    if not math.isfinite(value):
        return r"\text{nan}" if math.isnan(value) else r"\infty" if value > 0 else r"-\infty"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -4 <= power < 5:
        return f"{value:.{max(0, digits - 1 - power)}f}"
    return rf"{mantissa} \times 10^{{{power}}}"


def setting(value: float) -> str:
    """A number that a person chose, such as a learning rate: as short as it is exact.

    >>> setting(3.0), setting(0.999)
    ('3', '0.999')
    """
    text = f"{value:.10g}"
    return number(value) if "e" in text else text


def factor(value: Any) -> str:
    r"""A value inside a product: in brackets where it is negative or has a power of ten.

    >>> factor(-0.5), factor(2.0)
    ('(-0.5000)', '2.000')
    """
    text = number(value)
    return f"({text})" if text.startswith("-") or "times" in text else text


def signed(value: Any) -> str:
    """A value as the next term of a sum, with its sign in front.

    >>> signed(-0.5), signed(0.25)
    ('- 0.5000', '+ 0.2500')
    """
    text = number(value)
    return f"- {text[1:]}" if text.startswith("-") else f"+ {text}"


def _added(term: str) -> str:
    r"""A term with its sign in front.

    >>> _added(r"(-1)\, y"), _added("x")
    ('- y', '+ x')
    """
    taken = re.match(r"\(-1\)(\\,| \\cdot) ", term)
    return f"- {term[taken.end() :]}" if taken else f"+ {term}"


def total(
    left: str, terms: Sequence[Term], value: Any, *, last: Sequence[Term] = (), before: tuple[str, str] = ("", "")
) -> list[Line]:
    """A sum on four lines: in symbols, in numbers, term by term, and its value.

    left: what the sum is. last: terms that come at the end and are never left out, such as a bias. before: a factor in front of
    the whole sum, in symbols and in numbers.
    """
    order = sorted(range(len(terms)), key=lambda index: -abs(terms[index].value))
    many = len(terms) > SHOWN + 2
    first = [index for index in order[:SHOWN] if terms[index].value] or order[:1]  # zeros say nothing
    shown = [terms[index] for index in first] if many else list(terms)
    rest = math.fsum(terms[index].value for index in order[len(first) :]) if many else 0.0
    others = len(terms) - len(first)
    more = rf"\text{{ {others:,} more}}"
    opening, closing = ("[", "]") if before[0] else ("", "")

    def line(start: str, pieces: list[str]) -> Line:
        first = " ".join(part for part in (start.strip(), opening, pieces[0].removeprefix("+ ")) if part)
        pieces = [first, *pieces[1:]]
        return Line((*pieces[:-1], f"{pieces[-1]} {closing}".strip()))

    more_symbols = [rf"+ {more}"] if many else []
    more_number = [rf"{signed(rest)} \text{{ (the {others:,} others)}}"] if many else []
    every = [*shown, *last]
    lines = [
        line(f"{left} = {before[0]}", [*(_added(t.symbols) for t in shown), *more_symbols, *(_added(t.symbols) for t in last)]),
        line(f"= {before[1]}", [*(_added(t.numbers) for t in shown), *more_number, *(_added(t.numbers) for t in last)]),
    ]
    if len(every) > 1 and any(t.numbers != number(t.value) and t.numbers != factor(t.value) for t in every):
        lines.append(line(f"= {before[1]}", [*(signed(t.value) for t in shown), *more_number, *(signed(t.value) for t in last)]))
    if before[0] and len(every) > 1:
        lines.append(Line((rf"= {before[1]} \cdot {factor(rest + math.fsum(term.value for term in every))}",)))
    if len(every) == 1 and every[0].numbers in {number(value), factor(value)} and not before[0]:
        lines.pop()  # a sum of one number is that number
    lines.append(Line((f"= {number(value)}",), float(value)))
    return lines
