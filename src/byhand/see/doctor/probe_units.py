"""The units, layer by layer: how large their weights begin, which are copies, dead or saturated, where gradients vanish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.engine import watch
from byhand.errors import ByhandError
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.patient import Patient
from byhand.training.state import undisturbed

SAMPLES = 200
SIGMOIDAL = ("sigmoid", "tanh")
TAIL = {"sigmoid": 0.01, "tanh": 0.02}  # an activation this near its bound has a slope below 0.01 and 0.04
DEAD, SATURATED, VANISHED = 0.6, 0.6, 1e-5


@dataclass(frozen=True)
class Layer:
    """What a hidden layer's units answer to the probe samples: (samples and places, units)."""

    name: str
    activation: str
    a: Array


def probe_units(patient: Patient) -> tuple[list[Finding], list[Check]]:
    """Findings before the first step, and after as much training as an epoch or 300 steps."""
    training, model = patient.training, patient.model
    x, y = patient.few(SAMPLES)
    found = sizes(model, patient.draws) + copies(model)
    with undisturbed(training), np.errstate(all="ignore"):
        try:
            model.learn(x, y)
            layers = answers(model, x, y)
            start = gradients(model)
        except ByhandError:
            return found, []
        if not any(finding.fault in ("zero-weights", "init-too-large") for finding in found):
            found += large_inputs(layers, model)
    if found:
        return found, []
    found += vanishing(start) + linear(patient)
    with undisturbed(training), np.errstate(all="ignore"):
        try:
            for _ in range(min(300 if model.by_hand and patient.classifies else 100, training.total)):
                next(training)
            model.learn(x, y)
        except ByhandError:
            return found, []
        found += dead(answers(model, x, y))
    return found, [Check("units", f"{sum(layer.a.shape[1] for layer in layers)} hidden units in {len(layers)} layers looked at")]


def matrices(model: Any) -> dict[str, Array]:
    """The weights that have inputs and outputs, as (outputs, inputs)."""
    found = {}
    for name, array in model.named_parameters().items():
        if array.ndim == 2 and name.endswith("weight") and "label" not in name:
            found[name] = array
        elif array.ndim == 4:
            found[name] = array.reshape(-1, array.shape[-1]).T
    return found


def sizes(model: Any, denoises: bool) -> list[Finding]:
    """Weights far from the size at which signals keep theirs: 1 over the root of how many inputs a unit has."""
    found: list[Finding] = []
    named = matrices(model)
    for name, w in named.items():
        n_out, n_in = w.shape
        relative = float(np.sqrt(np.mean(np.square(w, dtype=np.float64)) * n_in))
        if relative == 0:
            if denoises or n_out == 1:
                continue  # denoisers begin with answers of 0 on purpose
            last = name == list(named)[-1]
            if last and len(named) > 1:
                continue  # zeros in the last layer alone do no harm: its gradient is not 0
            evidence = f"all {w.size:,} weights of {name} begin at 0"
            found.append(
                Finding("zero-weights", name, 0.9, evidence, 'draw the weights: initialiser="nielsen", "he" or "glorot"')
            )
        elif relative > 6 and n_in > 4:
            evidence = (
                f"the weights of {name} have a root mean square of {relative / n_in**0.5:.3g}; for {n_in} inputs "
                f"about {1 / n_in**0.5:.2g} is right"
            )
            fix = 'divide by the root of the number of inputs: initialiser="nielsen", "he" or "glorot"'
            found.append(Finding("init-too-large", name, 0.85, evidence, fix))
        elif relative < 0.02 and not denoises and n_out > 1:
            evidence = (
                f"the weights of {name} have a root mean square of {relative / n_in**0.5:.2g}; for {n_in} inputs "
                f"about {1 / n_in**0.5:.2g} is right"
            )
            fix = 'draw larger weights: initialiser="nielsen", "he" or "glorot"'
            found.append(Finding("init-too-small", name, 0.8, evidence, fix))
    return found


def copies(model: Any) -> list[Finding]:
    """Units whose weights are the same: their gradients are too, so they stay one unit."""
    for name, w in matrices(model).items():
        if len(w) < 3 or not w.any() or name == list(matrices(model))[-1]:
            continue
        distinct = len(np.unique(np.round(w / np.abs(w).max(), 6), axis=0))
        if distinct <= len(w) // 2:
            evidence = f"the {len(w)} units of {name} have {distinct} different row{'s' if distinct > 1 else ''} of weights"
            return [
                Finding(
                    "symmetric-units",
                    name,
                    0.95,
                    evidence,
                    "draw the weights at random: equal units get equal gradients for ever",
                )
            ]
    return []


def answers(model: Any, x: Array, y: Array) -> list[Layer]:
    """The activations of the hidden layers, for samples that were just learned from."""
    outputs = model.layer_outputs()
    if outputs is not None:
        return [Layer(output.name, output.activation, output.a) for output in outputs if output.hidden]
    with watch() as tape:
        model.learn(x[:64], y[:64])
    found = []
    for node in tape:
        name = node.op.name
        kind = name if name in ("relu", "sigmoid", "tanh") else "relu" if node.options.get("activation") == "relu" else ""
        if kind and node.output.ndim >= 2:
            found.append(Layer(node.scope or name, kind, np.asarray(node.output).reshape(-1, node.output.shape[-1])))
    return found


def gradients(model: Any) -> dict[str, float]:
    """The root mean square of each weight tensor's gradient."""
    places = model.parameter_slices()
    return {
        name: float(np.sqrt(np.mean(np.square(model.gradient[places[name]], dtype=np.float64))))
        for name in matrices(model)
        if name in places
    }


def large_inputs(layers: list[Layer], model: Any) -> list[Finding]:
    """Sigmoid and tanh units in their tails before the first step."""
    for layer in layers:
        if layer.activation in SIGMOIDAL:
            tail = TAIL[layer.activation]
            low = 0.0 if layer.activation == "sigmoid" else -1.0
            share = float(((layer.a < low + tail) | (layer.a > 1 - tail)).mean())
            if share > SATURATED:
                evidence = (
                    f"before the first step {share:.0%} of the answers of {layer.name} lie within {tail} of the "
                    f"bounds of {layer.activation}"
                )
                return [
                    Finding(
                        "saturation", layer.name, 0.8, evidence, "smaller inputs or smaller weights: sigma' is next to 0 there"
                    )
                ]
    return []


def vanishing(rms: dict[str, float]) -> list[Finding]:
    """Gradients of the first layer beside those of the last."""
    if len(rms) < 3 or min(rms.values()) == 0:  # a last layer that begins at 0 on purpose lets nothing through at first
        return []
    (first, a), *_, (last, b) = rms.items()
    if not (b > 0 and a < VANISHED * b):
        return []
    evidence = (
        f"before the first step the gradient of {first} has a root mean square of {a:.1e}, that of {last} {b:.1e}: "
        f"{b / max(a, 1e-300):.0e} times as large"
    )
    fix = "use relu with he's initialiser, normalisation or paths around the layers, or fewer layers"
    return [Finding("vanishing-gradient", first, 0.85, evidence, fix, curves={"gradient": list(rms.values())})]


def dead(layers: list[Layer]) -> list[Finding]:
    """ReLU units that answer 0 to every sample (units that are 0 for most samples are healthy); saturated ones likewise."""
    for layer in layers:
        if layer.activation == "relu":
            gone = float((layer.a <= 0).all(axis=0).mean())
            if gone >= DEAD:
                evidence = (
                    f"after some steps {gone:.0%} of the {layer.a.shape[1]} units of {layer.name} answer 0 to all "
                    f"{SAMPLES} samples, so no gradient reaches them"
                )
                return [
                    Finding(
                        "dead-units",
                        layer.name,
                        0.85,
                        evidence,
                        "a smaller learning rate, he's initialiser, biases at 0; or leaky_relu",
                    )
                ]
        elif layer.activation in SIGMOIDAL:
            tail = TAIL[layer.activation]
            low = 0.0 if layer.activation == "sigmoid" else -1.0
            stuck = ((layer.a < low + tail).all(axis=0) | (layer.a > 1 - tail).all(axis=0)).mean()
            if stuck >= DEAD:
                evidence = (
                    f"after some steps {stuck:.0%} of the units of {layer.name} answer the same bound of {layer.activation} "
                    "to all samples"
                )
                return [
                    Finding(
                        "saturation", layer.name, 0.85, evidence, "a smaller learning rate, smaller inputs or smaller weights"
                    )
                ]
    return []


def linear(patient: Patient) -> list[Finding]:
    """A network of several layers that is one straight line: what it makes of a mean is the mean of what it makes."""
    model = patient.model
    if len(matrices(model)) < 2 or model.reads_text:
        return []
    x = 30 * patient.few(40)[0].astype(model.dtype)  # large enough to bend any sigmoid
    outputs = [model.weighted_outputs(rows) for rows in (x[:20], x[20:], (x[:20] + x[20:]) / 2)]
    z = [np.asarray(rows, np.float64) for rows in outputs if rows is not None]
    if len(z) < 3:
        return []
    spread = float(z[2].std(axis=0).max())
    if spread < 1e-4 * float(np.abs(z[2]).max()):
        return []  # it says the same to all samples
    bend = float(np.abs((z[0] + z[1]) / 2 - z[2]).max()) / spread
    if bend > 1e-3:
        return []
    evidence = (
        f"the weighted inputs of the last layer for the mean of two samples are the mean of theirs, to {bend:.0e}: "
        "all layers together are one matrix"
    )
    fix = 'give hidden layers an activation: "sigmoid", "tanh" or "relu"'
    curves = {"z of the mean": z[2][0].tolist(), "mean of the two z": ((z[0] + z[1]) / 2)[0].tolist()}
    return [Finding("no-nonlinearity", "hidden layers", 0.9, evidence, fix, curves=curves)]
