"""Weights exchanged with PyTorch: every layer, and whole networks, both ways, through files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byhand import nn
from byhand.engine import Tensor
from byhand.errors import ModelError

pytestmark = pytest.mark.torch

# ours, PyTorch's, the shape of an input: (N, H, W, C) for images
PAIRS: dict[str, tuple[Any, Any, tuple[int, ...]]] = {
    "Linear": (lambda: nn.Linear(5, 3), lambda t: t.Linear(5, 3), (4, 5)),
    "Conv2d": (lambda: nn.Conv2d(3, 5, 3, padding=1), lambda t: t.Conv2d(3, 5, 3, padding=1), (2, 7, 6, 3)),
    "Conv2d, every setting": (
        lambda: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(2, 1), dilation=(1, 2), groups=2, bias=False),
        lambda t: t.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(2, 1), dilation=(1, 2), groups=2, bias=False),
        (2, 9, 8, 4),
    ),
    "ConvTranspose2d": (
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
        lambda t: t.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
        (2, 5, 4, 4),
    ),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3), lambda t: t.BatchNorm2d(3), (4, 5, 6, 3)),
    "LayerNorm": (lambda: nn.LayerNorm(6), lambda t: t.LayerNorm(6), (4, 5, 6)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 6), lambda t: t.GroupNorm(2, 6), (3, 4, 5, 6)),
    "RMSNorm": (lambda: nn.RMSNorm(6), lambda t: t.RMSNorm(6, eps=1e-6), (4, 6)),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, 2, 1), lambda t: t.MaxPool2d(3, 2, 1), (2, 7, 6, 3)),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, 2, 1), lambda t: t.AvgPool2d(3, 2, 1), (2, 7, 6, 3)),
    "Upsample": (lambda: nn.Upsample(2), lambda t: t.Upsample(scale_factor=2), (2, 3, 4, 2)),
    "Upsample bilinear": (
        lambda: nn.Upsample(2, "bilinear"),
        lambda t: t.Upsample(scale_factor=2, mode="bilinear"),
        (2, 3, 4, 2),
    ),
    "GELU": (nn.GELU, lambda t: t.GELU(approximate="tanh"), (4, 5)),
    "SiLU": (nn.SiLU, lambda t: t.SiLU(), (4, 5)),
    "Softplus": (nn.Softplus, lambda t: t.Softplus(), (4, 5)),
    "LeakyReLU": (lambda: nn.LeakyReLU(0.1), lambda t: t.LeakyReLU(0.1), (4, 5)),
    "Softmax": (nn.Softmax, lambda t: t.Softmax(dim=-1), (4, 5)),
    "a CNN": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
        ),
        lambda t: t.Sequential(
            t.Conv2d(1, 4, 3, padding=1), t.BatchNorm2d(4), t.ReLU(), t.MaxPool2d(2), t.Flatten(), t.Linear(36, 3)
        ),
        (5, 6, 6, 1),
    ),
}


def turned(x: Any) -> Any:
    """(N, H, W, C) as PyTorch's (N, C, H, W); anything else as it is."""
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PAIRS)
def test_with_pytorchs_weights_come_pytorchs_outputs_and_gradients(name: str, dtype: str, torch: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    make_ours, make_theirs, shape = PAIRS[name]
    torch.manual_seed(3)
    theirs = make_theirs(torch.nn).to(getattr(torch, dtype))
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn_like(parameter))
    save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    ours = make_ours()
    for _, parameter in ours.parameters():
        parameter.data = parameter.data.astype(dtype)
    for _, module in ours.modules():
        for buffer in module.buffers:
            setattr(module, buffer, getattr(module, buffer).astype(dtype))
    nn.load_pytorch(ours, tmp_path / "theirs.safetensors")

    x = np.random.default_rng(4).standard_normal(shape).astype(dtype)
    theirs_x = torch.tensor(np.ascontiguousarray(turned(x)), requires_grad=True)
    ours_x = Tensor(x, requires_grad=True)
    theirs_y, ours_y = theirs(theirs_x), ours(ours_x)
    tolerance = 1e-10 if dtype == "float64" else 1e-5

    def close(mine: Any, other: Any) -> None:
        assert np.abs(mine - other).max() <= tolerance * max(1.0, np.abs(other).max())

    close(turned(ours_y.data), theirs_y.detach().numpy())
    v = np.random.default_rng(5).standard_normal(ours_y.shape).astype(dtype)
    ours_y.backward(v)
    theirs_y.backward(torch.tensor(np.ascontiguousarray(turned(v))))
    close(turned(ours_x.grad), theirs_x.grad.numpy())
    gradients = {key: value.grad.numpy() for key, value in theirs.named_parameters()}
    for key, parameter in ours.parameters():
        axes = dict(nn.exchange._axes(ours)).get(key)
        close(parameter.grad.transpose(axes) if axes else parameter.grad, gradients[key])

    # And back: what we save, PyTorch loads, running statistics included.
    nn.save_pytorch(ours, tmp_path / "ours.safetensors")
    again = make_theirs(torch.nn).to(getattr(torch, dtype))
    again.load_state_dict(load_file(tmp_path / "ours.safetensors"), strict=False)
    for key, value in theirs.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            close(again.state_dict()[key].numpy(), value.numpy())


def test_multihead_attention_takes_pytorchs_weights(torch: Any) -> None:
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True).double()
    ours = nn.MultiheadAttention(8, 2)
    for _, parameter in ours.parameters():
        parameter.data = parameter.data.astype(np.float64)
    nn.from_pytorch(ours, {key: value.numpy() for key, value in theirs.state_dict().items()})
    x = np.random.default_rng(1).standard_normal((3, 5, 8))
    expected = theirs(*[torch.tensor(x)] * 3, need_weights=False)[0].detach().numpy()
    assert np.abs(ours(Tensor(x)).data - expected).max() < 1e-10


def test_a_file_of_another_network_is_told_in_one_line(torch: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(torch.nn.Sequential(torch.nn.Linear(4, 3)).state_dict(), tmp_path / "t.safetensors")
    with pytest.raises(ModelError, match=r"'0\.weight' is \(3, 4\), but this network wants \(3, 5\)"):
        nn.load_pytorch(nn.Sequential(nn.Linear(5, 3)), tmp_path / "t.safetensors")
    with pytest.raises(ModelError, match=r"'0\.weight' is \(3, 4\), but PyTorch's has 4 axes"):
        nn.load_pytorch(nn.Sequential(nn.Conv2d(4, 3, 1)), tmp_path / "t.safetensors")
