"""Somebody else's weights: what PyTorch saved computes the same here, and what cannot be read is refused in a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

from byhand.cli import app
from byhand.errors import ModelError
from byhand.import_weights import open_foreign
from byhand.modelfile import load_model
from byhand.see.chosen_step import explain_step

RNG = np.random.default_rng(0)


def arrays(**shapes: Any) -> dict[str, Any]:
    return {name.replace("__", "."): (0.1 * RNG.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}


def saved(path: Path, **shapes: Any) -> Path:
    save_file(arrays(**shapes), path)
    return path


DENSE = {"fc1__weight": (12, 784), "fc1__bias": (12,), "fc10__weight": (10, 12), "fc10__bias": (10,)}
CONV = {"conv1__weight": (4, 1, 5, 5), "conv1__bias": (4,), "bn__weight": (4,), "bn__bias": (4,), "bn__running_mean": (4,)}
HEAD = {"fc__weight": (10, 4 * 12 * 12), "fc__bias": (10,)}


def test_full_layers_are_read_with_relu_between_them(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.safetensors", **DENSE)
    model = open_foreign(path, (28, 28, 1))
    x = RNG.random((3, 784)).astype(np.float32)
    from safetensors.numpy import load_file

    w = load_file(path)
    z = np.maximum(x @ w["fc1.weight"].T + w["fc1.bias"], 0) @ w["fc10.weight"].T + w["fc10.bias"]
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.classifier.forward(x), expected, rtol=1e-4)


@pytest.mark.slow
def test_a_convolutional_network_computes_what_pytorch_computes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is for comparisons only")
    torch.manual_seed(0)
    nn = torch.nn
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, stride=2), nn.Tanh(),
        nn.Flatten(), nn.Linear(6 * 36, 20), nn.ReLU(), nn.Linear(20, 10),
    )  # fmt: skip
    net(torch.rand(8, 1, 28, 28))  # moves the running statistics
    net.eval()
    path = tmp_path / "net.safetensors"
    save_file({name: tensor.numpy() for name, tensor in net.state_dict().items()}, path)
    model = open_foreign(path, (28, 28, 1), "0+1 1 relu pool2 4/2 tanh flatten 7 relu 9 softmax")
    images = torch.rand(5, 1, 28, 28)
    with torch.no_grad():
        expected = torch.softmax(net(images), 1).numpy()
    np.testing.assert_allclose(model.classifier.forward(images.permute(0, 2, 3, 1).numpy()), expected, atol=1e-5)


@pytest.mark.slow
def test_the_imported_model_goes_into_the_microscope(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.safetensors", **DENSE)
    out = tmp_path / "mine.safetensors"
    told = CliRunner().invoke(app, ["import", str(path), "-o", str(out)])
    assert told.exit_code == 0, told.output
    assert "784" in told.output.replace(",", "") or "28x28" in told.output
    assert load_model(out).class_names == tuple("0123456789")
    assert explain_step(str(out), sample=3).sections


@pytest.mark.parametrize(
    ("shapes", "layers", "told"),
    [
        (DENSE, "fc1 relu", "no place"),
        (DENSE, "fc1 swish fc10", "'swish' is neither"),
        (DENSE, "first relu fc10", "'first' is neither"),
        (DENSE, "relu", "no place"),
        (DENSE, "softmax", "no place"),
        (DENSE, "fc1/0 relu fc10", "stride"),
        (DENSE, "pool0 fc1 relu fc10", "'pool0' is neither"),
        (DENSE, "fc1+٣ relu fc10", "neither"),
        (DENSE, "pool² fc1 relu fc10", "neither"),
        (DENSE, "[bold] relu fc10", "neither"),
        (DENSE | {"norm__weight": (12,), "norm__bias": (12,)}, "fc1 norm relu fc10", "LayerNorm"),
        (DENSE | {"norm__weight": (12,)}, "fc1 norm relu fc10", "RMSNorm"),
        (
            {"conv__weight": (8, 1, 3, 3), "deep__weight": (8, 3, 3, 3)} | HEAD,
            "conv relu deep flatten fc",
            "'deep' does not take",
        ),
        ({"conv__weight": (4, 1, 3, 3)} | HEAD, "conv+900 relu flatten fc", "padding must be smaller"),
        (DENSE | {"norm__weight": (12,), "norm__bias": (12,)}, "fc1 norm:group5 relu fc10", "norm:group5|groups"),
        (DENSE, "fc1:layer relu fc10", "no norm"),
        ({"c__weight": (4, 3, 5)} | DENSE, "c relu fc1 fc10", "Conv1d"),
        ({"c__weight": (4, 3, 5, 5, 5)} | DENSE, "c relu fc1 fc10", "Conv3d"),
        ({"fc1__weight": (0, 784)}, "", "empty"),
        (DENSE, "fc1 fc1 fc10", "twice"),
        (CONV | HEAD, "", "has convolutions"),
        (CONV | HEAD, "conv1 bn relu flatten fc", "'fc' does not take the 2304"),
        ({"fc1__weight": (3, 4, 5)}, "", "Conv1d"),
        ({"odd": (3,)}, "", "no layer's weight"),
        ({}, "", "holds no tensors"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(shapes: Any, layers: str, told: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.safetensors", **shapes)
    with pytest.raises(ModelError, match=told) as caught:
        open_foreign(path, (28, 28, 1), layers)
    assert "\n" not in str(caught.value)


def test_numbers_that_are_not_finite_and_files_of_our_own_are_refused(tmp_path: Path) -> None:
    spoiled = arrays(**DENSE)
    spoiled["fc1.weight"][0, 0] = np.nan
    save_file(spoiled, tmp_path / "nan.safetensors")
    with pytest.raises(ModelError, match="NaN"):
        open_foreign(tmp_path / "nan.safetensors", (28, 28, 1))
    from byhand.shipped import shipped

    with pytest.raises(ModelError, match="byhand model already"):
        open_foreign(shipped()["mnist"], (28, 28, 1))


def test_a_first_word_with_a_padding_is_still_the_first_layer(tmp_path: Path) -> None:
    model = open_foreign(saved(tmp_path / "net.safetensors", **DENSE), (28, 28, 1), "fc1+0 relu fc10")
    assert model.classifier.forward(np.zeros((2, 784), np.float32)).shape == (2, 10)


def test_weights_in_bfloat16_are_imported_as_pytorch_reads_them(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is for comparisons only")
    from safetensors.torch import save_file as save_torch

    torch.manual_seed(0)
    state = {"0.weight": torch.randn(5, 4), "0.bias": torch.randn(5), "2.weight": torch.randn(3, 5), "2.bias": torch.randn(3)}
    x = RNG.random((6, 4)).astype(np.float32)
    for kind in (torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2):
        save_torch({name: tensor.to(kind) for name, tensor in state.items()}, tmp_path / "few.safetensors")
        save_torch({name: tensor.to(kind).float() for name, tensor in state.items()}, tmp_path / "full.safetensors")
        few, full = (open_foreign(tmp_path / f"{name}.safetensors", (4,)).classifier for name in ("few", "full"))
        assert np.array_equal(few.forward(x), full.forward(x)), kind


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    save_file({"fc.weight": np.ones((3, 4), np.int8), "fc.bias": np.ones(3, np.float32)}, tmp_path / "q.safetensors")
    with pytest.raises(ModelError, match=r"'fc.weight' holds int8"):
        open_foreign(tmp_path / "q.safetensors", (4,))


def test_grouped_convolutions_and_norms_compute_what_pytorch_computes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is for comparisons only")
    torch.manual_seed(0)
    nn = torch.nn
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(4, 8), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.ReLU(),
        nn.Conv2d(8, 6, 3, groups=2), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 144, 20), nn.LayerNorm(20), nn.ReLU(),
        nn.Linear(20, 10),
    )  # fmt: skip
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.3)
    path = tmp_path / "net.safetensors"
    save_file({name: tensor.detach().numpy() for name, tensor in net.state_dict().items()}, path)
    model = open_foreign(path, (28, 28, 1), "0+1 1:group4 relu 3 relu 5 pool2 flatten 8 9:layer relu 11")
    images = torch.rand(5, 1, 28, 28)
    with torch.no_grad():
        expected = torch.softmax(net(images), 1).numpy()
    np.testing.assert_allclose(model.classifier.forward(images.permute(0, 2, 3, 1).numpy()), expected, atol=1e-5)


def test_what_stands_in_the_file_is_called_by_its_name(tmp_path: Path, torch: Any) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.BatchNorm1d(6), torch.nn.PReLU(), torch.nn.Linear(6, 3)).eval()
    with torch.no_grad():
        net[1].running_mean.uniform_(-1, 1)
        net[1].running_var.uniform_(0.5, 2)
    path = tmp_path / "net.safetensors"
    save_file({name: array.numpy() for name, array in net.state_dict().items()}, path)
    with pytest.raises(ModelError, match=r"has more than full layers: .* --layers \"0 relu 1 relu 2 relu 3\"$"):
        open_foreign(path, (4,))
    model = open_foreign(path, (4,), "0 1 2 3")
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    wanted = torch.softmax(net(torch.from_numpy(x)), 1).detach().numpy()
    assert np.allclose(model.network.forward(x), wanted, atol=1e-6)
