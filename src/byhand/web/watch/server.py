"""The page of a watched loop, served from a thread of the program: it ends with the program, and never ends it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from byhand.errors import ByhandError
from byhand.web.connection_limits import configuration
from byhand.web.page_frame import navigation
from byhand.web.security import Door, new_token
from byhand.web.server import Guard, from_table, listen, show
from byhand.web.site import WATCHED, view_files
from byhand.web.sockets import Lines, Message

PORT = 8421  # the one that a program gets which asks for none, so that a page left open finds the next run
HOST, SOCKET = "127.0.0.1", "/api/watch"
PAGE_COMES_BACK = 2.0  # seconds that a page of an earlier run has to come back by itself, before another is opened
GOODBYE = 0.5  # seconds in which the last words may reach the pages


class Server:
    """Serves the page at an address of this computer until `close`; raises ByhandError where it cannot."""

    def __init__(
        self,
        whole: Callable[[], str],
        obey: Callable[[Message], None],
        port: int | None,
        open_browser: bool,
        token: bool = True,
    ) -> None:
        self.lines = Lines(whole, obey)
        listener = _listener(port)
        door = Door(HOST, token=new_token() if token else None)
        self.address = door.address(f"{HOST}:{listener.getsockname()[1]}")
        self.clean: Callable[[], None] = lambda: None
        page, script = WATCHED
        table = view_files(page, script, navigation(page, brand="byhand.watch"))
        table[""] = table["index.html"] = table.pop(page)
        app = Starlette(
            routes=[WebSocketRoute(SOCKET, self.lines.socket), Route("/{name:path}", from_table(table), methods=["GET"])],
            middleware=[Middleware(Guard, door=door)],
        )
        self.server = uvicorn.Server(configuration(app))
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
        self.clean = show(self.address)

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
        self.clean()

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
