"""NumPy's own functions of tensors: its values, gradients of both orders by central differences, none lost in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, grad, no_grad
from byhand.engine.check import check_gradient
from byhand.engine.numpy_functions import ABOUT_NUMBERS, FUNCTIONS, NUMBER_BY_NUMBER, WITHOUT_DERIVATIVE
from byhand.errors import EngineError

Called = Callable[..., Any]

A, B, C = (2, 3), (3, 2), (3,)
SQUARE, CUBE = (3, 3), (2, 3, 4)


def _squared_stretch(x: Any) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return u * s**2 @ vh


# A call of NumPy, and the shapes of what it is called with.
CALLS: dict[str, tuple[Called, tuple[tuple[int, ...], ...]]] = {
    "sum": (lambda x: np.sum(x, axis=1, keepdims=True), (A,)),
    "sum of all": (np.sum, (A,)),
    "mean": (lambda x: np.mean(x, axis=(0, 2)), (CUBE,)),
    "prod": (lambda x: np.prod(x, axis=0), (A,)),
    "max": (lambda x: np.max(x, axis=1), (A,)),
    "amin": (np.amin, (A,)),
    "ptp": (lambda x: np.ptp(x, axis=0), (A,)),
    "std": (lambda x: np.std(x, axis=1, ddof=1), (A,)),
    "var": (lambda x: np.var(x, axis=0, keepdims=True), (A,)),
    "average": (lambda x, w: np.average(x, axis=1, weights=np.exp(w)), (A, C)),
    "cumsum": (lambda x: np.cumsum(x, axis=0), (A,)),
    "cumsum of all": (np.cumsum, (A,)),
    "cumprod": (lambda x: np.cumprod(x, axis=1), (A,)),
    "diff": (lambda x: np.diff(x, 2, axis=1), (CUBE,)),
    "gradient": (lambda x: np.stack(np.gradient(x, 0.5)), ((3, 4),)),
    "trapezoid": (lambda x: getattr(np, "trapezoid", np.sum)(x, axis=-1), (A,)),
    "dot of vectors": (np.dot, (C, C)),
    "dot of matrices": (np.dot, (A, B)),
    "dot of many": (np.dot, (CUBE, (4, 2))),
    "dot with a number": (np.dot, ((), C)),
    "vdot": (np.vdot, (A, A)),
    "inner": (np.inner, (A, (4, 3))),
    "outer": (np.outer, (A, C)),
    "matmul": (np.matmul, (CUBE, (4, 2))),
    "tensordot": (lambda a, b: np.tensordot(a, b, axes=([1, 0], [0, 1])), (A, (3, 2, 4))),
    "tensordot of 1": (lambda a, b: np.tensordot(a, b, 1), (A, B)),
    "einsum": (lambda a, b: np.einsum("ij,jk->ik", a, b), (A, B)),
    "einsum by numbers": (lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]), (A, B)),
    "kron": (np.kron, (A, (2, 2))),
    "cross": (np.cross, (A, A)),
    "trace": (lambda x: np.trace(x, 1), (SQUARE,)),
    "norm": (np.linalg.norm, (A,)),
    "norm along": (lambda x: np.linalg.norm(x, 3, axis=1), (A,)),
    "norm of columns": (lambda x: np.linalg.norm(x, 1), (A,)),
    "inv": (np.linalg.inv, (SQUARE,)),
    "solve": (np.linalg.solve, (SQUARE, (3, 2))),
    "det": (np.linalg.det, (SQUARE,)),
    "slogdet": (lambda x: np.linalg.slogdet(x)[1], (SQUARE,)),
    "cholesky": (lambda x: np.linalg.cholesky(np.dot(x, x.T) + np.eye(3)), (SQUARE,)),
    "eigh": (lambda x: np.linalg.eigh(x + x.T)[0], (SQUARE,)),
    "svd": (lambda x: np.linalg.svd(x, compute_uv=False), (A,)),
    "svd, put together": (_squared_stretch, (A,)),
    "qr": (lambda x: np.abs(np.linalg.qr(x).R), (A,)),
    "pinv": (np.linalg.pinv, (A,)),
    "matrix_power": (lambda x: np.linalg.matrix_power(x, 3), (SQUARE,)),
    "matrix_power below 0": (lambda x: np.linalg.matrix_power(x, -2), (SQUARE,)),
    "multi_dot": (lambda a, b, c: np.linalg.multi_dot([a, b, c]), (A, B, A)),
    "reshape": (lambda x: np.reshape(x, (3, -1)), (A,)),
    "reshape by columns": (lambda x: np.reshape(x, (3, 2), order="F"), (A,)),
    "ravel": (lambda x: np.ravel(x, order="F"), (A,)),
    "transpose": (lambda x: np.transpose(x, (1, 2, 0)), (CUBE,)),
    "swapaxes": (lambda x: np.swapaxes(x, 0, -1), (CUBE,)),
    "moveaxis": (lambda x: np.moveaxis(x, [0, 1], [-1, 0]), (CUBE,)),
    "rollaxis": (lambda x: np.rollaxis(x, 2), (CUBE,)),
    "squeeze": (lambda x: np.squeeze(x, axis=1), ((2, 1, 3),)),
    "expand_dims": (lambda x: np.expand_dims(x, (0, -1)), (A,)),
    "atleast_1d": (np.atleast_1d, ((),)),
    "atleast_2d": (np.atleast_2d, (C,)),
    "atleast_3d": (np.atleast_3d, (A,)),
    "broadcast_to": (lambda x: np.broadcast_to(x, (2, 3)), (C,)),
    "broadcast_arrays": (lambda a, b: np.multiply(*np.broadcast_arrays(a, b)), (A, C)),
    "concatenate": (lambda a, b: np.concatenate((a, b), axis=1), (A, (2, 1))),
    "concatenate all": (lambda a, b: np.concatenate((a, b), axis=None), (A, C)),
    "stack": (lambda a, b: np.stack([a, b], axis=-1), (A, A)),
    "vstack": (lambda a, b: np.vstack([a, b]), (A, C)),
    "hstack": (lambda a, b: np.hstack([a, b]), (C, C)),
    "dstack": (lambda a, b: np.dstack([a, b]), (A, A)),
    "column_stack": (lambda a, b: np.column_stack([a, b]), (C, B)),
    "append": (lambda a, b: np.append(a, b, axis=0), (A, A)),
    "split": (lambda x: np.multiply(*np.split(x, 2, axis=2)), (CUBE,)),
    "array_split": (lambda x: np.array_split(x, 2, axis=1)[1], (A,)),
    "hsplit": (lambda x: np.hsplit(x, [1])[1], (A,)),
    "vsplit": (lambda x: np.vsplit(x, 2)[1], (A,)),
    "dsplit": (lambda x: np.dsplit(x, 2)[0], (CUBE,)),
    "tile": (lambda x: np.tile(x, (2, 2)), (A,)),
    "repeat": (lambda x: np.repeat(x, [1, 2, 3], axis=1), (A,)),
    "repeat all": (lambda x: np.repeat(x, 2), (A,)),
    "roll": (lambda x: np.roll(x, 1, axis=1), (A,)),
    "flip": (lambda x: np.flip(x, 1), (A,)),
    "flipud": (np.flipud, (A,)),
    "fliplr": (np.fliplr, (A,)),
    "rot90": (lambda x: np.rot90(x, 3), (A,)),
    "take": (lambda x: np.take(x, [[0, 2], [1, 1]], axis=1), (A,)),
    "take_along_axis": (lambda x: np.take_along_axis(x, np.array([[0, 2], [1, 1]]), axis=1), (A,)),
    "sort": (lambda x: np.sort(x, axis=0), (SQUARE,)),
    "sort all": (lambda x: np.sort(x, axis=None), (A,)),
    "pad": (lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=2.0), (A,)),
    "pad by the edge": (lambda x: np.pad(x, 1, mode="edge"), (A,)),
    "where": (lambda a, b: np.where(a > b, a * b, b), (A, C)),
    "clip": (lambda x: np.clip(x, -0.5, 0.5), (A,)),
    "select": (lambda x: np.select([x < -0.5, x > 0.5], [x * x, np.exp(x)], 0.0), (A,)),
    "diag": (lambda x: np.diag(x, 1), (C,)),
    "diagonal": (lambda x: np.diagonal(x, 0, 1, 2), (CUBE,)),
    "tril": (lambda x: np.tril(x, -1), (SQUARE,)),
    "triu": (lambda x: np.triu(x, 1), (SQUARE,)),
    "sinc": (np.sinc, (A,)),
    "real": (np.real, (A,)),
    "round": (lambda x: x * np.round(x, 1), (A,)),
    "nan_to_num": (np.nan_to_num, (A,)),
    "copy": (np.copy, (A,)),
    "add to an array": (lambda x: np.ones(3) + x, (A,)),
    "an array in a power": (lambda x: np.array([1.0, 2.0, 3.0]) ** x, (A,)),
    "reduce": (lambda x: np.add.reduce(x, axis=1), (A,)),
    "logaddexp2": (np.logaddexp2, (A, C)),
}
# What takes numbers of a part of the line only.
POSITIVE = {"log", "log2", "log10", "log1p", "sqrt", "power", "float_power", "reciprocal", "cbrt", "remainder", "fmod", "hypot"}


def drawn(*shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(4)
    return [
        rng.permutation(np.linspace(-1.3, 1.4, int(np.prod(shape)) or 1)[: int(np.prod(shape))]).reshape(shape)
        for shape in shapes
    ]


@pytest.mark.parametrize("name", CALLS)
def test_value_and_gradients_of_both_orders_are_numpys(name: str) -> None:
    call, shapes = CALLS[name]
    arrays = drawn(*shapes)
    expected = call(*arrays)
    out = call(*map(Tensor, arrays))
    assert isinstance(out, Tensor) and out.shape == np.shape(expected)
    assert np.allclose(out.data, expected, rtol=1e-12, atol=1e-12)
    check_gradient(call, *arrays)
    if name not in {"cholesky", "eigh"}:  # whose second derivatives have a test of their own
        check_gradient(lambda *given: grad(lambda x: (call(x, *given[1:]) ** 2).sum())(given[0]), *arrays)


@pytest.mark.parametrize("name", NUMBER_BY_NUMBER)
def test_of_single_numbers_too(name: str) -> None:
    function = getattr(np, name)
    arrays = drawn(A, SQUARE) if name == "matmul" else drawn(*[A] * function.nin)
    if name in POSITIVE:
        arrays = [abs(array) + 0.3 for array in arrays]
    if name == "arccosh":
        arrays = [abs(array) + 1.2 for array in arrays]
    if name in {"arcsin", "arccos", "arctanh"}:
        arrays = [0.5 * array for array in arrays]
    if function.nin == 2 and name != "matmul":
        arrays[1] = arrays[1][:, ::-1] + 0.11  # no two are equal, and none is a multiple of the other
    out = function(*map(Tensor, arrays))
    assert np.allclose(out.data, function(*arrays), rtol=1e-12)
    if name != "floor_divide":  # which jumps, and whose gradient is 0 wherever it does not
        check_gradient(lambda *given: function(*given) * 1.0, *arrays)
    assert np.allclose(function(arrays[0], Tensor(arrays[1])).data if function.nin == 2 else out.data, out.data)


def test_all_names_are_numpys_and_stand_once() -> None:
    for name in FUNCTIONS:
        home = np.linalg if name.startswith("linalg.") else np
        newer = {"trapezoid", "permute_dims", "matrix_transpose", "concat"}  # of NumPy 2
        assert hasattr(home, name.removeprefix("linalg.")) or name in newer | {"row_stack"}, name
    assert not set(FUNCTIONS) & ABOUT_NUMBERS - {"sign"}
    assert not set(NUMBER_BY_NUMBER) & WITHOUT_DERIVATIVE


def test_every_function_of_the_table_is_called_here() -> None:
    called = {name.split()[0] for name in CALLS}
    synonyms = {"amax": "max", "min": "amin", "concat": "concatenate", "row_stack": "vstack", "permute_dims": "transpose"}
    synonyms |= {"around": "round", "matrix_transpose": "swapaxes"}
    missing = {name for name in FUNCTIONS if synonyms.get(name, name).removeprefix("linalg.") not in called}
    assert missing == set()


def test_what_asks_about_numbers_answers_with_arrays() -> None:
    x = Tensor([[1.0, 3.0], [2.0, 0.0]], requires_grad=True)
    assert np.shape(x) == (2, 2) and np.ndim(x) == 2 and np.size(x) == 4
    assert np.argmax(x, axis=1).tolist() == [1, 0]
    assert (np.array([2.0, 2.0]) > x).tolist() == [[True, False], [False, True]]
    assert np.greater(x, 1.0).tolist() == [[False, True], [True, False]]
    assert np.allclose(x, x.data) and np.array_equal(x, x.data)
    assert isinstance(np.zeros_like(x), np.ndarray)
    np.testing.assert_allclose(x, x.data)


def test_no_gradient_gets_lost_in_silence() -> None:
    x = Tensor([3.0, 1.0], requires_grad=True)
    for call in (
        lambda: np.median(x),
        lambda: np.frexp(x),
        lambda: np.add.outer(x, x),
        lambda: np.linalg.eigvals(np.outer(x, x)),
    ):
        with pytest.raises(EngineError, match=r"np\..* has no derivative here: compose it"):
            call()
    with no_grad():
        assert np.median(x) == 2.0
    assert np.median(x.detach()) == 2.0
    with pytest.raises(EngineError, match="leave it out"):
        np.exp(x, out=np.zeros(2))
    with pytest.raises(EngineError, match="takes no where"):
        np.sum(x, where=np.array([True, False]))


def test_an_array_that_a_tensor_is_added_to_becomes_one() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    total = np.zeros(2)
    total += x * 3
    assert isinstance(total, Tensor)
    total.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    assert (np.float64(2.0) * x).data.tolist() == [2.0, 4.0]
