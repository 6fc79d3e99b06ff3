"""A short fuzz run with fixed seeds, and every input that a long one ever failed on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fuzz import targets
from tests.fuzz.watching import failure, watched

FOUND = Path(__file__).parent / "found"
NAMES = ("idx", "gz", "npz", "csv", "text", "mapping", "picture", "model", "foreign", "checkpoint", "recording", "recipe",
         "history", "page", "watcher", "set", "layers")  # fmt: skip
INPUTS = 400  # of each target and weight


@pytest.fixture(scope="module", autouse=True)
def _cleared() -> Iterator[None]:
    yield
    targets.clear()


def test_every_target_is_tried() -> None:
    assert tuple(targets.targets()) == NAMES


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("default")
def test_nothing_but_one_line_comes_out_of_a_reader(name: str) -> None:
    target, rng = targets.targets()[name], random.Random(name)
    for content in target.seeds:
        failure(target.run, content)
    with watched():
        for content in target.seeds:
            assert failure(target.run, content) is None
        for _ in range(round(INPUTS * target.weight)):
            content = targets.drawn(target, rng, target.seeds)
            assert failure(target.run, content) is None, content[:2_000]


@pytest.mark.parametrize("path", sorted(FOUND.glob("*-*")), ids=lambda path: path.name)
@pytest.mark.filterwarnings("default")
def test_what_failed_once_fails_no_more(path: Path) -> None:
    target = targets.targets()[path.name.partition("-")[0]]
    with watched():
        assert failure(target.run, path.read_bytes()) is None
