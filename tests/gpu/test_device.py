"""The same code on a GPU's arrays: networks trained on a double of CuPy, which refuses to be mixed with NumPy.

There is no GPU where these tests run; what the double cannot show (speed, CuPy's own faults) is told as experimental in the docs.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn, optim
from byhand.data.dataset import Dataset
from byhand.engine import Tensor, grad
from byhand.errors import ModelError
from byhand.training.checkpoint import read_checkpoint, write_checkpoint
from byhand.training.recipes import recipe
from byhand.training.run import build, load_splits
from byhand.training.steps import steps


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("cupy_double", Path(__file__).parent / "cupy_double.py")
    assert spec is not None and spec.loader is not None
    double = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(double)
    return double.install(monkeypatch)


def images() -> Dataset:
    rng = np.random.default_rng(5)
    labels = np.arange(40) % 3
    return Dataset("noise", rng.random((40, 8, 8, 1), np.float32), labels.astype(np.int64), ("a", "b", "c"))


def cnn(device: str) -> nn.Network:
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same", bias=False),
        nn.BatchNorm2d(4, activation="relu"),
        nn.MaxPool2d(2),
        nn.Residual(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.GroupNorm(2, 4, activation="silu"))),
        nn.Upsample(scale_factor=2),
        nn.AvgPool2d(2),
        nn.ConvTranspose2d(4, 3, 3, stride=2),
        nn.GELU(),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(3 * 9 * 9, 3),
    )
    return nn.Network(module, (8, 8, 1), seed=2, dtype=np.float64, device=device)


def attention(device: str) -> nn.Network:
    module = nn.Sequential(
        nn.Embedding(5, 8), nn.Residual(nn.Sequential(nn.LayerNorm(8), nn.MultiheadAttention(8, 2, causal=True))), nn.Linear(8, 5)
    )
    return nn.Network(module, (4,), seed=2, dtype=np.float64, device=device)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [lambda: optim.Adam(0.01), lambda: optim.AdamW(0.01), lambda: optim.SGD(0.1, momentum=0.9)])
def test_a_cnn_trains_on_the_gpus_arrays_to_the_same_numbers(cupy: Any, optimizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYHAND_KERNELS", "numpy")
    found = []
    for device in ("cpu", "gpu"):
        net, data = cnn(device), images()
        history = byhand.fit(net, data, validation=data, epochs=2, batch_size=16, optimizer=optimizer(), clip=1.0, seed=1)
        outputs = net.forward(data.inputs)
        assert isinstance(outputs, np.ndarray)
        found.append((history.epochs[-1].cost, history.epochs[-1].validation_accuracy, outputs))
    assert type(net.parameters) is cupy.ndarray
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-9)
    assert found[0][1] == found[1][1]
    assert np.abs(found[0][2] - found[1][2]).max() < 1e-9


def test_attention_computes_on_the_gpus_arrays(cupy: Any) -> None:
    x = np.array([[0, 1, 2, 3], [4, 3, 2, 1]])
    costs = [attention(device).learn(x, (x + 1) % 5) for device in ("cpu", "gpu")]
    assert costs[0] == pytest.approx(costs[1], rel=1e-9)


def test_second_derivatives_stay_on_the_gpu(cupy: Any) -> None:
    here = np.array([1.0, 2.0, 3.0])

    def f(x: Any) -> Any:
        return (x * x * x).sum() + x.exp().sum()

    there = Tensor(cupy.asarray(here), requires_grad=True)
    f(there).backward(create_graph=True)
    assert np.allclose(there.grad.data.get(), 3 * here**2 + np.exp(here))
    found = grad(lambda x: grad(f)(x).sum())(Tensor(cupy.asarray(here)))
    assert np.allclose(getattr(found, "data", found).get(), 6 * here + np.exp(here))


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_data_may_lie_on_either_device(cupy: Any, device: str) -> None:
    data = images()
    found = []
    for put in (np.asarray, cupy.asarray):
        net = cnn(device)
        x, y = put(data.inputs), put(data.labels)
        found.append((net.learn(x, y), *net.evaluate(x, y), net.forward(x).tobytes()))
    assert found[0] == found[1]


def test_a_checkpoint_and_a_model_written_from_the_gpu_are_read_on_the_cpu(cupy: Any, tmp_path: Path) -> None:
    def training(net: nn.Network) -> Any:
        return steps(net, images(), epochs=2, batch_size=16, optimizer=optim.Adam(0.01), seed=3)

    first = training(cnn("gpu"))
    next(first)
    write_checkpoint(tmp_path / "c.safetensors", first)
    second = training(cnn("cpu"))
    read_checkpoint(tmp_path / "c.safetensors", second)
    assert next(first).cost == pytest.approx(next(second).cost, rel=1e-9)
    tensors = first.model.tensors()
    assert all(isinstance(array, np.ndarray) for array in tensors.values())


def test_without_cupy_it_is_said_in_one_line() -> None:
    if importlib.util.find_spec("cupy") is not None:
        pytest.skip("CuPy is installed here")
    with pytest.raises(ModelError, match=r"device gpu needs CuPy, which is not installed: pip install 'byhand\[gpu\]'"):
        cnn("gpu")


def test_an_unknown_device_and_one_for_the_network_by_hand_are_refused() -> None:
    with pytest.raises(ModelError, match="device 'tpu' is unknown: did you mean 'gpu'"):
        cnn("tpu")
    iris = recipe("iris")
    with pytest.raises(ModelError, match="computes on the cpu, not on 'gpu'"):
        build(iris, load_splits(iris), device="gpu")
