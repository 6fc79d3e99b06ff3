"""How a number of an autoencoder's or a VAE's step was computed: sums, the way from pixel to pixel, the explanation's numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from byhand.data import load
from byhand.see.chosen_step import explain_step
from byhand.see.step import TrainingStep
from byhand.see.step_numbers import StepNumbers, numbers_of, terms_of

from .examples import OPTIMIZERS
from .test_explain_codes import CASES, K, explained
from .test_step_numbers import check, some

ALL = [*CASES, ("ae", {"classes": K, "noise": 0.2}), ("vae", {"activation": "softmax"})]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "settings"), ALL)
def test_every_number_is_the_sum_of_its_terms(kind: str, settings: Any) -> None:
    numbers = numbers_of(explained(kind, **settings))
    for made in some(numbers, np.random.default_rng(1), each=6):
        assert made.terms, made.ref
        check(numbers, made)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_number_of_every_optimisers_update_is_too(optimizer: str) -> None:
    numbers = numbers_of(explained("vae", optimizer=OPTIMIZERS[optimizer]()))
    updates = {
        name: array for name, array in numbers.arrays.items() if name.endswith((".change", ".after", ".m", ".v", ".velocity"))
    }
    assert len(updates) >= 24  # a change and an after of six weights and six biases
    for name, array in updates.items():
        check(numbers, numbers.terms_of(name, [n - 1 for n in array.values.shape]))


def way_down(numbers: StepNumbers, name: str, at: tuple[int, ...]) -> list[str]:
    """The arrays that one comes through where one follows the first factor that goes on and was not come through yet."""
    way = [name]
    while True:
        refs = [factor.ref for term in numbers.terms_of(name, at).terms for factor in term.factors if factor.ref is not None]
        onward = [ref for ref in refs if ref.name not in way and not numbers.array(ref.name).parameter and ref.name != "eps"]
        if not onward:
            return way
        name, at = onward[0].name, onward[0].at
        way.append(name)


@pytest.mark.slow
def test_one_can_drill_from_a_pixel_that_came_back_down_to_a_pixel_that_went_in() -> None:
    way = way_down(numbers_of(explained("vae")), "decoder.2.a", (1, 17))
    assert way[:7] == ["decoder.2.a", "decoder.2.z", "decoder.1.a", "decoder.1.z", "decoder.0.a", "decoder.0.z", "z"]
    assert way[7] in {"mu", "log_sigma"}
    assert way[8:] == ["encoder.2.z", "encoder.1.a", "encoder.1.z", "encoder.0.a", "encoder.0.z", "x"]
    noisy = way_down(numbers_of(explained("ae", noise=0.4)), "decoder.0.z", (1, 3))
    assert noisy == ["decoder.0.z", "noisy", "code", *way[8:]]
    told = way_down(numbers_of(explained("vae", classes=K)), "encoder.0.z", (1, 3))
    assert told[:2] == ["encoder.0.z", "encoder.in"] and told[2] in {"x", "y"}


@pytest.mark.parametrize(
    ("name", "at", "behind"),
    [
        ("encoder.0.weight.gradient", (2, 5), {"encoder.0.delta", "x"}),
        ("encoder.0.delta", (1, 2), {"encoder.1.weight", "encoder.1.delta", "encoder.0.z"}),
        ("encoder.1.delta", (1, 2), {"encoder.2.weight", "encoder.2.delta", "encoder.1.z"}),
        ("encoder.2.delta", (1, 2), {"d_mu"}),
        ("encoder.2.delta", (1, 3), {"d_log_sigma"}),
        ("d_mu", (1, 2), {"dz", "mu"}),
        ("d_log_sigma", (1, 0), {"dz", "eps", "log_sigma"}),
        ("dz", (1, 0), {"decoder.0.weight", "decoder.0.delta"}),
        ("decoder.0.delta", (1, 2), {"decoder.1.weight", "decoder.1.delta", "decoder.0.z"}),
        ("decoder.2.delta", (1, 17), {"decoder.2.a", "x"}),
        ("L_rec", (1,), {"decoder.2.a", "x"}),
        ("L_reg", (1,), {"kl"}),
        ("kl", (1, 0), {"mu", "log_sigma"}),
        ("C", (), {"L_rec", "L_reg"}),
    ],
)
def test_one_can_drill_back_through_the_draw(name: str, at: tuple[int, ...], behind: set[str]) -> None:
    terms = numbers_of(explained("vae")).terms_of(name, at).terms
    assert {factor.ref.name for term in terms for factor in term.factors if factor.ref is not None} == behind


@pytest.mark.parametrize(("kind", "settings"), ALL)
def test_it_is_what_the_explanation_says(kind: str, settings: Any) -> None:
    found = explained(kind, at=["2,17"], **settings)
    values = {section.title: section.numbers[-1].value for section in found.sections if section.numbers}
    same: dict[str, tuple[str, tuple[int, ...]]] = {
        f"C: the mean over the batch of {'both parts' if kind == 'vae' else 'L_rec'}": ("C", ()),
        "L_rec: the image that came back against the one that went in": ("L_rec", (0,)),
        "Code: its error, out of the decoder": ("dz" if kind == "vae" else "d_code", (0, 2)),
    }
    if kind == "vae":
        same |= {
            "Code: it is drawn": ("z", (0, 2)),
            "L_reg: the Gaussian of the code against N(0, 1)": ("L_reg", (0,)),
            "Code: through the draw": ("d_log_sigma", (0, 2)),
        }
    for section in found.sections:
        what = next((what for what in ("weighted", "activation", "BP1", "BP2", "BP3", "BP4") if what in section.title), "")
        if not what:
            continue
        unit = found.details["followed"][f"{section.scope}.z"][1]
        weight = tuple(int(k) for k in re.findall(r"_\{(\d+),(\d+)\}", section.numbers[0].latex)[0]) if what == "BP4" else ()
        array = {"weighted": "z", "activation": "a", "BP3": "bias.gradient", "BP4": "weight.gradient"}.get(what, "delta")
        same[section.title] = (f"{section.scope}.{array}", {"BP3": (unit,), "BP4": weight}.get(what, (0, unit)))
    assert len([title for title in same if title.startswith("BP4")]) == 6
    for title, (name, at) in same.items():
        made = terms_of(found, name, at)
        assert made.value == pytest.approx(values[title], rel=1e-12), title
        assert made.total == pytest.approx(values[title], rel=1e-11, abs=1e-13), title


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_the_pushes_of_all_samples_are_the_gradient(kind: str, settings: Any) -> None:
    found = explained(kind, **settings)
    numbers, rng = numbers_of(found), np.random.default_rng(2)
    for name, array in numbers.arrays.items():
        if array.parameter == name:
            at = tuple(int(rng.integers(n)) for n in array.values.shape)
            gradient = numbers.array(f"{name}.gradient").values[at]
            assert -numbers.pushes(name, at).sum() == pytest.approx(gradient, rel=1e-10, abs=1e-14)


def test_every_array_stands_in_the_step_as_the_network_computed_it() -> None:
    found = explained("vae", beta=0.3, warm_up=10)
    step: TrainingStep = found.step
    numbers = numbers_of(found)
    for name in ("mu", "log_sigma", "z", "kl", "dz", "d_mu", "d_log_sigma"):
        assert np.array_equal(numbers.array(name).values, step.record.found[name])
    assert step.network.warmed_beta() == 0  # the warm-up begins: nothing pulls yet
    (only,) = numbers.terms_of("d_mu", (0, 0)).terms
    assert only.factors[0].ref is not None and only.factors[0].ref.name == "dz"
    for vector, ending in (
        (step.gradient, ".gradient"),
        (step.theta, ""),
        (step.theta_after, ".after"),
        (step.update, ".change"),
    ):
        flat = step.network.parameters.copy()
        step.network.parameters[...] = vector
        for name, view in step.network.tensors().items():
            assert np.array_equal(numbers.array(name + ending).values, view)
        step.network.parameters[...] = flat


@pytest.mark.slow
def test_a_real_vae_is_followed_from_a_pixel_of_its_output_to_one_of_the_data() -> None:
    found = explain_step("mnist-vae", sample=7, step=2)
    numbers = numbers_of(found)
    way = way_down(numbers, "decoder.2.a", (0, 406))
    assert way[-1] == "x" and "z" in way
    assert np.array_equal(numbers.array("x").values[0], load("mnist").train.inputs[7].reshape(-1).astype(float))
    check(numbers, numbers.terms_of("L_rec", (0,)))
