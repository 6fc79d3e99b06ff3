"""What byhand asks of a network: whoever answers it is trained, saved, evaluated, examined, recorded and replayed.

The upper part has no default: what a network computes, and how it is described. The rest has one, for a network that says
nothing. A class that inherits from `NeuralNetwork` gets the defaults; one that does not has to answer everything itself. Register
a kind of network with `byhand.network_kinds.register`, so that recipes and model files know it by its name.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from byhand.backend import Array
from byhand.errors import ModelError

CLASSIFICATION, REGRESSION, LABELLING = "classification", "regression", "labelling"
RECONSTRUCTION, GENERATION = "reconstruction", "generation"
OF_TASK = {"numbers": REGRESSION, "labels": LABELLING}  # what a network for classes becomes where the data have something else


class LayerOutput(NamedTuple):
    """What a layer gave for a batch: its name, its activation function by name, a (m, ..., units); hidden, unless outputs."""

    name: str
    activation: str
    a: Array
    hidden: bool


class Enlargement(NamedTuple):
    """The same network with more units, drawn anew: in words, as a setting of a recipe, and how many times as long it takes."""

    network: Any
    words: str
    setting: dict[str, Any]
    times: float


class Turn(NamedTuple):
    """The stretch of the parameter vector that a step is about, and the how-manieth step of it this is, from 1."""

    part: slice
    number: int


class NeuralNetwork(Protocol):
    """A network with one flat vector of parameters.

    Attributes:
        kind: its name in model files.
        purpose: what it is for, and so how it is evaluated: "classification" (tells classes apart), "regression" (tells numbers,
            which a training on data with numbers to learn makes of it), "labelling" (tells for several labels whether each
            applies, which data with such make of it), "reconstruction" (gives its input back through a code) or "generation"
            (makes samples out of noise).
        by_hand: whether its gradient is written out in NumPy, without the engine and its threads.
        parameters, gradient: flat, of the same length and type; `learn` fills the second from the first.
        dtype: of both. rng: where chance in training draws from; a training sets it anew each epoch.
        tunable: names of own settings that a training may change, and that are then put back, such as a weight decay.
        classes: how many classes it is told as labels, 0 where it is told none. label_smoothing: of its targets, in [0, 1).
    """

    kind: str
    purpose: str = CLASSIFICATION

    def features(self, x: Array) -> Array | None:
        """What the last layer reads of inputs (N, ...), (N, d); by these it is told what is unlike the training data."""
        return None

    by_hand: bool = False
    tunable: tuple[str, ...] = ()
    classes: int = 0
    label_smoothing: float = 0.0
    parameters: Array
    gradient: Array
    dtype: Any
    rng: np.random.Generator

    # ---------------------------------------------------------------- what it computes

    def learn(self, x: Array, y: Array) -> float:
        """One forward and one backward pass: fills `gradient`, returns the batch's cost. x: (m, n) rows, y: (m, K) targets."""
        ...

    def forward(self, x: Array) -> Array:
        """The outputs (N, ...) for rows (N, n), as in use: nothing is dropped, running statistics serve."""
        ...

    def evaluate(self, x: Array, y: Array) -> tuple[float, float | None]:
        """Mean cost and accuracy in [0, 1], None where there is none, of rows (N, n) and targets (N, K)."""
        ...

    # ---------------------------------------------------------------- how it is described

    def architecture(self) -> dict[str, Any]:
        """Its `kind` and what makes it again, as JSON takes it: what its kind's `read` gets from a model file."""
        ...

    def tensors(self) -> dict[str, Array]:
        """What a model file holds, by name: views into which a reader writes, and then calls `adopt`."""
        ...

    @property
    def n_inputs(self) -> int:
        """How many numbers a sample has."""
        ...

    @property
    def n_outputs(self) -> int:
        """How many numbers come out for a sample."""
        ...

    def twin(self, dtype: Any = None) -> Self:
        """The same network, in this float type, sharing nothing with the first; its chance goes on as its own would."""
        ...

    # ---------------------------------------------------------------- its state, by default

    @property
    def buffers(self) -> dict[str, Array]:
        """What belongs to its state without being trained, such as running means: views, by name."""
        return {}

    @property
    def generators(self) -> dict[str, np.random.Generator]:
        """Generators besides `rng` that belong to its state, by name."""
        return {}

    def adopt(self) -> None:
        """Called once a model file was read into `tensors`."""
        return

    def check_trained(self) -> None:
        """Raise ModelError, before the first step, where it computes with what training would not change."""
        return

    def check_saved(self) -> None:
        """Raise ModelError where a model file could not bring this network back: what, and what to do."""
        return

    def first_non_finite(self) -> str:
        """The first thing in the order of computation that is NaN or infinite, in words; "" where all is finite."""
        return "" if np.isfinite(self.parameters).all() else "the parameters"

    def can_start_from(self, other: Any) -> bool:
        """Whether a training may begin with the weights of another network: one of the same architecture."""
        return bool(other.architecture() == self.architecture())

    def fit(self, data: Any, **settings: Any) -> Any:
        """Train on a `Dataset` or a pair of arrays (x, y): the loop around `byhand.steps`; see `byhand.fit` for its settings."""
        from byhand.training.fit import fit  # upward, and only for the comfort of writing net.fit(...)

        return fit(self, data, **settings)

    def save(self, path: Any, *, class_names: Any = ()) -> None:
        """Write it as a model file, for `byhand.load` and the commands that are given data: see `byhand.save`."""
        from byhand.modelfile import save  # upward, as above

        save(self, path, class_names=class_names)

    def trace(self) -> Any:
        """Copies of all that the last `learn` computed; raises ModelError where nothing of it is kept."""
        raise ModelError(f"a {type(self).__name__} keeps nothing of a step: give it a method trace()")

    # ---------------------------------------------------------------- its parts, by default

    def named_parameters(self) -> dict[str, Array]:
        """Views into `parameters` by name, in the order of the computation."""
        return {name: array for name, array in self.tensors().items() if np.may_share_memory(array, self.parameters)}

    def parameter_slices(self) -> dict[str, slice]:
        """Where each of them lies in the flat vector."""
        first, size, found = np.lib.array_utils.byte_bounds(self.parameters)[0], self.parameters.itemsize, {}
        for name, view in self.named_parameters().items():
            start = (np.lib.array_utils.byte_bounds(view)[0] - first) // size
            found[name] = slice(start, start + view.size)
        return found

    def modules(self) -> list[Any]:
        """The modules of `byhand.nn` that it is made of; none where it is written out by hand."""
        return []

    def layer_outputs(self) -> list[LayerOutput] | None:
        """What its layers gave in the last `learn`; None where they are to be read from the engine's tape."""
        return []

    def preview(self, x: Array, y: Array) -> None:
        """Compute forward, with the same chance each time, for whoever watches the engine's tape."""
        self.forward(x)

    def as_batch(self, x: Array, y: Array) -> tuple[Array, Any]:
        """Samples and targets as `learn` reads them; raises ModelError for what does not fit."""
        return x, y

    def turn(self) -> tuple[Turn, ...]:
        """After `learn`, for networks whose parts are trained in turns: the `Turn` that it was; () where all are trained."""
        return ()

    def chance(self, y: Array, m: int) -> tuple[Any, ...]:
        """What the next batch of m samples will draw, as further arguments of its cost; the generator stays where it stands."""
        return ()

    # ---------------------------------------------------------------- how it answers, by default

    def answers(self, x: Array, y: Array | None = None) -> Array | None:
        """The outputs for samples and, where `classes` is above 0, their labels; None where there are none for a sample alone."""
        return self.forward(x)

    @property
    def n_classes(self) -> int | None:
        """How many classes it has names for; None where their names are only of the data that it learned from."""
        return self.n_outputs

    @property
    def uses_labels(self) -> bool:
        """Whether classes go into it or come out of it."""
        return self.purpose == CLASSIFICATION or self.classes > 0

    @property
    def reads_text(self) -> bool:
        """Whether what goes in are characters, and not numbers to compute with."""
        return False

    @property
    def cost_name(self) -> str:
        """The cost by its name in `byhand.costs`, where it is that of its outputs by that formula; else ""."""
        return ""

    @property
    def output_activation(self) -> str:
        """The function that the outputs come out of, such as "softmax"; "" where it is unknown."""
        return ""

    def weighted_outputs(self, x: Array) -> Array | None:
        """The last layer's weighted inputs (N, K); None where a sample alone does not have them."""
        return None

    def penalty(self) -> float:
        """The part of the cost of `learn` that is of no sample, such as weight decay."""
        return 0.0

    # ---------------------------------------------------------------- what the doctor may try, by default nothing

    def without_dropout(self) -> Self | None:
        """The same network that drops nothing; None where nothing is dropped."""
        return None

    def without_noise(self) -> Self | None:
        """The same network that adds no noise to its code; None where it adds none."""
        return None

    def with_cost(self, name: str) -> Self | None:
        """The same network, sharing its parameters, with another cost; None where its outputs do not go with that."""
        return None

    def enlarged(self, times: int) -> Enlargement | None:
        """So many times as many units; None where it is not known how."""
        return None

    def redraw(self) -> bool:
        """Draw the weights anew, in place, by the initialiser that fits; False where it is not known how."""
        return False
