"""What an autoencoder and a VAE share: an encoder, a decoder, and one flat vector for the parameters of both."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from byhand import activations, costs, limits
from byhand.backend import Array, float_type, generator, numbers
from byhand.errors import ModelError
from byhand.models.layer_stack import Stack
from byhand.network_kinds import check_options
from byhand.neural_network import RECONSTRUCTION, Enlargement, LayerOutput, NeuralNetwork

ROWS = 2_048  # images at a time where no gradient is wanted
RECONSTRUCTIONS = {"bernoulli": ("sigmoid", "cross_entropy"), "gaussian": ("sigmoid", "quadratic")}


class EncoderDecoder(NeuralNetwork):
    """Images to codes, codes to images.

    Arguments:
        n: numbers an image, in [0, 1]. hidden: units of the encoder's layers; the decoder has them in reverse.
        latent: numbers a code; per_number: how many the encoder gives for each of them.
        activation: of the hidden layers; see `byhand.activations`.
        reconstruction: "bernoulli" (cross-entropy of sigmoid outputs) or "gaussian" (half the squared distance: variance 1).
        classes: K above 0 makes it conditional: the class goes into the encoder and the decoder, so the code need not hold it.

    Raises ModelError for settings that make no network.
    """

    kind = ""
    purpose = RECONSTRUCTION
    by_hand = True

    def __init__(
        self,
        n: int,
        hidden: Sequence[int],
        latent: int,
        *,
        per_number: int,
        activation: str,
        reconstruction: str,
        classes: int,
        seed: int,
        dtype: Any,
    ) -> None:
        kind = type(self).__name__
        self.n, self.latent = limits.whole(f"{kind}: n", n), limits.whole(f"{kind}: latent", latent)
        self.hidden = hidden = limits.whole_numbers(f"{kind}: hidden", hidden)
        self.classes = limits.whole(f"{kind}: classes", classes, least=0)
        self.reconstruction = limits.one_of("reconstruction", reconstruction, RECONSTRUCTIONS)
        self.activation, self.dtype = activation, float_type(dtype)
        output, cost = RECONSTRUCTIONS[reconstruction]
        self.cost = costs.by_name(cost, activations.by_name(output))

        down = (n + classes, *hidden, per_number * latent)
        up = (latent + classes, *reversed(self.hidden), n)
        inner = [activation] * len(hidden)
        split = Stack.count(down)
        self.parameters = np.zeros(split + Stack.count(up), self.dtype)
        self.gradient = np.zeros_like(self.parameters)
        self.encoder = Stack(down, [*inner, "identity"], self.parameters[:split], self.gradient[:split])
        self.decoder = Stack(up, [*inner, output], self.parameters[split:], self.gradient[split:])
        self.encoder.initialise(generator(seed, "encoder"))
        self.decoder.initialise(generator(seed, "decoder"))
        self.rng = generator(seed, "noise")
        self._buffers: dict[str, Array] = {}

    def twin(self, dtype: Any = None) -> Self:
        """The same network, in this float type, sharing nothing with the first; its noise goes on as its own would."""
        other = copy.copy(self)
        other.dtype = self.dtype if dtype is None else float_type(dtype)
        other.parameters, other.gradient = self.parameters.astype(other.dtype), np.zeros(self.gradient.shape, other.dtype)
        split = Stack.count(self.encoder.sizes)
        other.encoder = self.encoder.twin(other.parameters[:split], other.gradient[:split])
        other.decoder = self.decoder.twin(other.parameters[split:], other.gradient[split:])
        other._buffers = {name: array.astype(other.dtype) for name, array in self._buffers.items()}
        other.rng = copy.deepcopy(self.rng)
        return other

    @property
    def buffers(self) -> dict[str, Array]:
        """What belongs to its state without being trained."""
        return self._buffers

    @property
    def n_classes(self) -> None:
        """None: names of classes are of the data that it learned from."""
        return None

    @property
    def output_activation(self) -> str:
        """The function that the pixels come out of."""
        return self.decoder.activations[-1].name

    def answers(self, x: Array, y: Array | None = None) -> Array:
        """Images through their codes and back."""
        return self.reconstruct(x, y)

    def layer_outputs(self) -> list[LayerOutput]:
        """The activations of the last `learn`, layer by layer of both halves."""
        return [
            LayerOutput(f"{half}.{layer}", stack.activations[layer].name, a, layer < len(stack.weights) - 1)
            for half, stack in self._stacks().items()
            for layer, a in enumerate(stack.a[1:])
        ]

    def enlarged(self, times: int) -> Enlargement | None:
        """So many times as many numbers in the code, where that has one.

        With two it is a map to be looked at, and how many more there should be is not known.
        """
        if self.latent > 1:
            return None
        settings = {name: value for name, value in self.architecture().items() if name not in ("kind", "n", "hidden", "latent")}
        longer = type(self)(self.n, self.hidden, times * self.latent, seed=1, **settings)
        longer.rng = generator(0, "noise")
        return Enlargement(longer, f"a code of {times * self.latent} numbers instead of {self.latent}", {}, 1.2)

    def redraw(self) -> bool:
        """Draw the weights of both halves anew, in place."""
        self.encoder.initialise(generator(1, "encoder"))
        self.decoder.initialise(generator(1, "decoder"))
        return True

    def _reconstruction_error(self, x: Array) -> Array:
        """BP1 for the decoder's last outputs: dL_rec/dz of each image, (m, n)."""
        out = self.decoder
        return self.cost.output_error(out.z[-1], out.a[-1], x, out.activations[-1], np.empty_like(out.a[-1]))

    def _reconstruction_cost(self, x: Array) -> Array:
        """L_rec of each image, (m,): a sum over its numbers."""
        out = self.decoder
        return self.cost.per_sample(out.z[-1], out.a[-1], x, out.activations[-1])

    def reconstruct(self, x: Array, y: Array | None = None) -> Array:
        """Images (N, n) through their codes and back."""
        return self.decode(self.code(x, y), y)

    forward = reconstruct

    def code(self, x: Array, y: Array | None = None) -> Array:
        """The codes of images (N, n), (N, d)."""
        raise NotImplementedError

    def decode(self, z: Array, y: Array | None = None) -> Array:
        """The images of codes (N, d), as numbers in [0, 1], (N, n)."""
        z = numbers("the codes", z, self.dtype, f"(N, {self.latent})")
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise ModelError(f"the codes must be (N, {self.latent}), got {z.shape}")
        return self.decoder.forward(self._with_class(z, y))

    def _with_class(self, a: Array, y: Array | None) -> Array:
        if not self.classes:
            return a
        shape = None if y is None else tuple(y.shape)
        if y is None or shape != (len(a), self.classes):
            raise ModelError(f"a conditional network needs the classes too, ({len(a)}, {self.classes}), one-hot, got {shape}")
        return np.concatenate([a, np.asarray(y, self.dtype)], axis=1)

    def _rows(self, x: Array) -> Array:
        x = numbers("the images", x, self.dtype, f"(m, {self.n})")
        if x.ndim < 2 or x.size != len(x) * self.n or len(x) == 0:
            raise ModelError(f"the images must be (m, {self.n}), one row of {self.n} numbers per image, got {x.shape}")
        return x.reshape(len(x), self.n)

    def as_batch(self, x: Array, y: Array | None) -> tuple[Array, Array | None]:
        """Images (m, n), and the classes (m, K) that a conditional network is told, as `learn` reads them."""
        return self._rows(x), np.asarray(y, self.dtype) if self.classes and y is not None else None

    def chance(self, y: Array | None, m: int) -> tuple[Array]:
        """What the next batch of m images will draw, eps (m, d), as `learn` takes it; the generator stays where it stands."""
        return (np.asarray(copy.deepcopy(self.rng).standard_normal((m, self.latent), self.dtype), np.float64),)

    def _eps(self, eps: Array | None, m: int) -> Array:
        """Numbers from N(0, 1) for m codes, unless they are given."""
        return self.rng.standard_normal((m, self.latent), self.dtype) if eps is None else np.asarray(eps, self.dtype)

    def _stacks(self) -> dict[str, Stack]:
        return {"encoder": self.encoder, "decoder": self.decoder}

    def trace(self) -> dict[str, Any]:
        """Copies of all z, a and delta that the last `learn` computed, of both halves; raises ModelError before the first."""
        if not self.decoder.delta:
            raise ModelError("nothing to trace yet: run a training step first")
        return {
            f"{half}.{what}": [array.copy() for array in getattr(stack, what)]
            for half, stack in self._stacks().items()
            for what in ("z", "a", "delta")
        }

    def first_non_finite(self) -> str:
        """The first thing in the order of computation that is NaN or infinite, in words; "" where all is finite."""
        for half, stack in self._stacks().items():
            for layer, (w, z) in enumerate(zip(stack.weights, stack.z, strict=False)):
                for what, array in (("weights w", w), ("weighted input z", z)):
                    if not np.isfinite(array).all():
                        return f"the {what} of layer {layer + 2} of the {half}"
        return "" if np.isfinite(self.parameters).all() else "the parameters"

    def tensors(self) -> dict[str, Array]:
        """The parameters by their names in a model file: views, not copies."""
        return {name: view for half, stack in self._stacks().items() for name, view in stack.tensors(half).items()}

    def architecture(self) -> dict[str, Any]:
        """What a model file says of the network, and what makes it again."""
        return {
            "kind": self.kind,
            "n": self.n,
            "hidden": list(self.hidden),
            "latent": self.latent,
            "activation": self.activation,
            "reconstruction": self.reconstruction,
            "classes": self.classes,
        }

    @property
    def n_inputs(self) -> int:
        """How many numbers an image has."""
        return self.n

    @property
    def n_outputs(self) -> int:
        """How many numbers come out."""
        return self.n

    def _sizes(self) -> str:
        return "-".join(map(str, (self.n, *self.hidden, self.latent, *reversed(self.hidden), self.n)))


def from_architecture(make: Any, called: str, architecture: dict[str, Any], dtype: Any) -> Any:
    """The untrained network of this class that an `architecture` described; raises ModelError where it describes none."""
    try:
        settings = {name: value for name, value in architecture.items() if name != "kind"}
        return make(settings.pop("n"), settings.pop("hidden"), settings.pop("latent"), dtype=dtype, **settings)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(
            f"the architecture is not {called}'s ({error!r}): expected n, hidden, latent and its settings"
        ) from error


def from_recipe(make: Any, recipe: Any, train: Any, dtype: Any) -> Any:
    """The untrained network of this class for a recipe, for data that `train` is the training part of."""
    options = {"latent": 8, "activation": recipe.activation} | recipe.model_options
    check_options(recipe, [*limits.parameters(make, "n", "hidden", "activation", "classes", "seed", "dtype"), "conditional"])
    if limits.truth("model_options: conditional", options.pop("conditional", False)):
        options["classes"] = train.n_classes
    return make(train.flat.shape[1], recipe.hidden, options.pop("latent"), seed=recipe.seed, dtype=dtype, **options)
