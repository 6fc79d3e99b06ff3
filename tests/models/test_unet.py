"""The U-Net beside the same network in PyTorch, and what it says of inputs that do not fit."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byhand import nn, optim
from byhand.engine import Tensor, ops
from byhand.errors import ByhandError, ModelError
from byhand.models.unet import UNet, waves

# Two channels a group at least: in a group of one, the bias before the norm has no gradient to compare.
SMALL = {"channels": (16, 24, 32), "classes": 5, "embedding": 12, "heads": 2}


@pytest.fixture(scope="module")
def peers(torch: Any) -> Any:
    """The networks that the benchmark compares with."""
    path = Path(__file__).parents[2] / "benchmarks" / "engine_peers.py"
    if not path.is_file():
        pytest.skip("benchmarks/engine_peers.py, which has the network in PyTorch, is not there")
    spec = importlib.util.spec_from_file_location("engine_peers", path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def batch(n: int, dtype: Any = np.float32) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(7)
    return rng.standard_normal((n, 28, 28, 1)).astype(dtype), rng.integers(1, 1001, n), rng.integers(0, 6, n)


def as_float64(net: UNet) -> UNet:
    for _, parameter in net.parameters():
        parameter.data = parameter.data.astype(np.float64)
    return net


@pytest.mark.torch
def test_parameters_are_pytorchs_in_number_name_and_shape(peers: Any) -> None:
    ours, theirs = UNet(), peers.UNet()
    assert {name: array.shape for name, array in nn.to_pytorch(ours).items()} == {
        name: tuple(parameter.shape) for name, parameter in theirs.named_parameters()
    }
    assert ours.n_parameters == sum(parameter.numel() for parameter in theirs.parameters()) == 778_497


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-8)])
@pytest.mark.parametrize("settings", [{}, SMALL], ids=["as it comes", "small"])
def test_with_pytorchs_weights_come_pytorchs_outputs_and_gradients(
    settings: dict[str, Any], dtype: str, tolerance: float, peers: Any, torch: Any
) -> None:
    torch.manual_seed(3)
    theirs = peers.UNet(**settings).to(getattr(torch, dtype))
    with torch.no_grad():  # the last convolution too, which at zero would stop all gradients
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.05)
    ours = UNet(**settings)
    if dtype == "float64":
        as_float64(ours)
    nn.from_pytorch(ours, {name: value.numpy() for name, value in theirs.state_dict().items()})

    x, t, labels = batch(4, dtype)
    ours_x = Tensor(x, requires_grad=True)
    theirs_x = torch.tensor(x.transpose(0, 3, 1, 2).copy(), requires_grad=True)
    ours_y, theirs_y = ours(ours_x, t, labels), theirs(theirs_x, torch.tensor(t), torch.tensor(labels))

    def close(mine: Any, other: Any) -> None:
        assert np.linalg.norm(mine - other) <= tolerance * np.linalg.norm(other)
        assert np.abs(other).max() > 0

    close(ours_y.data.transpose(0, 3, 1, 2), theirs_y.detach().numpy())
    v = np.random.default_rng(5).standard_normal(ours_y.shape).astype(dtype)
    ours_y.backward(v)
    theirs_y.backward(torch.tensor(v.transpose(0, 3, 1, 2).copy()))
    close(ours_x.grad.transpose(0, 3, 1, 2), theirs_x.grad.numpy())
    expected = {name: parameter.grad.numpy() for name, parameter in theirs.named_parameters()}
    axes = nn.exchange._axes(ours)
    for name, parameter in ours.parameters():
        close(parameter.grad.transpose(axes[name]) if name in axes else parameter.grad, expected[name])


@pytest.mark.parametrize("side", [8, 12, 28])
@pytest.mark.parametrize(("settings", "image_channels"), [({"channels": (16, 24)}, 1), ({"image_channels": 3}, 3)])
def test_the_answer_has_the_shape_of_the_image(settings: dict[str, Any], image_channels: int, side: int) -> None:
    net = UNet(**SMALL | settings)
    x = np.ones((2, side, side, image_channels), np.float32)
    assert net(Tensor(x), np.array([1, 2]), np.array([0, 5])).shape == x.shape


@pytest.mark.slow
def test_the_untrained_network_answers_zero_and_still_learns(rng: np.random.Generator) -> None:
    net = UNet(**SMALL)
    x, t, labels = batch(8)
    for drawn in (net, net.initialise(3)):
        assert not drawn(Tensor(x), t, labels).data.any()
    # What is to be found: the image itself.
    adam, costs = optim.Adam(1e-2), []
    network = nn.Network(Fixed(net, t, labels), x.shape[1:], cost="mse", initialiser=None)
    for _ in range(30):
        costs.append(network.learn(x, x))
        adam.step(network.parameters, network.gradient)
    assert costs[-1] < 0.2 * costs[0]


class Fixed(nn.Module):
    """The network with the times and labels of one batch."""

    def __init__(self, net: UNet, t: Any, labels: Any) -> None:
        self.net, self.t, self.labels = net, t, labels

    def forward(self, x: Any) -> Any:
        return self.net(x, self.t[: len(x)], self.labels[: len(x)])


def drawn_anew(net: UNet, rng: np.random.Generator) -> UNet:
    for _, parameter in net.parameters():
        parameter.data[...] += 0.1 * rng.standard_normal(parameter.shape)
    return net


def test_time_and_label_change_the_answer_and_no_label_means_any(rng: np.random.Generator) -> None:
    net = drawn_anew(UNet(**SMALL), rng)
    x = np.repeat(batch(1)[0], 4, axis=0)
    y = net(Tensor(x), [1, 500, 1, 1], [0, 0, 3, 5]).data
    for i, j in ((0, 1), (0, 2), (0, 3), (2, 3)):
        assert np.abs(y[i] - y[j]).max() > 1e-3
    without = net(Tensor(x), [1, 500, 1, 1]).data
    np.testing.assert_array_equal(without, net(Tensor(x), [1, 500, 1, 1], [5, 5, 5, 5]).data)


def test_each_image_is_answered_by_itself(rng: np.random.Generator) -> None:
    net = as_float64(drawn_anew(UNet(**SMALL), rng))
    x, t, labels = batch(5, np.float64)
    alone = net(Tensor(x[2:3]), t[2:3], labels[2:3]).data[0]
    np.testing.assert_allclose(net(Tensor(x), t, labels).data[2], alone, rtol=1e-9, atol=1e-12)


def test_its_description_builds_it_again() -> None:
    net = UNet(**SMALL)
    again = nn.build(net.describe())
    assert repr(again) == repr(net)
    again.load_state(net.state())


@pytest.mark.slow
def test_waves_are_told_apart_and_have_one_length() -> None:
    points = waves(np.arange(1, 1001), 32)
    assert points.shape == (1000, 32)
    np.testing.assert_allclose((points**2).sum(axis=1), 16)
    apart = np.linalg.norm(points[:, None, :16] - points[None, :, :16], axis=2) + np.eye(1000)
    assert apart.min() > 0.01
    assert np.linalg.norm(points[10] - points[11]) < np.linalg.norm(points[10] - points[300])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": (32,)}, "UNet: channels must be a list of whole numbers, 2 or more of them"),
        ({"channels": (32, 60)}, "UNet: channels must be multiples of 8, its normalisation's groups"),
        ({"channels": (32, 0)}, "UNet: channels: each must be 1 or more"),
        ({"classes": -1}, "UNet: classes must be 0 or more"),
        ({"heads": 5}, r"128 numbers do not part into 5 heads"),
        ({"embedding": 0}, "Linear: out_features must be 1 or more"),
    ],
)
def test_settings_that_make_no_network_are_told_in_one_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        UNet(**settings)


@pytest.mark.parametrize(
    ("x", "t", "labels", "message"),
    [
        ((2, 30, 28, 1), [1, 2], [0, 1], r"UNet: x must be \(N, H, W, 1\) with H and W multiples of 4"),
        ((2, 28, 28, 3), [1, 2], [0, 1], r"UNet: x must be \(N, H, W, 1\) with H and W multiples of 4"),
        ((2, 784), [1, 2], [0, 1], r"UNet: x must be \(N, H, W, 1\) with H and W multiples of 4"),
        ((2, 28, 28, 1), [1], [0, 1], r"UNet: t must be \(2,\), one number per image of x, got \(1,\)"),
        ((2, 28, 28, 1), 3, [0, 1], r"UNet: t must be \(2,\)"),
        ((2, 28, 28, 1), [1, 2], [0, 1, 2], r"UNet: labels must be \(2,\), one number per image of x, got \(3,\)"),
        ((2, 28, 28, 1), [1, 2], [0, 6], r"the indices must be from 0 to 5, got 0 to 6"),
    ],
)
def test_inputs_that_do_not_fit_are_told_in_one_line(x: Any, t: Any, labels: Any, message: str) -> None:
    with pytest.raises(ByhandError, match=message):
        UNet(**SMALL)(Tensor(np.zeros(x, np.float32)), t, labels)


@pytest.mark.slow
def test_the_mean_cost_of_two_halves_is_that_of_the_whole(rng: np.random.Generator) -> None:
    net = as_float64(drawn_anew(UNet(**SMALL), rng))
    x, t, labels = batch(6, np.float64)

    def gradient(rows: Any) -> list[Any]:
        for _, parameter in net.parameters():
            parameter.grad = None
        ops.mse_loss(net(Tensor(x[rows]), t[rows], labels[rows]), x[rows]).backward()
        return [parameter.grad for _, parameter in net.parameters()]

    for whole, one, other in zip(gradient(slice(6)), gradient(slice(3)), gradient(slice(3, 6)), strict=True):
        np.testing.assert_allclose(whole, (one + other) / 2, rtol=1e-8, atol=1e-12)
