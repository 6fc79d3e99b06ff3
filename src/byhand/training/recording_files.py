"""The files of a recorded training: `recording/` in a run's folder, appended to by plain writes, and read back.

    index.jsonl   one JSON object a line. The first is the head: format, version, total (steps), batches (steps an epoch), bytes
                  (what the recording may take), begins (before which step the training had another length, so none before it
                  can be taken again), fingerprint (of the training), computed (by which BLAS), vectors ([name, type, shape],
                  in the order in which a snapshot holds them). Every other line is a snapshot: step (the one that comes next),
                  crc32 (of its bytes), costs (CRC-32 of the costs since the snapshot before), position (what `Steps.position`
                  says). Each line ends with `check`, the CRC-32 of what stands before it.
    states.bin    the snapshots' raw bytes, all of the same length: that of line k begins at k times that length.
    costs.f32     a float32 for each of the `total` steps, NaN where it was not taken yet.

A snapshot's bytes are written before its line, and the costs through a memory map, so a process that is killed at any moment
leaves a recording that is whole up to there. Older recordings lack `costs` and `check`, which are then not asked for.
"""

from __future__ import annotations

import json
import math
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byhand import blas
from byhand.backend import Array
from byhand.errors import ByhandError, TrainingError
from byhand.files import write_atomically
from byhand.kernels import threads
from byhand.safe_reading import check_is_file, reading
from byhand.training.steps import Steps

FORMAT, VERSION = "byhand-recording", 1
FOLDER = "recording"
FILES = INDEX, STATES, COSTS = "index.jsonl", "states.bin", "costs.f32"
COST = np.dtype("<f4")


@dataclass(frozen=True)
class Snapshot:
    """The line of one snapshot; `step` is the one that comes next, so it counts those that were taken; `costs` as told above."""

    step: int
    crc32: int
    position: dict[str, Any]
    costs: int | None = None


@dataclass
class Recording:
    """An opened recording: its head, and its snapshots in the order in which they were taken.

    Attributes:
        vectors: name, type and shape of each vector of a snapshot. allowed: bytes that all files together may take.
        computed: by which BLAS and how many threads, in words.
    """

    folder: Path
    total: int
    batches: int
    allowed: int
    fingerprint: str
    computed: str
    vectors: list[tuple[str, np.dtype[Any], tuple[int, ...]]]
    snapshots: list[Snapshot]
    begins: int = 0

    @property
    def length(self) -> int:
        """Bytes of one snapshot."""
        return sum(kind.itemsize * math.prod(shape) for _, kind, shape in self.vectors)

    @property
    def taken(self) -> int:
        """Bytes of all its files."""
        return sum(path.stat().st_size for path in self.folder.iterdir())

    def append(self, training: Steps) -> None:
        """Write down where a training stands; raises ByhandError where the disk is full."""
        vectors = training.vectors()
        blocks = [np.ascontiguousarray(vectors[name]) for name, _, _ in self.vectors]
        crc32 = 0
        for block in blocks:
            crc32 = zlib.crc32(block.data, crc32)
        since = self.snapshots[-1].step if self.snapshots else 0
        snapshot = Snapshot(
            training.index, crc32, training.position(), zlib.crc32(self.costs()[since : training.index].tobytes())
        )
        try:
            with (self.folder / STATES).open("ab") as file:
                for block in blocks:
                    file.write(block.data)
            with (self.folder / INDEX).open("ab") as file:
                file.write(_line(vars(snapshot)).encode())
        except OSError as error:
            raise ByhandError(
                f"cannot record into {self.folder}: {error.strerror or error}; free space and go on with --resume"
            ) from error
        self.snapshots.append(snapshot)

    def state(self, number: int) -> tuple[dict[str, Array], dict[str, str]]:
        """What `Steps.state` gave for this snapshot; raises TrainingError where its bytes are not those that were written."""
        snapshot, content = self.snapshots[number], self._bytes(number)
        if zlib.crc32(content) != snapshot.crc32:
            raise TrainingError(f"{self.folder}: the snapshot before step {snapshot.step:,} is damaged: copy the recording again")
        vectors, start = {}, 0
        for name, kind, shape in self.vectors:
            count = math.prod(shape)
            vectors[name] = np.frombuffer(content, kind, count, start).reshape(shape)
            start += count * kind.itemsize
        return vectors, {"position": json.dumps(snapshot.position | {"fingerprint": self.fingerprint})}

    def _bytes(self, number: int) -> bytes:
        with (self.folder / STATES).open("rb") as file:
            file.seek(number * self.length)
            return file.read(self.length)

    def damaged_costs(self) -> list[tuple[int, int]]:
        """From which step and up to which the costs are not those that were written, between two snapshots each."""
        costs, since, found = self.costs(), 0, []
        for snapshot in self.snapshots:
            if snapshot.costs is not None and zlib.crc32(costs[since : snapshot.step].tobytes()) != snapshot.costs:
                found.append((since, snapshot.step))
            since = snapshot.step
        return found

    def costs(self, mode: Any = "r") -> NDArray[np.float32]:
        """The cost of every step, (total,), NaN where it was not taken; with mode "r+" what is written there is recorded.

        Raises TrainingError for a file of another length.
        """
        path = self.folder / COSTS
        if not path.is_file() or path.stat().st_size < self.total * COST.itemsize:
            raise TrainingError(f"{path} does not hold the costs of {self.total:,} steps: copy the recording again")
        return np.asarray(np.memmap(path, COST, mode, shape=(self.total,)))

    def cut(self, step: int) -> str:
        """Drop what lies beyond the step at which a training goes on, and what is damaged before it; returns that in words.

        Snapshots count from the first one on: behind a damaged one, none is kept.
        """
        self.snapshots = [snapshot for snapshot in self.snapshots if snapshot.step <= step]
        damage = []
        costs = self.costs("r+")
        for begin, end in self.damaged_costs():
            costs[begin:end] = np.nan
            damage.append(f"the costs of steps {begin:,} to {end - 1:,} are damaged")
        for number, snapshot in enumerate(self.snapshots):
            if zlib.crc32(self._bytes(number)) != snapshot.crc32:
                lost = len(self.snapshots) - number
                damage.append(f"the snapshot before step {snapshot.step:,} is damaged, so {lost} of {number + lost} are dropped")
                self.snapshots = self.snapshots[:number]
                break
        costs[step:] = np.nan
        self._write_index()
        with (self.folder / STATES).open("r+b") as file:
            file.truncate(len(self.snapshots) * self.length)
        return "; ".join(damage)

    def prolong(self, training: Steps) -> None:
        """Make it the recording of this training, which is the same but for its length."""
        costs = np.full(training.total, np.nan, COST)
        known = min(self.total, training.total)
        costs[:known] = self.costs()[:known]
        # The costs first: a kill between the two leaves more of them than the index asks for.
        write_atomically(self.folder / COSTS, costs.tobytes())
        self.total, self.fingerprint = training.total, training.fingerprint()
        self._write_index()

    def _write_index(self) -> None:
        head = {
            "format": FORMAT,
            "version": VERSION,
            "total": self.total,
            "batches": self.batches,
            "bytes": self.allowed,
            "begins": self.begins,
            "fingerprint": self.fingerprint,
            "computed": self.computed,
            "vectors": [[name, kind.str, list(shape)] for name, kind, shape in self.vectors],
        }
        lines = [head, *map(vars, self.snapshots)]
        write_atomically(self.folder / INDEX, "".join(map(_line, lines)).encode())


def start_recording(folder: Path, training: Steps, allowed: int, begins: int = 0) -> Recording:
    """An empty recording of this training in the folder of a run, in place of what was there, of at most `allowed` bytes.

    `begins`: before which step the training had another length.
    """
    discard_recording(folder)
    found = [(name, vector.dtype, vector.shape) for name, vector in training.vectors().items()]
    place = folder / FOLDER
    recording = Recording(
        place, training.total, training.batches, allowed, training.fingerprint(), computed_here(), found, [], begins
    )
    write_atomically(place / COSTS, np.full(training.total, np.nan, COST).tobytes())
    write_atomically(place / STATES, b"")
    recording._write_index()
    return recording


def discard_recording(folder: Path) -> None:
    """Remove the recording of a run, where there is one."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def has_recording(folder: Path) -> bool:
    """Whether there is a recording in the folder of a run."""
    return (folder / FOLDER / INDEX).is_file()


def read_recording(folder: Path, mend: bool = False) -> Recording:
    """The recording in the folder of a run; what a kill left half-written at its end is ignored.

    Raises TrainingError where there is none, or it is damaged; with `mend` only where nothing of it can be read: snapshots whose
    lines are damaged, and all behind them, are left out then.
    """
    place = folder / FOLDER
    if not has_recording(folder):
        raise TrainingError(f"{folder} has no recording: train with --record, as in `byhand train iris --record`")
    with reading(place / INDEX, "is not a recording that can be read", TrainingError, "copy it again, or record anew"):
        check_is_file(place / STATES, TrainingError)
        first, *rest = _whole_lines(place / INDEX)
        head, lines = _read(first), []
        for line in rest:
            try:
                lines.append(_read(line))
            except ValueError:
                if not mend:
                    raise
                break
        if (head["format"], head["version"]) != (FORMAT, VERSION):
            raise ValueError(f"format {head['format']!r}, version {head['version']!r}")
        vectors = [(str(name), np.dtype(kind), tuple(map(int, shape))) for name, kind, shape in head["vectors"]]
        snapshots = [Snapshot(int(line["step"]), int(line["crc32"]), dict(line["position"]), line.get("costs")) for line in lines]
        total, batches, allowed = (int(head[name]) for name in ("total", "batches", "bytes"))
        made = str(head["fingerprint"]), str(head["computed"])
        found = Recording(place, total, batches, allowed, *made, vectors, snapshots, int(head.get("begins", 0)))
        steps = [snapshot.step for snapshot in snapshots]
        if found.length < 1 or not 1 <= batches <= total or max(steps, default=0) > total:
            raise ValueError("its numbers make no sense")
        if steps != sorted(set(steps)) or min(steps, default=0) < 0:
            raise ValueError("its snapshots are out of order")
        whole = (place / STATES).stat().st_size // found.length
    if whole < len(snapshots) - 1 and not mend:
        raise TrainingError(f"{place / STATES} holds {whole} of {len(snapshots)} snapshots: copy the recording again")
    found.snapshots = snapshots[:whole]
    return found


def _line(content: dict[str, Any]) -> str:
    """A line of the index, with its checksum at its end."""
    text = json.dumps(content)
    return f'{text[:-1]}, "check": {zlib.crc32(text.encode())}}}\n'


def _read(line: str) -> dict[str, Any]:
    """What `_line` was given; raises ValueError where the line is damaged."""
    content = json.loads(line)
    before, check, _ = line.rpartition(', "check": ')
    if check and zlib.crc32(f"{before}}}".encode()) != content["check"]:
        raise ValueError("a line does not have its checksum")
    return dict(content)


def _whole_lines(path: Path) -> list[str]:
    """The lines that have an end."""
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def computed_here() -> str:
    """What has to be the same for the same bits, in words."""
    return f"{blas.describe()}, byhand on {threads.count()} threads"
