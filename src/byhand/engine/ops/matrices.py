"""Parts of matrices, and products by Einstein's rule: what an index names twice is summed over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule
from byhand.engine.call import Call, constant
from byhand.engine.op import Saved, op
from byhand.engine.ops.arithmetic import sum_to
from byhand.errors import EngineError
from byhand.terms import At, Sum, single


def _matrix(name: str, a: Array) -> None:
    if a.ndim < 2:
        raise EngineError(f"{name}: a must have two axes or more, the last two those of a matrix, got {a.shape}")


def _triangle(xp: ArrayModule, shape: tuple[int, ...], diagonal: int, lower: bool) -> Any:
    """True on one side of a diagonal, and on it."""
    below = xp.tri(*shape[-2:], k=diagonal if lower else diagonal - 1, dtype=bool)
    return below if lower else ~below


def _kept_or_zero(call: Call, at: At, number: Any) -> list[Sum]:
    return [single(number if call.saved[at[-2:]] else constant(0.0))]


@op
class tril:
    r"""The lower triangle of matrices, zeros above a diagonal.

    Equation:
        c_{ij} = a_{ij}\,[j \le i + k]
    Gradient:
        \partial C/\partial a_{ij} = \delta_{ij}\,[j \le i + k]
    Shapes:
        a: (..., m, n), diagonal k: a whole number -> c: the same
    Source:
        Golub and Van Loan (2013), "Matrix Computations", section 1.2
    """

    def forward(xp: ArrayModule, a: Array, *, diagonal: int = 0) -> Any:
        _matrix("tril", a)
        inside = _triangle(xp, a.shape, diagonal, lower=True)
        return xp.where(inside, a, a.dtype.type(0)), inside

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return xp.where(saved, delta, 0)

    def terms(call: Call, at: At) -> list[Sum]:
        return _kept_or_zero(call, at, call.operand(0).factor(at))

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return _kept_or_zero(call, at, call.error.factor(at))


@op
class triu:
    r"""The upper triangle of matrices, zeros below a diagonal.

    Equation:
        c_{ij} = a_{ij}\,[j \ge i + k]
    Gradient:
        \partial C/\partial a_{ij} = \delta_{ij}\,[j \ge i + k]
    Shapes:
        a: (..., m, n), diagonal k: a whole number -> c: the same
    Source:
        Golub and Van Loan (2013), "Matrix Computations", section 1.2
    """

    def forward(xp: ArrayModule, a: Array, *, diagonal: int = 0) -> Any:
        _matrix("triu", a)
        inside = _triangle(xp, a.shape, diagonal, lower=False)
        return xp.where(inside, a, a.dtype.type(0)), inside

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return xp.where(saved, delta, 0)

    def terms(call: Call, at: At) -> list[Sum]:
        return _kept_or_zero(call, at, call.operand(0).factor(at))

    def gradient_terms(call: Call, slot: int, at: At) -> list[Sum]:
        return _kept_or_zero(call, at, call.error.factor(at))


@op
class diag:
    r"""The diagonal of a matrix; or the matrix that has a vector for its diagonal.

    Equation:
        c_i = a_{i,\, i + k}, \quad \text{of a vector: } c_{i,\, i + k} = a_i
    Gradient:
        \partial C/\partial a_{i,\, i + k} = \delta_i, \quad \text{of a vector: } \partial C/\partial a_i = \delta_{i,\, i + k}
    Shapes:
        a: (m, n) or (n,), diagonal k: a whole number, above 0 for one further up -> c: a vector, or a square matrix
    Source:
        Golub and Van Loan (2013), "Matrix Computations", section 1.2
    """

    def forward(xp: ArrayModule, a: Array, *, diagonal: int = 0) -> Any:
        if a.ndim not in (1, 2):
            raise EngineError(f"diag: a must be a vector or a matrix, got {a.shape}")
        n = len(a) + abs(diagonal) if a.ndim == 1 else len(xp.diagonal(a, diagonal))
        places = np.arange(len(a) if a.ndim == 1 else n)
        key = (places + max(0, -diagonal), places + max(0, diagonal))
        if a.ndim == 2:
            return a[key], (a.shape, key)
        c = xp.zeros((n, n), a.dtype)
        c[key] = a
        return c, (a.shape, key)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        shape, key = saved
        if len(shape) == 1:
            return delta[key]
        found = xp.zeros(shape, delta.dtype)
        found[key] = delta
        return found

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        shape, key = saved
        return delta[key] if len(shape) == 1 else xp.scatter(delta, key=key, shape=shape)


@op
class trace:
    r"""The sum of the diagonal of a matrix.

    Equation:
        c = \sum_i a_{ii}
    Gradient:
        \partial C/\partial a_{ij} = \delta\,[i = j]
    Shapes:
        a: (m, n) -> c: one number
    Source:
        Giles (2008), "Collected matrix derivative results", section 2.2.1
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        if a.ndim != 2:
            raise EngineError(f"trace: a must be a matrix, got {a.shape}")
        return xp.trace(a), xp.eye(*a.shape, dtype=bool)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        return xp.where(saved, delta, 0)


@op
class einsum:
    r"""Sums of products by Einstein's rule, written as "ij,jk->ik": what the output does not name is summed over.

    Equation:
        c_o = \sum_{s} \prod_k a^{(k)}_{i_k}
    Gradient:
        \partial C/\partial a^{(k)}_{i_k} = \sum \delta_o \prod_{l \ne k} a^{(l)}_{i_l}
    Shapes:
        equation: letters for the axes of each array, "..." for further ones, and after "->" those of the output
        -> c: the axes that the output names
    Source:
        Einstein (1916), "Die Grundlage der allgemeinen Relativitätstheorie", section 5
    """

    def forward(xp: ArrayModule, *arrays: Any, equation: str) -> Any:
        terms, out = _letters(equation, [np.ndim(array) for array in arrays])
        written = f"{','.join(terms)}->{out}"
        try:
            return xp.asarray(xp.einsum(written, *arrays, optimize=len(arrays) > 2)), (arrays, terms, out)
        except ValueError as error:
            shapes = " and ".join(str(np.shape(array)) for array in arrays)
            raise EngineError(f"einsum: {equation!r} does not fit {shapes}: {error}") from None

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        arrays, terms, out = saved
        return tuple(_part(xp, arrays, terms, out, delta, k) if asked else None for k, asked in enumerate(wanted))


def _letters(equation: Any, axes: list[int]) -> tuple[list[str], str]:
    """The letters of each array and of the output, with capitals from Z downwards for the axes that "..." stands for."""
    if not isinstance(equation, str):
        raise EngineError(f"einsum: the equation must be a string such as 'ij,jk->ik', got {equation!r}")
    left, arrow, out = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(axes):
        raise EngineError(f"einsum: {equation!r} is of {len(terms)} arrays, but got {len(axes)}")
    more = [n - len(term.replace("...", "")) if "..." in term else 0 for term, n in zip(terms, axes, strict=True)]
    capitals = "ZYXWVUTSRQPO"[: max([*more, 0])]
    full = [term.replace("...", capitals[len(capitals) - n :] if n > 0 else "") for term, n in zip(terms, more, strict=True)]
    for term, n in zip(full, axes, strict=True):
        if len(term) != n or (term and not term.isalpha()):
            raise EngineError(f"einsum: {equation!r} must name each axis by a letter; {term!r} stands for an array with {n} axes")
    if not arrow:
        once = "".join(full)
        return full, capitals + "".join(sorted(c for c in set(once) if once.count(c) == 1 and c not in capitals))
    return full, out.replace("...", capitals)


def _part(xp: ArrayModule, arrays: Any, terms: list[str], out: str, delta: Array, k: int) -> Any:
    """What goes back to one array: delta times all others, summed to its letters, and copied along those that only it has."""
    mine, shape = terms[k], arrays[k].shape
    others = [(term, array) for i, (term, array) in enumerate(zip(terms, arrays, strict=True)) if i != k]
    known = set(out).union(*(term for term, _ in others))
    once = "".join(dict.fromkeys(mine))  # "ii" names one index
    here = "".join(c for c in once if c in known)
    written = ",".join([out, *(term for term, _ in others)])
    found = xp.einsum(f"{written}->{here}", delta, *(array for _, array in others))
    sizes = dict(zip(mine, shape, strict=True))
    lengths = iter(found.shape)
    found = found.reshape(tuple(next(lengths) if c in known else 1 for c in once))
    wide = tuple(max(n, sizes[c]) if n else 0 for n, c in zip(found.shape, once, strict=True))
    found = sum_to(xp.broadcast_to(found, wide), tuple(sizes[c] for c in once))
    for c in once:
        free = iter("abcdefghijklmnopqrstuvwxyz")
        while mine.count(c) > 1 and once.count(c) < mine.count(c):  # on the diagonal only
            new = next(one for one in free if one not in mine + once)
            found = xp.einsum(f"{once},{c}{new}->{once}{new}", found, xp.eye(sizes[c], dtype=delta.dtype))
            once, mine = once + new, _second(mine, c, new)
    return found if once == mine else xp.einsum(f"{once}->{mine}", found)


def _second(term: str, letter: str, new: str) -> str:
    """A term with the second of two equal letters renamed."""
    first = term.index(letter)
    second = term.index(letter, first + 1)
    return term[:second] + new + term[second + 1 :]
