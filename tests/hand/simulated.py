"""Photographs of filled-in sheets, simulated: a person's pen tracks on the printed sheet, then paper, light, lens and file.

Measured with real persons' characters (UJI pen tracks, through BYHAND_DATA):

    BYHAND_DATA=... python -m tests.hand.simulated [--count 100] [--seed 0] [--save FOLDER]
"""

from __future__ import annotations

import argparse
import io
import os
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from byhand.errors import DataError
from byhand.hand.boxes import OK, Reading, framed, read_boxes
from byhand.hand.sheet import CODES, SAMPLES, Sheet, draw_sheet, sheet_of
from byhand.hand.straighten import homography, straightened

DPI = 200
UNIT = DPI / 25.4
Strokes = list[np.ndarray]
RIGHT = 0.9  # correlation with the same character drawn without a camera: what is less was read wrong


def uji() -> Path:
    return Path(os.environ.get("BYHAND_DATA", ".")) / "uji" / "ujipenchars-7writers.txt"


def writers(path: Path) -> list[dict[str, list[Strokes]]]:
    """The characters of each person, as strokes (n, 2)."""
    segments: list[tuple[str, list[list[tuple[float, float]]]]] = []
    for line in path.read_text(encoding="latin1").splitlines():
        if begin := re.match(r'\.SEGMENT CHARACTER (\S+) \? "(.)"', line):
            segments.append((begin[2], []))
        elif segments and line.startswith(".PEN_DOWN"):
            segments[-1][1].append([])
        elif segments and segments[-1][1] and re.match(r"\s*-?\d+\s+-?\d+", line):
            x, y = line.split()[:2]
            segments[-1][1][-1].append((float(x), float(y)))
    found = []
    for start in range(0, len(segments), 124):
        person: dict[str, list[Strokes]] = {}
        for character, strokes in segments[start : start + 124]:
            if character.isascii() and character.isalnum():
                person.setdefault(character, []).append([np.array(stroke) for stroke in strokes if stroke])
        found.append(person)
    return found


def fill(sheet: Sheet, person: dict[str, list[Strokes]], rng: Any, pen: float, pencil: bool) -> tuple[Image.Image, list[Any]]:
    """The printed sheet with a person's characters, by a pen so many millimetres wide; and each as a picture without a camera."""
    page = draw_sheet(sheet.paper, DPI)
    ink = Image.new("L", page.size, 0)
    draw, truth = ImageDraw.Draw(ink), []
    heights = [np.ptp(np.concatenate(one), axis=0)[1] for name, many in person.items() if name.isupper() for one in many]
    usual = 8.5 / float(np.median(heights))  # capitals of 8.5 mm
    for number, box in enumerate(sheet.boxes):
        strokes = person[box.character][number % SAMPLES]
        points = np.concatenate(strokes)
        low, size = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1e-6)
        room = np.array([box.right - box.left, box.bottom - box.top]) - 2.0 - pen
        scale = min(usual, *(room / size))
        spare = room - size * scale
        at = np.array([box.left, box.top]) + 1.0 + pen / 2 + spare * np.clip(rng.normal(0.5, 0.15, 2), 0, 1)
        placed = [((stroke - low) * scale + at) * UNIT for stroke in strokes]
        _write(draw, placed, pen * UNIT)
        own = Image.new("L", page.size, 0).crop([round(v * UNIT) for v in (box.left, box.top, box.right, box.bottom)])
        _write(ImageDraw.Draw(own), [p - np.round(np.array([box.left, box.top]) * UNIT) for p in placed], pen * UNIT)
        levels = np.asarray(own, np.float64) / 255
        rows, columns = np.flatnonzero(levels.any(axis=1)), np.flatnonzero(levels.any(axis=0))
        truth.append(framed(levels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]))
    covered = np.asarray(ink, np.float64) / 255
    if pencil:
        grain = rng.random((page.height // 2 + 1, page.width // 2 + 1)).repeat(2, 0).repeat(2, 1)[: page.height, : page.width]
        covered = covered * (0.42 + 0.25 * (grain > 0.35))
    else:
        covered = covered * 0.88
    return Image.fromarray((np.asarray(page, np.float64) * (1 - covered)).astype(np.uint8)), truth


def _write(draw: ImageDraw.ImageDraw, strokes: Strokes, width: float) -> None:
    for stroke in strokes:
        if len(stroke) > 1:
            draw.line([tuple(point) for point in stroke], fill=255, width=max(1, round(width)), joint="curve")
        for x, y in stroke:
            draw.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=255)


def photographed(
    page: Image.Image,
    rng: Any,
    *,
    turn: float = 0.0,
    tilt: float = 0.03,
    curl: float = 0.0,
    shadow: float = 0.0,
    flash: float = 0.0,
    blur: float = 0.8,
    noise: float = 4.0,
    light: float = 0.9,
    quality: int = 75,
    longer: int = 2200,
) -> Image.Image:
    """A page on a table, as a camera's JPEG. turn: degrees; curl: pixels; shadow, flash, light: shares of the brightness."""
    w, h = (longer * 3 // 4, longer) if abs(np.cos(np.radians(turn))) > 0.7 else (longer, longer * 3 // 4)
    angle = np.radians(turn)
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array(page.size) / 2 @ turned
    corners *= 0.93 * min(w / np.ptp(corners[:, 0]), h / np.ptp(corners[:, 1]))
    corners = corners * (1 + rng.uniform(-tilt, 0, (4, 1))) + rng.uniform(-tilt, tilt, (4, 2)) * w / 3 + (w / 2, h / 2)
    corners = np.clip(corners, 6, [w - 6, h - 6])
    source = [(0, 0), (page.width, 0), (page.width, page.height), (0, page.height)]
    given = tuple(homography([tuple(corner) for corner in corners], source))
    lying = (Image.Transform.PERSPECTIVE, given, Image.Resampling.BICUBIC)
    grey = np.asarray(page.transform((w, h), *lying), np.float64)
    inside = np.asarray(Image.new("L", page.size, 255).transform((w, h), *lying), np.float64) / 255
    y, x = np.mgrid[:h, :w]
    if curl:
        shift = np.round(curl * np.sin(y / h * np.pi)).astype(int)
        grey, inside = grey[y, np.clip(x + shift, 0, w - 1)], inside[y, np.clip(x + shift, 0, w - 1)]
    wood = 95 + 18 * np.sin(x / 23 + 3 * np.sin(y / 160)) + rng.normal(0, 6, (h, w))
    grey = grey * inside + wood * (1 - inside)
    bright = light * (1 - 0.3 * x / w * rng.uniform(0.3, 1) - 0.2 * y / h * rng.random())
    if shadow:
        edge = (x - w * rng.uniform(0.3, 0.7)) + rng.uniform(-0.6, 0.6) * (y - h / 2)
        bright *= 1 - shadow / (1 + np.exp(-edge / rng.uniform(10, 40)))
    if flash:
        middle = rng.uniform(0.3, 0.7, 2) * (w, h)
        bright += flash * np.exp(-((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / (2 * (0.15 * w) ** 2))
    seen = Image.fromarray(np.clip(grey * bright, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur))
    levels = np.clip(np.asarray(seen, np.float64) + rng.normal(0, noise, (h, w)), 0, 255)
    held = io.BytesIO()
    Image.fromarray(np.clip(levels[..., None] * (1.0, 0.96, 0.86), 0, 255).astype(np.uint8)).save(held, "JPEG", quality=quality)
    return Image.open(held)


def conditions(rng: Any) -> dict[str, Any]:
    """How one photograph is taken: by chance, each difficulty in a part of them."""
    return {
        "turn": float(rng.choice([rng.normal(0, 4), 90 + rng.normal(0, 4), 180 + rng.normal(0, 4), rng.uniform(0, 360)])),
        "tilt": float(rng.uniform(0, 0.1)),
        "curl": float(rng.choice([0, rng.uniform(0, 16)])),
        "shadow": float(rng.choice([0, rng.uniform(0.2, 0.55)])),
        "flash": float(rng.choice([0, 0, rng.uniform(0.1, 0.35)])),
        "blur": float(rng.uniform(0.5, 1.6)),
        "noise": float(rng.uniform(2, 10)),
        "light": float(rng.uniform(0.5, 1.0)),
        "quality": int(rng.integers(50, 92)),
        "longer": int(rng.integers(1800, 3000)),
    }


def right(readings: list[Reading], truth: list[Any]) -> list[bool]:
    """Whether each box was read as what its writer wrote into it."""
    return [
        one.state == OK and float(np.corrcoef(one.picture.ravel(), own.ravel())[0, 1]) > RIGHT
        for one, own in zip(readings, truth, strict=True)
    ]


def one(seed: int, people: list[dict[str, list[Strokes]]]) -> tuple[Image.Image, list[Any], dict[str, Any]]:
    """A photograph by its number, with what was written, and how it was taken."""
    rng = np.random.default_rng(seed)
    paper, pencil = str(rng.choice(list(CODES))), bool(rng.random() < 0.35)
    pen = float(rng.uniform(0.45, 1.1))
    page, truth = fill(sheet_of(paper), people[seed % len(people)], rng, pen, pencil)
    how = conditions(rng)
    return photographed(page, rng, **how), truth, {"paper": paper, "pencil": pencil, "pen": pen} | how


def main() -> None:
    parser = argparse.ArgumentParser(description="The share of boxes read right, over simulated photographs.")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path)
    given = parser.parse_args()
    people, total, good, seconds = writers(uji()), 0, 0, 0.0
    for seed in range(given.seed, given.seed + given.count):
        photo, truth, how = one(seed, people)
        if given.save:
            given.save.mkdir(parents=True, exist_ok=True)
            photo.save(given.save / f"photo{seed}.jpg")
        begin = time.perf_counter()
        try:
            readings = read_boxes(*straightened(photo, "photo"), "photo")
        except DataError as error:
            print(seed, 0, error, how, flush=True)
            total += len(truth)
            continue
        seconds += time.perf_counter() - begin
        found = right(readings, truth)
        total, good = total + len(found), good + sum(found)
        states = Counter(one.state for one in readings)
        bad = "".join(one.box.character for one, fine in zip(readings, found, strict=True) if not fine)
        if sum(found) < 120:
            print(seed, sum(found), dict(states), bad, {k: round(v, 2) if isinstance(v, float) else v for k, v in how.items()})
        else:
            print(seed, sum(found), dict(states), bad, flush=True)
    print(f"{good} of {total} boxes right: {good / total:.2%}; {seconds / given.count:.1f} s a photograph")


if __name__ == "__main__":
    main()
