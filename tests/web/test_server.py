"""The server of the page: gives its files to its own page, and nothing to anybody else."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn

from byhand.errors import ByhandError, ModelError
from byhand.feedforward import FeedForward
from byhand.modelfile import Model, save_model
from byhand.web.connection_limits import configuration
from byhand.web.server import application, listen, play
from byhand.web.site import page_files

PLAY = "import sys; from byhand.cli import main; sys.argv = ['byhand', 'play', '--no-browser', *sys.argv[1:]]; main()"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with listen("127.0.0.1", 0) as listener:
        found = listener.getsockname()[1]
        server = uvicorn.Server(configuration(application(page_files([]))))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield found
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def client(port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as found:
        yield found


def raw(port: int, request: bytes) -> bytes:
    """The first answer to bytes that no client library would send."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        answer = b""
        with contextlib.suppress(OSError):  # refused before all of it was sent, which is as good
            connection.sendall(request)
        with contextlib.suppress(OSError):
            while part := connection.recv(65_536):
                answer += part
        return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.slow
def test_it_serves_the_page_with_a_strict_policy(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_it_serves_every_file_with_its_type(client: httpx.Client) -> None:
    types = {"draw.js": "text/javascript", "style.css": "text/css", "models.json": "application/json"}
    for name, wanted in types.items():
        assert client.get(f"/{name}").headers["content-type"].startswith(wanted)
    for entry in client.get("/models.json").json():
        assert client.get(f"/{entry['file']}").status_code == 200
    assert client.head("/").status_code == 200


def test_the_default_network_comes_first(client: httpx.Client) -> None:
    assert client.get("/models.json").json()[0]["name"] == "mnist"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", ""])
def test_a_foreign_host_is_refused(client: httpx.Client, port: int, host: str) -> None:
    assert client.get("/", headers={"Host": host.format(port=port)}).status_code == 421


def test_no_host_and_two_hosts_are_refused(port: int) -> None:
    assert status(raw(port, b"GET / HTTP/1.0\r\n\r\n")) in {400, 421}
    own = f"Host: 127.0.0.1:{port}\r\n".encode()
    assert status(raw(port, b"GET / HTTP/1.1\r\n" + own + b"Host: evil.example\r\n\r\n")) in {400, 421}


def test_every_loopback_name_is_its_own(client: httpx.Client, port: int) -> None:
    for host in ("localhost", "127.0.0.1", "LOCALHOST"):
        assert client.get("/", headers={"Host": f"{host}:{port}"}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example"])
def test_a_foreign_origin_is_refused(client: httpx.Client, origin: str) -> None:
    assert client.get("/", headers={"Origin": origin}).status_code == 403


def test_its_own_origin_is_served(client: httpx.Client, port: int) -> None:
    assert client.get("/", headers={"Origin": f"http://127.0.0.1:{port}"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "../server.py",
        "..%2fserver.py",
        "%2e%2e/server.py",
        "....//server.py",
        "/etc/passwd",
        "%00",
        "..\\server.py",
        "page/draw.js",
        "a" * 5000,
    ],
)
def test_no_path_leaves_the_table_of_files(port: int, path: str) -> None:
    answer = raw(port, f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
    assert status(answer) in {400, 404}
    assert b"import" not in answer
    assert b"root:" not in answer


def test_huge_bodies_are_refused_unread(port: int) -> None:
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 10000000000\r\n\r\n".encode()
    began = time.perf_counter()
    assert status(raw(port, head + b"x" * 1_000)) == 413
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize("length", ["-1", "1e9", "many", "9" * 400])
def test_malformed_lengths_are_refused(port: int, length: str) -> None:
    head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode()
    assert status(raw(port, head)) in {400, 413}


def test_chunked_bodies_and_other_methods_are_refused(port: int, client: httpx.Client) -> None:
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n".encode()
    assert status(raw(port, head)) in {400, 413}
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert client.request(method, "/").status_code == 405


def test_nonsense_is_answered_with_400_and_the_server_lives_on(port: int, client: httpx.Client) -> None:
    for nonsense in (b"\x00\xff\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        answer = raw(port, nonsense)
        assert not answer or status(answer) in {400, 421, 505}
    assert client.get("/").status_code == 200


@pytest.mark.slow
def test_a_port_in_use_is_told_in_one_line() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ByhandError, match=rf"port {port} is in use: .*--port 0"):
            play(None, port=port, open_browser=False)


def test_impossible_addresses_are_told_in_one_line() -> None:
    with pytest.raises(ByhandError, match="port 70000 is impossible"):
        listen("127.0.0.1", 70_000)
    with pytest.raises(ByhandError, match="no address of this computer"):
        listen("no such host", 0)


@pytest.mark.slow
def test_a_model_that_reads_no_images_is_told_in_one_line(tmp_path: Path) -> None:
    save_model(tmp_path / "iris.safetensors", Model(FeedForward((4, 5, 3)), ("a", "b", "c")))
    with pytest.raises(ModelError, match="reads 4 numbers"):
        play(tmp_path / "iris.safetensors", open_browser=False)


def started(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PLAY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, next(word for word in process.stdout.readline().split() if word.startswith("http"))


@pytest.mark.slow
def test_two_servers_run_side_by_side_and_ctrl_c_ends_each_cleanly(tmp_path: Path) -> None:
    mine = tmp_path / "mine.safetensors"
    save_model(mine, Model(FeedForward((784, 12, 10), seed=3), tuple("0123456789")))
    servers = [started("--no-token", "--port", "0"), started("--no-token", "--port", "0", str(mine))]
    first = []
    for process, address in servers:
        first.append(httpx.get(f"{address}models.json").json()[0]["name"])
        process.send_signal(signal.SIGINT)
    assert first == ["mnist", "mine"]
    for process, _ in servers:
        _, errors = process.communicate(timeout=10)
        assert process.returncode == 0
        assert errors == ""


@pytest.mark.slow
def test_ctrl_c_ends_it_while_a_client_holds_a_connection() -> None:
    process, address = started("--no-token", "--port", "0")
    with httpx.Client() as client:
        assert client.get(address).status_code == 200  # the connection stays open
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert errors == ""


@pytest.mark.slow
def test_the_carried_digits_are_every_twentieth_of_the_test_set() -> None:
    from byhand import data

    packed = page_files([])["sample.bin"]
    labels, pixels, at = list(packed[:500]), bytearray(), 500
    while at < len(packed):
        pixels += bytes(packed[at + 1]) if packed[at] == 0 else packed[at : at + 1]
        at += 2 if packed[at] == 0 else 1
    test = data.load("mnist").test
    np.testing.assert_array_equal(labels, test.labels[::20])
    np.testing.assert_array_equal(np.frombuffer(pixels, np.uint8), np.rint(test.inputs[::20].ravel() * 255))
