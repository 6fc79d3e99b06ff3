"""The page of a watched loop in Chromium: seen, held, reloaded, in two tabs, on a phone, by keyboard, after the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

import byhand

from .test_looks import LOOKS, serious

pytestmark = pytest.mark.browser

SHOWN = "Number(document.documentElement.dataset.shown)"
STATE = "document.documentElement.dataset.state"
READY = "document.documentElement.dataset.ready === 'yes'"


class Loop:
    """A two-layer network that learns a quadrant of the plane's signs from 8 x 8 images, until it is told to end."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.arrays = {"w1": rng.standard_normal((64, 12)) / 8, "b1": np.zeros(12), "w2": rng.standard_normal((12, 3)) / 3}
        self.watcher = byhand.watch(self.arrays, title="a network of mine", port=0, open_browser=False)
        self.going, self.steps, self.eta = True, 0, 0.1
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        rng = np.random.default_rng(1)
        w1, b1, w2 = self.arrays.values()
        while self.going:
            x = rng.standard_normal((32, 64))
            y = np.eye(3)[(x[:, :20].sum(axis=1) > 0).astype(int) + (x[:, 20:40].sum(axis=1) > 0)]
            hidden = np.tanh(x @ w1 + b1)
            delta2 = (hidden @ w2 - y) / 32
            delta1 = delta2 @ w2.T * (1 - hidden**2)
            gradients = {"w1": x.T @ delta1, "b1": delta1.sum(axis=0), "w2": hidden.T @ delta2}
            for name, gradient in gradients.items():
                np.subtract(self.arrays[name], self.eta * gradient, out=self.arrays[name])
            self.steps += 1
            time.sleep(0.001)
            cost = 16 * float((delta2**2).sum())
            self.watcher(cost, gradients=gradients, activations={"hidden": hidden}, learning_rate=self.eta)
            if self.steps % 50 == 0:
                self.watcher.validation(cost=cost, accuracy=float((y.argmax(1) == (hidden @ w2).argmax(1)).mean()))

    def close(self) -> None:
        self.going = False
        self.watcher.control.obey({"do": "go"})
        self.thread.join(5)
        self.watcher.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    found = Loop()
    yield found
    found.close()


def go(page: Any, address: str, width: int = 1280, **media: str) -> None:
    page.driver.get("about:blank")
    page.look(width, **media)
    page.driver.get(address)
    page.wait(f"{READY} && {SHOWN} > 0")
    page.driver.get_log("browser")


@pytest.fixture
def watched(tab: Any, loop: Loop) -> Any:
    """The page of the loop, open."""
    go(tab, loop.watcher.address)
    return tab


def press(page: Any, name: str) -> None:
    """A click that waits for no smooth scrolling."""
    page.driver.execute_script("document.getElementById(arguments[0]).click()", name)


def paused(page: Any) -> int:
    press(page, "pause")
    page.wait(f"{STATE} === 'paused'")
    page.wait("document.getElementById('status').innerText.includes('Paused')")
    time.sleep(0.3)
    page.settle()
    return int(page.js(SHOWN))


def test_a_loop_is_seen_paused_stepped_and_gone_on_with(watched: Any, loop: Loop) -> None:
    assert watched.text("title") == "a network of mine"
    at = paused(watched)
    assert loop.steps == at
    assert f"Paused after step {at:,}" in watched.text("status")
    for more in (1, 2):
        press(watched, "step")
        watched.wait(f"{SHOWN} === {at + more}")
    assert loop.steps == at + 2
    press(watched, "pause")
    watched.wait(f"{STATE} === 'running' && {SHOWN} > {at + 100}")
    assert watched.complaints() == []


def test_what_moves_is_drawn_and_stands_beside_it_in_numbers(watched: Any) -> None:
    watched.wait("document.getElementById('at-accuracy').innerText.includes('%')")
    paused(watched)
    colours = """
      const canvas = document.getElementById(args[0]);
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const found = new Set();
      for (let i = 0; i < data.length; i += 4) found.add((data[i] >> 5) * 64 + (data[i + 1] >> 5) * 8 + (data[i + 2] >> 5));
      return found.size;
    """
    for name in ("cost-curve", "accuracy-curve", "weight"):
        assert watched.run(colours, name) >= 3, name
    rows = watched.js("[...document.querySelectorAll('#parameters tbody tr')].map((row) => row.innerText)")
    assert [row.split("\n")[0] for row in rows] == ["w1", "b1", "w2"]
    assert all(row.count("mean") == 2 and "e-" in row for row in rows)
    assert "hidden\n32 × 12, looks like tanh" in watched.js("document.querySelector('#activations tbody').innerText")
    assert watched.text("at-rate") == "0.1"
    watched.driver.execute_script("document.getElementById('cost-table').closest('details').open = true")
    watched.wait("document.querySelectorAll('#cost-table tr').length > 5")
    assert watched.text("notes") == ""


def test_every_matrix_is_a_picture_and_its_pixels_are_named_as_the_array_is(watched: Any, loop: Loop) -> None:
    paused(watched)
    weight = watched.driver.find_element("id", "weight")
    watched.driver.execute_script("document.querySelectorAll('.weight-image')[5].click()")
    weight.send_keys("\ue012")  # left, of the middle
    assert watched.text("weight-value").startswith("w1[35, 5] ≈ ")
    told = float(watched.text("weight-value").split("≈ ")[1])
    w1 = loop.arrays["w1"]
    assert told == pytest.approx(w1[35, 5], abs=np.abs(w1).max() / 127)
    code = "const e = document.getElementById('which'); e.value = 'w2'; e.dispatchEvent(new Event('change'))"
    watched.driver.execute_script(code)
    weight.send_keys("\ue012")
    assert watched.text("weight-value").startswith("w2[6, 0] ≈ ")
    assert watched.js("document.getElementById('weight-images').hidden")


def test_an_array_that_the_loop_replaced_is_named_in_a_sentence(tab: Any) -> None:
    with byhand.watch({"w": np.ones((3, 3)), "v": (v := np.ones(3))}, port=0, open_browser=False) as watcher:
        going = True

        def run() -> None:
            while going:
                v[:] += 0.001
                watcher(1.0)
                time.sleep(0.01)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            go(tab, watcher.address)
            tab.wait("document.querySelectorAll('#notes li').length === 1")
            assert tab.text("notes").startswith("w does not change.")
        finally:
            going = False
            thread.join()


def test_slow_motion_takes_its_time(watched: Any, loop: Loop) -> None:
    watched.driver.execute_script("document.getElementById('pace').value = 5")
    press(watched, "slow")
    watched.wait("document.getElementById('status').innerText.includes('slow motion')")
    before = loop.steps
    time.sleep(1)
    assert 2 <= loop.steps - before <= 7
    press(watched, "slow")
    watched.wait(f"{SHOWN} > {before + 100}")


def test_a_reload_shows_the_loop_from_its_beginning(watched: Any) -> None:
    watched.wait(f"{SHOWN} > 300")
    watched.driver.refresh()
    watched.wait(f"{READY} && {SHOWN} > 300")
    watched.driver.execute_script("document.getElementById('cost-table').closest('details').open = true")
    watched.wait("document.querySelectorAll('#cost-table tr').length > 3")
    oldest = "Number(document.querySelector('#cost-table tr:last-child td').textContent.replaceAll(',', ''))"
    assert watched.js(f"[{oldest} > 0, {oldest} < {SHOWN} / 2]") == [True, True]  # the curve begins near the beginning


def test_two_tabs_see_and_hold_the_same_loop(watched: Any, loop: Loop) -> None:
    driver = watched.driver
    one = driver.current_window_handle
    driver.switch_to.new_window("tab")
    go(watched, loop.watcher.address)
    at = paused(watched)
    driver.switch_to.window(one)
    watched.wait(f"{STATE} === 'paused' && {SHOWN} === {at}")
    press(watched, "step")
    watched.wait(f"{SHOWN} === {at + 1}")


def test_the_keyboard_alone_holds_the_loop(watched: Any) -> None:
    find = watched.driver.find_element
    find("id", "pause").send_keys("\ue007")
    watched.wait(f"{STATE} === 'paused'")
    time.sleep(0.3)
    at = watched.js(SHOWN)
    find("id", "step").send_keys(" ")
    watched.wait(f"{SHOWN} === {at + 1}")
    watched.driver.find_elements("css selector", ".weight-image")[0].send_keys("\ue014")  # right
    assert watched.js("document.activeElement.getAttribute('aria-label')") == "Unit 1"
    find("id", "pause").send_keys(" ")
    watched.wait(f"{STATE} === 'running'")


def test_nobody_is_left_out(watched: Any, loop: Loop, here: Path) -> None:
    watched.wait("document.getElementById('at-accuracy').innerText.includes('%')")
    paused(watched)
    for width, scheme in LOOKS:
        go(watched, loop.watcher.address, width, prefers_color_scheme=scheme)
        assert watched.js("document.documentElement.scrollWidth") <= width, (width, scheme)
        assert serious(watched, here) == [], (width, scheme)


PROGRAM = """
import time, numpy as np, byhand
w = np.zeros((4, 4))
watcher = byhand.watch({"w": w}, title=TITLE, port=PORT, open_browser=False)
for k in range(STEPS):
    w += 1e-3
    watcher(1 / (k + 1))
    time.sleep(0.005)
"""


def program(title: str, port: int, steps: int) -> tuple[subprocess.Popen[str], str]:
    code = PROGRAM.replace("TITLE", repr(title)).replace("PORT", str(port)).replace("STEPS", str(steps))
    process = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, process.stdout.readline().split()[-1]


def test_a_program_that_ends_or_is_killed_leaves_what_it_came_to_and_the_next_run_is_found(tab: Any) -> None:
    process, address = program("the first", 0, 400)
    try:
        go(tab, address)
        tab.wait(f"{STATE} === 'ended'")
        tab.wait("document.getElementById('status').innerText.startsWith('The loop is over')")
        assert tab.js(SHOWN) == 400
        process.communicate(timeout=60)
        process, _ = program("the second", urlsplit(address).port or 0, 10**6)
        tab.wait("document.getElementById('title').innerText === 'the second'")
        tab.wait(f"{STATE} === 'running' && {SHOWN} > 10")  # with the title, the page forgot the steps of the first
        os.kill(process.pid, signal.SIGKILL)
        tab.wait("document.getElementById('status').innerText.startsWith('The program does not answer')")
        assert tab.js("document.getElementById('pause').disabled")
        assert tab.js(SHOWN) > 10
    finally:
        process.kill()
        process.communicate()
