"""Words and numbers in an array of Python objects, taken out of its pickle without unpickling.

NumPy writes an array of dtype object, which pandas gives for every column of words, as a pickle. A pickle is a program:
unpickling carries it out, and it may do anything. Here its instructions are only read, one after the other, and looked at: those
that put a word or a number into a list are followed, the four names that NumPy's own arrays ask for are known, and at anything
else reading ends. Nothing is imported, called or executed.

Source: https://docs.python.org/3/library/pickletools.html
"""

from __future__ import annotations

import pickletools
import re
from typing import Any, NamedTuple

import numpy as np

Plain = str | int | float
LARGEST = 1 << 30  # bytes of the array of words, in which each takes as much as the longest

CONSTANTS = {
    *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "SHORT_BINSTRING"),
    *("BINSTRING", "BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT"),
}
FIXED: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
SCALARS = re.compile(r"[<>|=]?([biuf][1248]|U\d{1,6})")  # the types of NumPy's own numbers and words


class _Name(NamedTuple):
    """What the pickle would import."""

    full: str


class _Type(NamedTuple):
    """A dtype."""

    code: str


class _Made:
    """The array, or a part of it that says nothing."""

    items: list[Any] | None = None


def plain_objects(content: bytes, count: int) -> list[Plain]:
    """The `count` words or numbers of an array's pickle; raises ValueError where it holds or asks for anything else."""
    made = _followed(content)
    items = made.items if isinstance(made, _Made) else None
    if items is None or len(items) != count:
        raise ValueError("it is not an array of words or numbers")
    for item in items:
        if not isinstance(item, Plain):
            raise ValueError(f"it holds {'nothing in places' if item is None else 'other things than words and numbers'}")
    if len({isinstance(item, str) for item in items}) > 1:
        raise ValueError("it holds words and numbers")
    if 4 * count * max((len(item) for item in items if isinstance(item, str)), default=0) > LARGEST:
        raise ValueError("one of its words is too long")
    if any(abs(item) > 2**53 for item in items if isinstance(item, int)):
        raise ValueError("one of its numbers is too large")
    return items


def _followed(content: bytes) -> Any:
    """What the pickle would make, followed for as long as it makes words and numbers."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[Any, Any] = {}
    for code, value, _ in pickletools.genops(content):
        name = code.name
        if name in CONSTANTS:
            stack.append(value)
        elif name in FIXED:
            stack.append(FIXED[name])
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "TUPLE":
            _replace(stack, marks.pop(), tuple)
        elif name in TUPLES:
            _replace(stack, len(stack) - TUPLES[name], tuple)
        elif name in ("MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT"):
            memo[len(memo) if value is None else value] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[value])
        elif name == "APPEND":
            one = stack.pop()
            stack[-1].append(one)
        elif name == "APPENDS":
            begin = marks.pop()
            some = stack[begin:]
            del stack[begin:]
            stack[-1].extend(some)
        elif name == "GLOBAL":
            stack.append(_Name(str(value).replace(" ", ".")))
        elif name == "STACK_GLOBAL":
            module, what = stack.pop(-2), stack.pop()
            stack.append(_Name(f"{module}.{what}"))
        elif name == "REDUCE":
            wanted, given = stack.pop(-2), stack.pop()
            stack.append(_made(wanted, given))
        elif name == "BUILD":
            state = stack.pop()
            if isinstance(stack[-1], _Made) and isinstance(state[-1], list):
                stack[-1].items = state[-1]
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "FRAME"):
            raise ValueError(f"it has the instruction {name}")
    raise ValueError("it does not end")


def _replace(stack: list[Any], begin: int, make: Any) -> None:
    stack[begin:] = [make(stack[begin:])]


def _made(wanted: Any, given: Any) -> Any:
    """What one of the four names makes of its arguments; raises ValueError for any other."""
    full = wanted.full if isinstance(wanted, _Name) else ""
    if full in ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"):
        return _Made()
    if full == "numpy.dtype":
        return _Type(str(given[0]))
    if full in ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"):
        code, content = given
        if isinstance(code, _Type) and isinstance(content, bytes) and SCALARS.fullmatch(code.code):
            return np.frombuffer(content, code.code, 1)[0].item()
    if full == "_codecs.encode" and given[1] == "latin1":  # how the older protocols write bytes
        return str(given[0]).encode("latin1")
    raise ValueError(f"it asks for {full or 'something'}")
