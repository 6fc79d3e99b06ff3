"""The page on this computer: a server for its files, for letters that the larger network draws, and for a training to watch.

Nearly all arithmetic happens in the browser, so there is little to send here: only GET and HEAD, only names from one table made
at the start, the question for letters (`byhand.web.handwriting`), and the training's WebSocket, data and microscope
(`byhand.web.live`). Requests that come with a foreign `Host` (a name that somebody pointed at this computer) or a foreign
`Origin` (another page) are refused; a WebSocket, which browsers open to anybody, has to come with our own.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import mimetypes
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from byhand.errors import ByhandError
from byhand.web.handwriting import API, Drawer, writers
from byhand.web.lines import LARGEST_MESSAGE
from byhand.web.live import Live
from byhand.web.microscope import LARGEST_UPLOAD, Microscope, Upload
from byhand.web.site import models_that_fit, page_files

LARGEST_BODY = 1_000  # bytes: no request but an upload needs any
SOCKET, UPLOAD, MICROSCOPE = "/api/train", "/api/train/data", "/api/microscope"
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
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


def play(
    model: Path | None,
    host: str = "127.0.0.1",
    port: int = 8000,
    open_browser: bool = True,
    *,
    what: str | None = None,
    step: int | None = None,
) -> None:
    """Serve the page until Ctrl-C, with this model first and the shipped ones after it; port 0 takes any free one.

    what, step: opens at the microscope, with a step of this recipe, run or model.

    Raises ByhandError where the address cannot be had, ModelError for a model that does not read 28 x 28 pixels.
    """
    with contextlib.suppress(KeyboardInterrupt):
        shipped = models_that_fit()
        models = [model, *(path for path in shipped if path.resolve() != model.resolve())] if model else shipped
        files = page_files(models, served=True)
        if "writers.json" in files:
            files["writers.json"] = json.dumps(writers(served=True)).encode()
        with listen(host, port) as listener:
            port = listener.getsockname()[1]
            shown = f"[{host}]" if ":" in host else host
            address = f"http://{shown}:{port}/" + ("microscope.html" if what else "")
            print(f"{f'Look into {what}' if what else 'Draw a digit'} at {address} (Ctrl-C ends)", flush=True)
            if open_browser:
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
            app = application(files, port, host, what=what, step=step)
            try:
                uvicorn.Server(configuration(app)).run(sockets=[listener])
            finally:
                app.state.close()


def configuration(app: Starlette, log_level: str = "warning") -> uvicorn.Config:
    """How uvicorn serves the page: messages of a WebSocket are small, and Ctrl-C waits for nobody."""
    return uvicorn.Config(
        app,
        log_level=log_level,
        lifespan="off",
        timeout_graceful_shutdown=1,
        server_header=False,
        ws_max_size=LARGEST_MESSAGE,
        ws_max_queue=8,
        ws_per_message_deflate=False,
    )


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
    files: dict[str, bytes], port: int, host: str = "127.0.0.1", *, what: str | None = None, step: int | None = None
) -> Starlette:
    """The page's files as an ASGI application that answers at this host and port only.

    what, step: a recipe, a run or a model whose step the microscope shows where no training is under way.
    `state.close()` ends the training that it may have under way, and removes uploaded data.
    """
    table, drawer = {"": files["index.html"], **files}, Drawer()
    live = Live()
    microscope, upload = Microscope(live, what, step), Upload(live)

    def draw(request: Request) -> Response:
        return drawer(request)

    async def look(request: Request) -> Response:
        return await microscope(request)

    async def take(request: Request) -> Response:
        return await upload(request)

    def close() -> None:
        live.close()
        upload.close()

    app = Starlette(
        routes=[
            WebSocketRoute(SOCKET, live.pages.socket),
            Route(UPLOAD, take, methods=["POST"]),
            Route(MICROSCOPE, look, methods=["GET"]),
            Route(f"{MICROSCOPE}/{{ask}}", look, methods=["GET"]),
            Route(f"/{API}", draw, methods=["GET"]),
            Route("/{name:path}", from_table(table), methods=["GET"]),
        ],
        middleware=[Middleware(Guard, port=port, host=host.lower())],
    )
    app.state.live, app.state.close = live, close
    return app


def from_table(table: dict[str, bytes]) -> Callable[[Request], Response]:
    """What answers with a file of this table, by its name; "" is the page itself."""

    def serve(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in table:
            return PlainTextResponse("there is no such file here", 404)
        suffix = Path(name or "index.html").suffix
        kind = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(table[name], media_type=kind)

    return serve


class Guard:
    """Refuses what no page of ours sends, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, port: int, host: str) -> None:
        self.app, self.port, self.host = app, port, host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        headers = Headers(scope=scope)
        if scope["type"] == "websocket":
            if self.refusal(headers) or not headers.getlist("origin"):
                await send({"type": "websocket.close", "code": 1008})  # before it is accepted: answered with 403
            else:
                await self.app(scope, receive, send)
            return
        upload = scope["path"] == UPLOAD and scope["method"] == "POST"
        refusal = self.refusal(headers, LARGEST_UPLOAD if upload else LARGEST_BODY)
        answer: ASGIApp = PlainTextResponse(refusal[1] + "\n", refusal[0], {"Connection": "close"}) if refusal else self.app

        async def send_with_headers(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                given: list[tuple[bytes, bytes]] = list(message.get("headers", []))  # type: ignore[call-overload]
                names = {name for name, _ in given}
                added = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*given, *(pair for pair in added if pair[0] not in names)]
            await send(message)

        await answer(scope, receive, send_with_headers)  # type: ignore[arg-type]

    def refusal(self, headers: Headers, largest: int = LARGEST_BODY) -> tuple[int, str] | None:
        """Status and reason where a request is refused."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self.is_ours(hosts[0].lower()):
            return 421, "this server answers only under its own address"
        if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in origins):
            return 403, "this server answers only its own page"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > largest or "transfer-encoding" in headers:
            return 413, "no request here needs a body" if largest == LARGEST_BODY else f"at most {largest:,} bytes are taken"
        return None

    def is_ours(self, host: str) -> bool:
        """Whether a Host header means this server: a loopback name, or on an open host its name or any literal address."""
        name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, ":", "80")
        if port != str(self.port):
            return False
        if name in LOOPBACK:
            return True
        if self.host in LOOPBACK or self.host == "::1":
            return False
        return name == self.host or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
