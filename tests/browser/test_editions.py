"""The page as a static folder under a sub-path, and as one file from file://: both whole, both without a network."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from byhand.web.site import write_site

pytestmark = pytest.mark.browser


class Quiet(SimpleHTTPRequestHandler):
    """A plain file server, as any static host."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def static_host(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", tmp_path
    server.shutdown()
    thread.join()
    server.server_close()


def works(page: Any, seven: Any) -> None:
    """It reads a drawing, and a lesson changes what it reads."""
    page.draw(seven)
    assert page.digit() == "7"
    page.driver.execute_script("document.querySelectorAll('#choices input')[1].click()")
    page.driver.execute_script("document.getElementById('steps').value = 10; document.getElementById('teach').click()")
    page.wait("document.querySelector('#others .counts')")
    models = page.js("document.getElementById('model').options.length")
    page.driver.execute_script(
        "const m = document.getElementById('model'); m.value = arguments[0]; m.dispatchEvent(new Event('change'))", models - 1
    )
    page.wait("!document.querySelector('.layer.grid')")
    assert page.digit() == "7"
    assert page.complaints() == []


def test_a_static_folder_works_under_any_path(page: Any, seven: Any, static_host: tuple[str, Path]) -> None:
    address, folder = static_host
    write_site(folder / "blog" / "2026" / "digits", [], single_file=False)
    page.open(f"{address}blog/2026/digits/")
    works(page, seven)
    loaded = page.js("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert loaded
    assert all(name.startswith((f"{address}blog/2026/digits/", "data:", "blob:")) for name in loaded)


def test_a_single_file_works_from_the_disk(page: Any, seven: Any, tmp_path: Path) -> None:
    file = write_site(tmp_path / "a folder", [], single_file=True)
    assert file.stat().st_size <= 1_500_000
    page.open(file.resolve().as_uri())
    works(page, seven)
    assert page.js("performance.getEntriesByType('resource').filter(({ name }) => !name.startsWith('data:')).length") == 0


def test_a_single_file_works_in_a_frame_of_another_page(page: Any, static_host: tuple[str, Path]) -> None:
    address, folder = static_host
    write_site(folder / "digits", [], single_file=True)
    frame = '<iframe src="digits/index.html" sandbox="allow-scripts"></iframe>'
    (folder / "post.html").write_text(f"<!doctype html><title>A post</title>{frame}")
    page.driver.get(f"{address}post.html")
    page.driver.switch_to.frame(0)
    try:
        page.wait("document.documentElement.dataset.ready === 'yes'")
    finally:
        page.driver.switch_to.default_content()


def test_the_browser_of_these_tests_reaches_no_other_computer(page: Any) -> None:
    from selenium.common.exceptions import WebDriverException

    with pytest.raises(WebDriverException, match="ERR_NAME_NOT_RESOLVED"):
        page.driver.get("http://example.com/")
    page.open()
