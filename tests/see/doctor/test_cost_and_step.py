"""The cost beside the answers, the step beside the gradient, numbers that are none: planted faults are found, nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import optim
from byhand.engine import Tensor, ops
from byhand.feedforward import FeedForward
from byhand.models.autoencoder import Autoencoder
from byhand.models.vae import VAE
from byhand.nn import AvgPool2d, Conv2d, Dropout, Flatten, Linear, Network, ReLU, Sequential, Softmax
from byhand.optim import SGD
from byhand.see.doctor import Patient, examine
from byhand.see.doctor.probe_codes import probe_codes
from byhand.see.doctor.probe_cost import chance, probe_cost
from byhand.see.doctor.probe_finite import probe_finite
from byhand.see.doctor.probe_outputs import probe_outputs
from byhand.see.doctor.probe_units import linear

from .patients import dense, digits, faults, flowers, modules


class NoSoftmax(Network):
    """Weighted inputs taken for probabilities."""

    def _cost(self, z: Any, y: Any) -> Any:
        return -(ops.log(ops.clip(z, low=1e-4, high=1.0)) * Tensor(y.astype(self.dtype))).sum() * (1 / len(y))


class OtherInputs(FeedForward):
    """Inputs are moved where the network is asked, but not where it learns."""

    def _last_layer(self, x: Any) -> Any:
        return super()._last_layer(x - 0.5)


@pytest.mark.slow
def test_a_cost_that_is_not_that_of_the_answers_is_named_with_its_line() -> None:
    report = examine(modules(NoSoftmax))
    assert faults(report)[0] == "wrong-cost"
    assert report.findings[0].source.startswith("test_cost_and_step.py:") and "NoSoftmax._cost" in report.findings[0].source
    assert report.findings[0].curves


def test_a_network_that_computes_another_function_when_it_is_asked_is_named() -> None:
    found, _ = probe_cost(dense(OtherInputs))
    assert faults(found) == ["evaluation-differs"]


def test_healthy_costs_begin_at_chance_and_agree() -> None:
    for patient in (
        dense(),
        dense(output="sigmoid", cost="quadratic"),
        dense(output="sigmoid", cost="cross_entropy", l2=0.01),
        dense(dropout=0.3),
        modules(),
        modules(Network, Linear(4, 16), ReLU(), Dropout(0.5), Linear(16, 3), label_smoothing=0.1),
    ):
        found, checks = probe_cost(patient)
        assert found == [], patient.model
        assert "knows nothing" in checks[0].measured
    assert chance(dense().model, np.eye(2)) == pytest.approx(np.log(2))


def test_a_last_layer_that_is_sure_of_things_before_the_first_step_is_named() -> None:
    patient = dense()
    patient.model.biases[-1][:] = [12.0, -12.0]
    assert faults(probe_cost(patient)[0]) == ["init-too-large"]


@pytest.mark.slow
def test_targets_out_of_the_outputs_reach_are_named() -> None:
    few = digits(100)
    wide = replace(few.train, inputs=2 * few.train.inputs - 1)
    for train, expected in ((few.train, []), (wide, ["targets-do-not-fit"])):
        training = byhand.steps(Autoencoder(784, (16,), 4, seed=1), train, optimizer=optim.Adam(1e-3))
        assert faults(probe_cost(Patient(training))[0]) == expected


class Uphill(SGD):
    def _change(self, block: slice, theta: Any, g: Any, update: Any) -> None:
        super()._change(block, theta, g, update)
        update *= -1


class RateTwice(SGD):
    def _change(self, block: slice, theta: Any, g: Any, update: Any) -> None:
        super()._change(block, theta, g, update)
        update *= self.learning_rate


@pytest.mark.parametrize(("optimizer", "expected"), [(Uphill, ["step-uphill"]), (RateTwice, ["step-size-wrong"]), (SGD, [])])
def test_a_step_goes_down_and_is_rate_times_gradient_long(optimizer: Any, expected: list[str]) -> None:
    assert faults(probe_outputs(dense(optimizer=optimizer, lr=0.3))[0]) == expected


def test_other_optimisers_steps_are_left_alone() -> None:
    for optimizer in (optim.Adam, optim.AdamW, optim.RMSProp, lambda rate: SGD(rate, 0.9), lambda rate: SGD(rate, 0.9, True)):
        assert probe_outputs(dense(optimizer=optimizer, lr=0.01))[0] == []


@pytest.mark.slow
def test_networks_without_a_bend_are_straight_lines_and_others_are_not() -> None:
    few = digits(60)

    def conv(*between: Any) -> Patient:
        layers = [Conv2d(1, 2, 3), *between, AvgPool2d(2), Flatten(), Linear(2 * 13 * 13, 10)]
        net = Network(Sequential(*layers), (28, 28, 1), seed=1)
        return Patient(byhand.steps(net, few.train, optimizer=optim.Adam(1e-3)), few.validation)

    def coder(activation: str) -> Patient:
        net = Autoencoder(784, (16,), 4, activation=activation, seed=1)
        return Patient(byhand.steps(net, few.train, optimizer=optim.Adam(1e-3)), few.validation)

    assert (
        faults(linear(conv()))
        == faults(linear(coder("identity")))
        == faults(linear(dense(activation="identity")))
        == ["no-nonlinearity"]
    )
    for patient in (conv(ReLU()), coder("relu"), dense(), dense(hidden=()), modules(Network, Linear(4, 3))):
        assert linear(patient) == []


@pytest.mark.slow
def test_softmax_twice_is_still_found() -> None:
    assert faults(examine(modules(Network, Linear(4, 16), ReLU(), Linear(16, 3), Softmax())))[0] == "softmax-twice"


@pytest.mark.slow
def test_a_warm_up_that_never_ends_is_named() -> None:
    few = digits(200).train

    def made(steps: int) -> Patient:
        return Patient(
            byhand.steps(VAE(784, (16,), 3, warm_up=steps, seed=1), few, batch_size=20, epochs=3, optimizer=optim.Adam(1e-3))
        )

    assert faults(probe_codes(made(10_000))[0]) == ["kl-weight"]
    assert probe_codes(made(10))[0] == []


def test_numbers_that_are_none_are_told_first_and_alone() -> None:
    patient = dense()
    assert probe_finite(patient)[0] == []
    patient.model.weights[1][0, 0] = np.nan
    report = examine(patient)
    assert faults(report) == ["non-finite"] and report.findings[0].where == "layers.1.weight"
    other = dense(splits=flowers())
    other.training.x[3, 1] = np.inf
    assert faults(examine(other)) == ["non-finite"] and "sample 3" in examine(other).findings[0].evidence
