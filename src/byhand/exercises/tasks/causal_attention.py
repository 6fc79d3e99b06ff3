"""Attention that does not see the future."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array
from byhand.engine import ops
from byhand.exercises.exercise import Exercise, Question


def soft(z: Array, axis: int = -1) -> Array:
    e = np.exp(z - z.max(axis, keepdims=True))
    return np.asarray(e / e.sum(axis, keepdims=True))


def scores(q: Array, k: Array) -> Array:
    return np.asarray(q @ k.T / np.sqrt(q.shape[1]))


def hidden(z: Array, where: Array) -> Array:
    return np.asarray(np.where(where, -np.inf, z))


EXERCISE = Exercise(
    name="causal-attention",
    chapter="Attention",
    place=20,
    title="Causal attention: no look ahead",
    text="""
A network that learns to guess the next letter must not see it. Position i may look at positions 0 to i only. Scores of later ones
are set to minus infinity before softmax, so their looks are exactly 0 and the others still add up to 1.

Equation:
    out = softmax(q k^T / sqrt(d) + mask) v        mask_ij = 0 for j <= i, else -inf
Shapes:
    q, k: (n, d), v: (n, e) -> out: (n, e)
Write:
    causal_attention(q, k, v)
""",
    start="import numpy as np\n\n\ndef causal_attention(q, k, v):\n    ...",
    hints=(
        "np.triu(np.ones((n, n)), 1) is 1 above the diagonal.",
        "The mask comes before softmax.",
        "scores[np.triu(np.ones((n, n), bool), 1)] = -np.inf",
    ),
    questions=(
        Question(
            "causal_attention",
            lambda rng: [
                {"q": rng.normal(size=(n, d)) * 2, "k": rng.normal(size=(n, d)), "v": rng.normal(size=(n, e))}
                for n, d, e in ((4, 3, 2), (5, 2, 3))
            ],
            lambda q, k, v: np.asarray(ops.attention(q, k, v, causal=True).data),
            "byhand.engine.ops.attention",
            {
                "there is no mask: positions look ahead": lambda q, k, v: soft(scores(q, k)) @ v,
                "the mask comes after softmax: the looks no longer add up to 1": lambda q, k, v: np.tril(soft(scores(q, k))) @ v,
                "scores of later positions are 0, not -inf: e^0 is 1, and they are still looked at": lambda q, k, v: (
                    soft(np.tril(scores(q, k))) @ v
                ),
                "the mask is turned around: it hides the past": lambda q, k, v: (
                    soft(hidden(scores(q, k), np.tril(np.ones((len(q), len(q)), bool), -1))) @ v
                ),
                "the diagonal is hidden too: a position may look at itself": lambda q, k, v: (
                    soft(hidden(scores(q, k), np.triu(np.ones((len(q), len(q)), bool)))) @ v
                ),
                "the scale is missing: divide the scores by sqrt(d)": lambda q, k, v: (
                    soft(hidden(q @ k.T, np.triu(np.ones((len(q), len(q)), bool), 1))) @ v
                ),
            },
        ),
    ),
)
