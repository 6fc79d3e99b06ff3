"""`byhand.watch`: what a loop of one's own tells, how a page holds it, and what it costs and survives."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import byhand
from byhand.errors import ByhandError
from byhand.web.bounded_curve import MOST_POINTS
from byhand.web.sockets import LARGEST_MESSAGE, MOST_PAGES
from byhand.web.watch import controls
from byhand.web.watch.array_statistics import activation_rows, kind_of, notes, picture, pixels, ratio
from byhand.web.watch.watcher import Watcher

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "own_loop.py"


def line_to(watcher: Watcher | str, **options: Any) -> ClientConnection:
    address = urlsplit(watcher if isinstance(watcher, str) else watcher.address)
    line, origin = f"ws://{address.netloc}/api/watch?{address.query}", f"http://{address.netloc}"
    return connect(line, origin=origin, max_size=None, proxy=None, **options)


class Tab:
    """A page's side of the line."""

    def __init__(self, line: ClientConnection) -> None:
        self.line = line
        self.hello = json.loads(line.recv(10))["hello"]

    def say(self, **command: Any) -> None:
        self.line.send(json.dumps(command))

    def until(self, wanted: Callable[[dict[str, Any]], Any], seconds: float = 20) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while True:
            message: dict[str, Any] = json.loads(self.line.recv(max(0.01, end - time.monotonic())))
            if wanted(message):
                return message

    def moment(self, wanted: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.until(lambda message: "moment" in message and wanted(message["moment"]))["moment"]
        return found


class Loop:
    """A linear network that learns y = 2 x, on a thread of its own, until it is told to end."""

    def __init__(self, **options: Any) -> None:
        rng = np.random.default_rng(0)
        self.w, self.b = rng.standard_normal((4, 25)), np.zeros(4)
        self.watcher = byhand.watch({"w": self.w, "b": self.b}, port=0, open_browser=False, **options)
        self.going, self.steps = True, 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        rng = np.random.default_rng(1)
        while self.going:
            x = rng.standard_normal((8, 25))
            a = np.maximum(x @ self.w.T + self.b, 0)
            delta = (a - 2 * np.abs(x[:, :4])) * (a > 0) / 8
            gradients = {"w": delta.T @ x, "b": delta.sum(axis=0)}
            self.w -= 0.01 * gradients["w"]
            self.b -= 0.01 * gradients["b"]
            self.steps += 1
            time.sleep(0.0003)  # as a real step lets go of the interpreter for its matrix products
            self.watcher(float((delta**2).sum()), gradients=gradients, activations={"hidden": a}, learning_rate=0.01)

    def close(self) -> None:
        self.going = False
        self.watcher.control.obey({"do": "go"})
        self.thread.join(5)
        self.watcher.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    found = Loop(title="a small loop")
    yield found
    found.close()


@pytest.fixture
def tab(loop: Loop) -> Iterator[Tab]:
    with line_to(loop.watcher) as line:
        yield Tab(line)


@pytest.fixture
def quiet() -> Iterator[Watcher]:
    """A watcher that nobody looks at."""
    with byhand.watch({"w": np.ones((2, 3))}, port=0, open_browser=False) as found:
        yield found


# ---------------------------------------------------------------- what it tells


def test_a_page_hears_the_curve_the_parameters_and_the_activations_of_a_loop(tab: Tab) -> None:
    assert tab.hello["about"] == {"title": "a small loop", "parameters": 104, "arrays": 2}
    moment = tab.moment(lambda one: "parameters" in one and one["parameters"][0]["ratio"])
    w, b = moment["parameters"]
    assert (w["name"], w["shape"], b["name"], b["shape"]) == ("w", [4, 25], "b", [4])
    assert 0 < w["ratio"] < 0.1
    assert w["gradients"]["std"] > 0
    assert [row["name"] for row in moment["activations"]] == ["hidden"]
    assert moment["activations"][0]["activation"] == "relu"
    assert moment["rate"] == 0.01
    assert moment["notes"] == []


@pytest.mark.slow
def test_a_page_that_comes_later_gets_the_curve_from_its_beginning(loop: Loop) -> None:
    end = time.monotonic() + 60
    while loop.steps < 2 * MOST_POINTS and time.monotonic() < end:
        time.sleep(0.01)
    with line_to(loop.watcher) as line:
        costs = Tab(line).hello["costs"]
    assert MOST_POINTS // 2 <= len(costs) <= MOST_POINTS
    assert costs[0][0] < 10
    assert all(a[0] < b[0] for a, b in pairwise(costs))


def test_the_ratio_is_of_one_step_and_in_the_parameters_own_length() -> None:
    w = np.array([[3.0, 4.0]])
    with byhand.watch({"w": w}, port=0, open_browser=False) as watcher, line_to(watcher) as line:
        tab = Tab(line)
        for _ in range(2):
            w += [[0.3, 0.4]]
            watcher(1.0)
        told = tab.moment(lambda one: "parameters" in one)["parameters"][0]["ratio"]
    assert told == pytest.approx(0.5 / np.hypot(3.6, 4.8))


def test_validation_in_two_calls_at_the_same_step_is_one_point(quiet: Watcher) -> None:
    quiet(1.0)
    quiet.validation(cost=0.5)
    quiet.validation(accuracy=0.9)
    quiet(1.0)
    quiet.validation(accuracy=0.95)
    assert quiet.validated == [[1, 0.5, 0.9], [2, None, 0.95]]


def test_a_cost_that_is_not_finite_reaches_the_page_as_no_number() -> None:
    w = np.ones((2, 3))
    with byhand.watch({"w": w}, port=0, open_browser=False) as watcher, line_to(watcher) as line:
        tab = Tab(line)
        w[0, 0] = np.nan
        for _ in range(2):
            watcher(float("nan"))
        moment = tab.moment(lambda one: "notes" in one)
    assert [cost for _, cost in moment["costs"]] == [None, None]
    assert moment["notes"][0].startswith("w holds a number that is not finite")


def test_arrays_that_a_loop_replaces_are_noticed_and_a_function_mends_it() -> None:
    (told,) = notes([{"name": "w"}, {"name": "b"}], {"w": 3, "b": 0}, [])
    assert told.startswith("w does not change. If the loop writes w = w - eta * dw, that makes a new array")
    w = np.ones(3)
    with byhand.watch(lambda: {"w": w}, port=0, open_browser=False) as watcher, line_to(watcher) as line:
        tab = Tab(line)
        for _ in range(2):
            w = w - 0.1
            watcher(1.0)
        assert tab.moment(lambda one: "parameters" in one)["parameters"][0]["ratio"] == pytest.approx(0.1 / 0.8)


def test_the_steps_of_byhand_are_watched_by_iterating(capsys: pytest.CaptureFixture[str]) -> None:
    iris = byhand.data.load("iris")
    net = byhand.FeedForward((4, 5, 3), seed=1)
    training = byhand.steps(net, iris.train, epochs=2, optimizer=byhand.optim.SGD(1.0), seed=1)
    with byhand.watch(training, port=0, open_browser=False) as watcher, line_to(watcher) as line:
        tab = Tab(line)
        taken = [step.index for step in watcher]
        moment = tab.moment(lambda one: "parameters" in one)
    assert taken == list(range(len(taken))) and len(taken) == 2 * training.batches
    assert [row["name"] for row in moment["parameters"]] == ["layers.0", "layers.1"]
    assert [row["activation"] for row in moment["activations"]] == ["sigmoid", "sigmoid"]
    assert "this loop is live at http://127.0.0.1:" in capsys.readouterr().out


# ---------------------------------------------------------------- what is inferred


def test_what_activations_are_taken_for() -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((64, 10))
    powers = np.exp(z)
    for a, kind in (
        (np.maximum(z, 0), "relu"),
        (1 / (1 + np.exp(-z)), "sigmoid"),
        (np.tanh(z), "tanh"),
        (powers / powers.sum(axis=1, keepdims=True), "softmax"),
        (z * 3, ""),
    ):
        assert kind_of(a) == kind
    silent = np.maximum(z, 0)
    silent[:, :3] = 0
    assert activation_rows({"a": silent})[0]["stuck"] == pytest.approx(0.3)
    saturated = np.full((4, 10), 0.5)
    saturated[:, :2] = 0.99
    assert activation_rows({"a": saturated})[0]["stuck"] == pytest.approx(0.2)


def test_weights_are_pictures_in_whichever_order_the_array_is() -> None:
    w = np.random.default_rng(0).standard_normal((784, 30))
    for array, order, shape in ((w, "columns", (28, 28)), (w.T, "rows", (28, 28)), (w[:7, :5], "matrix", (7, 5))):
        found = picture("w", array, 784)
        assert found and (found["order"], found["rows"], found["columns"]) == (order, *shape)
    assert picture("b", w[0], 784) is None
    assert picture("w", np.full((5, 5), np.nan), 0) is None
    assert picture("w", np.ones((3_000, 20)), 784) is None


@pytest.mark.parametrize(
    ("shapes", "n"),
    [
        ([(784, 64), (64,), (64, 10), (10,)], 784),  # x @ w
        ([(64, 784), (64,), (10, 64), (10,)], 784),  # w @ x
        ([(64, 144), (144,), (144, 10), (10,)], 64),  # more units than pixels
        ([(784, 30), (30, 10)], 784),  # no biases
        ([(784, 64), (64,), (64, 784), (784,)], 784),  # an autoencoder: its last bias is as long as its image
        ([(20, 64), (64,), (64, 3), (3,)], 0),  # 64 units, which are no image
        ([(64,), (3, 3, 1, 8)], 0),
    ],
)
def test_how_many_pixels_a_network_reads(shapes: list[tuple[int, ...]], n: int) -> None:
    assert pixels({f"p{k}": np.ones(shape) for k, shape in enumerate(shapes)}) == n


def test_a_ratio_of_zeros_is_none() -> None:
    assert ratio(np.zeros(3), np.zeros(3)) is None
    assert ratio(np.zeros(3), np.ones(3)) == pytest.approx(1)


# ---------------------------------------------------------------- being held


@pytest.mark.slow
def test_a_paused_loop_stands_takes_one_step_and_goes_on(loop: Loop, tab: Tab) -> None:
    tab.moment(lambda one: one["step"] > 10)
    tab.say(do="pause")
    paused = tab.moment(lambda one: one["state"] == "paused" and "parameters" in one)["step"]
    time.sleep(0.3)
    assert loop.steps == paused
    for more in (1, 2):
        tab.say(do="go", far="step")
        tab.moment(lambda one, more=more: one["step"] == paused + more and "parameters" in one)
        time.sleep(0.1)
        assert loop.steps == paused + more
    tab.say(do="go")
    tab.moment(lambda one: one["state"] == "running" and one["step"] > paused + 50)


@pytest.mark.alone
@pytest.mark.slow
def test_slow_motion_takes_so_many_steps_a_second(loop: Loop, tab: Tab) -> None:
    tab.say(do="pace", pace=20)
    tab.moment(lambda one: one["pace"] == 20)
    time.sleep(0.1)
    before = loop.steps
    time.sleep(1)
    assert 10 <= loop.steps - before <= 24
    tab.say(do="pace")
    tab.moment(lambda one: one["pace"] is None)
    tab.moment(lambda one: one["step"] > before + 200)


@pytest.mark.slow
def test_a_paused_loop_goes_on_by_itself_when_no_page_is_left(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(controls, "ALONE", 0.5)
    with line_to(loop.watcher) as line:
        tab = Tab(line)
        tab.say(do="pause")
        tab.moment(lambda one: one["state"] == "paused" and "parameters" in one)
        time.sleep(0.8)
        stood = loop.steps
    time.sleep(1.5)
    assert loop.steps > stood + 10
    assert "no page open for 0 s: the loop goes on" in capsys.readouterr().out


# ---------------------------------------------------------------- bad arguments, in one line


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (None, "must be a dict of named arrays"),
        ({}, "must be a dict of named arrays"),
        ([np.ones(3)], "must be a dict of named arrays"),
        (lambda: 3, "must be a dict of named arrays"),
        ({"w": "text"}, r"watch: the parameters\['w'\] must be a NumPy array of numbers under a na"),
        ({"w": np.array([None])}, r"an array of object \(1,\)"),
        ({1: np.ones(3)}, r"the parameters\[1\]"),
        ({"w": np.ones((0, 3))}, r"float64 \(0, 3\)"),
        ({f"w{k}": np.ones(1) for k in range(65)}, "hand over fewer"),
    ],
)
def test_parameters_that_are_none_are_told_in_one_line(what: Any, told: str) -> None:
    with pytest.raises(ByhandError, match=told) as error:
        byhand.watch(what, port=0, open_browser=False)
    assert "\n" not in str(error.value)


def test_a_second_loop_gets_a_port_of_its_own() -> None:
    w = {"w": np.ones(3)}
    with byhand.watch(w, open_browser=False) as one, byhand.watch(w, open_browser=False) as other:
        assert one.address != other.address
        for watcher in (one, other):
            assert httpx.get(watcher.address, follow_redirects=True).status_code == 200


def test_an_impossible_port_or_title_is_told_in_one_line() -> None:
    w = {"w": np.ones(3)}
    with pytest.raises(ByhandError, match="port 70000 is impossible"):
        byhand.watch(w, port=70_000, open_browser=False)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ByhandError, match="is in use"):
        byhand.watch(w, port=taken.getsockname()[1], open_browser=False)
    with pytest.raises(ByhandError, match="watch: the title must be text"):
        byhand.watch(w, title=3, port=0, open_browser=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"cost": np.ones(3)}, "watch: the cost must be one number"),
        ({"cost": "low"}, "watch: the cost must be one number"),
        ({"cost": 1.0, "gradients": np.ones((2, 3))}, "watch: gradients must be a dict of named arrays"),
        (
            {"cost": 1.0, "gradients": {"w": np.ones((3, 2))}},
            r"the gradient of 'w' must be \(2, 3\), as 'w' itself, got \(3, 2\)",
        ),
        ({"cost": 1.0, "activations": {"a": "b"}}, "activations"),
    ],
)
def test_a_wrong_call_is_told_in_one_line_at_the_second_step_at_the_latest(
    quiet: Watcher, arguments: dict[str, Any], told: str
) -> None:
    def two_steps() -> None:
        quiet(**arguments)
        quiet(**arguments)

    with pytest.raises(ByhandError, match=told) as error:
        two_steps()
    assert "\n" not in str(error.value)


def test_wrong_validation_is_told_in_one_line(quiet: Watcher) -> None:
    for arguments, told in (
        ({}, "was told nothing"),
        ({"accuracy": 95}, "watch: the accuracy must be from 0 to 1"),
        ({"cost": "low"}, "are numbers"),
    ):
        with pytest.raises(ByhandError, match=told):
            quiet.validation(**arguments)
    with pytest.raises(ByhandError, match=r"only byhand\.steps"):
        next(iter(quiet))


def test_what_goes_wrong_inside_is_a_warning_and_the_loop_goes_on() -> None:
    calls = []

    def parameters() -> dict[str, Any]:
        calls.append(1)
        if len(calls) > 1:
            raise ZeroDivisionError("somebody's own")
        return {"w": np.ones(3)}

    with byhand.watch(parameters, port=0, open_browser=False) as watcher:
        with pytest.warns(UserWarning, match="ZeroDivisionError: somebody's own"):
            watcher(1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(10):
                watcher(1.0)


# ---------------------------------------------------------------- who may speak, and what it survives


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_line_without_our_own_origin_is_refused(quiet: Watcher, origin: str | None) -> None:
    line = quiet.address.replace("http", "ws", 1).replace("/?", "/api/watch?")
    with pytest.raises(InvalidStatus) as refused, connect(line, origin=origin, proxy=None):  # type: ignore[arg-type]
        pass
    assert refused.value.response.status_code == 403


def test_a_foreign_host_a_foreign_origin_and_what_is_no_file_are_refused(quiet: Watcher) -> None:
    with httpx.Client(base_url=quiet.address.partition("?")[0]) as client:
        assert client.get("").status_code == 403
        page = client.get(quiet.address, follow_redirects=True)
        assert page.status_code == 200 and "script-src 'self'" in page.headers["content-security-policy"]
        assert client.get("", headers={"Host": "evil.example"}).status_code == 421
        assert client.get("watch.js", headers={"Origin": "http://evil.example"}).status_code == 403
        assert client.get("../__init__.py").status_code == 404
        assert client.post("", content=b"x" * 2_000).status_code == 413
        assert client.post("").status_code == 405


@pytest.mark.parametrize("text", ["", "{", "null", "7", '{"do": 1}', '{"do": "stop"}', '{"do": "go", "far": 3}', "[" * 15_000])
def test_what_is_no_command_is_answered_in_one_line(tab: Tab, text: str) -> None:
    tab.line.send(text)
    told = tab.until(lambda message: "problem" in message)["problem"]
    assert "\n" not in told and len(told) < 200


def heard_out(line: ClientConnection) -> None:
    """Hear all that comes, until the line is closed."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            line.recv(5)


@pytest.mark.parametrize("pace", [0, -1, 1e9, "fast", True, [1]])
def test_an_impossible_pace_is_told_in_one_line(tab: Tab, pace: Any) -> None:
    tab.say(do="pace", pace=pace)
    assert "above 0" in tab.until(lambda message: "problem" in message)["problem"]


def test_a_huge_message_ends_its_line_and_nothing_else(loop: Loop, tab: Tab) -> None:
    for message in ("x" * (LARGEST_MESSAGE + 1), b"\x00" * 10):
        with line_to(loop.watcher) as line:
            line.recv(5)
            line.send(message)
            heard_out(line)
            assert line.close_code == 1009
    before = loop.steps
    tab.moment(lambda one: one["step"] > before)


@pytest.mark.slow
def test_two_hundred_lines_are_survived_while_the_loop_goes_on(loop: Loop) -> None:
    before = loop.steps
    with contextlib.ExitStack() as every:
        # These pages read nothing more once they have heard hello, so nobody waits for them to say goodbye.
        lines = [every.enter_context(line_to(loop.watcher, close_timeout=0.1)) for _ in range(200)]
        for line in lines[:MOST_PAGES]:
            assert "hello" in json.loads(line.recv(10))
        for line in lines[MOST_PAGES:]:
            with pytest.raises(ConnectionClosed):
                line.recv(10)
            assert line.close_code == 1013
    assert loop.steps > before


# ---------------------------------------------------------------- how it ends


def example(*arguments: str, code: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-u", *(["-c", code] if code else [str(EXAMPLE)]), *arguments]
    environment = os.environ | {"BROWSER": "true"}  # a command that opens nothing
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().split()[-1]


@pytest.mark.slow
def test_the_example_of_the_docs_learns_digits_and_says_goodbye_to_its_page() -> None:
    process = example("1")
    try:
        with line_to(address_of(process)) as line:
            tab = Tab(line)
            assert tab.hello["about"]["title"] == "own_loop.py"
            end = tab.until(lambda message: message.get("moment", {}).get("state") == "ended", 400)["moment"]
            assert end["step"] == 1_563
            assert [one["name"] for one in end["pictures"]] == ["w1", "w2"]
            with pytest.raises(ConnectionClosed):
                line.recv(10)
        output, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0 and errors == ""
    assert float(output.split("%")[0]) > 92


LOOP = """
import numpy as np, byhand
w = np.zeros((4, 4))
watcher = byhand.watch({{"w": w}}, port=0, open_browser=False)
for k in range(10**9):
    w += 1e-6
    watcher(1.0)
    {}
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_paused_program_still_ends_when_it_is_told_to(how: signal.Signals) -> None:
    process = example(code=LOOP.format(""))
    try:
        with line_to(address_of(process)) as line:
            tab = Tab(line)
            tab.say(do="pause")
            tab.moment(lambda one: one["state"] == "paused" and "parameters" in one)
            process.send_signal(how)
            process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode != 0


@pytest.mark.slow
def test_a_program_that_raises_ends_as_it_would_have_without() -> None:
    process = example(code=LOOP.format("if k == 100: raise ZeroDivisionError('mine')"))
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors.rstrip().endswith("ZeroDivisionError: mine")
    assert errors.count("Traceback") == 1


@pytest.mark.slow
def test_stay_keeps_the_page_until_ctrl_c() -> None:
    process = example(code=LOOP.format("if k == 100: break") + "watcher.stay()\nprint('done')\n")
    try:
        with line_to(address_of(process)) as line:
            tab = Tab(line)
            if tab.hello["moment"]["state"] != "ended":
                tab.moment(lambda one: one["state"] == "ended")
            tab.say(do="go")
            assert "the loop is over" in tab.until(lambda message: "problem" in message)["problem"].lower()
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=10)
    finally:
        process.kill()
    assert (process.returncode, errors) == (0, "")
    assert output.endswith("done\n")


# ---------------------------------------------------------------- what it costs


@pytest.mark.alone
@pytest.mark.slow
def test_a_call_costs_microseconds_and_looking_a_hundredth_of_the_time() -> None:
    w = np.random.default_rng(0).standard_normal((784, 100)).astype(np.float32)
    with byhand.watch({"w": w}, port=0, open_browser=False) as watcher, line_to(watcher) as line:
        Tab(line)
        calls, began = 0, time.process_time()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            for _ in range(100):
                watcher(1.0, gradients={"w": w})
            calls += 100
        spent = time.process_time() - began
    assert calls > 40_000  # 50 microseconds a call, with looking, telling and a page that listens: measured 2 to 4
    assert spent < 4
