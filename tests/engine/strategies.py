"""Random calls of every op, and what is asked of each: its gradient, PyTorch's numbers, and no care for how memory lies.

`OPS` says how to draw a call of an op, and how PyTorch writes the same. An op joins by a line there: `test_documented` fails
for one that is neither here nor gradient-checked in the test of its own file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from byhand.engine import Tensor, ops, vjp
from byhand.engine.check import check_gradient

Shape = tuple[int, ...]
CLOSE = {"float64": 1e-10, "float32": 1e-5}


@dataclass
class Call:
    """One call of an op: float64 inputs, and options as they are."""

    inputs: list[np.ndarray[Any, Any]]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Checked:
    """How to draw calls of an op, and how PyTorch computes the same: `theirs(torch, tensors, options)`.

    `with_ties`: calls for the first derivative alone, at kinks where both sides count half; a second is not there.
    """

    calls: st.SearchStrategy[Call]
    theirs: Callable[[Any, list[Any], dict[str, Any]], Any]
    with_ties: st.SearchStrategy[Call] | None = None

    @property
    def first_order(self) -> st.SearchStrategy[Call]:
        return self.calls if self.with_ties is None else self.with_ties


# ---------------------------------------------------------------- what is drawn


# Of a side: now and then 0, but mostly enough numbers to tell a row from a column.
SIDES = st.sampled_from([1, 2, 3, 2, 3, 2, 3, 0])


def shapes(least: int = 0, most: int = 4, side: int = 0) -> st.SearchStrategy[Shape]:
    """Up to four axes of up to three numbers; with none and with one among them."""
    return st.lists(st.integers(side, 3) if side else SIDES, min_size=least, max_size=most).map(tuple)


@st.composite
def broadcasting(draw: st.DrawFn, n: int, most: int = 4) -> Any:
    """Shapes that broadcast together, and their common one: with new axes, axes of 1 and now and then axes of 0."""
    side = draw(st.sampled_from([1, 1, 1, 0]))
    return draw(mutually_broadcastable_shapes(num_shapes=n, min_side=side, max_side=3, max_dims=most))


@st.composite
def numbers(draw: st.DrawFn, shape: Shape, kind: str = "any", which: int = 0) -> np.ndarray[Any, Any]:
    """Numbers that lie nowhere special: no op has a kink, a tie or a pole within a central difference of them.

    `which`: inputs of different numbers are never the same, though drawn from the same seed.
    """
    found = np.asarray(np.random.default_rng([which, draw(st.integers(0, 10_000))]).standard_normal(shape))
    if kind == "any":
        return found
    sign = np.ones(shape) if kind == "positive" else np.where(found < 0, -1.0, 1.0)  # else "away from 0"
    return np.asarray(sign * (0.4 + np.abs(found)))


@st.composite
def elementwise(draw: st.DrawFn, kind: str = "any", **options: st.SearchStrategy[Any]) -> Call:
    return Call([draw(numbers(draw(shapes()), kind))], {name: draw(option) for name, option in options.items()})


@st.composite
def pairs(draw: st.DrawFn, kinds: tuple[str, str] = ("any", "any")) -> Call:
    """Two that broadcast."""
    found = draw(broadcasting(2))
    return Call([draw(numbers(shape, kind, i)) for i, (shape, kind) in enumerate(zip(found.input_shapes, kinds, strict=True))])


@st.composite
def axes_of(draw: st.DrawFn, ndim: int) -> Any:
    """None, one axis, or several, counted from either end."""
    if ndim == 0:
        return draw(st.sampled_from([None, ()]))
    signed = st.sampled_from([-ndim, 0])
    if draw(st.booleans()):
        return draw(st.none() | st.integers(-ndim, ndim - 1))
    chosen = draw(st.lists(st.integers(0, ndim - 1), unique=True, max_size=ndim))
    return tuple(axis + draw(signed) for axis in chosen)


@st.composite
def reduced(draw: st.DrawFn, empty: bool = False) -> Call:
    shape = draw(shapes(side=0 if empty else 1))
    return Call([draw(numbers(shape))], {"axis": draw(axes_of(len(shape))), "keepdims": draw(st.booleans())})


@st.composite
def tied(draw: st.DrawFn, call: st.SearchStrategy[Call]) -> Call:
    """The call, or one in which every number stands twice along an axis that goes: each of two that tie has half of the slope."""
    found = draw(call)
    (x,), axis = found.inputs, found.options["axis"]
    if x.ndim == 0 or axis == () or draw(st.booleans()):
        return found
    along = 0 if axis is None else axis if isinstance(axis, int) else axis[0]
    return Call([np.concatenate([x, x], axis=along)], found.options)


@st.composite
def tied_pairs(draw: st.DrawFn) -> Call:
    """Two that broadcast, or two of one shape of which some numbers are the same."""
    if draw(st.booleans()):
        return draw(pairs())
    a = draw(numbers(draw(shapes())))
    return Call([a, np.where(draw(numbers(a.shape, which=1)) < 0, a, draw(numbers(a.shape, which=2)))])


def _all(axis: Any, x: Any) -> Any:
    """PyTorch's `dim`: it knows no None everywhere, and takes an empty tuple for all axes."""
    return tuple(range(x.ndim)) if axis is None else axis


def _reduced(name: str, **settings: Any) -> Callable[[Any, list[Any], dict[str, Any]], Any]:
    def theirs(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
        (x,) = tensors
        axis = _all(options["axis"], x)
        if axis == ():  # of each number alone, where PyTorch would take all
            x, axis = x[None], 0
        found = getattr(torch, name)(x, dim=axis, keepdim=options["keepdims"], **settings)
        return found.reshape(np.zeros(tensors[0].shape).sum(axis=options["axis"], keepdims=options["keepdims"]).shape)

    return theirs


# ---------------------------------------------------------------- calls of one op


@st.composite
def _where(draw: st.DrawFn) -> Call:
    found = draw(broadcasting(3, 3))
    a, b, condition = (draw(numbers(shape, which=i)) for i, shape in enumerate(found.input_shapes))
    return Call([condition * (condition > 0), a, b])


@st.composite
def _linear(draw: st.DrawFn) -> Call:
    n_in, n_out = draw(SIDES), draw(SIDES)
    given = [draw(numbers((*draw(shapes(most=3)), n_in))), draw(numbers((n_out, n_in), which=1))]
    return Call(given + ([draw(numbers((n_out,), which=2))] if draw(st.booleans()) else []))


@st.composite
def _matmul(draw: st.DrawFn) -> Call:
    m, k, n = (draw(SIDES) for _ in range(3))
    stacks = draw(
        st.sampled_from([((2,), (1,)), ((1, 2), (2, 1)), ((3,), ()), ((), (2,))])
        | broadcasting(2, 2).map(lambda b: b.input_shapes)
    )
    kind = draw(st.sampled_from(["matrices", "matrices", "row", "column", "both"]))
    left = (k,) if kind in ("row", "both") else (*stacks[0], m, k)
    right = (k,) if kind in ("column", "both") else (*stacks[1], k, n)
    return Call([draw(numbers(left)), draw(numbers(right, which=1))])


@st.composite
def _reshape(draw: st.DrawFn) -> Call:
    shape = draw(shapes())
    wanted = list(draw(st.permutations(shape)))
    for _ in range(draw(st.integers(0, 2))):
        wanted.insert(draw(st.integers(0, len(wanted))), 1)
    if len(wanted) > 1 and draw(st.booleans()):
        wanted[:2] = [wanted[0] * wanted[1]]
    if wanted and 0 not in wanted and draw(st.booleans()):
        wanted[draw(st.integers(0, len(wanted) - 1))] = -1
    return Call([draw(numbers(shape))], {"shape": tuple(wanted)})


@st.composite
def _transpose(draw: st.DrawFn) -> Call:
    shape = draw(shapes())
    order = draw(st.none() | st.permutations(range(len(shape))))
    if order is not None:
        order = tuple(axis - draw(st.sampled_from([0, len(shape)])) for axis in order)
    return Call([draw(numbers(shape))], {"axes": order})


@st.composite
def _broadcast(draw: st.DrawFn) -> Call:
    found = draw(broadcasting(2))
    return Call([draw(numbers(found.input_shapes[0]))], {"shape": found.result_shape})


@st.composite
def _index(draw: st.DrawFn) -> Call:
    """Slices, steps, whole numbers, new axes, ..., indices named twice, booleans: alone and mixed."""
    shape = draw(shapes(least=1, most=3, side=1))
    parts: list[Any] = []
    for n in draw(st.sampled_from([shape, shape[:1]])):
        whole = st.integers(-n, n - 1)
        bounds = st.none() | st.integers(-n - 1, n + 1)
        kind = draw(st.sampled_from(["slice", "whole", "indices", "booleans"]))
        if kind == "slice":
            parts.append(slice(draw(bounds), draw(bounds), draw(st.sampled_from([None, 1, 2, -1, -2]))))
        elif kind == "whole":
            parts.append(draw(whole | whole.map(np.int64)))
        elif any(isinstance(part, np.ndarray | list) for part in parts):
            parts.append(slice(None))  # two arrays of indices are drawn as pairs, below
        elif kind == "indices":
            chosen = draw(st.lists(whole, max_size=4))
            parts.append(draw(st.sampled_from([chosen, np.array(chosen, int), np.array([chosen], int)])))
        else:
            parts.append(np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool))
    extra = draw(st.sampled_from(["", "new axis", "ellipsis", "pairs", "mask", "alone"]))
    key: Any = tuple(parts)
    if extra == "new axis":
        key = (None, *key)
    elif extra == "ellipsis":
        key = (..., key[-1]) if draw(st.booleans()) else (key[0], ...)
        if key[0] is Ellipsis and len(parts) < len(shape):
            key = (...,)
    elif extra == "pairs" and len(shape) > 1:
        chosen = draw(st.lists(st.tuples(st.integers(-shape[0], shape[0] - 1), st.integers(-shape[1], shape[1] - 1)), max_size=4))
        key = tuple(np.array(chosen, int).reshape(-1, 2).T)
    elif extra == "mask":
        key = draw(numbers(shape)) > 0
    elif extra == "alone":
        key = parts[0]
    return Call([draw(numbers(shape))], {"key": key})


def _their_index(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    """Which numbers are taken is NumPy's to say (PyTorch has no negative steps); PyTorch takes them out of a line."""
    (x,) = tensors
    places = np.arange(x.numel()).reshape(tuple(x.shape))[options["key"]]
    return x.reshape(-1)[torch.tensor(np.array(places))]


@st.composite
def _gather(draw: st.DrawFn) -> Call:
    shape = list(draw(shapes(least=1, most=3, side=1)))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    n = shape[axis]
    places = list(shape)
    places[axis] = draw(st.integers(0, 4))
    for i in range(len(shape)):
        if i != axis % len(shape):
            one = draw(st.sampled_from(["as it is", "a is 1", "the indices are 1"]))
            shape[i] = 1 if one == "a is 1" else shape[i]
            places[i] = 1 if one == "the indices are 1" else places[i]
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    return Call([draw(numbers(tuple(shape)))], {"indices": rng.integers(0, n, places), "axis": axis})


@st.composite
def _index_add(draw: st.DrawFn) -> Call:
    shape = list(draw(shapes(least=1, most=3, side=1)))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    indices = np.array(draw(st.lists(st.integers(0, shape[axis] - 1), max_size=5)), int)
    parts = list(shape)
    parts[axis] = len(indices)
    return Call([draw(numbers(tuple(shape))), draw(numbers(tuple(parts), which=1))], {"indices": indices, "axis": axis})


@st.composite
def _scatter_add(draw: st.DrawFn) -> Call:
    shape = draw(shapes(least=1, most=3, side=1))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    places = [draw(st.integers(1, n)) for n in shape]
    places[axis] = draw(st.integers(0, 4))
    indices = np.random.default_rng(draw(st.integers(0, 1000))).integers(0, shape[axis], places)
    return Call([draw(numbers(shape)), draw(numbers(tuple(places), which=1))], {"indices": indices, "axis": axis})


@st.composite
def _scatter(draw: st.DrawFn) -> Call:
    taken = draw(_index())
    part = taken.inputs[0][taken.options["key"]]
    return Call([draw(numbers(np.shape(part)))], {"key": taken.options["key"], "shape": taken.inputs[0].shape})


def _their_scatter(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    """As with `_their_index`: which places are meant is NumPy's to say."""
    (b,) = tensors
    n = int(np.prod(options["shape"]))
    places = torch.tensor(np.array(np.arange(n).reshape(options["shape"])[options["key"]]))
    return b.new_zeros(n).index_add(0, places.reshape(-1), b.reshape(-1)).reshape(options["shape"])


@st.composite
def _einsum(draw: st.DrawFn) -> Call:
    equation = draw(
        st.sampled_from(
            ["ij,jk->ik", "ij->ji", "ij->", "i,j->ij", "ij,ij->i", "ii->i", "ii", "bij,bjk->bik", "i,i", "ij,j,k->ki",
             "...i,i->...",
             "...ij,...jk->...ik", "ij->i", "iij->j"]
        )
    )  # fmt: skip
    sides = {letter: draw(st.integers(1, 3)) for letter in "ijkb"}
    more = draw(shapes(most=2, side=1))
    given = []
    for i, term in enumerate(equation.partition("->")[0].split(",")):
        front = more if "..." in term else ()
        if front and draw(st.booleans()):
            front = (1, *front[1:])  # one for all of the others
        given.append(draw(numbers((*front, *(sides[letter] for letter in term.replace("...", ""))), which=i)))
    return Call(given, {"equation": equation})


@st.composite
def _arranged(draw: st.DrawFn, kind: str) -> Call:
    shape = draw(shapes(most=3, side=1 if kind == "roll" else 0))
    whole, n = st.integers(-4, 4), len(shape)
    axis = draw(axes_of(n)) if n else None
    options: dict[str, Any]
    if kind == "flip":
        options = {"axis": axis}
    elif kind == "roll":
        axis = None if axis == () else axis
        many = axis if isinstance(axis, tuple) else (0,)
        shifts = tuple(draw(whole) for _ in many)
        options = {"axis": axis, "shifts": shifts if isinstance(axis, tuple) else shifts[0]}
    elif kind == "tile":
        options = {"times": tuple(draw(st.lists(st.integers(0, 3), max_size=4)))}
    else:
        options = {"times": draw(st.integers(0, 3)), "axis": draw(st.none() | st.integers(-n, n - 1)) if n else None}
    return Call([draw(numbers(shape))], options)


@st.composite
def _stack(draw: st.DrawFn) -> Call:
    shape = draw(shapes(most=3))
    n = draw(st.integers(1, 3))
    return Call([draw(numbers(shape, which=i)) for i in range(n)], {"axis": draw(st.integers(-len(shape) - 1, len(shape)))})


@st.composite
def _along(draw: st.DrawFn) -> Call:
    shape = draw(shapes(least=1, most=3))
    return Call([draw(numbers(shape))], {"axis": draw(st.integers(-len(shape), len(shape) - 1))})


@st.composite
def _matrices(draw: st.DrawFn, stacks: bool = True, vectors: bool = False) -> Call:
    shape = draw(shapes(least=1 if vectors else 2, most=4 if stacks else 2, side=1))
    return Call([draw(numbers(shape))], {"diagonal": draw(st.integers(-2, 2)) if len(shape) != 2 or stacks else 0})


@st.composite
def _squares(draw: st.DrawFn, positive: bool = False) -> Call:
    """Square matrices, well away from singular ones; or positive definite, with eigenvalues that lie apart."""
    n, front = draw(st.integers(1, 3)), draw(shapes(most=1))
    a = draw(numbers((*front, n, n)))
    if positive:
        return Call([0.3 * (a @ a.swapaxes(-1, -2)) + np.diag(1.0 + np.arange(n))])
    return Call([0.5 * a + 3 * np.eye(n)])


@st.composite
def _oblongs(draw: st.DrawFn) -> Call:
    """Matrices of full rank with singular values that lie apart, with more rows, more columns, or as many."""
    m, n, front = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(shapes(most=1))
    k = min(m, n)
    turned = [
        np.linalg.qr(draw(numbers((*front, side, side), which=which)) + 2 * np.eye(side))[0] for which, side in enumerate((m, n))
    ]
    return Call([turned[0][..., :k] * (1.5 + np.arange(k)) @ turned[1][..., :k].swapaxes(-1, -2)])


def _their_svd(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    u, s, vh = torch.linalg.svd(tensors[0], full_matrices=False)
    signs = torch.where(torch.gather(u, -2, u.abs().argmax(-2, keepdim=True)) < 0, -1.0, 1.0).to(u.dtype)
    return torch.cat([s[..., None, :], u * signs, vh.mT * signs], -2)


def _their_qr(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    return torch.cat([part.flatten(-2) for part in torch.linalg.qr(tensors[0])], -1)


@st.composite
def _equations(draw: st.DrawFn) -> Call:
    call = draw(_squares())
    a = call.inputs[0]
    n = a.shape[-1]
    b = draw(st.sampled_from([(n,), (*a.shape[:-1], 2), (*a.shape[:-1], 1), (2, *([1] * (a.ndim - 2)), n, 3)]))
    return Call([a, draw(numbers(b, which=1))])


def _their_eigh(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    values, v = torch.linalg.eigh(0.5 * (tensors[0] + tensors[0].mT))
    signs = torch.where(torch.gather(v, -2, v.abs().argmax(-2, keepdim=True)) < 0, -1.0, 1.0).to(v.dtype)
    return torch.cat([values[..., None, :], v * signs], -2)


@st.composite
def _norm(draw: st.DrawFn) -> Call:
    call = draw(reduced())
    p = draw(st.sampled_from([1, 2, 3, 1.5, math.inf]))
    return Call([np.where(call.inputs[0] < 0, -0.4, 0.4) + call.inputs[0]], {**call.options, "p": p})


def _their_norm(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    (x,) = tensors
    axis = _all(options["axis"], x)
    if axis == ():
        return x.abs()
    return torch.linalg.vector_norm(x, ord=options["p"], dim=axis, keepdim=options["keepdims"])


def _their_prod(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    (x,) = tensors
    axis = options["axis"]
    axes = sorted({i % x.ndim for i in (_all(axis, x) if not isinstance(axis, int) else (axis,))}, reverse=True)
    for i in axes:
        x = x.prod(dim=i, keepdim=options["keepdims"])
    return x


@st.composite
def _spreads(draw: st.DrawFn) -> Call:
    """Calls of variance and std, with and without Bessel's correction, of more than one number each."""
    shape = draw(shapes(least=1, most=3, side=1))
    axis = draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    shape = tuple(n + 1 for n in shape)
    options = {"axis": axis, "keepdims": draw(st.booleans()), "correction": draw(st.sampled_from([0, 1]))}
    return Call([draw(numbers(shape))], options)


def _their_spread(name: str) -> Callable[[Any, list[Any], dict[str, Any]], Any]:
    return lambda torch, x, options: getattr(torch, name)(
        x[0], dim=_all(options["axis"], x[0]), keepdim=options["keepdims"], correction=options["correction"]
    )


@st.composite
def _powers(draw: st.DrawFn) -> Call:
    """A fixed power, as an array or as a plain number, or two that broadcast; a base of 0 where its power has a slope."""
    how = draw(st.sampled_from(["pair", "array", "number", "zeros"]))
    if how == "pair":
        return draw(pairs(("positive", "any")))
    (a,) = draw(elementwise("positive")).inputs
    if how == "zeros":
        return Call([np.where(a > 1, 0.0, a)], {"b": draw(st.sampled_from([0, 1, 2, 3.0]))})
    exponent = draw(st.sampled_from([0, 1.0, 2, 3.0, -1.0, -2.0, 0.5, 1.5, -0.5]))
    return Call([a, np.array(float(exponent))]) if how == "array" else Call([a], {"b": exponent})


@st.composite
def _concat(draw: st.DrawFn) -> Call:
    shape = draw(shapes(least=1, most=3))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    arrays = []
    for i, n in enumerate(draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))):
        one = list(shape)
        one[axis] = n
        arrays.append(draw(numbers(tuple(one), which=i)))
    return Call(arrays, {"axis": axis})


@st.composite
def _pad(draw: st.DrawFn) -> Call:
    shape = draw(shapes(most=3))
    widths = tuple((draw(st.integers(-min(n, 1), 2)), draw(st.integers(-max(0, n - 1), 2))) for n in shape)
    return Call([draw(numbers(shape))], {"widths": widths, "value": draw(st.sampled_from([0.0, -2.5]))})


@st.composite
def _padded(draw: st.DrawFn) -> Call:
    """Zeros around, or an image's own numbers: PyTorch has these modes for the last axes of images only."""
    mode = draw(st.sampled_from(["constant", "reflect", "replicate", "circular"]))
    if mode == "constant":
        return draw(_pad())
    widths = ((0, 0), (0, 0), *((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(2)))
    return Call([draw(numbers((draw(st.integers(1, 2)), 1, 3, 4)))], {"widths": widths, "mode": mode})


def _their_pad(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    flat = [n for pair in reversed(options["widths"]) for n in pair]
    if options.get("mode", "constant") == "constant":
        return torch.nn.functional.pad(tensors[0], flat, value=options["value"])
    return torch.nn.functional.pad(tensors[0], flat[:4], mode=options["mode"])


@st.composite
def _batch(draw: st.DrawFn, targets: str = "any", **options: st.SearchStrategy[Any]) -> Call:
    shape = draw(shapes(least=1, side=1))
    y = draw(numbers(shape, which=1))
    return Call(
        [draw(numbers(shape)), 1 / (1 + np.exp(-y)) if targets == "probabilities" else y],
        {name: draw(option) for name, option in options.items()},
    )


@st.composite
def _cross_entropy(draw: st.DrawFn) -> Call:
    m, k = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    # Also targets that are no distribution: the gradient is exact for any.
    kinds = [rng.integers(0, k, m), rng.dirichlet(np.ones(k), m), rng.random((m, k)), np.eye(k)[rng.integers(0, k, m)]]
    return Call(
        [3 * draw(numbers((m, k)))],
        {"target": draw(st.sampled_from(kinds)), "label_smoothing": draw(st.sampled_from([0.0, 0.1, 0.5]))},
    )


@st.composite
def _gaussians(draw: st.DrawFn) -> Call:
    shape = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return Call([draw(numbers(shape)), draw(numbers(shape, which=1))])


def _their_kl(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    mu, log_sigma = tensors
    normal = torch.distributions.Normal
    return torch.distributions.kl_divergence(normal(mu, log_sigma.exp()), normal(0.0, 1.0)).sum(1).mean()


def _their_cross_entropy(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
    target = torch.tensor(options["target"])
    target = target if target.ndim == 1 else target.to(tensors[0].dtype)
    return torch.nn.functional.cross_entropy(tensors[0], target, label_smoothing=options["label_smoothing"])


def _plain(name: str, **settings: Any) -> Callable[[Any, list[Any], dict[str, Any]], Any]:
    """A function of `torch`, or one below it such as "nn.functional.silu", which takes the tensors alone."""

    def theirs(torch: Any, tensors: list[Any], options: dict[str, Any]) -> Any:
        found = torch
        for part in name.split("."):
            found = getattr(found, part)
        return found(*tensors, **settings)

    return theirs


def _small(call: Call) -> Call:
    """The same call with numbers between -1 and 1."""
    return Call([0.9 * np.tanh(call.inputs[0])])


def _axes(axis: Any, x: Any) -> tuple[int, ...]:
    return tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)


F = "nn.functional."
OPS: dict[str, Checked] = {
    # arithmetic
    "add": Checked(pairs(), _plain("add")),
    "subtract": Checked(pairs(), _plain("sub")),
    "multiply": Checked(pairs(), _plain("mul")),
    "divide": Checked(pairs(("any", "away from 0")), _plain("div")),
    "negative": Checked(elementwise(), _plain("neg")),
    "power": Checked(_powers(), lambda torch, x, options: torch.pow(x[0], x[1] if len(x) == 2 else options["b"])),
    # functions
    "exp": Checked(elementwise(), _plain("exp")),
    "log": Checked(elementwise("positive"), _plain("log")),
    "sqrt": Checked(elementwise("positive"), _plain("sqrt")),
    "absolute": Checked(elementwise("away from 0"), _plain("abs")),
    "sin": Checked(elementwise(), _plain("sin")),
    "cos": Checked(elementwise(), _plain("cos")),
    "clip": Checked(
        elementwise(low=st.sampled_from([-1.5, -0.5]), high=st.sampled_from([-0.5, 0.25, 2.0])),
        lambda torch, x, options: torch.clamp(x[0], options["low"], options["high"]),
    ),
    "maximum": Checked(pairs(), _plain("maximum"), with_ties=tied_pairs()),
    "minimum": Checked(pairs(), _plain("minimum"), with_ties=tied_pairs()),
    "where": Checked(_where(), lambda torch, x, options: torch.where(x[0] != 0, *x[1:])),
    # activation
    "sigmoid": Checked(elementwise(), _plain("sigmoid")),
    "tanh": Checked(elementwise(), _plain("tanh")),
    "relu": Checked(elementwise("away from 0"), _plain("relu")),
    "leaky_relu": Checked(
        elementwise("away from 0", slope=st.sampled_from([0.01, 0.3, 1.5, -0.5])),
        lambda torch, x, options: torch.nn.functional.leaky_relu(x[0], options["slope"]),
    ),
    "softplus": Checked(elementwise(), _plain(F + "softplus")),
    "silu": Checked(elementwise(), _plain(F + "silu")),
    "elu": Checked(
        elementwise("away from 0", alpha=st.sampled_from([1.0, 0.3])),
        lambda torch, x, options: torch.nn.functional.elu(x[0], options["alpha"]),
    ),
    "mish": Checked(elementwise(), _plain(F + "mish")),
    # PyTorch's own gradient in float64 is delta times float32's 1/6.
    "hardsigmoid": Checked(elementwise(), lambda torch, x, options: torch.clamp(x[0] / 6 + 0.5, 0, 1)),
    "hardswish": Checked(elementwise(), _plain(F + "hardswish")),
    "gelu": Checked(
        elementwise(approximate=st.sampled_from(["none", "tanh"])),
        lambda torch, x, options: torch.nn.functional.gelu(x[0], **options),
    ),
    # linear
    "linear": Checked(_linear(), _plain(F + "linear")),
    "matmul": Checked(_matmul(), _plain("matmul")),
    # reduce
    "sum": Checked(reduced(empty=True), _reduced("sum")),
    "mean": Checked(reduced(), _reduced("mean")),
    "max": Checked(reduced(), _reduced("amax"), with_ties=tied(reduced())),
    "min": Checked(reduced(), _reduced("amin"), with_ties=tied(reduced())),
    "variance": Checked(_spreads(), _their_spread("var")),
    "logsumexp": Checked(reduced(), _reduced("logsumexp")),
    # shape
    "reshape": Checked(_reshape(), lambda torch, x, options: x[0].reshape(options["shape"])),
    "transpose": Checked(
        _transpose(), lambda torch, x, options: x[0].permute(options["axes"] or tuple(reversed(range(x[0].ndim))))
    ),
    "broadcast": Checked(_broadcast(), lambda torch, x, options: torch.broadcast_to(x[0], options["shape"])),
    "index": Checked(_index(), _their_index),
    "gather": Checked(
        _gather(), lambda torch, x, options: torch.take_along_dim(x[0], torch.tensor(options["indices"]), options["axis"])
    ),
    "scatter": Checked(_scatter(), _their_scatter),
    "index_add": Checked(
        _index_add(), lambda torch, x, options: torch.index_add(x[0], options["axis"], torch.tensor(options["indices"]), x[1])
    ),
    "scatter_add": Checked(
        _scatter_add(), lambda torch, x, options: torch.scatter_add(x[0], options["axis"], torch.tensor(options["indices"]), x[1])
    ),
    "concat": Checked(_concat(), lambda torch, x, options: torch.cat(x, options["axis"])),
    "pad": Checked(_padded(), _their_pad),
    # arrange
    "flip": Checked(_arranged("flip"), lambda torch, x, options: torch.flip(x[0], _axes(options["axis"], x[0]))),
    "roll": Checked(_arranged("roll"), lambda torch, x, options: torch.roll(x[0], options["shifts"], options["axis"])),
    "tile": Checked(_arranged("tile"), lambda torch, x, options: torch.tile(x[0], options["times"])),
    "repeat_interleave": Checked(
        _arranged("repeat"), lambda torch, x, options: torch.repeat_interleave(x[0], options["times"], dim=options["axis"])
    ),
    "stack": Checked(_stack(), lambda torch, x, options: torch.stack(x, options["axis"])),
    # cumulative
    "cumsum": Checked(_along(), lambda torch, x, options: torch.cumsum(x[0], options["axis"])),
    "cumprod": Checked(_along(), lambda torch, x, options: torch.cumprod(x[0], options["axis"])),
    "prod": Checked(reduced(), _their_prod),
    "logcumsumexp": Checked(_along(), lambda torch, x, options: torch.logcumsumexp(x[0], options["axis"])),
    # deviation
    "std": Checked(_spreads(), _their_spread("std")),
    "norm": Checked(_norm(), _their_norm, with_ties=tied(_norm())),
    # matrices
    "tril": Checked(_matrices(), lambda torch, x, options: torch.tril(x[0], options["diagonal"])),
    "triu": Checked(_matrices(), lambda torch, x, options: torch.triu(x[0], options["diagonal"])),
    "diag": Checked(_matrices(stacks=False, vectors=True), lambda torch, x, options: torch.diag(x[0], options["diagonal"])),
    "trace": Checked(_matrices(stacks=False).map(lambda call: Call(call.inputs)), _plain("trace")),
    "einsum": Checked(_einsum(), lambda torch, x, options: torch.einsum(options["equation"], *x)),
    # linalg
    "inv": Checked(_squares(), _plain("linalg.inv")),
    "solve": Checked(_equations(), _plain("linalg.solve")),
    "det": Checked(_squares(), _plain("linalg.det")),
    "logdet": Checked(_squares(), lambda torch, x, options: torch.linalg.slogdet(x[0])[1]),
    "cholesky": Checked(_squares(positive=True), _plain("linalg.cholesky")),
    "eigh": Checked(_squares(positive=True), _their_eigh),
    # factorisations
    "svd": Checked(_oblongs(), _their_svd),
    "qr": Checked(_oblongs(), _their_qr),
    "pinv": Checked(_oblongs(), _plain("linalg.pinv")),
    # rounding
    "sign": Checked(elementwise(), _plain("sign")),
    "floor": Checked(elementwise(), _plain("floor")),
    "ceil": Checked(elementwise(), _plain("ceil")),
    "trunc": Checked(elementwise(), _plain("trunc")),
    "round": Checked(elementwise(decimals=st.sampled_from([0, 1])), lambda torch, x, options: torch.round(x[0], **options)),
    "remainder": Checked(pairs(("any", "away from 0")), _plain("remainder")),
    "floor_divide": Checked(
        pairs(("any", "away from 0")),
        lambda torch, x, options: torch.floor_divide(x[0].detach(), x[1].detach()) + 0 * (x[0] + x[1]),
    ),
    # special, trigonometry, hyperbolic
    "log1p": Checked(elementwise("positive"), _plain("log1p")),
    "expm1": Checked(elementwise(), _plain("expm1")),
    "erf": Checked(elementwise(), _plain("erf")),
    "logaddexp": Checked(pairs(), _plain("logaddexp")),
    "atan2": Checked(pairs(("any", "away from 0")), _plain("atan2")),
    "tan": Checked(elementwise().map(_small), _plain("tan")),
    "asin": Checked(elementwise().map(_small), _plain("asin")),
    "acos": Checked(elementwise().map(_small), _plain("acos")),
    "atan": Checked(elementwise(), _plain("atan")),
    "sinh": Checked(elementwise(), _plain("sinh")),
    "cosh": Checked(elementwise(), _plain("cosh")),
    "asinh": Checked(elementwise(), _plain("asinh")),
    "acosh": Checked(elementwise("positive").map(lambda call: Call([call.inputs[0] + 1])), _plain("acosh")),
    "atanh": Checked(elementwise().map(_small), _plain("atanh")),
    # losses
    "mse_loss": Checked(_batch(), _plain(F + "mse_loss")),
    "huber_loss": Checked(
        _batch(d=st.sampled_from([0.5, 1.0, 2.0])),
        lambda torch, x, options: torch.nn.functional.huber_loss(*x, delta=options["d"]),
    ),
    "bce_with_logits": Checked(_batch("probabilities"), _plain(F + "binary_cross_entropy_with_logits")),
    "cross_entropy": Checked(_cross_entropy(), _their_cross_entropy),
    "gaussian_kl": Checked(_gaussians(), _their_kl),
}


def of_file(name: str) -> list[str]:
    """The ops of one file, such as "arithmetic"."""
    return [op for op in OPS if getattr(ops, op).definition.__module__ == f"byhand.engine.ops.{name}"]


# ---------------------------------------------------------------- what is asked


def assert_gradient(name: str, call: Call) -> None:
    """The gradient of all inputs is that of central differences, in float64."""
    check_gradient(lambda *inputs: getattr(ops, name)(*inputs, **call.options), *call.inputs)


def assert_as_pytorch(name: str, call: Call, torch: Any, dtype: str, theirs_of: Any = None) -> None:
    """Value and gradients are PyTorch's, relative to the largest number, and of the inputs' type."""
    given = [array.astype(dtype) for array in call.inputs]
    value, pull_back = vjp(lambda *inputs: getattr(ops, name)(*inputs, **call.options), *given)
    v = np.random.default_rng(0).standard_normal(value.shape).astype(dtype)
    tensors = [torch.tensor(array, requires_grad=True) for array in given]
    theirs = (theirs_of or OPS[name].theirs)(torch, tensors, call.options)
    assert_close(value, theirs.detach().numpy(), dtype)
    theirs.backward(torch.tensor(v))
    for ours, tensor in zip(pull_back(v), tensors, strict=True):
        assert_close(ours, np.zeros_like(ours) if tensor.grad is None else tensor.grad.numpy(), dtype)


def assert_close(ours: Any, theirs: Any, dtype: str) -> None:
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype == dtype
    if ours.size:
        assert np.abs(ours - theirs).max() <= CLOSE[dtype] * max(1.0, float(np.abs(theirs).max()))


def _spread_out(array: Any) -> Any:
    """The same numbers in every second place of an array twice as wide."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]))
    wide[..., ::2] = array
    return wide[..., ::2]


def _turned(array: Any) -> Any:
    """The first axis the quickest in memory, and the others in their order."""
    return np.moveaxis(np.moveaxis(array, 0, -1).copy(), -1, 0)


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "columns first": lambda array: array.copy("F"),
    "every second": lambda array: _spread_out(array) if array.ndim else array,
    "backwards": lambda array: np.flip(np.flip(array).copy()),
    "axes turned": lambda array: _turned(array) if array.ndim else array,
    "read only": lambda array: np.broadcast_to(array, array.shape),
}


def assert_layout_is_nothing(name: str, call: Call, layout: str) -> None:
    """The same numbers, laid out otherwise in memory, give the same; and none of them is written into."""
    laid_out = [LAYOUTS[layout](array) for array in call.inputs]
    kept = [array.copy() for array in laid_out]
    found = []
    for inputs in (call.inputs, laid_out):
        value, pull_back = vjp(lambda *given: getattr(ops, name)(*given, **call.options), *inputs)
        v = LAYOUTS[layout](np.random.default_rng(0).standard_normal(value.shape))
        found.append([value, *pull_back(v)])
    for one, other in zip(*found, strict=True):
        assert one.shape == other.shape
        assert np.allclose(one, other, rtol=1e-13, atol=1e-13)
    for array, before in zip(laid_out, kept, strict=True):
        assert np.array_equal(array, before)


def assert_numbers_survive(name: str, call: Call) -> None:
    """An op writes into none of its inputs, nor its gradient into the delta it is given: others may still need them."""
    leaves = [Tensor(array.copy(), requires_grad=True) for array in call.inputs]
    out = getattr(ops, name)(*leaves, **call.options)
    v = np.random.default_rng(0).standard_normal(out.shape)
    delta = v.copy()
    out.backward(delta)
    assert all(np.array_equal(leaf.data, array) for leaf, array in zip(leaves, call.inputs, strict=True))
    assert np.array_equal(delta, v)
