"""The Train page's server side: who may speak to it, what it understands, and what it survives."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from byhand.errors import ByhandError
from byhand.web.bounded_curve import MOST_POINTS, thinned
from byhand.web.connection_limits import configuration
from byhand.web.microscope import LARGEST_UPLOAD, policy
from byhand.web.server import application, listen
from byhand.web.site import page_files
from byhand.web.sockets import LARGEST_MESSAGE, MOST_PAGES
from byhand.web.train_session import Live

PLAY = "import sys; from byhand.cli import main; sys.argv = ['byhand', 'play', '--no-browser', *sys.argv[1:]]; main()"
MOONS = {"recipe": "moons", "epochs": 10_000}
HEADERS = {"X-Byhand": "1"}


@pytest.fixture(scope="module")
def app_and_port() -> Iterator[tuple[Any, int]]:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        app = application(page_files([], served=True))
        server = uvicorn.Server(configuration(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield app, port
        server.should_exit = True
        thread.join()
        app.state.close()


@pytest.fixture(scope="module")
def port(app_and_port: tuple[Any, int]) -> int:
    return app_and_port[1]


@pytest.fixture(scope="module")
def live(app_and_port: tuple[Any, int]) -> Live:
    return app_and_port[0].state.live


def socket_to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


class Tab:
    """A page's side of the line."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.hello = json.loads(socket.recv(10))["hello"]

    def say(self, **command: Any) -> None:
        self.socket.send(json.dumps(command))

    def until(self, wanted: Callable[[dict[str, Any]], Any], seconds: float = 30) -> dict[str, Any]:
        """The first message that is as wanted."""
        end = time.monotonic() + seconds
        while True:
            message: dict[str, Any] = json.loads(self.socket.recv(max(0.01, end - time.monotonic())))
            if wanted(message):
                return message

    def state(self, wanted: str, seconds: float = 30) -> dict[str, Any]:
        return self.until(lambda message: message.get("moment", {}).get("state") == wanted, seconds)["moment"]

    def problem(self) -> str:
        return str(self.until(lambda message: "problem" in message)["problem"])


def opened(port: int, **options: Any) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{port}/api/train", origin=f"http://127.0.0.1:{port}", max_size=None, proxy=None, **options)


@pytest.fixture
def tab(port: int) -> Iterator[Tab]:
    with opened(port) as line:
        yield Tab(line)


@pytest.fixture
def client(port: int) -> Iterator[httpx.Client]:
    origin = {"Origin": f"http://127.0.0.1:{port}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS | origin, timeout=30) as found:
        yield found


# ---------------------------------------------------------------- who may speak


@pytest.mark.slow
@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}"])
def test_a_line_without_our_own_origin_is_refused(port: int, origin: str | None) -> None:
    origin = origin.format(port=port) if origin else None
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://127.0.0.1:{port}/api/train", origin=origin, proxy=None):
        pass
    assert refused.value.response.status_code == 403


def test_a_line_to_another_host_name_is_refused(port: int) -> None:
    host = f"evil.example:{port}"
    options: dict[str, Any] = {"sock": socket_to(port), "origin": f"http://{host}", "proxy": None}
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://{host}/api/train", **options):
        pass
    assert refused.value.response.status_code == 403


def test_no_other_path_takes_a_line(port: int) -> None:
    address, origin = f"ws://127.0.0.1:{port}/draw.js", f"http://127.0.0.1:{port}"
    with pytest.raises(InvalidStatus), connect(address, origin=origin, proxy=None):
        pass


@pytest.mark.slow
def test_two_hundred_lines_are_survived_and_the_surplus_is_told_why(port: int, live: Live) -> None:
    with contextlib.ExitStack() as every:
        lines = [every.enter_context(opened(port)) for _ in range(200)]
        for line in lines[:MOST_PAGES]:
            assert "hello" in json.loads(line.recv(5))
        for line in lines[MOST_PAGES:]:
            with pytest.raises(ConnectionClosed):
                line.recv(5)
            assert (line.close_code, "open already" in str(line.close_reason)) == (1013, True)
    end = time.monotonic() + 5
    while live.pages and time.monotonic() < end:
        time.sleep(0.02)
    with opened(port) as line:
        assert "hello" in json.loads(line.recv(5))


# ---------------------------------------------------------------- what it understands


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "7",
        '"start"',
        "{}",
        '{"do": 1}',
        '{"do": "dance"}',
        '{"do": "__init__"}',
        '{"do": "look"}',
        '{"do": "rate"}',
        '{"do": "start"}',
        '{"do": "start", "settings": []}',
        '{"do": "start", "settings": {"recipe": ["moons"]}}',
        '{"do": "start", "settings": {"recipe": "moons"}, "far": 3}',
        "[" * 15_000,
        "9" * 6_000,
    ],
)
def test_what_is_no_command_is_answered_in_one_line(tab: Tab, text: str) -> None:
    tab.socket.send(text)
    told = tab.problem()
    assert "\n" not in told and len(told) < 400


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"recipe": "nonsense"}, "recipe 'nonsense' is unknown|Recipe 'nonsense' is unknown"),
        ({"data": "/etc/passwd"}, "Data '/etc/passwd' is unknown"),
        ({"data": "own"}, "Data 'own' is unknown"),
        ({"hidden": [0]}, "Hidden layers: each must be 1 or more"),
        ({"hidden": [16] * 9}, "Hidden layers must be .* 8 at most"),
        ({"hidden": 16}, "Hidden layers must be a list of whole numbers"),
        ({"hidden": "16, many"}, "Hidden layers: each must be a whole number.* got 'many'"),
        ({"hidden": [4000]}, "from 1 to 2,048"),
        ({"hidden": [2.5]}, "whole number"),
        ({"lr": float("nan")}, "above 0"),
        ({"lr": -1}, "above 0"),
        ({"lr": "many"}, "Learning rate must be a number.* above 0, got 'many'"),
        ({"lr": "-0,5"}, "above 0, got -0.5"),
        ({"lr": "1e400"}, "above 0"),
        ({"epochs": ""}, "Epochs must be a whole number"),
        ({"lr": True}, "above 0"),
        ({"batch_size": 10**9}, "Batch size must be 4,096 or less"),
        ({"seed": -1}, "Seed must be 0 or more"),
        ({"epochs": 0}, "Epochs must be 1 or more"),
        ({"optimizer": "adagrad"}, "choose one of sgd"),
        ({"activation": "softmax"}, "Activation 'softmax' is unknown"),
        ({"epoch": 3}, "etting 'epoch' is unknown: did you mean 'epochs'"),
    ],
)
def test_impossible_settings_are_told_in_one_line(tab: Tab, settings: dict[str, Any], told: str) -> None:
    tab.say(do="start", settings={"recipe": "moons"} | settings)
    assert re.search(told, tab.problem())


def test_a_huge_message_and_bytes_end_the_line_and_nothing_else(port: int, tab: Tab) -> None:
    for huge in ("x" * (LARGEST_MESSAGE + 1), "x" * 5_000_000, b"bytes"):
        with opened(port) as line:
            line.recv(5)
            with contextlib.suppress(ConnectionClosed):
                line.send(huge)
                line.recv(5)
            assert line.close_code in {1006, 1009}  # 1006 where it was cut off before it had all been sent
    tab.say(do="dance")
    assert "no such command" in tab.problem()


@pytest.mark.slow
def test_a_page_that_shouts_is_hung_up_on(port: int) -> None:
    with opened(port) as line:
        line.recv(5)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(500):
                line.send("{}")
            while True:
                line.recv(5)
        assert line.close_code == 1008


# ---------------------------------------------------------------- a training


@pytest.mark.slow
def test_a_training_runs_pauses_steps_and_is_seen_by_whoever_comes_later(port: int, tab: Tab) -> None:
    tab.say(do="start", settings=MOONS)
    begun = tab.until(lambda message: "begun" in message)["begun"]
    assert begun["network"].startswith("FeedForward(2-16-16-2")
    assert begun["validated_on"] == 1_000
    tab.until(lambda message: message.get("moment", {}).get("step", 0) > 200)
    tab.say(do="pause")
    paused = tab.state("paused")
    tab.say(do="go", far="step")
    assert tab.until(lambda m: m.get("moment", {}).get("step", 0) > paused["step"])["moment"]["step"] == paused["step"] + 1
    tab.say(do="go", far="epoch")
    end = tab.until(lambda m: m.get("moment", {}).get("state") == "paused" and "step" in m["moment"])["moment"]
    assert end["step"] % begun["batches"] == 0
    assert {"layers", "weights", "plane", "validation"} <= end.keys()
    tab.say(do="rate", rate=0.125)
    assert tab.until(lambda m: "base_rate" in m.get("moment", {}))["moment"]["base_rate"] == 0.125
    with opened(port) as line:
        later = Tab(line)
        training = later.hello["training"]
        assert training["begun"] == begun
        assert training["moment"]["step"] == end["step"]
        assert training["costs"][-1][0] == end["step"]
        assert training["validated"][0][0] == 0
        later.say(do="stop")
        later.state("stopped")
    tab.state("stopped")
    tab.say(do="go")
    assert "press Start" in tab.problem()


def test_what_is_told_is_what_the_training_does(tab: Tab) -> None:
    """The same recipe stepped here gives the same costs, the same weights and the same ratio as the page is told."""
    from byhand.training.recipes import recipe
    from byhand.training.run import begin, build, load_splits

    tab.say(do="start", settings={"recipe": "moons"}, far="step")
    moment = tab.until(lambda m: "costs" in m.get("moment", {}))["moment"]
    chosen = recipe("moons")
    splits = load_splits(chosen)
    net: Any = build(chosen, splits)
    training = begin(chosen, net, splits)
    before = net.weights[0].copy()
    step = next(training)
    assert moment["costs"] == [[1, pytest.approx(step.cost)]]
    layer = moment["layers"][0]
    assert layer["ratio"] == pytest.approx(np.linalg.norm(net.weights[0] - before) / np.linalg.norm(net.weights[0]), rel=1e-4)
    assert layer["activations"]["mean"] == pytest.approx(float(step.trace().a[1].mean()), rel=1e-4)
    assert layer["gradients"]["std"] == pytest.approx(float(net.weight_gradients[0].std()), rel=1e-4)
    assert moment["validation"]["accuracy"] == net.evaluate(splits.validation.flat, splits.validation.targets())[1]
    assert np.sum(moment["validation"]["confusion"]) == 1_000


def test_the_microscope_shows_the_step_that_comes_next(tab: Tab, client: httpx.Client) -> None:
    from byhand.training.recipes import recipe
    from byhand.training.run import begin, build, load_splits

    tab.say(do="start", settings={"recipe": "moons"}, far="step")
    tab.until(lambda m: "costs" in m.get("moment", {}))
    answer = client.get("/api/microscope", params={"weight": "2:5,1"})
    assert answer.status_code == 200
    chosen = recipe("moons")
    splits = load_splits(chosen)
    training = begin(chosen, build(chosen, splits), splits)
    next(training)
    indices = training.upcoming()
    cost = next(training).cost
    assert "Step 1, as it will be taken: epoch 1, batch 2 of 32" in answer.text
    assert f"{indices[0]} (" in answer.text
    assert f"{cost:.5g}"[:6] in answer.text
    assert answer.headers["content-security-policy"] == policy(answer.text)
    assert "script-src" not in policy(answer.text)
    one = client.get("/api/microscope", params={"sample": "7"})
    assert "on sample 7 alone" in one.text
    for wrong in ({"weight": "9:9,9"}, {"sample": "-1"}, {"sample": "999999"}, {"at": "0:0"}, {"weight": "x" * 300}):
        refused = client.get("/api/microscope", params=wrong)
        assert refused.status_code == 400 and "\n" not in refused.text
    assert client.get("/api/microscope", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["iris", "mnist-vae", "mnist-cnn"])
def test_other_networks_and_data_are_told_of_too(tab: Tab, client: httpx.Client, recipe: str) -> None:
    tab.say(do="start", settings={"recipe": recipe, "batch_size": 16}, far="step")
    tab.until(lambda m: m.get("begun", {}).get("settings", {}).get("recipe") == recipe, 120)
    moment = tab.until(lambda m: "layers" in m.get("moment", {}), 120)["moment"]
    assert moment["step"] == 1
    assert all(0 < layer["ratio"] < 1 for layer in moment["layers"])
    assert moment["weights"]["units"] == {"iris": 5, "mnist-vae": 256, "mnist-cnn": 16}[recipe]
    assert ("confusion" in moment["validation"]) == (recipe != "mnist-vae")
    assert client.get("/api/microscope").status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["moons-diffusion", "mnist-diffusion"])
def test_what_a_diffusion_network_draws_is_told_as_it_learns(tab: Tab, client: httpx.Client, recipe: str) -> None:
    tab.say(do="start", settings={"recipe": recipe, "batch_size": 16}, far="step")
    begun = tab.until(lambda m: m.get("begun", {}).get("settings", {}).get("recipe") == recipe, 120)["begun"]
    moment = tab.until(lambda m: "layers" in m.get("moment", {}), 120)["moment"]
    assert moment["step"] == 1
    layers = {layer["name"]: layer for layer in moment["layers"]}
    assert all(layer["gradients"] for layer in layers.values())
    assert sum(layer["activations"] is None for layer in layers.values()) == 0
    assert "time1" in layers and "out" in layers
    drawn = moment["drawn"]
    if recipe == "moons-diffusion":
        assert begun["points"] and begun["ends"]["low"][0] < begun["ends"]["high"][0]
        assert len(drawn["points"]) == 300 and {k for *_, k in drawn["points"]} == {0, 1}
    else:
        assert [one["label"] for one in drawn["images"]] == list("0123456789")
        assert moment["weights"]["rows"] == 3
    assert moment["validation"]["cost"] > 0 and moment["validation"]["accuracy"] is None
    assert client.get("/api/microscope").status_code == 200


def test_a_curve_that_rises_again_is_a_sign_while_it_trains_and_an_early_end_only_at_its_end() -> None:
    from byhand.training.history import Epoch
    from byhand.training.recipes import recipe
    from byhand.web.train_process import Session

    session = Session(recipe("iris").changed(epochs=50))
    for epoch, (cost, held) in enumerate([(1.0, 1.0), (0.5, 0.6), (0.3, 0.5), (0.2, 0.7), (0.1, 0.9), (0.05, 1.1)]):
        session.history.append(Epoch(epoch, epoch + 1, 0.1, cost, held, None, 1.0))
    assert [sign["fault"] for sign in session.signs()] == ["overfitting"]
    session.training.index = session.training.total
    assert [sign["fault"] for sign in session.signs()] == ["overfitting", "too-few-epochs"]


def test_the_history_of_a_training_has_a_row_an_epoch_with_its_mean_cost() -> None:
    from byhand.training.recipes import recipe
    from byhand.training.run import begin, build
    from byhand.web.train_process import Session

    chosen = recipe("iris").changed(epochs=3)
    session = Session(chosen)
    session.go()
    while session.state == "running":
        session.burst()
    again = begin(chosen, build(chosen, session.splits), session.splits)
    costs: list[list[float]] = [[], [], []]
    for step in again:
        costs[step.epoch] += [step.cost] * len(step.indices)
    assert [epoch.cost for epoch in session.history.epochs] == pytest.approx([np.mean(one) for one in costs])
    assert all(epoch.validation_cost is not None for epoch in session.history.epochs)


@pytest.mark.slow
def test_an_explosion_is_told_in_one_line(tab: Tab) -> None:
    tab.say(do="start", settings={"recipe": "mnist-vae", "lr": 1000, "schedule": "constant"})
    told = tab.problem()
    while "exploded" not in told:
        told = tab.problem()
    assert "try a learning rate of 100" in told


# ---------------------------------------------------------------- one's own data


@pytest.mark.slow
def test_an_uploaded_table_is_trained_on(tab: Tab, client: httpx.Client) -> None:
    rows = "\n".join(f"{k % 7},{k % 5},{'even' if k % 2 == 0 else 'odd'}" for k in range(100))
    answer = client.post("/api/train/data", params={"name": "my table.csv"}, content=rows)
    own = answer.json()
    assert {"moons", "moons-diffusion"} < set(own.pop("recipes"))
    assert "from 2 columns of numbers (standardised)" in own.pop("told") and own.pop("fitting")["activation"] == "relu"
    about = {"samples": 100, "inputs": [2], "classes": 2, "outputs": 2, "task": "classes", "data_options": {"missing": "median"}}
    assert own == about | {"name": "my table.csv", "columns": ["column 1", "column 2", "column 3"], "target": "column 3"}
    assert tab.until(lambda m: "own" in m)["own"]["name"] == "my table.csv"
    tab.say(do="start", settings={"recipe": "moons", "data": "own"}, far="step")
    begun = tab.until(lambda m: "begun" in m)["begun"]
    assert begun["settings"]["data"] == "own"
    assert begun["classes"] == ["even", "odd"]


@pytest.mark.slow
def test_a_table_that_is_there_is_read_again_by_another_target(tab: Tab, client: httpx.Client, live: Live) -> None:
    before, live.own = live.own, None
    assert "there is no table yet" in client.post("/api/train/data", params={"again": "1", "target": "b"}).text
    live.own = before
    rows = "\n".join(f"{k % 7},{'' if k % 10 == 3 else k % 5},{'even' if k % 2 == 0 else 'odd'}" for k in range(100))
    first = client.post("/api/train/data", params={"name": "t.csv"}, content=f"a,b,kind\n{rows}").json()
    assert (first["target"], first["columns"], first["samples"]) == ("kind", ["a", "b", "kind"], 100)
    second = client.post("/api/train/data", params={"again": "1", "target": "a", "missing": "drop"}).json()
    assert second["target"] == "a" and second["samples"] == 90 and "learning 'a'" in second["told"]
    assert second["data_options"] == {"missing": "drop", "target": "a"}
    for asked, told in ({"target": "c"}, "'c'"), ({"missing": "guess"}, "missing"):
        answer = client.post("/api/train/data", params={"again": "1", **asked})
        assert answer.status_code == 400 and told in answer.text and "\n" not in answer.text and "/byhand-" not in answer.text
    assert live.own_facts["target"] == "a"
    tab.say(do="start", settings={"recipe": "iris", "data": "own"}, far="step")
    assert tab.until(lambda m: "begun" in m)["begun"]["classes"] == [str(k) for k in range(7)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"", "a.csv holds no table"),
        ("a.csv", b"day,b,c\n2024-01-31,2,x\n2024-02-01,3,y\n2024-03-31,2,x\n2024-04-01,3,y\n", "a.csv: 'day' holds dates"),
        ("a.csv", b"\xff\xfe\x00", "a.csv cannot be read as a table"),
        ("a.npz", b"PK nonsense", "a.npz is not a whole .npz"),
        ("a.exe", b"MZ", "neither .csv nor .npz"),
        ("../../etc/passwd", b"x", "neither .csv nor .npz"),
        ("", b"x", "neither .csv nor .npz"),
    ],
)
def test_malformed_data_are_told_in_one_line(client: httpx.Client, name: str, content: bytes, told: str) -> None:
    answer = client.post("/api/train/data", params={"name": name}, content=content)
    assert answer.status_code == 400
    assert told in answer.text and "\n" not in answer.text and "/byhand-" not in answer.text


def test_data_come_from_our_own_page_and_within_limits(port: int, client: httpx.Client) -> None:
    address = f"http://127.0.0.1:{port}/api/train/data?name=a.csv"
    assert httpx.post(address, content=b"1,2,a", headers=HEADERS).status_code == 403
    assert client.post("/api/train/data?name=a.csv", content=b"1", headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.post("/api/train/data?name=a.csv", content=b"x" * (LARGEST_UPLOAD + 1)).status_code == 413
    assert client.get("/api/train/data").status_code in {404, 405}


# ---------------------------------------------------------------- what it survives


@pytest.mark.slow
def test_the_server_survives_the_death_of_its_training(tab: Tab, live: Live) -> None:
    tab.say(do="start", settings=MOONS)
    tab.state("running")
    pid = live.trainer.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert "killed by signal 9" in tab.problem()
    tab.say(do="start", settings=MOONS, far="step")
    assert tab.state("paused")["step"] in {0, 1}


def npz_of(**arrays: Any) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


TABLE = "1,2,a\n3,4,b\n" * 20


@pytest.mark.slow
def test_a_training_goes_on_whatever_is_uploaded_or_started_meanwhile(tab: Tab, client: httpx.Client, live: Live) -> None:
    tab.say(do="start", settings=MOONS)
    begun = tab.until(lambda message: "begun" in message)["begun"]
    step = tab.until(lambda message: message.get("moment", {}).get("step", 0) > 50)["moment"]["step"]
    pid = live.trainer.pid
    for name, content in (("a.npz", b"PK damaged"), ("b.csv", b"1,2\n3"), ("c.npz", npz_of(labels=np.array(["", None])))):
        assert client.post("/api/train/data", params={"name": name}, content=content).status_code == 400
    tab.say(do="start", settings={"recipe": "moons-diffusion", "data": "iris"})
    assert "trains on points of two numbers, but iris has samples of (4,)" in tab.problem()
    assert client.post("/api/train/data", params={"name": "d.csv"}, content=TABLE).status_code == 200
    assert live.own
    live.own.write_text("")  # as if it were damaged after it was looked at
    tab.say(do="start", settings={"recipe": "moons", "data": "own"})
    assert "d.csv holds no table" in tab.problem()
    assert tab.until(lambda message: message.get("moment", {}).get("step", 0) > step + 50)["moment"]["state"] == "running"
    assert live.trainer.pid == pid
    with opened(client.base_url.port or 80) as line:
        training = Tab(line).hello["training"]
    assert training["begun"] == begun and training["costs"][0][0] < step


def test_of_many_starts_the_last_one_wins(tab: Tab, live: Live) -> None:
    for seed in range(15):
        tab.say(do="start", settings=MOONS | {"seed": seed})
    begun = tab.until(lambda message: message.get("begun", {}).get("settings", {}).get("seed") == 14)["begun"]
    assert tab.until(lambda message: message.get("moment", {}).get("step", 0) > 10)["moment"]["state"] == "running"
    assert live.begun == begun


@pytest.mark.slow
def test_uploads_are_few_and_the_older_ones_are_removed(client: httpx.Client, live: Live) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        assert client.post("/api/train/data", params={"name": name}, content=TABLE).status_code == 200
    assert client.post("/api/train/data", params={"name": "d.csv"}, content="1,2").status_code == 400
    assert live.own and live.own.name == "c.csv" and live.own.is_file() and live.uploads
    assert sorted(path.name for path in live.uploads.rglob("*.*")) == ["b.csv", "c.csv"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="Windows cannot stop a process")
def test_a_training_process_that_stands_still_does_not_hold_up_the_server(tab: Tab, client: httpx.Client, live: Live) -> None:
    tab.say(do="start", settings=MOONS)
    tab.state("running")
    pid = live.trainer.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    refused = 0
    while refused < 3:  # in a row: what waits may still be on its way into the pipe, and make room, on a busy machine
        try:
            live.trainer.send({"do": "pace", "pace": None, "filling": "x" * 1_000})
            refused = 0
        except ByhandError:
            refused += 1
            time.sleep(0.3)
        assert time.monotonic() - began < 15
    assert client.get("/draw.js").status_code == 200
    tab.say(do="pause")
    assert "takes no commands" in tab.problem()
    live.trainer.close()
    assert time.monotonic() - began < 20  # of what stands still forever, on a machine that others keep busy
    tab.say(do="start", settings=MOONS, far="step")
    tab.until(lambda message: "begun" in message)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="looks for children in /proc, which is Linux's")
@pytest.mark.parametrize("meanwhile", ["drawing", "stopped"])
def test_ctrl_c_ends_it_within_two_seconds_without_a_word(meanwhile: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PLAY, "--no-token", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    address = next(word for word in process.stdout.readline().split() if word.startswith("http"))
    number = int(address.rstrip("/").rpartition(":")[2])
    with opened(number) as page, contextlib.ExitStack() as held:  # and a page is open
        tab = Tab(page)
        if meanwhile == "drawing":
            line = held.enter_context(socket_to(number))
            line.settimeout(30)
            names = ",".join(f"{k}.0" for k in range(40))
            asked = f"/api/draw?characters={'a' * 40}&names={names}&steps=50"
            line.sendall(f"GET {asked} HTTP/1.1\r\nHost: localhost\r\nX-Byhand: 1\r\n\r\n".encode())
            assert line.recv(4_096)
        else:
            tab.say(do="start", settings=MOONS)
            tab.state("running")
            tasks = Path(f"/proc/{process.pid}/task").iterdir()
            (child,) = [int(child) for task in tasks for child in (task / "children").read_text().split()]
            os.kill(child, signal.SIGSTOP)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)
        assert time.monotonic() - began < 3 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # on a quiet machine, one
    assert (process.returncode, output, errors) == (0, "", "")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="looks for children in /proc, which is Linux's")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_training_ends_with_the_server(how: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PLAY, "--no-token", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    address = next(word for word in process.stdout.readline().split() if word.startswith("http"))
    number = int(address.rstrip("/").rpartition(":")[2])
    with opened(number) as line:
        tab = Tab(line)
        tab.say(do="start", settings=MOONS)
        tab.state("running")
        tasks = Path(f"/proc/{process.pid}/task").iterdir()
        children = [child for task in tasks for child in (task / "children").read_text().split()]
        assert len(children) == 1
        process.send_signal(how)
        _, errors = process.communicate(timeout=15)
    assert errors == ""
    end = time.monotonic() + 5
    while alive(int(children[0])) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(int(children[0]))


@pytest.mark.slow
def test_a_long_curve_is_thinned_and_keeps_its_end() -> None:
    points = [[k, float(k)] for k in range(MOST_POINTS + 2)]
    found = thinned(points)
    assert len(found) == MOST_POINTS // 2 + 1
    assert found[0] == [1, 0.5]
    assert found[-1] == [MOST_POINTS + 1, MOST_POINTS + 0.5]
