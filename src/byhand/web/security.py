"""Who may come in: a request for a name of this server, from its own page, with its token.

The design is Jupyter's. The address that a server prints carries a token, new in each run. Whoever opens it gets a cookie, and is
sent on to the same address without the token. The cookie also counts in the next run of the same user, so that a page left open
finds that one: it is made from a secret, in a file that nobody else can read.

Sources:
    https://jupyter-server.readthedocs.io/en/stable/operators/security.html
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import html
import ipaddress
import os
import re
import secrets
import socket
import stat
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import platformdirs
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Scope

API = "/api/"  # whose addresses are asked by programs, and need no redirection
WITHOUT = "This page needs its token: open the address that byhand printed when it started, the one with ?token= in it."
ANY = ("0.0.0.0", "::", "")  # hosts that mean every address of this computer
PLACE = re.compile(r"(\[[0-9a-f:.%]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?", re.I)
PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>byhand</title>{}<p>{}</p></html>\n"
)


def new_token() -> str:
    """A token that nobody guesses, as Jupyter makes them."""
    return secrets.token_hex(24)


class Door:
    """Which requests are let in.

    Arguments:
        host: the address that the server listens on.
        token: what a request must carry, in its address, its cookie or its Authorization; None lets everybody in.
        names: further names under which the server is reached, as that of a proxy before it.
    """

    def __init__(self, host: str = "127.0.0.1", *, token: str | None = None, names: Iterable[str] = ()) -> None:
        self.host, self.token = host.lower(), token
        self.names = {name.lower().rstrip(".") for name in names}
        self.open = not _is_loopback(self.host)
        if self.open:
            here = socket.gethostname().lower()
            self.names |= {self.host, here, here.partition(".")[0], f"{here.partition('.')[0]}.local"} - set(ANY)
        self.pass_for = b"" if token is None else _pass()

    # ---------------------------------------------------------------- names

    def misled(self, headers: Headers) -> tuple[int, str] | None:
        """Status and reason of a request that names another server, or comes from another page.

        A name that somebody pointed at this computer (DNS rebinding) is none of ours; the port may be any, for a tunnel or a
        container has its own.
        """
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self.is_ours(hosts[0]):
            return 421, f"this server does not answer to {_short(hosts)}: if that is its name, start it with --allow-host"
        if any(not self._is_own(origin, hosts[0]) for origin in origins):
            return 403, "this server answers only its own page"
        return None

    def is_ours(self, host: str) -> bool:
        """Whether a Host header means this server: by its name, whatever the port.

        >>> Door().is_ours("localhost:9000"), Door().is_ours("evil.example:8000"), Door("0.0.0.0").is_ours("192.168.1.5")
        (True, False, True)
        """
        found = PLACE.fullmatch(host)
        if not found:
            return False
        name = found[1].lower().rstrip(".")
        return name in self.names or _is_loopback(name) or (self.open and _is_address(name))

    def _is_own(self, origin: str, host: str) -> bool:
        if origin.lower() == f"http://{host.lower()}":
            return True
        scheme, _, place = origin.lower().partition("://")
        found = PLACE.fullmatch(place)  # a proxy speaks https to the browser, and may call us by another name than its own
        return scheme in ("http", "https") and found is not None and found[1] in self.names

    # ---------------------------------------------------------------- the token

    def turned_away(self, scope: Scope, headers: Headers) -> Response | None:
        """What answers instead of the server: a redirection that takes the token out of the address, or a refusal; or None."""
        if self.token is None:
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        named = any(self._is_token(value) for value in given)
        known = named or self._is_known(headers)
        if not known:
            wants_page = "text/html" in headers.get("accept", "")
            return HTMLResponse(PAGE.format("", WITHOUT), 403) if wants_page else PlainTextResponse(WITHOUT + "\n", 403)
        if not given or scope["type"] == "websocket" or scope["path"].startswith(API) or scope["method"] not in ("GET", "HEAD"):
            return None
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        path = "/" + scope.get("raw_path", b"/").decode("ascii").lstrip("/\\")  # two slashes would be another server's name
        return self._onwards(path + (f"?{rest}" if rest else ""), headers, named)

    def _onwards(self, address: str, headers: Headers, named: bool) -> Response:
        # A browser sends no strict cookie along on a redirection that another page began; from a page of ours it does.
        foreign = headers.get("sec-fetch-site") == "cross-site"
        there = html.escape(address)
        refresh = f'<meta http-equiv="refresh" content="0;url={there}">'
        link = f'<a href="{there}">Go on</a>'
        answer = HTMLResponse(PAGE.format(refresh, link)) if foreign else RedirectResponse(address, 303)
        if named:
            answer.set_cookie(_cookie(headers), self.pass_for.decode(), path="/", httponly=True, samesite="strict")
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _is_known(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() in ("token", "bearer") and self._is_token(given.strip()):
            return True
        name = _cookie(headers)
        for line in headers.getlist("cookie"):
            with contextlib.suppress(CookieError):
                found = SimpleCookie(line).get(name)
                if found is not None and hmac.compare_digest(found.value.encode(), self.pass_for):
                    return True
        return False

    def _is_token(self, given: str) -> bool:
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def address(self, place: str, path: str = "") -> str:
        """The address of a page, with the token where there is one; place: host and port."""
        return f"http://{place}/{path}" + (f"?token={self.token}" if self.token is not None else "")


def places(host: str, port: int) -> list[str]:
    """Where a server that listens on this host is reached, the first from this computer, a second from others where there is one.

    >>> places("127.0.0.1", 8000), places("::1", 8000)
    (['127.0.0.1:8000'], ['[::1]:8000'])
    """
    if host in ANY:
        outside = _outside()
        hosts = ["::1" if host == "::" else "127.0.0.1", *([outside] if outside else [])]
    else:
        hosts = [host]
    return [f"{f'[{one}]' if ':' in one else one}:{port}" for one in hosts]


def _outside() -> str | None:
    """This computer's address on its network; choosing the way to one (of an address kept for documents) sends nothing."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect(("192.0.2.1", 9))
        found: str = way.getsockname()[0]
        return None if _is_loopback(found) else found
    return None


def _cookie(headers: Headers) -> str:
    """The cookie's name: browsers keep one jar for all ports of a name, so each port, as the browser sees it, has its own."""
    found = PLACE.fullmatch(headers.get("host", ""))
    return f"byhand-{found[2] if found and found[2] else 80}"


def _pass() -> bytes:
    """What the cookie holds, the same in each run of this user."""
    return hmac.new(_secret(), b"byhand cookie", hashlib.sha256).hexdigest().encode()


def _secret() -> bytes:
    """The user's own secret; one that only this run knows where it cannot be kept, or others could have read it."""
    path = Path(platformdirs.user_state_dir("byhand")) / "cookie-secret"
    new = secrets.token_bytes(32)
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(new)
        with path.open("rb") as file:
            status, found = os.fstat(file.fileno()), file.read(64)
        private = os.name == "nt" or (status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077)
        if private and len(found) == 32:
            return found
    return new


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _short(hosts: list[str]) -> str:
    return repr(hosts[0][:60]) if len(hosts) == 1 else f"{len(hosts)} names at once"
