"""byhand: neural networks worked out by hand.

Train with NumPy, and see every number of a training step with its equation and the line of code that made it.

>>> import byhand
>>> net = byhand.FeedForward((784, 30, 10), seed=1)
>>> net
FeedForward(784-30-10, sigmoid/sigmoid, quadratic: 23,860 parameters)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from byhand import data as data
    from byhand import engine as engine
    from byhand import nn as nn
    from byhand import optim as optim
    from byhand.engine import Tensor as Tensor
    from byhand.engine import grad as grad
    from byhand.engine import no_grad as no_grad
    from byhand.errors import ByhandError as ByhandError
    from byhand.feedforward import FeedForward as FeedForward
    from byhand.modelfile import save as save
    from byhand.neural_network import NeuralNetwork as NeuralNetwork
    from byhand.read_pictures import predict as predict
    from byhand.see.doctor.healthy import assert_healthy as assert_healthy
    from byhand.see.doctor.loop.listen import checkup as checkup
    from byhand.see.doctor.patient import Patient as Patient
    from byhand.shipped import open_model as load
    from byhand.training.cross_validate import cross_validate as cross_validate
    from byhand.training.evaluate import evaluate as evaluate
    from byhand.training.fit import fit as fit
    from byhand.training.steps import Step as Step
    from byhand.training.steps import steps as steps
    from byhand.web.watch.watcher import watch as watch

    __version__: str

# Names are fetched when they are first used, so that `import byhand` costs next to nothing.
_PLACES = {
    "ByhandError": ("byhand.errors", "ByhandError"),
    "Tensor": ("byhand.engine", "Tensor"),
    "FeedForward": ("byhand.feedforward", "FeedForward"),
    "NeuralNetwork": ("byhand.neural_network", "NeuralNetwork"),
    "Patient": ("byhand.see.doctor.patient", "Patient"),
    "Step": ("byhand.training.steps", "Step"),
    "assert_healthy": ("byhand.see.doctor.healthy", "assert_healthy"),
    "checkup": ("byhand.see.doctor.loop.listen", "checkup"),
    "cross_validate": ("byhand.training.cross_validate", "cross_validate"),
    "data": ("byhand.data", None),
    "engine": ("byhand.engine", None),
    "evaluate": ("byhand.training.evaluate", "evaluate"),
    "fit": ("byhand.training.fit", "fit"),
    "grad": ("byhand.engine", "grad"),
    "load": ("byhand.shipped", "open_model"),
    "nn": ("byhand.nn", None),
    "no_grad": ("byhand.engine", "no_grad"),
    "optim": ("byhand.optim", None),
    "predict": ("byhand.read_pictures", "predict"),
    "save": ("byhand.modelfile", "save"),
    "steps": ("byhand.training.steps", "steps"),
    "watch": ("byhand.web.watch.watcher", "watch"),
}

__all__ = [
    "ByhandError",
    "FeedForward",
    "NeuralNetwork",
    "Patient",
    "Step",
    "Tensor",
    "assert_healthy",
    "checkup",
    "cross_validate",
    "data",
    "engine",
    "evaluate",
    "fit",
    "grad",
    "load",
    "nn",
    "no_grad",
    "optim",
    "predict",
    "save",
    "steps",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("byhand")
    if name not in _PLACES:
        raise AttributeError(f"module 'byhand' has no attribute {name!r}")
    module, attribute = _PLACES[name]
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return sorted(__all__)
