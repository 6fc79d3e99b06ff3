"""The long run: `python -m tests.fuzz --inputs 1000000`, over all targets or `--target NAME`, each in a process of its own."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from tests.fuzz import targets

AT_LEAST = 50.0  # inputs per second; a target that is slower hangs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="in all, shared out by the targets' weights")
    parser.add_argument("--target", action="append", help="only this one; again for more")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    weights = {name: target.weight for name, target in targets.targets().items()}
    targets.clear()
    chosen = asked.target or list(weights)
    rows = []
    for name in chosen:
        inputs = round(asked.inputs * weights[name] / sum(weights[one] for one in chosen))
        command = [sys.executable, "-m", "tests.fuzz.one", name, str(inputs), str(asked.seed)]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=120 + inputs / AT_LEAST, check=False)
            told, errors = ended.stdout, ended.stderr
        except subprocess.TimeoutExpired:
            told, errors = "", "it did not end"
        lines = [line for line in told.splitlines() if line.startswith("{")]
        died = {
            "target": name,
            "inputs": 0,
            "seconds": 0.0,
            "failures": [f"the process died, its last input is in last-{name}: {errors[-400:]}"],
        }
        rows.append(json.loads(lines[-1]) if lines else died)
        row = rows[-1]
        speed = row["inputs"] / row["seconds"] if row["seconds"] else 0
        print(f"{name:12} {row['inputs']:>9,} inputs {speed:>7,.0f} per second  {len(row['failures'])} failures", flush=True)
        for failure in row["failures"]:
            print(f"    {failure}", flush=True)
    total = sum(row["inputs"] for row in rows)
    failures = sum(len(row["failures"]) for row in rows)
    guided = "guided by coverage" if rows and rows[0].get("guided") else "not guided: Atheris is not installed"
    print(f"{total:,} inputs over {len(rows)} targets, {guided}; {failures} failures", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
