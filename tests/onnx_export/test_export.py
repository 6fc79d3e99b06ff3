"""Models as ONNX files: the same numbers in onnxruntime, for batches of any size, and one line for what cannot be written."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import byhand
from byhand import nn
from byhand.cli import app
from byhand.engine import Tensor, no_grad, ops
from byhand.engine.op import Op
from byhand.errors import ModelError
from byhand.modelfile import Model
from byhand.models.conv_autoencoder import ConvAutoencoder
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.gan import GAN
from byhand.models.vae import VAE
from byhand.onnx_export import export
from byhand.onnx_export.export import IR, OPSET
from byhand.onnx_export.graph import Graph
from byhand.onnx_export.tape import write_function
from byhand.onnx_export.translations import NUMBER_BY_NUMBER, TRANSLATIONS
from byhand.shipped import open_model, overview

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

SHIPPED = [row["name"] for row in overview()]


def answers(path: Path, **inputs: Any) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == list(inputs)
    return list(session.run(None, inputs))


def question(network: Any, n: int) -> dict[str, Any]:
    """Inputs for n samples, by the names that the file gives them, and in the order of the file."""
    rng = np.random.default_rng(n)
    if isinstance(network, DiffusionNetwork):
        x = rng.standard_normal((n, *network.input_shape)).astype(network.dtype)
        return {"x": x, "t": rng.integers(1, network.diffusion.steps + 1, n), "labels": rng.integers(0, network.classes + 1, n)}
    if isinstance(network, GAN):
        z = rng.standard_normal((n, network.latent)).astype(network.dtype)
        return {"z": z} | ({"labels": rng.integers(0, network.classes, n)} if network.classes else {})
    if any(isinstance(one, nn.Embedding) for one in getattr(network, "modules", list)()):
        return {"characters": rng.integers(0, network.n_outputs, (n, *network.input_shape))}
    rows = (
        (network.n,) if hasattr(network, "latent") else (network.sizes[0],) if isinstance(network, byhand.FeedForward) else None
    )
    shape = network.input_shape if rows is None else rows
    return {"x": rng.random((n, *shape)).astype(network.dtype)}


def ours(network: Any, asked: dict[str, Any]) -> list[Any]:
    if isinstance(network, DiffusionNetwork):
        with no_grad():
            return [network.averaged(Tensor(asked["x"]), asked["t"], asked["labels"]).data]
    if isinstance(network, GAN):
        return [network._averaged_samples(asked["z"], asked.get("labels"))]
    if hasattr(network, "latent"):
        return [network.code(asked["x"]), network.reconstruct(asked["x"])]
    return [network.forward(*asked.values())]


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_every_model_that_ships_gives_the_same_numbers_in_onnxruntime(name: str, tmp_path: Path) -> None:
    model = open_model(name)
    export(model, tmp_path / "m.onnx")
    for n in (1, 4):
        asked = question(model.network, n)
        for one, other in zip(answers(tmp_path / "m.onnx", **asked), ours(model.network, asked), strict=True):
            assert one.shape == other.shape and one.dtype == other.dtype
            assert np.abs(one - other).max() <= 1e-5 * max(1.0, float(np.abs(other).max()))
    told = {one.key: one.value for one in onnx.load(tmp_path / "m.onnx").metadata_props}
    assert json.loads(told["classes"]) == list(model.class_names)
    assert json.loads(told["preprocessing"]) == model.preprocessing


class Odd(nn.Module):
    """A network of one's own, of ops that ours do not use."""

    def __init__(self) -> None:
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1, groups=1)
        self.norm = nn.BatchNorm2d(8)
        self.grow = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1)
        self.out = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        h = ops.leaky_relu(self.norm(self.conv(x)), slope=0.2)
        h = ops.elu(self.grow(h)) + ops.pad(x, widths=((0, 0), (1, 0), (0, 1), (0, 1)), mode="reflect")[:, :-1, 1:, :]
        h = ops.concat(h, ops.softplus(h), axis=2).mean(axis=(1, 2))
        return self.out(ops.stack(h, h * 2, axis=1).sum(axis=1).clip(-3.0, 3.0) / (1 + ops.absolute(h)))


def test_a_network_of_ones_own(tmp_path: Path) -> None:
    network = nn.Network(Odd(), (8, 6, 3), cost="mse", seed=3)
    network.module.norm.running_mean[...] = np.linspace(-0.2, 0.3, 8)
    network.module.norm.running_var[...] = np.linspace(0.5, 2.0, 8)
    written = export(Model(network, ("a", "b")), tmp_path / "odd.onnx")
    assert written.inputs[0][2] == (None, 8, 6, 3) and written.outputs == [("outputs", (None, 2))]
    x = np.random.default_rng(0).standard_normal((5, 8, 6, 3)).astype(np.float32)
    assert np.allclose(answers(tmp_path / "odd.onnx", x=x)[0], network.forward(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("activations", "cost"), [(["tanh", "sigmoid"], "quadratic"), (["silu", "softmax"], "cross_entropy")])
def test_networks_by_hand(activations: list[str], cost: str, tmp_path: Path) -> None:
    network = byhand.FeedForward([6, 5, 3], activations[0], output=activations[1], cost=cost, seed=2)
    export(Model(network), tmp_path / "m.onnx")
    x = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    assert np.allclose(answers(tmp_path / "m.onnx", x=x)[0], network.forward(x), atol=1e-6)


def along(op: Any) -> Any:
    return lambda x: op(x, axis=(1, -1))


# Calls of one op each: of x (m, 4, 6, 4), and y of the same shape.
CALLS: dict[str, Any] = {
    **{name: getattr(ops, name) for name in NUMBER_BY_NUMBER if name not in {"matmul", "det"}},
    "matmul": lambda x, y: ops.matmul(x, ops.transpose(y, axes=(0, 1, 3, 2))),
    "det": lambda x: ops.det(x[:, :, :4, :]),
    **{name: getattr(ops, name) for name in ("silu", "gelu", "leaky_relu", "elu", "softplus", "softmax", "log_softmax")},
    "gelu by tanh": lambda x: ops.gelu(x, approximate="tanh"),
    **{name: along(getattr(ops, name)) for name in ("sum", "mean", "max", "min", "logsumexp")},
    "mean of all sides kept": lambda x: ops.mean(x, axis=2, keepdims=True),
    "prod": lambda x: ops.prod(x, axis=2),
    "conv2d": lambda x: ops.conv2d(x, W, stride=(2, 1), padding=(1, 0)),
    "conv2d in groups, far apart": lambda x: ops.conv2d(x, W[:, :, :2], groups=2, dilation=2, padding=2),
    "conv_transpose2d": lambda x: ops.conv_transpose2d(x, np.ascontiguousarray(W), stride=2, padding=1, output_padding=1),
    "max_pool2d": lambda x: ops.max_pool2d(x, kernel=3, stride=2, padding=1),
    "avg_pool2d": lambda x: ops.avg_pool2d(x, kernel=2, padding=1, count_include_pad=False),
    "global_avg_pool": ops.global_avg_pool,
    "upsample_nearest": lambda x: ops.upsample_nearest(x, scale=(2, 3)),
    "attention": lambda x, y: ops.attention(x, y, x + y, causal=True),
    "layer_norm": lambda x: ops.layer_norm(x, GAMMA, GAMMA[::-1].copy()),
    "rms_norm": lambda x: ops.rms_norm(x, GAMMA),
    "group_norm": lambda x: ops.group_norm(x, GAMMA, GAMMA, groups=2, activation="silu"),
    "group_norm and relu": lambda x: ops.group_norm(x, groups=4, activation="relu"),
    "reshape": lambda x: ops.reshape(x, shape=(len(x.data), 6, -1)),
    "transpose": lambda x: ops.transpose(x, axes=(0, -1, 1, 2)),
    "concat": lambda x, y: ops.concat(x, y, axis=2),
    "stack": lambda x, y: ops.stack(x, y, axis=1),
    "an index of slices": lambda x: x[:, 1:-1, ::2, None],
    "an index of places": lambda x: x[:, -1, 2],
    "an index of an array": lambda x: x[:, :, np.array([4, 0, 0])],
    "pad": lambda x: ops.pad(x, widths=((0, 0), (1, 2), (0, 1), (0, 0)), value=2.0),
    "clip": lambda x: ops.clip(x, low=-0.5, high=0.25),
}
W = np.random.default_rng(5).standard_normal((3, 3, 4, 4)).astype(np.float32)
GAMMA = np.array([0.5, 1.5, -1.0, 2.0], np.float32)
OF_TWO = {"add", "subtract", "multiply", "divide", "power", "maximum", "minimum"}
POSITIVE = {"log", "sqrt", "power", "acosh"}


@pytest.mark.parametrize("name", CALLS)
def test_each_op_by_itself(name: str, tmp_path: Path) -> None:
    call = CALLS[name]
    of_two = name in OF_TWO if isinstance(call, Op) else [*inspect.signature(call).parameters][:2] == ["x", "y"]
    names = ("x", "y") if of_two else ("x",)

    def inputs(m: int) -> dict[str, Any]:
        rng = np.random.default_rng(m)
        drawn = {one: rng.uniform(-0.95, 0.95, (m, 4, 6, 4)).astype(np.float32) for one in names}
        return (
            {one: abs(array) + (1.1 if name == "acosh" else 0.1) for one, array in drawn.items()} if name in POSITIVE else drawn
        )

    graph = Graph(onnx.helper)
    graph.add("Identity", write_function(graph, call, inputs, {}))
    sides = ["N", 4, 6, 4]
    made = onnx.helper.make_graph(
        graph.nodes,
        "one",
        [onnx.helper.make_tensor_value_info(one, onnx.TensorProto.FLOAT, sides) for one in names],
        [onnx.helper.make_empty_tensor_value_info(graph.nodes[-1].output[0])],
        [onnx.numpy_helper.from_array(array, one) for one, array in graph.constants.items()],
    )
    whole = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR)
    onnx.save(whole, tmp_path / "one.onnx")
    asked = inputs(5)
    expected = call(*map(Tensor, asked.values())).data
    found = answers(tmp_path / "one.onnx", **asked)[0]
    assert found.shape == expected.shape
    assert np.allclose(found, expected, rtol=2e-5, atol=2e-6)


def test_every_translation_is_tried() -> None:
    tried = {name.split()[0] for name in CALLS} | {"linear", "embedding", "batch_norm", "broadcast", "dropout", "index"}
    assert set(TRANSLATIONS) | set(NUMBER_BY_NUMBER) <= tried  # the rest in the networks above


def test_coders_that_are_told_a_class_and_coders_of_modules(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    told = VAE(12, (6,), 3, classes=2, seed=1)
    x, y = rng.random((4, 12), np.float32), np.eye(2, dtype=np.float32)[[0, 1, 1, 0]]
    export(Model(told), tmp_path / "told.onnx")
    code, image = answers(tmp_path / "told.onnx", x=x, classes=y)
    assert np.allclose(code, told.code(x, y), atol=1e-6) and np.allclose(image, told.reconstruct(x, y), atol=1e-6)
    of_modules = ConvAutoencoder(channels=(4, 6), latent=3, seed=1)
    images = rng.random((3, 28, 28, 1), np.float32)
    export(Model(of_modules), tmp_path / "conv.onnx")
    found = answers(tmp_path / "conv.onnx", x=images)[0]
    assert np.allclose(found.reshape(3, -1), of_modules.reconstruct(images).reshape(3, -1), atol=1e-5)


class Sorted(nn.Module):
    def __init__(self) -> None:
        self.out = nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        return self.out(ops.cumsum(x, axis=1))


class Weighed(nn.Module):
    def __init__(self) -> None:
        self.out = nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        return self.out(x * np.linspace(0, 1, len(x), dtype=np.float32)[:, None])


@pytest.mark.parametrize(
    ("module", "said"),
    [(Sorted, "the op cumsum cannot be written as ONNX yet"), (Weighed, "depends on the batch and was computed outside")],
)
def test_what_cannot_be_written_is_named_and_no_file_is_left(module: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=said):
        export(Model(nn.Network(module(), (3,), seed=0)), tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_and_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, ["export", "mnist-nielsen-30"], env={"COLUMNS": "200"})
    assert found.exit_code == 0, found.output
    assert "reads x (N, 784)" in found.output and "gives outputs (N, 10)" in found.output
    assert (tmp_path / "mnist-nielsen-30.onnx").stat().st_size > 90_000
    told = json.loads(CliRunner().invoke(app, ["export", "mnist-vae-2d", "-o", "v.onnx", "--json"]).output)
    assert told["inputs"] == [{"name": "x", "type": "float32", "shape": [None, 784]}]
    assert [one["name"] for one in told["outputs"]] == ["code", "reconstruction"]


def test_without_the_package_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ModelError, match=r"pip install 'byhand\[onnx\]'"):
        export(open_model("mnist-nielsen-30"), tmp_path / "m.onnx")
