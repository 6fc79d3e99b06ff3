"""The page is whole: every tag closed, every formula typeset, nothing fetched, and it says what the explanation says."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from byhand.errors import ByhandError
from byhand.feedforward import FeedForward
from byhand.see.diagram import diagram
from byhand.see.explain import explain
from byhand.see.highlight import highlighted
from byhand.see.image import diverging, grey
from byhand.see.page import page, write_page
from byhand.see.unicode_math import plain

from .examples import NETWORKS, OPTIMIZERS, batch, explained

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Reader(HTMLParser):
    """Checks that tags are balanced, and collects them with their attributes and their text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.words.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "m"), list(product(NETWORKS, (1, 10))))
def test_the_page_is_balanced_and_has_every_formula_in_mathml(name: str, m: int) -> None:
    found = explained(NETWORKS[name](), m, clip=0.5)
    read = Reader(page(found))
    formulas = {attributes["alttext"] for attributes in read.all("math")}
    for section in found.sections:
        assert {plain(latex) for latex in section.equations} <= formulas
        assert {plain(piece) for line in section.numbers for piece in line.pieces} <= formulas
        assert section.title in read.words["h3"]
    for chosen in found.weights:
        assert plain(chosen.weight.latex) in formulas
    assert len(read.all("details")) == len(found.sections) + 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_optimiser_has_its_page(kind: str) -> None:
    for m in (1, 10):
        Reader(page(explained(FeedForward((784, 30, 10), seed=1), m, optimizer=OPTIMIZERS[kind]())))


@pytest.mark.slow
def test_no_formula_shows_a_command_that_was_not_understood() -> None:
    for name, kind in product(NETWORKS, OPTIMIZERS):
        text = page(explained(NETWORKS[name](), optimizer=OPTIMIZERS[kind](), clip=0.1))
        for formula in re.findall(r"<math.*?</math>", text, re.DOTALL):
            assert "\\" not in formula
            ET.fromstring(formula)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_page_fetches_nothing_and_runs_nothing(name: str) -> None:
    text = page(explained(NETWORKS[name]()))
    read = Reader(text)
    ids = {attributes.get("id") for _, attributes in read.tags}
    assert "http://" not in text and "https://" not in text and "url(" not in text and "@import" not in text
    assert not {"script", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in read.tags}
    for _, attributes in read.tags:
        assert not any(key.startswith("on") for key in attributes)
        for key in ("src", "srcset", "xlink:href", "action"):
            assert (attributes.get(key) or "data:").startswith("data:")
        assert (attributes.get("href") or "#")[1:] in {"", *ids}


def test_headings_language_and_alternatives_are_there() -> None:
    read = Reader(page(explained(FeedForward((784, 30, 10), seed=1))))
    assert read.all("html")[0]["lang"] == "en"
    assert len(read.all("h1")) == 1
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert all(attributes["alt"] for attributes in read.all("img"))
    svg = read.all("svg")[0]
    ids = {attributes.get("id") for _, attributes in read.tags}
    assert svg["role"] == "img" and set((svg["aria-labelledby"] or "").split()) <= ids


def test_numbers_and_source_on_the_page_are_those_of_the_explanation() -> None:
    found = explained(FeedForward((784, 30, 10), seed=1))
    text = (
        re.sub(r"<[^>]+>", "", page(found)).replace("&gt;", ">").replace("&lt;", "<").replace("&#x27;", "'").replace("&amp;", "&")
    )
    assert f"{found.step.cost:.6g} before the step, {found.step.cost_after:.6g} after" in text
    for section in found.sections:
        for source in section.source:
            assert source.place in text
            for number, line in source.lines:
                assert f"{number}{line}" in text


def test_the_sample_is_drawn_as_the_network_saw_it() -> None:
    network = FeedForward((784, 30, 10), seed=1)
    x, y = batch(network, 2)
    found = explain(network, x, y)
    images = [attributes["src"] or "" for attributes in Reader(page(found)).all("img")]
    assert images == [
        grey(x[0]),
        diverging(network.weights[0][found.details["followed"][2]]),
        diverging(found.step.record.w_gradient[2][found.details["followed"][2]]),
    ]
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(images[0].split(",")[1]))))
    assert np.array_equal(drawn, np.round(x[0] * 255).reshape(28, 28))


def test_the_heat_of_weights_is_blue_above_zero_and_red_below() -> None:
    values = np.zeros(64)
    values[0], values[1] = 2, -2
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(diverging(values).split(",")[1])))).astype(int)
    assert drawn[0, 0, 2] > drawn[0, 0, 0] and drawn[0, 1, 0] > drawn[0, 1, 2] and (drawn[1] == 255).all()


@pytest.mark.parametrize("sizes", [(4, 5, 3), (784, 30, 10), (784, 100, 60, 40, 20, 10), (2, 1), (1, 1, 1)])
def test_the_diagram_shows_every_layer_and_what_is_followed(sizes: tuple[int, ...]) -> None:
    found = explained(FeedForward(sizes, "tanh", seed=1), 3)
    drawn = ET.fromstring(diagram(found.graph))
    texts = ["".join(text.itertext()) for text in drawn.iter("text")]
    for layer, n in enumerate(sizes, start=1):
        assert f"layer {layer}" in texts
        assert any(text.startswith(f"{n:,} · ") for text in texts)
    titles = ["".join(title.itertext()) for title in drawn.iter("title")]
    for chosen in found.weights:
        layer, j, k = chosen.weight.layer, chosen.weight.j, chosen.weight.k
        assert any(title.startswith(f"unit {j} of layer {layer}:") for title in titles)
        assert any(title.startswith(f"unit {k} of layer {layer - 1}:") for title in titles)
        assert any(title.startswith(f"w {layer}:{j},{k} = ") for title in titles)
    assert len(list(drawn.iter("circle"))) <= 2 * 12 * len(sizes)
    _, _, width, height = map(float, drawn.attrib["viewBox"].split())
    for circle in drawn.iter("circle"):
        assert 13 <= float(circle.attrib["cx"]) <= width - 13 and 13 <= float(circle.attrib["cy"]) <= height - 44


def test_names_that_look_like_markup_stay_names() -> None:
    network = FeedForward((4, 5, 3), seed=1)
    x, y = batch(network, 3)
    text = page(explain(network, x, y, classes=["<script>alert(1)</script>", 'a"b', "c & d"]))
    assert "<script" not in text
    Reader(text)


def test_the_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    found = explained(FeedForward((4, 5, 3), seed=1))
    write_page(found, tmp_path / "new" / "page.html")
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8") == page(found)
    (tmp_path / "file").touch()
    with pytest.raises(ByhandError, match="cannot write"):
        write_page(found, tmp_path / "file" / "page.html")


def test_highlighting_changes_no_letter() -> None:
    code = "def f(a: int) -> str:\n    # 1 < 2 & more\n    return 'x' if a >= 1e-3 else None"
    lines = [re.sub(r"<[^>]+>", "", line) for line in highlighted(code)]
    assert lines == [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in code.splitlines()]
    assert '<span class="com"># 1 &lt; 2 &amp; more</span>' in highlighted(code)[1]
    assert highlighted("    return 1\n  bad(") == ["    return 1", "  bad("]
