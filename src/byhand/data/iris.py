"""Iris: 150 flowers of three species, four lengths each in centimetres.

Source: Fisher (1936), "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from importlib.resources import files

import numpy as np

from byhand.data.dataset import Dataset, Splits, stratified_split


def load_iris(seed: int = 0) -> Splits:
    """120 flowers to train on and 30 to test on, (N, 4), standardised with the training flowers' means and deviations."""
    text = (files("byhand.data") / "bundled" / "iris.csv").read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines())
    names = tuple(dict.fromkeys(row[4] for row in rows))
    inputs = np.array([row[:4] for row in rows], np.float32)
    labels = np.array([names.index(row[4]) for row in rows], np.int64)
    train, test = stratified_split(Dataset("iris", inputs, labels, names, "Fisher (1936)", tuple(header[:4])), 0.2, seed)
    mean, deviation = train.inputs.mean(axis=0), train.inputs.std(axis=0)
    scaling = (tuple(mean.tolist()), tuple(deviation.tolist()))
    train, test = (replace(part, inputs=(part.inputs - mean) / deviation, scaling=scaling) for part in (train, test))
    return Splits(
        train, None, test, note=f"iris: 120 to train on, 30 to test on, evenly of each species (seed {seed}); standardised"
    )
