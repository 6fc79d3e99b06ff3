"""One cell of a table: a number in the ways that people write it, a missing value, a date, or a word."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

# What spreadsheets, databases and statistics programs write for "there is no value".
MISSING = frozenset(
    ("", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none", "nil", "?", "-", "--", ".", "missing", "#value!", "#div/0!")
)
SIGNS = "$€£¥%°"  # in front of a number or behind it
SPACES = "\u00a0\u202f\u2009 '’"  # between thousands: blanks of four kinds, and Swiss apostrophes
_THOUSANDS = re.compile(rf"[+-]?\d{{1,3}}([,{SPACES}]\d{{3}})+(\.\d+)?")
_DOTTED_THOUSANDS = re.compile(rf"[+-]?\d{{1,3}}([.{SPACES}]\d{{3}})+(,\d+)?")
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_TIME = r"([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?(Z|[+-]\d{2}:?\d{2})?)?"
_MONTH = r"(jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zé]*\.?"
_DATE = re.compile(
    rf"(\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.](\d{{4}}|\d{{2}})|"
    rf"\d{{1,2}}[-. ]{{1,2}}{_MONTH}[- ]\d{{2,4}}|{_MONTH}[- ]\d{{1,2}}(,? \d{{4}})?|\d{{1,2}}:\d{{2}}(:\d{{2}})?){_TIME}",
    re.IGNORECASE,
)


@dataclass
class Notation:
    """How a table writes its numbers: with which decimal mark. `left_off` keeps what was taken off any number to read it.

    >>> Notation(",").number("1.234,5"), Notation(".").number("1,234.5"), Notation(".").number("$12"), Notation(".").number("x")
    (1234.5, 1234.5, 12.0, None)
    """

    decimal: str = "."
    left_off: set[str] = field(default_factory=set)

    def number(self, cell: str) -> float | None:
        """The number in a cell; NaN where it is missing, None where it is no number."""
        cell = cell.strip()
        if is_missing(cell):
            return math.nan
        plain = _float(cell)
        if plain is not None and not (self.decimal == "," and _DOTTED_THOUSANDS.fullmatch(cell)):
            return plain
        if cell[:1] in ("-", "+") and cell[1:2] in SIGNS:  # -$5
            value = self.number(cell[1:]) if cell[2:] else None
            return -value if value is not None and cell[0] == "-" else value
        for sign in (cell[:1], cell[-1:]):
            if sign in SIGNS:
                bare = cell.strip(SIGNS).strip()
                value = None if is_missing(bare) or set(bare) & set(SIGNS) else self.number(bare)
                if value is not None:
                    self.left_off.add(sign)
                return value
        return self._grouped(cell)

    def _grouped(self, cell: str) -> float | None:
        """A number with a decimal comma, or with something between its thousands."""
        thousands = _DOTTED_THOUSANDS if self.decimal == "," else _THOUSANDS
        if thousands.fullmatch(cell):
            between = next(sign for sign in cell[1:] if not sign.isdigit())
            self.left_off.add(f"{between!r} between thousands")
            cell = re.sub(rf"[{'.' if self.decimal == ',' else ','}{SPACES}]", "", cell)
        return _float(cell.replace(",", ".") if self.decimal == "," and cell.count(",") <= 1 else cell)


def _float(cell: str) -> float | None:
    if "_" in cell:  # which Python's own numbers may have, and people's names
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def is_missing(cell: str) -> bool:
    """Whether a cell without blanks around it says that there is no value."""
    return len(cell) <= 8 and cell.lower() in MISSING


def is_date(cell: str) -> bool:
    """Whether a cell is a date or a time of day.

    >>> [is_date(cell) for cell in ("2024-01-31", "31.1.2024 12:00", "12-Jan-24", "3.5", "rose")]
    [True, True, True, False, False]
    """
    return _DATE.fullmatch(cell) is not None


def decimal_mark(columns: list[list[str]], separator: str) -> str:
    """Which decimal mark a table uses, by columns of its first cells.

    "3,5" has a decimal comma. "1,234" may be a thousand or little more than one: it is a thousand unless semicolons part the
    cells, which spreadsheets write where the comma is a decimal mark, or another number in the table says so ("0,234", "3,5").
    """
    commas, thousands = 0, 0
    for cells in columns:
        known = [cell for cell in map(str.strip, cells) if not is_missing(cell)]
        if not all(_float(cell) is not None or _COMMA.fullmatch(cell) or _DOTTED_THOUSANDS.fullmatch(cell) for cell in known):
            continue
        for cell in known:
            if "," in cell:
                grouped = _THOUSANDS.fullmatch(cell) and not cell.lstrip("+-").startswith("0")
                commas, thousands = commas + (not grouped), thousands + bool(grouped)
    return "," if commas or (thousands and separator == ";") else "."
