"""The microscope in Chromium: walked, drilled down into and back, by pointer, by keys, on a phone, for four kinds of network."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn

from byhand import data
from byhand.training.recipes import RECIPES, Recipe
from byhand.training.run import run
from byhand.web.connection_limits import configuration
from byhand.web.server import application, listen
from byhand.web.site import page_files

from .conftest import Page
from .test_looks import serious

pytestmark = pytest.mark.browser

KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "ArrowDown": 40, "ArrowUp": 38, "Escape": 27, "Enter": 13, "Tab": 9}
QUIET = "document.documentElement.dataset.ready === 'yes' && document.documentElement.dataset.busy === 'no'"
LEVEL = "document.documentElement.dataset.at"


class Scope:
    """The microscope's page, and what its reader does."""

    def __init__(self, page: Page) -> None:
        self.page, self.js, self.text = page, page.js, page.text

    def open(self, where: str = "", width: int = 1280, scheme: str = "light", query: str = "") -> None:
        self.page.size(width, 1000)
        self.page.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.page.driver.get("about:blank")
        self.page.driver.get(f"{self.page.address}microscope.html{query}{where}")
        self.page.wait(QUIET, 90)
        self.page.driver.get_log("browser")

    def settled(self, level: str = "") -> None:
        self.page.wait(f"{QUIET} && {LEVEL} === '{level}'" if level else QUIET)

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.page.cdp("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key], **text)

    def crumbs(self) -> list[str]:
        return self.js("[...document.querySelectorAll('#crumbs a')].map((a) => a.textContent)")

    def click_number(self, row: float, column: float) -> None:
        """Click into the map, at this share of its height and width."""
        self.page.driver.execute_script("document.getElementById('map').scrollIntoView({ block: 'center', behavior: 'instant' })")
        box = self.js("document.getElementById('map').getBoundingClientRect().toJSON()")
        x, y = box["left"] + column * box["width"], box["top"] + row * box["height"]
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.page.cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def push(self, name: str) -> None:
        """A click that waits for no smooth scrolling."""
        self.page.driver.execute_script("document.getElementById(arguments[0]).click()", name)

    def card(self, name: str) -> None:
        """Click the first operation, or layer, of this name."""
        find = "[...document.querySelectorAll('.one')].find((a) => a.querySelector('b').textContent === arguments[0])"
        self.page.driver.execute_script(f"{find}.click()", name)

    def follow(self, number: int) -> None:
        """Click a factor of the terms."""
        self.page.driver.execute_script("document.querySelectorAll('#terms button.factor')[arguments[0]].click()", number)

    def values(self) -> list[float]:
        text = self.js("[...document.querySelectorAll('#terms td.amount')].map((cell) => cell.textContent)")
        return [float(one.replace("−", "-")) for one in text]


def serving(driver: Any, what: str, step: int) -> Iterator[Scope]:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        app = application(page_files([], served=True), what=what, step=step)
        server = uvicorn.Server(configuration(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield Scope(Page(driver, f"http://127.0.0.1:{port}/"))
        server.should_exit = server.force_exit = True
        thread.join(10)
        app.state.close()


@pytest.fixture(scope="module")
def mlp(driver: Any) -> Iterator[Scope]:
    yield from serving(driver, "mnist-nielsen-30", 60)


def few_digits(folder: Path, n: int) -> str:
    """The first digits of MNIST as data of one's own: a step of few samples is taken sooner."""
    train = data.load("mnist").train.take(np.arange(n))
    np.savez(folder / "digits.npz", x=train.inputs, y=train.labels)
    return str(folder / "digits.npz")


@pytest.fixture(scope="module")
def cnn(driver: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scope]:
    """The network of mnist-cnn on a few digits, as a run's folder keeps it."""
    folder = tmp_path_factory.mktemp("cnn")
    own = {"data": few_digits(folder, 32), "data_options": {}, "augment": None, "epochs": 1, "batch_size": 16}
    run(RECIPES["mnist-cnn"].changed(**own), folder / "run", record=True)
    yield from serving(driver, str(folder / "run"), 1)


@pytest.fixture(scope="module")
def vae(driver: Any) -> Iterator[Scope]:
    yield from serving(driver, "mnist-vae", 20)


@pytest.fixture(scope="module")
def unet(driver: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scope]:
    """A small U-Net on a few digits of one's own, as a run's folder keeps it."""
    folder = tmp_path_factory.mktemp("unet")
    recipe = {
        "name": "small", "data": few_digits(folder, 80), "model": "diffusion", "initialiser": "he", "optimizer": "adamw",
        "model_options": {"channels": [8, 16], "embedding": 16, "heads": 2}, "lr": 0.002, "epochs": 3, "batch_size": 20,
    }  # fmt: skip
    run(Recipe(str(recipe.pop("name"))).changed(**recipe), folder / "run", record=True)
    yield from serving(driver, str(folder / "run"), 5)


# ---------------------------------------------------------------- walking, drilling down, and back


def test_the_arrow_keys_walk_through_the_step_in_its_order(mlp: Scope) -> None:
    mlp.open()
    titles = []
    for _ in range(15):
        mlp.press("ArrowRight")
        mlp.settled("operation")
        if mlp.text("bench-title") in titles:
            break
        titles.append(mlp.text("bench-title"))
    assert titles[:5] == [
        "Layer 2: weighted input",
        "Layer 2: activation (sigmoid)",
        "Layer 3: weighted input",
        "Layer 3: activation (sigmoid)",
        "The cost (quadratic)",
    ]
    assert titles[5].startswith("BP1") and titles[-1] == "Update of b3" and len(titles) == 15
    assert mlp.js("document.getElementById('next').disabled")
    mlp.press("ArrowLeft")
    mlp.settled("operation")
    assert mlp.text("bench-title") == "Update of w3"
    for level in ("layer", "network"):
        mlp.press("Escape")
        mlp.settled(level)
    assert mlp.page.complaints() == []


def test_equation_numbers_and_source_stand_side_by_side(mlp: Scope) -> None:
    mlp.open("#k=0")
    tops, lefts = zip(
        *(
            mlp.js("(({ top, left }) => [top, left])(document.getElementById(arguments[0]).getBoundingClientRect())", name)
            for name in ("equation-column", "numbers-column", "source-column")
        ),
        strict=True,
    )
    assert len(set(tops)) == 1 and sorted(set(lefts)) == list(lefts)
    assert mlp.js("document.querySelectorAll('#equations math').length") == 2
    assert "np.matmul(a, w.T, out=out)" in mlp.text("source")
    assert "read as" in mlp.text("sample")


def test_a_number_is_clicked_and_drilled_down_two_levels_and_one_comes_back(mlp: Scope) -> None:
    mlp.open("#k=2")
    mlp.click_number(0.5, 0.35)  # z3 of ten units in a row: unit 3
    mlp.settled("number")
    assert mlp.crumbs()[-1] == "z3 [0, 3]"
    first = mlp.text("number-title")
    values = mlp.values()
    total = float(re.search(r"= (−?[\d.e−]+) was computed", first.replace("\n", " "))[1].replace("−", "-"))  # type: ignore[index]
    assert sum(values) == pytest.approx(total, abs=1e-4)
    assert [abs(value) for value in values[:-1]] == sorted((abs(value) for value in values[:-1]), reverse=True)
    named = mlp.js("[...document.querySelectorAll('#terms button.factor')].map((b) => b.title)")
    at = next(k for k, name in enumerate(named) if name.startswith("a2 "))
    mlp.follow(at)
    mlp.page.wait(f"{QUIET} && document.querySelector('#crumbs [aria-current]').textContent.startsWith('a2 ')")
    mlp.follow(0)
    mlp.page.wait(f"{QUIET} && document.querySelector('#crumbs [aria-current]').textContent.startsWith('z2 ')")
    assert mlp.crumbs()[:3] == ["Network", "Layer 2", "Layer 2: weighted input"]
    assert len(mlp.values()) == 13
    for name in ("a2 ", "z3 [0, 3]"):
        mlp.push("back")
        mlp.page.wait(f"{QUIET} && document.querySelector('#crumbs [aria-current]').textContent.startsWith('{name}')")
    assert mlp.text("number-title") == first
    mlp.page.driver.refresh()
    mlp.page.wait(f"{QUIET} && {LEVEL} === 'number'")
    assert mlp.text("number-title") == first
    assert mlp.page.complaints() == []


def test_another_sample_and_the_mean_of_the_batch_can_be_chosen(mlp: Scope) -> None:
    from selenium.webdriver.support.ui import Select

    mlp.open("#k=0")
    before = mlp.text("value")
    choice = Select(mlp.page.driver.find_element("css selector", "#choosers select"))
    assert len(choice.options) == 11
    choice.select_by_value("7")
    mlp.page.wait(f"{QUIET} && location.hash.includes('sample=7')")
    mlp.page.wait("document.getElementById('value').textContent.includes('[7, 0]')")
    assert mlp.text("value") != before
    Select(mlp.page.driver.find_element("css selector", "#choosers select")).select_by_value("mean")
    mlp.page.wait("document.getElementById('value').textContent.includes('[mean, 0]')")
    mlp.click_number(0.1, 0.1)
    mlp.settled("number")
    assert "mean over the batch" in mlp.text("number-note").lower()
    assert len(mlp.values()) == 10


def test_a_weight_shows_who_pushed_it_in_this_batch_and_over_the_last_epoch(mlp: Scope) -> None:
    mlp.open("#array=w2.gradient&k=0&at=5,406")
    mlp.page.wait("document.querySelectorAll('.pusher').length > 0")
    assert mlp.crumbs()[-1] == "w2.gradient [5, 406]"  # the address named another operation: the array's own is shown
    inked = "[...document.querySelectorAll('.pusher canvas')].filter((c) => c.width === 28).length"
    few = mlp.js(inked)
    assert 1 <= few <= 10
    mlp.push("last-epoch")
    mlp.page.wait("document.getElementById('pushed-said').textContent.startsWith('Steps 0 to 59, taken again')", 60)
    assert few < mlp.js(inked) <= 16
    assert mlp.js("document.getElementById('last-epoch').getAttribute('aria-pressed')") == "true"


# ---------------------------------------------------------------- keys, phones, themes


def test_the_keyboard_alone_reaches_a_number_and_follows_it(mlp: Scope) -> None:
    mlp.open("#k=2")
    for _ in range(60):
        mlp.press("Tab")
        if mlp.js("document.activeElement.id") == "map":
            break
    assert mlp.js("document.activeElement.id") == "map"
    mlp.press("ArrowRight")
    mlp.press("ArrowRight")
    assert "[0, 2]" in mlp.text("value") and mlp.text("bench-title") == "Layer 3: weighted input"
    mlp.press("Enter")
    mlp.settled("number")
    mlp.page.wait("document.activeElement.id === 'number'")
    mlp.press("Tab")
    for _ in range(4):
        if mlp.js("document.activeElement.classList.contains('factor')"):
            break
        mlp.press("Tab")
    assert mlp.js("document.activeElement.title").endswith("see how it was computed")
    before = mlp.crumbs()[-1]
    mlp.press("Enter")
    mlp.page.wait(f"{QUIET} && document.querySelector('#crumbs [aria-current]').textContent !== '{before}'")
    mlp.press("Escape")
    mlp.settled("operation")


def test_the_keyboards_focus_stays_in_its_place_while_the_page_is_drawn_anew(mlp: Scope) -> None:
    def focus(selector: str, number: int = 0) -> None:
        mlp.page.driver.execute_script("document.querySelectorAll(arguments[0])[arguments[1]].focus()", selector, number)

    mlp.open("#k=2")
    focus(".array", 2)
    mlp.press("Enter")
    mlp.page.wait(f"{QUIET} && document.querySelectorAll('.array')[2].getAttribute('aria-pressed') === 'true'")
    assert mlp.js("document.activeElement === document.querySelectorAll('.array')[2]")
    focus("#choosers select")
    mlp.page.driver.execute_script(
        "const select = document.activeElement; select.value = '7'; select.dispatchEvent(new Event('change'))"
    )
    mlp.page.wait(
        f"{QUIET} && location.hash.includes('sample=7') && document.getElementById('value').textContent.includes('[7, 0]')"
    )
    assert mlp.js("[document.activeElement.tagName, document.activeElement.value]") == ["SELECT", "7"]
    focus("#crumbs a", 1)
    mlp.press("Enter")
    mlp.settled("layer")
    assert mlp.js("document.activeElement.textContent") == "Layer 3"
    focus(".one")
    mlp.press("Enter")
    mlp.settled("operation")
    assert mlp.js("document.activeElement.id") == "bench-title"


@pytest.mark.parametrize("where", ["", "#k=0&array=z2&at=0,5", "#k=9&array=w2.gradient&at=5,406"])
@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_it_fits_phones_and_an_audit_finds_nothing_serious(mlp: Scope, here: Path, where: str, width: int, scheme: str) -> None:
    mlp.open(where, width, scheme)
    mlp.page.settle()
    assert mlp.js("document.documentElement.scrollWidth") <= width
    assert serious(mlp.page, here) == []


def test_an_address_that_names_nothing_is_answered_in_one_line(mlp: Scope) -> None:
    mlp.open("#k=0&array=nothing&at=0,0")
    assert mlp.text("problem") == "This step has no array nothing: choose one of those that are shown."
    mlp.open("#k=0&array=z2&at=0,99")
    assert "z2 has no number" in mlp.text("problem").replace("Z2", "z2")
    mlp.push("next")
    mlp.settled("operation")
    assert mlp.js("document.getElementById('problem').hidden")


# ---------------------------------------------------------------- other networks


def test_a_convolution_is_opened_at_one_pixel(cnn: Scope, here: Path) -> None:
    cnn.open("#k=2&array=2")
    cnn.click_number(0.5, 0.5)
    cnn.settled("number")
    assert cnn.crumbs()[:3] == ["Network", "2", "2: conv2d"]
    assert "144 terms" in cnn.text("number-sum") or re.search(r"\d+ terms, largest first", cnn.text("number-sum"))
    named = cnn.js("[...document.querySelectorAll('#terms button.factor')].map((b) => b.title)")
    assert {name.split()[0] for name in named} == {"2.weight", "1"}
    cnn.follow(named.index(next(name for name in named if name.startswith("1 "))))
    cnn.page.wait(f"{QUIET} && document.querySelector('#crumbs [aria-current]').textContent.startsWith('1 [')")
    assert "The mean and the variance are of channel" in cnn.text("number-note")
    assert serious(cnn.page, here) == []
    cnn.open("#k=40&array=2.weight.after&at=1,1,3,5", 360, "dark")
    cnn.page.wait("document.querySelectorAll('.pusher').length > 0")
    assert cnn.js("document.documentElement.scrollWidth") <= 360
    assert serious(cnn.page, here) == []


def test_a_unet_is_drilled_down_from_its_layers_to_a_number(unet: Scope, here: Path) -> None:
    unet.open()
    cards = unet.js("[...document.querySelectorAll('.one b')].map((b) => b.textContent)")
    assert {"stem", "down.0", "middle", "look", "up.0", "out"} <= set(cards)
    unet.card("down.0")
    unet.settled("layer")
    unet.card("conv1")
    unet.settled("operation")
    unet.click_number(0.4, 0.4)
    unet.settled("number")
    assert unet.crumbs()[:2] == ["Network", "down.0"]
    assert "They add up to" in unet.text("number-sum")
    unet.open("#k=0&array=look.attention/attention.delta&at=0,1,20,3")
    assert unet.text("number-note").startswith("Handed back by look.attention/transpose")
    unet.open("#k=0&array=stem.weight.gradient&at=1,1,0,2")
    unet.page.wait("document.querySelectorAll('.pusher').length > 0")
    unet.push("last-epoch")
    unet.page.wait("document.getElementById('pushed-said').textContent.startsWith('Steps 0 to 3, taken again')", 60)
    assert serious(unet.page, here) == []
    assert unet.page.complaints() == []


def test_a_vae_is_drilled_down_from_the_image_that_came_back_through_its_code_to_a_pixel_and_one_comes_back(
    vae: Scope, here: Path
) -> None:
    def at(name: str) -> None:
        vae.page.wait(f"{QUIET} && document.querySelector('#crumbs [aria-current]').textContent.startsWith('{name} [')")

    vae.open()
    cards = vae.js("[...document.querySelectorAll('.one b')].map((b) => b.textContent)")
    assert {"encoder.0.z", "mu", "z", "decoder.2.a", "L rec", "L reg", "C", "encoder.0.weight.gradient"} <= set(cards)
    vae.card("decoder.2.a")
    vae.settled("operation")
    vae.click_number(0.5, 0.5)
    vae.settled("number")
    assert "28 rows and 28 columns" in vae.js("document.getElementById('map').getAttribute('aria-label')")
    way = []
    for name in (
        "decoder.2.z",
        "decoder.1.a",
        "decoder.1.z",
        "decoder.0.a",
        "decoder.0.z",
        "z",
        "mu",
        "encoder.2.z",
        "encoder.1.a",
    ):
        titles = vae.js("[...document.querySelectorAll('#terms button.factor')].map((b) => b.title)")
        way.append(vae.crumbs()[-1])
        vae.follow(next(k for k, title in enumerate(titles) if title.startswith(f"{name} [")))
        at(name)
    for there in reversed(way):
        vae.push("back")
        vae.page.wait(f"{QUIET} && document.querySelector('#crumbs [aria-current]').textContent === '{there}'")
    vae.open("#k=0&array=z&at=3,2", 360, "dark")
    assert len(vae.values()) == 2 and sum(vae.values()) == pytest.approx(
        float(re.search(r"= (−?[\d.e−]+) was", vae.text("number-title").replace("\n", " "))[1].replace("−", "-")),
        abs=1e-4,  # type: ignore[index]
    )
    assert vae.js("document.documentElement.scrollWidth") <= 360
    assert serious(vae.page, here) == []
    vae.open("#k=0&array=encoder.0.weight.gradient&at=5,406")
    vae.page.wait("document.querySelectorAll('.pusher').length > 0")
    vae.push("last-epoch")
    vae.page.wait("document.getElementById('pushed-said').textContent.startsWith('Steps 0 to 19, taken again')", 60)
    vae.open(query="?at=3,406")
    assert vae.crumbs()[-1] == "z [0, 3]"
    assert serious(vae.page, here) == []
    assert vae.page.complaints() == []
