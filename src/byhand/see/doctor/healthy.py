"""A test that asserts health: `byhand.assert_healthy`, for a training, a loop, or a network and one batch."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

from byhand import limits
from byhand.errors import ByhandError
from byhand.see.doctor.examine import examine
from byhand.see.doctor.faults import FAULTS
from byhand.see.doctor.finding import Report
from byhand.see.doctor.loop.bare_module import examine_module
from byhand.see.doctor.loop.torch_checkup import TorchCheckup
from byhand.see.doctor.loop.torch_loop import Enough
from byhand.see.doctor.patient import Patient, patient_of

STEPS = 300  # of a loop's optimiser, after which it has been heard enough


def assert_healthy(
    what: Any,
    x: Any = None,
    y: Any = None,
    *,
    loss: Callable[[Any, Any], Any] | None = None,
    allow: Sequence[str] = (),
    trial: bool = False,
    seed: int | None = None,
    steps: int = STEPS,
) -> Report:
    """Raise AssertionError, with the doctor's report, where something is wrong with a training.

        def test_it_can_learn():
            byhand.assert_healthy(Net(), x, y, loss=torch.nn.functional.cross_entropy)   # a PyTorch module and one batch

        def test_the_loop():
            byhand.assert_healthy(train)       # a function that trains a PyTorch network, listened to for some hundred steps

        def test_the_training():
            byhand.assert_healthy(make)        # a function that returns a byhand.Patient, or what byhand.steps returns

    Arguments:
        what: a PyTorch module, with x, y and `loss`; a function, which is called, with the seed where it takes one; a
            `byhand.Patient`; or what `byhand.checkup` returned, after its loop.
        x, y: one batch of a module's; several inputs as a tuple. loss: of (net(x), y), one number.
        allow: names of faults that are meant, as in `byhand.Report.findings`; they do not fail.
        trial: put byhand's own training on trial too, with other settings; that takes some ten seconds.
        seed: given to the function. steps: after so many steps of its optimiser a PyTorch function is ended, from 1.

    Returns the report, with what was allowed.

    Raises AssertionError for findings that are not allowed, and ByhandError for what cannot be examined.
    """
    for name in [allow] if isinstance(allow, str) else allow:
        if name not in FAULTS:
            raise ByhandError(f"allow: there is no fault {name!r}: {limits.nearest(name, FAULTS)}")
    steps = limits.whole("steps", steps, error=ByhandError)
    report = _report(what, x, y, loss, trial, seed, steps)
    allowed = {allow} if isinstance(allow, str) else set(allow)
    wrong = [finding for finding in report.findings if finding.fault not in allowed]
    if wrong:
        told = Report(wrong, report.checks, report.seconds, report.name)
        names = ", ".join(f'"{finding.fault}"' for finding in wrong)
        raise AssertionError(f"{told}\nwhat is meant can be allowed: allow=({names},)")
    return report


def _report(what: Any, x: Any, y: Any, loss: Any, trial: bool, seed: int | None, steps: int) -> Report:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(what, torch.nn.Module):
        if x is None or loss is None:
            raise ByhandError("a PyTorch module needs a batch and its loss: assert_healthy(net, x, y, loss=...)")
        return examine_module(what, x, y, loss)
    if x is not None or y is not None or loss is not None:
        raise ByhandError(f"x, y and loss go with a PyTorch module, got {type(what).__name__}: leave them out")
    if isinstance(what, Patient):
        return examine(what, trial=trial)
    if hasattr(what, "report"):
        return _of_loop(what)
    if not callable(what):
        raise ByhandError(
            f"assert_healthy needs a function, a byhand.Patient, a PyTorch module or a checkup, got {type(what).__name__}"
        )
    return _of_function(what, trial, seed, steps)


def _of_function(make: Callable[..., Any], trial: bool, seed: int | None, steps: int) -> Report:
    """A function that trains, or returns a training before its first step."""
    given = {"seed": seed} if seed is not None and "seed" in inspect.signature(make).parameters else {}
    name = getattr(make, "__name__", type(make).__name__)
    loop = TorchCheckup(None, steps) if "torch" in sys.modules else None
    made = None
    try:
        if loop is None:
            made = make(**given)
        else:
            with loop:
                made = make(**given)
    except Enough:
        pass
    if loop is not None and loop.optimizers:
        loop.name = name
        return loop.report()
    if hasattr(made, "report"):
        return _of_loop(made)
    return examine(patient_of(made, name), trial=trial)


def _of_loop(loop: Any) -> Report:
    found = loop.report()
    if not isinstance(found, Report):
        raise ByhandError(f"report() must be that of a byhand.checkup, got {type(found).__name__}")
    return found
