"""From what the doctor would change to the form: the changes that are a setting of it, as that setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from byhand.errors import ByhandError
from byhand.web.train_settings import KINDS, chosen

FIELDS = {"learning_rate": "lr", "epochs": "epochs", "batch_size": "batch_size", "hidden": "hidden"}


def prescribed(change: Mapping[str, Any], settings: dict[str, Any]) -> dict[str, Any] | None:
    """The settings of the form that a finding's change sets; None where it sets none of them, or is beyond their limits.

    >>> prescribed({"learning_rate": 0.3}, {"recipe": "iris", "model": "feedforward", "lr": 3.0})
    {'lr': 0.3}
    >>> prescribed({}, {"recipe": "iris", "model": "feedforward"}) is None
    True
    """
    form = {FIELDS[name]: value for name, value in change.items() if name in FIELDS}
    # A convolutional network keeps its layers.
    if not form or len(form) < len(change) or ("hidden" in form and "hidden" not in KINDS[settings["model"]]):
        return None
    try:
        chosen({name: value for name, value in settings.items() if name != "data"} | form)
    except ByhandError:
        return None
    return form
