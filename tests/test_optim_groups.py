"""Parameter groups: other settings for some parameters, found by name or by shape, as PyTorch's groups."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn, optim
from byhand.data import load
from byhand.errors import ByhandError, ModelError


def network(dtype: Any = np.float64) -> nn.Network:
    return nn.Network(nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, 3)), (4,), seed=1, dtype=dtype)


BATCHES = [(np.random.default_rng(k).standard_normal((8, 4)), np.eye(3)[np.random.default_rng(k).integers(0, 3, 8)])
           for k in range(12)]  # fmt: skip


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize(
    ("ours", "theirs", "of_vectors", "of_head"),
    [
        (lambda: optim.AdamW(0.02, weight_decay=0.3), ("AdamW", {"lr": 0.02, "weight_decay": 0.3}), {"weight_decay": 0.0},
         {"learning_rate": 0.005}),
        (lambda: optim.SGD(0.1, momentum=0.9), ("SGD", {"lr": 0.1, "momentum": 0.9}), {"momentum": 0.5}, {"learning_rate": 0.3}),
        (lambda: optim.Adam(0.02), ("Adam", {"lr": 0.02}), {"learning_rate": 0.1}, {"epsilon": 1e-3}),
    ],
)  # fmt: skip
def test_groups_move_as_pytorchs(ours: Any, theirs: Any, of_vectors: Any, of_head: Any, torch: Any) -> None:
    net = network()
    optimizer = ours().group(optim.vectors, **of_vectors).group("3.*", **of_head)
    tensors = {name: torch.tensor(array.copy(), requires_grad=True) for name, array in net.named_parameters().items()}
    renamed = {"learning_rate": "lr", "epsilon": "eps"}
    groups = []
    for name, tensor in tensors.items():
        own = (of_vectors if tensor.ndim < 2 else {}) | (of_head if name.startswith("3.") else {})
        groups.append({"params": [tensor]} | {renamed.get(key, key): value for key, value in own.items()})
    other = getattr(torch.optim, theirs[0])(groups, **theirs[1])
    optimizer.begin(net.parameters, net.named_parameters())
    for x, y in BATCHES:
        net.learn(x, y)
        for name, array in net.module.parameters():
            tensors[name].grad = torch.tensor(array.grad.copy())
        optimizer.step(net.parameters, net.gradient)
        other.step()
        for name, array in net.named_parameters().items():
            assert np.abs(array - tensors[name].detach().numpy()).max() < 1e-12, name


def test_no_decay_on_biases_and_norms_leaves_them_where_only_decay_would_move_them() -> None:
    net = network()
    optimizer = optim.AdamW(0.1, weight_decay=0.5).group(optim.vectors, weight_decay=0.0)
    optimizer.begin(net.parameters, net.named_parameters())
    before = net.parameters.copy()
    optimizer.step(net.parameters, np.zeros_like(net.parameters))
    for name, location in optimizer._locations.items():
        if len(location.shape) < 2:
            assert np.array_equal(net.parameters[location.place], before[location.place]), name
        else:
            assert np.allclose(net.parameters[location.place], 0.95 * before[location.place], atol=1e-15), name
    assert np.allclose(optimizer.update, net.parameters - before, atol=1e-15)


def test_a_schedule_moves_the_rates_of_all_groups_alike() -> None:
    net = network()
    optimizer = optim.SGD(0.2).group("0.*", learning_rate=0.05)
    optimizer.begin(net.parameters, net.named_parameters())
    optimizer.at_rate(0.1)  # half of the given one
    before = net.parameters.copy()
    optimizer.step(net.parameters, np.ones_like(net.parameters))
    first = optimizer._locations["0.weight"].place
    last = optimizer._locations["3.weight"].place
    assert np.allclose(before[first] - net.parameters[first], 0.025)
    assert np.allclose(before[last] - net.parameters[last], 0.1)


def test_a_training_with_groups_goes_on_with_the_same_bits_and_another_one_is_told_apart() -> None:
    iris = load("iris").train

    def training(grouped: bool = True) -> Any:
        optimizer = optim.AdamW(0.01, weight_decay=0.1)
        net = network(np.float32)
        return byhand.steps(net, iris, epochs=4, optimizer=optimizer.group("*bias", weight_decay=0.0) if grouped else optimizer)

    whole = training()
    costs = [step.cost for step in whole]
    first = training()
    for _ in range(10):
        next(first)
    vectors, strings = first.state()
    again = training()
    again.resume({name: vector.copy() for name, vector in vectors.items()}, json.loads(json.dumps(strings)))
    assert [step.cost for step in again] == costs[10:]
    assert np.array_equal(again.model.parameters, whole.model.parameters)
    with pytest.raises(ByhandError, match="the checkpoint is of another training"):
        training(grouped=False).resume(vectors, strings)


def test_feedforward_networks_have_groups_too() -> None:
    iris = load("iris").train
    net = byhand.FeedForward((4, 5, 3), seed=1)
    biases = [name for name, array in net.named_parameters().items() if array.ndim < 2]
    before = {name: net.named_parameters()[name].copy() for name in biases}
    optimizer = optim.SGD(0.5).group(optim.vectors, learning_rate=1e-12)
    next(byhand.steps(net, iris, optimizer=optimizer))
    assert biases and all(np.allclose(net.named_parameters()[name], before[name], atol=1e-9) for name in biases)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: optim.Adam().group("*.bias", weight_decay=0.0), "the optimizer adam has no setting 'weight_decay'"),
        (lambda: optim.AdamW().group("*.bias", weight_decay=-1), "weight_decay must be 0 or more, got -1"),
        (lambda: optim.SGD(0.1).group("*.bias", momentum=0.9), "sgd keeps no velocity with its own settings"),
        (lambda: optim.SGD(0.1).group(learning_rate=0.2), "group: name the parameters that it is of"),
        (
            lambda: byhand.steps(network(), load("iris").train, optimizer=optim.SGD(0.1).group("bias", learning_rate=0.2)),
            "group: no parameter is bias, of 0.weight, 0.bias, 1.weight",
        ),
        (
            lambda: optim.SGD(0.1).group("a", learning_rate=0.2).step(np.zeros(3), np.ones(3)),
            "groups must be told the names of the parameters",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(call: Any, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
