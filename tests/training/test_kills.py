"""A handful of kills by the script that does hundreds: nothing is corrupt, unequal or left over."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "kill_trainings.py"


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("kill_trainings", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["kill_trainings"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_and_resumed_trainings_are_those_that_nobody_disturbed(script: Any, tmp_path: Path) -> None:
    trial = script.undisturbed("by hand", True, tmp_path, tmp_path / "unused.npz")
    dice, tally, left = random.Random(5), script.Tally(), 3
    while left:
        left = script.chain(trial, left, ["SIGKILL", "SIGTERM", "die in a write", "full disk"], dice, tally)
    assert tally.kills == 3
    assert tally.finished >= 1
    assert {what: getattr(tally, what) for what in script.FAULTS} == {what: [] for what in script.FAULTS}


def test_the_script_notices_what_is_left_over_unequal_corrupt_or_not_understood(script: Any, tmp_path: Path) -> None:
    assert script.understood("SIGTERM", 143, "byhand: stopped by SIGTERM after step 3 of 9; ...")
    assert not script.understood("SIGTERM", 143, "")
    assert not script.understood("SIGTERM", 1, "Traceback (most recent call last):")
    assert not script.understood("full disk", 1, "Killed")
    assert script.understood("full disk", 1, "byhand: cannot write x: No space left on device")
    (tmp_path / "model.safetensors").write_bytes(b"half")
    with pytest.raises(script.ByhandError):
        script.state(tmp_path)
