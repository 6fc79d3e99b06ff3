"""The microscope's two questions in the terminal: the terms of a number, and who pushed a weight over an epoch."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from byhand.errors import ModelError
from byhand.printable import literal
from byhand.see.chosen_step import training_of
from byhand.see.epoch_pushes import EpochPushes, finished_epoch, pushes_over
from byhand.see.microscope import Microscope, sample_name
from byhand.see.pushes import Push, ranked
from byhand.see.sum_of_terms import SumOfTerms
from byhand.see.unicode_math import plain
from byhand.see.weight import parse_weight


def parse_number(text: str) -> tuple[str, tuple[int, ...]]:
    """`NAME:I,J` as the command line gives it; raises ModelError for anything else.

    >>> parse_number("z2:0,5"), parse_number("C")
    (('z2', (0, 5)), ('C', ()))
    """
    found = re.fullmatch(r"\s*([^\s:]+)\s*(?::\s*(\d{1,9}(?:\s*,\s*\d{1,9})*))?\s*", text)
    if not found:
        raise ModelError(f"number {text!r} is not NAME:I,J, as in z2:0,5 (an array of the step, and indices in it, from 0)")
    return found[1], tuple(int(k) for k in (found[2] or "").split(",") if k)


def terms_of_number(what: str, number: str, *, step: int | None = None, sample: int | None = None, most: int = 12) -> SumOfTerms:
    """The terms that one number of a step is the sum of.

    what, step and sample as of `byhand.see.chosen_step.explain_step`, number as "z2:0,5".

    Raises ModelError for what there is not.
    """
    name, at = parse_number(number)
    training, data = training_of(what, step)
    return Microscope(training, data, sample=sample).numbers.terms_of(name, at, most)


@dataclass(frozen=True)
class EpochSummary:
    """Who pushed a weight over an epoch: the sums by sample, and the samples that pushed it most each way."""

    weight: str
    found: EpochPushes
    up: tuple[Push, ...]
    down: tuple[Push, ...]

    def figures(self) -> dict[str, Any]:
        """The same for JSON."""
        pushed = int(np.count_nonzero(self.found.values))
        return {
            "weight": self.weight,
            "first": self.found.first,
            "last": self.found.last,
            "samples": pushed,
            "sum": float(self.found.values.sum()),
            "up": [asdict(push) for push in self.up],
            "down": [asdict(push) for push in self.down],
        }

    def render(self, console: Console) -> None:
        """Print it."""
        found = self.figures()
        console.print(
            f"[bold]{escape(self.weight)}[/] over the steps {self.found.first:,} to {self.found.last:,}, taken again in "
            f"{self.found.seconds:.1f} s: {found['samples']:,} samples pushed it, by {found['sum']:+.4g} in all",
            highlight=False,
        )
        table = Table("", "sample", "its pushes, added up", "of all sizes", box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        for way, pushes in (("up", self.up), ("down", self.down)):
            for push in pushes:
                table.add_row(way, escape(push.name), f"{push.value:+.4g}", f"{push.share:.2%}")
        console.print(table)


def epoch_of(what: str, weight: str, *, step: int | None = None) -> EpochSummary:
    """Who pushed a weight over the last epoch before `step`; weight as "2:5,400", or "0.weight:1,1,0,5" in a network of modules.

    Raises ModelError where there is no such weight or no step before, and where it would take too long.
    """
    name, at = parse_number(weight)
    if name.isdecimal() and len(at) == 2:
        chosen = parse_weight(weight)
        name, at = f"w{chosen.layer}", (chosen.j, chosen.k)
    training, data = training_of(what, step)
    first, end = finished_epoch(training.index, training.batches)
    training, data = training_of(what, first)
    found = pushes_over(training, end, name, at)
    some = np.flatnonzero(found.values)
    up, down = ranked(found.values[some], some.tolist(), [sample_name(data, index) for index in some.tolist()])
    return EpochSummary(f"{name}[{', '.join(map(str, at))}]", found, up, down)


def render_sum(number: SumOfTerms, console: Console) -> None:
    """Print a number with its terms, largest first."""
    console.print(f"[bold cyan]{escape(plain(number.symbol))}[/] = [bold]{number.value:.9g}[/]", highlight=False)
    if number.equation:
        console.print(f"    {escape(plain(number.equation))}", highlight=False)
    if number.terms:
        table = Table("term", "in numbers", "value", box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        table.columns[2].justify = "right"
        for term in number.terms:
            symbols = " · ".join(plain(factor.symbol) for factor in term.factors)
            numbers = " · ".join(f"{factor.value:.5g}" for factor in term.factors)
            table.add_row(escape(symbols), numbers, f"{term.value:+.6g}")
        if number.others:
            table.add_row(f"and {number.others:,} further terms", "", f"{number.rest:+.6g}")
        console.print(table)
        console.print(f"They add up to {number.total:.9g}.", highlight=False)
    if number.note:
        console.print(literal(number.note), style="italic", highlight=False)
    refs = [factor.ref for term in number.terms for factor in term.factors if factor.ref is not None]
    if refs:
        first = refs[0]
        console.print(
            f"Go on asking with --number {literal(first.name)}:{','.join(map(str, first.at))}", style="dim", highlight=False
        )
