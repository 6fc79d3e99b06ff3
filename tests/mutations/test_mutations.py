"""Tests are only as good as the bugs they notice: each of the table is planted, alone, and its tests must fail.

One text in one file is replaced, and the named tests are run in a process of their own, in which that file stands in the other's
place. They must fail by what they assert, and pass where nothing is replaced. Of compiled kernels the whole package is copied (as
links): what Numba keeps of them must not be taken for, nor become, what it keeps of the real ones.
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
    file: str
    failed: list[list[str]]
    passed: list[str]
    text: str


def mutated(mutation: Mutation) -> str:
    """The text of the file with the bug in it."""
    text = (SRC / mutation.file).read_text(encoding="utf-8")
    assert text.count(mutation.source) == 1, f"{mutation.name}: {mutation.source!r} is {text.count(mutation.source)} times there"
    return text.replace(mutation.source, mutation.replacement)


def copied(target: Path, mutation: Mutation) -> None:
    """The package below a folder of its own, as links, with the mutated file in its place."""
    package = target / "byhand"
    for folder, _, files in os.walk(SRC):
        here = package / Path(folder).relative_to(SRC)
        here.mkdir(parents=True)
        for name in files:
            (here / name).symlink_to(Path(folder) / name)  # compiled files too: they hold for a source of the same time and size
    file = package / mutation.file
    file.unlink()
    file.write_text(mutated(mutation), encoding="utf-8")
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
        compiled.unlink()


def planted(folder: Path, mutation: Mutation) -> dict[str, str]:
    """Put the bug into this folder; the settings by which a process finds it there."""
    module = "byhand." + mutation.file.removesuffix(".py").replace("/", ".")
    if mutation.compiled:
        copied(folder, mutation)
        return {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "BYHAND_MUTATED_MODULE": module}
    file = folder / Path(mutation.file).name
    file.write_text(mutated(mutation), encoding="utf-8")
    return {"BYHAND_MUTATED_MODULE": module, "BYHAND_MUTATED_FILE": str(file)}


def run(folder: Path, tests: list[str], compiled: bool, warm: Any, **where: str) -> Outcome:
    """Run these tests, with the bug that `planted` told of."""
    report = folder / "report.json"
    settings = {
        "PYTHONPATH": str(ROOT),
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
        # A third again: collecting garbage at the end, and clearing away the folders of earlier runs.
        "-p",
        "no:unraisableexception",
        f"--basetemp={folder / 'temporary'}",
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
        env=kept | settings | where,
        timeout=LONGEST,
    )
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
    return Outcome(
        made.returncode, found.get("file", ""), found.get("failed", []), found.get("passed", []), made.stdout + made.stderr
    )


def runnable(mutation: Mutation) -> bool:
    return (not mutation.torch or find_spec("torch") is not None) and (not mutation.compiled or find_spec("numba") is not None)


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_planted_bug_is_noticed(mutation: Mutation, tmp_path: Path, warm: Any) -> None:
    if not runnable(mutation):
        pytest.skip("only PyTorch notices it" if mutation.torch else "nothing is compiled without Numba")
    outcome = run(tmp_path, list(mutation.tests), mutation.compiled, warm, **planted(tmp_path, mutation))
    assert outcome.code == 1, f"the tests did not fail:\n{outcome.text}"
    assert outcome.file.startswith(str(tmp_path)), "the tests ran without the mutated file"
    assert {kind for _, kind, _ in outcome.failed} <= NOTICED, f"they failed by something else:\n{outcome.text}"
    assert len(outcome.failed) == 1


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True], ids=["with NumPy", "compiled"])
def test_without_a_bug_they_pass(compiled: bool, tmp_path: Path, warm: Any) -> None:
    named = {test for mutation in MUTATIONS if mutation.compiled is compiled and runnable(mutation) for test in mutation.tests}
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
