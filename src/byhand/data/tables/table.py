"""A table in memory: columns of numbers or of words, by name, however it came here.

From text the columns are read some thousand rows at a time. A column is one of numbers as long as all of its cells are; where a
word turns up later than that, the column is read once more, as words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.data.tables.cells import Notation, is_date, is_missing
from byhand.data.tables.text import Text, open_text
from byhand.errors import DataError
from byhand.safe_reading import reading

SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".data", ".parquet", ".pq")
LARGEST = float(np.finfo(np.float32).max)
LONGEST_WORD = 1_000  # characters: a longer cell is no class and no category
ODD = 0.1  # of a column's cells: with fewer that are no numbers, these are mistakes, and no words
SHOWN = 5  # names in a message
ADVICE = "save it as CSV in UTF-8"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        values: (N,) float64 with NaN where a number is missing; or int32 places in `words`, -1 where a word is missing.
        words: the different words of a column of words, in the order in which they come; () for numbers.
        dates: whether the words are dates. left_off: what was taken off its numbers to read them, such as "%".
    """

    name: str
    values: NDArray[Any]
    words: tuple[str, ...] = ()
    dates: bool = False
    left_off: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        return self.values.dtype.kind == "f"

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which values are missing, (N,)."""
        found: NDArray[np.bool_] = np.isnan(self.values) if self.is_number else self.values < 0
        return found

    @property
    def known(self) -> NDArray[Any]:
        """The values that are not missing."""
        return self.values[~self.missing]

    def take(self, rows: Any) -> Column:
        return replace(self, values=self.values[rows])

    def texts(self) -> list[str]:
        """The values as text: whole numbers without a point, "" for what is missing."""
        if not self.is_number:
            words = np.array([*self.words, ""])
            return words[self.values].tolist()
        return [
            "" if math.isnan(value) else str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
            for value in self.values.tolist()
        ]


@dataclass(frozen=True)
class Table:
    """Columns of equal length.

    Attributes:
        lines: (N,) where in its file each row stands. named: whether the columns have names of their own.
        told: what was found of how it is written, that is not the usual.
    """

    name: str
    columns: tuple[Column, ...]
    lines: NDArray[np.int64]
    named: bool = True
    told: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in reversed(self.columns)}  # the first of a name

    def __getitem__(self, name: str) -> Column:
        return self._by_name[name]

    def take(self, rows: Any) -> Table:
        return replace(self, columns=tuple(column.take(rows) for column in self.columns), lines=self.lines[rows])


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table, packed or not."""
    return path.with_suffix("").suffix.lower() in SUFFIXES if path.suffix.lower() == ".gz" else path.suffix.lower() in SUFFIXES


def read_table(path: Path) -> Table:
    """The table in a file; raises DataError, with the row and the column, for one that cannot be read."""
    if path.suffix.lower() in (".parquet", ".pq"):
        return _read_parquet(path)
    with reading(path, "cannot be read as a table", DataError, ADVICE):
        text = open_text(path)
        lines, found = _columns(path, text, None)
        late = [i for i, column in enumerate(found) if column is None]
        if late:
            found = [new or old for new, old in zip(_columns(path, text, late)[1], found, strict=True)]
    names = _unique(text.names) if text.names else [f"column {i + 1}" for i in range(len(found))]
    if len(names) == len(found) - 1:
        names = ["row names", *names]
    if len(names) > len(found) and not any(text.names[len(found) :]):
        names = names[: len(found)]
    if not len(lines) or len(found) < 2:
        what = "one column" if len(lines) else "no rows"
        raise DataError(f"{path} holds no table ({what}): expected rows of at least one number and what to learn from it")
    if len(names) != len(found):
        raise DataError(f"{path}, row {lines[0]} has {len(found)} columns, its header {len(names)}: every row needs the same")
    columns = tuple(replace(column, name=name) for name, column in zip(names, found, strict=True) if column is not None)
    told = [*text.told, *_left_off(columns)]
    return Table(path.name, columns, lines, bool(text.names), tuple(told))


def _columns(path: Path, text: Text, as_words: list[int] | None) -> tuple[NDArray[np.int64], list[Column | None]]:
    """The columns of a text; None for one that begins as numbers and then holds a word. `as_words`: only these, as words."""
    wide, lines = text.width, []
    parts: list[list[NDArray[Any]] | None] = [[] for _ in range(wide)]
    words: list[dict[str, int] | None] = [{} if as_words and i in as_words else None for i in range(wide)]
    notations = [Notation(text.notation.decimal) for _ in range(wide)]
    for at, (places, rows) in enumerate(text.chunks()):
        lines.append(np.array(places, np.int64))
        _check_widths(path, places, rows, wide)
        for i, cells in enumerate(zip(*rows, strict=False)):
            if i >= wide or (as_words is not None and i not in as_words):
                continue
            part, known = parts[i], words[i]
            if part is None:
                continue
            if known is None:
                numbers = _numbers(cells, notations[i], text.has_underscores)
                if numbers is not None:
                    part.append(numbers)
                    continue
                if at > 0:
                    parts[i] = None
                    continue
                known = words[i] = {}
            part.append(_words(path, cells, known, places, i))
    whole = np.concatenate(lines) if lines else np.zeros(0, np.int64)
    found: list[Column | None] = []
    for i, (part, known) in enumerate(zip(parts, words, strict=True)):
        if not part:
            found.append(None)
            continue
        values: NDArray[Any] = np.concatenate(part)
        part.clear()
        if known is None:
            found.append(_number_column(path, values, whole, i, tuple(sorted(notations[i].left_off))))
        else:
            found.append(_word_column(path, text, values, known, whole, i))
    return whole, found


def _check_widths(path: Path, numbers: list[int], rows: list[list[str]], wide: int) -> None:
    for number, row in zip(numbers, rows, strict=True):
        if len(row) != wide and not (len(row) > wide and not any(map(str.strip, row[wide:]))):
            raise DataError(f"{path}, row {number} has {len(row)} columns, the others have {wide}: every row needs the same")


def _numbers(cells: Sequence[str], notation: Notation, underscores: bool) -> NDArray[np.float64] | None:
    """The numbers of some cells, NaN where one is missing; None where one of them is no number."""
    as_python = not underscores or not any("_" in cell for cell in cells)
    if as_python and (notation.decimal == "." or not any("," in cell or "." in cell for cell in cells)):
        try:
            return np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            pass
    found = []
    for cell in cells:
        value = notation.number(cell)
        if value is None:
            return None
        found.append(value)
    return np.array(found)


def _words(path: Path, cells: Sequence[str], known: dict[str, int], lines: list[int], i: int) -> NDArray[np.int32]:
    """The place of each cell's word among those that are known, to which new ones are added; -1 for what is missing."""
    stripped = list(map(str.strip, cells))
    codes = [known.setdefault(cell, len(known)) for cell in stripped]
    longest = max(stripped, key=len)
    if len(longest) > LONGEST_WORD:
        row = lines[stripped.index(longest)]
        raise DataError(f"{path}, row {row}, column {i + 1}: a cell must be a number or a word, got {len(longest):,} characters")
    return np.array(codes, np.int32)


def _number_column(
    path: Path, values: NDArray[np.float64], lines: NDArray[np.int64], i: int, left_off: tuple[str, ...]
) -> Column:
    with np.errstate(invalid="ignore"):
        large = np.flatnonzero(np.abs(values) > LARGEST)
    if large.size:
        raise DataError(
            f"{path}, row {lines[large[0]]}, column {i + 1} is {values[large[0]]:g}: expected a finite number up to {LARGEST:.2g}"
        )
    return Column("", values, left_off=left_off)


def _left_off(columns: Sequence[Column]) -> list[str]:
    """What was taken off numbers to read them, and in which columns."""
    signs = sorted({sign for column in columns for sign in column.left_off})
    return [f"{listed([c.name for c in columns if sign in c.left_off])} read without {sign}" for sign in signs]


def listed(names: Sequence[str]) -> str:
    """A few names for a message.

    >>> listed(list("abcdefg"))
    "'a', 'b', 'c', 'd', 'e' and 2 more"
    """
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more


def _word_column(
    path: Path, text: Text, codes: NDArray[np.int32], known: dict[str, int], lines: NDArray[np.int64], i: int
) -> Column:
    """A column of words, with its missing ones marked; raises DataError where it is one of numbers with mistakes in it."""
    words, counts = list(known), np.bincount(codes, minlength=len(known))
    absent = np.array([is_missing(word) for word in words], bool)
    number = np.array([text.notation.number(word) is not None for word in words], bool) & ~absent
    odd = ~number & ~absent
    if counts[number].sum() and counts[odd].sum() <= ODD * counts[~absent].sum():
        first = int(np.flatnonzero(odd[codes])[0])
        many = int(counts[odd].sum())
        raise DataError(
            f"{path}, row {lines[first]}, column {i + 1} is {words[codes[first]]!r}: the column holds numbers but for {many:,} "
            f"{'cell' if many == 1 else 'cells'}; correct {'it' if many == 1 else 'them'}, or leave what is unknown empty"
        )
    places = np.full(len(words), -1, np.int32)
    places[~absent] = np.arange(int((~absent).sum()))
    kept = tuple(word for word, gone in zip(words, absent, strict=True) if not gone)
    return Column("", places[codes], kept, _are_dates(kept))


def _are_dates(words: Sequence[str]) -> bool:
    some = words[:: max(1, len(words) // 200)]
    return bool(some) and sum(map(is_date, some)) >= 0.9 * len(some)


def _unique(names: Sequence[str]) -> list[str]:
    """Names that stand once each, those that come again numbered, as pandas does; what has none is called by its place."""
    filled = [name or f"column {i + 1}" for i, name in enumerate(names)]
    again, found = Counter[str](), []
    for name in filled:
        found.append(f"{name}.{again[name]}" if again[name] else name)
        again[name] += 1
    return found


# ---------------------------------------------------------------- tables that are no text


def _read_parquet(path: Path) -> Table:
    with reading(path, "cannot be read as Parquet", DataError, "save it again, or as CSV"):
        try:
            from pyarrow import parquet
        except ImportError as error:
            raise DataError(f"{path} is Parquet, which needs pyarrow: pip install pyarrow, or save it as CSV") from error
        table = parquet.read_table(path)
        arrays = {str(name): table.column(i).to_numpy() for i, name in enumerate(table.column_names)}
    return of_arrays(path.name, {name: values for name, values in arrays.items() if not name.startswith("__index_level")})


def of_frame(frame: Any, name: str = "table") -> Table:
    """The table of a DataFrame, of pandas, Polars or anything else that has `columns` and gives one by its name.

    Duck typing takes no dependency, and what we need of a frame is no more than that.
    """
    names = [str(one) for one in frame.columns]
    return of_arrays(name, {label: frame[one].to_numpy() for label, one in zip(_unique(names), frame.columns, strict=True)})


def of_arrays(name: str, arrays: dict[str, Any]) -> Table:
    """The table of named columns (N,): numbers, truths, words, times, None or NaN where a value is missing."""
    if not arrays:
        raise DataError(f"{name} holds no table: it has no columns")
    columns = tuple(_array_column(name, label, np.asarray(values)) for label, values in arrays.items())
    return Table(name, columns, np.arange(len(columns[0].values), dtype=np.int64))


def _array_column(table: str, name: str, values: NDArray[Any]) -> Column:
    kind = values.dtype.kind
    if kind in "fiu":
        with np.errstate(
            invalid="ignore", over="ignore"
        ):  # what is no number in another type is none here, and is looked for below
            found = values.astype(np.float64)
        if (np.abs(found) > LARGEST).any():
            row = int(np.flatnonzero(np.abs(found) > LARGEST)[0])
            raise DataError(f"{table}, column {name!r}, row {row} is {found[row]:g}: expected a finite number")
        return Column(name, found)
    cells = [None if _is_absent(one) else one for one in values.tolist()]
    if kind == "O" and all(one is None or (isinstance(one, int | float) and not isinstance(one, bool)) for one in cells):
        return Column(name, np.array([np.nan if one is None else float(one) for one in cells]))
    texts = ["" if one is None else str(one).strip() for one in cells]
    known: dict[str, int] = {}
    codes = np.array([-1 if is_missing(text) else known.setdefault(text, len(known)) for text in texts], np.int32)
    return Column(name, codes, tuple(known), kind == "M" or _are_dates(list(known)))


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ in ("NAType", "NaTType")
