"""One Chromium for all tests of the page, cut off from every network but this computer's own."""

from __future__ import annotations

import base64
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from websockets.sync.client import connect

from byhand.web.connection_limits import configuration
from byhand.web.server import application, listen
from byhand.web.site import page_files

OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


class Page:
    """The page in a browser, with what a user does to it."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver, self.address = driver, address

    def open(self, address: str | None = None, width: int = 1200, height: int = 1000, **media: str) -> None:
        """Load it afresh in a window of this size, and wait until it is ready."""
        self.look(width, height, **media)
        self.driver.get(address or self.address)
        self.wait("document.documentElement.dataset.ready === 'yes' && !document.getElementById('example').disabled")
        self.driver.get_log("browser")

    def look(self, width: int, height: int = 1000, **media: str) -> None:
        """A window of this size, for a reader who has asked for this: prefers_color_scheme="dark"."""
        self.size(width, height)
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.cdp("Emulation.setEmulatedMedia", features=features)
        self.settle()
        self.run("await Promise.allSettled(document.getAnimations().map((one) => one.finished))")  # colours fade over

    def size(self, width: int, height: int, mobile: bool = False) -> None:
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def cdp(self, command: str, **arguments: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, arguments)

    def js(self, expression: str, *arguments: Any) -> Any:
        return self.driver.execute_script(f"return {expression}", *arguments)

    def wait(self, condition: str, seconds: float = 60) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, seconds, 0.02).until(lambda _: self.js(condition), f"never came true: {condition}")

    def run(self, code: str, *arguments: Any) -> Any:
        """The result of JavaScript in which `await import("/module.js")` works and `args` are the arguments."""
        result = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1]; const args = arguments;"
            "const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);"
            f"(async () => {{ {code} }})()"
            ".then((value) => done({ value }), (error) => done({ error: String(error.stack) }));",
            *arguments,
        )
        assert "error" not in result, result["error"]
        return result["value"]

    def text(self, name: str) -> str:
        return self.js("document.getElementById(arguments[0]).innerText", name)

    def click(self, name: str) -> None:
        self.driver.find_element("id", name).click()

    def digit(self) -> str:
        """What the page says that it reads, once it has caught up with the drawing."""
        self.settle()
        return self.js("document.querySelector('#verdict .digit').textContent")

    def settle(self) -> None:
        self.run("await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def corner(self) -> tuple[float, float, float]:
        """Where the drawing area is: left, top, side."""
        self.driver.execute_script(
            "document.getElementById('drawing-area').scrollIntoView({ block: 'center', behavior: 'instant' })"
        )
        box = self.js("document.getElementById('pad').getBoundingClientRect().toJSON()")
        return box["left"], box["top"], box["width"]

    def draw(self, *strokes: list[Any], slowly: bool = False) -> None:
        """Strokes of the mouse; points are fractions of the drawing area.

        The browser answers a move once it has drawn what came of it. A hand does not wait for that, and nor do we: all moves are
        sent at once, and those of one frame come to the page together. slowly: each is waited for.
        """
        left, top, side = self.corner()
        events = []
        for stroke in strokes:
            points = [(left + x * side, top + y * side) for x, y in stroke]
            steps = [("mousePressed", points[0], 1), *(("mouseMoved", point, 1) for point in points[1:])]
            for kind, (x, y), buttons in [*steps, ("mouseReleased", points[-1], 0)]:
                events.append({"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1})
        if slowly:
            for event in events:
                self.cdp("Input.dispatchMouseEvent", **event)
        else:
            self.cdp_at_once("Input.dispatchMouseEvent", events)

    def cdp_at_once(self, command: str, all_arguments: list[dict[str, Any]]) -> None:
        """A command several times, without waiting for one before the next is sent; the driver would wait."""
        place = f"{self.driver.capabilities['goog:chromeOptions']['debuggerAddress']}/devtools/page"
        with connect(f"ws://{place}/{self.driver.current_window_handle}") as line:
            for number, arguments in enumerate(all_arguments, start=1):
                line.send(json.dumps({"id": number, "method": command, "params": arguments}))
            missing = set(range(1, len(all_arguments) + 1))
            while missing:
                answer = json.loads(line.recv(timeout=60))
                assert "error" not in answer, answer
                missing.discard(answer.get("id"))

    def close_others(self) -> None:
        """Close every tab but the first, and go there."""
        for extra in self.driver.window_handles[1:]:
            self.driver.switch_to.window(extra)
            self.driver.close()
        self.driver.switch_to.window(self.driver.window_handles[0])

    def complaints(self) -> list[str]:
        """What the browser's console has against the page since it was ready."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in {"SEVERE", "WARNING"}]


SEVEN = [[0.3, 0.22], [0.5, 0.22], [0.7, 0.22], [0.6, 0.45], [0.5, 0.65], [0.44, 0.82]]


@pytest.fixture(scope="session")
def seven() -> list[list[float]]:
    """A stroke that everybody reads as a seven."""
    return SEVEN


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not chromedriver:
        reason = (
            "Chromium and its driver are not here: apt-get install chromium chromium-driver (needs root), as `make browser` does"
        )
        if os.environ.get("BYHAND_REQUIRE_BROWSER") == "1":
            pytest.fail(f"BYHAND_REQUIRE_BROWSER=1, but {reason}")
        pytest.skip(reason)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for option in [*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(chromedriver))
    found.set_script_timeout(60)
    yield found
    found.quit()


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        app = application(page_files([], served=True))
        server = uvicorn.Server(configuration(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}/"
        server.should_exit = server.force_exit = True  # the browser may hold a connection open: nobody waits for it
        thread.join(10)
        app.state.close()


@pytest.fixture
def tab(driver: Any, address: str) -> Iterator[Page]:
    """The browser, for a test that opens a page itself; the page of the test before may still be there."""
    found = Page(driver, address)
    found.size(1200, 1000)
    found.cdp("Emulation.setEmulatedMedia", features=[])
    driver.get_log("browser")
    yield found
    found.close_others()
    driver.execute_script("try { localStorage.clear() } catch {}")


@pytest.fixture
def page(tab: Page) -> Page:
    """The Draw page, open and ready."""
    tab.open()
    return tab


@pytest.fixture(scope="session")
def packed() -> Any:
    """Numbers as text that `floats` unpacks in the browser."""
    return lambda numbers: base64.b64encode(np.ascontiguousarray(numbers, np.float32).tobytes()).decode()


@pytest.fixture(scope="session")
def here() -> Path:
    return Path(__file__).parent
