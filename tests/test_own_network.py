"""A kind of network from outside of the package: trained, saved, read again, evaluated, examined, recorded and replayed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

import byhand
from byhand import optim
from byhand.backend import Array, float_type, generator
from byhand.errors import ModelError
from byhand.modelfile import Model, load_model, save_model
from byhand.network_kinds import KINDS, NetworkKind, check_options, register
from byhand.neural_network import LayerOutput, NeuralNetwork
from byhand.see.doctor import examine
from byhand.see.doctor.patient import from_recipe as patient_of
from byhand.training.evaluate import evaluate
from byhand.training.recipes import Recipe
from byhand.training.replay import open_recording
from byhand.training.run import run
from byhand.web.telemetry import layers


class Maxout(NeuralNetwork):
    """Softmax over the larger of two linear answers for each class: Goodfellow et al. (2013), arXiv:1302.4389, eq. 1."""

    kind = "maxout"

    def __init__(self, n: int, classes: int, *, bias: bool = True, seed: int = 0, dtype: Any = np.float32) -> None:
        self.n, self.k, self.bias, self.dtype = n, classes, bias, float_type(dtype)
        self.parameters = np.zeros(2 * classes * (n + bias), self.dtype)
        self.gradient = np.zeros_like(self.parameters)
        rng = generator(seed, "maxout")
        self.parts()[0][...] = rng.standard_normal((2 * classes, n)) / np.sqrt(n)
        self.rng = generator(seed, "dropout")
        self.a = np.zeros((0, 2 * classes), self.dtype)

    def parts(self, flat: Array | None = None) -> tuple[Array, Array]:
        """Weights (2 K, n) and biases (2 K,), as views."""
        flat = self.parameters if flat is None else flat
        return flat[: 2 * self.k * self.n].reshape(2 * self.k, self.n), flat[2 * self.k * self.n :]

    def _both(self, x: Array) -> Array:
        w, b = self.parts()
        return x @ w.T + (b if self.bias else 0)

    def forward(self, x: Array) -> Array:
        z = self._both(np.asarray(x, self.dtype)).reshape(-1, 2, self.k).max(axis=1)
        p = np.exp(z - z.max(axis=1, keepdims=True))
        return np.asarray(p / p.sum(axis=1, keepdims=True))

    def learn(self, x: Array, y: Array) -> float:
        self.a = self._both(x)
        taken = self.a.reshape(-1, 2, self.k).argmax(axis=1)
        p = self.forward(x)
        delta = np.zeros((len(x), 2, self.k), self.dtype)
        np.put_along_axis(delta, taken[:, None], ((p - y) / len(x))[:, None], axis=1)
        delta = delta.reshape(len(x), -1)
        of_w, of_b = self.parts(self.gradient)
        of_w[...] = delta.T @ x
        if self.bias:
            of_b[...] = delta.sum(axis=0)
        return self._cost(p, y)

    def _cost(self, p: Array, y: Array) -> float:
        return float(-np.log(np.maximum((p * y).sum(axis=1), 1e-30)).mean())

    def evaluate(self, x: Array, y: Array) -> tuple[float, float]:
        p = self.forward(x)
        return self._cost(p, y), float((p.argmax(axis=1) == np.asarray(y).argmax(axis=1)).mean())

    def architecture(self) -> dict[str, Any]:
        return {"kind": self.kind, "n": self.n, "classes": self.k, "bias": self.bias}

    def tensors(self) -> dict[str, Array]:
        w, b = self.parts()
        return {"both.weight": w} | ({"both.bias": b} if self.bias else {})

    @property
    def n_inputs(self) -> int:
        return self.n

    @property
    def n_outputs(self) -> int:
        return self.k

    @property
    def cost_name(self) -> str:
        return "cross_entropy"

    @property
    def output_activation(self) -> str:
        return "softmax"

    def layer_outputs(self) -> list[LayerOutput]:
        return [LayerOutput("both", "identity", self.a, True)]

    def twin(self, dtype: Any = None) -> Self:
        other = copy.deepcopy(self)
        other.dtype = self.dtype if dtype is None else float_type(dtype)
        other.parameters, other.gradient = (flat.astype(other.dtype) for flat in (self.parameters, self.gradient))
        return other

    def __repr__(self) -> str:
        return f"Maxout({self.n} -> {self.k})"


def read(architecture: dict[str, Any], dtype: Any) -> Maxout:
    return Maxout(architecture["n"], architecture["classes"], bias=architecture["bias"], dtype=dtype)


def build(recipe: Any, train: Any, dtype: Any, device: str) -> Maxout:
    check_options(recipe, ["bias"])
    return Maxout(train.flat.shape[1], train.n_classes, seed=recipe.seed, dtype=dtype, **recipe.model_options)


@pytest.fixture(autouse=True)
def registered() -> Any:
    register(NetworkKind(Maxout.kind, read=read, build=build, settings=("model_options",), by_hand=True))
    yield
    del KINDS[Maxout.kind]


RECIPE: dict[str, Any] = {"name": "mine", "data": "iris", "model": "maxout", "optimizer": "adam", "lr": 0.02, "epochs": 20}


def test_its_gradient_is_right() -> None:
    rng = np.random.default_rng(0)
    net = Maxout(4, 3, seed=1, dtype=np.float64)
    x, y = rng.standard_normal((6, 4)), np.eye(3)[rng.integers(0, 3, 6)]
    net.learn(x, y)
    gradient, theta = net.gradient.copy(), net.parameters.copy()
    for i in range(len(theta)):
        costs = []
        for h in (1e-6, -1e-6):
            net.parameters[...] = theta
            net.parameters[i] += h
            costs.append(net.learn(x, y))
        assert (costs[0] - costs[1]) / 2e-6 == pytest.approx(gradient[i], abs=1e-8)


def test_it_is_trained_with_fit_and_evaluated_by_its_purpose() -> None:
    iris = byhand.data.load("iris")
    net = Maxout(4, 3, seed=1)
    history = byhand.fit(net, iris.train, validation=iris.test, epochs=20, optimizer=optim.Adam(0.02), seed=1)
    assert history.epochs[-1].cost < history.epochs[0].cost / 2
    measured = evaluate(Model(net, iris.train.class_names), iris.test)
    assert measured.accuracy == net.evaluate(iris.test.flat, iris.test.targets())[1] > 0.9
    assert measured.confusion.sum() == 30


def test_it_is_saved_and_read_again(tmp_path: Path) -> None:
    net = Maxout(4, 3, bias=False, seed=1)
    save_model(tmp_path / "mine.safetensors", Model(net, ("a", "b", "c")))
    again = load_model(tmp_path / "mine.safetensors")
    assert isinstance(again.network, Maxout) and again.class_names == ("a", "b", "c")
    x = np.random.default_rng(0).standard_normal((5, 4))
    assert np.array_equal(again.classifier.forward(x), net.forward(x))
    del KINDS["maxout"]
    with pytest.raises(ModelError, match="import the module that registers it"):
        load_model(tmp_path / "mine.safetensors")
    register(NetworkKind("maxout", read=read, build=build))


def test_a_recipe_of_it_is_recorded_and_replayed_to_the_bit(tmp_path: Path) -> None:
    done = run(Recipe(**RECIPE), tmp_path, record=True)
    assert done.evaluation.accuracy > 0.9
    replay = open_recording(tmp_path)
    step = replay.recorded - 3
    training = replay.at(step)
    assert isinstance(training.model, Maxout)
    while training.index < replay.recorded:
        next(training)
    assert np.array_equal(training.model.parameters, done.model.network.parameters)
    again = run(Recipe(**RECIPE | {"epochs": 21}), tmp_path, resume=True)
    assert again.history.epochs[-1].epoch == 20


def test_the_doctor_finds_it_healthy_and_its_broken_sister_not() -> None:
    report = examine(patient_of(Recipe(**RECIPE)))
    assert [finding.fault for finding in report.findings if finding.fault != "no-validation"] == []
    assert any(check.name == "gradient" and "worst relative error" in check.measured for check in report.checks)

    class Summed(Maxout):
        def learn(self, x: Array, y: Array) -> float:
            cost = super().learn(x, y)
            self.gradient *= len(x)
            return cost

    iris = byhand.data.load("iris")
    training = byhand.steps(Summed(4, 3, seed=1), iris.train, epochs=5, batch_size=10, optimizer=optim.Adam(0.02), seed=1)
    report = examine(byhand.Patient(training, test=iris.test))
    assert report.findings[0].fault == "gradient-sum"
    assert "Summed.learn" in report.findings[0].source


def test_the_train_page_measures_its_layers() -> None:
    iris = byhand.data.load("iris")
    training = byhand.steps(Maxout(4, 3, seed=1), iris.train, epochs=1, batch_size=10, seed=1)
    (row,) = layers(training, next(training))
    assert row["name"] == "both" and row["shape"] == [6, 4] and row["activations"] is not None


def test_a_recipe_of_it_refuses_what_it_does_not_read() -> None:
    with pytest.raises(ModelError, match="a maxout does not read hidden"):
        Recipe(**RECIPE).changed(hidden=(3,))
    with pytest.raises(ModelError, match="did you mean 'bias'"):
        run(Recipe(**RECIPE | {"model_options": {"bais": True}}), Path("never"))


def test_nobody_takes_a_name_that_another_has() -> None:
    with pytest.raises(ModelError, match="give yours another name"):
        register(NetworkKind("vae", read=read))
    register(NetworkKind("maxout", read=read, build=build, settings=("model_options",)))  # run again, as in a notebook


def test_what_answers_nothing_of_the_protocol_is_refused_in_one_line() -> None:
    iris = byhand.data.load("iris")
    with pytest.raises(ModelError, match="model must be a network"):
        byhand.steps(object(), iris.train)  # type: ignore[arg-type]
