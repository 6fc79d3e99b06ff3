"""The network of diffusion: its cost and gradient, the running mean, resuming, sampling whatever the batch, files, and moons."""

from __future__ import annotations

import copy
import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from byhand import nn, optim
from byhand.backend import generator
from byhand.data.dataset import Dataset
from byhand.data.moons import make_moons
from byhand.engine import Tensor, no_grad
from byhand.errors import ByhandError, ModelError
from byhand.models.denoiser import DiffusionNetwork, NoiseDraw, from_architecture
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.samplers import Noise, ddim, spaced_timesteps
from byhand.models.unet import UNet
from byhand.training.checkpoint import read_checkpoint, write_checkpoint
from byhand.training.steps import steps

UNET: dict[str, Any] = {"channels": (8, 16), "classes": 3, "embedding": 12, "heads": 2}


def points(**settings: Any) -> DiffusionNetwork:
    settings = {"seed": 1} | settings
    return awake(DiffusionNetwork(MLPDenoiser(2, width=16, depth=2, classes=3), (2,), **settings))


def images(**settings: Any) -> DiffusionNetwork:
    settings = {"seed": 1} | settings
    return awake(DiffusionNetwork(UNet(**UNET), (8, 8, 1), **settings))


def awake(net: DiffusionNetwork) -> DiffusionNetwork:
    """With no layer at zero, and a running mean that is not the weights."""
    rng = np.random.default_rng(3)
    net.parameters += (0.1 * rng.standard_normal(net.parameters.shape)).astype(net.dtype)
    net.average[...] = net.parameters + (0.02 * rng.standard_normal(net.parameters.shape)).astype(net.dtype)
    return net


def batch(net: DiffusionNetwork, n: int = 6, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.random((n, net.n_inputs)).astype(net.dtype), np.eye(3, dtype=net.dtype)[rng.integers(0, 3, n)]


def cloud(n: int = 40, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    return Dataset("cloud", rng.random((n, 2)).astype(np.float32), rng.integers(0, 3, n), ("a", "b", "c"))


SETTINGS: list[dict[str, Any]] = [
    {"target": "v"},
    {"target": "epsilon", "weighting": "min_snr"},
    {"target": "x0", "weighting": "min_snr", "gamma": 2.0, "schedule": "short"},
    {"target": "v", "weighting": "min_snr", "mean": [0.5, 0.2], "std": [0.3, 2.0]},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_cost_is_that_of_the_equations_by_hand(settings: dict[str, Any]) -> None:
    net = points(dtype="float64", **settings)
    x, y = batch(net)
    drawn = NoiseDraw(
        np.array([1, 5, 20, 30, 49, 50]), np.random.default_rng(1).standard_normal((6, 2)), np.array([0, 1, 2, 3, 0, 3])
    )
    x0 = (x - settings["mean"]) / settings["std"] if "mean" in settings else 2 * x - 1
    abar = np.concatenate([[1.0], np.cumprod(1 - net.schedule.betas)])[drawn.t][:, None]
    x_t = np.sqrt(abar) * x0 + np.sqrt(1 - abar) * drawn.eps
    with no_grad():
        answer = net.module(Tensor(x_t), drawn.t, drawn.labels).data
    wanted = {"epsilon": drawn.eps, "x0": x0, "v": np.sqrt(abar) * drawn.eps - np.sqrt(1 - abar) * x0}[settings["target"]]
    snr = abar[:, 0] / (1 - abar[:, 0])
    weights = np.ones(6)
    if "weighting" in settings:
        kept = np.minimum(snr, settings.get("gamma", 5.0))
        weights = kept / {"epsilon": snr, "x0": 1.0, "v": snr + 1}[settings["target"]]
    by_hand = (weights * ((answer - wanted) ** 2).mean(axis=1)).mean()
    assert net.loss(Tensor(x), y, drawn).item() == pytest.approx(by_hand, rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS[:3], ids=str)
@pytest.mark.parametrize("make", [points, images])
def test_the_gradient_is_that_of_central_differences(make: Any, settings: dict[str, Any]) -> None:
    net = make(dtype="float64", **settings)
    x, y = batch(net, 4)
    begin = np.random.default_rng(5)

    def learn() -> float:
        net.rng = copy.deepcopy(begin)  # the same times, noise and forgotten labels
        return float(net.learn(x, y))

    learn()
    gradient, worst = net.gradient.copy(), 0.0
    for i in np.random.default_rng(0).permutation(net.parameters.size)[:150]:
        was, found, h = net.parameters[i], [], 1e-6
        for at in (was + h, was - h):
            net.parameters[i] = at
            found.append(learn())
        net.parameters[i] = was
        worst = max(worst, abs((found[0] - found[1]) / (2 * h) - gradient[i]))
    assert worst < 1e-7 * max(1.0, np.abs(gradient).max())
    assert np.abs(gradient).max() > 0.01


def test_a_batch_draws_all_times_noise_and_forgets_some_labels() -> None:
    net = points(schedule="short", label_dropout=0.2)
    drawn = net.draw(np.arange(30_000) % 3, np.random.default_rng(0), net.label_dropout)
    assert set(np.unique(drawn.t)) == set(range(1, 51))
    assert np.bincount(drawn.t)[1:].min() > 450
    assert drawn.eps.shape == (30_000, 2) and drawn.eps.dtype == np.float32
    assert abs((drawn.labels == 3).mean() - 0.2) < 0.01
    assert np.array_equal(drawn.labels[drawn.labels < 3], (np.arange(30_000) % 3)[drawn.labels < 3])


def test_what_a_step_draws_comes_from_the_trainings_generator() -> None:
    net = points(label_dropout=0.5)
    x, y = batch(net, 20)
    net.rng = np.random.default_rng(5)
    costs = [net.loss(Tensor(x), y).item() for _ in range(2)]
    rng = np.random.default_rng(5)
    drawn = [net.draw(y.argmax(axis=1), rng, 0.5) for _ in range(2)]
    assert costs == [net.loss(Tensor(x), y, one).item() for one in drawn]
    assert costs[0] != costs[1]
    assert (drawn[0].labels == 3).any()


def test_the_running_mean_is_that_of_its_formula() -> None:
    net = DiffusionNetwork(MLPDenoiser(2, width=8, depth=1, classes=3), (2,), seed=1, dtype="float64", ema_decay=0.2)
    mean = net.parameters.copy()
    assert np.array_equal(net.average, mean)
    adam, (x, y) = optim.Adam(0.01), batch(net)
    for k in range(6):
        d = min(0.2, (1 + k) / (10 + k))
        mean = d * mean + (1 - d) * net.parameters
        net.learn(x, y)
        assert np.allclose(net.average, mean, rtol=1e-12)
        adam.step(net.parameters, net.gradient)
    assert net.learned[0] == 6
    assert np.abs(net.average - net.parameters).max() > 1e-4
    for (name, averaged), (_, trained) in zip(net.averaged.parameters(), net.module.parameters(), strict=True):
        assert np.shares_memory(averaged.data, net.average), name
        assert np.shares_memory(trained.data, net.parameters), name
        assert averaged.shape == trained.shape


def test_drawing_uses_the_running_mean_and_leaves_the_training_as_it_is() -> None:
    net, twin = points(), points()
    x, y = batch(net)
    weights, average, rng = net.parameters.copy(), net.average.copy(), copy.deepcopy(net.rng.bit_generator.state)
    walk = net.sample_steps(3, steps=5)
    next(walk)
    net.learn(x, y)  # in the middle of a walk
    twin.learn(x, y)
    net.average[...] = twin.average[...] = average
    assert np.array_equal(net.gradient, twin.gradient)
    assert np.array_equal(net.parameters, weights)
    *_, last = walk
    assert np.array_equal(last.x, twin.sample(3, steps=5))
    twin.parameters[...] = 0
    assert np.array_equal(last.x, twin.sample(3, steps=5))
    twin.average[...] = 0
    assert not np.array_equal(last.x, twin.sample(3, steps=5))
    fresh = points()
    fresh.sample(2, steps=2)
    fresh.evaluate(x, y)
    assert fresh.rng.bit_generator.state == rng


@pytest.mark.parametrize("at", [1, 5, 8, 11])
def test_resuming_gives_the_same_bits(at: int, tmp_path: Path) -> None:
    def training() -> Any:
        net = DiffusionNetwork(MLPDenoiser(2, width=8, depth=1, classes=3), (2,), seed=1, mean=0.5, std=0.3)
        return net, steps(net, cloud(), epochs=3, batch_size=9, optimizer=optim.Adam(0.01), schedule="cosine", seed=4)

    whole, going = training()
    costs = [step.cost for step in going]
    first, going = training()
    for _ in range(at):
        next(going)
    write_checkpoint(tmp_path / "c.safetensors", going)
    second, going = training()
    read_checkpoint(tmp_path / "c.safetensors", going)
    assert [step.cost for step in going] == costs[at:]
    for name, array in whole.buffers.items():
        assert np.array_equal(array, second.buffers[name]), name
    assert np.array_equal(whole.parameters, second.parameters)
    assert np.array_equal(whole.sample(3, 1, steps=4), second.sample(3, 1, steps=4))
    assert not np.array_equal(whole.parameters, first.parameters)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpm_solver"])
@pytest.mark.parametrize("make", [points, images])
def test_a_sample_has_the_same_bits_whatever_the_batch(make: Any, sampler: str) -> None:
    net = make()
    settings = {"sampler": sampler, "steps": 4, "guidance": 2.0, "seed": 5}
    labels = np.arange(35) % 4
    many = net.sample(35, labels, **settings)
    for n in (1, 2, 4, 7, 17):
        assert np.array_equal(net.sample(n, labels[:n], **settings), many[:n]), n
    order = np.random.default_rng(0).permutation(35)
    assert np.array_equal(net.sample(order.tolist(), labels[order], **settings), many[order])
    assert np.array_equal(net.sample([34], labels[34], **settings), many[34:])
    again = net.sample(["b", 34], labels[34], **settings)
    assert np.array_equal(again[1], many[34])
    assert np.array_equal(net.sample(["b"], labels[34], **settings)[0], again[0])
    assert not np.array_equal(net.sample(1, 0, **settings | {"seed": 6}), many[:1])


def test_guidance_is_the_papers_and_costs_nothing_where_it_changes_nothing() -> None:
    net = points(dtype="float64", target="epsilon")
    x, labels = np.random.default_rng(0).standard_normal((5, 2)), np.array([0, 1, 2, 0, 3])

    def direct(labels: Any) -> Any:
        with no_grad():
            return net.averaged(Tensor(x), np.full(5, 400), labels).data

    with_label, with_any = direct(labels), direct(np.full(5, 3))
    for g in (0.0, 0.5, 1.0, 3.0):
        assert np.allclose(net.prediction(x, 400, labels, g), with_any + g * (with_label - with_any), rtol=1e-10)
    assert np.array_equal(net.prediction(x, 400, None, 3.0), net.prediction(x, 400, 3))
    assert np.abs(with_label - with_any)[:4].max() > 1e-3
    asked: list[int] = []
    net._predict = lambda x, *_: asked.append(len(x)) or x  # type: ignore[method-assign,assignment,func-returns-value]
    for g, rows in ((0.0, 5), (1.0, 5), (2.0, 10)):
        asked.clear()
        net.prediction(x, 400, labels, g)
        assert asked == [rows]


def test_watching_shows_every_moment_in_the_datas_units() -> None:
    net = images()
    walk = list(net.sample_steps(2, 1, steps=5, seed=2))
    assert [step.t for step in walk] == [*spaced_timesteps(1000, 5), 0]
    assert all(step.x.shape == step.x0.shape == (2, 8, 8, 1) for step in walk)
    assert all(step.x.dtype == np.float32 for step in walk)
    assert all(step.x0.min() >= -1e-6 and step.x0.max() <= 1 + 1e-6 for step in walk)
    assert walk[0].x.min() < 0  # pure noise is no image
    assert np.allclose(2 * walk[0].x - 1, Noise(2, (8, 8, 1), seed=2)(), atol=1e-6)
    assert np.array_equal(net.sample(2, 1, steps=5, seed=2), walk[-1].x.reshape(2, 64))
    assert np.array_equal(net.sample(2, 1, steps=spaced_timesteps(1000, 5), seed=2), walk[-1].x.reshape(2, 64))
    unclipped = list(net.sample_steps(2, 1, steps=5, seed=2, clip=None))
    by_hand = ddim(
        net.diffusion, lambda x, t: net.prediction(x, t, 1), Noise(2, (8, 8, 1), 2, np.float32), spaced_timesteps(1000, 5)
    )
    for step, other in zip(unclipped, by_hand, strict=True):
        assert np.allclose(step.x, 0.5 * other.x + 0.5)


def test_the_cost_of_given_data_is_the_same_each_time_and_near_that_of_training() -> None:
    net = points()
    data = cloud(3000)
    cost, accuracy = net.evaluate(data.flat, data.targets())
    assert accuracy is None
    assert (cost, None) == net.evaluate(data.flat, data.targets())
    assert cost == net.evaluate(data.flat, data.labels)[0]
    net.parameters[...] = 0
    assert cost == net.evaluate(data.flat, data.labels)[0]  # what counts is the running mean, with which one draws
    net.parameters[...] = net.average
    drawn = net.draw(data.labels, generator(9, "other"))
    with no_grad():
        assert net.loss(Tensor(data.flat), data.targets(), drawn).item() == pytest.approx(cost, rel=0.05)


@pytest.mark.parametrize("settings", [{}, {"mean": [0.1, 0.2], "std": 0.5, "target": "x0", "schedule": "linear", "steps": 800}])
def test_its_description_and_its_tensors_are_the_network(settings: dict[str, Any]) -> None:
    net = points(**settings)
    written = save({name: np.ascontiguousarray(array) for name, array in net.tensors().items()})
    again = from_architecture(json.loads(json.dumps(net.architecture())))
    assert again.architecture() == net.architecture()
    assert repr(again) == repr(net)
    read = load(written)
    assert set(read) == set(again.tensors())
    for name, view in again.tensors().items():
        assert view.shape == read[name].shape
        view[...] = read[name]
    assert np.array_equal(again.sample(3, 2, steps=3), net.sample(3, 2, steps=3))
    assert sum(array.size for array in read.values()) == net.parameters.size + (4 if settings else 0)
    again.adopt()
    assert np.array_equal(again.parameters, net.average)
    assert np.array_equal(again.average, net.average)
    if settings:
        again.tensors()["data.std"][0] = 0
        with pytest.raises(ModelError, match="is not above 0: write the model file anew"):
            again.adopt()


def test_scaled_data_have_mean_0_and_deviation_1_and_come_back() -> None:
    x = np.random.default_rng(0).normal([3.0, -1.0], [0.1, 20.0], (5000, 2))
    net = points(mean=x.mean(axis=0), std=x.std(axis=0), dtype="float64")
    assert np.allclose(net.scaled(x).mean(axis=0), 0, atol=1e-12)
    assert np.allclose(net.scaled(x).std(axis=0), 1)
    assert np.allclose(net.unscaled(net.scaled(x)), x)
    assert np.array_equal(points().scaled(np.array([0.0, 0.5, 1.0])), [-1, 0, 1])
    assert np.allclose(points().unscaled(np.array([-1.0, 0.0, 1.0])), [0, 0.5, 1])


def test_without_classes_every_label_is_any() -> None:
    net = awake(DiffusionNetwork(MLPDenoiser(2, width=16, depth=1), (2,)))
    x, y = batch(net)
    net.learn(x, y)
    assert net.draw(net._labels(y, 6), net.rng, 0.5).labels.tolist() == [0] * 6
    assert np.array_equal(net.sample(2, 0, steps=2), net.sample(2, steps=2))


def test_the_point_network_answers_each_row_by_itself_and_is_built_again(rng: np.random.Generator) -> None:
    net = MLPDenoiser(3, width=16, depth=2, classes=4).initialise(2)
    assert not net(Tensor(np.ones((2, 3), np.float32)), [1, 2]).data.any()  # the last layer begins at zero
    for _, parameter in net.parameters():
        parameter.data = parameter.data + 0.1 * rng.standard_normal(parameter.shape)
    x, t, labels = rng.standard_normal((5, 3)), rng.integers(1, 1001, 5), rng.integers(0, 5, 5)
    whole = net(Tensor(x), t, labels).data
    assert np.allclose(net(Tensor(x[2:3]), t[2:3], labels[2:3]).data, whole[2:3], rtol=1e-10)
    assert np.abs(net(Tensor(x), t + 5, labels).data - whole).max() > 1e-3
    assert np.abs(net(Tensor(x), t, (labels + 1) % 5).data - whole).max() > 1e-3
    assert np.array_equal(net(Tensor(x), t).data, net(Tensor(x), t, np.full(5, 4)).data)
    for block in net.blocks:
        for _, parameter in block.second.parameters():
            parameter.data[...] = 0  # then a block adds nothing to what was there
    assert np.array_equal(net(Tensor(x), t, labels).data, net.out(net.norm(net.start(Tensor(x)))).data)
    again = nn.build(json.loads(json.dumps(net.describe())))
    again.load_state(net.state())
    assert repr(again) == repr(net)


class Narrow(nn.Module):
    """Answers half of what it is asked."""

    def forward(self, x: Any, t: Any, labels: Any) -> Any:
        return x[:, :1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: points(label_dropout=1.0), "label_dropout must be 0 or more and below 1"),
        (lambda: points(ema_decay=-0.1), "ema_decay must be 0 or more and below 1"),
        (lambda: points(target="noise"), "target 'noise' is unknown"),
        (lambda: points(schedule="sine"), "noise schedule 'sine' is unknown"),
        (lambda: points(schedule="linear", steps=50), "noise schedule 'linear': alpha_bar must end between 0 and 0.01"),
        (lambda: points(weighting="snr"), "weighting 'snr' is unknown"),
        (lambda: points(weighting="min_snr", gamma=0), "gamma must be above 0"),
        (lambda: points(std=0.0), "std is above 0"),
        (lambda: points(mean=[1.0, math.nan]), "mean and std of the data are finite"),
        (lambda: points(mean=[1.0, 2.0, 3.0]), "mean and std are of the data, of one number or of the shape (2,)"),
        (lambda: DiffusionNetwork(Narrow(), (2,)), "the module answers (1,) to a sample of (2,), but these two must agree"),
        (lambda: DiffusionNetwork(MLPDenoiser(3), (2,)), "MLPDenoiser: x must be (N, 3)"),
        (lambda: DiffusionNetwork(MLPDenoiser(3), ()), "input_shape must be a list of whole numbers, 1 or more of them"),
        (lambda: DiffusionNetwork(UNet(**UNET), (10**6, 10**6, 1)), "a sample must have at most 1,000,000 numbers"),
        (lambda: MLPDenoiser(0), "MLPDenoiser: features must be 1 or more"),
        (lambda: MLPDenoiser(2, depth=101), "MLPDenoiser: depth must be from 1 to 100"),
        (lambda: MLPDenoiser(2, classes=-1), "MLPDenoiser: classes must be 0 or more"),
        (lambda: MLPDenoiser(2)(Tensor(np.zeros((3, 2))), [1, 2]), "t must be (3,), one number per row of x, got (2,)"),
        (lambda: points().learn(np.zeros((2, 3)), np.zeros((2, 3))), "the input must be (m, 2), or rows of 2 numbers"),
        (
            lambda: points().learn(np.zeros((2, 2)), np.zeros((2, 5))),
            "the labels must be (2,) whole numbers from 0 to 3",
        ),
        (lambda: points().sample(2, 4), "the labels must be (2,) whole numbers from 0 to 3"),
        (lambda: points().sample(2, [0, 1, 2]), "the labels must be (2,) whole numbers from 0 to 3"),
        (lambda: points().sample(2, [0.5, 1.0]), "the labels must be (2,) whole numbers from 0 to 3"),
        (lambda: points().sample(0), "there are no samples to draw"),
        (lambda: points().sample(2, guidance=-1.0), "guidance must be 0 or more"),
        (lambda: points().sample(2, guidance=math.inf), "guidance must be a finite number, 0 or more"),
        (lambda: points().sample(2, clip=0.0), "clip must be above 0"),
        (lambda: points().sample(2, clip="yes"), 'clip must be a number above 0, None for none, or "data"'),
        (lambda: points().sample(2, steps=1001), "sampling: steps must be from 1 to 1,000"),
        (lambda: points().sample(2, sampler="euler"), "sampler 'euler' is unknown"),
        (lambda: points().sample(2, sampler="ddpm", eta=1.0), "the sampler 'ddpm' does not take eta"),
        (lambda: points().sample(2, eta=2.0), "ddim: eta must be from 0 to 1"),
        (lambda: points().forward(np.zeros((2, 2))), "a diffusion network has no outputs for a sample alone"),
        (lambda: points().predict(np.zeros((2, 2))), "a diffusion network tells no classes apart"),
        (lambda: from_architecture({}), "the architecture is not a diffusion network's"),
        (
            lambda: from_architecture(points().architecture() | {"steps": 10**12}),
            "noise schedule: steps must be from 1 to 100,000",
        ),
        (lambda: from_architecture(points().architecture() | {"colour": 1}), "the architecture is not a diffusion network's"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(call: Any, message: str) -> None:
    with pytest.raises(ByhandError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_explosion_is_told() -> None:
    net = points()
    net.parameters[:] = np.nan
    with pytest.raises(ByhandError, match=r"exploded at step 0 .*: the parameter"):
        next(steps(net, cloud(), epochs=1))


@pytest.mark.slow
@pytest.mark.parametrize("make", [points, images])
def test_on_the_gpus_arrays_come_the_same_numbers(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("cupy_double", Path(__file__).parents[1] / "gpu" / "cupy_double.py")
    assert spec is not None and spec.loader is not None
    double = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(double)
    cupy = double.install(monkeypatch)
    monkeypatch.setenv("BYHAND_KERNELS", "numpy")
    found: list[Any] = []
    for device in ("cpu", "gpu"):
        module = make().module
        net = DiffusionNetwork(
            module, make().input_shape, weighting="min_snr", mean=0.4, std=0.3, dtype="float64", device=device, initialiser=None
        )
        x, y = batch(net, 4)
        costs = []
        for _ in range(2):
            costs.append(net.learn(x, y))
            net.parameters -= 0.1 * net.gradient
        found.append((costs, net.evaluate(x, y)[0], net.sample(2, 1, steps=2, guidance=2.0), net.tensors()))
    assert type(net.average) is cupy.ndarray
    for mine, other in zip(found[0][:3], found[1][:3], strict=True):
        assert isinstance(other, float | list | np.ndarray)
        assert np.allclose(mine, other, rtol=1e-9)
    assert all(np.allclose(array, found[1][3][name], rtol=1e-9, atol=1e-12) for name, array in found[0][3].items())


def distance(a: Any, b: Any) -> float:
    """The energy distance of two samples, 0 in the mean where they are of one distribution: Szekely and Rizzo (2013)."""
    between, within, other = (np.linalg.norm(p[:, None] - q[None], axis=2) for p, q in ((a, b), (a, a), (b, b)))
    return float(2 * between.mean() - within.sum() / (len(a) * (len(a) - 1)) - other.sum() / (len(b) * (len(b) - 1)))


def moons(n: int, seed: int) -> Dataset:
    """In [0, 1]."""
    made = make_moons(n, 0.05, seed)
    x = (made.inputs - np.array([0.5, 0.25], np.float32)) / np.array([4.0, 2.5], np.float32) + np.float32(0.5)
    return Dataset("moons", x, made.labels, made.class_names)


@pytest.mark.slow
def test_it_draws_moons_that_cannot_be_told_from_moons() -> None:
    train, fresh = moons(4000, seed=1), moons(2000, seed=2)
    net = DiffusionNetwork(MLPDenoiser(2, width=64, classes=2), (2,), seed=1, ema_decay=0.99)
    for _ in steps(net, train, epochs=40, batch_size=256, optimizer=optim.Adam(3e-3), schedule="cosine", seed=1):
        pass
    same = abs(distance(train.flat[:2000], fresh.flat))  # two halves of one thing
    gauss = np.random.default_rng(0).multivariate_normal(fresh.flat.mean(axis=0), np.cov(fresh.flat.T), 2000)
    blurred = distance(gauss, fresh.flat)  # what has the right mean and covariance, and nothing else
    drawn = net.sample(2000, np.arange(2000) % 2, steps=50)
    apart = distance(drawn, fresh.flat)
    assert same < 5e-4
    assert apart < 1e-3 < 0.2 * blurred
    for label in (0, 1):
        one, other = fresh.flat[fresh.labels == label], fresh.flat[fresh.labels != label]
        mine = drawn[np.arange(2000) % 2 == label]
        assert distance(mine, one) < 2e-3 < 0.01 * distance(mine, other)
    for sampler, asked in (("ddpm", 100), ("dpm_solver", 20)):  # of any label, which was every tenth in training
        assert distance(net.sample(1000, sampler=sampler, steps=asked, seed=2), fresh.flat) < 3e-3
