"""One target, tried with so many inputs in this process: `python -m tests.fuzz.one TARGET INPUTS SEED`; prints what came out.

With Atheris the inputs are guided: one that reaches new lines of byhand is kept, and changed further. Without it they are
changes of the seeds alone.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

try:
    import atheris
except ImportError:
    atheris = None  # type: ignore[assignment]

FOUND = Path(__file__).parent / "found"
STUCK = 90  # seconds for one input, until the process is ended
MOST_FOUND = 20  # different failures that are saved of one target


class Tally:
    """How many inputs were tried, and each different failure with the first input that showed it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tried = 0
        self.armed = 0.0  # when the process was last told to wait for the next input
        self.failures: dict[str, str] = {}

    def add(self, failure: str | None, content: bytes) -> None:
        self.tried += 1
        if failure is None:
            return
        kind = failure.rpartition(": '")[0] or failure
        if kind not in self.failures and len(self.failures) < MOST_FOUND:
            path = FOUND / f"{self.name}-{hashlib.sha256(content).hexdigest()[:12]}"
            FOUND.mkdir(exist_ok=True)
            path.write_bytes(content)
            self.failures[kind] = f"{failure} [{path.name}]"


def main(name: str, inputs: int, seed: int) -> None:
    if atheris is not None:
        with atheris.instrument_imports(include=["byhand", "zipfile", "csv", "tomllib"]):
            from tests.fuzz import targets as made
    else:
        from tests.fuzz import targets as made  # type: ignore[no-redef]
    from tests.fuzz.mutators import MOST
    from tests.fuzz.watching import failure, watched

    target, tally, began = made.targets()[name], Tally(name), time.monotonic()

    def report() -> None:
        found = {"target": name, "inputs": tally.tried, "seconds": time.monotonic() - began, "guided": atheris is not None}
        sys.stdout.write(json.dumps(found | {"failures": list(tally.failures.values())}) + "\n")
        sys.stdout.flush()
        Path(last.name).unlink()
        made.clear()

    last = (FOUND.parent / f"last-{name}").open("wb", buffering=0)

    def take(content: bytes) -> None:
        # What the alarm does not interrupt, as it hangs in C, ends the process; the input is in this file then.
        if time.monotonic() > tally.armed + 1:
            faulthandler.dump_traceback_later(STUCK, exit=True)
            tally.armed = time.monotonic()
        last.seek(0)
        last.truncate()
        last.write(content)
        tally.add(failure(target.run, content), content)

    with watched():
        for content in target.seeds:
            failure(target.run, content)  # caches are filled, kernels compiled
        if atheris is None:
            rng = random.Random(seed)
            while tally.tried < inputs:
                take(made.drawn(target, rng, target.seeds))
            report()
            return

        def guided(content: bytes) -> None:
            take(content)
            if tally.tried >= inputs:
                report()
                os._exit(0)  # libFuzzer would go on, or end by itself without a word

        def mutate(content: bytes, most: int, number: int) -> bytes:
            rng = random.Random(number)
            if rng.random() < 0.3:
                return atheris.Mutate(content, most)
            try:
                return target.mutate(content, rng)[:most]
            except Exception as error:  # ours alone: libFuzzer would wait for ever
                tally.failures["mutator"] = f"the mutator failed: {error!r}"
                return content

        with tempfile.TemporaryDirectory() as corpus:
            for i, content in enumerate(target.seeds):
                (Path(corpus) / str(i)).write_bytes(content)
            options = [f"-max_len={MOST}", f"-seed={seed}", "-rss_limit_mb=0", "-len_control=0", "-verbosity=0"]
            atheris.Setup([sys.argv[0], *options, corpus], guided, custom_mutator=mutate)
            atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
