"""Cross-validation: each row is tested once by a network that never saw it, and the model that is kept has seen them all."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tables.cases import CASES
from tests.tables.problems import flats, flowers
from tests.test_cli import byhand as command

import byhand
from byhand.data.dataset import Dataset, in_folds
from byhand.errors import DataError, TrainingError
from byhand.training.folds import CrossValidation
from byhand.training.own_data import recipe_for
from byhand.training.run import run


def written(folder: Path, name: str) -> Path:
    case = CASES[name](0)
    (folder / case.file).write_bytes(case.content)
    return folder / case.file


@pytest.mark.parametrize("name", ["fuel", "iris_of_kaggle", "words_and_numbers", "uneven_classes"])
def test_every_row_is_tested_once_and_never_by_a_network_that_was_trained_on_it(name: str, tmp_path: Path) -> None:
    splits = byhand.data.load(str(written(tmp_path, name)), folds=4)
    assert splits.folds is not None
    tested = []
    for place, fold in enumerate(splits.folds):
        rows = np.flatnonzero(splits.folds.places == place)
        assert len(fold.train) + len(fold.test) == len(splits.train) and len(fold.test) == len(rows)
        # Standardised by its own training rows alone: in these, and not in all rows, each column has the mean 0.
        assert fold.train.scaling is not None
        numeric = np.array(fold.train.scaling[1]) != 1
        assert np.abs(fold.train.inputs[:, numeric].mean(axis=0)).max() < 1e-5
        tested.append(rows)
    assert sorted(np.concatenate(tested).tolist()) == list(range(len(splits.train)))


def test_folds_hold_the_same_share_of_each_class_and_of_small_and_large_numbers() -> None:
    labels = np.array([0] * 83 + [1] * 13 + [2] * 4)
    data = Dataset("d", np.zeros((100, 2), np.float32), labels, ("a", "b", "c"))
    splits = in_folds(data, 5)
    assert splits.folds is not None
    counts = np.array([np.bincount(fold.test.labels, minlength=3) for fold in splits.folds])
    assert (np.ptp(counts, axis=0) <= 1).all() and (counts.sum(axis=1) == 20).all()
    values = np.random.default_rng(0).gamma(1, 5, (101, 1)).astype(np.float32)
    splits = in_folds(Dataset("d", np.zeros((101, 2), np.float32), np.zeros(101, np.int64), (), values=values), 4)
    assert splits.folds is not None
    tops = [int((fold.test.values > np.quantile(values, 0.8)).sum()) for fold in splits.folds if fold.test.values is not None]
    assert sum(tops) == 20 and max(tops) - min(tops) <= 2  # 101 numbers: one at each end


def test_the_single_row_of_a_class_is_always_trained_on() -> None:
    labels = np.array([0] * 10 + [1] * 10 + [2])
    splits = in_folds(Dataset("d", np.zeros((21, 1), np.float32), labels, ("a", "b", "c")), 3)
    assert splits.folds is not None and splits.folds.places[20] == -1
    assert all(20 in np.flatnonzero(splits.folds.places != fold) for fold in range(3))


def test_mean_and_deviation_are_those_of_the_folds_and_agree_with_numpy() -> None:
    found = CrossValidation(tuple({"accuracy": a, "cost": 1 - a, "n": 10} for a in (0.9, 0.7, 0.8, 1.0)))
    assert found.mean("accuracy") == pytest.approx(0.85)
    assert found.std("accuracy") == pytest.approx(np.std([0.9, 0.7, 0.8, 1.0], ddof=1))
    assert found.figures()["accuracy_std"] == found.std("accuracy") and found.n == 40


def test_a_cross_validation_tells_what_fresh_rows_will_show(tmp_path: Path) -> None:
    from tests.tables.cases import text

    from byhand.data.tables.splits import encoded_dataset
    from byhand.data.tables.table import read_table

    both = flowers(5, 3_150)
    (tmp_path / "some.csv").write_text(text(both.rows(np.arange(150))))
    (tmp_path / "fresh.csv").write_text(text(both.rows(np.arange(150, 3_150))))
    recipe, splits = recipe_for(str(tmp_path / "some.csv"), {"folds": 5})
    done = run(recipe, tmp_path / "run", splits=splits)
    encoding = done.model.network.n_inputs and byhand.data.load(str(tmp_path / "some.csv"), folds=5).train.encoding
    assert isinstance(done.evaluation, CrossValidation) and encoding
    data, _ = encoded_dataset(read_table(tmp_path / "fresh.csv"), encoding, "classes")
    assert byhand.evaluate(done.model, data).accuracy == pytest.approx(done.evaluation.mean("accuracy"), abs=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fuel", "minus_one_and_one"])
def test_command_and_python_come_to_the_same_numbers(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, name)
    done = command("train", path, "--folds", 3, "--epochs", 8, "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    told, said = json.loads(done.stdout), " ".join(done.stderr.split())
    found = byhand.cross_validate(str(path), 3, epochs=8)
    assert told["folds"] == list(found.folds) and len(found.folds) == 3
    measure = "r2" if name == "fuel" else "accuracy"
    assert told[measure] == found.mean(measure) and told[f"{measure}_std"] == found.std(measure)
    assert all(f"fold {i} of 3: " in said for i in (1, 2, 3)) and "trained on all" in said
    model = byhand.load(tmp_path / "run" / "model.safetensors")
    assert model.metrics[f"test_{measure}"] == found.mean(measure)
    # The model is that of all rows: the same as one that is trained on them with no fold.
    splits = byhand.data.load(str(path), folds=3)
    recipe, _ = recipe_for(str(path), {"folds": 3}, {"epochs": 8})
    from byhand.training.run import begin, build

    network = build(recipe, splits)
    byhand.fit(network, splits.train, training=begin(recipe, network, splits))
    assert network.parameters.tobytes() == model.network.parameters.tobytes()


@pytest.mark.slow
def test_a_frame_and_a_data_set_are_cross_validated_as_their_file_is(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    path = written(tmp_path, "fuel")
    by_path = byhand.cross_validate(path, 3, epochs=4)
    assert byhand.cross_validate(pandas.read_csv(path), 3, epochs=4).folds == by_path.folds
    whole = byhand.data.load("iris").train
    heard: list[str] = []
    found = byhand.cross_validate(whole, 4, tell=heard.append, epochs=30)
    assert found.mean("accuracy") > 0.9 and len(heard) == 4 and "fold 4 of 4" in heard[3]


def test_weights_of_samples_count_in_every_fold() -> None:
    """A third of the rows says the one rule, the others say the contrary and weigh nothing."""
    rng = np.random.default_rng(0)
    x, contrary = rng.choice([-1.0, 1.0], (120, 1)).astype(np.float32), np.arange(120) % 3 > 0
    labels = ((x[:, 0] > 0) ^ contrary).astype(np.int64)
    share = {}
    for weights in (None, np.where(contrary, 0.0, 1.0)):
        found = byhand.cross_validate(Dataset("d", x, labels, ("a", "b"), weights=weights), 4, epochs=30)
        share[weights is None] = found.mean("accuracy")
    assert share[True] == pytest.approx(2 / 3, abs=0.01) and share[False] == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize(
    ("folds", "says"),
    [(1, "2 or more, got 1"), (151, "150 samples, which do not make 151 folds"), (2.5, "folds"), ("x", "folds")],
)
def test_folds_that_cannot_be_are_refused_in_one_line(folds: Any, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, "minus_one_and_one")
    with pytest.raises(DataError, match=says) as caught:
        byhand.cross_validate(str(path), folds)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="does not exist"):
        byhand.cross_validate("nowhere.csv", 3)
    with pytest.raises(DataError, match="too few samples"):
        in_folds(Dataset("d", np.zeros((2, 1), np.float32), np.array([0, 1]), ("a", "b")), 2)


def test_a_fold_that_fails_is_named_and_leaves_no_model(tmp_path: Path) -> None:
    path = written(tmp_path, "fuel")
    recipe, splits = recipe_for(str(path), {"folds": 3}, {"lr": 1e30, "optimizer": "sgd", "optimizer_settings": {}, "epochs": 3})
    with pytest.raises(TrainingError, match="fold 1 of 3: "):
        run(recipe, tmp_path / "run", splits=splits, tell=lambda line: None)
    assert not (tmp_path / "run" / "model.safetensors").exists() and not (tmp_path / "run" / "folds.json").exists()


def test_folds_are_not_trained_again_where_the_run_goes_on_and_are_where_they_are_damaged(tmp_path: Path) -> None:
    path = written(tmp_path, "minus_one_and_one")
    recipe, _ = recipe_for(str(path), {"folds": 3}, {"epochs": 4})
    heard: list[str] = []
    first = run(recipe, tmp_path / "run", tell=heard.append)
    assert sum("fold " in line for line in heard) == 3
    heard.clear()
    assert run(recipe, tmp_path / "run", resume=True, tell=heard.append).evaluation.folds == first.evaluation.folds
    assert not any("fold " in line for line in heard)
    for damaged in ("", "[]", '{"folds": [], "length": {}, "target": ""}', '{"folds": 7}'):
        (tmp_path / "run" / "folds.json").write_text(damaged)
        assert run(recipe, tmp_path / "run", resume=True, tell=heard.append).evaluation.folds == first.evaluation.folds
    longer = run(recipe.changed(epochs=9), tmp_path / "run", resume=True, tell=heard.append)
    assert longer.evaluation.folds != first.evaluation.folds and len(longer.history.epochs) == 9
    run(recipe_for(str(path), {}, {"epochs": 2})[0], tmp_path / "run", overwrite=True)
    assert not (tmp_path / "run" / "folds.json").exists()


def test_ctrl_c_between_folds_leaves_nothing_half_written_and_the_command_begins_again(tmp_path: Path) -> None:
    path = written(tmp_path, "minus_one_and_one")
    recipe, _ = recipe_for(str(path), {"folds": 3}, {"epochs": 4})

    def interrupting(line: str) -> None:
        if "fold 2" in line:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(recipe, tmp_path / "run", tell=interrupting)
    assert [one.name for one in (tmp_path / "run").iterdir()] == ["recipe.toml"]
    again = run(recipe, tmp_path / "run", tell=lambda line: None)
    assert again.evaluation.folds == byhand.cross_validate(path, 3, epochs=4).folds


def test_a_model_of_all_rows_is_measured_on_others_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "minus_one_and_one")
    recipe, splits = recipe_for(str(path), {"folds": 3}, {"epochs": 4})
    done = run(recipe, tmp_path / "run", splits=splits, tell=lambda line: None)
    for data in (None, str(path)):
        with pytest.raises(DataError, match=r"trained on all rows of .*--data TABLE .its 3 folds came to accuracy 0"):
            byhand.evaluate(done.model, data)
    (tmp_path / "others.csv").write_bytes(CASES["minus_one_and_one"](7).content)
    assert byhand.evaluate(done.model, str(tmp_path / "others.csv")).n == 150


def test_the_doctor_looks_at_the_first_fold_and_finds_no_test_row_in_training(tmp_path: Path) -> None:
    from byhand.see.doctor import examine, open_patient

    path = written(tmp_path, "fuel")
    recipe, splits = recipe_for(str(path), {"folds": 5}, {"epochs": 20})
    run(recipe, tmp_path / "run", splits=splits, tell=lambda line: None)
    patient = open_patient(str(tmp_path / "run"))
    assert patient.test is not None and len(patient.test) == 100 and len(patient.x) == 400
    assert "duplicates" not in {finding.id for finding in examine(patient).findings}


def test_small_tables_are_told_that_a_fifth_of_them_is_a_coarse_test(tmp_path: Path) -> None:
    from tests.tables.cases import text

    for n, expected in ((60, True), (99, True), (100, False), (400, False)):
        for problem in (flowers(0, n), flats(0, n)):
            (tmp_path / "t.csv").write_text(text(problem))
            assert ("so few test rows say little" in byhand.data.load(str(tmp_path / "t.csv")).note) == expected
    assert "--folds" not in byhand.data.load(str(tmp_path / "t.csv"), folds=4).note
