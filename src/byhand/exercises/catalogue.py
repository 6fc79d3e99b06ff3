"""All exercises there are: whatever stands in `tasks`, so that a new one touches one file."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from functools import cache

from byhand.errors import ByhandError
from byhand.exercises import tasks
from byhand.exercises.exercise import CHAPTERS, Exercise


@cache
def exercises() -> dict[str, Exercise]:
    """Every exercise by its name, in the order in which a learner meets them."""
    found = [
        importlib.import_module(f"{tasks.__name__}.{module.name}").EXERCISE for module in pkgutil.iter_modules(tasks.__path__)
    ]
    found.sort(key=lambda one: (CHAPTERS.index(one.chapter), one.place))
    return {one.name: one for one in found}


def by_name(name: str) -> Exercise:
    """The exercise of this name.

    >>> by_name("bp9")
    Traceback (most recent call last):
    byhand.errors.ByhandError: there is no exercise 'bp9': did you mean 'bp4'? `byhand exercise` lists all
    """
    known = exercises()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        raise ByhandError(
            f"there is no exercise {name!r}: {f'did you mean {near[0]!r}? ' if near else ''}`byhand exercise` lists all"
        )
    return known[name]
