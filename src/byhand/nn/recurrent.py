r"""Recurrent networks: one step, used again at each place of a sequence, with a state that it hands on.

The forward pass is the textbook's loop over time, and every step leaves its ops on the tape. So the tape walks back through
time by itself: the state of a step gets its error from the output there and from the next step, and the weights, which all steps
share, collect theirs from each:

    \frac{\partial C}{\partial w} = \sum_t \frac{\partial C}{\partial z_t} \frac{\partial z_t}{\partial w}

Source: Werbos (1990), "Backpropagation through time: what it does and how to do it".
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import numpy as np

from byhand import limits
from byhand.backend import array_module, generator
from byhand.engine import Tensor, ops, scope
from byhand.engine.tensor import watching
from byhand.errors import EngineError
from byhand.initialisers import he
from byhand.nn.dropout import Dropout
from byhand.nn.linear import weighted
from byhand.nn.module import Module, Parameter
from byhand.nn.sizes import at_least_one

LAYERS = 100  # at most: a model file must not ask for more than anyone trains
State = tuple[Any, ...]  # h, and of an LSTM c: (N, hidden_size) each


class _Recurrent(Module):
    """What RNN, LSTM and GRU share: layers upon each other, in one direction or in both, and the loop over time.

    The parameters of layer 0 are weight_ih_l0 (gates hidden_size, input_size), weight_hh_l0 (gates hidden_size, hidden_size),
    bias_ih_l0 and bias_hh_l0, those of the way backwards end in "_reverse": PyTorch's names and layout.
    """

    settings: tuple[str, ...] = (
        "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"
    )  # fmt: skip
    gates = 1  # how many weighted inputs a unit has
    states: tuple[str, ...] = ("h_0",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        name = type(self).__name__
        limits.whole(f"{name}: num_layers", num_layers, most=LAYERS)
        at_least_one(name, gates=self.gates, hidden_size=hidden_size, wider=1 if bidirectional is False else 2)
        at_least_one(name, gates_of_input=self.gates, hidden_size=hidden_size, input_size=input_size)
        at_least_one(name, gates_of_state=self.gates, hidden_size=hidden_size, hidden_size_again=hidden_size)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first = limits.truth(f"{name}: bias", bias), limits.truth(f"{name}: batch_first", batch_first)
        self.bidirectional = limits.truth(f"{name}: bidirectional", bidirectional)
        self.dropout = limits.number(f"{name}: dropout", dropout, least=0, below=1)
        self.between = Dropout(self.dropout)
        for layer in range(num_layers):
            n_in = input_size if layer == 0 else hidden_size * len(self.directions)
            for direction in self.directions:
                shapes = {"weight_ih": (n_in,), "weight_hh": (hidden_size,)} | ({"bias_ih": (), "bias_hh": ()} if bias else {})
                for kind, rest in shapes.items():
                    parameter = Parameter(np.zeros((self.gates * hidden_size, *rest), np.float32))
                    setattr(self, f"{kind}_l{layer}{direction}", parameter)
        self.draw(he, generator(0, "weights"))

    @property
    def directions(self) -> tuple[str, ...]:
        """The ends of the parameters' names: forwards, and with `bidirectional` backwards."""
        return ("", "_reverse") if self.bidirectional else ("",)

    def draw(self, fill: Any, rng: np.random.Generator) -> None:
        bound = 1 / math.sqrt(self.hidden_size)  # as PyTorch's, of weights and biases alike
        for _, parameter in self._inside():
            if isinstance(parameter, Parameter):
                parameter.data[...] = rng.uniform(-bound, bound, parameter.shape)

    def step(self, z: Any, state: State, w: Any, b: Any) -> State:
        """The state after one step. z: what the input gives to the gates, (N, gates hidden_size); w, b: of the state."""
        raise NotImplementedError(f"{type(self).__name__} has no step")

    def forward(self, x: Any, state: Any = None) -> tuple[Any, Any]:
        """The outputs h of all steps, (N, T, directions hidden_size), and the state after the last.

        Without `batch_first`, x and the outputs are (T, N, ...). The state is (layers directions, N, hidden_size), of an LSTM two
        of these, h and c; 0 in the beginning, unless it is given.
        """
        if x.ndim != 3 or x.shape[2] != self.input_size or 0 in x.shape:
            first = "N, T" if self.batch_first else "T, N"
            raise EngineError(f"{type(self).__name__}: x must be ({first}, {self.input_size}), got {x.shape}")
        if not self.batch_first:
            x = ops.transpose(x, axes=(1, 0, 2))
        before, after = self._beginning(x, state), list[State]()
        for layer in range(self.num_layers):
            outputs = []
            for direction in self.directions:
                with scope(f"l{layer}{direction}") if watching() else nullcontext():
                    h, end = self._through_time(x, before[len(after)], f"l{layer}{direction}")
                outputs.append(h)
                after.append(end)
            x = outputs[0] if len(outputs) == 1 else ops.concat(*outputs, axis=2)
            if layer < self.num_layers - 1:
                x = self.between(x)
        ends = tuple(_stacked([end[k] for end in after], axis=0) for k in range(len(self.states)))
        y = x if self.batch_first else ops.transpose(x, axes=(1, 0, 2))
        return y, ends if len(ends) > 1 else ends[0]

    def _through_time(self, x: Any, state: State, place: str) -> tuple[Any, State]:
        """One layer in one direction: its outputs (N, T, hidden_size), in the order of time, and its state at the end."""
        w_x, w_h, b_x, b_h = (getattr(self, f"{kind}_{place}", None) for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        z = weighted(x, w_x, b_x)  # of all steps at once: it does not depend on the state
        parts, outputs = _steps(z), []
        times = range(len(parts))
        for t in reversed(times) if place.endswith("_reverse") else times:
            with scope(f"t{t}") if watching() else nullcontext():
                state = self.step(parts[t], state, w_h, b_h)
            outputs.append(state[0])
        return _stacked(outputs[::-1] if place.endswith("_reverse") else outputs, axis=1), state

    def _beginning(self, x: Any, state: Any) -> list[State]:
        """The state before the first step, for each layer and direction."""
        shape = (self.num_layers * len(self.directions), x.shape[0], self.hidden_size)
        if state is None:
            given: tuple[Any, ...] = tuple(array_module(x.data).zeros(shape, x.dtype) for _ in self.states)
        else:
            given = tuple(state) if isinstance(state, tuple | list) and len(self.states) > 1 else (state,)
        wrong = [np.shape(one.data if isinstance(one, Tensor) else one) for one in given]
        if len(given) != len(self.states) or any(one != shape for one in wrong):
            names = ", ".join(self.states)
            raise EngineError(f"{type(self).__name__}: the state must be {names}, each {shape}, got {', '.join(map(str, wrong))}")
        return [tuple(one[k] if isinstance(one, Tensor) else Tensor(one[k]) for one in given) for k in range(shape[0])]

    def _parts(self, z: Any) -> list[Any]:
        """The gates' weighted inputs, (N, hidden_size) each."""
        n = self.hidden_size
        return [z[:, k * n : (k + 1) * n] for k in range(self.gates)]


class RNN(_Recurrent):
    r"""Elman's recurrent network: each step sees its input and the hidden state of the step before.

    Equation:
        h_t = \tanh(w_x x_t + b_x + w_h h_{t-1} + b_h)
    Shapes:
        x: (N, T, input_size) with `batch_first`, else (T, N, input_size), h_0: (layers, N, hidden_size) -> h of all steps, h_T
    Source:
        Elman (1990), "Finding structure in time"; Goodfellow, Bengio and Courville (2016), eqs. 10.8 and 10.9

    `nonlinearity` "relu" bends by a ReLU in place of the tanh.
    """

    settings = (
        "input_size", "hidden_size", "num_layers", "nonlinearity", "bias", "batch_first", "dropout", "bidirectional"
    )  # fmt: skip

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        self.nonlinearity = limits.one_of("RNN: nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)

    def step(self, z: Any, state: State, w: Any, b: Any) -> State:
        (h,) = state
        bend = ops.tanh if self.nonlinearity == "tanh" else ops.relu
        return (bend(z + weighted(h, w, b)),)


class LSTM(_Recurrent):
    r"""Long short-term memory: a cell that keeps what its gates let it keep, so that errors reach far back in time.

    Equation:
        i_t = \sigma(w_{xi} x_t + b_{xi} + w_{hi} h_{t-1} + b_{hi}), \quad f_t, o_t \text{ likewise}, \quad
        g_t = \tanh(w_{xg} x_t + b_{xg} + w_{hg} h_{t-1} + b_{hg}), \quad
        c_t = f_t \odot c_{t-1} + i_t \odot g_t, \quad h_t = o_t \odot \tanh c_t
    Shapes:
        x: (N, T, input_size) with `batch_first`, else (T, N, input_size), (h_0, c_0): (layers, N, hidden_size) each
        -> h of all steps, (h_T, c_T); the gates stand in the weights in the order i, f, g, o
    Source:
        Hochreiter and Schmidhuber (1997), "Long short-term memory"; the forget gate: Gers et al. (2000), "Learning to forget"

    >>> from byhand.engine import Tensor
    >>> y, (h, c) = LSTM(3, 5, batch_first=True)(Tensor(np.zeros((2, 7, 3), np.float32)))
    >>> y.shape, h.shape
    ((2, 7, 5), (1, 2, 5))
    """

    gates = 4
    states = ("h_0", "c_0")

    def step(self, z: Any, state: State, w: Any, b: Any) -> State:
        h, c = state
        i, f, g, o = self._parts(z + weighted(h, w, b))
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        return ops.sigmoid(o) * ops.tanh(c), c


class GRU(_Recurrent):
    r"""Gated recurrent unit: one state, of which a gate decides how much is made anew.

    Equation:
        r_t = \sigma(w_{xr} x_t + b_{xr} + w_{hr} h_{t-1} + b_{hr}), \quad u_t \text{ likewise}, \quad
        n_t = \tanh(w_{xn} x_t + b_{xn} + r_t \odot (w_{hn} h_{t-1} + b_{hn})), \quad
        h_t = (1 - u_t) \odot n_t + u_t \odot h_{t-1}
    Shapes:
        as the RNN's; the gates stand in the weights in the order r, u, n
    Source:
        Cho et al. (2014), arXiv:1406.1078, section 2.3; the reset gate after the product: cuDNN's form, which PyTorch has as well
    """

    gates = 3

    def step(self, z: Any, state: State, w: Any, b: Any) -> State:
        (h,) = state
        x_r, x_u, x_n = self._parts(z)
        h_r, h_u, h_n = self._parts(weighted(h, w, b))
        r, u = ops.sigmoid(x_r + h_r), ops.sigmoid(x_u + h_u)
        n = ops.tanh(x_n + r * h_n)
        return ((1 - u) * n + u * h,)


def _steps(z: Any) -> list[Any]:
    """(N, T, n) as T steps (N, n): cut in halves again and again, as a part's gradient is as large as what it was cut from."""
    n_steps = z.shape[1]
    if n_steps == 1:
        return [z[:, 0]]
    return _steps(z[:, : n_steps // 2]) + _steps(z[:, n_steps // 2 :])


def _stacked(parts: list[Any], axis: int) -> Any:
    """(N, n) each as one array with a new axis."""
    return ops.concat(*(ops.reshape(one, shape=(*one.shape[:axis], 1, *one.shape[axis:])) for one in parts), axis=axis)
