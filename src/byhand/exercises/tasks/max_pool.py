"""Max pooling of one image."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.engine import ops
from byhand.exercises.exercise import Exercise, Question


def blocks(x: Array) -> Array:
    """(H/2, 2, W/2, 2)."""
    return x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2)


EXERCISE = Exercise(
    name="max-pool",
    chapter="Images",
    place=20,
    title="Pooling: the largest of each 2 by 2",
    text="""
Where exactly a pattern was found matters little. Pooling keeps the largest number of each 2 by 2 block, and the picture is half
as high and half as wide.

Equation:
    z_ij = max of x at rows 2i, 2i + 1 and columns 2j, 2j + 1
Shapes:
    x: (H, W), both even -> z: (H/2, W/2)
Write:
    max_pool(x)
""",
    start="import numpy as np\n\n\ndef max_pool(x):\n    ...",
    hints=(
        "Blocks do not overlap: they begin at every second row and column.",
        "x.reshape(H // 2, 2, W // 2, 2) has axes block row, row, block column, column.",
        "return x.reshape(H // 2, 2, W // 2, 2).max(axis=(1, 3))",
    ),
    questions=(
        Question(
            "max_pool",
            lambda rng: [{"x": rng.normal(size=s)} for s in ((4, 6), (8, 4), (4, 4))],
            lambda x: ops.max_pool2d(x[None, :, :, None], kernel=2).data[0, :, :, 0],
            "byhand.engine.ops.max_pool2d",
            {
                "it is the mean of each block, not its largest number": lambda x: blocks(x).mean((1, 3)),
                "it is the sum of each block, not its largest number": lambda x: blocks(x).sum((1, 3)),
                "the blocks overlap: they must begin at every second row and column": lambda x: (
                    np.lib.stride_tricks.sliding_window_view(x, (2, 2)).max((2, 3))
                ),
                "it takes one corner of each block: compare all four": lambda x: x[::2, ::2],
                "it takes the numbers of largest size, without their sign": lambda x: np.abs(blocks(x)).max((1, 3)),
                "it begins each maximum at 0, so negative blocks give 0: begin with a number of the block": lambda x: np.maximum(
                    blocks(x).max((1, 3)), 0
                ),
                "the axes of the reshape are (1, 2): rows and columns of a block are axes 1 and 3": lambda x: x.reshape(
                    x.shape[0] // 2, x.shape[1] // 2, 2, 2
                ).max((2, 3)),
            },
        ),
    ),
)
