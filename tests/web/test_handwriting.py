"""Letters from the server: moment by moment, for its own page, one writing at a time, and nothing absurd."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn

from byhand.web.handwriting import API, HEADER, MOST_LETTERS, Drawer, tables, writers
from byhand.web.server import application, listen
from byhand.web.site import page_files
from byhand.writing.letters import open_hand

ASKED: dict[str, Any] = {"characters": "Hi", "names": "0.0,1.0", "seed": 3, "steps": 2, "guidance": 2}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(application(page_files([]), port), log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={HEADER: "1"}, timeout=60) as found:
            yield found
        server.should_exit = True
        thread.join(10)


def ask(client: httpx.Client, **changes: Any) -> httpx.Response:
    return client.get(f"/{API}", params=ASKED | changes)


def test_every_moment_comes_as_it_is_drawn(client: httpx.Client) -> None:
    lines = [json.loads(line) for line in ask(client).text.splitlines()]
    assert len(lines) == 3 and lines[0]["share"] < 0.01 and lines[-1]["share"] == 1
    pictures = np.frombuffer(base64.b64decode(lines[-1]["frames"]), np.uint8).reshape(2, 28, 28) / 255
    *_, (_, wanted) = open_hand("pixels").watch(["H", "i"], ["0.0", "1.0"], steps=2, guidance=2, seed=3)
    assert np.abs(pictures - wanted).max() <= 0.5 / 255 + 1e-4


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"characters": ""}, "0 characters"),
        ({"characters": "a" * (MOST_LETTERS + 1)}, "write less"),
        ({"characters": "H€"}, "no handwriting for '€'"),
        ({"names": "0.0"}, "names are 1"),
        ({"names": "0.0,"}, "names are"),
        ({"seed": -1}, "seed is"),
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


def test_one_writing_at_a_time_and_the_next_one_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from starlette.requests import Request

    monkeypatch.setattr("byhand.web.handwriting.PATIENCE", 0.05)
    drawer = Drawer()
    query = b"characters=H&names=0.0&steps=1"
    request = Request({"type": "http", "query_string": query, "headers": [(HEADER.encode(), b"1")]})
    asked = drawer.asked(request)
    assert drawer.busy.acquire()
    assert drawer(request).status_code == 503
    for _ in drawer.moments(*asked):
        break  # the reader went away: what was begun is dropped, and its place is free
    assert not drawer.busy.locked()
    assert drawer(request).status_code == 200


def test_the_page_is_offered_what_there_is() -> None:
    assert [writer["name"] for writer in writers()] == ["latent"]
    assert [writer["name"] for writer in writers(served=True)] == ["pixels", "latent"]
    assert json.loads(json.dumps(tables()))["places"]["g"][0] < 0
