"""The doctor in pytest: a fixture that asserts health, over several seeds if asked.

    def test_the_training(assert_healthy):
        assert_healthy(make)

    @pytest.mark.byhand(allow=["no-validation"])
    def test_another(assert_healthy): ...

`pytest --byhand-seeds 3` examines every function that takes a `seed` with 1, 2 and 3. Found by pytest where byhand is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("byhand")
    group.addoption("--byhand-seeds", type=int, default=1, metavar="N", help="examine functions that take a seed with 1 to N")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "byhand(allow, trial, steps): settings of the fixture assert_healthy in this test")


@pytest.fixture
def assert_healthy(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """`byhand.assert_healthy`, with the settings of the test's mark, for each seed in its turn; the last report is returned."""
    marked = request.node.get_closest_marker("byhand")
    settings = dict(marked.kwargs) if marked is not None else {}
    seeds = request.config.getoption("--byhand-seeds")
    if seeds < 1:
        raise pytest.UsageError(f"--byhand-seeds must be 1 or more, got {seeds}")

    def healthy(what: Any, *batch: Any, **given: Any) -> Any:
        import inspect

        from byhand.see.doctor.healthy import assert_healthy  # not before it is asked for: pytest starts as quickly as without

        takes = callable(what) and not batch and "seed" not in given and "seed" in inspect.signature(what).parameters
        report = None
        for seed in range(1, seeds + 1) if takes else (None,):
            chosen = {**settings, **given} if seed is None else {**settings, **given, "seed": seed}
            try:
                report = assert_healthy(what, *batch, **chosen)
            except AssertionError as error:
                raise AssertionError(f"with seed {seed}: {error}" if seed is not None and seeds > 1 else str(error)) from None
        return report

    return healthy
