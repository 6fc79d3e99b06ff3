"""A program of ours that serves a page, and Chromium without a window that looks at it: for the scripts that make pictures."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
BYHAND = "import sys; from byhand.cli import main; sys.argv = ['byhand', *sys.argv[1:]]; main()"
PLAY = "import sys; from byhand.cli import main; sys.argv = ['byhand', 'play', '--no-browser', '--port', '0']; main()"
WIDTH = 1280


@contextmanager
def running(*command: str, work: Path | None = None) -> Iterator[str]:
    """A program of ours that prints the address of its page first; ended with the block."""
    environment = os.environ | {"BROWSER": "true"}  # a command that opens nothing
    process = subprocess.Popen(
        [sys.executable, "-u", *command], stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment, cwd=work
    )
    assert process.stdout
    try:
        yield next(word for word in process.stdout.readline().split() if word.startswith("http"))
    finally:
        process.kill()
        process.communicate()


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, driven."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def until(driver: Any, condition: str, seconds: float = 600) -> None:
    """Wait for a condition in JavaScript; ends the script where it never comes true."""
    end = time.monotonic() + seconds
    while not driver.execute_script(f"return {condition}"):
        if time.monotonic() > end:
            raise SystemExit(f"never came true: {condition}")
        time.sleep(0.1)


def press(driver: Any, name: str) -> None:
    driver.execute_script("document.getElementById(arguments[0]).click()", name)


def resized(driver: Any, height: int, width: int = WIDTH) -> None:
    """A window of this size."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    time.sleep(1)


def seen(driver: Any, part: str = "") -> Image.Image:
    """What the window shows, or the element with this id."""
    data = driver.find_element("id", part).screenshot_as_png if part else driver.get_screenshot_as_png()
    return Image.open(io.BytesIO(data)).convert("RGB")


def kept(image: Image.Image, path: Path) -> None:
    """Write it, as small as it can be without loss, and say so."""
    image.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {image.size[0]} x {image.size[1]}, {path.stat().st_size:,} bytes", flush=True)
