"""Scaled dot-product attention."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.engine import ops
from byhand.exercises.exercise import Exercise, Question


def soft(z: Array, axis: int = -1) -> Array:
    e = np.exp(z - z.max(axis, keepdims=True))
    return np.asarray(e / e.sum(axis, keepdims=True))


EXERCISE = Exercise(
    name="attention",
    chapter="Attention",
    place=10,
    title="Attention: look where it fits",
    text="""
Each position asks a question q. Every position has a key k; where q and k point the same way, the look is strong. What comes back
is the mean of the values v, weighed by the looks. The root of d keeps the scores from growing with d, or softmax would be a
hard choice.

Equation:
    out = softmax(q k^T / sqrt(d)) v
Shapes:
    q: (n, d), k: (s, d), v: (s, e) -> out: (n, e)
Write:
    attention(q, k, v)
""",
    start="import numpy as np\n\n\ndef attention(q, k, v):\n    ...",
    hints=(
        "The scores are (n, s): one row per question.",
        "Each row of looks must add up to 1: softmax along the last axis.",
        "scores = q @ k.T / np.sqrt(q.shape[1]); then softmax; then @ v",
    ),
    questions=(
        Question(
            "attention",
            lambda rng: [
                {"q": rng.normal(size=(n, d)) * 2, "k": rng.normal(size=(s, d)), "v": rng.normal(size=(s, e))}
                for n, s, d, e in ((3, 5, 4, 2), (2, 4, 9, 3), (6, 3, 2, 5))
            ],
            lambda q, k, v: np.asarray(ops.attention(q, k, v).data),
            "byhand.engine.ops.attention",
            {
                "the scale is missing: divide the scores by sqrt(d)": lambda q, k, v: soft(q @ k.T) @ v,
                "the root is missing: divide by sqrt(d), not by d": lambda q, k, v: soft(q @ k.T / q.shape[1]) @ v,
                "softmax runs along the questions (axis 0): each row of looks must add up to 1": lambda q, k, v: (
                    soft(q @ k.T / np.sqrt(q.shape[1]), 0) @ v
                ),
                "softmax is missing: these are the raw scores times v": lambda q, k, v: q @ k.T / np.sqrt(q.shape[1]) @ v,
                "the scale is the number of keys: take d, the length of q and k": lambda q, k, v: (
                    soft(q @ k.T / np.sqrt(len(k))) @ v
                ),
                "these are the looks: multiply them by v": lambda q, k, v: soft(q @ k.T / np.sqrt(q.shape[1])),
                "the scores are multiplied by sqrt(d): divide": lambda q, k, v: soft(q @ k.T * np.sqrt(q.shape[1])) @ v,
            },
        ),
    ),
)
