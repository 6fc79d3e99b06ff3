"""What the pages of explanations are made of: the document, sections, formulas, tables, pictures, source. HTML without script."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from importlib import resources
from string import Template

import numpy as np

from byhand.backend import Array
from byhand.see.explain import Sample
from byhand.see.highlight import highlighted
from byhand.see.image import diverging, framed, grey, shade, sheet, side
from byhand.see.mathml import mathml
from byhand.see.numbers import Line
from byhand.see.plaintext import plain
from byhand.see.proof import Proof
from byhand.see.pushes import Push
from byhand.see.section import Grid, Listing, Picture, Section, Summary
from byhand.see.source import Source

HEADING = "<h1>One training step, with every number</h1>"
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
$heading
$head
</header>
<main>
$main
</main>
<footer><p>Made by byhand. $counting
Equations, numbers and source are those of the step itself; open a section to see the lines that ran.</p></footer>
</body>
</html>
""")

WIDE = 270  # CSS pixels that a picture in a column may take
SINGLE = 140


def document(title: str, head: str, main: str, counting: str) -> str:
    """The whole page; counting: what is counted from where, in a sentence."""
    style = resources.files("byhand.see").joinpath("page.css").read_text(encoding="utf-8")
    return PAGE.substitute(title=html.escape(title), style=style, heading=HEADING, head=head, main=main, counting=counting)


# ---------------------------------------------------------------- the head: who, what, the sample, the answer


def facts(rows: Iterable[tuple[str, str]], pictures: str) -> str:
    """The step in a few lines, with pictures beside them."""
    said = "".join(f"<div><dt>{name}</dt><dd>{html.escape(value)}</dd></div>" for name, value in rows)
    return f'<div class="intro"><dl class="facts">{said}</dl><div class="pictures">{pictures}</div></div>'


def batch(samples: Sequence[Sample]) -> str:
    """The first samples of the batch, and how many more."""
    shown = ", ".join(sample.name for sample in samples[:12])
    more = len(samples) - 12
    name = "sample" if len(samples) == 1 else f"{len(samples)} samples:"
    return f"{name} {shown}" + (f" and {more:,} more" if more > 0 else "")


def outputs(before: Array, after: Array, y: Array) -> str:
    """The network's answer, one row an output; for networks with few enough."""
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


def sample_picture(x: Array, sample: Sample, symbol: str) -> str:
    """The sample as the network saw it, where it is a square grey image."""
    if not side(x.size):
        return ""
    text = f"sample {sample.index}, {sample.label}"
    return figure(grey(x), f"The input: {text}", f"Input {symbol}: {html.escape(text)}")


def figure(address: str, alt: str, caption: str, width: int = SINGLE, height: int = SINGLE) -> str:
    """One image with its caption; caption is HTML."""
    return (
        f'<figure class="pixels"><img src="{address}" alt="{html.escape(alt, quote=True)}" width="{width}" height="{height}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


# ---------------------------------------------------------------- a section


def section(found: Section, shown: set[str] | None = None, anchor: str = "") -> str:
    """A section; shown: places of source that the page has already, which are then named only. anchor: its id."""
    formulas = "".join(f'<div class="equation">{mathml(latex, display=True)}</div>' for latex in found.equations)
    listing, above, drawn = _listing(found.listing), "", "".join(map(picture, found.pictures))
    below = f'<div class="below">{listing}</div>' if listing and found.source else ""
    columns = [
        f'<div class="numbers"><h4>This step\'s numbers</h4>{lines(found.numbers)}{_grids(found.grids)}{_shapes(found)}'
        f"{_summaries(found.summaries)}{note(found.note)}{'' if below else listing}</div>",
    ]
    if not found.scope:
        columns.insert(0, f'<div class="symbols"><h4>Equation</h4>{formulas}{drawn}</div>')
    else:  # equations of modules are long, and have a row of their own
        above = f'<div class="above"><h4>{"Equations" if len(found.equations) > 1 else "Equation"}</h4>{formulas}</div>'
        if drawn:
            columns.insert(0, f'<div class="symbols">{drawn}</div>')
    numbers = len(columns) - 1
    new = [one for one in found.source if shown is None or one.place not in shown]
    if found.source and (new or shown is None):
        reference = f'<p class="reference">{html.escape(found.reference)}</p>' if found.reference else ""
        columns.append(f'<div class="source"><h4>Source</h4>{sources(new)}{_again(found.source, new)}{reference}</div>')
    elif found.source:
        columns[numbers] = columns[numbers].removesuffix("</div>") + _again(found.source, new) + "</div>"
    if shown is not None:
        shown |= {one.place for one in found.source}
    coded = len(columns) - 1 > numbers
    kind = f"columns{'' if numbers else ' plain'}{'' if coded else ' two'}{' op' if found.scope else ''}"
    name = f' id="{anchor}"' if anchor else ""
    return (
        f"<details open{name}><summary><h3>{html.escape(found.title)}</h3></summary>"
        f'{above}<div class="{kind}">{"".join(columns)}</div>{below}</details>'
    )


def _again(every: Sequence[Source], new: Sequence[Source]) -> str:
    old = [f'<span class="place">{html.escape(one.place)}</span>' for one in every if one not in new]
    return f'<p class="again">Source shown above: {" ".join(old)}</p>' if old else ""


def lines(found: Iterable[Line]) -> str:
    """Formulas with numbers, each piece a `<math>` of its own so that a long line wraps between pieces."""
    rows = []
    for line in found:
        kind = "line" + (" continued" if line.pieces[0].startswith("=") else "") + (" result" if line.value is not None else "")
        rows.append(f'<div class="{kind}">{" ".join(map(mathml, line.pieces))}</div>')
    return "".join(rows)


def _shapes(found: Section) -> str:
    if not found.sizes:
        return ""
    text = html.escape(found.sizes).replace("-&gt;", "→")
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
    return table("arrays", ("array", "shape", "min", "mean", "max"), 2, rows)


def table(kind: str, heads: tuple[str, ...], words: int, rows: str) -> str:
    """A table that scrolls where it is too wide; its first columns are words, the others numbers."""
    cells = [f'<th scope="col"{NUMERIC if at >= words else ""}>{head}</th>' for at, head in enumerate(heads)]
    head = f"<thead><tr>{''.join(cells)}</tr></thead>"
    return f'<div class="scroll" tabindex="0"><table class="{kind}">{head}<tbody>{rows}</tbody></table></div>'


NUMERIC = ' class="n"'


def note(text: str) -> str:
    return f'<p class="note">{html.escape(text)}</p>' if text else ""


def sources(found: Iterable[Source]) -> str:
    """Lines of source, numbered and coloured."""
    parts = []
    for one in found:
        texts = highlighted(one.code)
        rows, previous = [], 0
        for (number, _), text in zip(one.lines, texts, strict=True):
            if previous and number != previous + 1:
                rows.append('<span class="row"><span class="at">⋮</span></span>')
            rows.append(f'<span class="row"><span class="at">{number}</span><span class="code">{text}</span></span>')
            previous = number
        parts.append(f'<p class="place">{html.escape(one.place)}</p><pre><code>{"".join(rows)}</code></pre>')
    return "".join(parts)


# ---------------------------------------------------------------- numbers as pictures and tables


def picture(found: Picture) -> str:
    """Maps side by side, or one alone, with what the colours mean."""
    alone = len(found.maps) == 1
    if found.box is not None:
        address, width, height = framed(found.maps[0], found.box, grey=found.grey)
        scale = 1
    elif alone and found.maps[0].shape[0] == found.maps[0].shape[1] >= 8:
        address, (width, height) = (grey if found.grey else diverging)(found.maps[0].reshape(-1)), found.maps[0].shape
        scale = max(1, SINGLE // width)
    else:
        address, width, height = sheet(found.maps, followed=found.followed, grey=found.grey)
        scale = max(1, min(12, (SINGLE if alone else WIDE) // width))
    caption = f"{mathml(found.symbol)}: {html.escape(found.about)}{'' if found.grey else '; ' + _colours(found.maps)}"
    return figure(address, f"{found.about}: {plain(found.symbol)}", caption, width * scale, height * scale)


def _colours(values: Array) -> str:
    least, most = float(values.min()), float(values.max())
    largest = max(abs(least), abs(most))
    above = f"blue +{largest:.2g}, " if most > 0 else ""
    below = f", red −{largest:.2g}" if least < 0 else ""
    return f"{above}white 0{below}"


SIGNS = ("×", "=")


def _grids(rows: tuple[tuple[Grid, ...], ...]) -> str:
    if not rows:
        return ""
    parts = []
    for row in rows:
        cells = "".join((f'<span class="sign">{SIGNS[at - 1]}</span>' if at else "") + _grid(one) for at, one in enumerate(row))
        parts.append(f'<div class="grids">{cells}</div>')
    return "".join(parts)


def _grid(found: Grid) -> str:
    """Each number in its place, on the colour of its value."""
    known = found.values[~np.isnan(found.values)]
    largest = float(np.abs(known).max()) if known.size else 0.0
    body = ""
    for i, row in enumerate(found.values):
        cells = ""
        for j, value in enumerate(row):
            if math.isnan(value):
                cells += "<td></td>"
                continue
            colour, dark = shade(float(value), largest)
            kind = ' class="mark"' if (i, j) == found.mark else ""
            text = f"{value:.3g}".replace("-", "−")
            cells += f'<td{kind} style="background:{colour};color:{"#fff" if dark else "#14171c"}">{text}</td>'
        body += f"<tr>{cells}</tr>"
    caption = f"{mathml(found.symbol)}: {html.escape(found.about)}" if found.about else mathml(found.symbol)
    return f'<figure class="grid"><table><tbody>{body}</tbody></table><figcaption>{caption}</figcaption></figure>'


def _listing(found: Listing | None) -> str:
    if found is None:
        return ""
    numeric = [bool(found.rows) and isinstance(cell, float) for cell in (found.rows[0] if found.rows else ())]
    head = "".join(
        f'<th scope="col"{NUMERIC if n else ""}>{html.escape(name)}</th>' for name, n in zip(found.heads, numeric, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="n">{cell:.6g}</td>'.replace("-", "−") if isinstance(cell, float) else f"<td>{html.escape(cell)}</td>"
            for cell in row
        )
        + "</tr>"
        for row in found.rows
    )
    return (
        f'<h4 class="listed">{html.escape(found.title)}</h4><div class="scroll tall" tabindex="0">'
        f'<table class="listing"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


# ---------------------------------------------------------------- the proof, and who pushed


def proof_row(proof: Proof) -> str:
    verdict = '<td class="good">✓ agrees</td>' if proof.agrees else '<td class="bad">✗ differs</td>'
    return (
        f'<tr><th scope="row">{mathml(proof.weight.latex)}</th>{verdict}<td class="n">{proof.by_hand:.10g}</td>'
        f'<td class="n">{proof.numeric:.10g}</td><td class="n">{proof.relative_error:.1e}</td></tr>'
    )


def proof_table(proofs: Iterable[Proof]) -> str:
    rows = "".join(map(proof_row, proofs))
    return table("proof", ("weight", "", "by hand", "measured", "relative error"), 2, rows)


def pushed(latex: str, before: float, after: float, up: tuple[Push, ...], down: tuple[Push, ...]) -> str:
    """A weight's way through the step, and the samples that pushed it most."""

    def names(found: tuple[Push, ...]) -> str:
        if not found:
            return "<td>none of this batch</td>"
        items = "".join(f"<li>sample {html.escape(push.name)}: {push.value:+.3g}, {push.share:.0%}</li>" for push in found)
        return f"<td><ul>{items}</ul></td>"

    return (
        f'<div class="pushed"><h3>{mathml(latex)}: {before:.6g} → {after:.6g}</h3><table><tbody>'
        f'<tr><th scope="row">up</th>{names(up)}</tr><tr><th scope="row">down</th>{names(down)}</tr>'
        "</tbody></table></div>"
    )
