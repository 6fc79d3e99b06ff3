"""Linear algebra: the inverse and what it solves, determinants, and factorisations: Cholesky's, eigenvectors, SVD, QR."""

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


def _matrices(name: str, a: Array) -> Any:
    """The array; raises EngineError for what are no matrices of floats, or empty ones."""
    if getattr(a, "ndim", 0) < 2 or a.dtype.kind != "f" or 0 in a.shape[-2:]:
        raise EngineError(f"{name}: a must be matrices (..., m, n) of floats, got {np.shape(a)} {getattr(a, 'dtype', '')}")
    return a


def _without(q: Any, x: Any, xp: Any) -> Any:
    """What of the columns of x lies outside of the space that the columns of q span: x - q q^T x."""
    return x - xp.matmul(q, xp.matmul(transposed(q), x))


@op
class svd:
    r"""The reduced singular value decomposition: any matrix as a rotation, a stretch along the axes, and a rotation.

    All three stand in one array: its first row is the singular values, the largest first, below are the m rows of u and then the
    n rows of v. The largest component of each column of u is positive. `Tensor.svd` takes them apart. Equal singular values
    have no vectors of their own, and no gradient through them.

    Equation:
        a = u \operatorname{diag}(s)\, v^\top, \quad u^\top u = v^\top v = 1, \quad c = (s; u; v)
    Gradient:
        \partial C/\partial a = u \left(\operatorname{diag} \delta_s + (j + j^\top) \operatorname{diag} s
        + \operatorname{diag} s\, (k + k^\top)\right) v^\top
        + (1 - u u^\top)\, \delta_u \operatorname{diag}(s)^{-1} v^\top
        + u \operatorname{diag}(s)^{-1} \delta_v^\top (1 - v v^\top), \quad
        j = f \odot (u^\top \delta_u), \quad k = f \odot (v^\top \delta_v), \quad
        f_{ij} = \frac{1}{s_j^2 - s_i^2}, \quad f_{ii} = 0
    Shapes:
        a: (..., m, n) -> c: (..., 1 + m + n, min(m, n))
    Source:
        Giles (2008), "Collected matrix derivative results", section 3.2, for the values; Townsend (2016), "Differentiating the
        singular value decomposition", for the vectors
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        u, s, v = solved("svd", lambda x: xp.linalg.svd(x, full_matrices=False), _matrices("svd", a))
        largest = xp.take_along_axis(u, xp.abs(u).argmax(axis=-2)[..., None, :], axis=-2)
        sign = xp.where(largest < 0, -1, 1).astype(u.dtype)
        c = xp.concatenate([s[..., None, :], u * sign, transposed(v) * sign], axis=-2)
        return c, (c, a.shape[-2])

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        c, m = saved
        s, u, v = c[..., 0, :], c[..., 1 : m + 1, :], c[..., m + 1 :, :]
        to_s, to_u, to_v = delta[..., 0:1, :], delta[..., 1 : m + 1, :], delta[..., m + 1 :, :]
        one = xp.eye(c.shape[-1], dtype=c.dtype)
        square = s * s
        f = (1 - one) / (square[..., None, :] - square[..., :, None] + one)
        j, k = f * xp.matmul(transposed(u), to_u), f * xp.matmul(transposed(v), to_v)
        core = one * to_s + (j + transposed(j)) * s[..., None, :] + (k + transposed(k)) * s[..., :, None]
        found = xp.matmul(xp.matmul(u, core), transposed(v))
        if m > c.shape[-1]:  # u does not span the whole space
            found = found + xp.matmul(_without(u, to_u, xp) / s[..., None, :], transposed(v))
        if c.shape[-2] - m - 1 > c.shape[-1]:
            found = found + xp.matmul(u, transposed(_without(v, to_v, xp) / s[..., None, :]))
        return found


@op
class qr:
    r"""Columns at right angles to one another, and the triangle that makes a matrix of them.

    Both stand in one row of numbers, q's first. `Tensor.qr` takes them apart. There is no gradient where the first columns of a,
    as many as it has rows, depend on one another.

    Equation:
        a = q r, \quad q^\top q = 1, \quad r_{ij} = 0 \text{ for } i > j, \quad c = (q, r)
    Gradient:
        \partial C/\partial a = \left(\delta_q + q\, \operatorname{sym}(r \delta_r^\top - \delta_q^\top q)\right) r^{-\top}
    Shapes:
        a: (..., m, n) -> c: (..., k (m + n)) with k = min(m, n); sym copies the lower triangle of a matrix over its upper one.
        With more columns than rows the first m give q, and r's other columns are q^T times the others of a.
    Source:
        Roberts and Roberts (2020), arXiv:2009.10071, "QR and LQ decomposition matrix backpropagation algorithms"
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        q, r = solved("qr", xp.linalg.qr, _matrices("qr", a))
        *front, m, n = a.shape
        c = xp.concatenate([part.reshape(*front, min(m, n) * side) for part, side in ((q, m), (r, n))], axis=-1)
        return c, (a, c, m, n)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        a, c, m, n = saved
        k = min(m, n)
        front = c.shape[:-1]
        q, to_q = (part[..., : m * k].reshape((*front, m, k)) for part in (c, delta))
        r, to_r = (part[..., m * k :].reshape((*front, k, n)) for part in (c, delta))
        if m >= n:
            return _of_full_columns(q, r, to_q, to_r, xp)
        to_q = to_q + xp.matmul(a[..., m:], transposed(to_r[..., m:]))  # r's last columns are q^T a's
        first = _of_full_columns(q, r[..., :m], to_q, to_r[..., :m], xp)
        return xp.concatenate([first, xp.matmul(q, to_r[..., m:])], axis=-1)


def _of_full_columns(q: Any, r: Any, to_q: Any, to_r: Any, xp: Any) -> Any:
    """The gradient of a = q r where r is square."""
    n = r.shape[-1]
    below = np.tri(n, k=-1).astype(r.dtype)
    lower = xp.matmul(r, transposed(to_r)) - xp.matmul(transposed(to_q), q)
    copied = lower * xp.asarray(below + np.eye(n, dtype=r.dtype)) + transposed(lower * xp.asarray(below))
    return transposed(xp.linalg.solve(r, transposed(to_q + xp.matmul(q, copied))))


@op
class pinv:
    r"""The pseudoinverse: of all that solve a x = b best, the x = c b that is shortest. Of matrices of full rank.

    Equation:
        c = a^+, \quad a c a = a, \quad c a c = c, \quad (a c)^\top = a c, \quad (c a)^\top = c a
    Gradient:
        \partial C/\partial a = -c^\top \delta\, c^\top + (1 - a c)\, \delta^\top c\, c^\top + c^\top c\, \delta^\top (1 - c a)
    Shapes:
        a: (..., m, n) -> c: (..., n, m)
    Source:
        Golub and Pereyra (1973), "The differentiation of pseudo-inverses and nonlinear least squares problems", equation 4.12
    """

    def forward(xp: ArrayModule, a: Array) -> Any:
        c = solved("pinv", xp.linalg.pinv, _matrices("pinv", a))
        return c, (a, c)

    def gradient(xp: ArrayModule, saved: Saved, delta: Array) -> Any:
        a, c = saved
        across, back = transposed(c), transposed(delta)
        found = -xp.matmul(xp.matmul(across, delta), across)
        rows = xp.matmul(xp.matmul(back, c), across)
        columns = xp.matmul(xp.matmul(across, c), back)
        found = found + rows - xp.matmul(a, xp.matmul(c, rows))
        return found + columns - xp.matmul(xp.matmul(columns, c), a)
