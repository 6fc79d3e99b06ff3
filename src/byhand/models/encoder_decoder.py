"""What an autoencoder and a VAE share: an encoder, a decoder, and one flat vector for the parameters of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand import activations, costs
from byhand.backend import Array, float_type, generator
from byhand.errors import ModelError
from byhand.models.stack import Stack

ROWS = 2_048  # images at a time where no gradient is wanted
RECONSTRUCTIONS = {"bernoulli": ("sigmoid", "cross_entropy"), "gaussian": ("sigmoid", "quadratic")}


class EncoderDecoder:
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
        whole = all(isinstance(size, int) and not isinstance(size, bool) and size >= 1 for size in (n, *hidden, latent))
        if not whole or not isinstance(classes, int) or classes < 0:
            raise ModelError(
                f"{type(self).__name__}: {n} numbers, hidden {tuple(hidden)}, latent {latent}, {classes} classes: "
                "give whole numbers from 1 up, and classes from 0"
            )
        if reconstruction not in RECONSTRUCTIONS:
            raise ModelError(f"reconstruction {reconstruction!r} is unknown: choose bernoulli or gaussian")
        self.n, self.hidden, self.latent, self.classes = n, tuple(hidden), latent, classes
        self.activation, self.reconstruction, self.dtype = activation, reconstruction, float_type(dtype)
        output, cost = RECONSTRUCTIONS[reconstruction]
        self.cost = costs.named(cost, activations.named(output))

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
        self.buffers: dict[str, Array] = {}

    def _reconstruction_error(self, x: Array) -> Array:
        """BP1 for the decoder's last outputs: dL_rec/dz of each image, (m, n)."""
        out = self.decoder
        return self.cost.output_error(out.z[-1], out.a[-1], x, out.activations[-1], np.empty_like(out.a[-1]))

    def _reconstruction_cost(self, x: Array) -> Array:
        """L_rec of each image, (m,): a sum over its numbers."""
        out = self.decoder
        return self.cost.per_sample(out.z[-1], out.a[-1], x, out.activations[-1])

    def decode(self, z: Array, y: Array | None = None) -> Array:
        """The images of codes (N, d), as numbers in [0, 1], (N, n)."""
        z = np.asarray(z, self.dtype)
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise ModelError(f"the codes are {z.shape}, but this network wants (N, {self.latent})")
        return self.decoder.forward(self._with_class(z, y))

    def _with_class(self, a: Array, y: Array | None) -> Array:
        if not self.classes:
            return a
        shape = None if y is None else tuple(y.shape)
        if y is None or shape != (len(a), self.classes):
            raise ModelError(f"a conditional network wants the classes too, ({len(a)}, {self.classes}), one-hot, but got {shape}")
        return np.concatenate([a, np.asarray(y, self.dtype)], axis=1)

    def _rows(self, x: Array) -> Array:
        x = np.asarray(x, self.dtype)
        if x.ndim < 2 or x.size != len(x) * self.n or len(x) == 0:
            raise ModelError(
                f"the images are {x.shape}, but this network wants (m, {self.n}): one row of {self.n} numbers an image"
            )
        return x.reshape(len(x), self.n)

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
