"""A diffusion step explained: its numbers are what the network computed, its proofs hold, and it can be read everywhere."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from byhand.errors import ModelError
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.unet import UNet
from byhand.optim import SGD, Adam
from byhand.see.as_json import to_dict
from byhand.see.chosen_step import explain_step
from byhand.see.diffusion_sections import denoising_of
from byhand.see.explain import explain
from byhand.see.page import page
from byhand.see.terminal import render


def points(**settings: Any) -> DiffusionNetwork:
    net = DiffusionNetwork(MLPDenoiser(2, width=16, depth=1, classes=2), (2,), seed=1, **({"mean": 0.3, "std": 0.7} | settings))
    net.parameters += 0.1 * np.random.default_rng(0).standard_normal(net.parameters.size).astype(np.float32)
    return net


def images() -> DiffusionNetwork:
    net = DiffusionNetwork(UNet((8, 16), classes=3, embedding=16, heads=1), (8, 8, 1), weighting="min_snr", seed=1)
    net.parameters += 0.05 * np.random.default_rng(0).standard_normal(net.parameters.size).astype(np.float32)
    return net


def batch(n: int, numbers: int, classes: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    return rng.random((n, numbers), np.float32), np.eye(classes, dtype=np.float32)[np.arange(n) % classes]


def value(explanation: Any, title: str, start: str) -> float:
    """The value of the line that begins so, in the section whose title does."""
    section = next(found for found in explanation.sections if found.title.startswith(title))
    return float(next(line.value for line in section.numbers if line.value is not None and line.latex.startswith(start)))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["v", "epsilon", "x0"])
def test_the_numbers_are_what_the_network_computed(target: str) -> None:
    net, (x, y) = points(target=target), batch(5, 2, 2)
    found = explain(net, x, y, optimizer=Adam(0.01), at=["1"])
    step, schedule = denoising_of(found.step), net.schedule
    t, ab = step.t, float(schedule.alpha_bar[step.t])
    x0, eps = (x[0, 1] - 0.3) / 0.7, float(step.drawn.eps[0, 1])
    assert value(found, "Noise is put", "x_0") == pytest.approx(x0, rel=1e-6)
    assert value(found, "Noise is put", "= ") == pytest.approx(math.sqrt(ab) * x0 + math.sqrt(1 - ab) * eps, rel=1e-6)
    wanted = {"v": math.sqrt(ab) * eps - math.sqrt(1 - ab) * x0, "epsilon": eps, "x0": x0}[target]
    assert step.target[0, 1] == pytest.approx(wanted, rel=1e-6)
    beta, before = float(schedule.betas[t - 1]), float(schedule.alpha_bar[t - 1])
    deviation = math.sqrt((1 - before) / (1 - ab) * beta)  # Ho et al. (2020), eq. 7
    assert value(found, "A step back, DDPM", r"\tilde\sigma") == pytest.approx(deviation, rel=1e-6)
    seen, noisy = float(step.x0_prediction[0, 1]), float(step.noisy[0, 1])
    mean = math.sqrt(before) * beta / (1 - ab) * seen + math.sqrt(1 - beta) * (1 - before) / (1 - ab) * noisy
    section = next(s for s in found.sections if s.title.startswith("A step back, DDPM"))
    assert section.numbers[3].value == pytest.approx(mean, rel=1e-6)
    assert all(followed.proof.agrees for followed in found.weights) and len(found.weights) == 2


@pytest.mark.slow
def test_the_loss_is_the_training_steps_own() -> None:
    net, (x, y) = images(), batch(3, 64, 3)
    found = explain(net, x, y, optimizer=Adam(0.01))
    cost = net.learn(x, y)  # draws what the explanation drew
    assert found.step.cost == pytest.approx(cost, rel=1e-5)
    assert np.allclose(found.step.gradient, net.gradient, atol=1e-5)
    assert found.step.cost_after != found.step.cost
    step = denoising_of(found.step)
    squares = np.square(step.prediction - step.target).reshape(3, -1).mean(axis=1)
    assert found.step.cost == pytest.approx(float((step.weights * squares).mean()), rel=1e-9)
    assert len(found.details["at"]) == 3 and all(followed.proof.agrees for followed in found.weights)
    own = [section for section in found.sections if section.scope in ("noise", "drawing")]
    assert sum(len(section.pictures) for section in own) == 7
    network = [section for section in found.sections if section.scope not in ("noise", "drawing", "cost", "")]
    assert len(network) >= 2 * len(found.step.record.ops) - 1 and all(section.numbers for section in network)


@pytest.mark.slow
def test_the_network_stays_as_it_was() -> None:
    net, (x, y) = points(), batch(4, 2, 2)
    before, state = net.parameters.copy(), net.rng.bit_generator.state
    explain(net, x, y)
    assert np.array_equal(net.parameters, before) and net.rng.bit_generator.state == state
    assert float(net.learned[0]) == 0


@pytest.mark.slow
def test_the_running_mean_is_what_this_batch_and_the_next_make_of_it() -> None:
    net, (x, y) = points(), batch(4, 2, 2)
    for _ in range(3):
        net.learn(x, y)
        net.parameters -= net.gradient
    found = explain(net, x, y, optimizer=SGD(1.0))
    entry = found.weights[-1].weight
    mean = dict(net.averaged.parameters())[entry.name].data
    net.learn(x, y)
    assert value(found, "The running mean", "m_{3} = ") == pytest.approx(float(mean[entry.place]), rel=1e-5)
    net.parameters[...] = found.step.theta_after.astype(np.float32)
    before = float(mean[entry.place])
    net.learn(x, y)
    assert value(found, "The running mean", "m_{4} = ") == pytest.approx(float(mean[entry.place]), rel=1e-5)
    assert float(mean[entry.place]) != pytest.approx(before, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("at", "told"), [(["x"], "is not J"), (["2"], "not in a sample"), (["0,0"], "not in a sample"), (["0", "1"], "is not J")]
)
def test_a_place_that_there_is_not_is_refused(at: list[str], told: str) -> None:
    net, (x, y) = points(), batch(2, 2, 2)
    with pytest.raises(ModelError, match=told) as caught:
        explain(net, x, y, at=at)
    assert "\n" not in str(caught.value)


def test_numbers_that_are_not_finite_are_refused() -> None:
    net, (x, y) = points(), batch(2, 2, 2)
    net.parameters[:] = np.inf
    with pytest.raises(ModelError, match="cannot be explained"):
        explain(net, x, y)


@pytest.mark.slow
def test_a_recipe_is_explained_in_the_terminal_as_json_and_as_a_page() -> None:
    found = explain_step("moons-diffusion", sample=7, step=3)
    text = io.StringIO()
    render(found, Console(file=text, width=80))
    for words in ("A time is drawn", "Noise is put over", "A step back, DDPM", "DDIM", "The running mean", "Proof"):
        assert words in text.getvalue()
    assert max(map(cell_len, text.getvalue().splitlines())) <= 80
    told = json.loads(json.dumps(to_dict(found)))
    assert told["t"] == denoising_of(found.step).t and told["samples"][0]["index"] == 7
    assert all(weight["agrees"] for weight in told["weights"])
    html = page(found)
    assert "<math" in html and html.count("<section") == 7 and "http" not in html.split("</head>")[0]


def test_weights_of_other_networks_are_refused() -> None:
    with pytest.raises(ModelError, match="name a number of its sample"):
        explain_step("moons-diffusion", weights=["2:5,100"])


@pytest.mark.slow
def test_an_image_is_shown_before_and_after_the_noise(tmp_path: Path) -> None:
    net = DiffusionNetwork(UNet((8, 16, 16), classes=10, embedding=16, heads=1), (28, 28, 1), seed=1)
    x, y = batch(1, 784, 10)
    html = page(explain(net, x, y, at=["14,9,0"]))
    assert "with noise" in html and html.count("data:image/png") >= 3
