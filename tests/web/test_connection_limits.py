"""Connections that do not go on end, and whoever holds many keeps nobody out."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.sync.client import connect

from byhand.web import connection_limits
from byhand.web.server import application
from byhand.web.site import page_files

from .running import running


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"HEAD": 0.4, "BODY": 0.6, "STALLED": 0.6, "GLANCE": 0.1, "MOST": 30}.items():
            patch.setattr(connection_limits, name, value)
        with running(application(page_files([], served=True))) as found:
            yield found


def line_to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def lasted(line: socket.socket) -> float:
    """Seconds until the server closes it."""
    began = time.monotonic()
    with contextlib.suppress(OSError):
        while line.recv(65_536):
            pass
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b"])
def test_a_head_that_never_comes_to_its_end_ends_the_connection(port: int, sent: bytes) -> None:
    with line_to(port) as line:
        line.sendall(sent)
        assert 0.2 < lasted(line) < 20


def test_a_byte_now_and_then_does_not_prolong_it(port: int) -> None:
    with line_to(port) as line:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + 200 * b"a":
                line.sendall(bytes([byte]))
                time.sleep(0.03)
        assert time.monotonic() - began < 6


def test_a_second_head_on_a_connection_has_its_time_too(port: int) -> None:
    with line_to(port) as line:
        line.sendall(b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"404" in line.recv(65_536)
        line.sendall(b"GET /")
        assert 0.2 < lasted(line) < 20


def test_a_body_that_never_comes_ends_the_connection(port: int) -> None:
    with line_to(port) as line:
        head = "POST /api/train/data?name=a.csv HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nX-Byhand: 1\r\n"
        line.sendall(f"{head}Content-Length: 5000\r\n\r\n1,2,a".encode())
        assert 0.3 < lasted(line) < 20


def test_a_client_that_takes_nothing_of_its_answer_is_let_go(port: int) -> None:
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        line.connect(("127.0.0.1", port))
        with contextlib.suppress(OSError):
            for _ in range(400):
                line.sendall(b"GET /draw.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(1.5)
        more = b"GET /draw.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100_000
        with pytest.raises(OSError):  # it was reset
            line.sendall(more)


def test_what_is_kept_alive_or_watched_is_not_ended(port: int) -> None:
    origin = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=origin) as client, connect(f"ws://127.0.0.1:{port}/api/train", origin=origin, proxy=None) as page:
        assert client.get("/none").status_code == 404
        page.recv(5)
        time.sleep(1.2)
        page.send("{}")
        assert "problem" in json.loads(page.recv(5))
        assert client.get("/none").status_code == 404


@pytest.mark.slow
def test_whoever_only_holds_connections_keeps_nobody_out(port: int) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(100):
            held.enter_context(line_to(port))
        for _ in range(5):
            assert httpx.get(f"http://127.0.0.1:{port}/none").status_code == 404


def test_bad_requests_leave_no_line_in_any_log(
    port: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    head = b"Host: localhost\r\nOrigin: http://localhost\r\nX-Byhand: 1\r\n"
    bad = [
        b"\x00\xff\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + head + b"Upgrade: nonsense\r\nConnection: upgrade\r\n\r\n",
        b"GET /api/train HTTP/1.1\r\n" + head + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"POST /api/train/data?name=a.csv HTTP/1.1\r\n" + head + b"Content-Length: 9\r\n\r\n1",
    ]
    with caplog.at_level(logging.DEBUG, "uvicorn"):
        for request in bad:
            with line_to(port) as line:
                line.sendall(request)
                line.shutdown(socket.SHUT_WR)
                lasted(line)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr() == ("", "")
