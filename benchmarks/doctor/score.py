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
import math
import re
import time
from pathlib import Path
from typing import Any

from byhand import blas


def chosen(items: list[Any], part: str, only: str) -> list[Any]:
    """The items of a part in whose names the regular expression `only` is found."""
    held = set((Path(__file__).parent / "held_out.txt").read_text(encoding="utf-8").splitlines())
    kept = [item for item in items if part == "all" or (item.name in held) == (part == "held-out")]
    return [item for item in kept if re.search(only, item.name)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", default="develop", choices=("develop", "held-out", "all"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--kinds", default="faults,controls")
    parser.add_argument("--json", type=Path, help="where the figures go; those that are there already are kept")
    options = parser.parse_args()
    blas.choose_kernels()
    from controls import CONTROLS
    from faults import FAULTS

    from byhand.see.doctor import examine

    rows: list[dict[str, Any]] = (
        json.loads(options.json.read_text(encoding="utf-8")) if options.json and options.json.exists() else []
    )
    done = {row["name"] for row in rows}
    for kind, items in (("fault", FAULTS), ("control", CONTROLS)):
        if kind + "s" not in options.kinds:
            continue
        for item in chosen(items, options.part, options.only):
            if item.name in done:
                continue
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
                options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
            flag = "ok " if (row.get("named") if kind == "fault" else not found) else "?? "
            print(f"{flag}{row['seconds']:5.1f} s  {item.name}: {', '.join(row['found'][:3]) or 'healthy'}", flush=True)
            if flag == "?? ":
                print(f"            {row['where']}: {row['evidence']}", flush=True)
    summary(rows)


def wilson(k: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share k / n. Source: Wilson (1927), J. Am. Stat. Assoc. 22, 209."""
    z, p = 1.96, k / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def share(k: int, n: int) -> str:
    """A share with its interval, as 92.3 % (36 of 39; 80 to 97)."""
    low, high = wilson(k, n)
    return f"{k / n:.1%} ({k} of {n}; {low:.0%} to {high:.0%})"


def summary(rows: list[dict[str, Any]]) -> None:
    """The four questions, beside whoever always says "learning rate"; false alarms; and the families."""
    faults, controls = ([row for row in rows if row["kind"] == kind] for kind in ("fault", "control"))
    n = len(faults)
    if faults:
        print(f"\n{n} faults, with Wilson's 95 % intervals\n\n| | doctor | always says learning rate |\n|---|---|---|")
        for key in ("detect", "named", "located", "fixed"):
            base = n if key == "detect" else sum(row["baseline"] for row in faults)
            print(f"| {key} | {share(sum(bool(row[key]) for row in faults), n)} | {base / n:.1%} |")
    if controls:
        alarms = sum(row["detect"] for row in controls)
        print(
            f"\n{len(controls)} healthy controls: false alarms {share(alarms, len(controls))}; always says learning rate: 100 %"
        )
    families = [("feed-forward", r"^(mlp|relu|square|deep|moons|iris|digits)"), ("CNN", "^cnn"), ("autoencoder", "^ae")]
    print("\n| family | detected | named | false alarms |\n|---|---|---|---|")
    for family, pattern in [*families, ("VAE", "^vae"), ("diffusion", "^diffusion")]:
        mine, sound = ([row for row in part if re.search(pattern, row["name"])] for part in (faults, controls))
        counts = [sum(bool(row[key]) for row in mine) for key in ("detect", "named")]
        alarms = sum(row["detect"] for row in sound)
        print(f"| {family} | {counts[0]} of {len(mine)} | {counts[1]} of {len(mine)} | {alarms} of {len(sound)} |")


if __name__ == "__main__":
    main()
