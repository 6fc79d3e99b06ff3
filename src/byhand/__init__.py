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
    from byhand import optim as optim
    from byhand.errors import ByhandError as ByhandError
    from byhand.feedforward import FeedForward as FeedForward
    from byhand.modelfile import load_model as load
    from byhand.see.doctor.patient import Patient as Patient
    from byhand.training.fit import fit as fit
    from byhand.training.steps import Step as Step
    from byhand.training.steps import steps as steps
    from byhand.web.watch.watcher import watch as watch

# Names are fetched when they are first used, so that `import byhand` costs next to nothing.
_PLACES = {
    "ByhandError": ("byhand.errors", "ByhandError"),
    "FeedForward": ("byhand.feedforward", "FeedForward"),
    "Patient": ("byhand.see.doctor.patient", "Patient"),
    "Step": ("byhand.training.steps", "Step"),
    "data": ("byhand.data", None),
    "fit": ("byhand.training.fit", "fit"),
    "load": ("byhand.modelfile", "load_model"),
    "optim": ("byhand.optim", None),
    "steps": ("byhand.training.steps", "steps"),
    "watch": ("byhand.web.watch.watcher", "watch"),
}

__all__ = ["ByhandError", "FeedForward", "Patient", "Step", "data", "fit", "load", "optim", "steps", "watch"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'byhand' has no attribute {name!r}")
    module, attribute = _PLACES[name]
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return sorted(__all__)
