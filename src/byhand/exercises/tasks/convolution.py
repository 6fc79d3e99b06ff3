"""A convolution of one image with one filter."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.engine import ops
from byhand.exercises.exercise import Exercise, Question


def slid(x: Array, w: Array) -> Array:
    """The sums alone."""
    patches = np.lib.stride_tricks.sliding_window_view(x, w.shape)
    return np.asarray(np.einsum("ijuv,uv->ij", patches, w))


EXERCISE = Exercise(
    name="convolution",
    chapter="Images",
    place=10,
    title="Convolution: a filter slides over an image",
    text="""
A filter is a small pattern. It lies on each patch of the image in turn; each pixel is multiplied by the weight above it, and the
sum says how much the patch looks like the pattern. The filter is not turned around, as everywhere in this field.

Equation:
    z_ij = sum_uv x_(i+u),(j+v) w_uv + b
Shapes:
    x: (H, W), w: (kH, kW), b: one number -> z: (H - kH + 1, W - kW + 1)
Write:
    convolve(x, w, b)
""",
    start="import numpy as np\n\n\ndef convolve(x, w, b):\n    ...",
    hints=(
        "Two loops, over the places i, j of the output.",
        "The patch is x[i:i + kH, j:j + kW].",
        "z[i, j] = (x[i:i + kH, j:j + kW] * w).sum() + b",
    ),
    questions=(
        Question(
            "convolve",
            lambda rng: [
                {"x": rng.normal(size=s), "w": rng.normal(size=k), "b": 0.5}
                for s, k in (((6, 5), (3, 2)), ((4, 7), (2, 2)), ((5, 5), (3, 3)))
            ],
            lambda x, w, b: ops.conv2d(x[None, :, :, None], w[:, :, None, None], np.array([b])).data[0, :, :, 0],
            "byhand.engine.ops.conv2d",
            {
                "the filter is turned around (mathematics' convolution): here it is not": lambda x, w, b: (
                    slid(x, w[::-1, ::-1]) + b
                ),
                "the bias is forgotten": lambda x, w, b: slid(x, w),
                "the bias is added to each product: add it once per output": lambda x, w, b: slid(x, w) + b * w.size,
                "it is the mean over the patch, not the sum": lambda x, w, b: slid(x, w) / w.size + b,
                "the filter is transposed: its rows go down the image": lambda x, w, b: slid(x, w.T) + b,
                "the last row and the last column are missing: the output is H - kH + 1 by W - kW + 1": lambda x, w, b: (
                    slid(x, w) + b
                )[:-1, :-1],
            },
        ),
    ),
)
