"""`predict`: what a model reads in pictures, each of one character."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from byhand.data.pictures import prepare_for
from byhand.errors import ModelError
from byhand.modelfile import Model
from byhand.shipped import open_model


@dataclass(frozen=True)
class Prediction:
    """What was read in one picture.

    Attributes:
        class_name: the class with the largest output; None for a picture with nothing on it. output: how large that is.
        outputs: of every class, by name.
    """

    image: str
    class_name: str | None
    output: float = 0.0
    outputs: dict[str, float] = field(default_factory=dict)

    @property
    def blank(self) -> bool:
        """Whether there is nothing on the picture."""
        return self.class_name is None

    def figures(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "image": self.image,
            "blank": self.blank,
            "class": self.class_name,
            "output": self.output,
            "outputs": self.outputs,
        }


def predict(model: Model | Path | str, images: Sequence[Path | str], *, ink: str = "auto") -> list[Prediction]:
    """Read pictures: the class of each, and how sure the network is.

    Arguments:
        model: a `Model`, or what names one: a file, a run's folder, a shipped model's name.
        images: paths of pictures. ink: "auto", "white" (on black) or "black" (on white).

    Raises ModelError for a model that tells no classes of pictures apart, DataError for a picture that cannot be read.
    """
    opened = model if isinstance(model, Model) else open_model(str(model))
    if opened.reads_text:
        told = f'continues text: byhand complete {model if isinstance(model, str) else opened.recipe} "byhand is"'
        raise ModelError(f"{opened.recipe or 'the model'} reads no pictures, it {told}")
    _ = opened.classifier  # what tells no classes apart says so, whatever the picture
    return [_read(opened, Path(path), ink) for path in images]


def _read(model: Model, path: Path, ink: str) -> Prediction:
    prepared = prepare_for(model.preprocessing, path, ink)
    if prepared.empty:  # the network would name a class for nothing at all, and be sure of it
        return Prediction(str(path), None)
    outputs = model.read(prepared.pixels[None])[0]
    names = model.class_names or tuple(map(str, range(len(outputs))))
    best = int(outputs.argmax())
    return Prediction(str(path), names[best], float(outputs[best]), dict(zip(names, outputs.tolist(), strict=True)))
