"""Many clients at once, for a long time, while a training runs: does the server keep its memory, its descriptors, its training?

    python scripts/soak_server.py [--minutes 20] [--clients 200]

Starts `byhand play` on this computer, and a training in it. Each client does one thing after the other: looks at pages, watches
the training, reads too slowly, goes in the middle, asks for letters, uploads good and bad files, or sends what no browser sends.
Every two seconds the memory (RSS) and the open descriptors of the server and its training process are read from /proc, so it
needs Linux. It ends with status 1 where memory grows by more than a twentieth over the last two thirds of the time, where
descriptors, threads or processes are left once the clients have gone, where the training stood still, or where the server wrote
anything to its terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

PLAY = "import sys; from byhand.cli import main; sys.argv = ['byhand', 'play', '--no-browser', '--port', '0']; main()"
TRAINING = {"recipe": "mnist-nielsen-30", "epochs": 10_000}  # which lasts for hours
PAUSE = 4.0  # seconds between two things that a client does, in the mean
EVERY = 2.0  # seconds between two samples
GROWTH = 0.05  # of the memory over the last two thirds of the time, at most
State = tuple[float, int, int]
LEFT = 3  # descriptors or threads more than before the clients came, at most


class Server:
    """`byhand play` in a process of its own, as /proc shows it."""

    def __init__(self) -> None:
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, open as long as the server
        command = [sys.executable, "-c", PLAY]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        assert self.process.stdout
        self.address = next(word for word in self.process.stdout.readline().split() if word.startswith("http"))
        place = urlsplit(self.address)
        self.place, self.port, self.token = place.netloc, place.port or 80, place.query.removeprefix("token=")
        self.origin = f"http://{self.place}"

    def children(self) -> list[int]:
        found = []
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
        return found

    def close(self, quiet: int = 0) -> str:
        """What it wrote to its terminal, besides its address, and its errors from this place on."""
        self.process.terminate()
        output, _ = self.process.communicate(timeout=20)
        self.errors.seek(quiet)
        with self.errors:
            return (output + self.errors.read()).strip()

    def line(self) -> connect:
        address = f"ws://{self.place}/api/train?token={self.token}"
        return connect(address, origin=self.origin, proxy=None, max_size=None, close_timeout=2)  # type: ignore[arg-type]


def state_of(pid: int) -> State:
    """Memory in MB, descriptors and threads of a process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return int(status["VmRSS"].split()[0]) / 1024, len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"])


# ---------------------------------------------------------------- what clients do


async def request(server: Server, head: str, body: bytes = b"", *, read: int = -1) -> bytes:
    """Bytes of the answer to a request; read: so many of them, and then away."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body)
        await writer.drain()
        return await reader.read(read)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def asking(server: Server, path: str, *more: str, method: str = "GET") -> str:
    own = (f"Host: {server.place}", f"Authorization: token {server.token}", "Connection: close")
    return "\n".join([f"{method} {path} HTTP/1.1", *own, *more])


async def looks(server: Server, rng: random.Random) -> None:
    for name in rng.sample(["", "train.html", "draw.js", "style.css", "models.json", "mnist.safetensors", "none"], 3):
        await request(server, asking(server, f"/{name}"))


async def goes_in_the_middle(server: Server, rng: random.Random) -> None:
    await request(server, asking(server, "/mnist.safetensors"), read=rng.choice([0, 1, 5_000]))


async def watches(server: Server, rng: random.Random) -> None:
    async with server.line() as line:
        end = time.monotonic() + rng.uniform(0.2, 6)
        while time.monotonic() < end:
            await asyncio.wait_for(line.recv(), 10)
            if rng.random() < 0.02:
                await line.send(rng.choice(['{"do": "pace", "pace": null}', "nonsense", '{"do": "rate", "rate": 3.0}', "[]"]))


async def watches_and_breaks_off(server: Server, rng: random.Random) -> None:
    line = await server.line()
    try:
        await asyncio.wait_for(line.recv(), 10)
        await asyncio.sleep(rng.uniform(0, 3))
    finally:
        line.transport.abort()


async def reads_too_slowly(server: Server, rng: random.Random) -> None:
    line = await server.line()
    line.transport.pause_reading()
    try:
        await asyncio.sleep(rng.uniform(1, 8))
    finally:
        line.transport.abort()


async def shouts(server: Server, rng: random.Random) -> None:
    async with server.line() as line:
        for _ in range(60):
            await line.send("{}" if rng.random() < 0.99 else "x" * 20_000)


async def writes(server: Server, rng: random.Random) -> None:
    query = f"characters=ab&names=0.0,1.0&steps={rng.randint(1, 4)}&seed={rng.randint(0, 99)}"
    page = rng.choice(["1", "one", "two"])
    await request(server, asking(server, f"/api/draw?{query}", f"X-Byhand: {page}"), read=rng.choice([-1, 0, 1, 3_000]))


async def uploads(server: Server, rng: random.Random) -> None:
    content = rng.choice([b"1,2,a\n3,4,b\n" * 50, b"1,2\n3", b"\xff\xfe", b""])
    more = ("X-Byhand: 1", f"Origin: {server.origin}", f"Content-Length: {len(content)}")
    await request(server, asking(server, "/api/train/data?name=own.csv", *more, method="POST"), content)


async def asks_the_microscope(server: Server, rng: random.Random) -> None:
    asked = rng.choice(["/open", "/operation?look=1&k=0", "?at=x", "/nonsense"])
    await request(server, asking(server, f"/api/microscope{asked}"))


async def is_no_browser(server: Server, rng: random.Random) -> None:
    place = f"Host: {server.place}"
    head = rng.choice(
        [
            "\x00\xff nonsense",
            f"GET / HTTP/1.1\n{place}",  # without the token
            f"GET /?token=wrong HTTP/1.1\n{place}",
            "GET / HTTP/1.1\nHost: evil.example",
            f"GET / HTTP/1.1\n{place}\nOrigin: http://evil.example",
            f"POST / HTTP/1.1\n{place}\nContent-Length: 99999999",
            f"GET / HTTP/1.1\n{place}\nUpgrade: nonsense\nConnection: upgrade",
            f"GET /{'a' * 20_000} HTTP/1.1\n{place}",
        ]
    )
    await request(server, head)


async def never_comes_to_an_end(server: Server, rng: random.Random) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        for byte in b"GET / HTTP/1.1\r\nX: " + bytes(rng.randint(0, 12)):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.3)
        await reader.read()
    finally:
        writer.close()


DEEDS: list[tuple[int, Callable[[Server, random.Random], Awaitable[None]]]] = [
    (20, looks), (10, goes_in_the_middle), (20, watches), (10, watches_and_breaks_off), (5, reads_too_slowly), (2, shouts),
    (6, writes), (1, uploads), (1, asks_the_microscope), (20, is_no_browser), (5, never_comes_to_an_end),
]  # fmt: skip


async def client(server: Server, seed: int, done: Counter[str]) -> None:
    """One thing after the other, until it is cancelled."""
    rng = random.Random(seed)
    weights = [weight for weight, _ in DEEDS]
    while True:
        await asyncio.sleep(rng.expovariate(1 / PAUSE))
        (_, deed), *_ = rng.choices(DEEDS, weights)
        try:
            async with asyncio.timeout(60):
                await deed(server, rng)
            done[deed.__name__] += 1
        except (OSError, WebSocketException, TimeoutError, asyncio.IncompleteReadError) as error:
            done[f"{deed.__name__}: {type(error).__name__}"] += 1


# ---------------------------------------------------------------- the soak


class Watch:
    """A page that stays: it starts the training, and counts how far it has come."""

    def __init__(self, line: ClientConnection) -> None:
        self.line, self.step, self.state = line, 0, ""

    async def start(self) -> None:
        await self.line.send(json.dumps({"do": "start", "settings": TRAINING}))

    async def listen(self) -> None:
        async for text in self.line:
            moment = json.loads(text).get("moment", {})
            self.step, self.state = moment.get("step") or self.step, moment.get("state") or self.state


async def soak(seconds: float, clients: int, say: Callable[[str], None] = print, rest: float = 15.0) -> list[str]:
    """What is wrong, in lines; none where all is well. rest: seconds from the end of the clients to the count of what is left."""
    server = await asyncio.to_thread(Server)
    done: Counter[str] = Counter()
    samples: list[tuple[float, ...]] = []
    waits: list[float] = []
    async with server.line() as line:
        watch = Watch(line)
        listening = asyncio.create_task(watch.listen())
        await watch.start()
        while watch.step < 100:
            await asyncio.sleep(0.1)
        for deed in (looks, writes, uploads):  # so that everything is there that is made once
            await deed(server, random.Random(0))
        (trainer,) = server.children()
        quiet = server.errors.seek(0, os.SEEK_END)  # before, it may have told of kernels that it compiles
        pids = {"server": server.process.pid, "training": trainer}
        before = {name: state_of(pid) for name, pid in pids.items()}
        crowd = [asyncio.create_task(client(server, seed, done)) for seed in range(clients)]
        began, first = time.monotonic(), watch.step
        still = 0
        while (now := time.monotonic() - began) < seconds:
            step, asked = watch.step, time.monotonic()
            await request(server, asking(server, "/draw.js"))
            waits.append(time.monotonic() - asked)
            samples.append((now, *(x for pid in pids.values() for x in state_of(pid)[:2])))
            await asyncio.sleep(EVERY)
            still = 0 if watch.step > step else still + 1
            if still * EVERY > 30:
                break
            if len(samples) % 30 == 0:
                say(f"{now:5.0f} s: MB and descriptors {samples[-1][1:]}, step {watch.step:,}, {sum(done.values()):,} deeds")
        going = set(crowd)
        while going:  # again and again: before Python 3.12, a cancellation may be lost in wait_for
            for one in going:
                one.cancel()
            _, going = await asyncio.wait(going, timeout=5)
        await asyncio.sleep(rest)
        for _ in range(60):  # an upload that nobody waits for is still looked at
            if server.children() != [trainer]:
                await asyncio.sleep(1)
        after = {name: state_of(pid) for name, pid in pids.items()}
        left = server.children()
        listening.cancel()
    wrong = [*judged(np.array(samples), list(pids), say), *compared(before, after, say)]
    if left != [trainer]:
        wrong.append(f"processes {left} are there, but the training's {trainer} alone should be")
    if still * EVERY > 30 or watch.state != "running":
        wrong.append(f"the training stood still at step {watch.step:,} ({watch.state})")
    output = await asyncio.to_thread(server.close, quiet)
    if output:
        wrong.append(f"the server wrote: {output[:300]}")
    say(f"steps {first:,} to {watch.step:,}; an answer took {np.median(waits):.3f} s (median), {max(waits):.2f} s (longest)")
    say("deeds: " + ", ".join(f"{name} {count:,}" for name, count in sorted(done.items())))
    return wrong


def judged(samples: np.ndarray, names: list[str], say: Callable[[str], None]) -> list[str]:
    """The slopes of memory over the last two thirds of the time."""
    wrong = []
    late = samples[len(samples) // 3 :]
    for k, name in enumerate(names):
        memory, descriptors = late[:, 1 + 2 * k], late[:, 2 + 2 * k]
        slope = np.polyfit(late[:, 0], memory, 1)[0] if len(late) > 2 else 0.0
        grown = slope * (late[-1, 0] - late[0, 0])
        say(
            f"{name}: {memory.mean():.1f} MB (from {memory.min():.1f} to {memory.max():.1f}), "
            f"slope {60 * slope:+.4f} MB per minute, {grown:+.2f} MB in all; "
            f"descriptors {descriptors.mean():.0f} (at most {descriptors.max():.0f})"
        )
        if grown > GROWTH * memory.mean():
            wrong.append(f"the memory of the {name} grows by {60 * slope:.2f} MB per minute")
    return wrong


def compared(before: dict[str, State], after: dict[str, State], say: Callable[[str], None]) -> list[str]:
    """Descriptors and threads with the clients gone, beside those before they came."""
    wrong = []
    for name, (_, descriptors, threads) in before.items():
        _, now_descriptors, now_threads = after[name]
        say(f"{name}: descriptors {descriptors} before, {now_descriptors} after; threads {threads} before, {now_threads} after")
        if now_descriptors > descriptors + LEFT or now_threads > threads + LEFT:
            wrong.append(f"descriptors or threads of the {name} are left: {now_descriptors} and {now_threads}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=200)
    given = parser.parse_args()
    wrong = asyncio.run(soak(60 * given.minutes, given.clients, lambda text: print(text, flush=True)))
    print("\n".join(wrong) or "all is well")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
