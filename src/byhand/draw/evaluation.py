"""The pictures that belong to an evaluation: confusions and mistakes, reconstructions and codes, or what was drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from byhand.draw import codes
from byhand.draw.curves import draw_confusion, draw_mistakes
from byhand.draw.predicted import draw_predicted
from byhand.draw.samples import draw_samples
from byhand.training.evaluate_autoencoder import AutoencoderEvaluation
from byhand.training.evaluate_classifier import ClassifierEvaluation
from byhand.training.evaluate_diffusion import SamplesEvaluation
from byhand.training.evaluate_numbers import NumbersEvaluation

SHOWN = 10  # drawn images of each class


def draw_evaluation(network: Any, evaluation: Any, folder: Path) -> list[Path]:
    """Write all pictures that an evaluation of this network has into a folder; returns their paths."""
    if isinstance(evaluation, ClassifierEvaluation):
        return _draw_classes(evaluation, folder)
    if isinstance(evaluation, NumbersEvaluation):
        draw_predicted(evaluation, folder / "predicted.png")
        return [folder / "predicted.png"]
    if isinstance(evaluation, AutoencoderEvaluation):
        return codes.draw_all(network, evaluation.data, folder)
    if isinstance(evaluation, SamplesEvaluation):
        few = slice(0, SHOWN * len(evaluation.class_names))
        path = folder / "samples.png"
        draw_samples(evaluation.images[few], evaluation.labels[few].tolist(), evaluation.class_names, path)
        return [path]
    return []


def _draw_classes(evaluation: ClassifierEvaluation, folder: Path) -> list[Path]:
    paths, data = [], evaluation.data
    if evaluation.bits is None:  # a table of all characters by all characters tells nobody anything
        paths.append(folder / "confusion.png")
        draw_confusion(evaluation, data, paths[-1])
    if data.inputs.ndim == 4 and len(evaluation.worst):
        paths.append(folder / "mistakes.png")
        draw_mistakes(evaluation, data, paths[-1])
    return paths
