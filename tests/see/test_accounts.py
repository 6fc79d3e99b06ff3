"""Every kind of network gives its account through one registered function; what comes out is data that any renderer reads."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from byhand import nn
from byhand.activations import ACTIVATIONS, Activation
from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.formula import number
from byhand.models.autoencoder import Autoencoder
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.vae import VAE
from byhand.see import accounts
from byhand.see.accounts import Request, gives_account
from byhand.see.as_json import to_dict
from byhand.see.explain import explain
from byhand.see.explanation import Explanation
from byhand.see.page import page
from byhand.see.step_numbers import numbers_of
from byhand.see.terminal import render, render_short
from byhand.see.weight import parse_weight

from .test_page import Reader

X, Y = np.linspace(0, 1, 3 * 36).reshape(3, 36), np.eye(3)
KINDS: dict[str, Any] = {
    "layers": lambda: FeedForward((36, 5, 3), seed=1),
    "modules": lambda: nn.Network(nn.Sequential(nn.Linear(36, 5), nn.ReLU(), nn.Linear(5, 3)), (36,), seed=1),
    "autoencoder": lambda: Autoencoder(36, (7,), 2, seed=1),
    "vae": lambda: VAE(36, (7,), 2, seed=1),
    "diffusion": lambda: DiffusionNetwork(MLPDenoiser(36, width=8, depth=1, classes=3), (36,), seed=1),
}


def explained(kind: str) -> Explanation:
    return explain(KINDS[kind](), X, Y, indices=[7, 8, 9], classes=["one", "two", "three"], clip=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_one_class_one_page_one_terminal_and_one_json_tell_every_kind(kind: str) -> None:
    found = explained(kind)
    assert type(found) is Explanation
    assert [section.stage for section in found.sections] == [
        stage.name for stage in found.stages for _ in found.stage(stage.name)
    ]  # every section is of a stage, and they stand in the order of the stages
    said, read, wide = json.loads(json.dumps(to_dict(found), allow_nan=False)), Reader(page(found)), io.StringIO()
    render(found, Console(file=wide, width=400))
    for section in found.sections:
        assert section.title in read.words["h3"]
        assert section.title in wide.getvalue()
    for stage in found.stages:
        assert stage.idea.endswith((".", ":"))
        assert stage.idea in read.words["p"] and stage.idea in wide.getvalue()
    assert [section["title"] for section in said["sections"]] == [section.title for section in found.sections]
    assert [section["why"] for section in said["sections"]] == [section.why for section in found.sections]
    assert "The gradient is clipped" in {section.title for section in found.stage("backward")}
    assert found.weights and all(followed.proof.agrees for followed in found.weights)
    assert [weight["agrees"] for weight in said["weights"]] == [True] * len(found.weights)
    for name, value in found.facts():
        assert name in read.words["dt"] and (name == "Network" or f"{name}: {value}" in wide.getvalue())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_in_short_every_kind_is_told_in_a_screenful_with_its_proof(kind: str) -> None:
    text = io.StringIO()
    render_short(replace(explained(kind), provenance="as drawn, not trained"), Console(file=text, width=120))
    lines = text.getvalue().splitlines()
    assert len(lines) <= 36 and lines[1].strip() == "Weights as drawn, not trained"
    assert any(line.startswith("Proof:") for line in lines) and any("cost" in line.lower() for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_parameter_has_each_of_the_names_that_the_table_gives_it(kind: str) -> None:
    found = explained(kind)
    network, arrays = found.step.network, numbers_of(found).arrays
    tensors = dict(network.tensors())
    rows = [dict(zip(found.names.heads, map(str, row), strict=True)) for row in found.names.rows]
    for row in rows:
        if "model file, microscope" in row:
            row["model file"] = row["microscope"] = row["model file, microscope"]
    assert len(rows) == len({row["model file"] for row in rows}) >= 4
    for row in rows:
        shape = tensors[row["model file"]].shape
        assert row["shape"] == " × ".join(map(str, shape))
        assert arrays[row["microscope"]].values.shape == shape
        if "Python" in row:
            assert np.array_equal(eval(row["Python"], {"network": network}), tensors[row["model file"]])
        option = re.sub(r"\b[i-n]\b", "0", row["--weight" if kind == "layers" else "--number"])
        if kind == "layers" and option:
            layer = parse_weight(option).layer
            assert (network.weights[layer - 2] == tensors[row["model file"]]).all()
        elif option:
            assert option.rpartition(":")[0] == row["model file"] and option.count("0,") >= len(shape) - 1


@pytest.mark.parametrize("kind", ["layers", "autoencoder", "vae"])
def test_each_of_the_four_equations_has_its_idea_and_the_book_s_form(kind: str) -> None:
    found = explained(kind)
    assert "z = a wᵀ is the book's z = w a, transposed" in found.counting
    for name, book in (
        ("weighted input", r"z^l = w^l a^{l-1} + b^l"),
        ("BP1", ""),
        ("BP2", r"\delta^l = \left((w^{l+1})^\top \delta^{l+1}\right) \odot \sigma'(z^l)"),
        ("BP3", r"\frac{\partial C}{\partial b^l_j} = \delta^l_j"),
        ("BP4", r"\frac{\partial C}{\partial w^l_{jk}} = a^{l-1}_k\, \delta^l_j"),
    ):
        sections = [section for section in found.sections if name in section.title]
        assert sections
        for section in sections:
            assert section.why.endswith(".") and section.book == book
    text = io.StringIO()
    render(found, Console(file=text, width=120))
    assert "(in the book)" in text.getvalue() and page(found).count("in the book</span>") >= 4


@pytest.mark.slow
def test_a_result_knows_nothing_of_its_drawing() -> None:
    code = (
        "import sys, byhand.see.explanation, byhand.see.section, byhand.see.accounts\n"
        "drawing = {'rich', 'PIL', 'latex2mathml', 'byhand.see.page', 'byhand.see.terminal', 'byhand.see.notebook'}\n"
        "sys.exit(', '.join(drawing & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


# ---------------------------------------------------------------- networks and activations of one's own


class Scaled:
    """A network of a single number, made outside of the package: y = s x."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)


def test_a_network_of_one_s_own_gives_its_account_from_outside_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "ACCOUNTS", dict(accounts.ACCOUNTS))
    told: list[Request] = []

    @gives_account(Scaled, called="a scale", option="at", advice="name a sample instead, as in --at 3")
    def explain_scaled(network: Scaled, request: Request) -> Explanation:
        told.append(request)
        return explain(FeedForward((36, 3), seed=1), request.x, request.y)

    found = explain(Scaled(), X, Y, at=["1"])
    assert found.sections and (told[0].at, told[0].indices) == (["1"], (0, 1, 2))
    assert "<table" in found._repr_html_()
    with pytest.raises(ModelError, match="but this is a scale: name a sample instead, as in --at 3"):
        explain(Scaled(), X, Y, weights=["2:0,0"])


def test_a_subclass_is_explained_as_what_it_comes_from_and_a_stranger_is_refused_in_one_line() -> None:
    class Mine(FeedForward):
        pass

    assert explain(Mine((36, 3), seed=1), X, Y).details["sizes"] == [36, 3]
    with pytest.raises(ModelError, match="explain does not know a list: give one of Autoencoder, DiffusionNetwork") as refused:
        explain([], X, Y)
    assert "\n" not in str(refused.value)


def square(z: Any, out: Any) -> Any:
    return np.multiply(z, z, out=out)


def square_backward(g: Any, z: Any, a: Any, out: Any) -> Any:
    return np.multiply(g, 2 * z, out=out)


def square_formula(z: float) -> tuple[str, float]:
    return f"({number(z)})^2", z * z


@pytest.mark.parametrize("formula", [square_formula, None])
def test_an_activation_of_one_s_own_is_worked_out_by_its_formula_or_else_by_its_number(
    formula: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Activation("square", r"\sigma(z) = z^2", r"\sigma'(z) = 2z", square, square_backward, "mine", formula=formula)
    monkeypatch.setitem(ACTIVATIONS, "square", mine)
    found = explain(FeedForward((36, 5, 3), "square", output="sigmoid", seed=1), X, Y)
    section = next(section for section in found.stage("forward") if section.title == "Layer 2: activation (square)")
    z = found.step.record.z[2][0, found.details["followed"][2]]
    shown = f"({number(z)})^2" if formula else rf"\sigma({number(z)})"
    assert section.numbers[1].pieces[-1] == f"= {shown}"
    assert section.numbers[-1].value == pytest.approx(z * z, rel=1e-12)
    assert all(followed.proof.agrees for followed in found.weights)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_s_formula_gives_what_it_computes(name: str) -> None:
    activation, row = ACTIVATIONS[name], np.array([-800.0, -2.0, 0.5, 3.0, 60.0])
    computed = activation.forward(row[None].copy(), np.empty((1, 5)))[0]
    for j, value in enumerate(computed):
        latex, worked = activation.worked_out(row, j)
        assert worked == pytest.approx(value, rel=1e-12, abs=1e-300) and latex
