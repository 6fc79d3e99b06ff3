"""What the Write view gets from Python: the tables of typesetting, the networks that write, and letters as they are drawn."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from byhand.draw.animation import STYLES
from byhand.errors import ByhandError
from byhand.shipped import shipped
from byhand.writing import characters, frames, layout, strokes
from byhand.writing.letters import FRAMES, MODELS, STEPS, Hand, moments, open_hand

LATENT, CODER, PLANE = "emnist-latent-diffusion", "emnist-vae", "moons-diffusion"
API = "api/draw"
MOST_LETTERS, MOST_STEPS, LONGEST_NAME = 60, 100, 12
PATIENCE = 5.0  # seconds that a writing waits for the one before it, which a reader may just have left
MOST_WRITINGS = 16  # that are drawn or wait
HEADER = "x-byhand"  # which no foreign page can send without being asked first; it names the page, so that it has one writing
NOBODY = "1"  # whoever sends this as its name is each time somebody else


def writers(served: bool = False) -> list[dict[str, Any]]:
    """The networks that the Write view offers, the first one first; `served`: with those that need this computer."""
    found, offered = shipped(), []
    if served and MODELS["pixels"] in found:
        hand = open_hand("pixels")
        names, count = list(hand.class_names), moments(STEPS)
        offered.append({"name": "pixels", "title": "U-Net, on this computer", "api": API, "names": names, "moments": count})
    if LATENT in found and CODER in found:
        file, coder = f"write-{LATENT}.safetensors", f"write-{CODER}.safetensors"
        offered.append({"name": "latent", "title": "latent, in this browser", "file": file, "coder": coder})
    return offered


def writer_files() -> dict[str, bytes]:
    """The files of the Write view that are no files of the page; none where the networks do not ship."""
    offered = writers()
    if not offered:
        return {}
    files = {"writers.json": json.dumps(offered).encode(), "hand.json": json.dumps(tables()).encode()}
    used = [name for name in (LATENT, CODER, PLANE) if name in shipped()]
    return files | {f"write-{name}.safetensors": Path(shipped()[name]).read_bytes() for name in used}


def tables() -> dict[str, Any]:
    """What `byhand.writing` knows of characters, marks and sizes, for the page, which has no tables of its own."""
    return {
        "plane": f"write-{PLANE}.safetensors" if PLANE in shipped() else None,
        "places": characters.PLACES,
        "x_height": characters.X_HEIGHT,
        "longest": MOST_LETTERS,
        "letters": characters.LETTERS,
        "marks": characters.MARKS,
        "nearest": characters.NEAREST,
        "strokes": strokes.STROKES,
        "mark": {
            "pixels": strokes.PIXELS,
            "baseline": strokes.BASELINE,
            "width": strokes.WIDTH,
            "tremble": strokes.TREMBLE,
        },
        "typeset": {
            "ink": layout.INK,
            "gap": layout.GAP,
            "space": layout.SPACE,
            "closer": layout.CLOSER,
            "line": layout.LINE,
            "margin": layout.MARGIN,
            "smallest": layout.SMALLEST,
            "largest": layout.LARGEST,
            "rows": layout.ROWS,
        },
        "animation": {
            "shown": frames.SHOWN,
            "later": frames.LATER,
            "longest": frames.LONGEST,
            "pace": frames.PACE,
            "hold": frames.HOLD,
            "edge": frames.EDGE,
            "stroke": frames.STROKE,
            "lightest": frames.LIGHTEST,
            "darkest": frames.DARKEST,
        },
        "styles": {name: {"paper": style.paper, "ink": style.ink} for name, style in STYLES.items() if not style.transparent},
    }


class Drawer:
    """Answers the Write view with letters, every moment of them as it comes: one writing at a time.

    The turn belongs to the life of an answer: whoever goes, while letters are drawn or before, leaves it to the next. A page that
    asks again has no use for what it asked before, which ends there.
    """

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.thread = ThreadPoolExecutor(
            1, "byhand.write"
        )  # one, so that a step that nobody waits for any more is over before the next
        self.writings: dict[object, asyncio.Task[None]] = {}  # by their pages
        self.hand: Hand | None = None
        self.at_work = False  # in the middle of a step

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        name = request.headers.get(HEADER)
        if name is None or scope["method"] != "GET" or len(self.writings) >= MOST_WRITINGS:
            await _refusal(name, scope["method"])(scope, receive, send)
            return
        page = object() if name == NOBODY else name
        writing, gone = asyncio.create_task(self._answer(request, send)), asyncio.create_task(_gone(receive))
        if page in self.writings:
            self.writings[page].cancel()
        self.writings[page] = writing
        try:
            await asyncio.wait({writing, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self.writings.get(page) is writing:
                del self.writings[page]
            for task in (writing, gone):
                task.cancel()
            await asyncio.wait({writing, gone})
        if not writing.cancelled():
            writing.result()

    async def _answer(self, request: Request, send: Send) -> None:
        loop = asyncio.get_running_loop()

        async def refuse(why: str, status: int) -> None:
            await PlainTextResponse(why, status)(request.scope, request.receive, send)

        try:
            asked = await loop.run_in_executor(self.thread, self.asked, request)
        except ByhandError as error:
            return await refuse(str(error), 400)
        try:
            await asyncio.wait_for(self.turn.acquire(), PATIENCE)
        except TimeoutError:
            return await refuse("another sentence is being written: wait for it, then press Write again", 503)
        try:
            steps = self.steps(*asked)
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/x-ndjson")]})
            while (line := await loop.run_in_executor(self.thread, self._next, steps)) is not None:
                await send({"type": "http.response.body", "body": line.encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self.turn.release()

    def _next(self, steps: Iterator[str]) -> str | None:
        self.at_work = True
        try:
            return next(steps, None)
        finally:
            self.at_work = False

    def close(self) -> None:
        """End it, once the step is taken that is under way."""
        self.thread.shutdown(wait=False, cancel_futures=True)

    def asked(self, request: Request) -> tuple[list[str], list[str], dict[str, Any]]:
        """Characters, their names and the settings of a request; raises ByhandError for what cannot be."""
        given = request.query_params
        wanted, names = list(given.get("characters", "")), given.get("names", "").split(",")
        if not 1 <= len(wanted) <= MOST_LETTERS:
            raise ByhandError(f"{len(wanted)} characters were asked for, but 1 to {MOST_LETTERS} are drawn at once: write less")
        if len(names) != len(wanted) or not all(1 <= len(name) <= LONGEST_NAME for name in names):
            raise ByhandError(f"names must be short ones, one for each of the {len(wanted)} characters, got {len(names)}")
        try:
            seed, steps, guidance = (
                int(given.get("seed", "7")),
                int(given.get("steps", str(STEPS))),
                float(given.get("guidance", "2")),
            )
        except ValueError as error:
            raise ByhandError("seed and steps must be whole numbers, and guidance a number") from error
        if not (0 <= seed < 2**32 and 1 <= steps <= MOST_STEPS and 0 <= guidance <= 20):
            raise ByhandError(f"seed must be 0 or more, steps from 1 to {MOST_STEPS}, guidance from 0 to 20")
        if self.hand is None:
            self.hand = open_hand("pixels")
        unknown = [character for character in wanted if character not in self.hand.class_names]
        if unknown:
            raise ByhandError(f"there is no handwriting for {unknown[0]!r}: choose letters and digits")
        return wanted, names, {"seed": seed, "steps": steps, "guidance": guidance, "shown": FRAMES}

    def steps(self, wanted: list[str], names: list[str], settings: dict[str, Any]) -> Iterator[str]:
        """A line of JSON a step: the signal rate, and the letters' pixels, a byte each, in base 64."""
        try:
            assert self.hand is not None
            for signal_rate, pictures in self.hand.sample_steps(wanted, names, **settings):
                levels = np.round(255 * pictures).astype(np.uint8).tobytes()
                yield json.dumps({"share": signal_rate, "frames": base64.b64encode(levels).decode()}) + "\n"
        except ByhandError as error:
            yield json.dumps({"error": str(error)}) + "\n"
        except MemoryError:
            yield json.dumps({"error": "there is not enough memory for so many letters: write less"}) + "\n"


def _refusal(page: str | None, method: str) -> Response:
    if page is None:
        return PlainTextResponse("letters are drawn for the page of this server only", 403)
    if method != "GET":
        return PlainTextResponse("letters are asked for with GET", 405)
    return PlainTextResponse("too many sentences wait to be written: wait for them, then press Write again", 503)


async def _gone(receive: Receive) -> None:
    """Returns when whoever asked has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
