r"""One call of an op with its arrays named, and the terms of any number that it computed or handed back.

An op may say its terms itself, beside its mathematics. For an op that says nothing they follow from what it computes:

    y_i = \sum_k \frac{\partial y_i}{\partial x_k} x_k  where the op is linear
    \partial C/\partial x_k = \sum_i \delta_i \frac{\partial y_i}{\partial x_k}

so that every op, a user's own too, can be opened down to its numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.engine.op import Op
from byhand.engine.tensor import Node, Tensor
from byhand.formula import setting
from byhand.terms import NOTHING, Array, Aside, At, Factor, NamedArray, Sum, single

GREEK = {"gamma", "beta", "mu", "sigma", "alpha"}
STEP = 1e-5  # of the central differences, for numbers about 1
LINEAR = 1e-9  # by how much, relatively, a sum may miss the number for the op to count as linear


@dataclass(frozen=True)
class Call:
    """An op with what it read, computed and got back.

    Attributes:
        inputs: as they were given: tensors, arrays, plain numbers, or None.
        operands: the same as named arrays; None where a plain number or nothing stands.
        output, delta: what was computed, and its error dC/d(output); delta is None where none came back.
    """

    op: Op
    inputs: tuple[Any, ...]
    options: dict[str, Any]
    saved: Any
    operands: tuple[NamedArray | None, ...]
    output: NamedArray
    delta: NamedArray | None

    def operand(self, slot: int) -> NamedArray:
        array = self.operands[slot]
        assert array is not None
        return array

    @property
    def error(self) -> NamedArray:
        assert self.delta is not None
        return self.delta

    def named(self, symbol: str) -> NamedArray | None:
        """The operand that `forward` calls so; None where there is none."""
        places = self.op.places
        slot = places.index(symbol) if symbol in places else -1
        return self.operands[slot] if 0 <= slot < len(self.operands) else None

    # ---------------------------------------------------------------- what an op says, or what follows

    def terms(self, at: At) -> list[Sum]:
        """What one number of the output is the sum of."""
        own: Callable[..., list[Sum]] | None = self.op.said("terms")
        if own is not None:
            return own(self, at)
        return self._of_one(at) if self.op.said("formula") is not None else self._by_linearity(at)

    def gradient_terms(self, slot: int, at: At) -> list[Sum]:
        """What the op hands back to one number of an input is the sum of; every term has a number of delta."""
        own: Callable[..., list[Sum] | None] | None = self.op.said("gradient_terms")
        if own is not None:
            terms = own(self, slot, at)
            if terms is not None:
                return terms
        elif self.op.said("formula") is not None:
            z = self.operand(0).factor(at)
            said = self.op.said("slope")
            return [single(self.error.factor(at), Factor(said or f"f'({z.symbol})", self._slope(at), z.ref))]
        return self._gradient_by_linearity(slot, at)

    def aside(self, at: At) -> Aside:
        """What leads to a number of the output and is no term of it."""
        own = self.op.said("aside")
        return own(self, at) if own is not None else NOTHING

    def gradient_aside(self, slot: int, at: At) -> Aside:
        """The same for what is handed back to a number of an input."""
        own = self.op.said("gradient_aside")
        return own(self, slot, at) if own is not None else NOTHING

    # ---------------------------------------------------------------- functions of one number

    def _of_one(self, at: At) -> list[Sum]:
        """f(z), by the op's formula, which is worked out here and not taken from the output."""
        z = self.operand(0).factor(at)
        worked, value = self.op.said("formula")(z.value, **self.options)
        return [single(Factor(rf"\operatorname{{{self.op.name.replace('_', ' ')}}}({z.symbol})", value, z.ref, worked))]

    def _slope(self, at: At) -> float:
        """f'(z) of a function of one number: the op's own gradient, for a single number whose error is 1."""
        z = np.asarray(self.operand(0).values[at], np.float64).reshape(1)
        _, saved = self.op.forward(np, z, **self.options)
        return float(np.reshape(self._handed_back(saved, np.ones(1), 1)[0], -1)[0])

    def _handed_back(self, saved: Any, delta: Any, inputs: int) -> tuple[Any, ...]:
        gradient = self.op.gradient
        back = gradient(np, saved, delta, [True] * inputs) if self.op.selective else gradient(np, saved, delta)
        return back if isinstance(back, tuple) else (back,)

    # ---------------------------------------------------------------- by linearity

    def _doubles(self) -> list[Any]:
        """What the op read, in float64 where it is a floating-point array."""
        found = []
        for given, array in zip(self.inputs, self.operands, strict=True):
            plain = array.values if array is not None else given.data if isinstance(given, Tensor) else given
            found.append(np.array(plain, np.float64) if getattr(plain, "dtype", np.dtype(int)).kind == "f" else plain)
        return found

    def _by_linearity(self, at: At) -> list[Sum]:
        """Of a linear op all terms dy/dx x, and the number itself, as a function of what was read, of any other."""
        value = float(self.output.values[at])
        arrays = self._doubles()
        _, saved = self.op.forward(np, *arrays, **self._undisturbed())
        pick = np.zeros(self.output.values.shape)
        pick[at] = 1.0
        sums = []
        for slot, row in enumerate(self._handed_back(saved, pick, len(arrays))):
            operand = self.operands[slot] if slot < len(self.operands) else None
            if row is None or operand is None:
                continue
            sums.append(self._products(np.asarray(row, np.float64), operand))
        total = math.fsum(float(each.values.sum()) for each in sums)
        if sums and math.isclose(total, value, rel_tol=LINEAR, abs_tol=1e-12):
            return sums
        first = next((array for array in self.operands if array is not None), None)
        ref = first.factor(at).ref if first is not None and first.values.shape == self.output.values.shape else None
        symbols = ", ".join(array.symbol for array in self.operands if array is not None)
        return [single(Factor(rf"\operatorname{{{self.op.name.replace('_', ' ')}}}({symbols})", value, ref))]

    @staticmethod
    def _products(row: Array, operand: NamedArray) -> Sum:
        def factors(k: int) -> tuple[Factor, ...]:
            place = unravelled(k, row.shape)
            share = row[place]
            return (*(() if share == 1 else (constant(float(share)),)), operand.factor(place))

        return Sum(row * operand.values, factors)

    def _gradient_by_linearity(self, slot: int, at: At) -> list[Sum]:
        """delta times dy/dx, measured by central differences: as many terms as the number had readers."""
        operand = self.operand(slot)
        h = STEP * max(1.0, abs(float(operand.values[at])))
        sides = []
        for sign in (1, -1):
            arrays = self._doubles()
            arrays[slot] = np.array(operand.values, np.float64)
            arrays[slot][at] += sign * h
            sides.append(np.asarray(self.op.forward(np, *arrays, **self._undisturbed())[0]))
        column, delta = (sides[0] - sides[1]) / (2 * h), self.error
        mine = operand.factor(at)

        def factors(k: int) -> tuple[Factor, ...]:
            place = unravelled(k, column.shape)
            where = ",".join(map(str, place))
            slope = rf"\frac{{\partial {self.output.symbol}_{{{where}}}}}{{\partial {mine.symbol}}}"
            return delta.factor(place), Factor(slope, float(column[place]), mine.ref)

        return [Sum(np.asarray(delta.values, np.float64) * column, factors, bool(column.ndim))]

    def _undisturbed(self) -> dict[str, Any]:
        """The options with arrays of their own, since an op may change some, such as running means."""
        return {name: option.copy() if isinstance(option, np.ndarray) else option for name, option in self.options.items()}


def call_of(node: Node) -> Call:
    """A call as a watched tape has it; its arrays are called as in the op's `forward`, and have no names of their own."""

    def named(symbol: str, given: Any) -> NamedArray | None:
        values = given.data if isinstance(given, Tensor) else given
        return NamedArray("", symbol, values) if hasattr(values, "shape") else None

    operands = tuple(named(symbol_of(node.op, slot), given) for slot, given in enumerate(node.inputs))
    output, delta = named(output_symbol(node.op), node.output), named(r"\delta", node.delta)
    assert output is not None
    return Call(node.op, node.inputs, node.options, node.saved, operands, output, delta)


def symbol_of(op: Op, slot: int) -> str:
    """What an op's mathematics calls its input at this place, as LaTeX."""
    return latex(op.places[slot]) if slot < len(op.places) else f"a^{{({slot + 1})}}"


def output_symbol(op: Op) -> str:
    """What an op's mathematics calls its output: see `Shapes:` in its docstring. "y" where it says nothing."""
    found = re.search(r"->\s*(\w+)\s*:", op.documented().shapes)
    return latex(found[1]) if found else "y"


def latex(name: str) -> str:
    """A name in the code as the symbol of the equations.

    >>> latex("gamma"), latex("log_sigma"), latex("w")
    ('\\\\gamma', '\\\\ln \\\\sigma', 'w')
    """
    return f"\\{name}" if name in GREEK else r"\ln \sigma" if name == "log_sigma" else name


# ---------------------------------------------------------------- what ops need to say their terms


def constant(value: float, shown: str = "") -> Factor:
    """A plain number as a factor."""
    text = shown or (setting(value) if value >= 0 else f"({setting(value)})")
    return Factor(text, value, worked=text)


def share(n: int) -> Factor:
    """1/n."""
    return Factor(rf"\frac{{1}}{{{n}}}", 1 / n, worked=rf"\frac{{1}}{{{n}}}")


def unravelled(flat: int, shape: At) -> At:
    """Where a flat index stands in an array of this shape."""
    return tuple(int(k) for k in np.unravel_index(flat, shape))


def broadcast_place(at: At, shape: At) -> At:
    """Where a number stands in an array of this shape that was broadcast.

    >>> broadcast_place((3, 14, 14, 5), (8, 1, 1, 16))
    (3, 0, 0, 5)
    """
    return tuple(0 if n == 1 else k for k, n in zip(at[len(at) - len(shape) :], shape, strict=True))


def sum_of_errors(delta: NamedArray, channel: int) -> list[Sum]:
    r"""\sum \delta of one channel over samples and places: the gradient of a bias."""
    values = delta.values[..., channel]
    return [Sum(values, lambda k: (delta.factor((*unravelled(k, values.shape), channel)),), True)]


def scaled(call: Call) -> tuple[Factor, ...]:
    """The error of a cost as a factor: 1, which needs no mention, unless the cost is only a part of another."""
    return () if float(call.error.values) == 1 else (call.error.factor(()),)
