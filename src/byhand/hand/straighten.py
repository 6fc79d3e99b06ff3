r"""A photographed sheet as it was printed: perspective taken out, turned the right way up, curled paper flattened.

Four marks settle the perspective exactly, as eight numbers h with

    x' = (h_1 x + h_2 y + h_3) / (h_7 x + h_8 y + 1),   y' = (h_4 x + h_5 y + h_6) / (h_7 x + h_8 y + 1).

Paper is seldom flat: where the round marks lie beside the places that these numbers say, a surface of second degree through all
eight marks says by how much every other place is shifted.

Source: Hartley and Zisserman (2004), "Multiple View Geometry", section 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from byhand.data.photograph import Grey, pieces
from byhand.errors import DataError
from byhand.hand.marks import Mark, find_marks
from byhand.hand.paper import paper_brightness
from byhand.hand.sheet import CELL, CODES, DOT, MARK, PAPERS, Sheet, sheet_of

SCALE = 8  # pixels a millimetre of the straightened sheet
COARSE = 4  # the same, while the round marks and the code are looked at
LEAST = 3.0  # pixels a millimetre: a photograph with fewer shows no strokes
AROUND = 9.0  # millimetres around a round mark's place in which it is looked for
MESH = 12  # millimetres: squares of the sheet that are straightened each as a whole
BLURRED = 0.5  # millimetres: the deviation of a blur that makes a pen's strokes unreadable
WRONG_CELLS = 1  # cells of the code that may be misread


def homography(source: Sequence[tuple[float, float]], target: Sequence[tuple[float, float]]) -> Grey:
    """The eight numbers that carry four points to four others."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.linalg.solve(np.array(rows, float), np.array(values, float))


def carried(h: Grey, points: Grey) -> Grey:
    """Points (..., 2) through a homography."""
    x, y = points[..., 0], points[..., 1]
    below = h[6] * x + h[7] * y + 1
    return np.stack([(h[0] * x + h[1] * y + h[2]) / below, (h[3] * x + h[4] * y + h[5]) / below], axis=-1)


def straightened(photo: Image.Image, name: str) -> tuple[Sheet, Grey]:
    """Which sheet it is, and its grey levels, `SCALE` pixels a millimetre.

    Raises DataError for a photograph of anything else, or one that cannot be read: what is wrong with it.
    """
    photo = photo.convert("L")
    marks = find_marks(photo, name)
    sheet, h = _upright(photo, marks, name)
    blur = _blur(photo, sheet, h)
    if blur > BLURRED:
        raise DataError(f"{name} is blurred: strokes run over {2 * blur:.1f} mm; photograph the sheet again, and hold still")
    return sheet, _flattened(photo, sheet, h, _curl(photo, sheet, h))


def _upright(photo: Image.Image, marks: list[Mark], name: str) -> tuple[Sheet, Grey]:
    """By the code: which sheet it is, and how it is carried onto the photograph."""
    at = [(mark.x, mark.y) for mark in marks]
    module = float(np.median([mark.side for mark in marks])) / MARK
    if module < LEAST:
        raise DataError(
            f"{name} shows the sheet too small: {module:.1f} pixels a millimetre, {LEAST:g} are needed; photograph it from nearer"
        )
    for turn in range(4):
        for paper in PAPERS:
            sheet = sheet_of(paper)
            h = homography(sheet.corners, at[turn:] + at[:turn])
            read = _code(photo, sheet, h)
            if sum(a != b for a, b in zip(read, CODES[paper], strict=True)) <= WRONG_CELLS:
                return sheet, h
    raise DataError(f"{name} shows four marks, but of another sheet: photograph one that `byhand hand sheet` wrote")


def _code(photo: Image.Image, sheet: Sheet, h: Grey) -> str:
    """Its cells, dark for 1, each beside the paper above and below it."""
    bits = ""
    for x, y in sheet.cells:
        levels = [
            float(np.median(_window(photo, h, x, y + shift, half, COARSE)))
            for shift, half in ((0, CELL / 4), (-CELL, CELL / 4), (CELL, CELL / 4))
        ]
        bits += "1" if levels[0] < 0.7 * (levels[1] + levels[2]) / 2 else "0"
    return bits


def _window(photo: Image.Image, h: Grey, x: float, y: float, half: float, scale: int) -> Grey:
    """What lies around a place of the sheet, so many millimetres to each side; grey levels."""
    side = max(2, round(2 * half * scale))
    corners = np.array([[x - half, y - half], [x - half, y + half], [x + half, y + half], [x + half, y - half]])
    quad = tuple(carried(h, corners).ravel())
    return np.asarray(photo.transform((side, side), Image.Transform.QUAD, quad, Image.Resampling.BILINEAR), np.float64)


def _blur(photo: Image.Image, sheet: Sheet, h: Grey) -> float:
    r"""The deviation of the photograph's blur in millimetres, by the steepest edges of the four marks.

    An edge between black and white under a Gaussian blur is as steep as contrast / (sqrt(2 pi) sigma).
    """
    found = []
    for x, y in sheet.corners:
        window = _window(photo, h, x, y, MARK / 2 + 1, SCALE)
        low, high = np.percentile(window, [10, 85])
        across = (window[:, 2:] - window[:, :-2]) * SCALE / 2
        steep = float(np.percentile(np.abs(across), 98))
        found.append((high - low) / max(steep, 1e-9) / np.sqrt(2 * np.pi))
    return float(np.median(found))


def _curl(photo: Image.Image, sheet: Sheet, h: Grey) -> Grey:
    """The coefficients (8, 2) of the surface that shifts places of the sheet, in millimetres; 0 for flat paper."""
    places, shifts = [*sheet.corners], [(0.0, 0.0)] * 4
    for x, y in sheet.dots:
        dot = _dot(_window(photo, h, x, y, AROUND, COARSE))
        if dot is not None:
            places.append((x, y))
            shifts.append(dot)
    terms = _terms(np.array(places), sheet)
    return np.linalg.lstsq(terms, np.array(shifts), rcond=None)[0]


def _dot(window: Grey) -> tuple[float, float] | None:
    """How far the round mark lies from the middle of its window, in millimetres; None where there is none."""
    dark = window < 0.62 * paper_brightness(window, 8 * COARSE, 1)
    labels, count = pieces(dark)
    best = None
    for one in range(1, count + 1):
        y, x = np.nonzero(labels == one)
        area = len(x) / COARSE**2
        sides = (np.ptp(x) + 1) / COARSE, (np.ptp(y) + 1) / COARSE
        if 0.5 < area / (np.pi * DOT**2 / 4) < 1.7 and min(sides) > 0.6 * DOT and max(sides) < 1.5 * DOT:
            shift = (x.mean() + 0.5) / COARSE - AROUND, (y.mean() + 0.5) / COARSE - AROUND
            best = shift if best is None or np.hypot(*shift) < np.hypot(*best) else best
    return best


def _terms(places: Grey, sheet: Sheet) -> Grey:
    """1, x, y, xy, x², y², x²y, xy² of places (..., 2), in units of half the sheet, from its middle."""
    x, y = np.moveaxis(2 * places / np.array(sheet.size) - 1, -1, 0)
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y, x * x * y, x * y * y], axis=-1)


def _flattened(photo: Image.Image, sheet: Sheet, h: Grey, curl: Grey) -> Grey:
    """The sheet, square by square."""
    width, height = (round(side * SCALE) for side in sheet.size)
    step = MESH * SCALE
    mesh = []
    for top in range(0, height, step):
        for left in range(0, width, step):
            right, bottom = min(left + step, width), min(top + step, height)
            corners = np.array([[left, top], [left, bottom], [right, bottom], [right, top]]) / SCALE
            places = corners + _terms(corners, sheet) @ curl
            mesh.append(((left, top, right, bottom), tuple(carried(h, places).ravel())))
    flat = photo.transform((width, height), Image.Transform.MESH, mesh, Image.Resampling.BICUBIC)
    return np.asarray(flat, np.float64)
