"""A few seconds of `scripts/soak_server.py`: many clients while a training runs."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "soak_server.py"


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads memory and descriptors from /proc, which is Linux's")
@pytest.mark.skipif(not SCRIPT.is_file(), reason="the scripts are not part of a source distribution")
def test_many_clients_leave_nothing_behind_and_the_training_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    specification = importlib.util.spec_from_file_location("soak_server", SCRIPT)
    assert specification and specification.loader
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    monkeypatch.setattr(script, "PAUSE", 0.5)
    monkeypatch.setattr(script, "EVERY", 0.5)
    monkeypatch.setattr(script, "TRAINING", {"recipe": "moons", "epochs": 10_000})
    monkeypatch.setattr(script, "GROWTH", 1.0)  # which only a long time tells
    told: list[str] = []
    assert asyncio.run(script.soak(3.0, 25, told.append, rest=2.0)) == []
    assert any(line.startswith("server: descriptors") for line in told)
