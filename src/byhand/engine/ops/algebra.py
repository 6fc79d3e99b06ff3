"""Linear algebra: the inverse and what it solves, determinants, and the two factorisations of symmetric matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule
from byhand.engine.op import Saved, op
from byhand.engine.ops.arithmetic import sum_to
from byhand.errors import EngineError


def _square(name: str, a: Array) -> Any:
    """The array; raises EngineError for what are no square matrices of floats."""
    if getattr(a, "ndim", 0) < 2 or a.shape[-1] != a.shape[-2] or a.dtype.kind != "f":
        raise EngineError(f"{name}: a must be square matrices (..., n, n) of floats, got {np.shape(a)} {getattr(a, 'dtype', '')}")
    return a


def solved(name: str, function: Any, *arrays: Any) -> Any:
    """A function of LAPACK's; raises EngineError where there is no answer."""
    try:
        return function(*arrays)
    except np.linalg.LinAlgError as error:
        raise EngineError(f"{name}: a has none: {str(error).lower()}") from None


def transposed(a: Array) -> Any:
    """The last two axes exchanged."""
    return a.swapaxes(-1, -2)


def symmetric(a: Array) -> Any:
    """The symmetric part of matrices."""
    return 0.5 * (a + transposed(a))


@op
class inv:
    r"""The inverse of square matrices.

    Equation:
        c = a^{-1}
    Gradient:
        \partial C/\partial a = -c^\top \delta\,c^\top
    Shapes:
        a: (..., n, n) -> c: the same
    Source:
        Giles (2008), "Collected matrix derivative results", section 2.2.3
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        c = solved("inv", xp.linalg.inv, _square("inv", a))
        return c, (c,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (c,) = saved
        return -xp.matmul(xp.matmul(transposed(c), delta), transposed(c))


@op
class solve:
    r"""The solution of linear equations a c = b, without the inverse.

    Equation:
        c = a^{-1} b
    Gradient:
        \partial C/\partial b = a^{-\top} \delta
        \partial C/\partial a = -(a^{-\top} \delta)\,c^\top
    Shapes:
        a: (..., n, n), b: (n,) or (..., n, k), the axes in front broadcast -> c: as b
    Source:
        Giles (2008), "Collected matrix derivative results", section 2.3.1
    """

    def forward(xp: ArrayModule, a: Array, b: Array) -> Any:
        _square("solve", a)
        if np.ndim(b) < 1 or b.shape[0 if b.ndim == 1 else -2] != a.shape[-1]:
            raise EngineError(
                f"solve: a is {a.shape} but b is {np.shape(b)}: b must be ({a.shape[-1]},) or (..., {a.shape[-1]}, k)"
            )
        c = solved("solve", xp.linalg.solve, a, b)
        return c, (a, b, c)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array, wanted: Sequence[bool]) -> Any:
        a, b, c = saved
        if b.ndim == 1:  # a vector is a matrix of one column
            c, delta = c[..., None], delta[..., None]
        to_b = xp.linalg.solve(transposed(a), delta)
        return (
            sum_to(-xp.matmul(to_b, transposed(c)), a.shape) if wanted[0] else None,
            sum_to(to_b[..., 0] if b.ndim == 1 else to_b, b.shape) if wanted[1] else None,
        )


@op
class det:
    r"""The determinant. Its gradient holds for a singular matrix too, as it is made of the singular values without dividing.

    Equation:
        c = \det a
    Gradient:
        \partial C/\partial a = \delta\,c\,a^{-\top} = \delta \det(u v) \sum_i \left(\prod_{j \ne i} s_j\right) u_i v_i^\top,
        \quad a = \sum_i s_i\,u_i v_i^\top
    Shapes:
        a: (..., n, n) -> c: (...)
    Source:
        Giles (2008), "Collected matrix derivative results", section 2.2.4
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        c = xp.asarray(xp.linalg.det(_square("det", a)))
        return c, (a, c)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        a, _ = saved
        if not xp.isfinite(a).all():  # LAPACK would look for singular values in vain
            return xp.full_like(a, xp.nan)
        u, s, v = xp.linalg.svd(a)
        n = a.shape[-1]
        others = xp.where(xp.eye(n, dtype=bool), 1, s[..., None, :]).prod(axis=-1)
        sign = xp.asarray(xp.linalg.det(u) * xp.linalg.det(v))
        return (delta * sign)[..., None, None] * xp.matmul(u * others[..., None, :], v)

    def tape_gradient(xp: ArrayModule, saved: Saved, delta: Any, wanted: Sequence[bool]) -> Any:
        a, c = saved
        return (delta * c)[..., None, None] * transposed(xp.linalg.inv(a))


@op
class logdet:
    r"""The logarithm of the determinant's size, which may be far too large or too small to be a number itself.

    Equation:
        c = \ln |\det a|
    Gradient:
        \partial C/\partial a = \delta\,a^{-\top}
    Shapes:
        a: (..., n, n) -> c: (...)
    Source:
        Giles (2008), "Collected matrix derivative results", section 2.2.4
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        return xp.asarray(xp.linalg.slogdet(_square("logdet", a))[1]), (a,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (a,) = saved
        return delta[..., None, None] * transposed(xp.linalg.inv(a))


@op
class cholesky:
    r"""The lower triangular root of positive definite matrices; of one that is not symmetric, of its symmetric part.

    Equation:
        c\,c^\top = \tfrac{1}{2} (a + a^\top)
    Gradient:
        \partial C/\partial a = \tfrac{1}{2} (s + s^\top), \quad s = c^{-\top}\,\Phi(c^\top \delta)\,c^{-1}
    Shapes:
        a: (..., n, n) -> c: the same; Phi keeps the lower triangle and half of the diagonal
    Source:
        Murray (2016), arXiv:1602.07527, eqs. 9 and 10
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        c = solved("cholesky", xp.linalg.cholesky, symmetric(_square("cholesky", a)))
        return c, (c,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (c,) = saved
        n = c.shape[-1]
        kept = (np.tri(n) - 0.5 * np.eye(n)).astype(c.dtype)
        phi = xp.matmul(transposed(c), delta) * xp.asarray(kept)
        half = xp.linalg.solve(transposed(c), phi)
        return symmetric(transposed(xp.linalg.solve(transposed(c), transposed(half))))


@op
class eigh:
    r"""Eigenvalues, in their order, and eigenvectors of symmetric matrices; of one that is not symmetric, of its symmetric part.

    Both stand in one array: its first row is the eigenvalues, and below each is its vector, whose largest component is positive.
    `Tensor.eigh` takes them apart. Equal eigenvalues have no vectors of their own, and no gradient through them.

    Equation:
        \tfrac{1}{2} (a + a^\top)\,v = v \operatorname{diag} \lambda, \quad v^\top v = 1, \quad c = (\lambda; v)
    Gradient:
        \partial C/\partial a = \tfrac{1}{2} (s + s^\top), \quad s = v \left(\operatorname{diag} \delta_\lambda
        + f \odot (v^\top \delta_v)\right) v^\top, \quad f_{ij} = \frac{1}{\lambda_j - \lambda_i}, \quad f_{ii} = 0
    Shapes:
        a: (..., n, n) -> c: (..., n + 1, n)
    Source:
        Giles (2008), "Collected matrix derivative results", section 3.1
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        values, v = solved("eigh", xp.linalg.eigh, symmetric(_square("eigh", a)))
        if v.shape[-1]:
            largest = xp.take_along_axis(v, xp.abs(v).argmax(axis=-2)[..., None, :], axis=-2)
            v = v * xp.where(largest < 0, -1, 1).astype(v.dtype)
        c = xp.concatenate([values[..., None, :], v], axis=-2)
        return c, (c,)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        (c,) = saved
        values, v = c[..., 0, :], c[..., 1:, :]
        one = xp.eye(c.shape[-1], dtype=c.dtype)
        apart = values[..., None, :] - values[..., :, None]
        f = (1 - one) / (apart + one)
        inner = one * delta[..., 0:1, :] + f * xp.matmul(transposed(v), delta[..., 1:, :])
        return symmetric(xp.matmul(xp.matmul(v, inner), transposed(v)))
