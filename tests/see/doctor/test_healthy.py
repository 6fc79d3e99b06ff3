"""A test that asserts health: of a PyTorch module and one batch, of a loop, of byhand's own training; the fixture of pytest."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand.data.dataset import Dataset
from byhand.errors import ByhandError
from byhand.optim import SGD

pytest_plugins = ["pytester"]


def batch(torch: Any, n: int = 24, features: int = 6, classes: int = 3) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, features, generator=generator), torch.randint(0, classes, (n,), generator=generator)


def network(torch: Any, *more: Any) -> Any:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), *more, torch.nn.Linear(16, 3))


@pytest.mark.torch
def test_healthy_modules_pass_and_stay_as_they_are(torch: Any) -> None:
    x, y = batch(torch)
    for more in ((), (torch.nn.Dropout(0.5),), (torch.nn.BatchNorm1d(16),), (torch.nn.Tanh(), torch.nn.Linear(16, 16))):
        net = network(torch, *more)
        before, chance, mode = copy.deepcopy(net.state_dict()), torch.get_rng_state(), net.training
        report = byhand.assert_healthy(net, x, y, loss=torch.nn.functional.cross_entropy)
        assert report.healthy and report.seconds < 5
        assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
        assert torch.equal(chance, torch.get_rng_state()) and net.training == mode
        assert all(p.grad is None for p in net.parameters())


@pytest.mark.torch
def test_each_fault_of_a_module_is_named(torch: Any) -> None:
    nn = torch.nn
    cross_entropy = nn.functional.cross_entropy
    x, y = batch(torch)

    class Unused(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net, self.forgotten = network(torch), nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            return self.net(x)

    class Sliced(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))

        def forward(self, x: Any) -> Any:
            return self.net(x[:, :4])

    class Mixed(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = network(torch)

        def forward(self, x: Any) -> Any:
            return self.net(x - x.mean(dim=0))

    class Detached(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(6, 16), nn.Linear(16, 3)

        def forward(self, x: Any) -> Any:
            return self.second(torch.relu(self.first(x)).detach())

    frozen = network(torch)
    frozen[0].weight.requires_grad_(False)
    wrong: list[tuple[Any, str]] = [
        (Unused(), "a gradient is not computed (forgotten.weight"),
        (Detached(), "a gradient is not computed (first.weight"),
        (Sliced(), "the network does not use some of its inputs (the input"),
        (Mixed(), "depends on the others in its batch"),
        (frozen, "parameters never change (0.weight"),
        (nn.Sequential(network(torch), nn.Softmax(dim=1)), "softmax is applied twice"),
        (nn.Sequential(network(torch), nn.Dropout(0.5), noisy(torch)), "random in evaluation"),
    ]
    for net, told in wrong:
        with pytest.raises(AssertionError) as caught:
            byhand.assert_healthy(net, x, y, loss=cross_entropy)
        assert told in str(caught.value).splitlines()[1], str(caught.value)
    with pytest.raises(AssertionError, match="stop being finite"):
        byhand.assert_healthy(network(torch), x, y, loss=lambda z, y: (z - z).log().mean())


def noisy(torch: Any) -> Any:
    class Noise(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return torch.nn.functional.dropout(x, 0.5, training=True)

    return Noise()


@pytest.mark.torch
def test_what_is_meant_can_be_allowed_and_what_cannot_be_is_told(torch: Any) -> None:
    x, y = batch(torch)
    loss = torch.nn.functional.cross_entropy
    net = network(torch)
    net[0].weight.requires_grad_(False)
    report = byhand.assert_healthy(net, x, y, loss=loss, allow=("parameters-frozen",))
    assert [finding.fault for finding in report.findings] == ["parameters-frozen"]
    with pytest.raises(ByhandError, match=r"no fault 'parameter-frozen': did you mean 'parameters-frozen'"):
        byhand.assert_healthy(net, x, y, loss=loss, allow=("parameter-frozen",))
    with pytest.raises(ByhandError, match="needs a batch and its loss"):
        byhand.assert_healthy(net)
    with pytest.raises(ByhandError, match="the loss of this batch could not be worked out"):
        byhand.assert_healthy(net, x[:, :3], y, loss=loss)
    with pytest.raises(ByhandError, match="the loss must be one number"):
        byhand.assert_healthy(net, x, y, loss=lambda z, y: loss(z, y, reduction="none"))
    with pytest.raises(ByhandError, match="needs a function"):
        byhand.assert_healthy(3)
    with pytest.raises(ByhandError, match="go with a PyTorch module"):
        byhand.assert_healthy(len, x, y)


@pytest.mark.torch
def test_a_function_that_trains_is_listened_to_and_ended(torch: Any) -> None:
    steps: list[int] = []

    def train(seed: int = 0, forgets: bool = False) -> None:
        torch.manual_seed(seed)
        x = torch.randn(256, 6)
        y = (x[:, 0] + x[:, 1] > 0).long()
        net = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        for _ in range(100):
            for i in torch.randperm(256).split(32):
                if not forgets:
                    optimizer.zero_grad()
                torch.nn.functional.cross_entropy(net(x[i]), y[i]).backward()
                optimizer.step()
                steps.append(seed)

    assert byhand.assert_healthy(train, seed=3).healthy
    assert 299 <= len(steps) <= 300 and set(steps) == {3}
    with pytest.raises(AssertionError, match="the gradient of one batch is added to that of the last"):
        byhand.assert_healthy(lambda: train(forgets=True))


def points(n: int = 200) -> Dataset:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 2)).astype(np.float32)
    labels = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    return Dataset("corners", x, labels, ("no", "yes"))


def test_byhands_own_training_is_examined_without_being_tried() -> None:
    class Doubled(byhand.FeedForward):
        def learn(self, x: Any, y: Any) -> Any:
            cost = super().learn(x, y)
            self.gradient *= 3
            return cost

    def make(kind: Any = byhand.FeedForward) -> Any:
        net = kind((2, 16, 2), activation="relu", output="softmax", cost="cross_entropy", seed=1)
        return byhand.steps(net, points(), epochs=5, batch_size=20, optimizer=SGD(0.5))

    report = byhand.assert_healthy(make, allow=("no-validation",))
    assert "not looked at" in [check.name for check in report.checks]
    with pytest.raises(AssertionError, match="the gradient has the wrong size"):
        byhand.assert_healthy(lambda: make(Doubled), allow=("no-validation",))


def test_a_numpy_loop_is_asserted_through_its_checkup() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 3))
    y = x @ np.array([[1.0], [-2.0], [0.5]])

    def train(factor: float) -> Any:
        w = np.zeros((3, 1))
        see = byhand.checkup({"w": w}, answers=lambda x: x @ w)
        for _ in range(60):
            error = x @ w - y
            gradient = factor * x.T @ error / len(x)
            w -= 0.2 * gradient
            see(float((error**2).mean() / 2), x, y, gradients={"w": gradient}, learning_rate=0.2)
        return see

    assert byhand.assert_healthy(lambda: train(1.0)).healthy
    with pytest.raises(AssertionError, match="gradient"):
        byhand.assert_healthy(train(-0.01))


def test_the_fixture_asks_every_seed_and_reads_the_mark(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import numpy as np, pytest, byhand
        from byhand.data.dataset import Dataset
        from byhand.optim import SGD

        asked = []

        def make(seed=0):
            asked.append(seed)
            rng = np.random.default_rng(seed)
            x = rng.standard_normal((200, 2)).astype(np.float32)
            labels = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
            data = Dataset("corners", x, labels, ("no", "yes"))
            net = byhand.FeedForward((2, 16, 2), activation="relu", output="softmax", cost="cross_entropy", seed=seed)
            return byhand.steps(net, data, epochs=5, batch_size=20, optimizer=SGD(0.5))

        @pytest.mark.byhand(allow=["no-validation"])
        def test_marked(assert_healthy):
            assert_healthy(make)
            assert asked == [1, 2]

        def test_unmarked(assert_healthy):
            assert_healthy(make, allow=["no-such-fault"])
        """
    )
    result = pytester.runpytest_subprocess("--byhand-seeds", "2")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*there is no fault 'no-such-fault'*"])


def test_pytest_finds_the_plugin_where_byhand_is_installed() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["pytest11"] == {"byhand": "byhand.pytest_plugin"}
