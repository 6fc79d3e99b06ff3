"""What was this number made of? One call for any number of a step that was explained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from byhand.errors import ModelError
from byhand.see.codes_step import CodesStep
from byhand.see.explain import Explanation, Sample
from byhand.see.explain_codes import CodesExplanation
from byhand.see.explain_network import NetworkExplanation
from byhand.see.made import SHOWN, Made
from byhand.see.made_codes import codes_numbers
from byhand.see.made_feedforward import feedforward_numbers
from byhand.see.made_network import network_numbers
from byhand.see.observe import Observed
from byhand.see.step_numbers import StepNumbers
from byhand.see.tape import Taped

Known = Explanation | NetworkExplanation | CodesExplanation | Observed | Taped | CodesStep


def numbers_of(found: Known, samples: Sequence[Sample] = ()) -> StepNumbers:
    """The numbers of a step that was explained, or only observed; raises ModelError for a step of another kind."""
    step: Any = found if isinstance(found, (Observed, Taped, CodesStep)) else getattr(found, "step", None)
    samples = samples or getattr(found, "samples", ())
    if not isinstance(step, (Observed, Taped, CodesStep)):
        raise ModelError(f"the microscope does not know a {type(found).__name__} yet: explain it instead")
    samples = samples or [Sample(i, "", "", "") for i in range(step.m)]
    if isinstance(step, CodesStep):
        return codes_numbers(step, samples)
    return feedforward_numbers(step, samples) if isinstance(step, Observed) else network_numbers(step, samples)


def made_of(found: Known | StepNumbers, name: str, at: Sequence[int] = (), most: int = SHOWN) -> Made:
    """What one number of a step was made of: the terms of its sum, largest first.

    Arguments:
        found: a step that was explained. name: of one of its arrays, see above. at: the number's indices, all from 0.
        most: how many terms to name; the others are added up.

    Raises ModelError for a number that there is not.

    >>> import numpy as np
    >>> from byhand import FeedForward
    >>> from byhand.see.explain import explain
    >>> found = explain(FeedForward((4, 5, 3), seed=1), np.ones((1, 4)), np.eye(3)[:1])
    >>> made = made_of(found, "z3", (0, 2))
    >>> len(made.terms), abs(made.total - made.value) < 1e-12
    (6, True)
    >>> sorted({factor.ref.name for term in made.terms for factor in term.factors})
    ['a2', 'b3', 'w3']
    """
    numbers = found if isinstance(found, StepNumbers) else _kept(_Same(found))
    return numbers.made_of(name, at, most)


class _Same:
    """Compares an explanation by identity, so that the last few need not be taken apart anew at each question."""

    def __init__(self, found: Any) -> None:
        self.found = found

    def __hash__(self) -> int:
        return id(self.found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.found is self.found


@lru_cache(1)
def _kept(found: _Same) -> StepNumbers:
    return numbers_of(found.found)
