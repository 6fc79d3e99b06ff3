r"""How long a training step would take on a quiet machine, worked out from its shapes and not measured.

The doctor's time is limited, and so is what it may try. Were that told by a clock, a busy machine would find less than an idle
one, and the same patient would be healthy on Mondays. So budgets are in nominal seconds:

    s = n_{ops}\, t_{op} + n_{mult}\, t_{mult} + n_{numbers}\, t_{number} + n_{parameters}\, t_{parameter}

The four times were fitted to the recipes and to the networks of `benchmarks/doctor` on one core of an AMD EPYC (Zen 4); between
0.07 ms (784-30-10, batches of 10) and 340 ms (a U-Net) a step they are right to about a third.
"""

from __future__ import annotations

import copy
import math
from typing import Any

from byhand.engine import watch
from byhand.training.state import undisturbed
from byhand.training.steps import Steps

LAYER = 30e-6  # seconds a layer whose gradient is derived by hand, and its update
OP = 50e-6  # seconds an op of the engine, with its gradient
NUMBER = 4e-9  # seconds a number that an op of the engine gives out: mostly memory
BY_HAND, BY_ENGINE = 1e-10, 3e-11  # seconds a multiplication, forward and both gradients; the engine's are large ones
PARAMETER = 5e-10  # seconds a parameter, for the optimiser
AUGMENTED = 15e-9  # seconds a number that is augmented
SAMPLES = 4  # that the engine is watched with


def step_seconds(training: Steps) -> float:
    """Nominal seconds of one step of this training; the training is left as it was."""
    model: Any = training.model
    update = PARAMETER * model.parameters.size
    if training.augment is not None:
        update += AUGMENTED * training.batch_size * training.x.shape[1]
    if not model.by_hand:
        n = min(SAMPLES, training.batch_size)
        ops, numbers, multiplications = _watched(training, n)
        batch = training.batch_size / n
        return ops * OP + batch * (numbers * NUMBER + multiplications * BY_ENGINE) + update
    layers = sum(1 for array in model.tensors().values() if array.ndim == 2)
    return layers * LAYER + training.batch_size * model.parameters.size * BY_HAND + update


def _watched(training: Steps, n: int) -> tuple[int, int, int]:
    """Ops, numbers given out and multiplications of one forward pass of n samples."""
    model: Any = training.model
    with undisturbed(training):
        model.rng = copy.deepcopy(model.rng)
        with watch() as tape:
            model.learn(training.x[:n].copy(), training.y[:n].copy())
    numbers = multiplications = 0
    for node in tape:
        numbers += node.output.size
        if node.op.name.startswith(("linear", "conv", "matmul")):
            w = node.inputs[1].shape  # (n_out, n_in), (kernel, kernel, in, out), or a matrix
            multiplications += node.output.size * (math.prod(w[:-1]) if len(w) == 4 else w[-1])
    return len(tape), numbers, multiplications
