"""The doctor: what is planted is found and named, healthy networks get a clean bill, and the patient is left as it was."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

import byhand
from byhand import data as datasets
from byhand import optim
from byhand.cli import app
from byhand.data.dataset import Splits
from byhand.engine import Tensor, no_grad
from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.vae import VAE
from byhand.nn import BatchNorm2d, Conv2d, Dropout, Flatten, Linear, Network, ReLU, Sequential, Softmax
from byhand.see.doctor import FAULTS, Patient, Report, examine, open_patient
from byhand.see.doctor.probe_codes import probe_codes
from byhand.see.doctor.probe_diffusion import probe_diffusion
from byhand.see.doctor.probe_gradient import probe_gradient
from byhand.see.doctor.probe_outputs import probe_outputs
from byhand.see.doctor.rules import rules
from byhand.see.doctor.terminal import render, sparkline
from byhand.training.history import Epoch, History
from byhand.training.state import undisturbed


def flowers() -> Splits:
    whole = datasets.load("iris")
    order = np.random.default_rng(0).permutation(len(whole.train))
    return Splits(whole.train.take(order[24:]), whole.train.take(order[:24]), whole.test)


def patient(cls: Any = FeedForward, splits: Splits | None = None, lr: float = 0.5, epochs: int = 40, **given: Any) -> Patient:
    splits = splits or flowers()
    settings = {"cost": "cross_entropy", "seed": 1} | given
    net = cls((splits.train.flat.shape[1], 8, splits.train.n_classes), **settings)
    training = byhand.steps(net, splits.train, epochs=epochs, batch_size=8, optimizer=optim.SGD(lr), seed=1)
    return Patient(training, splits.validation, splits.test, "mine")


def names(report: Report) -> list[str]:
    return [finding.fault for finding in report.findings]


@pytest.mark.slow
def test_a_healthy_network_gets_a_clean_bill_and_is_left_as_it_was() -> None:
    mine = patient()
    before, rng = mine.model.parameters.copy(), str(mine.model.rng.bit_generator.state)
    report = examine(mine)
    assert report.healthy, report.findings
    assert {"inputs", "labels", "gradient", "units", "answers", "training"} <= {check.name for check in report.checks}
    assert np.array_equal(mine.model.parameters, before) and str(mine.model.rng.bit_generator.state) == rng
    assert mine.training.index == 0
    # and it trains to the same bits as one that was never examined
    for one, other in zip(mine.training, patient().training, strict=True):
        assert one.cost == other.cost


@pytest.mark.parametrize(
    ("fault", "changed"),
    [
        ("gradient-sum", lambda net, x: net.gradient.__imul__(len(x))),
        ("gradient-scale", lambda net, x: net.gradient.__imul__(0.25)),
        ("step-uphill", lambda net, x: net.gradient.__imul__(-1)),
        ("gradient-missing", lambda net, x: net.weight_gradients[0].fill(0)),
        ("gradient-wrong", lambda net, x: net.weight_gradients[0].__imul__(-1)),
    ],
)
def test_a_wrong_gradient_is_named_and_located(fault: str, changed: Any) -> None:
    class Mine(FeedForward):
        def learn(self, x: Any, y: Any) -> float:
            cost = super().learn(x, y)
            changed(self, x)
            return cost

    found, _ = probe_gradient(patient(Mine))
    assert [finding.fault for finding in found] == [fault]
    if fault in ("gradient-missing", "gradient-wrong"):
        assert found[0].where == "layers.0.weight"
    assert found[0].evidence and found[0].fix


@pytest.mark.slow
def test_the_example_of_the_walk_through_is_found_although_all_slopes_are_0_after_some_steps() -> None:
    example = Path(__file__).parents[3] / "docs" / "examples" / "sum_for_mean.py"
    found, (after, beginning) = probe_gradient(open_patient(f"{example}:make"))
    assert [finding.fault for finding in found] == ["gradient-sum"]
    assert found[0].evidence.startswith("every gradient is 8 times the slope")
    assert after.measured.startswith("0 tensors") and beginning.measured.startswith("4 tensors")


@pytest.mark.slow
def test_a_right_gradient_is_right_in_every_kind_of_network() -> None:
    moons = datasets.load("moons", n=300)
    digits = datasets.load("mnist")
    few = replace(digits, train=digits.train.take(np.arange(64)))
    cnn = Network(
        Sequential(Conv2d(1, 4, 3), BatchNorm2d(4), ReLU(), Flatten(), Dropout(0.3), Linear(4 * 26 * 26, 10)), (28, 28, 1), seed=1
    )
    drawing = DiffusionNetwork(MLPDenoiser(2, width=16, depth=1, classes=2), (2,), seed=1, mean=0.3, std=0.7)
    for model, train in ((cnn, few.train), (drawing, moons.train), (VAE(784, (16,), 3, seed=1), few.train)):
        training = byhand.steps(model, train, epochs=2, batch_size=16, optimizer=optim.Adam(1e-3), seed=1)
        found, (check,) = probe_gradient(Patient(training))
        assert found == [], model
        assert "worst relative error" in check.measured


def test_a_cost_that_is_a_sum_and_a_gradient_that_piles_up_are_told_apart() -> None:
    class Sum(FeedForward):
        def learn(self, x: Any, y: Any) -> float:
            cost = super().learn(x, y)
            self.gradient *= len(x)
            return cost * len(x)

    class Piling(FeedForward):
        def learn(self, x: Any, y: Any) -> float:
            before = self.gradient.copy()
            cost = super().learn(x, y)
            self.gradient += before
            return cost

    assert [finding.fault for finding in probe_gradient(patient(Sum))[0]] == ["cost-sum"]
    assert [finding.fault for finding in probe_gradient(patient(Piling))[0]] == ["gradient-accumulates"]


@pytest.mark.parametrize(
    ("fault", "spoil"),
    [
        ("labels-wrong", lambda data: replace(data, labels=np.random.default_rng(0).permutation(data.labels))),
        ("inputs-not-normalised", lambda data: replace(data, inputs=100 * data.inputs)),
        ("inputs-normalised-twice", lambda data: replace(data, inputs=data.inputs / 255)),
        ("inputs-constant", lambda data: replace(data, inputs=np.full_like(data.inputs, 0.3))),
        ("class-missing", lambda data: data.take(data.labels != 2)),
    ],
)
def test_spoiled_data_are_named(fault: str, spoil: Any) -> None:
    splits = flowers()
    more = (
        {} if fault in ("class-missing", "labels-wrong") else {"validation": spoil(splits.validation), "test": spoil(splits.test)}
    )
    report = examine(patient(splits=replace(splits, train=spoil(splits.train), **more)))
    assert names(report)[0] == fault
    assert report.findings[0].where == "data"


@pytest.mark.slow
def test_test_data_prepared_otherwise_and_leaked_ones_are_named() -> None:
    splits, whole = flowers(), datasets.load("mnist")
    other = replace(splits, validation=replace(splits.validation, inputs=splits.validation.inputs * 20))
    assert "test-data-differ" in names(examine(patient(splits=other)))
    digits = Splits(whole.train.take(np.arange(600)), whole.train.take(np.arange(500, 700)), whole.test.take(np.arange(200)))
    turned = replace(digits.test, inputs=digits.test.inputs.swapaxes(1, 2).copy())
    found = names(examine(patient(splits=replace(digits, test=turned), epochs=2)))
    assert {"leakage", "test-data-differ"} <= set(found)


def test_samples_in_the_order_of_their_classes_are_found_out() -> None:
    mine = patient()

    class Sorted(type(mine.training)):  # type: ignore[misc]
        def _begin_epoch(self, epoch: int) -> None:
            super()._begin_epoch(epoch)
            self.order = np.argsort(self.y.argmax(axis=1), kind="stable")

    mine.training.__class__ = Sorted
    mine.training._begin_epoch(0)
    assert names(examine(mine))[0] == "not-shuffled"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "settings"),
    [("rate-too-low", {"lr": 1e-4}), ("weight-decay-too-strong", {"l2": 1.0})],
)
def test_a_setting_is_found_fault_with_where_another_one_is_clearly_better(fault: str, settings: dict[str, Any]) -> None:
    moons = datasets.load("moons", n=900)
    report = examine(patient(splits=moons, activation="tanh", output="softmax", initialiser="glorot", **settings))
    assert names(report)[0] == fault
    assert "instead of" in report.findings[0].fix or "without" in report.findings[0].fix
    assert report.findings[0].curves


def test_equal_and_zero_weights_are_named() -> None:
    mine = patient()
    for w in mine.model.weights:
        w[...] = 0.1
    assert names(examine(mine))[0] == "symmetric-units"
    mine.model.parameters[...] = 0
    assert names(examine(mine))[0] == "zero-weights"


def test_softmax_twice_and_dropout_in_evaluation_are_named() -> None:
    class Always(Network):
        def _weighted(self, x: Any) -> Any:
            self.module.train()
            with no_grad():
                return self.module(Tensor(x))

    train = flowers()

    def made(cls: Any, *layers: Any) -> Patient:
        net = cls(Sequential(Linear(4, 16), ReLU(), *layers), (4,), seed=1)
        return Patient(byhand.steps(net, train.train, epochs=20, batch_size=8, optimizer=optim.Adam(0.01)), train.validation)

    assert [f.fault for f in probe_outputs(made(Network, Linear(16, 3), Softmax()))[0]] == ["softmax-twice"]
    assert [f.fault for f in probe_outputs(made(Always, Dropout(0.5), Linear(16, 3)))[0]] == ["random-evaluation"]
    assert probe_outputs(made(Network, Dropout(0.5), Linear(16, 3)))[0] == []


@pytest.mark.slow
def test_a_vaes_cost_is_taken_apart() -> None:
    digits = datasets.load("mnist").train.take(np.arange(300))

    class Wrong(VAE):
        def learn(self, x: Any, y: Any = None, eps: Any = None) -> float:
            cost = super().learn(x, y, eps)
            return cost - 2 * float(self.codes["kl"].sum()) / len(x)

    class Without(VAE):
        def learn(self, x: Any, y: Any = None, eps: Any = None) -> float:
            return super().learn(x, y, eps) - float(self.codes["kl"].sum()) / len(x)

    def made(cls: Any, **settings: Any) -> Patient:
        return Patient(byhand.steps(cls(784, (16,), 3, seed=1, **settings), digits, batch_size=20, optimizer=optim.Adam(1e-3)))

    assert [f.fault for f in probe_codes(made(Wrong))[0]] == ["kl-sign"]
    assert [f.fault for f in probe_codes(made(Without))[0]] == ["kl-weight"]
    assert [f.fault for f in probe_codes(made(VAE, beta=100.0))[0]] == ["kl-weight"]
    assert probe_codes(made(VAE))[0] == []


@pytest.mark.slow
def test_diffusion_is_asked_its_own_questions() -> None:
    moons = datasets.load("moons", n=600).train

    class Blind(DiffusionNetwork):
        def draw(self, labels: Any, rng: Any, label_dropout: float = 0.0) -> Any:
            return super().draw(labels, rng, label_dropout)._replace(labels=np.full(len(labels), self.classes))

    class Raw(DiffusionNetwork):
        def scaled(self, data: Any) -> Any:
            return data + 5

    def made(cls: Any, **settings: Any) -> Patient:
        net = cls(MLPDenoiser(2, width=16, depth=1, classes=2), (2,), seed=1, **({"mean": 0.4, "std": 0.7} | settings))
        return Patient(byhand.steps(net, moons, epochs=20, batch_size=32, optimizer=optim.Adam(1e-3), seed=1))

    assert probe_diffusion(made(DiffusionNetwork))[0] == []
    short = made(DiffusionNetwork)
    short.model.schedule.alpha_bar[1:] = np.linspace(0.99, 0.3, short.model.diffusion.steps)
    assert "schedule-end" in [f.fault for f in probe_diffusion(short)[0]]
    assert [f.fault for f in probe_diffusion(made(Blind))[0]] == ["condition-ignored"]
    assert [f.fault for f in probe_diffusion(made(Raw))[0]] == ["data-range"]


def test_the_rules_read_a_history() -> None:
    def run(costs: list[float], held: list[float] | None = None) -> list[str]:
        rows = [Epoch(k, k, 1.0, c, None if held is None else held[k], None, 0.1) for k, c in enumerate(costs)]
        return [finding.fault for finding in rules(History(rows))]

    assert run([1.0, 0.5, 0.3, 0.25, 0.24, 0.235, 0.233, 0.232]) == []
    assert run([1.0, 1.1, 1.5, 2.0]) == ["rate-too-high"]
    assert run([2.30, 2.30, 2.30, 2.30, 2.30]) == ["not-learning"]
    assert run([1.0, 0.5, 0.2, 0.1, 0.05, 0.02], [1.0, 0.6, 0.5, 0.6, 0.8, 1.0])[0] == "overfitting"
    assert run([1.0, 0.8, 0.6, 0.4, 0.2]) == ["too-few-epochs"]
    assert run([1.0, 0.5]) == []


def test_double_precision_computes_the_same() -> None:
    mine = patient()
    x, y = mine.few(8)
    twin = mine.model.twin(np.float64)
    assert twin.learn(x.astype(float), y.astype(float)) == pytest.approx(mine.model.learn(x, y), rel=1e-5)
    assert {name: place.stop - place.start for name, place in twin.parameter_slices().items()} == {
        "layers.0.weight": 32, "layers.0.bias": 8, "layers.1.weight": 24, "layers.1.bias": 3
    }  # fmt: skip
    with undisturbed(mine.training) as training:
        next(training)
        training.base_rate = 9.0
    assert mine.training.index == 0 and mine.training.base_rate == 0.5


@pytest.mark.slow
def test_the_report_can_be_read_and_sent(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "import byhand\nfrom byhand import optim\n\n\nclass Mine(byhand.FeedForward):\n"
        "    def learn(self, x, y):\n        cost = super().learn(x, y)\n"
        "        self.gradient *= len(x)\n        return cost\n\n\n"
        "def make(seed=1):\n    iris = byhand.data.load('iris')\n    net = Mine((4, 5, 3), seed=seed)\n"
        "    return byhand.steps(net, iris.train, epochs=3, optimizer=optim.SGD(1.0)), None, iris.test\n"
    )
    told = CliRunner().invoke(app, ["doctor", f"{script}:make", "--json"])
    found = json.loads(told.stdout)
    first = found["findings"][0]
    assert first["fault"] == "gradient-sum" and {"where", "confidence", "evidence", "fix"} <= set(first)
    shown = io.StringIO()
    render(examine(open_patient(f"{script}:make")), Console(file=shown, width=100), checks=True)
    assert "a sum over the batch" in shown.getvalue() and "100% sure" not in shown.getvalue()
    assert sparkline([0, float("nan"), 1]) == "▁×█"
    assert set(names(examine(open_patient(f"{script}:make", seed=3)))) <= set(FAULTS)


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("", "nothing", "no function 'nothing'"),
        ("def make():\n    return 3\n", "make", "must return a byhand.Patient"),
        ("def make():\n    1 / 0\n", "make", "ZeroDivisionError"),
    ],
)
def test_a_script_that_gives_no_patient_is_refused_in_a_line(text: str, name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ModelError, match=told) as caught:
        open_patient(f"{tmp_path / 'mine.py'}:{name}")
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="no file"):
        open_patient(f"{tmp_path / 'other.py'}:make")
    with pytest.raises(ModelError):
        open_patient("no-such-recipe")
