"""The explanation of a network of modules is true: every number in it is the tape's, in the order of the tape."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from byhand import nn
from byhand.engine import ops
from byhand.equation import equations_of
from byhand.errors import ModelError
from byhand.models.conv_autoencoder import ConvVAE
from byhand.optim import SGD, AdamW, clip
from byhand.see.as_json import to_dict
from byhand.see.chosen_step import explain_step
from byhand.see.explain import explain
from byhand.see.gradient_check import prove
from byhand.see.op_sections import _row
from byhand.see.unit_address import UnitAddress, find_unit, parse_address
from byhand.see.working import followed_gradient, work_back, work_out

from .network_examples import NAMES, batch, explained, network
from .test_explain import OPTIMIZERS


def places(found: Any) -> list[tuple[int, ...]]:
    """The place that is followed in each op's output."""
    return [tuple(op["at"]) for op in found.details["ops"]]


def apart(found: Any) -> float:
    """How far the output that was summed up product by product is from what the network computed."""
    pixel = found.details["pixel"]
    return float(abs(pixel["sum"] - pixel["network"]))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("m", [1, 3])
def test_each_op_is_explained_once_forward_and_once_back_in_the_order_of_the_tape(name: str, m: int) -> None:
    found = explained(name, m)
    assert [section.title for section in found.sections if section.stage in {"forward", "cost"}] == [
        op.title for op in found.step.record.ops
    ]
    assert [section.title for section in found.stage("cost")] == [found.step.record.ops[-1].title]
    back = [section.title for section in found.stage("backward")]
    wanted = [f"{op.title}, backward" for op in reversed(found.step.record.ops) if op.delta is not None]
    assert back == [*wanted, "The gradient is clipped"]
    for section in found.stage("forward"):
        assert section.equations and section.source and section.sizes


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_number_that_is_worked_out_is_the_one_that_the_network_computed(name: str) -> None:
    found = explained(name)
    for op, at in zip(found.step.record.ops, places(found), strict=True):
        worked = work_out(op, at)
        assert worked.value == pytest.approx(worked.network, rel=1e-12, abs=1e-13), op.title
        assert worked.lines[-1].value == pytest.approx(worked.value, rel=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_every_gradient_that_is_worked_out_is_the_one_that_the_engine_computed(name: str) -> None:
    found, compared = explained(name), 0
    for op, at in zip(found.step.record.ops, places(found), strict=True):
        followed = followed_gradient(op, at, _row(op, found.row, found.step.m))
        if followed is not None:
            worked = work_back(op, *followed)
            assert worked.value == pytest.approx(worked.network, rel=1e-11, abs=1e-13), op.title
            compared += 1
    assert compared >= min(5, len(found.step.record.ops) - 1)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_holds_at_any_place(name: str) -> None:
    found, rng = explained(name), np.random.default_rng(5)
    for op in found.step.record.ops:
        for _ in range(8 if op.output.shape else 1):
            at = tuple(int(rng.integers(n)) for n in op.output.shape)
            sample = at[0] if at and op.output.shape[0] == found.step.m else 0
            assert work_out(op, at).value == pytest.approx(op.output[at], rel=1e-11, abs=1e-12), (op.title, at)
            followed = followed_gradient(op, at, sample)
            if followed is not None:
                back = work_back(op, *followed)
                assert back.value == pytest.approx(back.network, rel=1e-9, abs=1e-13), (op.title, at)


@pytest.mark.slow
def test_pools_whose_windows_overlap_are_worked_out() -> None:
    for layer in (nn.MaxPool2d(3, stride=1, padding=1), nn.AvgPool2d(3, stride=1, padding=1)):
        net = nn.Network(nn.Sequential(layer, nn.Flatten(), nn.Linear(16, 2)), (4, 4, 1), seed=1)
        x, y = batch(net, 2)
        for place in ("0:0,0,0,0", "0:1,3,3,0", "0:1,2,1,0"):
            found = explain(net, x, y, at=[place])
            worked = work_out(found.step.record.ops[0], places(found)[0])
            assert str(UnitAddress("0", places(found)[0])) == place
            assert worked.value == pytest.approx(worked.network, abs=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn", "transformer"])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_step_is_the_one_that_a_training_takes(name: str, kind: str) -> None:
    net = network(name)
    x, y = batch(net, 4)
    found = explain(net, x, y, optimizer=OPTIMIZERS[kind](), clip=0.3)
    real, optimizer = net.twin(np.float64), OPTIMIZERS[kind]()
    real.rng = copy.deepcopy(net.rng)
    assert found.step.cost == real.learn(x, y)
    assert np.array_equal(found.step.gradient, real.gradient)
    clip(real.gradient, 0.3)
    optimizer.step(real.parameters, real.gradient)
    assert found.step.theta_after == pytest.approx(real.parameters, rel=1e-12, abs=1e-15)
    section = found.stage("update")[0]
    assert section.numbers[-1].value == found.weights[0].after
    place = dict(real.module.parameters())[found.weights[0].weight.name].data[found.weights[0].weight.place]
    assert found.weights[0].after == pytest.approx(place, rel=1e-12)


@pytest.mark.slow
def test_the_network_and_the_optimiser_stay_as_they_are() -> None:
    net, optimizer = network("cnn"), AdamW(0.01)
    x, y = batch(net, 4)
    optimizer.prepare(net.parameters)
    before = copy.deepcopy((net.parameters, net.buffers, optimizer.state, optimizer.steps, net.rng.bit_generator.state))
    explain(net, x, y, optimizer=optimizer)
    after = (net.parameters, net.buffers, optimizer.state, optimizer.steps, net.rng.bit_generator.state)
    assert json.dumps(before, default=lambda a: a.tolist()) == json.dumps(after, default=lambda a: a.tolist())


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("no ")])
def test_the_followed_weight_is_proven_and_its_pushes_are_its_gradient(name: str) -> None:
    found = explained(name)
    proof = found.weights[0].proof
    assert proof.agrees and proof.kinks == 0
    assert proof.numeric == pytest.approx(proof.by_hand, rel=1e-7, abs=1e-9)
    assert found.weights[0].gradient == pytest.approx(proof.by_hand, rel=1e-12)
    pushes = [push.value for push in (*found.weights[0].up, *found.weights[0].down)]
    assert -sum(pushes) == pytest.approx(found.weights[0].gradient, rel=1e-10)  # of three samples, none is left out


def test_a_gradient_that_is_wrong_is_found_out() -> None:
    found = explained("cnn")
    for wrong in (0.999, 1.0001, -1.0):
        assert not prove(replace(found.step, gradient=found.step.gradient * wrong), found.weights[0].weight).agrees


@pytest.mark.slow
def test_an_op_whose_gradient_is_wrong_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    right = ops.max_pool2d.gradient

    def wrong(xp: Any, saved: Any, delta: Any) -> Any:
        return 0.99 * right(xp, saved, delta)

    monkeypatch.setattr(ops.max_pool2d, "gradient", wrong)
    monkeypatch.setattr("byhand.see.op_sections.sources", lambda *_: ())
    net = network("cnn")
    found = explain(net, *batch(net, 3))
    assert not found.weights[0].proof.agrees


@pytest.mark.slow
def test_in_float32_the_step_is_the_training_s_and_the_proof_is_still_in_float64() -> None:
    net = network("cnn")
    x, y = batch(net, 3)
    found = explain(net, x, y, dtype=np.float32)
    assert found.step.theta.dtype == np.float32
    assert found.weights[0].proof.agrees and found.weights[0].proof.relative_error < 1e-6
    assert apart(found) < 1e-5


@pytest.mark.slow
def test_an_output_that_was_asked_for_is_the_one_that_is_worked_out() -> None:
    net = network("cnn")
    x, y = batch(net, 3)
    found = explain(net, x, y, at=["3:2,0,3,5"], indices=[7, 8, 9], classes=["a", "b", "c"])
    assert (found.details["pixel"]["scope"], found.details["pixel"]["at"], found.row) == ("3", [2, 0, 3, 5], 2)
    assert found.weights[0].weight.name == "3.weight" and found.weights[0].weight.place[-1] == 5
    assert all(at[0] == 2 for at in places(found) if at)
    assert "For sample 9 (" in found.stage("pixel")[0].note
    beside = explain(net, x, y, at=["1:1,5,2,3"])  # of no layer with weights: its own number is shown
    assert places(beside)[1] == (1, 5, 2, 3) and beside.details["pixel"]["scope"] == "0"


@pytest.mark.parametrize("name", NAMES)
def test_json_is_plain_and_has_every_section(name: str) -> None:
    found = explained(name)
    said = json.loads(json.dumps(to_dict(found), allow_nan=False))
    assert [section["title"] for section in said["sections"]] == [section.title for section in found.sections]
    assert [op["op"] for op in said["ops"]] == [op.node.op.name for op in found.step.record.ops]
    if not found.weights:
        assert said["pixel"] is None and said["weights"] == []
    else:
        assert said["pixel"]["sum"] == pytest.approx(said["pixel"]["network"], abs=1e-12)
        assert said["weights"][0]["agrees"] is True


# ---------------------------------------------------------------- what cannot be explained is said in one line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("9:0,0,0,0", "nothing in this network is named '9': choose one of 0, 1, 2"),
        (
            "0:0,8,0,0",
            "place 0:0,8,0,0 is outside of the output of 0, which is (3, 8, 8, 4): give 4 indices below that, as in 0:0,",
        ),
        ("0:3,0,0,0", "outside of the output of 0"),
        ("0:0,0,0", "give 4 indices below that"),
        ("7:0,0,0,0", "give 2 indices below that, as in 7:0,1"),
        ("cross_entropy:0", "it is one number, which is followed anyway"),
        ("0", "place '0' is not SCOPE:N,I,J,O, as in 0:0,13,14,5"),
        ("0:-1,0,0,0", "is not SCOPE:N,I,J,O"),
        ("", "is not SCOPE:N,I,J,O"),
    ],
)
def test_a_place_that_is_not_there_is_told_in_one_line(place: str, said: str) -> None:
    net = network("cnn")
    with pytest.raises(ModelError) as error:
        explain(net, *batch(net, 3), at=[place])
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_place_is_read_and_found() -> None:
    assert parse_address(" encoder.0 : 0, 13,14 ,5 ") == UnitAddress("encoder.0", (0, 13, 14, 5))
    assert str(parse_address("0:1,2")) == "0:1,2"
    number, place = find_unit("blocks.0.0.inner.1:0,5,7", explained("transformer").step.record.ops)
    assert explained("transformer").step.record.ops[number].node.op.name == "reshape" and place.at == (
        0,
        5,
        7,
    )  # the module's output


def test_batches_that_do_not_fit_are_told_in_one_line() -> None:
    net = network("cnn")
    x, y = batch(net, 3)
    for arguments, said in (
        ((x, y[:2]), "3 samples but 2 targets"),
        ((np.full_like(x, np.nan), y), "not finite"),
    ):
        with pytest.raises(ModelError, match=said):
            explain(net, *arguments)
    with pytest.raises(ModelError, match="2 indices for 3 samples"):
        explain(net, x, y, indices=[1, 2])
    with pytest.raises(ModelError, match="give one class name per output, 3, or none, got 1"):
        explain(net, x, y, classes=["a"])


def test_places_and_weights_are_not_mixed_up() -> None:
    with pytest.raises(ModelError, match="name a weight instead, as in --weight 2:5,100"):
        explain_step("iris", at=["0:0,1"])
    with pytest.raises(ModelError, match="name an output instead, as in --at 0:0,13,14,5"):
        explain_step("attention", weights=["2:0,0"])


@pytest.mark.slow
def test_a_transformer_s_recipe_is_explained() -> None:
    found = explain_step("attention", sample=3)
    assert apart(found) < 1e-12
    assert [sample.name for sample in found.samples] == ["3"]


def test_the_equations_of_a_docstring_are_parted() -> None:
    assert equations_of(r"y = x, \quad x = 1") == ("y = x", "x = 1")
    assert equations_of("") == ()


@pytest.mark.slow
def test_plain_gradient_descent_moves_the_weight_by_its_gradient() -> None:
    net = network("rows")
    found = explain(net, *batch(net, 2), optimizer=SGD(0.5))
    assert found.weights[0].after == pytest.approx(found.weights[0].before - 0.5 * found.weights[0].gradient, rel=1e-12)


@pytest.mark.slow
def test_a_cost_that_counts_its_steps_is_measured_at_one_step() -> None:
    net = ConvVAE(latent=2, channels=(2, 4), beta=3.0, warm_up=4, seed=1)
    x = np.random.default_rng(0).random((2, 784), np.float32)
    net.learn(x, x)
    found = explain(net, x, x, optimizer=SGD(1e-9))
    assert found.weights[0].proof.agrees
    assert found.step.cost_after == pytest.approx(found.step.cost, rel=1e-5)  # with the same share of the divergence
