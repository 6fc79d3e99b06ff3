"""Recurrent networks beside PyTorch's and beside central differences; their time on the tape, in files, and explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn
from byhand.data.dataset import Dataset
from byhand.engine import Tensor, watch
from byhand.engine.call import call_of
from byhand.engine.check import check_gradient
from byhand.errors import EngineError, ModelError
from byhand.modelfile import Model, load_model, save_model
from byhand.see.explain import explain

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "RNN": ("RNN", {}),
    "RNN, relu, without biases": ("RNN", {"nonlinearity": "relu", "bias": False, "batch_first": True}),
    "RNN, two layers, both ways": ("RNN", {"num_layers": 2, "bidirectional": True}),
    "LSTM": ("LSTM", {}),
    "LSTM, batch_first": ("LSTM", {"batch_first": True}),
    "LSTM, three layers": ("LSTM", {"num_layers": 3, "bias": False}),
    "LSTM, two layers, both ways": ("LSTM", {"num_layers": 2, "bidirectional": True, "batch_first": True}),
    "GRU": ("GRU", {}),
    "GRU, two layers, both ways": ("GRU", {"num_layers": 2, "bidirectional": True, "batch_first": True}),
    "GRU, without biases": ("GRU", {"bias": False}),
}
N, T, IN, H = 4, 6, 3, 5


def double(module: Any) -> Any:
    for _, parameter in module.parameters():
        parameter.data = parameter.data.astype(np.float64)
    return module


def inputs(settings: dict[str, Any], seed: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    states = settings.get("num_layers", 1) * (2 if settings.get("bidirectional") else 1)
    x = rng.standard_normal((N, T, IN) if settings.get("batch_first") else (T, N, IN))
    return x, rng.standard_normal((states, N, H)), rng.standard_normal((states, N, H))


@pytest.mark.torch
@pytest.mark.parametrize("given", [True, False], ids=["a state given", "none given"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_with_pytorchs_weights_come_pytorchs_outputs_states_and_gradients(name: str, dtype: str, given: bool, torch: Any) -> None:
    kind, settings = CASES[name]
    torch.manual_seed(1)
    theirs = getattr(torch.nn, kind)(IN, H, **settings).to(getattr(torch, dtype))
    ours = getattr(nn, kind)(IN, H, **settings)
    for _, parameter in ours.parameters():
        parameter.data = parameter.data.astype(dtype)
    nn.from_pytorch(ours, {key: value.numpy() for key, value in theirs.state_dict().items()})  # the same names, all of them
    arrays = [array.astype(dtype) for array in inputs(settings, 2)]
    mine = [Tensor(array, requires_grad=True) for array in arrays]
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    states = 2 if kind == "LSTM" else 1

    def run(module: Any, given_: list[Any]) -> list[Any]:
        state = tuple(given_[1:]) if states == 2 else given_[1]
        y, after = module(given_[0], state) if given else module(given_[0])
        return [y, *(after if states == 2 else [after])]

    found, expected = run(ours, mine), run(theirs, tensors)
    close = 1e-12 if dtype == "float64" else 2e-5

    def same(one: Any, other: Any) -> None:
        assert one.shape == other.shape and one.dtype == dtype
        assert np.abs(one - other).max() <= close * max(1.0, float(np.abs(other).max()))

    rng = np.random.default_rng(3)
    weights = [rng.standard_normal(one.shape).astype(dtype) for one in found]
    for one, other in zip(found, expected, strict=True):
        same(one.data, other.detach().numpy())
    cost, their_cost = found[0] * weights[0], expected[0] * torch.tensor(weights[0])
    cost, their_cost = cost.sum(), their_cost.sum()
    for one, other, v in zip(found[1:], expected[1:], weights[1:], strict=True):
        cost, their_cost = cost + (one * v).sum(), their_cost + (other * torch.tensor(v)).sum()
    cost.backward()
    their_cost.backward()
    for one, other in zip(mine[: 1 + states if given else 1], tensors, strict=False):
        same(one.grad, other.grad.numpy())
    gradients = {key: value.grad.numpy() for key, value in theirs.named_parameters()}
    for key, parameter in ours.parameters():
        same(parameter.grad, gradients[key])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_gradient_is_that_of_central_differences(name: str) -> None:
    kind, settings = CASES[name]
    module = double(getattr(nn, kind)(IN, H, **settings))
    x, h, c = inputs(settings, 5)

    def outputs(x: Any, h: Any, c: Any, first: Any) -> Any:
        next(module.parameters())[1].data[...] = first.data
        y, after = module(x, (h, c) if kind == "LSTM" else h)
        ends = after[0] + after[1] if kind == "LSTM" else after
        return y.sum(axis=2) + ends.sum()

    check_gradient(lambda x, h, c: outputs(x, h, c, next(module.parameters())[1]), x, h, c, tolerance=1e-6)
    v = np.random.default_rng(6).standard_normal(module(Tensor(x))[0].shape)

    def cost() -> Any:
        return (module(Tensor(x))[0] * v).sum()

    cost().backward()
    for what, parameter in module.parameters():
        flat, rng = parameter.data.reshape(-1), np.random.default_rng(7)
        for i in rng.permutation(flat.size)[:6]:
            was, sides = flat[i], []
            for at in (was + 1e-6, was - 1e-6):
                flat[i] = at
                sides.append(cost().item())
            flat[i] = was
            numeric = (sides[0] - sides[1]) / 2e-6
            assert numeric == pytest.approx(parameter.grad.reshape(-1)[i], abs=1e-6), f"{what}, number {i}"


def test_a_state_that_is_handed_on_makes_one_sequence_of_two() -> None:
    lstm = double(nn.LSTM(IN, H, num_layers=2, batch_first=True))
    x, _, _ = inputs({"batch_first": True}, 8)
    whole, (h, c) = lstm(Tensor(x))
    first, state = lstm(Tensor(x[:, :2]))
    second, (h_2, c_2) = lstm(Tensor(x[:, 2:]), state)
    assert np.allclose(np.concatenate([first.data, second.data], axis=1), whole.data, atol=1e-14)
    assert np.allclose(h_2.data, h.data, atol=1e-14) and np.allclose(c_2.data, c.data, atol=1e-14)


def test_time_stands_on_the_tape_and_the_errors_come_back_through_it() -> None:
    lstm = double(nn.LSTM(IN, H, batch_first=True))
    object.__setattr__(lstm, "name", "lstm")
    x, _, _ = inputs({"batch_first": True}, 9)
    with watch() as tape:
        (lstm(Tensor(x))[0][:, -1] ** 2).sum().backward()  # only the last step costs
    steps = {node.scope for node in tape if ".t" in node.scope}
    assert steps == {f"lstm.l0.t{t}" for t in range(T)}
    by_step = [[node for node in tape if node.scope == f"lstm.l0.t{t}" and node.op.name == "linear"] for t in range(T)]
    assert all(len(nodes) == 1 for nodes in by_step)  # the product with w_hh, once a step
    assert all(np.abs(nodes[0].delta).max() > 0 for nodes in by_step)
    # The shared weights' gradient is the sum of what each step's product gives back.
    parts = sum(nodes[0].delta.T @ nodes[0].inputs[0].data for nodes in by_step)
    assert np.allclose(lstm.weight_hh_l0.grad, parts, atol=1e-14)


class Reader(nn.Module):
    """The last output of an LSTM, read by a layer."""

    def __init__(self, n_in: int = 2, width: int = 4, kind: str = "LSTM") -> None:
        self.memory = getattr(nn, kind)(n_in, width, batch_first=True)
        self.read = nn.Linear(width, 3)

    def forward(self, x: Any) -> Any:
        return self.read(self.memory(x)[0][:, -1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_every_op_of_a_small_recurrent_network_is_the_sum_of_its_terms(kind: str) -> None:
    network = nn.Network(Reader(kind=kind), (3, 2), seed=1, dtype=np.float64)
    x = np.random.default_rng(1).standard_normal((2, 3, 2))
    with watch() as tape:
        network.learn(x, np.eye(3)[[0, 2]])
    assert {node.op.name for node in tape} >= {"linear", "tanh", "index", "concat"}
    for node in tape:
        call = call_of(node)
        at = tuple(n // 2 for n in node.output.shape)
        value = sum(float(each.values.sum()) for each in call.terms(at))
        assert value == pytest.approx(float(node.output[at]), rel=1e-9, abs=1e-12), f"{node.op.name} in {node.scope}"
        for slot, wanted in enumerate(node.wanted):
            if not wanted or node.gradients is None:
                continue
            here = tuple(n // 2 for n in node.gradients[slot].shape)
            back = sum(float(each.values.sum()) for each in call.gradient_terms(slot, here))
            assert back == pytest.approx(float(node.gradients[slot][here]), rel=1e-6, abs=1e-9), f"{node.op.name}, {node.scope}"


@pytest.mark.slow
def test_an_lstm_is_explained_step_by_step_of_time_and_its_weight_is_proved() -> None:
    network = nn.Network(Reader(), (3, 2), seed=1)
    x, y = np.random.default_rng(0).standard_normal((2, 3, 2)), np.eye(3)[[0, 2]]
    explanation = explain(network, x, y, at=["memory.l0.t1:0,2"])
    forward = [section.scope for section in explanation.stage("forward")]
    assert [scope for scope in dict.fromkeys(forward) if ".t" in scope] == ["memory.l0.t0", "memory.l0.t1", "memory.l0.t2"]
    backward = [section.scope for section in explanation.stage("backward")]
    assert backward.index("memory.l0.t2") < backward.index("memory.l0.t1") < backward.index("memory.l0.t0")
    assert explanation.weights and all(weight.proof.agrees for weight in explanation.weights)


@pytest.mark.slow
def test_an_lstm_learns_what_stood_first_is_explained_and_comes_back_from_its_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 120)
    x = 0.1 * rng.standard_normal((120, 8, 3)).astype(np.float32)
    x[np.arange(120), 0, labels] += 1  # the class is said at the first step, and asked for after the last
    data = Dataset("first", x.reshape(120, -1), labels, ("a", "b", "c"))
    network = nn.Network(Reader(3, 12), (8, 3), seed=2)
    network.fit(data, epochs=40, batch_size=20, optimizer=byhand.optim.Adam(0.02), seed=1)
    assert network.evaluate(data.inputs, np.eye(3)[labels])[1] > 0.97
    path = tmp_path / "lstm.safetensors"
    save_model(path, Model(network, class_names=data.class_names, metrics={}))
    again = load_model(path).network
    assert np.array_equal(again.forward(x[:5]), network.forward(x[:5]))
    assert set(again.tensors()) >= {"memory.weight_ih_l0", "memory.weight_hh_l0", "memory.bias_ih_l0", "memory.bias_hh_l0"}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: nn.LSTM(0, 3), "LSTM: input_size must be 1 or more, got 0"),
        (lambda: nn.LSTM(3, 0), "LSTM: hidden_size must be 1 or more, got 0"),
        (lambda: nn.GRU(3, 4, num_layers=0), "GRU: num_layers must be from 1 to 100, got 0"),
        (lambda: nn.RNN(3, 4, nonlinearity="sigmoid"), "RNN: nonlinearity 'sigmoid' is unknown: choose one of tanh, relu"),
        (lambda: nn.LSTM(3, 4, dropout=1), "LSTM: dropout must be 0 or more and below 1, got 1"),
        (lambda: nn.LSTM(3, 4)(Tensor(np.zeros((2, 5)))), "LSTM: x must be (T, N, 3), got (2, 5)"),
        (lambda: nn.LSTM(3, 4, batch_first=True)(Tensor(np.zeros((2, 5, 4)))), "LSTM: x must be (N, T, 3), got (2, 5, 4)"),
        (
            lambda: nn.LSTM(3, 4)(Tensor(np.zeros((2, 5, 3))), np.zeros((1, 5, 4))),
            "LSTM: the state must be h_0, c_0, each (1, 5, 4), got (1, 5, 4)",
        ),
        (
            lambda: nn.GRU(3, 4)(Tensor(np.zeros((2, 5, 3))), np.zeros((5, 4))),
            "the state must be h_0, each (1, 5, 4), got (5, 4)",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(call: Any, says: str) -> None:
    with pytest.raises((EngineError, ModelError)) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
