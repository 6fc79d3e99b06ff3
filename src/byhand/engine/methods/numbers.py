"""What a tensor is to Python and to NumPy: a number, an array, something to compare; and its bits."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand import engine
from byhand.errors import EngineError

if TYPE_CHECKING:
    from byhand.engine.tensor import Tensor

Number = float  # the class has a method of the name `float`


class Numbers:
    """The numbers of a tensor, outside of the tape."""

    __slots__ = ()
    __hash__ = object.__hash__  # by identity, though == compares numbers: a tensor may be a key of a dict
    if TYPE_CHECKING:
        data: Any
        grad: Any
        requires_grad: bool

        @property
        def shape(self) -> tuple[int, ...]: ...

        @property
        def ndim(self) -> int: ...

        @property
        def size(self) -> int: ...

        @property
        def dtype(self) -> Any: ...

        def __getitem__(self, key: Any) -> Tensor: ...

    def item(self) -> Any:
        """The one number of a tensor that holds one."""
        if self.size != 1:
            raise EngineError(f"item: the tensor must hold a single number, got {self.shape}: choose one by [...]")
        return self.data.item()

    def tolist(self) -> Any:
        """The numbers as nested lists; of a single number without axes, the number."""
        return self.data.tolist()

    def numpy(self) -> Any:
        """The array itself; one on a GPU is copied. Whoever changes it changes the tensor."""
        return self.data if isinstance(self.data, np.ndarray) else self.data.get()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self.requires_grad and (engine.differentiating() or engine.tracing()):
            raise EngineError(
                "a derivative goes through this tensor, and an array made of it would cut it off from there: "
                "join tensors by np.stack or np.concatenate, and for the numbers alone take x.data"
            )
        return np.asarray(self.numpy(), dtype=dtype, copy=copy)

    # NumPy asks these before it computes with a tensor.

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return engine.numpy_functions.ufunc(function, method, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return engine.numpy_functions.function(function, given, options)

    def __dlpack__(self, **settings: Any) -> Any:
        array = self.data
        if isinstance(array, np.ndarray) and not array.flags.writeable:
            array = array.copy()  # NumPy exports nothing that must not be written into
        return array.__dlpack__(**settings)

    def __dlpack_device__(self) -> Any:
        return self.data.__dlpack_device__()

    def __float__(self) -> Number:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        return operator.index(self.item())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise EngineError(f"bool: the tensor must hold a single number, got {self.shape}: ask for (...).all() or (...).any()")
        return bool(self.item())

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.item(), digits)

    def __format__(self, form: str) -> str:
        return format(self.item(), form) if form else str(self)

    def numel(self) -> int:
        """How many numbers there are; `size` says the same."""
        return self.size

    def zero_grad(self) -> None:
        """Forget the gradient: the next `backward` starts from none."""
        self.grad = None

    # ---------------------------------------------------------------- comparisons: tensors of True and False

    def __eq__(self, other: Any) -> Any:
        return _compared(operator.eq, self, other)

    def __ne__(self, other: Any) -> Any:
        return _compared(operator.ne, self, other)

    def __lt__(self, other: Any) -> Tensor:
        return _compared(operator.lt, self, other)

    def __le__(self, other: Any) -> Tensor:
        return _compared(operator.le, self, other)

    def __gt__(self, other: Any) -> Tensor:
        return _compared(operator.gt, self, other)

    def __ge__(self, other: Any) -> Tensor:
        return _compared(operator.ge, self, other)

    def __and__(self, other: Any) -> Tensor:
        return _compared(operator.and_, self, other)

    def __or__(self, other: Any) -> Tensor:
        return _compared(operator.or_, self, other)

    def __xor__(self, other: Any) -> Tensor:
        return _compared(operator.xor, self, other)

    def __lshift__(self, other: Any) -> Tensor:
        return _compared(operator.lshift, self, other)

    def __rshift__(self, other: Any) -> Tensor:
        return _compared(operator.rshift, self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return engine.Tensor(operator.lshift(other, self.data))

    def __rrshift__(self, other: Any) -> Tensor:
        return engine.Tensor(operator.rshift(other, self.data))

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Tensor:
        return engine.Tensor(~self.data)

    eq, ne, lt, le, gt, ge = __eq__, __ne__, __lt__, __le__, __gt__, __ge__
    bitwise_and, bitwise_or, bitwise_xor, bitwise_not = __and__, __or__, __xor__, __invert__
    lshift, rshift = __lshift__, __rshift__

    def logical_not(self) -> Tensor:
        """Where the number is 0."""
        return self == 0

    def isnan(self) -> Tensor:
        return engine.Tensor(np.isnan(self.data))

    def isinf(self, detect_positive: bool = True, detect_negative: bool = True) -> Tensor:
        """Where the number is infinite; or only above 0, or only below."""
        return engine.Tensor(np.isposinf(self.data) & detect_positive | np.isneginf(self.data) & detect_negative)

    def isfinite(self) -> Tensor:
        return engine.Tensor(np.isfinite(self.data))

    def isclose(self, other: Any, rtol: Number = 1e-05, atol: Number = 1e-08, equal_nan: bool = False) -> Tensor:
        """Where both are equal but for a share `rtol` of the other number, and `atol`."""
        close = lambda a, b: np.isclose(a, b, rtol, atol, equal_nan)  # noqa: E731
        return _compared(close, self, other)

    def allclose(self, other: Any, rtol: Number = 1e-05, atol: Number = 1e-08, equal_nan: bool = False) -> bool:
        """Whether all numbers are equal but for that."""
        return bool(self.isclose(other, rtol, atol, equal_nan).all())

    def all(self, axis: Any = None, keepdims: bool = False, **names: Any) -> Tensor:
        """Whether all numbers are other than 0."""
        return engine.Tensor(self.data.all(**named(axis, keepdims, names)))

    def any(self, axis: Any = None, keepdims: bool = False, **names: Any) -> Tensor:
        """Whether one of the numbers is other than 0."""
        return engine.Tensor(self.data.any(**named(axis, keepdims, names)))


def _compared(operation: Any, a: Any, b: Any) -> Any:
    """True or False for each pair of numbers; raises EngineError for shapes that do not broadcast."""
    if b is None or isinstance(b, str):
        return NotImplemented
    other = b.data if isinstance(b, engine.Tensor) else np.asarray(b) if isinstance(b, list | tuple) else b
    try:
        return engine.Tensor(operation(a.data, other))
    except ValueError:
        raise EngineError(
            f"{operation.__name__.strip('_')}: a is {a.shape} but b is {np.shape(other)}: "
            "from the last axis backwards, they must agree or be 1"
        ) from None


def named(axis: Any, keepdims: bool, names: dict[str, Any]) -> dict[str, Any]:
    """The axis and keepdims, by whichever names they came."""
    unknown = set(names) - {"dim", "keepdim"}
    if unknown:
        raise EngineError(f"the options are axis (or dim) and keepdims (or keepdim), got {min(unknown)}")
    axis = names.get("dim", axis)
    return {"axis": tuple(axis) if isinstance(axis, list) else axis, "keepdims": names.get("keepdim", keepdims)}


def renamed(names: dict[str, Any], given: Any, *others: str) -> Any:
    """An argument by whichever name it came; its name is taken out of the others."""
    for other in others:
        if other in names:
            given = names.pop(other)
    return given


def known(method: str, names: dict[str, Any], choice: str) -> None:
    """Raise EngineError where a name is left that nobody knows."""
    if names:
        raise EngineError(f"{method}: the arguments are {choice}, got {min(names)}")


def axis_of(name: str, tensor: Any, axis: Any) -> int:
    """The axis as a number from 0; a tensor without axes is treated as if it had one."""
    n = max(tensor.ndim, 1)
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer) or not -n <= axis < n:
        raise EngineError(f"{name}: the tensor is {tensor.shape}, and has no axis {axis!r}: choose from {-n} to {n - 1}")
    return int(axis) % n
