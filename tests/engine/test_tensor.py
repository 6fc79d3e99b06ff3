"""The tape: whatever the graph looks like, every leaf gets its gradient once, and nothing is kept longer than it is needed."""

from __future__ import annotations

import gc
import math
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byhand import memory
from byhand.engine import Tensor, no_grad, ops, recording, scope, watch
from byhand.engine.op import op
from byhand.errors import EngineError


def leaf(*numbers: float) -> Tensor:
    return Tensor(np.array(numbers), requires_grad=True)


# ---------------------------------------------------------------- graphs


def test_a_tensor_used_as_both_inputs_gets_both_parts() -> None:
    x = leaf(3.0)
    (x * x).backward()
    assert x.grad.tolist() == [6.0]


def test_a_tensor_minus_itself_has_no_gradient_left() -> None:
    x = leaf(3.0, -1.0)
    (x - x).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_adding_a_tensor_to_itself_writes_into_neither_delta() -> None:
    # add hands out one and the same delta twice: whoever added into it in place would count it three times.
    x = leaf(1.0, 2.0)
    y = x * 1.0
    z = y + y
    ((z + z) + z).sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_a_diamond_adds_the_parts_of_its_two_arms() -> None:
    x = leaf(0.5)
    y = x * 2
    (y * y + y.exp()).backward()
    assert x.grad[0] == pytest.approx(2 * (2 * 1.0) + 2 * math.e, rel=1e-15)


def test_a_node_waits_for_all_that_used_it_however_long_their_ways_are() -> None:
    # The short arm is made last, and the long one first: a walk in the wrong order would pass y on before it is complete.
    x = leaf(1.0)
    y = x * 3
    long = y
    for _ in range(20):
        long = long * 1.0
    (long + y + y * y).backward()
    assert x.grad.tolist() == [3 * (1 + 1 + 6)]


def test_diamonds_on_diamonds_walk_each_node_once() -> None:
    # 2^60 ways from end to start: walking ways instead of nodes would not come to an end.
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y * 0.5 + y * 0.5
    y.backward()
    assert x.grad[0] == 1.0


@given(data=st.data())
def test_a_random_graph_has_the_gradient_of_the_polynomial_that_it_computes(data: st.DataObject) -> None:
    """Forward mode beside reverse mode: each node carries its derivative with respect to each leaf, by hand."""
    values = data.draw(st.lists(st.sampled_from([-1.0, -0.5, 0.5, 1.0, 2.0]), min_size=1, max_size=3))
    leaves = [leaf(value) for value in values]
    nodes: list[tuple[Tensor, Any]] = [(x, np.eye(len(leaves))[i]) for i, x in enumerate(leaves)]
    for _ in range(data.draw(st.integers(1, 12))):
        (a, da), (b, db) = (nodes[data.draw(st.integers(0, len(nodes) - 1))] for _ in range(2))
        kind = data.draw(st.sampled_from(["+", "-", "*", "tanh"]))
        if kind == "tanh":
            nodes.append((a.tanh(), da * (1 - np.tanh(a.item()) ** 2)))
        elif kind == "*":
            scaled = a * b * 0.25
            nodes.append((scaled, 0.25 * (da * b.item() + db * a.item())))
        else:
            nodes.append((a + b, da + db) if kind == "+" else (a - b, da - db))
    out, expected = nodes[-1]
    out.backward()
    found = [0.0 if x.grad is None else x.grad[0] for x in leaves]
    assert np.allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_a_leaf_that_is_its_own_cost_has_the_gradient_one() -> None:
    x = leaf(3.0)
    x.backward()
    assert x.grad.tolist() == [1.0]


def test_only_leaves_that_ask_for_a_gradient_get_one() -> None:
    x, y = leaf(2.0), Tensor([5.0])
    z = x * y
    z.backward()
    assert x.grad.tolist() == [5.0]
    assert y.grad is None and z.grad is None


def test_a_leaf_that_the_cost_does_not_depend_on_keeps_none() -> None:
    x, y = leaf(2.0), leaf(3.0)
    (x * 2).backward()
    assert y.grad is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_has_shape_and_type_of_its_tensor(dtype: type) -> None:
    for shape in [(), (1,), (2, 3), (0, 2)]:
        x = Tensor(np.ones(shape, dtype), requires_grad=True)
        (x * 2).sum().backward()
        assert isinstance(x.grad, np.ndarray) and x.grad.shape == shape and x.grad.dtype == dtype


# ---------------------------------------------------------------- backward


def test_repeated_backwards_add_up() -> None:
    x = leaf(1.0, 2.0)
    for times in (1, 2, 3):
        (x * x).sum().backward()
        assert x.grad.tolist() == [2.0 * times, 4.0 * times]


def test_a_retained_tape_is_walked_again_and_adds_the_same() -> None:
    x = leaf(1.0, 2.0)
    cost = (x.exp() * x).sum()
    cost.backward(retain_graph=True)
    once = x.grad.copy()
    cost.backward(retain_graph=True)
    cost.backward()
    assert np.allclose(x.grad, 3 * once, rtol=1e-15)


def test_walking_a_freed_tape_is_refused() -> None:
    x = leaf(1.0, 2.0)
    cost = (x * x).sum()
    cost.backward()
    with pytest.raises(EngineError, match=r"the tape was walked already, and what sum had saved is freed.*retain_graph=True"):
        cost.backward()


def test_a_second_cost_over_a_part_that_is_freed_is_refused() -> None:
    x = leaf(1.0, 2.0)
    shared = x.exp()
    one, other = (shared * 2).sum(), (shared * 3).sum()
    one.backward()
    with pytest.raises(EngineError, match="what exp had saved is freed"):
        other.backward()


def test_several_numbers_have_a_gradient_only_where_theirs_is_given() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(EngineError, match=r"the tensor is \(2,\), and only a single number has a gradient by itself"):
        (x * x).backward()
    (x * x).backward(np.array([1.0, 10.0]))
    assert x.grad.tolist() == [2.0, 40.0]


@pytest.mark.parametrize("make", [list, tuple, np.array, Tensor, lambda v: np.array(v, np.float32)])
@pytest.mark.parametrize("of_a_leaf", [True, False])
def test_the_gradient_given_may_be_a_list_an_array_or_a_tensor(make: Any, of_a_leaf: bool) -> None:
    x = leaf(1.0, 2.0)
    (x if of_a_leaf else x * 1.0).backward(make([3.0, 4.0]))
    assert x.grad.tolist() == [3.0, 4.0] and x.grad.dtype == np.float64


def test_the_gradient_given_is_left_alone_and_not_kept() -> None:
    x, given_one = leaf(1.0, 2.0), np.array([1.0, 1.0])
    x.backward(given_one)
    (x + x).backward(given_one)
    assert given_one.tolist() == [1.0, 1.0]
    given_one[...] = 7
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_gradient_of_another_shape_is_refused() -> None:
    for wrong in (np.ones(3), np.ones((2, 1)), 1.0):
        with pytest.raises(EngineError, match=r"the gradient is .* but the tensor is \(2,\): give it that shape"):
            (leaf(1.0, 2.0) * 2).backward(wrong)


def test_a_cost_of_constants_is_refused() -> None:
    with pytest.raises(EngineError, match="backward: nothing that this tensor was computed from needs a gradient:"):
        (Tensor([1.0]) * 2).backward()


def test_a_tensor_within_keeps_its_gradient_where_it_is_asked_to() -> None:
    x = leaf(1.0, 2.0)
    y = (x * 3).retain_grad()
    z = y * y
    z.sum().backward()
    assert y.grad.tolist() == [6.0, 12.0] and z.grad is None
    assert x.grad.tolist() == [18.0, 36.0]


def test_retain_grad_of_a_leaf_changes_nothing() -> None:
    x = leaf(1.0)
    assert x.retain_grad() is x
    (x * 2).backward()
    assert x.grad.tolist() == [2.0]


def test_an_op_whose_gradient_has_a_wrong_shape_is_named() -> None:
    @op
    class crooked:
        """c = a"""

        def forward(xp: Any, a: Any) -> Any:
            return a.copy(), None

        def gradient(xp: Any, saved: Any, delta: Any) -> Any:
            return delta[:-1]

    with pytest.raises(EngineError, match=r"crooked: its gradient is \(1,\) for an input of \(2,\)"):
        crooked(leaf(1.0, 2.0)).sum().backward()


# ---------------------------------------------------------------- off the tape


def test_nothing_is_recorded_inside_no_grad() -> None:
    x = leaf(1.0)
    assert recording()
    with no_grad():
        assert not recording()
        y = x * 2
        with no_grad():
            pass
        assert not recording()
    assert recording()
    assert not y.requires_grad and y.node is None


def test_no_grad_ends_with_an_exception() -> None:
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert recording()


def test_no_grad_in_one_thread_leaves_the_others_recording() -> None:
    inside, done = threading.Event(), threading.Event()

    def evaluate() -> None:
        with no_grad():
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=evaluate)
    thread.start()
    assert inside.wait(10)
    try:
        assert (leaf(1.0) * 2).requires_grad
    finally:
        done.set()
        thread.join()


def test_gradients_end_at_a_detached_tensor() -> None:
    x = leaf(2.0)
    y = x * 3
    (y.detach() * y).backward()
    assert x.grad.tolist() == [18.0]  # as though the other y were the number 6
    assert np.shares_memory(y.detach().data, y.data)


def test_threads_record_tapes_of_their_own() -> None:
    found: dict[int, Any] = {}

    def work(k: int) -> None:
        x = leaf(float(k))
        y = x
        for _ in range(200):
            y = y * 1.0 + x * 0.5
        y.backward()
        found[k] = x.grad[0]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), 101.0)


# ---------------------------------------------------------------- changes in place

CHANGES: dict[str, Any] = {
    "+=": lambda x: x.__iadd__(1.0),
    "-=": lambda x: x.__isub__(1.0),
    "*=": lambda x: x.__imul__(2.0),
    "/=": lambda x: x.__itruediv__(2.0),
    "[]=": lambda x: x.__setitem__(0, 5.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changing_what_a_gradient_needs_is_found_at_backward(change: str) -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    with no_grad():
        CHANGES[change](x)
    with pytest.raises(EngineError, match=r"a tensor that multiply computed with was changed in place afterwards"):
        y.sum().backward()


@pytest.mark.parametrize("change", CHANGES)
def test_changing_what_the_gradient_does_not_need_is_no_fault(change: str) -> None:
    x = leaf(1.0, 2.0)
    y = x + 3.0
    z = (-y).sum()
    with no_grad():
        CHANGES[change](x)
        CHANGES[change](y)
    z.backward()
    assert x.grad.tolist() == [-1.0, -1.0]


def test_changing_a_constant_that_a_gradient_needs_is_found() -> None:
    x, factor = leaf(1.0, 2.0), Tensor([3.0, 4.0])
    y = (x * factor).sum()
    factor *= 2
    with pytest.raises(EngineError, match="multiply computed with was changed"):
        y.backward()


def test_changing_an_output_that_its_own_gradient_needs_is_found() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    z = y.sum()
    with no_grad():
        y += 1.0
    with pytest.raises(EngineError, match="exp computed with was changed"):
        z.backward()


def test_changing_an_output_that_its_own_gradient_does_not_need_is_no_fault() -> None:
    x = leaf(1.0, 2.0)
    y = x.log()  # needs its input only
    z = y.sum()
    with no_grad():
        y += 1.0
    z.backward()
    assert x.grad.tolist() == [1.0, 0.5]


def test_a_change_before_the_op_or_after_backward_is_no_fault() -> None:
    x = leaf(1.0, 2.0)
    with no_grad():
        x += 1.0
    y = (x * x).sum()
    y.backward()
    with no_grad():
        x += 1.0
    assert x.grad.tolist() == [4.0, 6.0]


def test_a_copy_in_another_type_does_not_change_with_its_original() -> None:
    x = leaf(1.0, 2.0)
    y = Tensor(x, dtype=np.float32, requires_grad=True)
    z = (y * y).sum()
    with no_grad():
        x += 1.0
    z.backward()
    assert y.grad.tolist() == [2.0, 4.0]


def test_a_change_of_the_one_leaves_the_tape_of_the_other_valid() -> None:
    x, other = leaf(1.0, 2.0), leaf(3.0)
    y = (x * x).sum()
    with no_grad():
        other += 1.0
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


VIEWS: dict[str, Any] = {
    "detach": lambda x: x.detach(),
    "a tensor of the tensor": Tensor,
    "reshape": lambda x: x.reshape(4, 1),
    "transpose": lambda x: x.T,
    "part": lambda x: x[0:1],
    "part of a view": lambda x: x.reshape(4)[1:].reshape(3, 1),
    "broadcast": lambda x: ops.broadcast(x, shape=(3, 2, 2)),
}

LARGE_VIEWS: dict[str, Any] = {
    "reshape": lambda x: x.reshape(400, 100),
    "part of a view": lambda x: x.reshape(40_000)[1:].reshape(1, 39_999),
    "broadcast": lambda x: ops.broadcast(x, shape=(3, 200, 200)),
}


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("view", VIEWS)
def test_a_change_through_a_tensor_is_seen_by_all_that_look_into_its_memory(view: str, large: bool) -> None:
    # Large arrays come from the pool, where every array has a base.
    x = Tensor(np.arange(1.0, 5.0).reshape(2, 2), requires_grad=True)
    if large:
        x = Tensor(memory.zeros((200, 200), np.float64) + 1.0, requires_grad=True) * 1.0
        y = LARGE_VIEWS.get(view, VIEWS[view])(x)
    else:
        y = VIEWS[view](x)
    z = Tensor([2.0], requires_grad=True) * y  # its gradient needs the numbers of y
    with no_grad():
        x *= 3.0
    with pytest.raises(EngineError, match="multiply computed with was changed"):
        z.sum().backward()


@pytest.mark.parametrize("view", ["reshape", "transpose", "part", "part of a view"])
def test_a_change_through_a_view_is_seen_by_the_whole(view: str) -> None:
    x = Tensor(np.arange(1.0, 5.0).reshape(2, 2), requires_grad=True)
    z = x * x
    with no_grad():
        y = VIEWS[view](x)
        y += 1.0
    with pytest.raises(EngineError, match="multiply computed with was changed"):
        z.sum().backward()


def test_parameters_in_one_flat_vector_are_told_apart() -> None:
    flat = np.arange(1.0, 7.0)
    w, b = Tensor(flat[:4].reshape(2, 2), requires_grad=True), Tensor(flat[4:], requires_grad=True)
    x = Tensor([[1.0, 2.0]], requires_grad=True)
    z = ops.linear(x, w, b).sum()
    with no_grad():
        b += 1.0  # the gradient needs w and x, but no number of b
    z.backward()
    assert x.grad.tolist() == [[4.0, 6.0]]


def test_changing_a_leaf_whose_gradient_is_wanted_is_refused_on_the_tape() -> None:
    for change in CHANGES.values():
        x = leaf(1.0, 2.0)
        with pytest.raises(EngineError, match=r"write x = x \+ y instead of x \+= y"):
            change(x)
        assert x.data.tolist() == [1.0, 2.0]
    with pytest.raises(EngineError, match=r"write x = x \+ y instead of x \+= y"):
        (leaf(1.0, 2.0) * 2)[0] = 1.0


def test_what_was_computed_is_bound_anew_by_a_change_that_the_tape_follows() -> None:
    x = leaf(1.0, 2.0)
    y = x * 3
    before = y
    y += x
    y *= 2
    y -= 1
    y /= x
    assert before.data.tolist() == [3.0, 6.0] and y.data.tolist() == [7.0, 7.5]
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 0.25]  # of (8x - 1) / x


def test_a_constant_that_a_tensor_with_a_gradient_is_added_to_gets_on_the_tape() -> None:
    total, x = Tensor([0.0, 0.0]), leaf(1.0, 2.0)
    for _ in range(3):
        total += x * x
    total.sum().backward()
    assert x.grad.tolist() == [6.0, 12.0]
    with pytest.raises(EngineError, match=r"write x = x \+ y instead of x \+= y"):
        Tensor([0.0, 0.0])[:] = x
    kept = Tensor([0.0, 0.0])
    with no_grad():
        same = kept
        kept += x
    assert same is kept and kept.data.tolist() == [1.0, 2.0]


def test_changes_in_place_compute_what_their_sign_says() -> None:
    x = Tensor([6.0, 8.0])
    kept = x.data
    x += 2
    x -= Tensor([1.0, 2.0])
    x *= np.array([2.0, 3.0])
    x /= 2
    x[0] = 1
    x[1:] = Tensor([5.0])
    assert x.data is kept and x.data.tolist() == [1.0, 5.0]


def test_a_number_that_an_op_computed_can_be_changed_in_place() -> None:
    total = Tensor([1.0, 2.0]).sum()
    total += 1
    assert total.item() == 4.0 and total.shape == ()


def test_a_change_in_place_by_another_shape_is_refused_in_one_line() -> None:
    x = Tensor([1.0, 2.0])
    with pytest.raises(EngineError, match=r"add in place: the tensor is \(2,\) but what changes it \(3,\)"):
        x += np.ones(3)


# ---------------------------------------------------------------- long chains, and memory


@contextmanager
def low_recursion_limit() -> Iterator[None]:
    before = sys.getrecursionlimit()
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    sys.setrecursionlimit(depth + 60)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def chain(x: Tensor, n: int) -> Tensor:
    y = x
    for _ in range(n):
        y = y + x
    return y


@pytest.mark.slow
def test_a_chain_of_ten_thousand_ops_is_walked_without_recursion() -> None:
    x = leaf(1.0)
    with low_recursion_limit():
        chain(x, 10_000).backward()
    assert x.grad.tolist() == [10_001.0]


@pytest.mark.slow
def test_a_chain_of_a_hundred_thousand_ops_may_be_forgotten_unwalked() -> None:
    y = chain(leaf(1.0), 100_000)
    last = weakref.ref(y)
    with low_recursion_limit():
        del y
    assert last() is None


@pytest.mark.slow
def test_a_tape_is_gone_with_its_last_tensor_without_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        for walked in (False, True):
            x = leaf(1.0, 2.0)
            y = (x * 2).retain_grad()
            z = y.exp()
            cost = (z * y).sum()
            tensors = [weakref.ref(t) for t in (y, z, cost)]
            arrays = [weakref.ref(t.data) for t in (y, z)]
            if walked:
                cost.backward()
            del y, z, cost
            assert [r() for r in (*tensors, *arrays)] == [None] * 5
    finally:
        gc.enable()


def test_what_is_saved_is_freed_as_backward_goes() -> None:
    """At each node, the activations of all later ones are gone already, though nobody let go of the cost."""
    alive: list[int] = []

    @op
    class spied:
        """c = a + 1"""

        def forward(xp: Any, a: Any) -> Any:
            c = a + 1
            seen.append(weakref.ref(c))
            return c, (c,)

        def gradient(xp: Any, saved: Any, delta: Any) -> Any:
            alive.append(sum(r() is not None for r in seen))
            return delta * 1

    seen: list[weakref.ref[Any]] = []
    y = leaf(1.0, 2.0)
    for _ in range(8):
        y = spied(y)
    cost = y.sum()
    del y
    cost.backward()
    # The first to be walked sees its own output and the seven before; the last but its own.
    assert alive == [8, 7, 6, 5, 4, 3, 2, 1]


def test_a_retained_tape_keeps_what_is_saved() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    cost = y.sum()
    array = weakref.ref(y.data)
    del y
    cost.backward(retain_graph=True)
    assert array() is not None
    cost.backward()
    assert array() is None


def test_backward_needs_little_more_memory_than_forward_left_it_with() -> None:
    layers, size = 20, 1 << 20
    memory.pool.trim()
    x = Tensor(np.ones(size // 8), requires_grad=True)
    tracemalloc.start()
    try:
        y = x
        for _ in range(layers):
            y = y.tanh()
        cost = y.sum()
        del y
        forward = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        cost.backward()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert forward > layers * size
    assert peak - forward < 5 * size  # a delta, what comes of it, two between; and not one for each layer


def test_a_steady_state_takes_no_fresh_blocks_from_the_pool() -> None:
    rng = np.random.default_rng(0)
    x = Tensor(rng.random((256, 400)).astype(np.float32))
    w = [Tensor(rng.random((n_out, n_in)).astype(np.float32), requires_grad=True) for n_out, n_in in [(500, 400), (300, 500)]]
    target = rng.integers(0, 300, 256)

    def step() -> None:
        for parameter in w:
            parameter.grad = None
        a = ops.tanh(ops.linear(x, w[0]))
        cost = ops.cross_entropy(ops.linear(a * a + a, w[1]), target=target)
        cost.backward()
        with no_grad():
            for i in range(len(w)):
                w[i] -= 0.01 * w[i].grad

    for _ in range(3):
        step()
    before = memory.pool.fresh
    for _ in range(5):
        step()
    assert memory.pool.fresh == before
    assert before > 0


# ---------------------------------------------------------------- watching


def test_a_watched_tape_shows_every_op_in_order_with_its_numbers() -> None:
    x = leaf(1.0, 2.0)
    with watch() as tape:
        y = x * 3.0
        (y * y).sum().backward()
    assert [node.op.name for node in tape] == ["multiply", "multiply", "sum"]
    assert [node.output.tolist() for node in tape] == [[3.0, 6.0], [9.0, 36.0], 45.0]
    assert tape[0].delta.tolist() == [6.0, 12.0]
    assert tape[1].gradients[0].tolist() == tape[1].gradients[1].tolist() == [3.0, 6.0]
    assert tape[2].options == {"axis": None, "keepdims": False}
    assert tape[0].inputs[0] is x and tape[1].inputs[0] is y
    assert [node.wanted for node in tape] == [[True, False], [True, True], [True]]
    assert sorted(node.number for node in tape) == [node.number for node in tape]
    assert x.grad.tolist() == [18.0, 36.0]


def test_an_unwatched_tape_keeps_neither_outputs_nor_deltas() -> None:
    y = leaf(1.0) * 2
    node = y.node
    assert node is not None
    y.backward()
    assert (node.output, node.delta, node.gradients, node.scope, node.inputs) == (None, None, None, "", ())


def test_what_is_watched_is_not_freed() -> None:
    x = leaf(1.0, 2.0)
    with watch() as tape:
        cost = (x * x).sum()
    cost.backward()
    assert tape[0].saved[0] is x.data and tape[0].inputs == (x, x)


def test_evaluation_can_be_watched_too_and_still_wants_no_gradient() -> None:
    x = leaf(1.0, 2.0)
    with watch() as tape, no_grad():
        y = (x * 2).sum()
    assert [node.op.name for node in tape] == ["multiply", "sum"]
    assert not y.requires_grad
    with pytest.raises(EngineError, match="backward: nothing that this tensor was computed from needs a gradient:"):
        y.backward()


def test_a_watch_inside_a_watch_has_its_own_tape() -> None:
    x = leaf(1.0)
    with watch() as outer:
        _ = x * 2
        with watch() as inner:
            _ = x + 2
        _ = x - 2
    _ = x * 3
    assert [node.op.name for node in outer] == ["multiply", "subtract"]
    assert [node.op.name for node in inner] == ["add"]


def test_scopes_name_the_part_of_the_network() -> None:
    x = leaf(1.0)
    with watch() as tape:
        y = x * 2
        with scope("encoder"):
            y = y * 2
            with scope("0"):
                y = y * 2
            y = y * 2
        with pytest.raises(KeyError), scope("decoder"):
            raise KeyError
        _ = y * 2
    assert [node.scope for node in tape] == ["", "encoder", "encoder.0", "encoder", ""]


# ---------------------------------------------------------------- an array with a memory


def test_a_tensor_is_an_array_to_look_at() -> None:
    x = Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((3, 2), 2, 6, np.float64, 3)
    assert x.T.shape == (2, 3) and x.transpose(1, 0).shape == x.transpose((1, 0)).shape == x.transpose([-1, 0]).shape == (2, 3)
    assert x.reshape(2, 3).shape == x.reshape((2, -1)).shape == x.reshape([2, 3]).shape == (2, 3)
    assert x.reshape(-1).shape == (6,) and x.transpose().shape == (2, 3)
    assert x[1].data.tolist() == [3.0, 4.0]
    assert Tensor(5.0).item() == 5.0 and Tensor([[7.0]]).item() == 7.0


def test_a_tensor_is_read_row_by_row_and_the_gradient_finds_each() -> None:
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = x
    (first * 10 + second).sum().backward()
    assert x.grad.tolist() == [[10.0, 10.0], [1.0, 1.0]]


def test_operators_take_arrays_numbers_and_tensors_on_either_side() -> None:
    x = leaf(2.0, 4.0)
    for other in (8.0, 8, np.array([8.0, 8.0]), np.float64(8.0), np.int64(8), [8.0, 8.0], Tensor([8.0, 8.0])):
        assert (x + other).data.tolist() == (other + x).data.tolist() == [10.0, 12.0]
        assert (x - other).data.tolist() == [-6.0, -4.0] and (other - x).data.tolist() == [6.0, 4.0]
        assert (x * other).data.tolist() == (other * x).data.tolist() == [16.0, 32.0]
        assert (x / other).data.tolist() == [0.25, 0.5] and (other / x).data.tolist() == [4.0, 2.0]
    matrix = np.array([[1.0, 2.0]])
    assert (matrix @ x.reshape(2, 1)).data.tolist() == [[10.0]] and (x.reshape(2, 1) @ matrix).shape == (2, 2)
    assert (x**2).data.tolist() == (x ** np.int64(2)).data.tolist() == [4.0, 16.0] and (-x).data.tolist() == [-2.0, -4.0]


def test_an_array_on_the_left_still_makes_one_tensor_with_a_gradient() -> None:
    x = leaf(2.0, 4.0)
    y = np.array([10.0, 100.0]) * x
    assert isinstance(y, Tensor)
    y.sum().backward()
    assert x.grad.tolist() == [10.0, 100.0]


def test_methods_are_their_ops() -> None:
    x = Tensor([[1.0, 4.0], [9.0, 16.0]])
    assert x.sum(axis=0).data.tolist() == [10.0, 20.0] and x.mean().item() == 7.5
    assert x.max(axis=1, keepdims=True).data.tolist() == [[4.0], [16.0]] and x.min().item() == 1.0
    for name in ("exp", "log", "sqrt", "tanh", "sigmoid", "relu"):
        assert getattr(x, name)().data.tolist() == getattr(ops, name)(x).data.tolist()


def test_a_float64_number_of_numpy_does_not_lift_float32() -> None:
    x = Tensor(np.ones(3, np.float32), requires_grad=True)
    y = x * np.float64(0.5) + np.float64(1) - np.array([1.0]).sum()
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32


def test_a_tensor_shows_its_numbers_and_where_they_come_from() -> None:
    x = leaf(1.0, 2.0)
    assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.])"
    assert repr(x) == "Tensor([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "Tensor([2., 4.], from multiply)"


def test_a_tensor_can_be_asked_whether_it_is_true_as_an_array_can() -> None:
    assert Tensor([1.0]) and not Tensor([0.0])
    with pytest.raises(EngineError, match=r"bool: the tensor must hold a single number, got \(2,\): ask for \(...\).all"):
        bool(Tensor([1.0, 2.0]))


def test_data_may_be_anything_that_numpy_takes() -> None:
    for data in (3.0, np.float64(3.0), np.array(3.0), Tensor(3.0)):
        assert isinstance(Tensor(data).data, np.ndarray) and Tensor(data).item() == 3.0
    array = np.ones(3, np.float32)
    assert Tensor(array).data is array and Tensor(Tensor(array)).data is array
    assert Tensor(array, dtype=np.float64).dtype == np.float64
    assert Tensor([1, 2], dtype=np.float32, requires_grad=True).dtype == np.float32


@pytest.mark.parametrize("data", [[1, 2], [True], np.ones(2, np.float16), np.ones(2, np.complex64)])
def test_what_is_no_float32_or_float64_has_no_gradient(data: Any) -> None:
    with pytest.raises(EngineError, match="has no gradient: give it in float32 or float64") as caught:
        Tensor(data, requires_grad=True)
    assert "\n" not in str(caught.value)
    assert not Tensor(data).requires_grad


def test_only_a_single_number_is_an_item() -> None:
    with pytest.raises(EngineError, match=r"item: the tensor must hold a single number, got \(2,\)"):
        Tensor([1.0, 2.0]).item()


# ---------------------------------------------------------------- how ops are called


def test_an_input_given_by_name_takes_its_place_and_gets_its_gradient() -> None:
    rng = np.random.default_rng(0)
    arrays = rng.random((4, 3)), rng.random((2, 3)), rng.random(2)
    by_place, by_name, mixed = ([Tensor(array, requires_grad=True) for array in arrays] for _ in range(3))
    ops.linear(*by_place).sum().backward()
    ops.linear(b=by_name[2], a=by_name[0], w=by_name[1]).sum().backward()
    ops.linear(mixed[0], mixed[1], b=mixed[2]).sum().backward()
    for one, other, third in zip(by_place, by_name, mixed, strict=True):
        assert one.grad.tolist() == other.grad.tolist() == third.grad.tolist()


def test_an_option_may_be_a_tensor_but_none_whose_gradient_is_wanted() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    assert ops.gather(x, indices=Tensor([1, 0])).data.tolist() == [2.0, 1.0]
    with pytest.raises(EngineError, match="gather: indices is a tensor that needs a gradient and can have none"):
        ops.gather(x, indices=y)


def test_float64_among_float32_is_refused_before_it_lifts_the_whole_network() -> None:
    x = Tensor(np.ones((2, 2), np.float32), requires_grad=True)
    for other in (np.ones((2, 2)), Tensor(np.ones((2, 2))), Tensor(np.ones((2, 2)), requires_grad=True)):
        for use in (lambda a, b: a + b, lambda a, b: b * a, lambda a, b: a @ b, lambda a, b: ops.concat(b, a), ops.mse_loss):
            with pytest.raises(EngineError, match="the inputs must have one type") as caught:
                use(x, other)
            assert "\n" not in str(caught.value)


def test_whole_numbers_and_booleans_lift_nothing() -> None:
    x = Tensor(np.ones(2, np.float32), requires_grad=True)
    for other in (np.array([True, False]), np.array([1, 0], np.int8), 2, True):
        assert (x * other).dtype == np.float32


def test_an_op_says_its_name() -> None:
    assert repr(ops.linear) == "<op linear>" and ops.linear.name == "linear"
    assert "Weighted input" in (ops.linear.__doc__ or "")


def test_an_error_that_two_inputs_share_is_not_written_into() -> None:
    x = Tensor(np.array([1.0, 2.0]), requires_grad=True)
    a, b = x * 2, x * 3
    e = a * 5  # a gets its second part after c has handed one and the same error to a and b
    c = a + b
    ((c * np.array([1.0, 10.0])).sum() + (e * np.array([100.0, 1_000.0])).sum()).backward()
    assert np.array_equal(x.grad, [1_005.0, 10_050.0])


def test_four_uses_add_up() -> None:
    x = Tensor(np.array([1.0, 2.0]), requires_grad=True)
    a = x * 2
    (a * 3 + a * 5 + a * 7 + a * 11).sum().backward()
    assert np.array_equal(x.grad, [52.0, 52.0])


LARGE = 40_000  # float64 numbers: beyond what the tape keeps of an input


def test_of_a_large_input_only_what_the_gradient_needs_is_kept() -> None:
    x = Tensor(np.ones(LARGE), requires_grad=True)
    a = x * 2
    gone = weakref.ref(a.data)
    b = a + 1  # the sum needs no numbers of a
    del a
    assert gone() is None
    b.sum().backward()
    assert np.array_equal(x.grad, np.full(LARGE, 2.0))


def test_a_large_input_that_was_changed_in_place_is_seen() -> None:
    x = Tensor(np.ones(LARGE), requires_grad=True)
    a = x * 2
    b = a * a
    with no_grad():
        a += 1
    with pytest.raises(EngineError, match="multiply computed with was changed in place"):
        b.sum().backward()


def test_a_large_input_may_change_where_the_gradient_does_not_need_it() -> None:
    x = Tensor(np.ones(LARGE), requires_grad=True)
    a = x * 2
    b = a + 1
    with no_grad():
        a += 1
    b.sum().backward()
    assert np.array_equal(x.grad, np.full(LARGE, 2.0))
