"""Numbers moved: views where they can be, indices of every kind, and what does not fit. (Gradients: `test_every_op`.)"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand.engine import Tensor, grad, no_grad, ops, vjp
from byhand.errors import EngineError


def counted() -> Tensor:
    return Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)


@pytest.mark.parametrize(
    "move",
    [
        lambda x: x.reshape(2, 6),
        lambda x: x.T,
        lambda x: x[1:],
        lambda x: x[..., None],
        lambda x: ops.broadcast(x, shape=(5, 3, 4)),
    ],
)
def test_what_only_looks_at_the_numbers_copies_none(move: Any) -> None:
    x = counted()
    assert np.shares_memory(move(x).data, x.data)


def test_turning_the_axes_back_turns_the_gradient_back() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    for axes in [(2, 0, 1), (1, 2, 0), (0, 2, 1), (-1, 0, -2)]:
        value, pull_back = vjp(lambda x, axes=axes: ops.transpose(x, axes=axes), x)
        assert value.shape == tuple(x.shape[i] for i in axes)
        assert np.array_equal(pull_back(value)[0], x)


def test_an_index_named_twice_gets_both_gradients() -> None:
    _, pull_back = vjp(lambda x: x[[0, 2, 0, 0]], np.arange(3.0))
    assert pull_back(np.array([1.0, 10.0, 100.0, 1000.0]))[0].tolist() == [1101.0, 0.0, 10.0]


def test_an_index_may_be_a_tensor_a_list_or_a_pair_of_them() -> None:
    x = counted()
    for key in (Tensor([2, 0]), [2, 0], np.array([2, 0]), (Tensor([2, 0]),), ([2, 0], slice(None))):
        assert x[key].data.tolist() == x.data[[2, 0]].tolist()
    assert x[Tensor([0, 1]), Tensor([1, 3])].data.tolist() == [1.0, 7.0]
    assert x[Tensor([True, False, True])].shape == (2, 4)
    assert x[[]].shape == (0, 4) and x[[[]]].shape == (1, 0, 4)
    assert x[np.int64(1), np.int8(2)].item() == 6.0


def test_a_mask_takes_and_gives_back_at_its_places() -> None:
    x = counted()
    mask = x.data > 5
    (x[mask] * 2).sum().backward()
    assert np.array_equal(x.grad, 2.0 * mask)


def test_an_index_list_may_be_changed_by_its_owner_afterwards() -> None:
    key = [0, 0]
    _, pull_back = vjp(lambda x: x[key], np.arange(3.0))
    key[:] = [2, 2]
    assert pull_back(np.ones(2))[0].tolist() == [2.0, 0.0, 0.0]


def test_gathering_takes_of_each_line_the_number_asked_for() -> None:
    probabilities = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    value, pull_back = vjp(lambda p: ops.gather(p, indices=np.array([[1], [0], [1]])), probabilities)
    assert value.tolist() == [[0.9], [0.8], [0.7]]
    assert pull_back(np.array([[1.0], [2.0], [3.0]]))[0].tolist() == [[0.0, 1.0], [2.0, 0.0], [0.0, 3.0]]


def test_gathering_a_place_twice_adds_both() -> None:
    _, pull_back = vjp(lambda a: ops.gather(a, indices=np.array([[1, 1, -1]])), np.zeros((1, 3)))
    assert pull_back(np.array([[1.0, 10.0, 100.0]]))[0].tolist() == [[0.0, 11.0, 100.0]]


def test_scattering_adds_to_a_copy_and_a_place_named_twice_gets_both() -> None:
    a, b = np.zeros((3, 2)), np.array([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
    value, pull_back = vjp(lambda a, b: ops.index_add(a, b, indices=np.array([1, 1, -1])), a, b)
    assert value.tolist() == [[0.0, 0.0], [11.0, 22.0], [100.0, 200.0]] and not a.any()
    to_a, to_b = pull_back(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert to_a.tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert to_b.tolist() == [[3.0, 4.0], [3.0, 4.0], [5.0, 6.0]]


def test_joined_arrays_get_their_own_parts_of_the_gradient() -> None:
    a, b, c = np.ones((2, 1)), np.ones((2, 0)), np.ones((2, 2))
    value, pull_back = vjp(lambda a, b, c: ops.concat(a, b, c, axis=1), a, b, c)
    assert value.shape == (2, 3)
    assert [part.tolist() for part in pull_back(np.arange(6.0).reshape(2, 3))] == [
        [[0.0], [3.0]],
        [[], []],
        [[1.0, 2.0], [4.0, 5.0]],
    ]


def test_one_array_joined_with_itself_gets_both_parts() -> None:
    assert grad(lambda a: (ops.concat(a, a, axis=0) * np.array([1.0, 10.0])).sum())(np.ones(1)).tolist() == [11.0]


def test_padding_surrounds_and_its_gradient_cuts_out() -> None:
    value, pull_back = vjp(lambda a: ops.pad(a, widths=((1, 0), (0, 2)), value=7.0), np.array([[1.0, 2.0]]))
    assert value.tolist() == [[7.0, 7.0, 7.0, 7.0], [1.0, 2.0, 7.0, 7.0]]
    assert pull_back(np.arange(8.0).reshape(2, 4))[0].tolist() == [[4.0, 5.0]]
    assert ops.pad(Tensor(np.ones(2, np.float32)), widths=[(1, 1)]).dtype == np.float32
    assert ops.pad(Tensor(3.0), widths=()).item() == 3.0


def test_large_arrays_are_joined_and_padded_in_the_pool() -> None:
    a = np.random.default_rng(0).standard_normal((300, 200)).astype(np.float32)
    assert np.array_equal(ops.concat(Tensor(a), a, axis=1).data, np.concatenate([a, a], axis=1))
    assert np.array_equal(ops.pad(Tensor(a), widths=((1, 2), (3, 4))).data, np.pad(a, ((1, 2), (3, 4))))


def test_moving_needs_no_numbers_so_they_may_change_afterwards() -> None:
    moves: list[Any] = [
        lambda x: x.reshape(-1),
        lambda x: x.T,
        lambda x: x[1:],
        lambda x: x[[0, 0]],
        lambda x: ops.broadcast(x, shape=(2, 3, 4)),
        lambda x: ops.gather(x, indices=np.array([[0]])),
        lambda x: ops.concat(x, x),
        lambda x: ops.pad(x, widths=((1, 1), (0, 0))),
        lambda x: ops.index_add(x, x[:1], indices=np.array([0])),
    ]
    for move in moves:
        x = counted()
        y = move(x).sum()
        with no_grad():
            x += 1.0
        y.backward()
        assert x.grad.shape == (3, 4)


X = Tensor(np.ones((2, 3)))
WRONG: list[tuple[Any, str]] = [
    (
        lambda: X.reshape(4, 2),
        "reshape: a is (2, 3), 6 numbers, but the shape asked for is (4, 2): it must hold 6 numbers, with at most one -1",
    ),
    (
        lambda: X.reshape(-1, -1),
        "reshape: a is (2, 3), 6 numbers, but the shape asked for is (-1, -1): it must hold 6 numbers, with at most one -1",
    ),
    (lambda: X.transpose((0, 0)), "transpose: a is (2, 3) but the order of axes is (0, 0): name each of its 2 axes once"),
    (lambda: X.transpose(0, 1, 2), "transpose: a is (2, 3) but the order of axes is (0, 1, 2): name each of its 2 axes once"),
    (lambda: X.transpose((0, 5)), "transpose: a is (2, 3) but the order of axes is (0, 5): name each of its 2 axes once"),
    (
        lambda: ops.broadcast(X, shape=(3, 3)),
        "broadcast: a is (2, 3), which does not fill (3, 3): its axes must agree or be 1",
    ),
    (lambda: X[2], "index: a is (2, 3): index 2 is out of bounds for axis 0 with size 2"),
    (lambda: X[0, 0, 0], "index: a is (2, 3): too many indices for array: array is 2-dimensional, but 3 were indexed"),
    (lambda: X[[0.5]], "index: a is (2, 3): arrays used as indices must be of integer (or boolean) type"),
    (
        lambda: X[np.ones(5, bool)],
        "index: a is (2, 3): boolean index did not match indexed array along axis 0; size of axis is 2 but size of "
        "corresponding boolean axis is 5",
    ),
    (lambda: ops.gather(X, indices=[[0.5]]), "gather: the indices must be whole numbers, got float64"),
    (lambda: ops.gather(X, indices=[0]), "gather: a is (2, 3) but the indices are (1,): give them as many axes as a"),
    (lambda: ops.gather(X, indices=[[3]]), "gather: the indices must be below 3, as a is (2, 3), got 3 to 3"),
    (lambda: ops.gather(X, indices=[[-4]]), "gather: the indices must be below 3, as a is (2, 3), got -4 to -4"),
    (lambda: ops.gather(X, indices=[[0]], axis=2), "gather: a is (2, 3), and has no axis 2: choose from -2 to 1"),
    (
        lambda: ops.gather(X, indices=[[0]] * 3),
        "gather: a is (2, 3) but the indices are (3, 1): all axes but -1 must broadcast",
    ),
    (
        lambda: ops.index_add(X, np.ones((1, 2)), indices=[0]),
        "index_add: a is (2, 3), b is (1, 2) and the indices are (1,): b must be (1, 3)",
    ),
    (lambda: ops.index_add(X, 1.0, indices=[0]), "index_add: a is (2, 3), b is () and the indices are (1,): b must be (1, 3)"),
    (lambda: ops.index_add(X, np.ones((1, 3)), indices=[2]), "index_add: the indices must be below 2, got 2 to 2"),
    (lambda: ops.scatter_add(X, np.ones((2, 1)), indices=[[3], [0]]), "scatter_add: the indices must be below 3, got 0 to 3"),
    (lambda: ops.concat(X, np.ones((3, 3)), axis=1), "concat: the arrays are (2, 3) and (3, 3): all axes but 1 must agree"),
    (lambda: ops.concat(X, np.ones(3)), "concat: the arrays are (2, 3) and (3,): all axes but -1 must agree"),
    (lambda: ops.concat(X, X, axis=2), "concat: a is (2, 3), and has no axis 2: choose from -2 to 1"),
    (
        lambda: ops.concat(Tensor(1.0), Tensor(2.0)),
        "concat: what has no axes, or is no array, cannot be joined: give arrays one by one, concat(a, b)",
    ),
    (
        lambda: ops.pad(X, widths=((1, 1),)),
        "pad: a is (2, 3) but the widths are ((1, 1),): give (before, after) for each axis",
    ),
    (
        lambda: ops.pad(X, widths=((1, 1), (-2, -2))),
        "pad: a is (2, 3) but the widths are ((1, 1), (-2, -2)): more is cut off than there is",
    ),
]


@pytest.mark.parametrize(("use", "message"), WRONG, ids=[message[:50] for _, message in WRONG])
def test_what_does_not_fit_is_told_in_one_line_with_op_and_shapes(use: Any, message: str) -> None:
    with pytest.raises(EngineError) as caught:
        use()
    assert str(caught.value) == message
