"""Classes go by their names: in which order they stand, and which class of a model is which class of the data."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.data.dataset import Dataset
from byhand.errors import DataError

SHOWN = 12  # names of a side, in a message


def ordered(names: Iterable[str]) -> list[str]:
    """The names of classes, each once, in their order: that of numbers where all are numbers, else that of letters.

    >>> ordered(["10", "2", "0", "2"])
    ['0', '2', '10']
    """
    unique = sorted(set(names))
    numbers = [number for number in map(_number, unique) if number is not None]
    if len(numbers) < len(unique):
        return unique
    return [name for _, name in sorted(zip(numbers, unique, strict=True))]


def labelled(names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The classes of samples from each one's name: the classes in their order, and each sample's place among them.

    Numbers that are written in two ways, 1 and 1.0, are one class.

    >>> labelled(["2", "10", "2.0"])
    (('2', '10'), array([0, 1, 0]))
    """
    unique = ordered(names)
    numbers = [_number(name) for name in unique]
    if len(unique) > 1 and all(number is not None for number in numbers):
        shortest = {
            number: min((name for name, n in zip(unique, numbers, strict=True) if n == number), key=len) for number in numbers
        }
        meant = {name: shortest[number] for name, number in zip(unique, numbers, strict=True)}
        unique = list(dict.fromkeys(meant[name] for name in unique))
    else:
        meant = {name: name for name in unique}
    places = {name: place for place, name in enumerate(unique)}
    return tuple(unique), np.array([places[meant[name]] for name in names], np.int64)


def in_classes_of(data: Dataset, class_names: Sequence[str], whose: str = "the model") -> Dataset:
    """The data with labels that count as in `class_names`, matched by name; they may lack classes of the model.

    Case, blanks around a name and the way to write a number do not matter where no two classes differ in them alone. A model
    without names knows no meaning to go by, and gets the data as they are.

    Raises DataError for a class of the data that the model does not know, with the names of both sides.
    """
    if not class_names or tuple(class_names) == data.class_names:
        return data
    present: Any = np.unique(data.labels)
    used = [data.class_names[k] for k in present]
    places = _places(used, class_names)
    if data.labels.ndim != 1 or None in places:
        strange = used[places.index(None)] if None in places else "another alphabet"
        raise DataError(
            f"{data.name} has the class {strange!r}, which {whose} does not know: {whose} tells {_list(class_names)}, "
            f"and the data have {_list(data.class_names)}; classes are matched by name, so rename those of the data"
        )
    table = np.zeros(data.n_classes, np.int64)
    table[present] = [place for place in places if place is not None]
    return replace(data, labels=table[data.labels], class_names=tuple(class_names))


def _places(names: Sequence[str], known: Sequence[str]) -> list[int | None]:
    """Where each name stands among the known ones; None for one that does not."""
    for key in (_exact, _alike):
        keys, wanted = [key(name) for name in known], [key(name) for name in names]
        if len(set(keys)) == len(known) and len(set(wanted)) == len(names) and set(wanted) <= set(keys):
            return [keys.index(one) for one in wanted]
    exact = [_exact(name) for name in known]
    return [exact.index(_exact(name)) if _exact(name) in exact else None for name in names]


def _exact(name: str) -> Any:
    return unicodedata.normalize("NFC", name)  # macOS writes an umlaut of a folder's name as two characters


def _alike(name: str) -> Any:
    number = _number(name)
    return number if number is not None else _exact(name).strip().casefold()


def _number(name: str) -> Decimal | None:
    """The number that a name is, exactly: as a float, two long ones such as 9007199254740992 and ...993 would be the same."""
    try:
        number = Decimal(name.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and math.isfinite(float(number)) and "_" not in name else None


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more
