"""A module with a cost, trained by the one training loop: `steps` and `fit` take it like a `FeedForward`."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array, float_type, generator, on_device
from byhand.engine import Node, Tensor, no_grad, ops
from byhand.errors import ModelError
from byhand.kernels.threads import one_blas_thread
from byhand.nn.description import build
from byhand.nn.dropout import Dropout
from byhand.nn.module import Module

ROWS = 256  # samples at a time where no gradient is wanted: a few images' activations stay in the cache

COSTS = ("cross_entropy", "mse", "bce")


class Network:
    r"""A module, the shape of its input, and a cost.

    Arguments:
        module: anything of `byhand.nn`; its parameters move into one flat vector, of which its tensors become views.
        input_shape: of one sample, as (28, 28, 1); samples may come as rows and are given this shape.
        cost: "cross_entropy" of softmax outputs (the module ends with their weighted inputs), "bce" of sigmoid outputs
            (likewise), or "mse".
        label_smoothing: epsilon in [0, 1), for cross_entropy.
        initialiser: one of `byhand.initialisers`; None keeps the module's weights as they are.
        seed: of the weights and of dropout. dtype: float32, or float64 for checks.
        device: "cpu", or "gpu" where CuPy and a GPU are at hand (experimental); samples go in and outputs come out as
            NumPy arrays either way.

    Raises ModelError for settings that make no network, or a module that does not take such an input.

    >>> from byhand import nn
    >>> Network(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), (4,), seed=1)
    Network(4 -> 3, cross_entropy: 67 parameters)
    """

    kind = "network"

    def __init__(
        self,
        module: Module,
        input_shape: tuple[int, ...],
        *,
        cost: str = "cross_entropy",
        label_smoothing: float = 0.0,
        initialiser: str | None = "he",
        seed: int = 0,
        dtype: Any = np.float32,
        device: str = "cpu",
    ) -> None:
        if cost not in COSTS:
            raise ModelError(f"cost {cost!r} is unknown to networks of modules: choose one of {', '.join(COSTS)}")
        if not 0 <= label_smoothing < 1:
            raise ModelError(f"label_smoothing is {label_smoothing}, but it is in [0, 1)")
        self.module, self.input_shape = module, tuple(int(n) for n in input_shape)
        self.cost, self.label_smoothing = cost, float(label_smoothing)
        self.dtype, self.device = float_type(dtype), device
        if initialiser is not None:
            module.initialise(seed, initialiser)
        self.parameters, self.gradient = self._flatten()
        self.rng = generator(seed, "dropout")
        self.tape: list[Node] = []
        self._batch: tuple[Array, Array] | None = None
        self.output_shape = self._try()

    def _flatten(self) -> tuple[Array, Array]:
        """One vector for all parameters and one for their gradients; the module's tensors become views into them."""
        parameters = [parameter for _, parameter in self.module.parameters()]
        flat = self._here(np.zeros(sum(parameter.size for parameter in parameters), self.dtype))
        gradient = self._here(np.zeros(flat.shape, self.dtype))
        start = 0
        for parameter in parameters:
            place, shape = slice(start, start + parameter.size), parameter.shape
            flat[place] = self._here(parameter.data.astype(self.dtype)).reshape(-1)
            parameter.data, parameter.grad = flat[place].reshape(shape), gradient[place].reshape(shape)
            start += parameter.size
        for _, module in self.module.modules():
            for name in module.buffers:
                object.__setattr__(module, name, self._here(getattr(module, name).astype(self.dtype)))
        return flat, gradient

    def _here(self, array: Any) -> Any:
        """The array in the memory of this network's device."""
        return on_device(array, self.device)

    def _try(self) -> tuple[int, ...]:
        """The shape of one sample's outputs, found by computing some: what does not fit is told before a training begins."""
        self.module.eval()
        with no_grad():
            return tuple(
                self.module(
                    Tensor(self._here(np.zeros((1, *self.input_shape), np.int64 if self.module.reads_indices else self.dtype)))
                ).shape[1:]
            )

    @property
    def rng(self) -> np.random.Generator:
        """Where dropout draws from; a training sets it anew each epoch."""
        return self._rng

    @rng.setter
    def rng(self, rng: np.random.Generator) -> None:
        self._rng = rng
        for _, module in self.module.modules():
            if isinstance(module, Dropout):
                module.rng = rng

    @property
    def n_inputs(self) -> int:
        """How many numbers a sample has."""
        return int(np.prod(self.input_shape))

    @property
    def n_outputs(self) -> int:
        """How many numbers come out for a sample (the classes, for a classifier)."""
        return self.output_shape[-1]

    @property
    def buffers(self) -> dict[str, Array]:
        """What belongs to the state but is not trained, as running means: views."""
        names = {name for name, _ in self.module.parameters()}
        return {name: array for name, array in self.module.state().items() if name not in names}

    def learn(self, x: Array, y: Array) -> float:
        """One forward and one backward pass in training mode: fills `gradient`, returns the batch's cost."""
        x = self._shaped(x)
        self.module.train()
        self.gradient.fill(0)
        with one_blas_thread():
            cost = self.loss(Tensor(self._here(x)), self._here(y))
            cost.backward()
        self._batch = x, y
        return cost.item()

    def loss(self, x: Tensor, y: Array) -> Tensor:
        """The cost of a batch, on the tape."""
        return self._cost(self.module(x), y)

    def _cost(self, z: Tensor, y: Array) -> Tensor:
        if self.cost == "cross_entropy":
            if z.ndim > 2:  # a class for each place of a sequence: every place counts as a sample
                z = z.reshape(-1, z.shape[-1])
                y = y.reshape(-1) if y.ndim == 2 else y.reshape(-1, y.shape[-1])
            return ops.cross_entropy(z, target=y, label_smoothing=self.label_smoothing)
        y = y.astype(self.dtype, copy=False)
        return ops.bce_with_logits(z, y) if self.cost == "bce" else ops.mse_loss(z, y)

    def forward(self, x: Array) -> Array:
        """The outputs, (N, ...): probabilities for cross_entropy and bce. Dropout is off, batch norm by running statistics."""
        x = self._shaped(x)
        return np.concatenate([self._answer(self._weighted(x[start : start + ROWS])) for start in range(0, len(x), ROWS)])

    def predict(self, x: Array) -> np.ndarray[Any, np.dtype[np.intp]]:
        """The class of each sample, (N,): the output that is largest."""
        classes: np.ndarray[Any, np.dtype[np.intp]] = np.argmax(self.forward(x), axis=-1)
        return classes

    def evaluate(self, x: Array, y: Array) -> tuple[float, float]:
        """Mean cost, and accuracy in [0, 1]: how often the largest output is the target's largest, or the target itself."""
        x, total, right, n = self._shaped(x), 0.0, 0, 0
        for start in range(0, len(x), ROWS):
            z, targets = self._weighted(x[start : start + ROWS]), y[start : start + ROWS]
            with no_grad():
                total += self._cost(z, self._here(targets)).item() * len(targets)
            found = on_device(z.data, "cpu").argmax(axis=-1) == (
                targets if targets.dtype.kind in "iu" else targets.argmax(axis=-1)
            )
            right, n = right + int(found.sum()), n + found.size
        return total / len(x), right / n

    def _weighted(self, x: Array) -> Tensor:
        self.module.eval()
        with no_grad(), one_blas_thread():
            return self.module(Tensor(self._here(x)))

    def _answer(self, z: Tensor) -> Array:
        with no_grad():
            if self.cost == "cross_entropy":
                z = ops.softmax(z, axis=-1)
            elif self.cost == "bce":
                z = ops.sigmoid(z)
            return on_device(z.data, "cpu")

    def fit(self, data: Any, **settings: Any) -> Any:
        """Train on a `Dataset`: the short loop around `byhand.steps`; see `byhand.fit` for its settings."""
        from byhand.training.fit import fit  # upward, and only for the comfort of writing net.fit(...)

        return fit(self, data, **settings)

    def trace(self) -> Any:
        """The tape of the last step, where it was taken inside `byhand.engine.watch()`.

        Raises ModelError for a step that nobody watched: its numbers are gone, as its memory serves the next one.
        """
        raise ModelError(
            "this step was not watched, and its numbers are gone: take it inside `with byhand.engine.watch() as tape:`"
        )

    def first_non_finite(self) -> str:
        """The first thing in the order of computation that is NaN or infinite, in words; "" where all is finite."""
        for name, parameter in self.module.parameters():
            if not np.isfinite(parameter.data).all():
                return f"the parameter {name}"
        if self._batch is not None:
            from byhand.engine import watch

            with watch() as tape, no_grad():
                self.loss(Tensor(self._here(self._batch[0])), self._here(self._batch[1]))
            for node in tape:
                if not np.isfinite(node.output).all():
                    return f"the output of {node.op.name} in {node.scope or 'the network'}"
        return ""

    def _shaped(self, x: Array) -> Array:
        x = np.asarray(x, np.int64 if self.module.reads_indices else self.dtype)
        if x.ndim < 2 or len(x) == 0 or x.size != len(x) * self.n_inputs:
            shape = ", ".join(map(str, self.input_shape))
            raise ModelError(f"the input is {x.shape}, but this network wants (m, {shape}), or rows of {self.n_inputs} numbers")
        return x.reshape(len(x), *self.input_shape)

    def architecture(self) -> dict[str, Any]:
        """What a model file says of the network, and what `from_architecture` reads."""
        return {
            "kind": self.kind,
            "input_shape": list(self.input_shape),
            "cost": self.cost,
            "label_smoothing": self.label_smoothing,
            "module": self.module.describe(),
        }

    def tensors(self) -> dict[str, Array]:
        """Parameters and buffers by their names in a model file: views, or copies of what is on a GPU."""
        return {name: on_device(array, "cpu") for name, array in self.module.state().items()}

    def __repr__(self) -> str:
        shapes = ("x".join(map(str, shape)) for shape in (self.input_shape, self.output_shape))
        return f"Network({' -> '.join(shapes)}, {self.cost}: {self.parameters.size:,} parameters)"


def from_architecture(architecture: dict[str, Any], dtype: Any = np.float32) -> Network:
    """The untrained network that `Network.architecture` described; raises ModelError where it describes none."""
    try:
        shape = tuple(int(n) for n in architecture["input_shape"])
        cost, smoothing = str(architecture["cost"]), float(architecture.get("label_smoothing", 0))
        module = build(architecture["module"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"the architecture is not a network's ({error!r}): expected input_shape, cost, module") from error
    return Network(module, shape, cost=cost, label_smoothing=smoothing, dtype=dtype)
