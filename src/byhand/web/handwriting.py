"""What the Write view gets from Python: the tables of typesetting, the networks that write, and letters as they are drawn."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from byhand.draw.animation import STYLES
from byhand.errors import ByhandError
from byhand.shipped import shipped
from byhand.writing import characters, film, strokes, typeset
from byhand.writing.letters import MODELS, Hand, open_hand

LATENT, CODER, PLANE = "emnist-latent-diffusion", "emnist-vae", "moons-diffusion"
API = "api/draw"
MOST_LETTERS, MOST_STEPS, LONGEST_NAME = 60, 100, 12
PATIENCE = 5.0  # seconds that a writing waits for the one before it, which a reader may just have left
HEADER = "x-byhand"  # which no foreign page can send without being asked first


def writers(served: bool = False) -> list[dict[str, Any]]:
    """The networks that the Write view offers, the first one first; `served`: with those that need this computer."""
    found, offered = shipped(), []
    if served and MODELS["pixels"] in found:
        hand = open_hand("pixels")
        offered.append({"name": "pixels", "title": "U-Net, on this computer", "api": API, "names": list(hand.class_names)})
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
            "ink": typeset.INK,
            "gap": typeset.GAP,
            "space": typeset.SPACE,
            "closer": typeset.CLOSER,
            "line": typeset.LINE,
            "margin": typeset.MARGIN,
            "smallest": typeset.SMALLEST,
            "largest": typeset.LARGEST,
            "rows": typeset.ROWS,
        },
        "film": {
            "shown": film.SHOWN,
            "later": film.LATER,
            "longest": film.LONGEST,
            "pace": film.PACE,
            "hold": film.HOLD,
            "edge": film.EDGE,
            "stroke": film.STROKE,
            "lightest": film.LIGHTEST,
            "darkest": film.DARKEST,
        },
        "styles": {name: {"paper": style.paper, "ink": style.ink} for name, style in STYLES.items() if not style.transparent},
    }


class Drawer:
    """Answers the Write view with letters, every moment of them as it comes: one writing at a time."""

    def __init__(self) -> None:
        self.busy = threading.Lock()
        self.hand: Hand | None = None

    def __call__(self, request: Request) -> Response:
        if HEADER not in request.headers:
            return PlainTextResponse("letters are drawn for the page of this server only", 403)
        try:
            asked = self.asked(request)
        except ByhandError as error:
            return PlainTextResponse(str(error), 400)
        if not self.busy.acquire(timeout=PATIENCE):
            return PlainTextResponse("another sentence is being written: wait for it, then press Write again", 503)
        return StreamingResponse(self.moments(*asked), media_type="application/x-ndjson")

    def asked(self, request: Request) -> tuple[list[str], list[str], dict[str, Any]]:
        """Characters, their names and the settings of a request; raises ByhandError for what cannot be."""
        given = request.query_params
        wanted, names = list(given.get("characters", "")), given.get("names", "").split(",")
        if not 1 <= len(wanted) <= MOST_LETTERS:
            raise ByhandError(f"{len(wanted)} characters were asked for, but 1 to {MOST_LETTERS} are drawn at once: write less")
        if len(names) != len(wanted) or not all(1 <= len(name) <= LONGEST_NAME for name in names):
            raise ByhandError(f"names are {len(names)}, but there is a short one for each of the {len(wanted)} characters")
        try:
            seed, steps, guidance = int(given.get("seed", "7")), int(given.get("steps", "50")), float(given.get("guidance", "2"))
        except ValueError as error:
            raise ByhandError("seed and steps are whole numbers, guidance is a number") from error
        if not (0 <= seed < 2**32 and 1 <= steps <= MOST_STEPS and 0 <= guidance <= 20):
            raise ByhandError(f"seed is from 0 up, steps from 1 to {MOST_STEPS}, guidance from 0 to 20: choose such ones")
        if self.hand is None:
            self.hand = open_hand("pixels")
        unknown = [character for character in wanted if character not in self.hand.class_names]
        if unknown:
            raise ByhandError(f"there is no handwriting for {unknown[0]!r}: choose letters and digits")
        return wanted, names, {"seed": seed, "steps": steps, "guidance": guidance}

    def moments(self, wanted: list[str], names: list[str], settings: dict[str, Any]) -> Iterator[str]:
        """A line of JSON a moment: the image's share in it, and the letters' pixels, a byte each, in base 64."""
        try:
            assert self.hand is not None
            for share, pictures in self.hand.watch(wanted, names, **settings):
                levels = np.round(255 * pictures).astype(np.uint8).tobytes()
                yield json.dumps({"share": share, "frames": base64.b64encode(levels).decode()}) + "\n"
        except ByhandError as error:
            yield json.dumps({"error": str(error)}) + "\n"
        finally:
            self.busy.release()
