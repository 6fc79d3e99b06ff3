"""Training in shards: the same bits for any number of ranks, threads and interruptions, and a step of its own for each shard."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import nn, optim
from byhand.backend import generator
from byhand.data.dataset import Dataset, Splits
from byhand.errors import ModelError, TrainingError
from byhand.parallel.reducer import Alone
from byhand.parallel.tree import add_pairs, share_of
from byhand.tensorfile import read_tensors
from byhand.training.checkpoint import Checkpoint
from byhand.training.fit import Callback
from byhand.training.recipes import Recipe, recipe
from byhand.training.run import begin, build, run

RECIPES = {
    "feedforward": Recipe("small", hidden=(8,), activation="relu", output="softmax", cost="cross_entropy", dropout=0.2, lr=0.1),
    "cnn": Recipe(
        "small", model="cnn", model_options={"channels": [4, 8]}, cost="cross_entropy", dropout=0.2, optimizer="adam", lr=0.01,
        augment={"shift": 2.0},
    ),
    "vae": Recipe("small", model="vae", model_options={"latent": 2}, hidden=(16,), activation="relu", optimizer="adam", lr=0.01),
    "conv_vae": Recipe("small", model="conv_vae", model_options={"latent": 2, "channels": [4, 8]}, optimizer="adam", lr=0.01),
    "diffusion": Recipe(
        "small", model="diffusion", model_options={"channels": [8, 16], "embedding": 8}, optimizer="adam", lr=0.01, clip=1.0
    ),
    "gan": Recipe("small", model="gan", model_options={"latent": 4, "width": 8, "critic_width": 8}, optimizer="adam", lr=0.001),
}  # fmt: skip


def digits(n: int) -> Splits:
    rng = np.random.default_rng(3)
    parts = [
        Dataset(name, rng.random((m, 28, 28, 1), np.float32), np.arange(m) % 10, tuple("0123456789"))
        for name, m in (("train", n), ("test", 20))
    ]
    return Splits(parts[0], None, parts[1])


class Together:
    """Ranks that are threads of this process: they wait for one another at each sum."""

    def __init__(self, rank: int, size: int, table: dict[str, Any]) -> None:
        self.rank, self.size, self.table = rank, size, table

    def vectors(self, shards: int, n: int, dtype: Any) -> list[Any]:
        with self.table["lock"]:
            memory = self.table.setdefault("memory", np.full((shards + 1, n), np.nan, dtype))
        self.mine = share_of(self.rank, self.size, shards)
        return [memory[shard] for shard in self.mine]

    def sum(self) -> Any:
        memory = self.table["memory"]
        nodes = {shard: memory[shard] for shard in self.mine}
        add_pairs(nodes, len(memory) - 1, self.mine.start, self.mine.stop)
        with self.table["lock"]:
            self.table["nodes"] |= nodes
        if self.table["barrier"].wait() == 0:
            add_pairs(self.table["nodes"], len(memory) - 1)
            memory[-1] = self.table["nodes"][0]
            self.table["nodes"] = {}
        self.table["barrier"].wait()
        return memory[-1]


def bits(training: Any, costs: list[float]) -> tuple[int, ...]:
    arrays = training.vectors()
    return (*(zlib.crc32(arrays[name].tobytes()) for name in sorted(arrays)), hash(tuple(costs)))


def trained(what: Recipe, n: int, reducer: Any = None) -> tuple[int, ...]:
    splits = digits(n)
    training = begin(what, build(what, splits), splits, reducer)
    return bits(training, [step.cost for step in training])


def by_ranks(what: Recipe, n: int, size: int) -> list[tuple[int, ...]]:
    table: dict[str, Any] = {"lock": threading.Lock(), "barrier": threading.Barrier(size, timeout=60), "nodes": {}}
    found: list[Any] = [None] * size

    def one(rank: int) -> None:
        try:
            found[rank] = trained(what, n, Together(rank, size, table))
        except BaseException as error:
            found[rank] = error
            table["barrier"].abort()

    ranks = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    return found


@pytest.mark.parametrize("kind", RECIPES)
def test_any_number_of_ranks_gives_the_same_bits(kind: str) -> None:
    what = RECIPES[kind].changed(shards=8, batch_size=37, epochs=2)
    n = 37 * 2 + 16  # the last batch is smaller, its shards hold 2 samples each
    alone = trained(what, n)
    for size in (1, 2, 3, 4, 8):
        assert by_ranks(what, n, size) == [alone] * size, f"{size} ranks"


@pytest.mark.parametrize("kind", ["feedforward", "vae", "diffusion"])
def test_a_last_batch_with_fewer_samples_than_ranks_gives_the_same_bits(kind: str) -> None:
    what = RECIPES[kind].changed(shards=8, batch_size=16, epochs=2)
    alone = trained(what, 16 + 3)
    for size in (3, 8):
        assert by_ranks(what, 16 + 3, size) == [alone] * size, f"{size} ranks"


def test_the_gradient_is_that_of_the_whole_batch_where_nothing_is_drawn() -> None:
    what, splits = RECIPES["feedforward"].changed(dropout=0.0, batch_size=30), digits(90)
    whole = begin(what, build(what, splits, "float64"), splits)
    sharded = begin(what.changed(shards=7), build(what, splits, "float64"), splits)  # 30 samples in 7 shards: 4 or 5 each
    for one, other in zip(whole, sharded, strict=True):
        assert other.cost == pytest.approx(one.cost, rel=1e-12)
        np.testing.assert_allclose(sharded.model.gradient, whole.model.gradient, rtol=1e-9, atol=1e-14)


def test_each_shard_has_dropout_augmentation_and_batch_statistics_of_its_own() -> None:
    what, splits = RECIPES["cnn"].changed(shards=2, batch_size=40), digits(40)
    training = begin(what, build(what, splits), splits)
    seen: list[Any] = []
    learn, augment = training.model.learn, training.augment
    drawn: list[bytes] = []
    chance: list[int] = []
    training.augment = lambda x, rng: (drawn.append(rng.bytes(8)), augment(x, rng))[1]  # type: ignore[misc]

    def watched(x: Any, y: Any) -> float:
        first = {name: array.copy() for name, array in training.model.buffers.items()}
        chance.append(training.model.rng.bit_generator.state["state"]["state"])
        cost = learn(x, y)
        seen.append((first, {name: array.copy() for name, array in training.model.buffers.items()}, len(x)))
        return cost

    training.model.learn = watched
    next(training)
    (start, one, m), (again, other, _) = seen
    assert m == 20
    assert all(np.array_equal(start[name], again[name]) for name in start)  # each begins where the step began
    name = next(name for name in one if name.endswith("running_mean"))
    assert not np.array_equal(one[name], other[name])
    np.testing.assert_allclose(training.model.buffers[name], (one[name] + other[name]) / 2, rtol=1e-6)
    assert drawn[0] != drawn[1]
    assert chance[0] != chance[1]


def test_without_shards_a_step_draws_and_learns_as_before() -> None:
    what, splits = RECIPES["cnn"].changed(batch_size=16, epochs=1), digits(32)
    training = begin(what, build(what, splits), splits)
    model = build(what, splits)  # the same by hand: one generator an epoch for dropout, one for augmentation
    order = generator(1, "shuffle", 0).permutation(32)
    model.rng, rng = generator(1, "dropout", 0), generator(1, "augment", 0)
    for indices in np.split(order, 2):
        model.parameters[...] = training.model.parameters
        step = next(training)
        x = training.augment(training.x[indices], rng)  # type: ignore[misc]
        assert step.cost == model.learn(x, training.y[indices])
        assert np.array_equal(training.model.gradient, model.gradient)


def test_a_training_in_shards_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    what, splits = RECIPES["cnn"].changed(shards=3, batch_size=16, epochs=2), digits(48)

    class Interrupt(Callback):
        comes_last = True

        def after_epoch(self, epoch: Any, training: Any) -> bool:
            raise KeyboardInterrupt

    whole = run(what, tmp_path / "whole", splits=splits)
    with pytest.raises(KeyboardInterrupt):
        run(what, tmp_path / "cut", splits=splits, callbacks=[Checkpoint(tmp_path / "cut"), Interrupt()])
    cut = run(what, tmp_path / "cut", splits=splits, resume=True)
    assert np.array_equal(cut.model.network.parameters, whole.model.network.parameters)
    one, other = (read_tensors(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "cut"))
    assert one[1] == other[1]  # the position, its generators and costs
    assert one[0].keys() == other[0].keys()
    assert all(np.array_equal(one[0][name], other[0][name]) for name in one[0])
    with pytest.raises(TrainingError, match="another shards"):
        run(what.changed(shards=4), tmp_path / "cut", splits=splits, resume=True)


@pytest.mark.slow
def test_the_number_of_threads_does_not_change_the_bits() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_shards import RECIPES, trained\n"
        "print(trained(RECIPES['cnn'].changed(shards=2, batch_size=64, epochs=1), 128)[:-1])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            env=os.environ | {"BYHAND_THREADS": threads, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True, text=True, check=True,
        ).stdout
        for threads in ("1", "2", "3")
    }  # fmt: skip
    assert len(told) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"shards": 0}, "shards must be 1 or more, got 0"),
        ({"shards": 2.5}, "shards must be a whole number, 1 or more, got 2.5"),
        ({"reducer": Alone()}, "shards must be given beside a reducer"),
        ({"shards": 2, "reducer": Together(0, 3, {})}, "shards must be 3 or more, one for each rank at least, got 2"),
    ],
)
def test_what_makes_no_shards_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        byhand.steps(byhand.FeedForward((784, 3, 10)), digits(20).train, **settings)


def test_batch_norm_with_a_shard_of_one_sample_is_refused_before_an_epoch_is_trained() -> None:
    net = nn.Network(nn.Sequential(nn.Linear(784, 8), nn.BatchNorm1d(8), nn.Linear(8, 10)), (784,), cost="cross_entropy")
    settings: dict[str, Any] = {"shards": 4, "optimizer": optim.SGD(0.1)}
    with pytest.raises(ModelError, match="2 samples or more in each shard, but the last batch of each epoch has 5 for 4 shards"):
        byhand.steps(net, digits(16 + 5).train, batch_size=16, **settings)
    byhand.steps(net, digits(16 + 5).train, batch_size=16, drop_last=True, **settings)
    with pytest.raises(ModelError, match="but every batch has 6 for 4 shards"):
        byhand.steps(net, digits(24).train, batch_size=6, **settings)


class OwnMean(nn.Module):
    """A stranger's module that keeps something of its samples under a name that does not say so."""

    buffers = ("seen",)

    def __init__(self) -> None:
        self.linear = nn.Linear(784, 10)
        self.seen = np.zeros(1, np.float32)

    def forward(self, x: Any) -> Any:
        if self.training:
            self.seen[...] = x.data.mean()
        return self.linear(x)


def test_a_buffer_of_the_samples_under_another_name_is_told() -> None:
    net = nn.Network(OwnMean(), (784,), cost="cross_entropy")
    with pytest.raises(ModelError, match=r"the buffer seen depends on the samples, .*: call it running_seen"):
        next(byhand.steps(net, digits(20).train, shards=2, optimizer=optim.SGD(0.1)))


def test_a_sharded_step_cannot_be_traced() -> None:
    iris = byhand.data.load("iris").train
    with pytest.raises(TrainingError, match="leave shards out"):
        next(byhand.steps(byhand.FeedForward((4, 5, 3)), iris, shards=2)).trace()


def test_the_fingerprint_says_the_shards() -> None:
    assert recipe("iris").shards is None
    iris = byhand.data.load("iris").train
    assert "batch 10 in 4 shards," in byhand.steps(byhand.FeedForward((4, 5, 3)), iris, shards=4).fingerprint()
    assert "batch 10, clip" in byhand.steps(byhand.FeedForward((4, 5, 3)), iris).fingerprint()
