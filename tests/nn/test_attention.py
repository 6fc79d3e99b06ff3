"""Attention layers beside PyTorch's: masks, other sequences, grouped queries; and the encoder layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand import nn
from byhand.engine import Tensor
from byhand.engine.check import check_gradient
from byhand.errors import ModelError

RNG = np.random.default_rng(0)
X, OTHER, VALUES = (RNG.standard_normal(shape) for shape in ((3, 5, 8), (3, 4, 6), (3, 4, 7)))
PADDED, PADDED_OTHER = np.arange(5) >= np.array([[5], [3], [4]]), np.arange(4) >= np.array([[4], [1], [3]])
LATER = ~np.tri(5, dtype=bool)
SCORES = RNG.standard_normal((5, 5))
PER_HEAD = RNG.random((6, 5, 5)) < 0.3
PER_HEAD[..., 0] = False  # something is always seen


def double(module: Any) -> Any:
    for _, parameter in module.parameters():
        parameter.data = parameter.data.astype(np.float64)
    return module


def loaded(ours: Any, theirs: Any) -> Any:
    """Ours with PyTorch's weights, drawn at random, biases too."""
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(0.6 * torch.randn_like(parameter))
    return nn.from_pytorch(double(ours), {key: value.numpy() for key, value in theirs.state_dict().items()})


def assert_alike(ours: Any, theirs: Any, mine: list[Any], tensors: list[Any], found: Any, expected: Any) -> None:
    import torch

    v = np.random.default_rng(1).standard_normal(found.shape)
    assert np.abs(found.data - expected.detach().numpy()).max() < 1e-12
    found.backward(v)
    expected.backward(torch.tensor(v))
    for one, other in zip(mine, tensors, strict=True):
        assert np.abs(one.grad - other.grad.numpy()).max() < 1e-11
    gradients = {key: value.grad.numpy() for key, value in theirs.named_parameters()}
    for key, parameter in ours.parameters():
        assert np.abs(parameter.grad - gradients[key]).max() < 1e-11, key


@pytest.mark.torch
@pytest.mark.parametrize(
    ("settings", "inputs", "masks"),
    [
        ({}, (X,), {}),
        ({"bias": False}, (X,), {"attn_mask": LATER}),
        ({}, (X,), {"attn_mask": SCORES}),
        ({}, (X,), {"attn_mask": PER_HEAD}),
        ({}, (X,), {"key_padding_mask": PADDED}),
        ({}, (X,), {"key_padding_mask": PADDED, "attn_mask": LATER}),
        ({}, (X, RNG.standard_normal((3, 4, 8)), RNG.standard_normal((3, 4, 8))), {"key_padding_mask": PADDED_OTHER}),
        ({"kdim": 6, "vdim": 7}, (X, OTHER, VALUES), {}),
        ({"kdim": 6, "vdim": 7, "bias": False}, (X, OTHER, VALUES), {"key_padding_mask": PADDED_OTHER}),
    ],
)
def test_attention_with_pytorchs_weights_gives_pytorchs_outputs_and_gradients(
    settings: dict[str, Any], inputs: tuple[Any, ...], masks: dict[str, Any], torch: Any
) -> None:
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True, **settings).double()
    ours = loaded(nn.MultiheadAttention(8, 2, **settings), theirs)
    mine = [Tensor(x, requires_grad=True) for x in inputs]
    tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
    their_masks = {name: torch.tensor(mask) for name, mask in masks.items()}
    both = [torch.zeros_like(m, dtype=torch.float64).masked_fill(m, -torch.inf) if m.dtype == torch.bool else m
            for m in their_masks.values()]  # fmt: skip
    expected, _ = theirs(
        *(tensors if len(tensors) == 3 else tensors * 3), need_weights=False, **dict(zip(their_masks, both, strict=True))
    )
    assert_alike(ours, theirs, mine, tensors, ours(*mine, **masks), expected)


@pytest.mark.torch
@pytest.mark.parametrize("causal", [False, True])
def test_grouped_queries_and_a_scale_are_those_of_pytorchs_function(causal: bool, torch: Any) -> None:
    ours = double(nn.MultiheadAttention(8, 4, causal, num_kv_heads=2, scale=0.3)).initialise(1)
    x, t = Tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    w = {name: torch.tensor(parameter.data, requires_grad=True) for name, parameter in ours.parameters()}
    q, k, v = (
        (t @ w[f"{name}_proj_weight"].T).reshape(3, 5, heads, 2).transpose(1, 2) for name, heads in (("q", 4), ("k", 2), ("v", 2))
    )
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=0.3, enable_gqa=True)
    expected = y.transpose(1, 2).reshape(3, 5, 8) @ w["out_proj.weight"].T
    found = ours(x)
    assert np.abs(found.data - expected.detach().numpy()).max() < 1e-12
    (found * X).sum().backward()
    (expected * torch.tensor(X)).sum().backward()
    assert np.abs(x.grad - t.grad.numpy()).max() < 1e-12
    for name, parameter in ours.parameters():
        if "bias" not in name:
            assert np.abs(parameter.grad - w[name].grad.numpy()).max() < 1e-12, name


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.MultiheadAttention(8, 4, num_kv_heads=2),
        lambda: nn.MultiheadAttention(8, 4, num_kv_heads=1, causal=True, scale=2.0),
    ],
)
def test_the_gradient_is_that_of_central_differences(make: Any) -> None:
    module = double(make()).initialise(3)
    check_gradient(lambda x: module(x, attn_mask=SCORES), X)


@pytest.mark.slow
def test_without_a_mask_dropout_of_the_weights_keeps_their_mean() -> None:
    dropping, whole = (double(nn.MultiheadAttention(8, 2, causal=True, dropout=p)).initialise(2) for p in (0.3, 0.0))
    for (_, one), (_, other) in zip(dropping.parameters(), whole.parameters(), strict=True):
        one.data[...] = other.data
    many = np.mean([dropping(Tensor(X), key_padding_mask=PADDED).data for _ in range(3000)], axis=0)
    assert np.abs(many - whole(Tensor(X), key_padding_mask=PADDED).data).max() < 0.12
    dropping.eval()
    assert np.array_equal(dropping(Tensor(X)).data, whole(Tensor(X)).data)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("settings", "masks"),
    [
        ({}, {}),
        ({"activation": "gelu", "norm_first": True}, {"src_mask": LATER}),
        ({"bias": False, "layer_norm_eps": 1e-3}, {"src_key_padding_mask": PADDED}),
        ({"norm_first": True}, {"src_mask": LATER, "src_key_padding_mask": PADDED}),
    ],
)
def test_the_encoder_layer_is_pytorchs(settings: dict[str, Any], masks: dict[str, Any], torch: Any) -> None:
    theirs = torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, **settings).double()
    ours = loaded(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, **settings), theirs)
    x, t = Tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    expected = theirs(t, **{name: torch.tensor(mask) for name, mask in masks.items()})
    assert_alike(ours, theirs, [x], [t], ours(x, **masks), expected)
    if "src_mask" in masks:
        with_flag = ours(Tensor(X), src_key_padding_mask=masks.get("src_key_padding_mask"), is_causal=True)
        assert np.array_equal(with_flag.data, ours(Tensor(X), **masks).data)


@pytest.mark.parametrize(
    "layer",
    [
        nn.MultiheadAttention(8, 4, True, dropout=0.1, bias=False, num_kv_heads=2, scale=0.3),
        nn.MultiheadAttention(8, 2, kdim=3, vdim=5),
        nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", norm_first=True, bias=False),
    ],
)
def test_a_layer_describes_itself_whole(layer: nn.Module) -> None:
    again = nn.build(layer.describe())
    assert again.describe() == layer.describe()
    assert {name: p.shape for name, p in again.parameters()} == {name: p.shape for name, p in layer.parameters()}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: nn.MultiheadAttention(8, 4, num_kv_heads=3), "4 heads do not part into 3 groups: choose a divisor"),
        (lambda: nn.MultiheadAttention(8, 4, scale=float("nan")), "MultiheadAttention: scale must be a finite number, got nan"),
        (lambda: nn.MultiheadAttention(8, 2)(Tensor(X), Tensor(OTHER)), "key must be (N, T, 8), got (3, 4, 6)"),
        (lambda: nn.MultiheadAttention(8, 2)(Tensor(X), Tensor(X[:2])), "they must have one N"),
        (
            lambda: double(nn.MultiheadAttention(8, 2))(Tensor(X), attn_mask=np.zeros((4, 4), bool)),
            "attn_mask must be (5, 5), or broadcast to (3, 2, 5, 5), of booleans or floats, got bool (4, 4)",
        ),
        (
            lambda: double(nn.MultiheadAttention(8, 2))(Tensor(X), key_padding_mask=np.zeros((3, 5), int)),
            "key_padding_mask must be (3, 5) of booleans or floats, got int64 (3, 5)",
        ),
        (lambda: nn.TransformerEncoderLayer(8, 2, batch_first=False), "TransformerEncoderLayer: batch_first must be true"),
        (lambda: nn.TransformerEncoderLayer(8, 2, activation="tanh"), "activation 'tanh' is unknown: choose one of relu, gelu"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(call: Any, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
