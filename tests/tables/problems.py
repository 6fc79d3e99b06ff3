"""What a table is about: columns with known rules between them, so that a reader that mixes them up is found out.

A problem is written once, and `cases.py` writes it into files in many ways. Nothing here knows how byhand reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class Problem:
    """Columns by name, numbers or words; `target` is the one to learn, by the others.

    Attributes:
        columns: name -> values, in the order of the file, the target among them.
        numbers: whether the target is a number to learn, and no class.
        ignored: columns that say nothing about the target, and must not be learned from.
    """

    columns: dict[str, Sequence[Any]]
    target: str
    numbers: bool = False
    ignored: tuple[str, ...] = field(default=())

    @property
    def n(self) -> int:
        return len(self.columns[self.target])

    def x(self) -> np.ndarray[Any, Any]:
        """What scikit-learn gets: numbers as they are, words one-hot."""
        parts = []
        for name, values in self.columns.items():
            if name == self.target or name in self.ignored:
                continue
            column = np.array(values)
            if column.dtype.kind in "fiub":
                parts.append(column.astype(float)[:, None])
            else:
                parts.append((column[:, None] == np.unique(column)).astype(float))
        return np.concatenate(parts, axis=1)

    def y(self) -> np.ndarray[Any, Any]:
        return np.array(self.columns[self.target], float if self.numbers else str)

    def rows(self, rows: NDArray[np.intp]) -> Problem:
        """The same with these rows alone."""
        columns = {name: [values[i] for i in rows.tolist()] for name, values in self.columns.items()}
        return Problem(columns, self.target, self.numbers, self.ignored)

    def moved(self, name: str, place: int) -> Problem:
        """The same with this column elsewhere."""
        names = [one for one in self.columns if one != name]
        names.insert(place if place >= 0 else len(names) + 1 + place, name)
        return Problem({one: self.columns[one] for one in names}, self.target, self.numbers, self.ignored)

    def renamed(self, names: dict[str, str]) -> Problem:
        columns = {names.get(one, one): values for one, values in self.columns.items()}
        return Problem(columns, names.get(self.target, self.target), self.numbers, tuple(names.get(i, i) for i in self.ignored))

    def beside(self, ignored: bool = True, first: bool = False, **columns: Sequence[Any]) -> Problem:
        """The same with further columns."""
        both = {**columns, **self.columns} if first else {**self.columns, **columns}
        if not first:
            both[self.target] = both.pop(self.target)
        return Problem(both, self.target, self.numbers, (*self.ignored, *(columns if ignored else ())))


def flowers(seed: int = 0, n: int = 150, words: Sequence[str] = ("rose", "tulip", "lily"), far: float = 1.0) -> Problem:
    """Blobs of four measurements, one for each word, in random order."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).uniform(1, 8, (len(words), 4)) * far
    k = rng.permutation(np.arange(n) % len(words))
    x = np.round(centres[k] + rng.normal(0, 1, (n, 4)), 3)
    columns: dict[str, Sequence[Any]] = {name: x[:, i].tolist() for i, name in enumerate(("len", "wid", "h", "w"))}
    return Problem({**columns, "species": [words[i] for i in k]}, "species")


def rings(seed: int = 0, n: int = 600) -> Problem:
    """Inside, between and outside of two circles: no straight line helps, and the scales of the columns differ a lot."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (n, 2))
    r = np.hypot(x[:, 0], x[:, 1])
    k = np.digitize(r, (0.75, 1.5))
    return Problem(
        {"income": np.round(52_000 + 21_000 * x[:, 0], 2).tolist(), "ratio": np.round(0.004 + 0.0007 * x[:, 1], 7).tolist(),
         "group": [("inner", "middle", "outer")[i] for i in k]}, "group")  # fmt: skip


def salaries(seed: int = 0, n: int = 600) -> Problem:
    rng = np.random.default_rng(seed)
    age, salary = np.round(rng.uniform(18, 70, n)), np.round(rng.uniform(20_000, 120_000, n))
    return Problem(
        {"age": age.astype(int).tolist(), "salary": salary.astype(int).tolist(),
         "class": np.where(salary + 500 * age > 90_000, "rich", "poor").tolist()}, "class")  # fmt: skip


def customers(seed: int = 0, n: int = 800) -> Problem:
    """Words and numbers together decide: who stays, by contract, region and charges, with a rule of exclusive or."""
    rng = np.random.default_rng(seed)
    contract, region = rng.choice(["monthly", "one year", "two years"], n), rng.choice(["north", "south, east", "west"], n)
    charge, months = np.round(rng.gamma(4, 18, n), 2), rng.integers(1, 72, n)
    score = 1.6 * (contract == "monthly") - 0.05 * months + 0.02 * charge + 1.2 * ((region == "west") ^ (charge > 70))
    churn = np.where(score + rng.logistic(0, 0.25, n) > 1.0, "Yes", "No")
    return Problem(
        {"contract": contract.tolist(), "region": region.tolist(), "charge": charge.tolist(), "months": months.tolist(),
         "Churn": churn.tolist()}, "Churn")  # fmt: skip


def flats(seed: int = 0, n: int = 400, whole: bool = False) -> Problem:
    """The price of a flat."""
    rng = np.random.default_rng(seed)
    area, rooms = np.round(rng.uniform(20, 150, n), 1), rng.integers(1, 6, n)
    price = 3_000 * area + 15_000 * rooms + rng.normal(0, 9_000, n)
    prices = price.astype(int).tolist() if whole else np.round(price, 2).tolist()
    return Problem({"area": area.tolist(), "rooms": rooms.tolist(), "price": prices}, "price", numbers=True)


def friedman(seed: int = 0, n: int = 800, scale: float = 1.0, shift: float = 0.0) -> Problem:
    """Friedman's first: 10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5, ten columns of which five do nothing."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.uniform(0, 1, (n, 10)), 4)
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4] + rng.normal(0, 1, n)
    columns: dict[str, Sequence[Any]] = {f"x{i + 1}": x[:, i].tolist() for i in range(10)}
    return Problem({**columns, "result": [float(f"{shift + scale * v:.6g}") for v in y]}, "result", numbers=True)


def cars(seed: int = 0, n: int = 500) -> Problem:
    """Fuel by weight, power and make: a number from numbers and words, with a skewed error."""
    rng = np.random.default_rng(seed)
    make, weight = rng.choice(["Fiat", "Volvo", "Škoda"], n), rng.integers(1_500, 5_000, n)
    power = np.round(30 + weight / 30 + rng.normal(0, 15, n))
    mpg = 60 - 0.009 * weight - 0.04 * power + 4 * (make == "Fiat") + rng.gamma(2, 0.7, n)
    return Problem(
        {"make": make.tolist(), "weight": weight.tolist(), "power": power.astype(int).tolist(),
         "mpg": np.round(mpg, 1).tolist()}, "mpg", numbers=True)  # fmt: skip


def curve(seed: int = 0, n: int = 300) -> Problem:
    rng = np.random.default_rng(seed)
    t = np.round(rng.uniform(-3, 3, n), 3)
    return Problem({"t": t.tolist(), "s": np.round(np.sin(2 * t) + rng.normal(0, 0.05, n), 4).tolist()}, "s", numbers=True)


def letters(seed: int = 0, n: int = 2_600) -> Problem:
    """Twenty-six classes that are words, by sixteen small whole numbers."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).uniform(2, 13, (26, 16))
    k = rng.permutation(np.arange(n) % 26)
    x = np.clip(np.round(centres[k] + rng.normal(0, 2.3, (n, 16))), 0, 15).astype(int)
    return Problem({"letter": [chr(65 + i) for i in k], **{f"f{j}": x[:, j].tolist() for j in range(16)}}, "letter")


def patients(seed: int = 0, n: int = 569) -> Problem:
    """As a well-known table of tumours: numbers for identification, then the diagnosis, then thirty measurements."""
    rng = np.random.default_rng(seed)
    k = (rng.random(n) < 0.37).astype(int)
    latent = rng.normal(0, 1, (n, 6)) + k[:, None] * np.array([1.6, 1.1, 0.4, 0.8, 0, 0])
    x = latent @ np.random.default_rng(3).normal(0, 1, (6, 30)) + rng.normal(0, 0.6, (n, 30))
    x = np.round(x * 10.0 ** np.random.default_rng(4).integers(-3, 4, 30), 6)
    ids = rng.choice(np.arange(8_000, 92_000_000), n, replace=False)
    return Problem(
        {"id": ids.tolist(), "diagnosis": np.where(k, "M", "B").tolist(), **{f"m{j}": x[:, j].tolist() for j in range(30)}},
        "diagnosis", ignored=("id",))  # fmt: skip


def wide(seed: int = 0, n: int = 120, d: int = 300) -> Problem:
    rng = np.random.default_rng(seed)
    k = rng.permutation(np.arange(n) % 2)
    x = np.round(rng.normal(0, 1, (n, d)) + 0.35 * k[:, None] * (np.arange(d) < 60), 4)
    return Problem({**{f"g{j}": x[:, j].tolist() for j in range(d)}, "kind": [("case", "control")[i] for i in k]}, "kind")


def uneven(seed: int = 0, n: int = 1_500) -> Problem:
    """Four in a hundred are frauds, and most of them can be told."""
    rng = np.random.default_rng(seed)
    k = (rng.random(n) < 0.04).astype(int)
    x = np.round(rng.normal(0, 1, (n, 5)) + 2.2 * k[:, None] * np.array([1, -1, 0.5, 0, 0]), 4)
    return Problem({**{f"v{j}": x[:, j].tolist() for j in range(5)}, "is_fraud": k.tolist()}, "is_fraud")


def mushrooms(seed: int = 0, n: int = 900) -> Problem:
    """Nothing but single letters, the class among them and in front."""
    rng = np.random.default_rng(seed)
    cap, odour, gill, ring = (rng.choice(list(some), n) for some in ("bcxf", "alnfp", "bn", "ewy"))
    bad = (np.isin(odour, ["f", "p"]) | ((odour == "n") & (cap == "x") & (gill == "b"))) ^ (rng.random(n) < 0.02)
    columns = {"cap": cap, "odour": odour, "gill": gill, "ring": ring}
    return Problem({"class": np.where(bad, "p", "e").tolist(), **{k: v.tolist() for k, v in columns.items()}}, "class")


def wines(seed: int = 0, n: int = 178) -> Problem:
    """Classes 1, 2, 3 in front, sorted, and measurements on scales from 0.1 to 1,000 behind."""
    rng = np.random.default_rng(seed)
    k = np.sort(np.arange(n) % 3)
    centre, spread = np.random.default_rng(11).normal(0, 1, (3, 8)), np.array([0.5, 1, 2, 10, 0.2, 0.1, 1, 300.0])
    x = np.array([13, 2, 20, 100, 2, 0.4, 5, 750.0]) + spread * (0.8 * centre[k] + rng.normal(0, 0.7, (n, 8)))
    x = np.round(x, 2)
    named: dict[str, Sequence[Any]] = {f"c{j}": x[:, j].tolist() for j in range(7)}
    return Problem({"class": (k + 1).tolist(), **named, "proline": x[:, 7].astype(int).tolist()}, "class")
