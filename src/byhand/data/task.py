"""What is being learned: one of several classes, a yes or no, several labels at once, or a number.

It is decided once, from the target's values, and told.
"""

from __future__ import annotations

from collections.abc import Sequence

from byhand import limits
from byhand.errors import DataError

TASKS = ("classes", "yes_no", "labels", "numbers")
# What people call no and yes; the second of each pair is the yes.
PAIRS = (
    ("no", "yes"),
    ("false", "true"),
    ("0", "1"),
    ("n", "y"),
    ("f", "t"),
    ("-1", "1"),
    ("-", "+"),
    ("nein", "ja"),
    ("off", "on"),
)


def is_yes_no(class_names: Sequence[str]) -> bool:
    """Whether two classes answer a question, such as no and yes.

    >>> is_yes_no(("No", "Yes")), is_yes_no(("rose", "tulip"))
    (True, False)
    """
    return tuple(sorted(name.strip().lower().removesuffix(".0") for name in class_names)) in [
        tuple(sorted(pair)) for pair in PAIRS
    ]


def check_task(asked: str) -> str:
    """A task that was asked for, "" for none; raises DataError for one that there is not."""
    return asked if asked == "" else limits.one_of("task", asked, TASKS, DataError)
