"""ONNX files that are no chain of layers, as models: the outputs of onnxruntime, the gradients and the trainings of PyTorch."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byhand.engine.check import check_gradient
from byhand.errors import ModelError
from byhand.import_weights import open_foreign
from byhand.modelfile import load_model, save_model
from byhand.onnx_export import export
from byhand.optim import SGD
from byhand.shipped import open_model
from byhand.tensorfile import read_tensors, write_tensors

onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install 'byhand[onnx]'")

SHAPES = {
    "residual": (3, 8, 8),
    "dense": (3, 8, 8),
    "mobile": (3, 8, 8),
    "flat": (3, 4, 4),
    "lstm": (5, 6),
    "attention": (5, 6),
    "yes or no": (7,),
}


def network(torch: Any, name: str) -> Any:
    """Small networks as people have them, none of which is a chain of layers."""
    nn, f = torch.nn, torch.nn.functional
    torch.manual_seed(1)

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            if name == "residual":
                self.c1, self.c2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
                self.b1, self.b2 = nn.BatchNorm2d(8), nn.BatchNorm2d(8)
                self.skip, self.fc = nn.Conv2d(3, 8, 1), nn.Linear(8, 4)
            elif name == "dense":
                self.c = nn.ModuleList([nn.Conv2d(3 + 4 * i, 4, 3, padding=1) for i in range(3)])
                self.fc = nn.Linear(15 * 16, 4)
            elif name == "mobile":
                self.a, self.d, self.e = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.Conv2d(8, 16, 1)
                self.s1, self.s2, self.fc = nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1), nn.Linear(16, 4)
            elif name == "flat":
                self.a, self.b, self.fc = nn.Linear(48, 8), nn.Linear(8, 8), nn.Linear(8, 4)
            elif name == "lstm":
                self.rnn, self.fc = nn.LSTM(6, 12, batch_first=True), nn.Linear(12, 3)
            elif name == "attention":
                self.e, self.q, self.o = nn.Linear(6, 16), nn.Linear(16, 48), nn.Linear(16, 16)
                self.n, self.fc = nn.LayerNorm(16), nn.Linear(16, 3)
            else:
                self.a, self.b, self.fc = nn.Linear(7, 8), nn.Linear(8, 8), nn.Linear(8, 1)

        def forward(self, x: Any) -> Any:
            if name == "residual":
                h = torch.relu(self.b1(self.c1(x)))
                return self.fc(torch.relu(self.b2(self.c2(h)) + self.skip(x)).mean((2, 3)))
            if name == "dense":
                for c in self.c:
                    x = torch.cat([x, torch.relu(c(x))], 1)
                return torch.softmax(self.fc(f.avg_pool2d(x, 2).flatten(1)), 1)
            if name == "mobile":
                x = self.e(f.hardswish(self.d(f.hardswish(self.a(x)))))
                x = x * f.hardsigmoid(self.s2(torch.relu(self.s1(x.mean((2, 3), keepdim=True)))))
                return self.fc(f.hardswish(x).mean((2, 3)))
            if name == "lstm":
                return self.fc(self.rnn(x)[0][:, -1])
            if name == "attention":
                x = self.e(x)
                q, k, v = (one.reshape(x.shape[0], 5, 4, 4).transpose(1, 2) for one in self.q(x).chunk(3, -1))
                mixed = torch.softmax(q @ k.transpose(-1, -2) / 2, -1) @ v
                return self.fc(f.gelu(self.n(x + self.o(mixed.transpose(1, 2).reshape(x.shape)))).mean(1))
            h = torch.relu(self.a(x.flatten(1)))
            z = self.fc(h + torch.relu(self.b(h)))
            return z if name == "flat" else torch.sigmoid(z)

    net = Net()
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-1, 1)
            part.running_var.uniform_(0.5, 2)
    return net.eval()


def exported(torch: Any, name: str, folder: Path) -> tuple[Any, Path]:
    net, path = network(torch, name), folder / "net.onnx"
    x = torch.zeros(2, *SHAPES[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (x,), str(path), input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
            dynamo=False, opset_version=17,
        )  # fmt: skip
    return net, path


def ours(x: Any) -> Any:
    """A batch of PyTorch's as byhand has it: channels last."""
    return np.moveaxis(x, 1, -1) if x.ndim == 4 else x


def imported(path: Path, name: str) -> Any:
    shape = SHAPES[name]
    return open_foreign(path, (*shape[1:], shape[0]) if len(shape) == 3 else shape)


def probabilities(torch: Any, name: str, z: Any) -> Any:
    return z if name in ("dense", "yes or no") else torch.softmax(z, -1)


@pytest.mark.torch
@pytest.mark.parametrize("name", SHAPES)
def test_outputs_are_those_of_onnxruntime_also_from_a_model_file(name: str, torch: Any, tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'byhand[compare]'")
    _, path = exported(torch, name, tmp_path)
    x = np.random.default_rng(0).standard_normal((4, *SHAPES[name])).astype(np.float32)
    (theirs,) = ort.InferenceSession(str(path)).run(None, {"x": x})
    model = imported(path, name)
    save_model(tmp_path / "net.safetensors", model)
    for one in (model, load_model(tmp_path / "net.safetensors")):
        assert np.allclose(one.network.forward(ours(x)), probabilities(torch, name, torch.tensor(theirs)), atol=2e-6)


@pytest.mark.torch
@pytest.mark.parametrize("name", [name for name in SHAPES if name != "residual"])  # whose norms the exporter folds away
def test_costs_of_a_training_are_those_of_pytorch(name: str, torch: Any, tmp_path: Path) -> None:
    net, path = exported(torch, name, tmp_path)
    network = imported(path, name).network
    f, rng = torch.nn.functional, np.random.default_rng(2)
    optimizer, own = torch.optim.SGD(net.parameters(), lr=0.1), SGD(0.1)
    for _ in range(5):
        x = rng.standard_normal((8, *SHAPES[name])).astype(np.float32)
        labels = rng.integers(0, 2, 8)
        z = net(torch.tensor(x))
        if name == "yes or no":
            cost, y = f.binary_cross_entropy(z, torch.tensor(labels[:, None], dtype=torch.float32)), labels[:, None]
        else:
            y = np.eye(z.shape[1], dtype=np.float32)[labels]
            cost = f.nll_loss(torch.log(probabilities(torch, name, z)), torch.tensor(labels))
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        assert network.learn(ours(x), y) == pytest.approx(cost.item(), rel=2e-5)
        own.step(network.parameters, network.gradient)


@pytest.mark.torch
@pytest.mark.parametrize("name", SHAPES)
def test_the_gradient_of_a_graph_is_that_of_central_differences(name: str, torch: Any, tmp_path: Path) -> None:
    _, path = exported(torch, name, tmp_path)
    twin = imported(path, name).network.twin(np.float64)
    x = np.random.default_rng(3).standard_normal((2, *SHAPES[name]))
    check_gradient(twin.module, ours(x), tolerance=1e-5)


def test_a_network_that_byhand_exported_comes_back_as_it_was(tmp_path: Path) -> None:
    before = open_model("mnist-cnn")
    export(before, tmp_path / "cnn.onnx")
    after = open_foreign(tmp_path / "cnn.onnx", (28, 28, 1))
    x = np.random.default_rng(0).random((5, 28, 28, 1), np.float32)
    assert np.allclose(before.network.forward(x), after.network.forward(x), atol=1e-6)
    export(after, tmp_path / "again.onnx")
    assert np.allclose(open_foreign(tmp_path / "again.onnx", (28, 28, 1)).network.forward(x), after.network.forward(x), atol=1e-6)


@pytest.mark.torch
def test_data_of_another_shape_are_refused(torch: Any, tmp_path: Path) -> None:
    _, path = exported(torch, "residual", tmp_path)
    with pytest.raises(ModelError, match=r"reads arrays of 3 x 8 x 8, but the data are 28 x 28 x 1: name the data"):
        open_foreign(path, (28, 28, 1))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda graph: graph["nodes"][0]["dict"].update(op="Exec"), "the op Exec is not read"),
        (lambda graph: graph["nodes"][0]["dict"].pop("op"), "a node must have"),
        (lambda graph: graph["weights"]["dict"].update(huge=[10**6, 10**6]), "must have at most|does not hold|too large|at most"),
        (
            lambda graph: graph["constants"]["dict"].update(c={"dict": {"type": "object", "shape": [1], "numbers": [1]}}),
            "must have type",
        ),
        (lambda graph: graph.update(images="sideways"), "images 'sideways' is unknown"),
    ],
)
def test_a_model_file_whose_graph_was_tampered_with_is_refused_in_one_line(change: Any, told: str, tmp_path: Path) -> None:
    export(open_model("mnist-cnn"), tmp_path / "cnn.onnx")
    path = tmp_path / "cnn.safetensors"
    save_model(path, open_foreign(tmp_path / "cnn.onnx", (28, 28, 1)))
    tensors, metadata = read_tensors(path)
    architecture = json.loads(metadata["architecture"])
    change(architecture["module"])
    write_tensors(path, tensors, {**metadata, "architecture": json.dumps(architecture)})
    with pytest.raises(ModelError, match=told) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
