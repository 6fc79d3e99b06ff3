r"""A batch in shards: what many processes share, so that one, three or eight of them compute the same bits.

A batch of m samples is split in S shards, whoever learns from them. The gradient of its mean cost is the weighted mean of theirs:

    \nabla C = \sum_k \frac{m_k}{m} \nabla C_k

Whatever depends on who computes would give other bits, so a shard has everything of its own. Its chance comes from generators
made from (seed, purpose, epoch, batch, shard). Its batch statistics are of its own samples, and the running ones begin where the
step began. It is computed by one thread. Gradient, running statistics and cost lie in one vector per shard, and these are added
in a fixed tree (`byhand.parallel.tree`).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from byhand.backend import Array, generator
from byhand.errors import ModelError
from byhand.kernels.threads import one_thread
from byhand.parallel.reducer import Reducer
from byhand.parallel.tree import share_of
from byhand.training.state import put

if TYPE_CHECKING:
    from byhand.training.steps import Steps

STATISTICS = "running_"  # so the names of buffers begin that the samples of a batch move; all others move alike in every shard


class Shards:
    """The shards of a training's batches that this process learns from.

    Raises ModelError where there are fewer shards than ranks, or the network cannot be sharded.
    """

    def __init__(self, training: Steps, count: int, reducer: Reducer) -> None:
        model = training.model
        self.training, self.count, self.reducer = training, count, reducer
        if count < reducer.size:
            raise ModelError(f"shards must be {reducer.size} or more, one for each rank at least, got {count}")
        if not isinstance(model.parameters, np.ndarray):
            raise ModelError("shards are computed on the cpu: choose device cpu, or leave shards out")
        for name, rng in model.generators.items():
            if not isinstance(rng.bit_generator, np.random.PCG64):
                kind = type(rng.bit_generator).__name__
                raise ModelError(f"the generator {name} must be made by numpy.random.default_rng to be sharded, got {kind}")
        self.mine = share_of(reducer.rank, reducer.size, count)
        self.statistics = [name for name in model.buffers if name.rpartition(".")[2].startswith(STATISTICS)]
        size = model.parameters.size + sum(model.buffers[name].size for name in self.statistics) + 1  # the cost
        self.vectors = reducer.vectors(count, size, model.parameters.dtype)
        self.checked = False

    def learn(self, indices: Any, epoch: int, batch: int) -> float:
        """The batch's cost; gradient and buffers stand in the model. indices: (m,) of the whole batch's samples."""
        model, reducer = self.training.model, self.reducer
        buffers, rng = model.buffers, model.rng
        before = {name: array.copy() for name, array in buffers.items()}
        own = {name: one.bit_generator.state for name, one in model.generators.items()}
        used = 0
        with one_thread():
            for shard, vector in zip(self.mine, self.vectors, strict=True):
                part = self._part(indices, shard)
                if len(part) == 0:
                    vector.fill(0)
                    continue
                if used:
                    put(buffers, before)
                cost = self._learn_from(part, (epoch, batch, shard))
                self._pack(vector, buffers, cost, len(part) / len(indices))
                used += 1
                self._check_buffers(buffers, before, used)
            if used == 0:  # what moves alike in every shard, such as a running mean of weights, has to move here too
                self._learn_from(self._part(indices, self.count - 1), (epoch, batch, self.count - 1))
        total = reducer.sum()
        model.rng = rng
        for name, one in model.generators.items():
            one.bit_generator.state = own[name]
        return self._unpack(total, buffers)

    def _part(self, indices: Any, shard: int) -> Any:
        m = len(indices)
        return indices[m * shard // self.count : m * (shard + 1) // self.count]

    def _learn_from(self, part: Any, which: tuple[int, int, int]) -> float:
        """The cost of one shard; `which`: epoch, batch and shard, of which its chance is made."""
        training, model = self.training, self.training.model
        model.rng = generator(training.seed, "dropout", *which)
        for number, one in enumerate(model.generators.values()):
            one.bit_generator.state = generator(training.seed, "modules", *which, number).bit_generator.state
        return training.learn_from(part, generator(training.seed, "augment", *which))

    def _pack(self, vector: Array, buffers: dict[str, Array], cost: float, share: float) -> None:
        weight, at = vector.dtype.type(share), self.training.model.parameters.size
        np.multiply(self.training.model.gradient, weight, out=vector[:at])
        for name in self.statistics:
            flat = buffers[name].reshape(-1)
            np.multiply(flat, weight, out=vector[at : at + flat.size])
            at += flat.size
        vector[at] = cost * share

    def _unpack(self, total: Array, buffers: dict[str, Array]) -> float:
        at = self.training.model.parameters.size
        self.training.model.gradient[...] = total[:at]
        for name in self.statistics:
            array = buffers[name]
            array[...] = total[at : at + array.size].reshape(array.shape)
            at += array.size
        return float(total[at])

    def _check_buffers(self, buffers: dict[str, Array], before: dict[str, Array], used: int) -> None:
        """Raises ModelError, in the first step, where a buffer that should move alike in every shard does not."""
        if self.checked or used > 2:
            return
        sums = {name: zlib.crc32(array.tobytes()) for name, array in buffers.items() if name not in self.statistics}
        if used == 1:
            self.sums = sums
            return
        self.checked = True
        for name, found in sums.items():
            if found != self.sums[name]:
                raise ModelError(
                    f"the buffer {name} depends on the samples, so each shard has another: call it {STATISTICS}{name}, and the "
                    "mean over the shards is taken"
                )
