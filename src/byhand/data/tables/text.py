"""The text of a table: its encoding, what parts its cells, whether its first line is a header; and then row by row.

Nothing of it is written down in a CSV file. Each is found by what fits, and what is not the usual is told.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from byhand.data.tables.cells import Notation, decimal_mark, is_missing
from byhand.errors import DataError
from byhand.safe_reading import DENSEST, FREE, check_unpacked

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
NAMES = ("label", "target", "class")  # of columns, and of nothing that stands in one
HEAD = 200  # rows by which separator, header and notation are found
CHUNK = 4_000  # cells that are read at a time: as many as stay in the processor's cache until they are numbers
Row = list[str]
_COMMAS = re.compile(r" *[+-]?[0-9.,]+ *")  # a number, whose decimal mark or thousands may look like a separator


@dataclass
class Text:
    """A table as text: its parts as they were found."""

    content: bytes
    encoding: str
    separator: str
    start: int  # lines in front of the table
    names: Row  # of the columns, () where there is no header
    width: int  # of a row, without what is empty at its end
    notation: Notation
    told: list[str]

    @cached_property
    def has_underscores(self) -> bool:
        """Whether any cell may have one, which Python would read over in a number, and people write in names."""
        return self.content.find(b"_", max(0, self.content.find(b"\n"))) >= 0

    def chunks(self) -> Iterator[tuple[list[int], list[Row]]]:
        """The rows below the header, some thousand at a time, each with its line in the file."""
        below = not self.names
        for lines, rows in _chunks(self.content, self.encoding, self.separator, self.start, max(50, CHUNK // max(1, self.width))):
            if rows:
                yield (lines, rows) if below else (lines[1:], rows[1:])
                below = True


def unpacked(path: Path) -> bytes:
    """The bytes of a file, also where it is gzipped; raises DataError for a decompression bomb."""
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        found = file.read(max(FREE, DENSEST * len(content)) + 1)
    check_unpacked(path, len(content), len(found), DataError)
    return found


def open_text(path: Path) -> Text:
    """The table in a file; raises DataError for one without rows, or a workbook."""
    content = unpacked(path)
    if content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise DataError(f"{path} is a workbook, not text: in the spreadsheet, save it as CSV (UTF-8)")
    encoding, told = _encoding(content)
    start, separator = _preamble(content, encoding)
    if not separator:
        separator = _separator(content, encoding, start)
    if separator != ",":
        told.append(f"separated by {SEPARATORS.get(separator, repr(separator))}")
    head = list(itertools.islice(_rows(content, encoding, separator, start), HEAD))
    widths = [len(row) for row in head]
    width = max(widths, key=widths.count, default=0)  # of equally many the first
    if width > 1 and len(head) > 1 and all(len(row) == width and not row[-1].strip() for row in head[1:]):
        width -= 1  # each row ends with a separator
    columns = [list(column) for column in itertools.zip_longest(*head[1:], fillvalue="")][:width]
    notation = Notation(decimal_mark(columns, separator))
    if notation.decimal == ",":
        told.append("decimal commas")
    top = [cell.strip() for cell in head[0]] if head else []
    names = top if is_header(top, columns, notation) else []
    return Text(content, encoding, separator, start, names, width, notation, told)


def _encoding(content: bytes) -> tuple[str, list[str]]:
    """The encoding, and what there is to tell of it."""
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            content.decode(encoding)  # now rather than in the middle of the table
            return encoding, [] if encoding == "utf-8-sig" else ["in UTF-16"]
    if content[1:400:2].count(0) > len(content[1:400:2]) / 2:
        content.decode("utf-16-le")
        return "utf-16-le", ["in UTF-16"]
    for encoding, name in (("utf-8", ""), ("cp1252", "Windows-1252"), ("latin-1", "Latin-1")):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding, [f"in {name}, as it is not UTF-8"] if name else []
    raise AssertionError("every byte is a character of Latin-1")


def _lines(content: bytes, encoding: str, start: int) -> io.TextIOWrapper:
    lines = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    for _ in range(start):
        lines.readline()
    return lines


def _preamble(content: bytes, encoding: str) -> tuple[int, str]:
    """How many lines stand in front of the table, and the separator that Excel's `sep=;` says, "" where nothing does."""
    with _lines(content, encoding, 0) as lines:
        first = lines.readline().strip()
    found = re.fullmatch(r'"?sep=(.)"?', first, re.IGNORECASE)
    return (1, found[1]) if found else (0, "")


def _separator(content: bytes, encoding: str, start: int) -> str:
    """What parts the cells: what gives rows of one length, of cells in which no other separator stands."""
    best, most = ",", 0.0
    for separator in SEPARATORS:
        if separator == " " and most:
            break  # blanks part cells only where nothing else does
        rows = list(itertools.islice(_rows(content, encoding, separator, start), 50))
        widths = [len(row) for row in rows]
        if not widths or max(widths) < 2:
            continue
        usual = max(set(widths), key=widths.count)
        cells = [cell for row in rows for cell in row if len(row) == usual]
        others = set(SEPARATORS) - {separator, " "}
        whole = sum(not (others & set(cell)) or _COMMAS.fullmatch(cell) is not None for cell in cells) / max(1, len(cells))
        score = whole * widths.count(usual) / len(widths) if usual > 1 else 0.0
        if score > most + 1e-9:
            best, most = separator, score
    return best


def _rows(content: bytes, encoding: str, separator: str, start: int) -> Iterator[Row]:
    """The rows that are not empty."""
    for _, rows in _chunks(content, encoding, separator, start, 50):
        yield from rows


def _chunks(content: bytes, encoding: str, separator: str, start: int, size: int) -> Iterator[tuple[list[int], list[Row]]]:
    """The rows that are not empty, some at a time, each with its line in the file."""
    lines = _lines(content, encoding, start)
    reader: Any = _blanks(lines) if separator == " " else csv.reader(lines, delimiter=separator, skipinitialspace=True)
    line, before, first = start + 1, 0, True
    while rows := list(itertools.islice(reader, size)):
        taken = getattr(reader, "line_num", len(rows) + before) - before
        numbers = list(range(line, line + taken))
        if taken > len(rows):  # some cells hold line ends
            numbers = list(itertools.accumulate((1 + _breaks(row) for row in rows[:-1]), initial=line))
        line, before = line + taken, before + taken
        if first:
            rows[0] = _uncommented(rows[0])
            first = False
        if not all(rows) or not all(map(any, rows)) or any(len(row) == 1 for row in rows):
            kept = [(n, row) for n, row in zip(numbers, rows, strict=True) if any(map(str.strip, row)) and not _is_remark(row)]
            numbers, rows = [n for n, _ in kept], [row for _, row in kept]
        yield numbers, rows


def _blanks(lines: Iterable[str]) -> Iterator[Row]:
    """The cells of lines that blanks part."""
    for line in lines:
        yield [cell.strip('"') for cell in re.findall(r'"[^"]*"|[^\s"]+', line)]


def _breaks(row: Row) -> int:
    """How many line ends stand inside the cells of a row."""
    return sum(cell.count("\n") or cell.count("\r") for cell in row)


def _is_remark(row: Row) -> bool:
    return len(row) == 1 and row[0].startswith("#")


def _uncommented(row: Row) -> Row:
    """A first row without the sign of a remark, behind which NumPy writes the names of the columns."""
    if not row or row[0] == "#":
        return row[1:]
    return [row[0][1:].strip(), *row[1:]] if row[0].startswith("#") and len(row) > 1 else row


def is_header(top: Row, columns: list[Row], notation: Notation) -> bool:
    """Whether a first row names the columns, whose first cells below it these are.

    A word over numbers is a name; a number over numbers is a number, unless all of them count up from 0, as pandas calls columns
    that have no names. A word that comes again below it is no name.
    """
    if not top or not columns or not columns[0]:
        return bool(top) and not any(notation.number(cell) is not None for cell in top[:-1])
    if len(top) == len(columns) - 1 and all(notation.number(cell) is None for cell in top):
        return True  # R's, in which the names of the rows have no name
    names, numbers, again = 0, [], 0
    for cell, below in zip(top, columns, strict=False):
        value, known = notation.number(cell), [one for one in below if not is_missing(one.strip())]
        numeric = bool(known) and sum(notation.number(one) is not None for one in known) > len(known) / 2
        if value is not None and not is_missing(cell):
            numbers.append(value)
        elif is_missing(cell):
            continue
        elif numeric:
            names += 1
        elif cell in map(str.strip, below):
            again += 1
    if again:
        return False
    if any(cell.lower() in NAMES for cell in top):
        return True
    if len(numbers) >= 3 and numbers == list(range(len(numbers))):
        return True
    if numbers:
        return names > len(numbers)
    return names > 0 or len(set(top)) == len(top)
