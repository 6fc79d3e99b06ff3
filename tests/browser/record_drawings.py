"""Make `drawings.json`: digits as the strokes of a pen, to be drawn again in the browser.

    python tests/browser/record_drawings.py

Sixty are traced: the first six MNIST *test* digits of every class, whatever a network makes of them, thinned to lines (Zhang and
Suen 1984), followed from end to end, and drawn in six styles. Ten were written by hand as corner points, one a class. Points are
fractions of the drawing area, widths are in its pixels.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from byhand import data

TARGET = Path(__file__).parent / "drawings.json"
HOW = (
    "Made by record_drawings.py: 'traced' are the first six MNIST test digits of every class, thinned and followed; "
    "'by hand' are corner points written down by hand. Points are fractions of the drawing area, widths its pixels (448 a side)."
)
UP = 6  # times: how much larger a digit is traced than it is
PAD = 448
# name: height of the digit as a fraction of the pad, line width, shift (x, y), slant (x per y)
STYLES = {
    "plain": (0.62, 34, (0.0, 0.0), 0.0),
    "thick": (0.6, 56, (0.0, 0.0), 0.0),
    "thin": (0.62, 15, (0.0, 0.0), 0.0),
    "small": (0.22, 13, (0.05, 0.1), 0.0),
    "off-centre": (0.4, 26, (-0.22, -0.24), 0.0),
    "slanted": (0.58, 34, (0.0, 0.0), 0.22),
}
# Corner points in hundredths of the pad, one text a stroke.
BY_HAND = {
    0: ["50,20 37,27 31,50 37,72 50,80 63,72 69,50 63,27 50,20"],
    1: ["54,18 48,82"],
    2: ["34,32 40,22 52,19 64,25 65,38 52,58 33,78 69,77"],
    3: ["36,24 50,18 63,25 62,38 48,47 64,56 66,70 53,80 35,75"],
    4: ["42,20 34,52 68,50", "63,20 60,82"],
    5: ["66,20 42,20 39,45 55,43 66,54 65,70 53,80 36,76"],
    6: ["58,18 44,33 37,55 40,74 52,80 63,72 62,58 51,53 40,62"],
    7: ["32,23 68,22 58,46 47,82"],
    8: ["60,26 50,19 39,26 42,40 57,54 63,70 51,81 38,72 43,55 58,40 60,26"],
    9: ["62,30 51,20 40,27 39,41 49,47 60,40 63,29 60,55 55,82"],
}


def main() -> None:
    test = data.load("mnist").test
    drawings = []
    for digit in range(10):
        for index, (style, settings) in zip(np.flatnonzero(test.labels == digit), STYLES.items(), strict=False):
            strokes = placed(traced(test.inputs[index, :, :, 0]), *settings)
            drawings.append({"digit": digit, "style": style, "from": f"test {index}", "width": settings[1], "strokes": strokes})
    for digit, texts in BY_HAND.items():
        strokes = [[[int(part) / 100 for part in point.split(",")] for point in text.split()] for text in texts]
        drawings.append({"digit": digit, "style": "by hand", "from": "hand", "width": 34, "strokes": strokes})
    lines = ",\n".join(json.dumps(drawing) for drawing in drawings)
    TARGET.write_text(f'{{"how": {json.dumps(HOW)},\n"drawings": [\n{lines}\n]}}\n')
    print(f"{TARGET}: {len(drawings)} drawings")


def traced(image: np.ndarray) -> list[np.ndarray]:
    """Polylines (n, 2) in pixels, x before y, along the middle of the ink."""
    large = Image.fromarray((image * 255).astype(np.uint8)).resize((28 * UP, 28 * UP), Image.Resampling.BICUBIC)
    left = {(int(y), int(x)) for y, x in np.argwhere(thinned(np.asarray(large) > 110))}
    lines = []
    while left:
        ends = [point for point in left if len(neighbours(point, left)) == 1]
        line = follow(min(ends or left, key=lambda point: (point[0], point[1])), left)
        if len(line) > UP or (not lines and not left):
            lines.append(simplified(np.array(line, float)[:, ::-1], 1.2))
    return lines


def thinned(ink: np.ndarray) -> np.ndarray:
    """A skeleton one pixel wide: peel off border pixels that hold nothing together, from two sides in turn."""
    ink = np.pad(ink, 1).astype(np.uint8)
    while True:
        peeled = 0
        for side in (0, 1):
            p = [np.roll(ink, shift, (0, 1)) for shift in ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))]
            count = sum(int_array.astype(int) for int_array in p)
            turns = sum((p[i] == 0) & (p[(i + 1) % 8] == 1) for i in range(8))
            first, second = ((0, 2, 4), (2, 4, 6)) if side == 0 else ((0, 2, 6), (0, 4, 6))
            open_first, open_second = (p[a] * p[b] * p[c] == 0 for a, b, c in (first, second))
            gone = (ink == 1) & (count >= 2) & (count <= 6) & (turns == 1) & open_first & open_second
            ink[gone] = 0
            peeled += int(gone.sum())
        if not peeled:
            return ink[1:-1, 1:-1].astype(bool)


def neighbours(point: tuple[int, int], points: set[tuple[int, int]]) -> list[tuple[int, int]]:
    y, x = point
    return [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy or dx) and (y + dy, x + dx) in points]


def follow(start: tuple[int, int], left: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """From a pixel on, as straight as the line goes on; takes what it passes out of `left`."""
    line = [start]
    left.discard(start)
    while near := neighbours(line[-1], left):
        back = np.array(line[-1]) - np.array(line[max(0, len(line) - UP)])
        best = max(near, key=lambda point: float(np.dot(np.array(point) - np.array(line[-1]), back)))
        # Side steps at a crossing stay no line of their own.
        left.difference_update(point for point in near if max(abs(point[0] - best[0]), abs(point[1] - best[1])) == 1)
        left.discard(best)
        line.append(best)
    return line


def simplified(line: np.ndarray, tolerance: float) -> np.ndarray:
    """Fewer points, none of the old ones farther than `tolerance` (Ramer, Douglas, Peucker)."""
    if len(line) < 3:
        return line
    start, chord = line[0], line[-1] - line[0]
    length = float(np.hypot(*chord))
    away = line - start
    far = np.abs(chord[0] * away[:, 1] - chord[1] * away[:, 0]) / length if length else np.hypot(*away.T)
    split = int(far.argmax())
    if far[split] <= tolerance:
        return line[[0, -1]]
    return np.vstack([simplified(line[: split + 1], tolerance)[:-1], simplified(line[split:], tolerance)])


def placed(
    lines: list[np.ndarray], height: float, width: float, shift: tuple[float, float], slant: float
) -> list[list[list[float]]]:
    """On the pad, in fractions: of this height, slanted, its middle moved by `shift`."""
    points = np.vstack(lines)
    middle, size = (points.max(axis=0) + points.min(axis=0)) / 2, max(np.ptp(points, axis=0))
    result = []
    for line in lines:
        x, y = ((line - middle) * height / size).T
        on_pad = np.column_stack([x - slant * y, y]) + 0.5 + np.array(shift)
        result.append([[round(float(value), 3) for value in point] for point in np.clip(on_pad, 0.03, 0.97)])
    return result


if __name__ == "__main__":
    main()
