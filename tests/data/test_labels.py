"""Several labels at once: read from one column or from many, learned as probabilities, measured beside the commonest answer."""

from __future__ import annotations

import csv
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.test_cli import byhand as command

import byhand
from byhand.data.dataset import Dataset, stratified_split
from byhand.data.tables.labels import holds_labels
from byhand.data.tables.table import Column
from byhand.errors import DataError, ModelError
from byhand.training.evaluate_labels import LabelsEvaluation, f1_of
from byhand.training.own_data import recipe_for
from byhand.training.run import run

NAMES = ("rare", "red", "round", "small")


def things(seed: int = 0, n: int = 500) -> tuple[Any, Any]:
    """Four numbers, and four labels that overlap: (n, 4) each."""
    x = np.random.default_rng(seed).normal(size=(n, 4)).round(4)
    rules = (x[:, 1] > 1) & (x[:, 2] > 0), x[:, 0] + 0.5 * x[:, 1] > 0.3, np.hypot(x[:, 0], x[:, 2]) > 1.2, x[:, 3] < -1
    return x, np.stack(rules, axis=1)


def joined(path: Path, x: Any, marks: Any, between: str = ";") -> Path:
    """A table with the names of the labels in one column."""
    rows = [",".join([*map(str, row), between.join(np.array(NAMES)[mark])]) for row, mark in zip(x, marks, strict=True)]
    path.write_text("\n".join(["a,b,c,d,tags", *rows]) + "\n")
    return path


def parted(path: Path, x: Any, marks: Any, yes: str = "1", no: str = "0") -> Path:
    """The same with a column per label, among the others."""
    rows = [
        ",".join([*map(str, row[:2]), *(yes if one else no for one in mark), *map(str, row[2:])])
        for row, mark in zip(x, marks, strict=True)
    ]
    path.write_text("\n".join(["a,b," + ",".join(NAMES) + ",c,d", *rows]) + "\n")
    return path


@pytest.mark.parametrize("between", [";", "|", "; "])
def test_a_column_of_several_names_is_read_as_labels_without_being_asked(between: str, tmp_path: Path) -> None:
    x, marks = things()
    splits = byhand.data.load(str(joined(tmp_path / "t.csv", x, marks, between)))
    train, test = splits.train, splits.test
    assert train.task == "labels" and train.label_names == NAMES and train.class_names == () and train.n_outputs == 4
    assert train.values is not None and test.values is not None
    both = np.concatenate([train.values, test.values])
    assert (both.sum(axis=0) == marks.sum(axis=0)).all() and len(both) == 500
    assert "learning 4 labels at once of 'tags'" in splits.note and f"'rare' {marks[:, 0].sum()}" in splits.note
    assert f"{(~marks.any(axis=1)).sum()} rows have none of them" in splits.note
    # Each row kept its own: the inputs, taken back, follow the rules.
    assert train.scaling is not None
    back = train.inputs * np.array(train.scaling[1]) + np.array(train.scaling[0])
    assert ((back[:, 3] < -1) == train.values[:, 3].astype(bool)).all()
    assert np.abs(train.values.mean(axis=0) - test.values.mean(axis=0)).max() < 0.04  # stratified


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("yes", "no"), ("True", "False"), ("1.0", "0.0")])
def test_columns_of_yes_and_no_are_labels_where_several_are_named(yes: str, no: str, tmp_path: Path) -> None:
    x, marks = things()
    path = parted(tmp_path / "t.csv", x, marks, yes, no)
    splits = byhand.data.load(str(path), target="rare,red, round,small")
    one = byhand.data.load(str(joined(tmp_path / "j.csv", x, marks)))
    assert splits.train.label_names == NAMES and splits.train.feature_names == ("a", "b", "c", "d")
    assert splits.train.values is not None and one.train.values is not None
    assert (splits.train.values == one.train.values).all() and np.allclose(splits.train.inputs, one.train.inputs)
    assert "left out" not in splits.note


def test_what_only_looks_like_labels_stays_a_class(tmp_path: Path) -> None:
    codes = np.arange(6, dtype=np.int32) % 3
    assert not holds_labels(Column("kind", codes, ("a;b", "c", "d")))
    assert not holds_labels(Column("kind", codes, ("a", "b", "c")))
    assert holds_labels(Column("kind", codes, ("a;b", "b", "a")))
    x, marks = things()
    path = joined(tmp_path / "t.csv", x, marks | ~marks.any(axis=1)[:, None])
    splits = byhand.data.load(str(path), task="classes")
    assert splits.train.task == "classes" and "red;round" in splits.train.class_names


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        (("", ""), {"target": "red,nothing"}, "no column 'red,nothing'"),
        (("red", "reds"), {"target": "a,small"}, "'a' holds"),
        (("", ""), {"target": "red,small", "task": "numbers"}, "are labels, got task 'numbers'"),
        (("", ""), {"target": "a", "task": "labels"}, "must hold names of labels"),
    ],
)
def test_labels_that_cannot_be_are_refused_in_one_line(change: Any, options: Any, says: str, tmp_path: Path) -> None:
    path = parted(tmp_path / "t.csv", *things(n=60))
    path.write_text(path.read_text().replace(*change) if change[0] else path.read_text())
    with pytest.raises(DataError, match=says) as caught:
        byhand.data.load(str(path), **options)
    assert "\n" not in str(caught.value)


def test_a_label_that_is_the_same_everywhere_and_one_with_gaps_are_named(tmp_path: Path) -> None:
    x, marks = things(n=60)
    path = parted(tmp_path / "t.csv", x, marks & np.array([False, True, True, True]))
    with pytest.raises(DataError, match="'rare' is the same in all rows"):
        byhand.data.load(str(path), target="rare,red")
    lines = path.read_text().splitlines()
    cells = lines[7].split(",")
    lines[7] = ",".join([*cells[:3], "", *cells[4:]])
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"'red' has no value in 1 rows .the first is row 8"):
        byhand.data.load(str(path), target="small,red")


def test_f1_and_the_figures_agree_with_scikit_learn(tmp_path: Path) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    true, told = rng.random((200, 5)) < [0.5, 0.1, 0.9, 0.02, 0.3], rng.random((200, 5)) < 0.4
    assert f1_of(true, told) == pytest.approx([metrics.f1_score(true[:, k], told[:, k]) for k in range(5)])
    found = LabelsEvaluation(200, true, told, told.astype(float), 0.1, tuple("abcde")).figures()
    assert found["accuracy"] == pytest.approx(1 - metrics.hamming_loss(true, told))
    assert found["all_right"] == pytest.approx(metrics.accuracy_score(true, told))
    assert found["f1"] == pytest.approx(metrics.f1_score(true, told, average="macro"))
    most = np.broadcast_to(true.mean(axis=0) > 0.5, true.shape)
    assert found["baseline_accuracy"] == pytest.approx((most == true).mean())
    assert found["baseline_f1"] == pytest.approx(metrics.f1_score(true, most, average="macro", zero_division=0))


def test_the_cost_is_the_binary_cross_entropy_of_each_label(tmp_path: Path) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    recipe, splits = recipe_for(str(joined(tmp_path / "t.csv", *things())), {}, {"epochs": 3})
    assert splits is not None and (recipe.output, recipe.cost) == ("sigmoid", "cross_entropy")
    done = run(recipe, tmp_path / "run", splits=splits)
    a, y = done.evaluation.outputs.astype(float), done.evaluation.true
    each = [metrics.log_loss(y[:, k], a[:, k], labels=[False, True]) for k in range(4)]
    assert done.evaluation.cost == pytest.approx(sum(each), rel=1e-4)


@pytest.mark.slow
def test_labels_are_learned_as_well_as_scikit_learn_does(tmp_path: Path) -> None:
    neural = pytest.importorskip("sklearn.neural_network")
    ours, theirs = [], []
    for seed in range(4):
        recipe, splits = recipe_for(str(joined(tmp_path / f"{seed}.csv", *things(seed))))
        assert splits is not None and splits.train.values is not None
        found = run(recipe, tmp_path / f"run-{seed}", splits=splits).evaluation
        network = neural.MLPClassifier(random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network.fit(splits.train.inputs, splits.train.values)
        ours.append(found.figures()["accuracy"])
        theirs.append(float((network.predict(splits.test.inputs) == splits.test.values).mean()))
    assert np.mean(ours) > np.mean(theirs) - 0.01 and np.mean(ours) > 0.95


@pytest.mark.slow
def test_labels_go_through_every_command(tmp_path: Path) -> None:
    x, marks = things()
    path = joined(tmp_path / "t.csv", x, marks)
    done = command("train", path, "--out", tmp_path / "run", "--epochs", 60)
    assert done.returncode == 0, done.stderr
    assert "labels of 100 test samples right, always the most frequent answer" in done.stdout and "commoner" in done.stdout
    told = json.loads(command("eval", tmp_path / "run", "--json").stdout)
    assert told["accuracy"] > told["baseline_accuracy"] + 0.15 and told["f1"] > 0.8 and set(told["labels"]) == set(NAMES)
    fresh = parted(tmp_path / "fresh.csv", *things(9, 300))
    told = json.loads(command("eval", tmp_path / "run", "--data", fresh, "--json").stdout)
    assert told["n"] == 300 and told["accuracy"] > 0.93
    done = command("predict", tmp_path / "run", fresh, "-o", tmp_path / "out.csv")
    assert done.returncode == 0 and "has the right answers" in done.stderr
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    _, true = things(9, 300)
    answered = np.array([[name in row["tags"].split(";") for name in NAMES] for row in rows])
    assert (answered == true).mean() == pytest.approx(told["accuracy"])
    assert all((float(row[f"p({name})"]) > 0.5) == (name in row["tags"].split(";")) for row in rows[:50] for name in NAMES)
    first = json.loads(command("predict", tmp_path / "run", fresh, "--json").stdout)["predictions"][0]
    assert set(first["outputs"]) == set(NAMES) and set(first["labels"]) <= set(NAMES)
    told_step = command("explain", tmp_path / "run").stdout
    assert "agrees" in told_step and "(red, round)" in " ".join(told_step.split())
    assert command("doctor", tmp_path / "run").returncode == 0
    done = command("train", path, "--out", tmp_path / "recorded", "--epochs", 3, "--record")
    assert command("replay", tmp_path / "recorded", "--html", tmp_path / "page.html").returncode == 0, done.stderr
    (tmp_path / "bare.csv").write_text("a,b,c,d\n1,2,3,4\n")
    assert command("predict", tmp_path / "run", tmp_path / "bare.csv").returncode == 0
    done = command("eval", tmp_path / "run", "--data", tmp_path / "bare.csv")
    assert done.returncode == 1 and "has no column 'tags', nor one for each label" in done.stderr
    done = command("train", path, "--out", tmp_path / "other", "--balance")
    assert done.returncode == 1 and "several labels to learn, and no classes" in done.stderr


def test_a_model_of_labels_is_kept_whole_and_measured_again_to_the_same_bits(tmp_path: Path) -> None:
    recipe, splits = recipe_for(str(joined(tmp_path / "t.csv", *things())), {}, {"epochs": 5})
    done = run(recipe, tmp_path / "run", splits=splits)
    again = byhand.evaluate(byhand.load(tmp_path / "run" / "model.safetensors"))
    assert isinstance(again, LabelsEvaluation) and again.figures() == done.evaluation.figures()
    with pytest.raises(ModelError, match="tells which of several labels"):
        _ = done.model.classifier
    with pytest.raises(ModelError, match="needs output=sigmoid"):
        run(recipe.changed(output="softmax"), tmp_path / "other", splits=splits)


def test_a_data_set_of_labels_is_checked_and_split_evenly() -> None:
    x, marks = things()
    values = marks.astype(np.float32)
    data = Dataset("d", x.astype(np.float32), np.zeros(500, np.int64), (), values=values, label_names=NAMES)
    rest, held = stratified_split(data, 0.2, 0)
    assert rest.values is not None and held.values is not None
    assert len(held) == pytest.approx(100, abs=6) and np.abs(rest.values.mean(axis=0) - held.values.mean(axis=0)).max() < 0.05
    with pytest.raises(DataError, match="must be 0 or 1"):
        Dataset("d", x.astype(np.float32), np.zeros(500, np.int64), (), values=values + 1, label_names=NAMES)
    assert "red, round" in data._repr_html_() or "round" in data._repr_html_()
