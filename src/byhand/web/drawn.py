"""What a diffusion network draws while it learns: a few samples out of the same noise every time, so that one sees it change."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.data.dataset import Dataset
from byhand.models.denoiser import DiffusionNetwork
from byhand.web.packing import bytes_of, text_of

IMAGES, POINTS = 10, 300  # that are drawn at once
STEPS = {"images": 12, "points": 20}  # of the sampler: few, as it is done again and again
TRIED = 100  # images to measure the cost on; a U-Net takes a millisecond each


class Drawn:
    """Draws of each class in turn, by DDIM, from the running mean of the weights."""

    def __init__(self, data: Dataset) -> None:
        shape = data.inputs.shape[1:]
        self.kind = "points" if shape == (2,) else "images"
        n = POINTS if self.kind == "points" else min(IMAGES, max(data.n_classes, 4))
        self.labels = np.arange(n) % data.n_classes
        self.names = data.class_names

    def measure(self, model: DiffusionNetwork) -> dict[str, Any]:
        """Points as [[x, y, class]], or images of a class each; `steps` is how often the network was asked."""
        steps = STEPS[self.kind]
        x = model.sample(len(self.labels), self.labels, steps=steps, seed=1)
        found: dict[str, Any] = {"steps": steps}
        if self.kind == "points":
            points = np.round(np.nan_to_num(x), 3).tolist()
            return found | {"points": [[*point, int(k)] for point, k in zip(points, self.labels, strict=True)]}
        rows, columns = model.input_shape[:2]
        return found | {
            "images": [
                {"label": self.names[k], "rows": rows, "columns": columns, "image": text_of(bytes_of(np.nan_to_num(image)))}
                for image, k in zip(x, self.labels, strict=True)
            ]
        }
