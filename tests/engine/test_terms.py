"""The terms of every op are true: they add up to what it computed, and to what it handed back; each is its factors' product."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand.engine import Tensor, ops, watch
from byhand.engine.call import Call, call_of
from byhand.engine.op import op
from byhand.terms import At, Sum, largest_terms

from .strategies import OPS

PLACES = 3
few = settings(max_examples=max(5, settings().max_examples // 5))


def total(sums: list[Sum]) -> float:
    return math.fsum(float(value) for each in sums for value in np.asarray(each.values, np.float64).reshape(-1))


def places(shape: At, rng: np.random.Generator) -> list[At]:
    return [tuple(int(rng.integers(n)) for n in shape) for _ in range(PLACES if shape else 1)]


def called(name: str, inputs: list[Any], options: dict[str, Any]) -> Call:
    """One call on the tape, with an error come back to it."""
    with watch() as tape:
        out = getattr(ops, name)(*(Tensor(x.copy(), requires_grad=True) for x in inputs), **options)
        if out.size:
            (out * np.random.default_rng(3).standard_normal(out.shape)).sum().backward()
    return call_of(next(node for node in tape if node.op.name == name))


def check(sums: list[Sum], value: float, tolerance: float) -> None:
    assert total(sums) == pytest.approx(value, rel=tolerance, abs=tolerance)
    for term in largest_terms(sums)[0]:
        assert math.prod(factor.value for factor in term.factors) == pytest.approx(term.value, rel=1e-9, abs=1e-300)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPS)
@few
@given(data=st.data())
def test_the_terms_of_an_op_add_up_to_its_numbers(name: str, data: st.DataObject) -> None:
    drawn = data.draw(OPS[name].calls)
    call, rng = called(name, drawn.inputs, drawn.options), np.random.default_rng(1)
    if not call.output.values.size or call.delta is None:
        return
    own = call.op.said("gradient_terms") or call.op.said("formula")
    for at in places(call.output.values.shape, rng):
        check(call.terms(at), float(call.output.values[at]), 1e-11)
    back = call.op.gradient
    saved = call.op.forward(np, *(array.copy() for array in drawn.inputs), **drawn.options)[1]
    delta = call.error.values
    wanted = [operand is not None for operand in call.operands]  # of a plain number none
    gradients = back(np, saved, delta, wanted) if call.op.selective else back(np, saved, delta)
    for slot, gradient in enumerate(gradients if isinstance(gradients, tuple) else (gradients,)):
        if gradient is not None and gradient.size:
            for at in places(gradient.shape, rng):
                check(call.gradient_terms(slot, at), float(gradient[at]), 1e-10 if own else 1e-6)


@op
class halved:
    """An op of a user's that says nothing but its mathematics.

    Equation:
        c = a / 2
    Gradient:
        \\partial C/\\partial a = \\delta / 2
    Shapes:
        a: any -> c: the same
    Source:
        an exercise
    """

    def forward(xp: Any, a: Any) -> Any:
        return a / 2, None

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        return delta / 2


def test_a_linear_op_that_says_nothing_has_its_true_terms() -> None:
    with watch() as tape:
        halved(Tensor(np.array([3.0, 5.0]), requires_grad=True)).sum().backward()
    call = call_of(tape[0])
    (term,), others, rest = largest_terms(call.terms((1,)))
    assert (term.value, others, rest) == (2.5, 0, 0.0)
    assert [(factor.symbol, factor.value) for factor in term.factors] == [("0.5", 0.5), ("a_{1}", 5.0)]
    assert total(call.gradient_terms(0, (1,))) == pytest.approx(0.5, rel=1e-9)


def test_a_function_of_one_number_shows_its_formula_with_the_number_in_it() -> None:
    call = called("sigmoid", [np.array([0.5])], {})
    (term,), *_ = largest_terms(call.terms((0,)))
    assert term.factors[0].worked == r"\frac{1}{1 + e^{-0.5000}}"
