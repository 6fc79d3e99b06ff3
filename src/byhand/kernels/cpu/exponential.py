"""An exponential function that the compiler turns into vector instructions, eight or sixteen numbers at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from byhand.backend import Array
from byhand.kernels.cpu.compiled import compiled

F = np.float32
LOG2_E = F(np.log2(np.e))
LN_2_HIGH, LN_2_LOW = F(0.693145751953125), F(1.42860682030941723212e-6)  # the first has few bits, so that n times it is exact
ROUNDING = F(1.5 * 2**23)  # adding this leaves the nearest whole number in the lowest bits
BIAS, MANTISSA = np.int32(127 << 23), np.int32(23)
C0, C1, C2, C3, C4, C5, C6 = F(1), F(1), F(1 / 2), F(1 / 6), F(1 / 24), F(1 / 120), F(1 / 720)
LOWEST, HIGHEST = F(-87), F(88.7)
ZERO, INFINITY = F(0), F(np.inf)


def exp(x: Array) -> Any:
    r"""e^x: to 3e-7 in float32, and the C library's in float64.

    Equation:
        e^x = 2^n e^r, \quad n = \lfloor x \log_2 e \rceil, \quad r = x - n \ln 2, \quad e^r \approx \sum_{k=0}^{6} \frac{r^k}{k!}
    Source:
        Muller (2016), "Elementary functions", section 11.3 (Cody and Waite's reduction in two steps)
    """
    return np.exp(x)


@overload(exp)
def _exp(x: Array) -> Any:
    """Which one Numba takes in compiled code."""
    return _narrow if x == types.float32 else _wide


def _wide(x: Array) -> Any:
    return np.exp(x)


def _narrow(x: Array) -> Any:
    return _exp32(x)


@compiled(error_model="numpy", fastmath={"contract"})
def _exp32(x: Array) -> Any:
    shifted = x * LOG2_E + ROUNDING
    n = shifted - ROUNDING
    r = (x - n * LN_2_HIGH) - n * LN_2_LOW
    power = C0 + r * (C1 + r * (C2 + r * (C3 + r * (C4 + r * (C5 + r * C6)))))
    # 2^n has n + 127 where a float keeps its exponent, and the lowest bits of `shifted` are n.
    power *= np.int32((np.float32(shifted).view(np.int32) << MANTISSA) + BIAS).view(np.float32)
    power = ZERO if x < LOWEST else power
    return INFINITY if x > HIGHEST else power


ROUNDING_WIDE, LOG2_E_WIDE, LN_2 = 1.5 * 2.0**52, float(np.log2(np.e)), float(np.log(2))
SMALLEST_NORMAL = float(-126 * np.log(2))


@compiled(error_model="numpy", fastmath={"contract"})
def exp_to_single(x: Any) -> Any:
    """e^x in float32 of an x <= 0 in float64, whose rounding to float32 would cost x times as much."""
    n = (x * LOG2_E_WIDE + ROUNDING_WIDE) - ROUNDING_WIDE
    r = np.float32(x - n * LN_2)
    power = C0 + r * (C1 + r * (C2 + r * (C3 + r * (C4 + r * (C5 + r * C6)))))
    power *= np.int32((np.int32(max(n, -127.0)) << MANTISSA) + BIAS).view(np.float32)
    return ZERO if x < SMALLEST_NORMAL else power
