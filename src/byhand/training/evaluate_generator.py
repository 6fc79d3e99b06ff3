"""What a network that draws characters is worth: some of each class are drawn, and a judge reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from byhand import limits
from byhand.errors import ModelError
from byhand.shipped import open_model
from byhand.training.encoded_data import imaging
from byhand.training.evaluate_diffusion import SamplesEvaluation, evaluate_samples, even_labels

if TYPE_CHECKING:
    from byhand.data.dataset import Splits
    from byhand.modelfile import Model

JUDGES = {10: "mnist-cnn", 62: "emnist-cnn"}  # by how many classes they tell apart


def evaluate_generator(
    model: Model,
    splits: Splits,
    *,
    samples: int = 10,
    guidance: float = 2.0,
    steps: int = 20,
    sampler: str = "dpm_solver",
    progress: Callable[[int, int], None] | None = None,
) -> SamplesEvaluation:
    """Draw so many images of each class, and measure them beside the test images, in the model's order of classes.

    `guidance`, `steps` and `sampler` are those of `DiffusionNetwork.sample_steps`; `progress` hears how many are
    drawn, and of how many.

    Raises ModelError for data whose classes no judge reads.
    """
    samples, names = limits.whole("samples of each class", samples), splits.test.class_names
    network, judge = imaging(model), JUDGES.get(len(names))
    if judge is None or splits.test.inputs.shape[1:] != (28, 28, 1):
        raise ModelError(f"there is no judge of {splits.test.name}: only images of MNIST's and EMNIST's classes can be measured")
    read = open_model(judge)
    if set(read.class_names) != set(names):
        raise ModelError(f"there is no judge of {splits.test.name}: {judge} reads {', '.join(read.class_names)}")
    labels, drawn = even_labels(network.classes, samples), []
    for i in range(samples):
        of_each = [f"{i}.{name}" for name in names]
        drawn.append(network.sample(of_each, labels[: network.classes], guidance=guidance, steps=steps, sampler=sampler))
        if progress is not None:
            progress(i + 1, samples)
    if read.class_names != names:  # the judge's outputs stand in another order
        labels = np.array([read.class_names.index(name) for name in names])[labels]
        splits = replace(splits, train=read.in_classes(splits.train), test=read.in_classes(splits.test))
    settings = {"guidance": guidance, "steps": steps, "sampler": sampler}
    return evaluate_samples(np.concatenate(drawn), labels, splits.train, splits.test, read.classifier, **settings)
