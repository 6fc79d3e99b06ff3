"""The page of a watched loop, served from a thread of the program: it ends with the program, and never ends it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
import webbrowser
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from byhand.errors import ByhandError
from byhand.web.lines import Lines, Message
from byhand.web.server import Guard, configuration, from_table, listen
from byhand.web.site import PAGE

PORT = 8421  # the one that a program gets which asks for none, so that a page left open finds the next run
HOST, SOCKET = "127.0.0.1", "/api/watch"
FILES = (
    "watch.js", "style.css", "train.css", "socket.js", "plots.js", "layers.js", "tiles.js", "theme.js", "outputs.js",
    "numbers.js", "roving.js", "curve.js",
)  # fmt: skip
PAGE_COMES_BACK = 2.0  # seconds that a page of an earlier run has to come back by itself, before another is opened
GOODBYE = 0.5  # seconds in which the last words may reach the pages


class Server:
    """Serves the page at an address of this computer until `close`; raises ByhandError where it cannot."""

    def __init__(self, whole: Callable[[], str], obey: Callable[[Message], None], port: int | None, open_browser: bool) -> None:
        self.lines = Lines(whole, obey)
        listener = _listener(port)
        self.address = f"http://{HOST}:{listener.getsockname()[1]}/"
        table = {name: (PAGE / name).read_bytes() for name in FILES}
        table[""] = table["index.html"] = (PAGE / "watch.html").read_bytes()
        app = Starlette(
            routes=[WebSocketRoute(SOCKET, self.lines.socket), Route("/{name:path}", from_table(table), methods=["GET"])],
            middleware=[Middleware(Guard, port=listener.getsockname()[1], host=HOST)],
        )
        self.server = uvicorn.Server(configuration(app, "critical"))
        self.thread = threading.Thread(
            target=self.server.run, kwargs={"sockets": [listener]}, name="byhand.watch", daemon=True
        )  # a daemon, so that the program ends when its own work does
        self.thread.start()
        if open_browser:
            threading.Thread(target=self._open, daemon=True).start()

    def _open(self) -> None:
        end = time.monotonic() + PAGE_COMES_BACK
        while time.monotonic() < end:
            if self.lines.open:
                return
            time.sleep(0.1)
        webbrowser.open(self.address)

    def tell(self, text: str) -> None:
        """Send it to every page, from whatever thread."""
        if self.lines.open and self.lines.loop is not None:
            with contextlib.suppress(RuntimeError):  # the server has just closed
                self.lines.loop.call_soon_threadsafe(self.lines.tell, text)

    def close(self) -> None:
        """End the server, once its last words are said."""
        end = time.monotonic() + GOODBYE
        with contextlib.suppress(RuntimeError, TimeoutError):
            if self.lines.open and self.lines.loop is not None and self.thread.is_alive():
                asyncio.run_coroutine_threadsafe(self._said(end), self.lines.loop).result(2 * GOODBYE)
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(2 * GOODBYE)

    async def _said(self, end: float) -> None:
        while time.monotonic() < end and any(not line.waiting.empty() for line in self.lines.open):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.02)  # what was taken from the queue is under way


def _listener(port: int | None) -> socket.socket:
    if port is not None:
        return listen(HOST, port)
    try:
        return listen(HOST, PORT)
    except ByhandError:  # another loop is watched there
        return listen(HOST, 0)
