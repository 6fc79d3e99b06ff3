r"""Convolution by 3x3 filters with a quarter of the multiplications: Winograd's minimal filtering, F(4x4, 3x3).

Four outputs of a filter with three taps need 12 multiplications; Winograd (1980) does with 6. The filter g and a piece d of six
pixels are polynomials whose product is wanted. A product of polynomials can be had from values at points: evaluate both at
0, 1, -1, 2, -2 and infinity, multiply value by value, interpolate. Evaluating and interpolating are fixed matrices,

    y = A^\top \left[(G g) \odot (B^\top d)\right],

and in two dimensions they act on rows and on columns: Y = A^T [(G g G^T) o (B^T d B)] A makes 4x4 outputs from 6x6 pixels with
36 multiplications in place of 144. Summed over the channels, each of the 36 places is a matrix product of its own: V (tiles x
C_in) times U (C_in x C_out). The transforms only add, and run over all channels at once.

The gradient needs nothing new. Every step is linear, so it runs backwards through the transposed matrices:

    \partial M = A\,\partial Y A^\top, \quad \partial V = \partial M\,U^\top, \quad \partial X = B\,\partial V B^\top,
    \quad \partial U = V^\top \partial M, \quad \partial g = G^\top \partial U\,G

A thread takes a few images at a time, so that V and M stay in its cache. In float32 the error is about 2e-6 of the outputs' scale
(the points 2 and -2 cost a digit); float64 takes the direct road, and so do images whose outputs are not all finite: a pixel of
infinity or NaN spoils the outputs that see it, and no others.

Source: Lavin and Gray (2016), arXiv:1509.09308, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand import memory
from byhand.backend import Array, Shape
from byhand.kernels.alike import apart
from byhand.kernels.cpu import im2col
from byhand.kernels.cpu.compiled import compiled
from byhand.kernels.threads import one_blas_thread, parallel

# The six points 0, 1, -1, 2, -2, infinity; Lavin and Gray (2016), section 4.3. B^T stands written out in `_evaluate`.
G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], np.float64) / 24
ONE = (1, 1)
TILES = 49  # a thread's piece of work: an image of 28 x 28; V and M of 64 channels are 450 kB each then


def fits(x: Array, w: Array, stride: Any, padding: Any, dilation: Any, groups: int) -> bool:
    """Whether this is the kind of convolution for which all this pays."""
    return (
        x.dtype == np.float32
        and w.shape[:2] == (3, 3)
        and stride == dilation == (1, 1)
        and groups == 1
        and max(padding) <= 2
        and min(w.shape[2:]) >= 16
        and min(x.shape[1:3]) >= 4
        and x.size > 0
    )


class _Layout:
    """How many tiles cover the outputs of an image, and how many images a thread takes at once."""

    def __init__(self, x_shape: Shape, padding: Any) -> None:
        self.n, self.h, self.w, _ = x_shape
        self.p, self.q = padding
        self.rows, self.columns = self.h + 2 * self.p - 2, self.w + 2 * self.q - 2  # of the output
        self.down, self.across = -(-self.rows // 4), -(-self.columns // 4)
        self.tiles = self.down * self.across
        self.images = 1 if apart() else max(1, min(self.n, TILES // self.tiles))

    def pieces(self, begin: int, end: int) -> Any:
        return [slice(start, min(start + self.images, end)) for start in range(begin, end, self.images)]

    def buffer(self, channels: int) -> Any:
        """For V or M: (36, tiles of a piece, channels); a tile more, so that the 36 do not lie in step in the cache."""
        return memory.empty((36, self.images * self.tiles + 1, channels), np.float32)

    def folded(self, channels: int) -> Any:
        """One image, padded to whole tiles and folded."""
        return np.zeros((4 * self.down + 2, 4, self.across + 1, channels), np.float32)

    def lines(self, channels: int) -> Any:
        """Six rows between the two halves of a transform."""
        return np.zeros((6, 4 * (self.across + 1) * channels), np.float32)


def forward(x: Array, w: Array, b: Array | None, padding: Any) -> Any:
    """Y = A^T [U o V] A + b, an image or a few at a time."""
    at = _Layout(x.shape, padding)
    c_in, c_out = w.shape[2:]
    u = transformed_filters(w)
    y = memory.empty((at.n, at.rows, at.columns, c_out), np.float32)
    b = np.empty(0, np.float32) if b is None else b

    def share(begin: int, end: int) -> None:
        v, m = at.buffer(c_in), at.buffer(c_out)
        image, lines, image_out, lines_out = at.folded(c_in), at.lines(c_in), at.folded(c_out), at.lines(c_out)
        for piece in at.pieces(begin, end):
            tiles = (piece.stop - piece.start) * at.tiles
            _evaluate(x[piece], at.p, at.q, at.down, at.across, image, lines, flat(v))
            np.matmul(v[:, :tiles], u, out=m[:, :tiles])
            _interpolate(flat(m), b, at.down, at.across, image_out, lines_out, y[piece])
            if not _finite(y[piece]):
                y[piece] = im2col.forward(x[piece], w, b if b.size else None, ONE, padding, ONE)

    parallel(share, at.n)
    return y


def gradient(x: Array, w: Array, delta: Array, padding: Any, wanted: Sequence[bool]) -> tuple[Any, Any]:
    """dC/dx and dC/dw, each where it is wanted, through the transposes of the forward steps."""
    at = _Layout(x.shape, padding)
    c_in, c_out = w.shape[2:]
    back = np.ascontiguousarray(transformed_filters(w).transpose(0, 2, 1))
    dx = memory.empty(x.shape, np.float32) if wanted[0] else None

    def share(begin: int, end: int) -> Any:
        v, dm = at.buffer(c_in), at.buffer(c_out)
        image, image_out, image_back = at.folded(c_in), at.folded(c_out), at.folded(c_in)
        lines, lines_out = at.lines(c_in), at.lines(c_out)
        du = memory.zeros((36, c_in, c_out), np.float32)
        part = memory.empty((36, c_in, c_out), np.float32)
        for piece in at.pieces(begin, end):
            tiles = (piece.stop - piece.start) * at.tiles
            _interpolate_transposed(delta[piece], at.down, at.across, image_out, lines_out, flat(dm))
            if wanted[1]:
                _evaluate(x[piece], at.p, at.q, at.down, at.across, image, lines, flat(v))
                np.matmul(v[:, :tiles].transpose(0, 2, 1), dm[:, :tiles], out=part)
                du += part
            if dx is not None:
                np.matmul(dm[:, :tiles], back, out=v[:, :tiles])
                _evaluate_transposed(flat(v), at.p, at.q, at.down, at.across, image_back, lines, dx[piece])
                if not _finite(dx[piece]):
                    dx[piece] = im2col.gradient_x(delta[piece], w, x[piece].shape, ONE, padding, ONE)
        return du

    shares = parallel(share, at.n)
    if not wanted[1]:
        return dx, None
    du = sum(shares[1:], shares[0]).reshape(36, -1)
    with one_blas_thread():
        return dx, (np.kron(G, G).astype(np.float32).T @ du).reshape(w.shape)


def _finite(some: Any) -> bool:
    """Whether all are finite: the transforms mix tiles of 6x6 pixels, and one that is not spoils all outputs of its tiles."""
    return math.isfinite(some[..., 0].sum())  # all channels are mixed: what spoils one spoils the first


def flat(v: Array) -> Any:
    """V or M with a tile's channels and the next tile's in one line."""
    return v.reshape(36, -1)


def transformed_filters(w: Array) -> Any:
    """U = G g G^T for each pair of channels, (3, 3, C_in, C_out) -> (36, C_in, C_out): on g as 9 numbers, one 36x9 matrix."""
    with one_blas_thread():
        return (np.kron(G, G).astype(np.float32) @ w.reshape(9, -1)).reshape(36, *w.shape[2:])


# ---------------------------------------------------------------- the four transforms
#
# A folded image is (rows, 4, columns / 4, channels): the pixels of every fourth column lie side by side. What a transform needs
# at one place of every tile, the whole way across, is then one vector without a gap, and so is a whole row of the image.


@compiled()
def _fold(x: Array, p: int, q: int, folded: Array) -> None:
    """Copy an image into the inside of a folded one, whose edge stays 0."""
    h, w, c = x.shape
    for i in range(h):
        for j in range(w):
            pixel, out = x[i, j], folded[i + p, (j + q) % 4, (j + q) // 4]
            for k in range(c):
                out[k] = pixel[k]


@compiled()
def _unfold(folded: Array, p: int, q: int, b: Array, x: Array) -> None:
    """Copy the inside of a folded image out, with a bias added where there is one."""
    h, w, c = x.shape
    for i in range(h):
        for j in range(w):
            pixel, out = folded[i + p, (j + q) % 4, (j + q) // 4], x[i, j]
            if b.size:
                for k in range(c):
                    out[k] = pixel[k] + b[k]
            else:
                for k in range(c):
                    out[k] = pixel[k]


@compiled()
def _evaluate(x: Array, p: int, q: int, down: int, across: int, folded: Array, lines: Array, v: Array) -> None:
    """V = B^T d B for each tile d of 6x6 pixels: first along the rows, then along the columns."""
    c = x.shape[3]
    rows = folded.reshape(folded.shape[0], -1)
    n, at = across * c, 0
    for image in range(len(x)):
        _fold(x[image], p, q, folded)
        for ty in range(down):
            d = rows[4 * ty : 4 * ty + 6]
            _to_points(d[0], d[1], d[2], d[3], d[4], d[5], lines[0], lines[1], lines[2], lines[3], lines[4], lines[5])
            for u in range(6):
                d0, d1, d2, d3, d4, d5 = _six(lines[u], across, c)
                t0, t1, t2, t3, t4, t5 = _lines(v, 6 * u, at, n)
                _to_points(d0, d1, d2, d3, d4, d5, t0, t1, t2, t3, t4, t5)
            at += n


@compiled()
def _evaluate_transposed(dv: Any, p: int, q: int, down: int, across: int, folded: Array, lines: Array, dx: Array) -> None:
    """dX = B dV B^T; neighbouring tiles share two rows and two columns of pixels, whose errors add up."""
    c = dx.shape[3]
    rows = folded.reshape(folded.shape[0], -1)
    n, at = across * c, 0
    nothing = np.empty(0, np.float32)
    for image in range(len(dx)):
        rows[:] = 0
        for ty in range(down):
            lines[:] = 0
            for u in range(6):
                d0, d1, d2, d3, d4, d5 = _six(lines[u], across, c)
                t0, t1, t2, t3, t4, t5 = _lines(dv, 6 * u, at, n)
                _to_points_transposed(t0, t1, t2, t3, t4, t5, d0, d1, d2, d3, d4, d5)
            d = rows[4 * ty : 4 * ty + 6]
            _to_points_transposed(lines[0], lines[1], lines[2], lines[3], lines[4], lines[5], d[0], d[1], d[2], d[3], d[4], d[5])
            at += n
        _unfold(folded, p, q, nothing, dx[image])


@compiled()
def _interpolate(m: Array, b: Array, down: int, across: int, folded: Array, lines: Array, y: Array) -> None:
    """Y = A^T M A + b for each tile: first along the columns, then along the rows."""
    c = y.shape[3]
    rows = folded.reshape(folded.shape[0], -1)
    n, at = across * c, 0
    for image in range(len(y)):
        for ty in range(down):
            for u in range(6):
                y0, y1, y2, y3 = _four(lines[u], across, c)
                t0, t1, t2, t3, t4, t5 = _lines(m, 6 * u, at, n)
                _from_points(t0, t1, t2, t3, t4, t5, y0, y1, y2, y3)
            r = rows[4 * ty : 4 * ty + 4]
            _from_points(lines[0], lines[1], lines[2], lines[3], lines[4], lines[5], r[0], r[1], r[2], r[3])
            at += n
        _unfold(folded, 0, 0, b, y[image])


@compiled()
def _interpolate_transposed(delta: Array, down: int, across: int, folded: Array, lines: Array, dm: Any) -> None:
    """dM = A dY A^T: the errors of 4x4 outputs, spread over the 36 products that made them."""
    c = delta.shape[3]
    rows = folded.reshape(folded.shape[0], -1)
    n, at = across * c, 0
    for image in range(len(delta)):
        _fold(delta[image], 0, 0, folded)
        for ty in range(down):
            r = rows[4 * ty : 4 * ty + 4]
            _from_points_transposed(r[0], r[1], r[2], r[3], lines[0], lines[1], lines[2], lines[3], lines[4], lines[5])
            for u in range(6):
                y0, y1, y2, y3 = _four(lines[u], across, c)
                t0, t1, t2, t3, t4, t5 = _lines(dm, 6 * u, at, n)
                _from_points_transposed(y0, y1, y2, y3, t0, t1, t2, t3, t4, t5)
            at += n


@compiled()
def _lines(v: Array, u: int, at: int, n: int) -> Any:
    """The same n numbers of six lines, one by one: only so does the compiler know that each lies without gaps."""
    end = at + n
    return v[u, at:end], v[u + 1, at:end], v[u + 2, at:end], v[u + 3, at:end], v[u + 4, at:end], v[u + 5, at:end]


@compiled()
def _six(line: Any, across: int, c: int) -> Any:
    """Columns 4 tx + 0 .. 5 of a folded line, for all tiles tx at once: the last two begin the next tile."""
    n, apart = across * c, (across + 1) * c
    return (
        line[:n],
        line[apart : apart + n],
        line[2 * apart : 2 * apart + n],
        line[3 * apart : 3 * apart + n],
        line[c : c + n],
        line[apart + c : apart + c + n],
    )


@compiled()
def _four(line: Any, across: int, c: int) -> Any:
    """Columns 4 tx + 0 .. 3 of a folded line, for all tiles tx at once."""
    n, apart = across * c, (across + 1) * c
    return line[:n], line[apart : apart + n], line[2 * apart : 2 * apart + n], line[3 * apart : 3 * apart + n]


# ---------------------------------------------------------------- B^T, A^T and their transposes, on vectors
#
# One output a loop: LLVM vectorises a loop only once it has proved that its output overlaps none of its inputs, and gives up
# when there are more than a few to compare.


@compiled(fastmath={"contract"})
def _to_points(
    d0: Array,
    d1: Array,
    d2: Array,
    d3: Array,
    d4: Array,
    d5: Array,
    t0: Array,
    t1: Array,
    t2: Array,
    t3: Array,
    t4: Array,
    t5: Array,
) -> None:
    """t = B^T d."""
    four, five, two = np.float32(4), np.float32(5), np.float32(2)
    n = d0.size
    for i in range(n):
        t0[i] = four * d0[i] - five * d2[i] + d4[i]
    for i in range(n):
        t1[i] = d3[i] + d4[i] - four * (d1[i] + d2[i])
    for i in range(n):
        t2[i] = d4[i] - d3[i] + four * (d1[i] - d2[i])
    for i in range(n):
        t3[i] = d4[i] - d2[i] + two * (d3[i] - d1[i])
    for i in range(n):
        t4[i] = d4[i] - d2[i] - two * (d3[i] - d1[i])
    for i in range(n):
        t5[i] = four * d1[i] - five * d3[i] + d5[i]


@compiled(fastmath={"contract"})
def _to_points_transposed(
    t0: Array,
    t1: Array,
    t2: Array,
    t3: Array,
    t4: Array,
    t5: Array,
    d0: Array,
    d1: Array,
    d2: Array,
    d3: Array,
    d4: Array,
    d5: Array,
) -> None:
    """d += B t."""
    four, five, two = np.float32(4), np.float32(5), np.float32(2)
    n = d0.size
    for i in range(n):
        d0[i] += four * t0[i]
    for i in range(n):
        d1[i] += four * (t2[i] - t1[i] + t5[i]) + two * (t4[i] - t3[i])
    for i in range(n):
        d2[i] -= five * t0[i] + four * (t1[i] + t2[i]) + t3[i] + t4[i]
    for i in range(n):
        d3[i] += t1[i] - t2[i] + two * (t3[i] - t4[i]) - five * t5[i]
    for i in range(n):
        d4[i] += t0[i] + t1[i] + t2[i] + t3[i] + t4[i]
    for i in range(n):
        d5[i] += t5[i]


@compiled(fastmath={"contract"})
def _from_points(
    t0: Array, t1: Array, t2: Array, t3: Array, t4: Array, t5: Array, y0: Array, y1: Array, y2: Array, y3: Array
) -> None:
    """y = A^T t."""
    two, four, eight = np.float32(2), np.float32(4), np.float32(8)
    n = y0.size
    for i in range(n):
        y0[i] = t0[i] + t1[i] + t2[i] + t3[i] + t4[i]
    for i in range(n):
        y1[i] = t1[i] - t2[i] + two * (t3[i] - t4[i])
    for i in range(n):
        y2[i] = t1[i] + t2[i] + four * (t3[i] + t4[i])
    for i in range(n):
        y3[i] = t1[i] - t2[i] + eight * (t3[i] - t4[i]) + t5[i]


@compiled(fastmath={"contract"})
def _from_points_transposed(
    y0: Array, y1: Array, y2: Array, y3: Array, t0: Array, t1: Array, t2: Array, t3: Array, t4: Array, t5: Array
) -> None:
    """t = A y."""
    two, four, eight = np.float32(2), np.float32(4), np.float32(8)
    n = y0.size
    for i in range(n):
        t0[i] = y0[i]
    for i in range(n):
        t1[i] = y0[i] + y1[i] + y2[i] + y3[i]
    for i in range(n):
        t2[i] = y0[i] - y1[i] + y2[i] - y3[i]
    for i in range(n):
        t3[i] = y0[i] + two * y1[i] + four * y2[i] + eight * y3[i]
    for i in range(n):
        t4[i] = y0[i] - two * y1[i] + four * y2[i] - eight * y3[i]
    for i in range(n):
        t5[i] = y3[i]
