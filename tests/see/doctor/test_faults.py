"""The table of faults: every row is found by a probe, and every probe's finding has its row; what changes is data."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from byhand.see import doctor
from byhand.see.doctor.changes import changes
from byhand.see.doctor.examine import PROBES, examine
from byhand.see.doctor.faults import AGAIN, FAULTS
from byhand.see.doctor.finding import Finding
from byhand.see.doctor.trial import carry_out
from byhand.web.suggested_settings import FIELDS, prescribed

from .patients import dense

FOLDER = Path(doctor.__file__).parent


def named_in_code() -> set[str]:
    """Every text in the doctor's modules but the table's that is a fault's name."""
    texts = set()
    for path in FOLDER.rglob("*.py"):
        if path.name != "faults.py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            texts |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return texts & set(FAULTS)


def test_every_fault_of_the_table_is_found_by_some_probe() -> None:
    assert set(FAULTS) - named_in_code() == set()


def test_every_finding_that_the_code_makes_has_its_row() -> None:
    made = set()
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Finding", "Change") and node.args:
                first = node.args[0]
                made |= {first.value} if isinstance(first, ast.Constant) else set()
    assert len(made) > 50 and made <= set(FAULTS)


@pytest.mark.slow
def test_the_table_says_how_a_change_is_confirmed_unless_the_probe_does() -> None:
    patient = dense(lr=1e-5)
    report = examine(patient)
    assert report.findings[0].fault == "rate-too-low"
    assert report.findings[0].confirm == FAULTS["rate-too-low"].confirm != AGAIN
    assert report.findings[0].where == FAULTS["rate-too-low"].setting
    assert Finding("leakage", "data", 0.9, "", "").title == FAULTS["leakage"].title


@pytest.mark.slow
def test_changes_of_a_form_s_settings_are_data_that_the_page_takes() -> None:
    patient = dense(lr=0.02, batch_size=2)
    tried = changes(patient, carry_out(patient, 0.2))
    settings = {"recipe": "iris", "model": "feedforward", "lr": 0.02, "batch_size": 2}
    offered = [change for change in tried if change.setting]
    assert {name for change in offered for name in change.setting} >= {"learning_rate", "batch_size", "hidden"}
    for change in offered:
        assert prescribed(change.setting, settings) == {FIELDS[name]: value for name, value in change.setting.items()}


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_finds_nothing_in_a_healthy_training(probe: object) -> None:
    assert callable(probe)
    found, checks = probe(dense())
    assert found == [] and all(check.name and check.measured for check in checks)
