"""Each optimiser against PyTorch's, 20 steps in float64 on the same gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from byhand import optim

pytestmark = pytest.mark.torch

SIZE = 20_000  # more than one block, and enough for compiled kernels
PAIRS: dict[str, tuple[Callable[[], optim.Optimizer], Callable[[Any, list[Any]], Any]]] = {
    "sgd": (lambda: optim.SGD(0.1), lambda torch, p: torch.optim.SGD(p, lr=0.1)),
    "momentum": (lambda: optim.SGD(0.1, momentum=0.9), lambda torch, p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
    "nesterov": (
        lambda: optim.SGD(0.1, momentum=0.9, nesterov=True),
        lambda torch, p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    ),
    "rmsprop": (
        lambda: optim.RMSProp(0.01, rho=0.95, epsilon=1e-6),
        lambda torch, p: torch.optim.RMSprop(p, lr=0.01, alpha=0.95, eps=1e-6),
    ),
    "rmsprop as it comes": (lambda: optim.RMSProp(0.01), lambda torch, p: torch.optim.RMSprop(p, lr=0.01)),
    "adam": (
        lambda: optim.Adam(0.01, beta1=0.8, beta2=0.99, epsilon=1e-3),
        lambda torch, p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-3),
    ),
    "adam as it comes": (optim.Adam, lambda torch, p: torch.optim.Adam(p)),
    "adamw": (
        lambda: optim.AdamW(0.01, weight_decay=0.1),
        lambda torch, p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    ),
    "adamw as it comes": (optim.AdamW, lambda torch, p: torch.optim.AdamW(p)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_twenty_steps_are_those_of_pytorch(name: str, torch: Any, rng: np.random.Generator) -> None:
    ours, theirs = PAIRS[name]
    theta = rng.standard_normal(SIZE)
    parameter = torch.nn.Parameter(torch.tensor(theta))
    start, optimizer, reference = theta.copy(), ours(), theirs(torch, [parameter])
    for _ in range(20):
        gradient = rng.standard_normal(SIZE)
        parameter.grad = torch.tensor(gradient)
        optimizer.step(theta, gradient)
        reference.step()
        assert np.abs(theta - parameter.detach().numpy()).max() < 1e-10
    assert np.abs(theta - start).mean() > 1e-3


def test_clipping_a_long_gradient_is_that_of_pytorch(torch: Any, rng: np.random.Generator) -> None:
    # PyTorch divides by the length + 1e-6; on a gradient a million long that shows in the 12th digit only.
    gradient = rng.standard_normal(SIZE) * 1e4
    parameter = torch.nn.Parameter(torch.zeros(SIZE, dtype=torch.float64))
    parameter.grad = torch.tensor(gradient)
    theirs = float(torch.nn.utils.clip_grad_norm_([parameter], 2.5))
    assert optim.clip(gradient, 2.5) == pytest.approx(theirs, rel=1e-12)
    assert np.abs(gradient - parameter.grad.numpy()).max() < 1e-10
    assert np.linalg.norm(gradient) == pytest.approx(2.5, rel=1e-10)


def test_clipping_leaves_a_short_gradient_as_pytorch_does(torch: Any, rng: np.random.Generator) -> None:
    gradient = rng.standard_normal(SIZE)
    kept = gradient.copy()
    parameter = torch.nn.Parameter(torch.zeros(SIZE, dtype=torch.float64))
    parameter.grad = torch.tensor(gradient)
    assert optim.clip(gradient, 1e3) == pytest.approx(float(torch.nn.utils.clip_grad_norm_([parameter], 1e3)), rel=1e-12)
    assert gradient.tobytes() == kept.tobytes() == parameter.grad.numpy().tobytes()
