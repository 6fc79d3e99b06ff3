"""A network by hand of which nothing is known but its parameters, their gradient and its cost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.equation import read
from byhand.errors import ModelError
from byhand.see.section import split
from byhand.see.step import parameter_views
from byhand.see.step_array import StepArrays
from byhand.terms import At

UNSAID = "The network does not say how this is worked out: register a record of it with `byhand.see.take_step.record_of`."


class OpaqueRecord:
    """What can be seen of any network: see `byhand.see.step.Record`."""

    answers = None
    local_symbols = False

    def __init__(self, network: Any) -> None:
        self.network = network

    def parameters(self, vector: Array) -> dict[str, Array]:
        return parameter_views(self.network, vector)

    def contributions(self, name: str, at: At, m: int) -> Array:
        raise ModelError(f"the gradient of {name} is not worked out sample by sample: look at another network")

    def describe(self, arrays: StepArrays) -> None:
        step, learn = arrays.step, type(self.network).learn
        equations: tuple[str, ...] = ()
        with suppress(ModelError, OSError):  # without mathematics in its docstring there is only the code
            equations = split(read(learn).equation)
        arrays.add("C", "C", "the cost of the batch", np.array(step.cost), why=UNSAID)
        arrays.add_operation("cost", "Cost", "The cost", ["C"], [learn], equations)
        self.describe_parameters(arrays, equations)

    def describe_parameters(self, arrays: StepArrays, equations: Sequence[str] = ()) -> None:
        """Every parameter, and its gradient."""
        step, learn = arrays.step, type(self.network).learn
        gradients = self.parameters(step.gradient)
        for name, theta in self.parameters(step.theta).items():
            symbol = r"\theta"
            arrays.add_parameter(name, symbol, f"parameter {name}", theta, group=name.rpartition(".")[0] or name)
            slope = rf"\frac{{\partial C}}{{\partial {symbol}@}}"
            gradient = arrays.add(f"{name}.gradient", slope, f"gradient of {name}", gradients[name], why=UNSAID, parameter=name)
            arrays.add_operation("backward", arrays.groups[name], f"Gradient of {name}", [gradient], [learn], equations)
