"""An explanation tells the truth: its numbers are those of the arrays, its lines those of the files, its proof holds."""

from __future__ import annotations

import inspect
import json
import math
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import byhand
from byhand import optim
from byhand.errors import ModelError
from byhand.feedforward import FeedForward
from byhand.see.as_json import to_dict
from byhand.see.explain import explain
from byhand.see.update import flat_place
from byhand.see.weight import Weight, parse_weight

from .examples import NETWORKS, OPTIMIZERS, batch, explained

SRC = Path(byhand.__file__).parent.parent


def value(latex: str) -> float:
    """What a formula of plain numbers comes to, worked out from what is printed."""
    text = re.sub(r"\\text\{[^}]*\}", "", latex).replace(r"\,", "")
    text = re.sub(r"\\times 10\^\{(-?\d+)\}", r"*1e\1", text)
    for _ in range(4):
        text = re.sub(r"\\frac\{((?:[^{}]|\{[^{}]*\})*)\}\{((?:[^{}]|\{[^{}]*\})*)\}", r"((\1)/(\2))", text)
        text = re.sub(r"\\sqrt\{([^{}]*)\}", r"((\1)**0.5)", text)
        text = re.sub(r"\be\^\{([^{}]*)\}", r"(E**(\1))", text)
    text = text.replace("^", "**").replace(r"\cdot", "*").replace("[", "(").replace("]", ")")
    text = text.replace(r"\left", "").replace(r"\right", "").replace(r"\max", "max").replace(r"\tanh", "tanh")
    text = re.sub(r"\\ln (\d[\d.]*(?:\s*\*1e-?\d+)?)", r"log(\1)", text).replace(r"\ln", "log")
    text = text.replace("{", "(").replace("}", ")")
    text = re.sub(r"(?<=[\d)])\s*(?=\()", "*", text)
    return float(eval(text, {"E": math.e, "max": max, "tanh": math.tanh, "log": math.log, "__builtins__": {}}))


@pytest.mark.parametrize(("name", "m", "kind"), list(product(NETWORKS, (1, 10), OPTIMIZERS)))
def test_every_line_of_numbers_comes_to_the_result_below_it(name: str, m: int, kind: str) -> None:
    found = explained(NETWORKS[name](), m, optimizer=OPTIMIZERS[kind]())
    checked = 0
    for section in found.sections:
        pending: list[str] = []
        for line in section.numbers:
            right = line.latex.split(" = ")[-1].split(r"\leftarrow")[-1].strip().removeprefix("= ")
            if not re.search(
                r"[a-zA-Z]_|\^\{?[2-9]\}?_|\\sigma|\\delta|\\sum|lVert|\\partial|\\eta|\\mu|\\rho|\\beta|\^\{-\}|, g", right
            ):
                pending.append(right)
            if line.value is not None:
                largest = max([1e-9, *(abs(float(n)) for p in pending for n in re.findall(r"\d+\.\d+|\d+", p) if float(n) < 1e3)])
                for formula in pending:
                    assert value(formula) == pytest.approx(line.value, rel=4e-3, abs=2e-3 * largest), (section.title, formula)
                    checked += 1
                pending = []
    assert checked > 12


@pytest.mark.parametrize(("name", "m"), list(product(NETWORKS, (1, 10))))
def test_the_results_shown_are_those_of_the_arrays(name: str, m: int) -> None:
    network = NETWORKS[name]()
    x, y = batch(network, m)
    found = explain(network, x, y, optimizer=optim.SGD(0.7), seed=5)
    step = found.step
    raised = {
        (section.stage, section.title.split(":")[0], section.title): section.numbers[-1].value for section in found.sections
    }
    for (stage, _, title), shown in raised.items():
        layer = int(re.search(r"ayer (\d+)", title).group(1)) if "ayer" in title else 0  # type: ignore[union-attr]
        j = found.details["followed"].get(layer, 0)
        if title.endswith("weighted input"):
            a = step.record.a[layer - 1][0]
            assert shown == pytest.approx(a @ step.record.w[layer][j] + step.record.b[layer][j], rel=1e-12)
        elif "activation" in title:
            assert shown == step.record.full[layer][0, j]
        elif "dropout" in title:
            assert shown == step.record.a[layer][0, j]
        elif title.startswith(("BP1", "BP2")):
            assert shown == step.record.delta[layer][0, j]
        elif title.startswith("BP3"):
            assert shown == pytest.approx(step.record.delta[layer][:, j].mean(), rel=1e-12)
        elif title.startswith("BP4"):
            pass  # below, with its decay
        elif stage == "update":
            assert shown in {chosen.after for chosen in found.weights}
    assert found.step.cost == pytest.approx(
        step.network.l2 / 2 * (step.network.parameters[: step.network.n_weights] ** 2).sum()
        + step.network.l1 * np.abs(step.network.parameters[: step.network.n_weights]).sum()
        + step.record.cost_function.value(
            step.record.z[step.record.last], step.record.full[step.record.last], step.y, step.record.activations[step.record.last]
        ),
        rel=1e-12,
    )
    for chosen in found.weights:
        weight = chosen.weight
        data = (step.record.delta[weight.layer][:, weight.j] * step.record.a[weight.layer - 1][:, weight.k]).mean()
        w = chosen.before
        assert chosen.proof.by_hand == pytest.approx(
            data + step.network.l2 * w + step.network.l1 * np.sign(w), rel=1e-9, abs=1e-15
        )
        assert chosen.after == pytest.approx(w - 0.7 * chosen.proof.by_hand, rel=1e-12)
        assert step.gradient[flat_place(step, weight)] == step.record.w_gradient[weight.layer][weight.j, weight.k]


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_step_is_the_one_that_training_takes(kind: str) -> None:
    network = FeedForward((784, 30, 10), seed=1, dtype=np.float64)
    x, y = batch(network, 10)
    optimizer = OPTIMIZERS[kind]()
    for _ in range(3):
        network.learn(x, y)
        optimizer.step(network.parameters, network.gradient)
    before, state = network.parameters.copy(), {slot: vector.copy() for slot, vector in optimizer.state.items()}
    found = explain(network, x, y, optimizer=optimizer)

    assert np.array_equal(network.parameters, before) and optimizer.steps == 3
    assert all(np.array_equal(vector, state[slot]) for slot, vector in optimizer.state.items())
    cost = network.learn(x, y)
    optimizer.step(network.parameters, network.gradient)
    assert found.step.cost == cost
    for name, after in network.tensors().items():
        assert np.array_equal(found.step.parameter(name, found.step.theta_after), after)
    assert found.step.cost_after == network.learn(x, y)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", ["nesterov", "adamw"])
def test_the_source_shown_stands_at_those_lines_of_the_file(name: str, kind: str) -> None:
    found = explained(NETWORKS[name](), optimizer=OPTIMIZERS[kind](), clip=0.01)
    for section in found.sections:
        for source in section.source:
            file = (SRC / source.file).read_text(encoding="utf-8").splitlines()
            assert source.lines
            for number, text in source.lines:
                assert file[number - 1].strip() == text.strip()
            assert '"""' not in source.code
            assert source.lines[0][1].startswith("def ")
            assert "\n".join(text for _, text in source.runs()) == source.code


@pytest.mark.parametrize(("name", "m", "dtype"), list(product(NETWORKS, (1, 10), ("float32", "float64"))))
def test_the_gradient_by_hand_is_the_slope_of_the_cost(name: str, m: int, dtype: str) -> None:
    network = NETWORKS[name]()
    found = explained(network, m, dtype=dtype, seed=3)
    assert len(found.weights) >= 3 or network.sizes[1:] == (2,)
    assert {chosen.weight.layer for chosen in found.weights} == set(range(2, len(network.sizes) + 1))
    for chosen in found.weights:
        assert chosen.proof.relative_error < 1e-7
        assert chosen.proof.agrees


def test_a_wrong_gradient_would_be_found() -> None:
    from dataclasses import replace

    proof = explained(FeedForward((4, 5, 3), seed=1)).weights[0].proof
    assert not replace(proof, by_hand=proof.by_hand * (1 + 1e-6)).agrees


def test_a_weight_of_a_dark_pixel_has_no_gradient_and_its_proof_agrees() -> None:
    network = FeedForward((4, 5, 3), seed=1)
    x, y = batch(network, 3)
    x[:, 2] = 0
    chosen = explain(network, x, y, weights=["2:1,2"]).weights[0]
    assert (chosen.proof.by_hand, chosen.proof.numeric, chosen.proof.relative_error) == (0, 0, 0)
    assert chosen.proof.agrees and chosen.up == chosen.down == () and chosen.before == chosen.after


@pytest.mark.parametrize("name", NETWORKS)
def test_the_pushes_add_up_to_the_gradient_and_name_the_samples(name: str) -> None:
    network = NETWORKS[name]()
    x, y = batch(network, 6)
    indices = [70, 11, 52, 33, 94, 15]
    found = explain(network, x, y, indices=indices, classes=[f"class {unit}" for unit in range(network.sizes[-1])])
    for chosen in found.weights:
        weight = chosen.weight
        each = -found.step.record.delta[weight.layer][:, weight.j] * found.step.record.a[weight.layer - 1][:, weight.k] / 6
        assert [push.value for push in chosen.up] == sorted(each[each > 0], reverse=True)[:3]
        assert [push.value for push in chosen.down] == sorted(each[each < 0])[:3]
        for push in (*chosen.up, *chosen.down):
            i = indices.index(push.index)
            assert push.value == each[i]
            assert push.label == f"class {y[i].argmax()}"
            assert push.share == pytest.approx(abs(each[i]) / np.abs(each).sum())


def test_the_default_weights_have_the_largest_gradient_of_their_layer() -> None:
    found = explained(FeedForward((784, 30, 10), seed=1))
    assert len(found.weights) == 3
    for layer in (2, 3):
        largest = max(abs(chosen.proof.by_hand) for chosen in found.weights if chosen.weight.layer == layer)
        assert largest == pytest.approx(np.abs(found.step.record.w_gradient[layer]).max(), rel=1e-12)


def test_a_chosen_weight_is_counted_as_in_the_book_and_its_unit_is_followed() -> None:
    found = explained(FeedForward((784, 30, 10), seed=1), weights=["2:5,100", Weight(3, 7, 2)])
    assert found.details["followed"] == {2: 5, 3: 7}
    assert [str(chosen.weight) for chosen in found.weights] == ["2:5,100", "3:7,2"]
    assert found.weights[0].before == found.step.network.weights[0][5, 100]
    assert found.weights[1].before == found.step.network.weights[1][7, 2]
    assert found.sections[0].numbers[0].latex.startswith("z^{2}_{0,5} = w^{2}_{5,")


def test_clipping_is_shown_and_used() -> None:
    found = explained(FeedForward((4, 5, 3), seed=1), clip=0.01, optimizer=optim.SGD(1.0))
    section = next(section for section in found.sections if "clipped" in section.title)
    assert section.numbers[0].value == pytest.approx(np.linalg.norm(found.step.gradient))
    assert np.linalg.norm(found.step.used) == pytest.approx(0.01)
    for chosen in found.weights:
        assert chosen.after - chosen.before == pytest.approx(-found.step.used[flat_place(found.step, chosen.weight)])


def test_sections_stand_in_the_order_of_computation() -> None:
    found = explained(NETWORKS["decayed"](), clip=1.0)
    stages = [section.stage for section in found.sections]
    assert stages == sorted(stages, key=[stage.name for stage in found.stages].index)
    titles = [section.title.split(",")[0] for section in explained(FeedForward((4, 5, 3), seed=1)).stage("backward")]
    assert [title.split(":")[0] for title in titles] == ["BP1", "BP3", "BP4", "BP2", "BP3", "BP4"]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_json_is_plain_whole_and_round(name: str) -> None:
    found = explained(NETWORKS[name]())
    said = json.loads(json.dumps(to_dict(found), allow_nan=False))
    assert len(said["sections"]) == len(found.sections)
    assert {"Layer 2", "Cost"} <= {section["scope"] for section in said["sections"]}
    assert said["weights"][0]["gradient"] == found.weights[0].proof.by_hand
    assert said["cost"] == found.step.cost
    assert all(line["text"] for section in said["sections"] for line in section["numbers"])


@pytest.mark.parametrize("text", ["", "2:5", "5,100", "2:5,100,3", "a:b,c", "-2:5,1", "2:5.0,1", "2;5,1"])
def test_a_weight_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match=r"is not layer:j,k, as in 2:5,100"):
        parse_weight(text)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"weights": ["1:0,0"]}, "weights in layers 2 to 3: the input is layer 1"),
        ({"weights": ["4:0,0"]}, "weights in layers 2 to 3"),
        ({"weights": ["2:5,0"]}, "j runs from 0 to 4 and k from 0 to 3"),
        ({"weights": [Weight(3, 0, -1)]}, "k from 0 to 4"),
        ({"indices": [1]}, "1 indices for 10 samples"),
        ({"classes": ["a"]}, "give one class name per output, 3, or none, got 1"),
        ({"dtype": "int8"}, "float32 or float64"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match=said) as refused:
        explained(FeedForward((4, 5, 3), seed=1), **settings)
    assert "\n" not in str(refused.value)


def test_targets_and_inputs_that_do_not_fit_are_refused() -> None:
    network = FeedForward((4, 5, 3), seed=1)
    with pytest.raises(ModelError, match=r"the targets must be \(2, 3\), one number per output unit and sample"):
        explain(network, np.ones((2, 4)), np.ones((2, 2)))
    with pytest.raises(ModelError, match="the input must be"):
        explain(network, np.ones((2, 5)), np.ones((2, 3)))
    with pytest.raises(ModelError, match="is not finite"):
        explain(network, np.full((1, 4), np.inf), np.ones((1, 3)))


def test_the_public_functions_say_what_they_do() -> None:
    for function in (explain, to_dict, parse_weight):
        assert inspect.getdoc(function)


@pytest.mark.slow
def test_the_example_in_the_docs_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (SRC.parent / "docs" / "explain.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code
    monkeypatch.chdir(tmp_path)
    exec(compile(code.group(1), "docs/explain.md", "exec"), {})
    assert "<math" in (tmp_path / "step.html").read_text(encoding="utf-8")
