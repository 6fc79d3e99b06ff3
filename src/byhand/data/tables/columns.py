"""What each column of a table is for: the one to learn, those to learn it from, and those that are left out, with the reason.

The target is the column that was asked for; else one with a name that people give to targets; else, by what stands in it, the
last column or the first. Whatever is decided is told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand import limits
from byhand.data.tables.labels import holds_labels
from byhand.data.tables.table import Column, Table
from byhand.errors import DataError

# Names of targets: of no meaning but this, and of well-known tables.
TARGETS = (
    ("label", "labels", "target", "targets", "class", "classes", "y", "output", "outcome", "response", "classification"),
    ("species", "diagnosis", "survived", "variety", "churn", "exited", "attrition", "fraud", "spam", "sentiment"),
)
# Numbers that are mostly predicted. Where the last column holds words, they are rather something to predict that from.
AMOUNTS = ("price", "saleprice", "medv", "medianhousevalue", "mpg", "charges", "quality", "rings", "strength", "progression")
# Words in a longer name that say the same, as in target_class, is_fraud or isSpam.
WORDS = ("label", "target", "is", "has")
IDENTIFIERS = (
    "id",
    "ids",
    "index",
    "idx",
    "uid",
    "uuid",
    "guid",
    "key",
    "rownames",
    "rowid",
    "rownumber",
    "unnamed0",
    "nr",
    "no",
)
# Counting up, these say something nevertheless.
TIMES = ("year", "month", "day", "week", "hour", "minute", "time", "t", "x", "step", "date", "age", "position", "epoch")
FEATURES = (
    "sex",
    "gender",
    "city",
    "country",
    "region",
    "state",
    "name",
    "colour",
    "color",
    "make",
    "brand",
    "origin",
    "location",
)
MOST_CLASSES = 20  # of whole numbers: with more they are rather measurements, unless they count up evenly
MOST_WORDS = 1_000  # categories of a column of words
TEXT = 0.5  # of the rows: with more different words than that a column is names or sentences, and no categories
FEW = 20  # rows: in a table of fewer, every word may be different by chance
PIXELS = 100  # columns: so many bytes, a square of them, are rather an image


@dataclass(frozen=True)
class Roles:
    """The target by name, why it is that, the inputs by name, and the others with why they are left out."""

    target: str
    because: str
    inputs: tuple[str, ...]
    left_out: dict[str, str]


def roles(table: Table, target: str = "", drop: Sequence[str] = (), use: Sequence[str] = ()) -> Roles:
    """What each column is for. target: a name, "first" or "last"; drop: columns to leave out; use: the only ones to learn from.

    Raises DataError for a name that no column has, for dates, and where nothing remains to learn from.
    """
    for option, names in (("drop", drop), ("use", use), ("target", [target] if target not in ("", "first", "last") else [])):
        for name in names:
            _check_known(table, option, name)
    left_out: dict[str, str] = dict.fromkeys(drop, "")
    asked = _asked(table, target, use)
    columns = [column for column in table.columns if column.name not in left_out]
    for i, column in enumerate(columns):
        why = _useless(table, column, i)
        meant = (why.startswith("is always") or holds_labels(column)) and _looks_like_target(table, column)
        if why and column.name != asked and column.name not in use and not meant:
            left_out[column.name] = why
    if asked in drop:
        raise DataError(f"{table.name}: {asked!r} must not be both the target and dropped: leave out one of the two")
    candidates = [column for column in columns if column.name not in left_out]
    if len(candidates) < 2:  # what counts the rows may be all that there is to learn from
        left_out = {name: why for name, why in left_out.items() if "counts" not in why}
        candidates = [column for column in table.columns if column.name not in left_out]
    if not candidates:
        name, why = next(((name, why) for name, why in left_out.items() if why), ("", ""))
        told = f", for example {name!r} {why}" if why else ""
        raise DataError(f"{table.name} has no column to learn from{told}: keep one with --use, or drop fewer")
    chosen, because = (asked, _place(table, asked)) if asked else _chosen(table, candidates)
    inputs = [column.name for column in candidates if column.name != chosen and (not use or column.name in use)]
    if use:
        left_out |= {column.name: "" for column in candidates if column.name not in (*use, chosen)}
    for name in inputs:
        _check_no_dates(table, table[name])
    if table[chosen].dates:
        _check_no_dates(table, table[chosen])
    if not inputs:
        gone = "; ".join(f"{name!r} {why}" for name, why in left_out.items() if why)
        raise DataError(f"{table.name}: no column is left to learn {chosen!r} from{f' ({gone})' if gone else ''}")
    return Roles(chosen, because, tuple(inputs), left_out)


def _check_known(table: Table, option: str, name: str) -> None:
    if name not in table.names:
        shown = ", ".join(map(repr, table.names[:12])) + (f" and {len(table.names) - 12} more" if len(table.names) > 12 else "")
        raise DataError(
            f"{table.name} has no column {limits.told(name)} for {option}: {limits.nearest(name, table.names[:12])} ({shown})"
        )


def _asked(table: Table, target: str, use: Sequence[str]) -> str:
    """The name of the target that was asked for; "" for none."""
    found = {"first": table.names[0], "last": table.names[-1]}.get(target, target)
    if found and found in use:
        raise DataError(f"{table.name}: {found!r} must not be both the target and an input: leave it out of use")
    return found


def _place(table: Table, name: str) -> str:
    i = table.names.index(name)
    return "the first column" if i == 0 else "the last column" if i == len(table.names) - 1 else f"column {i + 1}"


def _plain(name: str) -> str:
    """A name without case, blanks and marks.

    >>> _plain("Unnamed: 0"), _plain("Sale_Price")
    ('unnamed0', 'saleprice')
    """
    return re.sub(r"[\W_]", "", name.lower())


def _parts(name: str) -> list[str]:
    """The words in a name.

    >>> _parts("PassengerId"), _parts("customerID"), _parts("is_fraud")
    (['passenger', 'id'], ['customer', 'id'], ['is', 'fraud'])
    """
    return [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W_A-Z]+", name)]


# ---------------------------------------------------------------- what says nothing


def _useless(table: Table, column: Column, i: int) -> str:
    """Why a column says nothing about others; "" where it may."""
    known = column.known
    if not len(known):
        return "is empty"
    if len(known) == len(column.values) > 1 and (known == known[0]).all():
        return "is always " + repr(column.texts()[0]) if not _is_pixel_table(table) else ""
    words = _parts(column.name)
    identifier = _plain(column.name) in IDENTIFIERS or (bool(words) and "id" in (words[0], words[-1]))
    unnamed = not table.named or column.name in ("column 1", "row names")
    if column.is_number:
        whole = len(known) == len(column.values) and len(known) > 2 and not (known[:100] % 1).any() and not (known % 1).any()
        if whole and (np.diff(known) == 1).all() and _plain(column.name) not in TIMES and (i == 0 or identifier or not unnamed):
            return "counts the rows"
        if whole and identifier and len(np.unique(known)) > TEXT * len(known):
            return "is an identifier"
        return ""
    different = len(np.unique(known))
    if identifier and different > TEXT * len(known):
        return "is an identifier"
    if column.name in ("column 1", "row names") and table.named and different == len(known):
        return "names the rows"
    if column.dates or (holds_labels(column) and column is table.columns[-1]):
        return ""
    if different > TEXT * len(known) and len(known) > FEW:
        return f"is {different:,} different texts"
    return f"has {different:,} different words, more than {MOST_WORDS:,}" if different > MOST_WORDS else ""


def _check_no_dates(table: Table, column: Column) -> None:
    if column.dates:
        shown = column.words[0]
        raise DataError(
            f"{table.name}: {column.name!r} holds dates, such as {shown!r}, which are neither numbers nor classes: leave it out "
            f"with --drop {_quoted(column.name)}, or give what matters of it (the year, the weekday) as a column of its own"
        )


def _quoted(name: str) -> str:
    """A name as it is typed into a shell."""
    return name if re.fullmatch(r"[\w.-]+", name) else "'" + name.replace("'", "'\\''") + "'"


# ---------------------------------------------------------------- the target


def _chosen(table: Table, candidates: Sequence[Column]) -> tuple[str, str]:
    """The name of the column that is learned, and why it is that one."""
    first, last = candidates[0], candidates[-1]
    if table.named:
        marked = [column.name for column in candidates if set(WORDS) & set(_parts(column.name)) and is_class(column)]
        named = [*(_called(candidates, group) for group in TARGETS), marked[0] if len(marked) == 1 else ""]
        if last.is_number:
            named.append(_called(candidates, AMOUNTS))
        for name in filter(None, named):
            return name, f"by its name, {_place(table, name)}"
    if _is_pixel_table(table):
        best = max((first, last), key=_evenness)
        return best.name, f"{_place(table, best.name)}, beside pixels"
    if last.is_number and not first.is_number and _plain(first.name) not in FEATURES:
        others = [column for column in candidates[1:] if not column.is_number]
        if not others and is_class(first) and (not table.named or not is_class(last)):
            return first.name, f"{_place(table, first.name)}, the only one of words"
    words = [column for column in candidates if not column.is_number]
    if last.is_number and is_class(first) and not is_class(last) and not table.named and not words:
        values = np.unique(first.known)
        if values[0] in (0, 1) and (np.diff(values) == 1).all():
            return first.name, f"{_place(table, first.name)}, whose numbers are classes"
    return last.name, _place(table, last.name)


def _looks_like_target(table: Table, column: Column) -> bool:
    """Whether a column that is always the same was meant to be the target: better refused than left out."""
    return _plain(column.name) in TARGETS[0] or (column is table.columns[-1] and not column.is_number)


def _called(columns: Sequence[Column], names: Sequence[str]) -> str:
    """The column that has one of these names, the first of them that any has; "" where none does."""
    return next((column.name for name in names for column in reversed(columns) if _plain(column.name) == name), "")


def is_class(column: Column) -> bool:
    """Whether the values of a column are classes: words, or whole numbers of which there are few."""
    known = column.known
    if not len(known):
        return False
    if not column.is_number:
        different = len(np.unique(known))
        return different <= max(2, TEXT * len(known))
    values, counts = np.unique(known, return_counts=True)
    if len(values) <= 2:
        return True
    if (values % 1).any():
        return False
    if len(values) <= MOST_CLASSES:
        return len(known) >= 2 * len(values)
    # Letters as numbers: they count up from 0 or 1, and none is rare.
    counting = values[0] in (0, 1) and bool((np.diff(values) == 1).all())
    return counting and len(values) <= 100 and counts.min() >= 2 and counts.max() <= 10 * counts.min()


def _evenness(column: Column) -> float:
    """The share of the rarest class in a column of classes; below 0 where its values are none."""
    if not is_class(column):
        return -1.0
    counts: Any = np.unique(column.known, return_counts=True)[1]
    return float(counts.min() / counts.sum()) if len(counts) > 1 else -0.5


def _is_pixel_table(table: Table) -> bool:
    return is_pixels(table, table.names[1:]) or is_pixels(table, table.names[:-1])


def is_pixels(table: Table, names: Sequence[str]) -> bool:
    """Whether these columns are the pixels of square images, as bytes."""
    n = len(names)
    if n < PIXELS or not any(round((n / channels) ** 0.5) ** 2 * channels == n for channels in (1, 3)):
        return False
    high = 0.0
    for name in names:
        values = table[name].values
        if values.dtype.kind != "f" or not len(values):
            return False
        least, most = float(values.min()), float(values.max())
        if not (least >= 0 and most <= 255) or (values % 1).any():
            return False
        high = max(high, most)
    return high > 128
