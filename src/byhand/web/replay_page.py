"""A recorded training as one HTML file: a slider over its frames. It needs no network, and also works from file://."""

from __future__ import annotations

import base64
import html
import json
import zlib
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand.files import write_atomically
from byhand.see.replay_frames import FRAMES, ReplayFrames, frames_of
from byhand.training.replay import Branch, RunReplay
from byhand.web.page_frame import framed, navigation
from byhand.web.site import PAGE, bundled, hashed

PARTS = Path(__file__).parent / "replay"
LARGEST = 3_000_000  # bytes of the page
CURVE = 400  # points
FEW = "There are few of them: <code>byhand replay --fine</code> takes the steps between them again."


def write_replay_page(replay: RunReplay, path: Path, *, fine: bool = False, branch: Branch | None = None) -> None:
    """Write the page of a recorded run, of at most 3 MB: where its frames take more, it has fewer.

    `fine` as in `byhand.see.replay_frames.frames_of`; a `branch` that left the run is drawn beside it.

    Raises TrainingError where the recording has no snapshot, ByhandError where the file cannot be written.
    """
    frames = FRAMES
    while len(page := replay_page(replay, frames_of(replay, frames, fine=fine), branch)) > LARGEST and frames > 4:
        frames //= 2
    write_atomically(path, page)


def replay_page(replay: RunReplay, found: ReplayFrames, branch: Branch | None = None) -> bytes:
    """The page with these frames, and with the curve of a branch where there is one."""
    style = (PAGE / "style.css").read_text(encoding="utf-8") + (PARTS / "replay.css").read_text(encoding="utf-8")
    modules = {path.name: path.read_text(encoding="utf-8") for path in (*PAGE.glob("*.js"), *PARTS.glob("*.js"))}
    script = bundled(modules, "replay.js")
    # The policy names the one script and the one style by their hashes, and allows no connection at all.
    policy = f"default-src 'none'; script-src {hashed(script)}; style-src {hashed(style)}; img-src data:; base-uri 'none'"
    network = repr(replay.fresh().model)
    text = {
        "style": style,
        "script": script,
        "title": html.escape(f"{replay.recipe.name}: watch it learn"),
        "lede": html.escape(f"{replay.recipe.name}: {replay.recipe.about}" if replay.recipe.about else replay.recipe.name),
        "facts": html.escape(f"{network}; {replay.recorded:,} steps in batches of {replay.recipe.batch_size}"),
        "tried": f"{found.facts['n']:,}",
        "last": str(len(found.steps) - 1),
        "few": _caution(replay, found),
        "data": _embedded("facts", json.dumps(_facts(replay, found) | ({"branch": _branch(branch)} if branch else {})))
        + "".join(_packed(name, array) for name, array in found.arrays.items()),
    }
    page = framed((PARTS / "replay.html").read_text(encoding="utf-8"), navigation(None), policy)
    return Template(page).substitute(text).encode()


def _caution(replay: RunReplay, found: ReplayFrames) -> str:
    """What one should know of the frames beside: that they are few, or not all the run's own."""
    if replay.differs is not None:
        return f"What comes after step {replay.differs:,} was computed on another machine, and only nearly is the run’s own."
    return "" if len(found.steps) > 20 else FEW


def _facts(replay: RunReplay, found: ReplayFrames) -> dict[str, Any]:
    facts = dict(found.facts)
    if "samples" in facts:
        pixels = facts["samples"]
        facts["samples"] = {"shape": pixels.shape, "pixels": base64.b64encode(pixels.tobytes()).decode()}
    if "weights" in found.arrays:
        facts["kernels"] = found.arrays["weights"].shape[2:] != replay.splits.train.inputs.shape[1:3]
    return facts | {
        "steps": found.steps,
        "total": max(1, replay.recorded),
        "batches": replay.batches,
        "figures": found.figures,
        "costs": curve(replay.costs),
        "shapes": {name: array.shape for name, array in found.arrays.items()},
    }


def _branch(branch: Branch) -> dict[str, Any]:
    """A branch beside the run: where it left, with which rate, its costs, and the mean of both over its last tenth."""
    last = slice(-max(1, len(branch.costs) // 10), None)
    ends = [
        float(np.nanmean(costs[last])) if np.isfinite(costs[last]).any() else None for costs in (branch.costs, branch.recorded)
    ]
    return {
        "start": branch.start,
        "rate": branch.learning_rate,
        "steps": len(branch.costs),
        "costs": [(branch.start + step, cost) for step, cost in curve(branch.costs)],
        "ends": ends,
        "ended": branch.ended,
    }


def curve(costs: NDArray[np.float32], points: int = CURVE) -> list[tuple[float, float]]:
    """The costs of a training as at most so many means of neighbours, (step, cost), closer at the beginning as the frames are.

    >>> curve(np.array([4.0, 2.0, 1.0, 1.0], np.float32), 2)
    [(0.0, 4.0), (2.0, 1.3333)]
    """
    edges = np.unique((len(costs) * np.linspace(0, 1, points + 1) ** 2).round().astype(int))
    found = []
    for begin, end in pairwise(edges.tolist()):
        known = costs[begin:end][np.isfinite(costs[begin:end])]
        if known.size:
            found.append((float(begin + end - 1) / 2, float(f"{known.mean(dtype=np.float64):.5g}")))
    return found


def _packed(name: str, array: NDArray[np.uint8]) -> str:
    """Frames as their differences from the ones before, which are small and mostly 0."""
    differences = np.diff(array, axis=0, prepend=np.zeros_like(array[:1]))
    text = base64.b64encode(zlib.compress(differences.tobytes(), 9)).decode()
    return f'<script type="application/octet-stream" data-file="{name}">{text}</script>\n'


def _embedded(name: str, text: str) -> str:
    safe = text.replace("<", "\\u003c")  # "</script" would end the element, wherever it stands
    return f'<script type="application/json" id="{name}">{safe}</script>\n'
