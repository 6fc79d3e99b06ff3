"""Every module's gradient, of its parameters and its input, by central differences in float64: in training, in evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byhand import nn
from byhand.engine import Tensor

IMAGE, ROWS, SEQUENCE = (2, 6, 5, 4), (3, 8), (2, 5, 8)
MODULES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "Linear": (lambda: nn.Linear(8, 5), ROWS),
    "Linear without a bias, of a sequence": (lambda: nn.Linear(8, 3, bias=False), SEQUENCE),
    "Conv2d": (lambda: nn.Conv2d(4, 3, 3, padding=1), IMAGE),
    "Conv2d, strided, dilated, in groups": (
        lambda: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=1, dilation=(1, 2), groups=2), IMAGE,
    ),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1), IMAGE),
    "Upsample, nearest": (lambda: nn.Upsample(scale_factor=2), IMAGE),
    "Upsample, bilinear": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4), IMAGE),
    "BatchNorm2d with silu": (lambda: nn.BatchNorm2d(4, activation="silu"), IMAGE),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), IMAGE),
    "LayerNorm": (lambda: nn.LayerNorm(8), SEQUENCE),
    "RMSNorm": (lambda: nn.RMSNorm(8), SEQUENCE),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), IMAGE),
    "AvgPool2d": (lambda: nn.AvgPool2d(2, stride=1), IMAGE),
    "GlobalAvgPool2d": (nn.GlobalAvgPool2d, IMAGE),
    "Flatten": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(120, 2)), IMAGE),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(8, 2), SEQUENCE),
    "MultiheadAttention, causal": (lambda: nn.MultiheadAttention(8, 4, causal=True), SEQUENCE),
    "Residual": (lambda: nn.Residual(nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8), nn.GELU())), SEQUENCE),
    "Conv2d, even, reflected": (lambda: nn.Conv2d(4, 3, 2, padding="same", padding_mode="reflect"), IMAGE),
    "Conv1d": (lambda: nn.Conv1d(8, 3, 2, padding="same"), SEQUENCE),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(8, 3, 3, stride=2), SEQUENCE),
    "Upsample, corners aligned": (lambda: nn.Upsample((7, 9), mode="bilinear", align_corners=True), IMAGE),
    "Upsample to a size": (lambda: nn.Upsample((7, 3)), IMAGE),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(8), ROWS),
    "BatchNorm2d, without scale": (lambda: nn.BatchNorm2d(4, affine=False), IMAGE),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(8, affine=True), SEQUENCE),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(4), IMAGE),
    "LayerNorm, without shift": (lambda: nn.LayerNorm(8, bias=False), SEQUENCE),
    "MaxPool2d, ceil_mode": (lambda: nn.MaxPool2d(3, 2, ceil_mode=True), IMAGE),
    "AvgPool2d, padding not counted": (lambda: nn.AvgPool2d(3, 2, 1, True, False), IMAGE),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((4, 3)), IMAGE),
    "ReflectionPad2d": (lambda: nn.ReflectionPad2d(2), IMAGE),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), IMAGE),
    "Unflatten": (lambda: nn.Sequential(nn.Unflatten(1, (2, 2, 2)), nn.Conv2d(2, 3, 2)), ROWS),
    "PReLU": (lambda: nn.PReLU(8), ROWS),
    "Softplus, beta": (lambda: nn.Softplus(3), ROWS),
    **{kind.__name__: (kind, ROWS) for kind in (nn.ELU, nn.Mish, nn.Hardsigmoid, nn.Hardswish, nn.LogSoftmax, nn.Identity)},
    **{kind.__name__: (kind, ROWS) for kind in (nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Softplus)},
    "Softmax": (nn.Softmax, ROWS),
}  # fmt: skip
H = 1e-6


def float64(module: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    for _, parameter in module.parameters():
        parameter.data = rng.normal(0, 0.6, parameter.shape)
    for _, inner in module.modules():
        for name in inner.buffers:
            values = rng.uniform(0.5, 2, getattr(inner, name).shape)
            object.__setattr__(inner, name, values)
    return module


def held(module: Any) -> list[tuple[Any, str, Any]]:
    """The running statistics, to put back: each forward pass in training moves them."""
    return [(inner, name, getattr(inner, name).copy()) for _, inner in module.modules() for name in inner.buffers]


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10_000))
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", MODULES)
def test_the_gradient_is_that_of_central_differences(name: str, training: bool, seed: int) -> None:
    make, shape = MODULES[name]
    module = float64(make(), seed)
    module.train() if training else module.eval()
    rng = np.random.default_rng(seed + 1)
    # All apart from each other and from 0, so that no maximum and no kink lies within h.
    x = Tensor(rng.permutation(np.linspace(-2, 2, int(np.prod(shape)))).reshape(shape) + 1e-3, requires_grad=True)
    before = held(module)
    v = rng.normal(size=module(x).shape)

    def cost() -> Any:
        for inner, buffer, values in before:
            object.__setattr__(inner, buffer, values.copy())
        return (module(x) * v).sum()

    for _, parameter in module.parameters():
        parameter.grad = None
    x.grad = None
    cost().backward()
    leaves = [("the input", x), *module.parameters()]
    for what, leaf in leaves:
        found, flat = leaf.grad.copy(), leaf.data.reshape(-1)
        for i in rng.permutation(flat.size)[:12]:
            was, sides = flat[i], []
            for at in (was + H, was - H):
                flat[i] = at
                sides.append(cost().item())
            flat[i] = was
            numeric = (sides[0] - sides[1]) / (2 * H)
            assert abs(numeric - found.reshape(-1)[i]) < 1e-6 * max(1.0, np.abs(found).max()), f"{what}, number {i}"


def test_dropout_hands_back_what_it_kept() -> None:
    drop = nn.Dropout(0.4)
    drop.rng = np.random.default_rng(3)
    x = Tensor(np.ones((50, 8)), requires_grad=True)
    out = drop(x)
    out.sum().backward()
    assert np.array_equal(x.grad, out.data)
    assert 0.3 < (x.grad == 0).mean() < 0.5


def test_dropout2d_leaves_out_whole_channels_and_scales_the_others() -> None:
    drop = nn.Dropout2d(0.25)
    drop.rng = np.random.default_rng(3)
    x = Tensor(np.random.default_rng(4).standard_normal((20, 3, 2, 50)), requires_grad=True)
    out = drop(x)
    out.sum().backward()
    assert np.allclose(out.data, x.data * x.grad)
    per_channel = x.grad[:, 0, 0]
    assert (x.grad == per_channel[:, None, None]).all()
    assert set(np.unique(per_channel).round(12)) == {0.0, round(4 / 3, 12)}
    assert abs((per_channel == 0).mean() - 0.25) < 0.06  # 1,000 channels: four standard deviations
    assert drop.eval()(x) is x


def test_an_embedding_collects_the_errors_of_all_its_places() -> None:
    table = nn.Embedding(5, 3)
    table.weight.data = np.random.default_rng(0).normal(size=(5, 3))
    v = np.random.default_rng(1).normal(size=(2, 3, 3))
    places = np.array([[0, 4, 0], [2, 0, 4]])
    (table(places) * v).sum().backward()
    wanted = np.zeros((5, 3))
    np.add.at(wanted, places, v)
    assert np.allclose(table.weight.grad, wanted, atol=1e-12)
    assert (table.weight.grad[[1, 3]] == 0).all()
