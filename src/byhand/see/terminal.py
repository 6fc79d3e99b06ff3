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

from byhand.see.explain import ChosenWeight, Explanation, Sample
from byhand.see.explain_codes import CodesExplanation
from byhand.see.explain_diffusion import DiffusionExplanation
from byhand.see.explain_network import NetworkExplanation
from byhand.see.pixel import ChosenEntry
from byhand.see.plaintext import plain
from byhand.see.proof import EQUATION, Proof, equation, minded
from byhand.see.pushes import Push
from byhand.see.section import STAGES, Grid, Listing, Section, Summary
from byhand.see.source import Source
from byhand.see.weight import Entry

TITLES = {
    "forward": "Forward",
    "cost": "Cost",
    "backward": "Backward",
    "update": "Update",
    "pixel": "One number, all the way down",
}
ROWS = 12  # of a listing; all are in the page and in --json


def render(
    explanation: Explanation | NetworkExplanation | CodesExplanation | DiffusionExplanation,
    console: Console | None = None,
    *,
    source: bool = True,
) -> None:
    """Print an explanation; source: with the lines of code."""
    console = console or Console()
    if isinstance(explanation, NetworkExplanation):
        console.print(_network_head(explanation))
    else:
        console.print(_head(explanation) if isinstance(explanation, Explanation) else _codes_head(explanation))
    shown: set[str] | None = None if isinstance(explanation, Explanation) else set()
    for stage in STAGES:
        sections = explanation.stage(stage)
        if not sections:
            continue
        drawing = stage == "backward" and isinstance(explanation, DiffusionExplanation)
        console.print(Rule(f"[bold]{'A step back' if drawing else TITLES[stage]}[/]", style="cyan"))
        if isinstance(explanation, NetworkExplanation):
            shown = set()
        for section in sections:
            console.print(_section(section, source, console.width, shown))
    if isinstance(explanation, NetworkExplanation):
        if explanation.weight is not None:
            proof = explanation.weight.proof
            console.print(Rule("[bold]Proof[/]", style="cyan"))
            console.print(_proof(equation(proof.h), [proof], console.width))
            console.print(Padding(Text(minded(proof), style="italic"), (0, 2, 1, 2)))
            console.print(_pushed(explanation.weight))
        return
    console.print(Rule("[bold]Proof[/]", style="cyan"))
    if isinstance(explanation, (CodesExplanation, DiffusionExplanation)):
        console.print(_proof(EQUATION, explanation.proofs, console.width))
        return
    console.print(_proof(EQUATION, [chosen.proof for chosen in explanation.weights], console.width))
    for chosen in explanation.weights:
        console.print(_pushed(chosen))


def _network_head(explanation: NetworkExplanation) -> RenderableType:
    step, sample = explanation.step, explanation.samples[explanation.sample]
    lines = [
        f"[bold]One training step[/] of {escape(repr(step.network))}",
        f"Batch of {step.m}: {escape(_named(explanation.samples))}",
        f"Cost {step.cost:.6g}, and after the step {step.cost_after:.6g}; {escape(repr(step.optimizer))}",
    ]
    if sample.label:
        answer = f"{sample.answer} before the step, {sample.answer_after} after it; asked for {sample.label}"
        lines.append(f"Sample {sample.index} is followed; the network answered {escape(answer)}")
    lines.append("Rows, columns, channels, samples and classes are counted from 0.")
    return Group(*(Text.from_markup(line) for line in lines), "")


def _codes_head(explanation: CodesExplanation | DiffusionExplanation) -> RenderableType:
    step, sample = explanation.step, explanation.samples[0]
    if isinstance(explanation, DiffusionExplanation):
        what = f"its number {list(explanation.place)} at t = {explanation.step.t}"
    else:
        what = f"of it number {explanation.code} of the code and pixel {explanation.pixel}"
    lines = [
        f"[bold]One training step[/] of {escape(repr(step.network))}",
        f"Batch of {step.m}: {escape(_named(explanation.samples))}",
        f"Cost {step.cost:.6g}, and after the step {step.cost_after:.6g}; {escape(repr(step.optimizer))}",
        f"Sample {sample.index} is followed, and {what}; all are counted from 0.",
    ]
    return Group(*(Text.from_markup(line) for line in lines), "")


def _named(samples: tuple[Sample, ...]) -> str:
    shown = ", ".join(sample.name for sample in samples[:10])
    more = f" and {len(samples) - 10:,} more" if len(samples) > 10 else ""
    return f"sample {shown}{more}"


def _head(explanation: Explanation) -> RenderableType:
    step = explanation.step
    lines = [
        f"[bold]One training step[/] of {escape(repr(step.network))}",
        f"Batch of {step.m}: {escape(_named(explanation.samples))}",
        f"Cost {step.cost:.6g}, and after the step {step.cost_after:.6g}; {escape(repr(step.optimizer))}",
        f"Layers are counted from the input, layer 1, to the output, layer {step.last}; units from 0.",
    ]
    if step.m > 1:
        first = explanation.samples[0].index
        lines.append(f"The formulas follow the batch's first sample, {first}; an index i counts samples in the batch.")
    return Group(*(Text.from_markup(line) for line in lines), "")


def _section(section: Section, source: bool, width: int, seen: set[str] | None = None) -> RenderableType:
    """seen: places of source that were printed already, which are then named only."""
    parts: list[RenderableType] = [Text(section.title, style="bold cyan")]
    parts += [_formula((equation,), "bold", width) for equation in section.equations]
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
        parts += [part for found in section.source if seen is None or found.place not in seen for part in _source(found)]
        old = [found.place for found in section.source if seen is not None and found.place in seen]
        if old:
            parts.append(Padding(Text(f"source shown above: {', '.join(old)}", style="blue"), (0, 2)))
        if seen is not None:
            seen |= {found.place for found in section.source}
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
    for found in summaries:
        shape = " × ".join(map(str, found.shape))
        table.add_row(plain(found.symbol), shape, *(f"{value:.4g}" for value in (found.least, found.mean, found.most)))
    return table


def _source(found: Source) -> Iterator[RenderableType]:
    yield Padding(Text(found.place, style="blue"), (0, 2))
    for start, code in found.runs():
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


def _listing(found: Listing) -> RenderableType:
    """The largest rows, where there are many; in the order in which they stand."""
    rows = list(found.rows)
    if len(rows) > ROWS and rows and isinstance(rows[0][-1], float):
        order = sorted(range(len(rows)), key=lambda at: -abs(float(rows[at][-1])))[:ROWS]
        rows = [rows[at] for at in sorted(order)]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for at, head in enumerate(found.heads):
        numeric = bool(rows) and isinstance(rows[0][at], float)
        table.add_column(head, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(f"{cell:.5g}" if isinstance(cell, float) else escape(cell) for cell in row))
    more = len(found.rows) - len(rows)
    title = found.title + (f"; the {len(rows)} largest" if more else "")
    return Padding(Group(Text(title, style="dim"), table), (1, 2, 0, 2))


def _proof(formula: str, proofs: Sequence[Proof], width: int) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for heading in ("weight", "by hand", "measured", "relative error", ""):
        table.add_column(
            heading, justify="left" if heading in {"weight", ""} else "right", no_wrap=heading != "weight", overflow="fold"
        )
    for proof in proofs:
        verdict = "[green]agrees[/]" if proof.agrees else "[bold red]differs[/]"
        table.add_row(
            plain(proof.weight.latex) if isinstance(proof.weight, Entry) else str(proof.weight),
            f"{proof.by_hand:.10g}",
            f"{proof.numeric:.10g}",
            f"{proof.relative_error:.1e}",
            verdict,
        )
    return Group(_formula((formula,), "bold", width), Padding(table, (0, 2)))


def _pushed(chosen: ChosenWeight | ChosenEntry) -> RenderableType:
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_header=False)
    table.add_row("up", _names(chosen.up))
    table.add_row("down", _names(chosen.down))
    name = plain(chosen.weight.latex)
    head = f"{name}: {chosen.before:.6g} → {chosen.after:.6g}; the samples that pushed it most"
    return Group(Text(head, style="bold"), Padding(table, (0, 2)), "")


def _names(pushed: tuple[Push, ...]) -> str:
    if not pushed:
        return "none"
    return escape("; ".join(f"{push.name} {push.value:+.3g}, {push.share:.0%}" for push in pushed))
