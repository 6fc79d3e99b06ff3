"""Tables of things by name, as model files and recipes call them: a stranger may add to them, but nothing of byhand's changes."""

from __future__ import annotations

from typing import Any, TypeVar

from byhand.errors import ModelError

Thing = TypeVar("Thing")


class Registry(dict[str, Thing]):
    """A dict whose first entries stay: a file that says "relu" must mean the same thing wherever it is read.

    >>> table = Registry("activation", {"relu": max})
    >>> table["mine"] = min
    >>> table["relu"] = min
    Traceback (most recent call last):
    byhand.errors.ModelError: the activation 'relu' is byhand's own: give yours another name
    """

    def __init__(self, what: str, entries: dict[str, Thing]) -> None:
        super().__init__(entries)
        self._what, self._own = what, frozenset(entries)

    def __setitem__(self, name: str, thing: Thing) -> None:
        if name in self._own and self[name] is not thing:
            raise ModelError(f"the {self._what} {name!r} is byhand's own: give yours another name")
        super().__setitem__(name, thing)

    def __delitem__(self, name: str) -> None:
        if name in self._own:
            raise ModelError(f"the {self._what} {name!r} is byhand's own, and stays")
        super().__delitem__(name)

    def update(self, *others: Any, **named: Thing) -> None:
        for name, thing in dict(*others, **named).items():
            self[name] = thing

    def __ior__(self, other: Any) -> Registry[Thing]:  # type: ignore[override, misc]  # one kind of entry only
        self.update(other)
        return self
