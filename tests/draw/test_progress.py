"""Progress bars: in a notebook, in a file."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from byhand import FeedForward, data
from byhand.draw.notebook_bar import NotebookBar, notebook_display
from byhand.draw.progress import ProgressBar, progress_bar

TRAINING = """
import byhand
from byhand import data
from byhand.draw.progress import progress_bar
splits = data.load("moons")
byhand.FeedForward((2, 6, 2), seed=1).fit(splits.train, validation=splits.test, epochs=3, callbacks=[progress_bar()])
"""


def test_a_notebook_gets_one_bar_that_is_changed_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, dict[str, str]]] = []

    def display(content: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw and display_id
        shown.append(("new", content))
        return SimpleNamespace(update=lambda content, raw: shown.append(("again", content)))

    ipython, its_display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=1)  # type: ignore[attr-defined]
    its_display.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", its_display)
    bar = progress_bar()
    assert isinstance(bar, NotebookBar)
    moons = data.load("moons").train
    for _ in range(2):  # a second training begins with a bar of its own
        shown.clear()
        FeedForward((2, 6, 2), seed=1).fit(moons, epochs=3, batch_size=100, callbacks=[bar])
        assert [kind for kind, _ in shown].count("new") == 1 and shown[0][1]["text/plain"] == "step 0 of 30"
        assert 'max="30" value="30"' in shown[-1][1]["text/html"]
        assert "step 30 of 30   epoch   3/3   cost " in shown[-1][1]["text/plain"]


def test_elsewhere_the_bar_is_the_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    ipython = ModuleType("IPython")
    ipython.get_ipython = SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert notebook_display() is None and isinstance(progress_bar(), ProgressBar)


def test_a_file_gets_plain_lines() -> None:
    done = subprocess.run([sys.executable, "-c", TRAINING], capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert "\x1b" not in done.stderr and "\r" not in done.stderr and not done.stdout
    assert [line[:11] for line in lines] == ["epoch   1/3", "epoch   2/3", "epoch   3/3"]


def test_a_notebook_that_runs_shows_the_bar(tmp_path: Any) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(TRAINING)])
    nbclient.NotebookClient(notebook, timeout=120).execute()
    shown = [one for one in notebook.cells[0].outputs if one.output_type == "display_data"]
    assert len(shown) == 1 and "epoch   3/3" in shown[0].data["text/plain"] and "<progress" in shown[0].data["text/html"]
