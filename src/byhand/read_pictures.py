"""`predict`: what a model reads in pictures, each of one character or of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from byhand.data.characters import SCATTERED, characters, cut
from byhand.data.pictures import preparation_of, prepare_for
from byhand.data.preparation import from_pixels
from byhand.data.prepare import FRAME, framed, ink_of_file
from byhand.errors import ModelError
from byhand.modelfile import Model
from byhand.shipped import open_model
from byhand.training.out_of_distribution import UNLIKE, of_model


@dataclass(frozen=True)
class Prediction:
    """What was read in one picture.

    Attributes:
        class_name: the class with the largest output; None for a picture with nothing on it. output: how large that is.
        outputs: of every class, by name.
        doubt: why the answer is worth little, such as ink at the edge of the picture; "" where nothing speaks against it.
        distance: from the nearest class, over the limit beyond which a picture is unlike all that was trained on; None where the
            model does not say.
        place: of one of several characters on a sheet: top, left, bottom, right, in pixels of what was looked at.
        characters: where there are several, each as a prediction of its own, line by line; `class_name` is then the text that
            they make, and `output` the least of theirs.
    """

    image: str
    class_name: str | None
    output: float = 0.0
    outputs: dict[str, float] = field(default_factory=dict)
    doubt: str = ""
    distance: float | None = None
    place: tuple[int, int, int, int] | None = None
    characters: tuple[Prediction, ...] = ()

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
            "doubt": self.doubt,
            **({} if self.distance is None else {"distance": self.distance}),
            **({"place": list(self.place)} if self.place else {}),
            **({"characters": [one.figures() for one in self.characters]} if self.characters else {}),
        }


def predict(model: Model | Path | str, images: Sequence[Path | str], *, ink: str = "auto") -> list[Prediction]:
    """Read pictures: the class of each, and how sure the network is; of a sheet with several characters, each of them.

    Arguments:
        model: a `Model`, or what names one: a file, a run's folder, a shipped model's name.
        images: paths of pictures. ink: "auto", "white" (on black) or "black" (on white).

    Raises ModelError for a model that tells no classes of pictures apart, or has other inputs than a picture's pixels, and
    DataError for a picture that cannot be read.
    """
    found = model if isinstance(model, Model) else open_model(str(model))
    if found.reads_text:
        told = f'continues text: byhand complete {model if isinstance(model, str) else found.recipe} "byhand is"'
        raise ModelError(f"{found.recipe or 'the model'} reads no pictures, it {told}")
    n = found.classifier.n_inputs  # what tells no classes apart says so, whatever the picture
    if preparation_of(found.preprocessing) is None and n != FRAME * FRAME:
        named = found.recipe or "the model" if isinstance(model, Model) else str(model)
        raise ModelError(
            f"{named} reads {n} numbers per sample, and a picture is prepared to {FRAME} x {FRAME} = {FRAME * FRAME} pixels: "
            f"give it rows of {n} numbers in Python, byhand.load({named!r}).network.forward(rows)"
        )
    return [_read(found, Path(path), ink) for path in images]


def _read(model: Model, path: Path, ink: str) -> Prediction:
    if preparation_of(model.preprocessing) is not None:  # pictures of anything, as they are
        return _named(model, path, prepare_for(model.preprocessing, path, ink).pixels)
    levels = ink_of_file(path, ink)
    if levels is None:  # the network would name a class for nothing at all, and be sure of it
        return Prediction(str(path), None)
    lines = characters(levels > 0)
    boxes = [box for line in lines for box in line]
    if len(boxes) < 2:
        single = framed(levels)
        return _named(model, path, single.pixels, doubt=single.doubt if boxes else SCATTERED)
    found = tuple(_named(model, path, framed(cut(levels, box)).pixels, place=tuple(box)) for box in boxes)
    words = iter([str(one.class_name) for one in found])
    text = "\n".join(" ".join(next(words) for _ in line) for line in lines)
    return Prediction(str(path), text, min(one.output for one in found), characters=found)


def _named(model: Model, path: Path, pixels: Any, **more: Any) -> Prediction:
    outputs = model.read(pixels[None])[0]
    where = of_model(model.preprocessing, len(outputs))
    if where is not None:
        features = model.network.features(from_pixels(pixels[None], model.preprocessing).reshape(1, -1))
        distance = None if features is None else float(where.distances(features)[0])
        more["distance"] = distance
        if distance is not None and distance > 1:
            more["doubt"] = more.get("doubt") or UNLIKE
    names = model.class_names or tuple(map(str, range(len(outputs))))
    best = int(outputs.argmax())
    return Prediction(str(path), names[best], float(outputs[best]), dict(zip(names, outputs.tolist(), strict=True)), **more)
