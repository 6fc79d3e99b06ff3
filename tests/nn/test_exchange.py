"""Weights exchanged with PyTorch: every layer, and whole networks, both ways, through files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byhand import nn
from byhand.engine import Tensor
from byhand.errors import ModelError

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")]

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
    "RMSNorm": (lambda: nn.RMSNorm(6), lambda t: t.RMSNorm(6), (4, 6)),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, 2, 1), lambda t: t.MaxPool2d(3, 2, 1), (2, 7, 6, 3)),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, 2, 1), lambda t: t.AvgPool2d(3, 2, 1), (2, 7, 6, 3)),
    "Upsample": (lambda: nn.Upsample(scale_factor=2), lambda t: t.Upsample(scale_factor=2), (2, 3, 4, 2)),
    "Upsample bilinear": (
        lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
        lambda t: t.Upsample(scale_factor=2, mode="bilinear"),
        (2, 3, 4, 2),
    ),
    "GELU": (nn.GELU, lambda t: t.GELU(), (4, 5)),
    "GELU by tanh": (lambda: nn.GELU("tanh"), lambda t: t.GELU(approximate="tanh"), (4, 5)),
    "SiLU": (nn.SiLU, lambda t: t.SiLU(), (4, 5)),
    "Softplus": (nn.Softplus, lambda t: t.Softplus(), (4, 5)),
    "LeakyReLU": (lambda: nn.LeakyReLU(0.1), lambda t: t.LeakyReLU(0.1), (4, 5)),
    "Softmax": (nn.Softmax, lambda t: t.Softmax(dim=-1), (4, 5)),
    "Upsample to a size": (lambda: nn.Upsample((5, 7)), lambda t: t.Upsample((5, 7)), (2, 3, 4, 2)),
    "Upsample bilinear, to a size": (
        lambda: nn.Upsample(5, mode="bilinear"),
        lambda t: t.Upsample(5, mode="bilinear"),
        (2, 3, 4, 2),
    ),
    "Upsample bilinear, corners aligned": (
        lambda: nn.Upsample(scale_factor=3, mode="bilinear", align_corners=True),
        lambda t: t.Upsample(scale_factor=3, mode="bilinear", align_corners=True),
        (2, 3, 4, 2),
    ),
    "Upsample bilinear, corners aligned, to one pixel": (
        lambda: nn.Upsample((1, 6), mode="bilinear", align_corners=True),
        lambda t: t.Upsample((1, 6), mode="bilinear", align_corners=True),
        (2, 3, 1, 2),
    ),
    "Identity": (lambda: nn.Identity(7, some="thing"), lambda t: t.Identity(), (4, 5)),
    "ELU": (nn.ELU, lambda t: t.ELU(), (4, 5)),
    "ELU, alpha": (lambda: nn.ELU(0.3), lambda t: t.ELU(0.3), (4, 5)),
    "PReLU": (nn.PReLU, lambda t: t.PReLU(), (4, 5)),
    "PReLU of each channel": (lambda: nn.PReLU(3, 0.1), lambda t: t.PReLU(3, 0.1), (2, 4, 5, 3)),
    "Mish": (nn.Mish, lambda t: t.Mish(), (4, 5)),
    "Hardsigmoid": (nn.Hardsigmoid, lambda t: t.Hardsigmoid(), (20, 5)),
    "Hardswish": (nn.Hardswish, lambda t: t.Hardswish(), (20, 5)),
    "Softplus, beta": (lambda: nn.Softplus(2.5), lambda t: t.Softplus(2.5), (4, 5)),
    "LogSoftmax": (nn.LogSoftmax, lambda t: t.LogSoftmax(dim=-1), (4, 5)),
    "LogSoftmax along the first axis": (lambda: nn.LogSoftmax(0), lambda t: t.LogSoftmax(0), (4, 5)),
    "Conv2d, same, even": (
        lambda: nn.Conv2d(3, 5, (2, 4), padding="same", dilation=(3, 1)),
        lambda t: t.Conv2d(3, 5, (2, 4), padding="same", dilation=(3, 1)),
        (2, 7, 6, 3),
    ),
    "Conv2d, valid": (lambda: nn.Conv2d(3, 5, 3, padding="valid"), lambda t: t.Conv2d(3, 5, 3, padding="valid"), (2, 7, 6, 3)),
    **{
        f"Conv2d, {mode}": (
            lambda mode=mode: nn.Conv2d(3, 5, 3, stride=2, padding=(2, 1), padding_mode=mode),
            lambda t, mode=mode: t.Conv2d(3, 5, 3, stride=2, padding=(2, 1), padding_mode=mode),
            (2, 7, 6, 3),
        )
        for mode in ("reflect", "replicate", "circular")
    },
    "Conv2d, same, even, circular": (
        lambda: nn.Conv2d(3, 5, 4, padding="same", padding_mode="circular"),
        lambda t: t.Conv2d(3, 5, 4, padding="same", padding_mode="circular"),
        (2, 7, 6, 3),
    ),
    "Conv1d": (lambda: nn.Conv1d(3, 5, 3, padding=1), lambda t: t.Conv1d(3, 5, 3, padding=1), (2, 7, 3)),
    "Conv1d, every setting": (
        lambda: nn.Conv1d(4, 6, 3, stride=2, padding=3, dilation=2, groups=2, bias=False),
        lambda t: t.Conv1d(4, 6, 3, stride=2, padding=3, dilation=2, groups=2, bias=False),
        (2, 9, 4),
    ),
    "Conv1d, same, even": (lambda: nn.Conv1d(3, 5, 4, padding="same"), lambda t: t.Conv1d(3, 5, 4, padding="same"), (2, 7, 3)),
    "Conv1d, reflect": (
        lambda: nn.Conv1d(3, 5, 4, padding=2, padding_mode="reflect"),
        lambda t: t.Conv1d(3, 5, 4, padding=2, padding_mode="reflect"),
        (2, 7, 3),
    ),
    "ConvTranspose1d": (
        lambda: nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, dilation=2),
        lambda t: t.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, dilation=2),
        (2, 5, 4),
    ),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), lambda t: t.BatchNorm1d(3), (6, 3)),
    "BatchNorm1d of sequences": (lambda: nn.BatchNorm1d(3, affine=False), lambda t: t.BatchNorm1d(3, affine=False), (4, 5, 3)),
    "BatchNorm2d, without scale": (
        lambda: nn.BatchNorm2d(3, affine=False),
        lambda t: t.BatchNorm2d(3, affine=False),
        (4, 5, 6, 3),
    ),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(3), lambda t: t.InstanceNorm1d(3), (4, 5, 3)),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(3), lambda t: t.InstanceNorm2d(3), (2, 5, 4, 3)),
    "InstanceNorm2d, affine": (
        lambda: nn.InstanceNorm2d(3, affine=True),
        lambda t: t.InstanceNorm2d(3, affine=True),
        (2, 5, 4, 3),
    ),
    "GroupNorm, without scale": (
        lambda: nn.GroupNorm(2, 6, affine=False),
        lambda t: t.GroupNorm(2, 6, affine=False),
        (3, 4, 5, 6),
    ),
    "LayerNorm, without scale": (
        lambda: nn.LayerNorm((6,), elementwise_affine=False),
        lambda t: t.LayerNorm((6,), elementwise_affine=False),
        (4, 5, 6),
    ),
    "LayerNorm, without shift": (lambda: nn.LayerNorm(6, bias=False), lambda t: t.LayerNorm(6, bias=False), (4, 5, 6)),
    "RMSNorm, without scale": (
        lambda: nn.RMSNorm(6, elementwise_affine=False),
        lambda t: t.RMSNorm(6, elementwise_affine=False),
        (4, 6),
    ),
    "MaxPool2d, ceil_mode": (
        lambda: nn.MaxPool2d((3, 2), 2, ceil_mode=True),
        lambda t: t.MaxPool2d((3, 2), 2, ceil_mode=True),
        (2, 6, 7, 2),
    ),
    "MaxPool2d, padded, ceil_mode": (
        lambda: nn.MaxPool2d(2, 3, 1, ceil_mode=True),
        lambda t: t.MaxPool2d(2, 3, 1, ceil_mode=True),
        (2, 6, 7, 2),
    ),
    **{
        f"AvgPool2d, {given}": (
            lambda given=given: nn.AvgPool2d(*given),
            lambda t, given=given: t.AvgPool2d(*given),
            (2, 6, 8, 2),
        )
        for given in ((3, 2, 1, True), (3, 2, 1, False, False), (3, 2, 1, True, False), (2, 3, 1, True), ((2, 3), 2, 0, True))
    },
    **{
        f"AdaptiveAvgPool2d, {size}": (
            lambda size=size: nn.AdaptiveAvgPool2d(size),
            lambda t, size=size: t.AdaptiveAvgPool2d(size),
            (2, 6, 7, 3),
        )
        for size in (1, (4, 3), (None, 2), (3, 7), 9)
    },
    "ZeroPad2d": (lambda: nn.ZeroPad2d((1, 2, 0, 3)), lambda t: t.ZeroPad2d((1, 2, 0, 3)), (2, 4, 5, 3)),
    **{
        kind: (
            lambda kind=kind: getattr(nn, kind)((1, 2, 0, 3)),
            lambda t, kind=kind: getattr(t, kind)((1, 2, 0, 3)),
            (2, 4, 5, 3),
        )
        for kind in ("ReflectionPad2d", "ReplicationPad2d", "CircularPad2d")
    },
    "PixelShuffle": (lambda: nn.PixelShuffle(2), lambda t: t.PixelShuffle(2), (2, 3, 4, 12)),
    "PixelUnshuffle": (lambda: nn.PixelUnshuffle(2), lambda t: t.PixelUnshuffle(2), (2, 6, 4, 3)),
    "Unflatten": (lambda: nn.Unflatten(1, (3, 4, 2)), lambda t: t.Unflatten(1, (3, 4, 2)), (5, 24)),
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


ROUGH = {"Hardsigmoid": 1e-7}  # PyTorch's gradient in float64 is delta times float32's 1/6
SEQUENCES = ("Conv1d", "ConvTranspose1d", "BatchNorm1d of sequences", "InstanceNorm1d")  # whose channels PyTorch puts first


def turned(x: Any, name: str = "") -> Any:
    """(N, H, W, C) as PyTorch's (N, C, H, W), and sequences with channels likewise; anything else as it is."""
    if x.ndim == 3 and name.startswith(SEQUENCES):
        return x.transpose(0, 2, 1)
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
    theirs_x = torch.tensor(np.ascontiguousarray(turned(x, name)), requires_grad=True)
    ours_x = Tensor(x, requires_grad=True)
    theirs_y, ours_y = theirs(theirs_x), ours(ours_x)
    tolerance = max(1e-10 if dtype == "float64" else 1e-5, ROUGH.get(name, 0.0))

    def close(mine: Any, other: Any) -> None:
        assert np.abs(mine - other).max() <= tolerance * max(1.0, np.abs(other).max())

    close(turned(ours_y.data, name), theirs_y.detach().numpy())
    v = np.random.default_rng(5).standard_normal(ours_y.shape).astype(dtype)
    ours_y.backward(v)
    theirs_y.backward(torch.tensor(np.ascontiguousarray(turned(v, name))))
    close(turned(ours_x.grad, name), theirs_x.grad.numpy())
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
    with pytest.raises(ModelError, match=r"'0\.weight' must be \(3, 5\) in this network"):
        nn.load_pytorch(nn.Sequential(nn.Linear(5, 3)), tmp_path / "t.safetensors")
    with pytest.raises(ModelError, match=r"'0\.weight' must have 4 axes, as PyTorch's has, got \(3, 4\)"):
        nn.load_pytorch(nn.Sequential(nn.Conv2d(4, 3, 1)), tmp_path / "t.safetensors")


def test_lists_dicts_and_shared_layers_are_exchanged_with_pytorch_both_ways() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is for comparisons only")

    class Theirs(torch.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.ModuleList([torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)])
            self.heads = torch.nn.ModuleDict({"a": torch.nn.Linear(4, 3)})
            self.again = self.layers[0]

        def forward(self, x: Any) -> Any:
            return self.heads["a"](self.again(self.layers[1](self.layers[0](x))))

    class Ours(nn.Module):
        def __init__(self, lists: Any, dicts: Any) -> None:
            self.layers = lists([nn.Linear(4, 4), nn.Linear(4, 4)])
            self.heads = dicts({"a": nn.Linear(4, 3)})
            self.again = self.layers[0]

        def forward(self, x: Any) -> Any:
            return self.heads["a"](self.again(self.layers[1](self.layers[0](x))))

    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    for lists, dicts in ((list, dict), (nn.ModuleList, nn.ModuleDict)):
        theirs, ours = Theirs(), nn.Network(Ours(lists, dicts), (4,), cost="mse", seed=1)
        assert ours.parameters.size == sum(p.numel() for p in theirs.parameters())
        nn.from_pytorch(ours.module, {name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
        with torch.no_grad():
            np.testing.assert_allclose(ours.forward(x), theirs(torch.tensor(x)).numpy(), atol=1e-5)
        other = Theirs()
        other.load_state_dict({name: torch.tensor(array) for name, array in nn.to_pytorch(ours.module).items()})  # strict
        with torch.no_grad():
            np.testing.assert_allclose(ours.forward(x), other(torch.tensor(x)).numpy(), atol=1e-5)
