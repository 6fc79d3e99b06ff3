"""A module: parameters, and a forward computation that uses them; modules inside modules make a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from byhand import initialisers
from byhand.backend import Array, generator
from byhand.engine import Tensor, scope
from byhand.engine.tensor import watching
from byhand.errors import ModelError


class Parameter(Tensor):
    """A tensor that training changes."""

    __slots__ = ()

    def __init__(self, data: Any) -> None:
        super().__init__(data, requires_grad=True)


kinds: dict[str, type[Module]] = {}  # by name, for model files


class Module:
    """Base of all layers and networks: assign parameters and modules to attributes, and write `forward`.

    Attributes:
        settings: names of the constructor's arguments, which are attributes too; with them a model file tells how to build
            the module again, and `repr` shows it.
        buffers: names of arrays that belong to the module's state but are not trained, as running means.
        pytorch_axes: order of axes that turns a parameter's array into PyTorch's, where the two differ.
        name: the attribute of the module around it, where there is one.
        training: whether dropout drops and batch norm looks at the batch; see `train` and `eval`.
    """

    settings: tuple[str, ...] = ()
    buffers: tuple[str, ...] = ()
    pytorch_axes: dict[str, tuple[int, ...]] = {}  # noqa: RUF012 - a constant of the class
    training: bool = True
    name: str = ""

    @property
    def reads_indices(self) -> bool:
        """Whether what goes in are whole numbers, as of letters, and not numbers to compute with."""
        first = next(self.children(), None)
        return first is not None and first[1].reads_indices

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        kinds.setdefault(cls.__name__, cls)

    def forward(self, *inputs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if isinstance(value, Module):
            object.__setattr__(value, "name", name)

    def __call__(self, *inputs: Any) -> Any:
        if not self.name or not watching():
            return self.forward(*inputs)
        with scope(self.name):  # whoever looks wants to know which part of the network an op belongs to
            return self.forward(*inputs)

    def children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, with their names, in the order in which they were assigned."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value

    def modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all inside it, with their dotted names."""
        yield prefix, self
        for name, child in self.children():
            yield from child.modules(f"{prefix}.{name}" if prefix else name)

    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their dotted names, as PyTorch names them: "0.weight", "0.bias", ...; a shared one once."""
        seen: set[int] = set()
        for prefix, module in self.modules():
            for name, value in vars(module).items():
                if isinstance(value, Parameter) and id(value) not in seen:
                    seen.add(id(value))
                    yield (f"{prefix}.{name}" if prefix else name), value

    def state(self) -> dict[str, Array]:
        """Parameters and buffers by name: views, not copies."""
        found: dict[str, Array] = {name: parameter.data for name, parameter in self.parameters()}
        for prefix, module in self.modules():
            for name in module.buffers:
                if getattr(module, name) is not None:
                    found[f"{prefix}.{name}" if prefix else name] = getattr(module, name)
        return found

    def load_state(self, arrays: dict[str, Array]) -> None:
        """Copy parameters and buffers in; raises ModelError for a missing, a foreign or a misshapen one, and copies none then."""
        own = self.state()
        for name in sorted(set(own) ^ set(arrays)):
            raise ModelError(
                f"the weights do not fit {type(self).__name__}: {name!r} is {'missing' if name in own else 'not in the network'}"
            )
        for name, array in arrays.items():
            if own[name].shape != np.shape(array):
                raise ModelError(f"{name!r} is {np.shape(array)}, but this network wants {own[name].shape}")
        for name, array in arrays.items():
            own[name][...] = array

    @property
    def n_parameters(self) -> int:
        """How many numbers training changes."""
        return sum(parameter.size for _, parameter in self.parameters())

    def train(self, mode: bool = True) -> Module:
        """Into training mode, with all modules inside."""
        for _, module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Into evaluation mode: dropout off, batch norm by its running statistics."""
        return self.train(False)

    def initialise(self, seed: int, initialiser: str = "he") -> Module:
        """Draw all weights anew, each from a generator of its own, made from the seed and its place in the network."""
        fill = initialisers.named(initialiser)
        for number, (_, module) in enumerate(self.modules()):
            module.draw(fill, generator(seed, "weights", number))
        return self

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        """Fill this module's own parameters; those without any have nothing to do."""

    def describe(self) -> dict[str, Any]:
        """What a model file says of this module: its kind and settings, and no code."""
        return {"kind": type(self).__name__} | self._settings()

    def _settings(self) -> dict[str, Any]:
        # The attribute `bias` is a parameter; whether there is one stands in `bias_used`.
        return {name.removesuffix("_used"): getattr(self, name) for name in self.settings}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._settings().items())})"


def draw_matrix(fill: Any, rng: np.random.Generator, weight: Parameter, bias: Parameter | None, n_out: int) -> None:
    """Fill weights whose last axis (or, for two, whose first) runs over the outputs, and their biases."""
    w = weight.data if weight.ndim == 2 else weight.data.reshape(-1, n_out).T
    fill(w, bias.data if bias is not None else np.empty(n_out, weight.dtype), rng)
