"""The Latent page: its networks are Python's; the way by mouse, touch and keys; sliders, own drawings, the map; the saved gif."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from byhand import data
from byhand.draw.latent_walk import way
from byhand.modelfile import load_model
from byhand.shipped import shipped
from byhand.web.site import CODERS, write_site

from .test_looks import serious

pytestmark = pytest.mark.browser

PICTURE = """
  const canvas = document.querySelectorAll(args[0])[args[1]];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [...data].filter((value, i) => i % 4 === 0);
"""


@pytest.fixture
def latent(tab: Any) -> Any:
    """The Walk page, ready and standing still."""
    go(tab)
    return tab


def go(page: Any, motion: str = "reduce") -> None:
    page.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": motion}])
    page.driver.get(page.address + "latent.html")
    page.wait("document.documentElement.dataset.ready === 'yes'")


def drawn(page: Any, which: int = 1, where: str = "#pictures canvas") -> Any:
    return np.array(page.run(PICTURE, where, which))


def along(page: Any) -> float:
    return float(page.js("Number(document.getElementById('along').value)")) / 1000


def set_along(page: Any, share: float) -> None:
    page.driver.execute_script(
        "const e = document.getElementById('along'); e.value = arguments[0]; e.dispatchEvent(new Event('input'))", 1000 * share
    )


@pytest.mark.parametrize("name", CODERS)
def test_codes_and_images_are_pythons(page: Any, packed: Any, name: str) -> None:
    path, x = shipped()[name], data.load("mnist").test.flat[:8]
    coder = load_model(path).autoencoder
    z = np.random.default_rng(0).normal(0, 1.5, (8, coder.latent)).astype(np.float32)
    code = """
      const { readCoder } = await import("/autoencoders.js");
      const coder = readCoder(Uint8Array.from(atob(args[0]), (letter) => letter.charCodeAt(0)).buffer);
      const rows = (numbers, n) => Array.from({ length: 8 }, (_, i) => numbers.slice(i * n, (i + 1) * n));
      const codes = rows(floats(args[1]), 784).map((x) => [...coder.code(x)]);
      return [codes, rows(floats(args[2]), args[3]).map((z) => [...coder.decode(z)])];
    """
    codes, images = page.run(code, base64.b64encode(path.read_bytes()).decode(), packed(x), packed(z), coder.latent)
    np.testing.assert_allclose(codes, coder.code(x), atol=1e-4)
    np.testing.assert_allclose(images, coder.decode(z), atol=1e-4)


@pytest.mark.parametrize("spherical", [False, True])
def test_the_way_is_pythons(page: Any, spherical: bool) -> None:
    a, b, t = np.array([1.0, -2.0, 0.5]), np.array([0.3, 1.0, 2.0]), np.linspace(0, 1, 5)
    code = """
      const { interpolate } = await import("/interpolation.js");
      return args[2].map((t) => interpolate(args[0], args[1], t, args[3]));
    """
    found = page.run(code, a.tolist(), b.tolist(), t.tolist(), spherical)
    np.testing.assert_allclose(found, way(a, b, t, spherical), atol=1e-12)


def test_the_way_by_mouse_touch_and_keys(latent: Any) -> None:
    begin = drawn(latent)
    box = latent.js("document.getElementById('along').getBoundingClientRect().toJSON()")
    y = box["top"] + box["height"] / 2
    left, right = box["left"] + 8, box["right"] - 8
    for kind, x in (("mousePressed", left), ("mouseMoved", (left + right) / 2), ("mouseReleased", (left + right) / 2)):
        latent.cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
    latent.settle()
    assert along(latent) == pytest.approx(0.5, abs=0.06)
    middle = drawn(latent)
    assert np.abs(middle - begin).max() > 80
    latent.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": right, "y": y}])
    latent.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    latent.settle()
    assert along(latent) > 0.9
    latent.driver.execute_script("document.getElementById('along').focus()")
    latent.driver.switch_to.active_element.send_keys("\ue011")  # Home
    latent.settle()
    assert along(latent) == 0
    assert np.array_equal(drawn(latent), begin)
    latent.driver.switch_to.active_element.send_keys("\ue014" * 4)
    assert 0 < along(latent) < 0.1
    assert [said for said in latent.complaints() if "getImageData" not in said] == []  # those were this test's own


def test_both_ends_are_chosen_and_shown(latent: Any) -> None:
    assert [latent.js(f"document.querySelector('#{root} [aria-pressed=true]').textContent") for root in ("from", "to")] == [
        "2",
        "7",
    ]
    first = drawn(latent, 0, "#start")
    latent.driver.execute_script("document.querySelectorAll('#from button')[4].click()")
    latent.settle()
    other = drawn(latent, 0, "#start")
    assert not np.array_equal(first, other)
    latent.driver.execute_script("document.querySelector('#from button[data-name=Another]').click()")
    latent.settle()
    assert not np.array_equal(other, drawn(latent, 0, "#start"))
    for which in (0, 1):  # at its end each network draws something like the image that is there
        picture = drawn(latent, which).reshape(28, 28)
        assert np.corrcoef(picture.ravel(), drawn(latent, 0, "#start"))[0, 1] > 0.7


def test_it_plays_and_pauses(tab: Any) -> None:
    go(tab, motion="no-preference")
    assert tab.text("play") == "Pause"  # it begins by itself where motion is welcome
    seen = set()
    until = time.monotonic() + 60
    while len(seen) < 4 and time.monotonic() < until:
        seen.add(along(tab))
    assert len(seen) >= 4
    tab.driver.execute_script("document.getElementById('play').click()")
    tab.settle()
    at = along(tab)
    time.sleep(0.2)
    assert (along(tab), tab.text("play")) == (at, "Play")
    go(tab)
    assert tab.text("play") == "Play"


def test_a_slider_leaves_the_way_and_a_button_goes_back(latent: Any) -> None:
    set_along(latent, 0.3)
    latent.settle()
    before, other = drawn(latent, 1), drawn(latent, 0)
    assert latent.js("[...document.querySelectorAll('.code')].map((one) => one.querySelectorAll('input').length)") == [16, 8]
    latent.driver.execute_script(
        "const e = document.querySelectorAll('.code')[1].querySelectorAll('input')[2]; e.value = 3.5;"
        "e.dispatchEvent(new Event('input'))"
    )
    latent.settle()
    assert np.abs(drawn(latent, 1) - before).max() > 40
    assert np.array_equal(drawn(latent, 0), other)  # the other network's code is its own
    assert not latent.js("document.getElementById('left-line').hidden")
    latent.driver.execute_script("document.getElementById('back').click()")
    latent.settle()
    assert np.array_equal(drawn(latent, 1), before)


def test_an_own_drawing_is_an_end_of_the_way_and_is_found_on_the_map(latent: Any, seven: Any) -> None:
    latent.driver.execute_script("document.querySelector('#from button[data-name=own]').click()")
    assert latent.text("status").startswith("Draw something first")
    box = latent.js("document.getElementById('pad').getBoundingClientRect().toJSON()")
    latent.driver.execute_script("document.getElementById('pad').scrollIntoView({ block: 'center', behavior: 'instant' })")
    box = latent.js("document.getElementById('pad').getBoundingClientRect().toJSON()")
    points = [(box["left"] + x * box["width"], box["top"] + y * box["width"]) for x, y in seven]
    for i, (x, y) in enumerate(points):
        kind = "mousePressed" if i == 0 else "mouseMoved"
        latent.cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
    latent.cdp("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1)
    latent.driver.execute_script("document.querySelector('#from button[data-name=own]').click()")
    latent.settle()
    assert latent.js("document.querySelector('#from [aria-pressed=true]').dataset.name") == "own"
    start = drawn(latent, 0, "#start")
    assert start.max() > 200
    at = latent.text("code")
    latent.driver.execute_script("document.getElementById('find').click()")
    latent.settle()
    assert latent.text("code") != at
    assert np.corrcoef(drawn(latent, 0, "#there"), start)[0, 1] > 0.4


def test_the_map_is_walked_by_mouse_and_keys(latent: Any) -> None:
    latent.driver.execute_script("document.getElementById('plane').scrollIntoView({ block: 'center', behavior: 'instant' })")
    box = latent.js("document.getElementById('plane').getBoundingClientRect().toJSON()")
    seen = []
    for x, y in ((0.1, 0.1), (0.9, 0.9)):
        place = {"x": box["left"] + x * box["width"], "y": box["top"] + y * box["height"]}
        latent.cdp("Input.dispatchMouseEvent", type="mousePressed", button="left", buttons=1, clickCount=1, **place)
        latent.cdp("Input.dispatchMouseEvent", type="mouseReleased", button="left", clickCount=1, **place)
        latent.settle()
        seen.append(drawn(latent, 0, "#there"))
    assert latent.text("code") == "code (1.92, −1.92)"
    assert np.abs(seen[0] - seen[1]).max() > 100
    latent.driver.execute_script("document.getElementById('plane').focus()")
    latent.driver.switch_to.active_element.send_keys("\ue012")  # arrow to the left
    latent.settle()
    assert latent.text("code") == "code (1.80, −1.92)"


def test_the_gif_that_is_saved_is_the_walk(latent: Any, tmp_path: Path) -> None:
    latent.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    latent.driver.execute_script("document.getElementById('save').click()")
    latent.wait("document.getElementById('status').textContent.startsWith('Saved')", 60)
    path = tmp_path / "walk-2-7.gif"
    until = time.monotonic() + 60
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert path.stat().st_size < 1_500_000
    with Image.open(path) as film:
        assert film.n_frames == 70
        frames, times = [], []
        for i in range(film.n_frames):
            film.seek(i)
            frames.append(np.asarray(film.convert("L")).astype(int))
            times.append(film.info["duration"])
    assert (times[0], times[35], set(times[1:35])) == (900, 900, {50})
    assert np.abs(frames[0] - frames[35]).max() > 150
    assert np.array_equal(frames[3], frames[67])  # there and back
    film_vae = frames[0][28 : 28 + 196, 28 + 196 + 36 : 28 + 2 * 196 + 36]
    page_vae = np.asarray(
        Image.fromarray(drawn(latent, 1).reshape(28, 28).astype(np.uint8)).resize((196, 196), Image.Resampling.BILINEAR)
    )
    assert np.corrcoef(film_vae.ravel(), page_vae.ravel())[0, 1] > 0.98


def test_the_views_lead_to_each_other(latent: Any) -> None:
    latent.driver.execute_script("document.querySelector('.views a:not([aria-current])').click()")
    latent.wait("document.getElementById('verdict') !== null")
    latent.driver.execute_script("document.querySelector('.views a:not([aria-current])').click()")
    latent.wait("document.getElementById('along') !== null")


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_nobody_is_left_out(latent: Any, here: Path, width: int, scheme: str) -> None:
    latent.size(width, 900)
    latent.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    latent.settle()
    assert latent.js("document.documentElement.scrollWidth") <= width
    assert serious(latent, here) == []


def test_the_single_file_works_alone(driver: Any, tab: Any, tmp_path: Path) -> None:
    write_site(tmp_path, [], single_file=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "latent.html", "write.html"]
    assert (tmp_path / "index.html").stat().st_size <= 1_500_000
    driver.get((tmp_path / "latent.html").as_uri())
    tab.wait("document.documentElement.dataset.ready === 'yes'")
    assert tab.js("document.querySelector('.views') === null")
    assert drawn_from_file(driver) > 100


def drawn_from_file(driver: Any) -> int:
    code = """
      const canvas = document.querySelector("#pictures canvas");
      return Math.max(...canvas.getContext("2d").getImageData(0, 0, 28, 28).data.filter((_, i) => i % 4 === 0));
    """
    return int(driver.execute_script(code))
