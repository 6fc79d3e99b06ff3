"""`byhand.checkup`: one added line, and a loop is listened to, whoever wrote it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from byhand.errors import ByhandError
from byhand.see.doctor.loop.numpy_loop import NumpyLoop
from byhand.see.doctor.loop.torch_checkup import TorchCheckup


def checkup(what: Any, answers: Callable[[Any], Any] | None = None) -> Any:
    """Listen to a training loop and say what is wrong with it.

    For PyTorch, one line around the loop; nothing else of the script changes:

        with byhand.checkup(net) as see:
            ...                                   # the loop as it is
            see.accuracy(accuracy, x_test, y_test)   # optional
        print(see.report())

    For plain NumPy, one call per step:

        see = byhand.checkup({"w1": w1, "b1": b1}, answers=lambda x: forward(x)[-1])
        see(cost, x, y, gradients={"w1": dw1, "b1": db1}, learning_rate=0.5)
        print(see.report())

    Arguments:
        what: a PyTorch module; or the parameters of a NumPy loop by name, or a function that returns them.
        answers: for a NumPy loop, what the network answers to inputs x (m, ...): (m, K).

    Returns what listens. Its `report()` is a `Report`: findings with evidence, and what was not looked at.

    Raises ByhandError for anything else.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(what, torch.nn.Module):
        return TorchCheckup(what)
    if isinstance(what, dict) or (callable(what) and answers is not None):
        if answers is None:
            raise ByhandError("checkup of a NumPy loop also needs answers=, a function from inputs to the network's outputs")
        return NumpyLoop(what, answers)
    raise ByhandError(
        f"checkup needs a PyTorch module, or a dict of NumPy arrays and answers=, got {type(what).__name__}; "
        "byhand's own trainings are examined by byhand doctor"
    )
