"""How a number was computed is true: its terms add up to it, each is its factors' product, each factor what it names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from byhand import nn, optim
from byhand.engine import ops
from byhand.engine.op import op
from byhand.errors import ModelError
from byhand.see.explain import explain
from byhand.see.number_terminal import parse_number
from byhand.see.step_numbers import StepNumbers, numbers_of, terms_of
from byhand.see.sum_of_terms import SumOfTerms
from byhand.terms import Factor, Ref, Sum, indexed, single

from . import network_examples
from .examples import NETWORKS, OPTIMIZERS, batch, explained


def check(numbers: StepNumbers, made: SumOfTerms) -> None:
    """Its terms add up to the number, and are what their factors say."""
    assert made.total == pytest.approx(made.value, rel=1e-11, abs=1e-13), made.ref
    for term in made.terms:
        assert math.prod(factor.value for factor in term.factors) == pytest.approx(term.value, rel=1e-10, abs=1e-300), made.ref
        for factor in term.factors:
            if factor.ref is None:
                continue
            array, at = numbers.at(factor.ref.name, factor.ref.at)
            if factor.symbol.endswith(indexed("", at)) and factor.symbol[0] not in "\\p":  # itself, and no function of it
                assert factor.value == array.values[at], (made.ref, factor)
    sizes = [abs(term.value) for term in made.terms]
    assert sizes == sorted(sizes, reverse=True)


def some(numbers: StepNumbers, rng: np.random.Generator, each: int = 3) -> list[SumOfTerms]:
    """Numbers of every array that is computed, anywhere in it."""
    found = []
    for array in numbers.arrays.values():
        if array.terms is not None:
            for _ in range(each):
                found.append(numbers.terms_of(array.name, [int(rng.integers(n)) for n in array.values.shape]))
    return found


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_number_of_a_feed_forward_step_is_the_sum_of_its_terms(name: str, kind: str) -> None:
    numbers = numbers_of(explained(NETWORKS[name](), 5, optimizer=OPTIMIZERS[kind](), clip=0.05))
    for made in some(numbers, np.random.default_rng(1)):
        assert made.terms
        check(numbers, made)


@pytest.mark.slow
@pytest.mark.parametrize("name", network_examples.NAMES)
def test_every_number_of_a_network_of_modules_is_the_sum_of_its_terms(name: str) -> None:
    numbers = numbers_of(network_examples.explained(name))
    cost = f"{numbers.operations[len(numbers.step.record.ops) - 1].short}.delta"  # type: ignore[union-attr]
    for made in some(numbers, np.random.default_rng(2), each=5):
        if made.ref.name == cost:
            assert made.terms == () and made.value == 1
            continue
        assert made.terms, made.note
        check(numbers, made)


def test_the_terms_of_a_layer_are_those_of_numpy() -> None:
    found = explained(NETWORKS["decayed"](), 6)
    step = found.step
    made = terms_of(found, "z2", (4, 3), most=1000)
    products = sorted(
        [*(step.record.w[2][3] * step.record.a[1][4]).tolist(), float(step.record.b[2][3])], key=lambda value: -abs(value)
    )
    assert [term.value for term in made.terms] == [value for value in products if value]
    weight = terms_of(found, "w2.gradient", (3, 7))
    each = step.record.delta[2][:, 3] * step.record.a[1][:, 7] / 6
    decay = 0.01 * step.record.w[2][3, 7] + 0.002 * np.sign(step.record.w[2][3, 7])
    assert weight.value == pytest.approx(each.sum() + decay, rel=1e-12)
    error = terms_of(found, "delta2", (0, 3))
    by_hand = sum(step.record.w[3][k, 3] * step.record.delta[3][0, k] * (step.record.z[2][0, 3] > 0) for k in range(3))
    assert error.total == pytest.approx(by_hand, rel=1e-12)


def test_one_can_drill_from_the_change_of_a_weight_down_to_the_data() -> None:
    numbers = numbers_of(explained(NETWORKS["nielsen"](), 4, optimizer=OPTIMIZERS["adam"]()))
    name, at, way = "w2.after", (5, 400), []
    while True:
        made = numbers.terms_of(name, at)
        way.append(name)
        refs = [factor.ref for term in made.terms for factor in term.factors if factor.ref is not None]
        onward = [ref for ref in refs if ref.name not in way and not numbers.array(ref.name).why]
        ends = {ref.name for ref in refs if numbers.array(ref.name).why}
        if not onward:
            break
        name, at = onward[0].name, onward[0].at
    assert way[:3] == ["w2.after", "w2.change", "w2.m"]
    assert {"w2.gradient", "delta2"} <= set(way)
    assert ends & {"a1", "w2", "y", "b2"}


def test_what_is_given_says_so_instead() -> None:
    found = explained(NETWORKS["iris"]())
    assert terms_of(found, "a1", (0, 1)).terms == ()
    assert "input" in terms_of(found, "a1", (0, 1)).note
    assert math.isnan(terms_of(found, "w2", (0, 1)).total)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn", "strided", "rows", "transformer", "up and down"])
def test_the_pushes_of_all_samples_are_the_gradient(name: str) -> None:
    numbers, rng = numbers_of(network_examples.explained(name)), np.random.default_rng(3)
    for parameter in numbers.groups:
        gradient = numbers.array(f"{parameter}.gradient").values
        at = tuple(int(rng.integers(n)) for n in gradient.shape)
        pushes = numbers.pushes(parameter, at)
        assert pushes.shape == (numbers.m,)
        assert -pushes.sum() == pytest.approx(gradient[at], rel=1e-10, abs=1e-14)


def test_the_pushes_on_a_weight_are_those_of_the_explanation_and_leave_weight_decay_out() -> None:
    found = explained(NETWORKS["decayed"](), 3, weights=["2:4,10"])
    pushes = numbers_of(found).pushes("w2", (4, 10))
    named = {push.index: push.value for push in (*found.weights[0].up, *found.weights[0].down)}
    assert {i: value for i, value in enumerate(pushes) if value} == pytest.approx(named)
    assert -pushes.sum() != pytest.approx(float(found.step.record.w_gradient[2][4, 10]), rel=1e-6)


class Odd(nn.Module):
    """A module with ops that say nothing of their terms, one of them not byhand's."""

    def __init__(self) -> None:
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        h = self.first(x)
        return self.last(cubed(ops.logsumexp(ops.matmul(h, h.transpose()), axis=-1, keepdims=True) * h))


@op
class cubed:
    r"""The third power.

    Equation:
        c = a^3
    Gradient:
        \partial C/\partial a = 3 a^2 \delta
    Shapes:
        a: any -> c: the same
    Source:
        a student's exercise
    """

    def forward(xp: Any, a: Any) -> Any:
        return a**3, (a,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (a,) = saved
        return 3 * a * a * delta


@pytest.mark.slow
def test_an_op_that_says_nothing_of_its_terms_is_opened_by_what_it_computes() -> None:
    net = nn.Network(Odd(), (4,), seed=1)
    numbers = numbers_of(explain(net, np.random.default_rng(0).random((3, 4)), np.eye(3)))
    checked = set()
    for made in some(numbers, np.random.default_rng(4), each=4):
        if made.ref.name == "cross_entropy.delta":
            continue
        assert made.terms
        assert made.total == pytest.approx(made.value, rel=1e-8, abs=1e-10), made.ref
        checked.add(made.ref.name)
    assert {"cubed", "cubed.delta", "logsumexp", "matmul", "first.weight.gradient"} <= checked


@pytest.mark.parametrize(
    ("name", "at", "said"),
    [
        ("z9", (0, 0), "no array 'z9'"),
        ("z2", (0,), "z2 has no number [0]: its shape is (10, 5)"),
        ("z2", (0, 5), "z2 has no number [0, 5]"),
        ("z2", (-1, 0), "z2 has no number [-1, 0]"),
        ("C", (0,), "it is one number, without indices"),
    ],
)
def test_a_number_that_there_is_not_is_refused_in_one_line(name: str, at: tuple[int, ...], said: str) -> None:
    with pytest.raises(ModelError) as refused:
        terms_of(explained(NETWORKS["iris"]()), name, at)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_only_a_parameter_is_pushed() -> None:
    x, y = batch(NETWORKS["iris"](), 2)
    assert x.shape == (2, 4) and y.shape == (2, 3)
    with pytest.raises(ModelError, match="z2 is not a parameter: choose one, as w2"):
        numbers_of(explained(NETWORKS["iris"]())).pushes("z2", (0, 0))


@pytest.mark.parametrize("text", ["z2:", "z2:a", "", "z2 0,5", "z2:1,,2"])
def test_a_number_named_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="is not NAME:I,J"):
        parse_number(text)


def test_the_whole_explanation_need_not_be_taken_apart_at_each_question() -> None:
    found = explained(NETWORKS["nielsen"](), 4)
    assert terms_of(found, "C").total == pytest.approx(found.step.cost)
    assert numbers_of(found).arrays.keys() == numbers_of(found.step).arrays.keys()


class Signed(optim.Optimizer):
    r"""The sign of the gradient, as a user might write it: it says nothing of its terms.

    Equation:
        \theta \leftarrow \theta - \eta \operatorname{sign} g
    Source:
        Bernstein et al. (2018)
    """

    name = "signed"
    equation = r"\theta \leftarrow \theta - \eta \operatorname{sign} g"

    def _change(self, block: slice, theta: np.ndarray, g: np.ndarray, update: np.ndarray) -> None:
        np.multiply(np.sign(g), -self.learning_rate, out=update)


class Spoken(Signed):
    """The same, which says them."""

    def change_terms(self, theta: Factor, g: Factor, state: Any) -> list[Sum]:
        sign = Factor(r"\operatorname{sign} g", float(np.sign(g.value)), g.ref)
        return [single(Factor(r"(-\eta)", -self.learning_rate), sign)]


@pytest.mark.parametrize("kind", [Signed, Spoken])
def test_an_optimiser_of_one_s_own_is_explained_and_opened(kind: type[optim.Optimizer]) -> None:
    found = explained(NETWORKS["iris"](), 4, optimizer=kind(0.1))
    update = found.stage("update")[0]
    assert update.equations == (Signed.equation,) and update.numbers[-1].value == found.weights[0].after
    assert "def _change" in update.source[0].code
    made = terms_of(found, "w2.change", (0, 0))
    assert abs(made.value) == pytest.approx(0.1)
    if kind is Spoken:
        assert made.total == pytest.approx(made.value)
        assert made.terms[0].factors[1].ref == Ref("w2.gradient", (0, 0))
    else:
        assert made.terms == () and made.note.startswith("The optimiser does not say")
