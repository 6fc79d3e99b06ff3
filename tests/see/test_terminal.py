"""The explanation in a terminal: it fits, and its formulas read as mathematics."""

from __future__ import annotations

import io
from itertools import product

import pytest
from rich.cells import cell_len
from rich.console import Console

from byhand.feedforward import FeedForward
from byhand.see.terminal import render, render_short
from byhand.see.unicode_math import plain

from .examples import NETWORKS, OPTIMIZERS, explained


def printed(width: int = 80, *, name: str = "nielsen", m: int = 10, source: bool = True, **settings: object) -> str:
    file = io.StringIO()
    render(explained(NETWORKS[name](), m, **settings), Console(file=file, width=width), source=source)
    return file.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "m"), list(product(NETWORKS, (1, 10))))
def test_nothing_is_wider_than_the_terminal(name: str, m: int) -> None:
    for kind in OPTIMIZERS:
        text = printed(name=name, m=m, optimizer=OPTIMIZERS[kind](), clip=0.3)
        assert max(cell_len(line) for line in text.splitlines()) <= 80
        assert "\\" not in text


def test_it_says_every_part_in_order() -> None:
    text = printed()
    parts = ["─ Forward ─", "Layer 2: weighted input", "─ Cost ─", "─ Backward ─", "BP1, layer 3", "BP3", "BP4", "BP2, layer 2"]
    parts += ["─ Update ─", "─ Proof ─", "agrees", "pushed it most"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


@pytest.mark.parametrize(("name", "m"), list(product(NETWORKS, (1, 10))))
def test_in_short_it_is_a_screenful_with_the_proof(name: str, m: int) -> None:
    file = io.StringIO()
    render_short(explained(NETWORKS[name](), m), Console(file=file, width=100))
    lines = file.getvalue().splitlines()
    assert 20 <= len(lines) <= 36 and max(map(cell_len, lines)) <= 100
    for part in ("weighted input", "activation", "The cost", "BP1", "BP4", "Update", "agrees", "--full"):
        assert any(part in line for line in lines), part


@pytest.mark.slow
def test_source_is_left_out_when_nobody_wants_it() -> None:
    assert "byhand/feedforward.py:" in printed()
    assert "byhand/feedforward.py:" not in printed(source=False)


def test_class_names_with_brackets_are_printed_as_they_are() -> None:
    file = io.StringIO()
    found = explained(FeedForward((4, 5, 3), seed=1), 3, classes=["[red]a[/]", "[/b]", "c"])
    render(found, Console(file=file, width=200))
    assert any(name in file.getvalue() for name in ("([red]a[/])", "([/b])"))


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"z^l = a^{l-1} (w^l)^\top + b^l", "zˡ = aˡ⁻¹ (wˡ)ᵀ + bˡ"),
        (r"\delta^L = \nabla_a C \odot \sigma'(z^L)", "δᴸ = ∇ₐ C ⊙ σ'(zᴸ)"),
        (r"\frac{\partial C}{\partial b^l} = \frac{1}{m} \sum_{i=1}^{m} \delta^l_i", "∂C/∂bˡ = 1/m ∑ᵢ₌₁ᵐ δˡᵢ"),
        (r"\theta \leftarrow \theta - \eta\,\frac{\hat m}{\sqrt{\hat v} + \epsilon}", "θ ← θ - η m̂/(√v̂ + ϵ)"),
        (r"C = \frac{1}{2m} \lVert a^L_i - y_i \rVert^2", "C = 1/(2m) ‖aᴸᵢ - yᵢ ‖²"),
        (r"w^{2}_{5,100}", "w²₅,₁₀₀"),
        (r"-3.200 \times 10^{-7}", "-3.200 × 10⁻⁷"),
        (r"e^{-0.48}", "e^(-0.48)"),
        (r"\ln a^L_j", "ln aᴸⱼ"),
        (r"1 \text{ if } z > 0", "1 if z > 0"),
        (r"\frac{(C(w + h)) - 1}{2h}", "((C(w + h)) - 1)/(2h)"),
        (r"\sqrt{0.5}", "√0.5"),
        (r"\left[+\,x\right]", "[+ x]"),
        (r"\unknown x", "unknown x"),
        ("a_{W}", "a_W"),
        ("{", ""),
        ("", ""),
        ("x^", "x^()"),
        (r"\frac", "()/()"),
    ],
)
def test_formulas_in_plain_text(latex: str, text: str) -> None:
    assert plain(latex) == text
