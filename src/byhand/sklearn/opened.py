r"""scikit-learn's own networks as networks of byhand's: their training step, with every number, by `byhand.explain`.

A `MLPClassifier` or `MLPRegressor` that was trained has the same layers, cost and optimiser as a `FeedForward`. Their weight
decay is \alpha/2m for a batch of m; their Adam adds \varepsilon to \sqrt v before the correction of v, so that ours gets
\varepsilon / \sqrt{1 - \beta_2^t} to do the same. A step of theirs and a step of ours, from here on, give the same parameters.

Source: scikit-learn 1.9, sklearn/neural_network: what `_multilayer_perceptron` and `_stochastic_optimizers` compute.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from byhand import optim
from byhand.errors import ByhandError, ModelError
from byhand.feedforward import FeedForward
from byhand.optim.optimizer import Optimizer
from byhand.see.explain import explain as explain_step
from byhand.see.explanation import Explanation

ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
COSTS = {"softmax": "cross_entropy", "logistic": "cross_entropy", "identity": "quadratic"}


def opened(estimator: Any, batch_size: int = 1) -> FeedForward:
    """A trained `MLPClassifier` or `MLPRegressor` as a network of byhand's, in float64, which shares nothing with it.

    `batch_size`: m, of the step that is to be looked at, as their weight decay is divided by it.

    Raises ByhandError for another estimator, or a setting that has no counterpart.
    """
    if not isinstance(estimator, MLPClassifier | MLPRegressor):
        kind = type(estimator).__name__
        raise ByhandError(f"the estimator must be a trained MLPClassifier or MLPRegressor of scikit-learn's, got a {kind}")
    check_is_fitted(estimator)
    if getattr(estimator, "loss", "squared_error") not in ("squared_error", "log_loss"):
        raise ModelError(f"the loss {estimator.loss} has no counterpart in byhand: only squared_error and log_loss have one")
    sizes = (estimator.coefs_[0].shape[0], *(w.shape[1] for w in estimator.coefs_))
    output = "sigmoid" if estimator.out_activation_ == "logistic" else estimator.out_activation_
    network = FeedForward(
        sizes,
        ACTIVATIONS[estimator.activation],
        output=output,
        cost=COSTS[estimator.out_activation_],
        l2=estimator.alpha / batch_size,
        dtype=np.float64,
    )
    network.parameters[...] = _flat(network, estimator.coefs_, estimator.intercepts_)
    return network


def _flat(network: FeedForward, weights: list[Any], biases: list[Any]) -> Any:
    """Their arrays in the order of our vector; their weights stand the other way round."""
    twin = network.twin()
    for ours, w in zip(twin.weights, weights, strict=True):
        ours[...] = np.asarray(w).T
    for ours, b in zip(twin.biases, biases, strict=True):
        ours.reshape(-1)[...] = np.asarray(b).reshape(-1)
    return twin.parameters.copy()


def optimizer_of(estimator: Any, network: FeedForward) -> Optimizer:
    """Their optimiser as it stands after their last step, for the next one."""
    theirs = getattr(estimator, "_optimizer", None)
    if theirs is None:
        raise ModelError(f"solver={estimator.solver!r} takes no steps of batches: train it with solver='adam' or 'sgd'")
    n = len(estimator.coefs_)

    def flat(arrays: list[Any]) -> Any:
        return _flat(network, arrays[:n], arrays[n:])

    found: Optimizer
    if estimator.solver == "adam":
        epsilon = theirs.epsilon / math.sqrt(1 - theirs.beta_2 ** (theirs.t + 1))
        found = optim.Adam(theirs.learning_rate_init, theirs.beta_1, theirs.beta_2, epsilon)
        found.prepare(network.parameters)
        found.steps = theirs.t
        found.state["m"][...], found.state["v"][...] = flat(theirs.ms), flat(theirs.vs)
        return found
    found = optim.SGD(theirs.learning_rate, theirs.momentum, nesterov=bool(theirs.nesterov and theirs.momentum))
    found.prepare(network.parameters)
    if theirs.momentum:  # theirs holds the step that is to be taken, ours the gradients that it is made of
        found.state["velocity"][...] = flat(theirs.velocities) / -theirs.learning_rate
    return found


def explain(estimator: Any, X: Any, y: Any, **settings: Any) -> Explanation:
    """The next training step of their network on this batch, laid out; see `byhand.explain` for the settings."""
    x = np.asarray(X, np.float64)
    network = opened(estimator, len(x))
    if isinstance(estimator, MLPClassifier):
        targets = np.asarray(estimator._label_binarizer.transform(y), np.float64)
        settings.setdefault("classes", [str(one) for one in estimator.classes_])
    else:
        targets = np.asarray(y, np.float64).reshape(len(x), -1)
    return explain_step(network, x, targets, optimizer=optimizer_of(estimator, network), **settings)
