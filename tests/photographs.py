"""Simulated photographs of handwritten digits, and how many of them a model reads.

`python -m tests.photographs [--count 300] [--held-out]` reads so many of each condition, 30 unless told, as `byhand predict`
does.

Tuning strokes are the repository's own (`browser/drawings.json`); held-out ones are the UJI pen characters, where `BYHAND_DATA`
has them, which nothing was tuned on. The same seed gives the same photographs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Strokes = list[NDArray[np.float64]]
WIDTH, HEIGHT = 640, 480
EACH = 30
LIGHTS = (0, 10, 20, 30, 40, 50)


def own_strokes() -> list[tuple[int, Strokes]]:
    """Digits as strokes of a pen, recorded for the tests of the page."""
    drawings = json.loads((Path(__file__).parent / "browser" / "drawings.json").read_text())["drawings"]
    return [(drawing["digit"], [np.array(stroke) for stroke in drawing["strokes"]]) for drawing in drawings]


def uji_strokes(file: Path) -> list[tuple[int, Strokes]]:
    """The digits of the UJI pen characters."""
    found = []
    for segment in file.read_text().split(".SEGMENT CHARACTER")[1:]:
        name = re.search(r'"(.)"', segment)
        if name and name[1].isdigit():
            texts = re.findall(r"\.PEN_DOWN\n((?:\s*-?\d+\s+-?\d+\n)+)", segment)
            found.append((int(name[1]), [np.array(text.split(), float).reshape(-1, 2) for text in texts]))
    return found


def drawn(strokes: Strokes, height: float, width: float, centre: tuple[float, float], turn: float) -> Image.Image:
    """The strokes as a mask of ink, at twice the size of the photograph."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    size = height / max(high - low)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    mask = Image.new("L", (2 * WIDTH, 2 * HEIGHT))
    pen = ImageDraw.Draw(mask)
    for stroke in strokes:
        at = ((stroke - (low + high) / 2) * size) @ np.array([[c, s], [-s, c]]) + centre
        line = [(2 * x, 2 * y) for x, y in at]
        if len(line) > 1:
            pen.line(line, fill=255, width=round(2 * width), joint="curve")
        for x, y in (line[0], line[-1]):
            pen.ellipse((x - width, y - width, x + width, y + width), fill=255)
    return mask.resize((WIDTH, HEIGHT), Image.Resampling.BOX)


def on_a_sheet(digits: list[Strokes], rng: np.random.Generator, pencil: bool, turn: float) -> tuple[NDArray[np.float64], float]:
    """The ink of several digits, in lines from the left, each up to three; and how far the sheet is turned."""
    angle = rng.uniform(-turn, turn)
    share = rng.uniform(0.025, 0.04) if pencil else rng.uniform(0.06, 0.1)
    lines, ink = [digits[i : i + 3] for i in range(0, len(digits), 3)], np.zeros((HEIGHT, WIDTH))
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    for row, line in enumerate(lines):
        for column, strokes in enumerate(line):
            height = rng.uniform(90, 120)
            x = 150 * (column - 1) + rng.uniform(-10, 10)
            y = 170 * (row - (len(lines) - 1) / 2) + rng.uniform(-10, 10)
            centre = (WIDTH / 2 + c * x - s * y, HEIGHT / 2 + s * x + c * y)
            ink = np.maximum(ink, np.asarray(drawn(strokes, height, share * height, centre, angle), float) / 255)
    return ink, angle


def photograph(
    strokes: Strokes | list[Strokes],
    rng: np.random.Generator,
    *,
    falloff: float = 0,
    shadow: bool = False,
    paper: str = "",
    pencil: bool = False,
    blur: float = 0.6,
    turn: float = 0,
    several: bool = False,
) -> Image.Image:
    """One photograph, of one digit or of `several`: paper with its lines, ink on it, light on both, and then the camera's
    blur, noise and compression.
    """
    if several:
        ink, angle = on_a_sheet(strokes, rng, pencil, turn)  # type: ignore[arg-type]
    else:
        height = rng.uniform(140, 300)
        centre = (rng.uniform(0.4, 0.6) * WIDTH, rng.uniform(0.42, 0.58) * HEIGHT)
        angle = rng.uniform(-turn, turn)
        width = height * (rng.uniform(0.025, 0.04) if pencil else rng.uniform(0.045, 0.09))
        ink = np.asarray(drawn(strokes, height, width, centre, angle), float) / 255  # type: ignore[arg-type]
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    sheet = np.full(ink.shape, rng.uniform(0.82, 0.95))
    pitch, skew = rng.uniform(24, 40), np.tan(np.radians(angle / 2 if turn else rng.uniform(-2, 2)))
    for along in {"squared": [y + skew * x, x - skew * y], "lined": [y + skew * x]}.get(paper, []):
        sheet *= 1 - rng.uniform(0.15, 0.3) * np.clip(1.2 - np.abs((along + pitch / 3) % pitch - pitch / 2), 0, 1)
    darkness = rng.uniform(0.35, 0.6) if pencil else rng.uniform(0.75, 0.92)
    if pencil:
        ink = ink * rng.uniform(0.7, 1, ink.shape)
    sheet = sheet * (1 - darkness * ink)
    way = rng.uniform(0, 2 * np.pi)
    across = np.cos(way) * (x / WIDTH - 0.5) + np.sin(way) * (y / HEIGHT - 0.5)
    light = 1 - falloff * (across - across.min()) / np.ptp(across)
    if shadow:
        edge = across * WIDTH + 30 * np.sin(y / 90 + way) - rng.uniform(-80, 80)
        light = light * (1 - rng.uniform(0.3, 0.5) / (1 + np.exp(-edge / rng.uniform(6, 20))))
    levels = Image.fromarray(np.clip(255 * sheet * light, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur))
    return Image.fromarray(np.clip(np.asarray(levels, float) + rng.normal(0, 3, ink.shape), 0, 255).astype(np.uint8))


CONDITIONS: dict[str, dict[str, object]] = {
    **{f"light falls off by {light} %": {"falloff": light / 100} for light in LIGHTS},
    "a hand's shadow": {"shadow": True},
    "squared paper": {"paper": "squared"},
    "lined paper": {"paper": "lined"},
    "pencil": {"pencil": True},
    "blurred": {"blur": 3.0},
    "turned by up to 10 degrees": {"turn": 10},
    "squared, in pencil": {"paper": "squared", "pencil": True},
    "squared, 30 %, shadow": {"paper": "squared", "falloff": 0.3, "shadow": True},
}


def photographs(strokes: list[tuple[int, Strokes]], condition: str, count: int = EACH) -> Iterator[tuple[int, Image.Image]]:
    """So many photographs of a condition, with the digit on each: by strokes that all differ, of all writers."""
    rng = np.random.default_rng([ord(letter) for letter in condition])
    for number in range(count):
        digit, one = strokes[(11 * number) % len(strokes)]
        yield digit, photograph(one, rng, **CONDITIONS[condition])  # type: ignore[arg-type]


def share_read(read: Callable[[Image.Image], str], strokes: list[tuple[int, Strokes]], condition: str, count: int = EACH) -> int:
    """How many of the photographs are read right."""
    return sum(read(picture) == str(digit) for digit, picture in photographs(strokes, condition, count))


SHEETS: dict[str, dict[str, object]] = {
    "several on one sheet": {},
    "several, squared, 30 %, shadow": {"paper": "squared", "falloff": 0.3, "shadow": True},
    "several, turned by 10 degrees": {"turn": 10},
}


def sheets(strokes: list[tuple[int, Strokes]], condition: str, count: int) -> Iterator[tuple[list[str], Image.Image]]:
    """Photographs of two to six digits each, so many digits in all, with the digits of each in reading order."""
    rng = np.random.default_rng([ord(letter) for letter in condition])
    number = 0
    while number < count:
        many = min(int(rng.integers(2, 7)), count - number)
        chosen = [strokes[(11 * (number + k)) % len(strokes)] for k in range(many)]
        number += many
        yield (
            [str(digit) for digit, _ in chosen],
            photograph([one for _, one in chosen], rng, several=True, **SHEETS[condition]),  # type: ignore[arg-type]
        )


def as_predict_reads(folder: Path) -> Callable[[Image.Image], str]:
    """What `byhand predict mnist-cnn` reads in a picture: a digit, or several with spaces and lines."""
    from byhand.read_pictures import predict
    from byhand.shipped import open_model

    model = open_model("mnist-cnn")

    def read(picture: Image.Image) -> str:
        picture.save(folder / "photograph.png")
        return str(predict(model, [folder / "photograph.png"])[0].class_name)

    return read


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.photographs")
    parser.add_argument("--count", type=int, default=EACH, help=f"digits of each condition; {EACH} unless given")
    parser.add_argument("--held-out", action="store_true", help="only strokes that nothing was tuned on")
    asked = parser.parse_args()
    sets = {} if asked.held_out else {"own strokes": own_strokes()}
    uji = Path(os.environ.get("BYHAND_DATA", ""), "uji", "ujipenchars-7writers.txt")
    if uji.is_file():
        sets["UJI (held out)"] = uji_strokes(uji)
    elif asked.held_out:
        parser.error(f"{uji} is not there: set BYHAND_DATA to the folder that holds uji/")
    print(f"of {asked.count} digits each, read right by mnist-cnn")
    print(f"{'':<32}" + "".join(f"{name:>18}" for name in sets))
    with tempfile.TemporaryDirectory() as folder:
        read = as_predict_reads(Path(folder))
        for condition in [*CONDITIONS, *SHEETS]:
            counts = []
            for strokes in sets.values():
                if condition in CONDITIONS:
                    counts.append(share_read(read, strokes, condition, asked.count))
                    continue
                pairs = [(digits, read(picture).split()) for digits, picture in sheets(strokes, condition, asked.count)]
                # Where too many or too few were cut out none counts: nobody could tell which is which.
                whole = [pair for pair in pairs if len(pair[0]) == len(pair[1])]
                counts.append(sum(a == b for digits, found in whole for a, b in zip(digits, found, strict=True)))
            shares = "".join(f"{count:>9} ({100 * count / asked.count:5.1f} %)" for count in counts)
            print(f"{condition:<32}{shares}", flush=True)


if __name__ == "__main__":
    main()
