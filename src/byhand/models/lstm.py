r"""A recurrent network that writes: for each character of a text, the probabilities of the next one.

Each character becomes a vector; a long short-term memory reads the vectors one after the other, and keeps in its state what it
needs of all that came before; a layer reads the state at each place.

    x_t = e_{c_t}
    (h_t, s_t) = LSTM(x_t, h_{t-1}, s_{t-1})
    p(c_{t+1} | c_1 ... c_t) = softmax(w_o h_t + b_o)

Source: Graves (2013), "Generating sequences with recurrent neural networks", arXiv:1308.0850, section 3.
"""

from __future__ import annotations

from typing import Any

from byhand import limits
from byhand.network_kinds import NetworkKind, check_options, register
from byhand.nn import LSTM, Dropout, Embedding, Linear, Module, Network
from byhand.nn import network as networks


class RecurrentWriter(Module):
    r"""An LSTM that reads characters and tells, at each place, the next.

    Equation:
        x_t = e_{c_t}, \quad (h_t, s_t) = \operatorname{LSTM}(x_t, h_{t-1}, s_{t-1}), \quad z_t = w_o h_t + b_o
    Shapes:
        c: (N, t) whole numbers below n_characters -> z: (N, t, n_characters)
    Source:
        Graves (2013), arXiv:1308.0850, section 3

    Arguments: `length` T, how many characters it learns from at once, and is shown to go on from; `width` of a character's
    vector and of the state; `depth`, how many LSTMs upon each other; `dropout` in training, of what goes into each and comes out.

    >>> RecurrentWriter(96, length=64, width=32, depth=1).n_parameters
    14688
    """

    settings = ("n_characters", "length", "width", "depth", "dropout")
    reads_indices = True

    def __init__(self, n_characters: int, *, length: int = 96, width: int = 256, depth: int = 1, dropout: float = 0.0) -> None:
        limits.whole("RecurrentWriter: length", length)
        self.n_characters, self.length, self.width, self.depth, self.dropout = n_characters, length, width, depth, dropout
        self.character = Embedding(n_characters, width)
        self.drop = Dropout(dropout)
        self.memory = LSTM(width, width, num_layers=depth, batch_first=True, dropout=dropout)
        self.output = Linear(width, n_characters)

    def forward(self, characters: Any) -> Any:
        h, _ = self.memory(self.drop(self.character(characters)))
        return self.output(self.drop(h))


def from_recipe(recipe: Any, train: Any, dtype: Any, device: str) -> Network:
    """The untrained network of a recipe, for text that `train` is the training part of."""
    check_options(recipe, limits.parameters(RecurrentWriter, "n_characters", "length", "dropout"))
    module = RecurrentWriter(train.n_classes, length=train.inputs.shape[1], dropout=recipe.dropout, **recipe.model_options)
    return networks.from_recipe(recipe, train, module, dtype, device)


register(
    NetworkKind(
        "lstm",
        build=from_recipe,
        settings=("model_options", "cost", "initialiser", "dropout", "label_smoothing"),
        reads_text=True,
    )
)
