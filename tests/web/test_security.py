"""Who gets in: by the token of the printed address, under a name of this server, whatever the port."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import byhand
from byhand.web import security as doors
from byhand.web.security import Door, places
from byhand.web.server import application, show
from byhand.web.site import page_files

from .running import running

PLAY = "import sys; from byhand.cli import main; sys.argv = ['byhand', 'play', '--no-browser', *sys.argv[1:]]; main()"
TOKEN = "0123456789abcdef"


def serving(door: Door) -> AbstractContextManager[int]:
    return running(application(page_files([], served=True), door))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(Door(token=TOKEN, names=["desk.example"])) as found:
        yield found


@pytest.fixture
def client(port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as found:
        yield found


# ---------------------------------------------------------------- the token


@pytest.mark.slow
@pytest.mark.parametrize("path", ["", "index.html", "train.html", "draw.js", "models.json", "api/microscope", "api/draw", "none"])
def test_nothing_is_given_to_whoever_has_no_token(client: httpx.Client, path: str) -> None:
    for query, headers in (("", {}), ("?token=", {}), ("?token=wrong", {}), ("", {"Authorization": "token wrong"})):
        answer = client.get(f"/{path}{query}", headers={"X-Byhand": "1"} | headers)
        assert answer.status_code == 403
        assert "This page needs its token: open the address that byhand printed" in answer.text
        assert "\n" not in answer.text.strip() and TOKEN not in answer.text and "set-cookie" not in answer.headers


def test_nobody_without_the_token_uploads_or_steers(client: httpx.Client, port: int) -> None:
    own = {"Origin": f"http://127.0.0.1:{port}", "X-Byhand": "1"}
    assert client.post("/api/train/data?name=a.csv", content=b"1,2,a\n", headers=own).status_code == 403
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://127.0.0.1:{port}/api/train", origin=own["Origin"], proxy=None):
        pass
    assert refused.value.response.status_code == 403


def test_the_printed_address_leads_on_without_the_token_and_the_cookie_stays(client: httpx.Client, port: int) -> None:
    answer = client.get(f"/train.html?sample=3&token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/train.html?sample=3"
    cookie = answer.headers["set-cookie"]
    assert re.match(rf"byhand-{port}=[0-9a-f]{{64}};", cookie)
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    assert TOKEN not in cookie and answer.headers["referrer-policy"] == "no-referrer"
    assert client.get("/train.html").status_code == 200
    held = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    origin = f"http://127.0.0.1:{port}"
    with connect(f"ws://127.0.0.1:{port}/api/train", origin=origin, additional_headers={"Cookie": held}, proxy=None) as line:
        assert "hello" in line.recv(5)


def test_programs_may_carry_the_token_in_a_header_or_the_address(client: httpx.Client) -> None:
    for kind in ("token", "Bearer"):
        assert client.get("/", headers={"Authorization": f"{kind} {TOKEN}"}).status_code == 200
    assert client.get(f"/api/microscope?token={TOKEN}").status_code == 404  # let in: there is no training
    assert not client.cookies


def test_an_address_that_another_page_leads_to_is_opened_by_a_page_of_ours(client: httpx.Client) -> None:
    """A browser would not send a strict cookie along on a redirection which another page began."""
    answer = client.get(f"/?a=%22%3E%3Cb&token={TOKEN}", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200 and 'http-equiv="refresh" content="0;url=/?a=%22%3E%3Cb"' in answer.text
    assert "set-cookie" in answer.headers


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "///evil.example/"])
def test_the_token_leads_to_no_other_server(port: int, path: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(f"GET {path}?token={TOKEN} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65_536), b"")).decode("latin-1").lower()
    assert "location: /evil.example" in answer


def test_a_cookie_of_another_secret_or_a_damaged_one_is_none(client: httpx.Client, port: int) -> None:
    for held in (f"byhand-{port}=", f"byhand-{port}={'0' * 64}", "byhand-1=x", f'byhand-{port}="\\', "\xff=\xff", ";" * 50):
        assert client.get("/", headers={"Cookie": held.encode("latin-1")}).status_code == 403


def test_a_cookie_counts_in_the_next_run_of_the_same_user_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Door(token="a").pass_for == Door(token="b").pass_for
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    mine = Door(token="a").pass_for
    kept = next(tmp_path.rglob("cookie-secret"))
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert Door(token="b").pass_for == mine
    kept.chmod(0o644)  # others may have read it
    assert Door(token="c").pass_for != mine
    kept.unlink()
    kept.mkdir()
    assert Door(token="d").pass_for not in (mine, b"")


@pytest.mark.slow
def test_without_a_token_everybody_on_this_computer_gets_in() -> None:
    assert Door().token is None
    with serving(Door()) as port:
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200


def test_the_browser_is_started_without_the_token_in_its_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    there = threading.Event()
    monkeypatch.setattr("webbrowser.open", lambda address: (opened.append(address), there.set()))
    clean = show(Door(token=TOKEN).address("127.0.0.1:8000"))
    assert there.wait(5)
    path = Path(opened[0].removeprefix("file://"))
    assert TOKEN not in opened[0] and f"http://127.0.0.1:8000/?token={TOKEN}" in path.read_text()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    clean()
    assert not path.parent.exists()


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "host", ["localhost:{port}", "127.0.0.1", "LOCALHOST:9000", "localhost.:80", "[::1]:9000", "desk.example", "DESK.example:443"]
)
def test_the_port_may_be_that_of_a_tunnel_or_a_container(client: httpx.Client, port: int, host: str) -> None:
    given = {"Host": host.format(port=port), "Authorization": f"token {TOKEN}"}
    assert client.get("/", headers=given).status_code == 200
    assert client.get("/", headers=given | {"Origin": f"http://{given['Host']}"}).status_code == 200
    assert client.get("/", headers=given | {"Origin": "http://localhost:1"}).status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "x.desk.example",
        "192.168.1.5",
        "8.8.8.8:80",
        "localhost:x",
        "localhost:",
        "user@localhost",
        "localhost/evil",
        "[::1",
        "::1",
    ],
)
def test_any_other_name_is_refused_even_with_the_token(client: httpx.Client, host: str) -> None:
    assert client.get("/", headers={"Host": host, "Authorization": f"token {TOKEN}"}).status_code == 421


def test_a_proxy_may_speak_https_under_the_allowed_name_only(client: httpx.Client) -> None:
    given = {"Authorization": f"token {TOKEN}"}
    assert client.get("/", headers=given | {"Origin": "https://desk.example"}).status_code == 200
    assert client.get("/", headers=given | {"Origin": "https://evil.example"}).status_code == 403
    assert client.get("/", headers=given | {"Origin": "https://localhost"}).status_code == 403


def test_an_open_host_answers_to_addresses_and_this_computers_name_but_to_no_other() -> None:
    door = Door("0.0.0.0")
    here = socket.gethostname()
    assert all(map(door.is_ours, ("192.168.1.7:9000", "[fe80::1]:8000", "localhost:1", here, f"{here.partition('.')[0]}.local")))
    assert not any(map(door.is_ours, ("evil.example:8000", "0.0.0.0.evil.example", "")))
    assert Door("box.example").is_ours("box.example:8000")


@pytest.mark.slow
def test_two_servers_side_by_side_keep_their_cookies_apart() -> None:
    first, second = Door(token="a"), Door(token="b")
    with (
        serving(first) as one,
        serving(second) as other,
        httpx.Client(follow_redirects=True) as client,
    ):
        for port, token in ((one, "a"), (other, "b")):
            assert client.get(f"http://localhost:{port}/?token={token}").status_code == 200
        assert len({cookie.name for cookie in client.cookies.jar}) == 2


def test_an_open_host_is_printed_with_addresses_that_can_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_outside", lambda: "192.168.1.7")
    assert places("0.0.0.0", 8000) == ["127.0.0.1:8000", "192.168.1.7:8000"]
    assert places("::", 8000)[0] == "[::1]:8000"
    monkeypatch.setattr(doors, "_outside", lambda: None)
    assert places("0.0.0.0", 8000) == ["127.0.0.1:8000"]
    assert places("box.example", 8000) == ["box.example:8000"]


def printed(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", PLAY, "--port", "0", *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, next(word for word in process.stdout.readline().split() if word.startswith("http"))


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("--host", "0.0.0.0"), ("--no-token",), ("--allow-host", "desk.example")])
def test_the_printed_address_opens_and_no_other(arguments: tuple[str, ...]) -> None:
    process, address = printed(*arguments)
    try:
        bare, _, token = address.partition("?token=")
        assert bool(token) == ("--no-token" not in arguments)
        assert httpx.get(bare).status_code == (403 if token else 200)
        allowed = httpx.get(bare, headers={"Host": "desk.example", "Authorization": f"token {token or 'none'}"}).status_code
        assert allowed == (200 if "--allow-host" in arguments else 421)
        with httpx.Client(follow_redirects=True) as client:
            answer = client.get(address)
            assert answer.status_code == 200 and str(answer.url) == bare
            assert token not in answer.text or not token
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)


def test_a_watched_loop_wants_its_token_too_unless_told_otherwise() -> None:
    with byhand.watch({"w": [1.0, 2.0]}, port=0, open_browser=False) as one:
        assert httpx.get(one.address.partition("?")[0]).status_code == 403
        assert httpx.get(one.address, follow_redirects=True).status_code == 200
    with byhand.watch({"w": [1.0, 2.0]}, port=0, open_browser=False, token=False) as one:
        assert httpx.get(one.address).status_code == 200


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes in another way")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_of_a_server_that_was_told_to_end(tmp_path: Path, how: signal.Signals) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary), "BROWSER": "true"}
    code = PLAY.replace("'--no-browser', ", "")
    command = [sys.executable, "-c", code, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stdout
    address = next(word for word in process.stdout.readline().split() if word.startswith("http"))
    bare, _, token = address.partition("?token=")
    given = {"Origin": bare.rstrip("/"), "X-Byhand": "1", "Authorization": f"token {token}"}
    assert (
        httpx.post(f"{bare}api/train/data?name=a.csv", content="1,2,a\n3,4,b\n" * 9, headers=given, timeout=30).status_code == 200
    )
    assert len(list(temporary.iterdir())) == 2  # the page that opens the browser, and the upload
    process.send_signal(how)
    _, errors = process.communicate(timeout=10)
    assert errors == "" and list(temporary.iterdir()) == []
