"""Modules: names, state, modes, descriptions, and what they say of bad settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand import nn
from byhand.engine import Tensor, watch
from byhand.errors import ModelError
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
        nn.Upsample(3, "bilinear"),
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
        (lambda: nn.Linear(0, 3), "Linear: in_features is 0, but it is a whole number from 1 up"),
        (lambda: nn.Linear(10**6, 10**6), "more than 500,000,000 weights"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "3 channels to 4 in 2 groups: both must be a multiple"),
        (lambda: nn.Conv2d(3, 4, 2, padding="same"), "padding 'same' wants stride 1 and an odd kernel"),
        (lambda: nn.Conv2d(3, 4, 3, stride=0), "stride is 0, but it is a whole number from 1 up"),
        (lambda: nn.Conv2d(3, 4, 3, padding="valid"), "padding is 'valid', but it is a whole number from 0 up, or two"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, groups=2), "3 channels to 4 in 2 groups"),
        (lambda: nn.Upsample(2, "cubic"), "mode is 'cubic': choose 'nearest' or 'bilinear'"),
        (lambda: nn.GroupNorm(3, 4), "4 channels do not part into 3 groups"),
        (lambda: nn.BatchNorm2d(4, eps=0), "eps is 0, but it must be above 0"),
        (lambda: nn.BatchNorm2d(4, momentum=2), "momentum is 2, but it is in [0, 1]"),
        (lambda: nn.BatchNorm2d(4, activation="tanh"), "activation is 'tanh'"),
        (lambda: nn.MultiheadAttention(10, 3), "10 numbers do not part into 3 heads"),
        (lambda: nn.Dropout(1), "p is 1, but it is a probability"),
        (lambda: nn.Sequential(nn.Linear(3, 2), "relu"), "layer 1 is str, but modules are wanted"),
        (lambda: nn.build({"kind": "Exec", "code": "1"}), "a module of an unknown kind ('Exec')"),
        (lambda: nn.build({"kind": "Linear", "in_features": 3, "out": 2}), "Linear has no setting 'out'"),
        (lambda: nn.build({"kind": "Linear", "in_features": 3}), "Linear cannot be made of"),
        (lambda: nn.build([1]), "a module of an unknown kind"),
        (lambda: cnn(1, 10, channels=()), "a CNN without channels has no convolution"),
    ],
)
def test_bad_settings_are_told_in_one_line(make: Any, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        make()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_do_not_fit_change_nothing() -> None:
    net = nn.Sequential(nn.Linear(3, 2)).initialise(1)
    before = {name: array.copy() for name, array in net.state().items()}
    for arrays, says in (
        ({"0.weight": np.zeros((2, 3))}, "'0.bias' is missing"),
        ({"0.weight": np.zeros((2, 3)), "0.bias": np.zeros(2), "1.bias": np.zeros(1)}, "'1.bias' is not in the network"),
        ({"0.bias": np.zeros(2), "0.weight": np.zeros((3, 2))}, "'0.weight' is (3, 2), but this network wants (2, 3)"),
    ):
        with pytest.raises(ModelError, match=says.replace("(", r"\(").replace(")", r"\)")):
            net.load_state(arrays)
    assert all(np.array_equal(before[name], array) for name, array in net.state().items())
