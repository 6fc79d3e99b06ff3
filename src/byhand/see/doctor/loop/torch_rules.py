"""What only a PyTorch loop can get wrong: what backward is called on, what the optimiser holds, what goes into the loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.backend import Array
from byhand.see.doctor.finding import Check, Finding
from byhand.see.doctor.loop.loss_rules import loss_rules
from byhand.see.doctor.loop.torch_divergence import divergence
from byhand.see.doctor.loop.torch_future import future
from byhand.see.doctor.loop.torch_loop import TorchEvent, TorchLoop
from byhand.see.doctor.probe_units import DEAD, TAIL

OFF, ALONG = 0.02, 0.999  # relative distance of two gradients; cosine of two that point one way
CLIPPED, DECAYED = 0.01, 3.0


def torch_rules(loop: TorchLoop) -> tuple[list[Finding], list[Check]]:
    """Findings, and what could not be looked at."""
    if loop.net is None:
        loop.unseen.append("everything: no module with parameters was called")
        return [], []
    found = _calls(loop)
    if found:
        return found, []
    events: list[Any] = loop.whole
    if not events:
        loop.unseen.append(
            "the gradient at a step: none was heard between backward and step, as where an optimiser calls a closure"
        )
        return _optimizers(loop), []
    found = [*_optimizers(loop), *_modes(loop), *_unregistered(loop), *_gradients(loop, events), *_regularised(loop, events)]
    found += loss_rules(loop, events) + divergence(events) + future(loop, events) + _bends(events)
    checks = [Check("gradient", f"{len(events)} steps beside the gradient of what backward was called on")]
    if not found:
        more, check = _own_functions(loop, events)
        found, checks = found + more, checks + check
    return found, checks


def _calls(loop: TorchLoop) -> list[Finding]:
    if loop.backwards and not loop.optimizers:
        if loop.owned:
            evidence = f"optimizer.step was called on {len(loop.owned)} tensors, none of which is one of this network's"
            return [
                Finding(
                    "parameters-frozen",
                    "the optimiser",
                    0.95,
                    evidence,
                    "make the optimiser of net.parameters() of the network that is trained, after it was moved or made anew",
                )
            ]
        evidence = f"backward was called {loop.backwards} times, optimizer.step never"
        return [Finding("parameters-frozen", "the loop", 0.97, evidence, "call optimizer.step() after loss.backward()")]
    if loop.optimizers and not loop.backwards:
        evidence = f"optimizer.step was called {len(loop.optimizers)} times, loss.backward() never"
        return [Finding("gradient-missing", "the loop", 0.9, evidence, "call loss.backward() before optimizer.step()")]
    if not loop.backwards and loop.modes:
        evidence = f"the network was called {len(loop.modes)} times with gradients, but neither backward nor step was"
        return [Finding("parameters-frozen", "the loop", 0.9, evidence, "call loss.backward() and optimizer.step()")]
    return []


def _optimizers(loop: TorchLoop) -> list[Finding]:
    found = []
    named = [(name, p) for name, p in loop.net.named_parameters() if p.requires_grad]
    left = [name for name, p in named if id(p) not in loop.owned]
    if left and len(left) < len(named):
        evidence = f"{', '.join(left[:4])} need a gradient, but no optimiser holds them"
        found.append(Finding("parameters-frozen", left[0], 0.9, evidence, "give the optimiser net.parameters()"))
    if len(set(loop.optimizers)) > max(2, loop.steps // 20):
        evidence = f"{len(set(loop.optimizers))} optimisers took {loop.steps} steps: what they remember is lost each time"
        found.append(Finding("step-size-wrong", "the optimiser", 0.85, evidence, "make the optimiser once, before the loop"))
    still = [name for name, p in loop.net.named_parameters() if not p.requires_grad]
    if still:
        loop.unseen.append(f"{', '.join(still[:3])}: frozen by requires_grad=False, {len(still)} arrays")
    return found


def _modes(loop: TorchLoop) -> list[Finding]:
    """Dropout and batch norm in the wrong mode."""
    kinds = {type(module).__name__ for module in loop.net.modules()}
    chance = sorted(name for name in kinds if "Dropout" in name or "BatchNorm" in name)
    if not chance or not loop.modes:
        return []
    off, held = 1 - float(np.mean(loop.modes)), " and ".join(chance)
    if off > 0.2:
        evidence = f"{off:.0%} of {len(loop.modes)} passes with gradients ran in evaluation mode, with {held} in the network"
        return [
            Finding(
                "evaluation-differs", "the training", 0.85, evidence, "call net.train() before each epoch, after every net.eval()"
            )
        ]
    if loop.judged and loop.judged_in_training > 0.5 * loop.judged:
        evidence = f"{loop.judged_in_training} of {loop.judged} passes without gradients ran in training mode, with {held} in it"
        return [
            Finding(
                "random-evaluation", "evaluation", 0.85, evidence, "call net.eval() before evaluating, and net.train() after it"
            )
        ]
    return []


def _unregistered(loop: TorchLoop) -> list[Finding]:
    if not loop.unregistered:
        return []
    shapes = ", ".join(str(shape) for shape in sorted(loop.unregistered)[:3])
    evidence = f"weights of shape {shapes} are used in the forward pass, but are not among net.parameters()"
    fix = "make layers once, in __init__, as attributes; lists of layers are nn.ModuleList, dicts nn.ModuleDict"
    return [Finding("parameters-frozen", "layers that are not registered", 0.9, evidence, fix)]


def _flat(named: dict[str, Array | None], names: list[str]) -> Array:
    parts = [named[name] for name in names]
    return np.concatenate([np.asarray(part, np.float64).reshape(-1) for part in parts if part is not None])


def _length(vector: Array) -> float:
    return float(np.linalg.norm(vector))


def _gradients(loop: TorchLoop, events: list[TorchEvent]) -> list[Finding]:
    """The gradient at `optimizer.step` beside that of what `backward` was called on since the last one."""
    pairs: list[tuple[Array, Array, TorchEvent]] = []
    for event in events:
        if event.expected is None:
            continue
        names = [n for n, g in event.expected.items() if g is not None and event.gradient.get(n) is not None]
        if names:
            pairs.append((_flat(dict(event.gradient), names), _flat(event.expected, names), event))
    lost = [event for event in events if event.expected and _all_silent(event)]
    gone = any(g is not None and g.any() for event in lost for g in (event.expected or {}).values())
    if len(lost) > len(events) // 2 and gone:
        evidence = "backward worked out a gradient, but it is 0 or gone when optimizer.step is called"
        fix = "zero_grad() stands between backward() and step(): move it before backward()"
        return [Finding("gradient-missing", "all parameters", 0.95, evidence, fix)]
    if len(pairs) < 2:
        return []
    seen = [(g, f) for g, f, _ in pairs if _length(f) > 0 and np.isfinite(g).all() and np.isfinite(f).all()]
    if len(seen) < 2:
        return []
    off = [_length(g - f) / _length(f) for g, f in seen]
    lengths = [_length(g) / _length(f) for g, f in seen]
    cosines = [float(g @ f) / max(_length(g) * _length(f), 1e-300) for g, f in seen]
    if np.median(off[1:]) <= OFF:
        return []
    curves = {"length of the gradient, over that of backward's": lengths}
    if min(cosines) >= ALONG:
        return _along(loop, lengths, seen, [event for _, _, event in pairs], curves)
    if _explained(seen, [event for _, _, event in pairs]):
        return []
    if off[0] <= OFF:
        evidence = (
            f"at optimizer.step the gradient is that of backward in the first step, later not: cosine {min(cosines):.2f}, "
            f"length {max(lengths):.3g} times"
        )
        return [
            Finding(
                "gradient-accumulates",
                "all layers",
                0.95,
                evidence,
                "call optimizer.zero_grad() before each backward()",
                curves=curves,
            )
        ]
    loop.unseen.append(
        f"the gradient: it was changed between backward and step (cosine {np.median(cosines):.2f}), by a hook or by noise"
    )
    return []


def _all_silent(event: TorchEvent) -> bool:
    return all(g is None or not g.any() for g in event.gradient.values())


def _along(
    loop: TorchLoop, lengths: list[float], seen: list[tuple[Array, Array]], events: list[TorchEvent], curves: Any
) -> list[Finding]:
    """Gradients that point the right way and have another length: clipped, scaled, or scaled back as AMP does."""
    scales = np.array([event.scale for event in events[: len(lengths)]])
    if np.allclose(np.array(lengths) * scales, 1, rtol=OFF):  # a loss that was scaled, and its gradient scaled back: as AMP does
        return []
    norms = np.array([float(np.linalg.norm(g)) for g, _ in seen])
    if max(lengths) <= 1 + OFF:
        if np.median(lengths) < CLIPPED:
            evidence = f"clipping leaves {np.median(lengths):.1%} of the gradient, a length of {np.median(norms):.3g}"
            return [
                Finding(
                    "clip-too-tight",
                    "clipping",
                    0.8,
                    evidence,
                    f"clip at about {np.median(norms / np.array(lengths)):.2g}, its usual length",
                    curves=curves,
                )
            ]
        return []
    if np.std(lengths) < OFF * np.mean(lengths):
        evidence = f"at optimizer.step the gradient is {np.mean(lengths):.3g} times that of what backward was called on"
        return [Finding("gradient-scale", "all layers", 0.8, evidence, "unscale the gradient before the step", curves=curves)]
    loop.unseen.append("the gradient's length: it is changed between backward and step")
    return []


def _explained(seen: list[tuple[Array, Array]], events: list[TorchEvent]) -> bool:
    """Whether the difference is clipping by value, or a decay that the loop adds itself."""
    for (g, f), event in zip(seen, events, strict=False):
        bound = float(np.abs(g).max())
        if np.allclose(np.clip(f, -bound, bound), g, rtol=1e-3, atol=1e-6 * bound):
            continue
        names = [n for n, e in (event.expected or {}).items() if e is not None and event.gradient.get(n) is not None]
        theta = _flat(dict(event.before), names)
        rest = g - f
        share = abs(float(rest @ theta)) / max(float(np.linalg.norm(rest) * np.linalg.norm(theta)), 1e-300)
        if share < ALONG:
            return False
    return True


def _regularised(loop: TorchLoop, events: list[TorchEvent]) -> list[Finding]:
    decay = float(loop.settings.get("weight_decay", 0) or 0)
    if not decay:
        return []
    shares = []
    for event in events:
        names = [n for n, g in event.gradient.items() if g is not None]
        if names:
            g, theta = _flat(dict(event.gradient), names), _flat(dict(event.before), names)
            shares.append(decay * float(np.linalg.norm(theta)) / max(float(np.linalg.norm(g)), 1e-300))
    decoupled = loop.settings.get("name") == "AdamW"
    strong = loop.rates[0] * decay > 0.02 if decoupled and loop.rates else bool(shares) and float(np.median(shares)) > DECAYED
    if not strong:
        return []
    evidence = f"weight_decay is {decay:g}: its pull is {np.median(shares):.3g} times as long as the gradient"
    return [Finding("weight-decay-too-strong", "weight decay", 0.8, evidence, "a weight decay of 1e-4 to 1e-2")]


def _bends(events: list[TorchEvent]) -> list[Finding]:
    """Units that answer 0, or their bound, to all samples of a batch, in the last step that was looked at."""
    for i, (name, a) in enumerate(events[-1].bends):
        if a.ndim < 2 or len(a) < 8:
            continue
        flat = a.reshape(len(a), a.shape[1], -1)
        if name == "relu":
            gone = float((flat <= 0).all(axis=(0, 2)).mean())
            if gone >= DEAD and a.shape[1] > 2:
                evidence = f"{gone:.0%} of the {a.shape[1]} units of relu {i + 1} answer 0 to all {len(a)} samples of a batch"
                return [
                    Finding(
                        "dead-units",
                        f"relu {i + 1}",
                        0.8,
                        evidence,
                        "a smaller learning rate, he's initialiser, biases at 0; or leaky_relu",
                    )
                ]
        elif name in TAIL and not (name == events[-1].last_bend and i == len(events[-1].bends) - 1):
            low, high = (0.0 if name == "sigmoid" else -1.0) + TAIL[name], 1.0 - TAIL[name]
            stuck = float(((flat < low).all(axis=(0, 2)) | (flat > high).all(axis=(0, 2))).mean())
            if stuck >= DEAD:
                evidence = (
                    f"{stuck:.0%} of the {a.shape[1]} units of {name} {i + 1} answer the same bound to all {len(a)} samples"
                )
                return [
                    Finding(
                        "saturation",
                        f"{name} {i + 1}",
                        0.8,
                        evidence,
                        "a smaller learning rate, smaller inputs or smaller weights",
                    )
                ]
    return []


def _own_functions(loop: TorchLoop, events: list[TorchEvent]) -> tuple[list[Finding], list[Check]]:
    """The gradient by autograd beside the slope of the loss in float64: only a function of the user's own can be wrong in it."""
    torch = loop.torch
    event = events[min(2, len(events) - 1)]
    try:
        again = loop.replay(event, event.before)
        if again is None or abs(float(again[0].detach()) - event.cost / event.scale) > 1e-3 * max(
            abs(event.cost / event.scale), 1e-6
        ):
            loop.unseen.append(
                "the loss anew: the network's answer to the same batch goes into the loss by a way that was not heard"
            )
            return [], []
        found = loop.replay(event, event.before, torch.float64)
        assert found is not None
        value, tensors = found
        names = [name for name, p in loop.net.named_parameters() if p.requires_grad]
        gradients = torch.autograd.grad(value, [tensors[name] for name in names], allow_unused=True)
    except (RuntimeError, TypeError, ValueError) as error:
        loop.unseen.append(f"the gradient in float64: {type(error).__name__} ({str(error)[:80]})")
        return [], []
    generator, worst = np.random.default_rng(0), (0.0, "", 0.0, 0.0)
    for name, gradient in zip(names, gradients, strict=True):
        if gradient is None:
            continue
        v = generator.standard_normal(gradient.shape)
        computed = float((gradient.detach().cpu().numpy() * v).sum())
        slope, nearer = (_slope(loop, event, name, v, h) for h in (1e-6, 1e-7))
        if abs(slope - nearer) > 0.01 * max(abs(slope), abs(nearer), 1e-9):
            continue  # a kink lies there
        off = abs(slope - computed) / max(abs(slope), abs(computed), 1e-6)
        if off > worst[0]:
            worst = (off, name, slope, computed)
    check = [Check("own functions", f"autograd against central differences in float64: worst relative error {worst[0]:.1e}")]
    if worst[0] <= OFF:
        return [], check
    evidence = f"along {worst[1]} the cost's slope is {worst[2]:.4g} by central differences, backward says {worst[3]:.4g}"
    fix = "look at the backward of the autograd.Function after this layer, and at detach and .data"
    return [Finding("gradient-wrong", worst[1], 0.93, evidence, fix)], check


def _slope(loop: TorchLoop, event: TorchEvent, name: str, v: Array, h: float) -> float:
    """The slope of the loss along v in one array; NaN where it cannot be worked out anew."""
    costs = []
    for sign in (1, -1):
        theta = {**event.before, name: event.before[name].astype(np.float64) + sign * h * v}
        with loop.torch.no_grad():
            found = loop.replay(event, theta, loop.torch.float64)
        costs.append(float("nan") if found is None else float(found[0]))
    return (costs[0] - costs[1]) / (2 * h)
