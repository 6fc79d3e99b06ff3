"""What a setting may be: its type and its range, checked in one place and told in one form, "X must be Z, got Y".

Each function returns the setting as Python's own int, float, str, bool, tuple or dict: what was checked is what is kept.
"""

from __future__ import annotations

import difflib
import inspect
import math
import reprlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Integral, Real
from typing import Any

from byhand.errors import ByhandError, ModelError

LARGEST = 2**63 - 1  # of whole numbers: what a file's 64 bits hold
LONGEST = 60  # characters of a wrong setting that a message repeats
DEEPEST = 8  # settings within settings

LARGEST_ARRAY = 500_000_000  # numbers in one parameter: 2 GB in float32
_largest: ContextVar[int] = ContextVar("largest", default=LARGEST_ARRAY)

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = LONGEST


def told(given: Any) -> str:
    """A wrong setting as a message shows it: one short line, whatever it is."""
    if isinstance(given, type):
        return given.__name__
    if callable(given) and hasattr(given, "__code__"):
        return f"function {given.__name__}"
    if hasattr(given, "shape") and hasattr(given, "dtype") and given.shape:  # an array's numbers say less than its shape
        return f"{type(given).__name__} of shape {tuple(given.shape)}"
    try:
        text = str(given) if isinstance(given, Real) else _repr.repr(given)
    except Exception:
        text = f"{type(given).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= LONGEST + 10 else f"{text[:LONGEST]}..."


def nearest(name: Any, known: Iterable[str]) -> str:
    """What to type instead of an unknown name: the nearest known one, or the choice among all of them.

    >>> nearest("adm", ["sgd", "adam"])
    "did you mean 'adam'?"
    """
    names = list(known)
    near = difflib.get_close_matches(str(name), names, 1)
    return f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(names)}" if names else "there is none to choose"


def whole(name: str, given: Any, least: int = 1, most: int = LARGEST, error: type[ByhandError] = ModelError) -> int:
    """A whole number from `least` to `most`; raises the error for anything else, True and 2.0 among them.

    >>> whole("epochs", 0)
    Traceback (most recent call last):
    byhand.errors.ModelError: epochs must be 1 or more, got 0
    """
    right = isinstance(given, Integral) and not isinstance(given, bool)
    if right and least <= int(given) <= most:
        return int(given)
    span = f"{least:,} or more" if most == LARGEST and not (right and given > most) else f"from {least:,} to {most:,}"
    kind = "" if right else "a whole number " if span.startswith("from") else "a whole number, "
    raise error(f"{name} must be {kind}{span}, got {told(given)}")


def number(
    name: str,
    given: Any,
    least: float = -math.inf,
    most: float = math.inf,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    error: type[ByhandError] = ModelError,
) -> float:
    """A finite number between limits, which `least` and `most` include, `above` and `below` exclude.

    >>> number("dropout", 1.5, least=0, below=1)
    Traceback (most recent call last):
    byhand.errors.ModelError: dropout must be 0 or more and below 1, got 1.5
    """
    right = isinstance(given, Real) and not isinstance(given, bool)
    try:
        value = float(given) if right else math.nan
    except OverflowError:
        value = math.inf
    if math.isfinite(value) and least <= value <= most and above < value < below:
        return value
    spans = [f"{least:g} or more"] if least > -math.inf and most == math.inf else []
    if most < math.inf:
        spans += [f"from {least:g} to {most:,g}" if least > -math.inf else f"{most:,g} or less"]
    spans += [f"above {above:g}"] if above > -math.inf else []
    spans += [f"below {below:g}"] if below < math.inf else []
    kind = "" if right and math.isfinite(value) and spans else "a finite number" if right else "a number"
    span = " and ".join(spans)
    comma = ": write the decimal point as a dot" if isinstance(given, str) and "," in given else ""
    joint = "" if not kind or not span else " " if span[0].isalpha() else ", "
    raise error(f"{name} must be {kind}{joint}{span}, got {told(given)}{comma}")


def truth(name: str, given: Any, error: type[ByhandError] = ModelError) -> bool:
    """True or False, and neither 1 nor "yes"."""
    if isinstance(given, bool) or type(given).__name__ in ("bool", "bool_"):  # NumPy's is called so
        return bool(given)
    raise error(f"{name} must be true or false, got {told(given)}")


def text(name: str, given: Any, *, empty: bool = True, error: type[ByhandError] = ModelError) -> str:
    """Text that a UTF-8 file can hold."""
    if not isinstance(given, str):
        raise error(f"{name} must be text, got {told(given)}")
    if not given and not empty:
        raise error(f"{name} must be text, got none: it is empty")
    if "\0" in given or any("\ud800" <= character <= "\udfff" for character in given):
        raise error(f"{name} must be text in UTF-8 without null characters, got {told(given)}")
    return str(given)


def one_of(name: str, given: Any, known: Iterable[str], error: type[ByhandError] = ModelError) -> str:
    """One of the known names; an unknown one is told with the nearest.

    >>> one_of("optimizer", "adm", ["sgd", "adam"])
    Traceback (most recent call last):
    byhand.errors.ModelError: optimizer 'adm' is unknown: did you mean 'adam'? The choice: sgd, adam
    """
    names = list(known)
    if isinstance(given, str) and given in names:
        return str(given)
    if not isinstance(given, str):
        raise error(f"{name} must be one of {', '.join(names)}, got {told(given)}")
    hint, choice = nearest(given, names), ", ".join(names)
    raise error(f"{name} {told(given)} is unknown: {hint}{'' if choice in hint else f' The choice: {choice}'}")


def whole_numbers(
    name: str,
    given: Any,
    least: int = 1,
    fewest: int = 0,
    most: int = 1_000,
    largest: int = LARGEST,
    error: type[ByhandError] = ModelError,
) -> tuple[int, ...]:
    """A list of `fewest` to `most` whole numbers, each from `least` to `largest`.

    >>> whole_numbers("hidden", 30)
    Traceback (most recent call last):
    byhand.errors.ModelError: hidden must be a list of whole numbers, got 30: for a single one [30]
    """
    if getattr(given, "ndim", 0) == 1:  # an array of sizes
        given = given.tolist()
    if not isinstance(given, list | tuple | range):
        single = type(given) is int and least <= given <= 1_000_000
        hint = f": for a single one [{given}]" if single else ""
        raise error(f"{name} must be a list of whole numbers, got {told(given)}{hint}")
    if not fewest <= len(given) <= most:
        span = f"{fewest:,} or more" if len(given) < fewest else f"{most:,} at most"
        raise error(f"{name} must be a list of whole numbers, {span} of them, got {told(list(given))}")
    return tuple(whole(f"{name}: each", one, least, largest, error) for one in given)


def settings(name: str, given: Any, error: type[ByhandError] = ModelError) -> dict[str, Any]:
    """Further settings by name, as JSON and TOML can hold them; a copy."""
    if not isinstance(given, dict):
        raise error(f'{name} must be settings by name, {{"NAME": VALUE}}, got {told(given)}')
    return {
        text(f"a name in {name}", key, error=error): _plain(f"{name}: {told(key)}", one, 1, error) for key, one in given.items()
    }


def _plain(name: str, given: Any, depth: int, error: type[ByhandError]) -> Any:
    if isinstance(given, bool):
        return given
    if isinstance(given, Integral):
        return whole(name, given, -LARGEST, LARGEST, error)
    if isinstance(given, Real):
        return number(name, given, error=error)
    if isinstance(given, str):
        return text(name, given, error=error)
    if isinstance(given, list | tuple | dict) and depth < DEEPEST:
        if isinstance(given, dict):
            return {text(name, key, error=error): _plain(name, one, depth + 1, error) for key, one in given.items()}
        return [_plain(name, one, depth + 1, error) for one in given]
    hint = ": leave it out for its default" if given is None else ""
    raise error(f"{name} must be a number, text, true, false, or a list or settings of such, got {told(given)}{hint}")


def parameters(call: Callable[..., Any], *taken: str) -> list[str]:
    """The names of the settings that a function or class takes, without those already `taken`."""
    named = inspect.signature(call).parameters.values()
    return [one.name for one in named if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) and one.name not in taken]


def known_settings(name: str, given: dict[str, Any], known: Iterable[str], error: type[ByhandError] = ModelError) -> None:
    """Raises the error for a setting that is not among the known ones, with the nearest.

    >>> known_settings("sgd", {"momentun": 0.9}, ["momentum", "nesterov"])
    Traceback (most recent call last):
    byhand.errors.ModelError: sgd has no setting 'momentun': did you mean 'momentum'?
    """
    names = list(known)
    for one in given:
        if one not in names:
            raise error(f"{name} has no setting {told(one)}: {nearest(one, names)}")


@contextmanager
def at_most(numbers: int) -> Iterator[None]:
    """Layers made inside may not have a parameter of more numbers: a model file must not ask for memory that it does not fill."""
    token = _largest.set(min(numbers, _largest.get()))
    try:
        yield
    finally:
        _largest.reset(token)


def largest_array() -> int:
    """How many numbers one parameter may have here."""
    return _largest.get()
