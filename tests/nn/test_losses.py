"""Losses beside PyTorch's, whatever the reduction, and beside central differences; and what they say of bad targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from byhand import nn
from byhand.engine import Tensor
from byhand.engine.check import check_gradient
from byhand.errors import EngineError, ModelError

pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss:UserWarning")
RNG = np.random.default_rng(0)
A, Y = RNG.standard_normal((6, 4)), RNG.standard_normal((6, 4))
P = np.exp(Y) / np.exp(Y).sum(axis=1, keepdims=True)
LOG = np.log(np.exp(A) / np.exp(A).sum(axis=1, keepdims=True))
MAPS = RNG.standard_normal((2, 3, 5, 4))  # K = 4 classes at each of 3 x 5 pixels
CLASSES, PIXELS = RNG.integers(0, 4, 6), RNG.integers(0, 4, (2, 3, 5))
SOME, SOME_PIXELS = np.where(np.arange(6) % 3 == 1, -100, CLASSES), np.where(PIXELS == 2, 9, PIXELS)
W = [0.5, 2.0, 0.0, 1.5]

# The kind of loss, its settings but for the reduction, the outputs, and what they are compared with.
CASES: dict[str, tuple[str, dict[str, Any], Any, tuple[Any, ...]]] = {
    "MSELoss": ("MSELoss", {}, A, (Y,)),
    "MSELoss of a row": ("MSELoss", {}, A[0], (Y[0],)),
    "L1Loss": ("L1Loss", {}, A, (Y,)),
    "SmoothL1Loss": ("SmoothL1Loss", {}, A, (Y,)),
    "SmoothL1Loss, beta": ("SmoothL1Loss", {"beta": 0.3}, A, (Y,)),
    "SmoothL1Loss, beta 0": ("SmoothL1Loss", {"beta": 0.0}, A, (Y,)),
    "HuberLoss": ("HuberLoss", {"delta": 0.7}, A, (Y,)),
    "KLDivLoss": ("KLDivLoss", {}, LOG, (P,)),
    "KLDivLoss, some targets 0": ("KLDivLoss", {}, LOG, (np.eye(4)[CLASSES],)),
    "KLDivLoss, log_target": ("KLDivLoss", {"log_target": True}, LOG, (np.log(P),)),
    "HingeEmbeddingLoss": ("HingeEmbeddingLoss", {"margin": 0.8}, A, (np.sign(Y),)),
    "GaussianNLLLoss": ("GaussianNLLLoss", {}, A, (Y, 0.1 + P)),
    "GaussianNLLLoss, full": ("GaussianNLLLoss", {"full": True, "eps": 0.3}, A, (Y, 0.1 + P)),
    "BCEWithLogitsLoss": ("BCEWithLogitsLoss", {}, 20 * A, (P,)),
    "BCEWithLogitsLoss, weight": ("BCEWithLogitsLoss", {"weight": W}, A, (P,)),
    "BCEWithLogitsLoss, pos_weight": ("BCEWithLogitsLoss", {"pos_weight": [3.0, 0.1, 1.0, 2.0]}, 20 * A, (P,)),
    "BCEWithLogitsLoss, both": ("BCEWithLogitsLoss", {"weight": W, "pos_weight": [2.5]}, A, (np.round(P),)),
    "NLLLoss": ("NLLLoss", {}, LOG, (CLASSES,)),
    "NLLLoss, weight, some ignored": ("NLLLoss", {"weight": W}, LOG, (SOME,)),
    "NLLLoss of pixels": ("NLLLoss", {"weight": W, "ignore_index": 9}, MAPS, (SOME_PIXELS,)),
    "CrossEntropyLoss": ("CrossEntropyLoss", {}, A, (CLASSES,)),
    "CrossEntropyLoss, smoothing": ("CrossEntropyLoss", {"label_smoothing": 0.2}, A, (CLASSES,)),
    "CrossEntropyLoss, all smoothed": ("CrossEntropyLoss", {"label_smoothing": 1.0}, A, (CLASSES,)),
    "CrossEntropyLoss, weight": ("CrossEntropyLoss", {"weight": W}, A, (CLASSES,)),
    "CrossEntropyLoss, some ignored": ("CrossEntropyLoss", {}, A, (SOME,)),
    "CrossEntropyLoss, a class ignored": ("CrossEntropyLoss", {"ignore_index": int(CLASSES[0])}, A, (CLASSES,)),
    "CrossEntropyLoss, everything": ("CrossEntropyLoss", {"weight": W, "label_smoothing": 0.1}, A, (SOME,)),
    "CrossEntropyLoss of probabilities": ("CrossEntropyLoss", {}, A, (P,)),
    "CrossEntropyLoss of probabilities, weight": ("CrossEntropyLoss", {"weight": W, "label_smoothing": 0.3}, A, (P,)),
    "CrossEntropyLoss of pixels": ("CrossEntropyLoss", {}, MAPS, (PIXELS,)),
    "CrossEntropyLoss of pixels, everything": (
        "CrossEntropyLoss", {"weight": W, "ignore_index": 9, "label_smoothing": 0.1}, MAPS, (SOME_PIXELS,),
    ),
    "CrossEntropyLoss of pixels' probabilities": (
        "CrossEntropyLoss", {"weight": W}, MAPS, (np.abs(MAPS) / np.abs(MAPS).sum(axis=-1, keepdims=True),),
    ),
    "MultiMarginLoss": ("MultiMarginLoss", {}, A, (CLASSES,)),
    "MultiMarginLoss, square": ("MultiMarginLoss", {"p": 2, "margin": 0.4, "weight": W}, A, (CLASSES,)),
}  # fmt: skip
CALLS = [
    (name, reduction)
    for name, (kind, *_) in CASES.items()
    for reduction in ("mean", "sum", "none", *(("batchmean",) if kind == "KLDivLoss" else ()))
]


def ours_of(name: str, reduction: str) -> Any:
    kind, settings, _, _ = CASES[name]
    return getattr(nn, kind)(**settings, reduction=reduction)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "reduction"), CALLS)
def test_value_and_gradient_are_those_of_pytorch(name: str, reduction: str, dtype: str, torch: Any) -> None:
    kind, settings, outputs, others = CASES[name]
    theirs = {
        key: torch.tensor(value, dtype=getattr(torch, dtype)) if isinstance(value, list) else value
        for key, value in settings.items()
    }

    def cast(array: Any) -> Any:
        return array.astype(dtype) if array.dtype.kind == "f" else array

    def turned(array: Any) -> Any:
        return np.moveaxis(array, -1, 1) if array.shape == MAPS.shape else array

    x = Tensor(outputs.astype(dtype), requires_grad=True)
    t = torch.tensor(outputs.astype(dtype), requires_grad=True)
    y = ours_of(name, reduction)(x, *(cast(other) for other in others))
    channels_first = t.movedim(-1, 1).contiguous() if outputs.shape == MAPS.shape else t
    expected = getattr(torch.nn, kind)(**theirs, reduction=reduction)(
        channels_first, *(torch.tensor(np.ascontiguousarray(turned(cast(other)))) for other in others)
    )
    close = 1e-12 if dtype == "float64" else 1e-5
    assert y.shape == tuple(expected.shape) and y.dtype == dtype
    assert np.abs(y.data - expected.detach().numpy()).max() <= close * max(1.0, float(expected.detach().abs().max()))
    v = np.asarray(np.random.default_rng(1).standard_normal(y.shape)).astype(dtype)
    y.backward(v)
    expected.backward(torch.tensor(v))
    assert x.grad.dtype == dtype
    assert np.abs(x.grad - t.grad.numpy()).max() <= close * max(1.0, float(t.grad.abs().max()))


@pytest.mark.parametrize(("name", "reduction"), CALLS)
def test_the_gradient_is_that_of_central_differences(name: str, reduction: str) -> None:
    _, _, outputs, others = CASES[name]
    check_gradient(lambda a: ours_of(name, reduction)(a, *others), outputs)


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "KLDivLoss"])
def test_targets_have_a_gradient_too(kind: str, torch: Any) -> None:
    y, t = Tensor(P.copy(), requires_grad=True), torch.tensor(P, requires_grad=True)
    getattr(nn, kind)(reduction="sum")(Tensor(LOG), y).backward()
    getattr(torch.nn, kind)(reduction="sum")(torch.tensor(LOG), t).backward()
    assert np.abs(y.grad - t.grad.numpy()).max() < 1e-12


@pytest.mark.torch
def test_the_variance_has_a_gradient_too_also_where_it_is_held_up(torch: Any) -> None:
    var = 0.1 + P
    v, t = Tensor(var.copy(), requires_grad=True), torch.tensor(var, requires_grad=True)
    nn.GaussianNLLLoss(eps=0.3)(Tensor(A), Y, v).backward()
    torch.nn.GaussianNLLLoss(eps=0.3)(torch.tensor(A), torch.tensor(Y), t).backward()
    assert np.abs(v.grad - t.grad.numpy()).max() < 1e-12


def test_an_ignored_place_gets_no_gradient_whatever_stands_there() -> None:
    z = np.zeros((3, 4))
    z[1] = [-np.inf, 0, 0, np.inf]
    x = Tensor(A[:3].copy(), requires_grad=True)
    nn.CrossEntropyLoss()(x, np.array([1, -100, 2])).backward()
    assert (x.grad[1] == 0).all() and (x.grad[[0, 2]] != 0).all()
    masked = nn.CrossEntropyLoss(reduction="none")(Tensor(np.array([[0.0, -np.inf, 1.0]])), np.array([0]))
    assert masked.data == pytest.approx([np.log(1 + np.e)])


def test_a_loss_describes_itself_whole() -> None:
    for name in CASES:
        loss = ours_of(name, "sum")
        assert nn.build(loss.describe()).describe() == loss.describe()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: nn.MSELoss("average"), "MSELoss: reduction 'average' is unknown: choose one of mean, sum, none"),
        (lambda: nn.MSELoss()(A, Y[:3]), "MSELoss: the outputs are (6, 4) but the targets are (3, 4): they must agree"),
        (lambda: nn.HuberLoss(delta=0), "HuberLoss: delta must be above 0, got 0"),
        (lambda: nn.CrossEntropyLoss([1, -1]), "CrossEntropyLoss: weight must be a list of numbers, 0 or more, got [1, -1]"),
        (lambda: nn.CrossEntropyLoss([1, 1])(A, CLASSES), "CrossEntropyLoss: weight must have one number for each of 4 classes"),
        (lambda: nn.CrossEntropyLoss()(A, CLASSES + 1), "CrossEntropyLoss: classes must be from 0 to 3, got 1 to 4"),
        (lambda: nn.CrossEntropyLoss()(A, CLASSES[:2]), "so the targets must be whole numbers (6,), got int64 (2,)"),
        (lambda: nn.NLLLoss()(A, np.full(6, -100)), "NLLLoss: every target is ignored or weighs 0, and there is no mean of none"),
        (lambda: nn.HingeEmbeddingLoss()(A, Y), "HingeEmbeddingLoss: the targets must be 1 and -1"),
        (lambda: nn.GaussianNLLLoss()(A, Y, -P), "GaussianNLLLoss: var must be 0 or more, got -"),
        (lambda: nn.MultiMarginLoss(p=3), "MultiMarginLoss: p must be from 1 to 2, got 3"),
        (lambda: nn.BCEWithLogitsLoss(pos_weight=[1, 2])(A, P), "BCEWithLogitsLoss: pos_weight must be one number or 4, got 2"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(call: Any, says: str) -> None:
    with pytest.raises((EngineError, ModelError)) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
