"""The trained models that come with byhand, by name."""

from __future__ import annotations

import difflib
from importlib.resources import files
from pathlib import Path

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
    path = Path(spec)
    if path.is_dir() and (path / "model.safetensors").exists():
        return path / "model.safetensors"
    if path.exists():
        return path
    names = shipped()
    if spec in names:
        return names[spec]
    near = difflib.get_close_matches(spec, names, 1)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else f"give a .safetensors file, a run's folder, or one of {', '.join(names) or 'none'}"
    )
    raise ModelError(f"there is no model {spec!r}: {hint}")


def open_model(spec: str, dtype: str = "float32") -> Model:
    """`find_model`, loaded."""
    return load_model(find_model(spec), dtype)
