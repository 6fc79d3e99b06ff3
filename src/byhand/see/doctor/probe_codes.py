r"""A VAE's cost taken apart: L = L_rec + beta L_reg, with the reconstruction and the divergence worked out anew from its codes.

Over a few batches the reported cost is a weighted sum of the two; least squares give the weights. Then the drawing of the code,
z = mu + eps e^s, and whether the code is used at all after some training.

Source: Kingma and Welling (2014), arXiv:1312.6114; for unused dimensions, Burda et al. (2016), section 5.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.models.elbo import Variational, divergence
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.patient import Patient
from byhand.training.state import undisturbed

BATCHES, SAMPLES = 12, 32
NONE = 1e-3  # of the reconstruction's weight: the divergence has none, whatever the last bits of the least squares say


def probe_codes(patient: Patient) -> tuple[list[Finding], list[Check]]:
    """Findings about a VAE's cost and its draw; nothing for other networks."""
    model: Any = patient.model
    if not isinstance(patient.model, Variational) or not model.by_hand or not model.closed_form:
        return [], []
    with undisturbed(patient.training), np.errstate(all="ignore"):
        rows: list[tuple[float, float, float]] = []
        seen: list[dict[str, Array]] = []
        for seed in range(BATCHES):
            x, y = patient.few(SAMPLES, seed)
            cost = model.learn(x, y)
            codes: dict[str, Array] = {name: np.array(value, np.float64) for name, value in model.codes.items()}
            seen.append(codes)
            rec = float(np.mean(_reconstruction(model, x)))
            reg = float(divergence(codes["mu"], codes["log_sigma"]).sum(axis=1).mean())
            rows.append((rec, reg, cost))
            next(patient.training)
    found = drawn(seen)
    table = np.array(rows)
    parts, costs = table[:, :2], table[:, 2]
    (a, b), *_ = np.linalg.lstsq(parts, costs, rcond=None)
    left = float(np.abs(parts @ np.array([a, b]) - costs).max() / np.abs(costs).max())
    beta = model.beta
    total = patient.training.total
    if model.warm_up > total:
        evidence = (
            f"beta grows to {beta:g} over {model.warm_up:,} steps, but the training has {total:,}: at its end the divergence "
            f"counts {total / model.warm_up:.2g} of that"
        )
        fix = f"warm_up of at most half of the training: {total // 2:,} steps"
        grown = [min(1.0, k / 20 * total / model.warm_up) * beta for k in range(21)]
        found.append(Finding("kl-weight", "warm-up of beta", 0.9, evidence, fix, curves={"beta": grown}))
    check = Check("cost", f"{a:.3g} times the reconstruction plus {b:.3g} times the divergence, to {left:.0e}; beta is {beta:g}")
    if model.warm_up or left > 0.02:
        return found, [check]
    found += weighed(float(a), float(b), beta, model)
    return found, [check]


def _reconstruction(model: Any, x: Array) -> Array:
    """L_rec of each image, a sum over its numbers, from the decoder's weighted inputs: in float64, and anew."""
    z, x = model.decoder.z[-1].astype(np.float64), x.astype(np.float64)
    a = 1 / (1 + np.exp(-z))
    if model.reconstruction == "gaussian":
        return np.asarray(0.5 * np.square(a - x).sum(axis=1))
    return np.asarray((np.maximum(z, 0) - x * z + np.log1p(np.exp(-np.abs(z)))).sum(axis=1))


def weighed(a: float, b: float, beta: float, model: Any) -> list[Finding]:
    """The weights that the two parts of the cost have, beside those they should have."""
    fix = "cost = (L_rec + beta L_reg) with both summed over one image's numbers, and the mean over the batch"
    if a > 0 and b < -NONE * a:
        evidence = (
            f"the cost is {a:.3g} times the reconstruction and {b:.3g} times the divergence: it falls when codes leave N(0, 1)"
        )
        return [Finding("kl-sign", "cost", 0.97, evidence, "add the divergence: 0.5 (mu^2 + sigma^2 - 1 - 2 log sigma)")]
    ratio = b / a if a else float("inf")
    if a > 0 and not 0.8 < ratio / max(beta, 1e-9) < 1.25:
        per = f", {1 / a:.0f} being the numbers of an image" if abs(a * model.n - 1) < 0.2 else ""
        evidence = (
            f"the reported cost is {a:.3g} times the reconstruction{per} plus {b:.3g} times the divergence; beta says {beta:g}"
        )
        return [Finding("kl-weight", "cost", 0.95, evidence, fix)]
    if not 0.05 <= beta <= 8:
        evidence = f"beta is {beta:g}: the divergence counts {beta:g} times as much as the bound on log p(x) has it"
        return [Finding("kl-weight", "beta", 0.8, evidence, "set beta to 1, or grow it to 1 by warm_up")]
    return []


def drawn(seen: list[dict[str, Array]]) -> list[Finding]:
    """z = mu + eps e^s, with eps drawn anew."""
    first, last = seen[0], seen[-1]
    if np.array_equal(first["eps"], last["eps"]):
        return [
            Finding(
                "noise-reused", "code", 0.97, f"the eps of {len(seen)} steps are the same numbers", "draw eps anew in each step"
            )
        ]
    off = max(float(np.abs(c["z"] - c["mu"] - c["eps"] * np.exp(c["log_sigma"])).max()) for c in seen)
    if off < 1e-3:
        return []
    none = max(float(np.abs(c["z"] - c["mu"]).max()) for c in seen)
    square = max(float(np.abs(c["z"] - c["mu"] - c["eps"] * np.exp(2 * c["log_sigma"])).max()) for c in seen)
    means = (
        "it is mu" if none < 1e-3 else "eps was scaled by the variance" if square < 1e-3 else "the encoder's Gaussian is not used"
    )
    evidence = f"z is up to {off:.3g} away from mu + eps exp(log_sigma): {means}"
    return [Finding("code-not-drawn", "code", 0.97, evidence, "z = mu + eps * exp(log_sigma), the standard deviation")]
