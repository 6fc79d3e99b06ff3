"""Reading `.safetensors` files, which hold arrays and strings and no code."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from byhand.backend import Array
from byhand.errors import ModelError


def read_tensors(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """All tensors and the metadata of a `.safetensors`; raises ModelError for a missing, cut or hostile file."""
    if not path.is_file():
        raise ModelError(f"{path} is not there: expected a model file (.safetensors)")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it has no __iter__
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]  # it quotes names from the file, which may hold anything
        raise ModelError(f"{path} is not a whole .safetensors file ({reason}): copy or train it again") from error
    return tensors, metadata
