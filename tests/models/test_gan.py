"""The game of a GAN: gradients of both games by central differences and PyTorch, turns, and a short real training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import byhand
from byhand import data, optim
from byhand.cli import app
from byhand.data.dataset import Dataset
from byhand.engine import Tensor
from byhand.errors import ModelError
from byhand.modelfile import Model, load_model, save_model
from byhand.models.gan import GAN, critic_cost, discriminator_cost, generator_cost, gradient_penalty, slope_at_data
from byhand.models.players import Players
from byhand.neural_network import Turn
from byhand.see.microscope import Microscope
from byhand.shipped import open_model


def game(shape: tuple[int, ...] = (2,), classes: int = 2, **settings: Any) -> GAN:
    net = GAN(Players(3, shape, classes, width=6), shape, **({"seed": 1, "dtype": np.float64} | settings))
    net.parameters += 0.1 * np.random.default_rng(0).standard_normal(net.parameters.shape)  # away from the kinks at 0
    return net


def batch(shape: tuple[int, ...], m: int = 6) -> tuple[Any, Any]:
    rng = np.random.default_rng(2)
    return rng.random((m, *shape)), np.eye(2)[rng.integers(0, 2, m)]


GAMES = [("non_saturating", 0.0), ("non_saturating", 0.7), ("wasserstein", 10.0)]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "penalty"), GAMES)
@pytest.mark.parametrize(("shape", "classes"), [((2,), 0), ((2,), 2), ((8, 8, 1), 2)])
def test_the_gradient_of_each_turn_is_that_of_central_differences(
    kind: str, penalty: float, shape: tuple[int, ...], classes: int
) -> None:
    net = game(shape, classes, game=kind, penalty=penalty)
    x, y = batch(shape)
    for _ in range(2):
        chance, twin = net.chance(y, len(x)), net.twin()
        net.learn(x, y, *chance)
        (turn,) = net.turn()
        gradient = net.gradient.copy()
        assert gradient[turn.part].any() and not np.delete(gradient, np.r_[turn.part]).any()
        for i in np.random.default_rng(0).permutation(np.r_[turn.part])[:12]:
            costs = []
            for sign in (1, -1):
                other = twin.twin()
                other.parameters[i] += sign * 1e-6
                costs.append(other.learn(x, y, *chance))
            assert (costs[0] - costs[1]) / 2e-6 == pytest.approx(gradient[i], rel=1e-5, abs=1e-8)


@pytest.mark.torch
@pytest.mark.parametrize(("kind", "penalty"), GAMES)
def test_costs_and_gradients_are_pytorch_s_the_penalty_s_too(torch: Any, kind: str, penalty: float) -> None:
    net = game((2,), 0, game=kind, penalty=penalty)
    x, y = batch((2,))
    (chance,) = net.chance(y, 6)
    cost = net.learn(x, y, chance)

    def player(which: str) -> Any:
        named = {name: torch.tensor(array.copy(), requires_grad=True) for name, array in net.named_parameters().items()}
        return {name.removeprefix(f"{which}."): one for name, one in named.items() if name.startswith(which)}

    generator, critic = player("generator"), player("discriminator")

    def linear(weights: Any, name: str, a: Any) -> Any:
        return a @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def made(z: Any) -> Any:
        for layer in ("0", "2", "4"):
            z = torch.relu(linear(generator, f"layers.{layer}", z))
        return linear(generator, "layers.6", z)

    def rated(a: Any) -> Any:
        for layer in ("0", "2", "4"):
            a = torch.nn.functional.leaky_relu(linear(critic, f"layers.{layer}", a), 0.2)
        return linear(critic, "out", a)

    real, drawn = torch.tensor(x), made(torch.tensor(chance.z)).detach()
    if kind == "non_saturating":
        real.requires_grad_()
        (slopes,) = torch.autograd.grad(rated(real).sum(), real, create_graph=True)
        theirs = torch.nn.functional.softplus(-rated(real)).mean() + torch.nn.functional.softplus(rated(drawn)).mean()
        theirs = theirs + penalty * 0.5 * (slopes**2).sum(dim=1).mean()
    else:
        share = torch.tensor(chance.between)[:, None]
        between = (share * real + (1 - share) * drawn).requires_grad_()
        (slopes,) = torch.autograd.grad(rated(between).sum(), between, create_graph=True)
        theirs = rated(drawn).mean() - rated(real).mean() + penalty * ((slopes.norm(dim=1) - 1) ** 2).mean()
    theirs.backward()
    assert cost == pytest.approx(float(theirs.detach()), rel=1e-10)
    for name, place in net.parameter_slices().items():
        which, _, rest = name.partition(".")
        if which == "discriminator":
            view = net.named_parameters()[name]
            mine = net.gradient[place].reshape(view.T.shape).T if view.ndim == 2 and not view.flags.c_contiguous else None
            mine = net.gradient[place].reshape(view.shape) if mine is None else mine
            assert np.allclose(mine, critic[rest].grad.numpy(), rtol=1e-8, atol=1e-12), name


def test_the_costs_are_those_of_the_papers() -> None:
    real, drawn = Tensor(np.array([[0.0], [2.0]])), Tensor(np.array([[0.0], [-2.0]]))
    both = np.log(2) + np.log1p(np.exp(-2))
    assert discriminator_cost(real, drawn).item() == pytest.approx(both, rel=1e-6)
    assert generator_cost(drawn).item() == pytest.approx((np.log(2) + np.log1p(np.exp(2))) / 2, rel=1e-6)
    assert critic_cost(real, drawn).item() == pytest.approx(-2)
    assert gradient_penalty(Tensor(np.array([[3.0, 4.0], [1.0, 0.0]]))).item() == pytest.approx(8)
    assert slope_at_data(Tensor(np.array([[3.0, 4.0], [1.0, 0.0]]))).item() == pytest.approx(6.5)


@pytest.mark.parametrize("make", [lambda: optim.Adam(0.01), lambda: optim.SGD(0.1, momentum=0.9), lambda: optim.Muon(0.01)])
def test_a_turn_leaves_the_other_player_and_its_optimiser_s_memory_as_they_are(make: Any) -> None:
    net = game((2,), 0, turns=2)
    x, y = batch((2,), 20)
    training = byhand.steps(
        net, Dataset("points", x.astype(np.float32), y.argmax(1), ("a", "b")), epochs=20, batch_size=20, optimizer=make()
    )
    numbers = []
    for _ in range(6):
        before = net.parameters.copy(), {name: slot.copy() for name, slot in training.optimizer.state.items()}
        next(training)
        (turn,) = net.turn()
        other = np.delete(np.arange(net.parameters.size), np.r_[turn.part])
        assert np.array_equal(net.parameters[other], before[0][other])
        assert not np.array_equal(net.parameters[turn.part], before[0][turn.part])
        assert all(np.array_equal(slot[other], before[1][name][other]) for name, slot in training.optimizer.state.items())
        assert not training.optimizer.update[other].any()
        numbers.append((turn.part.start > 0, turn.number))
    assert numbers == [(True, 1), (True, 2), (False, 1), (True, 3), (True, 4), (False, 2)]


def test_adam_corrects_each_player_s_moments_by_its_own_count() -> None:
    rng = np.random.default_rng(0)
    theta, g = rng.standard_normal(30_000), rng.standard_normal(30_000)
    whole, turns = theta.copy(), theta.copy()
    one, each = optim.Adam(0.01), optim.Adam(0.01)
    for number in (1, 2, 3):
        one.step(whole, g)
        each.step(turns, g, Turn(slice(20_000, 30_000), number))
        each.step(turns, g, Turn(slice(0, 20_000), number))
    assert np.array_equal(whole, turns)


@pytest.mark.slow
def test_a_short_game_on_two_moons_covers_both_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    moons = data.load("moons", n=1000, noise=0.05)

    def begun() -> Any:
        x = moons.train.inputs
        net = GAN(Players(4, (2,), 0, width=32), (2,), seed=3, mean=x.mean(0), std=x.std(0))
        return byhand.steps(net, moons.train, epochs=120, batch_size=64, optimizer=optim.Adam(0.002, beta1=0.5), seed=3)

    training = begun()
    halfway = None
    for step in training:
        assert np.isfinite(step.cost)
        if step.index == training.total // 2:
            vectors, strings = training.state()
            halfway = {name: np.array(vector) for name, vector in vectors.items()}, strings
    net = training.model
    drawn = net.sample(400, seed=1)
    for label in (0, 1):
        mine = moons.test.inputs[moons.test.labels == label]
        nearest = np.linalg.norm(mine[:, None] - drawn, axis=2).min(axis=1)
        assert np.median(nearest) < 0.12, "a moon is left out"
    far = np.linalg.norm(drawn[:, None] - moons.train.inputs, axis=2).min(axis=1)
    assert np.median(far) < 0.2
    again = begun()
    again.resume(*halfway)
    for _ in again:
        pass
    assert np.array_equal(again.model.parameters, net.parameters) and np.array_equal(again.model.average, net.average)
    save_model(tmp_path / "game.safetensors", Model(net, moons.train.class_names, {}, "moons-gan"))
    read = load_model(tmp_path / "game.safetensors").network
    assert (
        np.array_equal(read.sample(5, seed=7), net.sample(5, seed=7))
        and read.evaluate(moons.test.inputs, moons.test.labels)[0] > 0
    )


def test_a_sample_depends_on_seed_name_and_class_alone() -> None:
    net = game((8, 8, 1), 2, dtype=np.float32)
    five = net.sample(5, [0, 1, 0, 1, 0], seed=4)
    assert five.shape == (5, 64) and five.min() >= 0 and five.max() <= 1
    assert np.allclose(net.sample([3], [1], seed=4)[0], five[3], atol=1e-6)
    assert not np.allclose(net.sample([3], [0], seed=4)[0], five[3], atol=1e-4)
    assert not np.allclose(net.sample([3], [1], seed=5)[0], five[3], atol=1e-4)


@pytest.mark.slow
def test_the_microscope_adds_up_the_gradient_of_the_player_on_turn_the_penalty_s_part_too() -> None:
    x, y = batch((2,), 24)
    points = Dataset("points", x, y.argmax(1), ("a", "b"))
    training = byhand.steps(game((2,), 0, penalty=0.3), points, epochs=2, batch_size=8, optimizer=optim.Adam(0.01))
    for on_turn, waits in (("discriminator", "generator"), ("generator", "discriminator")):
        found = Microscope(training, points)
        for name in (f"{on_turn}.layers.0.weight", f"{on_turn}.layers.4.bias"):
            gradient = found.numbers.arrays[f"{name}.gradient"].values
            number = found.number(f"{name}.gradient", [int(k) for k in np.unravel_index(abs(gradient).argmax(), gradient.shape)])
            assert number["value"] != 0 and number["total"] == pytest.approx(number["value"], rel=1e-9)
        with pytest.raises(ModelError, match="is not trained in it"):
            found.pushes(f"{waits}.layers.0.weight", [0, 0])
        next(training)


@pytest.mark.slow
def test_the_shipped_game_draws_digits_that_are_read_as_asked_and_not_all_alike() -> None:
    network, judge = open_model("mnist-gan").drawer, open_model("mnist-cnn").classifier
    labels = np.arange(200) % 10
    drawn = network.sample(200, labels)
    p = judge.forward(drawn)
    assert (p.argmax(axis=1) == labels).mean() > 0.95 and (p.max(axis=1) >= 0.9).mean() > 0.85
    assert all(drawn[labels == k].std(axis=0).mean() > 0.06 for k in range(10))  # of real ones 0.08 (ones) to 0.17


@pytest.mark.slow
def test_drawing_asks_for_a_class_and_tells_in_one_line_what_draws_nothing(tmp_path: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(app, ["draw", "mnist-gan", "-n", "5", "--class", "7", "-o", str(tmp_path / "sevens.png"), "--json"])
    assert made.exit_code == 0 and json.loads(made.stdout)["samples"] == 5
    with Image.open(tmp_path / "sevens.png") as sheet:
        assert sheet.size == (92, 62)
    for arguments, says in (
        (["mnist-cnn"], "draws nothing"),
        (["mnist-gan", "--class", "x"], "knows no class 'x'"),
        (["mnist-gan", "-n", "0"], "samples must be"),
    ):
        refused = runner.invoke(app, ["draw", *arguments, "-o", str(tmp_path / "no.png")])
        assert refused.exit_code != 0 and says in str(refused.exception) and not (tmp_path / "no.png").exists()


@pytest.mark.slow
def test_the_recipe_writes_its_film_and_its_step_is_explained(tmp_path: Path) -> None:
    runner = CliRunner()
    small = ["--set", 'model_options={"latent":2,"width":8,"conditional":false,"standardise":true}', "--set", "epochs=1"]
    made = runner.invoke(app, ["train", "moons-gan", "--out", str(tmp_path / "run"), *small, "--set", 'data_options={"n": 400}'])
    assert made.exit_code == 0, made.output
    with Image.open(tmp_path / "run" / "game.gif") as film:
        assert film.n_frames >= 2 and film.size == (560, 476)
    explained = runner.invoke(app, ["explain", str(tmp_path / "run"), "--json"])
    assert explained.exit_code == 0, explained.output
    assert json.loads(explained.stdout)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: game(game="chess"), "game"),
        (lambda: game(turns=0), "turns must be"),
        (lambda: GAN(byhand.nn.Linear(2, 2), (2,)), "the players must be a Players"),
        (lambda: GAN(Players(3, (2,), 0, 4), (3,)), "the generator makes"),
        (lambda: game().forward(np.zeros((1, 2))), "draw some with sample"),
        (lambda: game().sample(2, [0, 5]), "whole numbers from 0 to 1"),
    ],
)
def test_bad_input_is_told_in_one_line(make: Any, says: str) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)
