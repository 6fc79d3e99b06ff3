"""What tests of planted bugs run with: the mutated file in its place, no shrinking, and a report of how each test failed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import Phase, settings

MODULE = os.environ.get("BYHAND_MUTATED_MODULE", "byhand")  # the one whose file is reported
FILE = os.environ.get("BYHAND_MUTATED_FILE")  # what it is read from; where it is not given, from where it always is


class Planted(MetaPathFinder):
    """Finds the mutated module in a file outside of the package, and leaves all others where they are."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return spec_from_file_location(name, FILE) if name == MODULE and FILE is not None else None


if FILE is not None:
    assert MODULE not in sys.modules
    sys.meta_path.insert(0, Planted())

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
    module = sys.modules.get(MODULE)
    found = {"file": getattr(module, "__file__", ""), "failed": failed, "passed": passed}
    Path(os.environ["BYHAND_MUTATION_REPORT"]).write_text(json.dumps(found), encoding="utf-8")
