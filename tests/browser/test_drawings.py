"""Recorded drawings, drawn again with the mouse: does the default network read them?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_at_least_95_of_100_recorded_drawings_are_read_right(page: Any, here: Path) -> None:
    drawings = json.loads((here / "drawings.json").read_text())["drawings"]
    assert len(drawings) >= 60
    assert {drawing["digit"] for drawing in drawings} == set(range(10))
    wrong = []
    for drawing in drawings:
        page.driver.execute_script(
            "document.getElementById('clear').click();"
            "const w = document.getElementById('width'); w.value = arguments[0]; w.dispatchEvent(new Event('input'))",
            drawing["width"],
        )
        page.draw(*drawing["strokes"])
        if (read := page.digit()) != str(drawing["digit"]):
            wrong.append(f"{drawing['digit']} ({drawing['style']}, {drawing['from']}) read as {read}")
    assert len(drawings) - len(wrong) >= 0.95 * len(drawings), wrong
    print(f"{len(drawings) - len(wrong)} of {len(drawings)} drawings read right; wrong: {wrong}")
