"""Data spoiled as people spoil them: wrong labels, wrong scales, images turned round, samples leaked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from byhand.data.dataset import Splits


def _with(splits: Splits, **parts: Any) -> Splits:
    return replace(splits, **parts)


def relabelled(splits: Splits, share: float) -> Splits:
    """A share of the training labels, and of the validation's, drawn anew."""
    rng = np.random.default_rng(0)

    def wrong(data: Any) -> Any:
        labels = data.labels.copy()
        some = rng.random(len(labels)) < share
        labels[some] = rng.integers(0, data.n_classes, int(some.sum()))
        return replace(data, labels=labels)

    return _with(splits, train=wrong(splits.train), validation=wrong(splits.validation))


def rolled(splits: Splits) -> Splits:
    """Each training sample has the label of the next."""
    return _with(splits, train=replace(splits.train, labels=np.roll(splits.train.labels, 1)))


def multiplied(splits: Splits, factor: float, parts: tuple[str, ...] = ("train", "validation", "test")) -> Splits:
    return _with(
        splits,
        **{part: replace(getattr(splits, part), inputs=getattr(splits, part).inputs * np.float32(factor)) for part in parts},
    )


def transposed(splits: Splits) -> Splits:
    """Test and validation images with rows for columns."""

    def turn(data: Any) -> Any:
        return replace(data, inputs=np.ascontiguousarray(data.inputs.swapaxes(1, 2)))

    return _with(splits, validation=turn(splits.validation), test=turn(splits.test))


def leaked(splits: Splits) -> Splits:
    """The validation samples are training samples too."""
    train, held = splits.train, splits.validation
    assert held is not None
    inputs = np.concatenate([train.inputs[:300], held.inputs])
    return _with(splits, train=replace(train, inputs=inputs, labels=np.concatenate([train.labels[:300], held.labels])))


def without_class(splits: Splits, k: int) -> Splits:
    return _with(splits, train=splits.train.take(splits.train.labels != k))


def constant(splits: Splits) -> Splits:
    return _with(
        splits,
        **{
            part: replace(getattr(splits, part), inputs=np.full_like(getattr(splits, part).inputs, 0.5))
            for part in ("train", "validation", "test")
        },
    )


def shifted(splits: Splits, by: float, factor: float) -> Splits:
    return _with(
        splits,
        **{
            part: replace(getattr(splits, part), inputs=(by + factor * getattr(splits, part).inputs).astype(np.float32))
            for part in ("train", "validation", "test")
        },
    )


def widened(splits: Splits) -> Splits:
    """One measurement in thousandths of its unit."""

    def wide(data: Any) -> Any:
        inputs = data.inputs.copy()
        inputs[:, 1] *= 1_000
        return replace(data, inputs=inputs)

    assert splits.validation is not None
    return _with(splits, train=wide(splits.train), validation=wide(splits.validation), test=wide(splits.test))


def renumbered(splits: Splits) -> Splits:
    """Validation and test labels from another list of the classes: made anew for each part."""
    numbers = np.random.default_rng(0).permutation(splits.train.n_classes)

    def other(data: Any) -> Any:
        return replace(data, labels=numbers[data.labels])

    return _with(splits, validation=other(splits.validation), test=other(splits.test))
