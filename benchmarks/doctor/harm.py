"""Whether the seeded faults do harm: each is trained with several seeds beside the healthy network that it was made of.

    python benchmarks/doctor/harm.py [--seeds 5] [--only TEXT] [--json FILE]

Printed: the worth of both (accuracy, minus the cost, or minus the energy distance of drawn points), Welch's t test of the
difference and Cohen's d. A fault counts where p < 0.05 and d >= 0.5. Some faults do not make the network worse but what is said
of it: those are judged by how much the figure reported on held-out data is above what it is worth on clean ones; one that learns
by heart is judged by its cost on test data.

Source: Welch (1947), Biometrika 34, 28; Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapter 2.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from subjects import worth

from byhand import blas


def stopped(patient: Any) -> float:
    """Minus the test cost of the epoch whose validation cost was lowest, or of the last one where there is no validation."""
    held, test, lowest, found = patient.validation, patient.test, float("inf"), 0.0
    for step in patient.training:
        if step.last:
            cost = 0.0 if held is None else float(patient.model.evaluate(held.flat, held.targets())[0])
            if held is None or cost < lowest:
                lowest, found = cost, -float(patient.model.evaluate(test.flat, test.targets())[0])
    return found


def measured(make: Any, seed: int, judged_by: str) -> float:
    """What a fault or its healthy subject is worth with this seed, by the measure that the fault names; higher is better."""
    patient = make(seed)
    if judged_by == "stopped":
        return stopped(patient)
    found = worth(patient)
    if judged_by == "worth":
        return found
    held, test = patient.held_out, patient.test
    model = patient.model
    if judged_by == "cost":
        return -float(model.evaluate(test.flat, test.targets())[0])
    return found - float(model.evaluate(held.flat, held.targets())[1])


def welch(a: list[float], b: list[float]) -> tuple[float, float]:
    """(p, d) of the difference of two means: two-sided, by the t distribution with Welch's degrees of freedom."""
    x, y = np.array(a), np.array(b)
    va, vb = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    spread = math.sqrt(max((x.var(ddof=1) + y.var(ddof=1)) / 2, 1e-12))
    d = float(x.mean() - y.mean()) / spread
    if va + vb < 1e-18:
        return (0.0 if x.mean() != y.mean() else 1.0), d
    t = abs(float(x.mean() - y.mean())) / math.sqrt(va + vb)
    freedom = (va + vb) ** 2 / max(va**2 / (len(x) - 1) + vb**2 / (len(y) - 1), 1e-300)
    return tail(t, freedom), d


def tail(t: float, freedom: float) -> float:
    """The two-sided p of Student's t, by integrating its density."""
    u = np.linspace(t, t + 400, 400_001)
    log = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    density = np.exp(log - (freedom + 1) / 2 * np.log1p(u**2 / freedom))
    return min(1.0, 2 * float(np.trapezoid(density, u)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path, help="where the figures go; those that are there already are kept")
    options = parser.parse_args()
    blas.choose_kernels()
    from faults import FAULTS

    healthy: dict[Any, list[float]] = {}
    rows = json.loads(options.json.read_text(encoding="utf-8")) if options.json and options.json.exists() else []
    for item in FAULTS:
        if not re.search(options.only, item.name) or any(row["name"] == item.name for row in rows):
            continue
        key = (item.judged_by, repr(worth_key(item)))
        if key not in healthy:
            healthy[key] = [measured(item.healthy, seed, item.judged_by) for seed in range(options.seeds)]
        sick = [measured(item.make, seed, item.judged_by) for seed in range(options.seeds)]
        p, d = welch(healthy[key], sick)
        harmful = p < 0.05 and d >= 0.5
        row = {
            "name": item.name,
            "healthy": float(np.mean(healthy[key])),
            "sick": float(np.mean(sick)),
            "p": p,
            "d": d,
            "harmful": harmful,
        }
        rows.append(row)
        print(
            f"{'' if harmful else 'NOT HARMFUL '}{item.name}: {row['healthy']:.4g} -> {row['sick']:.4g}, p {p:.1e}, d {d:.1f}",
            flush=True,
        )
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(f"{sum(row['harmful'] for row in rows)} of {len(rows)} do harm")


def worth_key(item: Any) -> Any:
    """What tells healthy subjects apart: the function, or what a closure holds."""
    cells = [cell.cell_contents for cell in item.healthy.__closure__ or ()]
    return (item.healthy.__qualname__, item.healthy.__code__.co_firstlineno, [str(cell)[:80] for cell in cells])


if __name__ == "__main__":
    main()
