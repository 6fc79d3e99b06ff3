"""A PyTorch module and one batch, without a loop: whether it could learn, in about a second.

A copy is examined, so that weights, buffers, gradients and modes of the module itself stay as they are.
"""

from __future__ import annotations

import copy
import functools
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from byhand.errors import ByhandError
from byhand.see.doctor.faults import FAULTS
from byhand.see.doctor.finding import Check, Finding, Report
from byhand.see.doctor.loop.replies import replies
from byhand.see.doctor.loop.torch_checkup import TorchCheckup
from byhand.see.doctor.loop.torch_loop import first_tensor
from byhand.see.doctor.loop.torch_rules import torch_rules

STEPS = 3  # of gradient descent on the copy, the third of which is looked at most closely
RATE = 1e-3
SHOWN = 6  # names or places in a sentence


def examine_module(net: Any, x: Any, y: Any, loss: Callable[[Any, Any], Any]) -> Report:
    """What is wrong with a module, by one batch: `loss(net(x), y)` and its gradient.

    It checks that every parameter gets a gradient, that every feature of x changes the answer, and that the answer to a sample is
    finite, its own, and the same twice. Then a copy takes three steps, which are examined like those of a loop. The data are not.

    Raises ByhandError where the module or the loss fails on the batch, or the loss is no single number.
    """
    began, torch = time.perf_counter(), sys.modules["torch"]
    with torch.random.fork_rng(devices=[]):  # and the chance of whoever asks goes on as if nothing had been asked
        findings, checks = _examined(torch, net, x if isinstance(x, tuple) else (x,), y, loss)
    order = list(FAULTS)
    findings.sort(key=lambda finding: order.index(finding.fault))
    return Report(findings, checks, time.perf_counter() - began, type(net).__name__)


def _examined(torch: Any, net: Any, inputs: tuple[Any, ...], y: Any, loss: Any) -> tuple[list[Finding], list[Check]]:
    twin = copy.deepcopy(net).train()
    value = _tried(lambda: loss(twin(*inputs), y), "the loss of this batch")
    if not torch.is_tensor(value) or value.numel() != 1:
        raise ByhandError(f"the loss must be one number, got {tuple(getattr(value, 'shape', ()))}: take its mean over the batch")
    findings = _finite(torch, value)
    checks = [Check("loss", f"{float(value.detach()):.4g} for a batch of {len(inputs[0])}")]
    if not findings:
        findings += _without_gradient(torch, twin, value)
        silent = any(finding.fault == "gradient-missing" for finding in findings)
        if not silent:  # where the gradient ends on its way, it says nothing of the inputs
            findings += _unused_features(torch, copy.deepcopy(net).eval(), inputs)
        found, made = _steps(torch, twin, inputs, y, loss)
        findings += [one for one in found if not (silent and one.fault in ("gradient-missing", "parameters-frozen"))]
        checks += made
    return findings, checks


def _tried(function: Callable[[], Any], what: str) -> Any:
    try:
        return function()
    except Exception as error:  # it is somebody else's network: whatever it raises is told in one line
        told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ByhandError(f"{what} could not be worked out: {told}") from error


def _finite(torch: Any, value: Any) -> list[Finding]:
    if bool(torch.isfinite(value).all()):
        return []
    evidence = f"the loss of this batch is {float(value.detach())} before any step"
    fix = "look for a logarithm of 0, a division by 0, or inputs that are not finite"
    return [Finding("non-finite", "the loss", 0.97, evidence, fix)]


def _without_gradient(torch: Any, net: Any, value: Any) -> list[Finding]:
    """Parameters that no gradient reaches, and those that are frozen."""
    named = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
    frozen = [name for name, p in net.named_parameters() if not p.requires_grad]
    found = []
    if frozen:
        evidence = f"{_some(frozen)} {_have(frozen)} requires_grad=False: no optimiser changes {_them(frozen)}"
        fix = 'set requires_grad_(True), or, where it is meant, allow=("parameters-frozen",)'
        found.append(Finding("parameters-frozen", frozen[0], 0.8, evidence, fix))
    if not value.requires_grad:
        evidence = "the loss hangs together with no parameter: it was worked out without gradients, or from detached tensors"
        return [
            *found,
            Finding("gradient-missing", "all parameters", 0.97, evidence, "leave out detach, .data, .item and no_grad"),
        ]
    gradients = torch.autograd.grad(value, [p for _, p in named], allow_unused=True, retain_graph=True)
    unused = [name for (name, _), g in zip(named, gradients, strict=True) if g is None]
    silent = [name for (name, _), g in zip(named, gradients, strict=True) if g is not None and not bool(g.any())]
    if unused:
        evidence = f"{_some(unused)} {_have(unused)} no gradient: the loss of this batch does not use {_them(unused)}"
        fix = "use the layer in forward, or leave it out; look for detach, .data and no_grad after it"
        found.append(Finding("gradient-missing", unused[0], 0.93, evidence, fix))
    elif silent:
        evidence = f"the gradient of {_some(silent)} is 0 in every number"
        fix = "look for units that are dead or at their bound, weights of 0 behind it, and rounding or argmax in forward"
        found.append(Finding("gradient-missing", silent[0], 0.85, evidence, fix))
    return found


def _unused_features(torch: Any, net: Any, inputs: tuple[Any, ...]) -> list[Finding]:
    """Features of the input that change no answer of any sample; of inputs that are numbers, not indices."""
    found = []
    for k, given in enumerate(inputs):
        if not (torch.is_tensor(given) and given.is_floating_point() and given.ndim >= 2):
            continue
        asked = [one.detach().clone().requires_grad_(i == k) if torch.is_tensor(one) and one.is_floating_point() else one
                 for i, one in enumerate(inputs)]  # fmt: skip
        output = first_tensor(_tried(functools.partial(net, *asked), "the answer in evaluation"))
        if output is None or not output.requires_grad:
            continue
        v = torch.as_tensor(np.random.default_rng(0).standard_normal(tuple(output.shape)), dtype=output.dtype)
        (slope,) = torch.autograd.grad(output, asked[k], grad_outputs=v.to(output.device), allow_unused=True)
        used = torch.zeros_like(given[0], dtype=torch.bool) if slope is None else slope.ne(0).any(dim=0)
        if not bool(used.all()):
            places = [tuple(int(i) for i in place) for place in (~used).nonzero()[:SHOWN].tolist()]
            shown = ", ".join(str(place[0] if len(place) == 1 else place) for place in places)
            more = int((~used).sum()) - len(places)
            evidence = f"{int((~used).sum())} of {used.numel()} features change no answer of the batch: {shown}" + (
                f" and {more} more" if more > 0 else ""
            )
            fix = "look at slices, strides and padding before the first layer, and at its units: dead ones pass nothing on"
            where = "the input" if len(inputs) == 1 else f"input {k + 1}"
            found.append(Finding("inputs-unused", where, 0.85, evidence, fix))
    return found


def _steps(torch: Any, net: Any, inputs: tuple[Any, ...], y: Any, loss: Any) -> tuple[list[Finding], list[Check]]:
    """Some steps on the copy, listened to as any loop; what is said of the data and of the rate is left out."""
    learned = [p for p in net.parameters() if p.requires_grad]
    if not learned:
        return [], []
    optimizer = torch.optim.SGD(learned, lr=RATE)
    with TorchCheckup(net) as loop:
        for _ in range(STEPS):
            optimizer.zero_grad()
            value = loss(net(*inputs), y)
            if not value.requires_grad:
                break
            value.backward()
            optimizer.step()
    findings, checks = torch_rules(loop)
    more, made = replies(loop)
    return findings + more, checks + made


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


def _have(names: list[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _them(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"
