"""Make the pictures of docs/train.md and docs/watch.md out of real trainings, in headless Chromium.

    python scripts/train_pictures.py [train] [doctor] [watch] [diffusion]

Needs Chromium, its driver, and Selenium, as the tests in tests/browser do.
"""

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
PLAY = "import sys; from byhand.cli import main; sys.argv = ['byhand', 'play', '--no-browser', '--port', '0']; main()"
WIDTH = 1280


@contextmanager
def running(*command: str) -> Iterator[str]:
    """A program of ours that prints the address of its page first; ended with the block."""
    environment = os.environ | {"BROWSER": "true"}  # a command that opens nothing
    process = subprocess.Popen([sys.executable, "-u", *command], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout
    try:
        yield next(word for word in process.stdout.readline().split() if word.startswith("http"))
    finally:
        process.kill()
        process.communicate()


@contextmanager
def browser() -> Iterator[Any]:
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
    end = time.monotonic() + seconds
    while not driver.execute_script(f"return {condition}"):
        if time.monotonic() > end:
            raise SystemExit(f"never came true: {condition}")
        time.sleep(0.1)


def fill(driver: Any, **settings: Any) -> None:
    code = "const e = document.getElementById(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('change'))"
    for name, value in settings.items():
        driver.execute_script(code, name, str(value))


def press(driver: Any, name: str) -> None:
    driver.execute_script("document.getElementById(arguments[0]).click()", name)


def resized(driver: Any, height: int) -> None:
    metrics = {"width": WIDTH, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    time.sleep(1)


def picture(driver: Any, name: str, part: str = "") -> None:
    """The whole page, or the element with this id and what stands around it."""
    resized(driver, 900)
    resized(driver, driver.execute_script("return document.documentElement.scrollHeight"))
    image = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    if part:
        box = driver.execute_script("return document.getElementById(arguments[0]).getBoundingClientRect().toJSON()", part)
        image = image.crop((0, int(box["top"]) - 24, WIDTH, int(box["bottom"]) + 24))
    path = PICTURES / f"{name}.png"
    image.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {image.size[0]} x {image.size[1]}, {path.stat().st_size:,} bytes")


def train_page(driver: Any, address: str, **settings: Any) -> None:
    resized(driver, 900)
    driver.get(f"{address}train.html")
    until(driver, "document.documentElement.dataset.ready === 'yes'")
    fill(driver, **settings)


def trained(driver: Any, steps: int, **settings: Any) -> None:
    """A training of so many steps, paused, or over by then."""
    fill(driver, **settings)
    press(driver, "start")
    until(driver, f"Number(document.documentElement.dataset.shown) > {steps}")
    press(driver, "pause")
    until(driver, "['paused', 'finished'].includes(document.documentElement.dataset.state)")
    time.sleep(1)


def main() -> None:
    wanted = sys.argv[1:] or ["train", "doctor", "diffusion", "watch"]
    with browser() as driver:
        if {"train", "doctor", "diffusion"} & set(wanted):
            with running("-c", PLAY) as address:
                if "train" in wanted:
                    train_page(driver, address, recipe="mnist-nielsen-30")
                    trained(driver, 12_000)
                    picture(driver, "train")
                    press(driver, "stop")
                if "doctor" in wanted:
                    train_page(driver, address, recipe="iris")
                    fill(driver, lr=1000)
                    press(driver, "examine")
                    until(driver, "document.getElementById('doctor').dataset.state === 'done'")
                    picture(driver, "train-doctor", "doctor")
                if "diffusion" in wanted:
                    train_page(driver, address, recipe="moons-diffusion")
                    trained(driver, 1_500)
                    driver.execute_script("document.getElementById('plane-panel').parentElement.id = 'curves'")
                    picture(driver, "train-diffusion", "curves")
        if "watch" in wanted:
            with running(str(ROOT / "docs" / "examples" / "own_loop.py"), "20") as address:
                resized(driver, 900)
                driver.get(address)
                until(driver, "Number(document.documentElement.dataset.shown) > 6_500")
                press(driver, "pause")
                until(driver, "document.documentElement.dataset.state === 'paused'")
                picture(driver, "watch")


if __name__ == "__main__":
    main()
