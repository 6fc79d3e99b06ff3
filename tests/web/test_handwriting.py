"""Letters from the server: moment by moment, for its own page, one writing at a time, and nothing absurd."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn

from byhand.web.connection_limits import configuration
from byhand.web.handwriting import API, HEADER, MOST_LETTERS, tables, writers
from byhand.web.server import application, listen
from byhand.web.site import page_files
from byhand.writing.letters import FRAMES, open_hand

ASKED: dict[str, Any] = {"characters": "Hi", "names": "0.0,1.0", "seed": 3, "steps": 2, "guidance": 2}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        server = uvicorn.Server(configuration(application(page_files([]))))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={HEADER: "1"}, timeout=60) as found:
            yield found
        server.should_exit = True
        thread.join(10)


def ask(client: httpx.Client, **changes: Any) -> httpx.Response:
    return client.get(f"/{API}", params=ASKED | changes)


def ask_as(client: httpx.Client, page: str) -> httpx.Response:
    return client.get(f"/{API}", params=ASKED, headers={HEADER: page})


@pytest.mark.slow
def test_every_moment_comes_as_it_is_drawn(client: httpx.Client) -> None:
    lines = [json.loads(line) for line in ask(client).text.splitlines()]
    assert len(lines) == FRAMES + 1 and lines[0]["share"] < 0.01 and lines[-1]["share"] == 1
    pictures = np.frombuffer(base64.b64decode(lines[-1]["frames"]), np.uint8).reshape(2, 28, 28) / 255
    *_, (_, wanted) = open_hand("pixels").sample_steps(["H", "i"], ["0.0", "1.0"], steps=2, guidance=2, seed=3)
    assert np.abs(pictures - wanted).max() <= 0.5 / 255 + 1e-4


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"characters": ""}, "0 characters"),
        ({"characters": "a" * (MOST_LETTERS + 1)}, "write less"),
        ({"characters": "H€"}, "no handwriting for '€'"),
        ({"names": "0.0"}, "names must be"),
        ({"names": "0.0,"}, "names must be"),
        ({"seed": -1}, "seed must be"),
        ({"seed": "x"}, "whole numbers"),
        ({"steps": 0}, "steps from 1"),
        ({"steps": 10**9}, "steps from 1"),
        ({"guidance": "nan"}, "guidance from 0"),
        ({"guidance": "inf"}, "guidance from 0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(client: httpx.Client, changes: dict[str, Any], told: str) -> None:
    answer = ask(client, **changes)
    assert answer.status_code == 400 and told in answer.text and "\n" not in answer.text


def test_foreign_pages_get_no_letters(client: httpx.Client) -> None:
    assert client.get(f"/{API}", params=ASKED, headers={HEADER: "", "Origin": "http://evil.example"}).status_code == 403
    bare = httpx.get(str(client.base_url.join(f"/{API}")), params=ASKED)  # as a picture on a foreign page would ask
    assert bare.status_code == 403 and "page of this server" in bare.text
    assert client.get(f"/{API}", params=ASKED, headers={"Host": "evil.example"}).status_code == 421
    assert client.post(f"/{API}").status_code in (405, 413)


def opened(client: httpx.Client, page: str = "1", **changes: Any) -> socket.socket:
    """A request for letters whose answer nobody has read yet."""
    line = socket.create_connection(("127.0.0.1", client.base_url.port), timeout=20)
    query = httpx.QueryParams(ASKED | changes)
    line.sendall(f"GET /{API}?{query} HTTP/1.1\r\nHost: localhost\r\n{HEADER}: {page}\r\n\r\n".encode())
    return line


LONG = {"characters": "a" * 20, "names": ",".join(f"{k}.0" for k in range(20)), "steps": 100}


def test_whoever_goes_before_a_letter_is_drawn_leaves_the_turn_to_the_next(client: httpx.Client) -> None:
    for _ in range(5):
        opened(client).close()
    assert ask(client).status_code == 200


@pytest.mark.slow
def test_whoever_goes_in_the_middle_or_half_leaves_the_turn_to_the_next(client: httpx.Client) -> None:
    for how in ("close", "reset", "half"):
        line = opened(client, **LONG)
        assert b"200 OK" in line.recv(4_096)
        waiting = opened(client)  # it waits, and goes too
        if how == "reset":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if how == "half":
            line.shutdown(socket.SHUT_WR)
        else:
            line.close()
        waiting.close()
        began = time.monotonic()
        assert ask(client).status_code == 200
        assert time.monotonic() - began < 10
        line.close()


@pytest.mark.slow
def test_one_writing_at_a_time_and_who_waits_too_long_is_told(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("byhand.web.handwriting.PATIENCE", 0.2)
    with opened(client, **LONG) as line:
        assert b"200 OK" in line.recv(4_096)
        answer = ask(client)
        assert answer.status_code == 503 and "another sentence is being written" in answer.text
    monkeypatch.setattr("byhand.web.handwriting.PATIENCE", 5.0)
    assert ask(client).status_code == 200


@pytest.mark.slow
def test_a_page_that_asks_again_ends_what_it_asked_before(client: httpx.Client) -> None:
    with opened(client, page="abc", **LONG) as line:
        assert b"200 OK" in line.recv(4_096)
        began = time.monotonic()
        assert ask_as(client, "abc").status_code == 200
        assert time.monotonic() - began < 10
        rest = b"".join(iter(lambda: line.recv(65_536), b""))
        assert not rest.endswith(b"0\r\n\r\n")  # broken off, which the page can tell from an end


def test_more_sentences_than_there_is_room_for_are_refused_at_once(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("byhand.web.handwriting.MOST_WRITINGS", 1)
    with opened(client, **LONG) as line:
        assert b"200 OK" in line.recv(4_096)
        assert "too many sentences" in ask(client).text
    assert client.head(f"/{API}", params=ASKED).status_code == 405


@pytest.mark.slow
def test_the_page_is_offered_what_there_is() -> None:
    assert [writer["name"] for writer in writers()] == ["latent"]
    assert [writer["name"] for writer in writers(served=True)] == ["pixels", "latent"]
    assert json.loads(json.dumps(tables()))["places"]["g"][0] < 0
