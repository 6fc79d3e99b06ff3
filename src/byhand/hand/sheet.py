"""The sheet that somebody fills in: two boxes for each character, marks by which a photograph of it is straightened.

All lengths are millimetres from the upper left corner of the paper, x to the right and y down. Nothing is printed inside a box,
so that whatever is found there is handwriting: labels stand above the boxes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from byhand import limits
from byhand.errors import ByhandError
from byhand.files import write_atomically

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # what emnist-diffusion draws
SAMPLES = 2  # boxes for each
PAPERS = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
# Which sheet it is and which way is up: cells beside the first mark, dark for 1. The two differ in six places, and read from
# another side there are none.
CODES = {"a4": "1101000110", "letter": "1010110100"}
MARK = 10.5  # side of a finding mark: 7 modules, a ring of one around a white ring of one around a square of three
DOT = 5.0  # diameter of the marks between, by which curled paper is flattened
INSET = 13.0  # of the marks' middles from the paper's edges
SIDE, HEAD, FOOT = 14.0, 31.0, 20.0  # free of boxes at the sides, at the top, at the bottom
PAIRS, ROWS = 6, 11  # characters a row
BETWEEN, APART = 1.2, 4.0  # between the boxes of a character, between characters
LABEL = 5.0  # height above a box for its label
CELL = 4.0  # of the code
LINE, PALE, THIN = 0.25, 205, 0.4  # width of a box's lines, their grey, their darkness beside a pen's
DPI = 300
ENDINGS = (".pdf", ".png")
TELL = (
    "Write each character in both of its boxes, without touching the lines, with a dark pen.",
    "Gone wrong? Strike the box through from edge to edge. Then photograph the whole sheet from above.",
)


@dataclass(frozen=True)
class Box:
    """Where one character is written: what it should be, and its lines in millimetres."""

    character: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Sheet:
    """A printed page.

    Attributes:
        paper: "a4" or "letter". size: its width and height. corners: middles of the four marks, clockwise from the upper
            left one. dots: middles of the round marks between them. cells: middles of the code's cells. boxes: in reading order.
    """

    paper: str
    size: tuple[float, float]
    corners: tuple[tuple[float, float], ...]
    dots: tuple[tuple[float, float], ...]
    cells: tuple[tuple[float, float], ...]
    boxes: tuple[Box, ...]


@cache
def sheet_of(paper: str) -> Sheet:
    """The page for this paper; raises ByhandError for a paper that there is not.

    >>> len(sheet_of("a4").boxes)
    124
    """
    width, height = PAPERS[limits.one_of("paper", paper, PAPERS, error=ByhandError)]
    right, bottom = width - INSET, height - INSET
    pitch, down = (width - 2 * SIDE + APART) / PAIRS, (height - HEAD - FOOT) / ROWS
    broad = (pitch - APART - BETWEEN) / SAMPLES
    boxes = []
    for i, character in enumerate(CHARACTERS):
        row, column = divmod(i, PAIRS)
        for sample in range(SAMPLES):
            left, top = SIDE + column * pitch + sample * (broad + BETWEEN), HEAD + row * down + LABEL
            boxes.append(Box(character, left, top, left + broad, HEAD + (row + 1) * down - 1.0))
    return Sheet(
        paper,
        (width, height),
        ((INSET, INSET), (right, INSET), (right, bottom), (INSET, bottom)),
        ((width / 2, INSET), (width - 8.0, height / 2), (width / 2, bottom), (8.0, height / 2)),
        tuple((INSET + 14 + CELL * (i + 0.5), INSET) for i in range(len(CODES[paper]))),
        tuple(boxes),
    )


def draw_sheet(paper: str = "a4", dpi: int = DPI) -> Image.Image:
    """The sheet as a grey picture, so many dots an inch."""
    sheet = sheet_of(paper)
    scale = dpi / 25.4
    image = Image.new("L", (round(sheet.size[0] * scale), round(sheet.size[1] * scale)), 255)
    draw = ImageDraw.Draw(image)

    def square(x: float, y: float, side: float, grey: int) -> None:
        draw.rectangle([((x - side / 2) * scale, (y - side / 2) * scale), ((x + side / 2) * scale, (y + side / 2) * scale)], grey)

    for x, y in sheet.corners:
        for modules, grey in ((7, 0), (5, 255), (3, 0)):
            square(x, y, MARK * modules / 7, grey)
    for x, y in sheet.dots:
        draw.ellipse([((x - DOT / 2) * scale, (y - DOT / 2) * scale), ((x + DOT / 2) * scale, (y + DOT / 2) * scale)], 0)
    for (x, y), bit in zip(sheet.cells, CODES[paper], strict=True):
        if bit == "1":
            square(x, y, CELL, 0)
    small, large = (ImageFont.load_default(size * scale) for size in (3.0, 4.2))
    for line, text in enumerate(TELL):
        draw.text((SIDE * scale, (21.5 + 4 * line) * scale), text, 60, small)
    for number, box in enumerate(sheet.boxes):
        corners = [(box.left * scale, box.top * scale), (box.right * scale, box.bottom * scale)]
        draw.rectangle(corners, outline=PALE, width=max(1, round(LINE * scale)))
        if number % SAMPLES == 0:
            draw.text(((box.left + 0.5) * scale, (box.top - LABEL + 0.2) * scale), box.character, 60, large)
            draw.text(((box.left + 6) * scale, (box.top - LABEL + 1.2) * scale), _kind(box.character), 130, small)
    return image


def _kind(character: str) -> str:
    """What tells O from 0 and l from I, in words."""
    return "digit" if character.isdigit() else "capital" if character.isupper() else "small"


def write_sheet(out: Path | str, paper: str = "a4") -> None:
    """Write the sheet to be printed, as .pdf or .png; raises ByhandError for another ending or paper."""
    out = Path(out)
    if out.suffix.lower() not in ENDINGS:
        raise ByhandError(f"the sheet must be a .pdf or a .png, got {limits.told(str(out))}: type -o sheet.pdf")
    held = io.BytesIO()
    image = draw_sheet(paper)
    if out.suffix.lower() == ".pdf":
        image.save(held, "PDF", resolution=float(DPI), title="byhand: a sheet for your hand")
    else:
        image.save(held, "PNG", dpi=(DPI, DPI), optimize=True)
    write_atomically(out, held.getvalue())
