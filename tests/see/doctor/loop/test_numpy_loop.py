"""A plain NumPy loop that is listened to: each planted fault is named first, healthy loops of many shapes get a clean bill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import byhand
from byhand.errors import ByhandError
from byhand.see.doctor.finding import Report

X = np.repeat(np.tile(np.eye(4), 2), 100, axis=0) + np.random.default_rng(3).normal(0, 0.5, (400, 8))
Y = np.repeat(np.eye(4), 100, axis=0)


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def report(
    *,
    fault: Callable[[dict[str, Any], Any], dict[str, Any]] = lambda g, x: g,
    rate: float = 0.3,
    scale: float = 1.0,
    x: Any = X,
    y: Any = Y,
    spread: float = 1.0,
    dtype: Any = np.float64,
    bend: bool = True,
    told: bool = True,
    rebinds: bool = False,
    numbered: bool = False,
    decay: float = 0.0,
    shuffled: bool = True,
    misreported: float = 0.0,
) -> Report:
    """Train 8-16-4 with ReLU and softmax by a loop of plain NumPy, with one thing changed, and examine it."""
    rng = np.random.default_rng(0)
    p = {
        "w1": rng.normal(0, spread / 3, (8, 16)),
        "b1": np.zeros(16),
        "w2": rng.normal(0, spread / 4, (16, 4)),
        "b2": np.zeros(4),
    }
    p = {name: array.astype(dtype) for name, array in p.items()}

    def forward(x: Any) -> Any:
        z1 = x @ p["w1"] + p["b1"]
        a1 = np.maximum(z1, 0) if bend else z1
        return z1, a1, softmax(a1 @ p["w2"] + p["b2"])

    see = byhand.checkup((lambda: p) if rebinds else p, answers=lambda x: forward(x)[-1])
    with np.errstate(all="ignore"):
        for _ in range(6):
            order = rng.permutation(len(x)) if shuffled else np.arange(len(x))
            for rows in np.split(order, len(x) // 20):
                z1, a1, a2 = forward(x[rows])
                d2 = (a2 - y[rows]) / 20
                d1 = d2 @ p["w2"].T * ((z1 > 0) if bend else 1.0)
                g = {"w1": x[rows].T @ d1, "b1": d1.sum(0), "w2": a1.T @ d2, "b2": d2.sum(0)}
                g = fault({name: one + 2 * decay * p[name] for name, one in g.items()}, x[rows])
                cost = -np.log(np.maximum(a2[y[rows] > 0], 1e-12)).mean() + decay * sum((w**2).sum() for w in p.values())
                for name, one in g.items():
                    if rebinds:
                        p[name] = p[name] - rate * scale * one
                    else:
                        p[name] -= (rate * scale * one).astype(dtype)
                labels = y[rows].argmax(1) if numbered else y[rows]
                see(cost, x[rows], labels, gradients=g if told else None, learning_rate=rate)
        right = (forward(x)[-1].argmax(1) == y.argmax(1)).mean()
        see.accuracy(right - misreported, x, y)
        return see.report()


def first(found: Report) -> tuple[str, str]:
    assert found.findings, str(found)
    return found.findings[0].fault, found.findings[0].where


def added_up() -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    total: dict[str, Any] = {}

    def fault(g: dict[str, Any], _: Any) -> dict[str, Any]:
        total.update({name: one + total.get(name, 0) for name, one in g.items()})
        return dict(total)

    return fault


@pytest.mark.parametrize(
    "healthy",
    [
        {},
        {"rebinds": True},
        {"numbered": True},
        {"dtype": np.float32},
        {"told": False},
        {"decay": 1e-3},
    ],
    ids=str,
)
def test_a_healthy_loop_gets_a_clean_bill(healthy: dict[str, Any]) -> None:
    found = report(**healthy)
    assert found.healthy, str(found)
    assert "nothing was found" in str(found)


@pytest.mark.parametrize(
    ("planted", "fault", "where"),
    [
        ({"fault": lambda g, x: {n: 20 * one for n, one in g.items()}, "rate": 0.02}, "gradient-sum", "all layers"),
        ({"fault": lambda g, x: g | {"w1": -g["w1"]}}, "gradient-wrong", "w1"),
        ({"fault": lambda g, x: g | {"b1": 0 * g["b1"]}}, "gradient-missing", "b1"),
        ({"fault": lambda g, x: {n: -one for n, one in g.items()}, "rate": 0.02}, "step-uphill", "all layers"),
        ({"fault": added_up(), "rate": 0.02}, "gradient-accumulates", "all layers"),
        ({"scale": 3.0, "told": False}, "step-size-wrong", "the update"),
        ({"rate": 1e-6}, "rate-too-low", "learning rate"),
        ({"rate": 300.0}, "rate-too-high", "learning rate"),
        ({"spread": 0.0}, "zero-weights", "w1"),
        ({"spread": 200.0}, "init-too-large", "w1"),
        ({"x": 255 * X}, "inputs-not-normalised", "data"),
        ({"y": Y[np.random.default_rng(1).permutation(400)]}, "labels-wrong", "data"),
        ({"shuffled": False}, "not-shuffled", "the order of samples"),
        ({"bend": False}, "no-nonlinearity", "hidden layers"),
        ({"misreported": 0.2}, "accuracy-wrong", "evaluation"),
        ({"x": np.where(np.random.default_rng(0).random(X.shape) < 0.01, np.nan, X)}, "non-finite", "inputs"),
    ],
    ids=lambda planted: str(planted)[:40] if isinstance(planted, str) else "",
)
def test_what_is_planted_is_named_first(planted: dict[str, Any], fault: str, where: str) -> None:
    assert first(report(**planted)) == (fault, where)


def test_the_parameters_are_left_as_they_were_and_a_report_is_the_same_twice() -> None:
    w = np.random.default_rng(0).normal(size=(8, 4))
    see = byhand.checkup({"w": w}, answers=lambda x: softmax(x @ w))
    for rows in np.split(np.random.default_rng(1).permutation(400), 20):
        a = softmax(X[rows] @ w)
        g = X[rows].T @ (a - Y[rows]) / 20
        w -= 0.3 * g
        see(-np.log(a[Y[rows] > 0]).mean(), X[rows], Y[rows], gradients={"w": g}, learning_rate=0.3)
    before = w.copy()
    once, again = see.report().to_dict(), see.report().to_dict()
    assert np.array_equal(w, before)
    assert once["findings"] == again["findings"] and once["checks"] == again["checks"]


def test_a_single_output_is_yes_or_no_and_one_that_is_right_is_healthy() -> None:
    x, y = X[:, :2], (X[:, 0] > X[:, 1]).astype(float)
    w = np.zeros(2)
    see = byhand.checkup({"w": w}, answers=lambda x: 1 / (1 + np.exp(-x @ w)))
    rng = np.random.default_rng(0)
    for _ in range(10):
        for rows in np.split(rng.permutation(400), 20):
            a = 1 / (1 + np.exp(-x[rows] @ w))
            g = x[rows].T @ (a - y[rows]) / 20
            w -= 0.5 * g
            see(-(y[rows] * np.log(a) + (1 - y[rows]) * np.log(1 - a)).mean(), x[rows], y[rows], gradients={"w": g})
    found = see.report()
    assert found.healthy, str(found)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: byhand.checkup({"w": [1.0]}, answers=abs), "the parameter w must be a NumPy array of floats, got list"),
        (lambda: byhand.checkup({"w": np.ones(3)}), "also needs answers="),
        (lambda: byhand.checkup({}, answers=abs), "must be a dict of arrays"),
        (lambda: byhand.checkup(5), "needs a PyTorch module, or a dict of NumPy arrays and answers=, got int"),
        (lambda: byhand.checkup({"w": np.ones(3)}, answers=5), "answers must be a function of the inputs, got int"),  # type: ignore[arg-type]
        (
            lambda: byhand.checkup({"w": np.ones(3)}, answers=abs)(1.0, X, Y, gradients={"v": np.ones(3)}),
            "there is a gradient of 'v', but the parameters are w",
        ),
        (
            lambda: byhand.checkup({"w": np.ones(3)}, answers=abs)(1.0, X, Y, gradients={"w": np.ones(4)}),
            r"the gradient of w must have its shape \(3,\), got \(4,\)",
        ),
        (lambda: byhand.checkup({"w": np.ones(3)}, answers=abs)(np.ones(3), X, Y), "must be single numbers"),
    ],
)
def test_what_cannot_be_listened_to_gets_a_line(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(ByhandError, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_loop_of_no_step_is_told_so() -> None:
    found = byhand.checkup({"w": np.ones(3)}, answers=abs).report()
    assert any(check.name == "not looked at" and "no step was heard" in check.measured for check in found.checks)


def test_a_softmax_over_the_whole_batch_is_named_before_the_gradient_that_it_makes_wrong() -> None:
    rng = np.random.default_rng(1)
    w = rng.normal(size=(8, 4)) * 0.1

    def answers(x: Any) -> Any:
        e = np.exp(x @ w)
        return e / e.sum()

    see = byhand.checkup({"w": w}, answers=answers)
    for _ in range(60):
        rows = rng.integers(0, 400, 20)
        a = answers(X[rows])
        g = X[rows].T @ (a - Y[rows]) / 20
        w -= 0.3 * g
        see(-(Y[rows] * np.log(a)).sum(axis=1).mean(), X[rows], Y[rows], gradients={"w": g}, learning_rate=0.3)
    faults = [finding.fault for finding in see.report().findings]
    assert faults[0] == "batch-leak" and any(fault.startswith("gradient") for fault in faults)
