"""The state of a training: what is put back is all of it, and nothing of one training gets into the next."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import byhand
from byhand import nn, optim
from byhand.data.dataset import Dataset
from byhand.draw.progress import ProgressBar
from byhand.errors import ModelError, TrainingError
from byhand.feedforward import FeedForward
from byhand.models.autoencoder import Autoencoder
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.vae import VAE
from byhand.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from byhand.training.fit import Callback, EarlyStopping
from byhand.training.history import Epoch, History
from byhand.training.rate_finder import find_learning_rate
from byhand.training.state import generator_state, set_generator, undisturbed
from byhand.training.steps import Steps

from .cutting import Cutting, PowerCut


class Shaken(nn.Module):
    """A layer of somebody's own with a generator of its own."""

    def __init__(self) -> None:
        self.chance = np.random.Generator(np.random.SFC64(7))

    def forward(self, x: Any) -> Any:
        return x + self.chance.normal(0, 0.05, x.shape).astype(np.float32) if self.training else x


def feedforward(dtype: Any = "float32") -> FeedForward:
    return FeedForward((4, 12, 3), "relu", output="softmax", cost="cross_entropy", dropout=0.2, seed=1, dtype=dtype)


def batch_normed() -> nn.Network:
    layers = nn.Linear(4, 16), nn.BatchNorm2d(16), nn.ReLU(), nn.Dropout(0.2), Shaken(), nn.Linear(16, 3)
    return nn.Network(nn.Sequential(*layers), (4,), seed=1)


def diffusion() -> DiffusionNetwork:
    return DiffusionNetwork(MLPDenoiser(4, width=16, depth=1, classes=3), (4,), seed=1, mean=3.5, std=2.0, ema_decay=0.9)


NETWORKS: dict[str, Callable[[], Any]] = {
    "feedforward": feedforward,
    "float64": lambda: feedforward("float64"),
    "batch norm": batch_normed,
    "diffusion": diffusion,
    "autoencoder": lambda: Autoencoder(4, (8,), 2, reconstruction="gaussian", seed=1),
    "vae": lambda: VAE(4, (8,), 2, reconstruction="gaussian", warm_up=20, seed=1),
}
OPTIMIZERS: dict[str, Callable[[], optim.Optimizer]] = {
    "sgd": lambda: optim.SGD(0.5),
    "momentum": lambda: optim.SGD(0.2, momentum=0.9),
    "rmsprop": lambda: optim.RMSProp(0.02),
    "adam": lambda: optim.Adam(0.03),
    "adamw": lambda: optim.AdamW(0.03, weight_decay=0.1),
}


def bits(model: Any) -> dict[str, bytes]:
    """All that the answers of a network come from, and its generators."""
    rngs = {"rng": model.rng, **getattr(model, "generators", {})}
    arrays = {"parameters": model.parameters, **model.buffers}
    found = {name: array.tobytes() for name, array in arrays.items()}
    return found | {name: str(rng.bit_generator.state).encode() for name, rng in rngs.items()}


def cost(model: Any, data: Dataset) -> float:
    return float(model.evaluate(data.flat, data.targets())[0])


def fit(model: Any, data: Dataset, held: Dataset | None, **settings: Any) -> History:
    chosen = {"epochs": 12, "batch_size": 16, "optimizer": optim.Adam(0.05), "seed": 1, **settings}
    return byhand.fit(model, data, validation=held, **chosen)


def best(history: History) -> float:
    return min(epoch.validation_cost for epoch in history.epochs if epoch.validation_cost is not None)


class Rising(Dataset):
    """Validation data on which it goes downhill from the second epoch on: the targets are wrong."""

    def targets(self, dtype: Any = np.float32) -> Any:
        return np.roll(super().targets(dtype), 1, axis=1)


@pytest.fixture(scope="module")
def wrong() -> Dataset:
    test = byhand.data.load("iris").test
    return Rising(test.name, test.inputs, test.labels, test.class_names)


# ---------------------------------------------------------------- a snapshot


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_training_put_back_by_its_snapshot_takes_the_same_steps_again(kind: str, iris: Dataset) -> None:
    for at in (0, 2, 4, 11):
        training = byhand.steps(NETWORKS[kind](), iris, epochs=3, batch_size=32, optimizer=optim.Adam(0.05), schedule="cosine")
        while training.index < at:
            next(training)
        snapshot, stood = training.snapshot(), bits(training.model)
        costs = [step.cost for step in training]
        training.restore(snapshot)
        assert bits(training.model) == stood
        assert [step.cost for step in training] == costs


def test_a_rate_that_was_changed_on_the_way_is_part_of_the_state(iris: Dataset, tmp_path: Path) -> None:
    def begun() -> Steps:
        return byhand.steps(feedforward(), iris, epochs=2, optimizer=optim.SGD(0.5))

    whole = begun()
    next(whole)
    whole.base_rate = 0.01
    write_checkpoint(tmp_path / "c", whole)
    costs = [step.cost for step in whole]
    again = begun()
    read_checkpoint(tmp_path / "c", again)
    assert again.base_rate == 0.01
    assert [step.cost for step in again] == costs


def test_settings_that_were_changed_on_the_way_are_part_of_the_state(iris: Dataset, tmp_path: Path) -> None:
    def begun() -> Steps:
        return byhand.steps(feedforward(), iris, epochs=2, optimizer=optim.AdamW(0.02), clip=5.0)

    whole, optimizer = begun(), None
    next(whole)
    snapshot = whole.snapshot()
    whole.clip_length, optimizer = 0.1, whole.optimizer
    optimizer.weight_decay = 0.5  # type: ignore[attr-defined]
    write_checkpoint(tmp_path / "c", whole)
    costs = [step.cost for step in whole]
    again = begun()
    read_checkpoint(tmp_path / "c", again)
    assert (again.clip_length, again.optimizer.weight_decay) == (0.1, 0.5)  # type: ignore[attr-defined]
    assert [step.cost for step in again] == costs
    whole.restore(snapshot)
    assert (whole.clip_length, optimizer.weight_decay) == (5.0, 0.01)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64, np.random.PCG64DXSM])
def test_every_kind_of_generator_is_put_back_from_json(kind: Any) -> None:
    rng = np.random.Generator(kind(3))
    rng.random(5, np.float32)
    state = json.loads(json.dumps(generator_state(rng)))
    drawn = rng.standard_normal(9)
    other = np.random.Generator(kind(8))
    set_generator(other, state)
    assert np.array_equal(other.standard_normal(9), drawn)


def test_going_on_from_a_checkpoint_takes_a_layers_own_generator_along(iris: Dataset, tmp_path: Path) -> None:
    whole = byhand.steps(batch_normed(), iris, epochs=2, batch_size=16, seed=3)
    for _ in range(3):
        next(whole)
    write_checkpoint(tmp_path / "c", whole)
    costs = [step.cost for step in whole]
    again = byhand.steps(batch_normed(), iris, epochs=2, batch_size=16, seed=3)
    read_checkpoint(tmp_path / "c", again)
    assert [step.cost for step in again] == costs


# ---------------------------------------------------------------- early stopping


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("patience", [2, 50, None])
def test_the_network_given_back_costs_what_the_best_epoch_did(
    kind: str, patience: int | None, iris: Dataset, wrong: Dataset
) -> None:
    held = wrong if kind in ("feedforward", "float64", "batch norm") else byhand.data.load("iris").test
    model, callback = NETWORKS[kind](), EarlyStopping(patience)
    history = fit(model, iris, held, callbacks=[callback], optimizer=optim.Adam(0.2), epochs=8)
    assert cost(model, held) == pytest.approx(best(history), abs=1e-12) == pytest.approx(callback.best, abs=1e-12)
    assert (len(history.epochs) < 8) or patience != 2 or kind not in ("feedforward", "float64", "batch norm")


@pytest.mark.parametrize("cut", [KeyboardInterrupt, ValueError])
def test_the_best_comes_back_also_when_the_training_is_cut_off(cut: type[BaseException], iris: Dataset, wrong: Dataset) -> None:
    class Cutting(Callback):
        def after_step(self, step: Any) -> None:
            if step.index == 44:
                raise cut

    model, history = batch_normed(), History()
    with pytest.raises(cut):
        fit(model, iris, wrong, callbacks=[EarlyStopping(50), Cutting()], history=history)
    assert len(history.epochs) == 5
    assert cost(model, wrong) == best(history) < history.epochs[-1].validation_cost  # type: ignore[operator]


def test_the_best_comes_back_from_an_explosion(iris: Dataset, iris_test: Dataset) -> None:
    class Lighting(Callback):
        def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
            if epoch.epoch == 2:
                training.base_rate = 3e38
            return False

    model, history = FeedForward((4, 8, 3), "relu", output="identity", seed=1), History()
    with pytest.raises(TrainingError, match="exploded"):
        fit(model, iris, iris_test, optimizer=optim.SGD(1e-3), callbacks=[EarlyStopping(), Lighting()], history=history)
    assert cost(model, iris_test) == best(history)


def test_early_stopping_used_for_a_second_training_is_as_a_fresh_one(iris: Dataset, iris_test: Dataset) -> None:
    used, histories, found = EarlyStopping(2), [], []
    fit(feedforward(), iris, iris_test, callbacks=[used], optimizer=optim.Adam(0.1))
    for callback in (used, EarlyStopping(2)):
        model = feedforward()
        histories.append(fit(model, iris, iris_test, callbacks=[callback], optimizer=optim.SGD(0.01)))
        found.append(model.parameters.tobytes())
    assert [epoch.cost for epoch in histories[0].epochs] == [epoch.cost for epoch in histories[1].epochs]
    assert found[0] == found[1]
    other = FeedForward((4, 5, 3), seed=1)  # of another shape
    assert cost(other, iris_test) > best(fit(other, iris, iris_test, callbacks=[used]))


def test_a_training_that_cannot_begin_gets_nothing_of_the_one_before(iris: Dataset, iris_test: Dataset) -> None:
    class Refusing(Callback):
        def before(self, training: Steps, history: History) -> None:
            raise ModelError("no")

    used, model = EarlyStopping(2), feedforward()
    fit(feedforward(), iris, iris_test, callbacks=[used])
    before = model.parameters.tobytes()
    with pytest.raises(ModelError, match="no"):
        fit(model, iris, iris_test, callbacks=[Refusing(), used])
    assert model.parameters.tobytes() == before


def test_without_validation_data_early_stopping_refuses_before_the_first_step(iris: Dataset) -> None:
    model = feedforward()
    before = model.parameters.tobytes()
    with pytest.raises(ModelError, match="early stopping needs validation data"):
        fit(model, iris, None, callbacks=[EarlyStopping()])
    assert model.parameters.tobytes() == before


class Blind(FeedForward):
    """A network whose validation cost is what the list says."""

    def __init__(self, costs: list[float]) -> None:
        super().__init__((4, 3), seed=1)
        self.costs = iter(costs)

    def evaluate(self, x: Any, y: Any) -> tuple[float, float]:
        return next(self.costs), 0.0


def test_an_epoch_whose_validation_cost_is_no_number_is_never_the_best(iris: Dataset) -> None:
    seen: dict[int, bytes] = {}

    class Watching(Callback):
        def after_epoch(self, epoch: Epoch, training: Steps) -> bool:
            seen[epoch.epoch] = training.model.parameters.tobytes()
            return False

    model = Blind([np.nan, 0.5, np.nan, np.inf])
    history = fit(model, iris, iris, callbacks=[EarlyStopping(2), Watching()])
    assert len(history.epochs) == 4
    assert model.parameters.tobytes() == seen[1]


@pytest.mark.parametrize(("patience", "epochs"), [(2, 9), (None, 3)])
def test_validation_costs_that_are_never_numbers_are_said_in_one_line(patience: int | None, epochs: int, iris: Dataset) -> None:
    with pytest.raises(TrainingError, match=r"early stopping found no best epoch: .*epoch (2|3) is nan") as caught:
        fit(Blind([np.nan] * 9), iris, iris, callbacks=[EarlyStopping(patience)], epochs=epochs)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- and its checkpoints


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["feedforward", "batch norm", "diffusion"])
@pytest.mark.parametrize("checkpoint_first", [False, True])
def test_a_training_with_early_stopping_goes_on_to_the_same_bits_from_wherever_it_was_cut(
    kind: str, checkpoint_first: bool, iris: Dataset, wrong: Dataset, iris_test: Dataset, tmp_path: Path
) -> None:
    held = iris_test if kind == "diffusion" else wrong

    def begun() -> Steps:
        return byhand.steps(NETWORKS[kind](), iris, epochs=9, batch_size=32, optimizer=optim.Adam(0.1), seed=1)

    def carried_out(training: Steps, history: History, *more: Callback) -> History:
        first, second = EarlyStopping(4), Checkpoint(tmp_path, seconds=0)
        callbacks = [second, first] if checkpoint_first else [first, second]
        return byhand.fit(
            training.model, iris, validation=held, training=training, history=history, callbacks=[*callbacks, *more]
        )

    whole = begun()
    expected = carried_out(whole, History())
    assert kind == "diffusion" or whole.index < expected.epochs[-1].step  # it was put back
    for at in (whole.batches, 3 * whole.batches - 1, 3 * whole.batches + 1):
        with pytest.raises(PowerCut):
            carried_out(begun(), History(), Cutting(at))
        resumed = begun()
        read_checkpoint(tmp_path / "checkpoint.safetensors", resumed)
        history = History(expected.epochs[: resumed.index // resumed.batches])
        history = carried_out(resumed, history)
        assert [row.validation_cost for row in history.epochs] == [row.validation_cost for row in expected.epochs]
        assert bits(resumed.model) == bits(whole.model)


def test_a_training_that_had_stopped_takes_no_further_step_when_it_is_resumed(
    iris: Dataset, wrong: Dataset, tmp_path: Path
) -> None:
    def begun() -> Steps:
        return byhand.steps(batch_normed(), iris, epochs=20, batch_size=16, optimizer=optim.Adam(0.1), seed=1)

    whole = begun()
    history = byhand.fit(whole.model, iris, validation=wrong, training=whole, callbacks=[EarlyStopping(2), Checkpoint(tmp_path)])
    assert len(history.epochs) < 20
    for resumed in (begun(), whole):  # from the file, and in memory
        if resumed is not whole:
            read_checkpoint(tmp_path / "checkpoint.safetensors", resumed)
        rows = list(history.epochs)
        again = byhand.fit(
            resumed.model, iris, validation=wrong, training=resumed, history=History(rows), callbacks=[EarlyStopping(2)]
        )
        assert again.epochs == history.epochs
        assert bits(resumed.model) == bits(whole.model)
        assert cost(resumed.model, wrong) == best(history)
    # With more patience it goes on, as if it had had that from the beginning.
    patient, resumed = begun(), begun()
    expected = byhand.fit(patient.model, iris, validation=wrong, training=patient, callbacks=[EarlyStopping(4)])
    read_checkpoint(tmp_path / "checkpoint.safetensors", resumed)
    found = byhand.fit(
        resumed.model, iris, validation=wrong, training=resumed, history=History(rows), callbacks=[EarlyStopping(4)]
    )
    assert [row.cost for row in found.epochs] == [row.cost for row in expected.epochs]
    assert bits(patient.model) == bits(resumed.model)


def test_a_history_that_is_given_to_a_new_training_keeps_its_rows(iris: Dataset) -> None:
    history = History()
    for _ in range(3):
        fit(feedforward(), iris, None, epochs=1, history=history)
    assert len(history.epochs) == 3


def test_a_training_put_back_to_its_best_epoch_goes_on_from_there(iris: Dataset, wrong: Dataset) -> None:
    training = byhand.steps(feedforward(), iris, epochs=6, batch_size=16, optimizer=optim.Adam(0.1), seed=1)
    history = byhand.fit(training.model, iris, validation=wrong, training=training, callbacks=[EarlyStopping(2)])
    costs = [epoch.cost for epoch in history.epochs]
    assert training.index < history.epochs[-1].step
    byhand.fit(training.model, iris, validation=wrong, training=training, history=history)
    assert [epoch.epoch for epoch in history.epochs] == list(range(6))
    assert [epoch.cost for epoch in history.epochs][: len(costs)] == costs


@pytest.mark.parametrize("damage", ["vectors", "position", "waited"])
def test_a_checkpoint_whose_best_epoch_is_damaged_is_refused_in_one_line(damage: str, iris: Dataset, iris_test: Dataset) -> None:
    training = byhand.steps(feedforward(), iris, epochs=3)
    with pytest.raises(PowerCut):
        byhand.fit(training.model, iris, validation=iris_test, training=training, callbacks=[EarlyStopping(), Cutting(20)])
    vectors, strings = training.state()
    position = json.loads(strings["position"])
    if damage == "vectors":
        vectors.pop("kept.EarlyStopping0.parameters")
    elif damage == "position":
        position["kept"]["EarlyStopping0"]["position"] = {"index": "x"}
    else:
        position["kept"]["EarlyStopping0"]["waited"] = None
    again = byhand.steps(feedforward(), iris, epochs=3)
    again.resume(vectors, {"position": json.dumps(position)})
    with pytest.raises(TrainingError, match="the checkpoint is not usable") as caught:
        byhand.fit(again.model, iris, validation=iris_test, training=again, callbacks=[EarlyStopping()])
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- an optimiser, used again


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "step"])
def test_an_optimiser_used_for_another_network_is_as_a_fresh_one(name: str, schedule: str, iris: Dataset) -> None:
    used = OPTIMIZERS[name]()
    fit(FeedForward((4, 12, 3), seed=5), iris, None, optimizer=used, schedule=schedule, epochs=2)
    found = []
    for optimizer in (used, OPTIMIZERS[name]()):
        model = feedforward()
        history = fit(model, iris, None, optimizer=optimizer, schedule=schedule, epochs=2)
        found.append((model.parameters.tobytes(), [epoch.learning_rate for epoch in history.epochs]))
    assert found[0] == found[1]


def test_an_optimiser_begins_at_its_own_rate_wherever_a_training_was_left(iris: Dataset) -> None:
    model, optimizer = feedforward(), optim.SGD(1.0)
    for left in (1, 7, 12):
        training = byhand.steps(model, iris, epochs=1, optimizer=optimizer, schedule="cosine")
        rates = [next(training).learning_rate for _ in range(left)]
        assert rates[0] == 1.0
    optimizer.learning_rate = 0.25  # somebody wants another one from now on
    assert next(byhand.steps(model, iris, optimizer=optimizer, schedule="cosine")).learning_rate == 0.25


def test_two_trainings_at_once_cannot_share_an_optimiser(iris: Dataset) -> None:
    optimizer = optim.Adam(0.01)
    first = byhand.steps(feedforward(), iris, optimizer=optimizer)
    next(first)
    second = byhand.steps(feedforward(), iris, optimizer=optimizer)
    next(second)
    with pytest.raises(TrainingError, match="the optimiser serves another training by now: give each") as caught:
        next(first)
    assert "\n" not in str(caught.value)
    next(second)


def test_a_training_that_is_prolonged_goes_on_with_its_optimiser(iris: Dataset) -> None:
    def begun(epochs: int) -> Steps:
        return byhand.steps(feedforward(), iris, epochs=epochs, optimizer=optim.Adam(0.02), seed=4)

    whole, parts = begun(5), begun(2)
    byhand.fit(whole.model, iris, training=whole)
    history = byhand.fit(parts.model, iris, training=parts)
    parts.prolong(5)
    byhand.fit(parts.model, iris, training=parts, history=history)
    assert [epoch.epoch for epoch in history.epochs] == list(range(5))
    assert parts.model.parameters.tobytes() == whole.model.parameters.tobytes()
    with pytest.raises(TrainingError, match="epochs must be 5 or more, got 4"):
        parts.prolong(4)


# ---------------------------------------------------------------- who looks, leaves no trace


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("highest", [1.0, 1e30])
def test_the_rate_finder_leaves_nothing_behind(kind: str, highest: float, iris: Dataset) -> None:
    model, optimizer = NETWORKS[kind](), optim.Adam(0.05)
    model.learn(iris.flat[:8], iris.targets(model.parameters.dtype)[:8])
    before, gradient, settings = bits(model), model.gradient.copy(), repr(optimizer)
    modes = [module.training for _, module in model.module.modules()] if hasattr(model, "module") else []
    find_learning_rate(model, iris, optimizer, tries=25, highest=highest)
    assert bits(model) == before
    assert model.gradient.tobytes() == gradient.tobytes()
    assert modes == ([module.training for _, module in model.module.modules()] if modes else [])
    assert (repr(optimizer), optimizer.steps, optimizer.state) == (settings, 0, {})


def test_the_rate_finder_leaves_out_a_last_sample_alone_where_batch_norm_could_not_learn_from_it(iris: Dataset) -> None:
    found = find_learning_rate(batch_normed(), iris.take(np.arange(0, 119, 2)[:33]), optim.Adam(0.05), tries=25, batch_size=8)
    assert len(found.rates) == 25


def test_the_rate_finder_may_look_in_the_middle_of_a_training(iris: Dataset) -> None:
    class Finding(Callback):
        def after_step(self, step: Any) -> None:
            if step.index in (2, 9):
                training = step.training
                find_learning_rate(training.model, iris, training.optimizer, tries=20)

    plain, looked = batch_normed(), batch_normed()
    costs = [
        [epoch.cost for epoch in fit(model, iris, None, epochs=3, callbacks=callbacks).epochs]
        for model, callbacks in ((plain, []), (looked, [Finding()]))
    ]
    assert costs[0] == costs[1]
    assert bits(plain) == bits(looked)


@pytest.mark.parametrize("kind", NETWORKS)
def test_what_is_undisturbed_goes_on_as_if_nothing_had_been(kind: str, iris: Dataset) -> None:
    def begun() -> Steps:
        return byhand.steps(NETWORKS[kind](), iris, epochs=2, batch_size=16, optimizer=optim.Adam(0.03), schedule="cosine")

    plain, looked = begun(), begun()
    for training in (plain, looked):
        for _ in range(3):
            next(training)
    with undisturbed(looked):
        looked.base_rate, looked.clip_length = 0.1, 1e-3
        for _ in range(8):
            next(looked)
        looked.optimizer = optim.SGD(1.0)
        looked.model.parameters[...] = np.nan
    assert [step.cost for step in looked] == [step.cost for step in plain]
    assert bits(looked.model) == bits(plain.model)
    assert looked.optimizer.steps == plain.optimizer.steps


# ---------------------------------------------------------------- callbacks, used again


def test_a_progress_bar_used_again_shows_the_new_training_alone_and_ends_with_it(iris: Dataset) -> None:
    bar = ProgressBar(Console(file=io.StringIO(), force_terminal=True))
    for epochs in (1, 2):
        fit(feedforward(), iris, None, epochs=epochs, callbacks=[bar])
        assert [task.total for task in bar.progress.tasks] == [epochs * 8]
        assert not bar.progress.live.is_started


def test_a_checkpoint_used_again_writes_what_a_fresh_one_does(iris: Dataset, tmp_path: Path) -> None:
    used = Checkpoint(tmp_path / "used")
    fit(feedforward(), iris, None, epochs=2, callbacks=[used])
    for callback in (used, Checkpoint(tmp_path / "fresh")):
        fit(batch_normed(), iris, None, epochs=1, callbacks=[callback])
    rows = [
        [json.loads(line)["cost"] for line in (tmp_path / name / "history.jsonl").read_text().splitlines()]
        for name in ("used", "fresh")
    ]
    assert rows[0] == rows[1] and len(rows[0]) == 1


# ---------------------------------------------------------------- a last batch of one sample


def some(n: int) -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset("mine", rng.normal(size=(n, 4)).astype("f4"), np.arange(n) % 3, ("a", "b", "c"))


@pytest.mark.parametrize(("n", "size"), [(129, 32), (33, 32), (5, 2), (7, 1), (1, 8)])
def test_batch_norm_and_a_batch_of_one_sample_is_said_before_the_first_step(n: int, size: int) -> None:
    model = batch_normed()
    before = model.parameters.tobytes(), model.buffers["1.running_mean"].tobytes()
    wanted = "every batch has 1" if size == 1 or n == 1 else r"the last batch of each epoch has 1 .*drop_last=True"
    with pytest.raises(ModelError, match=f"batch norm needs batches of 2 samples or more, but {wanted}") as caught:
        byhand.steps(model, some(n), batch_size=size)
    assert "\n" not in str(caught.value)
    assert (model.parameters.tobytes(), model.buffers["1.running_mean"].tobytes()) == before


def test_drop_last_leaves_out_the_smaller_last_batch() -> None:
    training = byhand.steps(batch_normed(), some(129), epochs=2, batch_size=32, drop_last=True, seed=1)
    found = [(step.epoch, len(step.indices), step.last) for step in training]
    assert found == [(epoch, 32, batch == 3) for epoch in range(2) for batch in range(4)]
    even = byhand.steps(feedforward(), some(12), epochs=1, batch_size=4, drop_last=True)
    assert [len(step.indices) for step in even] == [4, 4, 4]


def test_a_last_batch_of_one_sample_is_no_problem_where_batch_norm_sees_a_whole_picture() -> None:
    rng = np.random.default_rng(0)
    pictures = Dataset("mine", rng.random((9, 6, 6, 1), np.float32), np.arange(9) % 2, ("a", "b"))
    layers = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)
    plain, model = (nn.Network(nn.Sequential(*copy.deepcopy(layers)), (6, 6, 1), seed=1) for _ in range(2))
    costs = [step.cost for step in byhand.steps(model, pictures, epochs=1, batch_size=4, seed=1)]
    assert len(costs) == 3
    first = next(byhand.steps(plain, pictures.take(np.arange(8)), epochs=1, batch_size=4, seed=1))
    assert np.isfinite(first.cost)
