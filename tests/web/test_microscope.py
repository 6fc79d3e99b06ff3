"""The microscope's side of the server: what it answers of a live training and of a step opened by name, and what it refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.sync.client import connect

from byhand.web.connection_limits import configuration
from byhand.web.server import application, listen
from byhand.web.site import page_files


@contextmanager
def serving(**opened: Any) -> Iterator[int]:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        app = application(page_files([], served=True), **opened)
        server = uvicorn.Server(configuration(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield port
        server.should_exit = True
        thread.join()
        app.state.close()


class Client(httpx.Client):
    """The page's side."""

    def __init__(self, port: int) -> None:
        super().__init__(base_url=f"http://127.0.0.1:{port}", timeout=60)
        self.port = port

    def ask(self, what: str, **given: Any) -> Any:
        answer = self.get(f"/api/microscope/{what}", params=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def tell(self, **command: Any) -> None:
        """A command to the training, once it is where the one before has brought it."""
        address, origin = f"ws://127.0.0.1:{self.port}/api/train", f"http://127.0.0.1:{self.port}"
        with connect(address, origin=origin, max_size=None, proxy=None) as line:
            json.loads(line.recv(10))
            line.send(json.dumps(command))
            while True:
                moment = json.loads(line.recv(60)).get("moment", {})
                if (
                    moment.get("state") in {"paused", "finished"}
                    and "step" in moment
                    and (command["do"] != "start" or moment["step"])
                ):
                    return


@pytest.fixture(scope="module")
def iris() -> Iterator[Client]:
    """Iris in training, paused after its second epoch's first step."""
    with serving() as port, Client(port) as client:
        client.tell(do="start", settings={"recipe": "iris", "epochs": 50}, far="epoch")
        client.tell(do="go", far="step")
        yield client


@pytest.mark.slow
def test_a_live_training_is_walked_from_the_outline_to_a_number_and_who_pushed_a_weight(iris: Client) -> None:
    outline = iris.ask("open")
    look = outline["look"]
    assert outline["moment"].startswith("Step 11, as it will be taken: epoch 2, batch 2 of 10")
    k = outline["owners"]["w2.gradient"]
    operation = iris.ask("operation", look=look, k=k)
    assert operation["title"] == "BP4, layer 2: the gradient of the weights"
    assert "<math" in operation["equations"][0]
    assert operation["source"][0]["place"].startswith("byhand/feedforward.py:")
    picture = iris.ask("picture", look=look, name="delta2", fixed="0:3")
    assert picture["columns"] == 5
    made = iris.ask("number", look=look, name="w2.gradient", at="1,2")
    assert made["total"] == pytest.approx(made["value"], rel=1e-11)
    assert {factor["ref"]["name"] for factor in made["terms"][0]["factors"] if factor["ref"]} == {"delta2", "a1"}
    assert made["change"]["now"] != made["change"]["was"]
    mean = iris.ask("number", look=look, name="a2", at="mean,2")
    assert mean["total"] == pytest.approx(mean["value"])
    pushed = iris.ask("pushes", look=look, name="w2", at="1,2")
    assert pushed["samples"] == outline["m"]
    assert sum(one["value"] for one in (*pushed["up"], *pushed["down"])) == pytest.approx(-made["value"], rel=1e-6)
    epoch = iris.ask("epoch", look=look, name="w2", at="1,2")
    assert (epoch["first"], epoch["last"], epoch["samples"]) == (0, 9, 96)  # a fifth is held out to validate on


@pytest.mark.slow
def test_a_step_stays_as_it_is_until_another_one_is_opened(iris: Client) -> None:
    look = iris.ask("open")["look"]
    before = iris.ask("number", look=look, name="C", at="")
    iris.tell(do="go", far="step")
    assert iris.ask("number", look=look, name="C", at="") == before
    again = iris.ask("open")
    assert again["look"] != look
    assert iris.ask("number", look=again["look"], name="C", at="")["value"] != before["value"]
    late = iris.get("/api/microscope/number", params={"look": look, "name": "C", "at": ""})
    assert late.status_code == 400 and "moved to another step" in late.text


def test_the_printed_page_is_there_still(iris: Client) -> None:
    page = iris.get("/api/microscope", params={"weight": "2:1,2"})
    assert page.status_code == 200 and "One training step, with every number" in page.text
    assert '<a href="../index.html">Draw</a>' in page.text  # and leads back to the others
    assert page.text.count("<style>") == page.headers["content-security-policy"].count("sha256-") == 2


@pytest.mark.parametrize(
    ("what", "given", "status"),
    [
        ("open", {"sample": "many"}, 400),
        ("open", {"sample": "999999"}, 400),
        ("operation", {"k": "0"}, 400),
        ("operation", {"look": "LOOK", "k": "99"}, 400),
        ("operation", {"look": "LOOK", "k": "-1"}, 400),
        ("picture", {"look": "LOOK", "name": "nothing"}, 400),
        ("picture", {"look": "LOOK", "name": "z2", "fixed": "0:99999"}, 400),
        ("picture", {"look": "LOOK", "name": "z2", "fixed": "1:mean"}, 400),
        ("picture", {"look": "LOOK", "name": "z2", "fixed": "x"}, 400),
        ("picture", {"look": "LOOK", "name": "z2", "part": "9"}, 400),
        ("picture", {"look": "LOOK", "name": "z" * 5000}, 400),
        ("number", {"look": "LOOK", "name": "z2", "at": "0"}, 400),
        ("number", {"look": "LOOK", "name": "z2", "at": "0,-1"}, 400),
        ("number", {"look": "LOOK", "name": "z2", "at": "0,mean"}, 400),
        ("number", {"look": "LOOK", "name": "z2", "at": "1e3,2"}, 400),
        ("number", {"look": "LOOK", "name": "z2", "at": ",".join("0" * 100)}, 400),
        ("pushes", {"look": "LOOK", "name": "z2", "at": "0,0"}, 400),
        ("pushes", {"look": "LOOK", "name": "w2", "at": "mean,0"}, 400),
        ("epoch", {"look": "LOOK", "name": "C", "at": ""}, 400),
        ("nonsense", {}, 404),
    ],
)
def test_a_wrong_question_is_answered_in_one_line_and_does_no_harm(iris: Client, what: str, given: Any, status: int) -> None:
    look = iris.ask("open")["look"]
    answer = iris.get(
        f"/api/microscope/{what}", params={name: look if value == "LOOK" else value for name, value in given.items()}
    )
    assert answer.status_code == status
    assert 0 < len(answer.text) < 400 and "\n" not in answer.text
    if what != "open":
        assert iris.ask("number", look=look, name="C", at="")["value"] > 0


def test_other_pages_may_not_ask(iris: Client) -> None:
    assert iris.get("/api/microscope/open", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert iris.get("/api/microscope/open", headers={"Origin": "http://evil.example"}).status_code == 403
    assert iris.get("/api/microscope/open", headers={"Host": "evil.example"}).status_code == 421
    assert iris.post("/api/microscope/open").status_code == 405


@pytest.mark.slow
def test_without_a_training_there_is_nothing_to_look_into() -> None:
    with serving() as port, Client(port) as client:
        answer = client.get("/api/microscope/open")
        assert answer.status_code == 404 and "press Start on the Train page" in answer.text


@pytest.mark.slow
def test_a_recipe_is_opened_at_a_step_without_a_training() -> None:
    with serving(what="iris", step=14) as port, Client(port) as client:
        outline = client.ask("open")
        assert outline["moment"].startswith("Step 14,")
        assert client.ask("epoch", look=outline["look"], name="w2", at="1,2")["last"] == 11
        assert "Step 14" in client.get("/api/microscope").text


@pytest.mark.slow
@pytest.mark.parametrize("what", ["mnist-vae", "mnist-ae"])
def test_an_autoencoder_and_a_vae_are_opened_too(what: str) -> None:
    with serving(what=what, step=1) as port, Client(port) as client:
        outline = client.ask("open")
        assert outline["m"] == 128 and outline["owners"]["encoder.0.weight.after"]
        made = client.ask("number", look=outline["look"], name="decoder.2.a", at="5,406")
        assert made["terms"][0]["factors"][0]["ref"] == {"name": "decoder.2.z", "at": [5, 406]}
        assert client.ask("picture", look=outline["look"], name="decoder.2.a", fixed="0:5")["grey"]
        assert client.ask("epoch", look=outline["look"], name="encoder.0.weight", at="5,406")["last"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "step", "said"),
    [("iris", 10**8, "tep must be from 0 to"), ("mnist-conv-vae", 10**8, "tep must be from 0 to")],
)
def test_what_cannot_be_opened_is_said_in_one_line(what: str, step: int | None, said: str) -> None:
    with serving(what=what, step=step) as port, Client(port) as client:
        answer = client.get("/api/microscope/open")
        assert answer.status_code == 400 and said in answer.text and "\n" not in answer.text
