"""The same name has the same numbers as in PyTorch: defaults of layers, ops and optimisers; and old files keep their meaning."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from byhand import nn, optim
from byhand.engine import Tensor, ops
from byhand.models.transformer import Transformer
from byhand.nn import build


@pytest.mark.parametrize(
    "name",
    ["BatchNorm2d", "LayerNorm", "GroupNorm", "RMSNorm", "GELU", "LeakyReLU", "Dropout", "MaxPool2d", "AvgPool2d", "Conv2d",
     "ConvTranspose2d", "Linear", "MultiheadAttention", "BatchNorm1d", "InstanceNorm1d", "InstanceNorm2d", "Conv1d",
     "ConvTranspose1d", "AdaptiveAvgPool2d", "ELU", "PReLU", "Softplus", "Dropout2d", "Upsample", "PixelShuffle", "Unflatten",
     "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "KLDivLoss", "HingeEmbeddingLoss", "GaussianNLLLoss", "BCEWithLogitsLoss",
     "NLLLoss", "CrossEntropyLoss", "MultiMarginLoss", "RNN", "LSTM", "GRU"],
)  # fmt: skip
@pytest.mark.torch
def test_layers_have_pytorchs_defaults(name: str, torch: Any) -> None:
    ours, theirs = (inspect.signature(getattr(module, name).__init__).parameters for module in (nn, torch.nn))
    shared = {key for key in ours if key in theirs and ours[key].default is not inspect.Parameter.empty}
    assert {key: ours[key].default for key in shared} == {key: theirs[key].default for key in shared}


@pytest.mark.torch
def test_optimisers_have_pytorchs_defaults(torch: Any) -> None:
    for ours, theirs in ((optim.Adam(), torch.optim.Adam), (optim.AdamW(), torch.optim.AdamW)):
        given = inspect.signature(theirs.__init__).parameters
        assert (ours.beta1, ours.beta2) == given["betas"].default and ours.epsilon == given["eps"].default
        assert ours.learning_rate == given["lr"].default
    assert optim.AdamW().weight_decay == inspect.signature(torch.optim.AdamW.__init__).parameters["weight_decay"].default


@pytest.mark.torch
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ops_that_are_called_without_options_give_pytorchs_numbers(dtype: Any, torch: Any) -> None:
    x = (1e-3 * np.random.default_rng(0).standard_normal((4, 6))).astype(dtype)  # so small that an epsilon shows
    z, t = 3e3 * x, torch.tensor(x)
    F = torch.nn.functional
    for ours, theirs in (
        (ops.rms_norm(x), F.rms_norm(t, (6,))),
        (ops.layer_norm(x), F.layer_norm(t, (6,))),
        (ops.gelu(z), F.gelu(3e3 * t)),
        (ops.leaky_relu(z), F.leaky_relu(3e3 * t)),
        (ops.softplus(z), F.softplus(3e3 * t)),
        (ops.huber_loss(z, 0 * z), F.huber_loss(3e3 * t, 0 * t)),
    ):
        close = 1e-5 if dtype is np.float32 else 1e-12  # absolutely too: PyTorch's GELU is 0 far below 0
        assert np.allclose(ours.data, theirs.numpy(), rtol=close, atol=close / 10)
    x = x.astype(np.float32)
    assert np.allclose(nn.RMSNorm(6)(Tensor(x)).data, torch.nn.RMSNorm(6)(torch.tensor(x)).detach().numpy(), rtol=1e-5)


def test_a_file_that_does_not_name_the_form_of_gelu_means_the_tanh() -> None:
    z = Tensor(np.linspace(-3, 3, 7))
    old, new = build({"kind": "GELU"}), build(nn.GELU().describe())
    assert np.array_equal(old(z).data, ops.gelu(z, approximate="tanh").data)
    assert np.array_equal(new(z).data, ops.gelu(z).data) and not np.array_equal(new(z).data, old(z).data)
    assert nn.GELU("tanh").describe() == {"kind": "GELU", "approximate": "tanh"} == old.describe()
    old_norm = build({"kind": "RMSNorm", "normalized_shape": 4, "eps": 1e-6})
    assert old_norm.eps == 1e-6 and build(nn.RMSNorm(4).describe()).eps is None


def test_the_transformer_keeps_the_tanh_that_its_weights_were_trained_with() -> None:
    modules = [module for _, module in Transformer(5, width=8, heads=2).modules() if isinstance(module, nn.GELU)]
    assert modules and all(module.approximate == "tanh" for module in modules)
