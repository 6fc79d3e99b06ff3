"""A module with a cost, trained by the one training loop: `steps` and `fit` take it like a `FeedForward`."""

from __future__ import annotations

import copy
import json
import math
from contextlib import nullcontext
from typing import Any, Self

import numpy as np

from byhand import limits
from byhand.backend import Array, address, float_type, generator, numbers, on_device
from byhand.engine import Node, Tensor, no_grad, ops, recording, watch
from byhand.engine.in_place import unmarked
from byhand.errors import ModelError
from byhand.kernels.threads import one_blas_thread
from byhand.network_kinds import NetworkKind, register
from byhand.neural_network import LayerOutput, NeuralNetwork
from byhand.nn.activation import Softmax
from byhand.nn.description import OTHERWISE, build, check_description, strangers, tie, ties
from byhand.nn.dropout import Dropout
from byhand.nn.module import Module, kind_of
from byhand.nn.sizes import sample_shape
from byhand.predictions import chosen, fitting_targets

ROWS = 256  # samples at a time where no gradient is wanted: a few images' activations stay in the cache

LARGEST = 100_000_000  # numbers of a sample: 400 MB in float32
COSTS = ("cross_entropy", "mse", "bce")
ANEW = "make the network again, nn.Network(module, input_shape, initialiser=None) keeps the weights as they are"


class Network(NeuralNetwork):
    r"""A module, the shape of its input, and a cost.

    Arguments:
        module: anything of `byhand.nn`; its parameters move into one flat vector, of which its tensors become views.
        input_shape: of one sample, as (28, 28, 1); samples may come as rows and are given this shape.
        cost: "cross_entropy" of softmax outputs (the module ends with their weighted inputs), "bce" of sigmoid outputs
            (likewise), or "mse". A single output is a yes or no: it takes "bce" or "mse", and targets 0 and 1 in any shape.
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
        if not isinstance(module, Module):
            raise ModelError(f"Network: the module must be one of byhand.nn's or your own nn.Module, got {limits.told(module)}")
        self.module, self.input_shape = module, limits.whole_numbers("Network: input_shape", input_shape)
        if math.prod(self.input_shape) > LARGEST:
            raise ModelError(f"Network: a sample must have at most {LARGEST:,} numbers, got the shape {self.input_shape}")
        self.cost = limits.one_of("cost", cost, COSTS)
        self.label_smoothing = limits.number("label_smoothing", label_smoothing, least=0, below=1)
        self.dtype, self.device = float_type(dtype), limits.one_of("device", device, ("cpu", "gpu"))
        if initialiser is not None:
            module.initialise(seed, initialiser)
        self.parameters, self.gradient = self._flatten()
        self._parts = [part for _, part in module.modules()]
        self._own_modes = any(type(part).train is not Module.train or type(part).eval is not Module.eval for part in self._parts)
        self.rng = generator(seed, "dropout")
        self.tape: list[Node] = []
        self._batch: tuple[Array, Array] | None = None
        with watch() as tape:
            self.output_shape = self._try()
        self._check_all_found(tape)
        self._check_one_output()

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
            for name, child in module.children():  # a list may have grown since it was assigned
                object.__setattr__(child, "name", name)
            for name in module.buffers:
                object.__setattr__(module, name, self._here(getattr(module, name).astype(self.dtype)))
        return flat, gradient

    def _check_all_found(self, tape: list[Node]) -> None:
        """Raise ModelError where the module computes with a parameter that it does not list: it would never be trained."""
        found = {id(parameter) for _, parameter in self.module.parameters()}
        for node in tape:
            for given in node.inputs:
                if isinstance(given, Tensor) and given.requires_grad and id(given) not in found:
                    where = f"{node.op.name} in {node.scope or 'the network'}"
                    raise ModelError(
                        f"{where} computes with a parameter {given.shape} that training would not find: assign the "
                        "nn.Parameter, or the layer that has it, to an attribute of a module, or to a list, tuple or dict there"
                    )

    def check_trained(self) -> None:
        """Raise ModelError where the module is no longer made of the parameters that training changes.

        They were found when the network was made: a layer that was put into the module since then, or that another network has
        taken over, would compute and never learn.
        """
        end = address(self.parameters)
        for name, parameter in self.module.parameters():
            if type(parameter.data) is not type(self.parameters) or address(parameter.data) != end:
                raise ModelError(
                    f"training would not change {name}, which was put into the module, or into another network, after this "
                    f"network was made: {ANEW}"
                )
            end += parameter.data.nbytes
        if end != address(self.parameters) + self.parameters.nbytes:
            raise ModelError(f"parameters were taken out of the module after this network was made: {ANEW}")

    def _check_one_output(self) -> None:
        """Raise ModelError for a softmax over one output, which is 1 whatever comes in and never learns."""
        ends = self._parts[-1]
        if self.n_outputs == 1 and (self.cost == "cross_entropy" or (isinstance(ends, Softmax) and ends.dim in (-1, 1))):
            raise ModelError(
                'the network has one output, and softmax of one is 1 whatever comes in: use cost="bce" for a yes or no, '
                "which has a sigmoid of its own, or 2 outputs"
            )

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
    def generators(self) -> dict[str, np.random.Generator]:
        """Generators that modules have of their own, by name: they belong to the state of a training, as `rng` does."""
        return {
            f"{prefix}.{name}": value
            for prefix, module in self.module.modules()
            for name, value in vars(module).items()
            if isinstance(value, np.random.Generator) and value is not self._rng
        }

    @property
    def n_inputs(self) -> int:
        """How many numbers a sample has."""
        return int(np.prod(self.input_shape))

    @property
    def n_outputs(self) -> int:
        """How many numbers come out for a sample (the classes, for a classifier)."""
        return self.output_shape[-1]

    @property
    def reads_text(self) -> bool:
        """Whether what goes in are characters, and not numbers to compute with."""
        return bool(self.module.reads_indices)

    @property
    def cost_name(self) -> str:
        """The cross-entropy of softmax outputs; "" for the others, which are means over the outputs where `byhand.costs` sums."""
        return self.cost if self.cost == "cross_entropy" else ""

    @property
    def output_activation(self) -> str:
        """The function that the outputs come out of, which belongs to the cost."""
        return {"cross_entropy": "softmax", "bce": "sigmoid"}.get(self.cost, "identity")

    def weighted_outputs(self, x: Array) -> Array | None:
        """What the module gives, (N, ...): the weighted inputs of softmax or sigmoid."""
        return on_device(self._weighted(self._shaped(x)).data, "cpu")

    def modules(self) -> list[Module]:
        """The module, and all those inside."""
        return [module for _, module in self.module.modules()]

    def named_parameters(self) -> dict[str, Array]:
        """Views into `parameters` by name, in the order of the computation."""
        return {name: parameter.data for name, parameter in self.module.parameters()}

    def layer_outputs(self) -> list[LayerOutput] | None:
        """None: what its layers gave is on the engine's tape."""
        return None

    def without_dropout(self) -> Self | None:
        """A twin that drops nothing; None where nothing is dropped."""
        if not any(isinstance(module, Dropout) and module.p > 0 for module in self.modules()):
            return None
        other = self.twin()
        for module in other.modules():
            if isinstance(module, Dropout):
                module.p = 0.0
        return other

    def redraw(self) -> bool:
        """Draw the weights anew, in place, by He's initialiser."""
        self.module.initialise(1, "he")
        return True

    @property
    def buffers(self) -> dict[str, Array]:
        """What belongs to the state but is not trained, as running means: views."""
        names = {name for name, _ in self.module.parameters()}
        return {name: array for name, array in self.module.state().items() if name not in names}

    def as_batch(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Inputs (m, ...) and targets as `learn` reads them; raises ModelError for what does not fit."""
        x, y = self._shaped(x), np.asarray(y)
        if len(x) != len(y):
            raise ModelError(f"there are {len(x)} samples but {len(y)} targets: give one each")
        return x, y.astype(self.dtype, copy=False) if y.dtype.kind == "f" else y

    def learn(self, x: Array, y: Array, *chance: Any) -> float:
        """One forward and one backward pass in training mode: fills `gradient`, returns the batch's cost.

        chance: what it draws, as `chance` gives it; drawn anew unless given. Under `no_grad` there is no backward pass.
        """
        if self._batch is None:
            self.check_trained()
        x = self._shaped(x)
        self._mode(training=True)
        self.gradient.fill(0)
        # Only the modules come between an op and its gradient: one step finds out whether they change what it needs.
        with one_blas_thread(), unmarked() if self._batch is not None else nullcontext():
            cost = self.loss(Tensor(self._here(x)), self._here(y), *chance)
            if recording():
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
        y = fitting_targets(y, z.shape).astype(self.dtype, copy=False)
        return ops.bce_with_logits(z, y) if self.cost == "bce" else ops.mse_loss(z, y)

    def forward(self, x: Array) -> Array:
        """The outputs, (N, ...): probabilities for cross_entropy and bce. Dropout is off, batch norm by running statistics."""
        x = self._shaped(x)
        return np.concatenate([self._answer(self._weighted(x[start : start + ROWS])) for start in range(0, len(x), ROWS)])

    def features(self, x: Array) -> Array | None:
        """What the last full layer reads, (N, n); None where the network does not end in one."""
        x, found = self._shaped(x), []
        for start in range(0, len(x), ROWS):
            with watch() as tape:
                self._weighted(x[start : start + ROWS])
            last = next((node for node in reversed(tape) if node.op.name == "linear"), None)
            if last is None or last.output.shape[1:] != self.output_shape or last.inputs[0].ndim != 2:
                return None
            found.append(on_device(last.inputs[0].data, "cpu"))
        return np.concatenate(found)

    def predict(self, x: Array) -> np.ndarray[Any, np.dtype[np.intp]]:
        """The class of each sample, (N,): the output that is largest, or whether a single one is above 0.5."""
        return chosen(self.forward(x))

    def evaluate(self, x: Array, y: Array) -> tuple[float, float]:
        """Mean cost, and accuracy in [0, 1]: how often the largest output is the target's largest, or the target itself."""
        x, total, right, n = self._shaped(x), 0.0, 0, 0
        for start in range(0, len(x), ROWS):
            z, targets = self._weighted(x[start : start + ROWS]), y[start : start + ROWS]
            with no_grad():
                total += self._cost(z, self._here(targets)).item() * len(targets)
            targets = on_device(fitting_targets(targets, z.shape), "cpu")
            says = self._answer(z) if self.n_outputs == 1 else on_device(z.data, "cpu")  # softmax changes no order
            found = chosen(says) == (targets if targets.ndim < z.ndim else chosen(targets))
            right, n = right + int(found.sum()), n + found.size
        return total / len(x), right / n

    def _mode(self, *, training: bool) -> None:
        """All modules into training or evaluation mode: of the list made once, as each step and each evaluation asks for it."""
        if self._own_modes:
            self.module.train() if training else self.module.eval()
            return
        for part in self._parts:
            object.__setattr__(part, "training", training)

    def _weighted(self, x: Array) -> Tensor:
        self._mode(training=False)
        with no_grad(), one_blas_thread():
            return self.module(Tensor(self._here(x)))

    def _answer(self, z: Tensor) -> Array:
        with no_grad():
            if self.cost == "cross_entropy":
                z = ops.softmax(z, axis=-1)
            elif self.cost == "bce":
                z = ops.sigmoid(z)
            return on_device(z.data, "cpu")

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
            with watch() as tape, no_grad():
                self.loss(Tensor(self._here(self._batch[0])), self._here(self._batch[1]))
            for node in tape:
                if not np.isfinite(node.output).all():
                    return f"the output of {node.op.name} in {node.scope or 'the network'}"
        return ""

    def _shaped(self, x: Array) -> Array:
        dtype = np.int64 if self.module.reads_indices else self.dtype
        x = numbers("the input", x, dtype, f"(m, {', '.join(map(str, self.input_shape))})")
        if x.ndim < 2 or len(x) == 0 or x.size != len(x) * self.n_inputs:
            shape = ", ".join(map(str, self.input_shape))
            raise ModelError(f"the input must be (m, {shape}), or rows of {self.n_inputs} numbers, got {x.shape}")
        return x.reshape(len(x), *self.input_shape)

    def twin(self, dtype: Any = None) -> Self:
        """The same network, in this float type, sharing nothing with the first; dropout goes on as its own would."""
        other = copy.copy(self)
        other.dtype = self.dtype if dtype is None else float_type(dtype)
        other.module = copy.deepcopy(self.module)
        other.parameters, other.gradient = other._flatten()
        other._parts = [part for _, part in other.module.modules()]
        other.rng, other.tape, other._batch = copy.deepcopy(self.rng), [], None
        return other

    def chance(self, y: Array, m: int) -> tuple[Any, ...]:
        """What the next batch of m samples will draw, as further arguments of `loss`; the generator stays where it stands.

        Dropout is not among it: it draws while the network computes, from `rng`.
        """
        return ()

    def check_saved(self) -> None:
        """Raise ModelError where its description does not make the same network again, of the same outputs.

        Mostly a stranger's class fails: defined where nobody finds it, of arguments that no file holds, or changed since.
        """
        check_description(self.module)
        if not strangers(self.module):
            return
        again = self._again(json.loads(json.dumps(self.architecture())))
        for name, view in again.tensors().items():
            view[...] = self.tensors()[name]
        first, second, other = self._tried(), self._tried(), again._tried()
        if np.array_equal(first, second, equal_nan=True) and not np.allclose(first, other, rtol=1e-3, atol=1e-5, equal_nan=True):
            kinds = ", ".join(map(kind_of, strangers(self.module)))
            raise ModelError(
                f"built again from its description, the network gives other outputs: something in {kinds} was changed after it "
                f"was constructed: make it from the constructor's arguments alone; {OTHERWISE}"
            )

    def _again(self, architecture: dict[str, Any]) -> Network:
        return from_architecture(architecture, self.dtype)

    def _tried(self) -> Array:
        """Outputs of two made-up samples, the same ones each time."""
        shape = (2, *self.input_shape)
        return self.forward(np.zeros(shape, int) if self.reads_text else generator(0, "probe").standard_normal(shape, np.float32))

    def architecture(self) -> dict[str, Any]:
        """What a model file says of the network, and what `from_architecture` reads."""
        return {
            "kind": self.kind,
            "input_shape": list(self.input_shape),
            "cost": self.cost,
            "label_smoothing": self.label_smoothing,
            "module": self.module.describe(),
            **({"tied": tied} if (tied := ties(self.module)) else {}),
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
        shape = sample_shape(architecture["input_shape"])
        cost, smoothing = architecture["cost"], architecture.get("label_smoothing", 0)
        module = tie(build(architecture["module"]), architecture.get("tied", {}))
    except (KeyError, TypeError) as error:
        raise ModelError(f"the architecture is not a network's ({error!r}): expected input_shape, cost, module") from error
    return Network(module, shape, cost=cost, label_smoothing=smoothing, dtype=dtype)


def from_recipe(recipe: Any, train: Any, module: Module, dtype: Any, device: str) -> Network:
    """The untrained network of a recipe around a module, for data that `train` is the training part of."""
    return Network(
        module,
        train.inputs.shape[1:],
        cost=recipe.cost,
        label_smoothing=recipe.label_smoothing,
        initialiser=recipe.initialiser or "he",
        seed=recipe.seed,
        dtype=dtype,
        device=device,
    )


register(NetworkKind(Network.kind, read=from_architecture))
