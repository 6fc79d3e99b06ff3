"""One input tried on one target, and what may not happen: another exception, more than 5 seconds, more than a gigabyte."""

from __future__ import annotations

import contextlib
import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from byhand.errors import ByhandError

SECONDS, MEMORY = 5.0, 1 << 30
WAITED = 45.0  # seconds by the clock, of which the processor may have been others'

Run = Callable[[bytes], None]


class Hang(BaseException):
    """The time is over; no `except Exception` may take it for something else."""


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Inside, this process may take a gigabyte more than it has, and an alarm interrupts what takes too long."""

    def alarm(number: int, frame: FrameType | None) -> None:
        # On a machine that others use too, a pause is nobody's fault: what counts is the processor's time, or a long wait.
        if time.process_time() - _began.processor >= SECONDS or time.monotonic() - _began.clock >= WAITED:
            raise Hang
        signal.setitimer(signal.ITIMER_REAL, SECONDS)

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, alarm)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGALRM, before)


@dataclass
class _Began:
    """When the input under way was begun, by the processor's time and by the clock."""

    processor: float = 0.0
    clock: float = 0.0


_began = _Began()


def failure(run: Run, content: bytes) -> str | None:
    """What went wrong with this input, in words; None where nothing did. To be called inside `watched`."""
    _began.processor, _began.clock = time.process_time(), time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        run(content)
    except ByhandError as error:
        if _out_of_memory(error):
            return f"memory: {_place(error)}"
        if "\n" in str(error):
            return f"more than a line: {_place(error)}"
    except Hang as error:
        return f"hang: {_place(error)}"
    except Exception as error:
        return f"{type(error).__name__}: {_place(error)}: {str(error)[:100]!r}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    took = time.process_time() - _began.processor
    return f"hang: {took:.1f} s" if took > SECONDS else None


def _out_of_memory(error: BaseException | None) -> bool:
    """Whether a reader only told in a line that it had asked for more memory than there was: then it had asked."""
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == 12):
            return True
        error = error.__cause__ or error.__context__
    return False


def _place(error: BaseException) -> str:
    """The last line of byhand's own that it went through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "byhand" in frame.filename]
    last = frames[-1] if frames else None
    return f"{Path(last.filename).name}:{last.name}:{last.lineno}" if last else "outside of byhand"
