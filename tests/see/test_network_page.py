"""A network of modules on a page and in a terminal: whole, self-contained, true, and no wider than it may be."""

from __future__ import annotations

import html
import io
import re

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from byhand.formula import Term, total
from byhand.see.explain import explain
from byhand.see.page import page
from byhand.see.terminal import render
from byhand.see.unicode_math import plain

from .network_examples import NAMES, batch, explained, network
from .test_page import Reader


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_balanced_and_has_every_formula(name: str) -> None:
    found = explained(name)
    read = Reader(page(found))
    formulas = {attributes["alttext"] for attributes in read.all("math")}
    for section in found.sections:
        assert {plain(latex) for latex in section.equations} <= formulas
        assert {plain(piece) for line in section.numbers for piece in line.pieces} <= formulas
        assert section.title in read.words["h3"]
    assert len(read.all("h1")) == 1
    assert all(attributes["alt"] for attributes in read.all("img"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_page_fetches_nothing_and_its_links_lead_somewhere(name: str) -> None:
    text = page(explained(name))
    read = Reader(text)
    assert not re.search(r"https?://|url\(|@import", text)
    assert not {"script", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in read.tags}
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in read.tags:
        assert not any(key.startswith("on") for key in attributes)
        assert (attributes.get("src") or "data:").startswith("data:")
        link = attributes.get("href")
        assert link is None or (link.startswith("#") and link[1:] in ids)
    assert len(read.all("li")) >= len(explained(name).step.record.ops)
    assert "\\" not in "".join(re.findall(r"<math.*?</math>", text, re.DOTALL))


@pytest.mark.slow
def test_names_that_look_like_markup_stay_names() -> None:
    net = network("cnn")
    x, y = batch(net, 3)
    found = explain(net, x, y, classes=["<script>alert(1)</script>", 'a"b', "[red]c[/]"])
    Reader(page(found))
    assert "<script" not in page(found)
    render(found, Console(file=io.StringIO(), width=80))


def test_the_page_says_the_numbers_of_the_explanation() -> None:
    found = explained("cnn")
    text = html.unescape(re.sub(r"<[^>]+>", " ", page(found)))
    assert f"{found.step.cost:.6g} before the step, {found.step.cost_after:.6g} after it" in text
    assert f"{found.weights[0].proof.by_hand:.10g}" in text and "✓ agrees" in text
    assert f"{found.weights[0].before:.6g} → {found.weights[0].after:.6g}" in text
    listing = found.stage("pixel")[0].listing
    assert listing is not None
    for row in listing.rows:
        assert f"{row[-1]:.6g}".replace("-", "−") in text


def printed(name: str, width: int, *, source: bool = True) -> str:
    file = io.StringIO()
    render(explained(name), Console(file=file, width=width), source=source)
    return file.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal_and_nothing_is_cut_off(name: str, width: int) -> None:
    text, found = printed(name, width, source=width == 80), explained(name)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    for section in found.sections:
        assert "".join(section.title.split()) in "".join(text.split())
    if found.weights:
        assert f"{found.weights[0].proof.by_hand:.10g}" in text and "agrees" in text
        assert f"{found.weights[0].proof.numeric:.10g}" in text


@pytest.mark.slow
def test_no_command_that_was_not_understood_and_no_empty_label_is_printed() -> None:
    for name in NAMES:
        text = printed(name, 80, source=False)
        assert "\\" not in text and "()" not in text and ", ." not in text


@pytest.mark.slow
def test_the_terminal_says_every_part_in_order() -> None:
    text = printed("cnn", 80)
    parts = ["─ Forward ─", "0, Conv2d: conv2d", "7, Linear: linear", "─ Cost ─", "─ Backward ─", "7, Linear: linear, backward"]
    parts += [
        "0, Conv2d: conv2d, backward",
        "The gradient is clipped",
        "─ Update ─",
        "─ One number, all the way down ─",
        "─ Proof ─",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "byhand/engine/ops/convolution.py:" in text and "byhand/engine/ops/convolution.py:" not in printed(
        "cnn", 80, source=False
    )


def test_zeros_of_a_long_sum_are_counted_and_not_shown() -> None:
    values = [0.5, 0.0, -0.25, *np.zeros(7)]
    lines = total("z", [Term(f"t_{{{k}}}", f"{value}", value) for k, value in enumerate(values)], sum(values))
    assert plain(lines[0].latex) == "z = t₀ + t₂ + 8 more"
    assert lines[-1].value == 0.25
    zeros = total("z", [Term(f"t_{{{k}}}", "0", 0.0) for k in range(9)], 0.0)
    assert plain(zeros[0].latex) == "z = t₀ + 8 more"
