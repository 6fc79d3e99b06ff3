"""An explanation as one HTML file: typeset, collapsible, printable, and whole without script or network."""

from __future__ import annotations

import html
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from string import Template

from byhand.files import write_atomically
from byhand.formula import number
from byhand.see.diagram import diagram
from byhand.see.explanation import Explanation, FollowedWeight, Output, Stage, Thumbnail
from byhand.see.gradient_check import Proof, caution, equation, power, proof_source
from byhand.see.image import sheet
from byhand.see.mathml import mathml
from byhand.see.pushes import Push
from byhand.see.section_html import listing_table, picture_html, section_html, sources_html, table

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
<footer><p>Made by byhand. $counting
Equations, numbers and source are those of the step itself; open a section to see the lines that ran.</p></footer>
</body>
</html>
""")
THUMB = 56  # CSS pixels of a map in the strip
OUTPUTS = 16  # of a network with more, no table is shown
PUSH = r"-\frac{1}{m} \delta^l_{i,j}\, a^{l-1}_{i,k}"
LEGEND = (
    'Units are filled by their activation on this sample; lines are the strongest weights, <span class="up">blue above 0</span>, '
    '<span class="down">dashed red below</span>. What is followed here is outlined in orange; dots stand for units left out.'
)


def write_page(explanation: Explanation, path: Path | str) -> None:
    """Write the page; raises ByhandError where the file cannot be written."""
    write_atomically(Path(path), page(explanation).encode())


def page(explanation: Explanation, moment: str = "") -> str:
    """The page as text; moment: of which training and when, in a line under the heading."""
    stages = [stage for stage in explanation.stages if explanation.stage(stage.name)]
    links = [(stage.name, stage.title) for stage in stages]
    links += [("proof", "Proof")] if explanation.weights else []
    links.append(("names", "Names"))
    when = f"<p>{html.escape(moment)}.</p>" if moment else ""
    return PAGE.substitute(
        title=html.escape(f"One training step of {explanation.step.network!r}"),
        style=resources.files("byhand.see").joinpath("page.css").read_text(encoding="utf-8"),
        head=f"{when}{_facts(explanation)}{_navigation(links)}{_network(explanation)}",
        main="\n".join([*(_stage(explanation, stage) for stage in stages), _proof(explanation), _names(explanation)]),
        counting=html.escape(explanation.counting),
    )


# ---------------------------------------------------------------- the head: the step in facts, the sample, the network


def _navigation(links: Iterable[tuple[str, str]]) -> str:
    targets = "".join(f'<a href="#{name}">{title}</a>' for name, title in links)
    return f'<nav aria-label="Parts of this page">{targets}</nav>'


def _facts(explanation: Explanation) -> str:
    rows = "".join(f"<div><dt>{name}</dt><dd>{html.escape(value)}</dd></div>" for name, value in explanation.facts())
    pictures = "".join(map(picture_html, explanation.pictures)) + _output(explanation.output)
    return (
        f'<div class="intro"><dl class="facts">{rows}</dl><div class="pictures">{pictures}</div></div>'
        f'<p class="counting">{html.escape(explanation.counting)}</p>'
    )


def _network(explanation: Explanation) -> str:
    """The network at a glance: as units and lines, or op by op."""
    graph = explanation.graph
    units = "" if graph is None else f'<figure class="network">{diagram(graph)}<figcaption>{LEGEND}</figcaption></figure>'
    return units + _strip(explanation.strip)


def _output(output: Output | None) -> str:
    """What the network answered, one row an output; for networks with few enough."""
    if output is None or len(output.before) > OUTPUTS:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{j}</th><td class="n">{before:.3f}</td><td class="n">{after:.3f}</td>'
        f'<td class="n">{goal:g}</td></tr>'
        for j, (before, after, goal) in enumerate(zip(output.before, output.after, output.target, strict=True))
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("unit", "before", "after", "target"))
    return (
        '<table class="outputs"><caption>The output, and what was asked for</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _strip(thumbnails: tuple[Thumbnail, ...]) -> str:
    """Every op with what it made of the followed sample, as links to the ops' sections."""
    if not thumbnails:
        return ""
    return (
        f'<figure class="strip"><ol>{"".join(map(_thumbnail, thumbnails))}</ol><figcaption>What each op made of the sample: '
        "of many channels or rows the one that is followed; blue is above 0, red below, white 0. Choose one to go there."
        "</figcaption></figure>"
    )


def _thumbnail(op: Thumbnail) -> str:
    kind = "" if op.kind == op.name else f"<span>{html.escape(op.kind.replace('_', ' '))}</span>"
    if op.values.size == 1:
        drawn = f'<span class="value">{mathml(number(op.values[0, 0]))}</span>'
    else:
        address, width, height = sheet(op.values[None])
        scale = THUMB / max(width, height)
        about = html.escape(f"what {op.name} computed", quote=True)
        size = f'width="{max(1, round(width * scale))}" height="{max(6, round(height * scale))}"'
        drawn = f'<img src="{address}" alt="{about}" {size}>'
    shape = " × ".join(map(str, op.shape)) or "one number"
    return f'<li><a href="#section-{op.section}">{drawn}<b>{html.escape(op.name)}</b>{kind}<span>{shape}</span></a></li>'


# ---------------------------------------------------------------- the stages


def _stage(explanation: Explanation, stage: Stage) -> str:
    shown: set[str] | None = None if explanation.side_by_side else set()
    sections = "\n".join(
        section_html(section, shown, f"section-{at}")
        for at, section in enumerate(explanation.sections)
        if section.stage == stage.name
    )
    return f'<section id="{stage.name}"><h2>{stage.title}</h2><p class="idea">{stage.idea}</p>\n{sections}</section>'


# ---------------------------------------------------------------- the proof, and who pushed


def _proof(explanation: Explanation) -> str:
    proofs = [followed.proof for followed in explanation.weights]
    if not proofs:
        return ""
    first = proofs[0]
    measured = rf"= \frac{{{first.higher:.12g} - {first.lower:.12g}}}{{2 \cdot {power(first.h)}}}"
    cautions = "".join(f'<p class="note">{text}</p>' for text in dict.fromkeys(map(caution, proofs)) if text)
    pushed = ""
    if any(followed.up or followed.down for followed in explanation.weights):
        pushed = (
            "<h2>Who pushed these weights?</h2><p>A gradient is a mean over the samples, of a convolution a sum over places too, "
            f"so every sample has its share in it: {mathml(PUSH)} raises the weight where it is above 0. Weight decay and "
            f"momentum belong to no sample.</p>{''.join(map(_pushed, explanation.weights))}"
        )
    return (
        '<section id="proof"><h2>Proof</h2><p>The same gradients measured without any of the equations above: move one weight a '
        "little up and a little down in a float64 copy of the network, with the same chance, and look at the cost.</p>"
        f'<div class="equation wide">{mathml(equation(first.h), display=True)}</div>'
        f'<div class="equation wide">{mathml(measured, display=True)}</div>'
        f"{_proof_table(proofs)}{cautions}<details open><summary><h3>How it is measured</h3></summary>"
        f'<div class="source">{sources_html([proof_source()])}</div></details>{pushed}</section>'
    )


def _proof_table(proofs: list[Proof]) -> str:
    rows = ""
    for proof in proofs:
        verdict = '<td class="good">✓ agrees</td>' if proof.agrees else '<td class="bad">✗ differs</td>'
        rows += (
            f'<tr><th scope="row">{mathml(proof.weight.latex)} <code>{html.escape(str(proof.weight))}</code></th>{verdict}'
            f'<td class="n">{proof.by_hand:.10g}</td><td class="n">{proof.numeric:.10g}</td>'
            f'<td class="n">{proof.relative_error:.1e}</td></tr>'
        )
    return table("proof", ("weight", "", "by hand", "measured", "relative error"), 2, rows)


def _pushed(followed: FollowedWeight) -> str:
    """A weight's way through the step, and the samples that pushed it most."""
    name = f"{mathml(followed.weight.latex)}: {followed.before:.6g} → {followed.after:.6g}"
    return (
        f'<div class="pushed"><h3>{name}</h3><table><tbody><tr><th scope="row">up</th>{_pushes(followed.up)}</tr>'
        f'<tr><th scope="row">down</th>{_pushes(followed.down)}</tr></tbody></table></div>'
    )


def _pushes(pushes: tuple[Push, ...]) -> str:
    if not pushes:
        return "<td>none of this batch</td>"
    items = "".join(f"<li>sample {html.escape(push.name)}: {push.value:+.3g}, {push.share:.0%}</li>" for push in pushes)
    return f"<td><ul>{items}</ul></td>"


def _names(explanation: Explanation) -> str:
    return f'<section id="names"><h2>{explanation.names.title}</h2>{listing_table(explanation.names)}</section>'
