"""A report for machines that build and test: JUnit's XML, which CI shows as tests; SARIF, which code hosts show at the line.

Sources: JUnit's schema as Jenkins reads it; SARIF 2.1.0 (OASIS, 2020), 3.14 (run), 3.27 (result), 3.29 (physicalLocation).
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

from byhand.printable import printable
from byhand.see.doctor.faults import FAULTS
from byhand.see.doctor.finding import Finding, Report

SURE = 0.85  # from here on a finding is an error, below a warning
PLACE = re.compile(r"^(?P<file>.+?):(?P<line>\d+)(?: in .*)?$")
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def junit(report: Report) -> str:
    """Each finding is a test that failed, each probe one that passed; what was not looked at was skipped."""
    skipped = [check for check in report.checks if check.name == "not looked at"]
    passed = [check for check in report.checks if check.name != "not looked at"]
    name = printable(report.name) or "byhand"
    counts = {"failures": len(report.findings), "errors": 0, "skipped": len(skipped)}
    numbers = {key: str(value) for key, value in counts.items()} | {"time": f"{report.seconds:.3f}"}
    tests = str(max(1, len(report.findings) + len(report.checks)))
    root = ET.Element("testsuites", {"name": "byhand doctor", "tests": tests} | numbers)
    suite = ET.SubElement(root, "testsuite", {"name": name, "tests": tests} | numbers)
    for finding in report.findings:
        case = ET.SubElement(suite, "testcase", classname=name, name=printable(f"{finding.fault}: {finding.where}"))
        failure = ET.SubElement(case, "failure", type=finding.fault, message=printable(finding.title))
        failure.text = printable(_text(finding))
    for check in passed:
        case = ET.SubElement(suite, "testcase", classname=name, name=printable(check.name))
        ET.SubElement(case, "system-out").text = printable(check.measured)
    for check in skipped:
        case = ET.SubElement(suite, "testcase", classname=name, name=printable(check.measured))
        ET.SubElement(case, "skipped", message="not looked at")
    if not report.findings and not report.checks:
        ET.SubElement(suite, "testcase", classname=name, name="examination")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _text(finding: Finding) -> str:
    place = f" ({finding.source})" if finding.source else ""
    return f"{finding.where}{place}: {finding.evidence}. Change: {finding.fix}. {finding.confidence:.0%} sure"


def sarif(report: Report, version: str) -> str:
    """Each finding is a result of the rule that its fault is, at the line of the user's code where one is to blame."""
    used = dict.fromkeys(finding.fault for finding in report.findings)
    rules = [{"id": fault, "shortDescription": {"text": FAULTS[fault].title}} for fault in used]
    unseen = [check.measured for check in report.checks if check.name == "not looked at"]
    notes = [{"level": "note", "message": {"text": f"not looked at: {what}"}} for what in unseen]
    run = {
        "tool": {"driver": {"name": "byhand doctor", "version": version, "rules": rules}},
        "results": [_result(finding, list(used), report.name) for finding in report.findings],
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(finding: Finding, rules: list[str], name: str) -> dict[str, Any]:
    location: dict[str, Any] = {"logicalLocations": [{"name": finding.where}]}
    place = PLACE.match(finding.source)
    if place or name.endswith(".py"):
        file, line = (place["file"], int(place["line"])) if place else (name, 1)
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(file)}, "region": {"startLine": line}}
    return {
        "ruleId": finding.fault,
        "ruleIndex": rules.index(finding.fault),
        "level": "error" if finding.confidence >= SURE else "warning",
        "message": {"text": f"{finding.title}: {finding.evidence}. Change: {finding.fix}"},
        "locations": [location],
        "rank": round(100 * finding.confidence, 1),
        "properties": {"change": dict(finding.change), "confirm": finding.confirm},
    }


def _uri(file: str) -> str:
    """A file's address as SARIF wants it: relative, with slashes, odd letters by their numbers."""
    from urllib.parse import quote

    return quote(file.replace("\\", "/"))
