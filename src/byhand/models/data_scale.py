"""Mean and deviation of the data, which a network that draws takes off them and puts on its samples again."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import Array
from byhand.errors import ModelError
from byhand.nn import Module
from byhand.nn.description import build
from byhand.nn.sizes import sample_shape

Scale = tuple[Array, Array]


def data_scale(mean: Any, std: Any, shape: tuple[int, ...], dtype: Any) -> Scale | None:
    """Both in the shape of a sample, None where neither is named; raises ModelError for what is no mean and deviation of data."""
    if mean is None and std is None:
        return None
    try:
        given = [np.asarray(0 if mean is None else mean, np.float64), np.asarray(1 if std is None else std, np.float64)]
        first, second = (np.broadcast_to(n, shape).astype(dtype) for n in given)
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"mean and std are of the data, of one number or of the shape {shape}: {error}") from error
    if not (np.isfinite(first).all() and np.isfinite(second).all() and (second > 0).all()):
        raise ModelError("mean and std of the data are finite, and std is above 0: leave out what never changes")
    return first, second


def check_read(scale: Scale | None) -> None:
    """Raises ModelError where the deviation that a model file brought is none."""
    if scale is not None and not (scale[1] > 0).all():
        raise ModelError("the std of the data, which came with the weights, is not above 0: write the model file anew")


def of_data(x: Array) -> dict[str, Array]:
    """The mean and std of samples (N, ...), summed in float64: along the first axis of 100,000 images float32 loses digits."""
    return {name: getattr(x, name)(axis=0, dtype="float64").astype(x.dtype) for name in ("mean", "std")}


def described(architecture: dict[str, Any]) -> tuple[Module, tuple[int, ...], dict[str, Any]]:
    """What a model file says of a network that scales its data: the module, the shape of a sample, and the other settings.

    Raises KeyError, TypeError, ValueError or OverflowError where it says something else.
    """
    settings = {name: value for name, value in architecture.items() if name not in ("kind", "standardised")}
    shape = sample_shape(settings.pop("input_shape"))
    if limits.truth("standardised", architecture["standardised"]):
        settings |= {"mean": 0.0, "std": 1.0}  # the file's own are read into their places
    return build(settings.pop("module")), shape, settings
