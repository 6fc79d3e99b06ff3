"""What the tests of training share: a small real data set, and networks for it."""

from __future__ import annotations

import pytest

import byhand
from byhand.data.dataset import Dataset


@pytest.fixture(scope="session")
def iris() -> Dataset:
    return byhand.data.load("iris").train


@pytest.fixture(scope="session")
def iris_test() -> Dataset:
    return byhand.data.load("iris").test
