"""`evaluate`: what a network is worth, by what it is for. `measure` is the part of it that every training ends with."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from byhand import data as datasets
from byhand import limits
from byhand.backend import Array
from byhand.data.dataset import Splits
from byhand.data.pictures import preparation_of
from byhand.errors import ModelError
from byhand.modelfile import Model
from byhand.neural_network import CLASSIFICATION, GENERATION, LABELLING, RECONSTRUCTION, REGRESSION, NeuralNetwork
from byhand.registry import Registry
from byhand.shipped import open_model
from byhand.training.evaluate_autoencoder import AutoencoderEvaluation, estimate_likelihood, evaluate_autoencoder
from byhand.training.evaluate_classifier import evaluate_classifier
from byhand.training.evaluate_diffusion import evaluate_denoiser
from byhand.training.evaluate_generator import evaluate_generator
from byhand.training.evaluate_labels import evaluate_labels
from byhand.training.evaluate_numbers import evaluate_numbers
from byhand.training.pairs import dataset_of
from byhand.training.predict_table import check_held_out, table_to_measure, tables_of

if TYPE_CHECKING:
    from byhand.data.dataset import Dataset

WORST = 10  # times the cost of guessing: a result beyond that comes of numbers that ran away


class Evaluation(Protocol):
    """What was measured on n samples.

    figures: in numbers, as a model file keeps them; details: more of them; headline: in one line, lines: more of them; rows: a
    table of words under its header.
    """

    n: int

    def figures(self) -> dict[str, Any]: ...
    def details(self) -> dict[str, Any]: ...
    def lines(self) -> list[str]: ...
    def rows(self) -> list[tuple[str, ...]]: ...

    @property
    def headline(self) -> str: ...


# By what a network is for; a stranger may add a purpose of its own.
MEASURES: dict[str, Callable[..., Any]] = Registry(
    "purpose of a network",
    {
        CLASSIFICATION: evaluate_classifier,
        REGRESSION: evaluate_numbers,
        LABELLING: evaluate_labels,
        RECONSTRUCTION: evaluate_autoencoder,
        GENERATION: evaluate_denoiser,
    },
)


def measure(network: NeuralNetwork, data: Dataset, *, binarised: bool = False) -> Any:
    """An `Evaluation` of a network by what it is for: accuracy and confusions, or what it minimises; of data as it reads them.

    Raises ModelError where the two do not fit.
    """
    return MEASURES[limits.one_of("the purpose of a network", network.purpose, MEASURES)](network, data, binarised=binarised)


def evaluate(
    model: NeuralNetwork | Model | Path | str,
    data: Dataset | Splits | tuple[Any, Any] | Array | Path | str | None = None,
    *,
    likelihood: int | None = None,
    images: int = 1_000,
    **drawing: Any,
) -> Any:
    """Measure a model on data, by what it is for.

    Arguments:
        model: a network, a `Model`, or what names one: a file, a run's folder, a shipped model's name.
        data: a `Dataset`, a pair of arrays (x, y), splits (their test part is taken), a name or a path; a model's own unless
            given. A `Model` knows how it read its data, and data from elsewhere are prepared so: classes and columns by name,
            scale, ink.
        likelihood: for a VAE, also estimate log p(x), with so many samples for each of so many `images`.
        drawing: for a model that draws, the settings of `byhand.training.evaluate_generator.evaluate_generator`.

    Returns an evaluation with `headline`, `figures()` and what its kind has, such as `accuracy` and `confusion`.

    Raises ModelError or DataError where the two do not fit.

    >>> import byhand
    >>> byhand.evaluate("mnist-nielsen-30").headline
    '95.99% of 10,000 test samples right'
    """
    opened = _opened(model)
    splits = _splits(opened, data)
    network, test = opened.network, splits.test
    if network.reads_text and opened.class_names and opened.class_names != test.class_names:
        raise ModelError(f"{test.name} has other characters than the model was trained on: measure it on its own text")
    if likelihood is not None and network.purpose != RECONSTRUCTION:
        raise ModelError(f"a likelihood needs a VAE, and {opened.recipe or repr(network)} is none: leave it out")
    if network.purpose == GENERATION and splits.train is not splits.test and test.pictures is None:
        return evaluate_generator(opened, splits, **drawing)
    if not (network.purpose == GENERATION and test.pictures is not None):  # no judge reads these, so none are drawn for it
        limits.known_settings("evaluate", drawing, [])
    binarised = bool(opened.preprocessing.get("binarised"))
    measured = measure(network, test, binarised=binarised)
    if likelihood is None:
        return measured
    estimate = estimate_likelihood(network, test, samples=likelihood, images=images, binarised=binarised)
    return dataclasses.replace(measured, likelihood=estimate)


def _opened(model: Any) -> Model:
    if isinstance(model, Model):
        return model
    return open_model(str(model)) if isinstance(model, str | Path) else Model(model)


def _pictures_as(preprocessing: dict[str, Any]) -> dict[str, Any]:
    """The options that prepare the pictures of another folder as a model with this `preprocessing` was trained to read them."""
    how = preparation_of(preprocessing)
    if how is not None:
        return {"preparation": "scaled", "size": how.side, "colour": how.colour}
    return {"preparation": "mnist"} if preprocessing.get("data_options", {}).get("preparation") == "mnist" else {}


def nonsense(evaluation: Any, numbers: int) -> str:
    """In words, why the result of a training on samples of so many numbers can be no result; "" where it may be one."""
    for name, figure in evaluation.figures().items():
        if isinstance(figure, float) and not math.isfinite(figure):
            return f"its {name} is {figure}"
    if isinstance(evaluation, AutoencoderEvaluation) and evaluation.cost > WORST * numbers * math.log(2):
        return f"a cost of {evaluation.cost:.3g} nats an image, where guessing a middle grey costs {numbers * math.log(2):.3g}"
    return ""


def _splits(model: Model, data: Any) -> Splits:
    """The data as the model reads them; where only a part is given, it is all there is."""
    own = model.preprocessing
    if data is None and "data" not in own:
        raise ModelError("the model does not say what data it learned from: give evaluate some, for example a test set")
    given = data is not None
    if data is None:
        check_held_out(model)
        data = datasets.load(own["data"], **own.get("data_options", {}))
    elif isinstance(data, str | Path):
        prepared = _pictures_as(own) if os.path.isdir(data) else {}
        data = table_to_measure(model, str(data)) if tables_of(model, data) else datasets.load(str(data), **prepared)
    elif not isinstance(data, Splits):
        data = dataset_of(data, model.network, model.class_names)
        data = Splits(data, None, data)
    if model.network.reads_text or not (model.class_names or model.purpose in (REGRESSION, LABELLING)):
        return data
    read = model.as_trained if given else model.in_classes  # a model's own data are prepared as they were
    test = read(data.test)
    train = test if data.train is data.test else read(data.train) if model.network.purpose == GENERATION else data.train
    return dataclasses.replace(data, train=train, test=test)
