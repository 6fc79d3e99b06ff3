"""The same numbers in another type."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule
from byhand.engine.call import Call
from byhand.engine.op import Saved, op
from byhand.errors import EngineError
from byhand.terms import At, Sum, single


@op
class cast:
    r"""The same numbers in another type, rounded where it is coarser.

    Equation:
        c = \operatorname{fl}(a)
    Gradient:
        \partial C/\partial a = \operatorname{fl}(\delta)
    Shapes:
        a: any -> c: the same
    Source:
        Micikevicius et al. (2018), arXiv:1710.03740, section 3.1
    """

    def forward(xp: ArrayModule, a: Array, *, dtype: Any) -> Any:
        try:
            dtype = np.dtype(dtype)
        except TypeError:
            raise EngineError(f"cast: dtype must be a type of NumPy's, such as np.float32, got {dtype!r}") from None
        return a.astype(dtype), a.dtype

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return delta.astype(saved)

    def terms(call: Call, at: At) -> list[Sum]:
        return [single(call.operand(0).factor(at))]

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return [single(call.error.factor(at))]
