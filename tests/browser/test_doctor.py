"""The doctor's panel of the Train page in Chromium: a clean bill, a finding, its fix in the form, cancelled, found again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .test_looks import LOOKS, serious
from .test_train import SHOWN, STATE, fill, go, press, settle, start

pytestmark = pytest.mark.browser

EXAMINED = "document.getElementById('doctor').dataset.state"


@pytest.fixture
def train(tab: Any) -> Iterator[Any]:
    """The Train page, open, with nothing under way."""
    go(tab)
    settle(tab)
    yield tab
    if tab.js("!document.getElementById('cancel').hidden"):
        press(tab, "cancel")
        tab.wait(f"{EXAMINED} === 'none'")
    settle(tab)


def examine(page: Any, seconds: float = 90, **settings: Any) -> None:
    fill(page, **settings)
    press(page, "examine")
    examined(page, seconds)


def examined(page: Any, seconds: float = 90) -> None:
    """Wait for the end of the examination that was just begun; the report of one before it may still be shown."""
    page.wait(f"{EXAMINED} === 'examining'")
    page.wait(f"{EXAMINED} === 'done'", seconds)
    page.settle()


def test_a_healthy_training_gets_a_clean_bill_with_what_was_looked_at(train: Any) -> None:
    examine(train, recipe="iris")
    assert train.text("examining").startswith("Healthy: nothing was found, and this was looked at (iris, sgd, learning rate 1")
    assert train.js("document.querySelectorAll('.findings li').length") == 0
    looked = train.js("[...document.querySelectorAll('.checks div')].map((row) => row.innerText)")
    assert any(row.startswith("gradient") and "central differences" in row for row in looked)
    assert train.complaints() == []


def test_a_finding_says_what_where_how_sure_and_its_fix_goes_into_the_form(train: Any) -> None:
    examine(train, recipe="iris", lr=1000, seed=1, batch_size=9)
    first = "document.querySelector('.findings > li')"
    text = train.js(f"{first}.innerText")
    assert text.startswith("The learning rate is too high")
    for part in (
        "Where\nlearning rate",
        "How sure\n",
        "Evidence\nas it is: ",
        "Change\nlearning rate ",
        "Then\ntrain both to the end with three seeds: the changed one reads more held-out samples right",
    ):
        assert part in text, part
    inked = f"""
      const canvas = {first}.querySelector("canvas");
      const {{ data }} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value) => value > 0);
    """
    assert train.run(inked)
    fill(train, recipe="moons", batch_size=64)  # meanwhile the form holds something else
    train.driver.execute_script(f"{first}.querySelector('button').click()")
    rate = float(train.js("document.getElementById('lr').value"))
    assert rate < 1000
    assert train.js("document.getElementById('recipe').value") == "iris"
    assert train.js("document.getElementById('batch_size').value") == "9"
    assert f"The form has learning rate {rate:g} now" in train.text("examining")


def test_an_examination_shows_its_probes_is_cancelled_and_disturbs_no_training(train: Any) -> None:
    start(train)
    train.wait(f"{SHOWN} > 100")
    fill(train, recipe="mnist-nielsen-30", lr=300, epochs=5)
    press(train, "examine")
    train.wait(f"{EXAMINED} === 'examining' && document.querySelectorAll('#probes li').length > 2", 60)
    assert train.js("document.getElementById('examine').disabled")
    assert train.text("probes").split("\n")[0].startswith("the data: ranges, labels")
    at = train.js(SHOWN)
    train.wait(f"{STATE} === 'running' && {SHOWN} > {at + 50}")
    press(train, "cancel")
    train.wait(f"{EXAMINED} === 'none'")
    assert train.text("examining") == "Cancelled."
    assert train.text("probes") == ""
    assert not train.js("document.getElementById('examine').disabled")
    assert train.js(STATE) == "running"


def test_a_reload_finds_the_report_again(train: Any) -> None:
    examine(train, recipe="iris")
    train.driver.refresh()
    train.wait(f"{EXAMINED} === 'done'")
    train.wait("document.getElementById('examining').innerText.startsWith('Healthy')")


def test_what_cannot_be_examined_is_told_in_one_line(train: Any) -> None:
    fill(train, recipe="moons", lr="many")
    press(train, "examine")
    train.wait("!document.getElementById('problem').hidden")
    assert train.text("problem").startswith("Learning rate must be a number")
    assert train.text("problem").endswith("got 'many'.")


def test_the_keyboard_alone_examines_and_reads_what_was_measured(train: Any) -> None:
    fill(train, recipe="iris")
    train.driver.find_element("id", "examine").send_keys("\ue007")
    examined(train)
    summary = train.driver.find_element("css selector", "#diagnosis summary")
    summary.send_keys("\ue007")
    assert not train.js("document.querySelector('#diagnosis details').open")


def test_a_report_that_comes_again_disturbs_nobody_who_reads_it(train: Any) -> None:
    """As after the connection was lost for a moment."""
    code = """
      const { DoctorPanel } = await import("/doctor_panel.js");
      const panel = new DoctorPanel(document.getElementById("doctor"), { apply: () => {}, nameOf: (field) => field });
      const report = { findings: [], checks: [{ name: "gradient", measured: "right" }], seconds: 1, name: "iris" };
      const known = { state: "done", report, settings: { optimizer: "sgd", lr: 1, batch_size: 10, epochs: 5 } };
      panel.show(known);
      const summary = document.querySelector("#diagnosis summary");
      summary.focus();
      summary.parentElement.open = false;
      panel.show(structuredClone(known));
      return [document.activeElement === summary, summary.isConnected, summary.parentElement.open];
    """
    assert train.run(code) == [True, True, False]


def test_who_cancels_by_keyboard_goes_on_at_the_button_that_examines(train: Any) -> None:
    fill(train, recipe="mnist-nielsen-30", lr=300, epochs=5)
    train.driver.find_element("id", "examine").send_keys("\ue007")
    train.wait(f"{EXAMINED} === 'examining'")
    train.driver.find_element("id", "cancel").send_keys("\ue007")
    train.wait(f"{EXAMINED} === 'none'")
    train.wait("document.activeElement.id === 'examine'")


def test_the_curves_of_a_running_training_speak_for_themselves(train: Any) -> None:
    """Thirty samples and a large network: it learns them by heart, and the panel says so while it trains."""
    table = "\n".join(
        f"{(k * 37 % 101) / 50},{(k * 53 % 97) / 50},{(k * 71 % 89) / 50},{'ab'[k * 29 % 23 % 2]}" for k in range(60)
    )
    path = Path(train.driver.capabilities["chrome"]["userDataDir"]) / "noise.csv"
    path.write_text(table)
    train.driver.find_element("id", "own-file").send_keys(str(path))
    train.wait("document.getElementById('status').innerText.startsWith('noise.csv')")
    start(train, recipe="moons", data="own", hidden="200, 200", epochs=4000, lr=0.003, batch_size=8)
    train.wait("!document.getElementById('signs').hidden", 60)
    assert "The network learns its training data by heart" in train.text("signs")
    assert "validation cost was" in train.text("signs")


def test_nobody_is_left_out(train: Any, here: Path) -> None:
    examine(train, recipe="iris", lr=1000)
    for width, scheme in LOOKS:
        go(train, width, prefers_color_scheme=scheme)
        train.wait("document.querySelectorAll('.findings > li').length >= 1")
        train.driver.execute_script("document.querySelector('#diagnosis details').open = true")
        assert train.js("document.documentElement.scrollWidth") <= width, (width, scheme)
        assert serious(train, here) == [], (width, scheme)
