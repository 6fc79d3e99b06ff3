r"""Reverse-mode automatic differentiation: a tape of ops, walked backwards.

Every op that computes with a tensor whose gradient is wanted leaves a `Node`: what came in, and what its gradient will need.
`backward` walks the nodes from the last to the first. At each it turns dC/d(output) into dC/d(input) for every input; where
a tensor was used more than once, the parts add up:

    \frac{\partial C}{\partial x} = \sum_k \frac{\partial C}{\partial y_k} \frac{\partial y_k}{\partial x}

Source: Baydin et al. (2018), "Automatic differentiation in machine learning: a survey", section 3.2.
"""

from __future__ import annotations

import heapq
import itertools
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand.backend import DTYPES, array_module
from byhand.engine.large import add_into, apply, new
from byhand.errors import EngineError
from byhand.memory import SMALLEST

if TYPE_CHECKING:
    from byhand.engine.op import Op

_recording: ContextVar[bool] = ContextVar("recording", default=True)
_watching: ContextVar[list[Node] | None] = ContextVar("watching", default=None)
_clock = itertools.count(1)  # numbers the nodes and the changes in place, in the order in which they happen
_last_change = 0


class Tensor:
    """An array that remembers how it came about.

    Attributes:
        data: the array, of NumPy or CuPy; float32 or float64 where a gradient is wanted.
        grad: dC/d(this), of the same shape, after `backward`; only where this is a leaf (made by you, not by an op) or
            `retain_grad` was called. Repeated calls of `backward` add up.
        requires_grad: whether a gradient is wanted.
        node: how it was computed; None for a leaf.

    >>> from byhand.engine import Tensor
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    array([2., 4., 6.])
    """

    __slots__ = ("__weakref__", "changed", "data", "grad", "node", "requires_grad")
    data: Any
    grad: Any
    requires_grad: bool
    node: Node | None
    changed: list[int]  # when it was last changed in place; one list for all tensors that look into the same memory
    __array_priority__ = 1000  # array + tensor asks the tensor first
    __array_ufunc__ = None

    def __init__(self, data: Any, requires_grad: bool = False, dtype: Any = None) -> None:
        self.changed = [0]
        if isinstance(data, Tensor):
            if dtype in (None, data.dtype):
                self.changed = data.changed
            data = data.data
        if dtype is not None or not hasattr(data, "shape") or isinstance(data, np.generic):  # lists, numbers, NumPy's scalars
            data = np.asarray(data, dtype)
        if requires_grad and data.dtype not in DTYPES.values():
            raise EngineError(
                f"a tensor of {data.dtype} has no gradient: give it in float32 or float64, as in Tensor([1.0, 2.0])"
            )
        self.data = data
        self.grad = None
        self.requires_grad = requires_grad
        self.node = None

    def __repr__(self) -> str:
        made = f", from {self.node.op.name}" if self.node is not None else ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({np.array2string(np.asarray(self.data), separator=', ', prefix='Tensor(')}{made})"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> int:
        return self.data.size

    @property
    def dtype(self) -> Any:
        return self.data.dtype

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.data)

    def item(self) -> float:
        """The one number of a tensor that holds one."""
        if self.size != 1:
            raise EngineError(
                f"item: the tensor is {self.shape}, but only one of a single number has an item: choose one by [...]"
            )
        return self.data.item()

    def detach(self) -> Tensor:
        """The same numbers without the way they came about: gradients end here."""
        return Tensor(self)

    def retain_grad(self) -> Tensor:
        """Have `backward` leave dC/d(this) in `grad`, though this is no leaf."""
        if self.node is not None:
            self.node.keeper = weakref.ref(self)  # weakly: a ring of tensor and node would wait for the garbage collector
        return self

    def backward(self, gradient: Any = None, *, retain_graph: bool = False) -> None:
        """Add dC/d(leaf) to `grad` of every leaf that this came from, where this is C, or where dC/d(this) is given.

        The tape is freed as it is walked, unless `retain_graph`. Raises EngineError for a C of several numbers without
        a gradient, for a tape that is freed already, and for numbers that were changed in place although the gradient needs them.
        """
        if not self.requires_grad:
            raise EngineError(
                "backward: nothing that this tensor was computed from wants a gradient: "
                "make one with requires_grad=True, outside of no_grad"
            )
        if gradient is None:
            if self.size != 1:
                raise EngineError(
                    f"backward: the tensor is {self.shape}, and only a single number has a gradient by itself: "
                    "take its sum or mean first, or give backward dC/d(tensor) in that shape"
                )
            gradient = array_module(self.data).ones_like(self.data)
        gradient = gradient.data if isinstance(gradient, Tensor) else gradient
        if np.shape(gradient) != self.shape:
            raise EngineError(
                f"backward: the gradient is {np.shape(gradient)} but the tensor is {self.shape}: give it that shape"
            )
        gradient = array_module(self.data).asarray(gradient, dtype=self.dtype)
        if self.node is None:
            _accumulate(self, gradient)
        else:
            _walk_back(self.node, gradient, retain_graph)

    def __add__(self, other: Any) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return ops.subtract(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return ops.multiply(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return ops.multiply(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return ops.divide(other, self)

    def __pow__(self, exponent: float) -> Tensor:
        return ops.power(self, exponent=exponent)

    def __neg__(self) -> Tensor:
        return ops.negative(self)

    def __matmul__(self, other: Any) -> Tensor:
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return ops.matmul(other, self)

    def __getitem__(self, key: Any) -> Tensor:
        return ops.index(self, key=key)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return ops.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return ops.mean(self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return ops.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return ops.min(self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> Tensor:
        return ops.reshape(self, shape=_one_tuple(shape))

    def transpose(self, *axes: Any) -> Tensor:
        return ops.transpose(self, axes=_one_tuple(axes) or None)

    @property
    def T(self) -> Tensor:
        return ops.transpose(self, axes=None)

    def exp(self) -> Tensor:
        return ops.exp(self)

    def log(self) -> Tensor:
        return ops.log(self)

    def sqrt(self) -> Tensor:
        return ops.sqrt(self)

    def tanh(self) -> Tensor:
        return ops.tanh(self)

    def sigmoid(self) -> Tensor:
        return ops.sigmoid(self)

    def relu(self) -> Tensor:
        return ops.relu(self)

    def __iadd__(self, other: Any) -> Tensor:
        return self._in_place(np.add, other)

    def __isub__(self, other: Any) -> Tensor:
        return self._in_place(np.subtract, other)

    def __imul__(self, other: Any) -> Tensor:
        return self._in_place(np.multiply, other)

    def __itruediv__(self, other: Any) -> Tensor:
        return self._in_place(np.divide, other)

    def _in_place(self, function: Any, other: Any) -> Tensor:
        other = self._may_change(other)
        try:
            function(self.data, other, out=self.data)
        except ValueError:
            raise EngineError(
                f"{function.__name__} in place: the tensor is {self.shape} but what changes it {np.shape(other)}: "
                "it must fill that shape"
            ) from None
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        self.data[key] = self._may_change(value)

    def _may_change(self, other: Any) -> Any:
        """The other's numbers; raises EngineError where a gradient would get lost."""
        if _recording.get() and (self.requires_grad or (isinstance(other, Tensor) and other.requires_grad)):
            raise EngineError(
                "a tensor was to be changed in place, or with one, whose gradient is wanted, and the tape cannot follow that: "
                "write x = x + y instead of x += y, or do it inside no_grad()"
            )
        global _last_change  # noqa: PLW0603 - the tape's clock is one for all
        _last_change = self.changed[0] = next(_clock)
        return other.data if isinstance(other, Tensor) else other


def _one_tuple(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Of x.reshape(2, 3), x.reshape((2, 3)) and x.reshape([2, 3])."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], tuple | list) else given


def computed(value: Any, inputs: tuple[Any, ...], requires_grad: bool) -> Tensor:
    """The tensor of what an op computed of its inputs: `Tensor(value)`, without the questions to data from outside."""
    if not isinstance(value, np.ndarray):
        value = Tensor(value).data
    out: Tensor = object.__new__(Tensor)
    out.data = value
    out.grad = out.node = None
    out.requires_grad = requires_grad
    out.changed = [0] if value.base is None else _shared(value, inputs)
    return out


def _shared(data: Any, inputs: tuple[Any, ...]) -> list[int]:
    """Of a view of an input (a part, another shape): that input's `changed`."""
    for given in inputs:
        if isinstance(given, Tensor) and array_module(data).may_share_memory(data, given.data):
            return given.changed
    return [0]


class Source:
    """What the tape keeps of a large tensor that an op read: all but its numbers, whose memory is free when no op saved them.

    Attributes:
        node, shape, changed: the tensor's; owner: which array owned its memory.
    """

    __slots__ = ("changed", "node", "owner", "shape")

    def __init__(self, tensor: Tensor) -> None:
        self.node, self.shape, self.changed = tensor.node, tensor.data.shape, tensor.changed
        self.owner = id(_owner(tensor.data))


def kept(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs of an op as its node keeps them: leaves, which get a gradient, and what is small; of the rest a `Source`."""
    for given in inputs:
        if type(given) is Tensor and given.node is not None and given.data.nbytes >= SMALLEST:
            break
    else:
        return inputs
    return tuple(
        Source(given) if type(given) is Tensor and given.node is not None and given.data.nbytes >= SMALLEST else given
        for given in inputs
    )


class Node:
    """One op on the tape.

    Attributes:
        number: when it was made, so inputs always have smaller numbers than what is computed from them.
        op, inputs, options: what was computed of what, see `kept`; wanted: which inputs want a gradient.
        saved: what the op's gradient needs, until backward has used it.
        keeper: the tensor that asked for its gradient by `retain_grad`, weakly.
        changed, owner: of the output: its record of changes in place, and which array owns its memory.
        output, delta, gradients, scope: see `WatchedNode`.
    """

    __slots__ = ("changed", "inputs", "keeper", "number", "op", "options", "owner", "saved", "wanted")
    output: Any = None
    delta: Any = None
    gradients: Any = None
    scope: str = ""

    def __init__(
        self, op: Op, inputs: tuple[Any, ...], wanted: list[bool], saved: Any, options: dict[str, Any], out: Tensor
    ) -> None:
        self.number = next(_clock)
        self.op, self.inputs, self.wanted, self.saved, self.options = op, inputs, wanted, saved, options
        self.keeper: weakref.ref[Tensor] | None = None
        self.changed = out.changed
        self.owner = id(out.data if out.data.base is None else _owner(out.data))

    def check_unchanged(self) -> None:
        """Raise EngineError where something that the gradient needs was changed in place after this was computed."""
        kept = self.saved if isinstance(self.saved, tuple) else (self.saved,)
        arrays = [array for array in kept if hasattr(array, "shape")]
        changed = [given for given in self.inputs if hasattr(given, "changed") and given.changed[0] > self.number]
        owners = {given.owner for given in changed if isinstance(given, Source)}
        if self.changed[0] > self.number:
            owners.add(self.owner)
        still = [given.data for given in changed if isinstance(given, Tensor)]
        if any(
            id(_owner(array)) in owners or any(array_module(array).may_share_memory(array, data) for data in still)
            for array in arrays
        ):
            raise EngineError(
                f"backward: a tensor that {self.op.name} computed with was changed in place afterwards, and its gradient "
                "needs the old numbers: write x = x + y instead of x += y, or change it after backward"
            )


class WatchedNode(Node):
    """A node made while `watch` is open.

    Attributes:
        output: the array that was computed.
        delta, gradients: dC/d(output), and what became of it for each input; after `backward`.
        scope: the names around it, as "encoder.0".
    """

    __slots__ = ("delta", "gradients", "output", "scope")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.output, self.delta, self.gradients = arguments[-1].data, None, None
        self.scope = ".".join(_scopes.get())
        tape = _watching.get()
        assert tape is not None
        tape.append(self)


def _owner(array: Any) -> Any:
    """The array that owns the memory which this one looks into."""
    while isinstance(array.base, type(array)):
        array = array.base
    return array


def _walk_back(last: Node, delta: Any, retain_graph: bool) -> None:
    deltas: dict[Node, Any] = {last: delta}
    summed: set[Node] = set()  # those whose delta is an array that was made here, and may be written into
    heap = [(-last.number, last)]  # the one that was made last comes first, when all that used its output have been there
    while heap:
        node = heapq.heappop(heap)[1]
        op, delta = node.op, deltas.pop(node)
        if node.keeper is not None and (keeper := node.keeper()) is not None:
            _accumulate(keeper, delta)
        if node.saved is _FREED:
            raise EngineError(
                f"backward: the tape was walked already, and what {op.name} had saved is freed: "
                "compute the tensor anew, or give the first backward retain_graph=True"
            )
        if _last_change > node.number:
            node.check_unchanged()
        xp = np if type(delta) is np.ndarray else array_module(delta)
        found = op.gradient(xp, node.saved, delta, node.wanted) if op.selective else op.gradient(xp, node.saved, delta)
        gradients = found if isinstance(found, tuple) else (found,)
        if node.output is not None:
            node.delta, node.gradients = delta, gradients
        del delta, found  # what nobody needs any more is free for the next op
        for given, wanted, gradient in zip(node.inputs, node.wanted, gradients, strict=True):
            if not wanted:
                continue
            if gradient.shape != given.shape:
                raise EngineError(f"{op.name}: its gradient is {gradient.shape} for an input of {given.shape}")
            before = given.node
            if before is None:
                _accumulate(given, gradient)
            elif before in deltas:
                if before in summed:
                    add_into(deltas[before], gradient)
                else:  # a new array: an op may have handed out one and the same delta twice
                    deltas[before] = apply(xp.add, deltas[before], gradient)
                    summed.add(before)
            else:
                deltas[before] = gradient
                heapq.heappush(heap, (-before.number, before))
        if not retain_graph and node.output is None:
            node.saved, node.inputs = _FREED, ()
        del gradients, gradient, given


_FREED = object()


def _accumulate(leaf: Tensor, gradient: Any) -> None:
    """=, then +=: a leaf used twice, or a second backward, adds to what is there."""
    if leaf.grad is None:
        # A copy: an op may hand out what others hold too.
        leaf.grad = apply(array_module(gradient).positive, gradient, out=new(leaf.data))
    else:
        add_into(leaf.grad, gradient)


recording = _recording.get  # whether ops go on the tape now
watched = _watching.get  # the tape of whoever looks at every op now, or None


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without a tape: for evaluation, and to change parameters.

    >>> x = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     (x * 2).requires_grad
    False
    """
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


@contextmanager
def recorded() -> Iterator[None]:
    """Compute on the tape, though `no_grad` may be open around this."""
    token = _recording.set(True)
    try:
        yield
    finally:
        _recording.reset(token)


def watching() -> bool:
    """Whether somebody looks at every op now."""
    return watched() is not None


@contextmanager
def watch() -> Iterator[list[Node]]:
    """The nodes of all ops called inside, in order, with what they computed; after `backward` with their deltas as well.

    >>> from byhand.engine import watch
    >>> with watch() as tape:
    ...     _ = (Tensor([3.0], requires_grad=True) * 2).sum()
    >>> [node.op.name for node in tape]
    ['multiply', 'sum']
    """
    tape: list[Node] = []
    token = _watching.set(tape)
    try:
        yield tape
    finally:
        _watching.reset(token)


_scopes: ContextVar[tuple[str, ...]] = ContextVar("scopes", default=())


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Nodes made inside carry this name, under the names around it: which part of a network they belong to."""
    token = _scopes.set((*_scopes.get(), name))
    try:
        yield
    finally:
        _scopes.reset(token)


from byhand.engine import ops  # noqa: E402 - the ops are made of the classes above, and the operators of the ops
