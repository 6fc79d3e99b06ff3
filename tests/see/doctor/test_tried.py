"""A change is tried on a copy; JUnit and SARIF hold what the report holds."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from tests.see.doctor.patients import dense
from typer.testing import CliRunner

from byhand.cli import app
from byhand.errors import ByhandError
from byhand.see.doctor.examine import examine
from byhand.see.doctor.finding import Check, Finding, Report
from byhand.see.doctor.report_files import junit, sarif
from byhand.see.doctor.tried import try_out

SCRIPT = """
import byhand
from byhand import FeedForward, optim
from byhand.data import load
def make():
    data = load("moons", n=600)
    net = FeedForward((2, 16, 2), activation="tanh", output="softmax", cost="cross_entropy", seed=1)
    training = byhand.steps(net, data.train, optimizer=optim.Adam(2e-6), epochs=20, batch_size=32, seed=1, schedule="constant")
    return byhand.Patient(training, data.validation or data.test, data.test)
"""


def test_a_rate_that_is_too_low_is_tried_and_seen_to_help_and_nothing_of_it_is_left() -> None:
    patient = dense(lr=2e-6)
    report = examine(patient)
    before = patient.model.parameters.copy()
    tried = try_out(patient, report, seconds=2.0)
    assert tried is not None and tried.finding.fault == "rate-too-low"
    assert tried.verdict == "helped" and tried.after.right.mean() > tried.before.right.mean() + 0.1
    assert np.array_equal(patient.model.parameters, before) and patient.training.base_rate == 2e-6


def test_a_change_that_spoils_is_said_to() -> None:
    patient = dense()
    spoils = Finding("rate-too-high", "rate", 0.8, "none", "a rate of 1e-6", change={"learning_rate": 1e-6})
    tried = try_out(patient, Report([spoils], [], 0.0), seconds=2.0)
    assert tried is not None and tried.verdict == "made it worse"


def test_what_no_setting_mends_is_not_tried() -> None:
    wrong = Finding("gradient-wrong", "w", 0.9, "none", "look at it")
    assert try_out(dense(), Report([wrong], [], 0.0), seconds=0.5) is None
    assert try_out(dense(), Report([], [], 0.0), seconds=0.5) is None


REPORT = Report(
    [Finding("rate-too-low", "learning rate", 0.8, "a < b & c", "10 times", source="a b/train.py:8 in Mine.learn")],
    [Check("labels", "fine"), Check("not looked at", "the test data")],
    1.5,
    "train\x1b.py",
)


def test_junit_counts_findings_as_failures_and_what_was_not_looked_at_as_skipped() -> None:
    suite = ET.fromstring(junit(REPORT))[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None and "a < b & c" in str(failure.text) and failure.get("type") == "rate-too-low"
    assert ET.fromstring(junit(Report([], [], 0.0)))[0].get("failures") == "0"


def test_sarif_names_the_rule_and_the_line() -> None:
    run = json.loads(sarif(REPORT, "1.0"))["runs"][0]
    (result,) = run["results"]
    assert result["ruleId"] == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "rate-too-low"
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a%20b/train.py"}, "region": {"startLine": 8}}
    assert result["level"] == "warning"
    assert "the test data" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_the_command_tries_and_writes_both_files(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SCRIPT)
    files = ["--junit", str(tmp_path / "a.xml"), "--sarif", str(tmp_path / "a.sarif")]
    made = CliRunner().invoke(app, ["doctor", f"{tmp_path / 'slow.py'}:make", "--try", "--json", *files])
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    assert told["tried"]["verdict"] == "helped" and told["tried"]["after"]["accuracy"] > told["tried"]["before"]["accuracy"]
    failures = ET.parse(tmp_path / "a.xml").getroot()[0].get("failures")
    results = json.loads((tmp_path / "a.sarif").read_text())["runs"][0]["results"]
    assert int(str(failures)) == len(results) == len(told["findings"]) > 0


@pytest.mark.parametrize("extra", [["--try"]])
def test_a_script_of_pytorch_is_not_tried_and_told_so(tmp_path: Path, extra: list[str]) -> None:
    (tmp_path / "train.py").write_text("print(1)")
    made = CliRunner().invoke(app, ["doctor", str(tmp_path / "train.py"), *extra])
    assert made.exit_code != 0 and isinstance(made.exception, ByhandError | SystemExit)
    assert "--try needs a training of byhand's own" in str(made.exception) + made.output
