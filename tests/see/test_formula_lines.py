"""Sums as lines: what all terms share stands in front, the lines say the same number, and nothing is invented."""

from __future__ import annotations

import numpy as np
import pytest

from byhand.costs import MINUS
from byhand.see.formula_lines import lines_of, shared_factors
from byhand.terms import Factor, Sum, single

from .test_explain import value

W, X = np.array([0.5, -2.0, 0.25]), np.array([3.0, 1.0, -4.0])
SHARE = Factor(r"\frac{1}{3}", 1 / 3)


def products(*before: Factor) -> Sum:
    scale = np.prod([one.value for one in before]) if before else 1.0
    return Sum(W * X * scale, lambda k: (*before, Factor(f"w_{{{k}}}", W[k]), Factor(f"x_{{{k}}}", X[k])))


def latex(sums: list[Sum]) -> list[str]:
    whole = sum(float(np.sum(each.values)) for each in sums)
    return [line.latex for line in lines_of("s", sums, whole)]


def test_what_all_terms_share_stands_in_front_and_the_bracket_has_its_own_value() -> None:
    lines = latex([products(SHARE)])
    assert lines[0] == r"s = \frac{1}{3} [ w_{0}\, x_{0} + w_{1}\, x_{1} + w_{2}\, x_{2} ]"
    assert lines[-2] == r"= \frac{1}{3} \cdot (-1.500)" and lines[-1] == "= -0.5000"
    assert [value(line.removeprefix("= ")) for line in lines[1:]] == pytest.approx([-0.5] * 4)


def test_a_bias_beside_a_sum_shares_nothing_with_it() -> None:
    lines = latex([products(), single(Factor("b", 0.125))])
    assert "[" not in lines[0] and lines[0].endswith("+ b") and lines[-1] == "= -1.375"


def test_a_shared_factor_that_is_0_stays_in_each_term() -> None:
    assert "[" not in latex([products(Factor("s'", 0.0))])[0]


def test_a_minus_is_a_sign_and_a_repeated_factor_a_power() -> None:
    a, y = Factor("a", 0.75), Factor("y", 0.5)
    assert latex([single(a), single(MINUS, y)])[:2] == ["s = a - y", "= 0.7500 - 0.5000"]
    assert latex([single(a, a), single(y)])[:2] == ["s = a^2 + y", "= 0.7500^2 + 0.5000"]


def test_only_a_factor_of_every_product_is_shared() -> None:
    a, b, c = (Factor(letter, 2.0) for letter in "abc")
    assert shared_factors([(a, b), (a, c)]) == [a]
    assert shared_factors([(a, b), (b, c), (a, c)]) == []
    assert shared_factors([(a,), (a, b)]) == []  # nothing would be left of the first
    assert shared_factors([(a, b)]) == []


def test_of_a_long_sum_the_front_is_shared_by_those_left_out_too() -> None:
    n = 50
    values = np.linspace(-1, 2, n)
    sums = [Sum(values / n, lambda k: (Factor(rf"\frac{{1}}{{{n}}}", 1 / n), Factor(f"d_{{{k}}}", values[k])))]
    lines = latex(sums)
    assert lines[0].startswith(r"s = \frac{1}{50} [ d_{49} + d_{48}") and r"\text{ 46 more}" in lines[0]
    assert value(lines[1].removeprefix("= ")) == pytest.approx(values.mean(), rel=1e-3)
