"""All arrays of one training step by name, and the terms that each of their numbers is the sum of.

    step = byhand.see.take_step.take_step(network, x, y, SGD(0.1))
    numbers_of(step).terms_of("z2", (0, 5)).terms[0]

Of a feed-forward network the arrays are `a1` (the input), `z2`, `a2`, `delta2`, `w2`, `b2`, `w2.gradient`, `w2.change`,
`w2.after` and so on, `y` and `C`; the input is layer 1. Of a network of modules an op's output has the module's name, as `0` or
`down.0.conv1`, its error is `0.delta`, and a parameter's arrays are `0.weight`, `0.weight.gradient`, `0.weight.change`, ...
Those of an autoencoder and a VAE by hand stand in `byhand.see.coder_record`.

A network's record says which arrays there are (`describe`); the optimiser's are the same for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.errors import ModelError
from byhand.see.explanation import Sample
from byhand.see.step import TrainingStep
from byhand.see.step_array import StepArray, StepArrays
from byhand.see.sum_of_terms import SumOfTerms
from byhand.see.update_numbers import describe_update
from byhand.terms import SHOWN, At, Factor, Ref, Sum, indexed, largest_terms, per_sample


class StepNumbers(StepArrays):
    """One step, ready to be asked. `samples` are those of the batch."""

    def __init__(self, step: TrainingStep, samples: Sequence[Sample] = ()) -> None:
        super().__init__(step)
        self.samples = tuple(samples) or tuple(Sample(i, "") for i in range(step.m))
        step.record.describe(self)
        describe_update(self)

    @property
    def m(self) -> int:
        return self.step.m

    def at(self, name: str, at: Sequence[int]) -> tuple[StepArray, At]:
        """An array and indices that it has; raises ModelError where it has not."""
        array, place = self.array(name), tuple(int(k) for k in at)
        shape = array.values.shape
        if len(place) != len(shape) or any(not 0 <= k < n for k, n in zip(place, shape, strict=False)):
            wanted = f"{len(shape)} indices from 0, each below that" if shape else "it is one number, without indices"
            raise ModelError(f"{name} has no number [{', '.join(map(str, place))}]: its shape is {shape}: give {wanted}")
        return array, place

    def terms_of(self, name: str, at: Sequence[int] = (), most: int = SHOWN) -> SumOfTerms:
        """The `most` largest terms of a number. Raises ModelError for a number that there is not."""
        array, place = self.at(name, at)
        terms, others, rest = largest_terms(array.terms(place) if array.terms is not None else [], most)
        note = array.why if array.terms is None else array.note(place) if array.note is not None else ""
        symbol, value = indexed(array.symbol, place), float(array.values[place])
        return SumOfTerms(Ref(name, place), symbol, value, array.equation, terms, others, rest, note)

    def mean_of(self, name: str, at: Sequence[int], most: int = SHOWN) -> SumOfTerms:
        """The mean over the batch of the numbers at the other indices, as the sum that it is."""
        array, (_, *rest) = self.at(name, [0, *at])
        m = len(array.values)
        column: tuple[Any, ...] = (slice(None), *rest)
        values = np.asarray(array.values[column], np.float64) / m
        share = Factor(rf"\frac{{1}}{{{m}}}", 1 / m)
        terms, others, left = largest_terms([Sum(values, lambda i: (share, array.factor((i, *rest))))], most)
        symbol = rf"\frac{{1}}{{m}} \sum_i {indexed(array.symbol, ['i', *rest])}"
        value, note = float(values.sum()), "The mean over the batch."
        return SumOfTerms(Ref(name, (0, *rest)), symbol, value, symbol, terms, others, left, note)

    def pushes(self, name: str, at: Sequence[int]) -> NDArray[np.float64]:
        """How each sample of the batch pushed a parameter, (m,): the negative of its part of the gradient; above 0, upwards.

        Raises ModelError for what is no parameter, or one whose gradient is not worked out.
        """
        array, place = self.at(name, at)
        if not array.parameter:
            raise ModelError(f"{name} is not a parameter: choose one, as {next(iter(self.groups), 'none: it has none')}")
        gradient = self.arrays[f"{array.parameter}.gradient"]
        sums = gradient.terms(place) if gradient.terms is not None else []
        if gradient.terms is not None and not sums:
            raise ModelError(f"no sample pushes {array.parameter} in this step: its gradient is 0, as it is not trained in it")
        if not any(each.by_sample for each in sums):
            raise ModelError(f"the gradient of {array.parameter} is not worked out sample by sample")
        return -per_sample(sums, self.m)


def numbers_of(step: Any, samples: Sequence[Sample] = ()) -> StepNumbers:
    """The numbers of a step, or of the step that was explained."""
    return StepNumbers(_taken(step), samples or (() if isinstance(step, TrainingStep) else step.samples))


def _taken(step: Any) -> TrainingStep:
    return step if isinstance(step, TrainingStep) else step.step


@lru_cache(1)  # so that a step need not be taken apart anew at each question
def _last_numbers(step: TrainingStep) -> StepNumbers:
    return StepNumbers(step)


def terms_of(step: Any, name: str, at: Sequence[int] = (), most: int = SHOWN) -> SumOfTerms:
    """What one number of a step was computed from: the terms of its sum, largest first.

    Arguments:
        step: that was taken or explained. name: of one of its arrays, see above. at: the number's indices, all from 0.
        most: how many terms to name; the others are added up.

    Raises ModelError for a number that there is not.

    >>> import numpy as np
    >>> from byhand import FeedForward
    >>> from byhand.see.explain import explain
    >>> found = explain(FeedForward((4, 5, 3), seed=1), np.ones((1, 4)), np.eye(3)[:1])
    >>> number = terms_of(found, "z3", (0, 2))
    >>> len(number.terms), abs(number.total - number.value) < 1e-12
    (6, True)
    >>> sorted({factor.ref.name for term in number.terms for factor in term.factors})
    ['a2', 'b3', 'w3']
    """
    numbers = step if isinstance(step, StepNumbers) else _last_numbers(_taken(step))
    return numbers.terms_of(name, at, most)
