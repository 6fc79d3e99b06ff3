"""Make the pictures of docs/walkthroughs: run what the chapter says, open the page in Chromium, and keep what one sees.

    python scripts/walkthrough_pictures.py [--only replay] [--work FOLDER] [--out docs/pictures]

It wants Chromium with its driver (`make browser`); the chapter on PyTorch wants PyTorch too. What was trained in FOLDER stays
there and is not trained again.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[1]
BYHAND = [sys.executable, "-c", "from byhand.cli import main; main()"]
COLOURS = 128  # of a picture's palette


def byhand(work: Path, *words: str) -> None:
    """Run the command line in the folder."""
    subprocess.run([*BYHAND, *words], cwd=work, check=True, stdout=subprocess.DEVNULL)


class Browser:
    """Chromium without a window."""

    def __init__(self) -> None:
        from selenium import webdriver

        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--force-color-profile=srgb"):
            options.add_argument(argument)
        self.driver: Any = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))

    def open(self, address: str, width: int, height: int, until: str = "document.readyState === 'complete'") -> None:
        """Open a page in a window of this size, and wait until the condition holds."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        )
        self.driver.get(address)
        self.wait(until)

    def wait(self, until: str, seconds: float = 120) -> None:
        """Until a condition in JavaScript holds; raises TimeoutError where it does not."""
        ends = time.monotonic() + seconds
        while not self.driver.execute_script(f"return {until}"):
            if time.monotonic() > ends:
                raise TimeoutError(f"the page never came to {until}")
            time.sleep(0.1)
        time.sleep(0.5)  # what it draws next

    def do(self, code: str) -> None:
        self.driver.execute_script(code)
        time.sleep(0.4)

    def picture(self, name: str = "") -> Image.Image:
        """What one sees: of the window, or of the element with this id."""
        data = self.driver.find_element("id", name).screenshot_as_png if name else self.driver.get_screenshot_as_png()
        return Image.open(io.BytesIO(data)).convert("RGB")


def above(pictures: list[Image.Image], gap: int = 10) -> Image.Image:
    """Pictures one above the other, on the first one's corner colour."""
    size = max(one.width for one in pictures), sum(one.height for one in pictures) + gap * (len(pictures) - 1)
    whole, top = Image.new("RGB", size, pictures[0].getpixel((0, 0))), 0
    for one in pictures:
        whole.paste(one, (0, top))
        top += one.height + gap
    return whole


def beside(pictures: list[Image.Image], gap: int = 24) -> Image.Image:
    """Pictures one beside the other."""
    size = sum(one.width for one in pictures) + gap * (len(pictures) - 1), max(one.height for one in pictures)
    whole, left = Image.new("RGB", size, pictures[0].getpixel((0, 0))), 0
    for one in pictures:
        whole.paste(one, (left, 0))
        left += one.width + gap
    return whole


# ---------------------------------------------------------------- the chapters


def recorded(work: Path) -> None:
    """The run of chapter 3."""
    if not (work / "runs/mnist-nielsen-30/recording").exists():
        byhand(work, "train", "mnist-nielsen-30", "--epochs", "10", "--record")


READY = "document.documentElement.dataset.ready === 'yes'"


def slid(browser: Browser, step: int) -> None:
    """The slider at the frame that is nearest to a step."""
    browser.do(
        "const { steps } = JSON.parse(document.getElementById('facts').textContent), s = document.getElementById('moment');"
        f"const far = steps.map((at) => Math.abs(at - {step})); s.value = far.indexOf(Math.min(...far));"
        "s.dispatchEvent(new Event('input'))"
    )


def replay(work: Path, browser: Browser) -> Image.Image:
    """The first layer at three moments."""
    recorded(work)
    byhand(work, "replay", "runs/mnist-nielsen-30", "--html", "learning.html")
    browser.open((work / "learning.html").as_uri(), 470, 1800, READY)
    browser.do("document.getElementById('said').style.minHeight = '4.9em'")  # three lines, whatever it says
    shown = []
    for step in (0, 200, 50_000):
        slid(browser, step)
        shown.append(above([browser.picture("said"), browser.picture("weights")]))
    return beside(shown)


def branch(work: Path, browser: Browser) -> Image.Image:
    """The curves of the run and of a branch."""
    recorded(work)
    away = ("--at", "50", "--branch-lr", "0.3", "--steps", "20000", "--html", "branch.html")
    byhand(work, "replay", "runs/mnist-nielsen-30", *away)
    browser.open((work / "branch.html").as_uri(), 1100, 1000, READY)
    slid(browser, 20_000)
    return browser.picture("curves")


def imported(work: Path, browser: Browser) -> Image.Image:
    """The way of one digit through a network that PyTorch trained."""
    chapter = (ROOT / "docs/walkthroughs/4-a-network-that-pytorch-trained.md").read_text(encoding="utf-8")
    script = chapter.split("```python\n")[1].split("```")[0]
    if not (work / "digits.safetensors").exists():
        subprocess.run([sys.executable, "-c", script], cwd=work, check=True)
    byhand(
        work,
        "import",
        "digits.safetensors",
        "--layers",
        "0+1 relu pool2 3+1 relu pool2 flatten 7",
        "-o",
        "digits-byhand.safetensors",
    )
    byhand(work, "explain", "digits-byhand.safetensors", "--sample", "7", "--html", "step.html")
    browser.open((work / "step.html").as_uri(), 1200, 1150)
    return browser.picture()


PICTURES: dict[str, Callable[[Path, Browser], Image.Image]] = {"replay": replay, "branch": branch, "imported": imported}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PICTURES, action="append")
    parser.add_argument("--work", type=Path, default=ROOT / "demo" / "walkthroughs")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    browser = Browser()
    try:
        for name in options.only or PICTURES:
            picture = PICTURES[name](options.work.resolve(), browser)
            path = options.out / f"walkthrough-{name}.png"
            picture.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)
            print(f"{path.relative_to(ROOT)}: {picture.width} x {picture.height}, {path.stat().st_size / 1e3:.0f} kB", flush=True)
    finally:
        browser.driver.quit()


if __name__ == "__main__":
    main()
