"""Make the pictures of docs/walkthroughs: run what the chapter says, open the page in Chromium, and keep what one sees.

    python scripts/walkthrough_pictures.py [microscope] [pushed] [replay] [branch] [imported] [doctor] [--work FOLDER]

Needs Chromium, its driver, and Selenium; the chapter on PyTorch needs PyTorch too. What was trained in the folder stays
there and is not trained again.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chromium import BYHAND, PICTURES, ROOT, browser, kept, press, resized, running, seen, until
from PIL import Image, ImageChops

READY = "document.documentElement.dataset.ready === 'yes'"
NUMBER = "document.documentElement.dataset.at === 'number'"  # the microscope is down at one


def byhand(work: Path, *words: str) -> None:
    """Run the command line in the folder."""
    subprocess.run([sys.executable, "-c", BYHAND, *words], cwd=work, check=True, stdout=subprocess.DEVNULL)


def opened(driver: Any, address: str, width: int, height: int, condition: str = READY) -> None:
    resized(driver, height, width)
    driver.get("about:blank")  # else another place of the same page would be no new page
    driver.get(address)
    until(driver, condition)


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
    """The run of the chapters 2 and 3."""
    if not (work / "runs/mnist-nielsen-30/recording").exists():
        byhand(work, "train", "mnist-nielsen-30", "--epochs", "10", "--record")


def held(work: Path, driver: Any, place: str, height: int, *words: str) -> Image.Image:
    """The microscope at a place of a step."""
    with running("-c", BYHAND, "microscope", *words, "--no-browser", "--port", "0", work=work) as address:
        opened(driver, f"{address}#{place}", 1280, height, NUMBER)
        resized(driver, height)
        return seen(driver)


def microscope(work: Path, driver: Any) -> Image.Image:
    """Chapter 1: one number of the first step."""
    return held(work, driver, "k=0&array=z2&at=0,24", 1180, "mnist-nielsen-30")


def pushed(work: Path, driver: Any) -> Image.Image:
    """Chapter 2: a weight, and who pushed it over an epoch."""
    recorded(work)
    words = ("microscope", "runs/mnist-nielsen-30", "--step", "5300", "--no-browser", "--port", "0")
    with running("-c", BYHAND, *words, work=work) as address:
        opened(
            driver, f"{address}#array=w2.gradient&k=0&at=22,436", 1280, 1400, "document.documentElement.dataset.at === 'number'"
        )
        press(driver, "last-epoch")
        until(driver, "document.getElementById('last-epoch').getAttribute('aria-pressed') === 'true'")
        until(driver, "document.querySelectorAll('#down canvas').length > 2")
        resized(driver, 2400)
        return seen(driver, "pushed")


def slid(driver: Any, step: int) -> None:
    """The slider at the frame that is nearest to a step."""
    driver.execute_script(
        "const { steps } = JSON.parse(document.getElementById('facts').textContent), s = document.getElementById('moment');"
        f"const far = steps.map((at) => Math.abs(at - {step})); s.value = far.indexOf(Math.min(...far));"
        "s.dispatchEvent(new Event('input'))"
    )


def replay(work: Path, driver: Any) -> Image.Image:
    """Chapter 3: the first layer at three moments."""
    recorded(work)
    byhand(work, "replay", "runs/mnist-nielsen-30", "--html", "learning.html")
    opened(driver, (work / "learning.html").as_uri(), 470, 1800)
    driver.execute_script("document.getElementById('said').style.minHeight = '4.9em'")  # three lines, whatever it says
    shown = []
    for step in (0, 200, 50_000):
        slid(driver, step)
        shown.append(above([seen(driver, "said"), seen(driver, "weights")]))
    return beside(shown)


def branch(work: Path, driver: Any) -> Image.Image:
    """Chapter 3: the curves of the run and of a branch."""
    recorded(work)
    away = ("--at", "50", "--branch-lr", "0.3", "--steps", "20000", "--html", "branch.html")
    byhand(work, "replay", "runs/mnist-nielsen-30", *away)
    opened(driver, (work / "branch.html").as_uri(), 1100, 1000)
    slid(driver, 20_000)
    return seen(driver, "curves")


def imported(work: Path, driver: Any) -> Image.Image:
    """Chapter 4: the way of one digit through a network that PyTorch trained."""
    chapter = (ROOT / "docs/walkthroughs/4-a-network-that-pytorch-trained.md").read_text(encoding="utf-8")
    script = chapter.split("```python\n")[1].split("```")[0]
    if not (work / "digits.safetensors").exists():
        subprocess.run([sys.executable, "-c", script], cwd=work, check=True)
    layers = "0+1 relu pool2 3+1 relu pool2 flatten 7"
    byhand(work, "import", "digits.safetensors", "--layers", layers, "-o", "digits-byhand.safetensors")
    byhand(work, "explain", "digits-byhand.safetensors", "--sample", "7", "--html", "step.html")
    opened(driver, (work / "step.html").as_uri(), 1200, 1150, "document.readyState === 'complete'")
    return seen(driver)


def doctor(work: Path, driver: Any) -> Image.Image:
    """Chapter 5: what the terminal says."""
    from rich.console import Console

    from byhand.see.doctor import examine, open_patient
    from byhand.see.doctor.terminal import render

    console = Console(record=True, width=92, file=io.StringIO())
    with contextlib.chdir(ROOT):
        render(examine(open_patient("docs/examples/sum_for_mean.py:make")), console)
    console.save_svg(str(work / "doctor.svg"), title="byhand doctor docs/examples/sum_for_mean.py:make")
    opened(driver, (work / "doctor.svg").as_uri(), 1150, 740, "document.documentElement.tagName === 'svg'")
    shown = seen(driver)
    return shown.crop(ImageChops.invert(shown).getbbox())


CHAPTERS: dict[str, Callable[[Path, Any], Image.Image]] = {
    "microscope": microscope,
    "pushed": pushed,
    "replay": replay,
    "branch": branch,
    "imported": imported,
    "doctor": doctor,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", metavar="PICTURE", help=f"of {', '.join(CHAPTERS)}; all unless given")
    parser.add_argument("--work", type=Path, default=ROOT / "demo" / "walkthroughs")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    with browser() as driver:
        for name in options.pictures or CHAPTERS:
            picture = CHAPTERS[name](options.work.resolve(), driver)
            kept(picture, PICTURES / f"walkthrough-{name}.png")


if __name__ == "__main__":
    main()
