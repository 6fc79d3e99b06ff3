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
from byhand.foreign import open_foreign
from byhand.modelfile import load_model
from byhand.see.choose import explain_step

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
        (DENSE, "fc1 fc1 fc10", "twice"),
        (CONV | HEAD, "", "has convolutions"),
        (CONV | HEAD, "conv1 bn relu flatten fc", "'fc' does not take the 2304"),
        ({"fc1__weight": (3, 4, 5)}, "", "1, 2 or 4 axes"),
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
