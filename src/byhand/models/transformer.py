r"""A transformer that writes: for each character of a text, the probabilities of the next one.

Each character becomes a vector x, to which the vector of its place is added. Blocks read and write x, each a little:
attention brings in what stands before, the layers after it think about it at each place alone.

    x_t = e_{c_t} + p_t
    x <- x + Attention(LayerNorm(x))                        every place looks back, in several heads
    x <- x + w_2 gelu(w_1 LayerNorm(x) + b_1) + b_2         four times as wide inside
    p(c_{t+1} | c_1 ... c_t) = softmax(w_o LayerNorm(x_t) + b_o)

Source: Vaswani et al. (2017), arXiv:1706.03762, sections 3.1 to 3.3, the decoder; the form without an encoder, with learned
places, is Radford et al. (2018), "Improving language understanding by generative pre-training", section 3.1; normalisation
before each part, and the smaller weights at its end, are Radford et al. (2019), "Language models are unsupervised multitask
learners", section 2.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import generator, on_device
from byhand.engine import Tensor, no_grad
from byhand.errors import ModelError
from byhand.network_kinds import NetworkKind, check_options, register
from byhand.neural_network import NeuralNetwork
from byhand.nn import GELU, Dropout, Embedding, LayerNorm, Linear, Module, MultiheadAttention, Network, Residual, Sequential
from byhand.nn import network as networks

DEPTH = 100  # blocks at most: a model file must not ask for more modules than anyone trains


class Transformer(Module):
    r"""A decoder that reads characters and tells, at each place, the next.

    Equation:
        x_t = e_{c_t} + p_t, \quad
        x \leftarrow x + \operatorname{Attention}(\operatorname{LN}(x)), \quad
        x \leftarrow x + w_2 \operatorname{gelu}(w_1 \operatorname{LN}(x) + b_1) + b_2, \quad
        z_t = w_o \operatorname{LN}(x_t) + b_o
    Shapes:
        c: (N, t) whole numbers below n_characters, t up to length -> z: (N, t, n_characters)
    Source:
        Vaswani et al. (2017), arXiv:1706.03762, section 3; Radford et al. (2019), section 2.3

    Arguments: `length` T, the most characters it sees at once; `width` of a character's vector; `depth`, how many blocks;
    `heads` a block, a divisor of the width; `dropout` in training, of the sums at the beginning and of what each part adds.

    >>> Transformer(96, length=64, width=32, depth=2, heads=4).n_parameters
    33760
    """

    settings = ("n_characters", "length", "width", "depth", "heads", "dropout")
    reads_indices = True

    def __init__(
        self, n_characters: int, *, length: int = 96, width: int = 128, depth: int = 2, heads: int = 4, dropout: float = 0.0
    ) -> None:
        limits.whole("Transformer: depth", depth, most=DEPTH)
        self.n_characters, self.length, self.width = n_characters, length, width
        self.depth, self.heads, self.dropout = depth, heads, dropout
        self.character = Embedding(n_characters, width)
        self.place = Embedding(length, width)
        self.drop = Dropout(dropout)
        self.blocks = Sequential(*[_block(width, heads, dropout) for _ in range(depth)])
        self.norm = LayerNorm(width)
        self.output = Linear(width, n_characters)

    def initialise(self, seed: int, initialiser: str = "he") -> Module:
        """Draw all weights anew; then what adds to x is made small, so that x keeps its size through all blocks."""
        super().initialise(seed, initialiser)
        for name, parameter in self.parameters():
            if name.endswith(("out_proj.weight", "inner.3.weight")):
                parameter.data *= 1 / math.sqrt(2 * self.depth)  # 1 / sqrt(N) with N parts that add: Radford et al. (2019)
        return self

    def forward(self, characters: Any) -> Any:
        t = characters.shape[1]
        if t > self.length:
            raise ModelError(
                f"Transformer: there must be at most {self.length} characters at once, got {t}: give the last {self.length}"
            )
        x = self.character(characters) + self.place(np.arange(t))
        return self.output(self.norm(self.blocks(self.drop(x))))


def _block(width: int, heads: int, dropout: float) -> Sequential:
    look = Sequential(LayerNorm(width), MultiheadAttention(width, heads, causal=True), Dropout(dropout))
    think = Sequential(LayerNorm(width), Linear(width, 4 * width), GELU("tanh"), Linear(4 * width, width), Dropout(dropout))
    return Sequential(Residual(look), Residual(think))


def generate(
    network: NeuralNetwork, prompt: str, n: int = 200, *, alphabet: Sequence[str], temperature: float = 0.8, seed: int = 0
) -> str:
    r"""Go on from a prompt by n characters, each drawn from what the network expects after all before it.

    Equation:
        c_{t+1} \sim \operatorname{softmax}(z_t / \tau)
    Source:
        Ackley, Hinton and Sejnowski (1985), "A learning algorithm for Boltzmann machines", eq. 5, for the temperature

    Arguments:
        alphabet: the network's classes, one character each.
        temperature: tau; 1 draws by the network's own probabilities, less is safer, 0 takes the likeliest each time.
        seed: of the draws; the same seed gives the same text.

    Raises ModelError for a network that continues no text, a character that it does not know, or settings out of range.
    """
    places = {character: i for i, character in enumerate(alphabet)}
    if not isinstance(network, Network) or not network.reads_text or len(places) != network.n_outputs:
        raise ModelError(f"{network!r} continues no text: choose a model of text, as `byhand train attention` makes one")
    strange = sorted(set(prompt) - set(places))
    if strange or not prompt:
        what = f"holds {strange[0]!r}, which this model never saw" if strange else "is empty"
        raise ModelError(f"the prompt {what}: give one or more of its {len(places)} characters, {''.join(alphabet)!r}")
    temperature, n = limits.number("temperature", temperature, least=0), limits.whole("the length", n, least=0)
    rng, length = generator(seed, "generate"), getattr(network.module, "length", network.input_shape[0])
    written = [places[character] for character in prompt]
    network.module.eval()
    for _ in range(n):
        seen = np.array([written[-length:]])
        with no_grad():
            z = network.module(Tensor(on_device(seen, network.device)))
        written.append(draw(on_device(z.data, "cpu")[0, -1], temperature, rng))
    return "".join(alphabet[i] for i in written[len(prompt) :])


def draw(z: Any, temperature: float, rng: np.random.Generator) -> int:
    """One of K classes, by the softmax of its weighted inputs z (K,) at this temperature."""
    z = np.asarray(z, np.float64)
    if temperature == 0:
        return int(z.argmax())
    up_to = np.cumsum(np.exp((z - z.max()) / temperature))
    return min(int(np.searchsorted(up_to, rng.random() * up_to[-1], side="right")), len(z) - 1)


def from_recipe(recipe: Any, train: Any, dtype: Any, device: str) -> Network:
    """The untrained network of a recipe, for text that `train` is the training part of."""
    check_options(recipe, limits.parameters(Transformer, "n_characters", "length", "dropout"))
    module = Transformer(train.n_classes, length=train.inputs.shape[1], dropout=recipe.dropout, **recipe.model_options)
    return networks.from_recipe(recipe, train, module, dtype, device)


register(
    NetworkKind(
        "transformer",
        build=from_recipe,
        settings=("model_options", "cost", "initialiser", "dropout", "label_smoothing"),
        reads_text=True,
    )
)
