"""A recorded training as the frames of a film: what is shown of it at each of some moments, as small whole numbers.

The moments are snapshots, so nothing is computed again, and every number is the run's own on any machine. They lie closer at the
beginning, where a network changes fastest: frame k of n is near the step (k / n)^2 of the whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.data.dataset import Dataset
from byhand.errors import TrainingError
from byhand.models.denoiser import DiffusionNetwork
from byhand.nn import Network
from byhand.predictions import each_class
from byhand.training.replay import RunReplay

FRAMES = 120
UNITS = 30
TENSORS = 12  # of the weights, whose histograms are shown
BINS = 48
CLASSES = 16  # whose confusions have room
READ = 24  # samples that are shown with what is read in them
MADE = 10  # samples that a coder gives back
GRID = 64  # places a side of the plane
POINTS = 300


@dataclass(frozen=True)
class ReplayFrames:
    """What a page shows of a training, frame by frame.

    Attributes:
        steps: the step that comes next, of each frame (F,). figures: what else there is to say of each frame, by name, (F,).
        arrays: uint8 (F, ...) by name: "weights" (F, units, height, width), 128 for 0; "histograms" (F, tensors, BINS), 255 for
            a tensor's fullest bin of all frames; "confusion" (F, K, K); "read" (F, READ); "made" (F, MADE, height, width);
            "surface" (F, 2, GRID, GRID), the strongest output and by how much.
        facts: what is the same in all frames.
    """

    steps: list[int]
    figures: dict[str, list[float]]
    arrays: dict[str, NDArray[np.uint8]]
    facts: dict[str, Any]


def frames_of(replay: RunReplay, most: int = FRAMES, *, fine: bool = False) -> ReplayFrames:
    """At most so many frames of a recorded run; raises TrainingError where it has no snapshot.

    `fine` takes the steps between the snapshots again where these are few: it may take as long as training.
    """
    if not replay.snapshots:
        raise TrainingError(f"{replay.folder} has no snapshot yet: wait until the training has begun")
    again = fine and len(replay.snapshots) < most
    steps = chosen(range(replay.snapshots[0], replay.recorded + 1) if again else replay.snapshots, most)
    samples = _samples(replay)
    weights: list[Array] = []
    tensors: list[list[Array]] = []
    lengths: list[list[float]] = []
    measured: list[tuple[float, float | None]] = []
    seen: dict[str, list[NDArray[np.uint8]]] = {}
    names: list[str] = []
    for training in replay.through(steps):
        model: Any = training.model
        first = first_layer(model, replay.splits.train.inputs.shape[1:])
        if first is not None:
            weights.append(first.copy())
        names, views = _matrices(model)
        tensors.append([view.copy() for view in views])
        lengths.append([float(np.linalg.norm(view)) for view in views])
        cost, accuracy = model.evaluate(samples.flat, samples.targets())
        measured.append((cost, accuracy))
        has_classes = accuracy is not None and samples.labels.ndim == 1 and samples.values is None
        for name, look in (CLASSIFIED if has_classes else RECONSTRUCTED).items():
            found = look(model, samples)
            if found is not None:
                seen.setdefault(name, []).append(found)
    arrays = {name: np.stack(found) for name, found in seen.items()}
    facts: dict[str, Any] = {"tensors": [], "classes": list(samples.class_names), "n": len(samples)}
    if weights:
        arrays["weights"], facts["largest"] = _signed(np.stack(weights))
    histograms = [_histograms([frame[at] for frame in tensors]) for at in range(len(names))]
    arrays["histograms"] = np.stack([counts for counts, _ in histograms], axis=1)
    for at, (name, (_, reach)) in enumerate(zip(names, histograms, strict=True)):
        facts["tensors"].append({"name": _in_words(name), "reach": reach, "lengths": [_short(frame[at]) for frame in lengths]})
    figures = {"cost": [_short(cost) for cost, _ in measured]}
    if measured[0][1] is not None:
        figures["accuracy"] = [_short(accuracy or 0.0) for _, accuracy in measured]
    return ReplayFrames(steps, figures, arrays, facts | _still(samples, arrays))


def chosen(snapshots: Sequence[int], most: int) -> list[int]:
    """At most so many of these steps, closer at the beginning; the first and the last among them.

    >>> chosen([0, 1, 2, 4, 8, 16, 100, 200, 300, 400], 5)
    [0, 16, 100, 200, 400]
    """
    known = np.array(snapshots)
    wanted = known[0] + (known[-1] - known[0]) * np.linspace(0, 1, most) ** 2
    return sorted({int(known[np.abs(known - step).argmin()]) for step in wanted})


def first_layer(model: Any, shape: tuple[int, ...]) -> Array | None:
    """What the first units look at, (units, height, width); None where that is no picture.

    Of a layer with a weight for each pixel of an image; or a convolution's kernels, as means over the channels that they read.
    """
    weights = next((w for w in model.named_parameters().values() if w.ndim in (2, 4)), None)
    if weights is None or weights.ndim == 2:
        return None if weights is None else _pictures(weights, shape)
    return np.moveaxis(weights.mean(axis=2), -1, 0)[:UNITS]


def _pictures(w: Array, shape: tuple[int, ...]) -> Array | None:
    if len(shape) != 3 or shape[2] != 1:
        return None
    height, width, _ = shape
    return w[:UNITS, : height * width].reshape(-1, height, width) if w.shape[1] >= height * width else None


def _matrices(model: Any) -> tuple[list[str], list[Array]]:
    """The weights without the biases, by name: of a network of many layers, some of them from its beginning to its end."""
    found = model.named_parameters()
    names = [name for name, parameter in found.items() if parameter.ndim > 1] or list(found)
    kept = [names[at] for at in sorted({int(at) for at in np.linspace(0, len(names) - 1, min(len(names), TENSORS)).round()})]
    return kept, [found[name] for name in kept]


def _in_words(name: str) -> str:
    """The name of a plain layer's weights as in the book, where the input is layer 1; other names as they are.

    >>> _in_words("layers.0.weight"), _in_words("encoder.0.weight")
    ('weights of layer 2', 'encoder.0.weight')
    """
    found = re.fullmatch(r"layers\.(\d+)\.weight", name)
    return f"weights of layer {int(found[1]) + 2}" if found else name


def _signed(values: Array) -> tuple[NDArray[np.uint8], float]:
    """Values of both signs as 128 + 127 of the largest, which one in two hundred may exceed, and that largest."""
    largest = float(np.quantile(np.abs(values), 0.995)) or 1.0
    return (128 + np.clip(values / largest, -1, 1) * 127).round().astype(np.uint8), largest


def _histograms(frames: list[Array]) -> tuple[NDArray[np.uint8], float]:
    """How many weights lie where, (F, BINS), from minus to plus the reach that comes with it."""
    reach = max(float(np.quantile(np.abs(values), 0.999)) for values in frames) or 1.0
    counts = np.stack([np.histogram(np.clip(values, -reach, reach), BINS, (-reach, reach))[0] for values in frames])
    return (255 * counts / max(1, counts.max())).round().astype(np.uint8), reach


# ---------------------------------------------------------------- the samples that every frame is tried on


def _samples(replay: RunReplay) -> Dataset:
    """A few hundred samples to measure on, of the validation data where there are any, evenly from all of them."""
    data = replay.splits.validation if replay.splits.validation is not None else replay.splits.test
    model: Any = replay.fresh().model
    heavy = isinstance(model, DiffusionNetwork) or data.labels.ndim == 2
    n = 48 if heavy else (200 if isinstance(model, Network) else 500)
    return data.take(np.unique(np.linspace(0, len(data) - 1, n).round().astype(int)))


def confusion(model: Any, samples: Dataset) -> NDArray[np.uint8] | None:
    """(K, K): true class down, read as across; None where there are many classes."""
    if samples.n_classes > CLASSES:
        return None
    counts = np.zeros((samples.n_classes, samples.n_classes), np.intp)
    np.add.at(counts, (samples.labels, model.predict(samples.flat)), 1)
    return np.minimum(counts, 255).astype(np.uint8)


def read(model: Any, samples: Dataset) -> NDArray[np.uint8] | None:
    """The classes that are read in the first few images."""
    if not _grey(samples) or samples.n_classes > 255:
        return None
    return model.predict(samples.flat[:READ]).astype(np.uint8)


def reconstruction(model: Any, samples: Dataset) -> NDArray[np.uint8] | None:
    """What a coder gives back of the first few images, (MADE, height, width)."""
    if not hasattr(model, "reconstruct") or not _grey(samples):
        return None
    few = samples.take(np.arange(min(MADE, len(samples))))
    images = model.reconstruct(few.flat, few.targets(model.dtype) if model.classes else None)
    return (np.clip(images, 0, 1) * 255).round().astype(np.uint8).reshape(-1, *samples.inputs.shape[1:3])


def surface(model: Any, samples: Dataset) -> NDArray[np.uint8] | None:
    """Of data in the plane: the strongest output at each place, and by how much it is, (2, GRID, GRID), from the top left."""
    if samples.inputs.shape[1:] != (2,):
        return None
    left, right, bottom, top = plane(samples)
    x, y = np.meshgrid(np.linspace(left, right, GRID), np.linspace(top, bottom, GRID))
    outputs = np.sort(found := each_class(model.forward(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32))), axis=1)
    lead = np.clip(outputs[:, -1] - outputs[:, -2], 0, 1)
    return np.stack([found.argmax(axis=1), (lead * 255).round()]).astype(np.uint8).reshape(2, GRID, GRID)


Look = Callable[[Any, Dataset], NDArray[np.uint8] | None]
CLASSIFIED: dict[str, Look] = {"confusion": confusion, "read": read, "surface": surface}  # of networks that tell classes apart
RECONSTRUCTED: dict[str, Look] = {"made": reconstruction}  # of the others


def plane(samples: Dataset) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of what is shown of data in the plane: a square with room around all points."""
    low, high = samples.flat.min(axis=0), samples.flat.max(axis=0)
    middle, half = (low + high) / 2, float((high - low).max()) * 0.58
    return tuple(float(edge) for edge in (middle[0] - half, middle[0] + half, middle[1] - half, middle[1] + half))  # type: ignore[return-value]


def _still(samples: Dataset, arrays: dict[str, NDArray[np.uint8]]) -> dict[str, Any]:
    """What the frames are shown beside, and is the same in all of them."""
    found: dict[str, Any] = {}
    if "read" in arrays or "made" in arrays:
        few = samples.inputs[: READ if "read" in arrays else MADE]
        found["samples"] = (np.clip(few, 0, 1) * 255).round().astype(np.uint8).reshape(len(few), *few.shape[1:3])
        found["labels"] = samples.labels[: len(few)].tolist()
    if "surface" in arrays:
        found["plane"] = [round(edge, 4) for edge in plane(samples)]
        found["points"] = samples.flat[:POINTS].round(3).tolist()
        found["labels"] = samples.labels[:POINTS].tolist()
    return found


def _grey(samples: Dataset) -> bool:
    return samples.inputs.ndim == 4 and samples.inputs.shape[3] == 1


def _short(number: float) -> float:
    """Five digits are more than a page can show."""
    return float(f"{number:.5g}")
