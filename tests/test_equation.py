"""The mathematics in the docstrings is found there, with the place and the code of its function."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import byhand
from byhand import equation, feedforward
from byhand.errors import ModelError

FUNCTIONS = [
    feedforward.weighted_input,
    feedforward.activate,
    feedforward.output_error,
    feedforward.backpropagated_error,
    feedforward.bias_gradient,
    feedforward.weight_gradient,
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_every_step_of_the_network_says_its_equation_shapes_source_and_place(function: object) -> None:
    found = equation.read(function)  # type: ignore[arg-type]
    assert "=" in found.equation and "\n" not in found.equation
    assert "->" in found.shapes
    assert found.source.startswith("Nielsen (2015)")
    line = (Path(byhand.__file__).parent.parent / found.file).read_text(encoding="utf-8").splitlines()[found.line - 1]
    assert line.startswith(f"def {function.__name__}(")  # type: ignore[attr-defined]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_the_code_shown_is_the_functions_own_without_its_docstring(function: object) -> None:
    found = equation.read(function)  # type: ignore[arg-type]
    assert '"""' not in found.code and found.code.startswith("def ")
    assert "return" in found.code.splitlines()[-1]
    shown = [line for line in found.code.splitlines() if line.strip()]
    assert set(shown) <= set(inspect.getsource(function).splitlines())  # type: ignore[arg-type]
    compile(found.code, found.file, "exec")


def test_a_function_without_an_equation_is_refused() -> None:
    with pytest.raises(ModelError, match="relu has no 'Equation:' in its docstring"):
        equation.read(byhand.feedforward.activations.relu)
