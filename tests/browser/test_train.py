"""The Train page in Chromium: a training that one watches, steers, leaves and comes back to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .test_looks import LOOKS, serious

pytestmark = pytest.mark.browser

PLANE = "moons,circles,spiral,xor,under-a-function"  # data of two numbers

PLAY = "import sys; from byhand.cli import main; sys.argv = ['byhand', 'play', '--no-browser', *sys.argv[1:]]; main()"
SHOWN = "Number(document.documentElement.dataset.shown)"
STATE = "document.documentElement.dataset.state"
ENTER = "\ue007"


def go(page: Any, width: int = 1280, address: str = "", **media: str) -> None:
    page.driver.get("about:blank")
    page.look(width, **media)
    page.driver.get(f"{address or page.address}train.html")
    page.wait("document.documentElement.dataset.ready === 'yes' && !document.getElementById('start').disabled")


def settle(page: Any) -> None:
    """No training of an earlier test is left."""
    if page.js("!document.getElementById('stop').disabled"):
        press(page, "stop")
        page.wait(f"{STATE} === 'stopped'")


def fill(page: Any, **settings: Any) -> None:
    code = "const e = document.getElementById(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('change'))"
    for name, value in settings.items():
        page.driver.execute_script(code, name, value)


def press(page: Any, name: str) -> None:
    """A click that waits for no smooth scrolling."""
    page.driver.execute_script("document.getElementById(arguments[0]).click()", name)


def start(page: Any, **settings: Any) -> None:
    fill(page, **{"recipe": "moons", "epochs": 10_000} | settings)
    press(page, "start")
    page.wait(f"{STATE} === 'running'", 60)


def paused(page: Any) -> int:
    """Press Pause, and say at which step that was."""
    press(page, "pause")
    page.wait(f"{STATE} === 'paused'")
    page.settle()
    return int(page.js(SHOWN))


@pytest.fixture
def train(tab: Any) -> Iterator[Any]:
    """The Train page, open, without a training."""
    go(tab)
    settle(tab)
    yield tab
    tab.close_others()
    settle(tab)


def test_moons_are_trained_paused_stepped_and_gone_on_with(train: Any) -> None:
    start(train)
    train.wait(f"{SHOWN} > 500")
    at = paused(train)
    for more in (1, 2):
        train.click("step")
        train.wait(f"{SHOWN} === {at + more}")
    assert f"Paused at step {at + 2:,}" in train.text("status")
    train.click("epoch")
    train.wait(f"{SHOWN} % 32 === 0 && {SHOWN} > {at + 2}")
    train.click("pause")
    train.wait(f"{STATE} === 'running' && {SHOWN} > {at + 200}")
    assert float(train.text("at-accuracy").removesuffix(" %")) > 90
    assert train.text("at-step").endswith(" of 320,000")
    assert train.complaints() == []


def test_what_moves_is_drawn_and_stands_beside_it_in_numbers(train: Any) -> None:
    start(train)
    train.wait(f"{SHOWN} > 500")
    paused(train)
    inked = """
      const canvas = document.getElementById(args[0]);
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const colours = new Set();
      for (let i = 0; i < data.length; i += 4) colours.add((data[i] >> 5) * 64 + (data[i + 1] >> 5) * 8 + (data[i + 2] >> 5));
      return colours.size;
    """
    for name in ("cost-curve", "accuracy-curve", "plane", "weight"):
        assert train.run(inked, name) >= 3, name
    rows = train.js("[...document.querySelectorAll('#layers tbody tr')].map((row) => row.innerText)")
    assert [row.split("\n")[0] for row in rows] == ["Layer 2", "Layer 3", "Layer 4"]
    assert all("mean" in row and re.search(r"\d\.\de-\d", row) for row in rows)
    train.driver.execute_script("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    train.wait("document.querySelectorAll('#cost-table tr').length > 5")
    assert (
        train.js("[...document.querySelectorAll('#confusion tbody td')].reduce((n, cell) => n + Number(cell.textContent), 0)")
        == 1000
    )
    train.driver.execute_script("document.getElementById('theme').click()")
    train.settle()
    assert train.run(inked, "cost-curve") >= 3


def test_the_learning_rate_changes_while_it_runs(train: Any) -> None:
    start(train)
    fill(train, lr="0,0025")
    train.wait("document.getElementById('at-rate').innerText === '0.0025'")
    fill(train, lr="many")
    train.wait("!document.getElementById('problem').hidden")
    assert train.text("problem").startswith("Learning rate must be a number")
    assert train.text("problem").endswith("got 'many'.")
    assert train.js(STATE) == "running"


def test_slow_motion_takes_its_time(train: Any) -> None:
    train.click("slow")
    fill(train, pace=5)
    start(train)
    train.wait(f"{SHOWN} >= 3")
    assert train.js(SHOWN) < 60
    assert "slow motion" in train.text("status")
    train.click("slow")
    train.wait(f"{SHOWN} > 300")


def test_a_reload_in_mid_training_shows_it_from_its_beginning(train: Any) -> None:
    start(train, seed=7)
    train.wait(f"{SHOWN} > 600")
    train.driver.refresh()
    train.wait(f"{STATE} === 'running' && {SHOWN} > 700")
    assert train.js("document.getElementById('seed').value") == "7"
    train.driver.execute_script("document.getElementById('cost-table').closest('details').open = true")
    train.wait("document.querySelectorAll('#cost-table tr').length > 3")
    first = train.js("Number(document.querySelector('#cost-table tr:last-child td').textContent)")
    assert first < 5_000


def test_two_tabs_see_and_steer_the_same_training(train: Any) -> None:
    driver = train.driver
    one = driver.current_window_handle
    start(train)
    driver.switch_to.new_window("tab")
    go(train)
    train.wait(f"{STATE} === 'running' && {SHOWN} > 100")
    at = paused(train)
    driver.switch_to.window(one)
    train.wait(f"{STATE} === 'paused' && {SHOWN} === {at}")
    train.click("step")
    train.wait(f"{SHOWN} === {at + 1}")


@pytest.mark.parametrize("recipe", ["moons", "moons-diffusion"])
def test_look_inside_opens_the_microscope_at_the_step_that_comes_next(train: Any, recipe: str) -> None:
    driver = train.driver
    one = driver.current_window_handle
    fill(train, recipe=recipe)
    train.click("step")
    train.wait(f"{STATE} === 'paused' && {SHOWN} === 1")
    train.click("look")
    driver.switch_to.window(opened(train, one))
    train.wait("document.documentElement.dataset.ready === 'yes'")
    text = train.js("document.body.innerText")
    assert "Step 1, as it will be taken: epoch 1, batch 2 of 32" in text
    assert "Adam" in text
    train.driver.get(train.js("document.getElementById('print').href"))
    train.wait("document.readyState === 'complete' && document.querySelector('.columns')")
    assert "Step 1, as it will be taken: epoch 1, batch 2 of 32." in train.js("document.body.innerText")
    assert train.js("getComputedStyle(document.querySelector('.columns')).display") == "grid"  # its style passed its policy
    assert [line for line in train.complaints() if "favicon" not in line] == []


def opened(page: Any, one: str) -> str:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(page.driver, 60).until(lambda driver: len(driver.window_handles) > 1)
    return next(handle for handle in page.driver.window_handles if handle != one)


def test_a_pixel_of_a_weight_image_opens_that_weight_with_the_samples_that_push_it(train: Any) -> None:
    driver = train.driver
    one = driver.current_window_handle
    fill(train, recipe="mnist-nielsen-30")
    train.click("step")
    train.wait(f"{STATE} === 'paused' && {SHOWN} === 1", 60)
    driver.execute_script("document.querySelectorAll('.weight-image')[5].click()")
    driver.execute_script("document.getElementById('weight').scrollIntoView({ block: 'center', behavior: 'instant' })")
    box = train.js("document.getElementById('weight').getBoundingClientRect().toJSON()")
    x, y = box["left"] + box["width"] * (8.5 / 28), box["top"] + box["height"] * (14.5 / 28)
    for kind in ("mousePressed", "mouseReleased"):
        train.cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    assert train.text("weight-value").startswith("Weight 2:5,400 ")
    driver.switch_to.window(opened(train, one))
    train.wait("document.documentElement.dataset.ready === 'yes' && document.documentElement.dataset.at === 'number'")
    assert "weight=2%3A5%2C400" in train.js("location.search")
    assert train.js("document.querySelector('#crumbs [aria-current]').innerText") == "w2.gradient [5, 400]"
    assert train.js("!document.getElementById('pushed').hidden")


def test_a_vae_opens_in_the_microscope_too_and_a_pixel_of_its_first_weights_at_that_weight(train: Any) -> None:
    driver = train.driver
    one = driver.current_window_handle
    fill(train, recipe="mnist-vae")
    train.click("step")
    train.wait(f"{STATE} === 'paused' && {SHOWN} === 1", 90)
    driver.execute_script("document.querySelectorAll('.weight-image')[5].click()")
    weight = driver.find_element("id", "weight")
    driver.execute_script("arguments[0].focus()", weight)
    weight.send_keys(ENTER)
    pixel = re.search(r"from pixel (\d+) to unit 5", train.text("weight-value"))
    assert pixel
    driver.switch_to.window(opened(train, one))
    train.wait("document.documentElement.dataset.ready === 'yes' && document.documentElement.dataset.at === 'number'", 60)
    assert train.js("document.querySelector('#crumbs [aria-current]').innerText") == f"encoder.0.weight.gradient [5, {pixel[1]}]"
    assert "Step 1, as it will be taken" in train.text("moment")
    train.driver.get(train.js("document.getElementById('print').href"))
    train.wait("document.readyState === 'complete' && document.querySelector('.columns')", 60)
    assert "Code: through the draw" in train.js("document.body.innerText")


def test_the_keyboard_alone_trains_and_looks_inside(train: Any) -> None:
    driver = train.driver
    one = driver.current_window_handle
    fill(train, recipe="moons")
    driver.find_element("id", "step").send_keys(ENTER)
    train.wait(f"{STATE} === 'paused' && {SHOWN} === 1")
    assert train.js("document.activeElement.id") == "step"  # though it was switched off meanwhile
    driver.find_element("id", "step").send_keys(" ")
    train.wait(f"{SHOWN} === 2")
    tiles = driver.find_elements("css selector", ".weight-image")
    assert [tile.get_attribute("tabindex") for tile in tiles[:3]] == ["0", "-1", "-1"]
    tiles[0].send_keys("\ue014")  # right
    assert train.js("document.activeElement.getAttribute('aria-label')") == "Unit 1"
    driver.switch_to.active_element.send_keys(ENTER)
    weight = driver.find_element("id", "weight")
    weight.send_keys("\ue012")  # left
    assert train.text("weight-value").startswith("Weight 2:1,0 ")
    weight.send_keys(ENTER)
    driver.switch_to.window(opened(train, one))
    train.wait("document.readyState === 'complete' && document.querySelector('h1')")
    assert "weight=2%3A1%2C0" in train.js("location.search")


@pytest.mark.parametrize("recipe", ["moons-diffusion", "moons-gan", "mnist-diffusion", "mnist-vae"])
def test_networks_that_draw_or_go_through_a_code_show_what_they_make(train: Any, recipe: str) -> None:
    fill(train, recipe=recipe)
    train.click("step")
    train.wait(f"{STATE} === 'paused' && {SHOWN} === 1", 90)
    shown = train.js("[...document.querySelectorAll('main h2')].filter((e) => e.checkVisibility()).map((e) => e.innerText)")
    assert ("What it draws" in shown) == recipe.endswith("diffusion") and ("The game" in shown) == (recipe == "moons-gan")
    assert ("Through the code and back" in shown) == (recipe == "mnist-vae")
    assert "Accuracy" not in shown and "Confusion matrix" not in shown
    assert train.js("document.getElementById('validation-name').innerText") == "Cost on validation data"
    if recipe == "mnist-diffusion":
        assert train.js("[...document.querySelectorAll('#drawn li')].map((e) => e.innerText).join('')") == "0123456789"
    elif recipe.startswith("moons"):
        assert train.js("document.getElementById('plane').getAttribute('aria-label')").startswith(
            "300 points that the network draws"
        )
    else:
        assert train.js("document.querySelectorAll('#misread canvas').length") == 24
    assert train.js("document.getElementById('cost').value") == ""  # its cost is its own
    assert train.complaints() == []


def test_ones_own_table_is_trained_on_and_a_malformed_one_told_in_one_line(train: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("day,b,c\n2024-01-31,2,x\n2024-02-01,3,y\n2024-03-31,2,x\n2024-04-01,3,y\n")
    train.driver.find_element("id", "own-file").send_keys(str(bad))
    train.wait("!document.getElementById('problem').hidden")
    assert "bad.csv: 'day' holds dates, such as '2024-01-31'" in train.text("problem")
    good = tmp_path / "good.csv"
    good.write_text("\n".join(f"{k % 7},{k % 5},{'even' if k % 2 == 0 else 'odd'}" for k in range(100)))
    train.driver.find_element("id", "own-file").send_keys(str(good))
    train.wait(
        "document.getElementById('status').innerText.startsWith('good.csv')"
    )  # data of an earlier test may be chosen already
    assert "good.csv: 100 samples of 2 numbers, 2 classes" in train.text("status")
    assert train.js("document.getElementById('data').value") == "own"
    start(train, recipe="iris", data="own")
    train.wait(f"{SHOWN} > 20")
    assert train.js("document.getElementById('data').selectedOptions[0].textContent") == "good.csv"


def test_a_wrong_setting_is_told_in_one_line(train: Any) -> None:
    fill(train, recipe="moons", hidden="16, many")
    train.click("start")
    train.wait("document.getElementById('problem').innerText.includes(\"got 'many'\")")
    assert train.text("problem").startswith("Hidden layers: each must be a whole number")
    fill(train, hidden="16, 0")
    train.click("start")
    train.wait("document.getElementById('problem').innerText.includes('each must be 1 or more')")


def test_nobody_is_left_out(train: Any, here: Path) -> None:
    start(train)
    train.wait(f"{SHOWN} > 200")
    paused(train)
    for width, scheme in LOOKS:
        go(train, width, prefers_color_scheme=scheme)
        train.wait(f"{SHOWN} > 200")
        assert train.js("document.documentElement.scrollWidth") <= width, (width, scheme)
        assert serious(train, here) == [], (width, scheme)


def serving(port: str = "0") -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", PLAY, "--port", port], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, next(word for word in process.stdout.readline().split() if word.startswith("http"))


def test_the_printed_address_lets_the_browser_in_and_the_token_leaves_it(tab: Any) -> None:
    process, address = serving()
    bare = address.partition("?")[0]
    try:
        tab.driver.get(bare + "train.html")
        assert "This page needs its token" in tab.js("document.body.innerText")
        tab.driver.get(address)
        tab.wait("document.documentElement.dataset.ready === 'yes'")
        assert tab.driver.current_url == bare
        assert tab.js("document.cookie") == ""  # no script sees it
        go(tab, address=bare)
        start(tab)
        tab.wait(f"{SHOWN} > 10", 20)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)


def test_only_data_are_offered_that_the_recipe_can_be_trained_on(train: Any) -> None:
    for recipe, wanted in {"mnist-cnn": "mnist", "moons-diffusion": PLANE, "iris": f"mnist,{PLANE},iris"}.items():
        train.driver.execute_script("const r = document.getElementById('recipe'); r.value = arguments[0]; r.onchange()", recipe)
        offered = train.js("[...document.getElementById('data').options].map(({ value }) => value).join()")
        assert offered.replace(",emnist", "").replace(",own", "") == wanted  # own: of an earlier test
        assert train.js("document.getElementById('data').value") in wanted.split(",")


def test_a_server_that_is_killed_and_started_again_is_found_again(tab: Any) -> None:
    process, address = serving()
    try:
        tab.driver.get(address)  # gives the cookie, which counts in the next run too
        address = tab.driver.current_url
        go(tab, address=address)
        start(tab)
        tab.wait(f"{SHOWN} > 100")
        process.kill()
        process.communicate()
        tab.wait("document.getElementById('status').innerText.includes('does not answer')")
        assert tab.js("document.getElementById('start').disabled")
        process, _ = serving(address.rstrip("/").rpartition(":")[2])
        tab.wait("!document.getElementById('start').disabled")
        assert "the training is gone" in tab.text("problem")
        assert tab.js("document.getElementById('recipe').value") == "moons"
        start(tab)
        tab.wait(f"{SHOWN} > 100")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_the_death_of_the_training_is_told_in_one_line(train: Any) -> None:
    start(train)
    train.wait(f"{SHOWN} > 50")
    mine = [int(one) for task in Path("/proc/self/task").iterdir() for one in (task / "children").read_text().split()]
    for pid in mine:  # also those of other tests' servers, which begin another one when they are asked
        if b"byhand.web.train_process" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    train.wait(f"{STATE} === 'gone'")
    assert "killed by signal 9" in train.text("problem")
    start(train)
    train.wait(f"{SHOWN} > 50")
