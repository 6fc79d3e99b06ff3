"""The lines to the open pages: what a server tells goes to all of them, what a page asks for is checked and obeyed.

A page that reads too slowly misses messages, and is then given the whole anew. A page that shouts, sends too much or comes as one
too many is hung up on, with the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from byhand.errors import ByhandError
from byhand.web.encoding import fault, sentence

LARGEST_MESSAGE = 16_384  # bytes
MOST_PAGES = 32
PER_SECOND, AT_ONCE = 20.0, 40.0  # commands of a page
BEHIND = 64  # messages that may wait for a slow page
GOODBYE = 3.0  # seconds in which a page that is hung up on may answer
TOO_FAST, TOO_LARGE, TOO_MANY = 1008, 1009, 1013  # codes of closing

Message = dict[str, Any]


class Line:
    """The line to one open page: what waits to be sent, and how many commands the page may still give."""

    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.waiting: asyncio.Queue[str] = asyncio.Queue(BEHIND)
        self.allowed, self.since = AT_ONCE, time.monotonic()

    def may(self) -> bool:
        """Whether one more command is within its rate."""
        now = time.monotonic()
        self.allowed = min(AT_ONCE, self.allowed + PER_SECOND * (now - self.since))
        self.since = now
        self.allowed -= 1
        return self.allowed >= 0

    async def speak(self) -> None:
        """Send what waits, as fast as the page takes it."""
        while True:
            await self.websocket.send_text(await self.waiting.get())
            await asyncio.sleep(0)  # else all that waits is written to a page that has gone, before that is noticed


class Lines:
    """The lines of one address.

    `whole` gives, as text, all that a page needs which knows nothing yet; `obey` carries out a command, and raises ByhandError
    with what is wrong with it. All of it happens on the server's own thread.
    """

    def __init__(self, whole: Callable[[], str], obey: Callable[[Message], None]) -> None:
        self.whole, self.obey = whole, obey
        self.open: set[Line] = set()
        self.loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self.open)

    def tell(self, text: str) -> None:
        """Send it to every page."""
        for line in self.open:
            self._queue(line, text)

    def _queue(self, line: Line, text: str) -> None:
        if line.waiting.full():
            while not line.waiting.empty():
                line.waiting.get_nowait()
            text = self.whole()
        line.waiting.put_nowait(text)

    async def socket(self, websocket: WebSocket) -> None:
        """Serve one page until it goes."""
        await websocket.accept()
        if len(self.open) >= MOST_PAGES:
            await hang_up(websocket, TOO_MANY, f"{MOST_PAGES} pages are open already: close one of them")
            return
        self.loop = asyncio.get_running_loop()
        line = Line(websocket)
        self.open.add(line)
        self._queue(line, self.whole())
        speaking = asyncio.create_task(line.speak())
        try:
            await self._listen(line)
        except WebSocketDisconnect:
            pass
        finally:
            self.open.discard(line)
            speaking.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError, OSError):
                await speaking

    async def _listen(self, line: Line) -> None:
        while True:
            message = await line.websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None or len(text) > LARGEST_MESSAGE:
                await hang_up(line.websocket, TOO_LARGE, f"a message here is text of at most {LARGEST_MESSAGE:,} characters")
                return
            if not line.may():
                await hang_up(line.websocket, TOO_FAST, f"at most {PER_SECOND:.0f} commands per second are taken")
                return
            try:
                self.obey(command_in(text))
            except ByhandError as error:
                self._queue(line, json.dumps({"problem": sentence(error)}))
            except Exception as error:  # of ours: it must not close the page's line
                self._queue(line, json.dumps({"problem": fault("the server could not do that", error)}))


async def hang_up(websocket: WebSocket, code: int, reason: str) -> None:
    """Close it, and leave unread what it still sends: while that waits to be taken, the closing is not heard."""
    closing = asyncio.create_task(websocket.close(code, reason))
    with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect, OSError):
        async with asyncio.timeout(GOODBYE):
            while (await websocket.receive())["type"] != "websocket.disconnect":
                pass
            await closing
    closing.cancel()
    with contextlib.suppress(asyncio.CancelledError, RuntimeError, WebSocketDisconnect, OSError):
        await closing


def command_in(text: str) -> Message:
    """The command that a page sent; raises ByhandError where it is none."""
    try:
        command = json.loads(text)
    except (ValueError, RecursionError):
        command = None
    if not isinstance(command, dict):
        raise ByhandError('a command is an object in JSON, as in {"do": "pause"}')
    return command
