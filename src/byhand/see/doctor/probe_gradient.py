r"""The gradient that the network computes, beside the slope of its own cost, tensor by tensor, in float64.

    \frac{C(\theta + h v) - C(\theta - h v)}{2 h} = g \cdot v

for directions v within one tensor. Chance (dropout, drawn codes, noise) is held fixed. A check at the start alone would miss what
a zero initialisation hides, so a few steps are taken before; where these leave no slope but 0, the start is looked at too. Of
several wrong tensors the one nearest to the outputs is named, as errors travel from there to the inputs.

Source: Nielsen (2015), chapter 2; Karpathy et al., CS231n notes on gradient checks, for the burn-in and the reduced directions.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ByhandError
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.patient import Patient
from byhand.training.state import same_buffers, undisturbed

BURN_IN = 30  # steps
SAMPLES = 8
WRONG = 0.02  # relative error of a slope that no kink of a ReLU explains in float64
DIRECTIONS = 3


@dataclass(frozen=True)
class Slope:
    """Of one tensor: the slopes of the cost along some directions as measured, and as the gradient has them."""

    name: str
    measured: Array
    computed: Array
    length: float

    @property
    def error(self) -> float:
        """How far apart, relative to the larger of the two."""
        scale = max(float(np.abs(self.measured).max()), float(np.abs(self.computed).max()), 1e-300)
        return float(np.abs(self.measured - self.computed).max()) / scale

    @property
    def ratio(self) -> float:
        """Computed over measured, by least squares."""
        return float(self.measured @ self.computed) / max(float(self.measured @ self.measured), 1e-300)


def probe_gradient(patient: Patient) -> tuple[list[Finding], list[Check]]:
    """Gradients that are wrong, missing, summed over the batch or added up over batches."""
    beginning = patient.model.twin(np.float64)
    found, checks, seen = probed(burnt_in(patient) or beginning, patient)
    if not seen and not found:
        # Steps that are too long leave units at their ends, where all slopes are 0: there the beginning says more.
        found, more, _ = probed(beginning, patient)
        checks += [replace(check, name="gradient at the beginning") for check in more]
    return found, checks


def burnt_in(patient: Patient) -> Any:
    """The model after some steps, in double precision; None where it explodes on the way."""
    training = patient.training
    try:
        with undisturbed(training), np.errstate(all="ignore"):
            for _ in range(min(BURN_IN, training.total)):
                next(training)
            return training.model.twin(np.float64)
    except ByhandError:
        return None


def probed(twin: Any, patient: Patient) -> tuple[list[Finding], list[Check], int]:
    """Findings and checks at one moment of the training, and how many tensors had a slope that could be measured."""
    if not np.isfinite(twin.parameters).all():
        return [], [], 0
    x, y = patient.few(SAMPLES)
    x, y = x.astype(np.float64), y.astype(np.float64) if y.dtype.kind == "f" else y
    found = accumulates(twin, x, y)
    if found:
        return found, [], 1
    mean = summed(twin, x, y)
    slopes = [slope for slope in measure(twin, x, y) if slope.length > 0]
    worst = max((slope.error for slope in slopes), default=0.0)
    check = Check("gradient", f"{len(slopes)} tensors against central differences in float64: worst relative error {worst:.1e}")
    return judged(slopes, twin, x, y) or mean, [check], len(slopes)


def cost(model: Any, x: Array, y: Array, rng: Any) -> float:
    """The batch's cost, with chance as it stands in `rng`, and buffers left alone; the gradient is filled."""
    model.rng = copy.deepcopy(rng)
    model.gradient.fill(0)
    with same_buffers(model):
        return float(model.learn(x, y))


def measure(model: Any, x: Array, y: Array) -> list[Slope]:
    """The slopes of every tensor along its gradient and along random directions."""
    rng, model_rng = np.random.default_rng(0), copy.deepcopy(model.rng)
    cost(model, x, y, model_rng)
    gradient, theta, found = model.gradient.copy(), model.parameters.copy(), []
    for name, place in model.parameter_slices().items():
        g = gradient[place]
        directions = [rng.standard_normal(g.size) for _ in range(DIRECTIONS)]
        length = float(np.linalg.norm(g))
        if length > 0 and math.isfinite(length):
            directions[0] = g / length * math.sqrt(g.size)
        measured, computed = [], []
        for v in directions:
            h = 1e-6 * max(1.0, float(np.abs(theta[place]).max())) / max(1.0, float(np.abs(v).max()))
            slopes = []
            for sign in (1, -1):
                model.parameters[place] = theta[place] + sign * h * v
                slopes.append(cost(model, x, y, model_rng))
            measured.append((slopes[0] - slopes[1]) / (2 * h))
            computed.append(float(g @ v))
        model.parameters[...] = theta
        noise = 1e-9 * max(1.0, abs(slopes[0])) / 1e-6 * 1e-3
        both = np.array(measured), np.array(computed)
        size = max(float(np.abs(part).max()) for part in both)
        found.append(Slope(name, *both, length=size if size > noise else 0.0))
    cost(model, x, y, model_rng)
    return found


def judged(slopes: list[Slope], model: Any, x: Array, y: Array) -> list[Finding]:
    """What is wrong with them, if anything."""
    wrong = [slope for slope in slopes if not slope.error <= WRONG]
    if not wrong:
        return []
    ratios = np.array([slope.ratio for slope in slopes])
    straight = [
        float(np.abs(s.computed - s.ratio * s.measured).max()) <= WRONG * max(float(np.abs(s.computed).max()), 1e-300)
        for s in slopes
    ]
    if all(straight) and len(wrong) == len(slopes) and ratios.std() <= WRONG * abs(ratios.mean()):
        both = {"measured": [float(s.measured[0]) for s in slopes], "computed": [float(s.computed[0]) for s in slopes]}
        return [replace(_scaled(float(ratios.mean()), len(x), model), curves=both)]
    last = wrong[-1]
    if float(np.abs(last.computed).max()) < 1e-9 * float(np.abs(last.measured).max()):
        evidence = f"the cost's slope along {last.name} is {last.measured[-1]:.3g}, but its gradient is 0"
        fix = f"compute the gradient of {last.name}, and write it into the place that the optimiser reads"
        curves = {"measured": last.measured.tolist(), "computed": last.computed.tolist()}
        return [Finding("gradient-missing", last.name, 0.97, evidence, fix, curves=curves)]
    others = (
        f" ({len(wrong)} of {len(slopes)} tensors are wrong, this one stands nearest to the outputs)" if len(wrong) > 1 else ""
    )
    k = int(np.abs(last.computed - last.measured).argmax())
    evidence = (
        f"along {last.name} the cost's slope is {last.measured[k]:.4g} by central differences, the gradient says "
        f"{last.computed[k]:.4g}{others}"
    )
    fix = _fix_of(last, slopes)
    return [
        Finding(
            "gradient-wrong",
            last.name,
            0.97,
            evidence,
            fix,
            curves={"measured": last.measured.tolist(), "computed": last.computed.tolist()},
        )
    ]


def _fix_of(last: Slope, slopes: list[Slope]) -> str:
    alone = sum(slope.error > WRONG for slope in slopes) == 1
    where = f"the line that computes the gradient of {last.name}"
    if last.ratio < -0.1 and abs(last.ratio + 1) < 0.1:
        return f"{where} has the wrong sign"
    if alone:
        return f"look at {where}: the other gradients are right, so the error that reaches this layer is"
    return (
        f"look at {where}, and at the error that is passed on from there: sigma' of the right z, the weights "
        "transposed, += where paths meet"
    )


def _scaled(ratio: float, m: int, model: Any) -> Finding:
    """All gradients are wrong by one factor."""
    x2 = "one factor in all tensors"
    if abs(ratio / m - 1) < 0.05:
        return Finding(
            "gradient-sum",
            "all layers",
            0.98,
            f"every gradient is {ratio:.3g} times the slope of the cost with {m} samples in the batch: a sum over "
            "the batch, not a mean",
            "divide the gradient by the batch's size, or the learning rate by it",
        )
    sign = ": it has the wrong sign" if ratio < 0 else ""
    return Finding(
        "step-uphill" if ratio < 0 else "gradient-scale",
        "all layers",
        0.95,
        f"every gradient is {ratio:.3g} times the slope of the cost ({x2}){sign}",
        "compute the gradient of the cost that is reported",
    )


def accumulates(model: Any, x: Array, y: Array) -> list[Finding]:
    """The same batch learned twice gives the same gradient, unless it is added to the one before."""
    rng, lengths = copy.deepcopy(model.rng), []
    for _ in range(3):
        model.rng = copy.deepcopy(rng)
        with same_buffers(model):
            model.learn(x, y)
        lengths.append(float(np.linalg.norm(model.gradient)))
    first, grown = lengths[1] - lengths[0], lengths[2] - lengths[1]
    if not (lengths[0] > 0 and first > 0.2 * lengths[0] and abs(grown - first) < 0.3 * first):
        return []
    evidence = f"the same batch three times: the gradient's length is {', '.join(f'{length:.3g}' for length in lengths)}"
    fix = "set the gradient to 0 before each batch"
    return [Finding("gradient-accumulates", "all layers", 0.97, evidence, fix, curves={"gradient's length": lengths})]


def summed(model: Any, x: Array, y: Array) -> list[Finding]:
    """The cost of a batch that is taken four times over is the same, unless it is a sum."""
    rng = copy.deepcopy(model.rng)
    if len(x) == 0:
        return []
    once = [cost(model, x, y, np.random.default_rng(seed)) for seed in range(4)]
    lengths = float(np.linalg.norm(model.gradient))
    fourfold = [
        cost(model, np.tile(x, (4, 1)), np.tile(y, (4,) + (1,) * (y.ndim - 1)), np.random.default_rng(seed)) for seed in range(4)
    ]
    model.rng = rng
    ratio = float(np.mean(fourfold) / np.mean(once)) if np.mean(once) else 1.0
    growth = float(np.linalg.norm(model.gradient)) / max(lengths, 1e-300)
    if not 3.0 < ratio < 5.0 or growth < 2:
        return []
    evidence = (
        f"the same {len(x)} samples taken four times over make the cost {ratio:.2f} times as large, and the gradient "
        f"{growth:.2f} times"
    )
    fix = "divide cost and gradient by the batch's size: with a sum, the rate that works depends on it"
    return [Finding("cost-sum", "cost", 0.97, evidence, fix, curves={"cost of m, and of 4 m samples": [*once, *fourfold]})]
