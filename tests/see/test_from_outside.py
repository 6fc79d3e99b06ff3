"""What a user adds outside of the package is opened by its terms, taken again from a recording, and examined by the doctor.

Nothing of byhand is changed for it: an op, an activation, an optimiser and a network by hand, each with a class of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn, optim
from byhand.activations import ACTIVATIONS, Activation
from byhand.data.dataset import Dataset
from byhand.engine.op import op
from byhand.equation import read
from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.neural_network import NeuralNetwork
from byhand.see.as_json import to_dict
from byhand.see.doctor import Patient, examine
from byhand.see.epoch_pushes import pushes_over
from byhand.see.explain import explain
from byhand.see.microscope import Microscope
from byhand.see.opaque_record import OpaqueRecord
from byhand.see.page import page
from byhand.see.step_array import StepArrays
from byhand.see.step_numbers import StepNumbers, numbers_of
from byhand.see.take_step import record_of, take_step
from byhand.terms import At, Factor, Sum, single
from byhand.training.recorder import Recorder
from byhand.training.replay import Replay

from .test_step_numbers import check, some

# ---------------------------------------------------------------- an op and a module that calls it


@op
class softened:
    r"""The soft absolute value.

    Equation:
        c = \sqrt{1 + a^2} - 1
    Gradient:
        \partial C/\partial a = \frac{a}{\sqrt{1 + a^2}}\, \delta
    Shapes:
        a: any -> c: the same
    Source:
        Charbonnier et al. (1994)
    """

    def forward(xp: Any, a: Any) -> Any:
        return xp.sqrt(1 + a * a) - 1, (a,)

    def gradient(xp: Any, saved: Any, delta: Any) -> Any:
        (a,) = saved
        return delta * a / xp.sqrt(1 + a * a)


class Soft(nn.Module):
    def __init__(self) -> None:
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x: Any) -> Any:
        return self.last(softened(self.first(x)))


# ---------------------------------------------------------------- an activation


def arctan(z: np.ndarray, out: np.ndarray) -> np.ndarray:
    return np.arctan(z, out=out)


def arctan_backward(g: np.ndarray, z: np.ndarray, a: np.ndarray, out: np.ndarray) -> np.ndarray:
    return np.divide(g, 1 + z * z, out=out)


ARCTAN = Activation(
    "arctan", r"\sigma(z) = \arctan z", r"\sigma'(z) = \frac{1}{1 + z^2}", arctan, arctan_backward, "a student's exercise"
)


@pytest.fixture(autouse=True)
def with_arctan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "arctan", ARCTAN)


# ---------------------------------------------------------------- an optimiser


class Lion(optim.Optimizer):
    r"""The sign of a running mean of the gradient.

    Equation:
        \theta \leftarrow \theta - \eta \operatorname{sign}(\beta m + (1 - \beta) g)
    Source:
        Chen et al. (2023), arXiv:2302.06675
    """

    name = "lion"
    equation = r"\theta \leftarrow \theta - \eta \operatorname{sign}(\beta m + (1 - \beta) g)"
    slots = ("m",)

    def _change(self, block: slice, theta: np.ndarray, g: np.ndarray, update: np.ndarray) -> None:
        m = self.state["m"][block]
        m *= 0.9
        m += 0.1 * g
        np.multiply(np.sign(m), -self.learning_rate, out=update)

    def state_terms(self, slot: str, before: Factor, g: Factor) -> list[Sum]:
        return [single(Factor(r"\beta", 0.9), before), single(Factor(r"(1 - \beta)", 0.1), g)]

    def change_terms(self, theta: Factor, g: Factor, state: Any) -> list[Sum]:
        m = state["m"]
        sign = Factor(r"\operatorname{sign} m", float(np.sign(m.value)), m.ref)
        return [single(Factor(r"(-\eta)", -self.learning_rate), sign)]


# ---------------------------------------------------------------- a network by hand


class Regression(NeuralNetwork):
    """Linear regression by hand: outputs x w^T, half the squared distance."""

    kind = "regression"
    by_hand = True

    def __init__(self, n_in: int, n_out: int, dtype: Any = np.float32) -> None:
        self.sizes, self.dtype = (n_in, n_out), np.dtype(dtype)
        self.parameters = np.full(n_in * n_out, 0.1, dtype)
        self.gradient = np.zeros_like(self.parameters)
        self.rng = np.random.default_rng(0)
        self.seen: dict[str, np.ndarray] = {}

    @property
    def n_inputs(self) -> int:
        return self.sizes[0]

    @property
    def n_outputs(self) -> int:
        return self.sizes[1]

    @property
    def w(self) -> np.ndarray:
        return self.parameters.reshape(self.n_outputs, self.n_inputs)

    def learn(self, x: np.ndarray, y: np.ndarray) -> float:
        r"""One forward and one backward pass.

        Equation:
            C = \frac{1}{2m} \sum_i \lVert x_i w^\top - y_i \rVert^2
        """
        x = x.reshape(len(x), -1).astype(self.dtype)
        error = x @ self.w.T - y
        self.gradient[...] = (error.T @ x / len(x)).reshape(-1)
        self.seen = {"x": x, "error": error.astype(self.dtype)}
        return float(0.5 * (error**2).sum() / len(x))

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), -1) @ self.w.T

    def predict(self, x: np.ndarray) -> Any:
        return self.forward(x).argmax(axis=1)

    def evaluate(self, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        out = self.forward(x)
        return float(0.5 * ((out - y) ** 2).sum() / len(x)), float((out.argmax(axis=1) == y.argmax(axis=1)).mean())

    def trace(self) -> dict[str, np.ndarray]:
        return dict(self.seen)

    def architecture(self) -> dict[str, Any]:
        return {"kind": self.kind, "n_in": self.n_inputs, "n_out": self.n_outputs}

    def tensors(self) -> dict[str, np.ndarray]:
        return {"w": self.w}

    def twin(self, dtype: Any = None) -> Any:
        other = type(self)(self.n_inputs, self.n_outputs, self.dtype if dtype is None else dtype)
        other.parameters[...] = self.parameters
        return other


class Silent(Regression):
    """The same, of which nothing is said."""


class RegressionRecord(OpaqueRecord):
    """What a regression lets you see of a step."""

    def __init__(self, network: Regression, tape: list[Any]) -> None:
        super().__init__(network)
        self.seen, self.answers = network.trace(), network.forward(network.trace()["x"])

    def contributions(self, name: str, at: At, m: int) -> np.ndarray:
        return self.seen["error"][:, at[0]] * self.seen["x"][:, at[1]] / m

    def describe(self, arrays: StepArrays) -> None:
        documented = read(Regression.learn)
        x = arrays.add("x", "x", "the inputs", self.seen["x"], why="It is the input.", batch=True)
        w = arrays.add_parameter("w", "w", "the weights", self.network.w, group="the layer")
        error = arrays.add("error", r"\delta", "the errors", self.seen["error"], why="It is the difference.", batch=True)
        m = len(x.values)

        def cost_terms(at: At) -> list[Sum]:
            half, flat = Factor(rf"\frac{{1}}{{{2 * m}}}", 0.5 / m), error.values.reshape(-1)
            places = list(np.ndindex(*error.values.shape))
            return [Sum(flat * flat * 0.5 / m, lambda k: (half, error.factor(places[k]), error.factor(places[k])), True)]

        def gradient_terms(at: At) -> list[Sum]:
            share = Factor(rf"\frac{{1}}{{{m}}}", 1 / m)
            products = error.values[:, at[0]] * x.values[:, at[1]] / m
            return [Sum(products, lambda i: (share, error.factor((i, at[0])), x.factor((i, at[1]))), True)]

        cost = arrays.add("C", "C", "the cost", np.array(arrays.step.cost), cost_terms, equation=documented.equation)
        arrays.add_operation("cost", "Cost", "The cost", (cost, error), [Regression.learn], [documented.equation])
        slope = r"\frac{\partial C}{\partial w@}"
        values = self.parameters(arrays.step.gradient)["w"]
        gradient = arrays.add("w.gradient", slope, "the gradient", values, gradient_terms, parameter="w")
        arrays.add_operation("backward", "the layer", "The gradient", (gradient, error, x, w), [Regression.learn], [])


record_of.register(Regression, RegressionRecord)
record_of.register(Silent, lambda network, tape: OpaqueRecord(network))

# ---------------------------------------------------------------- trained, opened, taken again, examined


@pytest.fixture(scope="module")
def iris() -> Dataset:
    return byhand.data.load("iris").train


def network(kind: str) -> Any:
    if kind == "op":
        return nn.Network(Soft(), (4,), seed=1)
    return FeedForward((4, 7, 3), "arctan", output="sigmoid", seed=1) if kind == "activation" else Regression(4, 3)


def training(kind: str, data: Dataset) -> Any:
    return byhand.steps(network(kind), data, epochs=2, batch_size=20, optimizer=Lion(0.003), seed=5)


def checked(numbers: StepNumbers, rel: float) -> set[str]:
    """Every number that has terms is their sum; the names of the arrays that have some."""
    names = set()
    for number in some(numbers, np.random.default_rng(1), each=4):
        if number.terms:
            assert number.total == pytest.approx(number.value, rel=rel, abs=1e-11), number.ref
            names.add(number.ref.name)
    return names


EXPECTED = {
    "op": {"softened", "softened.delta", "first.weight.gradient", "first.weight.m", "first.weight.change", "cross_entropy"},
    "activation": {"a2", "delta2", "w2.gradient", "w2.m", "w2.change", "C"},
    "model": {"C", "w.gradient", "w.m", "w.change", "w.after"},
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_every_number_of_it_is_opened(kind: str, iris: Dataset) -> None:
    some_of_it = iris.take(np.arange(0, 120, 20))
    step = take_step(network(kind), some_of_it.flat, some_of_it.targets(), Lion(0.01), clip_length=0.05)
    assert checked(numbers_of(step), 1e-8 if kind == "op" else 1e-11) >= EXPECTED[kind]


TOLD = {"op": "softened", "activation": "activation (arctan)", "model": "The gradient"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", EXPECTED)
def test_it_is_explained_and_its_gradient_is_proven(kind: str, iris: Dataset) -> None:
    found = explain(network(kind), iris.flat[:6], iris.targets()[:6], optimizer=Lion(0.01))
    assert any(TOLD[kind] in section.title for section in found.sections)
    assert found.weights and all(weight.proof.agrees for weight in found.weights)
    update = next(section for section in found.sections if section.stage == "update")
    assert Lion.equation in update.equations and update.source
    for weight in found.weights:
        assert abs(weight.after - weight.before) == pytest.approx(0.01)
    drawn = page(found)
    assert all(f"section-{k}" in drawn for k in range(len(found.sections))) and TOLD[kind] in drawn
    assert json.loads(json.dumps(to_dict(found)))["sections"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", EXPECTED)
def test_the_microscope_opens_the_step_that_its_training_takes(kind: str, iris: Dataset) -> None:
    def again(first: int) -> Any:
        taken = training(kind, iris)
        while taken.index < first:
            next(taken)
        return taken

    scope = Microscope(again(3), iris, again=again)
    outline = scope.outline()
    assert scope.numbers.step.cost == pytest.approx(next(again(3)).cost, rel=1e-5)
    for k in range(len(outline["operations"])):
        operation = scope.operation(k)
        assert operation["source"] and scope.picture(operation["arrays"][0]["name"], {})["values"]
    name = next(iter(scope.numbers.groups))
    place = [0] * scope.numbers.array(name).values.ndim
    pushes, epoch = scope.pushes(name, place), scope.epoch(name, place)
    assert pushes["sum"] == pytest.approx(-scope.number(f"{name}.gradient", place)["value"], rel=1e-6, abs=1e-12)
    assert epoch["last"] == 2 and (epoch["up"] or epoch["down"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", EXPECTED)
def test_a_step_of_it_is_taken_again_from_a_recording(kind: str, iris: Dataset, tmp_path: Path) -> None:
    recorded = training(kind, iris)
    byhand.fit(recorded.model, iris, training=recorded, callbacks=[Recorder(tmp_path)])
    replay = Replay(tmp_path, lambda: training(kind, iris))
    scope = Microscope(replay.at(7), iris)
    assert scope.numbers.step.cost == pytest.approx(float(replay.costs[7]), rel=1e-5)
    assert checked(scope.numbers, 1e-8) >= EXPECTED[kind]


@pytest.mark.parametrize("kind", EXPECTED)
def test_the_doctor_examines_it(kind: str, iris: Dataset) -> None:
    data = byhand.data.load("iris")
    report = examine(Patient(training(kind, data.train), data.validation, data.test))
    assert report.checks and not [finding.fault for finding in report.findings if "gradient" in finding.fault]


def test_an_output_of_a_network_by_hand_of_one_s_own_cannot_be_chosen(iris: Dataset) -> None:
    with pytest.raises(ModelError, match="what to follow cannot be chosen in a Regression"):
        explain(Regression(4, 3), iris.flat[:6], iris.targets()[:6], at=["0:1"])


def test_of_a_network_that_says_nothing_the_update_is_opened_all_the_same(iris: Dataset) -> None:
    net = Silent(4, 3)
    step = take_step(net, iris.flat[:6], iris.targets()[:6], Lion(0.01))
    numbers = numbers_of(step)
    assert checked(numbers, 1e-11) == {"w.m", "w.change", "w.after"}
    assert "register a record of it" in numbers.terms_of("w.gradient", (0, 0)).note
    assert numbers.array("w.gradient").values == pytest.approx((step.x @ net.w.T - step.y).T @ step.x / 6, rel=1e-6)
    check(numbers, numbers.terms_of("w.after", (1, 2)))
    taken = byhand.steps(net, iris, epochs=1, batch_size=20, optimizer=Lion(0.003), seed=5)
    with pytest.raises(ModelError, match="not worked out sample by sample"):
        pushes_over(taken, 2, "w", (0, 0))
