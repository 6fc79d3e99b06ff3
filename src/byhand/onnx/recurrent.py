"""ONNX's recurrent layers, written out step by step: RNN, GRU and LSTM over sequences (T, N, C), in one direction or both.

`nn.LSTM` and its kin have PyTorch's order of gates; ONNX has its own, an LSTM's peepholes, and a GRU's two ways to reset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from byhand.engine import Tensor, ops
from byhand.onnx.call import Call, constant, operation

GATES = ("activations", "direction", "hidden_size", "layout")
USUAL = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


def _gate(z: Tensor, k: int, size: int) -> Tensor:
    """The weighted inputs of one gate, out of those of all side by side."""
    return ops.index(z, key=(slice(None), slice(k * size, (k + 1) * size)))


def _product(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return ops.add(ops.matmul(x, ops.transpose(w)), b)


def _run(call: Call, inputs: tuple[Any, ...], gates: int, step: Callable[..., tuple[Tensor, ...]], states: int) -> Any:
    """Every direction over the whole sequence. step: the new states out of what comes in, the old ones, and the weights."""
    given: list[Any] = [*inputs, *[None] * (8 - len(inputs))]
    x, w, r, b, lengths, *starts = given
    if lengths is not None and np.ptp(lengths.data) + abs(int(lengths.data[0]) - x.shape[1 if call.get("layout", 0) else 0]):
        raise call.refuse("with sequences of several lengths is not read")
    if call.get("activations", USUAL[call.op] * w.shape[0]) != USUAL[call.op] * w.shape[0]:
        raise call.refuse(f"with activations {call.get('activations')} is not read, only {USUAL[call.op]}")
    first = call.get("layout", 0)
    if first:
        x = ops.transpose(x, axes=(1, 0, 2))
    t, n, size, way = x.shape[0], x.shape[1], r.shape[2], call.get("direction", "forward")
    outputs: list[list[Tensor]] = []
    ends: list[list[Tensor]] = []
    for d in range(w.shape[0]):
        one = [ops.index(array, key=d) for array in (w, r)]
        bias = constant(np.zeros(2 * gates * size), x) if b is None else ops.index(b, key=d)
        both = [ops.index(bias, key=slice(k * gates * size, (k + 1) * gates * size)) for k in (0, 1)]
        now = []
        for start in starts[:states]:
            begin = start if start is None or not first else ops.transpose(start, axes=(1, 0, 2))
            now.append(constant(np.zeros((n, size)), x) if begin is None else ops.index(begin, key=d))
        more = [ops.index(starts[2], key=d)] if states == 2 and starts[2] is not None else []
        seen: list[Tensor] = []
        backward = way == "reverse" or d == 1
        for k in range(t)[:: -1 if backward else 1]:
            now = list(step(ops.index(x, key=k), *now, *one, *both, *more))
            seen.append(now[0])
        outputs.append(seen[::-1] if backward else seen)
        ends.append(now)
    y = ops.stack(*[ops.stack(*[outputs[d][k] for d in range(len(outputs))], axis=0) for k in range(t)], axis=0)
    last = [ops.stack(*[end[k] for end in ends], axis=0) for k in range(states)]
    if first:
        y, last = ops.transpose(y, axes=(2, 0, 1, 3)), [ops.transpose(one, axes=(1, 0, 2)) for one in last]
    return (y, *last)[: max(1, call.outputs)]


@operation("RNN", *GATES)
def _rnn(call: Call, *inputs: Any) -> Any:
    def step(x: Tensor, h: Tensor, w: Tensor, r: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        return (ops.tanh(ops.add(_product(x, w, b), _product(h, r, c))),)

    return _run(call, inputs, 1, step, 1)


@operation("GRU", *GATES, "linear_before_reset")
def _gru(call: Call, *inputs: Any) -> Any:
    """Gates z, r, h: how much of the state stays, how much of it is seen, and what is new."""

    def step(x: Tensor, h: Tensor, w: Tensor, r: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        size = r.shape[1]
        into, back = _product(x, w, b), _product(h, r, c)
        stays, seen = (ops.sigmoid(ops.add(_gate(into, k, size), _gate(back, k, size))) for k in (0, 1))
        if call.get("linear_before_reset", 0):
            new = ops.multiply(seen, _gate(back, 2, size))
        else:
            rows, shift = ops.index(r, key=slice(2 * size, 3 * size)), ops.index(c, key=slice(2 * size, 3 * size))
            new = _product(ops.multiply(seen, h), rows, shift)
        new = ops.tanh(ops.add(_gate(into, 2, size), new))
        return (ops.add(ops.multiply(ops.subtract(constant(1, h), stays), new), ops.multiply(stays, h)),)

    return _run(call, inputs, 3, step, 1)


@operation("LSTM", *GATES, "input_forget")
def _lstm(call: Call, *inputs: Any) -> Any:
    """Gates i, o, f, c: in, out, forget, and what is new; with peepholes they see the cell too."""
    if call.get("input_forget", 0):
        raise call.refuse("with coupled gates (input_forget) is not read")

    def step(x: Tensor, h: Tensor, cell: Tensor, w: Tensor, r: Tensor, b: Tensor, c: Tensor, p: Any = None) -> tuple[Tensor, ...]:
        size = r.shape[1]
        z = ops.add(_product(x, w, b), _product(h, r, c))

        def gate(k: int, place: int, seen: Tensor) -> Tensor:
            own = _gate(z, k, size)
            if p is not None:
                own = ops.add(own, ops.multiply(seen, ops.index(p, key=slice(place * size, (place + 1) * size))))
            return ops.sigmoid(own)

        new = ops.add(ops.multiply(gate(2, 2, cell), cell), ops.multiply(gate(0, 0, cell), ops.tanh(_gate(z, 3, size))))
        return ops.multiply(gate(1, 1, new), ops.tanh(new)), new

    return _run(call, inputs, 4, step, 2)
