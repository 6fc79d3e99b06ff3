"""Every kind of network that byhand brings answers the protocol: its parts tile its parameters, its twin computes the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.models.autoencoder import Autoencoder
from byhand.models.cnn import cnn
from byhand.models.conv_autoencoder import ConvAutoencoder, ConvVAE
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.elbo import Variational
from byhand.models.kinds import in_files, in_recipes, of_recipe
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.transformer import Transformer
from byhand.models.vae import VAE
from byhand.nn import Dropout, Linear, Network, ReLU, Sequential
from byhand.training.evaluate import MEASURES

MAKERS: dict[str, Callable[[], Any]] = {
    "feedforward": lambda: FeedForward((6, 5, 3), "relu", output="softmax", cost="cross_entropy", l2=0.1, dropout=0.3, seed=1),
    "network": lambda: Network(Sequential(Linear(6, 5), ReLU(), Dropout(0.3), Linear(5, 3)), (6,), seed=1),
    "cnn": lambda: Network(cnn(1, 3, channels=(2, 3), side=8), (8, 8, 1), seed=1),
    "transformer": lambda: Network(Transformer(5, length=4, width=8, depth=1, heads=2), (4,), seed=1),
    "autoencoder": lambda: Autoencoder(6, (4,), 1, noise=0.1, seed=1),
    "vae": lambda: VAE(6, (4,), 2, seed=1),
    "conditional vae": lambda: VAE(6, (4,), 2, classes=3, seed=1),
    "conv_autoencoder": lambda: ConvAutoencoder(channels=(2, 3), latent=2, noise=0.1, seed=1),
    "conv_vae": lambda: ConvVAE(channels=(2, 3), latent=2, seed=1),
    "diffusion": lambda: DiffusionNetwork(MLPDenoiser(6, classes=3, width=8), (6,), mean=0.1, std=2.0, seed=1),
}


def batch(net: Any) -> tuple[Any, Any]:
    """Four samples as rows, and targets: the same in whatever order the tests run."""
    rng = np.random.default_rng(0)
    if net.reads_text:
        codes = rng.integers(0, 5, (4, 5))
        return codes[:, :-1], codes[:, 1:]
    return rng.random((4, net.n_inputs), np.float32), np.eye(3, dtype=np.float32)[rng.integers(0, 3, 4)]


@pytest.fixture(params=MAKERS)
def net(request: pytest.FixtureRequest) -> Any:
    return MAKERS[request.param]()


def test_its_named_parameters_tile_its_flat_vector(net: Any) -> None:
    taken = sorted((place.start, place.stop) for place in net.parameter_slices().values())
    assert [start for start, _ in taken] == [0, *(stop for _, stop in taken[:-1])] and taken[-1][1] == net.parameters.size
    for name, place in net.parameter_slices().items():
        before = net.named_parameters()[name].copy()
        net.parameters[place] += 1
        assert np.allclose(net.named_parameters()[name], before + 1)


def test_its_twin_takes_the_same_step_to_the_bit_and_shares_nothing(net: Any) -> None:
    x, y = batch(net)
    twin = net.twin()
    assert type(twin) is type(net) and repr(twin) == repr(net)
    assert twin.learn(x, y) == net.learn(x, y)  # with the same chance
    assert np.array_equal(twin.gradient, net.gradient)
    theta = net.parameters.copy()
    twin.parameters.fill(0)
    assert np.array_equal(net.parameters, theta)
    assert all(not np.shares_memory(array, twin.buffers[name]) for name, array in net.buffers.items())


def test_its_twin_in_double_precision_has_its_cost(net: Any) -> None:
    x, y = batch(net)
    twin = net.twin(np.float64)
    assert twin.parameters.dtype == twin.gradient.dtype == np.float64
    assert all(array.dtype == np.float64 for array in twin.buffers.values())
    if not isinstance(net, Variational | DiffusionNetwork):  # which draw other numbers in the other precision
        assert twin.evaluate(x, y)[0] == pytest.approx(net.evaluate(x, y)[0], rel=1e-4)
    if net.answers(x, y if net.classes else None) is not None:
        both = (one.answers(x, y if net.classes else None) for one in (twin, net))
        assert np.allclose(*both, atol=1e-4)


def test_a_twin_of_a_subclass_stays_of_it(net: Any) -> None:
    kind = type("Mine", (type(net),), {"learn": lambda self, x, y: 42.0})
    net.__class__ = kind
    assert net.twin(np.float64).learn(None, None) == 42.0


def test_its_answers_are_none_or_one_row_a_sample(net: Any) -> None:
    x, y = batch(net)
    found = net.answers(x, y if net.purpose != "classification" else None)
    assert (found is None) == (net.purpose == "generation")
    assert found is None or len(found) == 4
    z = net.weighted_outputs(x)
    if z is not None and net.output_activation == "softmax":
        p = np.exp(z - z.max(axis=-1, keepdims=True))
        assert np.allclose(p / p.sum(axis=-1, keepdims=True), net.forward(x), atol=1e-5)
    elif z is not None:
        assert net.output_activation == "sigmoid" and np.allclose(1 / (1 + np.exp(-z)), net.forward(x), atol=1e-5)


def test_the_layers_of_a_network_by_hand_end_in_its_outputs(net: Any) -> None:
    outputs = net.layer_outputs()
    assert (outputs is None) == (not net.by_hand)
    if outputs is None:
        assert net.modules()
        return
    net.learn(*batch(net))
    outputs = net.layer_outputs()
    assert {f"{output.name}.weight" for output in outputs} <= set(net.named_parameters())
    assert all(output.a.shape[0] == 4 for output in outputs) and not outputs[-1].hidden and net.modules() == []
    assert outputs[-1].activation == net.output_activation


def test_what_is_tried_without_dropout_or_noise_draws_nothing(net: Any) -> None:
    quiet = net.without_dropout() or net.without_noise()
    if quiet is None:
        return
    x, y = batch(net)
    before, first = net.learn(x, y), quiet.learn(x, y)
    assert first == pytest.approx(quiet.learn(x, y)) and before != pytest.approx(net.learn(x, y), rel=1e-9)
    assert quiet.without_dropout() is None and quiet.without_noise() is None


def test_a_larger_one_of_its_kind_has_more_parameters_and_learns() -> None:
    for name in ("feedforward", "autoencoder"):
        net = MAKERS[name]()
        larger = net.enlarged(8)
        assert type(larger.network) is type(net) and larger.network.parameters.size > net.parameters.size
        assert "eight" in larger.words or "8" in larger.words
        assert np.isfinite(larger.network.learn(*batch(net)))
    assert MAKERS["vae"]().enlarged(8) is None and MAKERS["network"]().enlarged(8) is None


def test_penalty_is_the_part_of_the_cost_that_is_of_no_sample() -> None:
    net = FeedForward((6, 5, 3), seed=1, l2=0.1, l1=0.01)
    x, y = batch(net)
    w = np.concatenate([layer.ravel() for layer in net.weights]).astype(float)
    assert net.penalty() == pytest.approx(0.05 * (w @ w) + 0.01 * np.abs(w).sum(), rel=1e-5)
    assert net.learn(x, y) - net.penalty() == pytest.approx(net.evaluate(x, y)[0], rel=1e-5)


def test_drawn_anew_its_weights_are_others_of_the_right_size() -> None:
    for name in ("feedforward", "network", "vae"):
        net = MAKERS[name]()
        theta = net.parameters.copy()
        net.parameters.fill(0)
        assert net.redraw() and net.parameters.any()
        assert 0.2 < np.abs(net.parameters).std() / np.abs(theta).std() < 5


def test_its_purpose_has_an_evaluation_and_only_a_vae_is_variational(net: Any) -> None:
    assert net.purpose in MEASURES
    assert isinstance(net, Variational) == isinstance(net, VAE | ConvVAE)


def test_the_table_has_each_kind_once() -> None:
    assert len(set(in_files())) == len(in_files()) and len(set(in_recipes())) == len(in_recipes())
    assert set(in_recipes()) - set(in_files()) == {"cnn", "lstm", "transformer"}  # which files call networks of modules
    with pytest.raises(ModelError, match="model must be one of"):
        of_recipe("network")
