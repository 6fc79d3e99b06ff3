"""What a straight line is worth on some samples: the least that a network should be."""

from __future__ import annotations

import numpy as np

from byhand.backend import Array

RIDGE = 1e-2  # of the squared weights, per sample


def linear_accuracy(x: Array, classes: Array, folds: int = 3) -> float:
    """What a straight line reads right of samples that it was not fitted to: ridge regression on the classes, cross-validated."""
    a = x.astype(np.float64)
    spread = a.std(axis=0)
    a = np.column_stack([(a - a.mean(axis=0)) / np.where(spread > 0, spread, 1), np.ones(len(a))])
    order, right = np.random.default_rng(0).permutation(len(a)), 0
    for fold in range(folds):
        out = order[fold::folds]
        inside = np.setdiff1d(order, out)
        b = a[inside]
        if b.shape[1] > len(b):  # more columns than rows: the same solution from the smaller matrix
            w = b.T @ np.linalg.solve(b @ b.T + len(b) * RIDGE * np.eye(len(b)), classes[inside])
        else:
            w = np.linalg.solve(b.T @ b + len(b) * RIDGE * np.eye(b.shape[1]), b.T @ classes[inside])
        right += int(((a[out] @ w).argmax(axis=1) == classes[out].argmax(axis=1)).sum())
    return right / len(a)
