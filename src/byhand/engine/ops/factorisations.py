"""Factorisations of any matrix: singular values with their vectors, QR, and the pseudoinverse."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array, ArrayModule
from byhand.engine.op import Saved, op
from byhand.engine.ops.algebra import solved, transposed
from byhand.errors import EngineError


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
