"""Other people's ONNX files become models that give the same numbers, or one line says what is not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn
from byhand.errors import ModelError
from byhand.import_onnx import NotAChain, open_onnx, read_chain
from byhand.import_weights import open_foreign
from byhand.modelfile import Model
from byhand.onnx_export import export

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
helper = onnx.helper
RNG = np.random.default_rng(3)


def weights(*shape: int) -> Any:
    return (RNG.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)


def written(path: Path, sides: list[Any], nodes: list[tuple[Any, ...]], **constants: Any) -> Path:
    """A file with these nodes one behind the other: (kind, names of constants, settings)."""
    made, current = [], "input"
    for k, (kind, names, settings) in enumerate(nodes):
        made.append(helper.make_node(kind, [current, *names], [f"out{k}"], **settings))
        current = f"out{k}"
    graph = helper.make_graph(
        made,
        "other",
        [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, sides)],
        [
            helper.make_tensor_value_info(
                current, onnx.TensorProto.INT64 if kind == "ArgMax" else onnx.TensorProto.FLOAT, ["M", "K"]
            )
        ],
        [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def theirs(path: Path, x: Any) -> Any:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def channels_first(x: Any) -> Any:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def test_a_network_of_convolutions_as_pytorch_writes_it(tmp_path: Path) -> None:
    path = written(
        tmp_path / "cnn.onnx",
        ["N", 1, 12, 12],
        [
            ("Conv", ["w1", "b1"], {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}),
            ("BatchNormalization", ["g", "b", "m", "v"], {"epsilon": 1e-3}),
            ("Relu", [], {}),
            ("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}),
            ("Conv", ["w2"], {"strides": [2, 2], "kernel_shape": [3, 3]}),
            ("LeakyRelu", [], {"alpha": 0.01}),
            ("Flatten", [], {}),
            ("Dropout", [], {}),
            ("Gemm", ["w3", "b3"], {"transB": 1}),
            ("Softmax", [], {"axis": -1}),
        ],
        w1=weights(4, 1, 3, 3), b1=weights(4), g=weights(4), b=weights(4), m=weights(4), v=abs(weights(4)) + 0.5,
        w2=weights(6, 4, 3, 3), w3=weights(3, 24), b3=weights(3),
    )  # fmt: skip
    model = open_foreign(path, (12, 12, 1), class_names=("a", "b", "c"))
    x = RNG.random((5, 12, 12, 1)).astype(np.float32)
    assert np.allclose(model.network.forward(x), theirs(path, channels_first(x)), atol=1e-6)


def test_products_and_sums_as_keras_and_scikit_learn_write_them(tmp_path: Path) -> None:
    path = written(
        tmp_path / "mlp.onnx",
        ["N", 6],
        [
            ("MatMul", ["w1"], {}),
            ("Add", ["b1"], {}),
            ("Tanh", [], {}),
            ("MatMul", ["w2"], {}),
            ("Add", ["b2"], {}),
            ("Softmax", [], {"axis": 1}),
            ("ArgMax", [], {"axis": 1}),
        ],
        w1=weights(6, 5), b1=weights(1, 5), w2=weights(5, 3), b2=weights(3),
    )  # fmt: skip
    model = open_foreign(path, (6,))
    x = RNG.random((4, 6)).astype(np.float32)
    assert np.array_equal(model.network.predict(x), theirs(path, x).reshape(-1))


def test_the_mean_of_each_map_needs_no_flatten_behind_it(tmp_path: Path) -> None:
    path = written(
        tmp_path / "small.onnx",
        ["N", 3, 8, 8],
        [
            ("Conv", ["w"], {"kernel_shape": [3, 3]}),
            ("Relu", [], {}),
            ("AveragePool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}),
            ("GlobalAveragePool", [], {}),
            ("Flatten", [], {}),
            ("Gemm", ["v"], {}),
            ("Sigmoid", [], {}),
        ],
        w=weights(5, 3, 3, 3), v=weights(5, 1),
    )  # fmt: skip
    model = open_foreign(path, (8, 8, 3))
    x = RNG.random((4, 8, 8, 3)).astype(np.float32)
    assert np.allclose(model.network.forward(x), theirs(path, channels_first(x)), atol=1e-6)
    assert model.class_names == ("no", "yes")


def test_what_was_exported_comes_back(tmp_path: Path) -> None:
    x = RNG.random((4, 8, 8, 2)).astype(np.float32)
    layers = [nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 3, 3), nn.Tanh(), nn.Flatten()]
    network = nn.Network(nn.Sequential(*layers, nn.Linear(12, 3)), (8, 8, 2), seed=1)
    export(Model(network, ("a", "b", "c")), tmp_path / "m.onnx")
    assert np.allclose(open_foreign(tmp_path / "m.onnx", (8, 8, 2)).network.forward(x), network.forward(x), atol=1e-6)
    by_hand = byhand.FeedForward((128, 6, 3), "tanh", output="softmax", cost="cross_entropy", seed=1)
    export(Model(by_hand), tmp_path / "h.onnx")
    again = open_foreign(tmp_path / "h.onnx", (8, 8, 2)).network
    channels = np.ascontiguousarray(x.transpose(0, 3, 1, 2)).reshape(4, -1)  # rows of images are read as PyTorch makes them
    assert np.allclose(again.forward(x), by_hand.forward(channels), atol=1e-6)


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([("Sin", [], {})], "the op Sin is not read"),
        ([("Gemm", ["w"], {"alpha": 0.5})], "Gemm with alpha"),
        ([("LeakyRelu", [], {"alpha": 0.3})], "LeakyRelu with alpha 0.3"),
        ([("Transpose", [], {"perm": [1, 0]})], "Transpose by"),
        ([("Relu", [], {})], "it has no layer"),
        ([("Add", ["b"], {})], "Add is read as the bias of a MatMul only"),
        ([("MatMul", ["w"], {}), ("Softmax", [], {}), ("MatMul", ["w"], {})], "MatMul behind a Softmax is not read"),
        ([("MatMul", ["w"], {}), ("Softmax", [], {"axis": 0})], "Softmax along axis 0"),
        ([("MatMul", ["w"], {}), ("Reshape", ["mixing"], {}), ("MatMul", ["v"], {})], r"Reshape of \(0, 4\) to \[-1, 8\]"),
        ([("MatMul", ["w"], {}), ("Cast", [], {"to": 7})], "the op Cast is not read"),
    ],
)
def test_what_is_not_read_is_named(tmp_path: Path, nodes: list[Any], said: str) -> None:
    arrays = {"w": weights(4, 4), "b": weights(4), "v": weights(8, 2), "mixing": np.array([-1, 8])}
    path = written(tmp_path / "m.onnx", ["N", 4], nodes, **arrays)
    with pytest.raises(NotAChain, match=said) as caught:
        read_chain(open_onnx(path), path)
    assert "\n" not in str(caught.value) and "m.onnx" in str(caught.value)


def test_what_is_no_chain_is_computed_node_by_node(tmp_path: Path) -> None:
    w, x = weights(4, 4), np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    nodes = [("Gemm", ["w"], {"alpha": 0.5}), ("LeakyRelu", [], {"alpha": 0.3}), ("Sin", [], {})]
    network = open_foreign(written(tmp_path / "m.onnx", ["N", 4], nodes, w=w), (4,)).network
    h = 0.5 * x @ w
    e = np.exp(np.sin(np.where(h > 0, h, 0.3 * h)))
    assert np.allclose(network.forward(x), e / e.sum(axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([("Relu", [], {})], "holds no weights"),
        ([("MatMul", ["w"], {}), ("GridSample", ["w"], {})], "the op GridSample is not read"),
    ],
)
def test_what_cannot_be_computed_is_named(tmp_path: Path, nodes: list[Any], said: str) -> None:
    path = written(tmp_path / "m.onnx", ["N", 4], nodes, w=weights(4, 4))
    with pytest.raises(ModelError, match=said) as caught:
        open_foreign(path, (4,))
    assert "\n" not in str(caught.value) and "m.onnx" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x09\x12", bytes(range(256)) * 9])
def test_damaged_files_get_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.onnx") as caught:
        open_foreign(tmp_path / "m.onnx", (4,))
    assert "\n" not in str(caught.value)


def test_weights_of_a_node_that_stand_elsewhere_are_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "side.bin").write_bytes(bytes(64))
    tensor = onnx.numpy_helper.from_array(weights(4, 4), "t")
    onnx.external_data_helper.set_external_data(tensor, "side.bin")
    tensor.ClearField("raw_data")
    nodes = [helper.make_node("Constant", [], ["w"], value=tensor), helper.make_node("MatMul", ["input", "w"], ["out"])]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 4]) for name in ("input", "out")]
    model = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:]), ir_version=9)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="keeps its weights in other files"):
        open_foreign(tmp_path / "m.onnx", (4,))


def test_weights_that_stand_elsewhere_are_not_fetched(tmp_path: Path) -> None:
    path = written(tmp_path / "m.onnx", ["N", 4], [("Gemm", ["w"], {})], w=weights(4, 4))
    model = onnx.load(path)
    (tmp_path / "secret.bin").write_bytes(bytes(64))
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "secret.bin")
    model.graph.initializer[0].ClearField("raw_data")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="keeps its weights in other files"):
        open_foreign(path, (4,))
    with pytest.raises(ModelError, match="leave --layers out"):
        open_foreign(path, (4,), "fc1")
