"""Checking an answer as a learner does: real files, real processes, one line for whatever is wrong with a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from byhand.errors import ByhandError
from byhand.exercises import by_name, check, write_stub
from byhand.exercises.child import Printed

from .answers import ANSWERS

pytestmark = pytest.mark.slow
HEADER = "# exercise: bp1\n"


def byhand(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    home = {"XDG_STATE_HOME": str(cwd / "state"), "HOME": str(cwd), "LOCALAPPDATA": str(cwd / "state")}
    environment = {**os.environ, **home, "COLUMNS": "200", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "byhand", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", cwd=cwd, env=environment, timeout=120, check=False
    )


def wrong(source: str, folder: Path, seconds: float = 20) -> str:
    path = folder / "mine.py"
    path.write_text(source, encoding="utf-8")
    (told,) = check(path, seconds=seconds).wrong
    assert "\n" not in told
    return told


def test_a_learner_walks_from_the_list_to_a_solved_exercise(tmp_path: Path) -> None:
    assert "0 of " in byhand("exercise", cwd=tmp_path).stdout
    assert "wrote bp1.py" in byhand("exercise", "bp1", cwd=tmp_path).stdout
    first = byhand("check", "bp1.py", cwd=tmp_path)
    assert first.returncode == 1 and "returns nothing yet" in first.stdout
    hints = [byhand("exercise", "bp1", "--hint", cwd=tmp_path).stdout for _ in range(2)]
    assert "hint 1 of 3" in hints[0] and "hint 2" not in hints[0] and "hint 2 of 3" in hints[1]
    (tmp_path / "bp1.py").write_text(HEADER + ANSWERS["bp1"][0])
    done = byhand("check", "bp1.py", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("right bp1"), done.stderr
    rows = {row["name"]: row for row in json.loads(byhand("exercise", "--json", cwd=tmp_path).stdout)["exercises"]}
    assert rows["bp1"]["solved"] and rows["bp1"]["tries"] == 2 and not rows["bp2"]["solved"]
    assert "1 of " in byhand("exercise", cwd=tmp_path).stdout


def test_a_stub_never_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "bp1.py"
    write_stub(by_name("bp1"), path)
    path.write_text("my answer")
    with pytest.raises(ByhandError, match=r"exists and may hold your answer"):
        write_stub(by_name("bp1"), path)
    assert path.read_text() == "my answer"


def test_an_error_is_told_with_the_line_of_the_file(tmp_path: Path) -> None:
    told = wrong(HEADER + "def output_error(z, a, y):\n    return a @ y\n", tmp_path)
    assert "mine.py:3 raises ValueError" in told and "`return a @ y`" in told


def test_a_file_that_is_no_python_is_told_with_its_line(tmp_path: Path) -> None:
    assert "mine.py:3 is no Python" in wrong(HEADER + "def output_error(z, a, y):\n    return a @\n", tmp_path)


def test_a_mistake_is_recognised_where_another_case_overflows(tmp_path: Path) -> None:
    whole_batch = "# exercise: softmax\nimport numpy as np\ndef softmax(z):\n    return np.exp(z) / np.exp(z).sum()\n"
    told = wrong(whole_batch, tmp_path)
    assert "divided by the sum over the whole batch" in told and "in other cases it overflows" in told


def test_what_byhand_itself_says_is_not_told_as_the_learners_print(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    printed = Printed(str(path))
    exec(compile("print('mine', file=out)", str(path), "exec"), {"out": printed})
    print("byhand: compiling", file=printed)
    assert printed.all() == [(1, "mine")]


def test_a_loop_that_never_ends_is_ended(tmp_path: Path) -> None:
    assert "did not come to an end in 1 seconds" in wrong(HEADER + "while True:\n    pass\n", tmp_path, seconds=1)


def test_a_file_that_ends_python_is_told(tmp_path: Path) -> None:
    assert "ended Python itself (status 3)" in wrong(HEADER + "import os\nos._exit(3)\n", tmp_path)


def test_a_file_that_calls_exit_or_asks_for_input_is_told_with_its_line(tmp_path: Path) -> None:
    assert "mine.py:2 raises SystemExit" in wrong(HEADER + "exit(0)\n", tmp_path)
    assert "mine.py:2 raises EOFError" in wrong(HEADER + "input()\n", tmp_path)


def test_what_a_file_prints_is_shown_with_its_line_and_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(HEADER + "for i in range(1000):\n    print('row', i)\n" + ANSWERS["bp1"][0])
    verdict = check(path)
    assert verdict.right and verdict.printed[0] == (3, "row 0")
    assert len(verdict.printed) == 41 and verdict.printed[-1] == (0, "... and 960 more lines")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "there is no function output_error"),
        ("output_error = 3\n", "must be a function of (z, a, y), got int"),
        ("def output_error(z, a):\n    return z\n", "must take 3 arguments: (z, a, y)"),
        ("def output_error(z, a, y):\n    return 'delta'\n", "must be numbers, got str"),
        ("def output_error(z, a, y):\n    return [[1], [1, 2]]\n", "unequal length"),
        ("def output_error(z, a, y):\n    return a[:1]\n", "its shape is (1, 3), it must be (4, 3)"),
        ("def output_error(z, a, y):\n    a -= y\n    return a\n", "changes its argument a in place"),
        ("def output_error(z, a, y):\n    return 3 * (a - y) * a * (1 - a)\n", "it is 3 times the right one, everywhere"),
        ("def output_error(z, a, y):\n    return (a - y) * a * (1 - a) + 1\n", "the right one plus 1, everywhere"),
        (
            "def output_error(z, a, y):\n    d = (a - y) * a * (1 - a)\n    d[:, 0] = 0\n    return d\n",
            "Only column 0 is wrong",
        ),
        ("def output_error(z, a, y):\n    return (a - y) / (a - a)\n", "It is not a finite number there"),
    ],
)
def test_what_no_known_mistake_explains_is_told_by_its_place(source: str, words: str, tmp_path: Path) -> None:
    told = wrong(HEADER + source, tmp_path)
    assert words in told, told


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, "cannot read .*write a stub"),
        (b"x = 1\n", "does not say which exercise"),
        (b"# exercise: bp11\n", "there is no exercise 'bp11': did you mean 'bp1'"),
        (b"\xff\xfe\x00", "is no text in UTF-8"),
    ],
)
def test_a_file_that_answers_nothing_is_refused_in_one_line(source: bytes | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    if source is not None:
        path.write_bytes(source)
    with pytest.raises(ByhandError, match=words):
        check(path)


def test_a_class_is_listed_in_one_table_and_is_nobodys_progress(tmp_path: Path) -> None:
    (tmp_path / "ann.py").write_text(HEADER + ANSWERS["bp1"][0])
    (tmp_path / "bob.py").write_text(HEADER + ANSWERS["bp1"][1][0][0])
    (tmp_path / "cy.py").write_text("nothing")
    done = byhand("check", "ann.py", "bob.py", "cy.py", "--json", cwd=tmp_path)
    files = {one["file"]: one for one in json.loads(done.stdout)["files"]}
    assert files["ann.py"]["right"] and not files["bob.py"]["right"] and "does not say" in files["cy.py"]["error"]
    assert "lacks sigma'" in files["bob.py"]["wrong"][0]
    assert "0 of " in byhand("exercise", cwd=tmp_path).stdout


def test_progress_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    byhand("exercise", "bp1", "--hint", cwd=tmp_path)
    (kept,) = tmp_path.rglob("exercises.json")
    kept.write_text("{broken")
    done = byhand("exercise", cwd=tmp_path)
    assert done.returncode == 0 and "cannot be read" in done.stderr and "0 of " in done.stdout
