"""An explanation in the terminal, readable at 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from byhand.see.explain import ChosenWeight, Explanation
from byhand.see.plaintext import plain
from byhand.see.proof import EQUATION
from byhand.see.pushes import Push
from byhand.see.section import STAGES, Section, Summary
from byhand.see.source import Source

TITLES = {"forward": "Forward", "cost": "Cost", "backward": "Backward", "update": "Update"}


def render(explanation: Explanation, console: Console | None = None, *, source: bool = True) -> None:
    """Print an explanation; source: with the lines of code."""
    console = console or Console()
    console.print(_head(explanation))
    for stage in STAGES:
        console.print(Rule(f"[bold]{TITLES[stage]}[/]", style="cyan"))
        for section in explanation.stage(stage):
            console.print(_section(section, source, console.width))
    console.print(Rule("[bold]Proof[/]", style="cyan"))
    console.print(_proof(explanation, console.width))
    for chosen in explanation.weights:
        console.print(_pushed(chosen))


def _head(explanation: Explanation) -> RenderableType:
    step = explanation.step
    shown = ", ".join(f"{sample.index} ({sample.label})" for sample in explanation.samples[:10])
    more = f" and {len(explanation.samples) - 10:,} more" if len(explanation.samples) > 10 else ""
    lines = [
        f"[bold]One training step[/] of {escape(repr(step.network))}",
        f"Batch of {step.m}: sample {escape(shown)}{more}",
        f"Cost {step.cost:.6g}, and after the step {step.cost_after:.6g}; {escape(repr(step.optimizer))}",
        f"Layers are counted from the input, layer 1, to the output, layer {step.last}; units from 0.",
    ]
    if step.m > 1:
        first = explanation.samples[0].index
        lines.append(f"The formulas follow the batch's first sample, {first}; an index i counts samples in the batch.")
    return Group(*(Text.from_markup(line) for line in lines), "")


def _section(section: Section, source: bool, width: int) -> RenderableType:
    parts: list[RenderableType] = [Text(section.title, style="bold cyan")]
    parts += [_formula((equation,), "bold", width) for equation in section.equations]
    if section.numbers:
        parts.append(Text(""))
    parts += [_formula(line.pieces, "bold green" if line.value is not None else "", width) for line in section.numbers]
    if section.sizes:
        parts += [Text(""), Padding(Text(section.sizes, style="dim"), (0, 2))]
    if section.summaries:
        parts.append(Padding(_summaries(section.summaries), (0, 2)))
    if section.note:
        parts.append(Padding(Text(section.note, style="italic"), (0, 2)))
    if source:
        parts += [part for found in section.source for part in _source(found)]
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


def _proof(explanation: Explanation, width: int) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for heading in ("weight", "by hand", "measured", "relative error", ""):
        table.add_column(heading, justify="left" if heading in {"weight", ""} else "right", no_wrap=True)
    for chosen in explanation.weights:
        proof = chosen.proof
        verdict = "[green]agrees[/]" if proof.agrees else "[bold red]differs[/]"
        table.add_row(
            str(proof.weight),
            f"{proof.by_hand:.10g}",
            f"{proof.numeric:.10g}",
            f"{proof.relative_error:.1e}",
            verdict,
        )
    return Group(_formula((EQUATION,), "bold", width), Padding(table, (0, 2)))


def _pushed(chosen: ChosenWeight) -> RenderableType:
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_header=False)
    table.add_row("up", _names(chosen.up))
    table.add_row("down", _names(chosen.down))
    name = plain(chosen.weight.latex)
    head = f"{name}: {chosen.before:.6g} → {chosen.after:.6g}; the samples that pushed it most"
    return Group(Text(head, style="bold"), Padding(table, (0, 2)), "")


def _names(pushed: tuple[Push, ...]) -> str:
    if not pushed:
        return "none"
    return escape("; ".join(f"{push.index} ({push.label}) {push.value:+.3g}, {push.share:.0%}" for push in pushed))
