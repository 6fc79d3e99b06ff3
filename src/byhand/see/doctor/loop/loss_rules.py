"""What goes into a loss function of PyTorch: shapes that spread over each other, a softmax or sigmoid too many."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.see.doctor.finding import Finding
from byhand.see.doctor.loop.torch_loop import TorchEvent, TorchLoop

SEVERAL = 32  # answers, of which not one is below a half
ONE = 1e-3  # how near to 1 the sum of probabilities is


def loss_rules(loop: TorchLoop, events: list[TorchEvent]) -> list[Finding]:
    """Findings about the loss function and what it is given."""
    if loop.spread:
        one, other, both = loop.spread
        evidence = f"answers {one} less targets {other} are {both}: each answer is compared with every target"
        fix = "give both the same shape: target.unsqueeze(1), or answers.squeeze(1)"
        return [Finding("wrong-cost", "the loss", 0.95, evidence, fix)]
    heard = [event for event in events if event.loss is not None]
    if not heard:
        loop.unseen.append("the loss: no loss function of torch.nn.functional was heard")
        return []
    first = heard[0]
    loss: Any = first.loss
    z, target = _numbers(loss.prediction.value), _numbers(loss.target) if hasattr(loss.target, "detach") else None
    if target is None:
        return []
    found = _shapes(loss.name, z, target) + _summed(loss, first, z)
    rule = {
        "cross_entropy": _cross_entropy,
        "nll_loss": _nll,
        "binary_cross_entropy_with_logits": _with_logits,
        "binary_cross_entropy": _probabilities,
        "mse_loss": _squares,
        "l1_loss": _squares,
        "smooth_l1_loss": _squares,
        "huber_loss": _squares,
    }.get(loss.name)
    if rule is not None and not found:
        found += rule(z, target, heard)
    return found


def _numbers(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().double().numpy() if tensor.is_floating_point() else tensor.detach().cpu().numpy())


def _sums_to_one(z: Array, axis: int = 1) -> bool:
    return z.ndim >= 2 and z.shape[axis] > 1 and bool((z >= 0).all() and (np.abs(z.sum(axis=axis) - 1) < ONE).all())


def _shapes(name: str, z: Array, target: Array) -> list[Finding]:
    if name in ("cross_entropy", "nll_loss") or z.shape == target.shape or z.size == target.size == 1:
        return []
    together = np.broadcast_shapes(z.shape, target.shape)
    evidence = f"{name} is given answers {z.shape} and targets {target.shape}: they are spread over each other to {together}"
    return [
        Finding("wrong-cost", "the loss", 0.95, evidence, "give both the same shape: target.unsqueeze(1), or answers.squeeze(1)")
    ]


def _summed(loss: Any, event: TorchEvent, z: Array) -> list[Finding]:
    if loss.keywords.get("reduction") != "sum" or len(z) < 2 or abs(event.scale - 1) > 0.5:
        return []
    evidence = f'reduction="sum" is not divided by the {len(z)} samples: the rate that works depends on the size of the batch'
    return [
        Finding(
            "cost-sum", "the loss", 0.6, evidence, 'reduction="mean"; or divide the loss, or the rate, by the number of samples'
        )
    ]


def _cross_entropy(z: Array, target: Array, events: list[TorchEvent]) -> list[Finding]:
    if z.ndim >= 2 and z.shape[1] == 1:
        evidence = "cross_entropy is given a single output: the softmax of one number is always 1, the cost always 0"
        return [
            Finding(
                "wrong-cost",
                "the loss",
                0.97,
                evidence,
                "give yes or no one output and binary_cross_entropy_with_logits, or two outputs and cross_entropy",
            )
        ]
    if target.shape == z.shape and z.ndim == 2 and ((target == 0) | (target == 1)).all():
        several = float((np.abs(target.sum(axis=1) - 1) > ONE).mean())
        if several > 0.1:
            evidence = f"{several:.0%} of the targets have no 1 or several: each is a yes or no, but a softmax shares 1 out"
            fix = "binary_cross_entropy_with_logits: one yes or no per output"
            return [Finding("wrong-cost", "the loss", 0.95, evidence, fix)]
    if _sums_to_one(z):
        evidence = (
            "what goes into cross_entropy sums to 1 in each row: they are probabilities already, and it takes their softmax again"
        )
        return [
            Finding(
                "softmax-twice", "output layer", 0.95, evidence, "leave the softmax out of the network: cross_entropy has its own"
            )
        ]
    if z.ndim == 2 and _sums_to_one(z, axis=0) and len(z) > 1:
        evidence = "what goes into cross_entropy sums to 1 over the samples of a batch: softmax(dim=0)"
        return [Finding("softmax-twice", "output layer", 0.95, evidence, "leave the softmax out of the network")]
    return _bound(events, ("sigmoid", "relu", "tanh"), "cross_entropy")


def _bound(events: list[TorchEvent], bends: tuple[str, ...], name: str) -> list[Finding]:
    last = events[0].last_bend
    if last not in bends:
        return []
    what = "probabilities" if name == "binary_cross_entropy" else "logits"
    evidence = f"the network ends in {last}, and {name} takes its answers for {what}: they cannot say what they should"
    return [
        Finding(
            "output-activation",
            "output layer",
            0.9,
            evidence,
            f"leave the {last} out" + (": end in a sigmoid" if what == "probabilities" else ": end with the Linear layer"),
        )
    ]


def _nll(z: Array, target: Array, events: list[TorchEvent]) -> list[Finding]:
    del target, events
    if z.ndim >= 2 and (np.abs(np.exp(np.minimum(z, 50)).sum(axis=1) - 1) < ONE).all():
        return []
    what = "probabilities" if _sums_to_one(z) else "numbers that are no log-probabilities"
    evidence = f"nll_loss is given {what}: their exponentials do not sum to 1"
    return [
        Finding("wrong-cost", "the loss", 0.95, evidence, "end the network with log_softmax, or use cross_entropy on its logits")
    ]


def _with_logits(z: Array, target: Array, events: list[TorchEvent]) -> list[Finding]:
    last = events[0].last_bend
    if last in ("sigmoid", "softmax") or _sums_to_one(z):
        evidence = f"binary_cross_entropy_with_logits is given the answers of {last or 'a softmax'}: it takes their sigmoid again"
        return [
            Finding("softmax-twice", "output layer", 0.95, evidence, "leave it out of the network, or use binary_cross_entropy")
        ]
    if ((target < 0) | (target > 1)).any():
        evidence = f"targets of binary_cross_entropy_with_logits go from {target.min():.3g} to {target.max():.3g}"
        return [Finding("targets-do-not-fit", "targets", 0.95, evidence, "yes is 1 and no is 0")]
    return _bound(events, ("relu", "tanh"), "binary_cross_entropy_with_logits")


def _never_no(target: Array, events: list[TorchEvent]) -> list[Finding]:
    """A sigmoid that cannot say no, as what comes to it is never negative: behind a relu."""
    answers = np.concatenate([_numbers(event.loss.prediction.value).reshape(-1) for event in events if event.loss is not None])
    if events[0].last_bend != "sigmoid" or len(answers) < SEVERAL or answers.min() < 0.5 or not (target < 0.5).any():
        return []
    evidence = f"none of {len(answers)} answers of the last sigmoid is below 0.5: what comes to it is never negative"
    fix = "leave the relu before the last sigmoid out: it takes the Linear layer's answers"
    return [Finding("output-activation", "output layer", 0.92, evidence, fix)]


def _probabilities(z: Array, target: Array, events: list[TorchEvent]) -> list[Finding]:
    last = events[0].last_bend
    if last == "softmax" and z.shape[-1] == 1:
        evidence = "the network ends in a softmax over a single output, which is 1 for every sample"
        return [Finding("output-activation", "output layer", 0.97, evidence, "a single output for yes or no ends in a sigmoid")]
    return _bound(events, ("relu", "tanh"), "binary_cross_entropy") or _never_no(target, events)


def _squares(z: Array, target: Array, events: list[TorchEvent]) -> list[Finding]:
    """Targets that the network's last activation cannot reach."""
    del z
    low, high = {"sigmoid": (0, 1), "softmax": (0, 1), "tanh": (-1, 1), "relu": (0, np.inf)}.get(
        events[0].last_bend, (-np.inf, np.inf)
    )
    beyond = float(((target < low - 1e-6) | (target > high + 1e-6)).mean())
    if beyond > 0.02:
        evidence = f"{beyond:.0%} of the targets lie outside of what {events[0].last_bend} can answer, {low:g} to {high:g}"
        return [
            Finding(
                "output-activation", "output layer", 0.92, evidence, "end with the Linear layer where numbers are to be learned"
            )
        ]
    if found := _never_no(target, events):
        return found
    if target.ndim == 2 and target.shape[1] > 1 and not (target % 1).any() and _numbers_of_classes(target):
        evidence = (
            f"each of the {target.shape[1]} outputs is to answer the same whole number, {target.min():g} to {target.max():g}: "
            "that of the class, to which the squared distance says that class 2 is twice class 1"
        )
        fix = "cross_entropy with the classes as they are, or one-hot targets"
        return [Finding("wrong-cost", "the loss", 0.92, evidence, fix)]
    whole = target.ndim == 1 or target.shape[-1] == 1
    if whole and not (target % 1).any() and 2 <= len(np.unique(target)) <= 20 and events[0].last_bend == "softmax":
        evidence = "the squared distance to a class's number is taken: class 9 is not nine times class 1"
        return [Finding("wrong-cost", "the loss", 0.85, evidence, "one output per class and cross_entropy")]
    return []


def _numbers_of_classes(target: Array) -> bool:
    """Whether all outputs are to answer one and the same number, which differs from sample to sample."""
    return bool((target == target[:, :1]).all()) and 2 <= len(np.unique(target[:, 0])) <= target.shape[1]
