"""The recurrent writer: PyTorch's numbers, that no place sees the future, what it writes, and its recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand.data.text import split
from byhand.engine import Tensor, no_grad
from byhand.modelfile import Model, load_model, save_model
from byhand.models.kinds import of_recipe
from byhand.models.lstm import RecurrentWriter
from byhand.models.transformer import generate
from byhand.nn import Network
from byhand.training.recipes import RECIPES

K, T, N = 7, 6, 3


def small(**settings: Any) -> Network:
    return Network(RecurrentWriter(K, **({"length": T, "width": 8, "depth": 2} | settings)), (T,), seed=1, dtype="float64")


def windows() -> tuple[Any, Any]:
    both = np.random.default_rng(0).integers(0, K, (N, T + 1))
    return both[:, :-1], both[:, 1:]


@pytest.mark.torch
def test_it_is_pytorchs_embedding_lstm_and_linear(torch: Any) -> None:
    net = small()
    x, _ = windows()
    p = {name: torch.tensor(parameter.data) for name, parameter in net.module.parameters()}
    memory = torch.nn.LSTM(8, 8, num_layers=2, batch_first=True, dtype=torch.float64)
    memory.load_state_dict({name.removeprefix("memory."): value for name, value in p.items() if name.startswith("memory.")})
    h, _ = memory(p["character.weight"][torch.tensor(x)])
    z = h @ p["output.weight"].T + p["output.bias"]
    with no_grad():
        assert np.abs(net.module.eval()(Tensor(x)).data - z.detach().numpy()).max() < 1e-12


@pytest.mark.slow
def test_the_gradient_is_that_of_central_differences() -> None:
    net = small()
    x, y = windows()
    net.learn(x, y)
    gradient, h = net.gradient.copy(), 1e-6
    for i in np.random.default_rng(0).permutation(net.parameters.size)[:60]:
        was, found = net.parameters[i], []
        for at in (was + h, was - h):
            net.parameters[i] = at
            found.append(net.learn(x, y))
        net.parameters[i] = was
        assert (found[0] - found[1]) / (2 * h) == pytest.approx(gradient[i], abs=1e-8)


def test_no_place_sees_what_comes_after_it() -> None:
    net = small()
    x, _ = windows()
    changed = x.copy()
    changed[:, 4:] = (changed[:, 4:] + 1) % K
    with no_grad():
        before, after = net.module(Tensor(x)).data, net.module(Tensor(changed)).data
    assert np.array_equal(before[:, :4], after[:, :4]) and not np.allclose(before[:, 4:], after[:, 4:])


@pytest.mark.slow
def test_it_learns_a_text_goes_on_with_it_and_comes_back_from_its_file(tmp_path: Path) -> None:
    splits = split("abc", "abcdefg " * 200, window=8)
    net = Network(RecurrentWriter(splits.train.n_classes, length=8, width=16), (8,), seed=1)
    byhand.fit(net, splits.train, epochs=10, batch_size=16, optimizer=byhand.optim.Adam(0.02), seed=1)
    alphabet = splits.train.class_names
    assert generate(net, "abc", 13, alphabet=alphabet, temperature=0) == "defg abcdefg "
    assert generate(net, "abcdefg abcdefg a", 3, alphabet=alphabet, temperature=0) == "bcd"  # longer than it learned from
    save_model(tmp_path / "lstm.safetensors", Model(net, class_names=alphabet, metrics={}))
    again = load_model(tmp_path / "lstm.safetensors").network
    assert generate(again, "abc", 30, alphabet=alphabet, seed=4) == generate(net, "abc", 30, alphabet=alphabet, seed=4)


def test_the_recipe_reads_the_same_texts_as_attentions() -> None:
    ours, theirs = RECIPES["lstm"], RECIPES["attention"]
    assert (ours.data, ours.data_options, ours.epochs) == (theirs.data, theirs.data_options, theirs.epochs)
    net = of_recipe("lstm").build(ours, split("abc", "abcdefg " * 200, window=8).train, np.float32, "cpu")
    assert isinstance(net.module, RecurrentWriter) and net.module.width == 192 and net.reads_text
