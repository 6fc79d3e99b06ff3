"""A training step of a diffusion network, explained: the noise, what the network is asked, the loss, and one step back.

The step is taken with the time, the noise and the label that the training would have drawn. The batch's first sample is followed,
and of it one number: unless named, the one whose error is largest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from byhand.errors import ModelError
from byhand.models.denoiser import DiffusionNetwork
from byhand.optim import SGD
from byhand.see.accounts import Request, gives_account
from byhand.see.diffusion_sections import (
    Denoising,
    average_section,
    bracketed,
    ddim_section,
    ddpm_section,
    denoising_of,
    loss_section,
    noise_section,
    prediction_section,
    time_section,
)
from byhand.see.explain_network import followed_places, names_of_parameters, op_update_sections
from byhand.see.explanation import Explanation, Sample, Stage
from byhand.see.gradient_check import prove
from byhand.see.image import side
from byhand.see.op_sections import op_backward_sections, op_forward_sections, thumbnails
from byhand.see.section import Picture
from byhand.see.step import TrainingStep
from byhand.see.step_numbers import StepNumbers
from byhand.see.take_step import take_step
from byhand.see.update import clipping, follow
from byhand.see.weight import Entry
from byhand.terms import place_of_largest

PLACE = re.compile(r"\s*\d{1,9}\s*(,\s*\d{1,9}\s*)*")
STAGES = (
    Stage(
        "forward",
        "Forward",
        "A time and noise are drawn, the sample is hidden in it, and the network is asked what it sees, op by op.",
    ),
    Stage("cost", "Cost", "How far the answers are from what was asked for."),
    Stage("backward", "Backward", "The ops in reverse: each turns the error of what it computed into that of what it read."),
    Stage("update", "Update", "The optimiser turns the gradient into the parameters' change; a running mean follows them."),
    Stage("drawing", "A step back", "How you draw with the answer: a step from this noise to a little less of it, in two ways."),
)


@gives_account(
    DiffusionNetwork,
    called="a diffusion network",
    option="at",
    advice="name a number of its sample instead, as in --at 14,9,0",
)
def explain_diffusion(network: DiffusionNetwork, request: Request) -> Explanation:
    """One step of a diffusion network; the place of the request is "I,J,C" of an image or "J" of a point."""
    optimizer = request.optimizer or SGD(0.01)
    taken = take_step(network, request.x, request.y, optimizer, clip_length=request.clip, rng=request.rng)
    all_ops = taken.record.ops
    step = denoising_of(taken)
    names = list(request.classes) or [str(k) for k in range(request.y.shape[1])]
    labels = [names[int(row.argmax())] for row in request.y]
    samples = tuple(Sample(index, label) for index, label in zip(request.indices, labels, strict=True))
    place = _followed(step, request.at)
    entries, followed = _entries(taken), followed_places(all_ops)
    *ops, loss = op_forward_sections(all_ops, followed)
    before = (time_section(step, names), noise_section(step, place))
    sections = (
        *before,
        *ops,
        prediction_section(step, place),
        loss,
        loss_section(step, place, taken.cost),
        *op_backward_sections(all_ops, followed, 0, taken.m),
        *clipping(taken),
        *op_update_sections(StepNumbers(taken, samples), entries),
        average_section(taken, entries[-1]),
        ddpm_section(step, place),
        ddim_section(step, place),
    )
    told = ("A time", "Noise", "What the network", "The loss", "A step back", f"Update: the weight {entries[-1]}")
    return Explanation(
        step=taken,
        samples=samples,
        stages=STAGES,
        sections=sections,
        brief=tuple(section.title for section in sections if section.title.startswith(told)),
        weights=follow(taken, [prove(taken, entry) for entry in entries], samples),
        names=names_of_parameters(taken),
        about=(("Network", repr(network)),),
        followed=f"sample {samples[0].name}, its number {bracketed(place)}, at t = {step.t}",
        counting="Samples and numbers of a sample are counted from 0, times from 1.",
        pictures=_images(step),
        strip=thumbnails(all_ops[:-1], followed[:-1], len(before)),
        details={"t": step.t, "at": list(place)},
    )


def _images(step: Denoising) -> tuple[Picture, ...]:
    """The followed sample as it is, as the network sees it, and as it takes it to be; nothing for points."""
    n = side(step.x[0].size)
    if len(step.network.input_shape) != 3 or not n:
        return ()
    unscaled = step.network.unscaled
    shown = (
        ("x_0", "the sample", step.x),
        ("x_t", "with noise", unscaled(step.noisy)),
        (r"\hat x_0", "what the network takes it to be", unscaled(step.x0_prediction)),
    )
    return tuple(Picture(np.clip(x[0].reshape(1, n, n), 0, 1), symbol, about, grey=True) for symbol, about, x in shown)


# ---------------------------------------------------------------- what is followed


def _followed(step: Denoising, at: Sequence[Any]) -> tuple[int, ...]:
    shape, texts = step.network.input_shape, [str(place) for place in at]
    if not texts:
        error = np.square(step.prediction[0] - step.target[0])
        return tuple(int(k) for k in np.unravel_index(int(error.argmax()), shape))
    if len(texts) > 1 or not PLACE.fullmatch(texts[0]):
        form = "I,J,C: row, column and channel, as in --at 14,9,0" if len(shape) == 3 else "J, as in --at 1"
        raise ModelError(f"place {', '.join(texts)!r} is not {form}")
    place = tuple(int(part) for part in texts[0].split(","))
    if len(place) != len(shape) or any(k >= n for k, n in zip(place, shape, strict=True)):
        raise ModelError(f"place {texts[0]!r} is not in a sample of {shape}: each number is below the one there")
    return place


def _entries(step: TrainingStep) -> list[Entry]:
    """Of the first and of the last parameter that have more than one dimension, the weight with the largest gradient."""
    gradients = step.record.parameters(step.gradient)
    matrices = [name for name, gradient in gradients.items() if gradient.ndim > 1]
    return [Entry(name, place_of_largest(gradients[name])) for name in (matrices[0], matrices[-1])]
