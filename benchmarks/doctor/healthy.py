"""Whether the healthy controls are healthy: each is trained with some seeds, and its worth stands beside that of a reference.

    python benchmarks/doctor/healthy.py [--seeds 2] [--only TEXT] [--json FILE]

    classifiers       accuracy of alone-read test samples; the reference is five nearest neighbours among the training samples
    coders            minus the cost of test images; the reference is the best answer that knows nothing of the image
    diffusion         minus the energy distance of drawn points; the reference is a Gaussian like the data

A classifier is healthy where it makes at most a quarter more errors than the reference, and five points; a coder where
its cost is at most 0.85 of the reference's, and diffusion at a quarter.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from subjects import _apart, digits, moons, worth

from byhand import blas
from byhand.see.doctor import Patient
from byhand.see.doctor.probe_data import neighbours


def reference(patient: Patient) -> float:
    """What the plain reference is worth on the same data."""
    if patient.model.kind == "diffusion":
        return -_gaussian()
    if patient.model.kind in ("autoencoder", "vae"):
        x = digits().test.flat[:500]
        mean = np.clip(patient.x.mean(axis=0), 1e-6, 1 - 1e-6)
        if patient.model.kind == "autoencoder" and patient.model.reconstruction == "gaussian":
            return -float(0.5 * np.square(x - mean).sum(axis=1).mean())
        return float((x * np.log(mean) + (1 - x) * np.log(1 - mean)).sum(axis=1).mean())
    test = patient.test
    assert test is not None
    read = neighbours(patient.x, patient.y, test.flat[:400], k=5).argmax(axis=1)
    return float((read == test.labels[:400]).mean())


def _gaussian(n: int = 300) -> float:
    """The energy distance of a class's points from Gaussian ones, in deviations of the data."""
    clean, rng, total = moons(2_000, 0.06).test, np.random.default_rng(0), 0.0
    spread = clean.flat.std(axis=0)
    for k in range(2):
        real = clean.flat[clean.labels == k][:n]
        drawn = rng.multivariate_normal(real.mean(axis=0), np.cov(real.T), n)
        real, drawn = real / spread, drawn / spread
        total += float(2 * _apart(real, drawn) - _apart(real, real) - _apart(drawn, drawn))
    return total / 2


def healthy(kind: str, found: float, plain: float) -> bool:
    """Whether this is worth enough beside the reference."""
    if kind == "diffusion":
        return found > 0.25 * plain
    if kind in ("autoencoder", "vae"):
        return found > 0.85 * plain
    return 1 - found <= 1.25 * (1 - plain) + 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    blas.choose_kernels()
    from controls import CONTROLS

    rows: list[dict[str, Any]] = []
    for control in CONTROLS:
        if options.only not in control.name:
            continue
        found = [worth(control.make(seed)) for seed in range(options.seeds)]
        patient = control.make(0)
        plain = reference(patient)
        row = {"name": control.name, "worth": found, "reference": plain}
        row["healthy"] = healthy(patient.model.kind, float(np.mean(found)), plain)
        rows.append(row)
        mark = "" if row["healthy"] else "NOT HEALTHY "
        print(f"{mark}{control.name}: {' '.join(f'{value:.4g}' for value in found)}, reference {plain:.4g}", flush=True)
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(f"{sum(row['healthy'] for row in rows)} of {len(rows)} are healthy")


if __name__ == "__main__":
    main()
