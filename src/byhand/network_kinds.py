"""The kinds of networks, in one table: by what name recipes and model files know each, and what makes it.

Each kind registers itself in its own file. Your own does so too, from wherever it is:

    register(NetworkKind("mine", read=from_architecture, build=from_recipe, settings=("hidden",)))

Then `Recipe("my training", model="mine")` trains it, and a model file of it is read once your module is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from byhand import limits
from byhand.errors import ModelError
from byhand.neural_network import NeuralNetwork


@dataclass(frozen=True)
class NetworkKind:
    """A kind of network.

    Attributes:
        name: in recipes and in model files.
        read: (architecture, dtype) -> the untrained network that a model file describes; None where files call it otherwise.
        build: (recipe, train, dtype, device) -> the untrained network of a recipe for its training data; None for no recipe.
        settings: those of a recipe that shape the network, of which `build` makes it.
        by_hand: whether its gradient is written out in NumPy; then it computes on the CPU.
        reads_text: whether its samples are characters.
    """

    name: str
    read: Callable[[dict[str, Any], Any], NeuralNetwork] | None = None
    build: Callable[..., NeuralNetwork] | None = None
    settings: tuple[str, ...] = ()
    by_hand: bool = False
    reads_text: bool = False


KINDS: dict[str, NetworkKind] = {}


def register(kind: NetworkKind) -> None:
    """Enter a kind of network; a module that is run again may enter its own again.

    Raises ModelError for a name that another module's network has.
    """
    known = KINDS.get(kind.name)
    if known is not None and _module(known) != _module(kind):
        raise ModelError(f"the network {kind.name!r} is {_module(known)}'s: give yours another name")
    KINDS[kind.name] = kind


def _module(kind: NetworkKind) -> str:
    """Where what makes it is defined."""
    return str(getattr(kind.read or kind.build, "__module__", ""))


def check_options(recipe: Any, known: list[str]) -> None:
    """Raise ModelError where a recipe's `model_options` have others than these."""
    limits.known_settings(f"the model {recipe.model}, in its model_options,", recipe.model_options, known)
