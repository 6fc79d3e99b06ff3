"""Functions of one number, and of two, number by number: the ops as methods, and what a line makes of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand import engine
from byhand.engine.methods.numbers import Numbers, known, renamed
from byhand.errors import EngineError

if TYPE_CHECKING:
    from byhand.engine.tensor import Tensor


class Functions(Numbers):
    """Methods that make a new number of each number."""

    __slots__ = ()
    if TYPE_CHECKING:

        def __neg__(self) -> Tensor: ...

        def __add__(self, other: Any) -> Tensor: ...

        def __mul__(self, other: Any) -> Tensor: ...

        def __truediv__(self, other: Any) -> Tensor: ...

        def __floordiv__(self, other: Any) -> Tensor: ...

    def square(self) -> Tensor:
        return engine.ops.multiply(self, self)

    def reciprocal(self) -> Tensor:
        return engine.ops.divide(1, self)

    def rsqrt(self) -> Tensor:
        return engine.ops.power(self, -0.5)

    def clip(self, low: Any = None, high: Any = None, **names: Any) -> Tensor:
        """Held between two bounds, numbers or arrays; None for a side without one.

        The bounds may be called min and max, as in NumPy, or min_ and max_. Where the lower one is above, the upper one holds.
        """
        low, high = renamed(names, low, "min", "min_"), renamed(names, high, "max", "max_")
        known("clip", names, "low, high, min, max")
        numbers = isinstance(low, int | float) and isinstance(high, int | float)
        if numbers and low > high:
            return engine.ops.multiply(self, 0) + high
        if any(isinstance(bound, engine.Tensor | np.ndarray) for bound in (low, high)):
            above: Any = self if low is None else engine.ops.maximum(self, low)
            return above if high is None else engine.ops.minimum(above, high)
        return engine.ops.clip(self, low=-math.inf if low is None else low, high=math.inf if high is None else high)

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        return self.clip(min, max)

    def leaky_relu(self, slope: float = 0.01, **names: Any) -> Tensor:
        slope = renamed(names, slope, "negative_slope", "neg_slope")
        known("leaky_relu", names, "slope, negative_slope")
        return engine.ops.leaky_relu(self, slope=slope)

    def elu(self, alpha: float = 1.0) -> Tensor:
        return engine.ops.elu(self, alpha=alpha)

    def celu(self, alpha: float = 1.0) -> Tensor:
        """alpha (e^(x / alpha) - 1) below 0: an ELU whose slope is 1 at 0 for every alpha."""
        return engine.ops.elu(engine.ops.divide(self, alpha)) * alpha

    def selu(self, alpha: float = 1.6732632423543772, gamma: float = 1.0507009873554805) -> Tensor:
        """Klambauer et al. (2017), arXiv:1706.02515: an ELU scaled so that mean 0 and variance 1 stay."""
        return engine.ops.elu(self, alpha=alpha) * gamma

    def gelu(self, approximate: str = "none") -> Tensor:
        return engine.ops.gelu(self, approximate=approximate)

    def round(self, decimals: int = 0) -> Tensor:
        return engine.ops.round(self, decimals=decimals)

    def pow(self, exponent: Any, reverse: bool = False) -> Tensor:
        """The power; with `reverse`, as in the methods below, of the other number to the exponent that stands here."""
        return engine.ops.power(*_in_order(self, exponent, reverse))

    def add(self, other: Any, reverse: bool = False) -> Tensor:
        return engine.ops.add(*_in_order(self, other, reverse))

    def sub(self, other: Any, reverse: bool = False) -> Tensor:
        return engine.ops.subtract(*_in_order(self, other, reverse))

    def mul(self, other: Any, reverse: bool = False) -> Tensor:
        return engine.ops.multiply(*_in_order(self, other, reverse))

    def div(self, other: Any, rounding_mode: str | None = None, reverse: bool = False) -> Tensor:
        """The quotient; or what is left of it when it is rounded, to 0 with "trunc", or down with "floor"."""
        if reverse:
            return (other if isinstance(other, engine.Tensor) else engine.Tensor(other, dtype=self.dtype)).div(
                self, rounding_mode
            )
        if rounding_mode not in (None, "trunc", "floor"):
            raise EngineError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")
        if rounding_mode is None:
            return engine.ops.divide(self, other)
        if rounding_mode == "floor":
            return self // other
        quotient = engine.ops.trunc(engine.ops.divide(self, other))
        whole = all(np.asarray(getattr(one, "data", one)).dtype.kind in "iu" for one in (self, other))
        return engine.Tensor(quotient.data.astype(self.dtype)) if whole else quotient

    def mod(self, other: Any, reverse: bool = False) -> Tensor:
        """What a division leaves, with the sign of the divisor; `remainder`, or `%`."""
        return engine.ops.remainder(*_in_order(self, other, reverse))

    def remainder(self, other: Any) -> Tensor:
        return engine.ops.remainder(self, other)

    def fmod(self, other: Any) -> Tensor:
        """What a division leaves, with the sign of the dividend."""
        return engine.ops.subtract(self, engine.ops.multiply(other, self.div(other, rounding_mode="trunc")))

    def maximum(self, other: Any) -> Tensor:
        return engine.ops.maximum(self, other)

    def minimum(self, other: Any) -> Tensor:
        return engine.ops.minimum(self, other)

    def where(self, condition: Any, other: Any) -> Tensor:
        """These numbers where the condition holds, the other's elsewhere; or, of a condition itself, the first or the other.

        >>> from byhand.engine import Tensor
        >>> x = Tensor([-1.0, 2.0])
        >>> x.where(x > 0, 0.0).tolist(), (x > 0).where(x, 0.0).tolist()
        ([0.0, 2.0], [0.0, 2.0])
        """
        if self.dtype.kind == "b" and getattr(getattr(condition, "dtype", None), "kind", "") != "b":
            return engine.ops.where(self, condition, other)
        return engine.ops.where(condition, self, other)

    def abs(self) -> Tensor:
        return engine.ops.absolute(self)

    def neg(self) -> Tensor:
        return engine.ops.negative(self)

    def exp(self) -> Tensor:
        return engine.ops.exp(self)

    def log(self) -> Tensor:
        return engine.ops.log(self)

    def sqrt(self) -> Tensor:
        return engine.ops.sqrt(self)

    def log1p(self) -> Tensor:
        return engine.ops.log1p(self)

    def expm1(self) -> Tensor:
        return engine.ops.expm1(self)

    def erf(self) -> Tensor:
        return engine.ops.erf(self)

    def sin(self) -> Tensor:
        return engine.ops.sin(self)

    def cos(self) -> Tensor:
        return engine.ops.cos(self)

    def tan(self) -> Tensor:
        return engine.ops.tan(self)

    def asin(self) -> Tensor:
        return engine.ops.asin(self)

    def acos(self) -> Tensor:
        return engine.ops.acos(self)

    def atan(self) -> Tensor:
        return engine.ops.atan(self)

    def sinh(self) -> Tensor:
        return engine.ops.sinh(self)

    def cosh(self) -> Tensor:
        return engine.ops.cosh(self)

    def tanh(self) -> Tensor:
        return engine.ops.tanh(self)

    def asinh(self) -> Tensor:
        return engine.ops.asinh(self)

    def acosh(self) -> Tensor:
        return engine.ops.acosh(self)

    def atanh(self) -> Tensor:
        return engine.ops.atanh(self)

    def sign(self) -> Tensor:
        return engine.ops.sign(self)

    def floor(self) -> Tensor:
        return engine.ops.floor(self)

    def ceil(self) -> Tensor:
        return engine.ops.ceil(self)

    def trunc(self) -> Tensor:
        return engine.ops.trunc(self)

    def sigmoid(self) -> Tensor:
        return engine.ops.sigmoid(self)

    def relu(self) -> Tensor:
        return engine.ops.relu(self)

    def silu(self) -> Tensor:
        return engine.ops.silu(self)

    def softplus(self, beta: float = 1.0) -> Tensor:
        return engine.ops.softplus(self) if beta == 1 else engine.ops.softplus(engine.ops.multiply(self, beta)) / beta

    swish = silu

    def mish(self) -> Tensor:
        return engine.ops.mish(self)

    def hardsigmoid(self, alpha: float = 1 / 6, beta: float = 0.5) -> Tensor:
        """alpha x + beta, held between 0 and 1; PyTorch's has the slope 1/6, Keras' 0.2."""
        if (alpha, beta) == (1 / 6, 0.5):
            return engine.ops.hardsigmoid(self)
        return (engine.ops.multiply(self, alpha) + beta).clip(0.0, 1.0)

    def hardswish(self) -> Tensor:
        return engine.ops.hardswish(self)

    def relu6(self) -> Tensor:
        """ReLU, held below 6."""
        return self.clip(0.0, 6.0)

    def hardtanh(self, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
        return self.clip(min_val, max_val)

    def softsign(self) -> Tensor:
        """x / (1 + |x|)."""
        return self / (1 + engine.ops.absolute(self))

    def quick_gelu(self) -> Tensor:
        """x times the sigmoid of 1.702 x: near to GELU."""
        return self * engine.ops.sigmoid(engine.ops.multiply(self, 1.702))

    def logsigmoid(self) -> Tensor:
        """The logarithm of the sigmoid, without the sigmoid, whose digits would be lost."""
        return -engine.ops.softplus(engine.ops.negative(self))

    def exp2(self) -> Tensor:
        return engine.ops.power(2.0, self)

    def log2(self) -> Tensor:
        return engine.ops.log(self) / math.log(2)

    def log10(self) -> Tensor:
        return engine.ops.log(self) / math.log(10)

    def lerp(self, end: Any, weight: Any) -> Tensor:
        """On the way from here to the end: a share `weight` of it."""
        return self + engine.ops.subtract(end, self) * weight

    def copysign(self, other: Any) -> Tensor:
        """The size of these numbers with the other's signs; of a zero the sign counts too."""
        signs = np.copysign(1.0, np.asarray(getattr(other, "data", other)))
        return engine.ops.absolute(self) * signs.astype(self.dtype if self.dtype.kind == "f" else float)

    def hypot(self, other: Any) -> Tensor:
        """The root of the sum of two squares."""
        return engine.ops.sqrt(engine.ops.add(engine.ops.multiply(self, self), engine.ops.multiply(other, other)))

    def atan2(self, other: Any) -> Tensor:
        return engine.ops.atan2(self, other)

    def logaddexp(self, other: Any) -> Tensor:
        return engine.ops.logaddexp(self, other)

    def nan_to_num(self, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
        """Numbers in the place of what is none; those of infinities are the largest that there are, unless given."""
        limit = np.finfo(self.dtype if self.dtype.kind == "f" else float).max
        a = self.numpy()
        filled = engine.ops.where(np.isnan(a), nan, self)
        filled = engine.ops.where(np.isposinf(a), limit if posinf is None else posinf, filled)
        return engine.ops.where(np.isneginf(a), -limit if neginf is None else neginf, filled)


def _in_order(a: Any, b: Any, reverse: bool) -> tuple[Any, Any]:
    """Both as a function of two numbers takes them."""
    return (b, a) if reverse else (a, b)
