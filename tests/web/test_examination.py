"""The doctor on the Train page, from the server's side: an examination in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from byhand.see.doctor import Patient
from byhand.see.doctor.probe_training import changes
from byhand.see.doctor.trial import Outcome
from byhand.training.recipes import RECIPES
from byhand.web.doctor_process import patient
from byhand.web.suggested_settings import prescribed
from byhand.web.train_settings import as_settings, is_watched, offered

from .test_train_session import HEADERS, MOONS, PLAY, Tab, alive, app_and_port, live, opened, port  # noqa: F401

SLOW = {"recipe": "mnist-nielsen-30", "lr": 300.0, "epochs": 5}  # its examination takes a while


@pytest.fixture
def tab(port: int) -> Iterator[Tab]:  # noqa: F811
    with opened(port) as line:
        found = Tab(line)
        yield found
        found.say(do="cancel")
        time.sleep(0.1)


def doctor(tab: Tab, state: str, seconds: float = 90) -> dict[str, Any]:
    """What the page is told of the examination once it is in this state."""
    found: dict[str, Any] = tab.until(lambda message: message.get("doctor", {}).get("state") == state, seconds)["doctor"]
    return found


@pytest.mark.slow
def test_a_healthy_training_gets_a_clean_bill_probe_by_probe(tab: Tab) -> None:
    tab.say(do="examine", settings={"recipe": "iris"})
    told = [doctor(tab, "examining")["probes"]]
    while len(told[-1]) < 8:
        told.append(doctor(tab, "examining")["probes"])
    assert [len(probes) for probes in told] == list(range(9))
    assert [name for name, _ in told[-1]][:3] == ["data", "batches", "gradient"]
    report = doctor(tab, "done")["report"]
    assert report["findings"] == []
    assert {"gradient", "training"} <= {check["name"] for check in report["checks"]}


@pytest.mark.slow
def test_a_rate_that_is_too_high_is_found_and_following_the_doctor_leads_to_a_clean_bill(port: int, tab: Tab) -> None:  # noqa: F811
    settings: dict[str, Any] = {"recipe": "iris", "lr": 1000}
    rates = [1000.0]
    while True:
        tab.say(do="examine", settings=settings)
        found = doctor(tab, "done")
        with opened(port) as line:
            assert Tab(line).hello["doctor"] == found
        if not found["report"]["findings"]:
            break
        first = found["report"]["findings"][0]
        assert first["fault"] == "rate-too-high"
        assert f"learning rate {first['setting']['lr']:g} instead of {rates[-1]:g}" in first["fix"]
        settings = found["settings"] | first["setting"]
        rates.append(first["setting"]["lr"])
        assert rates[-1] < rates[-2]
    assert 2 <= len(rates) <= 5


@pytest.mark.slow
def test_a_training_goes_on_while_it_is_examined_and_the_examination_can_be_cancelled(tab: Tab, live: Any) -> None:  # noqa: F811
    tab.say(do="start", settings=MOONS)
    tab.state("running")
    tab.say(do="examine", settings=SLOW)
    doctor(tab, "examining")
    began = tab.until(lambda message: message.get("moment", {}).get("step"))["moment"]["step"]
    tab.until(lambda message: message.get("moment", {}).get("step", 0) > began + 100)
    tab.say(do="examine", settings=SLOW)
    assert "under way" in tab.problem()
    pid = live.doctor.examiner.pid
    assert pid and alive(pid)
    tab.say(do="cancel")
    doctor(tab, "none")
    end = time.monotonic() + 5
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(pid)
    tab.say(do="stop")


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [None, [], {"recipe": "nonsense"}, {"recipe": "moons", "lr": -1}, {"recipe": "moons", "data": "own"}]
)
def test_impossible_settings_are_told_in_one_line(tab: Tab, settings: Any) -> None:
    tab.say(do="examine", settings=settings)
    told = tab.problem()
    assert "\n" not in told and len(told) < 400


@pytest.mark.slow
def test_data_that_do_not_fit_are_told_in_one_line(tab: Tab) -> None:
    tab.say(do="examine", settings={"recipe": "mnist-cnn", "data": "moons"})
    assert "mnist-cnn trains on images (H, W, C), but moons has samples of (2,)" in tab.problem()


@pytest.mark.slow
def test_ones_own_data_are_examined_and_named_as_they_are_called(tab: Tab, port: int) -> None:  # noqa: F811
    base = f"http://127.0.0.1:{port}"
    rows = [f"{k},{(k * 7) % 11},{'up' if k > 50 else 'down'}" for k in range(100)]
    with httpx.Client(base_url=base, headers=HEADERS | {"Origin": base}, timeout=30) as client:
        sent = client.post("/api/train/data", params={"name": "mine.csv"}, content="\n".join(rows).encode())
    assert sent.status_code == 200
    tab.say(do="examine", settings={"recipe": "iris", "data": "own"})
    found = doctor(tab, "done")
    assert found["settings"]["data"] == "own"
    assert "/byhand-" not in json.dumps(found)
    assert any(check["name"] == "labels" for check in found["report"]["checks"])


@pytest.mark.slow
def test_the_death_of_the_doctor_is_told_in_one_line(tab: Tab, live: Any) -> None:  # noqa: F811
    tab.say(do="examine", settings=SLOW)
    doctor(tab, "examining")
    os.kill(live.doctor.examiner.pid, signal.SIGKILL)
    assert "was killed by signal 9" in doctor(tab, "failed")["problem"]
    tab.say(do="examine", settings={"recipe": "iris"})
    assert doctor(tab, "done")["report"]["findings"] == []


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="looks for children in /proc, which is Linux's")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_the_doctor_ends_with_the_server(how: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PLAY, "--no-token", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    address = next(word for word in process.stdout.readline().split() if word.startswith("http"))
    with opened(int(address.rstrip("/").rpartition(":")[2])) as line:
        tab = Tab(line)
        tab.say(do="examine", settings=SLOW)
        tab.until(lambda message: message.get("doctor", {}).get("probes"), 60)
        tasks = Path(f"/proc/{process.pid}/task").iterdir()
        (child,) = [int(child) for task in tasks for child in (task / "children").read_text().split()]
        process.send_signal(how)
        _, errors = process.communicate(timeout=15)
    assert errors == ""
    end = time.monotonic() + 5
    while alive(child) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(child)


# ---------------------------------------------------------------- from changes to settings


def test_whatever_setting_the_doctor_tries_the_form_understands() -> None:
    recipe = RECIPES["mnist-nielsen-30"].changed(epochs=1, batch_size=64, data="moons", data_options={})
    examined: Patient = patient(recipe)
    tried = changes(examined, Outcome(steps=1, total=1))
    settings = as_settings(recipe) | {"data": "mnist"}
    found = {change.fault: prescribed(change.setting, settings) for change in tried}
    assert found["rate-too-high"] == {"lr": pytest.approx(0.9)}
    assert found["too-few-epochs"] == {"epochs": 8}
    assert found["batch-too-large"] == {"batch_size": 8}
    assert found["too-few-units"] == {"hidden": [240]}


@pytest.mark.parametrize(
    ("change", "form"),
    [
        ({"learning_rate": 3e-05}, {"lr": 3e-05}),
        ({"epochs": 40}, {"epochs": 40}),
        ({"epochs": 40_000}, None),  # beyond the form's limit
        ({"learning_rate": 30_000.0}, None),
        ({"batch_size": 0}, None),
        ({}, None),  # a fix that is no setting, such as dividing by the batch's size
        ({"l2": 0.0}, None),  # no field of the form
        ({"learning_rate": 0.3, "l2": 0.0}, None),
    ],
)
def test_only_a_change_that_is_a_setting_within_its_limits_is_one(change: dict[str, Any], form: Any) -> None:
    settings = as_settings(RECIPES["mnist-nielsen-30"])
    found = prescribed(change, settings)
    assert found == (None if form is None else {name: pytest.approx(value) for name, value in form.items()})


def test_a_convolutional_network_keeps_its_layers() -> None:
    assert prescribed({"hidden": [240]}, as_settings(RECIPES["mnist-cnn"])) is None


def test_what_learns_codes_is_not_offered_and_whatever_draws_is() -> None:
    assert {"moons-diffusion", "mnist-diffusion"} <= offered()["recipes"].keys()
    assert not is_watched(RECIPES["emnist-latent-diffusion"])
