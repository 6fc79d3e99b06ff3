"""Explaining a step of a VAE or an autoencoder: every number is the step's own, sums add up, the proof holds and can fail."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from byhand import optim
from byhand.errors import ModelError
from byhand.models import layer_stack
from byhand.models.autoencoder import Autoencoder
from byhand.models.vae import VAE
from byhand.see import chosen_step
from byhand.see.as_json import to_dict
from byhand.see.explain import explain
from byhand.see.page import page
from byhand.see.terminal import render

from .test_explain import value

M, N, K = 4, 36, 3


def batch() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.random((M, N)), np.eye(K)[rng.integers(0, K, M)]


def network(kind: str, **settings: Any) -> Any:
    made: Any = VAE if kind == "vae" else Autoencoder
    return made(N, (9, 7), 3, **({"activation": "tanh", "seed": 1} | settings))


def explained(kind: str = "vae", at: Any = (), optimizer: Any = None, **settings: Any) -> Any:
    return explain(network(kind, **settings), *batch(), optimizer=optimizer, at=at)


CASES = [
    ("vae", {}),
    ("vae", {"beta": 0.3, "warm_up": 10, "reconstruction": "gaussian"}),
    ("vae", {"classes": K}),
    ("ae", {"activation": "relu"}),
    ("ae", {"noise": 0.4, "reconstruction": "gaussian"}),
]


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_every_result_is_the_steps_own_number(kind: str, settings: Any) -> None:
    found = explained(kind, at=["2,17"], **settings)
    step = found.step
    values = {section.title: section.numbers[-1].value for section in found.sections}
    if kind == "vae":
        assert values["Code: it is drawn"] == step.record.found["z"][0, 2]
        d_mu, d_s = (
            line.value
            for line in next(s for s in found.sections if "through the draw" in s.title).numbers
            if line.value is not None
        )
        assert (d_mu, d_s) == (step.record.found["d_mu"][0, 2], step.record.found["d_log_sigma"][0, 2])
        assert values["L_reg: the Gaussian of the code against N(0, 1)"] == pytest.approx(step.record.found["kl"][0].sum())
        assert values["Code: its error, out of the decoder"] == pytest.approx(step.record.found["dz"][0, 2])
    assert values["BP1, decoder.2: the error of the output"] == step.record.found["decoder.delta"][-1][0, 17]
    assert values[f"C: the mean over the batch of {'both parts' if kind == 'vae' else 'L_rec'}"] == step.cost
    checked = 0
    for section in found.sections:
        what = next((what for what in ("weighted", "activation", "BP1", "BP2", "BP3", "BP4") if what in section.title), "")
        if not what:
            continue
        (of, layer), checked = section.scope.split("."), checked + 1
        at, shown = int(layer), section.numbers[-1].value
        unit = found.details["followed"][f"{section.scope}.z"][1]
        arrays = {"weighted": ("z", at), "activation": ("a", at + 1), "BP1": ("delta", at), "BP2": ("delta", at)}
        if what in arrays:
            name, index = arrays[what]
            assert shown == pytest.approx(step.record.found[f"{of}.{name}"][index][0, unit], abs=1e-12), section.title
        delta = step.record.found[f"{of}.delta"][at][:, unit]
        if what == "BP3":
            assert shown == pytest.approx(delta.mean(), rel=1e-12)
        if what == "BP4":
            k = int(re.findall(r"_\{(\d+),(\d+)\}", section.numbers[0].latex)[0][1])
            assert shown == pytest.approx((delta * step.record.found[f"{of}.a"][at][:, k]).mean(), rel=1e-12)
    assert checked == 6 * 5 - 2  # of 6 layers z, a, delta and both gradients; the encoder's last has no activation and no BP2
    before = network(kind, dtype="float64", **settings)
    before.parameters[...] = network(kind, **settings).parameters
    cost = before.learn(*(batch()[0], batch()[1] if settings.get("classes") else None), step.chance[0])
    assert step.cost == pytest.approx(cost, rel=1e-12)
    assert np.allclose(step.gradient, before.gradient, atol=1e-12)


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_sums_in_symbols_numbers_and_values_add_up(kind: str, settings: Any) -> None:
    found = explained(kind, **settings)
    rec = next(section for section in found.stage("cost") if section.title.startswith("L_rec"))
    for line in rec.numbers[1:]:
        assert value(line.latex.removeprefix("= ")) == pytest.approx(rec.numbers[-1].value, rel=5e-3)
    bp4 = [section for section in found.stage("backward") if section.title.startswith("BP4")]
    assert len(bp4) == 6
    for followed in found.weights:
        half, layer = followed.weight.name.split(".")[:2]
        section = next(one for one in bp4 if one.scope == f"{half}.{layer}")
        assert section.numbers[-1].value == pytest.approx(followed.proof.by_hand, rel=1e-12)
        assert followed.gradient == followed.proof.by_hand
        (j, k), step = followed.weight.place, found.step
        each = -step.record.found[f"{half}.delta"][int(layer)][:, j] * step.record.found[f"{half}.a"][int(layer)][:, k] / M
        assert -each.sum() == pytest.approx(followed.gradient, rel=1e-10)
        assert [push.value for push in followed.up] == sorted(each[each > 0], reverse=True)[:3]
        assert [push.value for push in followed.down] == sorted(each[each < 0])[:3]


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_the_proof_agrees_and_a_wrong_gradient_is_found_out(kind: str, settings: Any, monkeypatch: Any) -> None:
    assert [followed.proof.agrees for followed in explained(kind, **settings).weights] == [True, True]
    right = layer_stack.weight_gradient
    monkeypatch.setattr(layer_stack, "weight_gradient", lambda delta, a, out: np.multiply(right(delta, a, out), 1.01, out=out))
    assert [followed.proof.agrees for followed in explained(kind, **settings).weights] == [False, False]


def test_the_network_and_the_optimiser_stay_as_they_are() -> None:
    net, adam = network("vae"), optim.Adam(0.01)
    adam.prepare(net.parameters)
    was, state = net.parameters.copy(), net.rng.bit_generator.state
    found = explain(net, *batch(), optimizer=adam)
    assert np.array_equal(net.parameters, was)
    assert (adam.steps, net.rng.bit_generator.state) == (0, state)
    assert found.step.cost_after != found.step.cost
    assert np.allclose(found.step.theta_after - found.step.theta, found.step.update)


def test_the_step_is_the_one_that_training_takes() -> None:
    net, (x, y) = network("vae"), batch()
    found = explain(net, x, y)
    assert net.learn(x.astype(np.float32), y) == pytest.approx(found.step.cost, rel=1e-4)  # with the eps that it would draw
    assert np.allclose(net.gradient, found.step.gradient, rtol=1e-2, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_page_terminal_and_json_hold_it_whole(kind: str, settings: Any) -> None:
    found = explained(kind, optimizer=optim.Adam(0.001), **settings)
    text = page(found)
    assert 'src="http' not in text
    assert 'href="http' not in text
    assert text.count("<details") == text.count("</details>") == len(found.sections) + 1
    assert "✓ agrees" in text
    wide = io.StringIO()
    render(found, Console(file=wide, width=80, force_terminal=False))
    assert max(map(cell_len, wide.getvalue().splitlines())) <= 80
    for section in found.sections:
        assert section.title[:40] in wide.getvalue()
    held = json.loads(json.dumps(to_dict(found)))
    assert (held["code"], held["pixel"]) == (found.details["code"], found.details["pixel"])
    assert [weight["agrees"] for weight in held["weights"]] == [True, True]


@pytest.mark.slow
def test_what_cannot_be_followed_is_refused_in_one_line() -> None:
    cases: list[tuple[Any, str]] = [
        (lambda: explained(at=["3,0"]), "its code has the numbers 0 to 2, and an image the pixels 0 to 35"),
        (lambda: explained(at=["0,36"]), "place '0,36' is not in this network"),
        (lambda: explained(at=["0:1"]), "is not J,P: a number of the code and a pixel, as in --at 3,406"),
        (lambda: explained(at=["0,1", "0,2"]), "is not J,P"),
        (lambda: chosen_step.explain_step("mnist-vae", weights=["2:5,100"]), "name a number of the code and a pixel instead"),
    ]
    for call, message in cases:
        with pytest.raises(ModelError) as caught:
            call()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    net = network("vae")
    net.parameters[:] = np.nan
    with pytest.raises(ModelError, match="this step cannot be explained"):
        explain(net, *batch())


@pytest.mark.slow
def test_a_recipe_and_a_shipped_model_are_explained(tmp_path: Any) -> None:
    found = chosen_step.explain_step("mnist-ae", sample=5)
    assert found.step.network.kind == "autoencoder"
    assert all(proof.agrees for proof in [followed.proof for followed in found.weights])
