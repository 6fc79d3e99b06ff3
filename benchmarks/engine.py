"""The engine beside PyTorch, in one run: convolutions, training steps of a CNN and of a U-Net, memory, the tape, the first step.

Every competitor lives in a process of its own (its threads and its memory are then its own) and is asked in turn, round after
round, while the others sleep, so that a machine whose speed drifts treats all alike. PyTorch comes as it is, channels-last and
compiled; what it does best counts. The best call of a round counts, then the median over the rounds; a ratio is the median of
the rounds' ratios, ours / theirs: below 1 is faster (or smaller) than PyTorch. Calls that had to share the cores with other
work on the machine do not count, unless there were no others.

With --threads 1 both compute with one thread, and processor time is measured instead: for a machine that is never quiet.

    python benchmarks/engine.py [conv cnn unet tape memory first] [--rounds 5] [--seconds 0.6] [--threads 1] [--no-compile]
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.metadata
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engine_jobs import OURS, STEPS, clock, jobs, threads

PARTS = ("conv", "cnn", "unet", "tape", "memory", "first")
WARM_UP = 3  # calls before the first round: compilers compile, pools fill
WINDOW = 0.3  # seconds in which calls are made before looking whether others were at work
QUIET = 0.05  # share of the cores that others may have while something is measured
PATIENCE = 8  # times as long as asked a competitor waits for a quiet moment

spawning = multiprocessing.get_context("spawn")


class Competitor:
    """A process that has a part's jobs ready and does them when asked."""

    def __init__(self, part: str, who: str) -> None:
        self.who = who
        self.pipe, theirs = spawning.Pipe()
        self.process = spawning.Process(target=serve, args=(theirs, part, who), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, *request: Any) -> Any:
        """Its answer; raises RuntimeError with its error in one line."""
        try:
            self.pipe.send(request)
            kind, answer = self.pipe.recv()
        except (EOFError, OSError):
            kind, answer = "error", "its process ended"
        if kind == "error":
            raise RuntimeError(f"{self.who}: {answer}")
        return answer

    def end(self) -> None:
        self.pipe.close()
        self.process.join(20)
        if self.process.is_alive():
            self.process.terminate()


def serve(pipe: Connection, part: str, who: str) -> None:
    """Answer ("names",), ("warm", name) and ("time", name, seconds) until the other end is closed."""
    found: dict[str, Any] = {}
    while True:
        try:
            what, *arguments = pipe.recv()
        except EOFError:
            return
        try:
            if what == "names":
                found = jobs(part, who)
                answer: Any = list(found)
            elif what == "warm":
                for _ in range(WARM_UP):
                    found[arguments[0]]()
                answer = None
            else:
                answer = best_call(found[arguments[0]], arguments[1])
            pipe.send(("ok", answer))
        except Exception as error:
            pipe.send(("error", " ".join(f"{type(error).__name__}: {error}".split())[:300]))


def best_call(job: Any, seconds: float) -> tuple[float, float]:
    """The shortest call, and what share of the cores others had meanwhile.

    Where others were at work, calls are made for longer, until this many seconds were quiet or patience ends; what was
    measured in quiet counts.
    """
    gc.collect()
    windows: list[tuple[float, float]] = []
    begin, quiet = time.perf_counter(), 0.0
    while quiet < seconds and time.perf_counter() - begin < PATIENCE * seconds:
        others, best = Others(), float("inf")
        while others.seconds() < min(WINDOW, seconds):
            now = clock()
            job()
            best = min(best, clock() - now)
        share = others.share()
        quiet += others.seconds() * (share < QUIET)
        windows.append((share, best))
    least = min(share for share, _ in windows)
    return min(best for share, best in windows if share <= max(least, QUIET)), least


class Others:
    """What everything but this process has of the machine's cores, from now on."""

    def __init__(self) -> None:
        self.begin, self.spent = time.perf_counter(), self._spent()

    def seconds(self) -> float:
        return time.perf_counter() - self.begin

    def share(self) -> float:
        """0 where processor time is measured, which others do not lengthen, or where the system does not tell."""
        return 0.0 if threads() == 1 else (self._spent() - self.spent) / (self.seconds() * (os.cpu_count() or 1))

    @staticmethod
    def _spent() -> float:
        stat = Path("/proc/stat")
        if not stat.is_file():
            return 0.0
        user, nice, system, _, _, irq, softirq, steal = map(int, stat.read_text(encoding="ascii").split(maxsplit=9)[1:9])
        own = os.times()
        return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK") - own.user - own.system


def variants(part: str, options: argparse.Namespace) -> list[str]:
    """How PyTorch is run in this part."""
    if part == "tape":
        return ["eager"]
    return ["eager", "channels-last"] if part == "conv" or options.no_compile else ["eager", "channels-last", "compiled"]


def paired(part: str, options: argparse.Namespace) -> None:
    """Print the table of one part."""
    whos = [OURS, *variants(part, options)]
    competitors, names = {}, []
    for who in whos:
        competitor = Competitor(part, who)
        try:
            names = competitor.ask("names")
            for name in names:
                competitor.ask("warm", name)
            competitors[who] = competitor
        except RuntimeError as error:
            print(f"({error})\n")
            competitor.end()
    seconds: dict[tuple[str, str], list[float]] = {}
    shares = []
    for name in names:
        for _ in range(options.rounds):
            for who, competitor in competitors.items():
                best, share = competitor.ask("time", name, options.seconds)
                seconds.setdefault((name, who), []).append(best)
                shares.append(share)
    for competitor in competitors.values():
        competitor.end()
    peers = [who for who in whos if who != OURS]
    heads = ["milliseconds", "byhand", "min - max", *(head for who in peers for head in (f"PyTorch {who}", "min - max"))]
    print(f"| {' | '.join(heads)} | ours / best |")
    print("|---" * (len(heads) + 1) + "|")
    for name in names:
        rows = {who: seconds[name, who] for who in whos if (name, who) in seconds}
        cells = [cell for who in whos for cell in (_median_and_spread(rows[who]) if who in rows else ("-", "-"))]
        print(f"| {name} | {' | '.join(cells)} | {_ratio(rows)} |")
    disturbed = sum(share > QUIET for share in shares)
    print(f"\n{options.rounds} rounds; others were at work in {disturbed} of {len(shares)} measurements.", flush=True)


def _median_and_spread(seconds: list[float]) -> tuple[str, str]:
    ms = sorted(1e3 * second for second in seconds)
    digits = 2 if ms[0] < 10 else 1 if ms[0] < 100 else 0
    return f"{statistics.median(ms):.{digits}f}", f"{ms[0]:.{digits}f} - {ms[-1]:.{digits}f}"


def _ratio(rows: dict[str, list[float]]) -> str:
    peers = [row for who, row in rows.items() if who != OURS]
    if OURS not in rows or not peers:
        return "-"
    best = min(peers, key=statistics.median)
    return f"{statistics.median(ours / theirs for ours, theirs in zip(rows[OURS], best, strict=True)):.2f}"


def fresh(function: Any, *arguments: Any) -> dict[str, float]:
    """What the function finds in a process of its own; {"error": ...} where it fails."""
    pipe, theirs = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_send, args=(theirs, function, arguments))
    process.start()
    theirs.close()
    try:
        return pipe.recv()
    except EOFError:
        return {"error": "its process ended"}
    finally:
        process.join()


def _send(pipe: Connection, function: Any, arguments: tuple[Any, ...]) -> None:
    try:
        pipe.send(function(*arguments))
    except Exception as error:
        pipe.send({"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]})


def peak(part: str, who: str) -> dict[str, float]:
    """Peak memory of a few training steps, here and now, in MB; and how many large blocks they still had to ask for."""
    if who == OURS:
        from byhand import blas

        blas.choose_kernels()
    for module in ("numba", "byhand.nn") if who == OURS else ("torch._dynamo",):
        importlib.import_module(module)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = jobs(part, who)[STEPS[part]]
    for _ in range(WARM_UP):
        step()
    blocks = {}
    if who == OURS:
        from byhand.memory import pool

        count = pool.fresh
        step()
        step()
        blocks = {"blocks": pool.fresh - count}
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"growth": (after - before) / 1024, "peak": after / 1024, **blocks}


def memory(options: argparse.Namespace) -> None:
    """Print peak memory, of each competitor in a fresh process."""
    print("| training step at batch 128 | who | growth after imports, MB | peak, MB | fresh blocks in 2 later steps |")
    print("|---|---|---|---|---|")
    for part, name in STEPS.items():
        growth = {}
        for who in (OURS, *variants(part, options)):
            found = fresh(peak, part, who)
            if "error" in found:
                print(f"| {name} | {who} | {found['error']} | | |")
                continue
            growth[who] = found["growth"]
            print(f"| {name} | {who} | {found['growth']:.0f} | {found['peak']:.0f} | {found.get('blocks', '')} |", flush=True)
        theirs = [value for who, value in growth.items() if who != OURS]
        if OURS in growth and theirs:
            print(f"| {name} | ours / best | {growth[OURS] / min(theirs):.2f} | | |")


def first_step(part: str, who: str) -> dict[str, float]:
    """Seconds of the first training step, and of the import and the building before it, here and now."""
    begin = time.perf_counter()
    step = jobs(part, who)[STEPS[part]]
    ready = time.perf_counter()
    step()
    return {"built": ready - begin, "step": time.perf_counter() - ready}


@contextmanager
def empty_caches() -> Iterator[None]:
    """Numba's and PyTorch's caches of compiled code in a new folder, for the processes started inside."""
    with tempfile.TemporaryDirectory() as folder:
        here = {"NUMBA_CACHE_DIR": f"{folder}/numba", "TORCHINDUCTOR_CACHE_DIR": f"{folder}/torch"}
        before = {name: os.environ.get(name) for name in here}
        os.environ |= here
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def first(options: argparse.Namespace) -> None:
    """Print seconds until the first training step is done: our cache of compiled code empty, then full; PyTorch's empty."""
    print("| seconds | import and build | first training step |")
    print("|---|---|---|")
    for part, name in STEPS.items():
        with empty_caches():
            rows = [(OURS, "byhand, nothing compiled yet"), (OURS, "byhand, from the second process on")]
            rows += [(who, f"PyTorch, {who}") for who in variants(part, options)]
            for who, words in rows:
                found = fresh(first_step, part, who)
                told = found.get("error") or f"{found['built']:.1f} | {found['step']:.2f}"
                print(f"| {name}: {words} | {told} |", flush=True)


def machine() -> str:
    """What this ran on, in words."""
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        model = next(
            (line.split(":")[1].strip() for line in info.read_text(encoding="utf-8").splitlines() if "model name" in line), model
        )
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "numba", "torch"))
    load = f", load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    return f"{time.strftime('%Y-%m-%d')}, {threads()} cores ({model}{load}), Python {platform.python_version()}, {versions}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="which ones (all)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.6, help="of a competitor in a round, at least")
    parser.add_argument("--threads", type=int, help="of each (all cores); with 1, processor time is measured")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out: it takes a minute or two a network")
    options = parser.parse_args()
    if options.threads:
        os.environ |= dict.fromkeys(("BYHAND_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(options.threads))
    print(f"`python benchmarks/engine.py {' '.join(sys.argv[1:])}`, {machine()}.\n", flush=True)
    for part in options.parts or PARTS:
        print(f"### {part}\n", flush=True)
        if part == "memory":
            memory(options)
        elif part == "first":
            first(options)
        else:
            paired(part, options)
        print(flush=True)


if __name__ == "__main__":
    main()
