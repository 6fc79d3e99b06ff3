"""What comes out, and what a step does: the same answer twice, alone and in a batch, in training and in evaluation; downhill."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.errors import ByhandError
from byhand.nn import BatchNorm2d, ReLU, Sigmoid, Softmax, Tanh
from byhand.predictions import chosen, fitting_targets
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.patient import Patient
from byhand.training.state import same_buffers, undisturbed

STEPS = 60  # that the network learns before it is asked
FOLLOWED = 0.1  # of the way from the first running statistics to a batch's, after a hundred steps
TOLERANCE = 1e-3  # relative difference that rounding in float32 does not make


def probe_outputs(patient: Patient) -> tuple[list[Finding], list[Check]]:
    """Findings about the answers of a network after a few steps."""
    found: list[Finding] = []
    training, model = patient.training, patient.model
    with undisturbed(training), np.errstate(all="ignore"):
        before, statistics = model.parameters.copy(), {name: array.copy() for name, array in model.buffers.items()}
        steps, slopes, ratios = 0, [], []
        try:
            for _ in range(min(STEPS, training.total)):
                rate = next(training).learning_rate
                steps += 1
                update, gradient = training.optimizer.update, model.gradient
                slopes.append(float(update @ gradient))
                ratios.append(float(np.linalg.norm(update)) / max(rate * float(np.linalg.norm(gradient)), 1e-300))
        except ByhandError:
            return [], []
        found += frozen(model, before, steps)
        found += stepped(training.optimizer, slopes, ratios)
        if patient.draws:
            return found, [Check("parameters", f"all change in {steps} steps")] if not found else []
        held = patient.held_out
        x, y = (held.flat[:64], held.targets()[:64]) if held is not None else patient.few(64)
        y = fitting_targets(y, (len(x), *patient.y.shape[1:]))
        conditional = model.classes > 0

        def answer(rows: Array, targets: Array = y) -> Array:
            return np.asarray(model.answers(rows, targets[: len(rows)]))

        found += random_evaluation(answer, x, model)
        if not found and not conditional:
            found += batch_leak(answer, x)
        if not found:
            found += evaluation_differs(patient) or stand_still(patient, statistics)
        if patient.classifies:
            found += softmax_twice(model, x)
            if not any(finding.fault == "random-evaluation" for finding in found):
                found += accuracy_wrong(model, x, y)
            if not found:
                found += unbounded(model, x)
    return found, [Check("answers", f"the same twice, alone and among {len(x)}; all parameters change")] if not found else []


def frozen(model: Any, before: Array, steps: int) -> list[Finding]:
    """Tensors that no step changed, although they have a gradient."""
    still = [
        name
        for name, place in model.parameter_slices().items()
        if (model.parameters[place] == before[place]).all() and np.abs(model.gradient[place]).max() > 0
    ]
    if not still or steps < 5:
        return []
    evidence = (
        f"after {steps} steps {', '.join(still[:4])} {'are' if len(still) > 1 else 'is'} unchanged to the bit, though "
        "the gradient is not 0"
    )
    return [Finding("parameters-frozen", still[0], 0.95, evidence, "give the optimiser all parameters")]


def stepped(optimizer: Any, slopes: list[float], ratios: list[float]) -> list[Finding]:
    """Steps along the gradient in place of against it; and steps of plain descent that are not rate times gradient long."""
    uphill = float((np.array(slopes) > 0).mean()) if slopes else 0.0
    if uphill > 0.9 and len(slopes) >= 5:
        evidence = f"in {uphill:.0%} of {len(slopes)} steps the change of the parameters goes the way of the gradient: uphill"
        fix = "theta <- theta - rate * gradient: the sign of the step is wrong"
        return [
            Finding("step-uphill", "all layers, the optimiser's step", 0.97, evidence, fix, curves={"step . gradient": slopes})
        ]
    ratio = float(np.median(ratios)) if ratios else 1.0
    if optimizer.name == "sgd" and not optimizer.momentum and ratio > 0 and not 0.9 < ratio < 1.1:
        evidence = f"a step is {ratio:.3g} times rate times gradient long, the median of {len(ratios)}; of plain descent it is 1"
        fix = "theta <- theta - rate * gradient, with the rate once"
        return [Finding("step-size-wrong", "learning rate", 0.9, evidence, fix, curves={"step / (rate x gradient)": ratios})]
    return []


def _far(a: Array, b: Array) -> float:
    scale = max(float(np.abs(a).max()), float(np.abs(b).max()), 1e-12)
    return float(np.abs(a - b).max()) / scale


def random_evaluation(answer: Any, x: Array, model: Any) -> list[Finding]:
    """The same question, asked twice."""
    difference = _far(answer(x), answer(x))
    if not difference > TOLERANCE:
        return []
    what = "what draws at random" if model.without_dropout() is None else "dropout"
    evidence = f"the same {len(x)} samples asked about twice get answers that are {difference:.1%} of the largest apart"
    return [Finding("random-evaluation", "evaluation", 0.97, evidence, f"switch {what} off in evaluation: model.eval()")]


def batch_leak(answer: Any, x: Array) -> list[Finding]:
    """A sample alone, and among others."""
    among = answer(x)[:8]
    alone = np.concatenate([answer(x[i : i + 1]) for i in range(8)])
    difference = _far(among, alone)
    if not difference > TOLERANCE:
        return []
    evidence = f"the answer to a sample alone is {difference:.1%} of the largest away from that to the same sample among {len(x)}"
    fix = "normalise by running statistics in evaluation, and never over the batch's axis in a layer that should not"
    return [Finding("batch-leak", "evaluation", 0.97, evidence, fix)]


def evaluation_differs(patient: Patient) -> list[Finding]:
    """The cost of training samples as evaluation has it, far above what training says of the same samples."""
    model = patient.model
    if not model.buffers or not patient.classifies:
        return []
    training, ratios = patient.training, []
    for _ in range(40):  # running statistics follow with a delay
        try:
            next(training)
        except (StopIteration, ByhandError):
            break
    for seed in range(4):
        x, y = patient.few(64, seed)
        evaluated = model.evaluate(x, y)[0]
        with same_buffers(model):
            trained = model.learn(x, y)
        ratios.append((evaluated, trained))
    evaluated, trained = (float(np.mean(part)) for part in zip(*ratios, strict=True))
    if evaluated < 2.5 * trained + 0.5:
        return []
    evidence = f"of the same samples the cost is {trained:.3g} in training, but {evaluated:.3g} in evaluation"
    fix = "let the running statistics follow (momentum above 0), and use the same layers in both"
    return [Finding("evaluation-differs", "running statistics", 0.85, evidence, fix)]


def stand_still(patient: Patient, begun: dict[str, Array]) -> list[Finding]:
    """Running statistics that hardly follow those of the batches, whatever that does to the cost so early."""
    model = patient.model
    norms = [module for module in model.modules() if begun and isinstance(module, BatchNorm2d)]
    if not norms:
        return []
    names = [name for name in begun if "running" in name]
    now, momenta = {name: model.buffers[name].copy() for name in names}, [module.momentum for module in norms]
    for module in norms:
        module.momentum = 1.0  # so that the running statistics become those of the next batch
    try:
        with same_buffers(model):
            model.learn(*patient.few(64))
            batch = {name: model.buffers[name].copy() for name in names}
    finally:
        for module, momentum in zip(norms, momenta, strict=True):
            module.momentum = momentum
    way = sum(float(np.abs(batch[name] - begun[name]).sum()) for name in names)
    gone = sum(float(np.abs(now[name] - begun[name]).sum()) for name in names)
    if way == 0 or gone > FOLLOWED * way:
        return []
    evidence = (
        f"after {STEPS + 40} steps the running statistics have gone {gone / way:.1%} of the way from where they began to "
        f"those of a batch; momentum is {momenta[0]:g}"
    )
    fix = "a momentum of about 0.1, so that running statistics follow the batches: evaluation normalises by them"
    curves = {"where they began, are, should be": [0.0, gone, way]}
    return [Finding("evaluation-differs", "running statistics", 0.9, evidence, fix, curves=curves)]


def softmax_twice(model: Any, x: Array) -> list[Finding]:
    """What should be weighted inputs for softmax are probabilities already."""
    z = model.weighted_outputs(x)
    if z is None or z.ndim != 2 or z.shape[1] < 2 or not model.modules() or model.output_activation != "softmax":
        return []
    if z.min() < 0 or np.abs(z.sum(axis=1) - 1).max() >= 1e-3:
        return []
    evidence = f"what goes into the cost's softmax sums to 1 for each of {len(z)} samples: it is probabilities already"
    return [Finding("softmax-twice", "output layer", 0.98, evidence, "leave out the last Softmax: the cost has its own")]


def unbounded(model: Any, x: Array) -> list[Finding]:
    """A cost for probabilities on a network whose answers cannot become large, or the other way round."""
    z = model.weighted_outputs(x)
    if z is None or model.output_activation != "softmax" or not _ends_in_an_activation(model):
        return []
    if z.ndim == 2 and (z.min() >= 0 or np.abs(z).max() <= 1):
        evidence = f"the weighted inputs of softmax come out of an activation, between {z.min():.2g} and {z.max():.2g}"
        return [
            Finding("softmax-twice", "output layer", 0.8, evidence, "end the network with a Linear: softmax stands in the cost")
        ]
    return []


def _ends_in_an_activation(model: Any) -> bool:
    layers = model.modules()
    return bool(layers) and isinstance(layers[-1], Sigmoid | Tanh | ReLU | Softmax)


def accuracy_wrong(model: Any, x: Array, y: Array) -> list[Finding]:
    """The accuracy that `evaluate` reports, beside that of `forward`."""
    reported = model.evaluate(x, y)[1]
    counted = float((chosen(model.forward(x)) == chosen(y)).mean())
    if reported is None or abs(reported - counted) < 0.02:
        return []
    evidence = (
        f"evaluate reports {reported:.0%} right, but of the same {len(x)} samples the largest output is right in {counted:.0%}"
    )
    return [Finding("accuracy-wrong", "evaluation", 0.97, evidence, "count samples whose largest output is the target's largest")]
