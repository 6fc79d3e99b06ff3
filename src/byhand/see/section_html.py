"""A section of an explanation as HTML: formulas, numbers, tables, pictures and source, without script."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence

import numpy as np

from byhand.backend import Array
from byhand.formula import Line
from byhand.see.highlight import highlighted
from byhand.see.image import diverging, framed, grey, shade, sheet
from byhand.see.mathml import mathml
from byhand.see.section import Listing, Picture, Section, Summary
from byhand.see.source import Source
from byhand.see.unicode_math import plain
from byhand.terms import Grid

WIDE = 270  # CSS pixels that a picture in a column may take
SINGLE = 140
NUMERIC = ' class="n"'


def section_html(section: Section, shown: set[str] | None, anchor: str) -> str:
    """A section; anchor: its id. shown: places of source that the page has already, which a section of a module names only.

    Where it is None, each section has equation, numbers and whole source side by side, as one of the whole network has.
    """
    side_by_side = shown is None or not section.scope
    formulas = "".join(f'<div class="equation">{mathml(latex, display=True)}</div>' for latex in section.equations)
    if section.book:
        formulas += f'<div class="equation book"><span>in the book</span>{mathml(section.book, display=True)}</div>'
    listing, above, drawn = listing_html(section.listing), "", "".join(map(picture_html, section.pictures))
    below = f'<div class="below">{listing}</div>' if listing and section.source else ""
    columns = [
        f'<div class="numbers"><h4>This step\'s numbers</h4>{lines_html(section.numbers)}{_grids(section.grids)}'
        f"{_shapes(section)}{_summaries(section.summaries)}{_note(section.note)}{'' if below else listing}</div>",
    ]
    if side_by_side:
        columns.insert(0, f'<div class="symbols"><h4>Equation</h4>{formulas}{drawn}</div>')
    else:  # equations of modules are long, and have a row of their own
        if formulas:
            above = f'<div class="above"><h4>{"Equations" if len(section.equations) > 1 else "Equation"}</h4>{formulas}</div>'
        if drawn:
            columns.insert(0, f'<div class="symbols">{drawn}</div>')
    numbers = len(columns) - 1
    new = [source for source in section.source if shown is None or not section.scope or source.place not in shown]
    reference = f'<p class="reference">{html.escape(section.reference)}</p>' if section.reference else ""
    if new:
        columns.append(f'<div class="source"><h4>Source</h4>{sources_html(new)}{_again(section.source, new)}{reference}</div>')
    elif section.source:
        columns[numbers] = columns[numbers].removesuffix("</div>") + _again(section.source, new) + "</div>"
    if shown is not None:
        shown.update(source.place for source in section.source)
    why = f'<p class="why">{html.escape(section.why)}</p>' if section.why else ""
    kind = f"columns{'' if numbers else ' plain'}{'' if new else ' two'}{'' if side_by_side else ' op'}"
    return (
        f'<details open id="{anchor}"><summary><h3>{html.escape(section.title)}</h3></summary>'
        f'{why}{above}<div class="{kind}">{"".join(columns)}</div>{below}</details>'
    )


def _again(every: Sequence[Source], new: Sequence[Source]) -> str:
    old = [f'<span class="place">{html.escape(source.place)}</span>' for source in every if source not in new]
    return f'<p class="again">Source shown above: {" ".join(old)}</p>' if old else ""


def lines_html(lines: Iterable[Line]) -> str:
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
        f'<tr><th scope="row">{mathml(array.symbol)}</th><td>{" × ".join(map(str, array.shape))}</td>'
        + "".join(f'<td class="n">{value:.4g}</td>' for value in (array.least, array.mean, array.most))
        + "</tr>"
        for array in summaries
    )
    return table("arrays", ("array", "shape", "min", "mean", "max"), 2, rows)


def table(kind: str, heads: tuple[str, ...], words: int, rows: str) -> str:
    """A table that scrolls where it is too wide; its first columns are words, the others numbers."""
    cells = [f'<th scope="col"{NUMERIC if at >= words else ""}>{head}</th>' for at, head in enumerate(heads)]
    head = f"<thead><tr>{''.join(cells)}</tr></thead>"
    return f'<div class="scroll" tabindex="0"><table class="{kind}">{head}<tbody>{rows}</tbody></table></div>'


def _note(text: str) -> str:
    return f'<p class="note">{html.escape(text)}</p>' if text else ""


def sources_html(sources: Iterable[Source]) -> str:
    """Lines of source, numbered and coloured."""
    parts = []
    for source in sources:
        texts = highlighted(source.code)
        rows, previous = [], 0
        for (number, _), text in zip(source.lines, texts, strict=True):
            if previous and number != previous + 1:
                rows.append('<span class="row"><span class="at">⋮</span></span>')
            rows.append(f'<span class="row"><span class="at">{number}</span><span class="code">{text}</span></span>')
            previous = number
        parts.append(f'<p class="place">{html.escape(source.place)}</p><pre><code>{"".join(rows)}</code></pre>')
    return "".join(parts)


# ---------------------------------------------------------------- numbers as pictures and tables


def figure_html(address: str, alt: str, caption: str, width: int, height: int) -> str:
    """One image with its caption; caption is HTML."""
    return (
        f'<figure class="pixels"><img src="{address}" alt="{html.escape(alt, quote=True)}" width="{width}" height="{height}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def picture_html(picture: Picture) -> str:
    """Maps side by side, or one alone, with what the colours mean."""
    alone = len(picture.maps) == 1
    if picture.box is not None:
        address, width, height = framed(picture.maps[0], picture.box, grey=picture.grey)
        scale = 1
    elif alone and picture.maps[0].shape[0] == picture.maps[0].shape[1] >= 8:
        address, (width, height) = (grey if picture.grey else diverging)(picture.maps[0].reshape(-1)), picture.maps[0].shape
        scale = max(1, SINGLE // width)
    else:
        address, width, height = sheet(picture.maps, followed=picture.followed, grey=picture.grey)
        scale = max(1, min(12, (SINGLE if alone else WIDE) // width))
    caption = f"{mathml(picture.symbol)}: {html.escape(picture.about)}{'' if picture.grey else '; ' + _colours(picture.maps)}"
    return figure_html(address, f"{picture.about}: {plain(picture.symbol)}", caption, width * scale, height * scale)


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


def _grid(grid: Grid) -> str:
    """Each number in its place, on the colour of its value."""
    known = grid.values[~np.isnan(grid.values)]
    largest = float(np.abs(known).max()) if known.size else 0.0
    body = ""
    for i, row in enumerate(grid.values):
        cells = ""
        for j, value in enumerate(row):
            if math.isnan(value):
                cells += "<td></td>"
                continue
            colour, dark = shade(float(value), largest)
            kind = ' class="mark"' if (i, j) == grid.mark else ""
            text = f"{value:.3g}".replace("-", "−")
            cells += f'<td{kind} style="background:{colour};color:{"#fff" if dark else "#14171c"}">{text}</td>'
        body += f"<tr>{cells}</tr>"
    caption = f"{mathml(grid.symbol)}: {html.escape(grid.about)}" if grid.about else mathml(grid.symbol)
    return f'<figure class="grid"><table><tbody>{body}</tbody></table><figcaption>{caption}</figcaption></figure>'


def listing_html(listing: Listing | None) -> str:
    return f'<h4 class="listed">{html.escape(listing.title)}</h4>{listing_table(listing)}' if listing else ""


def listing_table(listing: Listing) -> str:
    head = "".join(
        f'<th scope="col"{NUMERIC if numeric else ""}>{html.escape(name)}</th>'
        for name, numeric in zip(listing.heads, listing.numeric, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(_cell(cell, numeric) for cell, numeric in zip(row, listing.numeric, strict=True))}</tr>"
        for row in listing.rows
    )
    table = f'<table class="listing"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="scroll tall" tabindex="0">{table}</div>'


def _cell(cell: str | float, numeric: bool) -> str:
    if numeric:
        return f'<td class="n">{cell:.6g}</td>'.replace("-", "−")
    return f"<td>{html.escape(str(cell))}</td>"
