"""Explanations in notebooks: three columns, in a style that reaches nothing else."""

from __future__ import annotations

import re

import pytest

from byhand.see.chosen_step import explain_step
from byhand.see.notebook import SCOPE, scoped
from byhand.see.step_numbers import terms_of

from .examples import NETWORKS, explained


@pytest.mark.slow
@pytest.mark.parametrize("what", ["iris", "mnist-cnn", "mnist-vae", "moons-diffusion"])
def test_every_kind_of_explanation_shows_itself(what: str) -> None:
    text = explain_step(what, sample=3)._repr_html_()
    assert text.startswith(f'<div class="{SCOPE}"><style>') and text.endswith("</div>")
    assert text.count('class="columns') > 3
    for part in ("symbols", "numbers", "source"):
        assert f'class="{part}"' in text
    assert "<script" not in text and "<html" not in text and "<body" not in text


def test_its_style_is_all_under_one_class() -> None:
    text = explained(NETWORKS["iris"]())._repr_html_()
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    assert style is not None
    assert style[1].startswith(f".{SCOPE} {{") and style[1].rstrip().endswith("}")
    assert style[1].count("{") == style[1].count("}")
    assert not re.search(r"(^|[\s,}])(html|body|:root)\b", style[1])


def test_two_explanations_in_one_notebook_have_no_id_in_common() -> None:
    one, two = (explained(NETWORKS["iris"](), m)._repr_html_() for m in (2, 3))
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (one, two)]
    assert ids[0] and not ids[0] & ids[1]
    assert all(link[1:] in ids[0] for link in re.findall(r'href="(#[^"]+)"', one))


@pytest.mark.slow
def test_a_long_explanation_begins_folded() -> None:
    assert "<details open" not in explain_step("mnist-cnn", sample=3)._repr_html_()
    assert "<details open" in explained(NETWORKS["iris"]())._repr_html_()


def test_what_a_number_was_made_of_shows_itself_too() -> None:
    made = terms_of(explained(NETWORKS["nielsen"]()), "z2", (0, 5))
    text = made._repr_html_()
    assert text.count("<tr>") == 1 + len(made.terms) + 1
    assert f"and {made.others} further terms" in text and "<math" in text


def test_media_queries_stay_inside() -> None:
    assert scoped("@media print { :root { --a: 1 } body { max-width: 2rem; } }").startswith(f".{SCOPE} {{\n@media print {{ &")
