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
from byhand.engine.in_place import Mark, changed, owner
from byhand.engine.methods import Methods
from byhand.engine.threaded import add_into, apply, new
from byhand.errors import EngineError
from byhand.memory import SMALLEST

if TYPE_CHECKING:
    from byhand.engine.op import Op

_recording: ContextVar[bool] = ContextVar("recording", default=True)
_watching: ContextVar[list[Node] | None] = ContextVar("watching", default=None)
_differentiating: ContextVar[bool] = ContextVar("differentiating", default=False)
_clock = itertools.count(1)  # numbers the nodes and the changes in place, in the order in which they happen
_last_change = 0


class Tensor(Methods):
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

    def __init__(self, data: Any, requires_grad: bool = False, dtype: Any = None) -> None:
        self.changed = [0]
        if isinstance(data, Tensor):
            if dtype in (None, data.dtype):
                self.changed = data.changed
            data = data.data
        if array_module(data) is not np:  # on a GPU: an array, and it stays there
            data = data if dtype is None else data.astype(dtype, copy=False)
        elif type(data) is not np.ndarray or dtype is not None:  # lists, numbers, other libraries'
            data = _as_array(data, dtype)
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
        if not self.shape:
            raise EngineError("len: the tensor must have an axis, got a single number: take float(x) of it")
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def detach(self) -> Tensor:
        """The same numbers without the way they came about: gradients end here."""
        return Tensor(self)

    def retain_grad(self) -> Tensor:
        """Have `backward` leave dC/d(this) in `grad`, though this is no leaf."""
        if self.node is not None:
            self.node.keeper = weakref.ref(self)  # weakly: a ring of tensor and node would wait for the garbage collector
        return self

    def backward(self, gradient: Any = None, *, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Add dC/d(leaf) to `grad` of every leaf that this came from, where this is C, or where dC/d(this) is given.

        The tape is freed as it is walked, unless `retain_graph`. With `create_graph` the gradients are tensors, on a tape of
        their own, and can be differentiated again. Raises EngineError for a C of several numbers without
        a gradient, for a tape that is freed already, and for numbers that were changed in place although the gradient needs them.
        """
        if not self.requires_grad:
            raise EngineError(
                "backward: nothing that this tensor was computed from needs a gradient: "
                "make one with requires_grad=True, outside of no_grad"
            )
        if gradient is None:
            if self.size != 1:
                raise EngineError(
                    f"backward: the tensor is {self.shape}, and only a single number has a gradient by itself: "
                    "take its sum or mean first, or give backward dC/d(tensor) in that shape"
                )
            gradient = array_module(self.data).ones_like(self.data)
        given, gradient = gradient, gradient.data if isinstance(gradient, Tensor) else gradient
        if np.shape(gradient) != self.shape:
            raise EngineError(
                f"backward: the gradient is {np.shape(gradient)} but the tensor is {self.shape}: give it that shape"
            )
        if create_graph:
            second.accumulate_on_tape(self, given if isinstance(given, Tensor) else Tensor(gradient, dtype=self.dtype))
            return
        if reached_from_a_trace(self, given):
            raise EngineError(
                "backward: inside a function whose derivative is being computed, the gradient would be a constant: "
                "give backward create_graph=True, or use grad"
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

    def __pow__(self, other: Any) -> Tensor:
        return ops.power(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return ops.power(other, self)

    def __mod__(self, other: Any) -> Tensor:
        return ops.remainder(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return ops.remainder(other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return ops.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return ops.floor_divide(other, self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return ops.absolute(self)

    def __neg__(self) -> Tensor:
        return ops.negative(self)

    def __matmul__(self, other: Any) -> Tensor:
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return ops.matmul(other, self)

    def __getitem__(self, key: Any) -> Tensor:
        return ops.index(self, key=key)

    def __iadd__(self, other: Any) -> Tensor:
        return self + other if self._is_rebound(other) else self._in_place(np.add, other)

    def __isub__(self, other: Any) -> Tensor:
        return self - other if self._is_rebound(other) else self._in_place(np.subtract, other)

    def __imul__(self, other: Any) -> Tensor:
        return self * other if self._is_rebound(other) else self._in_place(np.multiply, other)

    def __itruediv__(self, other: Any) -> Tensor:
        return self / other if self._is_rebound(other) else self._in_place(np.divide, other)

    def _is_rebound(self, other: Any) -> bool:
        """Whether x += y means x = x + y: where the tape is to follow it. A leaf is none: its parameter would get lost."""
        if not _recording.get():
            return False
        return self.node is not None if self.requires_grad else isinstance(other, Tensor) and other.requires_grad

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
                "a tensor that needs a gradient must not be changed in place, or with, as the tape cannot follow that: "
                "write x = x + y instead of x += y, or do it inside no_grad()"
            )
        global _last_change  # noqa: PLW0603 - the tape's clock is one for all
        _last_change = self.changed[0] = next(_clock)
        return other.data if isinstance(other, Tensor) else other


def _as_array(data: Any, dtype: Any) -> Any:
    """Lists, numbers and arrays of other libraries as arrays of NumPy's; raises EngineError for what holds no numbers."""
    if isinstance(data, list | tuple) and _wants_gradient(data):
        raise EngineError("Tensor: a new tensor has no past, a gradient would get lost: join tensors by ops.stack or ops.concat")
    try:
        found = np.asarray(data, dtype)
    except (TypeError, ValueError) as error:
        raise EngineError(f"Tensor: {type(data).__name__} {data!r:.60} must be numbers in rows of one length: {error}") from None
    if found.dtype.kind not in "biufc":
        raise EngineError(f"Tensor: {type(data).__name__} must hold numbers, got {data!r:.60}")
    return found


def _wants_gradient(parts: Any) -> bool:
    """Whether one of these tensors, or one in a list among them, needs a gradient."""
    return any(
        part.requires_grad if isinstance(part, Tensor) else isinstance(part, list | tuple) and _wants_gradient(part)
        for part in parts
    )


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
        node, shape, changed: the tensor's; array: which array it was; owner: which one owned its memory.
    """

    __slots__ = ("array", "changed", "node", "owner", "shape")

    def __init__(self, tensor: Tensor) -> None:
        self.array = id(tensor.data)
        self.node, self.shape, self.changed = tensor.node, tensor.data.shape, tensor.changed
        self.owner = id(owner(tensor.data))


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
        saved: what the op's gradient needs, until backward has used it; marks: see `byhand.engine.in_place`.
        keeper: the tensor that asked for its gradient by `retain_grad`, weakly.
        changed, owner: of the output: its record of changes in place, and which array owns its memory.
        output, delta, gradients, scope: see `WatchedNode`.
    """

    __slots__ = ("changed", "inputs", "keeper", "marks", "number", "op", "options", "owner", "saved", "wanted")
    output: Any = None
    delta: Any = None
    gradients: Any = None
    scope: str = ""

    def __init__(
        self,
        op: Op,
        inputs: tuple[Any, ...],
        wanted: list[bool],
        saved: Any,
        options: dict[str, Any],
        marks: tuple[Mark, ...],
        out: Tensor,
    ) -> None:
        self.number = next(_clock)
        self.marks = marks
        self.op, self.inputs, self.wanted, self.saved, self.options = op, inputs, wanted, saved, options
        self.keeper: weakref.ref[Tensor] | None = None
        self.changed = out.changed
        self.owner = id(out.data if out.data.base is None else owner(out.data))

    def check_unchanged(self) -> None:
        """Raise EngineError where something that the gradient needs was changed in place after this was computed."""
        if (_last_change > self.number and self._told_of_a_change()) or (self.marks and changed(self.marks)):
            raise EngineError(
                f"backward: a tensor that {self.op.name} computed with was changed in place afterwards, and its gradient "
                "needs the old numbers: write x = x + y instead of x += y, or change it after backward"
            )

    def _told_of_a_change(self) -> bool:
        """Whether a tensor whose memory the gradient needs has a record of a change, after this was computed."""
        kept = self.saved if isinstance(self.saved, tuple) else (self.saved,)
        arrays = [array for array in kept if hasattr(array, "shape")]
        changed = [given for given in self.inputs if hasattr(given, "changed") and given.changed[0] > self.number]
        owners = {given.owner for given in changed if isinstance(given, Source)}
        if self.changed[0] > self.number:
            owners.add(self.owner)
        still = [given.data for given in changed if isinstance(given, Tensor)]
        return any(
            id(owner(array)) in owners or any(array_module(array).may_share_memory(array, data) for data in still)
            for array in arrays
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


def pulled_back(out: Tensor, gradient: Any, trace: Trace, retain_graph: bool) -> list[Any]:
    """dC/d(leaf) for the leaves of a trace alone, where dC/d(out) is given: no tensor's `grad` changes."""
    found: dict[int, Any] = {}
    if out.node is None and out.requires_grad:
        _add_to(found, out, gradient)
    elif out.node is not None and out.node.number > trace.begun:
        _walk_back(out.node, gradient, retain_graph, trace, found)
    return [found[id(leaf)] if id(leaf) in found else array_module(leaf.data).zeros_like(leaf.data) for leaf in trace.leaves]


def _add_to(found: dict[int, Any], leaf: Tensor, gradient: Any) -> None:
    if id(leaf) in found:
        add_into(found[id(leaf)], gradient)
    else:
        found[id(leaf)] = apply(array_module(gradient).positive, gradient, out=new(leaf.data))


def _walk_back(
    last: Node, delta: Any, retain_graph: bool, trace: Trace | None = None, found: dict[int, Any] | None = None
) -> None:
    """Through all nodes to the leaves' `grad`; of a trace through its own nodes to its own leaves, into `found`."""
    begun = 0 if trace is None else trace.begun
    own = set() if trace is None else {id(leaf) for leaf in trace.leaves}
    deltas: dict[Node, Any] = {last: delta}
    summed: set[Node] = set()  # those whose delta is an array that was made here, and may be written into
    heap = [(-last.number, last)]  # the one that was made last comes first, when all that used its output have been there
    while heap:
        node = heapq.heappop(heap)[1]
        op, delta = node.op, deltas.pop(node)
        if trace is None and node.keeper is not None and (keeper := node.keeper()) is not None:
            _accumulate(keeper, delta)
        if node.saved is FREED:
            raise EngineError(
                f"backward: the tape was walked already, and what {op.name} had saved is freed: "
                "compute the tensor anew, or give the first backward retain_graph=True"
            )
        if node.marks or _last_change > node.number:
            node.check_unchanged()
        xp = np if type(delta) is np.ndarray else array_module(delta)
        some = op.gradient(xp, node.saved, delta, node.wanted) if op.selective else op.gradient(xp, node.saved, delta)
        gradients = some if isinstance(some, tuple) else (some,)
        if node.output is not None:
            node.delta, node.gradients = delta, gradients
        del delta, some  # what nobody needs any more is free for the next op
        for given, wanted, gradient in zip(node.inputs, node.wanted, gradients, strict=True):
            if not wanted:
                continue
            if gradient.shape != given.shape:
                raise EngineError(f"{op.name}: its gradient is {gradient.shape} for an input of {given.shape}")
            before = given.node
            if before is None:
                if found is None:
                    _accumulate(given, gradient)
                elif id(given) in own:
                    _add_to(found, given, gradient)
            elif before.number <= begun:
                continue  # computed before the trace: from none of its leaves
            elif before in deltas:
                if before in summed:
                    add_into(deltas[before], gradient)
                else:  # a new array: an op may have handed out one and the same delta twice
                    deltas[before] = xp.asarray(apply(xp.add, deltas[before], gradient))  # two numbers add up to no array
                    summed.add(before)
            else:
                deltas[before] = gradient
                heapq.heappush(heap, (-before.number, before))
        if not retain_graph and node.output is None:
            node.saved, node.inputs, node.marks = FREED, (), ()
        del gradients, gradient, given


FREED = object()


class Trace:
    """A function whose gradient is wanted, at work.

    Attributes:
        leaves: its inputs, of which it computes.
        begun: when; nodes with smaller numbers do not depend on the leaves.
    """

    __slots__ = ("begun", "leaves")

    def __init__(self, leaves: list[Tensor]) -> None:
        self.leaves, self.begun = leaves, next(_clock)

    def reaches(self, tensor: Tensor) -> bool:
        """Whether this tensor was computed from the leaves."""
        waiting: list[Any] = [tensor]
        seen: set[Node] = set()
        while waiting:
            given = waiting.pop()
            if any(given is leaf or (leaf.node is not None and leaf.node is given.node) for leaf in self.leaves):
                return True
            if given.node is not None and given.node.number > self.begun and given.node not in seen:
                seen.add(given.node)
                waiting += [one for one, wanted in zip(given.node.inputs, given.node.wanted, strict=False) if wanted]
        return False


_traces: ContextVar[tuple[Trace, ...]] = ContextVar("traces", default=())


@contextmanager
def traced(leaves: list[Tensor]) -> Iterator[Trace]:
    """Record what a function computes from these leaves, though `no_grad` may be open around this."""
    trace = Trace(leaves)
    token, recorded = _traces.set((*_traces.get(), trace)), _recording.set(True)
    try:
        yield trace
    finally:
        _recording.reset(recorded)
        _traces.reset(token)


def reached_from_a_trace(*tensors: Any) -> bool:
    """Whether one of these was computed from the inputs of a function whose gradient is being computed."""
    return any(
        isinstance(tensor, Tensor) and tensor.requires_grad and trace.reaches(tensor)
        for trace in _traces.get()
        for tensor in tensors
    )


def begin() -> int:
    """A moment: what is computed from now on has a larger number."""
    return next(_clock)


@contextmanager
def on_record() -> Iterator[None]:
    """Compute gradients on the tape, though `no_grad` may be open around this."""
    recorded, told = _recording.set(True), _differentiating.set(True)
    try:
        yield
    finally:
        _differentiating.reset(told)
        _recording.reset(recorded)


def _accumulate(leaf: Tensor, gradient: Any) -> None:
    """=, then +=: a leaf used twice, or a second backward, adds to what is there."""
    if leaf.grad is None:
        # A copy: an op may hand out what others hold too.
        leaf.grad = apply(array_module(gradient).positive, gradient, out=new(leaf.data))
    else:
        add_into(leaf.grad, gradient)


tracing = _traces.get  # the functions whose gradients are being computed now, the outermost first
recording = _recording.get  # whether ops go on the tape now
differentiating = _differentiating.get  # whether a gradient is being computed whose own derivative is wanted
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


from byhand.engine import ops, second  # noqa: E402 - these are made of the classes above, and the operators of the ops
