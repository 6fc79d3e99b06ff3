"""What a model tells of the rows of a table: a class or labels with their probabilities, or a number in the target's own unit."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.backend import Array
from byhand.data.dataset import Splits
from byhand.data.tables.encoding import Encoding, as_numbers, from_json
from byhand.data.tables.splits import encoded_dataset, has_answers
from byhand.data.tables.table import Table, is_table, read_table
from byhand.errors import DataError
from byhand.files import write_atomically
from byhand.modelfile import Model
from byhand.neural_network import LABELLING, REGRESSION
from byhand.predictions import HALF, chosen, each_class
from byhand.training.evaluate_classifier import evaluate_classifier
from byhand.training.evaluate_labels import evaluate_labels
from byhand.training.evaluate_numbers import evaluate_numbers


@dataclass(frozen=True)
class TablePredictions:
    """One answer per row.

    Attributes:
        target: the name of what is told. lines: (N,) where in its file each row stands. numbers: (N,) where numbers are told.
        outputs: (N, K) of classes or labels, one column per name in class_names. several: whether these are labels.
        told: sentences on what did not quite fit.
        figures: what the answers are worth, where the table has the right ones.
    """

    target: str
    lines: NDArray[np.int64]
    numbers: NDArray[np.float64] | None
    outputs: Array | None
    class_names: tuple[str, ...]
    told: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    several: bool = False

    def rows(self) -> list[dict[str, Any]]:
        """Each row's answer by names, for JSON."""
        if self.numbers is not None:
            return [{"row": int(line), self.target: value} for line, value in zip(self.lines, self.numbers.tolist(), strict=True)]
        assert self.outputs is not None
        if self.several:
            return [
                {
                    "row": int(line),
                    "labels": [name for name, output in zip(self.class_names, outputs, strict=True) if output > HALF],
                    "outputs": dict(zip(self.class_names, outputs, strict=True)),
                }
                for line, outputs in zip(self.lines, self.outputs.tolist(), strict=True)
            ]
        best = chosen(self.outputs).tolist()
        return [
            {
                "row": int(line),
                "class": self.class_names[k],
                "output": outputs[k],
                "outputs": dict(zip(self.class_names, outputs, strict=True)),
            }
            for line, k, outputs in zip(self.lines, best, self.outputs.tolist(), strict=True)
        ]

    def text(self) -> str:
        """The same as CSV: the row of the file, the answer, and for classes and labels the probability of each."""
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        if self.numbers is not None:
            writer.writerow(["row", self.target])
            writer.writerows([int(line), f"{value:.7g}"] for line, value in zip(self.lines, self.numbers.tolist(), strict=True))
            return written.getvalue()
        writer.writerow(["row", self.target, *(f"p({name})" for name in self.class_names)])
        for row in self.rows():
            answer = ";".join(row["labels"]) if self.several else row["class"]
            writer.writerow([row["row"], answer, *(f"{value:.6f}" for value in row["outputs"].values())])
        return written.getvalue()

    def write(self, path: Path) -> None:
        """Write the CSV, whole or not at all."""
        write_atomically(path, self.text().encode())


def encoding_of(model: Model) -> Encoding:
    """How a model reads tables; raises DataError for one that has learned from none."""
    if "table" not in model.preprocessing:
        raise DataError(f"{model.recipe or 'the model'} has not learned from a table: give it what it reads")
    return from_json(model.preprocessing["table"])


def tables_of(model: Model, path: Path | str) -> bool:
    """Whether this file is a table, and the model reads tables."""
    return "table" in model.preprocessing and is_table(Path(path))


def predict_table(model: Model, table: Table) -> TablePredictions:
    """What a model tells of every row; raises DataError for columns that are not there, and for missing values."""
    encoding = encoding_of(model)
    inputs, told = encoding.encoded(table)
    network = model.network if model.purpose in (REGRESSION, LABELLING) else model.classifier
    if inputs.shape[1] != network.n_inputs:
        raise DataError(f"{table.name} gives {inputs.shape[1]} inputs, the network reads {network.n_inputs}")
    outputs = network.forward(inputs)
    if model.purpose == REGRESSION:
        numbers = as_numbers(outputs, encoding)[:, 0]
        found = TablePredictions(encoding.target, table.lines, numbers, None, (), told)
    elif model.purpose == LABELLING:
        found = TablePredictions(encoding.target, table.lines, None, outputs, encoding.labels, told, several=True)
    else:
        outputs = each_class(outputs)
        names = model.class_names or tuple(map(str, range(outputs.shape[1])))
        found = TablePredictions(encoding.target, table.lines, None, outputs, names, told)
    if has_answers(table, encoding):
        data, _ = encoded_dataset(table, encoding, model.preprocessing.get("task", "classes"))
        measures: dict[str, Any] = {REGRESSION: evaluate_numbers, LABELLING: evaluate_labels}
        measured = measures.get(model.purpose, evaluate_classifier)(network, model.in_classes(data))
        found.figures.update(measured.figures())
        found.told.append(f"{table.name} has the right answers: {measured.headline}")
    return found


def check_held_out(model: Model) -> None:
    """Raises DataError where a model learned from all rows that it had, and was measured by folds."""
    own = model.preprocessing
    if not own.get("data_options", {}).get("folds"):
        return
    told = [f"{name} {model.metrics[f'test_{name}']:.4g}" for name in ("accuracy", "r2") if f"test_{name}" in model.metrics]
    raise DataError(
        f"the model was trained on all rows of {own['data']}, so none is left to measure it on: give it others, --data TABLE "
        f"(its {own['data_options']['folds']} folds came to {', '.join(told)})"
    )


def table_to_measure(model: Model, path: str) -> Splits:
    """All of a table, as data to test a model on; its own held-out rows, where it is the table that the model learned from."""
    own = model.preprocessing
    if own.get("data") == path:
        from byhand.data import load

        check_held_out(model)
        return load(path, **own.get("data_options", {}))
    data, told = encoded_dataset(read_table(Path(path)), encoding_of(model), own.get("task", "classes"))
    return Splits(data, None, data, "; ".join(told))
