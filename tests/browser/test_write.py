"""The Write page: its network and its typesetting are Python's; writing, drawing a letter anew, the gif, the link, the server."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from byhand.models.samplers import ddim, spaced_timesteps
from byhand.shipped import open_model, shipped
from byhand.web.handwriting import LATENT, tables
from byhand.web.site import write_site
from byhand.writing.layout import typeset, wrapped
from byhand.writing.letters import letters, open_hand

from .test_looks import serious

pytestmark = pytest.mark.browser


def go(page: Any, link: str = "", width: int = 1280) -> None:
    page.size(width, 1000)
    page.driver.get("about:blank")
    page.driver.get(page.address + "write.html" + link)
    page.wait("document.documentElement.dataset.ready === 'yes'")


def written(page: Any, count: int = 1) -> None:
    page.wait(f"Number(document.documentElement.dataset.written) >= {count}", 60)


def sheet(page: Any) -> Any:
    code = """
      const canvas = document.getElementById("page");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return [canvas.width, [...data].filter((value, i) => i % 4 === 0)];
    """
    width, levels = page.run(code)
    return np.array(levels).reshape(-1, width)


def test_the_network_and_its_steps_are_pythons(page: Any, packed: Any) -> None:
    network, steps = open_model(LATENT).drawer, spaced_timesteps(50, 10)
    x = np.random.default_rng(0).standard_normal((3, 16)).astype(np.float32)
    labels = np.array([3, 40, 61])
    code = """
      const { ddimStep, readDenoiser, spacedTimesteps, unscaled } = await import("/denoiser.js");
      const net = readDenoiser(Uint8Array.from(atob(args[0]), (letter) => letter.charCodeAt(0)).buffer);
      const numbers = floats(args[1]);
      const rows = [0, 1, 2].map((i) => Float64Array.from(numbers.slice(16 * i, 16 * i + 16)));
      const answers = rows.map((x, i) => [...net.prediction(x, 37, args[2][i])]);
      const timesteps = [...spacedTimesteps(50, 10), 0];
      const ends = rows.map((x, i) => {
        for (let k = 0; k < 10; k += 1) x = ddimStep(net, x, timesteps[k], timesteps[k + 1], args[2][i], 2).x;
        return [...unscaled(net, x)];
      });
      return [answers, ends, timesteps];
    """
    weights = base64.b64encode(shipped()[LATENT].read_bytes()).decode()
    answers, ends, timesteps = page.run(code, weights, packed(x), labels.tolist())
    np.testing.assert_allclose(answers, network.prediction(x, 37, labels), atol=1e-4)
    *_, last = ddim(network.diffusion, lambda x, t: network.prediction(x, t, labels, 2.0), lambda: x, steps)
    np.testing.assert_allclose(ends, network.unscaled(last.x), atol=1e-3)
    assert timesteps == [*steps, 0]


@pytest.mark.parametrize(("name", "steps"), [("linear", 1000), ("cosine", 1000), ("short", 50)])
def test_the_noise_schedules_are_pythons(page: Any, name: str, steps: int) -> None:
    from byhand.models.noise_schedules import by_name

    code = 'const { scheduled } = await import("/denoiser.js"); return scheduled(...args);'
    found = page.run(code, name, steps)
    signal, noise = found["signal"], found["noise"]
    schedule = by_name(name, steps=steps)
    np.testing.assert_allclose(signal, schedule.signal, atol=1e-9)
    np.testing.assert_allclose(noise, schedule.noise, atol=1e-6)


def test_the_typesetting_is_pythons(page: Any) -> None:
    text = "Typography, is it? AV-2"
    lines = wrapped(text, 12)
    characters = [character for line in lines for character in line if character != " "]
    inks = [letter.ink for letter in letters(open_hand("latent"), characters, best_of=1, steps=10)]
    code = """
      const { typeset, wrapped } = await import("/layout.js");
      return [wrapped(args[0], 12), typeset(wrapped(args[0], 12), args[1].map((ink) => Float32Array.from(ink)), args[2])];
    """
    found, laid = page.run(code, text, [ink.reshape(-1).tolist() for ink in inks], json.loads(json.dumps(tables())))
    wanted = typeset(lines, inks)
    assert found == lines
    assert (laid["width"], laid["height"]) == pytest.approx((wanted.width, wanted.height), abs=1e-5)
    for one, other in zip(laid["placed"], wanted.placed, strict=True):
        assert [one["index"], one["left"], one["top"], one["pixel"]] == pytest.approx(
            [other.index, other.left, other.top, other.pixel], abs=1e-5
        )


def test_a_sentence_is_written_and_a_letter_drawn_anew(tab: Any) -> None:
    go(tab, "#text=Hi,+you&seed=5&model=latent")
    written(tab)
    before = sheet(tab)
    assert (before > 150).mean() > 0.01
    buttons = tab.driver.find_elements("css selector", "#letters button")
    assert str(buttons[0].get_attribute("aria-label")).startswith("Letter 1, H")
    assert len(buttons) == 6
    buttons[3].send_keys("\ue007")  # Enter
    written(tab, 2)
    after = sheet(tab)
    assert "attempts=0.0.0.1.0.0" in tab.js("location.hash")
    assert "drawn again" in tab.js("document.getElementById('status').textContent")
    link = tab.js("location.hash")
    go(tab, link)
    written(tab)
    assert np.array_equal(sheet(tab), after)
    assert before.shape != after.shape or not np.array_equal(before, after)


def test_the_gif_is_the_films(tab: Any, tmp_path: Path) -> None:
    go(tab, "#text=Hey&seed=1&model=latent")
    written(tab)
    tab.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    tab.driver.find_element("id", "save").click()
    end = time.monotonic() + 60
    while not list(tmp_path.glob("*.gif")) and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.2)
    with Image.open(tmp_path / "Hey.gif") as opened:
        frames = [(frame.convert("L"), frame.info["duration"]) for frame in ImageSequence.Iterator(opened)]
    assert len(frames) == 18 + 4
    assert frames[-1][1] == 2_800
    first, last = (np.asarray(frame) for frame in (frames[0][0], frames[-1][0]))
    assert (last > 150).sum() > (first > 150).sum()


def test_what_cannot_be_written_is_said_in_one_line(tab: Any) -> None:
    go(tab, "#text=5+%E2%82%AC&model=latent")
    tab.wait("!document.getElementById('problem').hidden")
    told = tab.js("document.getElementById('problem').textContent")
    assert "“€” (nearest: E)" in told
    tab.driver.execute_script("document.getElementById('text').value = 'Caf\\u00e9'; document.getElementById('write').click()")
    written(tab)
    assert "é as e" in tab.js("document.getElementById('status').textContent")
    assert tab.js("document.getElementById('problem').hidden")


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_nobody_is_left_out(tab: Any, here: Path, width: int, scheme: str) -> None:
    tab.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    go(tab, "#text=What+a+lovely+day&model=latent", width)
    written(tab)
    assert tab.js("document.documentElement.scrollWidth") <= width
    assert serious(tab, here) == []


def test_the_page_tells_the_step_and_pressing_again_ends_the_writing_before(tab: Any) -> None:
    go(tab, "#text=Hello&model=pixels")
    tab.wait("/^Drawing, step \\d+ of 50\\.$/.test(document.getElementById('status').innerText)", 60)
    tab.driver.execute_script("document.getElementById('text').value = 'a'; document.getElementById('write').click()")
    tab.wait("document.getElementById('status').innerText.startsWith('Written: 1 letters')", 60)
    assert tab.js("document.getElementById('problem').hidden")


def test_the_single_file_works_alone(driver: Any, tab: Any, tmp_path: Path) -> None:
    write_site(tmp_path, [], single_file=True)
    driver.get((tmp_path / "write.html").as_uri())
    tab.wait("document.documentElement.dataset.written === '1'", 60)
    assert tab.js("document.querySelector('.views') === null")
    assert (sheet(tab) > 150).any()


def test_diffusion_in_the_plane_goes_there_and_back(tab: Any) -> None:
    go(tab, "#text=a&model=latent")
    tab.wait("document.getElementById('plane').dataset.ready === 'yes'", 60)

    def at(place: int) -> tuple[str, Any]:
        tab.driver.execute_script(
            "const e = document.getElementById('along'); e.value = arguments[0]; e.dispatchEvent(new Event('input'))", place
        )
        code = """
          const canvas = document.getElementById("plane");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const seen = []; // where the points of the first class are
          for (let i = 0; i < data.length; i += 4) if (data[i + 2] > 200) seen.push([(i / 4) % canvas.width / canvas.width, 0]);
          return [document.getElementById("told").textContent, seen.map(([x]) => x)];
        """
        told, seen = tab.run(code)
        return told, np.array(seen)

    (begin, first), (middle, noise), (end, last) = at(0), at(40), at(80)
    assert "t = 0, 100 %" in begin and begin.startswith("forward")
    assert "t = 1000, 0 %" in middle
    assert end.startswith("reverse") and "t = 0, 100 %" in end
    for seen in (first, last):  # the upper moon lies left of the middle
        assert 0.25 < seen.mean() < 0.48 and seen.std() < 0.15
    assert noise.std() > first.std()
    tab.driver.find_element("id", "play").send_keys("\ue007")  # Enter
    tab.wait("Number(document.getElementById('along').value) > 3")
