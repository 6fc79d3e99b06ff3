"""Kill trainings at random moments, resume them, and hold what comes out against trainings that nobody disturbed.

    python scripts/kill_trainings.py --kills 300

starts `byhand train` for four kinds of network, with and without `--record`, and ends each process by one of

    SIGKILL, SIGTERM    at a random moment, from the start of Python to the last picture
    die in a write      SIGKILL of itself at a random `fsync` or `rename`, before or after it
    full disk           a random `fsync`, `rename` or write of a file says that there is no space left
    full tmpfs          a real disk of a few megabytes, filled up at a random moment (needs root; else left out)

then looks whether every file that has its name is whole, resumes with `--resume`, and goes on until the training is finished. In
the end the model, the checkpoint, the history and the recording must be those of the undisturbed training to the bit, and no
other file may be left. Files are written only after an epoch, so the trainings are short and have many.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from byhand.data import load
from byhand.errors import ByhandError
from byhand.tensorfile import read_tensors
from byhand.training.history import read_history
from byhand.training.recording_files import has_recording, read_recording
from byhand.training.run import read_recipe

KINDS = {
    "by hand": ["moons", "--epochs", "20", "--set", "dropout=0.2"],
    "modules": ["mnist-cnn", "--epochs", "4", "--set", "data={data}", "--set", "data_options={{}}"],
    "vae": ["mnist-vae", "--epochs", "15", "--hidden", "32", "--set", "data={data}", "--set", "data_options={{}}"],
    "diffusion": ["moons-diffusion", "--epochs", "8", "--batch-size", "64", "--set", 'data_options={{"n": 600}}'],
}
WAYS = ("SIGKILL", "SIGTERM", "die in a write", "full disk", "full tmpfs")
FAULTS = ("corrupt", "unequal", "leftovers", "wrong")
DISK = 24  # megabytes of the real disk
PATIENCE = 120  # seconds that a training may take

# Stands between Python and byhand, and meddles with its n-th call of a function that writes.
MEDDLER = """
import builtins, errno, os, pathlib, signal, sys
how, name, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
sys.argv = ["byhand", *sys.argv[4:]]
calls = 0

def meddled(real):
    def call(*args, **kwargs):
        global calls
        calls += 1
        if calls == at:
            if how == "full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if how == "after":
                real(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    return call

if name == "open":
    real = pathlib.Path.open
    meddled_open = meddled(real)
    pathlib.Path.open = lambda self, mode="r", *rest, **more: (
        meddled_open if mode.startswith("a") else real)(self, mode, *rest, **more)
else:
    setattr(os, name, meddled(getattr(os, name)))
from byhand.cli import main
main()
"""


@dataclass
class Tally:
    """What was done, and what was found."""

    ways: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    finished: int = 0
    corrupt: list[str] = field(default_factory=list)
    unequal: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # tracebacks, and ends that nobody can understand

    @property
    def kills(self) -> int:
        """How many processes were ended before their time."""
        return sum(self.ways.values())


def byhand(words: list[str], meddling: list[str] | None = None) -> subprocess.Popen[str]:
    """`byhand` with these words, as a process of its own."""
    program = ["-c", MEDDLER, *meddling] if meddling else ["-m", "byhand.cli"]
    return subprocess.Popen(
        [sys.executable, *program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def disturbed(words: list[str], way: str, folder: Path, seconds: float, dice: random.Random) -> tuple[int, str]:
    """A training that is ended in some way within so many seconds, "" for none: its status, and what it said last."""
    meddling = None
    if way == "die in a write":
        meddling = [dice.choice(["before", "after"]), dice.choice(["fsync", "replace"]), str(dice.randint(1, 60))]
    elif way == "full disk":
        meddling = ["full", dice.choice(["fsync", "replace", "open"]), str(dice.randint(1, 60))]
    process = byhand(words, meddling)
    ballast = folder / "ballast"
    if way and meddling is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(dice.uniform(0, seconds))
        if process.poll() is None:
            if way == "full tmpfs":
                fill(ballast)
            else:
                process.send_signal(getattr(signal, way))
    try:
        _, said = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return 0, "Traceback: it hangs"
    ballast.unlink(missing_ok=True)
    return process.returncode, said.strip().rpartition("\n")[2] if "Traceback" not in said else said


def fill(ballast: Path) -> None:
    """Take all room of the disk that there is."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


def state(folder: Path) -> dict[str, Any]:
    """Everything in a run's folder that must be the same bits; raises ByhandError for what is not whole."""
    found: dict[str, Any] = {"recipe": read_recipe(folder)}
    for name in ("model", "checkpoint"):
        path = folder / f"{name}.safetensors"
        if path.exists():
            tensors, strings = read_tensors(path)
            found[name] = {key: (array.dtype.str, array.tobytes()) for key, array in tensors.items()}, strings
    if (folder / "history.jsonl").exists():
        rows = read_history(folder / "history.jsonl").epochs
        found["history"] = [dataclasses.replace(row, seconds=0.0) for row in rows]
    if has_recording(folder):
        recording = read_recording(folder)
        found["costs"] = recording.costs().tobytes() if (recording.folder / "costs.f32").exists() else b""
        found["snapshots"] = [
            (one.step, {name: array.tobytes() for name, array in recording.state(number)[0].items()})
            for number, one in enumerate(recording.snapshots)
        ]
    return found


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def understood(way: str, status: int, said: str) -> bool:
    """Whether a training ended as it should, in one line."""
    if "Traceback" in said or "Error" in said:
        return False
    if status == 0:  # it was finished before its time came
        return True
    if way == "SIGTERM":  # before byhand listens, Python ends as it does
        return status == -signal.SIGTERM or (status == 128 + signal.SIGTERM and said.startswith("byhand: stopped by SIGTERM"))
    if way in ("SIGKILL", "die in a write"):
        return status == -signal.SIGKILL
    return status == 1 and said.startswith("byhand: cannot ")


@dataclass
class Trial:
    """One kind of training, and what comes out where nobody disturbs it: seconds, files and all they hold."""

    what: str
    words: list[str]
    folder: Path
    seconds: float
    wanted: dict[str, Any]
    names: set[str]


def undisturbed(kind: str, record: bool, place: Path, data: Path) -> Trial:
    """The training in peace."""
    words = ["train", *(word.format(data=data) for word in KINDS[kind]), *(["--record"] if record else [])]
    what, whole = f"{kind}{', recorded' if record else ''}", place / "whole"
    begin = time.monotonic()
    status, said = disturbed([*words, "--out", str(whole)], "", place, 0.0, random.Random())
    seconds = time.monotonic() - begin
    if status:
        raise SystemExit(f"{what}: the undisturbed training failed: {said}")
    found = Trial(what, words, place / "killed", seconds, state(whole), files(whole))
    shutil.rmtree(whole)
    return found


def chain(trial: Trial, left: int, ways: list[str], dice: random.Random, tally: Tally) -> int:
    """One training from its beginning to its end, killed on its way at most `left` times; returns how many kills are left."""
    folder = trial.folder
    while True:
        way = dice.choice(ways) if left else ""
        status, said = disturbed([*trial.words, "--out", str(folder), "--resume"], way, folder.parent, trial.seconds, dice)
        where = f"{trial.what}, {way or 'left alone'}"
        if not understood(way, status, said):
            tally.wrong.append(f"{where}: status {status}, {said}")
        try:
            now = state(folder)
        except (ByhandError, OSError) as error:
            tally.corrupt.append(f"{where}: {error}")
            break
        if status == 0:
            tally.finished += 1
            tally.unequal += [f"{where}: {key}" for key in trial.wanted if now.get(key) != trial.wanted[key]]
            tally.leftovers += [f"{where}: {name}" for name in sorted(files(folder) ^ trial.names)]
            break
        if not way:
            break
        left -= 1
        tally.ways[way] += 1
        tally.ends[f"{way}: {status}"] += 1
    shutil.rmtree(folder, ignore_errors=True)
    return left


def small_digits(path: Path, n: int = 160) -> None:
    """A few of the bundled digits as somebody's own data."""
    train = load("mnist").train.take(np.arange(n))
    np.savez(path, x=np.asarray(train.inputs)[..., 0], y=train.labels)


@contextlib.contextmanager
def small_disk(folder: Path) -> Any:
    """A real disk of a few megabytes where we may mount one; None elsewhere."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    try:
        yield folder if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300, help="processes to end before their time, over all kinds together")
    parser.add_argument("--seed", type=int, default=1, help="of the moments and the ways")
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this kind; may be given again")
    given = parser.parse_args()
    dice, tally = random.Random(given.seed), Tally()
    cases = [(kind, record) for kind in given.kind or KINDS for record in (False, True)]
    with tempfile.TemporaryDirectory() as name, small_disk(Path(name) / "small") as small:
        data = Path(name) / "digits.npz"
        small_digits(data)
        ways = [way for way in WAYS if small or way != "full tmpfs"]
        for number, (kind, record) in enumerate(cases):
            left = given.kills * (number + 1) // len(cases) - given.kills * number // len(cases)
            trial = undisturbed(kind, record, small or Path(name), data)
            print(f"{trial.what}: {trial.seconds:.1f} s in peace, {left} kills", flush=True)
            while left:
                left = chain(trial, left, ways, dice, tally)
    print(f"{tally.kills} kills: " + ", ".join(f"{n} {way}" for way, n in sorted(tally.ways.items())))
    print("they ended with " + ", ".join(f"{how} ({n})" for how, n in sorted(tally.ends.items())))
    print(f"{tally.finished} trainings came to their end and were compared")
    for what in FAULTS:
        found = getattr(tally, what)
        print(f"{len(found)} {what}", *found[:10], sep="\n    ")
    sys.exit(1 if any(getattr(tally, what) for what in FAULTS) else 0)


if __name__ == "__main__":
    main()
