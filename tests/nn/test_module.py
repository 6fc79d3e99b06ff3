"""Modules: names, state, modes, descriptions, and what they say of bad settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand import nn
from byhand.engine import Tensor, watch
from byhand.errors import EngineError, ModelError
from byhand.models.cnn import cnn


def small() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same", bias=False),
        nn.BatchNorm2d(4, activation="relu"),
        nn.MaxPool2d(2),
        nn.Residual(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.SiLU())),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(4 * 3 * 3, 5),
    )


def test_parameters_are_named_as_pytorch_names_them() -> None:
    assert [name for name, _ in small().parameters()] == [
        "0.weight", "1.weight", "1.bias", "3.inner.0.weight", "3.inner.0.bias", "3.inner.1.weight", "3.inner.1.bias",
        "6.weight", "6.bias",
    ]  # fmt: skip


def test_the_state_holds_the_running_statistics_too_and_they_are_no_parameters() -> None:
    net = small()
    assert {"1.running_mean", "1.running_var"} <= set(net.state())
    assert "1.running_mean" not in dict(net.parameters())


def test_a_parameter_used_twice_is_counted_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            self.there, self.back = nn.Linear(3, 3), nn.Linear(3, 3)
            self.back.weight = self.there.weight

        def forward(self, x: Any) -> Any:
            return self.back(self.there(x))

    assert Tied().n_parameters == 9 + 3 + 3


def test_train_and_eval_reach_every_module_inside() -> None:
    net = small().eval()
    assert not any(module.training for _, module in net.modules())
    assert all(module.training for _, module in net.train().modules())


def test_the_same_seed_gives_the_same_weights_and_each_layer_its_own() -> None:
    net = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6))
    one = {name: array.copy() for name, array in net.initialise(3).state().items()}
    two = net.initialise(3).state()
    assert all((one[name] == two[name]).all() for name in one)
    assert not np.array_equal(one["0.weight"], one["1.weight"])
    assert not np.array_equal(one["0.weight"], net.initialise(4).state()["0.weight"])


def test_he_weights_have_the_variance_of_the_paper() -> None:
    conv = nn.Conv2d(32, 64, 3)
    conv.initialise(1, "he")
    assert conv.weight.data.std() == pytest.approx(np.sqrt(2 / (9 * 32)), rel=0.02)


def test_a_description_makes_the_same_module_again() -> None:
    net = small().initialise(1)
    again = nn.build(net.describe())
    assert repr(again) == repr(net)
    again.load_state(net.state())
    x = Tensor(np.random.default_rng(1).standard_normal((2, 6, 6, 1)).astype(np.float32))
    assert np.array_equal(again.eval()(x).data, net.eval()(x).data)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, (3, 5), stride=2, padding=(1, 2), dilation=1, groups=2),
        nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, bias=False),
        nn.Upsample(scale_factor=3, mode="bilinear"),
        nn.Upsample((4, 5), mode="bilinear", align_corners=True),
        nn.Conv2d(4, 6, 2, padding="same", padding_mode="circular"),
        nn.Conv1d(4, 6, 4, padding="same", dilation=3, padding_mode="replicate"),
        nn.ConvTranspose1d(4, 6, 3, stride=2, output_padding=1, bias=False),
        nn.BatchNorm1d(4, affine=False),
        nn.InstanceNorm2d(4, affine=True),
        nn.InstanceNorm1d(4, 1e-3),
        nn.LayerNorm((4,), bias=False),
        nn.GroupNorm(2, 4, affine=False),
        nn.RMSNorm(4, elementwise_affine=False),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.AvgPool2d(3, 2, 1, True, False),
        nn.AdaptiveAvgPool2d((None, 3)),
        nn.ZeroPad2d((1, 2, 3, 4)),
        nn.ReflectionPad2d(2),
        nn.PixelShuffle(2),
        nn.Unflatten(1, (2, 3)),
        nn.Identity(3, a=4),
        nn.ELU(0.5),
        nn.PReLU(4, 0.1),
        nn.Softplus(2.0),
        nn.LogSoftmax(0),
        nn.Dropout2d(0.3),
        nn.LayerNorm(4, 1e-4),
        nn.RMSNorm(4),
        nn.GroupNorm(2, 4, activation="silu"),
        nn.BatchNorm2d(4, momentum=0.3),
        nn.AvgPool2d(2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Embedding(7, 3),
        nn.MultiheadAttention(8, 2, causal=True),
        nn.Dropout(0.3),
        nn.Linear(3, 2, bias=False),
        nn.Softmax(1),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_every_kind_of_layer_describes_itself_whole(layer: nn.Module) -> None:
    again = nn.build(layer.describe())
    assert again.describe() == layer.describe()
    assert {name: p.shape for name, p in again.parameters()} == {name: p.shape for name, p in layer.parameters()}


def test_whoever_watches_learns_which_part_of_the_network_an_op_belongs_to() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Residual(nn.Sequential(nn.Linear(3, 3), nn.ReLU())))
    with watch() as tape:
        net(Tensor(np.ones((1, 3), np.float32)))
    assert [(node.op.name, node.scope) for node in tape] == [
        ("linear", "0"), ("linear", "1.inner.0"), ("relu", "1.inner.1"), ("add", "1")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: nn.Linear(0, 3), "Linear: in_features must be 1 or more"),
        (lambda: nn.Linear(10**6, 10**6), "more than 500,000,000 weights"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "3 channels to 4 in 2 groups: both must be a multiple"),
        (lambda: nn.Conv2d(3, 4, 2, stride=2, padding="same"), "Conv2d: padding 'same' needs stride 1, got (2, 2)"),
        (
            lambda: nn.Conv2d(3, 4, 2, padding_mode="reflected"),
            "Conv2d: padding_mode 'reflected' is unknown: did you mean 'reflect'",
        ),
        (lambda: nn.Conv1d(3, 4, 2, stride=2, padding="same"), "Conv1d: padding 'same' needs stride 1, got 2"),
        (lambda: nn.Conv1d(3, 4, 2, groups=2), "Conv1d: 3 channels to 4 in 2 groups"),
        (lambda: nn.ConvTranspose1d(3, 4, (2, 2)), "ConvTranspose1d: kernel_size must be a whole number"),
        (lambda: nn.MaxPool2d(3, padding=2), "MaxPool2d: padding must be at most half of the kernel (3, 3), got (2, 2)"),
        (lambda: nn.AvgPool2d(3, ceil_mode=1), "AvgPool2d: ceil_mode must be true or false, got 1"),
        (lambda: nn.AdaptiveAvgPool2d(0), "AdaptiveAvgPool2d: output_size must be from 1 to 100,000, got 0"),
        (
            lambda: nn.ReflectionPad2d((1, 2)),
            "ReflectionPad2d: padding must be one number or (left, right, top, bottom), got (1, 2)",
        ),
        (lambda: nn.ReflectionPad2d(-1), "ReflectionPad2d: padding must be from 0 to 1,000, got -1"),
        (lambda: nn.PReLU(0), "PReLU: num_parameters must be 1 or more, got 0"),
        (lambda: nn.LayerNorm((3, 4)), "LayerNorm: normalized_shape must be one number, of the last axis, got (3, 4)"),
        (nn.Upsample, "Upsample: give size or scale_factor, one of them"),
        (lambda: nn.Upsample(2, align_corners=True), "Upsample: align_corners is of mode='bilinear' alone"),
        (lambda: nn.Conv2d(3, 4, 3, stride=0), "Conv2d: stride must be from 1 to 100,000"),
        (lambda: nn.Conv2d(3, 4, 3, padding="full"), "Conv2d: padding must be a whole number from 0 to 1,000"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, groups=2), "3 channels to 4 in 2 groups"),
        (lambda: nn.Upsample(2, mode="cubic"), "Upsample: mode 'cubic' is unknown: choose one of nearest, bilinear"),
        (lambda: nn.GroupNorm(3, 4), "4 channels do not part into 3 groups"),
        (lambda: nn.BatchNorm2d(4, eps=0), "BatchNorm2d: eps must be above 0"),
        (lambda: nn.BatchNorm2d(4, momentum=2), "BatchNorm2d: momentum must be from 0 to 1"),
        (lambda: nn.BatchNorm2d(4, activation="tanh"), "BatchNorm2d: activation 'tanh' is unknown: choose one of relu, silu"),
        (lambda: nn.MultiheadAttention(10, 3), "10 numbers do not part into 3 heads"),
        (lambda: nn.Dropout(1), "Dropout: p must be 0 or more and below 1"),
        (lambda: nn.Sequential(nn.Linear(3, 2), "relu"), "Sequential: layer 1 must be a module, for example nn.Linear(4, 3)"),
        (lambda: nn.build({"kind": "Exec", "code": "1"}), "a module of an unknown kind ('Exec')"),
        (lambda: nn.build({"kind": "Linear", "in_features": 3, "out": 2}), "Linear has no setting 'out'"),
        (lambda: nn.build({"kind": "Linear", "in_features": 3}), "Linear cannot be made of"),
        (lambda: nn.build([1]), "a module of an unknown kind"),
        (lambda: cnn(1, 10, channels=()), "a CNN's channels must be a list of whole numbers, 1 or more of them"),
    ],
)
def test_bad_settings_are_told_in_one_line(make: Any, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        make()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "shape", "says"),
    [
        (nn.Conv1d(3, 4, 2), (2, 3), "Conv1d: x must be sequences (N, L, C), got (2, 3)"),
        (
            nn.ReflectionPad2d(3),
            (1, 3, 9, 1),
            "pad: an axis of 3 cannot be padded by (3, 3) in the mode 'reflect'",
        ),
        (
            nn.CircularPad2d(4),
            (1, 3, 9, 1),
            "pad: an axis of 3 cannot be padded by (4, 4) in the mode 'circular'",
        ),
        (nn.PixelShuffle(2), (1, 3, 3, 6), "PixelShuffle: x is (1, 3, 3, 6): its channels must be a multiple of 2^2 = 4"),
        (nn.PixelUnshuffle(2), (1, 3, 4, 6), "PixelUnshuffle: x is (1, 3, 4, 6): its sides must be multiples of 2"),
        (nn.Unflatten(1, (2, 3)), (4, 5), "Unflatten: x is (4, 5): its axis 1 must be 6 long, to become (2, 3)"),
        (nn.InstanceNorm2d(3), (4, 1, 1, 3), "InstanceNorm2d: x must have 4 axes, two places or more and 3 channels"),
        (nn.PReLU(3), (4, 5), "PReLU: z must have 3 channels on its last axis, got (4, 5)"),
        (nn.AdaptiveAvgPool2d(2), (4, 0, 3, 1), "AdaptiveAvgPool2d: x must be images (N, H, W, C) of 1 pixel or more"),
        (nn.Dropout2d(), (4, 5), "Dropout2d: x must be images (N, H, W, C), got (4, 5)"),
        (nn.Upsample((3, 3), mode="bilinear", align_corners=True), (4, 5), "upsample_bilinear: x must be images"),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, nn.Module) else "",
)
def test_inputs_that_do_not_fit_are_told_in_one_line(layer: nn.Module, shape: tuple[int, ...], says: str) -> None:
    with pytest.raises(EngineError) as caught:
        layer(Tensor(np.zeros(shape, np.float32)))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_do_not_fit_change_nothing() -> None:
    net = nn.Sequential(nn.Linear(3, 2)).initialise(1)
    before = {name: array.copy() for name, array in net.state().items()}
    for arrays, says in (
        ({"0.weight": np.zeros((2, 3))}, "'0.bias' is missing"),
        ({"0.weight": np.zeros((2, 3)), "0.bias": np.zeros(2), "1.bias": np.zeros(1)}, "'1.bias' is not in the network"),
        ({"0.bias": np.zeros(2), "0.weight": np.zeros((3, 2))}, "'0.weight' must be (2, 3) in this network, got (3, 2)"),
    ):
        with pytest.raises(ModelError, match=says.replace("(", r"\(").replace(")", r"\)")):
            net.load_state(arrays)
    assert all(np.array_equal(before[name], array) for name, array in net.state().items())
