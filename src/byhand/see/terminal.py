"""An explanation in the terminal, readable at 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from byhand.console import open_console
from byhand.formula import Line
from byhand.see.explanation import Explanation, FollowedWeight, batch_names
from byhand.see.gradient_check import Proof, caution, equation
from byhand.see.pushes import Push
from byhand.see.section import Listing, Section, Summary
from byhand.see.source import Source
from byhand.see.unicode_math import plain
from byhand.terms import Grid

ROWS = 12  # of a listing; all are in the page and in --json


def render(explanation: Explanation, console: Console | None = None, *, source: bool = True) -> None:
    """Print an explanation; source: with the lines of code."""
    console = console or open_console()
    console.print(_heading(explanation))
    for name, value in explanation.facts():
        if name != "Network":
            console.print(Text(f"{name}: {value}"))
    console.print(Group(Text(explanation.counting, style="italic"), ""))
    for stage in explanation.stages:
        sections, shown = explanation.stage(stage.name), None if explanation.side_by_side else set[str]()
        if sections:
            console.print(Group(_rule(stage.title), Text(stage.idea, style="italic"), ""))
        for section in sections:
            console.print(_section(section, source, console.width, shown))
    if explanation.weights:
        proofs = [followed.proof for followed in explanation.weights]
        console.print(Group(_rule("Proof"), _proof(proofs, console.width)))
        for text in dict.fromkeys(filter(None, map(caution, proofs))):
            console.print(Padding(Text(text, style="italic"), (0, 2, 1, 2)))
        for followed in explanation.weights:
            console.print(_pushed(followed))
    console.print(Group(_rule("Names"), _listing(explanation.names)))


def render_short(explanation: Explanation, console: Console | None = None) -> None:
    """Print the step in about 25 lines: forward, cost, an error, a weight, and the proof."""
    console = console or open_console()
    step = explanation.step
    console.print(_heading(explanation))
    if explanation.provenance:
        console.print(Text(f"Weights {explanation.provenance}", style="italic"))
    samples = batch_names(explanation.samples, 10)
    console.print(Text(f"{samples.capitalize()}; cost {step.cost:.6g}, after the step {step.cost_after:.6g}"))
    for section in explanation.in_short():
        console.print(Text(section.title, style="bold cyan"))
        for pieces in _last_formula(section.numbers):
            console.print(_formula(pieces, "bold green" if pieces[0].startswith("=") else "", console.width))
    for followed in explanation.weights:
        proof = followed.proof
        verdict = "agrees" if proof.agrees else "differs"
        name = plain(proof.weight.latex)
        said = f"Proof: ∂C/∂{name} by hand {proof.by_hand:.8g}, measured {proof.numeric:.8g}: {verdict}"
        console.print(Text(said, style="green" if proof.agrees else "bold red"))
    console.print(Text("Every number of the step: --full; the same as a page: --html step.html", style="dim"))


def _heading(explanation: Explanation) -> RenderableType:
    return Text.from_markup(f"[bold]One training step[/] of {escape(repr(explanation.step.network))}")


def _rule(title: str) -> RenderableType:
    return Rule(f"[bold]{title}[/]", style="cyan")


def _last_formula(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """What a section comes to, on two lines: the last formula in symbols, and in numbers with its value.

    Lines that begin with = go on with what stands above. Where every line stands for itself, the first few do.
    """
    start = max(k for k, line in enumerate(lines) if not line.pieces[0].startswith("="))
    formula = lines[start:]
    if len(formula) == 1:
        return [line.pieces for line in lines[-3:]]
    in_numbers = formula[1].pieces if len(formula) > 2 else ()
    return [formula[0].pieces, (*in_numbers, *formula[-1].pieces)]


def _section(section: Section, source: bool, width: int, shown: set[str] | None) -> RenderableType:
    """shown: places of source that were printed already, which a section of a module names only; None: all print theirs."""
    parts: list[RenderableType] = [Text(section.title, style="bold cyan")]
    if section.why:
        parts.append(Padding(Text(section.why, style="italic"), (0, 2)))
    parts += [_formula((latex,), "bold", width) for latex in section.equations]
    if section.book:
        parts.append(_formula((section.book, r"\text{ (in the book)}"), "dim", width))
    if section.numbers:
        parts.append(Text(""))
    parts += [_formula(line.pieces, "bold green" if line.value is not None else "", width) for line in section.numbers]
    parts += [_grids(row) for row in section.grids]
    if section.sizes:
        parts += [Text(""), Padding(Text(section.sizes, style="dim"), (0, 2))]
    if section.summaries:
        parts.append(Padding(_summaries(section.summaries), (0, 2)))
    if section.note:
        parts.append(Padding(Text(section.note, style="italic"), (0, 2)))
    if section.listing is not None:
        parts.append(_listing(section.listing))
    if source:
        old = [one.place for one in section.source if shown is not None and section.scope and one.place in shown]
        parts += [part for one in section.source if one.place not in old for part in _source(one)]
        if old:
            parts.append(Padding(Text(f"source shown above: {', '.join(old)}", style="blue"), (0, 2)))
        if shown is not None:
            shown.update(one.place for one in section.source)
    if section.reference:
        parts.append(Padding(Text(section.reference, style="dim"), (0, 2)))
    return Group(*parts, "")


def _formula(pieces: tuple[str, ...], style: str, width: int) -> RenderableType:
    """A formula, broken between its pieces where it is too long."""
    lines: list[str] = [""]
    indent = 8 if pieces[0].startswith("=") else 4
    for piece in map(plain, pieces):
        if lines[-1] and indent + cell_len(lines[-1]) + 1 + cell_len(piece) > width:
            lines.append("   ")
        lines[-1] += f" {piece}" if lines[-1] else piece
    return Padding(Text("\n".join(lines), style=style), (0, 0, 0, indent))


def _summaries(summaries: tuple[Summary, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for heading in ("", "shape", "min", "mean", "max"):
        table.add_column(heading, justify="left" if heading in {"", "shape"} else "right", no_wrap=True)
    for array in summaries:
        shape = " × ".join(map(str, array.shape))
        table.add_row(plain(array.symbol), shape, *(f"{value:.4g}" for value in (array.least, array.mean, array.most)))
    return table


def _source(source: Source) -> Iterator[RenderableType]:
    yield Padding(Text(source.place, style="blue"), (0, 2))
    for number, (start, code) in enumerate(source.runs()):
        if number:  # a docstring was left out, which docs/explain.md promises to show
            yield Padding(Text("⋮", style="dim"), (0, 4))
        lines = Syntax(
            code, "python", theme="ansi_dark", line_numbers=True, start_line=start, word_wrap=True, background_color="default"
        )
        yield Padding(lines, (0, 2))


def _grids(row: tuple[Grid, ...]) -> RenderableType:
    """Numbers in their places, one grid beside the other as far as they fit."""
    return Padding(Columns([_grid(grid) for grid in row], padding=(0, 2)), (1, 2, 0, 4))


def _grid(grid: Grid) -> RenderableType:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    for _ in range(grid.values.shape[1]):
        table.add_column(justify="right", no_wrap=True)
    for i, row in enumerate(grid.values):
        cells = []
        for j, value in enumerate(row):
            style = "blue" if value > 0 else "red" if value < 0 else "dim"
            text = "" if math.isnan(value) else f"{value:.3g}"
            cells.append(Text(text, style=f"bold {style} underline" if (i, j) == grid.mark else style))
        table.add_row(*cells)
    name = plain(grid.symbol) + (f": {grid.about}" if grid.about else "")
    return Group(Text(name, style="dim"), table)


def _listing(listing: Listing) -> RenderableType:
    """The largest rows, where there are many numbers, or the first of many words; in the order in which they stand."""
    rows, numeric = list(listing.rows), listing.numeric
    title = listing.title
    if len(rows) > ROWS:
        order = sorted(range(len(rows)), key=lambda at: -abs(float(rows[at][-1]))) if numeric[-1] else range(len(rows))
        title += f"; the {ROWS} {'largest' if numeric[-1] else 'first'} of {len(rows):,}"
        rows = [rows[at] for at in sorted(order[:ROWS])]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, collapse_padding=True)
    for head, right in zip(listing.heads, numeric, strict=True):
        table.add_column(head, justify="right" if right else "left", no_wrap=numeric[-1], overflow="fold")
    for row in rows:
        table.add_row(*(f"{cell:.5g}" if right else escape(str(cell)) for cell, right in zip(row, numeric, strict=True)))
    return Padding(Group(Text(title, style="dim"), table), (1, 0, 0, 2))


def _proof(proofs: Sequence[Proof], width: int) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for heading in ("weight", "by hand", "measured", "relative error", ""):
        words = heading in {"weight", ""}
        table.add_column(heading, justify="left" if words else "right", no_wrap=heading != "weight", overflow="fold")
    for proof in proofs:
        verdict = "[green]agrees[/]" if proof.agrees else "[bold red]differs[/]"
        numbers = (f"{proof.by_hand:.10g}", f"{proof.numeric:.10g}", f"{proof.relative_error:.1e}")
        table.add_row(escape(str(proof.weight)), *numbers, verdict)
    return Group(_formula((equation(proofs[0].h),), "bold", width), Padding(table, (0, 2)))


def _pushed(followed: FollowedWeight) -> RenderableType:
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_header=False)
    table.add_row("up", _names(followed.up))
    table.add_row("down", _names(followed.down))
    name = plain(followed.weight.latex)
    head = f"{name}: {followed.before:.6g} → {followed.after:.6g}; the samples that pushed it most"
    return Group(Text(head, style="bold"), Padding(table, (0, 2)), "")


def _names(pushes: tuple[Push, ...]) -> str:
    return escape("; ".join(f"{push.name} {push.value:+.3g}, {push.share:.0%}" for push in pushes)) or "none"
