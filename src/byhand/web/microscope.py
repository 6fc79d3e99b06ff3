"""What the Train page gets by plain HTTP: the next step explained, as a page of its own, and a place for one's own data."""

from __future__ import annotations

import base64
import hashlib
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from byhand.errors import ByhandError, DataError
from byhand.web.handwriting import HEADER
from byhand.web.live import Live

LARGEST_UPLOAD = 8_000_000  # bytes
LARGEST_UNPACKED = 256_000_000
SUFFIXES = (".csv", ".npz")
LONGEST = 200  # characters of a place or a weight
STYLE = re.compile(r"<style>(.*?)</style>", re.S)


class Microscope:
    """Answers with a page that explains the step which the training takes next."""

    def __init__(self, live: Live) -> None:
        self.live = live

    async def __call__(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return PlainTextResponse("the microscope opens for the page of this server only", 403)
        if self.live.begun is None:
            return PlainTextResponse("There is no training to look into: press Start on the Train page first.", 404)
        try:
            answer = await self.live.ask({"do": "look", **asked(request)})
        except ByhandError as error:
            return PlainTextResponse(str(error), 400)
        return HTMLResponse(answer["looked"], headers={"Content-Security-Policy": policy(answer["looked"])})


def asked(request: Request) -> dict[str, Any]:
    """Sample, weights and outputs of a request; raises ByhandError for what can be none of them."""
    given = request.query_params
    sample, weights, at = given.get("sample"), given.getlist("weight"), given.getlist("at")
    if sample is not None and not (sample.isdecimal() and len(sample) < 10):
        raise ByhandError(f"sample is {sample[:40]!r}, but samples are numbered from 0: choose such a number")
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
    """Takes one's own table or arrays for the training; a later one replaces it."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.count = 0

    async def __call__(self, request: Request) -> Response:
        if HEADER not in request.headers or "origin" not in request.headers:
            return PlainTextResponse("data are taken from the page of this server only", 403)
        before = self.live.own
        try:
            path = self._written(request.query_params.get("name", ""), await request.body())
            self.live.own = path
            answer = await self.live.ask({"do": "inspect", "path": str(path)})
        except ByhandError as error:
            self.live.own = before
            folder = f"{self.folder.name}/{self.count}/" if self.folder else ""
            return PlainTextResponse(str(error).replace(folder, ""), 400)
        own = answer["inspected"] | {"name": path.name}
        self.live.tell({"own": own})
        return JSONResponse(own)

    def _written(self, name: str, content: bytes) -> Path:
        """The file in a folder of its own; raises DataError for one that is not looked at."""
        stem, suffix = Path(name).stem, Path(name).suffix.lower()
        if suffix not in SUFFIXES:
            raise DataError(f"{name[-60:]!r} is neither .csv nor .npz: the page takes those")
        if self.folder is None:
            self.folder = tempfile.TemporaryDirectory(prefix="byhand-", ignore_cleanup_errors=True)
        self.count += 1
        safe = re.sub(r"[^\w. -]+", "_", stem)[:60].strip(". ") or "data"
        path = Path(self.folder.name) / str(self.count) / f"{safe}{suffix}"
        path.parent.mkdir()
        path.write_bytes(content)
        if suffix == ".npz":
            _check_unpacked(path)
        return path

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
