"""A tensor is used as people expect it: as a number, as an array, in conditions, in sets, and with its ops as methods."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, no_grad, ops
from byhand.engine.methods import Methods
from byhand.errors import EngineError

SQUARE = ("trace", "inv", "det", "logdet", "cholesky")
X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def leaf(*numbers: float) -> Tensor:
    return Tensor(np.array(numbers), requires_grad=True)


# ---------------------------------------------------------------- one number


def test_a_single_number_is_a_number_to_python() -> None:
    loss = (leaf(0.5, 0.25) * 2).sum()
    assert f"{loss:.3f}" == "1.500" and format(loss, "8.2f") == "    1.50"
    assert float(loss) == 1.5 and int(loss) == 1 and round(loss) == 2 and round(loss * 1.111, 2) == 1.67 and bool(loss)
    assert isinstance(float(loss), float) and loss.item() == 1.5 and [10, 20, 30][Tensor(1)] == 20
    assert f"{Tensor([1.0, 2.0])}" == str(Tensor([1.0, 2.0])) == "Tensor([1., 2.])"


@pytest.mark.parametrize("use", [float, int, round, lambda x: f"{x:.3f}", lambda x: x.item()])
def test_several_numbers_are_no_number(use: Any) -> None:
    with pytest.raises(EngineError, match=r"item: the tensor must hold a single number, got \(2,\): choose one by"):
        use(Tensor([1.0, 2.0]))


def test_a_number_without_axes_has_no_length() -> None:
    with pytest.raises(EngineError, match=r"len: the tensor must have an axis, got a single number: take float\(x\) of it"):
        len(Tensor(1.0))


# ---------------------------------------------------------------- comparisons


def test_comparisons_are_made_number_by_number_with_tensors_arrays_lists_and_numbers() -> None:
    x = Tensor([1.0, 2.0, 3.0])
    for other in (Tensor([1.0, 3.0, 2.0]), np.array([1.0, 3.0, 2.0]), [1.0, 3.0, 2.0]):
        assert (x == other).tolist() == [True, False, False] and (x != other).tolist() == [False, True, True]
        assert (x < other).tolist() == [False, True, False] and (x >= other).tolist() == [True, False, True]
        assert (other > x).tolist() == [False, True, False] and (other <= x).tolist() == [True, False, True]
    assert (x == 2.0).tolist() == [False, True, False] and isinstance(x > 0, Tensor)
    assert ((x > 1) & (x < 3)).tolist() == [False, True, False] and ((x < 2) | (x > 2)).tolist() == [True, False, True]
    assert (~(x > 1)).tolist() == [True, False, False] and ((x > 1) ^ (x > 2)).tolist() == [False, True, False]
    assert (x > 0).all() and (x > 2).any() and not (x > 3).any()
    assert (Tensor(X) > 2).all(dim=1, keepdim=True).tolist() == [[False], [True]]
    assert x not in (None, "x")


def test_booleans_choose_and_the_gradient_finds_what_was_chosen() -> None:
    x = leaf(1.0, 2.0, 2.0, -3.0)
    assert x[x == 2.0].tolist() == [2.0, 2.0]
    (x[x > 1] * 10 + x[x < 0].sum()).sum().backward()
    assert x.grad.tolist() == [0.0, 10.0, 10.0, 2.0]
    y = leaf(1.0, -1.0)
    (y * (y > 0)).sum().backward()
    assert y.grad.tolist() == [1.0, 0.0]


def test_shapes_that_do_not_broadcast_cannot_be_compared() -> None:
    with pytest.raises(EngineError, match=r"lt: a is \(2,\) but b is \(3,\): from the last axis backwards, they must agree"):
        _ = Tensor([1.0, 2.0]) < Tensor([1.0, 2.0, 3.0])


def test_tensors_are_keys_by_identity() -> None:
    a, b = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    names = {a: "a", b: "b"}
    assert names[a] == "a" and names[b] == "b" and len({a, b, a}) == 2 and Tensor([1.0, 2.0]) not in names
    assert 2.0 in a and 5.0 not in a


# ---------------------------------------------------------------- arrays


def test_numpy_reads_a_tensor() -> None:
    x = leaf(1.0, 2.0)
    assert np.asarray(x) is x.data and x.numpy() is x.data and np.asarray(x, dtype=np.float32).dtype == np.float32
    assert np.array(x) is not x.data and np.array(x).tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="copy"):
        np.asarray(x, dtype=np.float32, copy=False)
    assert np.stack([x, x]).shape == (2, 2) and x.tolist() == [1.0, 2.0] and Tensor(3.0).tolist() == 3.0


def test_a_list_of_tensors_is_stacked_and_its_gradients_are_found() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    scaled = ops.multiply([a, b], [[1.0, 10.0], [100.0, 1000.0]])
    ops.add(scaled, [[a[0], b[1]], (a[1], 5.0)]).sum().backward()
    assert a.grad.tolist() == [2.0, 11.0] and b.grad.tolist() == [100.0, 1001.0]
    assert ops.stack([a, b]).shape == (2, 2) and ops.concat([a, b]).shape == ops.concat((a, [5.0, 6.0])).shape == (4,)
    assert Tensor([Tensor(1.0), 2.0, np.float64(3.0)]).tolist() == [1.0, 2.0, 3.0]


def test_dim_and_keepdim_are_axis_and_keepdims() -> None:
    x = Tensor(X)
    for name in ("sum", "mean", "max", "min", "prod", "var", "std", "norm", "logsumexp"):
        one, other = getattr(x, name)(dim=1, keepdim=True), getattr(x, name)(axis=1, keepdims=True)
        assert one.shape == (2, 1) and one.tolist() == other.tolist() == getattr(x, name)(axis=(-1,), keepdims=True).tolist()
    for name in ("cumsum", "cumprod", "softmax", "log_softmax", "argmax", "argmin", "argsort"):
        assert getattr(x, name)(dim=0).tolist() == getattr(x, name)(axis=0).tolist() == getattr(x, name)(0).tolist()
    assert ops.concat(x, x, dim=0).shape == (4, 3) and ops.flip(x, dims=(0,)).tolist() == X[::-1].tolist()


# ---------------------------------------------------------------- order


@pytest.mark.torch
@pytest.mark.parametrize("descending", [False, True])
def test_sorting_is_pytorchs_and_the_gradient_goes_home(torch: Any, descending: bool) -> None:
    rng = np.random.default_rng(0)
    for shape in [(6,), (3, 4), (2, 3, 4), (0,), ()]:
        a = rng.integers(0, 4, shape).astype(float)
        for axis in range(-a.ndim, a.ndim) if a.ndim else [0]:
            x, theirs = Tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
            values, places = x.sort(axis, descending=descending)
            expected, their_places = torch.sort(theirs, dim=axis, descending=descending, stable=True)
            assert values.tolist() == expected.tolist() and places.tolist() == their_places.tolist()
            weights = rng.standard_normal(shape)
            (values * weights).sum().backward()
            (expected * torch.tensor(weights)).sum().backward()
            assert np.array_equal(x.grad, theirs.grad.numpy())


def test_the_largest_and_the_smallest_are_found_with_their_places() -> None:
    x = leaf(3.0, 9.0, 1.0, 9.0)
    values, places = x.topk(2)
    assert values.tolist() == [9.0, 9.0] and places.tolist() == [1, 3] and x.topk(1, largest=False)[0].tolist() == [1.0]
    values.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0, 1.0]
    assert x.argmax().item() == 1 and x.argmin().item() == 2 and Tensor(X).argmax(1, keepdims=True).tolist() == [[2], [2]]
    for wrong, told in (
        (lambda: x.topk(5), r"topk: k must be from 0 to 4, as the tensor is \(4,\), got 5"),
        (x[:0].argmax, r"argmax: the tensor must hold numbers, got \(0,\)"),
        (lambda: x.argsort(1), r"argsort: the tensor is \(4,\), and has no axis 1: choose from -1 to 0"),
    ):
        with pytest.raises(EngineError, match=told):
            wrong()


# ---------------------------------------------------------------- shapes and parts


def test_shapes_are_made_as_numpy_and_pytorch_make_them() -> None:
    x = Tensor(np.arange(24.0).reshape(2, 3, 4))
    assert x.permute(2, 0, 1).shape == x.transpose(2, 0, 1).shape == (4, 2, 3)
    assert x.transpose(1, 2).shape == x.mT.shape == x.swapaxes(-1, -2).shape == (2, 4, 3)
    assert x.flatten().shape == (24,) and x.flatten(1).shape == (2, 12) and x.flatten(0, 1).shape == (6, 4)
    assert x.unsqueeze(-1).shape == (2, 3, 4, 1) and x.unsqueeze(0).squeeze(0).shape == (2, 3, 4)
    assert Tensor(np.ones((1, 2, 1))).squeeze().shape == (2,) and Tensor(np.ones((1, 2, 1))).squeeze(dim=-1).shape == (1, 2)
    assert Tensor(np.ones((2, 1))).expand(3, -1, 4).shape == (3, 2, 4) and x.view(6, -1).shape == (6, 4)
    assert [part.shape for part in x.split(2, dim=1)] == [(2, 2, 4), (2, 1, 4)]
    assert [part.shape[2] for part in x.split([1, 3], axis=2)] == [1, 3] and len(x.chunk(3, 2)) == 2 and len(x.unbind(1)) == 3
    assert x.repeat(2, 1, 1).shape == x.tile(2, 1, 1).shape == (4, 3, 4) and x.repeat_interleave(2, dim=0).shape == (4, 3, 4)
    assert x.flip(0).data[0].tolist() == x.data[1].tolist() and x.roll(1, 0).data[0].tolist() == x.data[1].tolist()
    assert x.pad(((0, 0), (1, 0), (0, -1))).shape == (2, 4, 3) and x.gather(1, np.zeros((2, 1, 4), int)).shape == (2, 1, 4)


def test_products_of_vectors_are_those_of_the_textbook() -> None:
    a, b = leaf(1.0, 2.0, 3.0), leaf(4.0, 5.0, 6.0)
    assert (a @ b).item() == a.dot(b).item() == 32.0 and (Tensor(X) @ a).tolist() == [14.0, 32.0]
    assert ([1.0, 1.0] @ Tensor(X)).tolist() == [5.0, 7.0, 9.0] and a.outer([1.0, 2.0]).tolist() == [[1, 2], [2, 4], [3, 6]]
    (a @ b).backward()
    assert a.grad.tolist() == [4.0, 5.0, 6.0] and b.grad.tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(EngineError, match=r"outer: both must have one axis, got \(3,\) and \(2, 3\)"):
        a.outer(X)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda x: x.split(0), "split: the size of a part must be 1 or more, got 0"),
        (lambda x: x.split([1, 2]), r"split: the sizes must add up to 2, as the tensor is \(2, 3\), got \[1, 2\]"),
        (lambda x: x.chunk(0), "chunk: the number of parts must be 1 or more, got 0"),
        (lambda x: x.unsqueeze(4), "unsqueeze: the axis must be from -3 to 2, got 4"),
        (lambda x: x.expand(3), r"expand: the tensor is \(2, 3\), which does not fill \(3,\)"),
        (lambda x: x.expand(-1, 2, 3), r"expand: the tensor is \(2, 3\), which does not fill \(-1, 2, 3\)"),
        (lambda x: x.flatten(1, 0), "flatten: the first axis must not be after the last, got 1 and 0"),
        (lambda x: x.squeeze(5), r"squeeze: the tensor is \(2, 3\), and has no axis 5"),
        (lambda x: x.swapaxes(0, 2), r"swapaxes: the tensor is \(2, 3\), and has no axis 2"),
        (lambda x: x.all(axes=0), "the options are axis .* and keepdims .*, got axes"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(wrong: Any, told: str) -> None:
    with pytest.raises(EngineError, match=told) as caught:
        wrong(Tensor(X))
    assert "\n" not in str(caught.value)


def test_every_method_with_the_name_of_an_op_is_that_op() -> None:
    x, more = Tensor(X / 7, requires_grad=True), {"diagonal": 0}
    alone = [
        name
        for name in ops.__all__
        if hasattr(Methods, name) and len(getattr(ops, name).places) == 1 and not _needs(getattr(ops, name).forward, more)
    ]
    assert len(alone) > 40
    for name in alone:
        given = x + 1 if name == "acosh" else x[:, :2] + np.eye(2) if name in SQUARE else x
        if name not in {"eigh", "svd", "qr"}:  # whose ops give all parts in one array
            assert getattr(given, name)().tolist() == getattr(ops, name)(given).tolist()


def _needs(forward: Any, more: dict[str, int]) -> bool:
    options = [given for given in inspect.signature(forward).parameters.values() if given.kind is given.KEYWORD_ONLY]
    return any(given.default is given.empty and given.name not in more for given in options)


def test_a_step_of_gradient_descent_in_numbers_of_ones_own() -> None:
    w = leaf(3.0)
    for _ in range(50):
        w.zero_grad()
        ((w - 1) ** 2).sum().backward()
        with no_grad():
            w -= 0.2 * w.grad
    assert w.grad is not None and float(w) == pytest.approx(1.0, abs=1e-9)


def test_the_expression_of_micrograds_readme_has_its_known_gradients() -> None:
    a, b = Tensor(-4.0, requires_grad=True), Tensor(2.0, requires_grad=True)
    c, d = a + b, a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    g = e**2 / 2.0
    g += 10.0 / e**2
    g.backward()
    assert f"{g:.4f} {a.grad:.4f} {b.grad:.4f}" == "24.7041 138.8338 645.5773"


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 5, 4), (4, 4), (2, 3, 1, 3)])
def test_factorisations_of_stacks_put_together_are_the_matrices_again(shape: tuple[int, ...]) -> None:
    a = np.random.default_rng(0).standard_normal(shape)
    u, s, vh = Tensor(a).svd()
    q, r = Tensor(a).qr()
    for ours, theirs in zip((u, s, vh), np.linalg.svd(a, full_matrices=False), strict=True):
        assert ours.shape == theirs.shape
    assert np.allclose((u * s.unsqueeze(-2) @ vh).numpy(), a) and np.allclose((q @ r).numpy(), a)
    assert np.allclose(Tensor(a).pinv().numpy(), np.linalg.pinv(a))
    assert q.shape == np.linalg.qr(a).Q.shape and r.shape == np.linalg.qr(a).R.shape
