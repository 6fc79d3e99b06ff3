"""What the network really gets: the batches as they arrive at `learn`, beside the data that they should come from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.patient import Patient
from byhand.training.state import undisturbed

LOOKED_AT = 60  # batches


def fed(patient: Patient, steps: int = LOOKED_AT) -> list[tuple[Any, Array, Array]]:
    """(indices, x, y) of the first steps, as `learn` was given them."""
    seen: list[Any] = []
    model, training = patient.model, patient.training
    with undisturbed(training), np.errstate(all="ignore"):
        learn = model.learn

        def spy(x: Array, y: Array, *more: Any) -> float:
            seen.append((training.upcoming().copy(), np.array(x), np.array(y)))
            return float(learn(x, y, *more))

        own = vars(model).get("learn")
        model.learn = spy
        try:
            for _ in range(min(steps, training.total)):
                next(training)
        except Exception as error:  # an explosion is another probe's to tell
            if not seen:
                raise error
        finally:
            del model.learn
            if own is not None:
                model.learn = own
    return seen


def probe_batches(patient: Patient) -> tuple[list[Finding], list[Check]]:
    """Inputs paired with the labels of others, and samples sorted by class."""
    batches, x, y = fed(patient), patient.x, patient.y
    found: list[Finding] = []
    wrong = total = 0
    for indices, _, targets in batches:
        if len(indices) == len(targets):
            wrong += int((targets.reshape(len(targets), -1) != y[indices].reshape(len(targets), -1)).any(axis=1).sum())
            total += len(targets)
    if wrong > 0.1 * max(total, 1) and patient.training.augment is None:
        evidence = f"{wrong:,} of {total:,} samples came to the network with targets that are not theirs in the data"
        fix = "take inputs and targets by the same indices: x[order], y[order]"
        found.append(Finding("batch-mismatch", "batches", 0.95, evidence, fix))
    moved = _moved(batches, x) if patient.training.augment is None else 0.0
    if moved > 0.1:
        evidence = (
            f"{moved:.0%} of the samples came to the network with inputs that are not theirs in the data, and no "
            "augmentation is set"
        )
        found.append(
            Finding("batch-mismatch", "batches", 0.9, evidence, "look at what is done to a batch before it is learned from")
        )
    sorted_by, check = _sorted(batches, y)
    return found + sorted_by, [check] if check else []


def _moved(batches: list[tuple[Any, Array, Array]], x: Array) -> float:
    """The share of samples whose inputs are not those that their indices name."""
    moved = total = 0
    for indices, inputs, _ in batches[:20]:
        rows = inputs.reshape(len(inputs), -1)
        if rows.shape != (len(indices), x.shape[1]):
            return 0.0
        moved += int((np.abs(rows - x[indices]) > 1e-6).any(axis=1).sum())
        total += len(indices)
    return moved / max(total, 1)


def _sorted(batches: list[tuple[Any, Array, Array]], y: Array) -> tuple[list[Finding], Check | None]:
    """Neighbours in the order of training that share their class far more often than chance has it."""
    if y.ndim != 2 or y.shape[1] < 2:
        return [], None
    classes = np.concatenate([targets.reshape(len(targets), -1).argmax(axis=1) for _, _, targets in batches])
    chance = float(np.square(y.mean(axis=0)).sum())
    n = len(classes) - 1
    if n < 50:
        return [], None
    same = float((classes[1:] == classes[:-1]).mean())
    sure = math.sqrt(chance * (1 - chance) / n)
    check = Check(
        "order of the samples", f"two that follow each other share their class in {same:.0%} of cases, chance {chance:.0%}"
    )
    if same < chance + 6 * sure or same < chance + 0.3 * (1 - chance):
        return [], check
    evidence = (
        f"of {n:,} samples in the order of training {same:.0%} have the class of the one before; by chance it would "
        f"be {chance:.0%}"
    )
    fix = "shuffle the training samples anew in each epoch: order = rng.permutation(len(x))"
    every = max(1, len(classes) // 200)
    return [
        Finding("not-shuffled", "batches", 0.95, evidence, fix, curves={"classes as they come": classes[::every].tolist()})
    ], check
