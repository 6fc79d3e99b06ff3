"""The same numbers in another type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from byhand import engine
from byhand.engine.methods.numbers import Numbers

if TYPE_CHECKING:
    from byhand.engine.tensor import Tensor


class Kinds(Numbers):
    """Methods named like the types that they make."""

    __slots__ = ()

    def astype(self, dtype: Any) -> Tensor:
        """The same numbers in another type."""
        return engine.ops.cast(self, dtype=dtype)

    cast = to = astype

    def float(self) -> Tensor:
        return self.astype(np.float32)

    def double(self) -> Tensor:
        return self.astype(np.float64)

    def half(self) -> Tensor:
        return self.astype(np.float16)

    def int(self) -> Tensor:
        return self.astype(np.int32)

    def long(self) -> Tensor:
        return self.astype(np.int64)

    def bool(self) -> Tensor:
        return self.astype(np.bool_)
