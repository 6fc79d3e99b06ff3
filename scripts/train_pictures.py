"""Make the pictures of docs/train.md and docs/watch.md out of real trainings, in headless Chromium.

    python scripts/train_pictures.py [train] [doctor] [watch] [diffusion] [gan]

Needs Chromium, its driver, and Selenium, as the tests in tests/browser do.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from chromium import PICTURES, PLAY, ROOT, WIDTH, browser, kept, press, resized, running, seen, until


def fill(driver: Any, **settings: Any) -> None:
    code = "const e = document.getElementById(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('change'))"
    for name, value in settings.items():
        driver.execute_script(code, name, str(value))


def picture(driver: Any, name: str, part: str = "") -> None:
    """The whole page, or the element with this id and what stands around it."""
    resized(driver, 900)
    resized(driver, driver.execute_script("return document.documentElement.scrollHeight"))
    image = seen(driver)
    if part:
        box = driver.execute_script("return document.getElementById(arguments[0]).getBoundingClientRect().toJSON()", part)
        image = image.crop((0, int(box["top"]) - 24, WIDTH, int(box["bottom"]) + 24))
    kept(image, PICTURES / f"{name}.png")


def train_page(driver: Any, address: str, **settings: Any) -> None:
    resized(driver, 900)
    driver.get(address.replace("/?", "/train.html?"))  # with its token
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
    wanted = sys.argv[1:] or ["train", "doctor", "diffusion", "gan", "watch"]
    with browser() as driver:
        if {"train", "doctor", "diffusion", "gan"} & set(wanted):
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
                for name, steps in (("diffusion", 1_500), ("gan", 7_000)):
                    if name in wanted:
                        train_page(driver, address, recipe=f"moons-{name}")
                        trained(driver, steps)
                        driver.execute_script("document.getElementById('plane-panel').parentElement.id = 'curves'")
                        picture(driver, f"train-{name}", "curves")
                        press(driver, "stop")
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
