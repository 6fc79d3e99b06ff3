"""A PyTorch loop with one line around it: what is wrong is named first, odd but healthy loops get a clean bill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import byhand
from byhand.cli import app
from byhand.see.doctor.finding import Report

pytestmark = pytest.mark.torch

RNG = np.random.default_rng(3)
X = (np.repeat(np.eye(4), 80, axis=0)[:, [0, 1, 2, 3, 0, 1]] + RNG.normal(0, 0.4, (320, 6))).astype(np.float32)
Y = np.repeat(np.arange(4), 80)

Make = Callable[[Any], Any]


def mlp(torch: Any, *last: Any, act: Any = None, wide: int = 24) -> Any:
    nn = torch.nn
    return nn.Sequential(nn.Linear(6, wide), (act or nn.ReLU)(), nn.Linear(wide, 4), *last)


def examined(
    torch: Any,
    net: Make,
    *,
    optimizer: Callable[[Any, Any], Any] = lambda torch, net: torch.optim.Adam(net.parameters(), lr=0.01),
    loss: Callable[[Any, Any, Any], Any] = lambda torch, z, y: torch.nn.functional.cross_entropy(z, y),
    before_step: Callable[[Any, Any, Any], None] = lambda torch, net, optimizer: None,
    x: Any = X,
    y: Any = Y,
    zero: bool = True,
    steps: bool = True,
    shuffled: bool = True,
    evaluates: Callable[[Any], None] = lambda net: None,
    schedule: float = 1.0,
) -> Report:
    torch.manual_seed(1)
    net = net(torch)
    made = optimizer(torch, net)
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    with byhand.checkup(net) as see:
        for _ in range(8):
            net.train()
            order = torch.randperm(len(x)) if shuffled else torch.arange(len(x))
            for rows in order.split(20):
                if zero:
                    made.zero_grad()
                loss(torch, net(x[rows]), y[rows]).backward()
                before_step(torch, net, made)
                if steps:
                    made.step()
                for group in made.param_groups:
                    group["lr"] *= schedule
            evaluates(net)
            with torch.no_grad():
                net(x[:20])
    return see.report()


@pytest.fixture(autouse=True)
def _one_thread(torch: Any) -> None:
    """PyTorch, where it is."""


HEALTHY: dict[str, dict[str, Any]] = {
    "adam": {"net": mlp},
    "momentum": {"net": mlp, "optimizer": lambda t, n: t.optim.SGD(n.parameters(), lr=0.1, momentum=0.9)},
    "clipped": {"net": mlp, "before_step": lambda t, n, o: t.nn.utils.clip_grad_norm_(n.parameters(), 0.5)},
    "clipped by value": {"net": mlp, "before_step": lambda t, n, o: t.nn.utils.clip_grad_value_(n.parameters(), 0.01)},
    "dropout and batch norm": {
        "net": lambda t: mlp(t, act=lambda: t.nn.Sequential(t.nn.BatchNorm1d(24), t.nn.ReLU(), t.nn.Dropout(0.2))),
        "evaluates": lambda net: net.eval(),
    },
    "nll": {"net": lambda t: mlp(t, t.nn.LogSoftmax(1)), "loss": lambda t, z, y: t.nn.functional.nll_loss(z, y)},
    "a loss of its own": {"net": mlp, "loss": lambda t, z, y: -t.log_softmax(z, 1)[t.arange(len(y)), y].mean()},
    "a penalty": {"net": mlp, "loss": lambda t, z, y: t.nn.functional.cross_entropy(z, y) + 1e-3 * z.square().mean()},
    "numbers to learn": {
        "net": lambda t: t.nn.Sequential(t.nn.Linear(6, 24), t.nn.Tanh(), t.nn.Linear(24, 1)),
        "y": X.sum(1, keepdims=True) - 1,
        "loss": lambda t, z, y: t.nn.functional.mse_loss(z, y),
    },
    "yes or no": {
        "net": lambda t: t.nn.Sequential(t.nn.Linear(6, 24), t.nn.ReLU(), t.nn.Linear(24, 1)),
        "y": (Y > 1).astype(np.float32)[:, None],
        "loss": lambda t, z, y: t.nn.functional.binary_cross_entropy_with_logits(z, y),
    },
    "frozen on purpose": {"net": lambda t: frozen(mlp(t, wide=64)), "optimizer": lambda t, n: last_layer(t, n, 0.02)},
    "two optimisers": {"net": mlp, "optimizer": lambda t, n: Both(t, n)},  # noqa: PLW0108
    "a recurrent network": {"net": lambda t: recurrent(t), "x": X.reshape(320, 3, 2)},  # noqa: PLW0108
}


def last_layer(torch: Any, net: Any, rate: float = 0.01) -> Any:
    return torch.optim.Adam(net[2].parameters(), lr=rate)


def frozen(net: Any) -> Any:
    for parameter in net[0].parameters():
        parameter.requires_grad_(False)
    return net


def recurrent(torch: Any) -> Any:
    class Reader(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.cell = torch.nn.GRU(2, 16, batch_first=True)
            self.out = torch.nn.Linear(16, 4)

        def forward(self, x: Any) -> Any:
            return self.out(self.cell(x)[0][:, -1])

    return Reader()


class Both:
    """Two optimisers for two layers."""

    def __init__(self, torch: Any, net: Any) -> None:
        self.each = [torch.optim.SGD(net[0].parameters(), lr=0.1), torch.optim.Adam(net[2].parameters(), lr=0.01)]
        self.param_groups: list[Any] = []

    def zero_grad(self) -> None:
        for one in self.each:
            one.zero_grad()

    def step(self) -> None:
        for one in self.each:
            one.step()


@pytest.mark.parametrize("name", HEALTHY)
def test_an_odd_but_healthy_loop_gets_a_clean_bill(torch: Any, name: str) -> None:
    found = examined(torch, **HEALTHY[name])
    assert found.healthy, str(found)


def own_function(torch: Any) -> Any:
    class Swish(torch.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(context: Any, x: Any) -> Any:
            context.save_for_backward(x)
            return x * torch.sigmoid(x)

        @staticmethod
        def backward(context: Any, g: Any) -> Any:
            (x,) = context.saved_tensors
            return g * torch.sigmoid(x)  # x sigma' is missing

    class Layer(torch.nn.Module):  # type: ignore[misc,name-defined]
        def forward(self, x: Any) -> Any:
            return Swish.apply(x)

    return mlp(torch, act=Layer)


def in_a_list(torch: Any) -> Any:
    class Lost(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layers = [torch.nn.Linear(6, 6)]
            self.out = torch.nn.Linear(6, 4)

        def forward(self, x: Any) -> Any:
            return self.out(torch.relu(self.layers[0](x)))

    return Lost()


def same(net: Any, value: float) -> Any:
    for parameter in net.parameters():
        parameter.data.fill_(value)
    return net


def deep(torch: Any) -> Any:
    nn = torch.nn
    inner = [layer for _ in range(14) for layer in (nn.Linear(24, 24), nn.Sigmoid())]
    return nn.Sequential(nn.Linear(6, 24), nn.Sigmoid(), *inner, nn.Linear(24, 4))


def sgd(torch: Any, net: Any, rate: float, **settings: float) -> Any:
    return torch.optim.SGD(net.parameters(), lr=rate, **settings)


FAULTY: dict[str, tuple[dict[str, Any], str]] = {
    "softmax": ({"net": lambda t: mlp(t, t.nn.Softmax(1))}, "softmax-twice"),
    "sigmoid at the end": ({"net": lambda t: mlp(t, t.nn.Sigmoid())}, "output-activation"),
    "relu at the end": ({"net": lambda t: mlp(t, t.nn.ReLU())}, "output-activation"),
    "nll of logits": ({"net": mlp, "loss": lambda t, z, y: t.nn.functional.nll_loss(z, y)}, "wrong-cost"),
    "one output": (
        {
            "net": lambda t: t.nn.Sequential(t.nn.Linear(6, 8), t.nn.ReLU(), t.nn.Linear(8, 1), t.nn.Softmax(1)),
            "y": (Y > 1).astype(np.float32)[:, None],
            "loss": lambda t, z, y: t.nn.functional.binary_cross_entropy(z, y),
        },
        "output-activation",
    ),
    "no zero_grad": ({"net": mlp, "zero": False, "optimizer": lambda t, n: sgd(t, n, 0.1)}, "gradient-accumulates"),
    "zero_grad too late": ({"net": mlp, "before_step": lambda t, n, o: o.zero_grad()}, "gradient-missing"),
    "no step": ({"net": mlp, "steps": False}, "parameters-frozen"),
    "another network's optimiser": ({"net": mlp, "optimizer": lambda t, n: sgd(t, mlp(t), 0.1)}, "parameters-frozen"),
    "part of the network": ({"net": mlp, "optimizer": last_layer}, "parameters-frozen"),
    "layers in a list": ({"net": in_a_list}, "parameters-frozen"),
    "evaluation mode": (
        {"net": lambda t: mlp(t, act=lambda: t.nn.Sequential(t.nn.ReLU(), t.nn.Dropout(0.5)))},
        "random-evaluation",
    ),
    "rate too high": ({"net": mlp, "optimizer": lambda t, n: sgd(t, n, 500.0)}, "rate-too-high"),
    "rate too low": ({"net": mlp, "optimizer": lambda t, n: sgd(t, n, 1e-6)}, "rate-too-low"),
    "schedule": ({"net": mlp, "schedule": 0.85}, "rate-falls-too-soon"),
    "labels of others": ({"net": mlp, "y": Y[np.random.default_rng(1).permutation(320)]}, "labels-wrong"),
    "sorted": ({"net": mlp, "shuffled": False}, "not-shuffled"),
    "pixels": ({"net": mlp, "x": 255 * X}, "inputs-not-normalised"),
    "zeros": ({"net": lambda t: same(mlp(t), 0.0)}, "zero-weights"),
    "copies": ({"net": lambda t: same(mlp(t), 0.1)}, "symmetric-units"),
    "straight": ({"net": lambda t: mlp(t, act=t.nn.Identity)}, "no-nonlinearity"),
    "deep sigmoids": ({"net": deep}, "vanishing-gradient"),
    "shapes": (
        {
            "net": lambda t: t.nn.Sequential(t.nn.Linear(6, 8), t.nn.ReLU(), t.nn.Linear(8, 1)),
            "y": X.sum(1) - 1,
            "loss": lambda t, z, y: t.nn.functional.mse_loss(z, y),
        },
        "wrong-cost",
    ),
    "targets of thousands": (
        {
            "net": lambda t: t.nn.Sequential(t.nn.Linear(6, 8), t.nn.ReLU(), t.nn.Linear(8, 1)),
            "y": 5000 * X.sum(1, keepdims=True),
            "loss": lambda t, z, y: t.nn.functional.mse_loss(z, y),
        },
        "targets-do-not-fit",
    ),
    "a function of its own": ({"net": own_function}, "gradient-wrong"),
    "decay": ({"net": mlp, "optimizer": lambda t, n: sgd(t, n, 0.01, weight_decay=20.0)}, "weight-decay-too-strong"),
}


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("name", FAULTY)
def test_what_is_planted_is_named_first(torch: Any, name: str) -> None:
    planted, fault = FAULTY[name]
    found = examined(torch, **planted)
    assert [finding.fault for finding in found.findings][:1] == [fault], str(found)


def test_an_optimiser_that_calls_a_closure_is_counted_and_what_was_not_looked_at_is_named(torch: Any) -> None:
    net, x, y = mlp(torch), torch.as_tensor(X), torch.as_tensor(Y)
    optimizer = torch.optim.LBFGS(net.parameters(), lr=0.3, max_iter=3)

    def closure() -> Any:
        optimizer.zero_grad()
        cost = torch.nn.functional.cross_entropy(net(x), y)
        cost.backward()
        return cost

    with byhand.checkup(net) as see:
        for _ in range(6):
            optimizer.step(closure)
    found = see.report()
    assert found.healthy and see.steps == 6 and see.costs[-1] < see.costs[0]
    assert any("as where an optimiser calls a closure" in check.measured for check in found.checks)


def test_a_loop_that_is_listened_to_computes_the_same_bits(torch: Any) -> None:
    def trained(listened: bool) -> Any:
        torch.manual_seed(2)
        net = mlp(torch, act=lambda: torch.nn.Sequential(torch.nn.BatchNorm1d(24), torch.nn.ReLU(), torch.nn.Dropout(0.3)))
        optimizer = torch.optim.Adam(net.parameters())

        def loop() -> None:
            for rows in torch.randperm(320).split(20):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(net(torch.as_tensor(X)[rows]), torch.as_tensor(Y)[rows]).backward()
                optimizer.step()

        if listened:
            with byhand.checkup(net) as see:
                loop()
            see.report()
        else:
            loop()
        return [value.clone() for value in net.state_dict().values()], torch.rand(1)

    (plain, chance), (listened, other) = trained(False), trained(True)
    assert all(torch.equal(one, two) for one, two in zip(plain, listened, strict=True))
    assert torch.equal(chance, other)


def test_everything_is_put_back_when_the_loop_ends(torch: Any) -> None:
    backward = torch.Tensor.backward
    examined(torch, mlp)
    assert torch.Tensor.backward is backward
    assert torch.overrides._get_current_function_mode_stack() == []
    with pytest.raises(ZeroDivisionError), byhand.checkup(mlp(torch)):
        raise ZeroDivisionError
    assert torch.Tensor.backward is backward


SCRIPT = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.rand(400, 5)
y = (x[:, :2].sum(1) > 1).long()
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 2), nn.Softmax(dim=1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(100_000):
    rows = torch.randint(len(x), (40,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
    optimizer.step()
print("the end")
"""


def test_an_ordinary_script_is_examined_without_a_word_added_to_it(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    made = CliRunner().invoke(app, ["doctor", str(tmp_path / "train.py"), "--steps", "40", "--json"])
    assert made.exit_code == 0, made.output
    assert '"fault": "softmax-twice"' in made.stdout and "the end" not in made.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import torch\n1 / 0", "raised ZeroDivisionError: division by zero, line 2"),
        ("print(1)", "trained no PyTorch network"),
        ("if", "is no Python"),
    ],
)
def test_a_script_that_trains_nothing_gets_a_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "train.py").write_text(text)
    made = CliRunner().invoke(app, ["doctor", str(tmp_path / "train.py")])
    assert made.exit_code != 0
    assert said in str(made.exception) + made.output


@pytest.mark.torch
@pytest.mark.parametrize(
    ("ends", "cost", "fault"),
    [
        ("relu and sigmoid", "binary_cross_entropy", "output-activation"),
        ("relu and sigmoid", "mse_loss", "output-activation"),
        ("numbers of classes", "mse_loss", "wrong-cost"),
        ("sigmoid", "binary_cross_entropy", None),
        ("linear", "mse_loss", None),
    ],
)
def test_ends_that_cannot_say_what_is_asked_are_named(torch: Any, ends: str, cost: str, fault: str | None) -> None:
    nn = torch.nn
    torch.manual_seed(1)
    x = torch.randn(300, 6)
    y = (x @ torch.randn(6, 3)).argmax(dim=1)
    target = y.float()[:, None].expand(-1, 3) if ends == "numbers of classes" else nn.functional.one_hot(y, 3).float()
    last = {"relu and sigmoid": [nn.ReLU(), nn.Sigmoid()], "sigmoid": [nn.Sigmoid()]}.get(ends, [])
    net = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 3), *last)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    with byhand.checkup(net) as see:
        for _ in range(30):
            for i in torch.randperm(300).split(30):
                optimizer.zero_grad()
                getattr(nn.functional, cost)(net(x[i]), target[i]).backward()
                optimizer.step()
    found = [finding.fault for finding in see.report().findings]
    assert found[:1] == ([] if fault is None else [fault])


def listened(net: Any, steps: int, step: Callable[[], None]) -> Report:
    with byhand.checkup(net) as see:
        for _ in range(steps):
            step()
    return see.report()


@pytest.mark.torch
def test_a_network_that_answers_0_to_everything_does_not_crash_the_examination(torch: Any) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3), torch.nn.ReLU())
    torch.nn.init.constant_(net[2].bias, -50.0)
    x, y = torch.randn(64, 4), torch.randint(0, 3, (64,))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    assert not listened(net, 40, step).healthy


@pytest.mark.torch
def test_steps_smaller_than_the_last_digit_are_a_rate_too_low_and_no_frozen_parameter(torch: Any) -> None:
    x, y = torch.randn(64, 8), torch.randint(0, 4, (64,))
    net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 4))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-12)

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    faults = [finding.fault for finding in listened(net, 40, step).findings]
    assert "rate-too-low" in faults and "parameters-frozen" not in faults


@pytest.mark.torch
def test_a_squared_difference_that_spreads_over_the_batch_is_named(torch: Any) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    x = torch.randn(50, 4)
    y, optimizer = x[:, 0] * 2, torch.optim.Adam(net.parameters(), lr=0.01)

    def step(target: Any) -> None:
        optimizer.zero_grad()
        ((net(x) - target) ** 2).mean().backward()
        optimizer.step()

    assert listened(net, 40, lambda: step(y)).findings[0].fault == "wrong-cost"
    assert "wrong-cost" not in [finding.fault for finding in listened(net, 40, lambda: step(y[:, None])).findings]


@pytest.mark.torch
def test_a_discriminator_is_not_measured_by_a_part_of_its_game(torch: Any) -> None:
    nn = torch.nn
    torch.manual_seed(0)

    def make(n_in: int, n_out: int) -> Any:
        return nn.Sequential(nn.Linear(n_in, 32), nn.LeakyReLU(0.2), nn.Linear(32, n_out))

    generator, critic = make(3, 2), make(2, 1)
    ours, theirs = torch.optim.Adam(critic.parameters(), 1e-3), torch.optim.Adam(generator.parameters(), 1e-3)
    cost, one = nn.functional.binary_cross_entropy_with_logits, torch.ones(64, 1)

    def step() -> None:
        fake = generator(torch.randn(64, 3))
        ours.zero_grad()
        (cost(critic(torch.randn(64, 2)), one) + cost(critic(fake.detach()), 0 * one)).backward()
        ours.step()
        theirs.zero_grad()
        cost(critic(fake), one).backward()
        theirs.step()

    assert "not-learning" not in [finding.fault for finding in listened(critic, 80, step).findings]


def coder(torch: Any) -> Any:
    class Coder(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.encode, self.decode = torch.nn.Linear(12, 8), torch.nn.Linear(4, 12)

        def forward(self, x: Any) -> Any:
            mu, log_variance = self.encode(x).chunk(2, 1)
            return self.decode(mu + (log_variance / 2).exp() * torch.randn_like(mu)), mu, log_variance

    return Coder()


@pytest.mark.torch
@pytest.mark.parametrize(("sign", "reduction", "fault"), [(1, "sum", None), (-1, "sum", "kl-sign"), (1, "mean", "kl-weight")])
def test_the_divergence_of_a_vae_is_taken_out_of_its_cost(torch: Any, sign: int, reduction: str, fault: str | None) -> None:
    torch.manual_seed(0)
    net, x = coder(torch), torch.randn(640, 4) @ torch.randn(4, 12)
    optimizer = torch.optim.Adam(net.parameters(), 0.02 if reduction == "mean" else 0.005)

    def step() -> None:
        rows = x[torch.randint(640, (64,))]
        again, mu, log_variance = net(rows)
        kl = -0.5 * (1 + log_variance - mu**2 - log_variance.exp()).sum()
        whole = torch.nn.functional.mse_loss(again, rows, reduction=reduction)
        optimizer.zero_grad()
        ((whole + sign * kl) / 64 if reduction == "sum" else whole + 3 * kl / 64).backward()
        optimizer.step()

    found = [finding.fault for finding in listened(net, 120, step).findings]
    assert found[:1] == [fault] if fault else not {"kl-sign", "kl-weight"} & set(found)


@pytest.mark.torch
@pytest.mark.parametrize("causal", [False, True])
def test_a_language_model_that_sees_the_next_word_is_told_so(torch: Any, causal: bool) -> None:
    torch.manual_seed(0)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(8) if causal else None

    class Reader(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.word, self.out = torch.nn.Embedding(9, 16), torch.nn.Linear(16, 9)
            self.look = torch.nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.out(self.look(self.word(x), mask))

    net, words = Reader(), torch.randint(0, 9, (500, 9))
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)

    def step() -> None:
        rows = words[torch.randint(500, (16,))]
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(rows[:, :-1]).reshape(-1, 9), rows[:, 1:].reshape(-1)).backward()
        optimizer.step()

    found = [finding.fault for finding in listened(net, 30, step).findings]
    assert ("answer-seen" in found) is not causal


@pytest.mark.torch
def test_several_labels_at_once_are_no_classes(torch: Any) -> None:
    net, x = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4)), torch.randn(100, 6)
    y, optimizer = (x[:, :4] > 0).float(), torch.optim.Adam(net.parameters(), 0.01)

    def step(cost: Any) -> None:
        optimizer.zero_grad()
        cost(net(x), y).backward()
        optimizer.step()

    assert listened(net, 40, lambda: step(torch.nn.functional.cross_entropy)).findings[0].fault == "wrong-cost"
    found = listened(net, 40, lambda: step(torch.nn.functional.binary_cross_entropy_with_logits)).findings
    assert "wrong-cost" not in [finding.fault for finding in found]


@pytest.mark.torch
def test_the_relu_of_a_body_whose_head_is_another_network_is_no_output(torch: Any) -> None:
    body, head = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU()), torch.nn.Linear(16, 3)
    x, y = torch.randn(90, 6), torch.arange(90) % 3
    ours, theirs = torch.optim.Adam(body.parameters(), 0.01), torch.optim.SGD(head.parameters(), 0.1)

    def step() -> None:
        ours.zero_grad()
        theirs.zero_grad()
        torch.nn.functional.cross_entropy(head(body(x)), y).backward()
        ours.step()
        theirs.step()

    found = listened(body, 40, step)
    faults = {finding.fault for finding in found.findings}
    assert not {"output-activation", "not-learning", "too-few-epochs"} & faults
    assert any("is a part" in check.measured for check in found.checks)


@pytest.mark.torch
def test_samples_that_stand_on_the_second_axis_do_not_crash_the_examination(torch: Any) -> None:
    class Recurrent(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.read, self.out = torch.nn.GRU(2, 8), torch.nn.Linear(8, 2)

        def forward(self, x: Any) -> Any:
            return self.out(self.read(x)[1][0])

    net, x, y = Recurrent(), torch.randn(10, 40, 2), torch.arange(40) % 2
    optimizer = torch.optim.Adam(net.parameters(), 0.01)

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    listened(net, 30, step)


@pytest.mark.torch
def test_a_table_of_positions_that_begins_at_0_learns_and_is_no_fault(torch: Any) -> None:
    torch.manual_seed(0)

    class Placed(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.place = torch.nn.Parameter(torch.zeros(6, 5))
            self.out = torch.nn.Sequential(torch.nn.Linear(30, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))

        def forward(self, x: Any) -> Any:
            return self.out((x + self.place).flatten(1))

    net, x = Placed(), torch.randn(300, 6, 5)
    y, optimizer = x[:, 0, :3].argmax(dim=1), torch.optim.Adam(net.parameters(), 0.01)

    def step() -> None:
        rows = torch.randint(300, (30,))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()

    assert "zero-weights" not in [finding.fault for finding in listened(net, 60, step).findings]
