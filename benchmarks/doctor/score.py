"""How good the doctor is: seeded faults and healthy controls, each examined, and four questions asked of what was found.

    detect   something was found at all                name   the first finding has the fault's name
    locate   and says where it sits                    fix    and what to change

    python benchmarks/doctor/score.py [--part develop|held-out|all] [--seed 1] [--only TEXT] [--json FILE]

A third of the faults and of the controls is held back, those named in `held_out.txt`: thresholds are set on the others
("develop"), and then not touched.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

from byhand import blas


def chosen(items: list[Any], part: str, only: str) -> list[Any]:
    """The items of a part in whose names the regular expression `only` is found."""
    held = set((Path(__file__).parent / "held_out.txt").read_text().splitlines())
    kept = [item for item in items if part == "all" or (item.name in held) == (part == "held-out")]
    return [item for item in kept if re.search(only, item.name)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", default="develop", choices=("develop", "held-out", "all"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--kinds", default="faults,controls")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    blas.choose_kernels()
    from controls import CONTROLS
    from faults import FAULTS

    from byhand.see.doctor import examine

    rows: list[dict[str, Any]] = []
    for kind, items in (("fault", FAULTS), ("control", CONTROLS)):
        if kind + "s" not in options.kinds:
            continue
        for item in chosen(items, options.part, options.only):
            start = time.process_time()
            report = examine(item.make(options.seed))
            # Every patient comes with validation data, but where their lack is the fault.
            found = report.findings
            first = found[0] if found else None
            row = {
                "kind": kind,
                "name": item.name,
                "found": [finding.fault for finding in found],
                "where": first.where if first else "",
                "fix": first.fix if first else "",
                "evidence": first.evidence if first else "",
                "seconds": round(time.process_time() - start, 1),
                "detect": bool(found),
            }
            if kind == "fault":
                row["named"] = first is not None and first.fault in item.right
                row["located"] = bool(row["named"]) and any(re.search(where, first.where) for where in item.where)
                row["fixed"] = bool(row["named"]) and any(word in first.fix for word in item.fix)
                row["baseline"] = "rate-too-high" in item.right or "rate-too-low" in item.right
            rows.append(row)
            if options.json:
                options.json.write_text(json.dumps(rows, indent=1))
            flag = "ok " if (row.get("named") if kind == "fault" else not found) else "?? "
            print(f"{flag}{row['seconds']:5.1f} s  {item.name}: {', '.join(row['found'][:3]) or 'healthy'}", flush=True)
            if flag == "?? ":
                print(f"            {row['where']}: {row['evidence']}", flush=True)
    summary(rows)


def summary(rows: list[dict[str, Any]]) -> None:
    faults, controls = ([row for row in rows if row["kind"] == kind] for kind in ("fault", "control"))
    if faults:
        print(f"\n{len(faults)} faults   doctor   always 'learning rate'")
        for key in ("detect", "named", "located", "fixed"):
            share = sum(bool(row[key]) for row in faults) / len(faults)
            base = 1.0 if key == "detect" else sum(row["baseline"] for row in faults) / len(faults)
            print(f"  {key:8} {share:7.1%} {base:8.1%}")
    if controls:
        alarms = sum(row["detect"] for row in controls)
        share = alarms / len(controls)
        print(f"{len(controls)} healthy controls: {alarms} false alarms ({share:.1%}); always 'learning rate': 100 %")


if __name__ == "__main__":
    main()
