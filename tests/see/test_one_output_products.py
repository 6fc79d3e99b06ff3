"""One output of a convolution is the sum of all its products, and a weight's gradient the sum of all that it met."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

from byhand import nn
from byhand.see.explain import explain
from byhand.see.one_output import pixel_section, weight_section, weights_of
from byhand.see.tape import ModuleOp
from byhand.see.weight import Entry
from byhand.see.working import work_back

from .network_examples import batch, explained

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "padded": {"padding": 1},
    "strided": {"stride": 2, "padding": 1},
    "dilated": {"dilation": 2, "padding": 2},
    "grouped": {"groups": 2, "padding": 1, "bias": False},
    "depthwise": {"groups": 4},
    "uneven": {"kernel_size": (1, 3), "stride": (2, 1), "padding": (0, 2), "dilation": (1, 2)},
}


def convolution(name: str) -> ModuleOp:
    """A convolution as one step's tape has it, with all that came back to it."""
    settings = {"kernel_size": 3, **SETTINGS[name]}
    net = nn.Network(nn.Sequential(nn.Tanh(), nn.Conv2d(4, 8, **settings), nn.SiLU()), (6, 7, 4), cost="mse", seed=3)
    net.parameters += np.linspace(-0.1, 0.1, net.parameters.size, dtype=net.dtype)  # biases too
    return explain(net, *batch(net, 2)).step.record.ops[1]


def bias(op: ModuleOp, at: tuple[int, ...]) -> float:
    b = op.call.named("b")
    return 0.0 if b is None else float(b.values[at[-1]])


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_the_products_of_every_output_add_up_to_what_the_network_computed(name: str) -> None:
    op = convolution(name)
    for at in product(*map(range, op.output.shape)):
        if sum(at) % 3:  # a third of all places: every border is among them
            continue
        every = weights_of(op).products(at)
        assert math.fsum(one.value for one in every) + bias(op, at) == pytest.approx(op.output[at], rel=1e-12, abs=1e-12)
        assert len(every) == math.prod(op.inputs[1].values.shape[:3])


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_each_product_is_of_the_weight_and_the_input_that_it_names(name: str) -> None:
    op = convolution(name)
    x, w = op.inputs[0].values, op.inputs[1].values
    outside = 0
    for at in ((0, 0, 0, 0), (1, op.output.shape[1] - 1, op.output.shape[2] - 1, 7)):
        for one in weights_of(op).products(at):
            assert one.w == w[one.entry] and one.entry[3] == at[3]
            row, column, channel = one.place
            inside = 0 <= row < x.shape[1] and 0 <= column < x.shape[2]
            assert one.inside == inside
            assert one.x == (x[at[0], row, column, channel] if inside else 0)
            outside += not inside
    assert (outside > 0) == ("padding" in SETTINGS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_the_gradient_of_every_weight_is_the_sum_of_what_it_met(name: str) -> None:
    op = convolution(name)
    gradient = op.inputs[1].gradient
    for place in product(*map(range, gradient.shape)):
        if sum(place) % 4 == 0:
            worked = work_back(op, 1, place)
            assert worked.value == pytest.approx(gradient[place], rel=1e-12, abs=1e-14)
            assert worked.network == gradient[place] and worked.lines[-1].value == worked.value


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_what_a_weight_met_stands_where_it_is_said_to_stand(name: str) -> None:
    op = convolution(name)
    x = op.inputs[0].values
    for place in ((0, 0, 0, 0), tuple(n - 1 for n in op.inputs[1].values.shape)):
        entry = Entry("1.weight", place)
        seen, delta = weights_of(op).met(entry)
        assert seen.shape == delta.shape == op.output.shape[:3]
        for at in product(*map(range, seen.shape)):
            n, row, column, channel = weights_of(op).input_place(entry, at)
            inside = 0 <= row < x.shape[1] and 0 <= column < x.shape[2]
            assert seen[at] == (x[n, row, column, channel] if inside else 0)
            assert delta[at] == op.delta[(*at, place[3])]


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_the_section_lists_every_product_and_says_how_far_the_sum_is_off(name: str) -> None:
    op = convolution(name)
    at = (1, op.output.shape[1] - 1, 0, 5)
    section, pixel = pixel_section(op, at, "sample 4")
    assert abs(pixel.value - pixel.network) < 1e-12 and pixel.value == pytest.approx(op.output[at], abs=1e-12)
    assert section.listing is not None
    rows = section.listing.rows
    assert len(rows) == len(weights_of(op).products(at))
    assert sum(float(row[-1]) for row in rows) + bias(op, at) == pytest.approx(pixel.network, abs=1e-12)
    assert not any(math.copysign(1, float(row[-1])) < 0 for row in rows if row[-1] == 0)  # 0 is not -0
    settings = SETTINGS[name]
    assert ("groups" in section.note) == ("groups" in settings)
    for row in section.grids:
        patch, filter_, both = (grid.values for grid in row)
        assert np.array_equal(both, patch * filter_)
    listed = weight_section(op, Entry("1.weight", (0, 0, 0, 5)), at, ["4", "5"]).listing
    assert listed is not None and {row[0] for row in listed.rows} <= {"4", "5"}
    sizes = [abs(float(row[5])) for row in listed.rows]
    assert sizes == sorted(sizes, reverse=True)


def test_a_linear_layer_s_output_is_a_sum_too() -> None:
    found = explained("rows")
    assert found.details["pixel"]["sum"] == pytest.approx(found.details["pixel"]["network"], abs=1e-12)
    section = found.stage("pixel")[0]
    assert section.listing is not None and section.listing.heads == ("k", "w", "a", "product")
    assert len(section.listing.rows) == 5


def test_a_network_without_weights_of_that_kind_has_neither() -> None:
    found = explained("no weights that are followed")
    assert found.details["pixel"] is None and not found.weights and not found.stage("pixel") and not found.stage("update")
