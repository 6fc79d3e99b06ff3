"""What the pages get by plain HTTP: answers about the next step for the microscope, the same step as a page to print, and a
place for one's own data."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from byhand.errors import ByhandError, DataError
from byhand.web.handwriting import HEADER
from byhand.web.page_frame import above_printed, navigation
from byhand.web.train_session import Live
from byhand.web.upload_check import inspected
from byhand.web.upload_folder import scratch

LARGEST_UPLOAD = 8_000_000  # bytes
LARGEST_UNPACKED = 256_000_000
OPTIONS = ("target", "missing")  # of a table, as `byhand train` has them
MOST_UPLOADS, KEPT = 3, 2  # that are on their way at once; that are kept
SUFFIXES = (".csv", ".npz")
LONGEST = 200  # characters of a place or a weight
MOST_AXES = 8
STYLE = re.compile(r"<style>(.*?)</style>", re.S)


class MicroscopeEndpoint:
    """Answers about the step that comes next: of the live training, or of the recipe, run or model that the server is for."""

    def __init__(self, live: Live, what: str | None = None, step: int | None = None, pages: Collection[str] = ()) -> None:
        """what, step: shown where no training is under way. pages: what the navigation above the printed step leads to."""
        self.live, self.opened = live, {} if what is None else {"what": what, "step": step}
        self.navigation = navigation(None, pages, above="../")

    async def __call__(self, request: Request) -> Response:
        ask = request.path_params.get("ask")
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return PlainTextResponse("the microscope opens for the page of this server only", 403)
        if self.live.begun is None and not self.opened:
            return PlainTextResponse("There is no training to look into: press Start on the Train page first.", 404)
        if ask is not None and ask not in ASKS:
            return PlainTextResponse(f"the microscope is asked for {', '.join(ASKS)}", 404)
        try:
            if ask is None:
                answer = await self.live.ask({"do": "look", **self.opened, **asked(request)})
                page = above_printed(answer["looked"], self.navigation)
                return HTMLResponse(page, headers={"Content-Security-Policy": policy(page)})
            answer = await self.live.ask({"do": "microscope", "ask": ask, **self.opened, **ASKS[ask](request.query_params)})
        except ByhandError as error:
            return PlainTextResponse(str(error), 400)
        return JSONResponse(answer["answer"])


def _number(given: Any, name: str) -> int:
    text = given.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ByhandError(f"{name} must be a whole number, 0 or more, got {text[:40]!r}")
    return int(text)


def _name(given: Any) -> str:
    name: str = given.get("name", "")
    if not name or len(name) > LONGEST:
        raise ByhandError(f"name is that of one of the step's arrays, at most {LONGEST} characters long")
    return name


def _index(text: str) -> int | None:
    """An index, or the mean of the batch."""
    if text != "mean" and not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ByhandError(f"an index must be a whole number, 0 or more, got {text[:40]!r}")
    return None if text == "mean" else int(text)


def _at(given: Any, *, mean: bool = False) -> list[int | None]:
    """Indices, as 0,13,14,5; the first may be the mean of the batch where that is asked for."""
    parts = [part for part in given.get("at", "")[:LONGEST].split(",") if part]
    found = [_index(part) for part in parts]
    if len(found) > MOST_AXES or None in found[1:] or (None in found and not mean):
        raise ByhandError("at is the indices of one number, as 0,13,14,5")
    return found


def _open(given: Any) -> dict[str, Any]:
    return {"sample": _number(given, "sample") if "sample" in given else None}


def _operation(given: Any) -> dict[str, Any]:
    return {"look": _number(given, "look"), "k": _number(given, "k")}


def _picture(given: Any) -> dict[str, Any]:
    """With the chosen maps as axis:index, and mean for the mean of the batch: fixed=0:3,3:5."""
    fixed = []
    for pair in (pair for pair in given.get("fixed", "")[:LONGEST].split(",") if pair):
        axis, _, index = pair.partition(":")
        fixed.append((_index(axis), _index(index)))
    if len(fixed) > MOST_AXES or any(axis is None or (index is None and axis) for axis, index in fixed):
        raise ByhandError("fixed is which map is shown, as 0:3,3:5 for sample 3 and channel 5")
    part = _number(given, "part") if "part" in given else 0
    return {"look": _number(given, "look"), "name": _name(given), "fixed": fixed, "part": part}


def _terms(given: Any) -> dict[str, Any]:
    return {"look": _number(given, "look"), "name": _name(given), "at": _at(given, mean=True)}


def _pushed(given: Any) -> dict[str, Any]:
    return {"look": _number(given, "look"), "name": _name(given), "at": _at(given)}


ASKS = {"open": _open, "operation": _operation, "picture": _picture, "number": _terms, "pushes": _pushed, "epoch": _pushed}


def asked(request: Request) -> dict[str, Any]:
    """Sample, weights and outputs of a request; raises ByhandError for what can be none of them."""
    given = request.query_params
    sample, weights, at = given.get("sample"), given.getlist("weight"), given.getlist("at")
    if sample is not None and not (sample.isdecimal() and len(sample) < 10):
        raise ByhandError(f"sample must be a whole number, 0 or more, got {sample[:40]!r}")
    if len(weights) + len(at) > 4 or any(len(one) > LONGEST for one in (*weights, *at)):
        raise ByhandError("at most four weights or outputs are looked at at once: name fewer")
    return {"sample": None if sample is None else int(sample), "weights": weights, "at": at}


def policy(page: str) -> str:
    """A Content-Security-Policy that allows this page's own style and pictures, and no script whatever.

    Colours stand in attributes of its tables, which may carry nothing but style.
    """
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" for style in STYLE.findall(page)
    )
    return (
        f"default-src 'none'; style-src {hashes}; style-src-attr 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class Upload:
    """Takes one's own table or arrays for the training; a later one replaces it.

    The last two that were taken are kept, for a training may just be reading the one before.
    """

    def __init__(self, live: Live) -> None:
        self.live = live
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.count = self.under_way = 0
        self.turn = asyncio.Lock()
        self.kept: list[Path] = []

    async def __call__(self, request: Request) -> Response:
        if HEADER not in request.headers or "origin" not in request.headers:
            return PlainTextResponse("data are taken from the page of this server only", 403)
        if self.under_way >= MOST_UPLOADS:
            return PlainTextResponse("other files are being taken: wait for them, then choose yours again", 503)
        self.under_way += 1
        try:
            content = await request.body()
            asked, again = request.query_params, "again" in request.query_params
            options = {name: asked[name] for name in OPTIONS if asked.get(name)}
            async with self.turn:
                own = await (self._again(options) if again else self._take(asked.get("name", ""), content, options))
        except ByhandError as error:
            return PlainTextResponse(self.live.named(str(error)), 400)
        finally:
            self.under_way -= 1
        self.live.tell({"own": own})
        return JSONResponse(own)

    async def _again(self, options: dict[str, str]) -> dict[str, Any]:
        """Look at the last file again, with other options; where that fails it stays as it was."""
        path = self.live.own
        if path is None:
            raise DataError("there is no table yet: choose one with Own data")
        return self.live.takes(path, await inspected(path, options))

    async def _take(self, name: str, content: bytes, options: dict[str, str]) -> dict[str, Any]:
        """Keep the file, once it is known what it holds; raises ByhandError for one that is of no use."""
        path = self._place(name)
        try:
            path.parent.mkdir()
            await asyncio.to_thread(path.write_bytes, content)
            if path.suffix == ".npz":
                _check_unpacked(path)
            facts = await inspected(path, options)
        except BaseException as error:
            shutil.rmtree(path.parent, ignore_errors=True)
            if isinstance(error, OSError):
                raise DataError(f"there is no room for {path}: {error.strerror or error}") from error
            raise
        self.kept.append(path)
        while len(self.kept) > KEPT:
            shutil.rmtree(self.kept.pop(0).parent, ignore_errors=True)
        return self.live.takes(path, facts)

    def _place(self, name: str) -> Path:
        """Where to put it, in a folder of its own; raises DataError for a file that is not looked at."""
        stem, suffix = Path(name).stem, Path(name).suffix.lower()
        if suffix not in SUFFIXES:
            raise DataError(f"{name[-60:]!r} is neither .csv nor .npz: the page takes those")
        if self.folder is None:
            self.folder = scratch()
            self.live.uploads = Path(self.folder.name)
        self.count += 1
        safe = re.sub(r"[^\w. -]+", "_", stem)[:60].strip(". ") or "data"
        return Path(self.folder.name) / str(self.count) / f"{safe}{suffix}"

    def close(self) -> None:
        """Remove what was uploaded."""
        if self.folder is not None:
            self.folder.cleanup()


def _check_unpacked(path: Path) -> None:
    """Raises DataError for an archive that is none, or grows too large when it is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DataError(f"{path} is not a whole .npz of plain arrays ({error}): save it again with np.savez") from error
    if size > LARGEST_UNPACKED:
        raise DataError(f"{path} unpacks to {size:,} bytes, but at most {LARGEST_UNPACKED:,} are taken: use byhand train for it")
