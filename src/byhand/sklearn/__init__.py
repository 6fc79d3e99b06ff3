"""Byhand's networks with scikit-learn's interface, and scikit-learn's own networks opened (needs `byhand[sklearn]`).

>>> from sklearn.pipeline import make_pipeline                              # doctest: +SKIP
>>> from sklearn.preprocessing import StandardScaler                        # doctest: +SKIP
>>> from byhand.sklearn import FeedForwardClassifier                        # doctest: +SKIP
>>> make_pipeline(StandardScaler(), FeedForwardClassifier()).fit(x, y)      # doctest: +SKIP
"""

from __future__ import annotations

from byhand.errors import ByhandError

try:
    import sklearn  # noqa: F401
except ImportError:
    raise ByhandError("byhand.sklearn needs scikit-learn: pip install 'byhand[sklearn]'") from None

from byhand.sklearn.estimators import FeedForwardClassifier, FeedForwardRegressor
from byhand.sklearn.images import CNNClassifier
from byhand.sklearn.opened import explain, opened

__all__ = ["CNNClassifier", "FeedForwardClassifier", "FeedForwardRegressor", "explain", "opened"]
