"""A number of a step as the sum that it is: what the microscope answers, and what a notebook shows of it."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass

from byhand.terms import Ref, Term


@dataclass(frozen=True)
class SumOfTerms:
    """One number of a step and the terms that it is the sum of.

    Attributes:
        ref, symbol, value: which number, as LaTeX, and what the network computed.
        equation: of its array, LaTeX; "" where it was not computed.
        terms: the largest, largest first. others, rest: how many further terms there are, and what they add up to.
        note: what else is to be said, in words, such as why there are no terms.
    """

    ref: Ref
    symbol: str
    value: float
    equation: str
    terms: tuple[Term, ...]
    others: int = 0
    rest: float = 0.0
    note: str = ""

    @property
    def total(self) -> float:
        """All terms added up: the number again, to rounding; NaN where it has none."""
        return math.fsum([*(term.value for term in self.terms), self.rest]) if self.terms else math.nan

    def _repr_html_(self) -> str:
        """For notebooks."""
        from byhand.see.mathml import mathml  # which nobody needs who only asks for numbers

        rows = "".join(
            f"<tr><td>{' · '.join(mathml(factor.symbol) for factor in term.factors)}</td>"
            f"<td>{' · '.join(f'{factor.value:.5g}' for factor in term.factors)}</td><td>{term.value:+.6g}</td></tr>"
            for term in self.terms
        )
        rest = f"<tr><td>and {self.others:,} further terms</td><td></td><td>{self.rest:+.6g}</td></tr>" if self.others else ""
        heads = "<tr><th>term</th><th>in numbers</th><th>value</th></tr>"
        table = f"<table><thead>{heads}</thead><tbody>{rows}{rest}</tbody></table>" if self.terms else ""
        note = f"<p>{html.escape(self.note)}</p>" if self.note else ""
        equation = f"<p>{mathml(self.equation)}</p>" if self.equation else ""
        return f"<div><p>{mathml(self.symbol)} = <b>{self.value:.9g}</b></p>{equation}{table}{note}</div>"
