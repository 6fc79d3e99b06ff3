"""Files of tables in the ways that spreadsheets, libraries and archives write them; each with what is really in it.

Written from what people have and what issue trackers show, without a look at how byhand reads.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tests.tables import problems
from tests.tables.problems import Problem

Seed = int


@dataclass
class Case:
    """A file, its problem, and words that the training must say: nothing may be left out or changed in silence."""

    name: str
    file: str
    content: bytes
    problem: Problem
    says: tuple[str, ...] = field(default=())
    header: bool = True
    files: dict[str, bytes] = field(default_factory=dict)  # of a folder, by their places in it
    held: Any = None  # the rows of a test part of its own

    def write(self, place: Path) -> Path:
        """Put it there; returns its path."""
        for name, content in self.files.items() or [("", self.content)]:
            path = place / self.file / name if name else place / self.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return place / self.file


CASES: dict[str, Callable[[Seed], Case]] = {}


def case(make: Callable[[Seed], Case]) -> Callable[[Seed], Case]:
    CASES[make.__name__] = make
    return make


def text(
    problem: Problem,
    *,
    header: bool = True,
    sep: str = ",",
    eol: str = "\n",
    quote: str = "needed",
    cell: Callable[[Any], str] = str,
    trailing: str = "",
) -> str:
    """The table as text. quote: "needed", "words", "all"."""

    def written(value: Any) -> str:
        shown = value if isinstance(value, str) else cell(value)
        wanted = quote == "all" or (quote == "words" and isinstance(value, str)) or any(c in shown for c in (sep, '"', "\n"))
        return '"' + shown.replace('"', '""') + '"' if wanted else shown

    rows: Iterable[Sequence[Any]] = zip(*problem.columns.values(), strict=True)
    if header:
        rows = [list(problem.columns), *rows]
    return "".join(sep.join(map(written, row)) + trailing + eol for row in rows)


def comma(value: Any) -> str:
    return str(value).replace(".", ",")


def german(value: Any) -> str:
    """1.234,56"""
    return f"{value:,}".replace(",", " ").replace(".", ",").replace(" ", ".")


def _case(
    name: str, problem: Problem, file: str, content: str | bytes, *says: str, encoding: str = "utf-8", header: bool = True
) -> Case:
    return Case(name, file, content if isinstance(content, bytes) else content.encode(encoding), problem, says, header)


# ---------------------------------------------------------------- separators, encodings, quotes


@case
def plain_without_header(seed: Seed) -> Case:
    p = problems.flowers(seed)
    return _case("plain_without_header", p, "flowers.csv", text(p, header=False), header=False)


@case
def header_and_last(seed: Seed) -> Case:
    p = problems.flowers(seed)
    return _case("header_and_last", p, "flowers.csv", text(p), "species")


@case
def label_first(seed: Seed) -> Case:
    p = problems.flowers(seed).moved("species", 0)
    return _case("label_first", p, "flowers.csv", text(p), "species")


@case
def called_label(seed: Seed) -> Case:
    p = problems.flowers(seed).renamed({"species": "Label"}).moved("Label", 0)
    return _case("called_label", p, "data.csv", text(p), "Label")


@case
def target_in_the_middle(seed: Seed) -> Case:
    p = problems.rings(seed).renamed({"group": "target"}).moved("target", 1)
    return _case("target_in_the_middle", p, "data.csv", text(p), "target")


@case
def semicolons(seed: Seed) -> Case:
    p = problems.rings(seed)
    return _case("semicolons", p, "rings.csv", text(p, sep=";"), "group")


@case
def semicolons_and_decimal_commas(seed: Seed) -> Case:
    p = problems.rings(seed)
    return _case("semicolons_and_decimal_commas", p, "rings.csv", text(p, sep=";", cell=comma), "comma")


@case
def german_export(seed: Seed) -> Case:
    """Excel in German: semicolons, decimal commas, dots between thousands, Windows-1252, umlauts, CRLF."""
    p = problems.flats(seed).renamed({"area": "Fläche", "rooms": "Räume", "price": "Preis"})
    return _case("german_export", p, "Wohnungen.csv", text(p, sep=";", eol="\r\n", cell=german), "Preis", encoding="cp1252")


@case
def decimal_commas_without_header(seed: Seed) -> Case:
    p = problems.flowers(seed)
    content = text(p, header=False, sep=";", cell=comma)
    return _case("decimal_commas_without_header", p, "mess.csv", content, header=False)


@case
def tabs(seed: Seed) -> Case:
    p = problems.customers(seed)
    return _case("tabs", p, "customers.tsv", text(p, sep="\t"), "Churn")


@case
def tabs_called_csv(seed: Seed) -> Case:
    p = problems.flowers(seed)
    return _case("tabs_called_csv", p, "flowers.csv", text(p, sep="\t"), "species")


@case
def pipes(seed: Seed) -> Case:
    p = problems.customers(seed)
    return _case("pipes", p, "customers.csv", text(p, sep="|"), "Churn")


@case
def bom_and_crlf(seed: Seed) -> Case:
    p = problems.flowers(seed).moved("species", 0)
    return _case("bom_and_crlf", p, "flowers.csv", text(p, eol="\r\n"), "species", encoding="utf-8-sig")


@case
def utf16_from_excel(seed: Seed) -> Case:
    """Excel's "Unicode text": tabs, UTF-16 with a mark."""
    p = problems.cars(seed)
    return _case("utf16_from_excel", p, "cars.csv", text(p, sep="\t", eol="\r\n"), "mpg", encoding="utf-16")


@case
def sep_line_of_excel(seed: Seed) -> Case:
    p = problems.rings(seed)
    return _case("sep_line_of_excel", p, "rings.csv", "sep=;\r\n" + text(p, sep=";", eol="\r\n"), "group")


@case
def everything_quoted(seed: Seed) -> Case:
    p = problems.customers(seed)
    return _case("everything_quoted", p, "customers.csv", text(p, quote="all"), "Churn")


@case
def latin1_classes(seed: Seed) -> Case:
    p = problems.flowers(seed, words=("größe", "höhe", "maß"))
    return _case("latin1_classes", p, "blumen.csv", text(p), "species", encoding="latin-1")


@case
def old_mac_line_ends(seed: Seed) -> Case:
    p = problems.flowers(seed)
    return _case("old_mac_line_ends", p, "flowers.csv", text(p, eol="\r"), "species")


@case
def compressed(seed: Seed) -> Case:
    p = problems.salaries(seed)
    return _case("compressed", p, "salaries.csv.gz", gzip.compress(text(p).encode()), "class")


@case
def blanks_around_cells(seed: Seed) -> Case:
    """As in archives of the nineties: ", " between cells, no header."""
    p = problems.customers(seed)
    return _case("blanks_around_cells", p, "adult.data", text(p, header=False, sep=", ", quote="needed"), header=False)


@case
def columns_of_blanks(seed: Seed) -> Case:
    """As numpy.savetxt and Fortran write: blanks between, several where numbers are short."""
    p = problems.friedman(seed)
    rows = zip(*p.columns.values(), strict=True)
    return _case("columns_of_blanks", p, "friedman.data", "".join("".join(f"{v:>12.6g}" for v in row) + "\n" for row in rows),
                 header=False)  # fmt: skip


@case
def a_separator_at_each_end(seed: Seed) -> Case:
    p = problems.patients(seed)
    return _case("a_separator_at_each_end", p, "patients.csv", text(p, trailing=","), "diagnosis", "id")


@case
def empty_lines(seed: Seed) -> Case:
    p = problems.flowers(seed)
    lines = text(p).splitlines()
    return _case("empty_lines", p, "flowers.csv", "\n".join([*lines[:40], "", *lines[40:], "", "", ""]), "species")


@case
def line_ends_inside_cells(seed: Seed) -> Case:
    p = problems.flowers(seed, words=("rose\nof old", "tulip", 'the "lily"'))
    return _case("line_ends_inside_cells", p, "flowers.csv", text(p), "species")


# ---------------------------------------------------------------- what other programs add


@case
def index_of_pandas(seed: Seed) -> Case:
    p = problems.rings(seed).beside(first=True, **{"": list(range(600))})
    return _case("index_of_pandas", p, "frame.csv", text(p), "group")


@case
def frame_without_names(seed: Seed) -> Case:
    """A DataFrame of an array: its columns are called 0, 1, 2."""
    p = problems.flowers(seed).renamed({name: str(i) for i, name in enumerate(("len", "wid", "h", "w", "species"))})
    return _case("frame_without_names", p, "array.csv", text(p))


@case
def frame_without_names_and_index(seed: Seed) -> Case:
    p = problems.flowers(seed).renamed({name: str(i) for i, name in enumerate(("len", "wid", "h", "w"))})
    p = p.beside(first=True, **{"": list(range(150))})
    return _case("frame_without_names_and_index", p, "array.csv", text(p), "species")


@case
def iris_of_kaggle(seed: Seed) -> Case:
    """Sorted by class, and numbered: who learns from the number learns nothing else."""
    p = problems.flowers(seed)
    order = np.argsort(np.array(p.columns["species"]), kind="stable")
    p = Problem({name: [values[i] for i in order] for name, values in p.columns.items()}, p.target)
    p = p.beside(first=True, Id=list(range(1, 151))).renamed({"species": "Species"})
    return _case("iris_of_kaggle", p, "Iris.csv", text(p), "Species", "Id")


@case
def row_names_of_r(seed: Seed) -> Case:
    """R's write.table: a header that is one name short, as the rows' names have none."""
    p = problems.flowers(seed)
    rows = [f'"{i + 1}" ' + line for i, line in enumerate(text(p, header=False, sep=" ", quote="words").splitlines())]
    header = " ".join(f'"{name}"' for name in p.columns)
    return _case("row_names_of_r", p, "flowers.csv", "\n".join([header, *rows]) + "\n", "species")


@case
def csv_of_r(seed: Seed) -> Case:
    p = problems.cars(seed)
    p = p.beside(first=True, **{"": [str(i + 1) for i in range(p.n)]})
    return _case("csv_of_r", p, "mtcars.csv", text(p, quote="words"), "mpg")


@case
def customers_with_an_id(seed: Seed) -> Case:
    rng = np.random.default_rng(seed)
    p = problems.customers(seed)
    ids = [f"{rng.integers(1000, 9999)}-{''.join(rng.choice(list('ABCDEFGHKLMNPQRSTUVWXYZ'), 5))}" for _ in range(p.n)]
    p = p.beside(first=True, customerID=ids)
    return _case("customers_with_an_id", p, "churn.csv", text(p), "customerID", "Churn")


@case
def a_column_without_values(seed: Seed) -> Case:
    """As Kaggle's table of tumours: a comma too many at the end of the header too."""
    p = problems.patients(seed)
    return _case("a_column_without_values", p, "data.csv", text(p, trailing=","), "diagnosis")


@case
def passengers(seed: Seed) -> Case:
    """Names that are all different, tickets, and the target in second place."""
    rng = np.random.default_rng(seed)
    n = 700
    sex, fare, pclass = rng.choice(["male", "female"], n), np.round(rng.gamma(2, 16, n), 4), rng.integers(1, 4, n)
    survived = (1.8 * (sex == "female") - 0.7 * (pclass - 2) + 0.01 * fare + rng.logistic(0, 0.35, n) > 1.1).astype(int)
    p = Problem(
        {"PassengerId": list(range(1, n + 1)), "Survived": survived.tolist(), "Pclass": pclass.tolist(),
         "Name": [f"Passenger, Mr. {''.join(rng.choice(list('abcdefghij'), 7))} {i}" for i in range(n)],
         "Sex": sex.tolist(), "Fare": fare.tolist()}, "Survived", ignored=("PassengerId", "Name"))  # fmt: skip
    return _case("passengers", p, "train.csv", text(p), "Survived", "PassengerId", "Name")


# ---------------------------------------------------------------- numbers in the ways people write them


@case
def thousands_in_quotes(seed: Seed) -> Case:
    p = problems.salaries(seed)
    return _case("thousands_in_quotes", p, "salaries.csv", text(p, cell=lambda v: f"{v:,}"), "class", "salary")


@case
def units_and_percent(seed: Seed) -> Case:
    p = problems.customers(seed)
    rows = list(zip(*p.columns.values(), strict=True))
    content = "contract,region,charge,months,Churn\n" + "".join(f'{c},"{r}",${a:,.2f},{m}%,{k}\n' for c, r, a, m, k in rows)
    return _case("units_and_percent", p, "customers.csv", content, "Churn")


@case
def exponents_and_signs(seed: Seed) -> Case:
    p = problems.rings(seed)
    return _case("exponents_and_signs", p, "rings.csv", text(p, cell=lambda v: f"{v:+.6E}"), "group")


@case
def classes_as_floats(seed: Seed) -> Case:
    p = problems.flowers(seed, words=("0.0", "1.0", "2.0")).renamed({"species": "y"})
    return _case("classes_as_floats", p, "data.csv", text(p), "y")


@case
def minus_one_and_one(seed: Seed) -> Case:
    p = problems.flowers(seed, words=("-1", "1")).renamed({"species": "y"}).moved("y", 0)
    return _case("minus_one_and_one", p, "svm.csv", text(p), "y")


@case
def truth_of_pandas(seed: Seed) -> Case:
    p = problems.uneven(seed)
    p.columns["is_fraud"] = [str(bool(v)) for v in p.columns["is_fraud"]]
    return _case("truth_of_pandas", p, "cards.csv", text(p), "is_fraud")


@case
def inputs_that_are_true_and_false(seed: Seed) -> Case:
    rng = np.random.default_rng(seed)
    a, b, c = (rng.random(500) < 0.5 for _ in range(3))
    x = np.round(rng.normal(0, 1, 500), 3)
    y = np.where((a ^ b) | (c & (x > 0.3)), "yes", "no")
    p = Problem({"a": [str(v) for v in a], "b": [("no", "yes")[v] for v in b.astype(int)], "c": c.astype(int).tolist(),
                 "x": x.tolist(), "answer": y.tolist()}, "answer")  # fmt: skip
    return _case("inputs_that_are_true_and_false", p, "logic.csv", text(p), "answer")


# ---------------------------------------------------------------- what is in them


@case
def mnist_label_first(seed: Seed) -> Case:
    """Kaggle's digits: `label`, then 784 pixels. Few samples, as a first try has them."""
    return _case("mnist_label_first", *_digits(seed, header=True), "label")


@case
def mnist_without_header(seed: Seed) -> Case:
    return _case("mnist_without_header", *_digits(seed, header=False), header=False)


def _digits(seed: Seed, header: bool) -> tuple[Problem, str, str]:
    from byhand.data.mnist import load_mnist

    train = load_mnist().train
    few = np.random.default_rng(seed).permutation(len(train))[:1_250]
    pixels = np.round(train.flat[few] * 255).astype(int)
    p = Problem({"label": train.labels[few].tolist(), **{f"pixel{i}": pixels[:, i].tolist() for i in range(784)}}, "label")
    return p, "mnist_train.csv", text(p, header=header)


@case
def unscaled(seed: Seed) -> Case:
    p = problems.salaries(seed)
    return _case("unscaled", p, "salaries.csv", text(p), "class")


@case
def a_constant_column(seed: Seed) -> Case:
    p = problems.rings(seed).beside(country=["DE"] * 600, version=[3] * 600)
    return _case("a_constant_column", p, "rings.csv", text(p), "country", "version")


@case
def names_twice(seed: Seed) -> Case:
    p = problems.flowers(seed)
    return _case("names_twice", p, "flowers.csv", text(p).replace("len,wid,h,w", "size,size,size,w", 1), "species")


@case
def letters_in_front(seed: Seed) -> Case:
    p = problems.letters(seed)
    return _case("letters_in_front", p, "letter-recognition.data", text(p, header=False), header=False)


@case
def letters_as_numbers(seed: Seed) -> Case:
    p = problems.letters(seed).moved("letter", -1)
    p.columns["letter"] = [ord(v) - 65 for v in p.columns["letter"]]
    return _case("letters_as_numbers", p, "letters.csv", text(p), "letter")


@case
def wines_in_order(seed: Seed) -> Case:
    p = problems.wines(seed)
    return _case("wines_in_order", p, "wine.data", text(p, header=False), header=False)


@case
def wide_and_short(seed: Seed) -> Case:
    p = problems.wide(seed)
    return _case("wide_and_short", p, "genes.csv", text(p), "kind")


@case
def uneven_classes(seed: Seed) -> Case:
    p = problems.uneven(seed)
    return _case("uneven_classes", p, "cards.csv", text(p), "is_fraud")


@case
def words_only(seed: Seed) -> Case:
    p = problems.mushrooms(seed)
    return _case("words_only", p, "mushrooms.csv", text(p), "class")


@case
def words_only_without_header(seed: Seed) -> Case:
    p = problems.mushrooms(seed).moved("class", -1)
    return _case("words_only_without_header", p, "mushrooms.csv", text(p, header=False), header=False)


@case
def words_and_numbers(seed: Seed) -> Case:
    p = problems.customers(seed)
    return _case("words_and_numbers", p, "churn.csv", text(p), "Churn")


# ---------------------------------------------------------------- numbers to learn


@case
def price_of_a_flat(seed: Seed) -> Case:
    p = problems.flats(seed)
    return _case("price_of_a_flat", p, "flats.csv", text(p), "price")


@case
def whole_prices(seed: Seed) -> Case:
    p = problems.flats(seed, whole=True)
    return _case("whole_prices", p, "flats.csv", text(p), "price")


@case
def price_in_front(seed: Seed) -> Case:
    p = problems.flats(seed).moved("price", 0)
    return _case("price_in_front", p, "flats.csv", text(p), "price")


@case
def friedmans_first(seed: Seed) -> Case:
    p = problems.friedman(seed)
    return _case("friedmans_first", p, "friedman.csv", text(p), "result")


@case
def a_tiny_target(seed: Seed) -> Case:
    p = problems.friedman(seed, scale=1e-6, shift=3e-4)
    return _case("a_tiny_target", p, "tiny.csv", text(p), "result")


@case
def a_large_target(seed: Seed) -> Case:
    p = problems.friedman(seed, scale=1e6, shift=-2e7)
    return _case("a_large_target", p, "large.csv", text(p), "result")


@case
def fuel(seed: Seed) -> Case:
    p = problems.cars(seed)
    return _case("fuel", p, "cars.csv", text(p), "mpg")


@case
def fuel_with_names_of_cars(seed: Seed) -> Case:
    rng = np.random.default_rng(seed)
    p = problems.cars(seed)
    p = p.beside(**{"car name": [f"model {rng.integers(0, 10**6)} {i}" for i in range(p.n)]})
    return _case("fuel_with_names_of_cars", p, "auto-mpg.csv", text(p), "mpg", "car name")


@case
def a_curve(seed: Seed) -> Case:
    p = problems.curve(seed)
    return _case("a_curve", p, "curve.csv", text(p), "s")


@case
def skewed_prices(seed: Seed) -> Case:
    rng = np.random.default_rng(seed)
    p = problems.flats(seed, n=600)
    logarithm = np.log(np.array(p.columns["price"], float).clip(1_000)) * 1.4
    p.columns["price"] = np.round(np.exp(logarithm - 8 + rng.normal(0, 0.05, 600)), 2).tolist()
    return _case("skewed_prices", p, "houses.csv", text(p), "price")


from tests.tables import arrays  # noqa: E402, F401  # which adds its cases to CASES
