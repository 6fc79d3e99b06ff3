"""A server that runs in a thread, for as long as a test needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from byhand.web.connection_limits import configuration
from byhand.web.server import listen


@contextmanager
def running(app: Any) -> Iterator[int]:
    """Its port."""
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(configuration(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = server.force_exit = True
        thread.join()
        app.state.close()
