"""`byhand.watch` on a PyTorch module: `watcher(loss)` is all that is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import byhand
from byhand.errors import ByhandError
from byhand.web.watch.torch_module import TorchModule

pytestmark = pytest.mark.torch


def convolutional(torch: Any) -> Any:
    nn = torch.nn
    parts = [nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 36, 4)]
    return nn.Sequential(*parts)


def test_channels_come_last_and_gradients_and_the_rate_are_heard(torch: Any) -> None:
    net = convolutional(torch)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.125)
    module = TorchModule(net, optimizer)
    x = torch.randn(5, 1, 8, 8)
    net(x).square().mean().backward()
    seen = module.activations()
    assert {name: a.shape for name, a in seen.items()} == {"0": (5, 6, 6, 6), "1": (5, 6, 6, 6), "2": (5, 216), "3": (5, 4)}
    assert np.array_equal(seen["0"], net[0](x).detach().numpy().transpose(0, 2, 3, 1))
    assert np.array_equal(module.gradients()["3.weight"], net[3].weight.grad.numpy())
    assert module.rate() == 0.125
    module.close()
    net(x)
    assert module.activations() == {}


def test_words_of_a_sequence_keep_their_units_last(torch: Any) -> None:
    net = torch.nn.Sequential(torch.nn.Embedding(9, 7), torch.nn.Linear(7, 3), torch.nn.ReLU())
    module = TorchModule(net)
    net(torch.zeros(4, 5, dtype=torch.long))
    assert [a.shape for a in module.activations().values()] == [(4, 5, 7), (4, 5, 3), (4, 5, 3)]


def test_an_evaluation_is_not_taken_for_the_training(torch: Any) -> None:
    net = convolutional(torch)
    module = TorchModule(net)
    with torch.no_grad():
        net(torch.randn(3, 1, 8, 8))
    assert module.activations() == {}


def test_bfloat16_and_a_whole_loop_are_watched(torch: Any) -> None:
    net = convolutional(torch).to(torch.bfloat16)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with byhand.watch(net, optimizer, port=0, open_browser=False) as watcher:
        for _ in range(3):
            optimizer.zero_grad()
            loss = net(torch.randn(5, 1, 8, 8, dtype=torch.bfloat16)).square().mean()
            loss.backward()
            optimizer.step()
            watcher.next = 0.0
            watcher(loss)
        assert watcher.rate == 0.1 and watcher.step == 3 and not watcher.broken
        assert watcher.last


def test_a_loop_whose_gradients_are_gone_is_watched_all_the_same_and_a_loss_of_several_numbers_gets_a_line(torch: Any) -> None:
    net = convolutional(torch)
    with byhand.watch(net, port=0, open_browser=False) as watcher:
        for _ in range(3):
            watcher.next = 0.0
            watcher(torch.tensor(1.0))
        assert not watcher.broken and watcher.last
        with pytest.raises(ByhandError, match="the cost must be one number"):
            watcher(torch.ones(3))


@pytest.mark.parametrize("what", ["empty", "stranger", "no optimiser", "no module"])
def test_wrong_arguments_get_one_line(torch: Any, what: str) -> None:
    net = convolutional(torch)
    given: tuple[Any, Any] = {
        "empty": (torch.nn.ReLU(), None),
        "stranger": (net, torch.optim.SGD(convolutional(torch).parameters(), lr=0.1)),
        "no optimiser": (net, 0.1),
        "no module": ({"w": np.ones(3)}, torch.optim.SGD(net.parameters(), lr=0.1)),
    }[what]
    with pytest.raises(ByhandError) as caught:
        byhand.watch(*given, port=0, open_browser=False)
    assert "\n" not in str(caught.value) and str(caught.value).startswith("watch: ")
