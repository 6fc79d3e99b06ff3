"""Tests are only as good as the bugs they notice: each of the table is planted, alone, and its tests must fail.

The package is copied (as links), one text in one file replaced, and the named tests are run on the copy in a process of their
own. They must fail by what they assert, and pass where nothing is replaced.
"""

from __future__ import annotations

import ast
import json
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import byhand

from .table import MUTATIONS, Mutation

SRC = Path(byhand.__file__).parent
ROOT = Path(__file__).parents[2]
# What an assertion raises: pytest's own, the gradient check's and the tape's, and NumPy's warnings, which the tests make errors.
NOTICED = {"AssertionError", "Failed", "EngineError", "RuntimeWarning", "FloatingPointError"}
LONGEST = 240  # seconds
IMPORTS = "import hypothesis.extra.numpy, numba, numpy, pytest"  # all but byhand, which is another one in each process


@dataclass
class Outcome:
    """How the tests of one copy went."""

    code: int
    package: str
    failed: list[list[str]]
    passed: list[str]
    text: str


def copied(target: Path, mutation: Mutation | None) -> Path:
    """The package below a folder of its own, as links, with the mutated file in its place."""
    package = target / "byhand"
    for folder, _, files in os.walk(SRC):
        here = package / Path(folder).relative_to(SRC)
        here.mkdir(parents=True)
        for name in files:
            (here / name).symlink_to(Path(folder) / name)  # compiled files too: they hold for a source of the same time and size
    if mutation is not None:
        file = package / mutation.file
        text = file.read_text(encoding="utf-8")
        assert text.count(mutation.source) == 1, (
            f"{mutation.name}: {mutation.source!r} is {text.count(mutation.source)} times there"
        )
        file.unlink()
        file.write_text(text.replace(mutation.source, mutation.replacement), encoding="utf-8")
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
            compiled.unlink()
    return package


def run(target: Path, tests: list[str], compiled: bool, warm: Any) -> Outcome:
    """Run these tests on the package that is copied there."""
    report = target / "report.json"
    settings = {
        "PYTHONPATH": os.pathsep.join([str(target), str(ROOT)]),
        "BYHAND_KERNELS": "" if compiled else "numpy",
        "BYHAND_MUTATION_REPORT": str(report),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # a third of such a short run goes into plugins that its tests do not use
    }
    # Each run would rewrite and compile Hypothesis and the tests anew where bytecode is not kept: a second more.
    unwanted = ("NUMBA_CACHE_DIR", "PYTEST_ADDOPTS", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    # What is imported before must not be written anew for its assertions, as pytest would have it.
    options = [
        "-p",
        "_hypothesis_pytestplugin",
        "-x",
        "-q",
        "--no-header",
        "--tb=short",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
    ]
    made = warm(
        "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))",
        [*options, "-p", "tests.mutations.plugin", *tests],
        imports=IMPORTS,
        cwd=ROOT,
        env=kept | settings,
        timeout=LONGEST,
    )
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
    return Outcome(
        made.returncode, found.get("byhand", ""), found.get("failed", []), found.get("passed", []), made.stdout + made.stderr
    )


def runnable(mutation: Mutation) -> bool:
    return (not mutation.torch or find_spec("torch") is not None) and (not mutation.compiled or find_spec("numba") is not None)


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_planted_bug_is_noticed(mutation: Mutation, tmp_path: Path, warm: Any) -> None:
    if not runnable(mutation):
        pytest.skip("only PyTorch notices it" if mutation.torch else "nothing is compiled without Numba")
    copied(tmp_path, mutation)
    outcome = run(tmp_path, list(mutation.tests), mutation.compiled, warm)
    assert outcome.code == 1, f"the tests did not fail:\n{outcome.text}"
    assert not outcome.package.startswith(str(SRC)), "the tests ran on the package itself, not on the mutated copy"
    assert {kind for _, kind, _ in outcome.failed} <= NOTICED, f"they failed by something else:\n{outcome.text}"
    assert len(outcome.failed) == 1


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True], ids=["with NumPy", "compiled"])
def test_a_copy_without_a_bug_passes(compiled: bool, tmp_path: Path, warm: Any) -> None:
    named = {test for mutation in MUTATIONS if mutation.compiled is compiled and runnable(mutation) for test in mutation.tests}
    copied(tmp_path, None)
    outcome = run(tmp_path, sorted(named), compiled, warm)
    assert outcome.code == 0, outcome.text
    assert [name for name in named if not any(test.startswith(name) for test in outcome.passed)] == []


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_text_to_replace_is_there_once_and_what_replaces_it_is_python(mutation: Mutation) -> None:
    text = (SRC / mutation.file).read_text(encoding="utf-8")
    assert text.count(mutation.source) == 1
    changed = text.replace(mutation.source, mutation.replacement)
    assert changed != text
    ast.parse(changed)


def test_no_two_bugs_have_one_name() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 25
