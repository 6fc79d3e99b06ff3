"""What the doctor found, in the terminal: the first finding first, each with its evidence, a small plot and what to change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from byhand.see.doctor.finding import Finding, Report

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40


def render(report: Report, console: Console, checks: bool = False) -> None:
    """Print a report; with `checks`, also what was measured and found in order."""
    if report.healthy:
        console.print(
            f"[bold green]Healthy[/]: nothing was found in {escape(report.name)}, and this was looked at:", highlight=False
        )
    else:
        n = len(report.findings)
        console.print(
            f"[bold]{n} finding{'s' if n > 1 else ''}[/] in {escape(report.name)}; begin with the first, it may "
            "be the cause of the others",
            highlight=False,
        )
        for number, finding in enumerate(report.findings, 1):
            console.print(_panel(number, finding))
    if report.healthy or checks:
        for check in report.checks:
            console.print(f"  [dim]{escape(check.name)}:[/] {escape(check.measured)}", highlight=False)
    console.print(f"[dim]examined in {report.seconds:.1f} s[/]", highlight=False)


def _panel(number: int, finding: Finding) -> Panel:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", justify="right")
    rows.add_column()
    for name, text in (
        ("where", f"{finding.where}, {finding.source}" if finding.source else finding.where),
        ("evidence", finding.evidence),
        ("change", finding.fix),
        ("then", finding.confirm),
    ):
        rows.add_row(name, Text(text))
    for name, values in finding.curves.items():
        if len(values) > 2:
            rows.add_row("plot", Text(f"{sparkline(values)}  {name}, {values[0]:.3g} to {values[-1]:.3g}"))
    title = f"{number}. {escape(finding.title)}"
    return Panel(rows, title=title, title_align="left", subtitle=f"{finding.confidence:.0%} sure", subtitle_align="right")


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """Numbers as a row of bars, the largest finite one highest.

    >>> sparkline([0.0, 1.0, 2.0, 4.0])
    '▁▃▅█'
    """
    numbers = np.asarray(values, float)
    if len(numbers) > width:
        numbers = np.array([part.mean() for part in np.array_split(numbers, width)])
    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    span = max(high - low, 1e-300)
    return "".join(BARS[min(7, int(8 * (value - low) / span))] if np.isfinite(value) else "×" for value in numbers)
