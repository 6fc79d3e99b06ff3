r"""The standard normal distribution: its density, and how much of it lies below z.

    \phi(z) = \frac{e^{-z^2/2}}{\sqrt{2\pi}}, \quad \Phi(z) = \tfrac{1}{2} \operatorname{erfc}\left(-\frac{z}{\sqrt{2}}\right)

NumPy has no error function. With x = |z| / sqrt(2) the product (1 + 2x) e^(x^2) erfc(x) changes so little over all x >= 0 that
one polynomial in t = (x - 5/2) / (x + 5/2) gives it to the last digits, in the tail as well, where 1 + erf(z / sqrt(2)) is 0.
The coefficients are those of the Chebyshev series, computed in 50 digits.

Source: Shepherd and Laframboise (1981), "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule, array_module

MIDDLE = 2.5
ROOT_HALF = math.sqrt(0.5)
DENSITY = 1 / math.sqrt(2 * math.pi)  # at 0
# Of 1, t, t^2, ...; the error is 1.3e-7 with the first (the rounding of float32) and 2e-16 with the second.
SINGLE = (
    1.2648382186889648, -0.12235680222511292, -0.09902424365282059, 0.15763099491596222, -0.10297054052352905,
    0.03275205194950104, 0.0009467596537433565, -0.004350492265075445, 0.0004633375210687518, 0.0005757346516475081,
    -6.391786882886663e-05, -6.190752901602536e-05,
)  # fmt: skip
DOUBLE = (
    1.2648381843668615, -0.12235676308240215, -0.09902453957360054, 0.15762991902299267, -0.10296705603863425,
    0.032760893275662284, 0.0009318928184405167, -0.004382078440859741, 0.0004918658040488388, 0.0006321251465012307,
    -8.847920655685489e-05, -0.00011352632529422521, 6.266009573089003e-06, 2.27122495989990e-05, 2.6086743621019058e-06,
    -4.244614329190612e-06, -1.5844472336876355e-06, 5.650918882363631e-07, 5.323911275416991e-07, -2.5973192334680742e-09,
    -1.2506503238085156e-07, -1.9529123542657238e-08, 1.9290636000546568e-08, 3.3504410267213233e-09, -1.4762355646594684e-09,
)  # fmt: skip


def density_and_below(z: Array) -> tuple[Any, Any]:
    """phi(z) and Phi(z), in z's type."""
    xp = array_module(z)
    bell = _bell(xp, z)
    size = xp.minimum(xp.abs(z), 1e4)  # from far out on there is nothing, and infinity / infinity would be no number
    x = size * ROOT_HALF
    t = (x - MIDDLE) / (x + MIDDLE)
    coefficients = SINGLE if z.dtype == np.float32 else DOUBLE
    scaled = xp.full_like(t, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        scaled *= t
        scaled += coefficient
    tail = 0.5 * bell * scaled / (1 + 2 * x)
    return DENSITY * bell, xp.where(z > 0, 1 - tail, tail)


def _bell(xp: ArrayModule, z: Array) -> Any:
    """e^(-z^2/2). In float32 the square is taken in float64: its rounding would be enlarged by z^2."""
    return xp.exp(-0.5 * xp.square(z, dtype=np.float64)).astype(z.dtype)
