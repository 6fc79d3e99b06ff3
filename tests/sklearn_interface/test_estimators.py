"""byhand's networks under scikit-learn's rules, and scikit-learn's networks with every number of their next step."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np
import pytest

from byhand.errors import ByhandError

if os.environ.get("BYHAND_COMPARE") != "1":
    pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from byhand.sklearn import CNNClassifier, FeedForwardClassifier, FeedForwardRegressor, explain, opened


@pytest.mark.slow
@parametrize_with_checks(
    [FeedForwardClassifier(random_state=0), FeedForwardRegressor(random_state=0), CNNClassifier((4,), 16, random_state=0)]
)
def test_the_rules_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_in_a_pipeline_and_a_grid_it_is_as_good_as_theirs() -> None:
    x, y = load_wine(return_X_y=True)
    names = np.array(["barolo", "grignolino", "barbera"])[y]
    ours = cross_val_score(make_pipeline(StandardScaler(), FeedForwardClassifier(epochs=40, random_state=0)), x, names, cv=5)
    theirs = cross_val_score(make_pipeline(StandardScaler(), MLPClassifier(max_iter=400, random_state=0)), x, names, cv=5)
    assert ours.mean() > theirs.mean() - 0.03 and ours.mean() > 0.94
    grid = GridSearchCV(FeedForwardClassifier(epochs=15, random_state=0), {"hidden": [(4,), (30,)]}, cv=3)
    grid.fit(StandardScaler().fit_transform(x), names)
    assert grid.best_score_ > 0.9 and set(grid.predict(x[:3])) <= set(names)


def test_numbers_are_learned_in_their_own_unit() -> None:
    x, y = load_diabetes(return_X_y=True)
    ours = cross_val_score(make_pipeline(StandardScaler(), FeedForwardRegressor((20,), epochs=15, random_state=1)), x, y, cv=5)
    assert ours.mean() > 0.4
    both = FeedForwardRegressor(epochs=2, random_state=0).fit(x, np.column_stack([y, 1_000 + y]))
    assert both.predict(x).shape == (len(x), 2) and abs(both.predict(x)[:, 1].mean() - 1_000 - y.mean()) < 50


def test_images_are_told_apart_as_rows_and_as_they_are() -> None:
    digits = load_digits()
    mixed = np.random.default_rng(0).permutation(len(digits.images))[:900]  # they lie there by who wrote them
    x, y = digits.images[mixed] / 16, np.array(list("abcdefghij"))[digits.target[mixed]]
    net = CNNClassifier((8, 16), 32, epochs=30, random_state=0).fit(x[:600], y[:600])
    assert net.score(x[600:], y[600:]) > 0.93 and net.image_shape_ == (8, 8, 1)
    rows = clone(net).fit(x[:600].reshape(600, -1), y[:600])
    assert np.array_equal(rows.predict_proba(x[600:]), net.predict_proba(x[600:].reshape(300, -1)))
    again = pickle.loads(pickle.dumps(net))  # noqa: S301 - our own, as joblib does
    assert np.array_equal(again.predict_proba(x[600:]), net.predict_proba(x[600:]))
    with pytest.raises(ValueError, match="image_shape must be"):
        CNNClassifier(image_shape=(7, 8)).fit(x.reshape(900, -1), y)


def test_it_comes_back_from_a_pickle_and_goes_on() -> None:
    x, y = load_iris(return_X_y=True)
    net = FeedForwardClassifier((8,), epochs=3, random_state=0, warm_start=True).fit(x, y)
    again = pickle.loads(pickle.dumps(net))  # noqa: S301 - our own, as joblib does
    assert np.array_equal(again.predict_proba(x), net.predict_proba(x))
    cost = again.costs_[-1]
    again.fit(x, y)
    assert len(again.costs_) == 6 and again.costs_[-1] < cost
    assert not np.array_equal(again.predict_proba(x), net.predict_proba(x))
    fresh = clone(net).fit(x, y)
    assert np.array_equal(fresh.predict_proba(x), net.predict_proba(x))
    step = FeedForwardClassifier(random_state=0)
    for _ in range(30):
        step.partial_fit(x, y, classes=[0, 1, 2])
    assert step.score(x, y) > 0.9


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"activation": "swish2"}, "swish2"),
        ({"optimizer": "adm"}, "adam"),
        ({"learning_rate": -1.0}, "the learning rate"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_settings_that_do_not_exist_are_refused_by_their_names(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FeedForwardClassifier(**settings).fit([[0.0], [1.0]], [0, 1])


# ---------------------------------------------------------------- theirs


OPENED = {
    "adam, three classes": MLPClassifier((7, 5), alpha=0.01, max_iter=3, random_state=0),
    "sgd with Nesterov's momentum": MLPClassifier((6,), solver="sgd", activation="tanh", max_iter=3, random_state=0),
    "sgd without momentum": MLPClassifier((6,), solver="sgd", momentum=0, activation="logistic", max_iter=3, random_state=0),
    "momentum, and a rate that falls": MLPClassifier(
        (6,), solver="sgd", nesterovs_momentum=False, learning_rate="invscaling", max_iter=3, random_state=0
    ),
    "two classes": MLPClassifier((6,), max_iter=3, random_state=0),
    "numbers": MLPRegressor(hidden_layer_sizes=(6,), max_iter=3, random_state=0),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", OPENED)
def test_their_next_step_is_the_one_that_is_explained(name: str) -> None:
    x, y = load_iris(return_X_y=True)
    x, y = (x[:100], y[:100]) if name == "two classes" else (x, y.astype(float) if name == "numbers" else y)
    net = clone(OPENED[name]).set_params(batch_size=len(x), shuffle=False).fit(x, y)
    network = opened(net, len(x))
    theirs = net.predict_proba(x) if isinstance(net, MLPClassifier) else net.predict(x)[:, None]
    assert np.allclose(network.forward(x), theirs[:, -network.n_outputs :], rtol=1e-12, atol=1e-14)
    explained = explain(net, x, y)
    if net.learning_rate == "invscaling":  # their partial_fit counts on otherwise
        return
    net.partial_fit(x, y)
    after = opened(net, len(x)).parameters
    assert np.abs(explained.step.theta_after - after).max() <= 1e-12


def test_what_cannot_be_opened_is_told() -> None:
    with pytest.raises(ByhandError, match="must be a trained MLPClassifier or MLPRegressor"):
        explain(StandardScaler(), [[0.0]], [0])
    net = MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs", max_iter=2000, random_state=0).fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(ByhandError, match="solver='lbfgs' takes no steps of batches"):
        explain(net, [[0.0]], [0.0])


def test_a_weight_of_two_is_the_row_twice_and_a_weight_of_zero_leaves_it_out() -> None:
    x, y = load_iris(return_X_y=True)
    counts = np.random.default_rng(0).integers(0, 3, len(x))
    weighted = FeedForwardClassifier((5,), epochs=3, random_state=0).fit(x, y, sample_weight=counts)
    repeated = FeedForwardClassifier((5,), epochs=3, random_state=0).fit(np.repeat(x, counts, axis=0), np.repeat(y, counts))
    assert np.array_equal(weighted.predict_proba(x), repeated.predict_proba(x))


def test_weights_with_fractions_move_what_is_told() -> None:
    rng = np.random.default_rng(0)
    x, y = np.zeros((400, 1)), np.repeat([0.0, 1.0], 200)
    told = FeedForwardRegressor((4,), epochs=60, random_state=0).fit(
        x, y, sample_weight=np.where(y == 1, 0.75, 0.25) * rng.uniform()
    )
    assert abs(float(told.predict(x[:1])[0]) - 0.75) < 0.1  # the weighted mean; 0.5 without weights
    with pytest.raises(ValueError, match="sample_weight must be 0 or more, got -1"):
        told.fit(x, y, sample_weight=-np.ones(400))
