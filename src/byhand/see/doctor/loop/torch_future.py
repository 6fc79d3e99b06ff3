"""A language model that sees the word it is asked for: its answers to earlier words move with a later one."""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.see.doctor.finding import Finding
from byhand.see.doctor.loop.torch_loop import TorchEvent, TorchLoop

SEEN = 1e-3  # of the largest answer, by which a later word may not move an earlier answer


def future(loop: TorchLoop, events: list[TorchEvent]) -> list[Finding]:
    """Answers to earlier words that change with the last one, where each word's answer is the word after it."""
    # The first call is not heard where no network was named.
    event = next((event for event in events if event.inputs is not None), None)
    if event is None:
        return []
    x: Any = event.inputs
    if not loop.torch.is_tensor(x) or x.ndim != 2 or x.is_floating_point() or x.shape[1] < 3 or event.targets is None:
        return []
    words = x.cpu().numpy()
    if event.targets.size != words.size or not (event.targets.reshape(words.shape)[:, :-1] == words[:, 1:]).all():
        return []
    other = x.clone()
    other[:, -1] = x[:, 0].roll(1)
    changed = (other[:, -1] != x[:, -1]).cpu().numpy()
    try:
        z, moved = loop.answers(x), loop.answers(other)
    except Exception as error:  # somebody else's network
        loop.unseen.append(f"later words: the network raised {type(error).__name__} ({str(error)[:80]})")
        return []
    if z.ndim != 3 or z.shape[:2] != words.shape or not changed.any():
        return []
    far = float(np.abs(z - moved)[changed, :-1].max()) / max(float(np.abs(z).max()), 1e-12)
    if not far > SEEN:
        return []
    evidence = f"answers to earlier words move by {far:.1%} with the last word, and each word's answer is the word after it"
    fix = "a causal mask: a word may only look at itself and what stands before it"
    return [Finding("answer-seen", "attention", 0.93, evidence, fix)]
