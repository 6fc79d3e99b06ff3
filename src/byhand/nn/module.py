"""A module: parameters, and a forward computation that uses them; modules inside modules make a network."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

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


kinds: dict[str, type[Module]] = {}  # by the names that `kind_of` gives, for model files
ARGUMENTS = "_arguments"  # the attribute with what a module was constructed with


def kind_of(cls: type[Module]) -> str:
    """What a model file calls a class: the bare name for one of byhand's own, module and qualified name for all others.

    `__main__` is another module in each program, so its classes go by the name of the program, as if it were imported.

    >>> from byhand import nn
    >>> kind_of(nn.ReLU)
    'ReLU'
    """
    if cls.__module__.partition(".")[0] == "byhand":
        return cls.__name__
    module = _program() if cls.__module__ == "__main__" else cls.__module__
    return f"{module}.{cls.__qualname__}"


def _program() -> str:
    """The name under which the running script could be imported; "__main__" of a notebook or a prompt, which have none."""
    main = sys.modules.get("__main__")
    name = getattr(getattr(main, "__spec__", None), "name", None)
    path = getattr(main, "__file__", None)
    return str(name).removesuffix(".__main__") if name else Path(path).stem if path else "__main__"


class Module:
    """Base of all layers and networks: assign parameters and modules to attributes, and write `forward`.

    Modules and parameters may also stand in lists, tuples and dicts, and these in one another.

    Attributes:
        settings: names of the constructor's arguments, which are attributes too; with them a model file tells how to build
            the module again, and `repr` shows it. A class that names none is built again from the arguments it was given.
        buffers: names of arrays that belong to the module's state but are not trained, as running means.
        pytorch_axes: order of axes that turns a parameter's array into PyTorch's, where the two differ.
        name: the attribute of the module around it, where there is one.
        formerly: settings that older model files do not name, with what they meant then.
        training: whether dropout drops and batch norm looks at the batch; see `train` and `eval`.
    """

    settings: tuple[str, ...] = ()
    buffers: tuple[str, ...] = ()
    formerly: ClassVar[dict[str, Any]] = {}
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
        kinds[kind_of(cls)] = cls  # the latest: a notebook's cell defines its class anew each time it runs

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        self = super().__new__(cls)
        object.__setattr__(self, ARGUMENTS, (arguments, named))
        return self

    def forward(self, *inputs: Any, **options: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        found: list[tuple[str, Leaf]] = []
        gather(value, name, found)
        for inner, leaf in found:
            if isinstance(leaf, Module):
                object.__setattr__(leaf, "name", inner)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        if not self.name or not watching():
            return self.forward(*inputs, **options)
        with scope(self.name):  # whoever looks wants to know which part of the network an op belongs to
            return self.forward(*inputs, **options)

    def _inside(self) -> list[tuple[str, Leaf]]:
        """The modules and parameters directly inside, with their names, in the order in which they were assigned."""
        found: list[tuple[str, Leaf]] = []
        for name, value in vars(self).items():
            if name != ARGUMENTS:
                gather(value, name, found)
        return found

    def children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, with their names: "last", or of a list "layers.0"."""
        return ((name, leaf) for name, leaf in self._inside() if isinstance(leaf, Module))

    def modules(self) -> Iterator[tuple[str, Module]]:
        """This module and all inside it, with their dotted names; one that stands in several places once, by its first."""
        found: dict[int, tuple[str, Module]] = {}
        self._gather("", found)
        return iter(found.values())

    def _gather(self, prefix: str, found: dict[int, tuple[str, Module]]) -> None:
        found[id(self)] = prefix, self
        for name, leaf in self._inside():
            if isinstance(leaf, Module) and id(leaf) not in found:
                leaf._gather(f"{prefix}.{name}" if prefix else name, found)

    def _places(self, prefix: str, around: tuple[Module, ...]) -> Iterator[tuple[str, Module]]:
        """This module and all inside it, again for every place where one stands; one inside itself is not entered again."""
        yield prefix, self
        for name, child in self.children():
            if child is not self and child not in around:
                yield from child._places(f"{prefix}.{name}" if prefix else name, (*around, self))

    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their dotted names, as PyTorch names them: "0.weight", "0.bias", ...; a shared one once."""
        seen: set[int] = set()
        for prefix, module in self.modules():
            for name, leaf in module._inside():
                if isinstance(leaf, Parameter) and id(leaf) not in seen:
                    seen.add(id(leaf))
                    yield (f"{prefix}.{name}" if prefix else name), leaf

    def other_names(self) -> dict[str, str]:
        """Of parameters and buffers that stand in several places: each further name, and the one in `state` that it means."""
        first: dict[tuple[int, str], str] = {}
        further: dict[str, str] = {}
        for prefix, module in self._places("", ()):
            tensors = [(name, id(leaf), "") for name, leaf in module._inside() if isinstance(leaf, Parameter)]
            for name, owner, kept in [*tensors, *((name, id(module), name) for name in module.buffers)]:
                full = f"{prefix}.{name}" if prefix else name
                if first.setdefault((owner, kept), full) != full:
                    further[full] = first[owner, kept]
        return further

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
                raise ModelError(f"{name!r} must be {own[name].shape} in this network, got {np.shape(array)}")
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
        fill = initialisers.by_name(initialiser)
        for number, (_, module) in enumerate(self.modules()):
            module.draw(fill, generator(seed, "weights", number))
        return self

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        """Fill this module's own parameters; those without any have nothing to do."""

    def describe(self) -> dict[str, Any]:
        """What a model file says of this module: its kind and what to construct it with, and no code."""
        return {"kind": kind_of(type(self))} | self._settings()

    def _settings(self) -> dict[str, Any]:
        """The constructor's arguments, as a model file holds them."""
        if self._speaks("settings"):
            # The attribute `bias` is a parameter; whether there is one stands in `bias_used`.
            found = {name.removesuffix("_used"): getattr(self, name) for name in self.settings}
            if "." not in kind_of(type(self)):  # plain numbers, which files had before strangers' classes came
                return found
        else:
            found = self._account() if self._speaks("_account") else self._given()
        return {name: described(value) for name, value in found.items()}

    def _speaks(self, account: str) -> bool:
        """Whether a class's account of its constructor's arguments is of the constructor that this module really has."""
        return self._owner("__init__") >= self._owner(account)

    def _account(self) -> dict[str, Any]:
        """The constructor's arguments as they are now: for classes whose parts may change after they were made."""
        return self._given()

    def _owner(self, name: str) -> int:
        """How far up the class that defines an attribute stands: 0 is this module's own."""
        return next(height for height, cls in enumerate(type(self).__mro__) if name in vars(cls))

    def _given(self) -> dict[str, Any]:
        """The arguments that this module was constructed with, by the names that its constructor gives them."""
        positional, named = getattr(self, ARGUMENTS)
        bound = inspect.signature(type(self).__init__).bind(self, *positional, **named)
        return dict(list(bound.arguments.items())[1:])

    def __repr__(self) -> str:
        shown = self._settings() if self._speaks("settings") else {}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


Leaf = Module | Parameter
LEAVES, CONTAINERS = (Module, Parameter), (list, tuple, dict)  # tuples: a training asks for every attribute in each step


def gather(value: Any, name: str, found: list[tuple[str, Leaf]], around: tuple[int, ...] = ()) -> None:
    """Add the modules and parameters of an attribute: itself, or what stands in a list, tuple or dict, as "layers.0".

    >>> found = []
    >>> gather({"a": [Module(), Module()], "b": 3}, "parts", found)
    >>> [name for name, _ in found]
    ['parts.a.0', 'parts.a.1']
    """
    if isinstance(value, LEAVES):
        found.append((name, value))
    elif isinstance(value, CONTAINERS) and id(value) not in around:
        keys: set[str] = set()
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if not isinstance(inner, LEAVES) and not isinstance(inner, CONTAINERS):
                continue
            before = len(found)
            gather(inner, f"{name}.{key}", found, (*around, id(value)))
            if len(found) > before:
                if str(key) in keys or "." in str(key):
                    raise ModelError(f"{name!r} is a dict with the key {key!r}: a part's key must be its own and without a dot")
                keys.add(str(key))


def described(value: Any) -> Any:
    """An argument as JSON takes it; what it cannot take becomes a note of that, which `build` refuses."""
    if isinstance(value, Module):
        return value.describe()
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [described(one) for one in value]
    if isinstance(value, tuple):
        return {"tuple": [described(one) for one in value]}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: described(one) for key, one in value.items()}}
    return {"not_described": type(value).__name__}


def draw_matrix(fill: Any, rng: np.random.Generator, weight: Parameter, bias: Parameter | None, n_out: int) -> None:
    """Fill weights whose last axis (or, for two, whose first) runs over the outputs, and their biases."""
    w = weight.data if weight.ndim == 2 else weight.data.reshape(-1, n_out).T
    fill(w, bias.data if bias is not None else np.empty(n_out, weight.dtype), rng)
