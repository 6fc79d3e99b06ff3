"""Sizes, themes, motion, and what an automatic audit finds for those who cannot see or point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

WIDTHS = [360, 412, 768, 1024, 1280, 1920]
LOOKS = [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")]
PAPER = "getComputedStyle(document.body).backgroundColor"


def busy(page: Any, seven: Any) -> None:
    """Every part of the page in use: a drawing, a neuron that is looked at, a lesson."""
    page.draw(seven)
    page.settle()
    page.driver.execute_script("document.querySelectorAll('#choices input')[1].click(); document.getElementById('teach').click()")
    page.wait("document.querySelector('#others .counts')")


def test_an_audit_finds_nothing_serious(page: Any, seven: Any, here: Path) -> None:
    busy(page, seven)
    for width, scheme in LOOKS:
        page.look(width, prefers_color_scheme=scheme)
        assert serious(page, here) == [], (width, scheme)


def serious(page: Any, here: Path) -> list[Any]:
    """What axe-core finds that would keep people out."""
    page.driver.execute_script((here / "vendor" / "axe.min.js").read_text())
    found = page.run(
        "return (await axe.run()).violations.map(({ id, impact, help, nodes }) => [id, impact, help, nodes[0].html])"
    )
    return [fault for fault in found if fault[1] in {"serious", "critical"}]


def test_nothing_hangs_over_the_edge(page: Any, seven: Any) -> None:
    busy(page, seven)
    for width in WIDTHS:
        page.look(width)
        assert page.js("document.documentElement.scrollWidth") <= width, width
        for name in ("drawing-area", "outputs", "diagram", "neuron", "lesson", "compare", "equations"):
            box = page.js("document.getElementById(arguments[0]).getBoundingClientRect().toJSON()", name)
            assert box["left"] >= 0 and box["right"] <= width and box["width"] > 100, (width, name)


def test_a_phone_draws_on_its_whole_width(page: Any, seven: Any) -> None:
    page.open(width=360)
    assert page.corner()[2] > 300
    page.draw(seven)
    assert page.digit() == "7"


def test_the_systems_theme_is_followed_and_the_button_overrides_it(page: Any) -> None:
    page.open(prefers_color_scheme="dark")
    dark = page.js(PAPER)
    page.open(prefers_color_scheme="light")
    light = page.js(PAPER)
    assert dark != light
    page.click("theme")
    assert page.js(PAPER) == dark
    assert page.js("document.getElementById('theme').ariaPressed") == "true"
    page.open(prefers_color_scheme="light")
    assert page.js(PAPER) == dark  # remembered
    page.click("theme")
    assert page.js(PAPER) == light


def test_nothing_moves_for_those_who_asked_for_it(page: Any) -> None:
    moving = "[...document.querySelectorAll('*')].filter((e) => parseFloat(getComputedStyle(e).transitionDuration) > 0).length"
    assert page.js(moving) > 0
    page.open(prefers_reduced_motion="reduce")
    assert page.js(moving) == 0


def test_the_layers_take_one_tab_each(page: Any) -> None:
    assert page.js("[...document.querySelectorAll('.cells')].map((c) => c.querySelectorAll('[tabindex=\"0\"]').length)") == [
        1,
        1,
        1,
    ]
