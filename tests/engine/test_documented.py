"""No op without its mathematics, and none whose gradient nobody checks."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from byhand.engine import ops
from byhand.engine.op import Op, op
from byhand.see.mathml import mathml

from .strategies import OPS

HERE = Path(__file__).parent
NAMES: list[str] = list(ops.__all__)


def unchecked(name: str) -> str:
    """Why nobody checks the gradient of this op; "" where somebody does."""
    if name in OPS:
        return ""
    family = getattr(ops, name).definition.__module__.rpartition(".")[2]
    test = HERE / f"test_{family}.py"
    if not test.is_file():
        return f"{name} is in no table of strategies.py, and there is no {test.name}"
    text = test.read_text(encoding="utf-8")
    if "check_gradient" not in text or not re.search(rf"\b{name}\b", text):
        return f"{name} is in no table of strategies.py, and {test.name} checks no gradient of it"
    return ""


@pytest.mark.parametrize("name", NAMES)
def test_every_op_has_its_gradient_checked(name: str) -> None:
    assert unchecked(name) == ""


def test_every_op_of_the_package_is_public_and_every_public_name_is_an_op() -> None:
    modules = [import_module(f"{ops.__name__}.{module.name}") for module in pkgutil.iter_modules(ops.__path__)]
    defined = {found.name for module in modules for found in vars(module).values() if isinstance(found, Op)}
    assert defined == set(NAMES)
    assert all(isinstance(getattr(ops, name), Op) and getattr(ops, name).name == name for name in NAMES)
    assert sorted(NAMES) == NAMES


def test_the_table_names_ops_that_there_are() -> None:
    assert set(OPS) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_op_says_equation_gradient_shapes_and_source(name: str) -> None:
    found = getattr(ops, name).documented()
    assert found.title.endswith(".")
    assert "=" in found.equation
    assert r"\partial C/\partial" in found.gradient and "=" in found.gradient
    assert "->" in found.shapes
    assert found.source
    assert f"class {name}:" in found.code and "def forward" in found.code and "def gradient" in found.code
    assert '"""' not in found.code
    assert (Path(inspect.getfile(Op)).parents[2] / found.file).read_text(encoding="utf-8").splitlines()[found.line - 1] == "@op"


def faults(latex: str) -> list[str]:
    """What of a formula a browser would not draw: text with a backslash is a command that nobody knew."""
    tree = ElementTree.fromstring(mathml(latex, display=True))
    return [text for text in (part.strip() for part in tree.itertext()) if "\\" in text]


@pytest.mark.slow
@pytest.mark.parametrize("part", ["equation", "gradient"])
@pytest.mark.parametrize("name", NAMES)
def test_the_mathematics_of_every_op_can_be_drawn(name: str, part: str) -> None:
    assert faults(getattr(getattr(ops, name).documented(), part)) == []


def test_a_formula_that_cannot_be_drawn_is_found() -> None:
    assert faults(r"a = \nonsense{b}") != []
    assert faults(r"a = \frac{1}{n} \sum_i b_i") == []


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_is_given_for_every_array_in_the_shapes(name: str) -> None:
    """As many equations as the op takes arrays whose gradient it gives."""
    forward = inspect.signature(getattr(ops, name).forward).parameters.values()
    arrays = [given for given in list(forward)[1:] if given.kind is given.POSITIONAL_OR_KEYWORD]
    gradient = getattr(ops, name).documented().gradient
    equations = len(re.findall(r"\\partial C/\\partial", gradient))
    if name in ("mse_loss", "huber_loss", "bce_with_logits"):  # the target's is the outputs' with the other sign
        assert equations >= 1
    elif name in ("conv_transpose2d",):
        assert equations >= 2
    else:
        assert equations >= len(arrays)


def test_an_op_that_nobody_checks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    @op
    class untested:
        """c = a"""

        def forward(xp: Any, a: Any) -> Any:
            return a, None

        def gradient(xp: Any, saved: Any, delta: Any) -> Any:
            return delta

    monkeypatch.setattr(ops, "untested", untested, raising=False)
    assert "there is no test_test_documented.py" in unchecked("untested")
    untested.definition.__module__ = "byhand.engine.ops.tensor"  # there is a test_tensor.py, which does not know it
    assert "test_tensor.py checks no gradient of it" in unchecked("untested")
