"""How like a person a trained hand writes, for the writers of UJI: whose letters are nearest to the drawn ones?

Half of the classes are given, read from one simulated photograph; the others the hand has to draw in the person's style alone.
Nearest is the smallest distance between blurred pictures, to a letter of the same class by each of the seven writers.

    BYHAND_DATA=... python -m tests.hand.likeness [--writer 2] [--writer 5]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from byhand.hand.boxes import OK, read_boxes
from byhand.hand.read import CHARACTERS_FILE
from byhand.hand.sheet import CHARACTERS, sheet_of
from byhand.hand.straighten import straightened
from byhand.hand.train import blurred, open_own_hand, train_hand
from byhand.writing.letters import Hand, Letter, judged, open_hand

from .simulated import fill, photographed, uji, writers

PAPER, SEED, GIVEN = "a4", 50, 31


def pen_of(writer: int) -> float:
    """In millimetres."""
    return 0.5 + 0.08 * writer


class Writers:
    """All seven, as blurred pictures without a camera: `rows[w][i]` of the sheet's box i."""

    def __init__(self) -> None:
        self.people, self.sheet = writers(uji()), sheet_of(PAPER)
        self.names = np.array([box.character for box in self.sheet.boxes])
        self.pictures = [
            np.stack(fill(self.sheet, one, np.random.default_rng(SEED + w), pen_of(w), False)[1])
            for w, one in enumerate(self.people)
        ]
        self.rows = [blurred(of) for of in self.pictures]

    def nearest(self, row: Any, character: str, but: tuple[int, int] | None = None) -> int:
        """The writer of the letter of this class that is nearest, leaving out one: (writer, box)."""
        boxes = np.flatnonzero(self.names == character)
        away = [min(float(np.linalg.norm(of[i] - row)) for i in boxes if (w, int(i)) != but) for w, of in enumerate(self.rows)]
        return int(np.argmin(away))

    def own(self, writer: int) -> float:
        """The share of a person's own letters whose nearest other letter is the person's."""
        hits = [
            self.nearest(row, name, (writer, i)) == writer
            for i, (row, name) in enumerate(zip(self.rows[writer], self.names, strict=True))
        ]
        return float(np.mean(hits))

    def judged(self, writer: int, given: set[str]) -> tuple[float, float]:
        """What the judge reads of the person's own letters as asked: of given classes, and of the others."""
        pairs = zip(self.names.tolist(), self.pictures[writer], strict=True)
        letters = judged([Letter(name, picture[None].astype(np.float32), np.ones(1)) for name, picture in pairs])
        read, of = np.array([letter.read for letter in letters]), np.array([name in given for name in self.names])
        return float(read[of].mean()), float(read[~of].mean())


def give(people: Writers, writer: int, folder: Path) -> set[str]:
    """Write what is read of a photograph of the person's sheet into a folder, half of the classes; returns these."""
    page, _ = fill(people.sheet, people.people[writer], np.random.default_rng(SEED + writer), pen_of(writer), False)
    photo = photographed(page, np.random.default_rng(SEED + writer), turn=3, curl=6, shadow=0.3)
    given = set(np.random.default_rng(writer).permutation(list(CHARACTERS))[:GIVEN].tolist())
    found = [one for one in read_boxes(*straightened(photo, "photo"), "photo") if one.state == OK and one.box.character in given]
    np.savez(
        folder / CHARACTERS_FILE,
        pictures=np.stack([np.round(one.picture * 255).astype(np.uint8) for one in found]),
        characters=np.array([one.box.character for one in found]),
        extents=np.array([one.extent for one in found], np.float32),
    )
    return given


def report(people: Writers, writer: int, what: str, hand: Hand, given: set[str]) -> None:
    """One line: of given classes and of the others, how often the person is nearest, and what the judge reads as asked."""
    names = sorted(CHARACTERS)
    drawn = hand.draw(names, [f"likeness {name}" for name in names])
    rows = blurred(np.stack([letter.ink for letter in drawn]))
    hit = np.array([people.nearest(row, name) == writer for row, name in zip(rows, names, strict=True)])
    read = np.array([letter.read for letter in judged(drawn)])
    of = np.array([name in given for name in names])
    nearest, judge = (f"{one[of].mean():.2f} given, {one[~of].mean():.2f} not given" for one in (hit, read))
    print(f"writer {writer}, {what}: nearest is the person {nearest}; the judge reads {judge}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Whose letters are nearest to those that a trained hand draws?")
    parser.add_argument("--writer", type=int, action="append", choices=range(7), help="from 0 to 6; several times for several")
    people = Writers()
    for writer in parser.parse_args().writer or [2, 5]:
        print(f"writer {writer}: of the person's own letters {people.own(writer):.2f} are nearest to the person's others")
        with tempfile.TemporaryDirectory(prefix="byhand-likeness-") as folder:
            given = give(people, writer, Path(folder))
            own = people.judged(writer, given)
            print(f"writer {writer}: of the person's own letters the judge reads {own[0]:.2f} given, {own[1]:.2f} not given")
            report(people, writer, "before", open_hand("pixels"), given)
            trained = train_hand(folder)
            print(f"writer {writer}: {trained.steps} steps, {trained.seconds:.0f} s, copying ratio {trained.ratio}")
            report(people, writer, "after", open_own_hand(folder).hand, given)


if __name__ == "__main__":
    main()
