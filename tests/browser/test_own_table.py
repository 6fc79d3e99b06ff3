"""One's own table on the Train page: what was decided is told, and classes, numbers and labels each get their picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from tests.browser.test_train import SHOWN, STATE, go, paused, press, serious, train  # noqa: F401
from tests.data.test_labels import things
from tests.tables.problems import cars, customers

pytestmark = pytest.mark.browser


def upload(page: Any, path: Path) -> None:
    page.driver.find_element("id", "own-file").send_keys(str(path))
    page.wait("document.getElementById('status').innerText.startsWith(arguments[0])".replace("arguments[0]", repr(path.name)))


def write(path: Path, columns: dict[str, Any], gaps: tuple[str, ...] = ()) -> Path:
    """A table with an id in front, and every ninth value of these columns missing."""
    n = len(next(iter(columns.values())))
    columns = {"customer_id": [f"C{7 * i % n:05d}" for i in range(n)], **columns}
    cells = [[str(value) for value in values] for values in columns.values()]
    for name in gaps:
        at = list(columns).index(name)
        cells[at] = ["" if i % 9 == 4 else cell for i, cell in enumerate(cells[at])]
    rows = [",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in zip(*cells, strict=True)]
    path.write_text("\n".join([",".join(columns), *rows]) + "\n")
    return path


def train_to_the_end(page: Any) -> None:
    press(page, "start")
    page.wait(f"{STATE} === 'finished'", 120)
    page.settle()
    page.wait(f"{SHOWN} > 100")


def pictured(page: Any, name: str) -> None:
    """For whoever wants to look: a picture of the whole page, in the folder that BYHAND_PICTURES names."""
    if folder := os.environ.get("BYHAND_PICTURES"):
        height = page.js("document.documentElement.scrollHeight")
        page.size(1280, int(height))
        page.driver.save_screenshot(str(Path(folder) / f"{name}.png"))
        page.size(1280, 1000)


def headings(page: Any) -> list[str]:
    visible = "[...document.querySelectorAll('main h2')].filter((e) => e.checkVisibility())"
    found: list[str] = page.js(f"{visible}.map((e) => e.innerText)")
    return found


def test_a_table_with_words_an_id_and_gaps_is_told_and_learned(train: Any, tmp_path: Path) -> None:  # noqa: F811
    path = write(tmp_path / "churn.csv", dict(customers(0, 500).columns), ("charge", "region"))
    upload(train, path)
    assert "churn.csv: 500 samples of 8 numbers, 2 classes" in train.text("status")
    told = train.text("told")
    for words in (
        "learning 'Churn' (by its name, the last column), yes or no",
        "(standardised)",
        "'contract' (3)",
        "left out: 'customer_id'",
    ):
        assert words in told, told
    assert "missing values filled with the median" in told and "'charge' in 56 of 500 rows" in told
    assert train.js("document.getElementById('activation').value") == "relu"  # what fits a table stands in the form
    assert train.js("document.getElementById('optimizer').value") == "adamw"
    train_to_the_end(train)
    assert float(train.text("at-accuracy").removesuffix(" %")) > 80
    assert {"Confusion matrix", "Accuracy"} <= set(headings(train)) and "Surest mistakes, of" in " ".join(headings(train))
    assert not {"Predicted and true", "Label by label"} & set(headings(train))
    counts = train.js("[...document.querySelectorAll('#confusion tbody td')].map((e) => Number(e.innerText || 0))")
    assert sum(counts) == 80 and counts[0] + counts[3] > 60  # a fifth of the 400 rows to train on
    assert "learning 'Churn'" in train.text("told")
    # What is misread is shown as it stands in the table, not standardised.
    mistake = train.js("document.querySelector('#misread .figures-of').innerText")
    assert all(word in mistake for word in ("contract = ", "region = ", "charge = ", "months = ")), mistake
    months = float(mistake.split("months = ")[1])
    assert months == int(months) and 1 <= months < 72
    assert "relu/softmax, cross_entropy" in train.text("note") and "settings that fit it" in train.text("about")
    pictured(train, "classes")
    assert train.complaints() == []


def test_the_target_and_what_is_done_about_gaps_are_chosen_in_the_form(train: Any, tmp_path: Path) -> None:  # noqa: F811
    fields = "[...document.querySelectorAll('.of-table')].map((label) => label.checkVisibility())"
    upload(train, write(tmp_path / "churn.csv", dict(customers(0, 500).columns), ("charge", "region")))
    assert train.js(fields) == [True, True] and train.js("document.getElementById('target').value") == "Churn"
    offered = train.js("[...document.getElementById('columns').options].map((one) => one.value)")
    assert {"first", "last", "charge", "contract", "Churn"} <= set(offered)
    target = train.driver.find_element("id", "target")
    target.send_keys(Keys.CONTROL + "a", Keys.NULL, "contract", Keys.TAB)
    train.wait("document.getElementById('told').innerText.includes(\"learning 'contract'\")")
    assert "3 classes" in train.text("status")
    Select(train.driver.find_element("id", "missing")).select_by_value("drop")
    train.wait("!document.getElementById('told').innerText.includes('median')")
    samples = int(train.text("status").split("churn.csv: ")[1].split(" samples")[0])
    assert samples < 450 and "learning 'contract'" in train.text("told")
    pictured(train, "target")
    target.send_keys(Keys.CONTROL + "a", Keys.NULL, "contrast", Keys.TAB)
    train.wait("!document.getElementById('problem').hidden")
    assert "'contrast'" in train.text("problem") and train.js("document.getElementById('target').value") == "contract"
    train_to_the_end(train)
    assert "learning 'contract'" in train.text("told") and "Confusion matrix" in headings(train)


def test_a_number_to_learn_gets_its_plot_of_predicted_and_true(train: Any, here: Path, tmp_path: Path) -> None:  # noqa: F811
    upload(train, write(tmp_path / "cars.csv", dict(cars(0, 300).columns)))
    assert "cars.csv: 300 samples of 5 numbers, a number to learn" in train.text("status")
    assert "learning 'mpg'" in train.text("told") and "a number from" in train.text("told")
    train_to_the_end(train)
    assert "Predicted and true" in headings(train)
    assert not {"Confusion matrix", "Accuracy"} & set(headings(train)) and "Surest" not in " ".join(headings(train))
    worth = train.text("predicted-worth")
    assert float(worth.split("R² ")[1].split(":")[0]) > 0.95 and "off" in worth
    assert train.text("predicted-name") == "mpg"
    # The dots lie along the line from the lower left to the upper right, and not elsewhere.
    image = train.run(
        "const c = document.getElementById('predicted'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "const found = []; for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 100 && d[i + 2] > d[i] + 60)"
        " found.push([(i / 4) % c.width, Math.floor(i / 4 / c.width)]); return found"
    )
    dots = np.array(image, float)
    assert len(dots) > 300 and np.corrcoef(dots.T)[0, 1] < -0.95  # y goes down
    pictured(train, "numbers")
    press(train, "look")
    assert serious(train, here) == []
    assert train.complaints() == []


def test_several_labels_get_their_table(train: Any, tmp_path: Path) -> None:  # noqa: F811
    x, marks = things(0, 400)
    from tests.data.test_labels import joined

    upload(train, joined(tmp_path / "tags.csv", x, marks))
    assert "tags.csv: 400 samples of 4 numbers, 4 labels at once" in train.text("status")
    train_to_the_end(train)
    assert {"Label by label", "Accuracy"} <= set(headings(train)) and "Confusion matrix" not in headings(train)
    rows = train.js("[...document.querySelectorAll('#labels tbody tr')].map((e) => [...e.cells].map((c) => c.innerText))")
    assert [row[0] for row in rows] == ["rare", "red", "round", "small"]
    assert all(float(row[2].rstrip("%")) >= float(row[3].rstrip("%")) - 5 for row in rows)
    assert float(train.text("at-accuracy").removesuffix(" %")) > 90
    table = "document.getElementById('labels')"
    assert train.js(f"{table}.scrollWidth <= {table}.parentElement.clientWidth")  # all of it is seen without scrolling
    pictured(train, "labels")
    assert train.complaints() == []


def test_what_cannot_learn_numbers_is_not_offered_for_them(train: Any, tmp_path: Path) -> None:  # noqa: F811
    upload(train, write(tmp_path / "cars.csv", dict(cars(0, 60).columns)))
    offered = train.js("[...document.getElementById('recipe').options].map((e) => e.value)")
    go(train)
    for recipe in offered:
        train.driver.execute_script("const r = document.getElementById('recipe'); r.value = arguments[0]; r.onchange()", recipe)
        has = train.js("[...document.getElementById('data').options].some((e) => e.value === 'own')")
        assert has == train.js("!document.getElementById('cost').disabled"), recipe  # the feed-forward ones alone
