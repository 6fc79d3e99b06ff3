"""What the tests of a mutated copy run with: no shrinking, and a report of how each test failed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

failed: list[tuple[str, str, str]] = []
passed: list[str] = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """After the conftests, which choose a profile of their own, and before the tests, which read it when they are defined."""
    settings.register_profile(
        "mutations",
        settings.get_profile(settings.get_current_profile_name()),
        phases=[Phase.explicit, Phase.generate],
        report_multiple_bugs=False,
    )
    settings.load_profile("mutations")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    if call.excinfo is not None and report.failed:
        failed.append((item.nodeid, call.excinfo.type.__name__, str(call.excinfo.value).partition("\n")[0]))
    elif report.when == "call" and report.passed:
        passed.append(item.nodeid)
    return report


def pytest_sessionfinish() -> None:
    import byhand

    found = {"byhand": byhand.__file__, "failed": failed, "passed": passed}
    Path(os.environ["BYHAND_MUTATION_REPORT"]).write_text(json.dumps(found), encoding="utf-8")
