"""The trained models that come with byhand, by name."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from byhand import limits
from byhand.errors import ModelError
from byhand.modelfile import Model, load_model

FOLDER = Path(str(files("byhand") / "weights"))


def shipped() -> dict[str, Path]:
    """Name and file of every model that ships."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.safetensors"))}


def find_model(spec: str) -> Path:
    """The file of a model: a path, a run's folder, or the name of one that ships.

    Raises ModelError where there is none.
    """
    if os.path.isfile(os.path.join(spec, "model.safetensors")):
        return Path(spec, "model.safetensors")
    if os.path.exists(spec):
        return Path(spec)
    names = shipped()
    if spec in names:
        return names[spec]
    near = difflib.get_close_matches(spec, names, 1)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else f"give a .safetensors file, a run's folder, or one of {', '.join(names) or 'none'}"
    )
    raise ModelError(f"the model {limits.told(spec)} does not exist: {hint}")


def place_of(spec: str) -> Path:
    """Where what is made of a model belongs: beside its file, or, for one that ships, into a folder of its name."""
    return find_model(spec).parent if os.path.exists(spec) else Path("runs") / spec


def open_model(spec: str | Path, dtype: Any = "float32") -> Model:
    """Read a model, by what names it: a model file, a run's folder, or a shipped model's name. In Python it is `byhand.load`.

    Raises ModelError where there is none, and for a file that is damaged or not byhand's.

    >>> open_model("mnist-nielsen-30").network
    FeedForward(784-30-10, sigmoid/sigmoid, quadratic: 23,860 parameters)
    """
    return load_model(find_model(str(spec)), dtype)


def overview() -> list[dict[str, Any]]:
    """Of every model that ships: its name, its network, the size of its file, and its figures on test data."""
    found = []
    for name, path in shipped().items():
        opened = open_model(name)
        figures = {key: value for key, value in opened.metrics.items() if isinstance(value, float)}
        found.append({"name": name, "network": repr(opened.network), "bytes": path.stat().st_size, **figures})
    return found


def measured(figures: Mapping[str, Any]) -> str:
    """What a model is worth, in a few words."""
    words = {
        "test_accuracy": "{:.2%} right",
        "test_accuracy_merged": "{:.2%} merged",
        "test_readable": "{:.1%} of samples readable",
        "test_bits_per_character": "{:.2f} bits per character",
        "test_elbo": "ELBO {:.1f} nats",
        "test_log_likelihood": "log p(x) {:.2f} nats",
        "test_error": "squared error {:.4f} a pixel",
    }
    return ", ".join(text.format(figures[key]) for key, text in words.items() if key in figures)
