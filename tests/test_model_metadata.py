"""Damaged metadata of a model file: every value of it replaced by every wrong one ends in one line, or in a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import save

from byhand import FeedForward, nn
from byhand.errors import ByhandError, ModelError
from byhand.modelfile import Model, load_model, save_model
from byhand.models.autoencoder import Autoencoder
from byhand.models.conv_autoencoder import ConvVAE
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.vae import VAE
from byhand.neural_network import NeuralNetwork
from byhand.tensorfile import read_tensors

WRONG: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, float("nan"), 10**400, 2**62, "x", "", "٣", [], {}, [1], [None], [[1]], [-1, 2], ["a"] * 3, {"a": 1},
    {"kind": ["x"]},
)  # fmt: skip
LAYERS = nn.Sequential(
    nn.Conv2d(1, 2, 3, padding="same"), nn.BatchNorm2d(2, activation="relu"), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)
)
NETWORKS: dict[str, NeuralNetwork] = {
    "feedforward": FeedForward((4, 5, 3)),
    "vae": VAE(4, (3,), 2),
    "autoencoder": Autoencoder(4, (3,), 2),
    "conv_vae": ConvVAE(latent=2, channels=(2, 3)),
    "diffusion": DiffusionNetwork(MLPDenoiser(2, width=8, depth=1, classes=3), (2,)),
    "network": nn.Network(LAYERS, (4, 4, 1)),
}
FACTS = {"input": [4], "range": [0, 1], "data": "iris", "data_options": {"seed": 1}}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within a value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


def refusal(file: Path) -> str:
    """What is said against a file; "" where it is read. Another exception than byhand's fails the test."""
    try:
        load_model(file)
    except ByhandError as error:
        return str(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_wrong_value_anywhere_ends_in_one_line(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    save_model(file, Model(NETWORKS[kind], ("a", "b", "c"), FACTS, "r", {"test_accuracy": 0.5}))
    tensors, metadata = read_tensors(file)
    del metadata["checksum"]  # of what the file said before
    # What a file says besides is read alike for all kinds.
    for key in ("architecture", "class_names", "preprocessing", "metrics") if kind == "feedforward" else ("architecture",):
        right = json.loads(metadata[key])
        for path in places(right):
            for wrong in WRONG:
                file.write_bytes(save(tensors, metadata | {key: json.dumps(put(right, path, wrong))}))
                told = refusal(file)
                assert "\n" not in told and len(told) < 1_000, (key, path, told[:100])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"class_names": ["a", "b"]}, "class_names must be 3, one for each class, got 2"),
        ({"class_names": "abc"}, "class_names must be a list of text, got 'abc'"),
        ({"class_names": [["a"], "b", "c"]}, "class_names must be a list of text"),
        ({"preprocessing": []}, r"preprocessing must be settings by name, got \[\]"),
        ({"preprocessing": {"data": 5}}, "preprocessing: data must be text, got 5"),
        ({"preprocessing": {"data_options": [1]}}, "data_options must be settings by name"),
        ({"preprocessing": {"input": [-1]}}, "input: each must be 1 or more, got -1"),
        ({"metrics": [1]}, "metrics must be settings by name"),
        ({"architecture": {"kind": {}}}, "the kind of its network must be text"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], told: str, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    save_model(file, Model(NETWORKS["feedforward"], ("a", "b", "c"), FACTS))
    tensors, metadata = read_tensors(file)
    del metadata["checksum"]  # of what the file said before
    file.write_bytes(save(tensors, metadata | {key: json.dumps(value) for key, value in changes.items()}))
    with pytest.raises(ModelError, match=told):
        load_model(file)
