"""The microscope from the command line: how a number was computed, and who pushed a weight over an epoch."""

from __future__ import annotations

import json

import pytest

from .test_cli import byhand

pytestmark = pytest.mark.slow


def test_a_number_is_taken_apart_in_the_terminal_and_as_json() -> None:
    done = byhand("explain", "iris", "--step", 3, "--number", "z2:0,4")
    assert done.returncode == 0 and "They add up to" in done.stdout and "--number" in done.stdout
    found = json.loads(byhand("explain", "iris", "--step", 3, "--number", "z2:0,4", "--json").stdout)
    assert len(found["terms"]) == 5
    assert sum(term["value"] for term in found["terms"]) == pytest.approx(found["value"])
    assert found["terms"][0]["factors"][0]["ref"]["name"] in {"w2", "b2"}


def test_the_last_epoch_is_gone_through_for_a_weight() -> None:
    done = byhand("explain", "iris", "--step", 30, "--weight", "2:1,2", "--epoch")
    assert done.returncode == 0 and "over the steps 12 to 23" in done.stdout
    found = json.loads(byhand("explain", "iris", "--step", 30, "--number", "w2:1,2", "--epoch", "--json").stdout)
    assert (found["first"], found["last"], found["samples"]) == (12, 23, 120)
    assert found["up"][0]["value"] > 0 > found["down"][0]["value"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explain", "iris", "--number", "z7:0,0"), "no array 'z7'"),
        (("explain", "iris", "--number", "z2:"), "is not NAME:I,J"),
        (("explain", "iris", "--epoch"), "--epoch is of one weight"),
        (("explain", "iris", "--epoch", "--weight", "2:1,2"), "no step has been taken yet"),
        (("microscope", "no-such-recipe"), "the model 'no-such-recipe' does not exist"),
    ],
)
def test_what_there_is_not_is_said_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    done = byhand(*arguments)
    assert done.returncode == 1 and done.stdout == ""
    assert said in done.stderr and done.stderr.count("\n") == 1
