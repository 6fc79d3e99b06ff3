"""What a network that draws makes while it learns: a few samples out of the same noise every time, so that you see it change."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.data.dataset import Dataset
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.gan import GAN
from byhand.web.encoding import bytes_of, text_of
from byhand.web.telemetry import Plane

IMAGES, POINTS = 10, 300  # that are drawn at once
STEPS = {"images": 12, "points": 20}  # of the sampler: few, as it is done again and again
TRIED = 100  # images to measure the cost on; a U-Net takes a millisecond each


class SamplePreview:
    """Draws of each class in turn, from the running mean of the weights: a diffusion network's by DDIM, a GAN's in one pass."""

    def __init__(self, data: Dataset, plane: Plane | None = None) -> None:
        shape = data.inputs.shape[1:]
        self.kind = "points" if shape == (2,) else "images"
        n = POINTS if self.kind == "points" else min(IMAGES, max(data.n_classes, 4))
        self.labels = np.arange(n) % data.n_classes
        self.names, self.plane = data.class_names, plane

    def measure(self, model: DiffusionNetwork | GAN) -> dict[str, Any]:
        """Points as [[x, y, class]], or images of a class each; `steps` is how often the network was asked.

        Of a GAN of points also its discriminator's field: how real each place of the plane looks to it, 0 to 255.
        """
        steps = 1 if isinstance(model, GAN) else STEPS[self.kind]
        x = model.sample(len(self.labels), self.labels if model.classes else None, steps=steps, seed=1)
        found: dict[str, Any] = {"steps": steps}
        if self.kind == "points":
            if isinstance(model, GAN) and self.plane is not None:
                found["field"] = self.plane.field(model)
            points = np.round(np.nan_to_num(x), 3).tolist()
            return found | {"points": [[*point, int(k)] for point, k in zip(points, self.labels, strict=True)]}
        rows, columns = model.input_shape[:2]
        return found | {
            "images": [
                {"label": self.names[k], "rows": rows, "columns": columns, "image": text_of(bytes_of(np.nan_to_num(image)))}
                for image, k in zip(x, self.labels, strict=True)
            ]
        }
