"""Whatever is changed in place between an op and its gradient, the gradient is the right one, or it is told that it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from byhand import memory, nn
from byhand.engine import Tensor, no_grad, ops
from byhand.engine.in_place import changed, marks
from byhand.errors import EngineError
from byhand.kernels.cpu import checksum as compiled
from byhand.kernels.reference import checksum as reference
from byhand.optim import SGD


def drawn(*shape: int) -> np.ndarray[Any, Any]:
    return 0.5 + np.random.default_rng(shape).random(shape)


IMAGES, FILTERS = drawn(2, 4, 4, 2), drawn(3, 3, 2, 2)
PLACES = np.array([[0, 1], [2, 2], [1, 0]])
TWO = ("add", "subtract", "multiply", "divide", "maximum", "minimum", "mse_loss", "huber_loss", "gaussian_kl", "bce_with_logits",
       "remainder", "power", "stack", "floor_divide", "logaddexp", "atan2")  # fmt: skip
ONE = (
    "elu", "mish", "hardswish", "hardsigmoid",
    "negative", "exp", "log", "sqrt", "absolute", "sin", "cos", "sigmoid", "tanh",
    "relu", "leaky_relu", "softplus", "silu", "gelu", "tan", "atan", "sinh", "cosh",
    "asinh", "log1p", "expm1", "erf", "sign", "floor", "ceil", "trunc", "round",
    "std", "norm", "prod", "cumsum", "cumprod", "logcumsumexp", "flip", "tril", "triu", "diag",
    "sum", "mean", "max", "min", "variance", "logsumexp", "softmax", "log_softmax", "transpose",
    "layer_norm",
)  # fmt: skip
# Of every op one call: its inputs, and its options, arrays among them.
CALLS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    **{name: ([drawn(3, 4)], {}) for name in ONE},
    **{name: ([drawn(3, 4), 0.5 * drawn(3, 4) + 0.1], {}) for name in TWO},
    **{name: ([0.5 * drawn(3, 4)], {}) for name in ("asin", "acos", "atanh")},
    "acosh": ([1 + drawn(3, 4)], {}),
    **{name: ([drawn(3, 3) + np.diag([2.0, 3.0, 5.0])], {}) for name in ("inv", "det", "logdet", "cholesky", "eigh")},
    **{name: ([drawn(4, 3) + np.eye(4, 3) * [2.0, 3.0, 5.0]], {}) for name in ("svd", "qr", "pinv")},
    "solve": ([drawn(3, 3) + 2 * np.eye(3), drawn(3, 2)], {}),
    "roll": ([drawn(3, 4)], {"shifts": 1, "axis": 1}),
    "tile": ([drawn(3)], {"times": (2, 2)}),
    "repeat_interleave": ([drawn(3)], {"times": 2}),
    "cast": ([drawn(3)], {"dtype": np.float32}),
    "trace": ([drawn(3, 3)], {}),
    "einsum": ([drawn(3, 4), drawn(4, 2)], {"equation": "ij,jk->ik"}),
    "scatter": ([drawn(3)], {"key": np.array([0, 2, 2]), "shape": (4,)}),
    "scatter_add": ([drawn(3, 4), drawn(3, 2)], {"indices": PLACES, "axis": 1}),
    "clip": ([drawn(3)], {"low": 0.6, "high": 1.2}),
    "where": ([np.array([1.0, 0.0, 0.0, 1.0]), drawn(4), drawn(4) + 1], {}),
    "linear": ([drawn(3, 4), drawn(2, 4), drawn(2)], {}),
    "matmul": ([drawn(3, 4), drawn(4, 2)], {}),
    "reshape": ([drawn(3, 4)], {"shape": (4, 3)}),
    "broadcast": ([drawn(1, 4)], {"shape": (3, 4)}),
    "index": ([drawn(3, 4)], {"key": (np.array([0, 2, 2]), slice(1, 3))}),
    "gather": ([drawn(3, 4)], {"indices": PLACES, "axis": 1}),
    "index_add": ([drawn(3, 4), drawn(2, 4)], {"indices": np.array([0, 2])}),
    "concat": ([drawn(3, 4), drawn(3, 2)], {}),
    "pad": ([drawn(3)], {"widths": ((1, 2),)}),
    "embedding": ([drawn(3, 4)], {"indices": PLACES}),
    "dropout": ([drawn(3, 4)], {"rate": 0.5}),
    "cross_entropy": ([drawn(3, 4)], {"target": np.array([0, 3, 1])}),
    "attention": ([drawn(3, 4), drawn(5, 4), drawn(5, 2)], {"mask": drawn(3, 5)}),
    "conv2d": ([IMAGES, FILTERS, drawn(2)], {"padding": 1}),
    "filter_gradient": ([IMAGES, drawn(2, 4, 4, 2)], {"shape": (3, 3, 2, 2), "padding": 1}),
    "conv_transpose2d": ([IMAGES, FILTERS, drawn(2)], {"padding": 1}),
    "max_pool2d": ([IMAGES], {"kernel": 2}),
    "avg_pool2d": ([IMAGES], {"kernel": 2}),
    "global_avg_pool": ([IMAGES], {}),
    "upsample_nearest": ([IMAGES], {"scale": 2}),
    "upsample_bilinear": ([IMAGES], {"scale": 2}),
    "batch_norm": ([drawn(5, 3), drawn(3), drawn(3)], {"running_mean": drawn(3), "running_var": drawn(3), "training": False}),
    "group_norm": ([drawn(5, 4), drawn(4), drawn(4)], {"groups": 2}),
    "rms_norm": ([drawn(5, 3), drawn(3)], {}),
}
CHANGES: dict[str, Callable[[Any], Any]] = {
    "other numbers": lambda array: array[::-1] * 0 + (1 if array.dtype.kind != "f" else 0.123),
    "the same ones turned round": lambda array: np.flip(array).copy().reshape(array.shape),
    "other signs": lambda array: ~array if array.dtype == bool else -array if array.dtype.kind == "f" else array[::-1].copy(),
    "one number": lambda array: np.where(np.arange(array.size).reshape(array.shape) == 1, array[(0,) * array.ndim], array),
}


def arrays_of(call: tuple[list[Any], dict[str, Any]]) -> list[Any]:
    """Copies of all arrays of a call: inputs first, then those among the options."""
    inputs, options = call
    return [array.copy() for array in inputs] + [
        part.copy() for option in options.values() for part in (option if isinstance(option, tuple) else (option,)) if _is(part)
    ]


def _is(part: Any) -> bool:
    return isinstance(part, np.ndarray)


def run(name: str, arrays: list[Any], raw: int, as_tensors: bool) -> tuple[Tensor, list[Tensor]]:
    """The op of these arrays; input number `raw` is handed in as an array of NumPy's, and options as tensors if so asked."""
    inputs, options = CALLS[name]
    leaves = [array if i == raw else Tensor(array, requires_grad=True) for i, array in enumerate(arrays[: len(inputs)])]
    rest = iter(Tensor(array) if as_tensors else array for array in arrays[len(inputs) :])
    given = {
        key: tuple(next(rest) if _is(part) else part for part in option)
        if isinstance(option, tuple)
        else next(rest)
        if _is(option)
        else option
        for key, option in options.items()
    }
    if name == "dropout":
        given["rng"] = np.random.default_rng(0)
    return getattr(ops, name)(*leaves, **given), [leaf for leaf in leaves if isinstance(leaf, Tensor)]


def gradients(out: Tensor, leaves: list[Tensor]) -> list[Any]:
    out.backward(np.random.default_rng(1).random(out.shape))
    return [leaf.grad for leaf in leaves]


def test_every_op_is_here() -> None:
    assert set(CALLS) == set(ops.__all__)


@pytest.mark.parametrize("name", CALLS)
def test_the_gradient_is_right_or_the_change_is_told(name: str) -> None:
    n = len(CALLS[name][0])
    arrays = arrays_of(CALLS[name])
    for raw in [-1, *(range(n) if n > 1 else [])]:
        for as_tensors in (False, True):
            expected = gradients(*run(name, [array.copy() for array in arrays], raw, as_tensors))
            for which in range(len(arrays) + 1):  # the last is the output
                for change in CHANGES.values():
                    mine = [array.copy() for array in arrays]
                    out, leaves = run(name, mine, raw, as_tensors)
                    victim = mine[which] if which < len(mine) else out.data
                    if not victim.flags.writeable or victim.ndim == 0:
                        continue
                    victim[...] = change(victim)
                    try:
                        found = gradients(out, leaves)
                    except EngineError as error:
                        assert f"a tensor that {name} computed with was changed in place" in str(error)  # noqa: PT017
                        continue
                    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def test_an_index_a_condition_and_a_target_are_told() -> None:
    # Before, nothing was said: [0 2] came out for [2 0].
    for make, kind in (
        (lambda a, k: a[k], int),
        (lambda a, k: ops.gather(a, indices=k, axis=0), int),
        (lambda a, k: ops.where(k, a, 0 * a), bool),
    ):
        a, k = Tensor([1.0, 2.0], requires_grad=True), Tensor(np.zeros(2, kind))
        out = make(a, k).sum()
        k[...] = 1
        with pytest.raises(EngineError, match="changed in place afterwards"):
            out.backward()


@pytest.mark.parametrize("size", [10, memory.SMALLEST // 4, 300_001])
def test_a_change_behind_a_tensor_is_told_at_any_size(size: int) -> None:
    for change in ("one", "turned", "sign"):
        b = np.random.default_rng(0).standard_normal(size).astype(np.float32)
        a = Tensor(np.ones(size, np.float32), requires_grad=True)
        out = (a * Tensor(b)).sum()
        if change == "one":
            b[size // 2] = np.nextafter(b[size // 2], np.float32(9))
        else:
            b[...] = b[::-1].copy() if change == "turned" else -b
        with pytest.raises(EngineError, match="multiply computed with was changed"):
            out.backward()


def test_what_lies_beside_a_saved_part_may_be_changed() -> None:
    flat = np.random.default_rng(0).standard_normal(100_000)
    a = Tensor(np.ones(40_000), requires_grad=True)
    out = (a * Tensor(flat[:40_000])).sum()
    flat[40_000:] = 0
    out.backward()
    assert np.array_equal(a.grad, flat[:40_000])


def test_an_optimiser_between_a_step_forward_and_its_way_back_is_told() -> None:
    net = nn.Network(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), (4,), seed=1)
    x = np.ones((5, 4), np.float32)
    cost = (net.module(Tensor(x)) ** 2).sum()
    net.gradient[...] = 1
    SGD(0.1).step(net.parameters, net.gradient)
    with pytest.raises(EngineError, match="changed in place"):
        cost.backward()


def test_a_module_that_changes_what_a_gradient_needs_is_told_in_the_first_step() -> None:
    class Careless(nn.Module):
        def forward(self, x: Any) -> Any:
            y = x * 2.0
            z = y * y
            y.data[...] = 0
            return z

    net = nn.Network(nn.Sequential(nn.Linear(4, 3), Careless()), (4,), seed=1)
    with pytest.raises(EngineError, match="multiply computed with was changed"):
        net.learn(np.ones((5, 4), np.float32), np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]])


def test_no_marks_are_taken_of_what_the_op_made_or_where_nothing_is_recorded() -> None:
    x = Tensor(np.ones(3), requires_grad=True)
    assert ops.softplus(x).node.marks and not ops.dropout(x, rate=0.5, rng=np.random.default_rng(0)).node.marks
    with no_grad():
        assert ops.exp(x).node is None


@pytest.mark.parametrize("rows", [0, 1, 100, 9_000])
def test_the_checksum_is_the_same_compiled_or_not(rows: int) -> None:
    words = np.random.default_rng(0).integers(0, 2**32, (rows, reference.LANES), dtype=np.uint32)
    assert compiled.checksum(words).tobytes() == reference.checksum(words).tobytes()


def test_a_checksum_sees_a_changed_word_and_two_that_trade_places() -> None:
    words = np.random.default_rng(0).integers(0, 2**32, (50, reference.LANES), dtype=np.uint32)
    before = reference.checksum(words).tobytes()
    for (i, j), (k, m) in [((0, 0), (1, 0)), ((3, 5), (3, 6)), ((10, 63), (49, 0))]:
        words[i, j], words[k, m] = words[k, m], words[i, j]
        assert reference.checksum(words).tobytes() != before
        words[i, j], words[k, m] = words[k, m], words[i, j]
        words[i, j] ^= 1 << 31
        assert reference.checksum(words).tobytes() != before
        words[i, j] ^= 1 << 31
    assert reference.checksum(words).tobytes() == before


def test_negated_patterns_of_two_values_are_seen() -> None:
    rows = np.array([1, -1, -1, 1] * 64, np.float32)[:, None]
    array = np.ascontiguousarray(np.broadcast_to(rows, (256, 640)))
    (mark,) = marks((array,), [array], {}, np.zeros(1))
    array *= -1
    assert changed((mark,))


@pytest.mark.parametrize("layout", ["F", "every second", "bytes", "unaligned"])
def test_marks_do_not_care_how_the_numbers_lie(layout: str) -> None:
    array: Any = np.random.default_rng(0).standard_normal((300, 400)).astype(np.float32)
    if layout == "F":
        array = np.asfortranarray(array)
    elif layout == "every second":
        array = array[:, ::2]
    elif layout == "bytes":
        array = array > 0
    else:
        array = np.frombuffer(bytearray(1 + 4 * 100_000), np.uint8)[1:].view(np.float32)
    (mark,) = marks((array,), [array], {}, np.zeros(1))
    assert not changed((mark,))
    array[(5,) * array.ndim] = 1 - array[(5,) * array.ndim]
    assert changed((mark,))
