"""An explanation as one HTML file: typeset, collapsible, printable, and whole without script or network."""

from __future__ import annotations

import html
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from string import Template

import numpy as np

from byhand.backend import Array
from byhand.files import write_atomically
from byhand.see.diagram import diagram
from byhand.see.explain import ChosenWeight, Explanation
from byhand.see.forward import ROW
from byhand.see.highlight import highlighted
from byhand.see.image import diverging, grey, side
from byhand.see.mathml import mathml
from byhand.see.numbers import Line
from byhand.see.plaintext import plain
from byhand.see.proof import EQUATION, proof_source
from byhand.see.pushes import Push
from byhand.see.section import Section, Summary
from byhand.see.source import Source

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<header>
<h1>One training step, with every number</h1>
$head
</header>
<main>
$main
</main>
<footer><p>Made by byhand. Layers are counted from the input, layer 1; units, samples and classes from 0.
Equations, numbers and source are those of the step itself; open a section to see the lines that ran.</p></footer>
</body>
</html>
""")

LEGEND = (
    'Units are filled by their activation on this sample; lines are the strongest weights, <span class="up">blue above 0</span>, '
    '<span class="down">dashed red below</span>. What is followed here is outlined in orange; dots stand for units left out.'
)

STAGES = (
    ("forward", "Forward", "Layer by layer, what goes in is weighted, added up and squashed."),
    ("cost", "Cost", "How far the answer is from the target, in one number."),
    ("backward", "Backward", "From the last layer to the first: who is to blame, and how the cost changes with each parameter."),
    ("update", "Update", "The optimiser turns the gradient of each parameter into its change. For the followed weights:"),
)


def write_page(explanation: Explanation, path: Path | str) -> None:
    """Write the page; raises ByhandError where the file cannot be written."""
    write_atomically(Path(path), page(explanation).encode())


def page(explanation: Explanation) -> str:
    """The page as text."""
    style = resources.files("byhand.see").joinpath("page.css").read_text(encoding="utf-8")
    step = explanation.step
    parts = [_stage(explanation, *stage) for stage in STAGES]
    return PAGE.substitute(
        title=f"One training step of a {'-'.join(map(str, step.sizes))} network",
        style=style,
        head=_head(explanation),
        main="\n".join([*parts, _proof(explanation)]),
    )


# ---------------------------------------------------------------- the head: who, what, the sample, the network


def _head(explanation: Explanation) -> str:
    step, sample = explanation.step, explanation.samples[ROW]
    change = step.cost_after - step.cost
    facts = [
        ("Network", f"{'-'.join(map(str, step.sizes))}, {step.network.parameters.size:,} parameters"),
        ("Activations", ", ".join(activation.name.replace("_", " ") for activation in step.activations.values())),
        ("Optimiser", repr(step.optimizer)),
        ("Batch", _batch(explanation)),
        ("Answer", f"{sample.answer} before the step, {sample.answer_after} after it; asked for {sample.label}"),
        ("Cost", f"{step.cost:.6g} before the step, {step.cost_after:.6g} after it ({change:+.3g})"),
    ]
    rows = "".join(f"<div><dt>{name}</dt><dd>{html.escape(value)}</dd></div>" for name, value in facts)
    pictures = _sample_picture(explanation) + _outputs(explanation)
    note = ""
    if step.m > 1:
        note = f"<p>The formulas follow the batch's first sample, {sample.index}; an index i counts samples in the batch.</p>"
    return (
        f'<div class="intro"><dl class="facts">{rows}</dl><div class="pictures">{pictures}</div></div>{note}'
        f'<figure class="network">{diagram(explanation)}<figcaption>{LEGEND}</figcaption></figure>'
    )


def _batch(explanation: Explanation) -> str:
    shown = ", ".join(f"{sample.index} ({sample.label})" for sample in explanation.samples[:12])
    more = len(explanation.samples) - 12
    name = "sample" if len(explanation.samples) == 1 else f"{len(explanation.samples)} samples:"
    return f"{name} {shown}" + (f" and {more:,} more" if more > 0 else "")


def _sample_picture(explanation: Explanation) -> str:
    x, sample = explanation.step.a[1][ROW], explanation.samples[ROW]
    if not side(x.size):
        return ""
    text = f"sample {sample.index}, {sample.label}"
    return _figure(grey(x), f"The input: {text}", f"Input a<sup>1</sup>: {html.escape(text)}")


def _outputs(explanation: Explanation) -> str:
    """The network's answer, one row an output; for networks with few enough."""
    step = explanation.step
    before, after, y = step.full[step.last][ROW], step.output_after[ROW], step.y[ROW]
    columns = ((before, ".3f"), (after, ".3f"), (y, "g"))
    if len(before) > 16:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{j}</th>' + "".join(f'<td class="n">{a[j]:{digits}}</td>' for a, digits in columns) + "</tr>"
        for j in range(len(before))
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("unit", "before", "after", "target"))
    return (
        '<table class="outputs"><caption>The output, and what was asked for</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _figure(address: str, alt: str, caption: str) -> str:
    return (
        f'<figure class="pixels"><img src="{address}" alt="{html.escape(alt, quote=True)}" width="140" height="140">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


# ---------------------------------------------------------------- the stages and their sections


def _stage(explanation: Explanation, name: str, title: str, about: str) -> str:
    sections = "\n".join(_section(explanation, section) for section in explanation.stage(name))
    return f'<section id="{name}"><h2>{title}</h2><p>{about}</p>\n{sections}</section>'


def _section(explanation: Explanation, section: Section) -> str:
    equations = "".join(f'<div class="equation">{mathml(latex, display=True)}</div>' for latex in section.equations)
    columns = [
        f'<div class="symbols"><h4>Equation</h4>{equations}{_picture(explanation, section)}</div>',
        f'<div class="numbers"><h4>This step\'s numbers</h4>{_lines(section.numbers)}{_shapes(section)}'
        f"{_summaries(section.summaries)}{_note(section.note)}</div>",
    ]
    if section.source:
        reference = f'<p class="reference">{html.escape(section.reference)}</p>' if section.reference else ""
        columns.append(f'<div class="source"><h4>Source</h4>{_sources(section.source)}{reference}</div>')
    kind = "columns" if section.source else "columns two"
    return (
        f"<details open><summary><h3>{html.escape(section.title)}</h3></summary>"
        f'<div class="{kind}">{"".join(columns)}</div></details>'
    )


def _lines(lines: Iterable[Line]) -> str:
    """Formulas with numbers, each piece a `<math>` of its own so that a long line wraps between pieces."""
    rows = []
    for line in lines:
        kind = "line" + (" continued" if line.pieces[0].startswith("=") else "") + (" result" if line.value is not None else "")
        rows.append(f'<div class="{kind}">{" ".join(map(mathml, line.pieces))}</div>')
    return "".join(rows)


def _shapes(section: Section) -> str:
    if not section.sizes:
        return ""
    text = html.escape(section.sizes).replace("-&gt;", "→")
    return f'<p class="shapes"><span>Shapes</span> <code>{text}</code></p>'


def _summaries(summaries: tuple[Summary, ...]) -> str:
    if not summaries:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{mathml(found.symbol)}</th><td>{" × ".join(map(str, found.shape))}</td>'
        + "".join(f'<td class="n">{value:.4g}</td>' for value in (found.least, found.mean, found.most))
        + "</tr>"
        for found in summaries
    )
    return _table("arrays", ("array", "shape", "min", "mean", "max"), 2, rows)


def _table(kind: str, heads: tuple[str, ...], words: int, rows: str) -> str:
    """A table that scrolls where it is too wide; its first columns are words, the others numbers."""
    cells = [f'<th scope="col"{NUMERIC if at >= words else ""}>{head}</th>' for at, head in enumerate(heads)]
    head = f"<thead><tr>{''.join(cells)}</tr></thead>"
    return f'<div class="scroll" tabindex="0"><table class="{kind}">{head}<tbody>{rows}</tbody></table></div>'


NUMERIC = ' class="n"'


def _note(note: str) -> str:
    return f'<p class="note">{html.escape(note)}</p>' if note else ""


def _sources(sources: Iterable[Source]) -> str:
    parts = []
    for found in sources:
        lines = highlighted(found.code)
        rows, previous = [], 0
        for (number, _), text in zip(found.lines, lines, strict=True):
            if previous and number != previous + 1:
                rows.append('<span class="row"><span class="at">⋮</span></span>')
            rows.append(f'<span class="row"><span class="at">{number}</span><span class="code">{text}</span></span>')
            previous = number
        parts.append(f'<p class="place">{html.escape(found.place)}</p><pre><code>{"".join(rows)}</code></pre>')
    return "".join(parts)


def _picture(explanation: Explanation, section: Section) -> str:
    """What the followed unit of the first layer of weights looks at, and how its gradient wants to change that."""
    step = explanation.step
    if section.layer != 2 or not side(step.sizes[0]):
        return ""
    j = explanation.followed[2]
    if section.title.endswith("weighted input"):
        return _heat(step.w[2][j], f"w^{{2}}_{{{j},k}}", f"The weights of unit {j} as an image")
    if section.title.startswith("BP4"):
        return _heat(
            step.w_gradient[2][j], rf"\partial C/\partial w^{{2}}_{{{j},k}}", f"The gradient of unit {j}'s weights as an image"
        )
    return ""


def _heat(array: Array, symbol: str, alt: str) -> str:

    largest = float(np.abs(array).max())
    caption = f"{mathml(symbol)}, one pixel a weight; blue +{largest:.2g}, white 0, red −{largest:.2g}"
    return _figure(diverging(array), f"{alt}: {plain(symbol)}", caption)


# ---------------------------------------------------------------- the proof


def _proof(explanation: Explanation) -> str:
    rows = "".join(_proof_row(chosen) for chosen in explanation.weights)
    pushed = "".join(map(_pushed, explanation.weights))
    return (
        '<section id="proof"><h2>Proof</h2><p>The same gradients measured without any of the equations above: move one weight a '
        "little up and a little down, and look at the cost.</p>"
        f'<div class="equation wide">{mathml(EQUATION, display=True)}</div>'
        f"{_table('proof', ('weight', '', 'by hand', 'measured', 'relative error'), 2, rows)}"
        f"<details open><summary><h3>How it is measured</h3></summary>"
        f'<div class="source">{_sources([proof_source()])}</div></details>'
        "<h2>Who pushed these weights?</h2><p>A gradient is a mean over the samples, so every sample has its share in it: "
        f"{mathml(PUSH)} raises the weight where it is above 0. Weight decay and momentum belong to no sample.</p>"
        f"{pushed}</section>"
    )


PUSH = r"-\frac{1}{m} \delta^l_{i,j}\, a^{l-1}_{i,k}"


def _proof_row(chosen: ChosenWeight) -> str:
    proof = chosen.proof
    verdict = '<td class="good">✓ agrees</td>' if proof.agrees else '<td class="bad">✗ differs</td>'
    return (
        f'<tr><th scope="row">{mathml(proof.weight.latex)}</th>{verdict}<td class="n">{proof.by_hand:.10g}</td>'
        f'<td class="n">{proof.numeric:.10g}</td><td class="n">{proof.relative_error:.1e}</td></tr>'
    )


def _pushed(chosen: ChosenWeight) -> str:
    def names(found: tuple[Push, ...]) -> str:
        if not found:
            return "<td>none of this batch</td>"
        items = "".join(
            f"<li>sample {push.index} ({html.escape(push.label)}): {push.value:+.3g}, {push.share:.0%}</li>" for push in found
        )
        return f"<td><ul>{items}</ul></td>"

    weight = mathml(chosen.weight.latex)
    return (
        f'<div class="pushed"><h3>{weight}: {chosen.before:.6g} → {chosen.after:.6g}</h3><table><tbody>'
        f'<tr><th scope="row">up</th>{names(chosen.up)}</tr><tr><th scope="row">down</th>{names(chosen.down)}</tr>'
        "</tbody></table></div>"
    )
