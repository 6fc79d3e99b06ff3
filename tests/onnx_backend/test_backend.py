"""ONNX's own node cases, graphs with branches, our own exports: the same numbers, gradients that arrive, and refusals by name."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from byhand.engine import no_grad
from byhand.errors import ModelError
from byhand.onnx_export import export
from byhand.shipped import open_model

onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install 'byhand[onnx]'")
helper = onnx.helper


def cases() -> Any:
    """The script that runs ONNX's node cases."""
    path = Path(__file__).parents[2] / "scripts" / "onnx_node_cases.py"
    spec = importlib.util.spec_from_file_location("onnx_node_cases", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_onnx_s_own_node_cases_agree_or_are_refused_by_name() -> None:
    from onnx.backend.test.case.node import collect_testcases

    script = cases()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, where a case asks for infinities
        found = [(case.name, script.outcome(case)) for case in collect_testcases(None)[::5]]
    assert [one for one in found if one[1].startswith("wrong")] == []
    assert sum(said == "" for _, said in found) >= 0.5 * len(found)
    assert all("\n" not in said for _, said in found)


def graph(nodes: list[Any], weights: dict[str, Any], shape: list[Any], outputs: int = 1) -> Any:
    held = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
    ends = [helper.make_empty_tensor_value_info(f"y{k}") for k in range(outputs)]
    made = helper.make_graph(nodes, "own", [x], ends, held)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_a_graph_with_a_branch_computes_and_its_weights_learn() -> None:
    from byhand.onnx.reader import graph_of

    rng = np.random.default_rng(0)
    w, b = rng.standard_normal((4, 4)).astype(np.float32), rng.standard_normal(4).astype(np.float32)
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"], transB=1),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Add", ["r", "x"], ["s"]),
        helper.make_node("Concat", ["s", "x"], ["y0"], axis=1),
    ]
    module = graph_of(graph(nodes, {"w": w, "b": b}, ["N", 4]))
    x = rng.standard_normal((3, 4)).astype(np.float32)
    y = module(x)
    assert np.allclose(y.numpy(), np.concatenate([np.maximum(x @ w.T + b, 0) + x, x], axis=1), atol=1e-6)
    y.sum().backward()
    grown = (x @ w.T + b > 0).astype(np.float32)
    assert set(module.weight) == {"w", "b"}
    assert np.allclose(module.weight["w"].grad, grown.T @ x, atol=1e-5) and np.allclose(module.weight["b"].grad, grown.sum(0))


@pytest.mark.parametrize("name", ["mnist-nielsen-30", "mnist-cnn", "mnist-gan", "attention", "lstm"])
def test_what_byhand_exports_it_computes_itself(name: str, tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'byhand[compare]'")
    from byhand.onnx.backend import prepare

    try:
        export(open_model(name), tmp_path / "m.onnx")
    except ModelError as error:
        pytest.skip(str(error))
    session, rng = ort.InferenceSession(str(tmp_path / "m.onnx")), np.random.default_rng(1)
    given = []
    for one in session.get_inputs():
        shape = [side if isinstance(side, int) else 2 for side in one.shape]
        whole = "int" in one.type
        given.append(rng.integers(0, 5, shape).astype(np.int64) if whole else rng.random(shape).astype(np.float32))
    theirs = session.run(None, dict(zip([one.name for one in session.get_inputs()], given, strict=True)))
    with no_grad():
        ours = prepare(onnx.load(tmp_path / "m.onnx")).run(given)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape and np.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (("Einsums", ["x"], ["y0"], {}), "the op Einsums is not read"),
        (("Relu", ["x"], ["y0"], {"slope": 0.5}), "Relu has an attribute 'slope', which is not understood"),
        (("GridSample", ["x", "x"], ["y0"], {}), "the op GridSample is not read"),
        (("Reshape", ["x", "far"], ["y0"], {}), "Reshape of .* does not fit"),
        (("Expand", ["x", "huge"], ["y0"], {}), "numbers, got the shape"),
    ],
)
def test_what_is_not_understood_is_refused_in_one_line_that_names_the_node(node: Any, said: str) -> None:
    from byhand.onnx.backend import prepare

    op, inputs, outputs, attributes = node
    weights = {"far": np.array([7, 7], np.int64), "huge": np.array([10**6, 10**6, 2, 4], np.int64)}
    model = graph([helper.make_node(op, inputs, outputs, name="here", **attributes)], weights, ["N", 4])
    with pytest.raises(ModelError, match=said) as refused:
        prepare(model).run([np.ones((2, 4), np.float32)])
    assert "\n" not in str(refused.value) and "here" in str(refused.value)


def test_weights_in_other_files_are_not_looked_for() -> None:
    from byhand.onnx.reader import graph_of

    model = graph([helper.make_node("MatMul", ["x", "w"], ["y0"])], {"w": np.ones((4, 4), np.float32)}, ["N", 4])
    held = model.graph.initializer[0]
    held.data_location = onnx.TensorProto.EXTERNAL
    entry = held.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    with pytest.raises(ModelError, match="stands in another file"):
        graph_of(model)


@pytest.mark.parametrize("op", ["RNN", "GRU", "LSTM"])
def test_the_gradient_of_a_recurrent_layer_is_that_of_central_differences(op: str) -> None:
    from byhand.engine.check import check_gradient
    from byhand.onnx.call import OPERATIONS, Call

    gates, rng = {"RNN": 1, "GRU": 3, "LSTM": 4}[op], np.random.default_rng(3)
    x, w, r = (0.5 * rng.standard_normal(shape) for shape in ((3, 2, 4), (2, 2 * gates, 4), (2, 2 * gates, 2)))
    b = 0.5 * rng.standard_normal((2, 4 * gates))
    call = Call(op, "here", {"hidden_size": 2, "direction": "bidirectional"}, 18)
    weights = rng.standard_normal((3, 2, 2, 2))
    check_gradient(lambda *given: (OPERATIONS[op].compute(call, *given)[0] * weights).sum(), x, w, r, b)


def test_a_loss_leaves_out_what_is_to_be_ignored() -> None:
    from byhand.engine import Tensor
    from byhand.onnx.call import OPERATIONS, Call

    z, classes = Tensor(np.random.default_rng(0).standard_normal((4, 3)), requires_grad=True), Tensor(np.array([0, 2, 1, 2]))
    call = Call("SoftmaxCrossEntropyLoss", "here", {"ignore_index": 1}, 18)
    OPERATIONS[call.op].compute(call, z, classes).backward()
    assert z.grad is not None and not z.grad[2].any() and np.allclose(z.grad.sum(axis=1), 0) and z.grad[0, 0] < 0
