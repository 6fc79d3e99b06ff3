"""Teaching in the page: one real step, undone, saved; what it does to other digits; other models."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.test_cli import succeeded

from byhand.feedforward import FeedForward
from byhand.modelfile import Model, load_model, save_model
from byhand.shipped import shipped
from byhand.web.site import models_that_fit

pytestmark = pytest.mark.browser

OUTPUTS = "[...document.querySelectorAll('#outputs .value')].map((cell) => Number(cell.textContent))"


def set_to(page: Any, name: str, value: object) -> None:
    page.driver.execute_script(
        "const e = document.getElementById(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('input'));"
        "e.dispatchEvent(new Event('change'))",
        name,
        value,
    )


def taught(page: Any, label: int, rate: float = -2, steps: int = 1) -> None:
    page.driver.execute_script("document.querySelectorAll('#choices input')[arguments[0]].click()", label)
    set_to(page, "rate", rate)
    set_to(page, "steps", steps)
    page.driver.execute_script("document.getElementById('teach').click()")
    page.wait("!document.getElementById('outcome').hidden")
    page.settle()


def test_a_lesson_needs_a_drawing_and_an_answer(page: Any, seven: Any) -> None:
    assert page.text("lesson-note") == "Draw something first."
    page.draw(seven)
    page.settle()
    assert page.text("lesson-note") == "Choose what it should have been."
    assert page.js("document.getElementById('teach').disabled")


def test_lessons_change_the_answer_and_undo_brings_it_back(page: Any, seven: Any) -> None:
    page.draw(seven)
    assert page.digit() == "7"
    before = page.js(OUTPUTS)
    taught(page, 1, steps=3)
    costs = page.js("[...document.querySelectorAll('#compare .cost')].map((cost) => cost.textContent)")
    assert len(costs) == 2 and costs[0] != costs[1]
    assert page.digit() == "1"
    assert "Cost" in page.text("status")
    page.driver.execute_script("document.getElementById('unteach').click()")
    assert page.digit() == "7"
    assert page.js(OUTPUTS) == before
    assert page.js("document.getElementById('outcome').hidden && document.getElementById('unteach').disabled")
    assert page.complaints() == []


def test_all_four_equations_show_their_numbers(page: Any, seven: Any) -> None:
    page.draw(seven)
    taught(page, 1)
    tags = page.js("[...document.querySelectorAll('#equations .tag')].map((tag) => tag.textContent)")
    assert tags == ["BP1", "BP2", "BP3", "BP4"]
    assert page.js("[...document.querySelectorAll('#equations .card')].every((card) => card.querySelector('math'))")
    rows = page.js(
        "[...document.querySelectorAll('#equations .terms tbody tr')].map((row) => [...row.cells].map((c) => c.textContent))"
    )
    assert {name for name, *_ in rows} >= {"1", "7"}
    for _, a, y, delta in rows[:2]:
        assert float(delta.replace("−", "-")) == pytest.approx(float(a) - float(y), abs=2e-3)  # cross-entropy: delta = a - y


def test_the_page_counts_what_else_a_lesson_changed(page: Any, seven: Any) -> None:
    page.draw(seven)
    taught(page, 1, rate=-1.5, steps=3)
    page.wait("document.querySelector('#others .counts')")
    before, after = page.js("[...document.querySelectorAll('#others .counts b')].map((count) => Number(count.textContent))")
    digits = json.dumps({"sample": "/sample.bin", "model": "/mnist.safetensors"})
    expected = page.run(f"""
      const names = {digits};
      const bytes = async (name) => (await fetch(name)).arrayBuffer();
      const {{ readSample }} = await import("/sample.js");
      const {{ readModel }} = await import("/safetensors.js");
      const {{ makeNetwork, predict }} = await import("/network.js");
      const sample = readSample(await bytes(names.sample));
      const answers = predict(makeNetwork(readModel(await bytes(names.model))), sample.inputs);
      return answers.filter((answer, i) => answer === sample.labels[i]).length;
    """)
    assert before == expected > 490
    assert after < before
    assert f"{before} of 500 test digits right before, {after} after" in page.text("status")
    assert page.js("document.querySelectorAll('#others .gallery li').length") > 0


def test_a_step_that_explodes_is_refused_and_taken_back(page: Any, seven: Any) -> None:
    page.draw(seven)
    page.settle()
    before = page.js(OUTPUTS)
    page.driver.execute_script("document.getElementById('rate').max = 60")
    page.driver.execute_script("document.querySelectorAll('#choices input')[1].click()")
    set_to(page, "rate", 50)
    set_to(page, "steps", 10)
    page.driver.execute_script("document.getElementById('teach').click()")
    page.wait("document.getElementById('problem').textContent.includes('smaller learning rate')")
    page.settle()
    assert page.js(OUTPUTS) == before


def test_a_taught_network_is_saved_and_measured_by_byhand_eval(page: Any, seven: Any, tmp_path: Path) -> None:
    page.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.draw(seven)
    taught(page, 1)
    page.driver.execute_script("document.getElementById('save').click()")
    path = tmp_path / "taught.safetensors"
    for _ in range(1200):
        if path.exists():
            break
        time.sleep(0.05)
    saved, original = load_model(path), load_model(shipped()["mnist"])
    assert saved.network.architecture() == original.network.architecture()
    for what in ("class_names", "preprocessing", "recipe"):
        assert getattr(saved, what) == getattr(original, what)
    assert saved.metrics == {}  # nobody has measured it yet
    assert not np.array_equal(saved.network.parameters, original.network.parameters)
    assert 0.5 < succeeded("eval", path, cwd=tmp_path)["accuracy"] <= 1

    page.driver.find_element("id", "model-file").send_keys(str(path))
    page.wait("document.getElementById('model').value === 'file'")
    assert page.digit() == "1"


def test_every_shipped_network_can_be_chosen(page: Any, seven: Any) -> None:
    page.draw(seven)
    page.settle()
    names = page.js("[...document.getElementById('model').options].map((option) => option.textContent)")
    assert len(names) == len(models_that_fit())
    assert names[0].startswith("mnist (")
    for i, name in enumerate(names):
        set_to(page, "model", i)
        if "convolutions" in name:
            page.wait("document.querySelectorAll('.sheet').length === 6")
            assert page.digit() == "7"
            continue
        size = int(name.split("–")[1])
        page.wait(f"document.querySelectorAll('.layer:nth-of-type(2) .unit').length === {size}")
        assert page.digit() == "7"
        kind = page.js("document.querySelectorAll('.layer')[1].className")
        assert ("grid" if size >= 128 else "circles") in kind
    assert page.complaints() == []


def test_the_network_chosen_last_is_the_one_that_is_used_however_late_its_file_comes(page: Any) -> None:
    page.run("""
      const real = window.fetch;
      window.fetch = async (name) => {
        if (name.includes("nielsen-30")) await new Promise((done) => setTimeout(done, 300));
        return real(name);
      };
      const model = document.getElementById("model");
      for (const name of ["mnist-nielsen-30 ", "mnist-nielsen-100 "]) {
        model.value = [...model.options].findIndex((option) => option.textContent.startsWith(name));
        model.dispatchEvent(new Event("change"));
      }
      await new Promise((done) => setTimeout(done, 600));
    """)
    assert page.js("document.querySelectorAll('.layer:nth-of-type(2) .unit').length") == 100
    assert page.js("document.getElementById('model').selectedOptions[0].text").startswith("mnist-nielsen-100 ")


def test_a_network_whose_file_is_missing_is_told_and_the_one_before_stays(page: Any, seven: Any) -> None:
    page.driver.execute_script("window.fetch = async () => new Response('', { status: 404 })")
    set_to(page, "model", 1)
    page.wait("document.getElementById('problem').textContent.includes('is missing beside this page')")
    assert page.js("document.getElementById('model').value") == "0"
    page.draw(seven)
    assert page.digit() == "7"


def test_a_network_with_other_classes_shows_their_names(page: Any, seven: Any, tmp_path: Path) -> None:
    names = ("straight", "curved", "<b>both</b>")
    save_model(tmp_path / "shapes.safetensors", Model(FeedForward((784, 6, 3), seed=1), names))
    page.driver.find_element("id", "model-file").send_keys(str(tmp_path / "shapes.safetensors"))
    page.wait("document.querySelectorAll('#outputs .bar').length === 3")
    page.draw(seven)
    assert page.digit() in names
    taught(page, 2)
    assert page.js("[...document.querySelectorAll('#outputs .name')].map((name) => name.textContent)") == list(names)
    assert page.js("document.getElementById('others').hidden")
    for choice, classes in (("0", 10), ("file", 3)):  # the opened file stays in the list
        set_to(page, "model", choice)
        page.wait(f"document.querySelectorAll('#outputs .bar').length === {classes}")
        assert page.js("document.getElementById('model').value") == choice


def test_a_model_that_reads_no_drawing_is_refused_in_one_line(page: Any, tmp_path: Path) -> None:
    save_model(tmp_path / "iris.safetensors", Model(FeedForward((4, 5, 3)), ("a", "b", "c")))
    page.driver.find_element("id", "model-file").send_keys(str(tmp_path / "iris.safetensors"))
    page.wait("document.getElementById('problem').textContent.includes('reads 4 numbers')")
