"""The page of a recorded training, from file://: its slider moves everything, it plays, and keeps out nobody."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand.data.dataset import Splits
from byhand.see.replay_frames import frames_of
from byhand.training.recipes import RECIPES
from byhand.training.replay import RunReplay, open_recording
from byhand.training.run import run
from byhand.web.replay_page import write_replay_page

from .conftest import Page
from .test_looks import LOOKS, PAPER, serious

pytestmark = pytest.mark.browser

PICTURES = (
    "[...document.querySelectorAll('canvas')].filter((c) => c.offsetParent !== null).map((c) => [c.id, c.toDataURL()])"
    ".concat([['confusion', document.getElementById('confusion').innerText]])"
)


def few(splits: Splits) -> Splits:
    """Enough to learn something from in a second."""
    return dataclasses.replace(
        splits,
        train=splits.train.take(np.arange(3_000)),
        validation=None,
        test=splits.test.take(np.arange(300)),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replay")


@pytest.fixture(scope="module")
def digits(folder: Path) -> RunReplay:
    """Nielsen's network, recorded while it learned a few digits; and its page beside it."""
    recipe = dataclasses.replace(RECIPES["mnist-nielsen-30"], epochs=3)
    splits = few(byhand.data.load("mnist"))
    run(recipe, folder / "digits", splits=splits, record=True)
    replay = RunReplay(folder / "digits", recipe, splits)
    write_replay_page(replay, folder / "digits.html")
    return replay


@pytest.fixture
def shown(driver: Any, digits: RunReplay, folder: Path) -> Iterator[Page]:
    page = Page(driver, (folder / "digits.html").as_uri())
    opened(page)
    yield page
    driver.execute_script("try { localStorage.clear() } catch {}")


def opened(page: Page, width: int = 1200, **media: str) -> None:
    page.look(width, **media)
    page.driver.get(page.address)
    page.wait("document.documentElement.dataset.ready === 'yes'")
    page.settle()


def moved(page: Page, frame: int) -> None:
    page.driver.execute_script(
        "const s = document.getElementById('moment'); s.value = arguments[0]; s.dispatchEvent(new Event('input'))", frame
    )
    page.settle()


def test_the_slider_moves_every_picture(shown: Page, digits: RunReplay) -> None:
    before = dict(shown.js(PICTURES))
    still = {name for name in before if not name}  # the samples have no name, and do not change
    assert {"cost", "accuracy", "weights", "confusion"} <= set(before)
    assert "Before the first step" in shown.text("said")
    moved(shown, len(frames_of(digits).steps) - 1)
    after = dict(shown.js(PICTURES))
    assert [name for name in before if name not in still and before[name] == after[name]] == []
    assert "After all 900 steps, epoch 3." in shown.text("said")


def test_what_it_says_is_what_the_run_had(shown: Page, digits: RunReplay) -> None:
    found = frames_of(digits)
    for frame in (0, 5, len(found.steps) - 1):
        moved(shown, frame)
        assert f"{100 * found.figures['accuracy'][frame]:.1f} % of 300 unseen samples are right" in shown.text("said")
        classes = shown.js("[...document.querySelectorAll('#read figcaption')].map((c) => Number(c.textContent))")
        assert classes == found.arrays["read"][frame].tolist()
        wrong = shown.js("[...document.querySelectorAll('#read canvas')].map((c) => c.classList.contains('wrong'))")
        assert wrong == [a != b for a, b in zip(classes, found.facts["labels"], strict=True)]
        network = digits.at(found.steps[frame]).model
        samples = digits.splits.test
        assert found.figures["accuracy"][frame] == pytest.approx(network.evaluate(samples.flat, samples.targets())[1], rel=1e-4)


def test_the_weights_are_those_of_the_network_in_blue_and_orange(shown: Page, digits: RunReplay) -> None:
    found = frames_of(digits)
    moved(shown, len(found.steps) - 1)
    w = digits.at(900).model.weights[0].reshape(30, 28, 28)
    pixels = np.array(
        shown.js(
            "(() => { const c = document.getElementById('weights');"
            "return [...c.getContext('2d').getImageData(1, 1, 28, 28).data]; })()"
        )
    ).reshape(28, 28, 4)
    blue = pixels[..., 2].astype(int) - pixels[..., 0]
    strong = np.abs(w[0]) > 0.2 * found.facts["largest"]
    assert strong.sum() > 20
    assert (np.sign(blue[strong]) == np.sign(w[0][strong])).all()


def test_the_keyboard_moves_the_slider(shown: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    slider = shown.driver.find_element("id", "moment")
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert shown.js("Number(document.getElementById('moment').value)") == 2
    first = shown.js("document.getElementById('moment').getAttribute('aria-valuetext')")
    slider.send_keys(Keys.END)
    assert shown.js("document.getElementById('moment').getAttribute('aria-valuetext')") != first
    assert "After all 900 steps" in shown.text("said")


def test_it_plays_to_the_end_pauses_and_begins_anew(shown: Page) -> None:
    shown.click("play")
    assert shown.text("play") == "Pause"
    shown.wait("Number(document.getElementById('moment').value) >= 3")
    shown.click("play")
    at = shown.js("document.getElementById('moment').value")
    assert shown.text("play") == "Play"
    shown.run("await new Promise((done) => setTimeout(done, 300))")
    assert shown.js("document.getElementById('moment').value") == at
    moved(shown, int(shown.js("document.getElementById('moment').max")) - 1)
    shown.click("play")
    shown.wait("document.getElementById('play').textContent === 'Play'")
    assert "After all" in shown.text("said")
    shown.click("play")
    shown.wait("Number(document.getElementById('moment').value) < 5")


def test_a_click_on_the_curve_goes_there(shown: Page) -> None:
    from selenium.webdriver import ActionChains

    canvas = shown.driver.find_element("id", "cost")
    ActionChains(shown.driver).move_to_element_with_offset(canvas, 200, 0).click().perform()
    assert int(shown.js("document.getElementById('moment').value")) > 10


def test_a_branch_is_drawn_beside_the_run_and_told_in_numbers(driver: Any, digits: RunReplay, folder: Path) -> None:
    branch = digits.branch(100, lr=0.3, steps=400)
    write_replay_page(digits, folder / "branch.html", branch=branch)
    page = Page(driver, (folder / "branch.html").as_uri())
    opened(page)
    said = page.text("branch-said")
    assert "left before step 100 with the learning rate 0.3, for 400 steps" in said
    ends = [float(np.mean(costs[-40:])) for costs in (branch.costs, branch.recorded)]
    told = [
        float(number) for number in re.findall(r"costs? (\d+\.\d+)|in the run (\d+\.\d+)", said) for number in number if number
    ]
    assert told == pytest.approx(ends, rel=5e-3)
    with_branch = page.js("document.getElementById('cost').toDataURL()")
    plain = Page(driver, (folder / "digits.html").as_uri())
    opened(plain)
    assert plain.js("document.getElementById('branch').hidden")
    assert plain.js("document.getElementById('cost').toDataURL()") != with_branch


def test_an_audit_finds_nothing_serious_and_nothing_hangs_over_the_edge(shown: Page, here: Path) -> None:
    moved(shown, 8)
    for width, scheme in LOOKS:
        shown.look(width, prefers_color_scheme=scheme)
        assert serious(shown, here) == [], (width, scheme)
        assert shown.js("document.documentElement.scrollWidth") <= width, (width, scheme)
        assert shown.js("[...document.querySelectorAll('canvas')].every((c) => !c.offsetParent || c.clientWidth > 30)")


def test_the_theme_is_the_systems_until_the_button_says_otherwise(shown: Page) -> None:
    opened(shown, prefers_color_scheme="dark")
    dark, drawn = shown.js(PAPER), shown.js("document.getElementById('cost').toDataURL()")
    shown.click("theme")
    shown.settle()
    assert shown.js(PAPER) != dark
    assert shown.js("document.getElementById('cost').toDataURL()") != drawn


def test_the_page_asks_for_nothing_and_the_console_is_silent(shown: Page) -> None:
    shown.driver.get_log("browser")
    opened(shown)
    moved(shown, 7)
    assert shown.complaints() == []
    assert shown.js("performance.getEntriesByType('resource').map((e) => e.name)") == []


@pytest.mark.parametrize(
    ("name", "cards"),
    [
        ("moons", {"curves", "surface-card", "confusion-card", "histograms-card"}),
        ("iris", {"curves", "confusion-card", "histograms-card"}),
        ("moons-diffusion", {"curves", "histograms-card"}),
    ],
)
def test_every_kind_of_network_has_a_page_with_what_there_is_to_see(
    name: str, cards: set[str], driver: Any, tmp_path: Path
) -> None:
    run(dataclasses.replace(RECIPES[name], epochs=3), tmp_path / name, record=True)
    write_replay_page(open_recording(tmp_path / name), tmp_path / "page.html")
    seen_and_silent(driver, tmp_path / "page.html", cards)


@pytest.mark.parametrize(
    ("name", "cards"),
    [
        ("mnist-vae", {"curves", "weights-card", "made-card", "histograms-card"}),
        ("mnist-cnn", {"curves", "weights-card", "read-card", "confusion-card", "histograms-card"}),
        ("mnist-conv-vae", {"curves", "weights-card", "made-card", "histograms-card"}),
    ],
)
def test_so_have_networks_of_images(name: str, cards: set[str], driver: Any, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPES[name], epochs=1)
    whole = byhand.data.load("mnist")
    splits = dataclasses.replace(few(whole), train=whole.train.take(np.arange(600)))
    run(recipe, tmp_path / name, splits=splits, record=True)
    replay = RunReplay(tmp_path / name, recipe, splits)
    write_replay_page(replay, tmp_path / "page.html", fine=True)
    assert replay.differs is None
    seen_and_silent(driver, tmp_path / "page.html", cards)


def seen_and_silent(driver: Any, path: Path, cards: set[str]) -> None:
    page = Page(driver, path.as_uri())
    page.driver.get_log("browser")
    opened(page)
    moved(page, int(page.js("document.getElementById('moment').max")))
    assert set(page.js("[...document.querySelectorAll('section:not([hidden])')].map((s) => s.id)")) == cards
    assert page.complaints() == []
    assert path.stat().st_size < 3_000_000


def test_a_page_whose_film_is_damaged_says_so(driver: Any, digits: RunReplay, folder: Path, tmp_path: Path) -> None:
    text = (folder / "digits.html").read_text(encoding="utf-8")
    (tmp_path / "page.html").write_text(text.replace('"shapes": {"confusion": [', '"shapes": {"confusion": [1'), encoding="utf-8")
    page = Page(driver, (tmp_path / "page.html").as_uri())
    page.driver.get(page.address)
    page.wait("!document.getElementById('problem').hidden")
    assert "This page cannot show the training: The confusion in this page are damaged" in page.text("problem")
    page.driver.get_log("browser")
