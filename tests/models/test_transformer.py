"""The transformer: its gradient, that no place sees the future, PyTorch's numbers, and what it writes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import byhand
from byhand.data.text import split
from byhand.engine import Tensor, no_grad
from byhand.engine.check import check_gradient
from byhand.errors import ModelError
from byhand.models.transformer import Transformer, draw, generate
from byhand.nn import Network
from byhand.training.evaluate import evaluate
from byhand.training.evaluate_classifier import bits_per_character

K, T, N = 7, 6, 3


def small(seed: int = 1, dtype: Any = "float64", **settings: Any) -> Network:
    module = Transformer(K, **({"length": T, "width": 8, "depth": 2, "heads": 2} | settings))
    return Network(module, (T,), cost="cross_entropy", seed=seed, dtype=dtype)


def windows(seed: int = 0) -> tuple[Any, Any]:
    both = np.random.default_rng(seed).integers(0, K, (N, T + 1))
    return both[:, :-1], both[:, 1:]


@pytest.mark.slow
def test_the_gradient_is_that_of_central_differences() -> None:
    net = small()
    x, y = windows()
    net.learn(x, y)
    gradient, h = net.gradient.copy(), 1e-6
    worst = 0.0
    for i in np.random.default_rng(0).permutation(net.parameters.size)[:300]:
        was, found = net.parameters[i], []
        for at in (was + h, was - h):
            net.parameters[i] = at
            found.append(net.learn(x, y))
        net.parameters[i] = was
        worst = max(worst, abs((found[0] - found[1]) / (2 * h) - gradient[i]))
    assert worst < 1e-8
    assert np.abs(gradient).max() > 1e-2


def test_the_sum_of_character_and_place_and_the_output_have_the_gradient_of_the_engines_check() -> None:
    net = small()
    x, _ = windows()
    module = net.module
    check_gradient(
        lambda w, b: module.output(module.norm(module.blocks(module.character(x) + w))) + b, np.zeros((T, 8)), np.zeros(K)
    )


def test_no_place_sees_what_comes_after_it() -> None:
    net = small()
    x, _ = windows()
    with no_grad():
        before = net.module(Tensor(x)).data
        changed = x.copy()
        changed[:, 4:] = (changed[:, 4:] + 1) % K
        after = net.module(Tensor(changed)).data
        shorter = net.module(Tensor(x[:, :3])).data
    assert np.array_equal(before[:, :4], after[:, :4])
    assert not np.allclose(before[:, 4:], after[:, 4:])
    assert np.allclose(before[:, :3], shorter, atol=1e-12)


def test_it_is_pytorchs_decoder() -> None:
    torch = pytest.importorskip("torch")
    net = small()
    x, _ = windows()
    p = {name: torch.tensor(parameter.data) for name, parameter in net.module.parameters()}
    width, heads = 8, 2
    a = p["character.weight"][torch.tensor(x)] + p["place.weight"][:T]
    for block in range(2):
        look, think = f"blocks.{block}.0.inner", f"blocks.{block}.1.inner"
        layer = torch.nn.MultiheadAttention(width, heads, batch_first=True, dtype=torch.float64)
        layer.in_proj_weight.data, layer.in_proj_bias.data = p[f"{look}.1.in_proj_weight"], p[f"{look}.1.in_proj_bias"]
        layer.out_proj.weight.data, layer.out_proj.bias.data = p[f"{look}.1.out_proj.weight"], p[f"{look}.1.out_proj.bias"]
        n = torch.nn.functional.layer_norm(a, (width,), p[f"{look}.0.weight"], p[f"{look}.0.bias"])
        mask = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)
        a = a + layer(n, n, n, attn_mask=mask, need_weights=False)[0]
        n = torch.nn.functional.layer_norm(a, (width,), p[f"{think}.0.weight"], p[f"{think}.0.bias"])
        inner = torch.nn.functional.linear(n, p[f"{think}.1.weight"], p[f"{think}.1.bias"])
        inner = torch.nn.functional.gelu(inner, approximate="tanh")
        a = a + torch.nn.functional.linear(inner, p[f"{think}.3.weight"], p[f"{think}.3.bias"])
    a = torch.nn.functional.layer_norm(a, (width,), p["norm.weight"], p["norm.bias"])
    z = torch.nn.functional.linear(a, p["output.weight"], p["output.bias"])
    with no_grad():
        ours = net.module.eval()(Tensor(x)).data
    assert np.abs(ours - z.detach().numpy()).max() < 1e-10


def trained() -> tuple[Network, Any]:
    splits = split("abc", "abcdefg " * 200, window=8)
    module = Transformer(splits.train.n_classes, length=8, width=16, depth=1, heads=2)
    net = Network(module, (8,), cost="cross_entropy", seed=1)
    byhand.fit(net, splits.train, epochs=6, batch_size=16, optimizer=byhand.optim.Adam(0.01), seed=1)
    return net, splits


@pytest.mark.slow
def test_it_learns_a_text_and_goes_on_with_it() -> None:
    net, splits = trained()
    alphabet = splits.train.class_names
    assert generate(net, "abc", 13, alphabet=alphabet, temperature=0) == "defg abcdefg "
    assert generate(net, "abcdefg abcdefg a", 3, alphabet=alphabet, temperature=0) == "bcd"  # longer than it sees
    assert generate(net, "a", 0, alphabet=alphabet) == ""
    texts = [generate(net, "a", 30, alphabet=alphabet, temperature=20.0, seed=seed) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    measured = evaluate(net, splits.test)
    assert measured.accuracy > 0.8
    assert measured.bits == pytest.approx(measured.cost / math.log(2), rel=1e-4)
    assert measured.n == splits.test.labels.size


def test_bits_of_known_probabilities() -> None:
    assert bits_per_character(np.array([1.0])) == 0
    assert bits_per_character(np.array([0.25, 0.25])) == 2


@pytest.mark.parametrize(
    ("prompt", "settings", "message"),
    [
        ("", {}, "the prompt is empty: give one or more of its 8 characters"),
        ("abX", {}, "the prompt holds 'X', which this model never saw"),
        ("a", {"temperature": -1.0}, "temperature must be 0 or more"),
        ("a", {"temperature": math.nan}, "temperature must be a finite number, 0 or more"),
        ("a", {"n": -1}, "the length must be 0 or more"),
    ],
)
def test_what_cannot_be_continued_is_refused(prompt: str, settings: Any, message: str) -> None:
    alphabet = tuple(sorted("abcdefg "))
    net = Network(Transformer(8, length=8, width=8, depth=1, heads=1), (8,), cost="cross_entropy", seed=1)
    with pytest.raises(ModelError) as caught:
        generate(net, prompt, alphabet=alphabet, **settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_networks_and_bad_settings_are_refused() -> None:
    with pytest.raises(ModelError, match="continues no text"):
        generate(byhand.FeedForward((4, 3, 2)), "a", alphabet=("a", "b"))
    with pytest.raises(ModelError, match="Transformer: depth must be from 1 to 100"):
        Transformer(K, depth=101)
    with pytest.raises(ModelError, match="Transformer: there must be at most 6 characters at once"):
        small().module(Tensor(np.zeros((1, 7), int)))
    with pytest.raises(ModelError):
        Transformer(K, width=8, heads=3)


def test_draws_follow_the_softmax() -> None:
    z, rng = np.log(np.array([0.2, 0.5, 0.3])), np.random.default_rng(1)
    counts = np.bincount([draw(z, 1.0, rng) for _ in range(20_000)], minlength=3) / 20_000
    assert np.abs(counts - [0.2, 0.5, 0.3]).max() < 0.015
    assert draw(np.array([1.0, 3.0, 2.0]), 0, rng) == 1
