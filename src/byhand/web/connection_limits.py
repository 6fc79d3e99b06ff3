"""How connections are kept: each has a time for what it sends and takes, and there are not more than there is room for.

uvicorn waits for ever for the head of a request, for its body, and for a client that takes nothing of its answer. Any of them may
be somebody who means no good, or a computer that has fallen asleep. Here each ends.
"""

from __future__ import annotations

import asyncio
import importlib
import warnings
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from byhand.web.sockets import LARGEST_MESSAGE

HEAD = 10.0  # seconds for the head of a request, from the connection or its first byte on
BODY = 120.0  # seconds for the whole body of a request
STALLED = 20.0  # seconds in which a client takes nothing of what is sent to it
GLANCE = 2.5  # seconds between two looks at these
MOST = 400  # connections
LARGEST_HEAD = 16_384  # bytes


class Connection(H11Protocol):
    """uvicorn's connection, which ends where its client does not go on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.since = self.at = self.moved = self.loop.time()  # of the connection; of what it waits for now; of the last writing
        self.awaited: object = None
        self.unsent = 0
        if len(self.connections) > _most():
            self._make_room()
        self.loop.call_later(GLANCE, self._glance)

    def _make_room(self) -> None:
        """The one that has waited longest for a request goes: whoever only holds a place must not keep others out."""
        idle = [one for one in self.connections if isinstance(one, Connection) and one is not self and not one.answers]
        min(idle, key=lambda one: one.since, default=self).transport.abort()

    @property
    def answers(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def _awaits(self) -> object:
        """What it waits for now; the same object as long as it is the same request's."""
        if not isinstance(self.transport.get_protocol(), Connection):
            return None  # it has become a WebSocket, which asks by itself whether the other side is there
        if not self.answers:
            return ("head", self.cycle) if self.timeout_keep_alive_task is None else None  # uvicorn sees to what is kept alive
        return ("body", self.cycle) if self.cycle.more_body else None

    def _glance(self) -> None:
        """End it if it is over its time; look again otherwise, as long as it is there."""
        now, awaited, unsent = self.loop.time(), self._awaits(), self.transport.get_write_buffer_size()
        if self.transport.is_closing() and not unsent:
            return
        if awaited != self.awaited:
            self.awaited, self.at = awaited, max(self.at, now - GLANCE)
        if unsent < self.unsent or not unsent:
            self.moved = now
        self.unsent = unsent
        patience = {"head": HEAD, "body": BODY}[awaited[0]] if isinstance(awaited, tuple) else None
        if now - self.moved > STALLED or (patience is not None and now - self.at > patience):
            self.transport.abort()
        else:
            self.loop.call_later(GLANCE, self._glance)


def configuration(app: Starlette) -> uvicorn.Config:
    """How uvicorn serves a page: bounded, and without a word of its own; messages are small, and Ctrl-C waits for nobody."""
    return uvicorn.Config(
        app,
        http=Connection,
        ws=_websockets(),
        loop="asyncio",
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        backlog=128,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        timeout_graceful_shutdown=0,
        ws_max_size=LARGEST_MESSAGE,
        ws_max_queue=8,
        ws_per_message_deflate=False,
    )


def _websockets() -> Any:
    """uvicorn's protocol for WebSockets: the newer one, or before uvicorn 0.35 the one on what `websockets` calls its legacy."""
    try:
        return importlib.import_module("uvicorn.protocols.websockets.websockets_sansio_impl").WebSocketsSansIOProtocol
    except ImportError:
        return _legacy_websocket


def _legacy_websocket(**options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # `websockets` calls it so when it is imported, and when it is made
        return importlib.import_module("uvicorn.protocols.websockets.websockets_impl").WebSocketProtocol(**options)


def _most() -> int:
    """Connections that there is room for: half of the descriptors that this process may have, which its files need too."""
    try:
        import resource
    except ImportError:  # Windows
        return MOST
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(8, min(MOST, soft // 2))
