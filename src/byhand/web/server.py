"""The page on this computer: a server for its files, for letters that the larger network draws, and for a training to watch.

Nearly all arithmetic happens in the browser, so there is little to send here: only GET and HEAD, only names from one table made
at the start, the question for letters (`byhand.web.handwriting`), and the training's WebSocket, data and microscope
(`byhand.web.train_session`). Who may ask is decided by `byhand.web.security`. A WebSocket, which browsers open to anybody, has to
come with our own origin as well.
"""

from __future__ import annotations

import contextlib
import errno
import html
import json
import logging
import mimetypes
import os
import platform
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from byhand import limits
from byhand.errors import ByhandError
from byhand.web.connection_limits import configuration
from byhand.web.handwriting import API, Drawer, writers
from byhand.web.microscope import LARGEST_UPLOAD, MicroscopeEndpoint, Upload
from byhand.web.security import Door, new_token, places
from byhand.web.site import models_that_fit, page_files
from byhand.web.train_session import Live
from byhand.web.upload_folder import scratch

LARGEST_BODY = 1_000  # bytes: no request but an upload needs any
SOCKET, UPLOAD, MICROSCOPE = "/api/train", "/api/train/data", "/api/microscope"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
TYPES = {".js": "text/javascript", ".html": "text/html", ".css": "text/css", ".json": "application/json"}
OPENING = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={0}"><title>byhand</title>'
    '<a href="{0}">Go on</a>'
)


def play(
    model: Path | None,
    host: str = "127.0.0.1",
    port: int = 8000,
    open_browser: bool = True,
    *,
    token: bool = True,
    names: Sequence[str] = (),
    what: str | None = None,
    step: int | None = None,
) -> None:
    """Serve the page until Ctrl-C, with this model first and the shipped ones after it; port 0 takes any free one.

    token: whether only those get in who know the printed address, and no other user of this computer or its network.
    names: names of this server besides its own, as that of a proxy before it.
    what, step: opens at the microscope, with a step of this recipe, run or model.

    Raises ByhandError where the address cannot be had, ModelError for a model that does not read 28 x 28 pixels.
    """
    if step is not None:
        limits.whole("step", step, least=0)
    app: Starlette | None = None
    with contextlib.suppress(KeyboardInterrupt), ended_by_signals():
        shipped = models_that_fit()
        models = [model, *(path for path in shipped if path.resolve() != model.resolve())] if model else shipped
        files = page_files(models, served=True)
        if "writers.json" in files:
            files["writers.json"] = json.dumps(writers(served=True)).encode()
        with listen(host, port) as listener, contextlib.ExitStack() as cleaning:
            door = Door(host, token=new_token() if token else None, names=names)
            here, *elsewhere = [
                door.address(place, "microscope.html" if what else "") for place in places(host, listener.getsockname()[1])
            ]
            print(f"{f'Look into {what}' if what else 'Draw a digit'} at {here} (Ctrl-C ends)", flush=True)
            for address in elsewhere:
                print(f"From another computer: {address}", flush=True)
            app = application(files, door, what=what, step=step)
            cleaning.callback(app.state.close)
            if open_browser:
                cleaning.callback(show(here))
            logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # which tells of every connection that breaks
            uvicorn.Server(configuration(app)).run(sockets=[listener])
    if app is not None and app.state.drawer.at_work:  # a step of many letters takes a second, and nobody waits for it
        sys.stdout.flush()
        os._exit(0)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the program as Ctrl-C does, so that what it has put down is cleared away."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    def hang_up(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)  # of which the server, where it runs already, takes care

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, end)}
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup ignores it
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def show(address: str) -> Callable[[], None]:
    """Open the address in the browser; returns what to do when it is over.

    The browser is given a file that leads there. Other users of this computer see what programs are started with, and must not
    see the token. Under WSL the browser is that of Windows, which would not find the file.
    """
    if "?token=" not in address or "microsoft" in platform.release().lower():
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        return lambda: None
    folder = scratch()  # which only its owner may read
    page = Path(folder.name) / "open.html"
    page.write_text(OPENING.format(html.escape(address)), encoding="utf-8")
    threading.Thread(target=webbrowser.open, args=(page.as_uri(),), daemon=True).start()
    return folder.cleanup


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; raises ByhandError that says what to do where it cannot."""
    if not 0 <= port <= 65_535:
        raise ByhandError(f"port {port} is impossible: choose 1 to 65535, or --port 0 for any free one")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ByhandError(f"host {host!r} is no address of this computer: use --host 127.0.0.1") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ByhandError(f"port {port} is in use: choose another with --port, or --port 0 for any free one") from error
        if error.errno == errno.EACCES:
            raise ByhandError(f"port {port} is for administrators: choose one above 1023 with --port") from error
        raise ByhandError(f"cannot serve on {host} port {port}: {error.strerror or error}") from error
    return listener


def application(
    files: dict[str, bytes], door: Door | None = None, *, what: str | None = None, step: int | None = None
) -> Starlette:
    """The page's files as an ASGI application, for whom the door lets in; without one, everybody on this computer.

    what, step: a recipe, a run or a model whose step the microscope shows where no training is under way.
    `state.close()` ends the training that it may have under way, and removes uploaded data.
    """
    table, drawer = {"": files["index.html"], **files}, Drawer()
    live = Live()
    microscope, upload = MicroscopeEndpoint(live, what, step, pages=files), Upload(live)

    async def look(request: Request) -> Response:
        return await microscope(request)

    async def take(request: Request) -> Response:
        return await upload(request)

    def close() -> None:
        drawer.close()
        live.close()
        upload.close()

    app = Starlette(
        routes=[
            WebSocketRoute(SOCKET, live.pages.socket),
            Route(UPLOAD, take, methods=["POST"]),
            Route(MICROSCOPE, look, methods=["GET"]),
            Route(f"{MICROSCOPE}/{{ask}}", look, methods=["GET"]),
            Route(f"/{API}", drawer, methods=["GET"]),
            Route("/{name:path}", from_table(table), methods=["GET"]),
        ],
        middleware=[Middleware(Guard, door=door or Door())],
    )
    app.state.live, app.state.drawer, app.state.close = live, drawer, close
    return app


def from_table(table: dict[str, bytes]) -> Callable[[Request], Awaitable[Response]]:
    """What answers with a file of this table, by its name; "" is the page itself."""

    async def serve(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in table:
            return PlainTextResponse("there is no such file here", 404)
        suffix = Path(name or "index.html").suffix
        kind = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(table[name], media_type=kind)

    return serve


class Guard:
    """Refuses what no page of ours sends, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app, self.door = app, door
        self.told: set[str] = set()  # faults of ours, each of which is told once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        headers = Headers(scope=scope)
        refused = self.refusal(scope, headers)
        if scope["type"] == "websocket" and (refused or not headers.getlist("origin")):
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: answered with 403
            return

        async def send_with_headers(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                given: list[tuple[bytes, bytes]] = list(message.get("headers", []))  # type: ignore[call-overload]
                names = {name for name, _ in given}
                added = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*given, *(pair for pair in added if pair[0] not in names)]
            await send(message)

        try:
            await (refused or self.app)(scope, receive, send_with_headers)  # type: ignore[arg-type]
        except (ClientDisconnect, WebSocketDisconnect):
            pass  # whoever asked has gone
        except Exception as error:
            self.tell(scope, error)

    def tell(self, scope: Scope, error: Exception) -> None:
        """A fault of ours, in a line on the terminal; the server goes on."""
        fault = f"{type(error).__name__}: {error}".replace("\n", " ")[:200]
        if fault not in self.told and len(self.told) < 20:
            self.told.add(fault)
            print(f"byhand: the page's {scope['path'][:80]!r} failed ({fault}): please report it", file=sys.stderr, flush=True)

    def refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """What answers a request that is refused; None for one that is not."""
        wrong = self.door.misled(headers)
        if wrong is None and (answer := self.door.turned_away(scope, headers)) is not None:
            if answer.status_code >= 400:
                answer.headers["Connection"] = "close"
            return answer
        upload = scope["path"] == UPLOAD and scope.get("method") == "POST"
        wrong = wrong or _too_large(headers, LARGEST_UPLOAD if upload else LARGEST_BODY)
        return PlainTextResponse(wrong[1] + "\n", wrong[0], {"Connection": "close"}) if wrong else None


def _too_large(headers: Headers, largest: int) -> tuple[int, str] | None:
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:20]) > largest or "transfer-encoding" in headers:
        return 413, "no request here needs a body" if largest == LARGEST_BODY else f"at most {largest:,} bytes are taken"
    return None
