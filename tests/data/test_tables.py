"""Tables: how they are written, which column is what, what is missing, and how their numbers are scaled."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byhand import data
from byhand.data.tables.cells import Notation, is_date
from byhand.data.tables.encoding import from_json
from byhand.data.tables.table import of_arrays, of_frame, read_table
from byhand.errors import DataError


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def table_of(n: int = 40, seed: int = 0, **more: Any) -> dict[str, Any]:
    """Two columns of numbers, further ones, and a target of two classes."""
    rng = np.random.default_rng(seed)
    kind = np.where(np.arange(n) % 2, "yes", "no")
    return {"a": rng.normal(0, 1, n) + 3 * (np.arange(n) % 2), "b": rng.normal(50, 9, n), **more, "kind": kind}


def refused(tmp_path: Path, text: str, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        data.load(str(written(tmp_path / "bad.csv", text)), **options)
    assert "\n" not in str(caught.value) and "bad.csv" in str(caught.value)
    return str(caught.value)


# ---------------------------------------------------------------- how it is written

BODY = "1,2.5,a\n3,4.25,b\n-1,0,a\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (BODY, "utf-8"),
        ("x,y,label\n" + BODY, "utf-8-sig"),
        (BODY.replace(",", ";"), "utf-8"),
        (BODY.replace(",", ";").replace(".", ","), "utf-8"),
        (BODY.replace(",", "\t").replace(".", ","), "utf-16"),
        ("x|y|label\n" + BODY.replace(",", "|"), "utf-16-le"),
        (BODY.replace(",", ", ").replace("\n", "\r\n"), "utf-8"),
        (BODY.replace("\n", "\r"), "utf-8"),
        ("sep=;\r\n" + BODY.replace(",", ";"), "utf-8"),
        ("\n\n" + BODY.replace("\n", "\n\n") + "\n,,\n", "utf-8"),
        ("x,y,label\n" + "".join(f"{line},\n" for line in BODY.splitlines()), "utf-8"),
        ("".join(f"{line},\n" for line in BODY.splitlines()), "utf-8"),
        ("x  y label\n" + BODY.replace(",", "   "), "utf-8"),
        ("# x,y,label\n" + BODY, "utf-8"),
        ("# written by hand\nx,y,label\n" + BODY, "utf-8"),
        ('"x","y","label"\n"1","2.5","a"\n"3","4.25","b"\n"-1","0","a"\n', "utf-8"),
    ],
)
def test_a_table_is_read_however_it_is_written(tmp_path: Path, text: str, encoding: str) -> None:
    table = read_table(written(tmp_path / "t.csv", text, encoding))
    first, second, third = table.columns
    assert (first.values.tolist(), second.values.tolist()) == ([1, 3, -1], [2.5, 4.25, 0])
    assert third.texts() == ["a", "b", "a"]
    assert table.names == (("x", "y", "label") if "label" in text else ("column 1", "column 2", "column 3"))


@pytest.mark.slow
def test_a_packed_table_is_read_and_a_bomb_is_not(tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(BODY.encode()))
    assert read_table(tmp_path / "t.csv.gz").columns[0].values.tolist() == [1, 3, -1]
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"1,2,a\n" * 14_000_000, 9))
    with pytest.raises(DataError, match="decompression bomb"):
        read_table(tmp_path / "t.csv.gz")


def test_encodings_that_are_not_utf8_are_told(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", "größe,art\n1,schön\n2,übel\n3,schön\n", "latin-1"))
    assert table.names == ("größe", "art") and table["art"].words == ("schön", "übel") and "Windows-1252" in table.told[0]


@pytest.mark.parametrize(
    ("cell", "decimal", "number"),
    [
        ("1,234", ".", 1234), ("1,234.5", ".", 1234.5), ("1.234,5", ",", 1234.5), ("1.234", ",", 1234), ("3,5", ",", 3.5),
        ("3.5", ",", 3.5), ("12'345.6", ".", 12345.6), ("1 234 567", ".", 1234567), ("$1,234.50", ".", 1234.5), ("-2 €", ".", -2),
        ("45%", ".", 45), (" 1e-3 ", ".", 0.001), (".5", ".", 0.5), ("1,2,3", ".", None), ("1_000", ".", None), ("$", ".", None),
        ("12,34", ".", None), ("1-2", ".", None), ("%x", ".", None),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(cell: str, decimal: str, number: float | None) -> None:
    assert Notation(decimal).number(cell) == number


@given(st.floats(-1e9, 1e9), st.sampled_from(["{:,.2f}", "{:+.3e}", "{:.6f}", "${:,.2f}", "{:.1f}%"]))
def test_a_number_that_was_formatted_comes_back(value: float, form: str) -> None:
    shown = form.format(value).replace("$-", "-$")
    assert Notation(".").number(shown) == float(shown.replace(",", "").replace("$", "").replace("%", ""))
    turned = shown.translate(str.maketrans(",.", ".,"))
    assert Notation(",").number(turned) == Notation(".").number(shown)


def test_a_word_late_in_a_column_makes_it_one_of_words(tmp_path: Path) -> None:
    rows = "".join(f"{i % 3},{i % 2}\n" for i in range(5_000)) + "".join(f"{'abc'[i % 3]},{i % 2}\n" for i in range(2_000))
    table = read_table(written(tmp_path / "t.csv", "code,y\n" + rows))
    assert sorted(table["code"].words) == ["0", "1", "2", "a", "b", "c"] and table["code"].texts()[0] == "0"


def test_a_few_words_among_numbers_are_mistakes_and_are_told_with_their_row(tmp_path: Path) -> None:
    rows = [f"{i},{i % 2}" for i in range(100)]
    rows[70] = "seven,0"
    told = refused(tmp_path, "\n".join(["n,y", *rows]))
    assert "row 72, column 1 is 'seven': the column holds numbers but for 1 cell" in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"holds no table"),
        ("5\n6\n", r"holds no table"),
        ("x,y,label\n", r"holds no table"),
        ("1,2,a\n1,b\n", "row 2 has 2 columns, the others have 3"),
        ("x,y,label\n1,2,a\n1,inf,b\n3,4,a\n", "row 3, column 2 is inf"),
        ("1,2,a\n1,1e300,b\n", "row 2, column 2 is 1e+300"),
        ("1,2,a\n1,3,a\n", "one class 'a'"),
        ("x,y,label\n1,2\n3,4\n", "row 2 has 2 columns, its header 3"),
        ("PK\x03\x04", "is a workbook"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


@pytest.mark.slow
def test_parquet_and_frames_are_tables_too(tmp_path: Path) -> None:
    pandas, parquet = pytest.importorskip("pandas"), pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    columns = {"a": [1.5, None, 3.0], "b": ["x", None, "y"], "c": [True, False, True], "d": [1, 2, 3]}
    frame = pandas.DataFrame(columns)
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    for table in (of_frame(frame), read_table(tmp_path / "t.parquet")):
        assert table["a"].missing.tolist() == [False, True, False] and table["b"].texts() == ["x", "", "y"]
        assert table["c"].words == ("True", "False") and table["d"].values.tolist() == [1, 2, 3]
    frame = pandas.DataFrame(table_of(60, when=pandas.date_range("2024-01-01", periods=60)))
    with pytest.raises(DataError, match="'when' holds dates"):
        data.load(frame)
    splits = data.load(frame, drop=["when"])
    assert splits.train.task == "yes_no" and len(splits.test) == 12


# ---------------------------------------------------------------- which column is what


def chosen(columns: dict[str, Any], **options: Any) -> tuple[str, str]:
    from byhand.data.tables.splits import table_splits

    splits = table_splits(of_arrays("t", {name: np.asarray(values) for name, values in columns.items()}), **options)
    assert splits.train.encoding is not None
    return splits.train.encoding.target, splits.note


def test_the_target_is_named_and_chosen_by_name_or_place() -> None:
    columns = table_of(city=np.tile(["Rome", "Oslo"], 20))
    assert chosen(columns)[0] == "kind" and "learning 'kind' (the last column)" in chosen(columns)[1]
    assert chosen(columns, target="first")[0] == "a"
    assert chosen(columns, target="city")[0] == "city"
    with pytest.raises(DataError, match="no column 'knd' for target: did you mean 'kind'"):
        chosen(columns, target="knd")


def test_dropped_columns_are_not_learned_from_and_used_ones_alone_are() -> None:
    columns = table_of(city=np.tile(["Rome", "Oslo"], 20))
    assert "from 1 column of numbers (standardised) and 1 of words" in chosen(columns, drop=["b"])[1]
    assert "from 1 column of numbers (standardised);" in chosen(columns, use=["b"])[1]
    with pytest.raises(DataError, match="must not be both the target and dropped"):
        chosen(columns, target="b", drop=["b"])


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("id", range(40), "counts the rows"),
        ("Unnamed: 0", range(40), "counts the rows"),
        ("PassengerId", np.random.default_rng(0).permutation(4_000)[:40], "is an identifier"),
        ("customerID", [f"{i * 7919 % 1000}-QX" for i in range(40)], "is an identifier"),
        ("remark", [f"said {i}" for i in range(40)], "is 40 different texts"),
        ("version", [3] * 40, "is always '3'"),
        ("nothing", [None] * 40, "is empty"),
    ],
)
def test_what_says_nothing_is_left_out_and_named(name: str, values: Any, why: str) -> None:
    target, note = chosen({name: list(values), **table_of()})
    assert target == "kind" and f"left out: {name!r} ({why})" in note
    if why != "is empty":
        assert "left out" not in chosen({name: list(values), **table_of()}, use=[name])[1].replace("left out: 'a', 'b'", "")


def test_a_column_that_counts_up_is_kept_where_there_is_nothing_else() -> None:
    target, note = chosen({"n": list(range(60)), "kind": np.where(np.arange(60) < 30, "low", "high")})
    assert target == "kind" and "from 1 column of numbers" in note and "left out" not in note


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0.5, 1.25, 7.5, 2.0] * 10, "numbers"),
        ([0, 1, 2, 3] * 10, "classes"),
        ([0.0, 1.0] * 20, "yes_no"),
        (["yes", "no"] * 20, "yes_no"),
        (["rose", "lily"] * 20, "classes"),
        (list(range(100, 140)), "numbers"),
    ],
)
def test_what_is_learned_follows_from_the_target_and_can_be_asked_for(values: list[Any], task: str) -> None:
    columns = {**table_of(), "kind": values}
    splits = data.load(Frame(columns))
    assert splits.train.task == task
    if task != "numbers" and not isinstance(values[0], str):
        assert data.load(Frame(columns), task="numbers").train.task == "numbers"


class Frame:
    """The least that a DataFrame is: names, and columns by name."""

    class Series(list[Any]):
        def to_numpy(self) -> Any:
            return np.asarray(self)

    def __init__(self, columns: dict[str, Any]) -> None:
        self.columns, self._values = list(columns), columns

    def __getitem__(self, name: str) -> Any:
        return Frame.Series(self._values[name])


@pytest.mark.parametrize("cell", ["2024-01-31", "31.01.2024", "1/31/24 10:30", "2024-01-31T10:30:00Z", "31 Jan 2024", "10:30"])
def test_dates_are_refused_by_name(tmp_path: Path, cell: str) -> None:
    assert is_date(cell)
    rows = [f"{cell if i % 3 else cell.replace('31', '28').replace('10:', '11:')},{i / 2},{'ab'[i % 2]}\n" for i in range(30)]
    told = refused(tmp_path, "born,x,y\n" + "".join(rows))
    assert "'born' holds dates" in told and "--drop born" in told


# ---------------------------------------------------------------- missing values


@pytest.mark.parametrize("mark", ["", "NA", "?", "NaN", "null", "#N/A", "-"])
def test_missing_values_are_refused_with_their_count_and_column(tmp_path: Path, mark: str) -> None:
    rows = [f"{i / 7},{i % 5},{'ab'[i % 2]}" for i in range(40)]
    rows[3], rows[11] = f"{mark},3,b", f"{mark},1,b"
    told = refused(tmp_path, "\n".join(["age,n,y", *rows]))
    assert "misses values: 'age' in 2 of 40 rows (the first is row 5)" in told and "--missing median" in told


def test_missing_values_are_filled_from_the_training_rows_or_their_rows_left_out(tmp_path: Path) -> None:
    columns = table_of(60, city=np.tile(["Rome", "Rome", "Oslo"], 20).astype(object))
    columns["a"][[3, 8, 40]], columns["city"][[5, 6]] = np.nan, None
    with pytest.raises(DataError, match=r"'a' in 3 of 60 rows .*, 'city' in 2 of 60 rows"):
        data.load(Frame(columns))
    whole = data.load(Frame(columns), missing="median")
    assert (len(whole.train) + len(whole.test), "filled with the median" in whole.note) == (60, True)
    fill = whole.train.encoding.inputs[0].fill  # type: ignore[union-attr]
    known = columns["a"][~np.isnan(columns["a"])]
    assert isinstance(fill, float) and known.min() < fill < known.max() and fill != np.median(known)  # of the training rows alone
    fewer = data.load(Frame(columns), missing="drop")
    assert len(fewer.train) + len(fewer.test) == 55 and "5 rows with missing values left out" in fewer.note


def test_marks_for_missing_values_are_pointed_out(tmp_path: Path) -> None:
    columns = table_of(60)
    columns["b"][[2, 9]] = -999
    with pytest.raises(DataError, match=r"'b' in 2 of 60 rows .*'b' holds -999 2 times, taken for missing.*--missing keep"):
        data.load(Frame(columns))
    assert abs(float(data.load(Frame(columns), missing="mean").train.inputs.min())) < 5
    assert "kept as a number" in data.load(Frame(columns), missing="keep").note


def test_rows_without_a_target_are_refused_or_left_out() -> None:
    columns = table_of(40)
    columns["kind"] = columns["kind"].astype(object)
    columns["kind"][7] = None
    with pytest.raises(DataError, match="1 of 40 rows have no 'kind'"):
        data.load(Frame(columns))
    splits = data.load(Frame(columns), missing="drop")
    assert len(splits.train) + len(splits.test) == 39 and "left out" in splits.note


# ---------------------------------------------------------------- scale


def test_inputs_are_standardised_by_the_training_rows_alone() -> None:
    splits = data.load(Frame(table_of(200, city=np.tile(["Rome", "Oslo"], 100))))
    train, test = splits.train, splits.test
    assert train.feature_names == ("a", "b", "city=Oslo", "city=Rome")
    assert np.allclose(train.inputs[:, :2].mean(axis=0), 0, atol=1e-5) and np.allclose(
        train.inputs[:, :2].std(axis=0), 1, atol=1e-5
    )
    assert abs(test.inputs[:, :2].mean(axis=0)).max() > 1e-4
    assert set(train.inputs[:, 2:].sum(axis=1).tolist()) == {1.0}
    assert train.scaling is not None and train.scaling[1][2:] == (1.0, 1.0)


def test_an_encoding_survives_the_model_file_and_undoes_itself() -> None:
    columns = table_of(60, city=np.tile(["Rome", "Oslo", "Bonn"], 20))
    encoding = data.load(Frame(columns)).train.encoding
    assert encoding is not None
    again = from_json(json.loads(json.dumps(encoding.to_json())))
    assert again == encoding
    table = of_frame(Frame(columns))
    x, told = again.encoded(table)
    assert told == [] and again.measured(0, float(x[4, 0])).startswith(f"a = {columns['a'][4]:.6g}, standardised")
    assert again.measured(2, 1.0) == "city = Bonn" and again.measured(2, 0.0) == "city is not Bonn"
    for wrong in ({}, {"inputs": 3}, encoding.to_json() | {"target_std": 0}, encoding.to_json() | {"inputs": [{"name": "a"}]}):
        with pytest.raises(DataError, match="train it again"):
            from_json(wrong)


def test_unknown_words_are_told_and_read_as_none() -> None:
    encoding = data.load(Frame(table_of(60, city=np.tile(["Rome", "Oslo"], 30)))).train.encoding
    assert encoding is not None
    other = of_frame(Frame(table_of(4, city=["Oslo", "Paris", "Paris", "Rome"])))
    x, told = encoding.encoded(other)
    assert x[:, 2:].tolist() == [[1, 0], [0, 0], [0, 0], [0, 1]]
    assert told == ["'city' holds 'Paris' in 2 rows (the first is row 1), unknown to the network: read as none"]


def test_the_split_is_even_of_classes_and_of_small_and_large_numbers() -> None:
    rare = ["rare"] * 10 + ["usual"] * 190
    splits = data.load(Frame({**table_of(200), "kind": rare}))
    assert np.bincount(splits.test.labels).tolist() == [2, 38] and "always 'usual' is right in 95.0%" in splits.note
    prices = data.load(Frame({**table_of(200), "kind": np.arange(200) * 1.5})).test
    assert prices.values is not None and len(prices) == 40
    thirds = np.histogram(prices.values, 4)[0]
    assert thirds.min() >= 8


def test_a_class_with_a_single_row_is_trained_on_and_told() -> None:
    splits = data.load(Frame({**table_of(41), "kind": ["rose", "lily"] * 20 + ["orchid"]}))
    assert "of 'orchid' there is a single row" in splits.note and 2 not in np.unique(splits.test.labels[splits.test.labels == 1])
    assert "orchid" in {splits.train.class_names[k] for k in splits.train.labels}


@pytest.mark.slow
def test_pixels_are_scaled_to_0_and_1_and_stay_pixels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [",".join(map(str, [i % 10, *rng.integers(0, 256, 784)])) for i in range(60)]
    train = data.load(str(written(tmp_path / "mnist.csv", "\n".join(rows)))).train
    assert train.inputs.shape[1] == 784 and train.scaling is None and train.n_classes == 10
    assert (float(train.inputs.min()), float(train.inputs.max())) == (0.0, 1.0)


def test_numbers_with_fractions_in_an_npz_are_learned_as_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(5, 3, (40, 3))
    np.savez(tmp_path / "n.npz", x=x, y=x[:, 0] * 1.5)
    train = data.load(str(tmp_path / "n.npz")).train
    assert train.task == "numbers" and train.feature_names == ("x0", "x1", "x2")
    assert np.allclose(train.inputs.mean(axis=0), 0, atol=1e-5)


def test_a_table_of_which_no_column_says_anything_is_refused(tmp_path: Path) -> None:
    told = refused(tmp_path, "label%su\n1;22,5\nu31;22,5\n")
    assert "has no column to learn from, for example" in told and "keep one with --use, or drop fewer" in told
