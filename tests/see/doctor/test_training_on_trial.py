"""The training on trial: which setting is to blame, what the control experiments say, and that a busy clock changes nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import optim
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.vae import VAE
from byhand.nn import Linear, Network
from byhand.see.doctor import Patient, examine
from byhand.see.doctor.changes import falls_too_soon
from byhand.see.doctor.control_experiments import learned_by_heart
from byhand.see.doctor.probe_data import numbered_otherwise
from byhand.see.doctor.probe_diffusion import drowned, scaled
from byhand.see.doctor.probe_training import probe_training, unused
from byhand.see.doctor.rules import rules
from byhand.see.doctor.source import source_of
from byhand.see.doctor.trial import Outcome, behind, carry_out
from byhand.see.doctor.work import step_seconds
from byhand.training.history import Epoch, History

from .patients import dense, digits, faults, modules, moons


def nothing(x: Any, rng: Any) -> Any:
    return np.zeros_like(x)


def slightly(x: Any, rng: Any) -> Any:
    return x + 0.02 * rng.standard_normal(x.shape).astype(x.dtype)


def falling(training: Any) -> None:
    training.factor = lambda progress: 0.5 ** (progress * training.total)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "changed"),
    [
        ("rate-too-high", {"lr": 30.0, "optimizer": optim.SGD}),
        ("rate-too-low", {"lr": 1e-5}),
        ("rate-falls-too-soon", {"loop": falling}),
        ("augmentation-too-strong", {"augment": nothing}),
        ("clip-too-tight", {"clip": 1e-4, "optimizer": optim.SGD, "lr": 0.3}),
        ("dropout-too-strong", {"dropout": 0.97}),
        ("weight-decay-too-strong", {"l2": 1.0}),
        ("too-few-units", {"hidden": (1,)}),
    ],
)
def test_each_setting_is_blamed_where_another_is_better(fault: str, changed: dict[str, Any]) -> None:
    found, checks = probe_training(dense(**changed))
    assert fault in faults(found)[:1], checks
    assert found[0].curves and found[0].fix


@pytest.mark.slow
def test_settings_that_do_no_harm_are_left_alone() -> None:
    for changed in (
        {},
        {"augment": slightly},
        {"hidden": (64,)},
        {"l2": 1e-5},
        {"clip": 1.0},
        {"schedule": "cosine"},
    ):
        found, _ = probe_training(dense(**changed))
        assert found == [], changed
    assert falls_too_soon(dense(loop=falling).training)
    for schedule in ("constant", "linear", "cosine", "step", "one_cycle"):
        assert not falls_too_soon(dense(schedule=schedule).training), schedule


@pytest.mark.slow
def test_a_busy_machine_comes_to_the_same_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = [(finding.fault, finding.evidence) for finding in examine(dense(lr=1e-5)).findings]
    ticks = iter(range(10**9))
    monkeypatch.setattr(time, "perf_counter", lambda: 3.0 * next(ticks))  # a clock on which everything takes ages
    assert [(finding.fault, finding.evidence) for finding in examine(dense(lr=1e-5)).findings] == quiet != []


def test_a_steps_nominal_time_follows_its_shapes() -> None:
    small, large = step_seconds(dense().training), step_seconds(dense(hidden=(500, 500), batch_size=256).training)
    assert 1e-5 < small < 1e-3 < large < 1
    assert step_seconds(dense().training) == small
    assert step_seconds(dense(augment=slightly).training) > small
    assert step_seconds(modules().training) == pytest.approx(step_seconds(modules().training))


@pytest.mark.slow
def test_a_trial_that_falls_behind_is_given_up() -> None:
    patient = dense()
    whole = carry_out(patient, 5.0)
    assert whole.complete and whole.reached[-1] == whole.steps and len(whole.curve) == len(whole.reached)
    late = carry_out(patient, 5.0, lambda training: setattr(training, "base_rate", 1e-6), whole)
    assert not late.complete and late.steps >= 0.24 * late.total and behind(late, whole)
    assert carry_out(patient, 5.0, None, whole).complete


def test_few_samples_are_learned_by_heart_unless_the_network_cannot() -> None:
    class Deaf(Network):
        def learn(self, x: Any, y: Any) -> float:
            return super().learn(np.zeros_like(x), y)

    assert learned_by_heart(dense()) == 1.0
    heart = learned_by_heart(modules(Deaf))
    assert heart is not None and heart < 1


@pytest.mark.slow
def test_what_does_not_learn_is_told_with_its_control_experiments() -> None:
    class Deaf(Network):
        def learn(self, x: Any, y: Any) -> float:
            return super().learn(np.zeros_like(x), y)

        def _weighted(self, x: Any) -> Any:
            return super()._weighted(np.zeros_like(x))

    found, _ = probe_training(modules(Deaf))
    assert faults(found)[-1] == "not-learning"
    assert "by heart" in found[-1].evidence and "inputs at zero" in found[-1].evidence and "shuffled labels" in found[-1].evidence


@pytest.mark.slow
def test_a_code_that_says_nothing_is_told_by_dimension() -> None:
    few = digits(200)

    def made(beta: float) -> Patient:
        net = VAE(784, (32,), 3, beta=beta, seed=1)
        return Patient(byhand.steps(net, few.train, batch_size=20, epochs=6, optimizer=optim.Adam(3e-3), seed=1), few.validation)

    outcome = carry_out(made(100.0), 5.0)
    assert len(outcome.divergences) == 3
    assert faults(unused(outcome)) == ["latent-unused"] and len(unused(outcome)[0].curves["divergence by dimension, nats"]) == 3
    assert unused(carry_out(made(1.0), 5.0)) == [] == unused(Outcome())


@pytest.mark.slow
def test_classes_that_are_numbered_otherwise_are_found_by_their_neighbours() -> None:
    splits = digits(1_000)
    other = replace(splits.test, labels=(splits.test.labels + 1) % 10)
    patient = dense(splits=splits, activation="relu", initialiser="he", epochs=2)
    assert numbered_otherwise(patient, splits.test, "test") == []
    assert faults(numbered_otherwise(patient, other, "test")) == ["test-data-differ"]


def test_noise_that_the_schedule_does_not_say_and_data_out_of_range_are_found() -> None:
    train = moons().train
    x = train.flat

    def made(**settings: Any) -> DiffusionNetwork:
        return DiffusionNetwork(MLPDenoiser(2, width=8, depth=1), (2,), seed=1, **settings)

    right = made(mean=x.mean(axis=0), std=x.std(axis=0))
    assert drowned(right, x) == [] and scaled(right, x)[0] == []
    assert faults(scaled(made(mean=0.0, std=10.0), x)[0]) == ["data-range"]
    mixed = right.diffusion.noisy
    right.diffusion.noisy = lambda x0, t, eps: mixed(x0, t, eps / 2)  # type: ignore[method-assign]
    assert faults(drowned(right, x)) == ["noise-wrong"]


def test_a_line_is_named_only_where_it_is_not_byhands_own() -> None:
    class Mine(Network):
        def learn(self, x: Any, y: Any) -> float:
            cost = super().learn(x, y)
            self.gradient *= len(x)
            return cost

    report = examine(modules(Mine, Linear(4, 3)))
    assert faults(report)[0] == "gradient-sum"
    assert report.findings[0].source.startswith("test_training_on_trial.py:") and report.findings[0].source.endswith("Mine.learn")
    assert report.to_dict()["findings"][0]["source"] == report.findings[0].source
    assert source_of("gradient-sum", modules()) == "" == source_of("rate-too-low", modules(Mine))


def test_a_run_that_swings_and_an_accuracy_that_stands_still_are_told() -> None:
    def run(costs: list[float], held: list[float] | None = None, right: list[float] | None = None) -> list[str]:
        rows = [
            Epoch(k, k, 1.0, cost, held[k] if held else None, right[k] if right else None, 0.1) for k, cost in enumerate(costs)
        ]
        return faults(rules(History(rows)))

    assert run([1.0, 0.6, 0.9, 0.5, 0.8, 0.5, 0.9, 0.5, 0.8, 0.5])[0] == "rate-too-high"
    assert run([1.0, 0.6, 0.5, 0.45, 0.46, 0.44, 0.45, 0.44]) == []
    falling = [2.3, 1.2, 0.8, 0.7, 0.69, 0.69]
    assert run(falling, falling, [0.1, 0.1, 0.11, 0.1, 0.1, 0.1]) == ["metric-contradicts"]
    assert run(falling, falling, [0.1, 0.5, 0.7, 0.8, 0.81, 0.81]) == []
